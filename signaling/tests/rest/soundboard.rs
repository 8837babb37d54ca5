//! The soundboard of a guild from outside: sounds made, shown, played, changed and deleted.

use crate::support::Answer;
use crate::support::Person;
use crate::support::Place;
use crate::support::hall::Hall;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::json;
use signaling::voice::VoiceRequest;
use state::GuildEvent;

/// So many frames of silence in MP3: 128 kbit/s at 48 kHz, 24 ms each.
fn mp3(frames: usize) -> Vec<u8> {
    [&[0xff, 0xfb, 0x94, 0][..], &[0; 380]].concat().repeat(frames)
}

fn path(hall: &Hall) -> String {
    format!("/guilds/{}/soundboard-sounds", hall.place.guild)
}

async fn make(hall: &Hall, who: &Person, bytes: &[u8], more: Value) -> Answer {
    let sound = format!("data:audio/mp3;base64,{}", STANDARD.encode(bytes));
    let mut body = json!({ "name": "quack", "sound": sound });
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    hall.ask(who, "POST", &path(hall), body).await
}

async fn enter(hall: &Hall, who: &Person, place: &Place, deaf: bool) {
    let request = VoiceRequest {
        user: who.id.parse().unwrap(),
        session: who.id.clone(),
        guild: Some(place.guild.parse().unwrap()),
        channel: Some(place.voice.parse().unwrap()),
        self_mute: false,
        self_deaf: deaf,
        self_video: false,
        host: "hall.test".to_owned(),
    };
    hall.api.parts.calls.request(request).await.unwrap();
}

async fn play(hall: &Hall, who: &Person, place: &Place, body: Value) -> Answer {
    hall.ask(who, "POST", &format!("/channels/{}/send-soundboard-sound", place.voice), body).await
}

#[tokio::test]
async fn a_sound_is_made_shown_changed_and_deleted() {
    let hall = Hall::open().await;
    let mut ears = hall.ears(&hall.bot).await;
    let more = json!({ "volume": 0.5, "emoji_name": "🦆" });
    let made = make(&hall, &hall.ana, &[mp3(10), b"TAG".to_vec()].concat(), more).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!((&made.body["volume"], &made.body["emoji_name"]), (&json!(0.5), &json!("🦆")));
    assert_eq!(made.body["user"]["username"], "ana");
    let name = |event: &GuildEvent| match event {
        GuildEvent::SoundCreated(sound) | GuildEvent::SoundChanged(sound) => {
            Some(sound.name.clone())
        }
        _ => None,
    };
    assert_eq!(ears.guild(name).await, "quack");

    let id = made.body["sound_id"].as_str().unwrap();
    let file = format!("/soundboard-sounds/{id}");
    let (status, headers, bytes) = hall.api.ask_outside("GET", &file).send_for_bytes().await;
    assert_eq!((status.as_u16(), &bytes[..]), (200, &mp3(10)[..]));
    assert_eq!(headers["content-type"], "audio/mpeg");
    let one = format!("{}/{id}", path(&hall));
    let listed = hall.get(&hall.ana, &path(&hall)).await;
    assert_eq!(listed.body, json!({ "items": [made.body] }));
    assert!(hall.get(&hall.ben, &one).await.body.get("user").is_none());

    let body = json!({ "name": "honk", "volume": null, "emoji_name": null });
    hall.ask(&hall.ben, "PATCH", &one, body.clone()).await.refuses(403, 50_013);
    let changed = hall.ask(&hall.ana, "PATCH", &one, body).await;
    assert_eq!((&changed.body["name"], &changed.body["volume"]), (&json!("honk"), &json!(1.0)));
    assert_eq!(changed.body["emoji_name"], Value::Null);
    assert_eq!(ears.guild(name).await, "honk");
    hall.ask(&hall.ben, "DELETE", &one, Value::Null).await.refuses(403, 50_013);
    assert_eq!(hall.ask(&hall.ana, "DELETE", &one, Value::Null).await.status, 204);
    ears.guild(|event| matches!(event, GuildEvent::SoundDeleted(_)).then_some(())).await;
    hall.get(&hall.ana, &one).await.refuses(404, 10_097);
    assert_eq!(hall.api.ask_outside("GET", &file).send_for_bytes().await.0, 404);

    let log = hall.get(&hall.ana, &format!("/guilds/{}/audit-logs", hall.place.guild)).await;
    let entries = log.body["audit_log_entries"].as_array().unwrap();
    let numbers: Vec<_> = entries.iter().map(|entry| entry["action_type"].clone()).collect();
    assert_eq!(numbers, [132, 131, 130]);
}

#[tokio::test]
async fn what_is_no_sound_is_refused() {
    let hall = Hall::open().await;
    let none = json!({});
    make(&hall, &hall.ben, &mp3(1), none.clone()).await.refuses(403, 50_013);
    for (bytes, more, field, code) in [
        (b"<svg/>".to_vec(), none.clone(), "sound", "BASE_TYPE_BAD_VALUE"),
        // 217 frames last 5.208 seconds.
        (mp3(217), none.clone(), "sound", "BASE_TYPE_BAD_VALUE"),
        (vec![0; 512 * 1_024 + 1], none.clone(), "sound", "BINARY_TYPE_MAX_SIZE"),
        (mp3(1), json!({ "name": "q" }), "name", "BASE_TYPE_BAD_LENGTH"),
        (mp3(1), json!({ "volume": 1.5 }), "volume", "NUMBER_TYPE_RANGE"),
    ] {
        make(&hall, &hall.ana, &bytes, more).await.refuses_field(field, code);
    }
    make(&hall, &hall.ana, &mp3(1), json!({ "emoji_id": "7" })).await.refuses(404, 10_014);
    assert_eq!(make(&hall, &hall.ana, &mp3(216), none).await.status, 201);
    assert_eq!(hall.get(&hall.ana, "/soundboard-default-sounds").await.body, json!([]));
}

#[tokio::test]
async fn a_sound_is_played_by_whoever_is_there_and_not_deaf() {
    let hall = Hall::open().await;
    let made = make(&hall, &hall.ana, &mp3(10), json!({})).await;
    let sound = json!({ "sound_id": made.body["sound_id"] });
    let mut ears = hall.ears(&hall.bot).await;

    play(&hall, &hall.ben, &hall.place, sound.clone()).await.refuses(400, 40_032);
    enter(&hall, &hall.ben, &hall.place, true).await;
    play(&hall, &hall.ben, &hall.place, sound.clone()).await.refuses(403, 50_013);
    enter(&hall, &hall.ben, &hall.place, false).await;
    play(&hall, &hall.ben, &hall.place, json!({ "sound_id": "7" })).await.refuses(404, 10_097);
    assert_eq!(play(&hall, &hall.ben, &hall.place, sound.clone()).await.status, 204);

    let played = ears.guild(|event| match event {
        GuildEvent::SoundPlayed(played) => Some(played.clone()),
        _ => None,
    });
    let played = played.await;
    assert_eq!((played.user.to_string(), &played.sound.name[..]), (hall.ben.id.clone(), "quack"));
    let mute = format!("/guilds/{}/members/{}", hall.place.guild, hall.ben.id);
    hall.ask(&hall.ana, "PATCH", &mute, json!({ "mute": true })).await;
    play(&hall, &hall.ben, &hall.place, sound).await.refuses(403, 50_013);
}

#[tokio::test]
async fn a_sound_of_another_guild_needs_its_permission() {
    let hall = Hall::open().await;
    let made = make(&hall, &hall.ana, &mp3(10), json!({})).await;
    let other = hall.api.guild(&hall.ben, "Other").await;
    hall.api.join(&hall.ben, &other, &hall.ana).await;
    enter(&hall, &hall.ana, &other, false).await;
    let id = made.body["sound_id"].clone();
    let sound = json!({ "sound_id": id, "source_guild_id": hall.place.guild });

    let here = json!({ "sound_id": id });
    play(&hall, &hall.ana, &other, here).await.refuses(404, 10_097);
    assert_eq!(play(&hall, &hall.ana, &other, sound.clone()).await.status, 204);
    let deny = format!("/channels/{}/permissions/{}", other.voice, hall.ana.id);
    let external = (1_u64 << 45).to_string();
    hall.ask(&hall.ben, "PUT", &deny, json!({ "type": 1, "deny": external })).await;
    play(&hall, &hall.ana, &other, sound).await.refuses(403, 50_013);
}

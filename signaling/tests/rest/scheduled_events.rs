//! Scheduled events from outside: planned, shown, begun, ended, by people and by the clock.

use std::sync::Arc;

use crate::support::Answer;
use crate::support::Person;
use crate::support::hall::Ears;
use crate::support::hall::Hall;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::calendar;
use model::limits;
use serde_json::Value;
use serde_json::json;
use signaling::upkeep;
use signaling::voice::VoiceRequest;
use state::GuildEvent;
use state::scheduled::ScheduledEventRecord;

/// A GIF of one pixel that stands still.
const GIF: &[u8] = b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0;";

fn all(hall: &Hall) -> String {
    format!("/guilds/{}/scheduled-events", hall.place.guild)
}

fn park() -> Value {
    json!({
        "name": "Picnic", "privacy_level": 2, "entity_type": 3,
        "entity_metadata": { "location": "The park" },
        "scheduled_start_time": "2100-01-01T12:00:00.000Z",
        "scheduled_end_time": "2100-01-01T15:00:00+01:00",
    })
}

fn talk(hall: &Hall) -> Value {
    json!({
        "name": "Talk", "privacy_level": 2, "entity_type": 2, "channel_id": hall.place.voice,
        "scheduled_start_time": "2100-01-01T12:00:00.000Z",
    })
}

fn with(mut body: Value, fields: Value) -> Value {
    for (field, value) in fields.as_object().unwrap() {
        body[field] = value.clone();
    }
    body
}

async fn plan(hall: &Hall, who: &Person, body: Value) -> Answer {
    hall.ask(who, "POST", &all(hall), body).await
}

async fn planned(hall: &Hall, body: Value) -> String {
    let made = plan(hall, &hall.ana, body).await;
    assert_eq!(made.status, 200, "{made:?}");
    format!("{}/{}", all(hall), made.body["id"].as_str().unwrap())
}

/// The next event that changes, begins or ends.
async fn changed(ears: &mut Ears) -> Arc<ScheduledEventRecord> {
    ears.guild(|event| match event {
        GuildEvent::EventChanged(event) => Some(event.clone()),
        _ => None,
    })
    .await
}

fn ms(text: &str) -> u64 {
    calendar::parse(text).unwrap()
}

async fn enter(hall: &Hall, who: &Person, channel: Option<&str>) {
    let request = VoiceRequest {
        user: who.id.parse().unwrap(),
        session: who.id.clone(),
        guild: Some(hall.place.guild.parse().unwrap()),
        channel: channel.map(|channel| channel.parse().unwrap()),
        self_mute: false,
        self_deaf: false,
        self_video: false,
        host: "hall.test".to_owned(),
    };
    hall.api.parts.calls.request(request).await.unwrap();
}

#[tokio::test]
async fn an_event_is_planned_shown_changed_and_deleted() {
    let hall = Hall::open().await;
    let mut ears = hall.ears(&hall.bot).await;
    let image = format!("data:image/gif;base64,{}", STANDARD.encode(GIF));
    let made = plan(&hall, &hall.ana, with(park(), json!({ "image": image }))).await;

    assert_eq!(made.status, 200, "{made:?}");
    assert_eq!(made.body["creator"]["username"], "ana");
    assert_eq!(made.body["scheduled_end_time"], "2100-01-01T14:00:00.000000+00:00");
    assert_eq!(made.body["entity_metadata"], json!({ "location": "The park" }));
    assert_eq!((&made.body["status"], &made.body["channel_id"]), (&json!(1), &Value::Null));
    let heard = ears.guild(|event| match event {
        GuildEvent::EventScheduled(event) => Some(event.name.clone()),
        _ => None,
    });
    assert_eq!(heard.await, "Picnic");
    let (id, hash) = (made.body["id"].as_str().unwrap(), made.body["image"].as_str().unwrap());
    let file = format!("/guild-events/{id}/{hash}.png");
    assert_eq!(hall.api.ask_outside("GET", &file).send_for_bytes().await.2, GIF);

    let one = format!("{}/{id}", all(&hall));
    let body = json!({ "name": "Feast", "image": null, "description": "Bring bread" });
    hall.ask(&hall.ben, "PATCH", &one, body.clone()).await.refuses(403, 50_013);
    let after = hall.ask(&hall.ana, "PATCH", &one, body).await;
    assert_eq!((&after.body["name"], &after.body["image"]), (&json!("Feast"), &Value::Null));
    assert_eq!(changed(&mut ears).await.description.as_deref(), Some("Bring bread"));
    assert_eq!(hall.api.ask_outside("GET", &file).send_for_bytes().await.0, 404);
    let listed = hall.get(&hall.ben, &format!("{}?with_user_count=true", all(&hall))).await;
    assert_eq!(
        (&listed.body[0]["name"], &listed.body[0]["user_count"]),
        (&json!("Feast"), &json!(0))
    );

    let moved =
        json!({ "entity_type": 2, "channel_id": hall.place.voice, "entity_metadata": null });
    let moved = hall.ask(&hall.ana, "PATCH", &one, moved).await;
    assert_eq!(moved.body["channel_id"], hall.place.voice, "{moved:?}");
    assert_eq!(moved.body["entity_metadata"], Value::Null);
    hall.ask(&hall.ben, "DELETE", &one, Value::Null).await.refuses(403, 50_013);
    assert_eq!(hall.ask(&hall.ana, "DELETE", &one, Value::Null).await.status, 204);
    ears.guild(|event| matches!(event, GuildEvent::EventRemoved(_)).then_some(())).await;
    hall.get(&hall.ana, &one).await.refuses(404, 10_070);

    let log = hall.get(&hall.ana, &format!("/guilds/{}/audit-logs", hall.place.guild)).await;
    let entries = log.body["audit_log_entries"].as_array().unwrap();
    let numbers: Vec<_> = entries.iter().map(|entry| entry["action_type"].clone()).collect();
    assert_eq!(numbers, [102, 101, 101, 100]);
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let hall = Hall::open().await;
    for (body, field, code) in [
        (json!({ "name": "" }), "name", "BASE_TYPE_BAD_LENGTH"),
        (json!({ "privacy_level": 1 }), "privacy_level", "BASE_TYPE_CHOICES"),
        (json!({ "entity_type": 4 }), "entity_type", "BASE_TYPE_CHOICES"),
        (json!({ "entity_metadata": null }), "entity_metadata.location", "BASE_TYPE_REQUIRED"),
        (json!({ "scheduled_end_time": null }), "scheduled_end_time", "BASE_TYPE_REQUIRED"),
        (
            json!({ "scheduled_end_time": "2100-01-01T12:00:00Z" }),
            "scheduled_end_time",
            "DATE_TYPE_MIN",
        ),
        (
            json!({ "scheduled_start_time": "2000-01-01T12:00:00Z" }),
            "scheduled_start_time",
            "GUILD_SCHEDULED_EVENT_SCHEDULE_PAST",
        ),
        (json!({ "scheduled_start_time": "noon" }), "scheduled_start_time", "BASE_TYPE_BAD_VALUE"),
        (json!({ "channel_id": hall.place.voice }), "channel_id", "BASE_TYPE_BAD_VALUE"),
        (json!({ "entity_type": 2 }), "channel_id", "BASE_TYPE_REQUIRED"),
        (
            json!({ "entity_type": 2, "channel_id": hall.place.text }),
            "channel_id",
            "BASE_TYPE_BAD_VALUE",
        ),
        (
            json!({ "entity_type": 1, "channel_id": hall.place.voice }),
            "channel_id",
            "BASE_TYPE_BAD_VALUE",
        ),
    ] {
        plan(&hall, &hall.ana, with(park(), body)).await.refuses_field(field, code);
    }
    plan(&hall, &hall.ben, park()).await.refuses(403, 50_013);
    assert_eq!(hall.get(&hall.ana, &all(&hall)).await.body, json!([]));
}

#[tokio::test]
async fn a_rule_is_read_and_shown_as_it_was_written() {
    let mut hall = Hall::open().await;
    let start = "2100-01-01T12:00:00.000000+00:00";
    for fields in [
        json!({ "frequency": 3, "by_weekday": [0, 1, 2, 3, 4] }),
        json!({ "frequency": 2, "interval": 2, "by_weekday": [2] }),
        json!({ "frequency": 1, "by_n_weekday": [{ "n": 4, "day": 2 }] }),
        json!({ "frequency": 0, "by_month": [7], "by_month_day": [24] }),
    ] {
        let rule = with(json!({ "start": start, "interval": 1 }), fields);
        let made = plan(&hall, &hall.ana, with(park(), json!({ "recurrence_rule": rule }))).await;
        let shown = &made.body["recurrence_rule"];
        for (field, value) in rule.as_object().unwrap() {
            assert_eq!(&shown[field], value, "{made:?}");
        }
        hall.api.forget_limits();
    }
    for (field, fields) in [
        ("by_weekday", json!({ "frequency": 3, "by_weekday": [0, 2] })),
        ("by_weekday", json!({ "frequency": 2, "by_weekday": [0, 2] })),
        ("interval", json!({ "frequency": 3, "interval": 2 })),
        ("by_n_weekday", json!({ "frequency": 1 })),
        ("by_month_day", json!({ "frequency": 0, "by_month": [2], "by_month_day": [30] })),
        ("count", json!({ "frequency": 3, "count": 5 })),
        ("frequency", json!({ "frequency": 4 })),
    ] {
        let rule = with(json!({ "start": start }), fields);
        let made = plan(&hall, &hall.ana, with(park(), json!({ "recurrence_rule": rule }))).await;
        made.refuses_field(&format!("recurrence_rule.{field}"), "BASE_TYPE_BAD_VALUE");
    }
}

#[tokio::test]
async fn people_who_want_to_come_are_counted_and_listed() {
    let hall = Hall::open().await;
    let one = planned(&hall, park()).await;
    let mut ears = hall.ears(&hall.bot).await;
    let me = format!("{one}/users/@me");
    hall.ask(&hall.ben, "DELETE", &me, Value::Null).await.refuses(404, 10_071);
    for person in [&hall.ben, &hall.ana, &hall.ben] {
        let put = hall.ask(person, "PUT", &me, Value::Null).await;
        assert_eq!((put.status.as_u16(), &put.body["user_id"]), (200, &json!(person.id)));
    }

    let interest = |event: &GuildEvent| match event {
        GuildEvent::EventInterest { user, added, .. } => Some((user.to_string(), *added)),
        _ => None,
    };
    assert_eq!(ears.guild(interest).await, (hall.ben.id.clone(), true));
    assert_eq!(ears.guild(interest).await, (hall.ana.id.clone(), true));
    let users = hall.get(&hall.ben, &format!("{one}/users?with_member=1&limit=1")).await;
    assert_eq!(users.body[0]["user"]["username"], "ana");
    assert_eq!(users.body[0]["member"]["user"]["username"], "ana");
    let next = format!("{one}/users?after={}", hall.ana.id);
    let next = hall.get(&hall.ben, &next).await;
    assert_eq!(next.body.as_array().unwrap().len(), 1);
    assert_eq!(next.body[0]["user"]["username"], "ben");
    assert!(next.body[0].get("member").is_none());
    let before = format!("{one}/users?before={}&after=1", hall.ben.id);
    assert_eq!(hall.get(&hall.ben, &before).await.body[0]["user"]["username"], "ana");
    let shown = hall.get(&hall.ben, &format!("{one}?with_user_count=true")).await;
    assert_eq!(shown.body["user_count"], 2);
    let counts = hall.get(&hall.ben, &format!("{one}/users/counts")).await;
    assert_eq!(counts.body["guild_scheduled_event_count"], 2);

    assert_eq!(hall.ask(&hall.ana, "DELETE", &me, Value::Null).await.status, 204);
    assert_eq!(ears.guild(interest).await, (hall.ana.id.clone(), false));
    let leave = format!("/users/@me/guilds/{}", hall.place.guild);
    assert_eq!(hall.ask(&hall.ben, "DELETE", &leave, Value::Null).await.status, 204);
    assert_eq!(ears.guild(interest).await, (hall.ben.id.clone(), false));
}

#[tokio::test]
async fn whoever_does_not_see_the_channel_knows_of_no_event() {
    let hall = Hall::open().await;
    let one = planned(&hall, talk(&hall)).await;
    assert_eq!(hall.get(&hall.ben, &all(&hall)).await.body.as_array().unwrap().len(), 1);
    let hide = format!("/channels/{}/permissions/{}", hall.place.voice, hall.place.guild);
    hall.ask(&hall.ana, "PUT", &hide, json!({ "type": 0, "deny": "1024" })).await;

    assert_eq!(hall.get(&hall.ben, &all(&hall)).await.body, json!([]));
    hall.get(&hall.ben, &one).await.refuses(404, 10_070);
    hall.ask(&hall.ben, "PUT", &format!("{one}/users/@me"), Value::Null).await.refuses(404, 10_070);
    let mut ears = hall.ears(&hall.ana).await;
    let channel = format!("/channels/{}", hall.place.voice);
    hall.ask(&hall.ana, "DELETE", &channel, Value::Null).await;
    ears.guild(|event| matches!(event, GuildEvent::EventRemoved(_)).then_some(())).await;
}

#[tokio::test]
async fn an_invite_shows_the_event_it_is_asked_for() {
    let hall = Hall::open().await;
    let one = planned(&hall, park()).await;
    let id = one.rsplit('/').next().unwrap();
    let invites = format!("/channels/{}/invites", hall.place.text);
    let invite = hall.ask(&hall.ana, "POST", &invites, json!({})).await;
    let code = invite.body["code"].as_str().unwrap();

    let shown = format!("/invites/{code}?guild_scheduled_event_id={id}");
    let shown = hall.nobody("GET", &shown, Value::Null).await;
    assert_eq!(shown.body["guild_scheduled_event"]["name"], "Picnic", "{shown:?}");
    let unknown = format!("/invites/{code}?guild_scheduled_event_id=77");
    let unknown = hall.nobody("GET", &unknown, Value::Null).await;
    assert!(unknown.status == 200 && unknown.body.get("guild_scheduled_event").is_none());
}

#[tokio::test]
async fn an_event_begins_and_ends_by_its_makers_wish_once() {
    let hall = Hall::open().await;
    let one = planned(&hall, talk(&hall)).await;
    let turn = |status: u8| hall.ask(&hall.ana, "PATCH", &one, json!({ "status": status }));

    turn(3).await.refuses_field("status", "BASE_TYPE_CHOICES");
    assert_eq!(turn(2).await.body["status"], 2);
    turn(4).await.refuses_field("status", "BASE_TYPE_CHOICES");
    assert_eq!(turn(3).await.body["status"], 3);
    turn(2).await.refuses(400, 180_000);
    assert_eq!(hall.get(&hall.ana, &all(&hall)).await.body, json!([]));
    assert_eq!(hall.get(&hall.ana, &one).await.body["status"], 3);
}

#[tokio::test]
async fn an_event_on_a_stage_opens_it() {
    let hall = Hall::open().await;
    let channels = format!("/guilds/{}/channels", hall.place.guild);
    let stage =
        hall.ask(&hall.ana, "POST", &channels, json!({ "name": "Stage", "type": 13 })).await;
    let stage = stage.body["id"].as_str().unwrap();
    let body = with(talk(&hall), json!({ "entity_type": 1, "channel_id": stage }));
    let one = planned(&hall, body.clone()).await;

    let begun = hall.ask(&hall.ana, "PATCH", &one, json!({ "status": 2 })).await;
    let open = format!("/stage-instances/{stage}");
    let opened = hall.get(&hall.ben, &open).await;
    assert_eq!(opened.body["topic"], "Talk", "{opened:?}");
    assert_eq!(opened.body["id"], begun.body["entity_id"]);
    assert_eq!(opened.body["guild_scheduled_event_id"], begun.body["id"]);

    hall.ask(&hall.ana, "DELETE", &open, Value::Null).await;
    let other = planned(&hall, body).await;
    let id = other.rsplit('/').next().unwrap();
    let by_stage = json!({ "channel_id": stage, "topic": "Boats", "guild_scheduled_event_id": id });
    let opened = hall.ask(&hall.ana, "POST", "/stage-instances", by_stage).await;
    let shown = hall.get(&hall.ana, &other).await;
    assert_eq!((&shown.body["status"], &shown.body["entity_id"]), (&json!(2), &opened.body["id"]));
}

#[tokio::test]
async fn outside_events_begin_and_end_by_the_clock() {
    let hall = Hall::open().await;
    let one = planned(&hall, park()).await;
    let mut ears = hall.ears(&hall.bot).await;
    let start = ms("2100-01-01T12:00:00Z");

    upkeep::round(&hall.api.parts, start - 1).await;
    assert_eq!(hall.get(&hall.ana, &one).await.body["status"], 1);
    upkeep::round(&hall.api.parts, start).await;
    assert_eq!(changed(&mut ears).await.status as u8, 2);
    upkeep::round(&hall.api.parts, start + 7_200_000 - 1).await;
    assert_eq!(hall.get(&hall.ana, &one).await.body["status"], 2);
    upkeep::round(&hall.api.parts, start + 7_200_000).await;
    assert_eq!(changed(&mut ears).await.status as u8, 3);

    let kept = u64::try_from(limits::EVENT_KEPT.as_millis()).unwrap();
    upkeep::round(&hall.api.parts, start + 7_200_000 + kept - 1).await;
    assert_eq!(hall.get(&hall.ana, &one).await.status, 200);
    upkeep::round(&hall.api.parts, start + 7_200_000 + kept).await;
    hall.get(&hall.ana, &one).await.refuses(404, 10_070);
}

#[tokio::test]
async fn an_event_comes_again_by_its_rule() {
    let hall = Hall::open().await;
    // The first of January 2100 is a Friday.
    let rule = json!({ "start": "2100-01-01T12:00:00Z", "frequency": 2, "by_weekday": [4] });
    let one = planned(&hall, with(park(), json!({ "recurrence_rule": rule }))).await;
    let start = ms("2100-01-01T12:00:00Z");

    upkeep::round(&hall.api.parts, start).await;
    upkeep::round(&hall.api.parts, start + 7_200_000).await;

    let next = hall.get(&hall.ana, &one).await.body;
    assert_eq!(next["status"], 1, "{next}");
    assert_eq!(next["scheduled_start_time"], "2100-01-08T12:00:00.000000+00:00");
    assert_eq!(next["scheduled_end_time"], "2100-01-08T14:00:00.000000+00:00");
    assert_eq!(hall.ask(&hall.ana, "PATCH", &one, json!({ "status": 4 })).await.body["status"], 4);
}

#[tokio::test]
async fn an_event_that_nobody_began_is_called_off_after_hours() {
    let hall = Hall::open().await;
    let one = planned(&hall, talk(&hall)).await;
    let late = u64::try_from(limits::EVENT_LATE.as_millis()).unwrap();
    let start = ms("2100-01-01T12:00:00Z");

    upkeep::round(&hall.api.parts, start + late - 1).await;
    assert_eq!(hall.get(&hall.ana, &one).await.body["status"], 1);
    upkeep::round(&hall.api.parts, start + late).await;
    assert_eq!(hall.get(&hall.ana, &one).await.body["status"], 4);
}

#[tokio::test]
async fn a_talk_ends_minutes_after_the_last_one_left() {
    let hall = Hall::open().await;
    let one = planned(&hall, talk(&hall)).await;
    hall.ask(&hall.ana, "PATCH", &one, json!({ "status": 2 })).await;
    let wait = u64::try_from(limits::EVENT_EMPTY.as_millis()).unwrap();
    let status = async || hall.get(&hall.ana, &one).await.body["status"].clone();
    let round = async |now_ms| upkeep::round(&hall.api.parts, now_ms).await;
    let now = ms("2100-01-01T12:00:00Z");

    round(now).await;
    enter(&hall, &hall.ben, Some(&hall.place.voice)).await;
    round(now + wait - 1).await;
    round(now + 10 * wait).await;
    assert_eq!(status().await, 2);
    enter(&hall, &hall.ben, None).await;
    round(now + 11 * wait).await;
    round(now + 12 * wait - 1).await;
    assert_eq!(status().await, 2);
    round(now + 12 * wait).await;
    assert_eq!(status().await, 3);
}

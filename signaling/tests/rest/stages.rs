//! Stages, as their moderators and listeners use them through REST.

use crate::support::Api;
use crate::support::Person;
use serde_json::Value;
use serde_json::json;
use signaling::upkeep;
use signaling::upkeep::Deserted;
use signaling::voice::VoiceRequest;

/// A guild of Ana's with Ben in it and a stage: its path, and that of its voice states.
struct Stage {
    channel: String,
    guild: String,
}

impl Stage {
    async fn new(api: &Api, ana: &Person, ben: &Person) -> Self {
        let place = api.guild(ana, "Hall").await;
        api.join(ana, &place, ben).await;
        let path = format!("/guilds/{}/channels", place.guild);
        let body = json!({ "name": "Stage", "type": 13 });
        let made = ana.ask(api, "POST", &path).json(&body).send().await;
        let channel = made.body["id"].as_str().unwrap().to_owned();
        Self { channel, guild: place.guild.to_string() }
    }

    async fn enter(&self, api: &Api, who: &Person) {
        let request = VoiceRequest {
            user: who.id.parse().unwrap(),
            session: who.id.clone(),
            guild: Some(self.guild.parse().unwrap()),
            channel: Some(self.channel.parse().unwrap()),
            self_mute: false,
            self_deaf: false,
            self_video: false,
            host: "hall.test".to_owned(),
        };
        api.parts.calls.request(request).await.unwrap();
    }

    fn state(&self, of: &str) -> String {
        format!("/guilds/{}/voice-states/{of}", self.guild)
    }

    async fn shows(&self, api: &Api, who: &Person) -> (Value, Value) {
        let shown = who.ask(api, "GET", &self.state("@me")).send().await;
        (shown.body["suppress"].clone(), shown.body["request_to_speak_timestamp"].clone())
    }
}

#[tokio::test]
async fn a_listener_raises_the_hand_is_called_up_and_steps_down() {
    let api = Api::new().await;
    let (ana, ben) = (api.register("ana").await, api.register("ben").await);
    let stage = Stage::new(&api, &ana, &ben).await;
    let mine = stage.state("@me");
    let up = json!({ "channel_id": stage.channel, "suppress": false });
    let outside = ben.ask(&api, "PATCH", &mine).json(&up).send().await;
    outside.refuses(404, 10_065);
    stage.enter(&api, &ana).await;
    stage.enter(&api, &ben).await;
    assert_eq!(stage.shows(&api, &ben).await, (json!(true), Value::Null));
    assert_eq!(stage.shows(&api, &ana).await.0, json!(false));

    ben.ask(&api, "PATCH", &mine).json(&up).send().await.refuses(403, 50_013);
    let past = json!({ "request_to_speak_timestamp": "2021-03-31T18:45:31.297561+00:00" });
    let past = ben.ask(&api, "PATCH", &mine).json(&past).send().await;
    past.refuses_field("request_to_speak_timestamp", "DATETIME_TYPE_PAST");
    let hand = json!({ "request_to_speak_timestamp": "2121-03-31T18:45:31.297561+00:00" });
    assert_eq!(ben.ask(&api, "PATCH", &mine).json(&hand).send().await.status, 204);
    assert!(stage.shows(&api, &ben).await.1.is_string());
    let down = json!({ "request_to_speak_timestamp": null });
    assert_eq!(ben.ask(&api, "PATCH", &mine).json(&down).send().await.status, 204);
    assert_eq!(stage.shows(&api, &ben).await.1, Value::Null);

    let his = stage.state(&ben.id);
    ben.ask(&api, "PATCH", &stage.state(&ana.id))
        .json(&json!({ "suppress": true }))
        .send()
        .await
        .refuses(403, 50_013);
    assert_eq!(ana.ask(&api, "PATCH", &his).json(&up).send().await.status, 204);
    let (suppressed, called) = stage.shows(&api, &ben).await;
    assert!(suppressed == json!(false) && called.is_string(), "{suppressed} {called}");
    let down = json!({ "suppress": true });
    assert_eq!(ben.ask(&api, "PATCH", &mine).json(&down).send().await.status, 204);
    assert_eq!(stage.shows(&api, &ben).await, (json!(true), Value::Null));
}

#[tokio::test]
async fn a_stage_is_opened_renamed_shown_and_closed() {
    let api = Api::new().await;
    let (ana, ben) = (api.register("ana").await, api.register("ben").await);
    let stage = Stage::new(&api, &ana, &ben).await;
    let one = format!("/stage-instances/{}", stage.channel);
    let body = json!({ "channel_id": stage.channel, "topic": "Boats", "privacy_level": 2 });

    ben.ask(&api, "POST", "/stage-instances").json(&body).send().await.refuses(403, 50_013);
    ana.ask(&api, "GET", &one).send().await.refuses(404, 10_067);
    let made = ana.ask(&api, "POST", "/stage-instances").json(&body).send().await;
    assert_eq!(made.status, 200, "{made:?}");
    assert_eq!(made.body["topic"], "Boats");
    assert_eq!(made.body["channel_id"], stage.channel);
    assert_eq!(made.body["guild_id"], stage.guild);
    assert_eq!(made.body["privacy_level"], 2);
    ana.ask(&api, "POST", "/stage-instances").json(&body).send().await.refuses(400, 150_006);
    let public = json!({ "channel_id": stage.channel, "topic": "Boats", "privacy_level": 1 });
    let public = ana.ask(&api, "POST", "/stage-instances").json(&public).send().await;
    public.refuses_field("privacy_level", "BASE_TYPE_CHOICES");

    let ships = json!({ "topic": "Ships" });
    ben.ask(&api, "PATCH", &one).json(&ships).send().await.refuses(403, 50_013);
    let changed = ana.ask(&api, "PATCH", &one).json(&ships).send().await;
    assert_eq!(changed.body["topic"], "Ships");
    let empty = ana.ask(&api, "PATCH", &one).json(&json!({ "topic": "" })).send().await;
    empty.refuses_field("topic", "BASE_TYPE_BAD_LENGTH");
    assert_eq!(ben.ask(&api, "GET", &one).send().await.body, changed.body);
    assert_eq!(ana.ask(&api, "DELETE", &one).send().await.status, 204);
    ana.ask(&api, "DELETE", &one).send().await.refuses(404, 10_067);
}

#[tokio::test]
async fn a_stage_without_a_speaker_ends_within_minutes_and_not_before() {
    let api = Api::new().await;
    let (ana, ben) = (api.register("ana").await, api.register("ben").await);
    let stage = Stage::new(&api, &ana, &ben).await;
    let one = format!("/stage-instances/{}", stage.channel);
    let body = json!({ "channel_id": stage.channel, "topic": "Boats" });
    assert_eq!(ana.ask(&api, "POST", "/stage-instances").json(&body).send().await.status, 200);
    let mut deserted = Deserted::default();
    let mut now_ms = api.parts.now_ms();
    let minute = 60_000;

    // Ana, who moderates, comes before it is over, and leaves; Ben only listens.
    upkeep::end_deserted(&api.parts, &mut deserted, now_ms).await;
    now_ms += 2 * minute;
    stage.enter(&api, &ana).await;
    stage.enter(&api, &ben).await;
    upkeep::end_deserted(&api.parts, &mut deserted, now_ms).await;
    now_ms += 60 * minute;
    upkeep::end_deserted(&api.parts, &mut deserted, now_ms).await;
    assert_eq!(ana.ask(&api, "GET", &one).send().await.status, 200, "somebody speaks");

    let down = json!({ "suppress": true });
    assert_eq!(ana.ask(&api, "PATCH", &stage.state("@me")).json(&down).send().await.status, 204);
    upkeep::end_deserted(&api.parts, &mut deserted, now_ms).await;
    upkeep::end_deserted(&api.parts, &mut deserted, now_ms + 3 * minute - 1).await;
    assert_eq!(ana.ask(&api, "GET", &one).send().await.status, 200, "it may go on");
    upkeep::end_deserted(&api.parts, &mut deserted, now_ms + 3 * minute).await;
    ana.ask(&api, "GET", &one).send().await.refuses(404, 10_067);
    assert_eq!(stage.shows(&api, &ben).await.0, json!(true), "its people stay");
}

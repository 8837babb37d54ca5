//! Single occurrences of an event that are called off or are at another time.

use crate::support::hall::Hall;
use model::calendar;
use model::gateway::DispatchName;
use model::snowflake;
use serde_json::Value;
use serde_json::json;
use signaling::gateway::dispatch_name;
use signaling::upkeep;
use state::GuildEvent;
use state::event::Excepted;

/// An event of two hours, each Friday from the first of January 2100 on.
async fn weekly(hall: &Hall) -> String {
    let body = json!({
        "name": "Picnic", "privacy_level": 2, "entity_type": 3,
        "entity_metadata": { "location": "The park" },
        "scheduled_start_time": "2100-01-01T12:00:00Z",
        "scheduled_end_time": "2100-01-01T14:00:00Z",
        "recurrence_rule": { "start": "2100-01-01T12:00:00Z", "frequency": 2, "by_weekday": [4] },
    });
    let all = format!("/guilds/{}/scheduled-events", hall.place.guild);
    let made = hall.ask(&hall.ana, "POST", &all, body).await;
    assert_eq!(made.status, 200, "{made:?}");
    format!("{all}/{}", made.body["id"].as_str().unwrap())
}

fn ms(text: &str) -> u64 {
    calendar::parse(text).unwrap()
}

async fn round(hall: &Hall, at: &str) {
    upkeep::round(&hall.api.parts, ms(at)).await;
}

async fn shown(hall: &Hall, one: &str) -> Value {
    hall.get(&hall.ana, one).await.body
}

const SECOND: &str = "2100-01-08T12:00:00Z";

#[tokio::test]
async fn an_occurrence_that_is_called_off_is_passed_over() {
    let hall = Hall::open().await;
    let one = weekly(&hall).await;
    let all = format!("{one}/exceptions");
    let mut ears = hall.ears(&hall.bot).await;
    let body = json!({ "original_scheduled_start_time": SECOND, "is_canceled": true });
    hall.ask(&hall.ben, "POST", &all, body.clone()).await.refuses(403, 50_013);

    let made = hall.ask(&hall.ana, "POST", &all, body).await;

    assert_eq!(made.status, 200, "{made:?}");
    let id = snowflake::at(ms(SECOND)).to_string();
    assert_eq!(
        (&made.body["event_exception_id"], &made.body["is_canceled"]),
        (&json!(id), &json!(true))
    );
    let told = ears.guild(|event| match event {
        GuildEvent::EventExcepted { regular_ms, how: Excepted::Created, .. } => Some(*regular_ms),
        _ => None,
    });
    assert_eq!(told.await, ms(SECOND));
    let event = shown(&hall, &one).await;
    assert_eq!(event["guild_scheduled_event_exceptions"], json!([made.body]), "{event}");
    let log = hall.get(&hall.ana, &format!("/guilds/{}/audit-logs", hall.place.guild)).await;
    assert_eq!(log.body["audit_log_entries"][0]["action_type"], 200);
    assert_eq!(log.body["audit_log_entries"][0]["options"]["event_exception_id"], json!(id));

    round(&hall, "2100-01-01T12:00:00Z").await;
    round(&hall, "2100-01-01T14:00:00Z").await;
    let event = shown(&hall, &one).await;
    assert_eq!(event["scheduled_start_time"], "2100-01-15T12:00:00.000000+00:00", "{event}");
    assert_eq!(event["guild_scheduled_event_exceptions"], json!([]), "it is over");
    // The next one, called off, is the next no more.
    let body =
        json!({ "original_scheduled_start_time": "2100-01-15T12:00:00Z", "is_canceled": true });
    assert_eq!(hall.ask(&hall.ana, "POST", &all, body).await.status, 200);
    let event = shown(&hall, &one).await;
    assert_eq!(event["scheduled_start_time"], "2100-01-22T12:00:00.000000+00:00");
    assert_eq!(event["status"], 1);
}

#[tokio::test]
async fn an_occurrence_at_another_time_begins_and_ends_then() {
    let hall = Hall::open().await;
    let one = weekly(&hall).await;
    let all = format!("{one}/exceptions");
    let id = snowflake::at(ms("2100-01-01T12:00:00Z")).to_string();
    let body = json!({
        "original_scheduled_start_time": "2100-01-01T12:00:00Z",
        "scheduled_start_time": "2100-01-01T18:00:00Z",
    });
    assert_eq!(hall.ask(&hall.ana, "POST", &all, body).await.status, 200);
    let status = async || shown(&hall, &one).await["status"].clone();

    round(&hall, "2100-01-01T12:00:00Z").await;
    assert_eq!(status().await, 1);
    round(&hall, "2100-01-01T18:00:00Z").await;
    assert_eq!(status().await, 2);
    // As long as the others are, unless it is said.
    round(&hall, "2100-01-01T19:59:59Z").await;
    assert_eq!(status().await, 2);
    let body = json!({ "scheduled_start_time": "2100-01-01T18:00:00Z",
                       "scheduled_end_time": "2100-01-01T21:00:00Z" });
    let mut ears = hall.ears(&hall.bot).await;
    let changed = hall.ask(&hall.ana, "PATCH", &format!("{all}/{id}"), body).await;
    assert_eq!(
        changed.body["scheduled_end_time"], "2100-01-01T21:00:00.000000+00:00",
        "{changed:?}"
    );
    let told = ears.guild(|event| match event {
        GuildEvent::EventExcepted { how, .. } => Some((*how, dispatch_name(event))),
        _ => None,
    });
    let update = DispatchName::GuildScheduledEventExceptionUpdate;
    assert_eq!(told.await, (Excepted::Changed, update));
    round(&hall, "2100-01-01T20:00:00Z").await;
    assert_eq!(status().await, 2);
    round(&hall, "2100-01-01T21:00:00Z").await;
    let event = shown(&hall, &one).await;
    assert_eq!(
        (&event["status"], &event["scheduled_start_time"]),
        (&json!(1), &json!("2100-01-08T12:00:00.000000+00:00")),
        "{event}"
    );
}

#[tokio::test]
async fn an_exception_is_of_an_occurrence_and_ends_with_it_or_with_the_rule() {
    let hall = Hall::open().await;
    let one = weekly(&hall).await;
    let all = format!("{one}/exceptions");
    let at = |time: &str, more: Value| {
        let mut body = json!({ "original_scheduled_start_time": time });
        for (field, value) in more.as_object().unwrap() {
            body[field] = value.clone();
        }
        body
    };
    hall.ask(&hall.ana, "POST", &all, at(SECOND, json!({}))).await.refuses(400, 180_005);
    let canceled = json!({ "is_canceled": true });
    let thursday = at("2100-01-07T12:00:00Z", canceled.clone());
    hall.ask(&hall.ana, "POST", &all, thursday)
        .await
        .refuses_field("original_scheduled_start_time", "BASE_TYPE_BAD_VALUE");
    let past = at(SECOND, json!({ "scheduled_start_time": "2001-01-01T12:00:00Z" }));
    hall.ask(&hall.ana, "POST", &all, past)
        .await
        .refuses_field("scheduled_start_time", "GUILD_SCHEDULED_EVENT_SCHEDULE_PAST");
    let early = at(SECOND, json!({ "scheduled_end_time": SECOND }));
    hall.ask(&hall.ana, "POST", &all, early)
        .await
        .refuses_field("scheduled_end_time", "DATE_TYPE_MIN");

    // Who comes to the event comes to each occurrence.
    let id = snowflake::at(ms(SECOND)).to_string();
    let users = format!("{one}/{id}/users");
    hall.ask(&hall.ben, "PUT", &format!("{one}/users/@me"), Value::Null).await;
    let coming = hall.get(&hall.bot, &users).await.body;
    assert_eq!(coming[0]["user_id"], json!(hall.ben.id), "{coming}");
    assert_eq!(coming[0]["guild_scheduled_event_exception_id"], json!(id));
    hall.get(&hall.bot, &format!("{one}/7/users")).await.refuses(404, 10_070);
    let counts = format!("{one}/users/counts?guild_scheduled_event_exception_ids={id}");
    let counts = hall.get(&hall.bot, &counts).await.body;
    assert_eq!(counts["guild_scheduled_event_exception_counts"], json!({ id.clone(): 1 }));

    let known = format!("{all}/{id}");
    hall.ask(&hall.ana, "PATCH", &known, canceled.clone()).await.refuses(404, 10_070);
    assert_eq!(hall.ask(&hall.ana, "POST", &all, at(SECOND, canceled.clone())).await.status, 200);
    hall.ask(&hall.ben, "DELETE", &known, Value::Null).await.refuses(403, 50_013);
    assert_eq!(hall.ask(&hall.ana, "DELETE", &known, Value::Null).await.status, 204);
    hall.ask(&hall.ana, "DELETE", &known, Value::Null).await.refuses(404, 10_070);
    assert_eq!(hall.ask(&hall.ana, "POST", &all, at(SECOND, canceled)).await.status, 200);
    let rule = json!({ "start": "2100-01-01T12:00:00Z", "frequency": 2, "by_weekday": [0] });
    hall.ask(&hall.ana, "PATCH", &one, json!({ "recurrence_rule": rule })).await;
    assert_eq!(shown(&hall, &one).await["guild_scheduled_event_exceptions"], json!([]));
}

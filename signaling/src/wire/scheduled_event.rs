//! A scheduled event (Discord: Guild Scheduled Event).

use model::id::GuildId;
use model::id::ScheduledEventId;
use model::id::UserId;
use model::snowflake;
use serde_json::Value;
use serde_json::json;
use state::recurrence::Days;
use state::recurrence::Recurrence;
use state::scheduled::EventException;
use state::scheduled::EventPlace;
use state::scheduled::ScheduledEventRecord;

use super::GUILD_ONLY;
use crate::parts::timestamp;

/// An event, without its creator and without how many want to come.
#[must_use]
pub fn scheduled_event(guild: GuildId, event: &ScheduledEventRecord) -> Value {
    let metadata = match &event.place {
        EventPlace::External(location) => json!({ "location": location }),
        EventPlace::Stage(_) | EventPlace::Voice(_) => Value::Null,
    };
    let exceptions = event.exceptions.iter();
    let exceptions =
        exceptions.map(|(regular_ms, one)| event_exception(event.id, *regular_ms, *one));
    json!({
        "id": event.id,
        "guild_id": guild,
        "channel_id": event.place.channel(),
        "creator_id": event.creator,
        "name": event.name,
        "description": event.description,
        "image": event.image,
        "scheduled_start_time": timestamp(event.start_ms),
        "scheduled_end_time": event.end_ms.map(timestamp),
        "privacy_level": GUILD_ONLY,
        "status": event.status as u8,
        "entity_type": event.place.kind() as u8,
        "entity_id": event.stage,
        "entity_metadata": metadata,
        "recurrence_rule": event.recurrence.as_ref().map(recurrence_rule),
        "guild_scheduled_event_exceptions": exceptions.collect::<Vec<_>>(),
        "sku_ids": [],
    })
}

/// An occurrence that is not as its event's rule says.
#[must_use]
pub fn event_exception(
    event: ScheduledEventId,
    regular_ms: u64,
    exception: EventException,
) -> Value {
    json!({
        "event_id": event,
        "event_exception_id": snowflake::at(regular_ms).to_string(),
        "scheduled_start_time": exception.start_ms.map(timestamp),
        "scheduled_end_time": exception.end_ms.map(timestamp),
        "is_canceled": exception.canceled,
    })
}

/// Someone who wants to come to an event.
#[must_use]
pub fn event_user(event: &ScheduledEventRecord, user: UserId) -> Value {
    json!({
        "guild_scheduled_event_id": event.id,
        "guild_scheduled_event_exception_id": null,
        "user_id": user,
        "response": INTERESTED,
    })
}

fn recurrence_rule(rule: &Recurrence) -> Value {
    let mut value = json!({
        "start": timestamp(rule.start_ms),
        "end": null,
        "frequency": 3,
        "interval": 1,
        "by_weekday": null,
        "by_n_weekday": null,
        "by_month": null,
        "by_month_day": null,
        "by_year_day": null,
        "count": null,
    });
    match &rule.days {
        Days::Daily(set) => value["by_weekday"] = json!(set),
        Days::Weekly { weekday, interval } => {
            value["frequency"] = json!(2);
            value["interval"] = json!(interval);
            value["by_weekday"] = json!([weekday]);
        }
        Days::Monthly { week, weekday } => {
            value["frequency"] = json!(1);
            value["by_n_weekday"] = json!([{ "n": week, "day": weekday }]);
        }
        Days::Yearly { month, day } => {
            value["frequency"] = json!(0);
            value["by_month"] = json!([month]);
            value["by_month_day"] = json!([day]);
        }
    }
    value
}

/// Discord: Guild Scheduled Event User Response.
const INTERESTED: u8 = 1;

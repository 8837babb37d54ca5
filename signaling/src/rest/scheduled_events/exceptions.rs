//! Single occurrences of an event that are called off, or are at another time. Each is known by when it
//! would have begun, as a snowflake.

use axum::extract::State;
use axum::http::StatusCode;
use model::calendar::Moment;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::GuildId;
use model::id::ScheduledEventId;
use model::snowflake;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use state::GuildCommand;
use state::audit::actions;
use state::scheduled::EventException;

use super::Page;
use super::listed;
use super::seen;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::extract::Auth;
use crate::rest::extract::Json;
use crate::rest::extract::Path;
use crate::rest::extract::Query;
use crate::rest::extract::Reason;
use crate::rest::extract::member_view;
use crate::rest::route::Needs;
use crate::rest::route::Routes;
use crate::rest::route::get;
use crate::rest::route::patch;
use crate::rest::route::post;
use crate::rest::schema;
use crate::wire;

pub(super) fn routes(one: &str) -> Routes {
    Routes::new()
        .route(
            &format!("{one}/exceptions"),
            post(create)
                .gives(&schema::guilds::EVENT_EXCEPTION)
                .needs(Needs::All(Permissions::MANAGE_EVENTS))
                .logs(&[actions::GUILD_SCHEDULED_EVENT_EXCEPTION_CREATE])
                .tells(&[DispatchName::GuildScheduledEventExceptionCreate])
                .may_tell(&[DispatchName::GuildScheduledEventUpdate]),
        )
        .route(
            &format!("{one}/exceptions/{{exception}}"),
            patch(update)
                .gives(&schema::guilds::EVENT_EXCEPTION)
                .needs(Needs::All(Permissions::MANAGE_EVENTS))
                .logs(&[actions::GUILD_SCHEDULED_EVENT_EXCEPTION_UPDATE])
                .tells(&[DispatchName::GuildScheduledEventExceptionUpdate])
                .may_tell(&[DispatchName::GuildScheduledEventUpdate])
                .delete(remove)
                .needs(Needs::All(Permissions::MANAGE_EVENTS))
                .logs(&[actions::GUILD_SCHEDULED_EVENT_EXCEPTION_DELETE])
                .tells(&[DispatchName::GuildScheduledEventExceptionDelete])
                .may_tell(&[DispatchName::GuildScheduledEventUpdate]),
        )
        .route(
            &format!("{one}/{{exception}}/users"),
            get(users).lists(&schema::guilds::EVENT_USER).within("limit", 1, 100),
        )
}

/// What is otherwise. `null` is as good as absent everywhere.
#[derive(Deserialize)]
struct Otherwise {
    is_canceled: Option<bool>,
    scheduled_start_time: Option<Moment>,
    scheduled_end_time: Option<Moment>,
}

impl Otherwise {
    fn read(&self) -> EventException {
        EventException {
            start_ms: self.scheduled_start_time.map(|Moment(ms)| ms),
            end_ms: self.scheduled_end_time.map(|Moment(ms)| ms),
            canceled: self.is_canceled.unwrap_or_default(),
        }
    }

    const fn says_nothing(&self) -> bool {
        self.is_canceled.is_none()
            && self.scheduled_start_time.is_none()
            && self.scheduled_end_time.is_none()
    }
}

#[derive(Deserialize)]
struct Create {
    original_scheduled_start_time: Moment,
    is_canceled: Option<bool>,
    scheduled_start_time: Option<Moment>,
    scheduled_end_time: Option<Moment>,
}

/// `POST /guilds/{guild.id}/scheduled-events/{event.id}/exceptions`: in place of the one that there is
/// for that occurrence.
async fn create(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, event)): Path<(GuildId, ScheduledEventId)>,
    reason: Reason,
    Json(body): Json<Create>,
) -> Result<Json<Value>, ApiError> {
    member_view(&parts, guild, me.id())?;
    let Moment(regular_ms) = body.original_scheduled_start_time;
    let otherwise = Otherwise {
        is_canceled: body.is_canceled,
        scheduled_start_time: body.scheduled_start_time,
        scheduled_end_time: body.scheduled_end_time,
    };
    if otherwise.says_nothing() {
        return Err(ErrorCode::EmptyEventException.into());
    }
    let exception = otherwise.read();
    let command =
        GuildCommand::ExceptEvent { event, regular_ms, exception: Some(exception), known: false };
    parts.store.execute(guild, reason.by(me.id()), command).await?;
    Ok(Json(wire::event_exception(event, regular_ms, exception)))
}

/// `PATCH /guilds/{guild.id}/scheduled-events/{event.id}/exceptions/{exception.id}`: what is not said is
/// as the event's rule says.
async fn update(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, event, exception)): Path<(GuildId, ScheduledEventId, u64)>,
    reason: Reason,
    Json(body): Json<Otherwise>,
) -> Result<Json<Value>, ApiError> {
    member_view(&parts, guild, me.id())?;
    let (regular_ms, exception) = (snowflake::unix_ms(exception), body.read());
    let command =
        GuildCommand::ExceptEvent { event, regular_ms, exception: Some(exception), known: true };
    parts.store.execute(guild, reason.by(me.id()), command).await?;
    Ok(Json(wire::event_exception(event, regular_ms, exception)))
}

/// `DELETE /guilds/{guild.id}/scheduled-events/{event.id}/exceptions/{exception.id}`
async fn remove(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, event, exception)): Path<(GuildId, ScheduledEventId, u64)>,
    reason: Reason,
) -> Result<StatusCode, ApiError> {
    member_view(&parts, guild, me.id())?;
    let regular_ms = snowflake::unix_ms(exception);
    let command = GuildCommand::ExceptEvent { event, regular_ms, exception: None, known: true };
    parts.store.execute(guild, reason.by(me.id()), command).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /guilds/{guild.id}/scheduled-events/{event.id}/{exception.id}/users`: who comes to the event comes
/// to each of its occurrences.
async fn users(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, event, exception)): Path<(GuildId, ScheduledEventId, u64)>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let event = seen(&parts, &view, me.id(), event)?;
    let regular_ms = snowflake::unix_ms(exception);
    let known = event.record.exceptions.contains_key(&regular_ms);
    if !known && !event.record.occurs_at(regular_ms) {
        return Err(ErrorCode::UnknownScheduledEvent.into());
    }
    let mut users = listed(&parts, &view, &event, &page).await?;
    for user in &mut users {
        user["guild_scheduled_event_exception_id"] = Value::String(exception.to_string());
    }
    Ok(Json(Value::Array(users)))
}

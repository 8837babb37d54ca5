//! How far people have read (userdoccers: Read State). All sessions of the account are told.
//!
//! What bots read is not kept (20001).

use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::MessageId;
use model::id::UserId;
use model::limits;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::UserEvent;
use state::event::Personal;
use state::read::Ack;
use state::read::CHANNEL;
use state::read::KINDS;
use state::read::Resource;
use state::read::newest_in_guild;
use state::repo::RepoError;
use std::sync::Arc;

use super::ApiError;
use super::carry::carry_out;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::member_view;
use super::messages::place::Place;
use super::route::Needs;
use super::route::Routes;
use super::route::delete;
use super::route::post;
use super::schema;
use crate::auth::Identity;
use crate::parts::Parts;
use crate::parts::timestamp;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route(
            "/channels/{channel}/messages/{message}/ack",
            post(acknowledge)
                .gives(&schema::people::ACKNOWLEDGED)
                .tells(&[DispatchName::MessageAck]),
        )
        .route(
            "/channels/{channel}/messages/ack",
            delete(forget).needs(Needs::Account).tells_nobody(),
        )
        .route("/channels/{channel}/pins/ack", post(pins).tells(&[DispatchName::ChannelPinsAck]))
        .route("/guilds/{guild}/ack", post(guild).tells(&[DispatchName::MessageAck]))
        .route(
            "/guilds/{guild}/ack/{kind}/{entity}",
            post(guild_feature)
                .gives(&schema::people::ACKNOWLEDGED)
                .tells(&[DispatchName::GuildFeatureAck]),
        )
        .route(
            "/users/@me/{kind}/{entity}/ack",
            post(own_feature)
                .gives(&schema::people::ACKNOWLEDGED)
                .tells(&[DispatchName::UserNonChannelAck]),
        )
        .route(
            "/read-states/ack-bulk",
            post(bulk).may_tell(&[
                DispatchName::MessageAck,
                DispatchName::GuildFeatureAck,
                DispatchName::UserNonChannelAck,
            ]),
        )
}

/// Demands a person: bots have none of this.
///
/// # Errors
///
/// 20001.
pub(super) fn require_person(me: &Identity) -> Result<(), ErrorCode> {
    if me.user.bot { Err(ErrorCode::BotsCannotUse) } else { Ok(()) }
}

/// Tells the sessions of `user` of something that only they hear.
pub(super) fn tell(parts: &Parts, user: UserId, name: DispatchName, body: Value) {
    let (messages, files) = (Vec::new(), Vec::new());
    let personal = Personal { name, guild: None, body, messages, files };
    parts.store.notify(user, UserEvent::Personal(Arc::new(personal)));
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Read {
    manual: Option<bool>,
    mention_count: Option<u32>,
    flags: Option<u32>,
    last_viewed: Option<u32>,
}

/// `POST /channels/{channel.id}/messages/{message.id}/ack`. Goes back only when it is `manual`. How
/// many mentions are unread then is counted here; `mention_count` travels to the other sessions.
async fn acknowledge(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, message)): Path<(ChannelId, MessageId)>,
    Json(body): Json<Read>,
) -> Result<Json<Value>, ApiError> {
    require_person(&me)?;
    Place::open(&parts, &me, channel, Permissions::empty()).await?;
    let back = body.manual == Some(true);
    let ack = Ack {
        back,
        flags: body.flags,
        last_viewed: body.last_viewed,
        ..Ack::read(channel, message)
    };
    let mut told = json!({
        "channel_id": channel,
        "message_id": message,
        "ack_type": CHANNEL,
        "flags": body.flags,
        "last_viewed": body.last_viewed,
        "version": parts.now_ms(),
    });
    if back {
        told["manual"] = json!(true);
        told["mention_count"] = json!(body.mention_count);
    }
    carry_out(async move {
        store(&parts, me.id(), &[ack], vec![(DispatchName::MessageAck, told)]).await
    })
    .await?;
    Ok(Json(json!({ "token": null })))
}

/// Stores, then tells.
async fn store(
    parts: &Parts,
    me: UserId,
    acks: &[Ack],
    told: Vec<(DispatchName, Value)>,
) -> Result<(), ApiError> {
    match parts.reads.acknowledge(me, acks).await {
        Ok(()) => {}
        Err(RepoError::Exists) => {
            let message = format!("Must be {} or fewer in length.", limits::READ_STATES);
            let errors = FormErrors::one("read_states", "BASE_TYPE_MAX_LENGTH", message);
            return Err(ApiError::Form(errors));
        }
        Err(error) => return Err(error.into()),
    }
    for (name, body) in told {
        tell(parts, me, name, body);
    }
    Ok(())
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Forget {
    read_state_type: Option<u8>,
}

/// `DELETE /channels/{read_state.id}/messages/ack`
async fn forget(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    Json(body): Json<Forget>,
) -> Result<StatusCode, ApiError> {
    require_person(&me)?;
    let kind = body.read_state_type.unwrap_or(CHANNEL);
    parts.reads.forget(me.id(), Resource { kind, id: channel.get() }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /channels/{channel.id}/pins/ack`
async fn pins(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
) -> Result<StatusCode, ApiError> {
    require_person(&me)?;
    Place::open(&parts, &me, channel, Permissions::READ_MESSAGE_HISTORY).await?;
    let pins = parts.messages.pins(channel).await?;
    let newest = pins.iter().filter_map(|pin| pin.pinned_at).map(|at| at.as_micros() / 1_000).max();
    let Some(newest) = newest.and_then(|ms| u64::try_from(ms).ok()) else {
        return Ok(StatusCode::NO_CONTENT);
    };
    let of = Resource::channel(channel);
    let ack = Ack { last: None, pins_ms: Some(newest), ..Ack::of(of, 0) };
    let version = parts.now_ms();
    let told = json!({ "channel_id": channel, "timestamp": timestamp(newest), "version": version });
    carry_out(async move {
        store(&parts, me.id(), &[ack], vec![(DispatchName::ChannelPinsAck, told)]).await
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /guilds/{guild.id}/ack`: everything in it is read.
async fn guild(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<StatusCode, ApiError> {
    require_person(&me)?;
    let view = member_view(&parts, guild, me.id())?;
    let version = parts.now_ms();
    let newest = newest_in_guild(&view, me.id(), version);
    let (mut acks, mut told) = (Vec::new(), Vec::new());
    for (channel, message) in newest {
        acks.push(Ack::read(channel, message));
        told.push((DispatchName::MessageAck, message_ack(channel, message, version)));
    }
    carry_out(async move { store(&parts, me.id(), &acks, told).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn message_ack(channel: ChannelId, message: MessageId, version: u64) -> Value {
    json!({ "channel_id": channel, "message_id": message, "ack_type": CHANNEL, "version": version })
}

fn feature_ack(of: Resource, entity: u64, version: u64) -> Value {
    json!({
        "ack_type": of.kind,
        "resource_id": of.id.to_string(),
        "entity_id": entity.to_string(),
        "version": version,
    })
}

/// The kind of a read state that is of no channel.
fn feature(kind: u8) -> Result<u8, ApiError> {
    if (CHANNEL + 1..=KINDS).contains(&kind) {
        return Ok(kind);
    }
    let message = format!("Value must be one of 1 to {KINDS}.");
    Err(ApiError::Form(FormErrors::one("read_state_type", "BASE_TYPE_CHOICES", message)))
}

/// `POST /guilds/{guild.id}/ack/{read_state.type}/{entity.id}`
async fn guild_feature(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, kind, entity)): Path<(GuildId, u8, u64)>,
) -> Result<Json<Value>, ApiError> {
    require_person(&me)?;
    member_view(&parts, guild, me.id())?;
    let of = Resource { kind: feature(kind)?, id: guild.get() };
    let told = vec![(DispatchName::GuildFeatureAck, feature_ack(of, entity, parts.now_ms()))];
    carry_out(async move { store(&parts, me.id(), &[Ack::of(of, entity)], told).await }).await?;
    Ok(Json(json!({ "token": null })))
}

/// `POST /users/@me/{read_state.type}/{entity.id}/ack`
async fn own_feature(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((kind, entity)): Path<(u8, u64)>,
) -> Result<Json<Value>, ApiError> {
    require_person(&me)?;
    let of = Resource { kind: feature(kind)?, id: me.id().get() };
    let told = vec![(DispatchName::UserNonChannelAck, feature_ack(of, entity, parts.now_ms()))];
    carry_out(async move { store(&parts, me.id(), &[Ack::of(of, entity)], told).await }).await?;
    Ok(Json(json!({ "token": null })))
}

#[derive(Deserialize)]
struct Bulk {
    read_states: Vec<BulkAck>,
}

#[derive(Deserialize)]
struct BulkAck {
    #[serde(default)]
    read_state_type: u8,
    channel_id: ChannelId,
    message_id: MessageId,
}

/// `POST /read-states/ack-bulk`: what one cannot see is passed over.
async fn bulk(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Json(body): Json<Bulk>,
) -> Result<StatusCode, ApiError> {
    require_person(&me)?;
    if body.read_states.len() > limits::READ_STATES_AT_ONCE {
        let message = format!("Must be {} or fewer in length.", limits::READ_STATES_AT_ONCE);
        let errors = FormErrors::one("read_states", "BASE_TYPE_MAX_LENGTH", message);
        return Err(ApiError::Form(errors));
    }
    let version = parts.now_ms();
    let (mut acks, mut told) = (Vec::new(), Vec::new());
    for BulkAck { read_state_type: kind, channel_id, message_id } in body.read_states {
        let of = Resource { kind, id: channel_id.get() };
        let (seen, event) = if kind == CHANNEL {
            let place = Place::open(&parts, &me, channel_id, Permissions::empty()).await;
            (
                place.is_ok(),
                (DispatchName::MessageAck, message_ack(channel_id, message_id, version)),
            )
        } else if feature(kind).is_err() {
            continue;
        } else if of.id == me.id().get() {
            (true, (DispatchName::UserNonChannelAck, feature_ack(of, message_id.get(), version)))
        } else {
            let seen = member_view(&parts, channel_id.cast(), me.id()).is_ok();
            (seen, (DispatchName::GuildFeatureAck, feature_ack(of, message_id.get(), version)))
        };
        if seen {
            acks.push(Ack::of(of, message_id.get()));
            told.push(event);
        }
    }
    carry_out(async move { store(&parts, me.id(), &acks, told).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

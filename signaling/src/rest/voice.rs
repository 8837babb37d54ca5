//! Voice as REST sees it: regions, who is connected where, and who may speak on a stage.

use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;
use model::permissions::SET_VOICE_CHANNEL_STATUS;
use model::wire::guild::Permissions;
use model::wire::util::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::audit::AuditDraft;
use state::audit::actions;
use state::store::ChannelHome;
use state::voice::VoiceCommand;
use state::voice::VoiceOutcome;

use super::ApiError;
use super::audit_log::note;
use super::channels;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::Reason;
use super::extract::member_view;
use super::extract::some;
use super::route::Needs;
use super::route::Routes;
use super::route::get;
use super::route::put;
use super::schema;
use crate::parts::Parts;
use crate::parts::timestamp;
use crate::wire;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/voice/regions", get(regions).lists(&schema::channels::VOICE_REGION))
        .route("/guilds/{guild}/regions", get(guild_regions).lists(&schema::channels::VOICE_REGION))
        .route(
            "/guilds/{guild}/voice-states/@me",
            get(mine)
                .gives(&schema::channels::VOICE_STATE)
                .patch(change_mine)
                .tells(&[DispatchName::VoiceStateUpdate]),
        )
        .route(
            "/guilds/{guild}/voice-states/{user}",
            get(of_member)
                .gives(&schema::channels::VOICE_STATE)
                .patch(change)
                .tells(&[DispatchName::VoiceStateUpdate]),
        )
        .route(
            "/channels/{channel}/voice-status",
            put(set_status)
                .needs(Needs::All(Permissions::MANAGE_CHANNELS.union(SET_VOICE_CHANNEL_STATUS)))
                .may_log(&[
                    actions::VOICE_CHANNEL_STATUS_CREATE,
                    actions::VOICE_CHANNEL_STATUS_DELETE,
                ])
                .tells(&[DispatchName::VoiceChannelStatusUpdate]),
        )
}

#[derive(Deserialize)]
struct Status {
    status: Option<String>,
}

/// `PUT /channels/{channel.id}/voice-status`: by whoever may and is there, or manages the channel.
async fn set_status(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    reason: Reason,
    Json(body): Json<Status>,
) -> Result<StatusCode, ApiError> {
    let guild = match channels::open(&parts, &me, channel, Permissions::empty()).await? {
        ChannelHome::Guild(guild) => guild,
        ChannelHome::Private(_) => return Err(ErrorCode::CannotExecuteOnPrivateChannel.into()),
    };
    let status = body.status.map(|status| status.trim().to_owned());
    let status = status.filter(|status| !status.is_empty());
    let (action, told) = match &status {
        Some(status) => (actions::VOICE_CHANNEL_STATUS_CREATE, Some(status.clone())),
        None => (actions::VOICE_CHANNEL_STATUS_DELETE, None),
    };
    let command = VoiceCommand::Status { actor: me.id(), channel, status };
    if guild.voice(command, parts.now_ms()).await? == VoiceOutcome::Updated {
        let entry = AuditDraft::new(&reason.by(me.id()), action, Some(channel.get()));
        let entry = told.into_iter().fold(entry, |entry, status| entry.with("status", status));
        note(&parts, guild.id(), entry).await;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The one region that there is: this server.
fn region() -> Value {
    json!([{
        "id": wire::REGION,
        "name": "Guildhall",
        "optimal": true,
        "deprecated": false,
        "custom": false,
        "vip": false,
    }])
}

/// `GET /voice/regions`
async fn regions(Auth(_): Auth) -> Json<Value> {
    Json(region())
}

/// `GET /guilds/{guild.id}/regions`
async fn guild_regions(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    member_view(&parts, guild, me.id())?;
    Ok(Json(region()))
}

/// `GET /guilds/{guild.id}/voice-states/@me`
async fn mine(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    shown(&parts, guild, me.id(), me.id())
}

/// `GET /guilds/{guild.id}/voice-states/{user.id}`
async fn of_member(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, user)): Path<(GuildId, UserId)>,
) -> Result<Json<Value>, ApiError> {
    shown(&parts, guild, me.id(), user)
}

/// The voice state of `user`, if `asker` may see the channel that it is in.
fn shown(
    parts: &Parts,
    guild: GuildId,
    asker: UserId,
    user: UserId,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(parts, guild, asker)?;
    let state = view.voice.get(&user).ok_or(ErrorCode::UnknownVoiceState)?;
    let channel = state.channel.ok_or(ErrorCode::UnknownVoiceState)?;
    if asker != user
        && !view.permissions_in(asker, channel, parts.now_ms()).has(Permissions::VIEW_CHANNEL)
    {
        return Err(ErrorCode::UnknownVoiceState.into());
    }
    Ok(Json(wire::voice_state(state, None)))
}

#[derive(Deserialize)]
struct ChangeMine {
    channel_id: Option<ChannelId>,
    suppress: Option<bool>,
    #[serde(default, deserialize_with = "some")]
    request_to_speak_timestamp: Option<Option<Timestamp>>,
}

/// `PATCH /guilds/{guild.id}/voice-states/@me`: on a stage, step down or up, raise the hand or take
/// it down.
async fn change_mine(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    Json(body): Json<ChangeMine>,
) -> Result<StatusCode, ApiError> {
    member_view(&parts, guild, me.id())?;
    let raised = body.request_to_speak_timestamp.flatten();
    let oldest = timestamp(parts.now_ms().saturating_sub(SKEW));
    let is_past = |at: Timestamp| at.as_micros() < oldest.as_micros();
    if raised.is_some_and(is_past) {
        let message = "Must be a present or future time.";
        let field = "request_to_speak_timestamp";
        return Err(ApiError::Form(FormErrors::one(field, "DATETIME_TYPE_PAST", message)));
    }
    let command = VoiceCommand::Stage {
        actor: me.id(),
        target: me.id(),
        channel: body.channel_id,
        suppress: body.suppress,
        request: body.request_to_speak_timestamp,
    };
    carry_out(&parts, guild, command).await
}

#[derive(Deserialize)]
struct Change {
    channel_id: Option<ChannelId>,
    suppress: Option<bool>,
}

/// `PATCH /guilds/{guild.id}/voice-states/{user.id}`: a moderator calls someone up to a stage, or
/// sends them down. People are noted as called, bots are not (Discord: Modify User Voice State).
async fn change(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, user)): Path<(GuildId, UserId)>,
    Json(body): Json<Change>,
) -> Result<StatusCode, ApiError> {
    member_view(&parts, guild, me.id())?;
    let is_called = user != me.id()
        && body.suppress == Some(false)
        && parts.store.users().user(user).await?.is_some_and(|user| !user.bot);
    let command = VoiceCommand::Stage {
        actor: me.id(),
        target: user,
        channel: body.channel_id,
        suppress: body.suppress,
        request: is_called.then(|| Some(parts.now())),
    };
    carry_out(&parts, guild, command).await
}

async fn carry_out(
    parts: &Parts,
    guild: GuildId,
    command: VoiceCommand,
) -> Result<StatusCode, ApiError> {
    let handle = parts.store.guild(guild).ok_or(ErrorCode::UnknownGuild)?;
    handle.voice(command, parts.now_ms()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How far a client's clock may be behind, in milliseconds: "now" of a slow one is no past.
const SKEW: u64 = 60_000;

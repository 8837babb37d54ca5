//! Stages that are on: what they are about, opened and closed by their moderators.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::routing::post;
use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use state::GuildHandle;
use state::store::ChannelHome;
use state::voice::VoiceCommand;

use super::ApiError;
use super::channels;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use crate::auth::Identity;
use crate::parts::Parts;
use crate::wire;
use crate::wire::GUILD_ONLY;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/stage-instances", post(open))
        .route("/stage-instances/{channel}", get(show).patch(update).delete(close))
}

/// The guild of a channel that `me` sees.
async fn guild_of(
    parts: &Parts,
    me: &Identity,
    channel: ChannelId,
) -> Result<GuildHandle, ApiError> {
    match channels::open(parts, me, channel, Permissions::empty()).await? {
        ChannelHome::Guild(guild) => Ok(guild),
        ChannelHome::Private(_) => Err(ErrorCode::CannotExecuteOnPrivateChannel.into()),
    }
}

fn shown(guild: &GuildHandle, channel: ChannelId) -> Result<Json<Value>, ApiError> {
    let view = guild.view();
    let stage = view.stages.get(&channel).ok_or(ErrorCode::UnknownStageInstance)?;
    Ok(Json(wire::stage_instance(stage)))
}

/// There is one level; the public one is Discord's past.
fn check_privacy(level: Option<u8>) -> Result<(), ApiError> {
    if level.is_none_or(|level| level == GUILD_ONLY) {
        return Ok(());
    }
    let message = "Value must be one of (2,).";
    Err(ApiError::Form(FormErrors::one("privacy_level", "BASE_TYPE_CHOICES", message)))
}

#[derive(Deserialize)]
struct Open {
    channel_id: ChannelId,
    topic: String,
    privacy_level: Option<u8>,
}

/// `POST /stage-instances`
async fn open(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Json(body): Json<Open>,
) -> Result<Json<Value>, ApiError> {
    check_privacy(body.privacy_level)?;
    let (actor, channel) = (me.id(), body.channel_id);
    let guild = guild_of(&parts, &me, channel).await?;
    let id = parts.ids.next();
    let command = VoiceCommand::OpenStage { actor, id, channel, topic: body.topic };
    guild.voice(command, parts.now_ms()).await?;
    shown(&guild, channel)
}

/// `GET /stage-instances/{channel.id}`
async fn show(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
) -> Result<Json<Value>, ApiError> {
    shown(&guild_of(&parts, &me, channel).await?, channel)
}

#[derive(Deserialize)]
struct Update {
    topic: Option<String>,
    privacy_level: Option<u8>,
}

/// `PATCH /stage-instances/{channel.id}`
async fn update(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    Json(body): Json<Update>,
) -> Result<Json<Value>, ApiError> {
    check_privacy(body.privacy_level)?;
    let guild = guild_of(&parts, &me, channel).await?;
    let command = VoiceCommand::EditStage { actor: me.id(), channel, topic: body.topic };
    guild.voice(command, parts.now_ms()).await?;
    shown(&guild, channel)
}

/// `DELETE /stage-instances/{channel.id}`
async fn close(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
) -> Result<StatusCode, ApiError> {
    let guild = guild_of(&parts, &me, channel).await?;
    let command = VoiceCommand::CloseStage { actor: me.id(), channel };
    guild.voice(command, parts.now_ms()).await?;
    Ok(StatusCode::NO_CONTENT)
}

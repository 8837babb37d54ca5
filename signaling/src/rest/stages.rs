//! Stages that are on: what they are about, opened and closed by their moderators. Deserted ones are
//! closed by `upkeep`.

use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::ChannelId;
use model::id::ScheduledEventId;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use state::GuildCommand;
use state::GuildHandle;
use state::audit::AuditAction;
use state::audit::By;
use state::store::ChannelHome;

use super::ApiError;
use super::channels;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::Reason;
use super::route::Routes;
use super::route::get;
use super::route::post;
use super::scheduled_events;
use super::schema;
use crate::auth::Identity;
use crate::parts::Parts;
use crate::wire;
use crate::wire::GUILD_ONLY;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route(
            "/stage-instances",
            post(open)
                .gives(&schema::channels::STAGE)
                .logs(&[AuditAction::StageInstanceCreate])
                .may_log(&[AuditAction::GuildScheduledEventUpdate])
                .tells(&[DispatchName::StageInstanceCreate])
                .may_tell(&[DispatchName::GuildScheduledEventUpdate]),
        )
        .route(
            "/stage-instances/{channel}",
            get(show)
                .gives(&schema::channels::STAGE)
                .patch(update)
                .gives(&schema::channels::STAGE)
                .logs(&[AuditAction::StageInstanceUpdate])
                .tells(&[DispatchName::StageInstanceUpdate])
                .delete(close)
                .logs(&[AuditAction::StageInstanceDelete])
                .tells(&[DispatchName::StageInstanceDelete]),
        )
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

/// Carries a moderator's command out.
pub(super) async fn carry_out(
    parts: &Parts,
    guild: &GuildHandle,
    command: GuildCommand,
    by: By,
) -> Result<(), ApiError> {
    parts.store.execute(guild.id(), by, command).await?;
    Ok(())
}

#[derive(Deserialize)]
struct Open {
    channel_id: ChannelId,
    topic: String,
    privacy_level: Option<u8>,
    guild_scheduled_event_id: Option<ScheduledEventId>,
}

/// `POST /stage-instances`: with the event that begins there, if there is one.
async fn open(
    Auth(me): Auth,
    State(parts): State<Parts>,
    reason: Reason,
    Json(body): Json<Open>,
) -> Result<Json<Value>, ApiError> {
    check_privacy(body.privacy_level)?;
    let channel = body.channel_id;
    let guild = guild_of(&parts, &me, channel).await?;
    let id = parts.ids.next();
    let (by, event) = (reason.by(me.id()), body.guild_scheduled_event_id);
    let view = guild.view();
    let beginning = event.map(|event| scheduled_events::beginning(&view, event, channel, id));
    let beginning = beginning.transpose()?;
    if let Some(beginning) = &beginning {
        // Before the stage is open; the store asks again on the snapshot of that moment.
        view.plan(me.id(), beginning, parts.now_ms())?;
    }
    let command = GuildCommand::OpenStage { id, channel, topic: body.topic, event };
    carry_out(&parts, &guild, command, by.clone()).await?;
    if let Some(beginning) = beginning {
        parts.store.execute(guild.id(), by, beginning).await?;
    }
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
    reason: Reason,
    Json(body): Json<Update>,
) -> Result<Json<Value>, ApiError> {
    check_privacy(body.privacy_level)?;
    let guild = guild_of(&parts, &me, channel).await?;
    let command = GuildCommand::EditStage(channel, body.topic);
    carry_out(&parts, &guild, command, reason.by(me.id())).await?;
    shown(&guild, channel)
}

/// `DELETE /stage-instances/{channel.id}`
async fn close(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    reason: Reason,
) -> Result<StatusCode, ApiError> {
    let guild = guild_of(&parts, &me, channel).await?;
    let command = GuildCommand::CloseStage(channel);
    carry_out(&parts, &guild, command, reason.by(me.id())).await?;
    Ok(StatusCode::NO_CONTENT)
}

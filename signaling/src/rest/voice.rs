//! Voice as REST sees it: regions, and who is connected where.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use model::error_code::ErrorCode;
use model::id::GuildId;
use model::id::UserId;
use model::wire::guild::Permissions;
use serde_json::Value;
use serde_json::json;

use super::ApiError;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::member_view;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/voice/regions", get(regions))
        .route("/guilds/{guild}/regions", get(guild_regions))
        .route("/guilds/{guild}/voice-states/@me", get(mine))
        .route("/guilds/{guild}/voice-states/{user}", get(of_member))
}

/// The one region that there is: this server.
fn region() -> Value {
    json!([{
        "id": "guildhall",
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

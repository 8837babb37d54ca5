//! What a guild looks like from outside: its preview, its vanity address, and what it closes while it
//! is under attack.

use axum::extract::State;
use model::gateway::DispatchName;
use model::id::GuildId;
use model::wire::guild::Permissions;
use model::wire::util::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::GuildCommand;
use state::audit::AuditAction;
use state::guild::command::SettingsPatch;

use super::ApiError;
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
use crate::wire;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/guilds/{guild}/preview", get(preview).gives(&schema::guilds::PREVIEW))
        .route(
            "/guilds/{guild}/vanity-url",
            get(vanity).gives(&schema::guilds::VANITY).needs(Needs::All(Permissions::MANAGE_GUILD)),
        )
        .route(
            "/guilds/{guild}/incident-actions",
            put(incidents)
                .gives(&schema::guilds::INCIDENTS)
                .needs(Needs::All(Permissions::MANAGE_GUILD))
                .logs(&[AuditAction::GuildUpdate])
                .tells(&[DispatchName::GuildUpdate]),
        )
}

/// `GET /guilds/{guild.id}/preview`: of one's own guilds, for none can be discovered.
async fn preview(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    Ok(Json(json!({
        "id": view.id,
        "name": view.settings.name,
        "icon": view.settings.icon,
        "description": view.settings.description,
        "home_header": null,
        "splash": null,
        "discovery_splash": null,
        "features": wire::features(&view),
        "approximate_member_count": view.members.len(),
        "approximate_presence_count": view.presences.len(),
        "emojis": wire::guild_emojis(&view),
        "stickers": wire::stickers(&view),
    })))
}

/// `GET /guilds/{guild.id}/vanity-url` (MANAGE_GUILD): there are none on this server.
async fn vanity(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    view.permissions(me.id(), parts.now_ms()).require(Permissions::MANAGE_GUILD)?;
    Ok(Json(json!({ "code": null, "uses": 0 })))
}

#[derive(Deserialize)]
struct Actions {
    #[serde(default, deserialize_with = "some")]
    invites_disabled_until: Option<Option<Timestamp>>,
    #[serde(default, deserialize_with = "some")]
    dms_disabled_until: Option<Option<Timestamp>>,
}

/// `PUT /guilds/{guild.id}/incident-actions` (MANAGE_GUILD)
async fn incidents(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    reason: Reason,
    Json(body): Json<Actions>,
) -> Result<Json<Value>, ApiError> {
    let mut incidents = member_view(&parts, guild, me.id())?.settings.incidents;
    let now = parts.now();
    // What is over already is as good as null.
    let later =
        |until: Option<Timestamp>| until.filter(|until| until.as_micros() > now.as_micros());
    if let Some(until) = body.invites_disabled_until {
        incidents.invites_disabled_until = later(until);
    }
    if let Some(until) = body.dms_disabled_until {
        incidents.dms_disabled_until = later(until);
    }
    let patch = SettingsPatch { incidents: Some(incidents), ..SettingsPatch::default() };
    let command = GuildCommand::UpdateSettings(patch);
    let view = parts.store.execute(guild, reason.by(me.id()), command).await?;
    let incidents = view.settings.incidents;
    Ok(Json(json!({
        "invites_disabled_until": incidents.invites_disabled_until,
        "dms_disabled_until": incidents.dms_disabled_until,
    })))
}

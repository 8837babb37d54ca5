//! Applications that came into a guild: who they are, and removing them.

use axum::extract::State;
use axum::http::StatusCode;
use model::gateway::DispatchName;
use model::id::GuildId;
use model::id::UserId;
use model::wire::guild::Permissions;
use serde_json::Value;
use serde_json::json;
use state::GuildCommand;
use state::audit::AuditAction;

use super::ApiError;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::Reason;
use super::extract::member_view;
use super::route::Needs;
use super::route::Routes;
use super::route::delete;
use super::route::effects;
use super::route::get;
use super::schema;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route(
            "/guilds/{guild}/integrations",
            get(list)
                .lists(&schema::guilds::INTEGRATION)
                .needs(Needs::All(Permissions::MANAGE_GUILD)),
        )
        .route(
            "/guilds/{guild}/integrations/{integration}",
            delete(remove)
                .needs(Needs::All(Permissions::MANAGE_GUILD))
                .logs(&[AuditAction::IntegrationDelete])
                .tells(effects::REMOVAL)
                .tells(&[DispatchName::IntegrationDelete, DispatchName::GuildIntegrationsUpdate])
                .may_tell(effects::LEAVING),
        )
}

/// `GET /guilds/{guild.id}/integrations` (MANAGE_GUILD): at most 50, as on Discord.
async fn list(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    view.permissions(me.id(), parts.now_ms()).require(Permissions::MANAGE_GUILD)?;
    let members = view.members.peeks().filter(|member| member.is_integration());
    let mut list = Vec::new();
    let members: Vec<_> = members.take(SHOWN).map(|member| member.record()).collect();
    for member in members {
        let Some(integration) = &member.integration else { continue };
        let bot = parts.store.users().user(member.user).await?;
        let by = parts.store.users().user(integration.user).await?;
        let Some(bot) = bot else { continue };
        let mut shown = wire::integration(&bot, integration);
        // What it says of itself now, not when it came.
        if let Some(record) = parts.accounts.application(member.user.cast()).await? {
            shown["application"] =
                wire::integration_application(&bot, &record.name, &record.description);
        }
        shown["user"] = json!(by.map(|by| wire::user(&by)));
        list.push(shown);
    }
    Ok(Json(Value::Array(list)))
}

/// `DELETE /guilds/{guild.id}/integrations/{integration.id}` (MANAGE_GUILD): the bot goes too.
async fn remove(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, integration)): Path<(GuildId, UserId)>,
    reason: Reason,
) -> Result<StatusCode, ApiError> {
    member_view(&parts, guild, me.id())?;
    let command = GuildCommand::RemoveIntegration(integration);
    parts.store.execute(guild, reason.by(me.id()), command).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Most that are shown (Discord: Get Guild Integrations).
const SHOWN: usize = 50;

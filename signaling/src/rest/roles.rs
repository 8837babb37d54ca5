//! Roles of a guild.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::GuildId;
use model::id::RoleId;
use model::permissions;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use state::GuildCommand;
use state::audit::AuditAction;
use state::guild::command::RolePatch;

use super::ApiError;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::Reason;
use super::extract::member_view;
use super::route::Needs;
use super::route::Routes;
use super::route::effects;
use super::route::get;
use super::schema;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route(
            "/guilds/{guild}/roles",
            get(list)
                .lists(&schema::guilds::ROLE)
                .post(create)
                .gives(&schema::guilds::ROLE)
                .needs(Needs::All(Permissions::MANAGE_ROLES))
                .logs(&[AuditAction::RoleCreate])
                .tells(&[DispatchName::GuildRoleCreate])
                .patch(reorder)
                .lists(&schema::guilds::ROLE)
                .needs(Needs::All(Permissions::MANAGE_ROLES))
                .logs(&[AuditAction::RoleUpdate])
                .tells(&[DispatchName::GuildRoleUpdate]),
        )
        .route(
            "/guilds/{guild}/roles/member-counts",
            get(counts).gives(&schema::guilds::ROLE_COUNTS),
        )
        .route(
            "/guilds/{guild}/roles/{role}",
            get(show)
                .gives(&schema::guilds::ROLE)
                .patch(update)
                .gives(&schema::guilds::ROLE)
                .needs(Needs::All(Permissions::MANAGE_ROLES))
                .logs(&[AuditAction::RoleUpdate])
                .tells(&[DispatchName::GuildRoleUpdate])
                .may_tell(effects::SIGHT)
                .delete(remove)
                .needs(Needs::All(Permissions::MANAGE_ROLES))
                .logs(&[AuditAction::RoleDelete])
                .tells(&[DispatchName::GuildRoleDelete])
                .may_tell(&[DispatchName::ChannelUpdate, DispatchName::GuildMemberUpdate])
                .may_tell(effects::SIGHT),
        )
}

/// `GET /guilds/{guild.id}/roles`
async fn list(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    Ok(Json(view.roles.values().map(|role| wire::role(role)).collect()))
}

/// `GET /guilds/{guild.id}/roles/{role.id}`
async fn show(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, role)): Path<(GuildId, RoleId)>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    Ok(Json(wire::role(view.roles.get(&role).ok_or(ErrorCode::UnknownRole)?)))
}

/// `GET /guilds/{guild.id}/roles/member-counts`: how many members have each role, `@everyone` apart;
/// roles that nobody has are counted too.
async fn counts(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<BTreeMap<RoleId, usize>>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let mut counts: BTreeMap<RoleId, usize> = view.roles.keys().map(|role| (*role, 0)).collect();
    counts.remove(&guild.cast());
    for role in view.members.peeks().flat_map(|member| member.roles()) {
        if let Some(count) = counts.get_mut(&role) {
            *count += 1;
        }
    }
    Ok(Json(counts))
}

#[derive(Deserialize, Default)]
struct Body {
    name: Option<String>,
    #[serde(default, deserialize_with = "permissions::read")]
    permissions: Option<Permissions>,
    color: Option<u32>,
    colors: Option<Colors>,
    hoist: Option<bool>,
    mentionable: Option<bool>,
}

#[derive(Deserialize)]
struct Colors {
    primary_color: Option<u32>,
}

impl From<Body> for RolePatch {
    fn from(body: Body) -> Self {
        Self {
            name: body.name,
            permissions: body.permissions,
            color: body.color.or_else(|| body.colors.and_then(|colors| colors.primary_color)),
            hoist: body.hoist,
            mentionable: body.mentionable,
        }
    }
}

/// `POST /guilds/{guild.id}/roles`
async fn create(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    reason: Reason,
    Json(body): Json<Body>,
) -> Result<Json<Value>, ApiError> {
    member_view(&parts, guild, me.id())?;
    let id = parts.ids.next();
    let command = GuildCommand::CreateRole(id, body.into());
    let view = parts.store.execute(guild, reason.by(me.id()), command).await?;
    Ok(Json(wire::role(view.roles.get(&id).ok_or(ErrorCode::UnknownRole)?)))
}

/// `PATCH /guilds/{guild.id}/roles/{role.id}`
async fn update(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, role)): Path<(GuildId, RoleId)>,
    reason: Reason,
    Json(body): Json<Body>,
) -> Result<Json<Value>, ApiError> {
    member_view(&parts, guild, me.id())?;
    let command = GuildCommand::UpdateRole(role, body.into());
    let view = parts.store.execute(guild, reason.by(me.id()), command).await?;
    Ok(Json(wire::role(view.roles.get(&role).ok_or(ErrorCode::UnknownRole)?)))
}

#[derive(Deserialize)]
struct Reorder {
    id: RoleId,
    position: Option<i64>,
}

/// `PATCH /guilds/{guild.id}/roles`
async fn reorder(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    reason: Reason,
    Json(body): Json<Vec<Reorder>>,
) -> Result<Json<Value>, ApiError> {
    member_view(&parts, guild, me.id())?;
    let moves = body.into_iter().filter_map(|one| Some((one.id, one.position?))).collect();
    let view =
        parts.store.execute(guild, reason.by(me.id()), GuildCommand::MoveRoles(moves)).await?;
    Ok(Json(view.roles.values().map(|role| wire::role(role)).collect()))
}

/// `DELETE /guilds/{guild.id}/roles/{role.id}`
async fn remove(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, role)): Path<(GuildId, RoleId)>,
    reason: Reason,
) -> Result<StatusCode, ApiError> {
    member_view(&parts, guild, me.id())?;
    parts.store.execute(guild, reason.by(me.id()), GuildCommand::DeleteRole(role)).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! What a guild says of who may use a bot's commands.

use axum::extract::State;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::ApplicationId;
use model::id::CommandId;
use model::id::GuildId;
use model::limits;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::GuildEvent;
use state::GuildView;
use state::UserEvent;
use state::apps::CommandPermission;
use state::audit::AuditAction;
use state::audit::AuditDraft;
use state::event::Personal;

use super::rules;
use crate::auth::Identity;
use crate::auth::Scope;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::audit_log::note;
use crate::rest::caller::Caller;
use crate::rest::error::FormErrors;
use crate::rest::extract::Json;
use crate::rest::extract::Path;
use crate::rest::extract::member_view;

#[derive(Deserialize)]
pub(super) struct Wanted {
    permissions: Vec<CommandPermission>,
}

fn shown(
    application: ApplicationId,
    guild: GuildId,
    command: CommandId,
    permissions: &[CommandPermission],
) -> Value {
    json!({
        "id": command,
        "application_id": application,
        "guild_id": guild,
        "permissions": permissions,
    })
}

/// The guild, of which both who asks and the bot are members.
fn open(
    parts: &Parts,
    me: &Identity,
    application: ApplicationId,
    guild: GuildId,
) -> Result<GuildView, ApiError> {
    if me.user.bot {
        super::commands::own(me, application)?;
    }
    let view = member_view(parts, guild, me.id())?;
    if view.members.contains_key(&application.cast()) {
        Ok(view)
    } else {
        Err(ErrorCode::UnknownApplication.into())
    }
}

/// `GET /applications/{application.id}/guilds/{guild.id}/commands/permissions`
pub(super) async fn list(
    caller: Caller,
    State(parts): State<Parts>,
    Path((application, guild)): Path<(ApplicationId, GuildId)>,
) -> Result<Json<Value>, ApiError> {
    let me = caller.of(application, Scope::CommandPermissionsUpdate)?;
    open(&parts, &me, application, guild)?;
    let said = parts.commands.permissions(application, guild).await?;
    Ok(Json(said.iter().map(|(id, said)| shown(application, guild, *id, said)).collect()))
}

/// `GET /applications/{application.id}/guilds/{guild.id}/commands/{command.id}/permissions`
pub(super) async fn show(
    caller: Caller,
    State(parts): State<Parts>,
    Path((application, guild, command)): Path<(ApplicationId, GuildId, CommandId)>,
) -> Result<Json<Value>, ApiError> {
    let me = caller.of(application, Scope::CommandPermissionsUpdate)?;
    open(&parts, &me, application, guild)?;
    let said = rules::Said(parts.commands.permissions(application, guild).await?);
    match said.of(command) {
        [] => Err(ErrorCode::UnknownCommandPermissions.into()),
        said => Ok(Json(shown(application, guild, command, said))),
    }
}

/// `PUT /applications/{application.id}/guilds/{guild.id}/commands/{command.id}/permissions`: for
/// people with MANAGE_GUILD and MANAGE_ROLES, as on Discord, where bots may not.
pub(super) async fn set(
    caller: Caller,
    State(parts): State<Parts>,
    Path((application, guild, command)): Path<(ApplicationId, GuildId, CommandId)>,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Value>, ApiError> {
    let me = caller.of(application, Scope::CommandPermissionsUpdate)?;
    if me.user.bot {
        return Err(ErrorCode::BotsCannotUse.into());
    }
    let view = open(&parts, &me, application, guild)?;
    let needed = Permissions::MANAGE_GUILD | Permissions::MANAGE_ROLES;
    view.permissions(me.id(), parts.now_ms()).require(needed)?;
    if command.get() != application.get() {
        let found = parts.commands.command(application, command).await?;
        let here = |place: Option<GuildId>| place.is_none_or(|place| place == guild);
        found.filter(|found| here(found.guild)).ok_or(ErrorCode::UnknownCommand)?;
    }
    let permissions = wanted.permissions;
    check(&permissions).finish()?;
    let before = rules::Said(parts.commands.permissions(application, guild).await?);
    parts.commands.set_permissions(application, guild, command, &permissions).await?;
    let (old, new) = (by_target(before.of(command)), by_target(&permissions));
    if old != new {
        let action = AuditAction::ApplicationCommandPermissionUpdate;
        let entry = AuditDraft::new(&me.id().into(), action, Some(command.get()));
        let entry = entry.changing(&old, &new).with("application_id", application);
        note(&parts, guild, entry).await;
    }
    let value = shown(application, guild, command, &permissions);
    let told = Personal {
        name: DispatchName::ApplicationCommandPermissionsUpdate,
        guild: Some(guild),
        body: value.clone(),
        messages: Vec::new(),
        files: Vec::new(),
    };
    parts.store.notify(application.cast(), UserEvent::Personal(told.into()));
    if let Some(guild) = parts.store.guild(guild) {
        // A full mailbox loses nothing that a client does not ask for again.
        let _ = guild.publish(GuildEvent::CommandsUpdated).await;
    }
    Ok(Json(value))
}

/// What is said of each role, account and channel, as the log tells of changes (Discord: Audit Log Change
/// Exceptions).
fn by_target(permissions: &[CommandPermission]) -> Value {
    permissions.iter().map(|one| (one.id.to_string(), json!(one))).collect()
}

fn check(permissions: &[CommandPermission]) -> FormErrors {
    let mut errors = FormErrors::default();
    let most = limits::COMMAND_PERMISSIONS;
    if permissions.len() > most {
        let message = format!("Must be {most} or fewer in length.");
        errors.push("permissions", "BASE_TYPE_MAX_LENGTH", message);
    }
    for (number, one) in permissions.iter().enumerate().take(most) {
        let at = |field: &str| format!("permissions.{number}.{field}");
        if !(rules::ROLE..=rules::CHANNEL).contains(&one.kind) {
            errors.push(&at("type"), "BASE_TYPE_CHOICES", "Value must be one of (1, 2, 3).");
        }
        let twice = |other: &CommandPermission| (other.id, other.kind) == (one.id, one.kind);
        if permissions[..number].iter().any(twice) {
            let message = "There can be only one permission for a target.";
            errors.push(&at("id"), "APPLICATION_COMMAND_PERMISSIONS_DUPLICATE", message);
        }
    }
    errors
}

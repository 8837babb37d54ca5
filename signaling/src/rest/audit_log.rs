//! The audit log of a guild, and what other routes write into it.

use std::collections::BTreeSet;

use axum::extract::State;
use model::id::ApplicationId;
use model::id::CommandId;
use model::id::GuildId;
use model::id::UserId;
use model::wire::guild::Permissions;
use model::wire::id::Id;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::audit;
use state::audit::AuditAction;
use state::audit::AuditDraft;
use state::audit::AuditEntry;
use state::audit::AuditQuery;

use super::ApiError;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::Query;
use super::extract::member_view;
use super::route::Needs;
use super::route::Routes;
use super::route::get;
use super::schema;
use crate::auth::Identity;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Routes {
    Routes::new().route(
        "/guilds/{guild}/audit-logs",
        get(list)
            .gives(&schema::guilds::AUDIT_LOG)
            .within("limit", 1, 100)
            .needs(Needs::All(Permissions::VIEW_AUDIT_LOG)),
    )
}

/// Notes what was done and stored already. That it was done counts more than that it is noted: a
/// failure is told to the operator, not to whoever asked.
pub(super) async fn note(parts: &Parts, guild: GuildId, what: AuditDraft) {
    if let Err(error) = parts.store.log(guild, what).await {
        metrics::counter!("signaling_audit_entries_lost_total").increment(1);
        tracing::error!(%error, %guild, "an entry of the audit log was not stored");
    }
}

#[derive(Deserialize)]
struct Wanted {
    user_id: Option<UserId>,
    action_type: Option<u16>,
    before: Option<u64>,
    after: Option<u64>,
    limit: Option<u16>,
}

/// `GET /guilds/{guild.id}/audit-logs` (VIEW_AUDIT_LOG): newest first, or with `after` alone oldest
/// first.
async fn list(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    view.permissions(me.id(), parts.now_ms()).require(Permissions::VIEW_AUDIT_LOG)?;
    let limit = wanted.limit.unwrap_or(50);
    if !(1..=100).contains(&limit) {
        let message = "int value should be between 1 and 100.";
        return Err(ApiError::Form(FormErrors::one("limit", "NUMBER_TYPE_RANGE", message)));
    }
    let query = AuditQuery {
        after: wanted.after.unwrap_or_default().max(audit::expired(parts.now_ms())),
        before: wanted.before.unwrap_or(u64::MAX),
        ascending: wanted.after.is_some() && wanted.before.is_none(),
        user: wanted.user_id,
        action: wanted.action_type,
        limit,
    };
    let entries = parts.store.audit_log(guild, &query).await?;
    Ok(Json(json!({
        "application_commands": commands(&parts, &entries).await?,
        "audit_log_entries": entries.iter().map(wire::audit_entry).collect::<Vec<_>>(),
        "auto_moderation_rules": rules(&view, &entries),
        "guild_scheduled_events": scheduled(&view, &me, &entries, parts.now_ms()),
        "integrations": [],
        "threads": threads(&view, &entries),
        "users": users(&parts, &entries).await?,
        "webhooks": webhooks(&parts, &entries).await?,
    })))
}

/// Who did something, and to whom.
async fn users(parts: &Parts, entries: &[AuditEntry]) -> Result<Vec<Value>, ApiError> {
    let target = |what: &AuditDraft| {
        let id = what.target.and_then(Id::new_checked)?;
        is_of_user(what.action).then_some(id)
    };
    let named = entries.iter().flat_map(|entry| [entry.what.user, target(&entry.what)]);
    let ids: BTreeSet<UserId> = named.flatten().collect();
    let users = parts.store.users().load(&ids.into_iter().collect::<Vec<_>>()).await?;
    Ok(users.iter().map(|user| wire::user(user)).collect())
}

/// Whether the target of such an action is an account.
const fn is_of_user(action: AuditAction) -> bool {
    matches!(
        action,
        AuditAction::MemberKick
            | AuditAction::MemberBanAdd
            | AuditAction::MemberBanRemove
            | AuditAction::MemberUpdate
            | AuditAction::MemberRoleUpdate
            | AuditAction::BotAdd
            | AuditAction::MessageDelete
            | AuditAction::MessagePin
            | AuditAction::MessageUnpin
            | AuditAction::AutoModerationBlockMessage
            | AuditAction::AutoModerationFlagToChannel
            | AuditAction::AutoModerationUserCommunicationDisabled
            | audit::actions::AUTO_MODERATION_QUARANTINE_USER
    )
}

/// The threads named that are still there.
fn threads(view: &Guild, entries: &[AuditEntry]) -> Vec<Value> {
    let named = targets(entries, |action| {
        matches!(action, AuditAction::ThreadCreate | AuditAction::ThreadUpdate)
    });
    let there = named.into_iter().filter_map(|id| view.threads.get(&Id::new_checked(id)?));
    there.map(|thread| wire::thread(thread, view.id, None)).collect()
}

/// The rules named that are still there.
fn rules(view: &Guild, entries: &[AuditEntry]) -> Vec<Value> {
    let named = targets(entries, |action| {
        matches!(
            action,
            AuditAction::AutoModerationRuleCreate | AuditAction::AutoModerationRuleUpdate
        )
    });
    let there = named.into_iter().filter_map(|id| view.rules.get(&Id::new_checked(id)?));
    there.map(|rule| wire::rule(&rule.record, view.id)).collect()
}

/// The events named that are still there and that `me` sees.
fn scheduled(view: &Guild, me: &Identity, entries: &[AuditEntry], now_ms: u64) -> Vec<Value> {
    let named = targets(entries, |action| {
        matches!(
            action,
            AuditAction::GuildScheduledEventCreate | AuditAction::GuildScheduledEventUpdate
        )
    });
    let there = named.into_iter().filter_map(|id| view.scheduled.get(&Id::new_checked(id)?));
    let seen = there.filter(|event| view.sees_scheduled(me.id(), &event.record, now_ms));
    seen.map(|event| wire::scheduled_event(view.id, &event.record)).collect()
}

/// The webhooks named that are still there; never their tokens.
async fn webhooks(parts: &Parts, entries: &[AuditEntry]) -> Result<Vec<Value>, ApiError> {
    let named = targets(entries, |action| {
        matches!(action, AuditAction::WebhookCreate | AuditAction::WebhookUpdate)
    });
    let mut shown = Vec::new();
    for id in named.into_iter().filter_map(Id::new_checked) {
        if let Some(webhook) = parts.webhooks.webhook(id).await? {
            shown.push(wire::webhook(&webhook));
        }
    }
    Ok(shown)
}

/// The commands named that are still there.
async fn commands(parts: &Parts, entries: &[AuditEntry]) -> Result<Vec<Value>, ApiError> {
    let named = entries.iter().filter_map(|entry| {
        let of = entry.what.options.get("application_id")?.as_str()?.parse().ok()?;
        let is_of_command = entry.what.action == AuditAction::ApplicationCommandPermissionUpdate;
        is_of_command.then_some((ApplicationId::new_checked(of)?, entry.what.target?))
    });
    let named: BTreeSet<_> = named.collect();
    let mut shown = Vec::new();
    for (application, id) in named {
        let Some(id) = CommandId::new_checked(id) else { continue };
        if let Some(command) = parts.commands.command(application, id).await? {
            shown.push(wire::command(&command, false));
        }
    }
    Ok(shown)
}

/// The targets of some actions, each once.
fn targets(entries: &[AuditEntry], of: impl Fn(AuditAction) -> bool) -> BTreeSet<u64> {
    let named = entries.iter().filter(|entry| of(entry.what.action));
    named.filter_map(|entry| entry.what.target).collect()
}

//! Pruning: members who were not here for a while are removed at once.

use std::collections::HashSet;

use axum::extract::State;
use model::gateway::DispatchName;
use model::id::GuildId;
use model::id::RoleId;
use model::id::UserId;
use model::limits;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::GuildCommand;
use state::audit::AuditAction;

use super::ApiError;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::Query;
use super::extract::Reason;
use super::extract::member_view;
use super::route::Needs;
use super::route::Routes;
use super::route::effects;
use super::route::get;
use super::schema;
use crate::parts::Parts;

pub(super) fn routes() -> Routes {
    Routes::new().route(
        "/guilds/{guild}/prune",
        get(count)
            .gives(&schema::guilds::PRUNED)
            .needs(Needs::All(NEEDED))
            .post(prune)
            .gives(&schema::guilds::PRUNED)
            .needs(Needs::All(NEEDED))
            .logs(&[AuditAction::MemberPrune])
            .tells(&[DispatchName::GuildMemberRemove])
            .may_tell(&[DispatchName::GuildDelete])
            .may_tell(effects::LEAVING),
    )
}

/// Whom to prune.
struct Wanted {
    days: u32,
    roles: Vec<RoleId>,
}

impl Wanted {
    fn read(days: Option<u32>, roles: Vec<RoleId>) -> Result<Self, ApiError> {
        let days = days.unwrap_or(7);
        let mut errors = FormErrors::default();
        if !limits::PRUNE_DAYS.contains(&days) {
            errors.push("days", "NUMBER_TYPE_RANGE", "int value should be between 1 and 30.");
        }
        if roles.len() > limits::PRUNE_ROLES {
            let message = format!("Must be {} or fewer in length.", limits::PRUNE_ROLES);
            errors.push("include_roles", "BASE_TYPE_MAX_LENGTH", message);
        }
        errors.finish()?;
        Ok(Self { days, roles })
    }

    /// Members below `me` without other roles than these, who are not online, came before, and had
    /// no session since. Bots are spared.
    async fn find(&self, parts: &Parts, view: &Guild, me: UserId) -> Result<Vec<UserId>, ApiError> {
        let since_ms = parts.now_ms().saturating_sub(u64::from(self.days) * DAY_MS);
        let since_micros = i128::from(since_ms) * 1_000;
        let bots: HashSet<_> = parts.store.users().bots().into_iter().collect();
        let away = view.members.peeks().filter(|member| {
            member.roles().all(|role| self.roles.contains(&role))
                && i128::from(member.joined_micros()) < since_micros
                && !view.presences.contains_key(&member.user())
                && view.outranks(me, member.user())
                && !bots.contains(&member.user())
        });
        let mut away: Vec<_> = away.map(|member| member.user()).collect();
        let seen = parts.accounts.seen_since(&away, since_ms).await?;
        let seen: HashSet<_> = seen.into_iter().collect();
        away.retain(|user| !seen.contains(user));
        Ok(away)
    }
}

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

#[derive(Deserialize)]
struct Count {
    days: Option<u32>,
    include_roles: Option<String>,
}

/// `GET /guilds/{guild.id}/prune`: how many would go (MANAGE_GUILD and KICK_MEMBERS).
async fn count(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    Query(query): Query<Count>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    view.permissions(me.id(), parts.now_ms()).require(NEEDED)?;
    let wanted = Wanted::read(query.days, listed(query.include_roles.as_deref())?)?;
    let away = wanted.find(&parts, &view, me.id()).await?;
    Ok(Json(json!({ "pruned": away.len() })))
}

const NEEDED: Permissions = Permissions::MANAGE_GUILD.union(Permissions::KICK_MEMBERS);

#[derive(Deserialize, Default)]
struct Prune {
    days: Option<u32>,
    compute_prune_count: Option<bool>,
    include_roles: Option<Roles>,
}

/// Libraries send a list, or a text with commas.
#[derive(Deserialize)]
#[serde(untagged)]
enum Roles {
    List(Vec<RoleId>),
    Text(String),
}

/// `POST /guilds/{guild.id}/prune`
async fn prune(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    reason: Reason,
    Json(body): Json<Prune>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    view.permissions(me.id(), parts.now_ms()).require(NEEDED)?;
    let roles = match body.include_roles {
        Some(Roles::List(roles)) => roles,
        Some(Roles::Text(text)) => listed(Some(&text))?,
        None => Vec::new(),
    };
    let wanted = Wanted::read(body.days, roles)?;
    let users = wanted.find(&parts, &view, me.id()).await?;
    let pruned = users.len();
    let command = GuildCommand::Prune { users, days: wanted.days };
    parts.store.execute(guild, reason.by(me.id()), command).await?;
    let counted = body.compute_prune_count.unwrap_or(true);
    Ok(Json(json!({ "pruned": counted.then_some(pruned) })))
}

fn listed(text: Option<&str>) -> Result<Vec<RoleId>, ApiError> {
    let parts = text.unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty());
    let roles = parts.map(|part| {
        part.parse().ok().and_then(RoleId::new_checked).ok_or_else(|| {
            let message = "Not a list of snowflakes.";
            ApiError::Form(FormErrors::one("include_roles", "NUMBER_TYPE_COERCE", message))
        })
    });
    roles.collect()
}

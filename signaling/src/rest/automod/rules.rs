//! The rules of a guild: seen, made, changed and deleted by those who manage it.

use axum::extract::State;
use axum::http::StatusCode;
use model::gateway::DispatchName;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::RoleId;
use model::id::RuleId;
use model::limits;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use state::GuildCommand;
use state::GuildView;
use state::audit::AuditAction;
use state::automod::rule::Action;
use state::automod::rule::Preset;
use state::automod::rule::RuleRecord;
use state::automod::rule::Trigger;
use state::automod::rule::WordLists;

use super::super::route::Needs;
use super::super::route::Routes;
use super::super::route::get;
use crate::auth::Identity;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::error::FormErrors;
use crate::rest::extract::Auth;
use crate::rest::extract::Json;
use crate::rest::extract::Path;
use crate::rest::extract::Reason;
use crate::rest::extract::member_view;
use crate::rest::schema;
use crate::wire;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route(
            "/guilds/{guild}/auto-moderation/rules",
            get(list)
                .lists(&schema::guilds::RULE)
                .needs(Needs::All(Permissions::MANAGE_GUILD))
                .post(create)
                .gives(&schema::guilds::RULE)
                .needs(Needs::All(Permissions::MANAGE_GUILD))
                .logs(&[AuditAction::AutoModerationRuleCreate])
                .tells(&[DispatchName::AutoModerationRuleCreate]),
        )
        .route(
            "/guilds/{guild}/auto-moderation/rules/{rule}",
            get(show)
                .gives(&schema::guilds::RULE)
                .needs(Needs::All(Permissions::MANAGE_GUILD))
                .patch(update)
                .gives(&schema::guilds::RULE)
                .needs(Needs::All(Permissions::MANAGE_GUILD))
                .logs(&[AuditAction::AutoModerationRuleUpdate])
                .tells(&[DispatchName::AutoModerationRuleUpdate])
                .may_tell(&[DispatchName::GuildMemberUpdate])
                .delete(remove)
                .needs(Needs::All(Permissions::MANAGE_GUILD))
                .logs(&[AuditAction::AutoModerationRuleDelete])
                .tells(&[DispatchName::AutoModerationRuleDelete])
                .may_tell(&[DispatchName::GuildMemberUpdate]),
        )
}

/// The guild, if `me` manages it.
fn managed(parts: &Parts, guild: GuildId, me: &Identity) -> Result<GuildView, ApiError> {
    let view = member_view(parts, guild, me.id())?;
    view.permissions(me.id(), parts.now_ms()).require(Permissions::MANAGE_GUILD)?;
    Ok(view)
}

fn shown(view: &GuildView, rule: RuleId) -> Result<Value, ApiError> {
    Ok(wire::rule(existing(view, rule)?, view.id))
}

/// The rule; one that is not there has no code of its own, on Discord neither: `404: Not Found`, 0.
fn existing(view: &GuildView, rule: RuleId) -> Result<&RuleRecord, ApiError> {
    let rule = view.rules.get(&rule).ok_or(ApiError::Status(StatusCode::NOT_FOUND))?;
    Ok(&rule.record)
}

/// `GET /guilds/{guild.id}/auto-moderation/rules`
async fn list(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    let view = managed(&parts, guild, &me)?;
    Ok(Json(view.rules.values().map(|rule| wire::rule(&rule.record, guild)).collect()))
}

/// `GET /guilds/{guild.id}/auto-moderation/rules/{rule.id}`
async fn show(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, rule)): Path<(GuildId, RuleId)>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(shown(&managed(&parts, guild, &me)?, rule)?))
}

/// A rule, or what of one is to change. `null` is as good as absent everywhere.
#[derive(Deserialize)]
struct Body {
    name: Option<String>,
    event_type: Option<u8>,
    trigger_type: Option<u8>,
    trigger_metadata: Option<Metadata>,
    actions: Option<Vec<GivenAction>>,
    enabled: Option<bool>,
    exempt_roles: Option<Vec<RoleId>>,
    exempt_channels: Option<Vec<ChannelId>>,
}

/// What a trigger is about; which fields count the type of the trigger says.
#[derive(Deserialize, Default)]
struct Metadata {
    keyword_filter: Option<Vec<String>>,
    regex_patterns: Option<Vec<String>>,
    allow_list: Option<Vec<String>>,
    presets: Option<Vec<u8>>,
    mention_total_limit: Option<u32>,
    mention_raid_protection_enabled: Option<bool>,
}

#[derive(Deserialize)]
struct GivenAction {
    #[serde(rename = "type")]
    kind: u8,
    metadata: Option<ActionMetadata>,
}

#[derive(Deserialize, Default)]
struct ActionMetadata {
    channel_id: Option<ChannelId>,
    duration_seconds: Option<u32>,
    custom_message: Option<String>,
}

/// `POST /guilds/{guild.id}/auto-moderation/rules`
async fn create(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    reason: Reason,
    Json(body): Json<Body>,
) -> Result<Json<Value>, ApiError> {
    managed(&parts, guild, &me)?;
    let mut errors = FormErrors::default();
    let required = [
        ("name", body.name.is_none()),
        ("event_type", body.event_type.is_none()),
        ("trigger_type", body.trigger_type.is_none()),
        ("actions", body.actions.is_none()),
    ];
    for (field, _) in required.into_iter().filter(|(_, missing)| *missing) {
        errors.push(field, "BASE_TYPE_REQUIRED", "This field is required");
    }
    errors.finish()?;
    let trigger = match body.trigger_type.unwrap_or_default() {
        1 => Trigger::Keyword(WordLists::default()),
        3 => Trigger::Spam,
        4 => Trigger::Preset { presets: Vec::new(), allow: Vec::new() },
        5 => Trigger::Mentions { limit: 0, raid_protection: false },
        6 => Trigger::Profile(WordLists::default()),
        _ => return Err(choices("trigger_type", "1, 3, 4, 5, 6")),
    };
    let id = parts.ids.next();
    let rule = RuleRecord {
        id,
        name: String::new(),
        creator: me.id(),
        trigger,
        actions: Vec::new(),
        enabled: false,
        exempt_roles: Vec::new(),
        exempt_channels: Vec::new(),
    };
    let rule = changed(rule, body)?;
    let command = GuildCommand::CreateRule(rule);
    let view = parts.store.execute(guild, reason.by(me.id()), command).await?;
    Ok(Json(shown(&view, id)?))
}

/// `PATCH /guilds/{guild.id}/auto-moderation/rules/{rule.id}`
async fn update(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, rule)): Path<(GuildId, RuleId)>,
    reason: Reason,
    Json(body): Json<Body>,
) -> Result<Json<Value>, ApiError> {
    let view = managed(&parts, guild, &me)?;
    let old = existing(&view, rule)?;
    if body.trigger_type.is_some_and(|kind| kind != old.trigger.number()) {
        return Err(choices("trigger_type", &old.trigger.number().to_string()));
    }
    let command = GuildCommand::ReplaceRule(changed(old.clone(), body)?);
    let view = parts.store.execute(guild, reason.by(me.id()), command).await?;
    Ok(Json(shown(&view, rule)?))
}

/// `DELETE /guilds/{guild.id}/auto-moderation/rules/{rule.id}`
async fn remove(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, rule)): Path<(GuildId, RuleId)>,
    reason: Reason,
) -> Result<StatusCode, ApiError> {
    existing(&managed(&parts, guild, &me)?, rule)?;
    parts.store.execute(guild, reason.by(me.id()), GuildCommand::DeleteRule(rule)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The rule with what the body says of it.
fn changed(mut rule: RuleRecord, body: Body) -> Result<RuleRecord, ApiError> {
    let event = if rule.trigger.is_of_profiles() { 2 } else { 1 };
    if body.event_type.is_some_and(|given| given != event) {
        return Err(choices("event_type", &event.to_string()));
    }
    if let Some(metadata) = body.trigger_metadata {
        tell(&mut rule.trigger, metadata)?;
    }
    rule.name = body.name.unwrap_or(rule.name);
    rule.enabled = body.enabled.unwrap_or(rule.enabled);
    rule.exempt_roles = body.exempt_roles.map_or(rule.exempt_roles, unique);
    rule.exempt_channels = body.exempt_channels.map_or(rule.exempt_channels, unique);
    if let Some(actions) = body.actions {
        let actions = actions.into_iter().enumerate();
        rule.actions = actions.map(|(at, given)| action(at, given)).collect::<Result<_, _>>()?;
    }
    Ok(rule)
}

/// Changes what a trigger is about; what is absent stays.
fn tell(trigger: &mut Trigger, metadata: Metadata) -> Result<(), ApiError> {
    match trigger {
        Trigger::Keyword(lists) | Trigger::Profile(lists) => {
            for (list, given) in [
                (&mut lists.keywords, metadata.keyword_filter),
                (&mut lists.patterns, metadata.regex_patterns),
                (&mut lists.allow, metadata.allow_list),
            ] {
                if let Some(given) = given {
                    *list = given;
                }
            }
        }
        Trigger::Preset { presets, allow } => {
            if let Some(given) = metadata.presets {
                let field = "trigger_metadata.presets";
                let all = given
                    .into_iter()
                    .map(|number| Preset::of(number).ok_or_else(|| choices(field, "1, 2, 3")));
                *presets = all.collect::<Result<_, _>>()?;
                presets.sort_unstable_by_key(|preset| preset.number());
                presets.dedup();
            }
            *allow = metadata.allow_list.unwrap_or_else(|| std::mem::take(allow));
        }
        Trigger::Mentions { limit, raid_protection } => {
            *limit = metadata.mention_total_limit.unwrap_or(*limit);
            *raid_protection = metadata.mention_raid_protection_enabled.unwrap_or(*raid_protection);
        }
        Trigger::Spam => {}
    }
    Ok(())
}

fn action(at: usize, given: GivenAction) -> Result<Action, ApiError> {
    let metadata = given.metadata.unwrap_or_default();
    let missing = |field: &str| {
        let path = format!("actions.{at}.metadata.{field}");
        ApiError::Form(FormErrors::one(&path, "BASE_TYPE_REQUIRED", "This field is required"))
    };
    Ok(match given.kind {
        1 => Action::Block { message: metadata.custom_message.filter(|text| !text.is_empty()) },
        2 => Action::Alert { channel: metadata.channel_id.ok_or_else(|| missing("channel_id"))? },
        3 => {
            let seconds = metadata.duration_seconds.ok_or_else(|| missing("duration_seconds"))?;
            Action::Timeout { seconds }
        }
        4 => Action::Quarantine,
        _ => return Err(choices(&format!("actions.{at}.type"), "1, 2, 3, 4")),
    })
}

fn choices(field: &str, values: &str) -> ApiError {
    let message = format!("Value must be one of ({values}).");
    ApiError::Form(FormErrors::one(field, "BASE_TYPE_CHOICES", message))
}

/// Each once, in order; one more than may be is kept, to be refused.
fn unique<T: PartialEq>(list: Vec<T>) -> Vec<T> {
    let most = limits::RULE_EXEMPT_ROLES.max(limits::RULE_EXEMPT_CHANNELS) + 1;
    let mut kept = Vec::new();
    for one in list {
        if !kept.contains(&one) && kept.len() < most {
            kept.push(one);
        }
    }
    kept
}

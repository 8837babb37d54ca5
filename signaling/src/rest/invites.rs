//! Invites: made for a channel, looked up and accepted by their code.

use std::sync::Arc;

use axum::Extension;
use axum::extract::Request;
use axum::extract::State;
use axum::response::IntoResponse as _;
use axum::response::Response;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::ScheduledEventId;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::GuildEvent;
use state::GuildHandle;
use state::audit::AuditAction;
use state::audit::AuditDraft;
use state::record::InviteRecord;
use state::record::InviteTargets;
use state::record::UserRecord;
use state::repo::RepoError;
use state::store::ChannelHome;

use super::ApiError;
use super::audit_log::note;
use super::automod;
use super::carry::carry_out;
use super::channels;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Flag;
use super::extract::Json;
use super::extract::Path;
use super::extract::Query;
use super::extract::Reason;
use super::extract::member_view;
use super::invite_targets;
use super::invite_targets::Create;
use super::invite_targets::Wanted;
use super::route::Needs;
use super::route::Routes;
use super::route::effects;
use super::route::get;
use super::schema;
use crate::auth::Accounts;
use crate::auth::Identity;
use crate::auth::accounts::invite_code;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route(
            "/invites/{code}",
            get(show)
                .gives(&schema::channels::INVITE)
                .post(accept)
                .gives(&schema::channels::INVITE)
                .may_log(effects::NAMING)
                .tells(&[DispatchName::GuildMemberAdd, DispatchName::GuildCreate])
                .may_tell(&[DispatchName::PresenceUpdate])
                .may_tell(effects::PROFILE)
                .delete(revoke)
                .gives(&schema::channels::INVITE)
                .may_log(&[AuditAction::InviteDelete])
                .may_tell(&[DispatchName::InviteDelete]),
        )
        .route(
            "/guilds/{guild}/invites",
            get(of_guild)
                .lists(&schema::channels::INVITE)
                .needs(Needs::All(Permissions::MANAGE_GUILD)),
        )
        .route(
            "/channels/{channel}/invites",
            get(of_channel)
                .lists(&schema::channels::INVITE)
                .needs(Needs::All(Permissions::MANAGE_CHANNELS))
                .post(create)
                .gives(&schema::channels::INVITE)
                .needs(Needs::All(Permissions::CREATE_INVITE))
                .reads::<Create>()
                .may_log(&[AuditAction::InviteCreate])
                .may_tell(&[DispatchName::InviteCreate]),
        )
        .merge(invite_targets::routes())
}

/// An invite as those see it who may revoke it.
pub(super) fn detailed(
    invite: &InviteRecord,
    view: Option<&Guild>,
    inviter: Option<&UserRecord>,
) -> Value {
    let mut value = wire::invite(invite, view, inviter, false);
    value["uses"] = json!(invite.uses);
    value["max_uses"] = json!(invite.max_uses);
    value["max_age"] = json!(invite.max_age);
    value["temporary"] = json!(invite.temporary);
    value["created_at"] = json!(crate::parts::timestamp(invite.created_ms));
    value
}

/// How long and how often an invite is good (Discord: Create Channel Invite).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    /// Seconds, at most a week; 0 is for ever.
    pub(super) max_age: u32,
    /// At most 100; 0 is without end.
    pub(super) max_uses: u32,
}

impl Terms {
    /// What a request wants; a day and without end when it does not say.
    pub(super) fn parse(max_age: Option<u32>, max_uses: Option<u32>) -> Result<Self, ApiError> {
        let terms =
            Self { max_age: max_age.unwrap_or(86_400), max_uses: max_uses.unwrap_or_default() };
        let mut errors = FormErrors::default();
        for (field, value, most) in
            [("max_age", terms.max_age, MAX_AGE), ("max_uses", terms.max_uses, MAX_USES)]
        {
            if value > most {
                let message = format!("int value should be less than or equal to {most}.");
                errors.push(field, "NUMBER_TYPE_MAX", message);
            }
        }
        errors.finish()?;
        Ok(terms)
    }
}

/// Longest life of an invite, in seconds (Discord: Create Channel Invite).
const MAX_AGE: u32 = 604_800;
/// Most uses of an invite (Discord: Create Channel Invite).
const MAX_USES: u32 = 100;

async fn valid(parts: &Parts, code: &str) -> Result<InviteRecord, ApiError> {
    let invite = parts.invites.invite(code).await?;
    let invite = invite.filter(|invite| invite.is_valid(parts.now_ms()));
    Ok(invite.ok_or(ErrorCode::UnknownInvite)?)
}

#[derive(Deserialize)]
struct Counts {
    #[serde(default)]
    with_counts: Flag,
    guild_scheduled_event_id: Option<ScheduledEventId>,
}

/// Whether someone may know of an invite: of one that names people only these, and those who can revoke
/// it.
async fn sees(
    parts: &Parts,
    invite: &InviteRecord,
    asker: Option<&Identity>,
) -> Result<bool, ApiError> {
    if let (Some(asker), Some(guild)) = (asker, invite.guild.and_then(|id| parts.store.guild(id))) {
        let own = invite.inviter == Some(asker.id());
        if own || may_revoke(&guild.view(), asker, invite, parts.now_ms()) {
            return Ok(true);
        }
    }
    invite_targets::is_for(parts, invite, asker.map(Identity::id)).await
}

/// `GET /invites/{invite.code}`: open to all who have the code, but for one that names people.
async fn show(
    State(parts): State<Parts>,
    Path(code): Path<String>,
    Query(query): Query<Counts>,
    asker: Option<Extension<Identity>>,
) -> Result<Json<Value>, ApiError> {
    let invite = valid(&parts, &code).await?;
    let asker = asker.as_ref().map(|Extension(asker)| asker);
    if !sees(&parts, &invite, asker).await? {
        return Err(ErrorCode::UnknownInvite.into());
    }
    let mut value = shown(&parts, &invite, query.with_counts.0).await?;
    let event = query.guild_scheduled_event_id.and_then(|id| planned(&parts, &invite, id));
    if let Some(event) = event {
        value["guild_scheduled_event"] = event;
    }
    Ok(Json(value))
}

/// An event that is shown with an invite: of its guild, not over, and in sight of whoever invites.
fn planned(parts: &Parts, invite: &InviteRecord, id: ScheduledEventId) -> Option<Value> {
    let view = parts.store.guild(invite.guild?)?.view();
    let event = view.scheduled.get(&id)?;
    let open = !event.record.status.is_final()
        && view.sees_scheduled(invite.inviter?, &event.record, parts.now_ms());
    let mut value = wire::scheduled_event(view.id, &event.record);
    value["user_count"] = json!(event.interested.len());
    open.then_some(value)
}

async fn shown(parts: &Parts, invite: &InviteRecord, counts: bool) -> Result<Value, ApiError> {
    let view = match invite.guild {
        Some(guild) => Some(parts.store.guild(guild).ok_or(ErrorCode::UnknownInvite)?.view()),
        None => None,
    };
    let inviter = match invite.inviter {
        Some(inviter) => parts.store.users().user(inviter).await?,
        None => None,
    };
    Ok(wire::invite(invite, view.as_deref(), inviter.as_deref(), counts))
}

/// `POST /invites/{invite.code}`: become a member. Who is one already uses nothing up.
async fn accept(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(code): Path<String>,
) -> Result<Json<Value>, ApiError> {
    if me.user.bot {
        return Err(ErrorCode::BotsCannotUse.into());
    }
    let invite = valid(&parts, &code).await?;
    if !invite_targets::is_for(&parts, &invite, Some(me.id())).await? {
        return Err(ErrorCode::UnknownInvite.into());
    }
    let (guild, handle) = guild_of(&parts, &invite)?;
    let view = handle.view();
    if view.bans.contains_key(&me.id()) {
        return Err(ErrorCode::BannedFromGuild.into());
    }
    let new = !view.members.contains_key(&me.id());
    if new && view.settings.incidents.close_invites(parts.now_ms()) {
        return Err(ErrorCode::UnknownInvite.into());
    }
    if new {
        let (parts, user) = (parts.clone(), me.id());
        carry_out(async move {
            let used = match parts.invites.use_once(&code, parts.now_ms()).await {
                Ok(used) => used,
                Err(RepoError::NotFound) => return Err(ErrorCode::UnknownInvite.into()),
                Err(error) => return Err(error.into()),
            };
            Accounts::from(&parts).join_by(&used, guild, user).await?;
            automod::profile(&parts, guild, user, false).await;
            Ok(())
        })
        .await?;
    }
    let mut value = shown(&parts, &invite, true).await?;
    value["new_member"] = json!(new);
    if handle.view().is_pending(me.id()) {
        value["show_verification_form"] = json!(true);
    }
    Ok(Json(value))
}

/// The guild that an invite leads into; an invite to the instance leads into none.
fn guild_of(parts: &Parts, invite: &InviteRecord) -> Result<(GuildId, GuildHandle), ApiError> {
    let guild = invite.guild.ok_or(ErrorCode::UnknownInvite)?;
    Ok((guild, parts.store.guild(guild).ok_or(ErrorCode::UnknownInvite)?))
}

/// `DELETE /invites/{invite.code}`: MANAGE_GUILD, or MANAGE_CHANNELS where it leads. Invites to
/// the instance are revoked by its owner.
async fn revoke(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(code): Path<String>,
    reason: Reason,
) -> Result<Json<Value>, ApiError> {
    let invite = parts.invites.invite(&code).await?.ok_or(ErrorCode::UnknownInvite)?;
    if invite.guild.is_none() {
        if !me.owner {
            return Err(ErrorCode::MissingPermissions.into());
        }
        remove(&parts, &code).await?;
        return Ok(Json(detailed(&invite, None, None)));
    }
    let (_, handle) = guild_of(&parts, &invite)?;
    let view = handle.view();
    if !may_revoke(&view, &me, &invite, parts.now_ms()) {
        return Err(ErrorCode::MissingPermissions.into());
    }
    let value = shown(&parts, &invite, false).await?;
    carry_out(async move {
        remove(&parts, &code).await?;
        let event = GuildEvent::InviteDeleted { code, channel: invite.channel };
        handle.publish(event).await?;
        let entry = AuditDraft::new(&reason.by(me.id()), AuditAction::InviteDelete, None);
        let entry = entry.changing(&logged(&invite), &Value::Null);
        note(&parts, handle.id(), entry).await;
        Ok(())
    })
    .await?;
    Ok(Json(value))
}

/// An invite as the audit log shows it.
fn logged(invite: &InviteRecord) -> Value {
    json!({
        "code": invite.code,
        "channel_id": invite.channel,
        "inviter_id": invite.inviter,
        "uses": invite.uses,
        "max_uses": invite.max_uses,
        "max_age": invite.max_age,
        "temporary": invite.temporary,
    })
}

fn may_revoke(view: &Guild, me: &Identity, invite: &InviteRecord, now_ms: u64) -> bool {
    let there = invite.channel.is_some_and(|channel| {
        view.permissions_in(me.id(), channel, now_ms).has(Permissions::MANAGE_CHANNELS)
    });
    there || view.permissions(me.id(), now_ms).has(Permissions::MANAGE_GUILD)
}

async fn remove(parts: &Parts, code: &str) -> Result<(), ApiError> {
    match parts.invites.remove(code).await {
        Ok(()) => Ok(()),
        Err(RepoError::NotFound) => Err(ErrorCode::UnknownInvite.into()),
        Err(error) => Err(error.into()),
    }
}

/// `GET /guilds/{guild.id}/invites`
async fn of_guild(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    view.permissions(me.id(), parts.now_ms()).require(Permissions::MANAGE_GUILD)?;
    Ok(Json(list(&parts, &view, |_| true).await?))
}

/// `GET /channels/{channel.id}/invites`
async fn of_channel(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
) -> Result<Json<Value>, ApiError> {
    let guild = guild_channel(&parts, &me, channel, Permissions::MANAGE_CHANNELS).await?;
    Ok(Json(list(&parts, &guild.view(), |invite| invite.channel == Some(channel)).await?))
}

async fn list(
    parts: &Parts,
    view: &Guild,
    wanted: impl Fn(&InviteRecord) -> bool,
) -> Result<Value, ApiError> {
    let now_ms = parts.now_ms();
    let mut invites = parts.invites.list(Some(view.id)).await?;
    invites.retain(|invite| invite.is_valid(now_ms) && wanted(invite));
    let inviters: Vec<_> = invites.iter().filter_map(|invite| invite.inviter).collect();
    let inviters = parts.store.users().load(&inviters).await?;
    let shown = invites.iter().map(|invite| {
        let inviter = inviters.iter().find(|user| Some(user.id) == invite.inviter);
        detailed(invite, Some(view), inviter.map(|user| &**user))
    });
    Ok(shown.collect())
}

async fn guild_channel(
    parts: &Parts,
    me: &Identity,
    channel: ChannelId,
    needed: Permissions,
) -> Result<GuildHandle, ApiError> {
    match channels::open(parts, me, channel, needed).await? {
        ChannelHome::Guild(guild) => Ok(guild),
        ChannelHome::Private(_) => Err(ErrorCode::CannotExecuteOnPrivateChannel.into()),
    }
}

/// `POST /channels/{channel.id}/invites`. Unless it is to be unique or names people, one of the same
/// terms that the asker made before and nobody used is given again.
async fn create(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    reason: Reason,
    request: Request,
) -> Result<Response, ApiError> {
    // A stranger must not make us hold their upload.
    let guild = guild_channel(&parts, &me, channel, Permissions::CREATE_INVITE).await?;
    let Wanted { body, users } = match Wanted::read(&parts, request).await {
        Ok(wanted) => wanted,
        Err(refusal) => return Ok(refusal),
    };
    let Terms { max_age, max_uses } = Terms::parse(body.max_age, body.max_uses)?;
    let now_ms = parts.now_ms();
    let fresh = InviteRecord {
        code: invite_code(),
        guild: Some(guild.id()),
        channel: Some(channel),
        inviter: Some(me.id()),
        max_uses,
        uses: 0,
        max_age,
        created_ms: now_ms,
        owner: false,
        temporary: body.temporary.unwrap_or_default(),
        roles: body.roles(&guild.view(), me.id(), now_ms)?,
        // For nobody, until those whom it names are known.
        targets: users.as_ref().map(|_| InviteTargets { users: 0, named_ms: now_ms }),
    };
    let invites = parts.invites.list(Some(guild.id())).await?;
    if !body.unique.unwrap_or_default() && users.is_none() {
        // The same but for its code, and no more than half gone.
        let alike = invites.iter().find(|old| {
            let age_ms = now_ms.saturating_sub(old.created_ms);
            old.max_age == max_age
                && (max_age == 0 || age_ms < u64::from(max_age) * 500)
                && **old
                    == InviteRecord {
                        code: old.code.clone(),
                        created_ms: old.created_ms,
                        ..fresh.clone()
                    }
        });
        if let Some(old) = alike {
            let shown = detailed(old, Some(&guild.view()), Some(&me.user));
            return Ok(Json(shown).into_response());
        }
    }
    if invites.iter().filter(|invite| invite.is_valid(now_ms)).count() >= INVITES {
        return Err(ErrorCode::MaximumInvites.into());
    }
    let shown = detailed(&fresh, Some(&guild.view()), Some(&me.user));
    carry_out(async move {
        parts.invites.create(&fresh).await?;
        if let Some(users) = users {
            parts.invites.target(&fresh.code, &users, now_ms).await?;
        }
        let entry = AuditDraft::new(&reason.by(me.id()), AuditAction::InviteCreate, None);
        let entry = entry.changing(&Value::Null, &logged(&fresh));
        guild.publish(GuildEvent::InviteCreated(Arc::new(fresh))).await?;
        note(&parts, guild.id(), entry).await;
        Ok(())
    })
    .await?;
    Ok(Json(shown).into_response())
}

/// Valid invites of one guild (Discord error 30016).
const INVITES: usize = 1_000;

//! Members of a guild: who they are, and what they and moderators change of them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::response::Response;
use model::calendar::Moment;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::RoleId;
use model::id::UserId;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use state::Guild;
use state::GuildCommand;
use state::audit::AuditAction;
use state::audit::AuditDraft;
use state::audit::By;
use state::guild::command::MemberDraft;
use state::guild::command::MemberPatch;
use state::screening::BYPASSES_VERIFICATION;

use super::ApiError;
use super::audit_log::note;
use super::automod;
use super::caller::Caller;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::Query;
use super::extract::Reason;
use super::extract::member_view;
use super::extract::some;
use super::route::Needs;
use super::route::Routes;
use super::route::effects;
use super::route::get;
use super::route::patch;
use super::route::put;
use super::schema;
use super::screening;
use crate::auth::PrivilegedIntents;
use crate::auth::Scope;
use crate::parts::Parts;
use crate::parts::timestamp;
use crate::wire;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route(
            "/guilds/{guild}/members",
            get(list).lists(&schema::people::MEMBER).within("limit", 1, 1_000),
        )
        .route(
            "/guilds/{guild}/members/search",
            get(search).lists(&schema::people::MEMBER).within("limit", 1, 1_000),
        )
        .route(
            "/guilds/{guild}/members/@me",
            get(show_me)
                .gives(&schema::people::MEMBER)
                .patch(update_me)
                .gives(&schema::people::MEMBER)
                .needs(Needs::Any(NICKNAMES))
                .logs(&[AuditAction::MemberUpdate])
                .may_log(effects::NAMING)
                .tells(&[DispatchName::GuildMemberUpdate])
                .may_tell(effects::PROFILE),
        )
        .route(
            "/guilds/{guild}/members/{user}",
            get(show)
                .gives(&schema::people::MEMBER)
                .put(add)
                .gives(&schema::people::MEMBER)
                .with_status(201)
                .or(204)
                .needs(Needs::Application)
                .tells(&[DispatchName::GuildMemberAdd, DispatchName::GuildCreate])
                .may_tell(&[DispatchName::PresenceUpdate, DispatchName::GuildJoinRequestCreate])
                .patch(update)
                .gives(&schema::people::MEMBER)
                .needs(Needs::All(Permissions::MANAGE_NICKNAMES))
                .may_log(&[
                    AuditAction::MemberUpdate,
                    AuditAction::MemberRoleUpdate,
                    AuditAction::MemberMove,
                    AuditAction::MemberDisconnect,
                ])
                .may_log(effects::NAMING)
                .may_tell(&[DispatchName::VoiceServerUpdate, DispatchName::GuildJoinRequestUpdate])
                .may_tell(effects::PROFILE)
                .may_tell(effects::SIGHT)
                .delete(kick)
                .needs(Needs::All(Permissions::KICK_MEMBERS))
                .logs(&[AuditAction::MemberKick])
                .tells(effects::REMOVAL)
                .may_tell(effects::LEAVING),
        )
        .route(
            "/guilds/{guild}/members/@me/nick",
            patch(update_me)
                .gives(&schema::people::MEMBER)
                .needs(Needs::Any(NICKNAMES))
                .logs(&[AuditAction::MemberUpdate])
                .may_log(effects::NAMING)
                .tells(&[DispatchName::GuildMemberUpdate])
                .may_tell(effects::PROFILE),
        )
        .route("/users/@me/guilds/{guild}/member", get(show_own).gives(&schema::people::MEMBER))
        .route(
            "/guilds/{guild}/members/{user}/roles/{role}",
            put(give)
                .needs(Needs::All(Permissions::MANAGE_ROLES))
                .logs(&[AuditAction::MemberRoleUpdate])
                .tells(&[DispatchName::GuildMemberUpdate])
                .may_tell(&[DispatchName::GuildJoinRequestUpdate])
                .may_tell(effects::SIGHT)
                .delete(take)
                .needs(Needs::All(Permissions::MANAGE_ROLES))
                .logs(&[AuditAction::MemberRoleUpdate])
                .tells(&[DispatchName::GuildMemberUpdate])
                .may_tell(effects::SIGHT),
        )
}

async fn shown(parts: &Parts, view: &Guild, user: UserId) -> Result<Value, ApiError> {
    let member = view.members.get(&user).ok_or(ErrorCode::UnknownMember)?;
    let user = parts.store.users().user(user).await?.ok_or(ErrorCode::UnknownUser)?;
    Ok(wire::member(&member, &user))
}

#[derive(Deserialize)]
struct List {
    limit: Option<u32>,
    after: Option<u64>,
}

/// How many members a page has: 1 to 1,000, one when it is not said.
fn page_size(limit: Option<u32>) -> Result<usize, ApiError> {
    let limit = limit.unwrap_or(1);
    if !(1..=1_000).contains(&limit) {
        let message = "int value should be between 1 and 1000.";
        return Err(ApiError::Form(FormErrors::one("limit", "NUMBER_TYPE_RANGE", message)));
    }
    Ok(usize::try_from(limit).unwrap_or(usize::MAX))
}

/// `GET /guilds/{guild.id}/members`: by ascending id. Bots need the switch of the GUILD_MEMBERS
/// intent.
async fn list(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    Query(query): Query<List>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    if let Some(application) = &me.application
        && application.flags & PrivilegedIntents::MEMBERS_FLAGS == 0
    {
        return Err(ErrorCode::MissingAccess.into());
    }
    let limit = page_size(query.limit)?;
    // `0` is how libraries ask for the first page.
    let from = UserId::new(query.after.unwrap_or_default().saturating_add(1));
    let ids: Vec<_> = view.members.from(from).take(limit).collect();
    let users = parts.store.users().load(&ids).await?;
    let shown =
        users.iter().filter_map(|user| Some(wire::member(&*view.members.get(&user.id)?, user)));
    Ok(Json(shown.collect()))
}

#[derive(Deserialize)]
struct Search {
    #[serde(default)]
    query: String,
    limit: Option<u32>,
}

/// `GET /guilds/{guild.id}/members/search`: by the beginning of a name.
async fn search(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    Query(query): Query<Search>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let limit = page_size(query.limit)?;
    let wanted = query.query.to_lowercase();
    if wanted.is_empty() {
        let message = "This field is required";
        return Err(ApiError::Form(FormErrors::one("query", "BASE_TYPE_REQUIRED", message)));
    }
    let users = parts.store.users();
    let found = view
        .called(users, &wanted, limit)
        .into_iter()
        .filter_map(|user| Some(wire::member(&*view.members.get(&user)?, &*users.cached(user)?)));
    Ok(Json(found.collect()))
}

/// `GET /guilds/{guild.id}/members/{user.id}`
async fn show(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, user)): Path<(GuildId, UserId)>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    Ok(Json(shown(&parts, &view, user).await?))
}

/// `GET /users/@me/guilds/{guild.id}/member`, also of applications.
async fn show_own(
    caller: Caller,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    let me = caller.with(Scope::GuildsMembersRead)?;
    let view = member_view(&parts, guild, me.id())?;
    Ok(Json(shown(&parts, &view, me.id()).await?))
}

#[derive(Deserialize)]
struct Add {
    access_token: String,
    nick: Option<String>,
    #[serde(default)]
    roles: Option<Vec<RoleId>>,
    mute: Option<bool>,
    deaf: Option<bool>,
}

/// `PUT /guilds/{guild.id}/members/{user.id}`: a bot brings in a person who allowed it
/// (`guilds.join`). 204 when they are there already.
async fn add(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, user)): Path<(GuildId, UserId)>,
    Json(body): Json<Add>,
) -> Result<Response, ApiError> {
    let application = me.application.as_ref().ok_or(ErrorCode::OnlyBotsCanUse)?;
    let view = member_view(&parts, guild, me.id())?;
    let access = parts.auth.grants.of_token(&body.access_token, parts.now_ms()).await?;
    let access = access
        .filter(|access| access.grant.application == application.id && access.grant.user == user);
    let access = access.ok_or(ErrorCode::InvalidAccessToken)?;
    if !access.has(Scope::GuildsJoin) {
        return Err(ErrorCode::MissingScope.into());
    }
    if view.members.contains_key(&user) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let draft = MemberDraft {
        user,
        now: parts.now(),
        nick: body.nick,
        roles: body.roles.unwrap_or_default(),
        mute: body.mute.unwrap_or_default(),
        deaf: body.deaf.unwrap_or_default(),
    };
    let view = parts.store.execute(guild, me.id(), GuildCommand::AddMember(draft)).await?;
    screening::tell_begun(&parts.store, &view, user);
    Ok((StatusCode::CREATED, Json(shown(&parts, &view, user).await?)).into_response())
}

/// `GET /guilds/{guild.id}/members/@me`
async fn show_me(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    Ok(Json(shown(&parts, &view, me.id()).await?))
}

#[derive(Deserialize)]
struct Update {
    #[serde(default, deserialize_with = "some")]
    nick: Option<Option<String>>,
    #[serde(default, deserialize_with = "some")]
    roles: Option<Option<Vec<RoleId>>>,
    mute: Option<bool>,
    deaf: Option<bool>,
    #[serde(default, deserialize_with = "some")]
    channel_id: Option<Option<ChannelId>>,
    #[serde(default, deserialize_with = "some")]
    communication_disabled_until: Option<Option<Moment>>,
    flags: Option<u64>,
}

/// `PATCH /guilds/{guild.id}/members/{user.id}`
async fn update(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, user)): Path<(GuildId, UserId)>,
    reason: Reason,
    Json(body): Json<Update>,
) -> Result<Json<Value>, ApiError> {
    let by = reason.by(me.id());
    let mut view = member_view(&parts, guild, me.id())?;
    let connected = view.voice.contains_key(&user);
    // Discord: Modify Guild Member.
    if (body.mute.is_some() || body.deaf.is_some() || body.channel_id.is_some()) && !connected {
        view.members.get(&user).ok_or(ErrorCode::UnknownMember)?;
        return Err(ErrorCode::NotConnectedToVoice.into());
    }
    let patch = MemberPatch {
        nick: body.nick,
        roles: body.roles.map(Option::unwrap_or_default),
        mute: body.mute,
        deaf: body.deaf,
        communication_disabled_until: body
            .communication_disabled_until
            .map(|until| until.map(|Moment(ms)| timestamp(ms))),
        // The one flag that people set (Discord: Guild Member Flags); the others are passed over.
        bypasses_verification: body.flags.map(|flags| flags & BYPASSES_VERIFICATION != 0),
    };
    if patch != MemberPatch::default() {
        let was = automod::quarantined(&view, user);
        let renamed = patch.nick.is_some();
        let command = GuildCommand::UpdateMember(user, patch);
        view = parts.store.execute(guild, by.clone(), command).await?;
        if renamed {
            automod::profile(&parts, guild, user, was).await;
        }
    }
    if let Some(channel) = body.channel_id {
        let was = view.voice.get(&user).and_then(|state| state.channel);
        parts.calls.move_member(me.id(), guild, user, channel).await?;
        if was.is_some() && was != channel {
            let entry = match channel {
                Some(to) => {
                    AuditDraft::new(&by, AuditAction::MemberMove, None).with("channel_id", to)
                }
                None => AuditDraft::new(&by, AuditAction::MemberDisconnect, None),
            };
            note(&parts, guild, entry.with("count", 1)).await;
        }
    }
    Ok(Json(shown(&parts, &view, user).await?))
}

#[derive(Deserialize)]
struct UpdateMe {
    #[serde(default, deserialize_with = "some")]
    nick: Option<Option<String>>,
}

/// `PATCH /guilds/{guild.id}/members/@me`
async fn update_me(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    reason: Reason,
    Json(body): Json<UpdateMe>,
) -> Result<Json<Value>, ApiError> {
    let was = automod::quarantined(&*member_view(&parts, guild, me.id())?, me.id());
    let patch = MemberPatch { nick: body.nick, ..MemberPatch::default() };
    let command = GuildCommand::UpdateMember(me.id(), patch);
    let view = parts.store.execute(guild, reason.by(me.id()), command).await?;
    automod::profile(&parts, guild, me.id(), was).await;
    Ok(Json(shown(&parts, &view, me.id()).await?))
}

/// `DELETE /guilds/{guild.id}/members/{user.id}`
async fn kick(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, user)): Path<(GuildId, UserId)>,
    reason: Reason,
) -> Result<StatusCode, ApiError> {
    member_view(&parts, guild, me.id())?;
    parts.store.execute(guild, reason.by(me.id()), GuildCommand::Kick(user)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /guilds/{guild.id}/members/{user.id}/roles/{role.id}`
async fn give(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, user, role)): Path<(GuildId, UserId, RoleId)>,
    reason: Reason,
) -> Result<StatusCode, ApiError> {
    change_roles(&parts, guild, reason.by(me.id()), user, |roles| {
        if !roles.contains(&role) {
            roles.push(role);
        }
    })
    .await
}

/// `DELETE /guilds/{guild.id}/members/{user.id}/roles/{role.id}`
async fn take(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, user, role)): Path<(GuildId, UserId, RoleId)>,
    reason: Reason,
) -> Result<StatusCode, ApiError> {
    let by = reason.by(me.id());
    if !member_view(&parts, guild, me.id())?.roles.contains_key(&role) {
        return Err(ErrorCode::UnknownRole.into());
    }
    change_roles(&parts, guild, by, user, |roles| roles.retain(|held| *held != role)).await
}

async fn change_roles(
    parts: &Parts,
    guild: GuildId,
    by: By,
    user: UserId,
    change: impl FnOnce(&mut Vec<RoleId>),
) -> Result<StatusCode, ApiError> {
    let view = member_view(parts, guild, by.actor)?;
    let mut roles = view.members.get(&user).ok_or(ErrorCode::UnknownMember)?.roles.clone();
    change(&mut roles);
    let patch = MemberPatch { roles: Some(roles), ..MemberPatch::default() };
    parts.store.execute(guild, by, GuildCommand::UpdateMember(user, patch)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Either is enough to change one's own (Discord: Modify Current Member).
const NICKNAMES: Permissions = Permissions::CHANGE_NICKNAME.union(Permissions::MANAGE_NICKNAMES);

//! Threads: who is in them, and which there are. They are started by `messages::start`.

use std::cmp::Reverse;

use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::TagId;
use model::id::UserId;
use model::wire::channel::ChannelType;
use model::wire::guild::Permissions;
use model::wire::util::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::GuildCommand;
use state::GuildView;
use state::store::ChannelHome;
use state::thread::Thread;
use state::thread::ThreadMember;

use super::ApiError;
use super::channels;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Flag;
use super::extract::Json;
use super::extract::Path;
use super::extract::Query;
use super::extract::member_view;
use super::route::Needs;
use super::route::Routes;
use super::route::get;
use super::route::patch;
use super::schema;
use crate::auth::Identity;
use crate::auth::PrivilegedIntents;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route(
            "/channels/{channel}/thread-members",
            get(members).lists(&schema::channels::THREAD_MEMBER),
        )
        .route(
            "/channels/{channel}/thread-members/@me/settings",
            patch(settings)
                .gives(&schema::channels::THREAD_MEMBER)
                .tells(&[DispatchName::ThreadMemberUpdate]),
        )
        .route(
            "/channels/{channel}/thread-members/{user}",
            get(member)
                .gives(&schema::channels::THREAD_MEMBER)
                .put(add)
                .tells(&[DispatchName::ThreadMembersUpdate])
                .may_tell(&[DispatchName::ThreadCreate])
                .delete(remove)
                .tells(&[DispatchName::ThreadMembersUpdate]),
        )
        .route(
            "/channels/{channel}/threads/archived/public",
            get(archived_public).gives(&schema::channels::THREADS),
        )
        .route(
            "/channels/{channel}/threads/archived/private",
            get(archived_private)
                .gives(&schema::channels::THREADS)
                .needs(Needs::All(Permissions::MANAGE_THREADS)),
        )
        .route(
            "/channels/{channel}/users/@me/threads/archived/private",
            get(archived_joined).gives(&schema::channels::THREADS),
        )
        .route("/channels/{channel}/threads/search", get(search).gives(&schema::channels::THREADS))
        .route("/guilds/{guild}/threads/active", get(active).gives(&schema::channels::THREADS))
}

/// The guild of a thread that `me` may see.
async fn open(parts: &Parts, me: &Identity, thread: ChannelId) -> Result<GuildView, ApiError> {
    match channels::open(parts, me, thread, Permissions::empty()).await? {
        ChannelHome::Guild(guild) if guild.view().threads.contains_key(&thread) => Ok(guild.view()),
        _ => Err(ErrorCode::CannotExecuteOnChannelType.into()),
    }
}

/// `PUT /channels/{channel.id}/thread-members/{user.id}`, of oneself by `@me`
async fn add(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((thread, user)): Path<(ChannelId, String)>,
) -> Result<StatusCode, ApiError> {
    let user = whose(&user, &me)?;
    let guild = open(&parts, &me, thread).await?.id;
    let command = GuildCommand::AddThreadMembers(thread, vec![user]);
    parts.store.execute(guild, me.id(), command).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /channels/{channel.id}/thread-members/{user.id}`, of oneself by `@me`
async fn remove(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((thread, user)): Path<(ChannelId, String)>,
) -> Result<StatusCode, ApiError> {
    let user = whose(&user, &me)?;
    let guild = open(&parts, &me, thread).await?.id;
    let command = GuildCommand::RemoveThreadMember(thread, user);
    parts.store.execute(guild, me.id(), command).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whom a path means.
fn whose(text: &str, me: &Identity) -> Result<UserId, ApiError> {
    match text {
        "@me" => Ok(me.id()),
        digits => Ok(digits.parse().map_err(|_| ErrorCode::UnknownUser)?),
    }
}

#[derive(Deserialize)]
struct Settings {
    flags: Option<u64>,
}

/// `PATCH /channels/{channel.id}/thread-members/@me/settings`: how people's clients notify them.
async fn settings(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(thread): Path<ChannelId>,
    Json(body): Json<Settings>,
) -> Result<Json<Value>, ApiError> {
    let view = open(&parts, &me, thread).await?;
    let own = |view: &Guild| view.threads.get(&thread)?.members.get(&me.id()).copied();
    let before = own(&view).ok_or(ErrorCode::UnknownMember)?;
    let flags = body.flags.unwrap_or(before.flags);
    let command = GuildCommand::SetThreadFlags(thread, flags);
    let view = parts.store.execute(view.id, me.id(), command).await?;
    let member = own(&view).ok_or(ErrorCode::UnknownMember)?;
    Ok(Json(wire::thread_member(thread, &member)))
}

#[derive(Deserialize)]
struct WithMember {
    #[serde(default)]
    with_member: Flag,
}

/// `GET /channels/{channel.id}/thread-members/{user.id}`
async fn member(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((thread, user)): Path<(ChannelId, String)>,
    Query(query): Query<WithMember>,
) -> Result<Json<Value>, ApiError> {
    let user = whose(&user, &me)?;
    let view = open(&parts, &me, thread).await?;
    let member = view.threads.get(&thread).and_then(|thread| thread.members.get(&user));
    let member = member.ok_or(ErrorCode::UnknownMember)?;
    let shown = shown_members(&parts, &view, thread, &[*member], query.with_member.0).await?;
    Ok(Json(shown.into_iter().next().unwrap_or_default()))
}

#[derive(Deserialize)]
struct Members {
    #[serde(default)]
    with_member: Flag,
    after: Option<u64>,
    limit: Option<usize>,
}

/// `GET /channels/{channel.id}/thread-members`: by ascending id; all of them, or with their members
/// of the guild a page. Bots need the switch of the GUILD_MEMBERS intent.
async fn members(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(id): Path<ChannelId>,
    Query(query): Query<Members>,
) -> Result<Json<Value>, ApiError> {
    let view = open(&parts, &me, id).await?;
    if let Some(application) = &me.application
        && application.flags & PrivilegedIntents::MEMBERS_FLAGS == 0
    {
        return Err(ErrorCode::MissingAccess.into());
    }
    let limit = page_size(query.limit, 100)?;
    let paged = query.with_member.0 || query.limit.is_some() || query.after.is_some();
    let limit = if paged { limit } else { usize::MAX };
    let from = UserId::new(query.after.unwrap_or_default().saturating_add(1));
    let thread = view.threads.get(&id).ok_or(ErrorCode::UnknownChannel)?;
    let page: Vec<_> =
        thread.members.range(from..).take(limit).map(|(_, member)| *member).collect();
    let shown = shown_members(&parts, &view, id, &page, query.with_member.0).await?;
    Ok(Json(Value::Array(shown)))
}

async fn shown_members(
    parts: &Parts,
    view: &Guild,
    thread: ChannelId,
    members: &[ThreadMember],
    with_member: bool,
) -> Result<Vec<Value>, ApiError> {
    let ids: Vec<_> = members.iter().map(|member| member.user).collect();
    let users = if with_member { parts.store.users().load(&ids).await? } else { Vec::new() };
    let shown = members.iter().map(|member| {
        let mut value = wire::thread_member(thread, member);
        let user = users.iter().find(|user| user.id == member.user);
        if let (Some(user), Some(of_guild)) = (user, view.members.get(&member.user)) {
            value["member"] = wire::member(&of_guild, user);
        }
        value
    });
    Ok(shown.collect())
}

/// `GET /guilds/{guild.id}/threads/active`: newest first.
async fn active(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let mut threads: Vec<_> =
        wire::active_threads(&view, me.id(), parts.now_ms(), |_| true).collect();
    threads.sort_unstable_by_key(|thread| Reverse(thread.record.id));
    Ok(Json(listed(&view, me.id(), &threads)))
}

#[derive(Deserialize)]
struct Archived {
    before: Option<String>,
    limit: Option<usize>,
}

/// `GET /channels/{channel.id}/threads/archived/public`: latest archived first.
async fn archived_public(
    auth: Auth,
    parts: State<Parts>,
    channel: Path<ChannelId>,
    query: Query<Archived>,
) -> Result<Json<Value>, ApiError> {
    let public = |thread: &Thread, _: UserId| !thread.record.is_private();
    archived(auth, parts, channel, query, Permissions::empty(), public).await
}

/// `GET /channels/{channel.id}/threads/archived/private`: latest archived first.
async fn archived_private(
    auth: Auth,
    parts: State<Parts>,
    channel: Path<ChannelId>,
    query: Query<Archived>,
) -> Result<Json<Value>, ApiError> {
    let private = |thread: &Thread, _: UserId| thread.record.is_private();
    archived(auth, parts, channel, query, Permissions::MANAGE_THREADS, private).await
}

async fn archived(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    Query(query): Query<Archived>,
    needed: Permissions,
    of: impl Fn(&Thread, UserId) -> bool,
) -> Result<Json<Value>, ApiError> {
    let view = parent(&parts, &me, channel, needed).await?;
    let limit = page_size(query.limit, 50)?;
    let before_ms = match query.before.as_deref() {
        Some(text) => Some(moment(text)?),
        None => None,
    };
    let mut threads: Vec<&Thread> = view
        .threads
        .values()
        .map(AsRef::as_ref)
        .filter(|thread| thread.record.parent == channel && thread.record.archived)
        .filter(|thread| of(thread, me.id()))
        .filter(|thread| before_ms.is_none_or(|before| thread.record.archive_ms < before))
        .collect();
    threads.sort_unstable_by_key(|thread| Reverse((thread.record.archive_ms, thread.record.id)));
    Ok(Json(page(&view, me.id(), threads, limit)))
}

/// `GET /channels/{channel.id}/users/@me/threads/archived/private`: newest first; `before` is an id.
async fn archived_joined(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    Query(query): Query<Archived>,
) -> Result<Json<Value>, ApiError> {
    let view = parent(&parts, &me, channel, Permissions::empty()).await?;
    let limit = page_size(query.limit, 50)?;
    let before: Option<ChannelId> = match query.before.as_deref() {
        Some(text) => Some(text.parse().map_err(|_| {
            let message = "Value is not snowflake.";
            ApiError::Form(FormErrors::one("before", "NUMBER_TYPE_COERCE", message))
        })?),
        None => None,
    };
    let threads: Vec<&Thread> = view
        .threads
        .values()
        .rev()
        .map(AsRef::as_ref)
        .filter(|thread| thread.record.parent == channel && thread.record.archived)
        .filter(|thread| thread.record.is_private() && thread.members.contains_key(&me.id()))
        .filter(|thread| before.is_none_or(|before| thread.record.id < before))
        .collect();
    Ok(Json(page(&view, me.id(), threads, limit)))
}

#[derive(Deserialize)]
struct Search {
    name: Option<String>,
    #[serde(default)]
    archived: Option<Flag>,
    sort_by: Option<String>,
    sort_order: Option<String>,
    limit: Option<usize>,
    #[serde(default)]
    offset: usize,
    /// Ids with commas between them.
    tag: Option<String>,
    tag_setting: Option<String>,
}

/// `GET /channels/{channel.id}/threads/search`: what people's clients show of a forum.
async fn search(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    Query(query): Query<Search>,
) -> Result<Json<Value>, ApiError> {
    let view = parent(&parts, &me, channel, Permissions::empty()).await?;
    let limit = page_size(query.limit, 25)?;
    let now_ms = parts.now_ms();
    let name = query.name.as_deref().map(str::to_lowercase);
    let tags: Vec<TagId> = query
        .tag
        .as_deref()
        .into_iter()
        .flat_map(|list| list.split(','))
        .filter_map(|id| id.parse().ok())
        .collect();
    let all_tags = query.tag_setting.as_deref() == Some("match_all");
    let tagged = |thread: &Thread| {
        let has = |tag| thread.record.tags.contains(tag);
        tags.is_empty() || if all_tags { tags.iter().all(has) } else { tags.iter().any(has) }
    };
    let mut threads: Vec<&Thread> = view
        .threads
        .values()
        .map(AsRef::as_ref)
        .filter(|thread| thread.record.parent == channel && tagged(thread))
        .filter(|thread| query.archived.is_none_or(|want| want.0 == thread.record.archived))
        .filter(|thread| {
            name.as_ref().is_none_or(|name| thread.record.name.to_lowercase().contains(name))
        })
        .filter(|thread| {
            let allowed = view.permissions_in(me.id(), thread.record.id, now_ms);
            allowed.has(Permissions::VIEW_CHANNEL)
        })
        .collect();
    let by = query.sort_by.as_deref();
    let ascending = query.sort_order.as_deref() == Some("asc");
    threads.sort_by_key(|thread| {
        let last = thread.counts.last_message.map_or(0, |id| id.get());
        let key = match by {
            Some("creation_time") => thread.record.id.get(),
            Some("archive_time") => thread.record.archive_ms,
            _ => last.max(thread.record.id.get()),
        };
        if ascending { key } else { u64::MAX - key }
    });
    let total = threads.len();
    let rest = threads.split_off(query.offset.min(total));
    let mut shown = page(&view, me.id(), rest, limit);
    shown["total_results"] = json!(total);
    Ok(Json(shown))
}

/// The guild of a channel whose history `me` may read, and has `needed` in.
async fn parent(
    parts: &Parts,
    me: &Identity,
    channel: ChannelId,
    needed: Permissions,
) -> Result<GuildView, ApiError> {
    let needed = needed | Permissions::READ_MESSAGE_HISTORY;
    let ChannelHome::Guild(guild) = channels::open(parts, me, channel, needed).await? else {
        return Err(ErrorCode::CannotExecuteOnPrivateChannel.into());
    };
    let view = guild.view();
    match view.channels.get(&channel).map(|channel| channel.kind) {
        Some(
            ChannelType::GuildText
            | ChannelType::GuildAnnouncement
            | ChannelType::GuildForum
            | ChannelType::GuildMedia,
        ) => Ok(view),
        _ => Err(ErrorCode::CannotExecuteOnChannelType.into()),
    }
}

fn page(view: &Guild, viewer: UserId, mut threads: Vec<&Thread>, limit: usize) -> Value {
    let has_more = threads.len() > limit;
    threads.truncate(limit);
    let mut value = listed(view, viewer, &threads);
    value["has_more"] = json!(has_more);
    value
}

/// Threads, and the viewer's own memberships in them.
fn listed(view: &Guild, viewer: UserId, threads: &[&Thread]) -> Value {
    let members = threads.iter().filter_map(|thread| {
        let member = thread.members.get(&viewer)?;
        Some(wire::thread_member(thread.record.id, member))
    });
    let shown = threads.iter().map(|thread| wire::thread(thread, view.id, Some(viewer)));
    json!({ "threads": shown.collect::<Vec<_>>(), "members": members.collect::<Vec<_>>() })
}

/// How many a page has: 1 to 100.
fn page_size(limit: Option<usize>, usual: usize) -> Result<usize, ApiError> {
    let limit = limit.unwrap_or(usual);
    if (1..=100).contains(&limit) {
        return Ok(limit);
    }
    let message = "int value should be between 1 and 100.";
    Err(ApiError::Form(FormErrors::one("limit", "NUMBER_TYPE_RANGE", message)))
}

/// Unix milliseconds of an ISO 8601 time.
fn moment(text: &str) -> Result<u64, ApiError> {
    // A `+` of the zone that a client did not escape arrives as a space.
    let time = Timestamp::parse(&text.replace(' ', "+"));
    let micros = time.map(|time| time.as_micros()).map_err(|_| {
        let message = "Not a valid ISO 8601 date and time.";
        ApiError::Form(FormErrors::one("before", "BASE_TYPE_BAD_DATETIME", message))
    })?;
    // Clients page by what they were shown, to the microsecond; we count milliseconds.
    Ok(u64::try_from(micros.div_euclid(1_000)).unwrap_or(0))
}

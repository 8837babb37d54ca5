//! Events that a guild plans: made, changed, begun and ended, and who wants to come to them.

mod draft;
mod exceptions;

use axum::extract::DefaultBodyLimit;
use axum::extract::RawQuery;
use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::ScheduledEventId;
use model::id::StageId;
use model::id::UserId;
use model::limits;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::GuildCommand;
use state::GuildView;
use state::audit::AuditAction;
use state::audit::By;
use state::guild::command::ScheduledEventPatch;
use state::scheduled::EventPlace;
use state::scheduled::EventStatus;
use state::scheduled::Scheduled;

use super::ApiError;
use super::carry::carry_out;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Flag;
use super::extract::Json;
use super::extract::Path;
use super::extract::Query;
use super::extract::Reason;
use super::extract::bound;
use super::extract::member_view;
use super::route::Needs;
use super::route::Routes;
use super::route::get;
use super::route::put;
use super::stages;
use crate::cdn::picture;
use crate::cdn::picture::Owner;
use crate::cdn::picture::Wish;
use crate::parts::Parts;
use crate::rest::schema;
use crate::wire;
use draft::Create;
use draft::Update;

pub(super) fn routes() -> Routes {
    let all = "/guilds/{guild}/scheduled-events";
    let one = "/guilds/{guild}/scheduled-events/{event}";
    let pictured = DefaultBodyLimit::max(limits::PICTURE_BODY);
    Routes::new()
        .route(
            all,
            get(list)
                .lists(&schema::guilds::SCHEDULED_EVENT)
                .post(create)
                .gives(&schema::guilds::SCHEDULED_EVENT)
                .needs(Needs::All(Permissions::CREATE_EVENTS))
                .logs(&[AuditAction::GuildScheduledEventCreate])
                .tells(&[DispatchName::GuildScheduledEventCreate])
                .layer(pictured),
        )
        .route(
            one,
            get(show)
                .gives(&schema::guilds::SCHEDULED_EVENT)
                .patch(update)
                .gives(&schema::guilds::SCHEDULED_EVENT)
                .needs(Needs::All(Permissions::MANAGE_EVENTS))
                .logs(&[AuditAction::GuildScheduledEventUpdate])
                .tells(&[DispatchName::GuildScheduledEventUpdate])
                .may_log(&[AuditAction::StageInstanceCreate])
                .may_tell(&[
                    DispatchName::GuildScheduledEventExceptionDelete,
                    DispatchName::StageInstanceCreate,
                ])
                .delete(remove)
                .needs(Needs::All(Permissions::MANAGE_EVENTS))
                .logs(&[AuditAction::GuildScheduledEventDelete])
                .tells(&[DispatchName::GuildScheduledEventDelete])
                .layer(pictured),
        )
        .route(
            &format!("{one}/users"),
            get(users).lists(&schema::guilds::EVENT_USER).within("limit", 1, 100),
        )
        .route(&format!("{one}/users/counts"), get(counts).gives(&schema::guilds::EVENT_COUNTS))
        .route(
            &format!("{one}/users/@me"),
            put(follow)
                .gives(&schema::guilds::EVENT_USER)
                .tells(&[DispatchName::GuildScheduledEventUserAdd])
                .delete(unfollow)
                .tells(&[DispatchName::GuildScheduledEventUserRemove]),
        )
        .merge(exceptions::routes(one))
}

/// An event that `user` sees.
fn seen(
    parts: &Parts,
    view: &Guild,
    user: UserId,
    id: ScheduledEventId,
) -> Result<std::sync::Arc<Scheduled>, ApiError> {
    let event = view.scheduled.get(&id);
    let event = event.filter(|event| view.sees_scheduled(user, &event.record, parts.now_ms()));
    Ok(event.cloned().ok_or(ErrorCode::UnknownScheduledEvent)?)
}

/// An event with its creator.
async fn shown(
    parts: &Parts,
    guild: GuildId,
    event: &Scheduled,
    with_count: bool,
) -> Result<Value, ApiError> {
    let mut value = wire::scheduled_event(guild, &event.record);
    if let Some(creator) = parts.store.users().user(event.record.creator).await? {
        value["creator"] = wire::user(&creator);
    }
    if with_count {
        value["user_count"] = json!(event.interested.len());
    }
    Ok(value)
}

#[derive(Deserialize)]
struct Counted {
    #[serde(default)]
    with_user_count: Flag,
}

/// `GET /guilds/{guild.id}/scheduled-events`: those that are on or still to come.
async fn list(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    Query(query): Query<Counted>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let now_ms = parts.now_ms();
    let open = view.scheduled.values().filter(|event| {
        !event.record.status.is_final() && view.sees_scheduled(me.id(), &event.record, now_ms)
    });
    let mut events = Vec::new();
    for event in open {
        events.push(shown(&parts, guild, event, query.with_user_count.0).await?);
    }
    Ok(Json(Value::Array(events)))
}

/// `GET /guilds/{guild.id}/scheduled-events/{event.id}`
async fn show(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, event)): Path<(GuildId, ScheduledEventId)>,
    Query(query): Query<Counted>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let event = seen(&parts, &view, me.id(), event)?;
    Ok(Json(shown(&parts, guild, &event, query.with_user_count.0).await?))
}

/// `POST /guilds/{guild.id}/scheduled-events`
async fn create(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    reason: Reason,
    Json(mut body): Json<Create>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let wish = Wish::read("image", Some(body.image.take()), None)?;
    let id = parts.ids.next();
    let event = body.event(id, me.id())?;
    // Before anything is kept; the store asks again on the snapshot of that moment.
    let command = GuildCommand::CreateScheduledEvent(Box::new(event.clone()));
    view.plan(me.id(), &command, parts.now_ms())?;
    let (by, keeper) = (reason.by(me.id()), parts.clone());
    let view = carry_out(async move {
        let owner = Owner::Event(id);
        let image = wish.keep(&keeper, owner).await?.flatten();
        let event =
            Box::new(state::scheduled::ScheduledEventRecord { image: image.clone(), ..event });
        let made = keeper.store.execute(guild, by, GuildCommand::CreateScheduledEvent(event)).await;
        if made.is_err() {
            picture::forget(&keeper, owner, image.as_deref(), None).await;
        }
        Ok(made?)
    })
    .await?;
    let event = seen(&parts, &view, me.id(), id)?;
    Ok(Json(shown(&parts, guild, &event, false).await?))
}

/// `PATCH /guilds/{guild.id}/scheduled-events/{event.id}`
async fn update(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, id)): Path<(GuildId, ScheduledEventId)>,
    reason: Reason,
    Json(mut body): Json<Update>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let old = seen(&parts, &view, me.id(), id)?;
    let wish = Wish::read("image", body.image.take(), old.record.image.as_deref())?;
    let patch = body.patch()?;
    // Before anything is kept or opened; the store asks again on the snapshot of that moment.
    let tried = GuildCommand::UpdateScheduledEvent(id, Box::new(patch.clone()));
    view.plan(me.id(), &tried, parts.now_ms())?;
    let (by, keeper) = (reason.by(me.id()), parts.clone());
    let view =
        carry_out(async move { change(&keeper, guild, id, by, (patch, wish)).await }).await?;
    let event = seen(&parts, &view, me.id(), id)?;
    Ok(Json(shown(&parts, guild, &event, false).await?))
}

/// Changes an event and its cover; of the two covers, the one that is not shown goes.
async fn change(
    parts: &Parts,
    guild: GuildId,
    id: ScheduledEventId,
    by: By,
    (mut patch, wish): (ScheduledEventPatch, Wish),
) -> Result<GuildView, ApiError> {
    let _changing = picture::changing().await;
    let view = member_view(parts, guild, by.actor)?;
    let before = seen(parts, &view, by.actor, id)?.record.image.clone();
    if patch.status == Some(EventStatus::Active) {
        patch.stage = open_stage(parts, guild, id, &patch, &by).await?;
    }
    let owner = Owner::Event(id);
    patch.image = wish.keep(parts, owner).await?;
    let image = patch.image.clone();
    let command = GuildCommand::UpdateScheduledEvent(id, Box::new(patch));
    let outcome = parts.store.execute(guild, by, command).await;
    let (old, now) = match &outcome {
        Ok(_) => (before.clone(), image.unwrap_or(before)),
        Err(_) => (image.flatten(), before),
    };
    picture::forget(parts, owner, old.as_deref(), now.as_deref()).await;
    Ok(outcome?)
}

/// The stage of an event that begins on one, opened now if it is not.
async fn open_stage(
    parts: &Parts,
    guild: GuildId,
    id: ScheduledEventId,
    patch: &ScheduledEventPatch,
    by: &By,
) -> Result<Option<StageId>, ApiError> {
    let handle = parts.store.guild(guild).ok_or(ErrorCode::UnknownGuild)?;
    let view = handle.view();
    let event = seen(parts, &view, by.actor, id)?;
    let EventPlace::Stage(channel) = event.record.place else { return Ok(None) };
    let channel = patch.channel.flatten().unwrap_or(channel);
    if let Some(stage) = view.stages.get(&channel) {
        return Ok(Some(stage.id));
    }
    let stage = parts.ids.next();
    let topic = patch.name.as_ref().unwrap_or(&event.record.name).clone();
    let command = GuildCommand::OpenStage { id: stage, channel, topic, event: Some(id) };
    stages::carry_out(parts, &handle, command, by.clone()).await?;
    Ok(Some(stage))
}

/// What begins an event on the stage that is opened for it.
pub(super) fn beginning(
    view: &Guild,
    id: ScheduledEventId,
    channel: ChannelId,
    stage: StageId,
) -> Result<GuildCommand, ApiError> {
    let event = view.scheduled.get(&id).map(|event| &event.record);
    let event = event.filter(|event| event.place == EventPlace::Stage(channel));
    let event = event.ok_or(ErrorCode::UnknownScheduledEvent)?;
    let status = (event.status != EventStatus::Active).then_some(EventStatus::Active);
    let patch = ScheduledEventPatch { status, stage: Some(stage), ..Default::default() };
    Ok(GuildCommand::UpdateScheduledEvent(id, Box::new(patch)))
}

/// `DELETE /guilds/{guild.id}/scheduled-events/{event.id}`
async fn remove(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, id)): Path<(GuildId, ScheduledEventId)>,
    reason: Reason,
) -> Result<StatusCode, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    seen(&parts, &view, me.id(), id)?;
    carry_out(async move {
        let _changing = picture::changing().await;
        let image = member_view(&parts, guild, me.id())?
            .scheduled
            .get(&id)
            .and_then(|event| event.record.image.clone());
        let command = GuildCommand::DeleteScheduledEvent(id);
        parts.store.execute(guild, reason.by(me.id()), command).await?;
        picture::forget(&parts, Owner::Event(id), image.as_deref(), None).await;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

#[derive(Deserialize)]
struct Page {
    limit: Option<usize>,
    #[serde(default)]
    with_member: Flag,
    #[serde(default, deserialize_with = "bound")]
    before: Option<UserId>,
    #[serde(default, deserialize_with = "bound")]
    after: Option<UserId>,
}

/// `GET /guilds/{guild.id}/scheduled-events/{event.id}/users`, by ascending id.
async fn users(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, event)): Path<(GuildId, ScheduledEventId)>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let event = seen(&parts, &view, me.id(), event)?;
    Ok(Json(Value::Array(listed(&parts, &view, &event, &page).await?)))
}

/// Those who want to come to an event, of one page.
async fn listed(
    parts: &Parts,
    view: &Guild,
    event: &Scheduled,
    page: &Page,
) -> Result<Vec<Value>, ApiError> {
    let limit = page.limit.unwrap_or(USERS);
    if !(1..=USERS).contains(&limit) {
        let message = "int value should be between 1 and 100.";
        return Err(ApiError::Form(FormErrors::one("limit", "NUMBER_TYPE_RANGE", message)));
    }
    let mut ids: Vec<UserId> = match (page.before, page.after) {
        (Some(before), _) => event.interested.range(..before).rev().take(limit).copied().collect(),
        (None, after) => {
            let from = event.interested.iter().filter(|user| after.is_none_or(|at| **user > at));
            from.take(limit).copied().collect()
        }
    };
    ids.sort_unstable();
    let users = parts.store.users().load(&ids).await?;
    let shown = users.iter().map(|user| {
        let mut value = wire::event_user(&event.record, user.id);
        value["user"] = wire::user(user);
        let member = view.members.get(&user.id).filter(|_| page.with_member.0);
        if let Some(member) = member {
            value["member"] = wire::member(&member, user);
        }
        value
    });
    Ok(shown.collect())
}

/// Most who are listed at once (Discord: Get Guild Scheduled Event Users).
const USERS: usize = 100;

/// Exceptions counted at once (userdoccers: Get Guild Scheduled Event User Count).
const COUNTED: usize = 10;

/// `GET /guilds/{guild.id}/scheduled-events/{event.id}/users/counts`
async fn counts(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, event)): Path<(GuildId, ScheduledEventId)>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let event = seen(&parts, &view, me.id(), event)?;
    let count = event.interested.len();
    // Named again for each exception, or all at once with commas.
    let query = query.unwrap_or_default();
    let named = query.split('&').filter_map(|pair| pair.split_once('='));
    let named = named.filter(|(name, _)| name.starts_with("guild_scheduled_event_exception_ids"));
    let ids = named.flat_map(|(_, ids)| ids.split(',').flat_map(|ids| ids.split("%2C")));
    let ids = ids.filter_map(|id| id.parse::<u64>().ok()).take(COUNTED);
    let counts: serde_json::Map<_, _> = ids.map(|id| (id.to_string(), json!(count))).collect();
    Ok(Json(json!({
        "guild_scheduled_event_count": count,
        "guild_scheduled_event_exception_counts": counts,
    })))
}

/// `PUT /guilds/{guild.id}/scheduled-events/{event.id}/users/@me`: of people's clients.
async fn follow(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, id)): Path<(GuildId, ScheduledEventId)>,
) -> Result<Json<Value>, ApiError> {
    member_view(&parts, guild, me.id())?;
    let command = GuildCommand::FollowScheduledEvent(id, true);
    let view = parts.store.execute(guild, me.id(), command).await?;
    let event = seen(&parts, &view, me.id(), id)?;
    Ok(Json(wire::event_user(&event.record, me.id())))
}

/// `DELETE /guilds/{guild.id}/scheduled-events/{event.id}/users/@me`
async fn unfollow(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, id)): Path<(GuildId, ScheduledEventId)>,
) -> Result<StatusCode, ApiError> {
    member_view(&parts, guild, me.id())?;
    let command = GuildCommand::FollowScheduledEvent(id, false);
    parts.store.execute(guild, me.id(), command).await?;
    Ok(StatusCode::NO_CONTENT)
}

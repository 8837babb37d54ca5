//! Starting a thread: from a message, by itself, or as a post in a forum with its first message.

use std::sync::Arc;

use axum::extract::Request;
use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::MessageId;
use model::id::TagId;
use model::id::UserId;
use model::wire::channel::ChannelType;
use model::wire::channel::message::MessageReference;
use model::wire::channel::message::MessageReferenceType;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::GuildCommand;
use state::GuildView;
use state::event::ChatEvent;
use state::guild::command::ThreadDraft;
use state::guild::command::is_forum;
use state::record::MessageRecord;

use super::create;
use super::draft::Body;
use super::kind;
use super::multipart;
use super::place::Place;
use crate::cdn::Origin;
use crate::cdn::upload;
use crate::cdn::upload::NewFile;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::automod;
use crate::rest::carry::carry_out;
use crate::rest::error::FormErrors;
use crate::rest::extract::Auth;
use crate::rest::extract::Json;
use crate::rest::extract::Path;
use crate::wire;

/// A thread that is asked for, and a post's first message.
#[derive(Deserialize, Default)]
pub(super) struct Start {
    name: Option<String>,
    auto_archive_duration: Option<u16>,
    rate_limit_per_user: Option<u16>,
    #[serde(rename = "type")]
    kind: Option<u8>,
    invitable: Option<bool>,
    applied_tags: Option<Vec<TagId>>,
    message: Option<Body>,
}

impl multipart::Payload for Start {}

impl Start {
    fn draft(
        &mut self,
        id: ChannelId,
        parent: ChannelId,
        kind: ChannelType,
    ) -> Result<ThreadDraft, ApiError> {
        let name = self.name.take().ok_or_else(|| {
            ApiError::Form(FormErrors::one("name", "BASE_TYPE_REQUIRED", "This field is required"))
        })?;
        Ok(ThreadDraft {
            id,
            parent,
            kind,
            name,
            auto_archive_minutes: self.auto_archive_duration,
            rate_limit_per_user: self.rate_limit_per_user,
            invitable: self.invitable,
            tags: self.applied_tags.take().unwrap_or_default(),
        })
    }
}

/// `POST /channels/{channel.id}/messages/{message.id}/threads`
pub(super) async fn from_message(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, id)): Path<(ChannelId, MessageId)>,
    Json(mut body): Json<Start>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let place = Place::open(&parts, &me, channel, Permissions::READ_MESSAGE_HISTORY).await?;
    place.require_guild()?;
    let announced = place.guild_channel().is_some_and(is_announcement);
    let kind = if announced { ChannelType::AnnouncementThread } else { ChannelType::PublicThread };
    let draft = body.draft(id.cast(), channel, kind)?;
    automod::title(&parts, &place, &me, &draft.name).await?;
    let user = me.id();
    let view = carry_out(start_from(parts, place, user, id, draft)).await?;
    Ok((StatusCode::CREATED, Json(shown(&view, id.cast(), user)?)))
}

async fn start_from(
    parts: Parts,
    place: Place,
    user: UserId,
    id: MessageId,
    draft: ThreadDraft,
) -> Result<GuildView, ApiError> {
    let guild = place.guild().ok_or(ErrorCode::CannotExecuteOnPrivateChannel)?;
    let _turn = parts.chat.change(id).await;
    let mut message = super::existing(&parts, place.channel, id).await?;
    if !kind::is_said(message.kind) {
        return Err(ErrorCode::CannotExecuteOnSystemMessage.into());
    }
    let view = parts.store.execute(guild, user, GuildCommand::CreateThread(draft)).await?;
    message.flags |= HAS_THREAD;
    parts.messages.update(&message).await?;
    place.publish(&parts, ChatEvent::MessageUpdated(Arc::new(message.clone()))).await;
    let starter = MessageRecord {
        guild: Some(guild),
        kind: state::thread::STARTER,
        reference: Some(reference(place.channel, guild, Some(id))),
        ..MessageRecord::said(parts.ids.next(), id.cast(), message.author, String::new())
    };
    parts.messages.insert(&starter).await?;
    place.publish(&parts, ChatEvent::MessageCreated(Arc::new(starter))).await;
    // What was said in it since is in the newest snapshot.
    Ok(parts.store.guild(guild).map_or(view, |handle| handle.view()))
}

/// `POST /channels/{channel.id}/threads`: a thread without a message, or a post in a forum.
pub(super) async fn start(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    origin: Origin,
    request: Request,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let place = Place::open(&parts, &me, channel, Permissions::empty()).await?;
    place.require_guild()?;
    let forum = place.guild_channel().is_some_and(|channel| is_forum(channel.kind));
    if forum {
        place.require(Permissions::SEND_MESSAGES)?;
    }
    let form = multipart::read_as::<Start>(&parts, request).await?;
    let place = Place::open(&parts, &me, channel, Permissions::empty()).await?;
    let (mut body, user) = (form.body, me.id());
    if !forum {
        let announced = place.guild_channel().is_some_and(is_announcement);
        // Discord's default, as old as its documentation of threads.
        let usual = if announced { 10 } else { 12 };
        let kind = ChannelType::from(body.kind.unwrap_or(usual));
        let draft = body.draft(parts.ids.next(), channel, kind)?;
        let id = draft.id;
        automod::title(&parts, &place, &me, &draft.name).await?;
        let view = carry_out(start_alone(parts, place, user, draft)).await?;
        return Ok((StatusCode::CREATED, Json(shown(&view, id, user)?)));
    }
    let id: ChannelId = parts.ids.next();
    let thread = body.draft(id, channel, ChannelType::PublicThread)?;
    let message = body.message.ok_or_else(|| {
        ApiError::Form(FormErrors::one("message", "BASE_TYPE_REQUIRED", "This field is required"))
    })?;
    let mut draft = message.draft(form.files, id)?;
    create::require_rights(&place, &me, &mut draft)?;
    let files = std::mem::take(&mut draft.files);
    draft.nonce = None;
    automod::title(&parts, &place, &me, &thread.name).await?;
    let composed = create::compose(&parts, &place, &me, draft).await?;
    let verdicts = automod::hear(&parts, &place, &composed).await?;
    let message = MessageRecord { id: id.cast(), channel: id, ..composed };
    create::take_turn(&parts, &place, &me)?;
    let slot = form.slot;
    let posting = parts.clone();
    let (view, message) = carry_out(async move {
        let _slot = slot;
        let command = GuildCommand::CreateThread(thread);
        post(&posting, &place, user, command, message, files).await
    })
    .await?;
    automod::carry_out(&parts, verdicts, Some(message.id)).await;
    let mut value = shown(&view, id, user)?;
    // The snapshot may be older than what was just said in the post: py-cord takes its id from here.
    value["last_message_id"] = json!(message.id);
    value["message"] = super::shown_new(&parts, &origin, &message).await?;
    Ok((StatusCode::CREATED, Json(value)))
}

/// Starts a thread; its channel says so if everyone there may see it.
async fn start_alone(
    parts: Parts,
    place: Place,
    user: UserId,
    draft: ThreadDraft,
) -> Result<GuildView, ApiError> {
    let guild = place.guild().ok_or(ErrorCode::CannotExecuteOnPrivateChannel)?;
    let (id, kind) = (draft.id, draft.kind);
    let view = parts.store.execute(guild, user, GuildCommand::CreateThread(draft)).await?;
    let Some(thread) = view.threads.get(&id) else { return Ok(view) };
    if kind != ChannelType::PrivateThread {
        let notice = MessageRecord {
            guild: Some(guild),
            kind: kind::THREAD_CREATED,
            flags: HAS_THREAD,
            reference: Some(reference(id, guild, None)),
            ..MessageRecord::said(parts.ids.next(), place.channel, user, thread.record.name.clone())
        };
        parts.messages.insert(&notice).await?;
        place.publish(&parts, ChatEvent::MessageCreated(Arc::new(notice))).await;
    }
    Ok(view)
}

/// Stores the first message, then the thread around it: nobody meets a post without one.
pub(in crate::rest) async fn post(
    parts: &Parts,
    place: &Place,
    user: UserId,
    thread: GuildCommand,
    mut message: MessageRecord,
    files: Vec<NewFile>,
) -> Result<(GuildView, MessageRecord), ApiError> {
    let guild = place.guild().ok_or(ErrorCode::CannotExecuteOnPrivateChannel)?;
    message.attachments = upload::store(parts, message.channel, files).await?;
    if let Err(error) = parts.messages.insert(&message).await {
        upload::remove(parts, &message.attachments).await;
        return Err(error.into());
    }
    if let Err(error) = parts.store.execute(guild, user, thread).await {
        parts.messages.remove(message.channel, &[message.id]).await?;
        upload::remove(parts, &message.attachments).await;
        return Err(error.into());
    }
    let handle = parts.store.guild(guild).ok_or(ErrorCode::UnknownGuild)?;
    metrics::counter!("signaling_messages_created_total").increment(1);
    place.publish(parts, ChatEvent::MessageCreated(Arc::new(message.clone()))).await;
    Ok((handle.view(), message))
}

fn shown(view: &GuildView, thread: ChannelId, viewer: UserId) -> Result<Value, ApiError> {
    let thread = view.threads.get(&thread).ok_or(ErrorCode::UnknownChannel)?;
    Ok(wire::thread(thread, view.id, Some(viewer)))
}

fn is_announcement(channel: &model::wire::channel::Channel) -> bool {
    channel.kind == ChannelType::GuildAnnouncement
}

fn reference(channel: ChannelId, guild: GuildId, message: Option<MessageId>) -> MessageReference {
    MessageReference {
        channel_id: Some(channel),
        guild_id: Some(guild),
        kind: MessageReferenceType::Default,
        message_id: message,
        fail_if_not_exists: None,
    }
}

/// A thread was started from the message (Discord: Message Flags).
const HAS_THREAD: u64 = 1 << 5;

//! Messages of text channels, of guilds and between people: one file per thing done with them.
//!
//! `place` says who meets which channel, `multipart` reads a request, `draft` (with `embeds`,
//! `components`, `mentions`) makes sense of it; `create`, `edit`, `delete`, `pins`, `list` and `start`
//! are the routes; `chat` is what is remembered between them.

mod chat;
pub(super) mod components;
mod create;
mod crosspost;
pub(super) mod delete;
pub(super) mod draft;
pub(super) mod edit;
pub(super) mod embeds;
pub(crate) mod following;
mod forward;
pub(super) mod kind;
mod list;
pub(super) mod mentions;
pub(super) mod multipart;
mod pins;
pub(super) mod place;
mod poll_draft;
pub(crate) mod polls;
pub(in crate::rest) mod start;

pub use chat::Chat;

use std::collections::HashMap;

use axum::extract::DefaultBodyLimit;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::ChannelId;
use model::id::MessageId;
use model::id::UserId;
use model::limits;
use model::wire::guild::Permissions;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;
use serde_json::value::RawValue;
use serde_json::value::to_raw_value;
use state::audit::AuditAction;
use state::poll::PollCount;
use state::record::MessageRecord;
use state::record::ReactionCount;

use super::ApiError;
use super::extract::Json;
use super::route::Needs;
use super::route::Routes;
use super::route::effects;
use super::route::get;
use super::route::post;
use super::route::put;
use crate::cdn::Origin;
use crate::cdn::Urls;
use crate::config::SignalingConfig;
use crate::parts::Parts;
use crate::rest::schema;
use crate::wire;

pub(super) fn routes(config: &SignalingConfig) -> Routes {
    // The parts of a form beside its files are small.
    let largest = usize::try_from(config.max_upload).unwrap_or(usize::MAX);
    let largest = largest.saturating_add(limits::JSON_BODY);
    Routes::new()
        .route(
            "/channels/{channel}/messages",
            get(list::list)
                .lists(&schema::messages::MESSAGE)
                .within("limit", 1, 100)
                .post(create::create)
                .gives(&schema::messages::MESSAGE)
                .needs(Needs::All(Permissions::SEND_MESSAGES))
                .reads::<draft::Body>()
                .may_log(effects::JUDGING)
                .tells(&[DispatchName::MessageCreate])
                .may_tell(effects::SPEAKING),
        )
        .route(
            "/channels/{channel}/messages/bulk-delete",
            post(delete::bulk)
                .needs(Needs::All(Permissions::MANAGE_MESSAGES))
                .logs(&[AuditAction::MessageBulkDelete])
                .may_tell(&[DispatchName::MessageDeleteBulk, DispatchName::MessageDelete]),
        )
        .route(
            "/channels/{channel}/messages/pins",
            get(pins::page).gives(&schema::messages::PINS).within("limit", 1, 50),
        )
        .route(
            "/channels/{channel}/messages/pins/{message}",
            put(pins::pin)
                .needs(Needs::Any(PINNING))
                .may_log(&[AuditAction::MessagePin])
                .tells(&[
                    DispatchName::MessageUpdate,
                    DispatchName::ChannelPinsUpdate,
                    DispatchName::MessageCreate,
                ])
                .delete(pins::unpin)
                .needs(Needs::Any(PINNING))
                .may_log(&[AuditAction::MessageUnpin])
                .tells(&[DispatchName::MessageUpdate, DispatchName::ChannelPinsUpdate]),
        )
        .route(
            "/channels/{channel}/messages/{message}",
            get(list::show)
                .gives(&schema::messages::MESSAGE)
                .patch(edit::edit)
                .gives(&schema::messages::MESSAGE)
                .needs(Needs::Author)
                .reads::<draft::Body>()
                .may_log(effects::JUDGING)
                .tells(&[DispatchName::MessageUpdate])
                .may_tell(effects::SPEAKING)
                .delete(delete::delete)
                .needs(Needs::All(Permissions::MANAGE_MESSAGES))
                .may_log(&[AuditAction::MessageDelete])
                .tells(&[DispatchName::MessageDelete]),
        )
        .route(
            "/channels/{channel}/messages/{message}/crosspost",
            post(crosspost::crosspost)
                .gives(&schema::messages::MESSAGE)
                .needs(Needs::All(Permissions::SEND_MESSAGES))
                .tells(&[DispatchName::MessageUpdate]),
        )
        .route(
            "/channels/{channel}/messages/{message}/threads",
            post(start::from_message)
                .gives(&schema::channels::CHANNEL)
                .needs(Needs::All(Permissions::CREATE_PUBLIC_THREADS))
                .logs(&[AuditAction::ThreadCreate])
                .may_log(effects::JUDGING)
                .tells(&[
                    DispatchName::ThreadCreate,
                    DispatchName::ThreadMembersUpdate,
                    DispatchName::MessageUpdate,
                    DispatchName::MessageCreate,
                ])
                .may_tell(&[
                    DispatchName::AutoModerationActionExecution,
                    DispatchName::GuildMemberUpdate,
                ]),
        )
        .route(
            "/channels/{channel}/threads",
            post(start::start)
                .reads::<start::Start>()
                .gives(&schema::channels::CHANNEL)
                .needs(Needs::All(Permissions::CREATE_PUBLIC_THREADS))
                .logs(&[AuditAction::ThreadCreate])
                .may_log(effects::JUDGING)
                .tells(&[DispatchName::ThreadCreate, DispatchName::ThreadMembersUpdate])
                .may_tell(&[
                    DispatchName::MessageCreate,
                    DispatchName::AutoModerationActionExecution,
                    DispatchName::GuildMemberUpdate,
                ]),
        )
        .route(
            "/channels/{channel}/polls/{message}/answers/@me",
            put(polls::vote)
                .may_tell(&[DispatchName::MessagePollVoteAdd, DispatchName::MessagePollVoteRemove])
                .delete(polls::unvote)
                .tells(&[DispatchName::MessagePollVoteRemove]),
        )
        .route(
            "/channels/{channel}/polls/{message}/answers/{answer}",
            get(polls::voters).gives(&schema::messages::VOTERS),
        )
        .route(
            "/channels/{channel}/polls/{message}/expire",
            post(polls::expire)
                .gives(&schema::messages::MESSAGE)
                .tells(&[DispatchName::MessageUpdate, DispatchName::MessageCreate]),
        )
        .route("/channels/{channel}/pins", get(pins::list).lists(&schema::messages::MESSAGE))
        .route(
            "/channels/{channel}/pins/{message}",
            put(pins::pin)
                .needs(Needs::Any(PINNING))
                .may_log(&[AuditAction::MessagePin])
                .tells(&[
                    DispatchName::MessageUpdate,
                    DispatchName::ChannelPinsUpdate,
                    DispatchName::MessageCreate,
                ])
                .delete(pins::unpin)
                .needs(Needs::Any(PINNING))
                .may_log(&[AuditAction::MessageUnpin])
                .tells(&[DispatchName::MessageUpdate, DispatchName::ChannelPinsUpdate]),
        )
        .layer(DefaultBodyLimit::max(largest))
}

/// The message, or 10008.
pub(super) async fn existing(
    parts: &Parts,
    channel: ChannelId,
    message: MessageId,
) -> Result<MessageRecord, ApiError> {
    let found = parts.messages.message(channel, message).await?;
    Ok(found.ok_or(ErrorCode::UnknownMessage)?)
}

/// Messages as REST shows them to `viewer`: with reactions and what they answer.
pub(super) async fn shown(
    parts: &Parts,
    origin: &Origin,
    viewer: UserId,
    channel: ChannelId,
    messages: &[MessageRecord],
) -> Result<Vec<Value>, ApiError> {
    let given = Given::look_up(parts, viewer, channel, messages).await?;
    shown_with(parts, origin, messages, given, |message| json!(message)).await
}

/// The same as the text that it is sent as.
pub(super) async fn written(
    parts: &Parts,
    origin: &Origin,
    viewer: UserId,
    channel: ChannelId,
    messages: &[MessageRecord],
) -> Result<Vec<Box<RawValue>>, ApiError> {
    let given = Given::look_up(parts, viewer, channel, messages).await?;
    shown_with(parts, origin, messages, given, |message| raw(&message)).await
}

/// What can be written as JSON, as the text that it is sent as.
pub(super) fn raw(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).expect("texts and numbers under names can be written")
}

/// What people gave to messages.
#[derive(Default)]
struct Given {
    reactions: HashMap<MessageId, Vec<ReactionCount>>,
    votes: HashMap<MessageId, Vec<PollCount>>,
}

impl Given {
    /// Of messages of a channel, as `viewer` sees it.
    async fn look_up(
        parts: &Parts,
        viewer: UserId,
        channel: ChannelId,
        messages: &[MessageRecord],
    ) -> Result<Self, ApiError> {
        let ids: Vec<_> = messages.iter().map(|message| message.id).collect();
        let reactions = parts.messages.reactions(channel, &ids, viewer).await?;
        let polls = messages.iter().filter(|message| message.poll.is_some());
        let polls: Vec<_> = polls.map(|message| message.id).collect();
        let votes = if polls.is_empty() {
            HashMap::new()
        } else {
            parts.polls.counts(channel, &polls, viewer).await?.into_iter().collect()
        };
        Ok(Self { reactions: reactions.into_iter().collect(), votes })
    }
}

async fn shown_with<T>(
    parts: &Parts,
    origin: &Origin,
    messages: &[MessageRecord],
    Given { reactions, votes }: Given,
    make: impl Fn(wire::Message<'_>) -> T,
) -> Result<Vec<T>, ApiError> {
    let mut referenced: HashMap<MessageId, Option<MessageRecord>> = HashMap::new();
    for message in messages {
        if let Some((channel, id)) = answered(message)
            && !referenced.contains_key(&id)
        {
            let near = messages.iter().find(|message| message.id == id).cloned();
            let found = match near {
                Some(found) => Some(found),
                None => parts.messages.message(channel, id).await?,
            };
            referenced.insert(id, found);
        }
    }
    let users = parts.store.users();
    wire::load_users(users, messages.iter().chain(referenced.values().flatten())).await?;
    // Threads are shown with the messages that they were started from.
    let guild = messages.iter().find_map(|message| message.guild);
    let view = guild.and_then(|guild| parts.store.guild(guild)).map(|handle| handle.view());
    let urls = Urls { signer: &parts.cdn, origin, now_ms: parts.now_ms() };
    let shown = messages.iter().map(|message| {
        let context = wire::MessageContext {
            users,
            guild: None,
            threads: view.as_deref(),
            poll: Some(votes.get(&message.id).map_or(&[], Vec::as_slice)),
            reactions: reactions.get(&message.id).map_or(&[], Vec::as_slice),
            referenced: answered(message)
                .and_then(|(_, id)| referenced.get(&id))
                .map(|found| found.as_ref()),
            urls,
        };
        make(wire::Message::new(message, context))
    });
    Ok(shown.collect())
}

/// One message as REST shows it to `viewer`.
pub(super) async fn shown_one(
    parts: &Parts,
    origin: &Origin,
    viewer: UserId,
    message: MessageRecord,
) -> Result<Json<Value>, ApiError> {
    let channel = message.channel;
    let shown = shown(parts, origin, viewer, channel, &[message]).await?;
    Ok(Json(shown.into_iter().next().unwrap_or_default()))
}

/// A message that was said just now as REST shows it: nobody reacted or voted yet, which is not asked of
/// storage, for that would cost as much as storing it.
pub(super) async fn shown_new(
    parts: &Parts,
    origin: &Origin,
    message: &MessageRecord,
) -> Result<Value, ApiError> {
    let messages = std::slice::from_ref(message);
    let make = |message: wire::Message<'_>| json!(message);
    let shown = shown_with(parts, origin, messages, Given::default(), make).await?;
    Ok(shown.into_iter().next().unwrap_or_default())
}

/// The same as the text that it is sent as.
pub(super) async fn written_new(
    parts: &Parts,
    origin: &Origin,
    message: &MessageRecord,
) -> Result<Box<RawValue>, ApiError> {
    let messages = std::slice::from_ref(message);
    let make = |message: wire::Message<'_>| raw(&message);
    let written = shown_with(parts, origin, messages, Given::default(), make).await?;
    Ok(written.into_iter().next().unwrap_or_else(|| raw(&Value::Null)))
}

/// The message that one answers, or that a thread was started from, and where it is.
fn answered(message: &MessageRecord) -> Option<(ChannelId, MessageId)> {
    let shows = matches!(message.kind, kind::REPLY | state::thread::STARTER);
    let reference = message.reference.as_ref().filter(|_| shows)?;
    Some((reference.channel_id.unwrap_or(message.channel), reference.message_id?))
}

/// Either is enough to pin (Discord: Permissions).
const PINNING: Permissions = Permissions::PIN_MESSAGES.union(Permissions::MANAGE_MESSAGES);

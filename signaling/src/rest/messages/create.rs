//! Saying something: who and where, may they, parse, store, then tell.
//!
//! The order is the contract (ARCHITECTURE.md, "One chat message").

use std::sync::Arc;
use std::time::Instant;

use axum::extract::Request;
use axum::extract::State;
use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::MessageId;
use model::id::UserId;
use model::wire::channel::message::MessageReference;
use model::wire::channel::message::MessageReferenceType;
use model::wire::guild::Permissions;
use serde_json::value::RawValue;
use state::GuildCommand;
use state::event::ChatEvent;
use state::guild::command::is_forum;
use state::read::Ack;
use state::record::MessageRecord;
use state::relationship::Bond;
use state::repo::Inserted;
use tokio::sync::SemaphorePermit;

use super::draft::MessageDraft;
use super::draft::Reply;
use super::draft::VOICE_MESSAGE;
use super::forward;
use super::kind;
use super::mentions;
use super::mentions::Named;
use super::multipart;
use super::place::Place;
use crate::auth::Identity;
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
use crate::rest::stickers;

/// `POST /channels/{channel.id}/messages`
///
/// A message that could not be stored is never dispatched; one that was stored is answered for
/// even when the guild's mailbox was full.
pub(super) async fn create(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    origin: Origin,
    request: Request,
) -> Result<Json<Box<RawValue>>, ApiError> {
    let began = clock();
    Place::open(&parts, &me, channel, Permissions::SEND_MESSAGES).await?.require_textual()?;
    let form = multipart::read(&parts, request).await?;
    // Again: the body took as long to arrive as the client wanted.
    let place = Place::open(&parts, &me, channel, Permissions::SEND_MESSAGES).await?;
    require_unblocked(&parts, &place, &me).await?;
    let mut draft = form.body.draft(form.files, channel)?;
    require_rights(&place, &me, &mut draft)?;
    let files = std::mem::take(&mut draft.files);
    let enforced = draft.nonce.as_ref().is_some_and(|nonce| nonce.enforced);
    let message = compose(&parts, &place, &me, draft).await?;
    require_unlocked(&place)?;
    let verdicts = automod::hear(&parts, &place, &message).await?;
    take_turn(&parts, &place, &me)?;
    let new = NewMessage { message, files, enforced, person: !me.user.bot, _slot: form.slot };
    let said = carry_out(commit(parts.clone(), place, new)).await?;
    automod::carry_out(&parts, verdicts, Some(said.id())).await;
    metrics::histogram!("signaling_message_create_duration_seconds").record(began.elapsed());
    match said {
        Said::Now(message) => Ok(Json(super::written_new(&parts, &origin, &message).await?)),
        Said::Earlier(message) => {
            let shown = super::shown_one(&parts, &origin, me.id(), *message).await?;
            Ok(Json(super::raw(&shown.0)))
        }
    }
}

/// Demands that of two people neither has blocked the other (50007).
async fn require_unblocked(parts: &Parts, place: &Place, me: &Identity) -> Result<(), ApiError> {
    let Some(partner) = place.partner(me.id()) else { return Ok(()) };
    let bonds = parts.relationships.between([me.id(), partner]).await?;
    if bonds.contains(&Some(Bond::Blocked)) {
        return Err(ErrorCode::CannotMessageUser.into());
    }
    Ok(())
}

/// Demands what this draft needs beyond sending. A person's embeds are dropped where they may not
/// embed, as their client only made them of links; a bot is told.
pub(super) fn require_rights(
    place: &Place,
    me: &Identity,
    draft: &mut MessageDraft,
) -> Result<(), ApiError> {
    if !draft.files.is_empty() {
        place.require(Permissions::ATTACH_FILES)?;
    }
    if draft.tts {
        place.require(Permissions::SEND_TTS_MESSAGES)?;
    }
    if draft.poll.is_some() {
        place.require(Permissions::SEND_POLLS)?;
        if place.view.is_some()
            && place.guild_channel().is_some_and(|channel| is_forum(channel.kind))
        {
            return Err(ErrorCode::PollChannel.into());
        }
    }
    if draft.flags & VOICE_MESSAGE != 0 && !place.has(Permissions::SEND_VOICE_MESSAGES) {
        return Err(ErrorCode::VoiceMessageForbidden.into());
    }
    if draft.reply.is_some() {
        place.require(Permissions::READ_MESSAGE_HISTORY)?;
    }
    if !draft.embeds.is_empty() && !place.has(Permissions::EMBED_LINKS) {
        if me.user.bot {
            return Err(ErrorCode::MissingPermissions.into());
        }
        draft.embeds.clear();
        let rest = !super::draft::is_blank(&draft.content)
            || !draft.components.is_empty()
            || draft.poll.is_some()
            || !draft.stickers.is_empty()
            || !draft.files.is_empty();
        return if rest { Ok(()) } else { Err(ErrorCode::EmptyMessage.into()) };
    }
    Ok(())
}

/// The message of a draft, files apart: whom it answers and notifies is settled here.
pub(super) async fn compose(
    parts: &Parts,
    place: &Place,
    me: &Identity,
    draft: MessageDraft,
) -> Result<MessageRecord, ApiError> {
    let guild = place.view.as_deref();
    let allowed = draft.allowed_mentions.as_ref();
    let mut named = Named::of(&draft.content)
        .wanted(allowed)
        .permitted(guild, place.has(Permissions::MENTION_EVERYONE));
    let (forwarded, snapshots) = match draft.forward {
        Some(forward) => {
            let (reference, snapshots) = forward::read(parts, me, forward).await?;
            (Some(reference), snapshots)
        }
        None => (None, Vec::new()),
    };
    let stickers = stickers::sent(parts, place, me, &draft.stickers)?;
    let flags = if snapshots.is_empty() { 0 } else { forward::HAS_SNAPSHOT };
    let answered = match &draft.reply {
        Some(reply) => answered(parts, place.channel, reply).await?,
        None => None,
    };
    if let Some(answered) = &answered
        && mentions::notifies_replied(allowed)
        && !named.users.contains(&answered.author)
    {
        named.users.push(answered.author);
    }
    // Only people who exist are mentioned.
    let known = parts.store.users().load(&named.users).await?;
    named.users.retain(|user| known.iter().any(|known| known.id == *user));
    let reply = answered.as_ref().map(|answered| MessageReference {
        channel_id: Some(place.channel),
        guild_id: place.guild(),
        kind: MessageReferenceType::Default,
        message_id: Some(answered.id),
        fail_if_not_exists: None,
    });
    Ok(MessageRecord {
        guild: place.guild(),
        kind: if answered.is_some() { kind::REPLY } else { kind::SAID },
        embeds: draft.embeds,
        components: draft.components,
        mentions: named.users,
        mention_roles: named.roles,
        mention_everyone: named.everyone,
        reference: forwarded.or(reply),
        tts: draft.tts,
        flags: draft.flags | flags,
        poll: draft.poll.map(|poll| Box::new(poll.begin(parts.now_ms()))),
        stickers,
        snapshots,
        nonce: draft.nonce.map(|nonce| nonce.text),
        ..MessageRecord::said(parts.ids.next(), place.channel, me.id(), draft.content)
    })
}

/// The message that is answered; none when it is gone and need not be there.
async fn answered(
    parts: &Parts,
    channel: ChannelId,
    reply: &Reply,
) -> Result<Option<MessageRecord>, ApiError> {
    let fault = |code: &str, message: &str| {
        Err(ApiError::Form(FormErrors::one("message_reference", code, message)))
    };
    match parts.messages.message(channel, reply.message).await? {
        Some(answered) if kind::is_said(answered.kind) => Ok(Some(answered)),
        Some(_) => {
            fault("REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE", "Cannot reply to a system message")
        }
        None if reply.must_exist => fault("REPLIES_UNKNOWN_MESSAGE", "Unknown message"),
        None => Ok(None),
    }
}

/// Holds people to the channel's slowmode; bots and those who manage it are free of it.
pub(super) fn take_turn(parts: &Parts, place: &Place, me: &Identity) -> Result<(), ApiError> {
    let of_channel = place.guild_channel().and_then(|channel| channel.rate_limit_per_user);
    let of_thread = place.thread().map(|thread| thread.record.rate_limit_per_user);
    let slowmode = of_channel.or(of_thread);
    let free =
        [Permissions::MANAGE_MESSAGES, Permissions::MANAGE_CHANNELS, Permissions::BYPASS_SLOWMODE];
    let Some(seconds) = slowmode.filter(|&seconds| seconds > 0) else { return Ok(()) };
    if me.user.bot || free.iter().any(|&free| place.has(free)) {
        return Ok(());
    }
    let slowmode_ms = u64::from(seconds) * 1_000;
    let turn = parts.chat.take_turn(place.channel, me.id(), slowmode_ms, parts.now_ms());
    turn.map_err(|left_ms| {
        #[expect(clippy::cast_precision_loss, reason = "at most six hours")]
        let retry_after = left_ms as f64 / 1_000.0;
        ApiError::RateLimited { retry_after, global: false }
    })
}

/// What is to be stored.
struct NewMessage {
    message: MessageRecord,
    files: Vec<NewFile>,
    /// Whether the nonce makes a retry return the earlier message.
    enforced: bool,
    /// Whether a person says it: they have read what came before.
    person: bool,
    _slot: Option<SemaphorePermit<'static>>,
}

/// The message that a request made.
enum Said {
    Now(Arc<MessageRecord>),
    /// By a request before it, with the same nonce.
    Earlier(Box<MessageRecord>),
}

impl Said {
    fn id(&self) -> MessageId {
        match self {
            Self::Now(message) => message.id,
            Self::Earlier(message) => message.id,
        }
    }
}

/// Stores files, then the message, then tells. Nothing stays behind of a message that was not
/// stored.
async fn commit(parts: Parts, place: Place, new: NewMessage) -> Result<Said, ApiError> {
    let NewMessage { mut message, files, enforced, person, _slot } = new;
    speak_in_thread(&parts, &place, &message).await?;
    message.attachments = upload::store(&parts, place.channel, files).await?;
    // Without enforcement the nonce only travels: it is shown to the sender and in the event.
    let unnamed = (message.nonce.is_some() && !enforced)
        .then(|| MessageRecord { nonce: None, ..message.clone() });
    let stored = unnamed.as_ref().unwrap_or(&message);
    // At once: both are in one sync of the store.
    let read = async {
        let read = [Ack::read(message.channel, message.id)];
        if person && let Err(error) = parts.reads.acknowledge(message.author, &read).await {
            tracing::debug!(%error, "a message was said, and is not marked as read");
        }
    };
    let (inserted, ()) = tokio::join!(parts.messages.insert(stored), read);
    match inserted {
        Ok(Inserted::New) => {
            metrics::counter!("signaling_messages_created_total").increment(1);
            let message = Arc::new(message);
            place.publish(&parts, ChatEvent::MessageCreated(Arc::clone(&message))).await;
            Ok(Said::Now(message))
        }
        Ok(Inserted::Earlier(earlier)) => {
            upload::remove(&parts, &message.attachments).await;
            Ok(Said::Earlier(earlier))
        }
        Err(error) => {
            upload::remove(&parts, &message.attachments).await;
            Err(error.into())
        }
    }
}

/// Demands that the thread is not locked, or is the sender's to manage (160005).
fn require_unlocked(place: &Place) -> Result<(), ErrorCode> {
    match place.thread() {
        Some(thread) if thread.record.locked => {
            place.require(Permissions::MANAGE_THREADS).map_err(|_| ErrorCode::ThreadLocked)
        }
        _ => Ok(()),
    }
}

/// Whoever speaks in a thread brings it back and joins it, with those whom they mention. Most
/// messages change nothing of it.
async fn speak_in_thread(
    parts: &Parts,
    place: &Place,
    message: &MessageRecord,
) -> Result<(), ApiError> {
    let (Some(view), Some(thread)) = (&place.view, place.thread()) else { return Ok(()) };
    let new = |user: &UserId| !thread.members.contains_key(user) && view.members.contains_key(user);
    let mentioned: Vec<_> = message.mentions.iter().filter(|user| new(user)).copied().collect();
    if thread.record.archived || new(&message.author) || !mentioned.is_empty() {
        let command = GuildCommand::SpeakInThread { thread: place.channel, mentioned };
        parts.store.execute(view.id, message.author, command).await?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "measures how long people wait, decides nothing")]
fn clock() -> Instant {
    Instant::now()
}

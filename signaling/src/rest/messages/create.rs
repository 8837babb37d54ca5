//! Saying something: permission, then parse, then store, then publish.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::UserId;
use model::wire::channel::message::MessageReference;
use model::wire::channel::message::MessageReferenceType;
use model::wire::guild::Permissions;
use serde_json::Value;
use state::Guild;
use state::event::ChatEvent;
use state::guild::command::is_textual;
use state::record::MessageRecord;
use state::repo::Inserted;
use state::store::ChannelHome;

use super::draft;
use super::draft::Body;
use super::mentions;
use super::upload::Form;
use crate::cdn::Origin;
use crate::cdn::upload;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::channels;
use crate::rest::error::FormErrors;
use crate::rest::extract::Auth;
use crate::rest::extract::Json;
use crate::rest::extract::Path;

/// `POST /channels/{channel.id}/messages`
///
/// Order is the contract. A message that could not be stored is never dispatched; one that was
/// stored is answered for even when the guild's mailbox was full.
pub(super) async fn create(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    origin: Origin,
    Form { body, files }: Form,
) -> Result<Json<Value>, ApiError> {
    #[expect(clippy::disallowed_methods, reason = "measures how long people wait")]
    let began = Instant::now();
    let home = channels::open(&parts, &me, channel, Permissions::SEND_MESSAGES).await?;
    let now_ms = parts.now_ms();
    let view = match &home {
        ChannelHome::Guild(guild) => Some(guild.view()),
        ChannelHome::Private(_) => None,
    };
    let allowed = match &view {
        Some(view) => {
            let place = view.channels.get(&channel).ok_or(ErrorCode::UnknownChannel)?;
            if !is_textual(place) {
                return Err(ErrorCode::CannotSendInNonText.into());
            }
            view.permissions_in(me.id(), channel, now_ms).0
        }
        None => Permissions::all(),
    };
    if !files.is_empty() && !allowed.contains(Permissions::ATTACH_FILES) {
        return Err(ErrorCode::MissingPermissions.into());
    }

    let mut message = parse(&parts, &body, &me.user.id, channel, view.as_deref(), allowed).await?;
    draft::require_something(
        &message.content,
        message.embeds.len(),
        files.len(),
        message.components.len(),
    )?;
    slow(&parts, view.as_deref(), me.id(), channel, allowed, now_ms)?;

    for file in files {
        let meta = body.attachments.iter().flatten().find(|m| m.number() == Some(file.number));
        let name = meta.and_then(|meta| meta.filename.clone()).unwrap_or(file.name);
        let description = meta.and_then(|meta| meta.description.clone());
        let id = parts.ids.next();
        let new = upload::NewFile { channel, id, name, description, bytes: file.bytes };
        let kind = file.content_type;
        message.attachments.push(upload::store(&*parts.objects, new, kind).await?);
    }

    // In a task of its own: a client that hangs up must not come between storing and telling.
    let task = {
        let (parts, message) = (parts.clone(), message.clone());
        #[expect(clippy::disallowed_methods, reason = "ends with the store's answer")]
        tokio::spawn(async move {
            Ok::<_, ApiError>(match parts.messages.insert(&message).await? {
                Inserted::New => {
                    let event = ChatEvent::MessageCreated(Arc::new(message.clone()));
                    super::publish(&parts, &home, event).await;
                    message
                }
                Inserted::Earlier(earlier) => *earlier,
            })
        })
    };
    let stored = task.await.map_err(|_| ApiError::Unavailable)??;
    metrics::counter!("signaling_messages_created_total").increment(1);
    metrics::histogram!("signaling_message_create_duration_seconds").record(began.elapsed());
    let shown = super::shown(&parts, &origin, me.id(), channel, &[stored]).await?;
    Ok(Json(shown.into_iter().next().unwrap_or_default()))
}

/// The message that a body describes, files apart.
async fn parse(
    parts: &Parts,
    body: &Body,
    author: &UserId,
    channel: ChannelId,
    view: Option<&Guild>,
    allowed: Permissions,
) -> Result<MessageRecord, ApiError> {
    let content = body.content()?.unwrap_or_default();
    let mut embeds = body.embeds()?.unwrap_or_default();
    if !allowed.contains(Permissions::EMBED_LINKS) {
        embeds.clear();
    }
    let mut named = mentions::restrict(mentions::named(&content), body.allowed_mentions.as_ref());
    if !allowed.contains(Permissions::MENTION_EVERYONE) {
        named.everyone = false;
        named.roles.retain(|role| {
            view.and_then(|view| view.roles.get(role)).is_some_and(|role| role.mentionable)
        });
    }
    if let Some(view) = view {
        named.roles.retain(|role| view.roles.contains_key(role));
    }
    let mut users = named.users;
    let reference = match &body.message_reference {
        Some(reference) if reference.kind.unwrap_or(0) == 0 => {
            reply(parts, body, reference, channel, view, allowed, &mut users).await?
        }
        Some(_) => {
            return Err(ApiError::Form(FormErrors::one(
                "message_reference.type",
                "BASE_TYPE_CHOICES",
                "Forwarding is not supported yet; must be 0.",
            )));
        }
        None => None,
    };
    // Only people who exist are mentioned; private channels reach those in them.
    let known = parts.store.users().load(&users).await?;
    users.retain(|user| known.iter().any(|known| known.id == *user));
    Ok(MessageRecord {
        id: parts.ids.next(),
        channel,
        guild: view.map(|view| view.id),
        author: *author,
        kind: if reference.is_some() { 19 } else { 0 },
        content,
        edited_at: None,
        attachments: Vec::new(),
        embeds,
        components: body.components()?.unwrap_or_default(),
        mentions: users,
        mention_roles: named.roles,
        mention_everyone: named.everyone,
        reference,
        pinned: false,
        tts: body.tts.unwrap_or_default() && allowed.contains(Permissions::SEND_TTS_MESSAGES),
        flags: body.flags.unwrap_or_default() & SETTABLE_FLAGS,
        nonce: body.nonce()?,
    })
}

/// SUPPRESS_EMBEDS, SUPPRESS_NOTIFICATIONS and IS_COMPONENTS_V2; the others are the server's.
const SETTABLE_FLAGS: u64 = 1 << 2 | 1 << 12 | 1 << 15;

async fn reply(
    parts: &Parts,
    body: &Body,
    reference: &draft::Reference,
    channel: ChannelId,
    view: Option<&Guild>,
    allowed: Permissions,
    users: &mut Vec<UserId>,
) -> Result<Option<MessageReference>, ApiError> {
    let Some(id) = reference.message_id else { return Ok(None) };
    if reference.channel_id.is_some_and(|other| other != channel) {
        return Err(unknown_reference());
    }
    if !allowed.contains(Permissions::READ_MESSAGE_HISTORY) {
        return Err(ErrorCode::MissingPermissions.into());
    }
    let Some(answered) = parts.messages.message(channel, id).await? else {
        let fails = reference.fail_if_not_exists.unwrap_or(true);
        return if fails { Err(unknown_reference()) } else { Ok(None) };
    };
    let notify = body.allowed_mentions.as_ref().is_none_or(|a| a.replied_user.unwrap_or(false));
    if notify && !users.contains(&answered.author) {
        users.push(answered.author);
    }
    Ok(Some(MessageReference {
        channel_id: Some(channel),
        guild_id: view.map(|view| view.id),
        kind: MessageReferenceType::Default,
        message_id: Some(id),
        fail_if_not_exists: None,
    }))
}

fn unknown_reference() -> ApiError {
    ApiError::Form(FormErrors::one(
        "message_reference",
        "REPLIES_UNKNOWN_MESSAGE",
        "Unknown message",
    ))
}

/// Holds people to the channel's slowmode; those who manage it are free of it.
fn slow(
    parts: &Parts,
    view: Option<&Guild>,
    user: UserId,
    channel: ChannelId,
    allowed: Permissions,
    now_ms: u64,
) -> Result<(), ApiError> {
    let slowmode = view
        .and_then(|view| view.channels.get(&channel))
        .and_then(|channel| channel.rate_limit_per_user)
        .unwrap_or(0);
    let free = Permissions::MANAGE_MESSAGES | Permissions::MANAGE_CHANNELS;
    if slowmode == 0 || allowed.intersects(free) {
        return Ok(());
    }
    let slowmode_ms = u64::from(slowmode) * 1_000;
    parts.chat.take_turn(channel, user, slowmode_ms, now_ms).map_err(|left_ms| {
        #[expect(clippy::cast_precision_loss, reason = "at most six hours")]
        let retry_after = left_ms as f64 / 1_000.0;
        ApiError::RateLimited { retry_after, global: false }
    })
}

//! What a bot says by an interaction, changes and takes back: to everyone in the channel, or to the
//! one person who called it.
//!
//! What one person alone sees is in no history: it is remembered for an hour and then gone.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::MessageId;
use model::wire::channel::message::MessageReference;
use model::wire::channel::message::MessageReferenceType;
use model::wire::guild::Permissions;
use serde_json::Value;
use serde_json::json;
use state::UserEvent;
use state::apps::InteractionMetadata;
use state::apps::MessageOrigin;
use state::event::ChatEvent;
use state::event::Personal;
use state::record::MessageRecord;
use state::repo::RepoError;

use crate::cdn::Origin;
use crate::cdn::Urls;
use crate::cdn::upload;
use crate::interactions::board::Interaction;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::automod;
use crate::rest::messages;
use crate::rest::messages::draft;
use crate::rest::messages::draft::MessageDraft;
use crate::rest::messages::draft::MessagePatch;
use crate::rest::messages::kind;
use crate::rest::messages::mentions::Named;
use crate::rest::messages::place::Place;
use crate::wire;

/// How a message stands to its interaction.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Standing {
    /// The bot thinks; what it says comes by a change.
    pub loading: bool,
    /// It follows that message, which answered.
    pub follows: Option<MessageId>,
}

/// Says something in the name of the interaction's bot.
///
/// # Errors
///
/// 10003 when the channel is gone; storage errors.
pub(super) async fn say(
    parts: &Parts,
    interaction: &Interaction,
    draft: MessageDraft,
    standing: Standing,
) -> Result<Arc<MessageRecord>, ApiError> {
    let bot = interaction.application.cast();
    let place = Place::called(parts, bot, interaction.channel).await?;
    let mut named = Named::of(&draft.content)
        .wanted(draft.allowed_mentions.as_ref())
        .permitted(place.view.as_deref(), place.has(Permissions::MENTION_EVERYONE));
    let known = parts.store.users().load(&named.users).await?;
    named.users.retain(|user| known.iter().any(|known| known.id == *user));
    let answers = answered(interaction, standing, draft.ephemeral);
    let mut flags = draft.flags;
    if draft.ephemeral {
        flags |= draft::EPHEMERAL;
    }
    if standing.loading {
        flags |= draft::LOADING;
    }
    let mut message = MessageRecord {
        guild: place.guild(),
        kind: match (standing.follows, interaction.command, answers) {
            (None, Some(1), _) => kind::COMMAND,
            (None, Some(_), _) => kind::MENU_COMMAND,
            (_, _, Some(_)) => kind::REPLY,
            (_, _, None) => kind::SAID,
        },
        embeds: draft.embeds,
        components: draft.components,
        mentions: named.users,
        mention_roles: named.roles,
        mention_everyone: named.everyone,
        reference: answers.map(|answered| MessageReference {
            channel_id: Some(place.channel),
            guild_id: place.guild(),
            kind: MessageReferenceType::Default,
            message_id: Some(answered),
            fail_if_not_exists: None,
        }),
        tts: draft.tts,
        flags,
        poll: draft.poll.map(|poll| Box::new(poll.begin(parts.now_ms()))),
        nonce: draft.nonce.map(|nonce| nonce.text),
        origin: Some(Box::new(MessageOrigin {
            application: Some(interaction.application),
            webhook: Some(interaction.application.cast()),
            name: None,
            avatar: None,
            interaction: Some(InteractionMetadata {
                original: standing.follows,
                ..interaction.metadata.clone()
            }),
        })),
        ..MessageRecord::said(parts.ids.next(), place.channel, bot, draft.content)
    };
    let verdicts = if draft.ephemeral || standing.loading {
        Vec::new()
    } else {
        automod::hear(parts, &place, &message).await?
    };
    message.attachments = upload::store(parts, place.channel, draft.files).await?;
    if draft.ephemeral {
        for attachment in &mut message.attachments {
            attachment.ephemeral = true;
        }
        let message = Arc::new(message);
        whisper(parts, interaction, &message, DispatchName::MessageCreate);
        super::deliver::remove_orphans(parts).await;
        return Ok(message);
    }
    let stored = MessageRecord { nonce: None, ..message.clone() };
    if let Err(error) = parts.messages.insert(&stored).await {
        upload::remove(parts, &message.attachments).await;
        return Err(error.into());
    }
    metrics::counter!("signaling_messages_created_total").increment(1);
    let message = Arc::new(message);
    place.publish(parts, ChatEvent::MessageCreated(Arc::clone(&message))).await;
    automod::carry_out(parts, verdicts, Some(message.id)).await;
    Ok(message)
}

/// The message that is shown as answered: of a follow-up the first answer, of a button's the message
/// that it is on. What one person alone sees is nothing that others could be shown.
fn answered(interaction: &Interaction, standing: Standing, ephemeral: bool) -> Option<MessageId> {
    let source = || {
        let source = interaction.source.as_ref()?;
        (ephemeral || source.flags & draft::EPHEMERAL == 0).then_some(source.id)
    };
    standing.follows.or_else(source)
}

/// Keeps a message for the one person who sees it, and tells their clients.
fn whisper(
    parts: &Parts,
    interaction: &Interaction,
    message: &Arc<MessageRecord>,
    name: DispatchName,
) {
    parts.interactions.board().whisper(interaction.user, Arc::clone(message));
    let mut body = json!({});
    if let Some(guild) = message.guild {
        body["guild_id"] = json!(guild);
    }
    let told = Personal {
        name,
        guild: None,
        body,
        messages: vec![(String::new(), Arc::clone(message))],
        files: Vec::new(),
    };
    parts.store.notify(interaction.user, UserEvent::Personal(Arc::new(told)));
}

/// The message of that id, if the interaction's bot may change it by this token: one that it said by
/// an interaction or a webhook of its own, or the one whose component was used.
///
/// # Errors
///
/// 10008.
pub(super) async fn find(
    parts: &Parts,
    interaction: &Interaction,
    id: MessageId,
) -> Result<Arc<MessageRecord>, ApiError> {
    if let Some(whispered) = parts.interactions.board().whispered(interaction.user, id) {
        return if own(&whispered, interaction) {
            Ok(whispered)
        } else {
            Err(ErrorCode::UnknownMessage.into())
        };
    }
    let found = messages::existing(parts, interaction.channel, id).await?;
    if own(&found, interaction) { Ok(found.into()) } else { Err(ErrorCode::UnknownMessage.into()) }
}

/// Whether the bot said it: by this token no message of anybody else is reached.
fn own(message: &MessageRecord, interaction: &Interaction) -> bool {
    let application = message.origin.as_ref().and_then(|origin| origin.application);
    application == Some(interaction.application)
        || message.author.get() == interaction.application.get()
}

/// Changes a message of the interaction's bot; one that was still to come is now said.
///
/// # Errors
///
/// 10008, 50006; 50035 for too many files; storage errors.
pub(super) async fn change(
    parts: &Parts,
    interaction: &Interaction,
    id: MessageId,
    mut patch: MessagePatch,
) -> Result<Arc<MessageRecord>, ApiError> {
    let _turn = parts.chat.change(id).await;
    let old = find(parts, interaction, id).await?;
    let place = Place::called(parts, interaction.application.cast(), interaction.channel).await?;
    let mut message = MessageRecord::clone(&old);
    let private = message.flags & draft::EPHEMERAL != 0;
    let files = std::mem::take(&mut patch.files);
    if let Some(content) = &patch.content {
        let mut named = Named::of(content)
            .wanted(patch.allowed_mentions.as_ref())
            .permitted(place.view.as_deref(), place.has(Permissions::MENTION_EVERYONE));
        let known = parts.store.users().load(&named.users).await?;
        named.users.retain(|user| known.iter().any(|known| known.id == *user));
        (message.mentions, message.mention_roles) = (named.users, named.roles);
        message.mention_everyone = named.everyone;
    }
    let mut verdicts = Vec::new();
    if let Some(content) = patch.content.as_ref().filter(|_| !private) {
        let changed = MessageRecord { content: content.clone(), ..message.clone() };
        verdicts = automod::hear(parts, &place, &changed).await?;
    }
    if message.flags & draft::LOADING == 0 {
        message.edited_at = Some(parts.now());
    }
    message.flags &= !draft::LOADING;
    let dropped = messages::edit::apply(&mut message, patch, files.len(), true)?;
    let added = upload::store(parts, place.channel, files).await?;
    message.attachments.extend(added.iter().cloned());
    if private {
        let message = Arc::new(message);
        whisper(parts, interaction, &message, DispatchName::MessageUpdate);
        upload::remove(parts, &dropped).await;
        return Ok(message);
    }
    if let Err(error) = parts.messages.update(&message).await {
        upload::remove(parts, &added).await;
        return Err(match error {
            RepoError::NotFound => ErrorCode::UnknownMessage.into(),
            error => error.into(),
        });
    }
    let message = Arc::new(message);
    place.publish(parts, ChatEvent::MessageUpdated(Arc::clone(&message))).await;
    automod::carry_out(parts, verdicts, Some(message.id)).await;
    upload::remove(parts, &dropped).await;
    Ok(message)
}

/// Takes a message of the interaction's bot back.
///
/// # Errors
///
/// 10008; storage errors.
pub(super) async fn unsay(
    parts: &Parts,
    interaction: &Interaction,
    id: MessageId,
) -> Result<(), ApiError> {
    let message = find(parts, interaction, id).await?;
    if message.flags & draft::EPHEMERAL != 0 {
        let gone = parts.interactions.board().unsay(interaction.user, id);
        let mut body = json!({ "id": id, "channel_id": message.channel });
        if let Some(guild) = message.guild {
            body["guild_id"] = json!(guild);
        }
        super::deliver::tell(parts, interaction.user, DispatchName::MessageDelete, body);
        if let Some(gone) = gone {
            upload::remove(parts, &gone.attachments).await;
        }
        return Ok(());
    }
    let place = Place::called(parts, interaction.application.cast(), interaction.channel).await?;
    let message = MessageRecord::clone(&message);
    messages::delete::remove(parts.clone(), place, vec![message], false).await.map(drop)
}

/// A message as REST shows it to the bot.
///
/// # Errors
///
/// Storage errors.
pub(super) async fn shown(
    parts: &Parts,
    origin: &Origin,
    interaction: &Interaction,
    message: &MessageRecord,
) -> Result<Value, ApiError> {
    if message.flags & draft::EPHEMERAL == 0 {
        let (bot, channel) = (interaction.application.cast(), message.channel);
        let list = std::slice::from_ref(message);
        let shown = messages::shown(parts, origin, bot, channel, list).await?;
        return Ok(shown.into_iter().next().unwrap_or_default());
    }
    let users = parts.store.users();
    wire::load_users(users, [message]).await?;
    let urls = Urls { signer: &parts.cdn, origin, now_ms: parts.now_ms() };
    Ok(wire::message(message, wire::MessageContext::alone(users, urls)))
}

//! Editing what one said.

use std::sync::Arc;

use axum::extract::Request;
use axum::extract::State;
use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::MessageId;
use model::limits;
use model::wire::channel::Attachment;
use model::wire::guild::Permissions;
use serde_json::Value;
use state::event::ChatEvent;
use state::record::MessageRecord;
use state::repo::RepoError;

use super::draft;
use super::draft::MessagePatch;
use super::following;
use super::kind;
use super::mentions;
use super::mentions::Named;
use super::multipart;
use super::place::Place;
use crate::auth::Identity;
use crate::cdn::Origin;
use crate::cdn::upload;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::automod;
use crate::rest::carry::carry_out;
use crate::rest::error::FormErrors;
use crate::rest::extract::Auth;
use crate::rest::extract::Json;
use crate::rest::extract::Path;

/// `PATCH /channels/{channel.id}/messages/{message.id}`: one's own; a moderator may only change
/// flags (SUPPRESS_EMBEDS).
pub(super) async fn edit(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, id)): Path<(ChannelId, MessageId)>,
    origin: Origin,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    Place::open(&parts, &me, channel, Permissions::empty()).await?;
    let form = multipart::read(&parts, request).await?;
    let place = Place::open(&parts, &me, channel, Permissions::empty()).await?;
    place.require_open()?;
    let patch = form.body.patch(form.files)?;
    if !patch.files.is_empty() {
        place.require(Permissions::ATTACH_FILES)?;
    }
    let (editor, slot) = (me.clone(), form.slot);
    let changing = parts.clone();
    let edited = carry_out(async move {
        let _slot = slot;
        change(changing, place, editor, id, patch).await
    })
    .await?;
    super::shown_one(&parts, &origin, me.id(), edited).await
}

/// Reads, changes, stores and tells, with no other change of the message in between.
async fn change(
    parts: Parts,
    place: Place,
    me: Identity,
    id: MessageId,
    patch: MessagePatch,
) -> Result<MessageRecord, ApiError> {
    let _turn = parts.chat.change(id).await;
    let mut message = super::existing(&parts, place.channel, id).await?;
    require_rights(&place, &me, &message, &patch)?;
    if let Some(content) = &patch.content {
        let mut named = Named::of(content)
            .wanted(patch.allowed_mentions.as_ref())
            .permitted(place.view.as_deref(), place.has(Permissions::MENTION_EVERYONE));
        if let Some((_, answered)) = super::answered(&message)
            && mentions::notifies_replied(patch.allowed_mentions.as_ref())
            && let Some(answered) = parts.messages.message(place.channel, answered).await?
            && !named.users.contains(&answered.author)
        {
            named.users.push(answered.author);
        }
        let known = parts.store.users().load(&named.users).await?;
        named.users.retain(|user| known.iter().any(|known| known.id == *user));
        (message.mentions, message.mention_roles) = (named.users, named.roles);
        message.mention_everyone = named.everyone;
    }
    let mut verdicts = Vec::new();
    if let Some(content) = patch.content.as_ref().filter(|_| message.author == me.id()) {
        let changed = MessageRecord { content: content.clone(), ..message.clone() };
        verdicts = automod::hear(&parts, &place, &changed).await?;
    }
    if !patch.is_only_flags() {
        message.edited_at = Some(parts.now());
    }
    let may_embed = place.has(Permissions::EMBED_LINKS) || message.author != me.id();
    let kept = keep(&parts, &place, message, patch, may_embed).await?;
    automod::carry_out(&parts, verdicts, Some(kept.id)).await;
    Ok(kept)
}

/// Changes a message as the patch says, keeps it with its files, and tells whoever sees it.
///
/// # Errors
///
/// Those of the patch and of storage; 10008 when the message went meanwhile. Then no file is left behind.
pub(in crate::rest) async fn keep(
    parts: &Parts,
    place: &Place,
    mut message: MessageRecord,
    mut patch: MessagePatch,
    may_embed: bool,
) -> Result<MessageRecord, ApiError> {
    let files = std::mem::take(&mut patch.files);
    let dropped = apply(&mut message, patch, files.len(), may_embed)?;
    let added = upload::store(parts, place.channel, files).await?;
    message.attachments.extend(added.iter().cloned());
    if let Err(error) = following::owe(parts, &message).await {
        upload::remove(parts, &added).await;
        return Err(error);
    }
    if let Err(error) = parts.messages.update(&message).await {
        upload::remove(parts, &added).await;
        return Err(match error {
            RepoError::NotFound => ErrorCode::UnknownMessage.into(),
            error => error.into(),
        });
    }
    place.publish(parts, ChatEvent::MessageUpdated(Arc::new(message.clone()))).await;
    following::tell(parts, &message);
    upload::remove(parts, &dropped).await;
    Ok(message)
}

fn require_rights(
    place: &Place,
    me: &Identity,
    message: &MessageRecord,
    patch: &MessagePatch,
) -> Result<(), ErrorCode> {
    if message.author != me.id() {
        if !patch.is_only_flags() {
            return Err(ErrorCode::CannotEditOthersMessage);
        }
        place.require(Permissions::MANAGE_MESSAGES)?;
    }
    let content = !patch.is_only_flags();
    if content && message.poll.is_some() {
        return Err(ErrorCode::PollEdit);
    }
    if content && message.flags & draft::VOICE_MESSAGE != 0 {
        return Err(ErrorCode::VoiceMessageEdit);
    }
    if kind::is_said(message.kind) { Ok(()) } else { Err(ErrorCode::CannotExecuteOnSystemMessage) }
}

/// Changes `message`; the files that it loses are returned. `added` files are still to come.
pub(in crate::rest) fn apply(
    message: &mut MessageRecord,
    patch: MessagePatch,
    added: usize,
    may_embed: bool,
) -> Result<Vec<Attachment>, ApiError> {
    if let Some(content) = patch.content {
        message.content = content;
    }
    if let Some(embeds) = patch.embeds {
        message.embeds = if may_embed { embeds } else { Vec::new() };
    }
    if let Some(components) = patch.components {
        message.components = components;
    }
    if let Some(suppress) = patch.suppress_embeds {
        let flag = if suppress { draft::SUPPRESS_EMBEDS } else { 0 };
        message.flags = message.flags & !draft::SUPPRESS_EMBEDS | flag;
    }
    if patch.modern {
        message.flags |= draft::COMPONENTS_V2;
    }
    let old_fields = !message.content.is_empty() || !message.embeds.is_empty();
    if message.flags & draft::COMPONENTS_V2 != 0 && old_fields {
        return Err(ApiError::Form(FormErrors::one(
            "content",
            "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
            "The 'content' and 'embeds' fields cannot be used with components of version 2.",
        )));
    }
    let mut dropped = Vec::new();
    if let Some(kept) = patch.kept {
        for mut attachment in std::mem::take(&mut message.attachments) {
            match kept.iter().find(|kept| kept.id == attachment.id) {
                Some(kept) => {
                    if let Some(description) = &kept.description {
                        attachment.description.clone_from(description);
                    }
                    message.attachments.push(attachment);
                }
                None => dropped.push(attachment),
            }
        }
    }
    if message.attachments.len() + added > limits::ATTACHMENTS {
        return Err(ApiError::Form(FormErrors::one(
            "attachments",
            "BASE_TYPE_MAX_LENGTH",
            format!("Must be {} or fewer in length.", limits::ATTACHMENTS),
        )));
    }
    let empty = draft::is_blank(&message.content)
        && message.embeds.is_empty()
        && message.components.is_empty()
        && message.snapshots.is_empty()
        && message.attachments.len() + added == 0;
    if empty { Err(ErrorCode::EmptyMessage.into()) } else { Ok(dropped) }
}

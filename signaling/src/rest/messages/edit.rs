//! Editing what one said.

use std::sync::Arc;

use axum::extract::State;
use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::MessageId;
use model::wire::guild::Permissions;
use serde_json::Value;
use state::event::ChatEvent;
use state::repo::RepoError;
use state::store::ChannelHome;

use super::draft;
use super::mentions;
use super::upload::Form;
use crate::cdn::Origin;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::channels;
use crate::rest::extract::Auth;
use crate::rest::extract::Json;
use crate::rest::extract::Path;

/// `PATCH /channels/{channel.id}/messages/{message.id}`: one's own; a moderator may only change
/// flags (SUPPRESS_EMBEDS).
pub(super) async fn edit(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, message)): Path<(ChannelId, MessageId)>,
    origin: Origin,
    Form { body, .. }: Form,
) -> Result<Json<Value>, ApiError> {
    let home = channels::open(&parts, &me, channel, Permissions::empty()).await?;
    let mut message = super::existing(&parts, channel, message).await?;
    let only_flags = body.content.is_none() && body.embeds.is_none() && body.flags.is_some();
    let moderates = match &home {
        ChannelHome::Guild(guild) => guild
            .view()
            .permissions_in(me.id(), channel, parts.now_ms())
            .has(Permissions::MANAGE_MESSAGES),
        ChannelHome::Private(_) => false,
    };
    if message.author != me.id() && !(only_flags && moderates) {
        return Err(ErrorCode::CannotEditOthersMessage.into());
    }
    if let Some(content) = body.content()? {
        let named = mentions::restrict(mentions::named(&content), body.allowed_mentions.as_ref());
        message.content = content;
        message.mentions = named.users;
    }
    if let Some(embeds) = body.embeds()? {
        message.embeds = embeds;
    }
    if let Some(components) = body.components()? {
        message.components = components;
    }
    if let Some(kept) = &body.attachments {
        let kept: Vec<_> = kept.iter().filter_map(draft::AttachmentMeta::number).collect();
        message.attachments.retain(|attachment| kept.contains(&attachment.id.get()));
    }
    if let Some(flags) = body.flags {
        message.flags = message.flags & !SUPPRESS_EMBEDS | flags & SUPPRESS_EMBEDS;
    }
    draft::require_something(
        &message.content,
        message.embeds.len(),
        message.attachments.len(),
        message.components.len(),
    )?;
    if !only_flags {
        message.edited_at = Some(parts.now());
    }
    let task = {
        let (parts, message) = (parts.clone(), message.clone());
        #[expect(clippy::disallowed_methods, reason = "ends with the store's answer")]
        tokio::spawn(async move {
            match parts.messages.update(&message).await {
                Ok(()) => {}
                Err(RepoError::NotFound) => return Err(ErrorCode::UnknownMessage.into()),
                Err(error) => return Err(ApiError::from(error)),
            }
            let event = ChatEvent::MessageUpdated(Arc::new(message));
            super::publish(&parts, &home, event).await;
            Ok(())
        })
    };
    task.await.map_err(|_| ApiError::Unavailable)??;
    let shown = super::shown(&parts, &origin, me.id(), channel, &[message]).await?;
    Ok(Json(shown.into_iter().next().unwrap_or_default()))
}

/// The one flag that an edit changes.
const SUPPRESS_EMBEDS: u64 = 1 << 2;

//! Publishing a message of an announcement channel (Discord: Crosspost Message).
//!
//! What follows it is delivered after the answer, by [`courier`](crate::courier).

use std::sync::Arc;

use axum::extract::State;
use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::MessageId;
use model::wire::channel::ChannelType;
use model::wire::guild::Permissions;
use serde_json::Value;
use state::event::ChatEvent;

use super::following;
use super::following::CROSSPOSTED;
use super::kind;
use super::place::Place;
use crate::cdn::Origin;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::carry::carry_out;
use crate::rest::extract::Auth;
use crate::rest::extract::Json;
use crate::rest::extract::Path;

/// `POST /channels/{channel.id}/messages/{message.id}/crosspost`: one's own, or with
/// MANAGE_MESSAGES; once.
pub(super) async fn crosspost(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, id)): Path<(ChannelId, MessageId)>,
    origin: Origin,
) -> Result<Json<Value>, ApiError> {
    let place = Place::open(&parts, &me, channel, Permissions::SEND_MESSAGES).await?;
    let kind = place.guild_channel().map(|channel| channel.kind);
    if kind != Some(ChannelType::GuildAnnouncement) {
        return Err(ErrorCode::CannotExecuteOnChannelType.into());
    }
    let author = me.id();
    let publishing = parts.clone();
    let message = carry_out(async move {
        let parts = publishing;
        let _turn = parts.chat.change(id).await;
        let mut message = super::existing(&parts, channel, id).await?;
        if message.author != author {
            place.require(Permissions::MANAGE_MESSAGES)?;
        }
        if !kind::is_said(message.kind) {
            return Err(ErrorCode::CannotExecuteOnSystemMessage.into());
        }
        if message.flags & CROSSPOSTED != 0 {
            return Err(ErrorCode::AlreadyCrossposted.into());
        }
        message.flags |= CROSSPOSTED;
        following::owe(&parts, &message).await?;
        parts.messages.update(&message).await?;
        place.publish(&parts, ChatEvent::MessageUpdated(Arc::new(message.clone()))).await;
        following::tell(&parts, &message);
        Ok(message)
    })
    .await?;
    super::shown_one(&parts, &origin, me.id(), message).await
}

//! Reactions on messages.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::delete;
use axum::routing::get;
use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::MessageId;
use model::id::UserId;
use model::limits;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use state::GuildEvent;
use state::event::ChatEvent;
use state::record::ReactionEmoji;
use state::repo::RepoError;
use state::store::ChannelHome;

use super::ApiError;
use super::channels;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::Query;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Router<Parts> {
    let one = "/channels/{channel}/messages/{message}/reactions/{emoji}";
    Router::new()
        .route("/channels/{channel}/messages/{message}/reactions", delete(clear))
        .route(one, get(reactors).delete(clear_emoji))
        .route(&format!("{one}/@me"), axum::routing::put(react).delete(unreact_me))
        .route(&format!("{one}/{{user}}"), delete(unreact))
}

/// An emoji as it stands in a path: a Unicode one, or `name:id`.
fn emoji(text: &str) -> Result<ReactionEmoji, ApiError> {
    if let Some((name, id)) = text.rsplit_once(':')
        && let Ok(id) = id.parse()
    {
        let name: String = name.trim_start_matches("a:").chars().take(32).collect();
        return Ok(ReactionEmoji { id: model::wire::id::Id::new_checked(id), name });
    }
    let fits = !text.is_empty()
        && text.len() <= 64
        && !text.chars().any(|c| c.is_ascii_alphabetic() || c.is_control() || c == ' ')
        && !text.is_ascii();
    // Keycaps begin with a digit, which is ASCII, but never are it alone.
    if fits {
        Ok(ReactionEmoji { id: None, name: text.to_owned() })
    } else {
        Err(ErrorCode::UnknownEmoji.into())
    }
}

async fn publish(parts: &Parts, home: ChannelHome, event: ChatEvent) -> Result<(), ApiError> {
    match home {
        ChannelHome::Guild(guild) => guild.publish(GuildEvent::Chat(event)).await?,
        ChannelHome::Private(private) => parts.store.publish_private(private, event).await?,
    }
    Ok(())
}

/// `PUT /channels/{channel.id}/messages/{message.id}/reactions/{emoji}/@me`
///
/// READ_MESSAGE_HISTORY; ADD_REACTIONS too when nobody gave this emoji yet.
async fn react(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, id, text)): Path<(ChannelId, MessageId, String)>,
) -> Result<StatusCode, ApiError> {
    let needed = Permissions::READ_MESSAGE_HISTORY;
    let home = channels::open(&parts, &me, channel, needed).await?;
    let emoji = emoji(&text)?;
    let message = parts.messages.message(channel, id).await?.ok_or(ErrorCode::UnknownMessage)?;
    let given = parts.messages.reactions(channel, &[id], me.id()).await?;
    let given = given.into_iter().next().map(|(_, counts)| counts).unwrap_or_default();
    if !given.iter().any(|count| count.emoji == emoji) {
        if given.len() >= limits::REACTIONS {
            return Err(ErrorCode::MaximumReactions.into());
        }
        if let ChannelHome::Guild(guild) = &home {
            let allowed = guild.view().permissions_in(me.id(), channel, parts.now_ms());
            allowed.require(Permissions::ADD_REACTIONS)?;
        }
    }
    let new = match parts.messages.react(channel, id, me.id(), &emoji).await {
        Ok(new) => new,
        Err(RepoError::NotFound) => return Err(ErrorCode::UnknownMessage.into()),
        Err(error) => return Err(error.into()),
    };
    if new {
        let event = ChatEvent::Reaction {
            channel,
            message: id,
            author: message.author,
            user: me.id(),
            emoji,
            added: true,
        };
        publish(&parts, home, event).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE .../reactions/{emoji}/@me`
async fn unreact_me(
    auth: Auth,
    parts: State<Parts>,
    Path((channel, id, text)): Path<(ChannelId, MessageId, String)>,
) -> Result<StatusCode, ApiError> {
    let me = auth.0.id();
    unreact(auth, parts, Path((channel, id, text, me))).await
}

/// `DELETE .../reactions/{emoji}/{user.id}`: others' with MANAGE_MESSAGES.
async fn unreact(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, id, text, user)): Path<(ChannelId, MessageId, String, UserId)>,
) -> Result<StatusCode, ApiError> {
    let needed = if user == me.id() { Permissions::empty() } else { Permissions::MANAGE_MESSAGES };
    let home = channels::open(&parts, &me, channel, needed).await?;
    let emoji = emoji(&text)?;
    let message = parts.messages.message(channel, id).await?.ok_or(ErrorCode::UnknownMessage)?;
    if parts.messages.unreact(channel, id, user, &emoji).await? {
        let event = ChatEvent::Reaction {
            channel,
            message: id,
            author: message.author,
            user,
            emoji,
            added: false,
        };
        publish(&parts, home, event).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Reactors {
    after: Option<UserId>,
    limit: Option<u16>,
}

/// `GET .../reactions/{emoji}`: who gave it.
async fn reactors(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, id, text)): Path<(ChannelId, MessageId, String)>,
    Query(query): Query<Reactors>,
) -> Result<Json<Value>, ApiError> {
    channels::open(&parts, &me, channel, Permissions::READ_MESSAGE_HISTORY).await?;
    let emoji = emoji(&text)?;
    let limit = query.limit.unwrap_or(25).clamp(1, 100);
    let ids = parts.messages.reactors(channel, id, &emoji, query.after, limit).await?;
    let users = parts.store.users().load(&ids).await?;
    Ok(Json(users.iter().map(|user| wire::user(user)).collect()))
}

/// `DELETE .../reactions`: all of them (MANAGE_MESSAGES).
async fn clear(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, message)): Path<(ChannelId, MessageId)>,
) -> Result<StatusCode, ApiError> {
    let home = channels::open(&parts, &me, channel, Permissions::MANAGE_MESSAGES).await?;
    parts.messages.clear_reactions(channel, message, None).await?;
    publish(&parts, home, ChatEvent::ReactionsCleared { channel, message, emoji: None }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE .../reactions/{emoji}`: all of one emoji (MANAGE_MESSAGES).
async fn clear_emoji(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, message, text)): Path<(ChannelId, MessageId, String)>,
) -> Result<StatusCode, ApiError> {
    let home = channels::open(&parts, &me, channel, Permissions::MANAGE_MESSAGES).await?;
    let emoji = Some(emoji(&text)?);
    parts.messages.clear_reactions(channel, message, emoji.as_ref()).await?;
    publish(&parts, home, ChatEvent::ReactionsCleared { channel, message, emoji }).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unicode_and_custom_emoji_are_told_from_text() {
        assert_eq!(emoji("🍺").unwrap(), ReactionEmoji { id: None, name: "🍺".to_owned() });
        assert_eq!(emoji("1️⃣").unwrap().name, "1️⃣");
        assert_eq!(emoji("ale:77").unwrap().id.map(|id| id.get()), Some(77));
        for text in ["", "beer", "1", "<script>", &"🍺".repeat(40)] {
            assert!(emoji(text).is_err(), "{text}");
        }
    }
}

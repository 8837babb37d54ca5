//! Reactions on messages.

use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::ChannelId;
use model::id::EmojiId;
use model::id::MessageId;
use model::id::UserId;
use model::limits;
use model::wire::guild::Permissions;
use model::wire::id::Id;
use serde::Deserialize;
use serde_json::Value;
use state::event::ChatEvent;
use state::record::ReactionCount;
use state::record::ReactionEmoji;
use state::repo::RepoError;

use super::ApiError;
use super::carry::carry_out;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::Query;
use super::extract::bound;
use super::messages;
use super::messages::place::Place;
use super::route::Needs;
use super::route::Routes;
use super::route::delete;
use super::route::get;
use super::schema;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Routes {
    let all = "/channels/{channel}/messages/{message}/reactions";
    // `@me` is no route of its own: some libraries send it percent-encoded.
    Routes::new()
        .route(
            all,
            delete(clear)
                .needs(Needs::All(Permissions::MANAGE_MESSAGES))
                .tells(&[DispatchName::MessageReactionRemoveAll]),
        )
        .route(
            &format!("{all}/{{emoji}}"),
            get(reactors)
                .lists(&schema::people::USER)
                .within("limit", 1, 100)
                .delete(clear_emoji)
                .needs(Needs::All(Permissions::MANAGE_MESSAGES))
                .tells(&[DispatchName::MessageReactionRemoveEmoji]),
        )
        .route(
            &format!("{all}/{{emoji}}/{{user}}"),
            delete(unreact)
                .needs(Needs::All(Permissions::MANAGE_MESSAGES))
                .tells(&[DispatchName::MessageReactionRemove])
                .put(react)
                .or(405)
                .needs(Needs::All(Permissions::ADD_REACTIONS))
                .tells(&[DispatchName::MessageReactionAdd]),
        )
}

/// `PUT /channels/{channel.id}/messages/{message.id}/reactions/{emoji}/@me`
///
/// READ_MESSAGE_HISTORY; ADD_REACTIONS too when nobody gave this emoji yet.
async fn react(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, id, text, user)): Path<(ChannelId, MessageId, String, String)>,
) -> Result<StatusCode, ApiError> {
    if whose(&user, me.id())? != me.id() {
        return Err(ApiError::Status(StatusCode::METHOD_NOT_ALLOWED));
    }
    let place = Place::open(&parts, &me, channel, Permissions::READ_MESSAGE_HISTORY).await?;
    place.require_full_member(me.id())?;
    place.require_open()?;
    let emoji = parse(&text)?;
    carry_out(add(parts, place, me.id(), id, emoji)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn add(
    parts: Parts,
    place: Place,
    user: UserId,
    id: MessageId,
    mut emoji: ReactionEmoji,
) -> Result<(), ApiError> {
    let channel = place.channel;
    // One at a time, or two at once would pass the limit.
    let _turn = parts.chat.change(id).await;
    let message = messages::existing(&parts, channel, id).await?;
    let given = parts.messages.reactions(channel, &[id], user).await?;
    let given = given.into_iter().next().map(|(_, counts)| counts).unwrap_or_default();
    // One and the same under whatever name it had when it was first given.
    let same = |count: &&ReactionCount| emoji.id.is_some() && count.emoji.id == emoji.id;
    if let Some(count) = given.iter().find(same) {
        emoji = count.emoji.clone();
    }
    if !given.iter().any(|count| count.emoji == emoji) {
        place.require(Permissions::ADD_REACTIONS)?;
        if let Some(id) = emoji.id {
            emoji.name = match usable(&parts, &place, user, id) {
                Err(ApiError::Code(ErrorCode::UnknownEmoji)) => of_bot(&parts, user, id).await?,
                usable => usable?,
            };
        }
        if given.len() >= limits::REACTIONS {
            return Err(ErrorCode::MaximumReactions.into());
        }
    }
    let new = match parts.messages.react(channel, id, user, &emoji).await {
        Err(RepoError::NotFound) => return Err(ErrorCode::UnknownMessage.into()),
        new => new?,
    };
    if new {
        let author = message.author;
        let event = ChatEvent::Reaction { channel, message: id, author, user, emoji, added: true };
        place.publish(&parts, event).await;
    }
    Ok(())
}

/// The name of an emoji of this guild, or with USE_EXTERNAL_EMOJIS of another one of theirs, if they
/// may use it.
fn usable(parts: &Parts, place: &Place, user: UserId, id: EmojiId) -> Result<String, ApiError> {
    let guilds = parts.store.guilds_of(user).into_iter().map(|guild| guild.view());
    let found = guilds.filter_map(|view| {
        let emoji = view.emojis.get(&id)?;
        let member = view.members.get(&user)?;
        let open =
            emoji.roles.is_empty() || emoji.roles.iter().any(|role| member.roles.contains(role));
        open.then(|| (view.id, emoji.name.clone()))
    });
    let (home, name) = found.last().ok_or(ErrorCode::UnknownEmoji)?;
    if place.guild().is_some_and(|guild| guild != home) {
        place.require(Permissions::USE_EXTERNAL_EMOJIS)?;
    }
    Ok(name)
}

/// The name of an emoji of the application whose bot `user` is: it may use it everywhere.
async fn of_bot(parts: &Parts, user: UserId, id: EmojiId) -> Result<String, ApiError> {
    let found = parts.apps.emoji(id).await?.filter(|(of, _)| of.get() == user.get());
    found.map(|(_, emoji)| emoji.name).ok_or_else(|| ErrorCode::UnknownEmoji.into())
}

/// `DELETE .../reactions/{emoji}/{user.id}` and `/@me`: others' with MANAGE_MESSAGES.
async fn unreact(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, id, text, user)): Path<(ChannelId, MessageId, String, String)>,
) -> Result<StatusCode, ApiError> {
    let user = whose(&user, me.id())?;
    let needed = if user == me.id() { Permissions::empty() } else { Permissions::MANAGE_MESSAGES };
    let place = Place::open(&parts, &me, channel, needed).await?;
    let emoji = parse(&text)?;
    carry_out(async move {
        let author = messages::existing(&parts, channel, id).await?.author;
        if parts.messages.unreact(channel, id, user, &emoji).await? {
            let event =
                ChatEvent::Reaction { channel, message: id, author, user, emoji, added: false };
            place.publish(&parts, event).await;
        }
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default, deserialize_with = "bound")]
    after: Option<UserId>,
    limit: Option<u16>,
    /// 1 asks for burst reactions, which nobody has here.
    #[serde(rename = "type")]
    kind: Option<u8>,
}

/// `GET .../reactions/{emoji}`: who gave it, by ascending id.
async fn reactors(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, id, text)): Path<(ChannelId, MessageId, String)>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, ApiError> {
    Place::open(&parts, &me, channel, Permissions::READ_MESSAGE_HISTORY).await?;
    let emoji = parse(&text)?;
    let limit = wanted.limit.unwrap_or(25);
    if !(1..=100).contains(&limit) {
        return Err(ApiError::Form(FormErrors::one(
            "limit",
            "NUMBER_TYPE_MAX",
            "int value should be between 1 and 100.",
        )));
    }
    messages::existing(&parts, channel, id).await?;
    if wanted.kind == Some(1) {
        return Ok(Json(Value::Array(Vec::new())));
    }
    let ids = parts.messages.reactors(channel, id, &emoji, wanted.after, limit).await?;
    let users = parts.store.users().load(&ids).await?;
    Ok(Json(users.iter().map(|user| wire::user(user)).collect()))
}

/// `DELETE .../reactions`: all of them (MANAGE_MESSAGES).
async fn clear(
    auth: Auth,
    parts: State<Parts>,
    Path((channel, message)): Path<(ChannelId, MessageId)>,
) -> Result<StatusCode, ApiError> {
    remove_all(auth, parts, channel, message, None).await
}

/// `DELETE .../reactions/{emoji}`: all of one emoji (MANAGE_MESSAGES).
async fn clear_emoji(
    auth: Auth,
    parts: State<Parts>,
    Path((channel, message, text)): Path<(ChannelId, MessageId, String)>,
) -> Result<StatusCode, ApiError> {
    let emoji = parse(&text)?;
    remove_all(auth, parts, channel, message, Some(emoji)).await
}

async fn remove_all(
    Auth(me): Auth,
    State(parts): State<Parts>,
    channel: ChannelId,
    message: MessageId,
    emoji: Option<ReactionEmoji>,
) -> Result<StatusCode, ApiError> {
    let place = Place::open(&parts, &me, channel, Permissions::empty()).await?;
    place.require_guild()?;
    place.require(Permissions::MANAGE_MESSAGES)?;
    carry_out(async move {
        messages::existing(&parts, channel, message).await?;
        parts.messages.clear_reactions(channel, message, emoji.as_ref()).await?;
        let event = ChatEvent::ReactionsCleared { channel, message, emoji };
        place.publish(&parts, event).await;
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whose reaction a path means.
fn whose(text: &str, me: UserId) -> Result<UserId, ApiError> {
    if text == "@me" {
        return Ok(me);
    }
    let id = text.parse().ok().and_then(Id::new_checked);
    id.ok_or_else(|| {
        let message = format!("Value \"{text}\" is not snowflake.");
        ApiError::Form(FormErrors::one("user_id", "NUMBER_TYPE_COERCE", message))
    })
}

/// An emoji as it stands in a path: a Unicode one, or `name:id`.
fn parse(text: &str) -> Result<ReactionEmoji, ErrorCode> {
    if let Some((name, id)) = text.rsplit_once(':') {
        let name = name.strip_prefix("a:").unwrap_or(name);
        let fits = (1..=32).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let id = id.parse().ok().and_then(Id::new_checked).filter(|_| fits);
        let id = id.ok_or(ErrorCode::UnknownEmoji)?;
        return Ok(ReactionEmoji { id: Some(id), name: name.to_owned() });
    }
    if is_unicode_emoji(text) {
        Ok(ReactionEmoji { id: None, name: text.to_owned() })
    } else {
        Err(ErrorCode::UnknownEmoji)
    }
}

/// Whether `text` may be an emoji: symbols and what joins them, no words. It is no list of all
/// emoji, which would be out of date each autumn.
fn is_unicode_emoji(text: &str) -> bool {
    let part = |c: char| match c {
        // Letters that are emoji (Unicode: emoji-data), the keycap base, and what joins: ZWJ,
        // variation selectors, tags.
        'ℹ' | 'Ⓜ' | '㊗' | '㊙' | '\u{1f130}'..='\u{1f189}' => true,
        '0'..='9' | '#' | '*' => true,
        '\u{200d}' | '\u{fe0e}' | '\u{fe0f}' | '\u{e0020}'..='\u{e007f}' => true,
        _ => !c.is_ascii() && !c.is_alphanumeric() && !c.is_control() && !c.is_whitespace(),
    };
    text.len() <= 64
        && text.chars().all(part)
        && text.chars().any(|c| !c.is_ascii() && !INVISIBLE.contains(&c))
}

/// What shows nothing by itself.
const INVISIBLE: [char; 8] =
    ['\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{fe0e}', '\u{fe0f}', '\u{feff}', '\u{ad}'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_unicode_emoji_is_one() {
        // Plain, with a variation selector, keycap, flag, skin tone, family, flag of tags,
        // letters, signs.
        for text in [
            "🍺",
            "❤️",
            "❤",
            "1️⃣",
            "#️⃣",
            "🇩🇪",
            "👍🏽",
            "👨‍👩‍👧‍👦",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
            "🅰️",
            "🆎",
            "ℹ️",
            "Ⓜ️",
            "㊗️",
            "™️",
            "©️",
            "‼️",
            "〰️",
        ] {
            assert_eq!(parse(text), Ok(ReactionEmoji { id: None, name: text.to_owned() }));
        }
    }

    #[test]
    fn words_and_tricks_are_no_emoji() {
        let many = "🍺".repeat(17);
        for text in [
            "",
            "beer",
            "1",
            "#",
            "12",
            "<script>",
            "é",
            "日本",
            "🍺beer",
            "🍺 🍺",
            "\u{200d}",
            "\u{fe0f}\u{fe0f}",
            "\u{200b}",
            "🍺\n",
            "../🍺",
            "a:b",
            "ale:0",
            ":5",
            "🍺:5",
            "a b:5",
            &many,
        ] {
            assert_eq!(parse(text), Err(ErrorCode::UnknownEmoji), "{text:?}");
        }
    }

    #[test]
    fn custom_emoji_are_a_name_and_an_id() {
        let ale = ReactionEmoji { id: Id::new_checked(77), name: "ale".to_owned() };

        assert_eq!(parse("ale:77"), Ok(ale.clone()));
        assert_eq!(parse("a:ale:77"), Ok(ale));
    }
}

//! Polls: voting, who voted, and their ends.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::MessageId;
use model::id::UserId;
use model::wire::channel::message::Embed;
use model::wire::channel::message::MessageReference;
use model::wire::channel::message::MessageReferenceType;
use model::wire::channel::message::embed::EmbedField;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::GuildEvent;
use state::event::ChatEvent;
use state::poll::PollPlace;
use state::poll::PollRecord;
use state::poll::Vote;
use state::record::MessageRecord;
use state::repo::RepoError;
use state::store::ChannelHome;

use super::kind;
use super::place::Place;
use crate::cdn::Origin;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::carry::carry_out;
use crate::rest::error::FormErrors;
use crate::rest::extract::Auth;
use crate::rest::extract::Json;
use crate::rest::extract::Path;
use crate::rest::extract::Query;
use crate::rest::extract::bound;
use crate::wire;

#[derive(Deserialize)]
pub(super) struct Choice {
    /// Strings or numbers.
    #[serde(default)]
    answer_ids: Vec<Value>,
}

/// `PUT /channels/{channel.id}/polls/{message.id}/answers/@me`: all that one chooses, in place of
/// what one chose before. For people: Discord lets no bot vote.
pub(super) async fn vote(
    auth: Auth,
    parts: State<Parts>,
    path: Path<(ChannelId, MessageId)>,
    Json(body): Json<Choice>,
) -> Result<StatusCode, ApiError> {
    let number = |id: &Value| {
        let number = id.as_u64().or_else(|| id.as_str()?.parse().ok())?;
        u8::try_from(number).ok()
    };
    let mut answers = Vec::new();
    for id in &body.answer_ids {
        let answer = number(id).ok_or_else(unknown_answer)?;
        if !answers.contains(&answer) {
            answers.push(answer);
        }
    }
    choose(auth, parts, path, answers).await
}

/// `DELETE /channels/{channel.id}/polls/{message.id}/answers/@me`: takes one's vote back.
pub(super) async fn unvote(
    auth: Auth,
    parts: State<Parts>,
    path: Path<(ChannelId, MessageId)>,
) -> Result<StatusCode, ApiError> {
    choose(auth, parts, path, Vec::new()).await
}

async fn choose(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, id)): Path<(ChannelId, MessageId)>,
    answers: Vec<u8>,
) -> Result<StatusCode, ApiError> {
    if me.user.bot {
        return Err(ErrorCode::BotsCannotUse.into());
    }
    let place = Place::open(&parts, &me, channel, Permissions::READ_MESSAGE_HISTORY).await?;
    place.require_full_member(me.id())?;
    place.require_open()?;
    let message = super::existing(&parts, channel, id).await?;
    let poll = message.poll.as_ref().ok_or(ErrorCode::NotAPoll)?;
    if !poll.is_open(parts.now_ms()) {
        return Err(ErrorCode::PollExpired.into());
    }
    if answers.iter().any(|id| !has_answer(poll, *id)) || (answers.len() > 1 && !poll.multiselect) {
        return Err(unknown_answer());
    }
    let user = me.id();
    carry_out(async move {
        // One at a time, or events of two would come in another order than they were stored in.
        let _turn = parts.chat.change(id).await;
        let vote = Vote { user, answers };
        let changed = match parts.polls.vote((channel, id), vote, parts.now_ms()).await {
            Err(RepoError::NotFound) => return Err(ErrorCode::PollExpired.into()),
            changed => changed?,
        };
        let removed = changed.removed.into_iter().map(|answer| (answer, false));
        for (answer, added) in removed.chain(changed.added.into_iter().map(|a| (a, true))) {
            let event = ChatEvent::PollVote { channel, message: id, user, answer, added };
            place.publish(&parts, event).await;
        }
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn has_answer(poll: &PollRecord, id: u8) -> bool {
    poll.answers.iter().any(|answer| answer.id == id)
}

fn unknown_answer() -> ApiError {
    let message = "Not an answer of the poll, or too many of them.";
    ApiError::Form(FormErrors::one("answer_ids", "POLL_INVALID_ANSWER", message))
}

#[derive(Deserialize)]
pub(super) struct Voters {
    #[serde(default, deserialize_with = "bound")]
    after: Option<UserId>,
    limit: Option<u16>,
}

/// `GET /channels/{channel.id}/polls/{message.id}/answers/{answer_id}`: by ascending id.
pub(super) async fn voters(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, id, answer)): Path<(ChannelId, MessageId, u8)>,
    Query(query): Query<Voters>,
) -> Result<Json<Value>, ApiError> {
    Place::open(&parts, &me, channel, Permissions::READ_MESSAGE_HISTORY).await?;
    let limit = query.limit.unwrap_or(25);
    if !(1..=100).contains(&limit) {
        let message = "int value should be between 1 and 100.";
        return Err(ApiError::Form(FormErrors::one("limit", "NUMBER_TYPE_RANGE", message)));
    }
    let message = super::existing(&parts, channel, id).await?;
    let poll = message.poll.as_ref().ok_or(ErrorCode::NotAPoll)?;
    if !has_answer(poll, answer) {
        return Err(unknown_answer());
    }
    let ids = parts.polls.voters((channel, id), answer, query.after, limit).await?;
    let users = parts.store.users().load(&ids).await?;
    let shown = ids.iter().filter_map(|id| users.iter().find(|user| user.id == *id));
    let shown: Vec<_> = shown.map(|user| wire::user(user)).collect();
    Ok(Json(json!({ "users": shown })))
}

/// `POST /channels/{channel.id}/polls/{message.id}/expire`: one's own poll.
pub(super) async fn expire(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, id)): Path<(ChannelId, MessageId)>,
    origin: Origin,
) -> Result<Json<Value>, ApiError> {
    Place::open(&parts, &me, channel, Permissions::empty()).await?;
    let message = super::existing(&parts, channel, id).await?;
    let poll = message.poll.as_ref().ok_or(ErrorCode::NotAPoll)?;
    if message.author != me.id() {
        return Err(ErrorCode::CannotEditOthersMessage.into());
    }
    if !poll.is_open(parts.now_ms()) {
        return Err(ErrorCode::PollExpired.into());
    }
    let ending = parts.clone();
    let now_ms = parts.now_ms();
    carry_out(async move { end(&ending, (channel, id), now_ms).await }).await?;
    let message = super::existing(&parts, channel, id).await?;
    super::shown_one(&parts, &origin, me.id(), message).await
}

/// Ends a poll, tells its results, and says so in the channel. Does nothing when it ended before.
///
/// # Errors
///
/// Storage errors.
pub(crate) async fn end(parts: &Parts, poll: PollPlace, now_ms: u64) -> Result<(), ApiError> {
    let turn = parts.chat.change(poll.1).await;
    let Some(message) = parts.polls.end(poll, now_ms).await? else { return Ok(()) };
    drop(turn);
    let notice = notice(parts, &message);
    publish(parts, ChatEvent::MessageUpdated(Arc::new(message))).await?;
    if let Some(notice) = notice {
        parts.messages.insert(&notice).await?;
        publish(parts, ChatEvent::MessageCreated(Arc::new(notice))).await?;
    }
    Ok(())
}

async fn publish(parts: &Parts, event: ChatEvent) -> Result<(), ApiError> {
    match parts.store.of_channel(event.channel()).await? {
        Some(ChannelHome::Guild(guild)) => guild.publish(GuildEvent::Chat(event)).await?,
        Some(ChannelHome::Private(private)) => parts.store.publish_private(private, event).await?,
        None => {}
    }
    Ok(())
}

/// "The poll has ended": a system message that points to it (Discord: Poll Result Embed Fields).
fn notice(parts: &Parts, message: &MessageRecord) -> Option<MessageRecord> {
    let poll = message.poll.as_ref()?;
    let results = poll.results.as_ref()?;
    let total: u32 = results.iter().sum();
    let most = results.iter().max().copied().unwrap_or(0);
    let mut fields = vec![
        ("poll_question_text", poll.question.clone()),
        ("victor_answer_votes", most.to_string()),
        ("total_votes", total.to_string()),
    ];
    if let Some((answer, _)) = poll.victor() {
        fields.push(("victor_answer_id", answer.id.to_string()));
        fields.extend(answer.text.clone().map(|text| ("victor_answer_text", text)));
        if let Some(emoji) = &answer.emoji {
            let id = emoji.id.map(|id| ("victor_answer_emoji_id", id.to_string()));
            fields.extend(id);
            fields.push(("victor_answer_emoji_name", emoji.name.clone()));
        }
    }
    let field =
        |(name, value): (&str, String)| EmbedField { inline: false, name: name.to_owned(), value };
    let embed = Embed {
        author: None,
        color: None,
        description: None,
        fields: fields.into_iter().map(field).collect(),
        flags: None,
        footer: None,
        image: None,
        kind: "poll_result".to_owned(),
        provider: None,
        thumbnail: None,
        timestamp: None,
        title: None,
        url: None,
        video: None,
    };
    Some(MessageRecord {
        guild: message.guild,
        kind: kind::POLL_RESULT,
        embeds: vec![embed],
        reference: Some(MessageReference {
            channel_id: Some(message.channel),
            guild_id: message.guild,
            kind: MessageReferenceType::Default,
            message_id: Some(message.id),
            fail_if_not_exists: None,
        }),
        ..MessageRecord::said(parts.ids.next(), message.channel, message.author, String::new())
    })
}

//! Speaking through a webhook, and changing or taking back what was said through it.

use std::sync::Arc;

use axum::extract::Request;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::response::Response;
use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::MessageId;
use model::id::WebhookId;
use model::limits;
use model::wire::channel::ChannelType;
use serde::Deserialize;
use serde_json::Value;
use state::GuildCommand;
use state::apps::MessageOrigin;
use state::apps::WebhookRecord;
use state::event::ChatEvent;
use state::guild::command::ThreadDraft;
use state::guild::command::is_forum;
use state::record::MessageRecord;

use super::by_token;
use super::manage;
use super::translate;
use crate::cdn::Origin;
use crate::cdn::picture::Owner;
use crate::cdn::picture::Picture;
use crate::cdn::upload;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::carry::carry_out;
use crate::rest::error::FormErrors;
use crate::rest::extract;
use crate::rest::extract::Flag;
use crate::rest::extract::Json;
use crate::rest::extract::Path;
use crate::rest::extract::Query;
use crate::rest::interactions::followup::Followed;
use crate::rest::messages;
use crate::rest::messages::components;
use crate::rest::messages::draft::Body;
use crate::rest::messages::draft::MessageDraft;
use crate::rest::messages::mentions::Named;
use crate::rest::messages::multipart;
use crate::rest::messages::multipart::Form;
use crate::rest::messages::place::Place;

#[derive(Deserialize, Default)]
pub(super) struct Wanted {
    /// Answer with the message.
    #[serde(default)]
    wait: Flag,
    /// Say it in this thread of the channel.
    #[serde(default)]
    thread_id: Option<ChannelId>,
    /// Components are meant, of a webhook that no application owns.
    #[serde(default)]
    with_components: Flag,
}

/// `POST /webhooks/{webhook.id}/{webhook.token}`; also a bot's follow-up.
pub(super) async fn execute(
    State(parts): State<Parts>,
    Path((id, secret)): Path<(WebhookId, String)>,
    Query(wanted): Query<Wanted>,
    origin: Origin,
    request: Request,
) -> Result<Response, ApiError> {
    if let Some(followed) = Followed::find(&parts, id.cast(), &secret) {
        return Ok(followed.create(&parts, &origin, request).await?.into_response());
    }
    let webhook = by_token(&parts, id, &secret).await?;
    let form = multipart::read(&parts, request).await?;
    let message = spoken(&parts, webhook, &wanted, form, ErrorCode::WebhookNeedsThread).await?;
    answer(&parts, &origin, &wanted, &message).await
}

async fn answer(
    parts: &Parts,
    origin: &Origin,
    wanted: &Wanted,
    message: &MessageRecord,
) -> Result<Response, ApiError> {
    if !wanted.wait.0 {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(Json(messages::written_new(parts, origin, message).await?).into_response())
}

async fn shown(parts: &Parts, origin: &Origin, message: &MessageRecord) -> Result<Value, ApiError> {
    let list = std::slice::from_ref(message);
    let shown = messages::shown(parts, origin, message.author, message.channel, list).await?;
    Ok(shown.into_iter().next().unwrap_or_default())
}

/// `POST /webhooks/{webhook.id}/{webhook.token}/slack`: answers "ok", as Slack does.
pub(super) async fn slack(
    State(parts): State<Parts>,
    Path((id, secret)): Path<(WebhookId, String)>,
    Query(wanted): Query<Wanted>,
    request: Request,
) -> Result<Response, ApiError> {
    let webhook = by_token(&parts, id, &secret).await?;
    let body = whole(request).await?;
    let body = translate::slack(&body)?;
    let form = Form { body, files: Vec::new(), slot: None };
    spoken(&parts, webhook, &wanted, form, ErrorCode::WebhookServiceInForum).await?;
    Ok("ok".into_response())
}

/// `POST /webhooks/{webhook.id}/{webhook.token}/github`: events that there is nothing to say of are
/// taken and passed over.
pub(super) async fn github(
    State(parts): State<Parts>,
    Path((id, secret)): Path<(WebhookId, String)>,
    Query(wanted): Query<Wanted>,
    origin: Origin,
    request: Request,
) -> Result<Response, ApiError> {
    let webhook = by_token(&parts, id, &secret).await?;
    let event = request.headers().get("x-github-event").and_then(|event| event.to_str().ok());
    let event = event.unwrap_or_default().to_owned();
    let body = whole(request).await?;
    let Some(body) = translate::github(&event, &extract::parse::<Value>(&body)?) else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let form = Form { body, files: Vec::new(), slot: None };
    let unnamed = ErrorCode::WebhookServiceInForum;
    let message = spoken(&parts, webhook, &wanted, form, unnamed).await?;
    answer(&parts, &origin, &wanted, &message).await
}

async fn whole(request: Request) -> Result<Vec<u8>, ApiError> {
    let bytes = axum::body::to_bytes(request.into_body(), limits::JSON_BODY).await;
    Ok(bytes.map_err(|_| ApiError::Code(ErrorCode::RequestTooLarge))?.into())
}

/// The post that a webhook is to make of what it says: in a forum it makes one, or speaks in one (Discord:
/// Execute Webhook, `thread_name`); `unnamed` where it names none.
fn posts(
    parts: &Parts,
    place: &Place,
    wanted: &Wanted,
    body: &mut Body,
    unnamed: ErrorCode,
) -> Result<Option<ThreadDraft>, ApiError> {
    let tags = body.applied_tags.take().unwrap_or_default();
    let Some(name) = body.thread_name.take() else {
        return if in_forum(place) { Err(unnamed.into()) } else { Ok(None) };
    };
    if wanted.thread_id.is_some() {
        return Err(ErrorCode::WebhookThreadTwice.into());
    }
    if !in_forum(place) {
        return Err(ErrorCode::WebhookNeedsForum.into());
    }
    if !limits::NAME.contains(&name.trim().chars().count()) {
        let message = "Must be between 1 and 100 in length.";
        let errors = FormErrors::one("thread_name", "BASE_TYPE_BAD_LENGTH", message);
        return Err(ApiError::Form(errors));
    }
    Ok(Some(ThreadDraft {
        id: parts.ids.next(),
        parent: place.channel,
        kind: ChannelType::PublicThread,
        name,
        auto_archive_minutes: None,
        rate_limit_per_user: None,
        invitable: None,
        tags,
    }))
}

fn in_forum(place: &Place) -> bool {
    place.guild_channel().is_some_and(|channel| is_forum(channel.kind))
}

/// Says something through a webhook; in a forum, `unnamed` is the error of what names no post.
async fn spoken(
    parts: &Parts,
    webhook: WebhookRecord,
    wanted: &Wanted,
    form: Form,
    unnamed: ErrorCode,
) -> Result<MessageRecord, ApiError> {
    let place = place(parts, &webhook, wanted.thread_id).await?;
    let Form { mut body, files, slot } = form;
    let thread = posts(parts, &place, wanted, &mut body, unnamed)?;
    let username = body.username.take().filter(|name| !name.trim().is_empty());
    let username = username.map(|name| manage::name(&name, "username")).transpose()?;
    let avatar_url = body.avatar_url.take().filter(|url| !url.is_empty());
    if avatar_url.as_ref().is_some_and(|url| url.len() > limits::URL) {
        let message = format!("Must be {} or fewer in length.", limits::URL);
        let errors = FormErrors::one("avatar_url", "BASE_TYPE_MAX_LENGTH", message);
        return Err(ApiError::Form(errors));
    }
    let channel = thread.as_ref().map_or(place.channel, |thread| thread.id);
    let mut draft = body.draft(files, channel)?.unforwarded()?;
    allow_components(&webhook, wanted, &mut draft)?;
    let avatar = match avatar_url {
        Some(url) => picture(parts, &webhook, &url).await,
        None => None,
    };
    let message = compose(parts, &place, &webhook, draft, username, avatar).await?;
    let (parts, (message, files)) = (parts.clone(), message);
    carry_out(async move {
        let _slot = slot;
        let Some(thread) = thread else { return commit(&parts, &place, message, files).await };
        let message = MessageRecord { id: thread.id.cast(), channel: thread.id, ..message };
        let (by, command) = (webhook.id.cast(), GuildCommand::PostByWebhook(thread));
        let made = messages::start::post(&parts, &place, by, command, message, files).await;
        made.map(|(_, message)| message)
    })
    .await
}

/// The channel of a webhook, or a thread in it.
async fn place(
    parts: &Parts,
    webhook: &WebhookRecord,
    thread: Option<ChannelId>,
) -> Result<Place, ApiError> {
    let channel = thread.unwrap_or(webhook.channel);
    let place = Place::called(parts, webhook.id.cast(), channel).await?;
    if thread.is_some() && (place.thread().is_none() || place.root() != webhook.channel) {
        return Err(ErrorCode::UnknownChannel.into());
    }
    if place.guild() == Some(webhook.guild) {
        Ok(place)
    } else {
        Err(ErrorCode::UnknownWebhook.into())
    }
}

/// Nobody hears a button of a webhook that no application owns, so it may have none; layouts only
/// when they are meant (Discord: Execute Webhook, `with_components`).
fn allow_components(
    webhook: &WebhookRecord,
    wanted: &Wanted,
    draft: &mut MessageDraft,
) -> Result<(), ApiError> {
    if webhook.application.is_some() || draft.components.is_empty() {
        return Ok(());
    }
    if !wanted.with_components.0 {
        draft.components.clear();
        let empty = draft.content.is_empty()
            && draft.embeds.is_empty()
            && draft.files.is_empty()
            && draft.poll.is_none();
        return if empty { Err(ErrorCode::EmptyMessage.into()) } else { Ok(()) };
    }
    if components::asking(&draft.components).is_empty() {
        return Ok(());
    }
    let message = "Only webhooks of applications may have interactive components";
    let errors = FormErrors::one("components", "WEBHOOK_COMPONENTS_NOT_ALLOWED", message);
    Err(ApiError::Form(errors))
}

/// The hash of the picture at `url`, kept as one of the webhook's; none when it cannot be had, for a
/// message is worth more than its picture.
async fn picture(parts: &Parts, webhook: &WebhookRecord, url: &str) -> Option<String> {
    if let Some(known) = parts.outbound.picture(webhook.id, url) {
        return Some(known);
    }
    let bytes = parts.outbound.get(url, limits::PICTURE).await;
    let bytes = bytes.inspect_err(|error| tracing::debug!(%error, "a webhook's picture")).ok()?;
    let picture = Picture::of(&bytes)?;
    picture.keep(parts, Owner::User(webhook.id.cast())).await.ok()?;
    parts.outbound.remember(webhook.id, url, picture.hash.clone());
    Some(picture.hash)
}

async fn compose(
    parts: &Parts,
    place: &Place,
    webhook: &WebhookRecord,
    draft: MessageDraft,
    username: Option<String>,
    avatar: Option<String>,
) -> Result<(MessageRecord, Vec<upload::NewFile>), ApiError> {
    // Whoever made a webhook let it mention everyone (Discord does so).
    let mut named = Named::of(&draft.content)
        .wanted(draft.allowed_mentions.as_ref())
        .permitted(place.view.as_deref(), true);
    let known = parts.store.users().load(&named.users).await?;
    named.users.retain(|user| known.iter().any(|known| known.id == *user));
    let origin = MessageOrigin {
        application: webhook.application,
        webhook: Some(webhook.id),
        name: Some(username.unwrap_or_else(|| webhook.name.clone())),
        avatar: avatar.or_else(|| webhook.avatar.clone()),
        interaction: None,
    };
    let message = MessageRecord {
        guild: place.guild(),
        embeds: draft.embeds,
        components: draft.components,
        mentions: named.users,
        mention_roles: named.roles,
        mention_everyone: named.everyone,
        tts: draft.tts,
        flags: draft.flags,
        poll: draft.poll.map(|poll| Box::new(poll.begin(parts.now_ms()))),
        origin: Some(Box::new(origin)),
        ..MessageRecord::said(parts.ids.next(), place.channel, webhook.id.cast(), draft.content)
    };
    Ok((message, draft.files))
}

async fn commit(
    parts: &Parts,
    place: &Place,
    mut message: MessageRecord,
    files: Vec<upload::NewFile>,
) -> Result<MessageRecord, ApiError> {
    message.attachments = upload::store(parts, place.channel, files).await?;
    if let Err(error) = parts.messages.insert(&message).await {
        upload::remove(parts, &message.attachments).await;
        return Err(error.into());
    }
    metrics::counter!("signaling_messages_created_total").increment(1);
    place.publish(parts, ChatEvent::MessageCreated(Arc::new(message.clone()))).await;
    Ok(message)
}

/// Which message of a webhook: `@original` is an interaction's first answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Which(Option<MessageId>);

impl<'de> Deserialize<'de> for Which {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        if text == "@original" {
            return Ok(Self(None));
        }
        let id = text.parse().ok().and_then(MessageId::new_checked);
        id.map(|id| Self(Some(id))).ok_or_else(|| serde::de::Error::custom("no message id"))
    }
}

/// The webhook's own message, and where it is.
async fn own(
    parts: &Parts,
    id: WebhookId,
    secret: &str,
    which: Which,
    wanted: &Wanted,
) -> Result<(MessageRecord, Place, WebhookRecord), ApiError> {
    let webhook = by_token(parts, id, secret).await?;
    let message = which.0.ok_or(ErrorCode::UnknownMessage)?;
    let place = place(parts, &webhook, wanted.thread_id).await?;
    let message = messages::existing(parts, place.channel, message).await?;
    if message.origin.as_ref().and_then(|origin| origin.webhook) == Some(id) {
        Ok((message, place, webhook))
    } else {
        Err(ErrorCode::UnknownMessage.into())
    }
}

/// `GET /webhooks/{webhook.id}/{webhook.token}/messages/{message.id}`
pub(super) async fn show(
    State(parts): State<Parts>,
    Path((id, secret, which)): Path<(WebhookId, String, Which)>,
    Query(wanted): Query<Wanted>,
    origin: Origin,
) -> Result<Json<Value>, ApiError> {
    if let Some(followed) = Followed::find(&parts, id.cast(), &secret) {
        return followed.show(&parts, &origin, which.0).await;
    }
    let (message, ..) = own(&parts, id, &secret, which, &wanted).await?;
    Ok(Json(shown(&parts, &origin, &message).await?))
}

/// `PATCH /webhooks/{webhook.id}/{webhook.token}/messages/{message.id}`
pub(super) async fn edit(
    State(parts): State<Parts>,
    Path((id, secret, which)): Path<(WebhookId, String, Which)>,
    Query(wanted): Query<Wanted>,
    origin: Origin,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    if let Some(followed) = Followed::find(&parts, id.cast(), &secret) {
        return followed.edit(&parts, &origin, which.0, request).await;
    }
    own(&parts, id, &secret, which, &wanted).await?;
    let form = multipart::read(&parts, request).await?;
    let working = parts.clone();
    let message = carry_out(async move { change(working, id, secret, which, wanted, form).await });
    Ok(Json(shown(&parts, &origin, &message.await?).await?))
}

async fn change(
    parts: Parts,
    id: WebhookId,
    secret: String,
    which: Which,
    wanted: Wanted,
    form: Form,
) -> Result<MessageRecord, ApiError> {
    let mut patch = Body::patch(form.body, form.files)?;
    let _turn = parts.chat.change(which.0.ok_or(ErrorCode::UnknownMessage)?).await;
    let (mut message, place, webhook) = own(&parts, id, &secret, which, &wanted).await?;
    let asks = |list: &Vec<Value>| !components::asking(list).is_empty();
    if webhook.application.is_none() && patch.components.as_ref().is_some_and(asks) {
        patch.components = None;
    }
    if let Some(content) = &patch.content {
        let mut named = Named::of(content)
            .wanted(patch.allowed_mentions.as_ref())
            .permitted(place.view.as_deref(), true);
        let known = parts.store.users().load(&named.users).await?;
        named.users.retain(|user| known.iter().any(|known| known.id == *user));
        (message.mentions, message.mention_roles) = (named.users, named.roles);
        message.mention_everyone = named.everyone;
    }
    message.edited_at = Some(parts.now());
    messages::edit::keep(&parts, &place, message, patch, true).await
}

/// `DELETE /webhooks/{webhook.id}/{webhook.token}/messages/{message.id}`
pub(super) async fn delete(
    State(parts): State<Parts>,
    Path((id, secret, which)): Path<(WebhookId, String, Which)>,
    Query(wanted): Query<Wanted>,
) -> Result<StatusCode, ApiError> {
    if let Some(followed) = Followed::find(&parts, id.cast(), &secret) {
        return followed.delete(&parts, which.0).await;
    }
    let (message, place, _) = own(&parts, id, &secret, which, &wanted).await?;
    carry_out(messages::delete::remove(parts, place, vec![message], false)).await?;
    Ok(StatusCode::NO_CONTENT)
}

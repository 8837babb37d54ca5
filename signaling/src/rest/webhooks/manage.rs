//! Making, listing, changing and deleting webhooks.

use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::WebhookId;
use model::limits;
use model::wire::guild::Permissions;
use model::wire::id::marker::UserMarker;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::apps::WebhookRecord;
use state::audit::AuditAction;
use state::audit::AuditDraft;
use state::audit::By;
use state::guild::command::is_forum;

use super::by_token;
use super::shown;
use super::tell;
use crate::auth;
use crate::auth::Identity;
use crate::cdn::Origin;
use crate::cdn::picture;
use crate::cdn::picture::Owner;
use crate::cdn::picture::Wish;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::audit_log::note;
use crate::rest::carry::carry_out;
use crate::rest::error::FormErrors;
use crate::rest::extract::Auth;
use crate::rest::extract::Json;
use crate::rest::extract::Path;
use crate::rest::extract::Reason;
use crate::rest::extract::member_view;
use crate::rest::extract::some;
use crate::rest::messages::place::Place;
use crate::wire;

#[derive(Deserialize)]
pub(super) struct Draft {
    name: String,
    #[serde(default, deserialize_with = "some")]
    avatar: Option<Option<String>>,
}

#[derive(Deserialize)]
pub(super) struct Patch {
    name: Option<String>,
    #[serde(default, deserialize_with = "some")]
    avatar: Option<Option<String>>,
    channel_id: Option<ChannelId>,
}

/// A name that a webhook may have; nobody is to be taken for Discord's own.
pub(super) fn name(name: &str, field: &str) -> Result<String, ApiError> {
    let name = name.trim();
    let fault =
        |code: &str, message: String| Err(ApiError::Form(FormErrors::one(field, code, message)));
    if !limits::WEBHOOK_NAME.contains(&name.chars().count()) {
        return fault("BASE_TYPE_BAD_LENGTH", "Must be between 1 and 80 in length.".to_owned());
    }
    let lower = name.to_lowercase();
    for word in ["clyde", "discord"] {
        if lower.contains(word) {
            let message = format!("Username cannot contain \"{word}\"");
            return fault("USERNAME_INVALID_CONTAINS", message);
        }
    }
    Ok(name.to_owned())
}

/// `POST /channels/{channel.id}/webhooks`
pub(super) async fn create(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    origin: Origin,
    reason: Reason,
    Json(draft): Json<Draft>,
) -> Result<Json<Value>, ApiError> {
    let place = home_of(&parts, &me, channel).await?;
    let guild = place.guild().ok_or(ErrorCode::CannotExecuteOnPrivateChannel)?;
    let name = name(&draft.name, "name")?;
    let wish = Wish::read("avatar", draft.avatar, None)?;
    if parts.webhooks.of_channel(channel).await?.len() >= limits::WEBHOOKS {
        return Err(ErrorCode::MaximumWebhooks.into());
    }
    let id: WebhookId = parts.ids.next();
    let webhook = WebhookRecord {
        id,
        guild,
        channel,
        creator: Some(me.id()),
        application: me.application.as_ref().map(|application| application.id),
        name,
        avatar: None,
        token: URL_SAFE_NO_PAD.encode(auth::random::<51>()),
        source: None,
    };
    let webhook = carry_out(changed(
        parts.clone(),
        webhook,
        wish,
        None,
        (Value::Null, Some(reason.by(me.id()))),
    ))
    .await?;
    Ok(Json(shown(&parts, &origin, &webhook, Some(&me)).await?))
}

/// As [`channel_of`], or a forum, where webhooks post.
async fn home_of(parts: &Parts, me: &Identity, channel: ChannelId) -> Result<Place, ApiError> {
    let place = managed_in(parts, me, channel).await?;
    if !place.guild_channel().is_some_and(|channel| is_forum(channel.kind)) {
        place.require_textual()?;
    }
    Ok(place)
}

/// A channel of a guild that can hold messages, in which `me` manages webhooks.
pub(in crate::rest) async fn channel_of(
    parts: &Parts,
    me: &Identity,
    channel: ChannelId,
) -> Result<Place, ApiError> {
    let place = managed_in(parts, me, channel).await?;
    place.require_textual()?;
    Ok(place)
}

async fn managed_in(parts: &Parts, me: &Identity, channel: ChannelId) -> Result<Place, ApiError> {
    let place = Place::open(parts, me, channel, Permissions::empty()).await?;
    place.require_guild()?;
    place.require(Permissions::MANAGE_WEBHOOKS)?;
    Ok(place)
}

/// Stores a webhook with the picture that it is to have, tells and notes. `left`: where it was
/// before; `before`: what it was, and who changes it, if it is known.
async fn changed(
    parts: Parts,
    mut webhook: WebhookRecord,
    wish: Wish,
    left: Option<ChannelId>,
    (before, by): (Value, Option<By>),
) -> Result<WebhookRecord, ApiError> {
    let owner = Owner::User(webhook.id.cast());
    let _changing = picture::changing().await;
    if let Some(avatar) = wish.keep(&parts, owner).await? {
        // The old picture stays: messages of old show it.
        webhook.avatar = avatar;
    }
    parts.webhooks.put(&webhook).await?;
    tell(&parts, &webhook, left).await;
    let action = match before {
        Value::Null => AuditAction::WebhookCreate,
        _ => AuditAction::WebhookUpdate,
    };
    log(&parts, &webhook, action, by, (&before, &logged(&webhook))).await;
    Ok(webhook)
}

/// Stores a new webhook as it is, tells and notes.
pub(in crate::rest) async fn kept(
    parts: &Parts,
    webhook: WebhookRecord,
    by: By,
) -> Result<WebhookRecord, ApiError> {
    changed(parts.clone(), webhook, Wish::Keep, None, (Value::Null, Some(by))).await
}

/// A webhook as the audit log shows it.
fn logged(webhook: &WebhookRecord) -> Value {
    json!({
        "name": webhook.name,
        "type": wire::webhook_type(webhook),
        "channel_id": webhook.channel,
        "avatar_hash": webhook.avatar,
        "application_id": webhook.application,
    })
}

/// Notes what was done to a webhook. Who has only its token is nobody.
async fn log(
    parts: &Parts,
    webhook: &WebhookRecord,
    action: AuditAction,
    by: Option<By>,
    (before, after): (&Value, &Value),
) {
    let nobody = by.is_none();
    let by = by.unwrap_or_else(|| By::from(webhook.id.cast::<UserMarker>()));
    let mut entry = AuditDraft::new(&by, action, Some(webhook.id.get())).changing(before, after);
    if nobody {
        entry.user = None;
    }
    if !entry.changes.is_empty() {
        note(parts, webhook.guild, entry).await;
    }
}

/// `GET /channels/{channel.id}/webhooks`
pub(super) async fn of_channel(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    origin: Origin,
) -> Result<Json<Value>, ApiError> {
    home_of(&parts, &me, channel).await?;
    listed(&parts, &origin, &me, &parts.webhooks.of_channel(channel).await?).await
}

/// `GET /guilds/{guild.id}/webhooks`
pub(super) async fn of_guild(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    origin: Origin,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    view.permissions(me.id(), parts.now_ms()).require(Permissions::MANAGE_WEBHOOKS)?;
    listed(&parts, &origin, &me, &parts.webhooks.of_guild(guild).await?).await
}

async fn listed(
    parts: &Parts,
    origin: &Origin,
    me: &Identity,
    webhooks: &[WebhookRecord],
) -> Result<Json<Value>, ApiError> {
    let mut list = Vec::with_capacity(webhooks.len());
    for webhook in webhooks {
        list.push(shown(parts, origin, webhook, Some(me)).await?);
    }
    Ok(Json(Value::Array(list)))
}

/// The webhook, if `me` manages those of its channel.
async fn managed(parts: &Parts, me: &Identity, id: WebhookId) -> Result<WebhookRecord, ApiError> {
    let webhook = parts.webhooks.webhook(id).await?.ok_or(ErrorCode::UnknownWebhook)?;
    let guild = parts.store.guild(webhook.guild).ok_or(ErrorCode::UnknownWebhook)?;
    let allowed = guild.view().permissions_in(me.id(), webhook.channel, parts.now_ms());
    // To strangers it is not told that it exists.
    if !guild.view().members.contains_key(&me.id()) {
        return Err(ErrorCode::UnknownWebhook.into());
    }
    allowed.require(Permissions::MANAGE_WEBHOOKS)?;
    Ok(webhook)
}

/// `GET /webhooks/{webhook.id}`
pub(super) async fn show(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(id): Path<WebhookId>,
    origin: Origin,
) -> Result<Json<Value>, ApiError> {
    let webhook = managed(&parts, &me, id).await?;
    Ok(Json(shown(&parts, &origin, &webhook, Some(&me)).await?))
}

/// `GET /webhooks/{webhook.id}/{webhook.token}`
pub(super) async fn show_by_token(
    State(parts): State<Parts>,
    Path((id, secret)): Path<(WebhookId, String)>,
    origin: Origin,
) -> Result<Json<Value>, ApiError> {
    let webhook = by_token(&parts, id, &secret).await?;
    Ok(Json(shown(&parts, &origin, &webhook, None).await?))
}

/// `PATCH /webhooks/{webhook.id}`: it may move to a channel where one manages webhooks too.
pub(super) async fn edit(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(id): Path<WebhookId>,
    origin: Origin,
    reason: Reason,
    Json(patch): Json<Patch>,
) -> Result<Json<Value>, ApiError> {
    let mut webhook = managed(&parts, &me, id).await?;
    let before = logged(&webhook);
    let mut left = None;
    if let Some(channel) = patch.channel_id.filter(|channel| *channel != webhook.channel) {
        let place = home_of(&parts, &me, channel).await?;
        if place.guild() != Some(webhook.guild) {
            return Err(ErrorCode::UnknownChannel.into());
        }
        if parts.webhooks.of_channel(channel).await?.len() >= limits::WEBHOOKS {
            return Err(ErrorCode::MaximumWebhooks.into());
        }
        left = Some(std::mem::replace(&mut webhook.channel, channel));
    }
    let webhook = edited(&parts, webhook, patch, left, (before, Some(reason.by(me.id())))).await?;
    Ok(Json(shown(&parts, &origin, &webhook, Some(&me)).await?))
}

/// `PATCH /webhooks/{webhook.id}/{webhook.token}`: name and picture.
pub(super) async fn edit_by_token(
    State(parts): State<Parts>,
    Path((id, secret)): Path<(WebhookId, String)>,
    origin: Origin,
    Json(patch): Json<Patch>,
) -> Result<Json<Value>, ApiError> {
    let webhook = by_token(&parts, id, &secret).await?;
    let before = logged(&webhook);
    let webhook = edited(&parts, webhook, patch, None, (before, None)).await?;
    Ok(Json(shown(&parts, &origin, &webhook, None).await?))
}

async fn edited(
    parts: &Parts,
    mut webhook: WebhookRecord,
    patch: Patch,
    left: Option<ChannelId>,
    before: (Value, Option<By>),
) -> Result<WebhookRecord, ApiError> {
    if let Some(new_name) = patch.name {
        webhook.name = name(&new_name, "name")?;
    }
    let wish = Wish::read("avatar", patch.avatar, webhook.avatar.as_deref())?;
    carry_out(changed(parts.clone(), webhook, wish, left, before)).await
}

/// `DELETE /webhooks/{webhook.id}`
pub(super) async fn delete(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(id): Path<WebhookId>,
    reason: Reason,
) -> Result<StatusCode, ApiError> {
    let webhook = managed(&parts, &me, id).await?;
    deleted(&parts, webhook, Some(reason.by(me.id()))).await
}

/// `DELETE /webhooks/{webhook.id}/{webhook.token}`
pub(super) async fn delete_by_token(
    State(parts): State<Parts>,
    Path((id, secret)): Path<(WebhookId, String)>,
) -> Result<StatusCode, ApiError> {
    let webhook = by_token(&parts, id, &secret).await?;
    deleted(&parts, webhook, None).await
}

async fn deleted(
    parts: &Parts,
    webhook: WebhookRecord,
    by: Option<By>,
) -> Result<StatusCode, ApiError> {
    let parts = parts.clone();
    carry_out(async move {
        match parts.webhooks.remove(webhook.id).await {
            Ok(()) => {}
            Err(state::repo::RepoError::NotFound) => {
                return Err(ErrorCode::UnknownWebhook.into());
            }
            Err(error) => return Err(error.into()),
        }
        tell(&parts, &webhook, None).await;
        let action = AuditAction::WebhookDelete;
        log(&parts, &webhook, action, by, (&logged(&webhook), &Value::Null)).await;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

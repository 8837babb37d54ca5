//! Emojis of an application: no guild's, and its bot's to use everywhere.

use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::id::ApplicationId;
use model::id::EmojiId;
use model::limits;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::record::EmojiRecord;
use state::repo::RepoError;

use super::me;
use crate::cdn::picture;
use crate::cdn::picture::Owner;
use crate::cdn::picture::Picture;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::carry::carry_out;
use crate::rest::error::FormErrors;
use crate::rest::extract::Auth;
use crate::rest::extract::Json;
use crate::rest::extract::Path;
use crate::wire;

async fn shown(parts: &Parts, emoji: &EmojiRecord) -> Result<Value, ApiError> {
    let mut value = wire::guild_emoji(emoji);
    if let Some(user) = parts.store.users().user(emoji.user).await? {
        value["user"] = wire::user(&user);
    }
    Ok(value)
}

async fn found(
    parts: &Parts,
    application: ApplicationId,
    id: EmojiId,
) -> Result<EmojiRecord, ApiError> {
    let found = parts.apps.emoji(id).await?;
    let own = found.filter(|(of, _)| *of == application);
    own.map(|(_, emoji)| emoji).ok_or_else(|| ErrorCode::UnknownEmoji.into())
}

/// A name as it may be.
fn checked(name: &str) -> Result<(), ApiError> {
    let fault = |code, message: &str| Err(ApiError::Form(FormErrors::one("name", code, message)));
    if !limits::EMOJI_NAME.contains(&name.chars().count()) {
        return fault("BASE_TYPE_BAD_LENGTH", "Must be between 2 and 32 in length.");
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return fault("STRING_TYPE_REGEX", "Only letters, digits and underscores.");
    }
    Ok(())
}

async fn put(
    parts: &Parts,
    application: ApplicationId,
    emoji: &EmojiRecord,
) -> Result<(), ApiError> {
    match parts.apps.put_emoji(application, emoji).await {
        Err(RepoError::Exists) => {
            let message = "An emoji with this name exists already.";
            let errors = FormErrors::one("name", "APPLICATION_EMOJI_NAME_ALREADY_TAKEN", message);
            Err(ApiError::Form(errors))
        }
        done => Ok(done?),
    }
}

/// `GET /applications/{application.id}/emojis`: oldest first.
pub(super) async fn list(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(application): Path<ApplicationId>,
) -> Result<Json<Value>, ApiError> {
    me::managed(&parts, &me, application).await?;
    let mut items = Vec::new();
    for emoji in parts.apps.emojis(application).await? {
        items.push(shown(&parts, &emoji).await?);
    }
    Ok(Json(json!({ "items": items })))
}

/// `GET /applications/{application.id}/emojis/{emoji.id}`
pub(super) async fn show(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((application, emoji)): Path<(ApplicationId, EmojiId)>,
) -> Result<Json<Value>, ApiError> {
    me::managed(&parts, &me, application).await?;
    Ok(Json(shown(&parts, &found(&parts, application, emoji).await?).await?))
}

#[derive(Deserialize)]
pub(super) struct Create {
    name: String,
    image: String,
}

/// `POST /applications/{application.id}/emojis`
pub(super) async fn create(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(application): Path<ApplicationId>,
    Json(body): Json<Create>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    me::managed(&parts, &me, application).await?;
    checked(&body.name)?;
    let picture = Picture::read("image", &body.image)?;
    if picture.len() > limits::EMOJI {
        let message = "File cannot be larger than 256.0 kb.";
        return Err(ApiError::Form(FormErrors::one("image", "BINARY_TYPE_MAX_SIZE", message)));
    }
    if parts.apps.emojis(application).await?.len() >= limits::APPLICATION_EMOJIS {
        return Err(ErrorCode::MaximumEmojis.into());
    }
    let emoji = EmojiRecord {
        id: parts.ids.next(),
        name: body.name,
        roles: Vec::new(),
        user: me.id(),
        animated: picture.moves(),
    };
    let made = carry_out(async move {
        let owner = Owner::Emoji(emoji.id);
        picture.keep(&parts, owner).await?;
        if let Err(error) = put(&parts, application, &emoji).await {
            picture::forget(&parts, owner, Some(""), None).await;
            return Err(error);
        }
        shown(&parts, &emoji).await
    });
    Ok((StatusCode::CREATED, Json(made.await?)))
}

#[derive(Deserialize)]
pub(super) struct Update {
    name: Option<String>,
}

/// `PATCH /applications/{application.id}/emojis/{emoji.id}`
pub(super) async fn update(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((application, emoji)): Path<(ApplicationId, EmojiId)>,
    Json(body): Json<Update>,
) -> Result<Json<Value>, ApiError> {
    me::managed(&parts, &me, application).await?;
    let mut emoji = found(&parts, application, emoji).await?;
    if let Some(name) = body.name {
        checked(&name)?;
        emoji.name = name;
        put(&parts, application, &emoji).await?;
    }
    Ok(Json(shown(&parts, &emoji).await?))
}

/// `DELETE /applications/{application.id}/emojis/{emoji.id}`
pub(super) async fn remove(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((application, emoji)): Path<(ApplicationId, EmojiId)>,
) -> Result<StatusCode, ApiError> {
    me::managed(&parts, &me, application).await?;
    carry_out(async move {
        match parts.apps.remove_emoji(application, emoji).await {
            Err(RepoError::NotFound) => return Err(ErrorCode::UnknownEmoji.into()),
            done => done?,
        }
        picture::forget(&parts, Owner::Emoji(emoji), Some(""), None).await;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

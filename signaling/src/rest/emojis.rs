//! Emojis of a guild.

use axum::extract::DefaultBodyLimit;
use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::EmojiId;
use model::id::GuildId;
use model::id::RoleId;
use model::limits;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use state::Guild;
use state::GuildCommand;
use state::audit::AuditAction;
use state::record::EmojiRecord;

use super::ApiError;
use super::carry::carry_out;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::Reason;
use super::extract::member_view;
use super::extract::some;
use super::route::Needs;
use super::route::Routes;
use super::route::get;
use super::schema;
use crate::auth::Identity;
use crate::cdn::picture;
use crate::cdn::picture::Owner;
use crate::cdn::picture::Picture;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Routes {
    let pictured = DefaultBodyLimit::max(limits::PICTURE_BODY);
    Routes::new()
        .route(
            "/guilds/{guild}/emojis",
            get(list)
                .lists(&schema::guilds::EMOJI)
                .post(create)
                .gives(&schema::guilds::EMOJI)
                .needs(Needs::Any(EXPRESSIONS))
                .logs(&[AuditAction::EmojiCreate])
                .tells(&[DispatchName::GuildEmojisUpdate])
                .layer(pictured),
        )
        .route(
            "/guilds/{guild}/emojis/{emoji}",
            get(show)
                .gives(&schema::guilds::EMOJI)
                .patch(update)
                .gives(&schema::guilds::EMOJI)
                .needs(Needs::All(Permissions::MANAGE_GUILD_EXPRESSIONS))
                .logs(&[AuditAction::EmojiUpdate])
                .tells(&[DispatchName::GuildEmojisUpdate])
                .delete(remove)
                .needs(Needs::All(Permissions::MANAGE_GUILD_EXPRESSIONS))
                .logs(&[AuditAction::EmojiDelete])
                .tells(&[DispatchName::GuildEmojisUpdate]),
        )
}

/// An emoji as `me` may see it: with its maker for whoever manages emojis.
async fn shown(parts: &Parts, view: &Guild, me: &Identity, id: EmojiId) -> Result<Value, ApiError> {
    let emoji = view.emojis.get(&id).ok_or(ErrorCode::UnknownEmoji)?;
    let mut value = wire::guild_emoji(emoji);
    let allowed = view.permissions(me.id(), parts.now_ms());
    let may = allowed.has(Permissions::MANAGE_GUILD_EXPRESSIONS)
        || allowed.has(Permissions::CREATE_GUILD_EXPRESSIONS);
    if may && let Some(user) = parts.store.users().user(emoji.user).await? {
        value["user"] = wire::user(&user);
    }
    Ok(value)
}

/// `GET /guilds/{guild.id}/emojis`
async fn list(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let mut emojis = Vec::with_capacity(view.emojis.len());
    for &id in view.emojis.keys() {
        emojis.push(shown(&parts, &view, &me, id).await?);
    }
    Ok(Json(Value::Array(emojis)))
}

/// `GET /guilds/{guild.id}/emojis/{emoji.id}`
async fn show(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, emoji)): Path<(GuildId, EmojiId)>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    Ok(Json(shown(&parts, &view, &me, emoji).await?))
}

#[derive(Deserialize)]
struct Create {
    name: String,
    image: String,
    roles: Option<Vec<RoleId>>,
}

/// `POST /guilds/{guild.id}/emojis`
async fn create(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    reason: Reason,
    Json(body): Json<Create>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let picture = Picture::read("image", &body.image)?;
    if picture.len() > limits::EMOJI {
        let message = "File cannot be larger than 256.0 kb.";
        return Err(ApiError::Form(FormErrors::one("image", "BINARY_TYPE_MAX_SIZE", message)));
    }
    let id = parts.ids.next();
    let emoji = EmojiRecord {
        id,
        name: body.name,
        roles: body.roles.unwrap_or_default(),
        user: me.id(),
        animated: picture.moves(),
    };
    let command = GuildCommand::CreateEmoji(emoji);
    // Before anything is kept; the store asks again on the snapshot of that moment.
    view.plan(me.id(), &command, parts.now_ms())?;
    let (by, keeper) = (reason.by(me.id()), parts.clone());
    let view = carry_out(async move {
        let owner = Owner::Emoji(id);
        picture.keep(&keeper, owner).await?;
        let made = keeper.store.execute(guild, by, command).await;
        if made.is_err() {
            picture::forget(&keeper, owner, Some(""), None).await;
        }
        Ok(made?)
    })
    .await?;
    Ok((StatusCode::CREATED, Json(shown(&parts, &view, &me, id).await?)))
}

#[derive(Deserialize)]
struct Update {
    name: Option<String>,
    #[serde(default, deserialize_with = "some")]
    roles: Option<Option<Vec<RoleId>>>,
}

/// `PATCH /guilds/{guild.id}/emojis/{emoji.id}`
async fn update(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, emoji)): Path<(GuildId, EmojiId)>,
    reason: Reason,
    Json(body): Json<Update>,
) -> Result<Json<Value>, ApiError> {
    member_view(&parts, guild, me.id())?;
    let roles = body.roles.map(Option::unwrap_or_default);
    let command = GuildCommand::UpdateEmoji(emoji, body.name, roles);
    let view = parts.store.execute(guild, reason.by(me.id()), command).await?;
    Ok(Json(shown(&parts, &view, &me, emoji).await?))
}

/// `DELETE /guilds/{guild.id}/emojis/{emoji.id}`
async fn remove(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, emoji)): Path<(GuildId, EmojiId)>,
    reason: Reason,
) -> Result<StatusCode, ApiError> {
    member_view(&parts, guild, me.id())?;
    carry_out(async move {
        let command = GuildCommand::DeleteEmoji(emoji);
        parts.store.execute(guild, reason.by(me.id()), command).await?;
        picture::forget(&parts, Owner::Emoji(emoji), Some(""), None).await;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Either is enough to add an emoji, a sticker or a sound (Discord: Permissions).
pub(super) const EXPRESSIONS: Permissions =
    Permissions::MANAGE_GUILD_EXPRESSIONS.union(Permissions::CREATE_GUILD_EXPRESSIONS);

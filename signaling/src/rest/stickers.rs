//! Stickers of a guild, and the packs that everyone has, of which a server of one's own has none.

use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::extract::Request;
use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::GuildId;
use model::id::StickerId;
use model::limits;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::GuildCommand;
use state::audit::AuditAction;
use state::guild::command::StickerPatch;
use state::record::StickerItem;
use state::record::StickerRecord;

use super::ApiError;
use super::carry::carry_out;
use super::emojis::EXPRESSIONS;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::Reason;
use super::extract::member_view;
use super::extract::some;
use super::form;
use super::messages::place::Place;
use super::route::Needs;
use super::route::Routes;
use super::route::get;
use super::schema;
use crate::auth::Identity;
use crate::cdn::sticker;
use crate::cdn::sticker::StickerFile;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Routes {
    let uploaded = DefaultBodyLimit::max(limits::STICKER + FORM);
    Routes::new()
        .route(
            "/guilds/{guild}/stickers",
            get(list)
                .lists(&schema::guilds::STICKER)
                .post(create)
                .reads_form("multipart/form-data", &schema::guilds::STICKER_FORM)
                .gives(&schema::guilds::STICKER)
                .needs(Needs::Any(EXPRESSIONS))
                .logs(&[AuditAction::StickerCreate])
                .tells(&[DispatchName::GuildStickersUpdate])
                .layer(uploaded),
        )
        .route(
            "/guilds/{guild}/stickers/{sticker}",
            get(show)
                .gives(&schema::guilds::STICKER)
                .patch(update)
                .gives(&schema::guilds::STICKER)
                .needs(Needs::All(Permissions::MANAGE_GUILD_EXPRESSIONS))
                .logs(&[AuditAction::StickerUpdate])
                .tells(&[DispatchName::GuildStickersUpdate])
                .delete(remove)
                .needs(Needs::All(Permissions::MANAGE_GUILD_EXPRESSIONS))
                .logs(&[AuditAction::StickerDelete])
                .tells(&[DispatchName::GuildStickersUpdate]),
        )
        .route("/stickers/{sticker}", get(find).gives(&schema::guilds::STICKER))
        .route("/sticker-packs", get(packs).gives(&schema::guilds::STICKER_PACKS))
        .route("/sticker-packs/{pack}", get(pack))
}

/// A form beside its file, in bytes.
const FORM: usize = 16 * 1_024;

/// A sticker as `me` may see it: with its maker for whoever manages stickers.
async fn shown(
    parts: &Parts,
    view: &Guild,
    me: &Identity,
    id: StickerId,
) -> Result<Value, ApiError> {
    let sticker = view.stickers.get(&id).ok_or(ErrorCode::UnknownSticker)?;
    let mut value = wire::sticker(view.id, sticker);
    let allowed = view.permissions(me.id(), parts.now_ms());
    let may = allowed.has(Permissions::MANAGE_GUILD_EXPRESSIONS)
        || allowed.has(Permissions::CREATE_GUILD_EXPRESSIONS);
    if may && let Some(user) = parts.store.users().user(sticker.user).await? {
        value["user"] = wire::user(&user);
    }
    Ok(value)
}

/// `GET /guilds/{guild.id}/stickers`
async fn list(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let mut stickers = Vec::with_capacity(view.stickers.len());
    for &id in view.stickers.keys() {
        stickers.push(shown(&parts, &view, &me, id).await?);
    }
    Ok(Json(Value::Array(stickers)))
}

/// `GET /guilds/{guild.id}/stickers/{sticker.id}`
async fn show(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, sticker)): Path<(GuildId, StickerId)>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    Ok(Json(shown(&parts, &view, &me, sticker).await?))
}

/// `GET /stickers/{sticker.id}`: of whatever guild, as anyone may see who was shown it.
async fn find(
    Auth(_): Auth,
    State(parts): State<Parts>,
    Path(id): Path<StickerId>,
) -> Result<Json<Value>, ApiError> {
    // A look into each guild's map: thousands take less than a message does to be stored.
    let found = parts.store.all().into_iter().find_map(|guild| {
        let view = guild.view();
        Some(wire::sticker(view.id, view.stickers.get(&id)?))
    });
    Ok(Json(found.ok_or(ErrorCode::UnknownSticker)?))
}

/// `GET /sticker-packs`: a server of one's own comes without any.
async fn packs() -> Json<Value> {
    Json(json!({ "sticker_packs": [] }))
}

/// `GET /sticker-packs/{pack.id}`
async fn pack(Path(_): Path<u64>) -> ApiError {
    ErrorCode::UnknownStickerPack.into()
}

/// What a form brings.
#[derive(Default)]
struct Form {
    name: Option<String>,
    description: Option<String>,
    tags: Option<String>,
    file: Option<Bytes>,
}

impl Form {
    async fn read(parts: &Parts, request: Request) -> Result<Self, ApiError> {
        let mut form = Self::default();
        for (name, bytes) in form::fields(parts, request).await? {
            let text = || String::from_utf8_lossy(&bytes).into_owned();
            match name.as_str() {
                "name" => form.name = Some(text()),
                "description" => form.description = Some(text()),
                "tags" => form.tags = Some(text()),
                "file" => form.file = Some(bytes),
                _ => {}
            }
        }
        Ok(form)
    }
}

/// `POST /guilds/{guild.id}/stickers`: a form with a file.
async fn create(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    reason: Reason,
    request: Request,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    // A stranger must not make us hold their upload.
    let view = member_view(&parts, guild, me.id())?;
    let allowed = view.permissions(me.id(), parts.now_ms());
    if !allowed.has(Permissions::MANAGE_GUILD_EXPRESSIONS) {
        allowed.require(Permissions::CREATE_GUILD_EXPRESSIONS)?;
    }
    let form = Form::read(&parts, request).await?;
    let mut errors = FormErrors::default();
    let given = [
        ("name", form.name.is_some()),
        ("tags", form.tags.is_some()),
        ("file", form.file.is_some()),
    ];
    for (field, _) in given.into_iter().filter(|(_, given)| !given) {
        errors.push(field, "BASE_TYPE_REQUIRED", "This field is required");
    }
    errors.finish()?;
    let file = StickerFile::read(form.file.unwrap_or_default().to_vec())?;
    let id = parts.ids.next();
    let command = GuildCommand::CreateSticker(StickerRecord {
        id,
        name: form.name.unwrap_or_default().trim().to_owned(),
        description: form.description.filter(|text| !text.is_empty()),
        tags: form.tags.unwrap_or_default(),
        format: file.format,
        user: me.id(),
    });
    // Before anything is kept; the store asks again on the snapshot of that moment.
    view.plan(me.id(), &command, parts.now_ms())?;
    let (by, keeper) = (reason.by(me.id()), parts.clone());
    let view = carry_out(async move {
        let key = sticker::key(id, file.format);
        file.keep(&keeper, &key).await?;
        let made = keeper.store.execute(guild, by, command).await;
        if made.is_err() {
            forget(&keeper, &key).await;
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
    description: Option<Option<String>>,
    tags: Option<String>,
}

/// `PATCH /guilds/{guild.id}/stickers/{sticker.id}`
async fn update(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, sticker)): Path<(GuildId, StickerId)>,
    reason: Reason,
    Json(body): Json<Update>,
) -> Result<Json<Value>, ApiError> {
    member_view(&parts, guild, me.id())?;
    let patch = StickerPatch {
        name: body.name.map(|name| name.trim().to_owned()),
        description: body.description.map(|text| text.filter(|text| !text.is_empty())),
        tags: body.tags,
    };
    let command = GuildCommand::UpdateSticker(sticker, patch);
    let view = parts.store.execute(guild, reason.by(me.id()), command).await?;
    Ok(Json(shown(&parts, &view, &me, sticker).await?))
}

/// `DELETE /guilds/{guild.id}/stickers/{sticker.id}`
async fn remove(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, id)): Path<(GuildId, StickerId)>,
    reason: Reason,
) -> Result<StatusCode, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let format = view.stickers.get(&id).ok_or(ErrorCode::UnknownSticker)?.format;
    carry_out(async move {
        let command = GuildCommand::DeleteSticker(id);
        parts.store.execute(guild, reason.by(me.id()), command).await?;
        forget(&parts, &sticker::key(id, format)).await;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

async fn forget(parts: &Parts, key: &str) {
    if let Err(error) = parts.objects.remove(key).await {
        tracing::warn!(%error, key, "a sticker that nothing shows stays in the store");
    }
}

/// The stickers that a message of `me` is to carry: of the guild where it is said, or with
/// USE_EXTERNAL_STICKERS of any that `me` is in.
///
/// # Errors
///
/// 50081 when there is no such sticker, 50600 when it may not be sent there.
pub(super) fn sent(
    parts: &Parts,
    place: &Place,
    me: &Identity,
    ids: &[StickerId],
) -> Result<Vec<StickerItem>, ApiError> {
    let item = |view: &Guild, id: &StickerId| {
        let sticker = view.stickers.get(id)?;
        Some(StickerItem { id: *id, name: sticker.name.clone(), format: sticker.format })
    };
    let here = |id: &StickerId| item(place.view.as_deref()?, id);
    let elsewhere = |id: &StickerId| {
        parts.store.guilds_of(me.id()).iter().find_map(|guild| item(&guild.view(), id))
    };
    let found = ids.iter().map(|id| {
        if let Some(item) = here(id) {
            return Ok(item);
        }
        let item = elsewhere(id).ok_or(ErrorCode::InvalidSticker)?;
        if place.has(Permissions::USE_EXTERNAL_STICKERS) {
            Ok(item)
        } else {
            Err(ErrorCode::StickerForbidden.into())
        }
    });
    found.collect()
}

//! Templates of guilds: made, brought up to date, changed, deleted, and guilds founded of them.

use axum::extract::DefaultBodyLimit;
use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::GuildId;
use model::limits;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use state::GuildView;
use state::repo::RepoError;
use state::template::Founding;
use state::template::Snapshot;
use state::template::TemplateRecord;

use super::ApiError;
use super::carry::carry_out;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::member_view;
use super::extract::some;
use super::route::Needs;
use super::route::Routes;
use super::route::get;
use super::route::put;
use super::schema;
use crate::auth::Identity;
use crate::auth::accounts::invite_code;
use crate::cdn::picture;
use crate::cdn::picture::Owner;
use crate::cdn::picture::Wish;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Routes {
    let pictured = DefaultBodyLimit::max(limits::PICTURE_BODY);
    Routes::new()
        .route(
            "/guilds/templates/{code}",
            get(show)
                .gives(&schema::guilds::TEMPLATE)
                .post(found)
                .gives(&schema::guilds::GUILD)
                .tells(&[DispatchName::GuildCreate])
                .layer(pictured),
        )
        .route(
            "/guilds/{guild}/templates",
            get(list)
                .lists(&schema::guilds::TEMPLATE)
                .needs(Needs::All(Permissions::MANAGE_GUILD))
                .post(create)
                .gives(&schema::guilds::TEMPLATE)
                .needs(Needs::All(Permissions::MANAGE_GUILD))
                .tells_nobody(),
        )
        .route(
            "/guilds/{guild}/templates/{code}",
            put(sync)
                .gives(&schema::guilds::TEMPLATE)
                .needs(Needs::All(Permissions::MANAGE_GUILD))
                .tells_nobody()
                .patch(update)
                .gives(&schema::guilds::TEMPLATE)
                .needs(Needs::All(Permissions::MANAGE_GUILD))
                .tells_nobody()
                .delete(remove)
                .gives(&schema::guilds::TEMPLATE)
                .needs(Needs::All(Permissions::MANAGE_GUILD))
                .tells_nobody(),
        )
}

async fn existing(parts: &Parts, code: &str) -> Result<TemplateRecord, ApiError> {
    Ok(parts.templates.template(code).await?.ok_or(ErrorCode::UnknownTemplate)?)
}

/// A template with its maker, and whether its guild has changed since.
async fn shown(parts: &Parts, template: &TemplateRecord) -> Result<Value, ApiError> {
    let guild = parts.store.guild(template.guild);
    let dirty = guild.map(|guild| Snapshot::of(&guild.view()) != template.snapshot);
    let mut value = wire::template(template, dirty);
    if let Some(creator) = parts.store.users().user(template.creator).await? {
        value["creator"] = wire::user(&creator);
    }
    Ok(value)
}

/// The guild whose templates `me` manages.
fn managed(parts: &Parts, me: &Identity, guild: GuildId) -> Result<GuildView, ApiError> {
    let view = member_view(parts, guild, me.id())?;
    view.permissions(me.id(), parts.now_ms()).require(Permissions::MANAGE_GUILD)?;
    Ok(view)
}

/// A template of a guild whose templates `me` manages.
async fn of_managed(
    parts: &Parts,
    me: &Identity,
    (guild, code): (GuildId, &str),
) -> Result<(GuildView, TemplateRecord), ApiError> {
    let view = managed(parts, me, guild)?;
    let template = existing(parts, code).await?;
    if template.guild == guild {
        Ok((view, template))
    } else {
        Err(ErrorCode::UnknownTemplate.into())
    }
}

/// `GET /guilds/templates/{template.code}`
async fn show(
    Auth(_): Auth,
    State(parts): State<Parts>,
    Path(code): Path<String>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(shown(&parts, &existing(&parts, &code).await?).await?))
}

#[derive(Deserialize)]
struct Found {
    name: String,
    icon: Option<String>,
}

/// `POST /guilds/templates/{template.code}`: founds a guild, as people do.
async fn found(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(code): Path<String>,
    Json(body): Json<Found>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    if me.user.bot {
        return Err(ErrorCode::BotsCannotUse.into());
    }
    let template = existing(&parts, &code).await?;
    let wish = Wish::read("icon", Some(body.icon), None)?;
    let view = carry_out(async move {
        let id = parts.ids.next();
        let icon = wish.keep(&parts, Owner::Guild(id)).await?.flatten();
        let founding =
            Founding { id, name: body.name, owner: me.id(), icon: icon.clone(), now: parts.now() };
        let fresh = || parts.ids.next::<()>().get();
        let founded = parts.store.found_like(&template.snapshot, founding, fresh).await;
        if founded.is_err() {
            picture::forget(&parts, Owner::Guild(id), icon.as_deref(), None).await;
        }
        let handle = founded?;
        match parts.templates.count_use(&template.code).await {
            // It was deleted meanwhile.
            Ok(()) | Err(RepoError::NotFound) => Ok(handle.view()),
            Err(error) => Err(error.into()),
        }
    })
    .await?;
    Ok((StatusCode::CREATED, Json(wire::guild(&view))))
}

/// `GET /guilds/{guild.id}/templates`
async fn list(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    managed(&parts, &me, guild)?;
    let mut templates = Vec::new();
    for template in parts.templates.of_guild(guild).await? {
        templates.push(shown(&parts, &template).await?);
    }
    Ok(Json(Value::Array(templates)))
}

#[derive(Deserialize)]
struct Create {
    name: String,
    description: Option<String>,
}

/// `POST /guilds/{guild.id}/templates`: there is one at most.
async fn create(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    Json(body): Json<Create>,
) -> Result<Json<Value>, ApiError> {
    let view = managed(&parts, &me, guild)?;
    if !parts.templates.of_guild(guild).await?.is_empty() {
        return Err(ErrorCode::GuildHasTemplate.into());
    }
    let now_ms = parts.now_ms();
    let template = TemplateRecord {
        code: invite_code(),
        guild,
        name: body.name.trim().to_owned(),
        description: body.description.filter(|text| !text.is_empty()),
        creator: me.id(),
        created_ms: now_ms,
        updated_ms: now_ms,
        uses: 0,
        snapshot: Snapshot::of(&view),
    };
    check(&template)?;
    parts.templates.create(&template).await?;
    Ok(Json(shown(&parts, &template).await?))
}

fn check(template: &TemplateRecord) -> Result<(), ApiError> {
    let mut errors = FormErrors::default();
    if !limits::NAME.contains(&template.name.chars().count()) {
        errors.push("name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.");
    }
    let length = template.description.as_ref().map_or(0, |text| text.chars().count());
    if length > limits::TEMPLATE_DESCRIPTION {
        let message = format!("Must be {} or fewer in length.", limits::TEMPLATE_DESCRIPTION);
        errors.push("description", "BASE_TYPE_MAX_LENGTH", message);
    }
    errors.finish()
}

/// `PUT /guilds/{guild.id}/templates/{template.code}`: brings it up to date.
async fn sync(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, code)): Path<(GuildId, String)>,
) -> Result<Json<Value>, ApiError> {
    let (view, mut template) = of_managed(&parts, &me, (guild, &code)).await?;
    template.snapshot = Snapshot::of(&view);
    template.updated_ms = parts.now_ms();
    keep(&parts, &template).await
}

#[derive(Deserialize)]
struct Update {
    name: Option<String>,
    #[serde(default, deserialize_with = "some")]
    description: Option<Option<String>>,
}

/// `PATCH /guilds/{guild.id}/templates/{template.code}`: its name and description.
async fn update(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, code)): Path<(GuildId, String)>,
    Json(body): Json<Update>,
) -> Result<Json<Value>, ApiError> {
    let (_, mut template) = of_managed(&parts, &me, (guild, &code)).await?;
    if let Some(name) = body.name {
        name.trim().clone_into(&mut template.name);
    }
    if let Some(description) = body.description {
        template.description = description.filter(|text| !text.is_empty());
    }
    check(&template)?;
    keep(&parts, &template).await
}

async fn keep(parts: &Parts, template: &TemplateRecord) -> Result<Json<Value>, ApiError> {
    match parts.templates.update(template).await {
        Ok(()) => Ok(Json(shown(parts, template).await?)),
        Err(RepoError::NotFound) => Err(ErrorCode::UnknownTemplate.into()),
        Err(error) => Err(error.into()),
    }
}

/// `DELETE /guilds/{guild.id}/templates/{template.code}`
async fn remove(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, code)): Path<(GuildId, String)>,
) -> Result<Json<Value>, ApiError> {
    let (_, template) = of_managed(&parts, &me, (guild, &code)).await?;
    match parts.templates.remove(&code).await {
        Ok(()) => Ok(Json(shown(&parts, &template).await?)),
        Err(RepoError::NotFound) => Err(ErrorCode::UnknownTemplate.into()),
        Err(error) => Err(error.into()),
    }
}

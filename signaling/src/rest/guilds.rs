//! Guilds and the order of their channels.

use axum::extract::DefaultBodyLimit;
use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;
use model::limits;
use model::wire::channel::ChannelType;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::GuildCommand;
use state::audit::AuditAction;
use state::guild::command::BotDraft;
use state::guild::command::ChannelDraft;
use state::guild::command::SettingsPatch;

use super::ApiError;
use super::carry::carry_out;
use super::extract::Auth;
use super::extract::Flag;
use super::extract::Json;
use super::extract::Path;
use super::extract::Query;
use super::extract::Reason;
use super::extract::member_view;
use super::extract::some;
use super::forums::Forum;
use super::oauth2;
use super::overwrites;
use super::overwrites::Overwrite;
use super::route::Needs;
use super::route::Routes;
use super::route::effects;
use super::route::get;
use super::route::post;
use super::schema;
use crate::auth::Accounts;
use crate::auth::Scope;
use crate::cdn::picture;
use crate::cdn::picture::Owner;
use crate::cdn::picture::Wish;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route(
            "/guilds",
            post(found)
                .gives(&schema::guilds::GUILD)
                .tells(&[DispatchName::GuildCreate])
                .layer(pictured()),
        )
        .route(
            "/guilds/{guild}",
            get(show)
                .gives(&schema::guilds::GUILD)
                .patch(update)
                .gives(&schema::guilds::GUILD)
                .needs(Needs::All(Permissions::MANAGE_GUILD))
                .logs(&[AuditAction::GuildUpdate])
                .tells(&[DispatchName::GuildUpdate])
                .may_tell(effects::SIGHT)
                .delete(remove)
                .needs(Needs::Owner)
                .tells(&[DispatchName::GuildDelete])
                .may_tell(&[
                    DispatchName::VoiceStateUpdate,
                    DispatchName::VoiceChannelStartTimeUpdate,
                    DispatchName::VoiceChannelStatusUpdate,
                ])
                .layer(pictured()),
        )
        .route(
            "/guilds/{guild}/channels",
            get(channels)
                .lists(&schema::channels::CHANNEL)
                .post(create_channel)
                .gives(&schema::channels::CHANNEL)
                .needs(Needs::All(Permissions::MANAGE_CHANNELS))
                .logs(&[AuditAction::ChannelCreate])
                .tells(&[DispatchName::ChannelCreate])
                .patch(move_channels)
                .needs(Needs::All(Permissions::MANAGE_CHANNELS))
                .may_log(&[
                    AuditAction::ChannelUpdate,
                    AuditAction::ChannelOverwriteCreate,
                    AuditAction::ChannelOverwriteUpdate,
                    AuditAction::ChannelOverwriteDelete,
                ])
                .tells(&[DispatchName::ChannelUpdate])
                .may_tell(effects::SIGHT),
        )
        .route(
            "/guilds/{guild}/bots",
            post(add_bot)
                .needs(Needs::All(Permissions::MANAGE_GUILD))
                .may_log(&[
                    AuditAction::BotAdd,
                    AuditAction::IntegrationCreate,
                    AuditAction::IntegrationUpdate,
                ])
                .may_tell(effects::INSTALLING),
        )
}

/// Room for a picture in the body.
fn pictured() -> DefaultBodyLimit {
    DefaultBodyLimit::max(limits::PICTURE_BODY)
}

#[derive(Deserialize)]
struct Found {
    name: String,
    icon: Option<String>,
}

/// `POST /guilds`
async fn found(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Json(body): Json<Found>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    if me.user.bot {
        return Err(ErrorCode::BotsCannotUse.into());
    }
    let wish = Wish::read("icon", Some(body.icon), None)?;
    let view = carry_out(async move {
        let id = parts.ids.next();
        let icon = wish.keep(&parts, Owner::Guild(id)).await?.flatten();
        let founded = Accounts::from(&parts).found_as(id, me.id(), body.name, icon.clone()).await;
        if founded.is_err() {
            picture::forget(&parts, Owner::Guild(id), icon.as_deref(), None).await;
        }
        member_view(&parts, founded?, me.id())
    })
    .await?;
    Ok((StatusCode::CREATED, Json(wire::guild(&view))))
}

#[derive(Deserialize)]
struct Counts {
    #[serde(default)]
    with_counts: Flag,
}

/// `GET /guilds/{guild.id}`
async fn show(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    Query(query): Query<Counts>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let mut shown = wire::guild(&view);
    if query.with_counts.0 {
        shown["approximate_member_count"] = json!(view.members.len());
        shown["approximate_presence_count"] = json!(view.presences.len());
    }
    Ok(Json(shown))
}

#[derive(Deserialize)]
struct Update {
    name: Option<String>,
    #[serde(default, deserialize_with = "some")]
    icon: Option<Option<String>>,
    #[serde(default, deserialize_with = "some")]
    description: Option<Option<String>>,
    owner_id: Option<UserId>,
    #[serde(default, deserialize_with = "some")]
    afk_channel_id: Option<Option<ChannelId>>,
    afk_timeout: Option<u32>,
    #[serde(default, deserialize_with = "some")]
    system_channel_id: Option<Option<ChannelId>>,
    #[serde(default, deserialize_with = "some")]
    verification_level: Option<Option<u8>>,
    #[serde(default, deserialize_with = "some")]
    default_message_notifications: Option<Option<u8>>,
    #[serde(default, deserialize_with = "some")]
    explicit_content_filter: Option<Option<u8>>,
    preferred_locale: Option<String>,
}

/// `PATCH /guilds/{guild.id}`
async fn update(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    reason: Reason,
    Json(body): Json<Update>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let wish = Wish::read("icon", body.icon, view.settings.icon.as_deref())?;
    let patch = SettingsPatch {
        name: body.name,
        icon: None,
        description: body.description,
        owner: body.owner_id,
        afk_channel: body.afk_channel_id,
        afk_timeout: body.afk_timeout,
        system_channel: body.system_channel_id,
        verification_level: body.verification_level.map(Option::unwrap_or_default),
        default_message_notifications: body
            .default_message_notifications
            .map(Option::unwrap_or_default),
        explicit_content_filter: body.explicit_content_filter.map(Option::unwrap_or_default),
        preferred_locale: body.preferred_locale,
        ..SettingsPatch::default()
    };
    if wish == Wish::Keep {
        let command = GuildCommand::UpdateSettings(patch);
        let view = parts.store.execute(guild, reason.by(me.id()), command).await?;
        return Ok(Json(wire::guild(&view)));
    }
    // Before anything is kept; the plan asks again on the snapshot of that moment.
    view.permissions(me.id(), parts.now_ms()).require(Permissions::MANAGE_GUILD)?;
    let view = carry_out(async move {
        let _changing = picture::changing().await;
        let before = member_view(&parts, guild, me.id())?.settings.icon.clone();
        let owner = Owner::Guild(guild);
        let icon = wish.keep(&parts, owner).await?;
        let command = GuildCommand::UpdateSettings(SettingsPatch { icon: icon.clone(), ..patch });
        let outcome = parts.store.execute(guild, reason.by(me.id()), command).await;
        // Of the two pictures, the one that is not shown goes.
        match &outcome {
            Ok(_) => {
                let now = icon.as_ref().map_or(before.as_deref(), Option::as_deref);
                picture::forget(&parts, owner, before.as_deref(), now).await;
            }
            Err(_) => {
                let new = icon.flatten();
                picture::forget(&parts, owner, new.as_deref(), before.as_deref()).await;
            }
        }
        Ok(outcome?)
    })
    .await?;
    Ok(Json(wire::guild(&view)))
}

/// `DELETE /guilds/{guild.id}`
async fn remove(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<StatusCode, ApiError> {
    member_view(&parts, guild, me.id())?;
    carry_out(async move {
        let _changing = picture::changing().await;
        let view = member_view(&parts, guild, me.id())?;
        let icon = view.settings.icon.clone();
        parts.store.execute(guild, me.id(), GuildCommand::Delete).await?;
        for &emoji in view.emojis.keys() {
            picture::forget(&parts, Owner::Emoji(emoji), Some(""), None).await;
        }
        picture::forget(&parts, Owner::Guild(guild), icon.as_deref(), None).await;
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /guilds/{guild.id}/channels`: those that the asker may see.
async fn channels(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let now_ms = parts.now_ms();
    let seen = view.channels.values().filter(|channel| {
        view.permissions_in(me.id(), channel.id, now_ms).has(Permissions::VIEW_CHANNEL)
    });
    Ok(Json(seen.map(|channel| wire::channel_in(&view, channel)).collect()))
}

#[derive(Deserialize)]
struct CreateChannel {
    name: String,
    #[serde(rename = "type", default)]
    kind: Option<u8>,
    parent_id: Option<ChannelId>,
    topic: Option<String>,
    position: Option<i32>,
    bitrate: Option<u32>,
    user_limit: Option<u32>,
    rate_limit_per_user: Option<u16>,
    nsfw: Option<bool>,
    permission_overwrites: Option<Vec<Overwrite>>,
    #[serde(flatten)]
    forum: Forum,
}

/// `POST /guilds/{guild.id}/channels`
async fn create_channel(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    reason: Reason,
    Json(body): Json<CreateChannel>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    member_view(&parts, guild, me.id())?;
    let kind = ChannelType::from(body.kind.unwrap_or_default());
    let id = parts.ids.next();
    let command = GuildCommand::CreateChannel(ChannelDraft {
        id,
        kind,
        name: body.name,
        parent: body.parent_id,
        topic: body.topic,
        position: body.position,
        bitrate: body.bitrate,
        user_limit: body.user_limit,
        rate_limit_per_user: body.rate_limit_per_user,
        nsfw: body.nsfw.unwrap_or_default(),
        overwrites: overwrites::all(body.permission_overwrites.unwrap_or_default())?,
        forum: body.forum.patch(&parts, &[])?,
    });
    let view = parts.store.execute(guild, reason.by(me.id()), command).await?;
    let channel = view.channels.get(&id).ok_or(ErrorCode::UnknownChannel)?;
    Ok((StatusCode::CREATED, Json(wire::channel(channel))))
}

#[derive(Deserialize)]
struct MoveChannel {
    id: ChannelId,
    position: Option<i32>,
    #[serde(default, deserialize_with = "some")]
    parent_id: Option<Option<ChannelId>>,
}

/// `PATCH /guilds/{guild.id}/channels`
async fn move_channels(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    reason: Reason,
    Json(body): Json<Vec<MoveChannel>>,
) -> Result<StatusCode, ApiError> {
    member_view(&parts, guild, me.id())?;
    let moves = body.into_iter().map(|one| (one.id, one.position, one.parent_id)).collect();
    parts.store.execute(guild, reason.by(me.id()), GuildCommand::MoveChannels(moves)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct AddBot {
    #[serde(alias = "user_id")]
    application_id: UserId,
}

/// `POST /guilds/{guild.id}/bots`: brings a bot of this instance into a guild (MANAGE_GUILD). Our
/// own route, beside the consent page; it gets no role of its own. 204, also when the bot is there already.
async fn add_bot(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    reason: Reason,
    Json(body): Json<AddBot>,
) -> Result<StatusCode, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    view.permissions(me.id(), parts.now_ms()).require(Permissions::MANAGE_GUILD)?;
    let application = parts.accounts.application(body.application_id.cast()).await?;
    let application = application.ok_or(ErrorCode::UnknownApplication)?;
    let scopes = Scope::names(&[Scope::Bot, Scope::Commands]);
    let draft = BotDraft {
        bot: body.application_id,
        now: parts.now(),
        role: parts.ids.next(),
        permissions: Permissions::empty(),
        integration: oauth2::integration(&application, &me, scopes)?,
    };
    parts.store.execute(guild, reason.by(me.id()), GuildCommand::AddBot(draft)).await?;
    Ok(StatusCode::NO_CONTENT)
}

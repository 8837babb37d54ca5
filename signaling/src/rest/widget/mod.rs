//! The widget: who is online in a guild, for anyone to see, as JSON and as a picture.

mod font;
mod picture;

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::header;
use axum::response::IntoResponse as _;
use axum::response::Response;
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
use state::Guild;
use state::GuildCommand;
use state::GuildEvent;
use state::GuildHandle;
use state::audit::AuditAction;
use state::guild::command::SettingsPatch;
use state::guild::community::Widget;
use state::record::InviteRecord;

use super::ApiError;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::Query;
use super::extract::Reason;
use super::extract::member_view;
use super::extract::some;
use super::route::Needs;
use super::route::Routes;
use super::route::get;
use crate::auth::accounts::invite_code;
use crate::cdn::Origin;
use crate::parts::Parts;
use crate::rest::schema;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route(
            "/guilds/{guild}/widget",
            get(settings)
                .gives(&schema::guilds::WIDGET_SETTINGS)
                .needs(Needs::All(Permissions::MANAGE_GUILD))
                .patch(change)
                .gives(&schema::guilds::WIDGET_SETTINGS)
                .needs(Needs::All(Permissions::MANAGE_GUILD))
                .logs(&[AuditAction::GuildUpdate])
                .tells(&[DispatchName::GuildUpdate]),
        )
        .route(
            "/guilds/{guild}/widget.json",
            get(shown).gives(&schema::guilds::WIDGET).may_tell(&[DispatchName::InviteCreate]),
        )
        .route("/guilds/{guild}/widget.png", get(image).gives_media("image/png"))
}

fn told(widget: Widget) -> Value {
    json!({ "enabled": widget.enabled, "channel_id": widget.channel })
}

/// `GET /guilds/{guild.id}/widget`
async fn settings(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    view.permissions(me.id(), parts.now_ms()).require(Permissions::MANAGE_GUILD)?;
    Ok(Json(told(view.settings.widget)))
}

#[derive(Deserialize)]
struct Change {
    enabled: Option<bool>,
    #[serde(default, deserialize_with = "some")]
    channel_id: Option<Option<ChannelId>>,
}

/// `PATCH /guilds/{guild.id}/widget`
async fn change(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    reason: Reason,
    Json(body): Json<Change>,
) -> Result<Json<Value>, ApiError> {
    let old = member_view(&parts, guild, me.id())?.settings.widget;
    let widget = Widget {
        enabled: body.enabled.unwrap_or(old.enabled),
        channel: body.channel_id.unwrap_or(old.channel),
    };
    let patch = SettingsPatch { widget: Some(widget), ..SettingsPatch::default() };
    let command = GuildCommand::UpdateSettings(patch);
    let view = parts.store.execute(guild, reason.by(me.id()), command).await?;
    Ok(Json(told(view.settings.widget)))
}

/// The guild, if anyone may see its widget.
fn open(parts: &Parts, guild: GuildId) -> Result<GuildHandle, ApiError> {
    let handle = parts.store.guild(guild).ok_or(ErrorCode::UnknownGuild)?;
    if handle.view().settings.widget.enabled {
        Ok(handle)
    } else {
        Err(ErrorCode::WidgetDisabled.into())
    }
}

/// `GET /guilds/{guild.id}/widget.json`: open to all. People are told by their names alone, without
/// the ids by which they could be found.
async fn shown(
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    origin: Origin,
) -> Result<Json<Value>, ApiError> {
    let handle = open(&parts, guild)?;
    let view = handle.view();
    let invite = invite(&parts, &handle, &view).await?;
    let seen = |channel: ChannelId| {
        view.everyone_in(channel).has(Permissions::VIEW_CHANNEL | Permissions::CONNECT)
    };
    let voice = |kind| matches!(kind, ChannelType::GuildVoice | ChannelType::GuildStageVoice);
    let channels = view.channels.values().filter(|one| voice(one.kind) && seen(one.id));
    let channels = channels.map(
        |channel| json!({ "id": channel.id, "name": channel.name, "position": channel.position }),
    );
    let mut online: Vec<UserId> = view.presences.keys().copied().collect();
    online.sort_unstable();
    online.truncate(limits::WIDGET_MEMBERS);
    let members = online.iter().enumerate();
    let members = members.filter_map(|(at, user)| member(&parts, &view, *user, at, &origin, seen));
    Ok(Json(json!({
        "id": view.id,
        "name": view.settings.name,
        "instant_invite": invite.map(|code| format!("{}/invite/{code}", origin.as_str())),
        "channels": channels.collect::<Vec<_>>(),
        "members": members.collect::<Vec<_>>(),
        "presence_count": view.presences.len(),
    })))
}

fn member(
    parts: &Parts,
    view: &Guild,
    user: UserId,
    at: usize,
    origin: &Origin,
    seen: impl Fn(ChannelId) -> bool,
) -> Option<Value> {
    let account = parts.store.users().cached(user)?;
    let member = view.members.get(&user)?;
    let presence = view.presences.get(&user)?;
    let name =
        member.nick.as_deref().or(account.global_name.as_deref()).unwrap_or(&account.username);
    let mut value = json!({
        "id": at.to_string(),
        "username": name,
        "discriminator": "0000",
        "avatar": null,
        "status": presence.status,
        "avatar_url": format!("{}/embed/avatars/{}.png", origin.as_str(), at % 6),
    });
    if let Some(activity) = presence.activities.first() {
        value["activity"] = json!({ "name": activity.name });
    }
    if let Some(voice) = view.voice.get(&user)
        && let Some(channel) = voice.channel.filter(|channel| seen(*channel))
    {
        for (field, is) in [
            ("deaf", voice.deaf),
            ("mute", voice.mute),
            ("self_deaf", voice.self_deaf),
            ("self_mute", voice.self_mute),
            ("suppress", voice.suppress),
        ] {
            value[field] = json!(is);
        }
        value["channel_id"] = json!(channel);
    }
    Some(value)
}

/// The invite that the widget shows: one that nobody made, and that is renewed before it ends; none
/// without a channel, or while invites are closed.
async fn invite(
    parts: &Parts,
    handle: &GuildHandle,
    view: &Guild,
) -> Result<Option<String>, ApiError> {
    let now_ms = parts.now_ms();
    let Some(channel) = view.settings.widget.channel else { return Ok(None) };
    if !view.channels.contains_key(&channel) || view.settings.incidents.close_invites(now_ms) {
        return Ok(None);
    }
    let invites = parts.invites.list(Some(view.id)).await?;
    let half_ms = u64::from(INVITE_AGE) * 500;
    let own = invites.iter().find(|invite| {
        invite.inviter.is_none()
            && invite.channel == Some(channel)
            && invite.max_uses == 0
            && invite.max_age == INVITE_AGE
            && now_ms < invite.created_ms + half_ms
    });
    if let Some(own) = own {
        return Ok(Some(own.code.clone()));
    }
    let fresh = InviteRecord {
        code: invite_code(),
        guild: Some(view.id),
        channel: Some(channel),
        inviter: None,
        max_uses: 0,
        uses: 0,
        max_age: INVITE_AGE,
        created_ms: now_ms,
        owner: false,
        temporary: false,
        roles: Vec::new(),
        targets: None,
    };
    let code = fresh.code.clone();
    parts.invites.create(&fresh).await?;
    handle.publish(GuildEvent::InviteCreated(Arc::new(fresh))).await?;
    Ok(Some(code))
}

/// Seconds that an invite of the widget is good: a week.
const INVITE_AGE: u32 = 604_800;

#[derive(Deserialize)]
struct Wanted {
    style: Option<String>,
}

/// `GET /guilds/{guild.id}/widget.png`: open to all.
async fn image(
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, ApiError> {
    let style = picture::Style::of(wanted.style.as_deref().unwrap_or("shield"));
    let style = style.ok_or_else(|| {
        let message =
            "Value must be one of ('shield', 'banner1', 'banner2', 'banner3', 'banner4').";
        ApiError::Form(FormErrors::one("style", "BASE_TYPE_CHOICES", message))
    })?;
    let view = open(&parts, guild)?.view();
    let png = picture::draw(style, &view.settings.name, view.presences.len());
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/png"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    Ok((headers, png).into_response())
}

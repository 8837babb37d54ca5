//! What newcomers are welcomed with: a message, things to do, channels to read (userdoccers: New Member
//! Welcome; Discord's OpenAPI: GuildHomeSettings).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::response::Response;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use state::GuildCommand;
use state::audit::actions;
use state::guild::command::SettingsPatch;
use state::guild::community::NewMemberAction;
use state::guild::community::ResourceChannel;
use state::guild::community::SettingsEmoji;

use super::ApiError;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::Reason;
use super::extract::member_view;
use super::route::Needs;
use super::route::Routes;
use super::route::get;
use super::schema;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Routes {
    Routes::new().route(
        "/guilds/{guild}/new-member-welcome",
        get(show)
            .gives(&schema::guilds::NEW_MEMBER_WELCOME)
            .or(204)
            .needs(Needs::All(Permissions::MANAGE_GUILD))
            .put(set)
            .gives(&schema::guilds::NEW_MEMBER_WELCOME)
            .needs(Needs::All(Permissions::MANAGE_GUILD))
            .may_log(&[actions::HOME_SETTINGS_CREATE, actions::HOME_SETTINGS_UPDATE])
            .tells(&[DispatchName::GuildUpdate]),
    )
}

/// `GET /guilds/{guild.id}/new-member-welcome`: of all members while it is shown; 204 when there is none.
async fn show(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Response, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let welcome = view.settings.new_members.as_ref();
    if !welcome.is_some_and(|welcome| welcome.enabled) {
        view.permissions(me.id(), parts.now_ms()).require(Permissions::MANAGE_GUILD)?;
    }
    Ok(match welcome {
        Some(welcome) => Json(wire::new_member_welcome(guild, welcome)).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// `null` is as good as absent everywhere.
#[derive(Deserialize)]
struct Wanted {
    enabled: Option<bool>,
    welcome_message: Option<Message>,
    new_member_actions: Option<Vec<Shown>>,
    resource_channels: Option<Vec<Shown>>,
}

#[derive(Deserialize)]
struct Message {
    author_ids: Option<Vec<UserId>>,
    message: Option<String>,
}

/// A thing to do, or a channel to read.
#[derive(Deserialize)]
struct Shown {
    channel_id: ChannelId,
    action_type: Option<u8>,
    title: Option<String>,
    description: Option<String>,
    emoji: Option<SettingsEmoji>,
}

impl Shown {
    fn read(self) -> ResourceChannel {
        ResourceChannel {
            channel: self.channel_id,
            title: self.title.unwrap_or_default().trim().to_owned(),
            description: self.description.unwrap_or_default(),
            emoji: self.emoji.filter(|emoji| *emoji != SettingsEmoji::default()),
        }
    }
}

/// `PUT /guilds/{guild.id}/new-member-welcome`; what is absent stays.
async fn set(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    reason: Reason,
    Json(body): Json<Wanted>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    view.permissions(me.id(), parts.now_ms()).require(Permissions::MANAGE_GUILD)?;
    let mut welcome = view.settings.new_members.clone().unwrap_or_default();
    welcome.enabled = body.enabled.unwrap_or(welcome.enabled);
    if let Some(message) = body.welcome_message {
        welcome.authors = message.author_ids.unwrap_or(welcome.authors);
        welcome.message = message.message.unwrap_or(welcome.message);
    }
    if let Some(actions) = body.new_member_actions {
        let actions = actions.into_iter().enumerate().map(|(at, shown)| action(at, shown));
        welcome.actions = actions.collect::<Result<_, _>>()?;
    }
    if let Some(resources) = body.resource_channels {
        welcome.resources = resources.into_iter().map(Shown::read).collect();
    }
    let patch = SettingsPatch { new_members: Some(welcome), ..SettingsPatch::default() };
    let command = GuildCommand::UpdateSettings(patch);
    let view = parts.store.execute(guild, reason.by(me.id()), command).await?;
    let welcome = view.settings.new_members.as_ref().ok_or(ErrorCode::UnknownGuild)?;
    Ok(Json(wire::new_member_welcome(guild, welcome)))
}

fn action(at: usize, shown: Shown) -> Result<NewMemberAction, ApiError> {
    let speaks = match shown.action_type {
        Some(0) => false,
        Some(1) => true,
        _ => {
            let field = format!("new_member_actions.{at}.action_type");
            let message = "Value must be one of (0, 1).";
            return Err(ApiError::Form(FormErrors::one(&field, "BASE_TYPE_CHOICES", message)));
        }
    };
    Ok(NewMemberAction { speaks, shown: shown.read() })
}

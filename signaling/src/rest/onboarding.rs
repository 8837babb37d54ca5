//! Onboarding and the welcome screen: what newcomers are shown and asked, and what they answer.

use axum::extract::State;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::ChannelId;
use model::id::EmojiId;
use model::id::GuildId;
use model::id::PromptId;
use model::id::RoleId;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::GuildCommand;
use state::audit::AuditAction;
use state::audit::actions;
use state::guild::command::SettingsPatch;
use state::guild::community::Onboarding;
use state::guild::community::Prompt;
use state::guild::community::PromptOption;
use state::guild::community::SettingsEmoji;
use state::guild::community::WelcomeChannel;
use state::guild::community::WelcomeScreen;

use super::ApiError;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::Reason;
use super::extract::member_view;
use super::extract::some;
use super::route::Needs;
use super::route::Routes;
use super::route::effects;
use super::route::get;
use super::route::post;
use super::schema;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route(
            "/guilds/{guild}/onboarding",
            get(show)
                .gives(&schema::guilds::ONBOARDING)
                .put(set)
                .gives(&schema::guilds::ONBOARDING)
                .needs(Needs::All(Permissions::MANAGE_GUILD.union(Permissions::MANAGE_ROLES)))
                .may_log(&[
                    actions::ONBOARDING_CREATE,
                    actions::ONBOARDING_UPDATE,
                    actions::ONBOARDING_PROMPT_CREATE,
                    actions::ONBOARDING_PROMPT_UPDATE,
                    actions::ONBOARDING_PROMPT_DELETE,
                ])
                .tells(&[DispatchName::GuildUpdate]),
        )
        .route(
            "/guilds/{guild}/onboarding-responses",
            post(answer)
                .gives(&schema::guilds::ONBOARDING_ANSWERS)
                .tells(&[DispatchName::GuildMemberUpdate])
                .may_tell(effects::SIGHT)
                .put(answer)
                .gives(&schema::guilds::ONBOARDING_ANSWERS)
                .tells(&[DispatchName::GuildMemberUpdate])
                .may_tell(effects::SIGHT),
        )
        .route(
            "/guilds/{guild}/welcome-screen",
            get(welcome)
                .gives(&schema::guilds::WELCOME_SCREEN)
                .needs(Needs::All(Permissions::MANAGE_GUILD))
                .patch(change_welcome)
                .gives(&schema::guilds::WELCOME_SCREEN)
                .needs(Needs::All(Permissions::MANAGE_GUILD))
                .logs(&[AuditAction::GuildUpdate])
                .tells(&[DispatchName::GuildUpdate]),
        )
}

/// `GET /guilds/{guild.id}/onboarding`
async fn show(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(wire::onboarding(&*member_view(&parts, guild, me.id())?)))
}

/// `null` is as good as absent everywhere.
#[derive(Deserialize)]
struct Wanted {
    prompts: Option<Vec<GivenPrompt>>,
    default_channel_ids: Option<Vec<ChannelId>>,
    enabled: Option<bool>,
    mode: Option<u8>,
}

#[derive(Deserialize)]
struct GivenPrompt {
    /// Of new ones clients make it up.
    id: Option<Value>,
    title: String,
    options: Vec<GivenOption>,
    single_select: Option<bool>,
    required: Option<bool>,
    in_onboarding: Option<bool>,
    #[serde(rename = "type")]
    kind: Option<u8>,
}

#[derive(Deserialize)]
struct GivenOption {
    id: Option<Value>,
    title: String,
    description: Option<String>,
    emoji_id: Option<EmojiId>,
    emoji_name: Option<String>,
    emoji_animated: Option<bool>,
    emoji: Option<SettingsEmoji>,
    role_ids: Option<Vec<RoleId>>,
    channel_ids: Option<Vec<ChannelId>>,
}

impl GivenPrompt {
    /// The question; ids that are not known yet are made anew.
    fn read(self, parts: &Parts, old: &Onboarding) -> Prompt {
        let known = |id| old.prompts.iter().any(|prompt| prompt.id == id);
        Prompt {
            id: kept(parts, self.id.as_ref(), known),
            title: self.title,
            options: self.options.into_iter().map(|option| option.read(parts, old)).collect(),
            single_select: self.single_select.unwrap_or_default(),
            required: self.required.unwrap_or_default(),
            in_onboarding: self.in_onboarding.unwrap_or_default(),
            kind: self.kind.unwrap_or_default(),
        }
    }
}

impl GivenOption {
    fn read(self, parts: &Parts, old: &Onboarding) -> PromptOption {
        let known = |id| old.options().any(|option| option.id == id);
        let flat = SettingsEmoji {
            id: self.emoji_id,
            name: self.emoji_name,
            animated: self.emoji_animated.unwrap_or_default(),
        };
        PromptOption {
            id: kept(parts, self.id.as_ref(), known),
            title: self.title,
            description: self.description.unwrap_or_default(),
            emoji: self.emoji.unwrap_or(flat),
            roles: unique(self.role_ids),
            channels: unique(self.channel_ids),
        }
    }
}

fn kept(parts: &Parts, given: Option<&Value>, known: impl Fn(PromptId) -> bool) -> PromptId {
    let given = given.and_then(|id| id.as_u64().or_else(|| id.as_str()?.parse().ok()));
    let given = given.and_then(PromptId::new_checked).filter(|id| known(*id));
    given.unwrap_or_else(|| parts.ids.next())
}

fn unique<T: Ord + Copy>(list: Option<Vec<T>>) -> Vec<T> {
    let mut kept = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for one in list.unwrap_or_default() {
        if seen.insert(one) {
            kept.push(one);
        }
    }
    kept
}

/// `PUT /guilds/{guild.id}/onboarding`
async fn set(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    reason: Reason,
    Json(body): Json<Wanted>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let old = &view.settings.onboarding;
    let prompts = body.prompts.map(|prompts| {
        prompts.into_iter().map(|prompt| prompt.read(&parts, old)).collect::<Vec<_>>()
    });
    let wanted = Onboarding {
        enabled: body.enabled.unwrap_or(old.enabled),
        advanced: body.mode.map_or(old.advanced, |mode| mode == 1),
        default_channels: match body.default_channel_ids {
            Some(channels) => unique(Some(channels)),
            None => old.default_channels.clone(),
        },
        prompts: prompts.unwrap_or_else(|| old.prompts.clone()),
    };
    let command = GuildCommand::SetOnboarding(wanted);
    let view = parts.store.execute(guild, reason.by(me.id()), command).await?;
    Ok(Json(wire::onboarding(&view)))
}

#[derive(Deserialize)]
struct Answers {
    onboarding_responses: Vec<PromptId>,
}

/// `POST /guilds/{guild.id}/onboarding-responses`, and `PUT` for those who change their mind: what a
/// person's client sends, outside of Discord's documentation.
async fn answer(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    Json(body): Json<Answers>,
) -> Result<Json<Value>, ApiError> {
    if me.user.bot {
        return Err(ErrorCode::BotsCannotUse.into());
    }
    member_view(&parts, guild, me.id())?;
    let chosen = unique(Some(body.onboarding_responses));
    let command = GuildCommand::AnswerOnboarding(chosen.clone());
    parts.store.execute(guild, me.id(), command).await?;
    Ok(Json(json!({
        "guild_id": guild,
        "user_id": me.id(),
        "onboarding_responses": chosen,
    })))
}

/// `GET /guilds/{guild.id}/welcome-screen`: of one that is not shown, with MANAGE_GUILD.
async fn welcome(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    if !view.settings.welcome.enabled {
        view.permissions(me.id(), parts.now_ms()).require(Permissions::MANAGE_GUILD)?;
        if view.settings.welcome == WelcomeScreen::default() {
            return Err(ErrorCode::UnknownWelcomeScreen.into());
        }
    }
    Ok(Json(wire::welcome_screen(&view)))
}

#[derive(Deserialize)]
struct ChangeWelcome {
    enabled: Option<bool>,
    #[serde(default, deserialize_with = "some")]
    description: Option<Option<String>>,
    #[serde(default, deserialize_with = "some")]
    welcome_channels: Option<Option<Vec<GivenChannel>>>,
}

#[derive(Deserialize)]
struct GivenChannel {
    channel_id: ChannelId,
    description: String,
    emoji_id: Option<EmojiId>,
    emoji_name: Option<String>,
}

/// `PATCH /guilds/{guild.id}/welcome-screen`
async fn change_welcome(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    reason: Reason,
    Json(body): Json<ChangeWelcome>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let mut welcome = view.settings.welcome.clone();
    welcome.enabled = body.enabled.unwrap_or(welcome.enabled);
    if let Some(description) = body.description {
        welcome.description = description.filter(|text| !text.is_empty());
    }
    if let Some(channels) = body.welcome_channels {
        let channels = channels.unwrap_or_default().into_iter().map(|given| WelcomeChannel {
            channel: given.channel_id,
            description: given.description,
            emoji: SettingsEmoji { id: given.emoji_id, name: given.emoji_name, animated: false },
        });
        welcome.channels = channels.collect();
    }
    let patch = SettingsPatch { welcome: Some(welcome), ..SettingsPatch::default() };
    let command = GuildCommand::UpdateSettings(patch);
    let view = parts.store.execute(guild, reason.by(me.id()), command).await?;
    Ok(Json(wire::welcome_screen(&view)))
}

//! Which commands a person may call where: what a client shows behind the slash.
//!
//! Not of Discord's public API; user clients ask for it (discord-userdoccers: Application Commands,
//! "Get Guild Application Command Index").

use axum::extract::State;
use model::error_code::ErrorCode;
use model::id::ApplicationId;
use model::id::ChannelId;
use model::id::GuildId;
use model::wire::guild::Permissions;
use serde_json::Value;
use serde_json::json;
use state::GuildView;
use state::apps::CommandPermission;
use state::apps::CommandRecord;
use state::store::ChannelHome;

use super::rules;
use super::rules::Said;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::extract::Auth;
use crate::rest::extract::Json;
use crate::rest::extract::Path;
use crate::rest::extract::member_view;
use crate::rest::messages::place::Place;
use crate::wire;

/// `GET /guilds/{guild.id}/application-command-index`
pub(super) async fn of_guild(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let mut index = Index::default();
    for application in bots_of(&parts, &view) {
        let said = Said(parts.commands.permissions(application, guild).await?);
        let mut commands = parts.commands.list(application, None).await?;
        commands.retain(|command| command.contexts.as_ref().is_none_or(|list| list.contains(&0)));
        commands.extend(parts.commands.list(application, Some(guild)).await?);
        commands.retain(|command| said.allows(&view, me.id(), command, None, parts.now_ms()));
        index.add(&parts, application, &commands, Some((&view, &said))).await?;
    }
    Ok(index.shown())
}

/// `GET /channels/{channel.id}/application-command-index`: of a guild's channel, or of a private
/// one with a bot.
pub(super) async fn of_channel(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
) -> Result<Json<Value>, ApiError> {
    Place::open(&parts, &me, channel, Permissions::empty()).await?;
    let home = parts.store.of_channel(channel).await?.ok_or(ErrorCode::UnknownChannel)?;
    let private = match home {
        ChannelHome::Guild(guild) => {
            return of_guild(Auth(me), State(parts), Path(guild.id())).await;
        }
        ChannelHome::Private(private) => private,
    };
    let mut index = Index::default();
    for user in parts.store.users().load(&private.recipients).await? {
        if user.bot {
            let application = user.id.cast();
            let mut commands = parts.commands.list(application, None).await?;
            commands
                .retain(|command| command.contexts.as_ref().is_none_or(|list| list.contains(&1)));
            index.add(&parts, application, &commands, None).await?;
        }
    }
    Ok(index.shown())
}

/// The applications whose bots are in a guild.
fn bots_of(parts: &Parts, view: &GuildView) -> Vec<ApplicationId> {
    let bots = parts.store.users().bots().into_iter().filter(|bot| view.members.contains_key(bot));
    bots.map(|bot| bot.cast()).collect()
}

#[derive(Default)]
struct Index {
    applications: Vec<Value>,
    commands: Vec<Value>,
    /// The newest version of any command.
    version: u64,
}

impl Index {
    async fn add(
        &mut self,
        parts: &Parts,
        application: ApplicationId,
        commands: &[CommandRecord],
        guild: Option<(&GuildView, &Said)>,
    ) -> Result<(), ApiError> {
        if commands.is_empty() {
            return Ok(());
        }
        let Some(record) = parts.accounts.application(application).await? else { return Ok(()) };
        let bot = parts.store.users().user(application.cast()).await?;
        let mut value = json!({
            "id": application,
            "name": record.name,
            "description": record.description,
            "icon": bot.as_ref().and_then(|bot| bot.avatar.clone()),
            "bot_id": application,
            "bot": bot.map(|bot| wire::user(&bot)),
            "flags": record.flags,
        });
        if let Some((view, said)) = guild {
            value["permissions"] = permissions(view, said.of(application.cast()));
        }
        self.applications.push(value);
        for command in commands {
            let mut value = wire::command(command, true);
            if let Some((view, said)) = guild {
                value["permissions"] = permissions(view, said.of(command.id));
            }
            self.version = self.version.max(command.version.get());
            self.commands.push(value);
        }
        Ok(())
    }

    fn shown(self) -> Json<Value> {
        Json(json!({
            "applications": self.applications,
            "application_commands": self.commands,
            "version": self.version.to_string(),
        }))
    }
}

/// What a guild said, grouped by whom it is for.
fn permissions(view: &GuildView, said: &[CommandPermission]) -> Value {
    let of = |kind: u8| -> Value {
        let own = said.iter().filter(|one| one.kind == kind);
        own.map(|one| (one.id.to_string(), Value::from(one.permission))).collect()
    };
    json!({ "roles": of(rules::ROLE), "users": of(rules::USER), "channels": of(rules::CHANNEL),
        "guild_id": view.id })
}

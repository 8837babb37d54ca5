//! A bot's commands: made, changed, deleted, and overwritten all at once; for all guilds or for one.

use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::id::ApplicationId;
use model::id::CommandId;
use model::id::GuildId;
use model::limits;
use serde::Deserialize;
use serde_json::Value;
use state::GuildEvent;
use state::apps::CommandRecord;
use state::repo::RepoError;

use super::draft::Body;
use super::kind;
use crate::auth::Identity;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::caller::AsBot;
use crate::rest::error::FormErrors;
use crate::rest::extract::Flag;
use crate::rest::extract::Json;
use crate::rest::extract::Path;
use crate::rest::extract::Query;
use crate::wire;

/// The commands of an application in one place.
#[derive(Debug, Clone, Copy)]
struct Place {
    application: ApplicationId,
    /// `None`: all guilds.
    guild: Option<GuildId>,
}

impl Place {
    /// The place, if `me` is that application's bot and a member of the guild.
    fn open(
        parts: &Parts,
        me: &Identity,
        application: ApplicationId,
        guild: Option<GuildId>,
    ) -> Result<Self, ApiError> {
        own(me, application)?;
        if let Some(guild) = guild {
            let handle = parts.store.guild(guild).ok_or(ErrorCode::MissingAccess)?;
            if !handle.view().members.contains_key(&me.id()) {
                return Err(ErrorCode::MissingAccess.into());
            }
        }
        Ok(Self { application, guild })
    }

    /// One of its commands.
    async fn command(self, parts: &Parts, id: CommandId) -> Result<CommandRecord, ApiError> {
        let found = parts.commands.command(self.application, id).await?;
        let found = found.filter(|command| command.guild == self.guild);
        Ok(found.ok_or(ErrorCode::UnknownCommand)?)
    }

    /// A command of nothing yet.
    fn blank(self, parts: &Parts, kind: u8) -> CommandRecord {
        CommandRecord {
            id: parts.ids.next(),
            application: self.application,
            guild: self.guild,
            version: parts.ids.next(),
            kind,
            name: String::new(),
            name_localizations: None,
            description: String::new(),
            description_localizations: None,
            options: Vec::new(),
            default_member_permissions: None,
            nsfw: false,
            contexts: None,
            integration_types: None,
        }
    }

    /// What `body` makes of the command of its name, or of a new one. Whether it is new.
    fn draft(
        self,
        parts: &Parts,
        old: &[CommandRecord],
        body: Body,
        path: &str,
        errors: &mut FormErrors,
    ) -> (CommandRecord, bool) {
        let kind = body.kind.unwrap_or(kind::CHAT_INPUT);
        if !(kind::CHAT_INPUT..=kind::MESSAGE).contains(&kind) {
            let message = "Value must be one of (1, 2, 3).";
            errors.push(&format!("{path}type"), "BASE_TYPE_CHOICES", message);
        }
        let named = |one: &&CommandRecord| {
            one.kind == kind && (body.id == Some(one.id) || body.name.as_ref() == Some(&one.name))
        };
        let old = old.iter().find(named);
        let blank = self.blank(parts, kind);
        let (id, version) = (old.map_or(blank.id, |old| old.id), blank.version);
        let new = CommandRecord { id, ..body.onto(blank, path, errors) };
        // What did not change keeps its version: clients need not fetch it anew.
        let same = old.filter(|old| **old == CommandRecord { version: old.version, ..new.clone() });
        let version = same.map_or(version, |old| old.version);
        (CommandRecord { version, ..new }, old.is_none())
    }

    /// Tells people's clients that what they show has changed.
    async fn tell(self, parts: &Parts) {
        let guilds = match self.guild {
            Some(guild) => parts.store.guild(guild).into_iter().collect(),
            None => parts.store.guilds_of(self.application.cast()),
        };
        for guild in guilds {
            // Full mailboxes lose nothing that a client does not ask for again.
            let _ = guild.publish(GuildEvent::CommandsUpdated).await;
        }
    }
}

/// Demands that `me` is the bot of that application (20012).
pub(super) fn own(me: &Identity, application: ApplicationId) -> Result<(), ErrorCode> {
    match &me.application {
        Some(own) if own.id == application => Ok(()),
        _ => Err(ErrorCode::NotThisApplication),
    }
}

#[derive(Deserialize, Default)]
pub(super) struct Listing {
    #[serde(default)]
    with_localizations: Flag,
}

/// `GET /applications/{application.id}/commands`
pub(super) async fn list(
    AsBot(me): AsBot,
    State(parts): State<Parts>,
    Path(application): Path<ApplicationId>,
    Query(query): Query<Listing>,
) -> Result<Json<Value>, ApiError> {
    listed(&parts, Place::open(&parts, &me, application, None)?, &query).await
}

/// `GET /applications/{application.id}/guilds/{guild.id}/commands`
pub(super) async fn list_in_guild(
    AsBot(me): AsBot,
    State(parts): State<Parts>,
    Path((application, guild)): Path<(ApplicationId, GuildId)>,
    Query(query): Query<Listing>,
) -> Result<Json<Value>, ApiError> {
    listed(&parts, Place::open(&parts, &me, application, Some(guild))?, &query).await
}

async fn listed(parts: &Parts, place: Place, query: &Listing) -> Result<Json<Value>, ApiError> {
    let commands = parts.commands.list(place.application, place.guild).await?;
    let texts = query.with_localizations.0;
    Ok(Json(commands.iter().map(|command| wire::command(command, texts)).collect()))
}

/// `POST /applications/{application.id}/commands`: replaces the command of that name and type.
pub(super) async fn create(
    AsBot(me): AsBot,
    State(parts): State<Parts>,
    Path(application): Path<ApplicationId>,
    Json(body): Json<Body>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    made(&parts, Place::open(&parts, &me, application, None)?, body).await
}

/// `POST /applications/{application.id}/guilds/{guild.id}/commands`
pub(super) async fn create_in_guild(
    AsBot(me): AsBot,
    State(parts): State<Parts>,
    Path((application, guild)): Path<(ApplicationId, GuildId)>,
    Json(body): Json<Body>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    made(&parts, Place::open(&parts, &me, application, Some(guild))?, body).await
}

async fn made(
    parts: &Parts,
    place: Place,
    mut body: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    body.id = None;
    let mut commands = parts.commands.list(place.application, place.guild).await?;
    let mut errors = FormErrors::default();
    let (command, new) = place.draft(parts, &commands, body, "", &mut errors);
    errors.finish()?;
    commands.retain(|other| other.id != command.id);
    commands.push(command.clone());
    few_enough(&commands)?;
    stored(parts.commands.put(&command).await)?;
    place.tell(parts).await;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(wire::command(&command, true))))
}

/// Demands that no kind has more commands than there may be (30032).
fn few_enough(commands: &[CommandRecord]) -> Result<(), ErrorCode> {
    for (kind, most) in [
        (kind::CHAT_INPUT, limits::COMMANDS),
        (kind::USER, limits::MENU_COMMANDS),
        (kind::MESSAGE, limits::MENU_COMMANDS),
    ] {
        if commands.iter().filter(|command| command.kind == kind).count() > most {
            return Err(ErrorCode::MaximumCommands);
        }
    }
    Ok(())
}

fn stored(outcome: Result<(), RepoError>) -> Result<(), ApiError> {
    outcome.map_err(|error| match error {
        RepoError::Exists => ErrorCode::CommandNameTaken.into(),
        RepoError::NotFound => ErrorCode::UnknownCommand.into(),
        error => error.into(),
    })
}

/// `PUT /applications/{application.id}/commands`: these and no others.
pub(super) async fn overwrite(
    AsBot(me): AsBot,
    State(parts): State<Parts>,
    Path(application): Path<ApplicationId>,
    Json(bodies): Json<Vec<Body>>,
) -> Result<Json<Value>, ApiError> {
    overwritten(&parts, Place::open(&parts, &me, application, None)?, bodies).await
}

/// `PUT /applications/{application.id}/guilds/{guild.id}/commands`
pub(super) async fn overwrite_in_guild(
    AsBot(me): AsBot,
    State(parts): State<Parts>,
    Path((application, guild)): Path<(ApplicationId, GuildId)>,
    Json(bodies): Json<Vec<Body>>,
) -> Result<Json<Value>, ApiError> {
    overwritten(&parts, Place::open(&parts, &me, application, Some(guild))?, bodies).await
}

async fn overwritten(
    parts: &Parts,
    place: Place,
    bodies: Vec<Body>,
) -> Result<Json<Value>, ApiError> {
    if bodies.len() > limits::COMMANDS + 2 * limits::MENU_COMMANDS {
        return Err(ErrorCode::MaximumCommands.into());
    }
    let old = parts.commands.list(place.application, place.guild).await?;
    let mut errors = FormErrors::default();
    let mut commands: Vec<CommandRecord> = Vec::with_capacity(bodies.len());
    for (number, body) in bodies.into_iter().enumerate() {
        let path = format!("{number}.");
        let (command, _) = place.draft(parts, &old, body, &path, &mut errors);
        let twice = |other: &CommandRecord| {
            (other.kind, &other.name) == (command.kind, &command.name) || other.id == command.id
        };
        if commands.iter().any(twice) {
            errors.push(
                &number.to_string(),
                "APPLICATION_COMMANDS_DUPLICATE_NAME",
                "Application command names must be unique",
            );
        }
        commands.push(command);
    }
    errors.finish()?;
    few_enough(&commands)?;
    stored(parts.commands.replace(place.application, place.guild, &commands).await)?;
    place.tell(parts).await;
    Ok(Json(commands.iter().map(|command| wire::command(command, true)).collect()))
}

/// `GET /applications/{application.id}/commands/{command.id}`
pub(super) async fn show(
    AsBot(me): AsBot,
    State(parts): State<Parts>,
    Path((application, id)): Path<(ApplicationId, CommandId)>,
) -> Result<Json<Value>, ApiError> {
    let place = Place::open(&parts, &me, application, None)?;
    Ok(Json(wire::command(&place.command(&parts, id).await?, true)))
}

/// `GET /applications/{application.id}/guilds/{guild.id}/commands/{command.id}`
pub(super) async fn show_in_guild(
    AsBot(me): AsBot,
    State(parts): State<Parts>,
    Path((application, guild, id)): Path<(ApplicationId, GuildId, CommandId)>,
) -> Result<Json<Value>, ApiError> {
    let place = Place::open(&parts, &me, application, Some(guild))?;
    Ok(Json(wire::command(&place.command(&parts, id).await?, true)))
}

/// `PATCH /applications/{application.id}/commands/{command.id}`
pub(super) async fn edit(
    AsBot(me): AsBot,
    State(parts): State<Parts>,
    Path((application, id)): Path<(ApplicationId, CommandId)>,
    Json(body): Json<Body>,
) -> Result<Json<Value>, ApiError> {
    edited(&parts, Place::open(&parts, &me, application, None)?, id, body).await
}

/// `PATCH /applications/{application.id}/guilds/{guild.id}/commands/{command.id}`
pub(super) async fn edit_in_guild(
    AsBot(me): AsBot,
    State(parts): State<Parts>,
    Path((application, guild, id)): Path<(ApplicationId, GuildId, CommandId)>,
    Json(body): Json<Body>,
) -> Result<Json<Value>, ApiError> {
    edited(&parts, Place::open(&parts, &me, application, Some(guild))?, id, body).await
}

async fn edited(
    parts: &Parts,
    place: Place,
    id: CommandId,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let old = place.command(parts, id).await?;
    let mut errors = FormErrors::default();
    let new = CommandRecord { version: parts.ids.next(), ..old };
    let new = body.onto(new, "", &mut errors);
    errors.finish()?;
    stored(parts.commands.put(&new).await)?;
    place.tell(parts).await;
    Ok(Json(wire::command(&new, true)))
}

/// `DELETE /applications/{application.id}/commands/{command.id}`
pub(super) async fn delete(
    AsBot(me): AsBot,
    State(parts): State<Parts>,
    Path((application, id)): Path<(ApplicationId, CommandId)>,
) -> Result<StatusCode, ApiError> {
    deleted(&parts, Place::open(&parts, &me, application, None)?, id).await
}

/// `DELETE /applications/{application.id}/guilds/{guild.id}/commands/{command.id}`
pub(super) async fn delete_in_guild(
    AsBot(me): AsBot,
    State(parts): State<Parts>,
    Path((application, guild, id)): Path<(ApplicationId, GuildId, CommandId)>,
) -> Result<StatusCode, ApiError> {
    deleted(&parts, Place::open(&parts, &me, application, Some(guild))?, id).await
}

async fn deleted(parts: &Parts, place: Place, id: CommandId) -> Result<StatusCode, ApiError> {
    place.command(parts, id).await?;
    stored(parts.commands.remove(place.application, id).await)?;
    place.tell(parts).await;
    Ok(StatusCode::NO_CONTENT)
}

//! What a person does to a bot through their client: commands, suggestions, components, forms.
//!
//! Not of Discord's public API; user clients post it (discord-userdoccers: Interactions, "Create
//! Interaction").

use std::sync::Arc;

use axum::extract::Request;
use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::id::ApplicationId;
use model::id::ChannelId;
use model::id::CommandId;
use model::id::InteractionId;
use model::id::MessageId;
use model::limits;
use model::wire::guild::Permissions;
use model::wire::id::Id;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::apps::CommandRecord;
use state::apps::InteractionMetadata;
use state::record::MessageRecord;

use super::deliver;
use super::deliver::Told;
use super::options;
use super::options::Given;
use super::options::Names;
use super::resolve;
use crate::auth::Identity;
use crate::cdn::Origin;
use crate::cdn::upload;
use crate::cdn::upload::NewFile;
use crate::interactions::board::Interaction;
use crate::interactions::board::Kind;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::applications::kind;
use crate::rest::applications::option;
use crate::rest::applications::rules::Said;
use crate::rest::error::FormErrors;
use crate::rest::extract::Auth;
use crate::rest::messages;
use crate::rest::messages::multipart;
use crate::rest::messages::multipart::File;
use crate::rest::messages::place::Place;

/// The body of Create Interaction.
#[derive(Deserialize)]
pub(super) struct Body {
    #[serde(rename = "type")]
    kind: u8,
    application_id: ApplicationId,
    channel_id: ChannelId,
    /// Of components: whose message it is.
    #[serde(default)]
    pub message_id: Option<MessageId>,
    #[serde(default)]
    nonce: Option<Value>,
    pub data: Value,
}

impl multipart::Payload for Body {}

/// Who does what, and where.
pub(super) struct Call<'a> {
    pub parts: &'a Parts,
    pub me: &'a Identity,
    pub place: &'a Place,
    pub origin: &'a Origin,
    pub body: &'a Body,
}

/// `POST /interactions`: people alone; bots do not talk to bots.
pub(super) async fn invoke(
    Auth(me): Auth,
    State(parts): State<Parts>,
    origin: Origin,
    request: Request,
) -> Result<StatusCode, ApiError> {
    if me.user.bot {
        return Err(ErrorCode::BotsCannotUse.into());
    }
    let form = multipart::read_as::<Body>(&parts, request).await?;
    let body = form.body;
    if body.nonce.as_ref().is_some_and(|nonce| nonce.to_string().len() > NONCE) {
        let message = format!("Must be {} or fewer in length.", limits::NONCE_LENGTH);
        let errors = FormErrors::one("nonce", "BASE_TYPE_MAX_LENGTH", message);
        return Err(ApiError::Form(errors));
    }
    let place = Place::open(&parts, &me, body.channel_id, Permissions::empty()).await?;
    place.require_full_member(me.id())?;
    let bot = body.application_id.cast();
    let there = match &place.view {
        Some(view) => view.members.contains_key(&bot),
        None => place.recipients().contains(&bot),
    };
    if !there {
        return Err(ErrorCode::UnknownApplication.into());
    }
    let call = Call { parts: &parts, me: &me, place: &place, origin: &origin, body: &body };
    match body.kind {
        2 => call.command(form.files, false).await?,
        3 => super::press::press(&call).await?,
        4 => call.command(Vec::new(), true).await?,
        5 => super::form::send(&call).await?,
        _ => {
            let message = "Value must be one of (2, 3, 4, 5).";
            let errors = FormErrors::one("type", "BASE_TYPE_CHOICES", message);
            return Err(ApiError::Form(errors));
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

/// What is given to a command.
#[derive(Deserialize)]
struct CommandData {
    id: CommandId,
    #[serde(default)]
    version: Option<model::id::CommandVersionId>,
    #[serde(default)]
    options: Vec<Given>,
    #[serde(default)]
    target_id: Option<Id<model::wire::id::marker::GenericMarker>>,
}

impl Call<'_> {
    /// An interaction of this call, about which nothing more is known.
    pub(super) fn interaction(&self, kind: Kind) -> Interaction {
        let id: InteractionId = self.parts.ids.next();
        let guild = self.place.guild();
        Interaction {
            id,
            token: secret(),
            application: self.body.application_id,
            kind,
            command: None,
            user: self.me.id(),
            guild,
            channel: self.place.channel,
            nonce: self.body.nonce.clone(),
            metadata: InteractionMetadata {
                id,
                kind: kind as u8,
                user: self.me.id(),
                name: None,
                guild,
                original: None,
                target_user: None,
                target_message: None,
                interacted: None,
                trigger: None,
            },
            source: None,
            files: Vec::new(),
            made_ms: self.parts.now_ms(),
        }
    }

    /// The bot's application.
    pub(super) const fn application(&self) -> ApplicationId {
        self.body.application_id
    }

    /// The data in its shape; faults are told below `data`.
    pub(super) fn data<T: serde::de::DeserializeOwned>(&self) -> Result<T, ApiError> {
        crate::rest::extract::parse(self.body.data.to_string().as_bytes()).map_err(|error| {
            match error {
                ApiError::Form(errors) => ApiError::Form(errors.below("data")),
                error => error,
            }
        })
    }

    /// Brings it to the bot.
    pub(super) async fn deliver(
        &self,
        interaction: Interaction,
        data: Value,
        messages: Vec<(String, Arc<MessageRecord>)>,
    ) -> Result<(), ApiError> {
        let told = Told { data, messages };
        let Call { parts, me, place, origin, .. } = *self;
        deliver::deliver(parts, me, place, origin, interaction, told).await
    }

    /// Uses a command, or asks what it suggests while one types.
    async fn command(&self, files: Vec<File>, typing: bool) -> Result<(), ApiError> {
        let data: CommandData = self.data()?;
        let command = self.allowed(&data).await?;
        let mut names = Names::default();
        let mut errors = FormErrors::default();
        let mut given = Vec::new();
        if command.kind == kind::CHAT_INPUT {
            given = options::check(&command, &data.options, typing, &mut names, &mut errors);
        } else if typing {
            errors.push("type", "BASE_TYPE_CHOICES", "This command suggests nothing.");
        } else if command.kind == kind::USER {
            names.users.extend(data.target_id.map(|id| id.get()));
        }
        errors.finish()?;
        let mut resolved = resolve::resolve(self.parts, self.me, self.place, &names).await?;
        let mut value = json!({ "id": command.id, "name": command.name, "type": command.kind });
        if let Some(guild) = command.guild {
            value["guild_id"] = json!(guild);
        }
        let mut interaction =
            self.interaction(if typing { Kind::Autocomplete } else { Kind::Command });
        interaction.command = Some(command.kind);
        interaction.metadata.name = Some(command.name.clone());
        let mut messages = Vec::new();
        if command.kind != kind::CHAT_INPUT {
            let target = data.target_id.ok_or_else(|| {
                let message = "This field is required";
                ApiError::Form(FormErrors::one("data.target_id", "BASE_TYPE_REQUIRED", message))
            })?;
            value["target_id"] = json!(target);
            if command.kind == kind::USER {
                interaction.metadata.target_user = Some(target.cast());
            } else {
                let target: MessageId = target.cast();
                self.place.require(Permissions::READ_MESSAGE_HISTORY)?;
                let found = messages::existing(self.parts, self.place.channel, target).await?;
                interaction.metadata.target_message = Some(target);
                resolved.insert("messages".to_owned(), json!({}));
                messages.push((format!("/data/resolved/messages/{target}"), found.into()));
            }
        }
        if !names.attachments.is_empty() && !typing {
            self.place.require(Permissions::ATTACH_FILES)?;
            let wanted = self.take(files, &names)?;
            let stored = upload::store(self.parts, self.place.channel, wanted).await?;
            for ((number, _), file) in names.attachments.iter().zip(&stored) {
                name_file(&mut given, &number.to_string(), &file.id.to_string());
            }
            resolved.insert("attachments".to_owned(), json!({}));
            interaction.files = stored;
        }
        if !given.is_empty() {
            value["options"] = Value::Array(given);
        }
        if !resolved.is_empty() {
            value["resolved"] = Value::Object(resolved);
        }
        self.deliver(interaction, value, messages).await
    }

    /// The command, if this person may use it here and now.
    async fn allowed(&self, data: &CommandData) -> Result<CommandRecord, ApiError> {
        let Call { parts, me, place, body, .. } = *self;
        let application = body.application_id;
        let found = parts.commands.command(application, data.id).await?;
        let command = found.ok_or(ErrorCode::UnknownCommand)?;
        if data.version.is_some_and(|version| version != command.version) {
            return Err(ApiError::Form(FormErrors::one(
                "data.version",
                "INTERACTION_APPLICATION_COMMAND_INVALID_VERSION",
                "This command is outdated, please try again in a few minutes",
            )));
        }
        let context = if place.view.is_some() { 0 } else { 1 };
        let elsewhere = command.guild.is_some() && command.guild != place.guild();
        if elsewhere || command.contexts.as_ref().is_some_and(|list| !list.contains(&context)) {
            return Err(ErrorCode::UnknownCommand.into());
        }
        let Some(view) = &place.view else { return Ok(command) };
        place.require(Permissions::USE_SLASH_COMMANDS)?;
        let said = Said(parts.commands.permissions(application, view.id).await?);
        if !said.allows(view, me.id(), &command, Some(place.root()), parts.now_ms()) {
            return Err(ErrorCode::MissingPermissions.into());
        }
        let channel = view.channels.get(&place.root());
        let adults = channel.and_then(|channel| channel.nsfw).unwrap_or(false);
        if command.nsfw && !adults {
            return Err(ErrorCode::AgeRestricted.into());
        }
        Ok(command)
    }

    /// The files that options name, in their order.
    fn take(&self, mut files: Vec<File>, names: &Names) -> Result<Vec<NewFile>, ApiError> {
        let mut taken = Vec::with_capacity(names.attachments.len());
        for (number, path) in &names.attachments {
            let place = files.iter().position(|file| file.number == *number);
            let Some(place) = place else {
                let message = "There is no file of that number.";
                let errors = FormErrors::one(path, "MESSAGE_ATTACHMENT_NOT_FOUND", message);
                return Err(ApiError::Form(errors));
            };
            taken.push(files.swap_remove(place).into());
        }
        Ok(taken)
    }
}

/// Writes the id of a stored file where its number in the request stands.
fn name_file(options: &mut [Value], number: &str, id: &str) {
    for one in options {
        if one["type"] == option::ATTACHMENT && one["value"] == number {
            one["value"] = json!(id);
        } else if let Some(inner) = one.get_mut("options").and_then(Value::as_array_mut) {
            name_file(inner, number, id);
        }
    }
}

/// A token that nobody guesses, safe in a path.
fn secret() -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    URL_SAFE_NO_PAD.encode(crate::auth::random::<48>())
}

/// Longest nonce as JSON, in bytes: a few for each character.
const NONCE: usize = limits::NONCE_LENGTH * 4;

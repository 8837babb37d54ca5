//! A bot's first answer to an interaction (Discord: Create Interaction Response).

use axum::extract::Request;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::response::Response;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::InteractionId;
use model::limits;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::record::MessageRecord;

use super::deliver::tell;
use super::speak;
use super::speak::Standing;
use crate::cdn::Origin;
use crate::interactions::board::Answer;
use crate::interactions::board::Interaction;
use crate::interactions::board::Kind;
use crate::interactions::board::Modal;
use crate::interactions::board::Refused;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::carry::carry_out;
use crate::rest::error::FormErrors;
use crate::rest::extract;
use crate::rest::extract::Flag;
use crate::rest::extract::Json;
use crate::rest::extract::Path;
use crate::rest::extract::Query;
use crate::rest::messages::components;
use crate::rest::messages::draft;
use crate::rest::messages::draft::Body as MessageBody;
use crate::rest::messages::draft::MessageDraft;
use crate::rest::messages::multipart;
use crate::rest::messages::multipart::File;

/// Types of answers (Discord: Interaction Callback Type).
mod kind {
    pub(super) const MESSAGE: u8 = 4;
    pub(super) const DEFERRED_MESSAGE: u8 = 5;
    pub(super) const DEFERRED_UPDATE: u8 = 6;
    pub(super) const UPDATE: u8 = 7;
    pub(super) const SUGGESTIONS: u8 = 8;
    pub(super) const MODAL: u8 = 9;
}

#[derive(Deserialize)]
pub(super) struct Callback {
    #[serde(rename = "type")]
    kind: u8,
    data: Option<Value>,
}

impl multipart::Payload for Callback {}

#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    with_response: Flag,
}

/// `POST /interactions/{interaction.id}/{interaction.token}/callback`: whoever has the token may.
pub(super) async fn callback(
    State(parts): State<Parts>,
    Path((id, secret)): Path<(InteractionId, String)>,
    Query(wanted): Query<Wanted>,
    origin: Origin,
    request: Request,
) -> Result<Response, ApiError> {
    let taken = take(&parts, id, &secret, request).await?;
    if !wanted.with_response.0 {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let Taken { interaction, kind, message } = taken;
    let mut told = json!({
        "id": interaction.id,
        "type": interaction.kind as u8,
        "channel_id": interaction.channel,
    });
    if let Some(guild) = interaction.guild {
        told["guild_id"] = json!(guild);
    }
    let mut value = json!({});
    if let Some(message) = message {
        told["response_message_id"] = json!(message.id);
        told["response_message_loading"] = json!(message.flags & draft::LOADING != 0);
        told["response_message_ephemeral"] = json!(message.flags & draft::EPHEMERAL != 0);
        let message = speak::shown(&parts, &origin, &interaction, &message).await?;
        value["resource"] = json!({ "type": kind, "message": message });
    }
    value["interaction"] = told;
    Ok(Json(value).into_response())
}

/// An answer that was carried out.
pub(super) struct Taken {
    interaction: std::sync::Arc<Interaction>,
    kind: u8,
    message: Option<std::sync::Arc<MessageRecord>>,
}

/// An answer under way: given up unless it is settled.
struct Claim {
    parts: Parts,
    interaction: std::sync::Arc<Interaction>,
}

impl Claim {
    fn settle(&self, answer: Answer) {
        self.parts.interactions.board().settle(self.interaction.id, answer);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.parts.interactions.board().release(self.interaction.id);
    }
}

/// Takes the answer in `request`, whoever brings it.
///
/// # Errors
///
/// 10062 for a wrong or late one, 40060 for a second one, 50035.
pub(super) async fn take(
    parts: &Parts,
    id: InteractionId,
    secret: &str,
    request: Request,
) -> Result<Taken, ApiError> {
    let claimed = parts.interactions.board().claim(id, secret, parts.now_ms());
    let interaction = claimed.map_err(|refused| match refused {
        Refused::Unknown => ErrorCode::UnknownInteraction,
        Refused::Answered => ErrorCode::InteractionAnswered,
    })?;
    let claim = Claim { parts: parts.clone(), interaction };
    let form = multipart::read_as::<Callback>(parts, request).await?;
    carry_out(async move {
        let _slot = form.slot;
        answered(claim, form.body, form.files).await
    })
    .await
}

async fn answered(claim: Claim, body: Callback, files: Vec<File>) -> Result<Taken, ApiError> {
    let (parts, interaction) = (&claim.parts, &claim.interaction);
    let fits = match (body.kind, interaction.kind) {
        (kind::SUGGESTIONS, Kind::Autocomplete) => true,
        (_, Kind::Autocomplete) => false,
        (kind::MESSAGE | kind::DEFERRED_MESSAGE, _) => true,
        (kind::DEFERRED_UPDATE | kind::UPDATE, _) => interaction.source.is_some(),
        (kind::MODAL, kind) => kind != Kind::Modal,
        _ => false,
    };
    if !fits {
        let message = "An interaction of this type is not answered so.";
        return Err(ApiError::Form(FormErrors::one(
            "type",
            "INTERACTION_CALLBACK_TYPE_INVALID",
            message,
        )));
    }
    let data = body.data.unwrap_or_else(|| json!({}));
    let mut message = None;
    match body.kind {
        kind::MESSAGE => {
            let draft = read::<MessageBody>(&data)?;
            let draft = draft.draft(files, interaction.channel).and_then(MessageDraft::unforwarded);
            let draft = draft.map_err(below)?;
            message = Some(speak::say(parts, interaction, draft, Standing::default()).await?);
        }
        kind::DEFERRED_MESSAGE => {
            let flags = data.get("flags").and_then(Value::as_u64).unwrap_or(0);
            let ephemeral = flags & draft::EPHEMERAL != 0;
            let draft = MessageDraft { ephemeral, ..MessageDraft::default() };
            let standing = Standing { loading: true, follows: None };
            message = Some(speak::say(parts, interaction, draft, standing).await?);
        }
        kind::DEFERRED_UPDATE => message.clone_from(&interaction.source),
        kind::UPDATE => {
            let patch = read::<MessageBody>(&data)?.patch(files).map_err(below)?;
            let source = interaction.source.as_ref().ok_or(ErrorCode::UnknownMessage)?;
            message = Some(speak::change(parts, interaction, source.id, patch).await?);
        }
        kind::SUGGESTIONS => {
            let choices = suggestions(&data)?;
            let body = json!({ "choices": choices, "nonce": interaction.nonce });
            tell(
                parts,
                interaction.user,
                DispatchName::ApplicationCommandAutocompleteResponse,
                body,
            );
        }
        _ => show(parts, interaction, &data).await?,
    }
    let original = message.as_ref().map(|message| message.id);
    claim.settle(Answer { original, loading: body.kind == kind::DEFERRED_MESSAGE });
    if interaction.kind != Kind::Autocomplete {
        let body = json!({ "id": interaction.id, "nonce": interaction.nonce });
        tell(parts, interaction.user, DispatchName::InteractionSuccess, body);
    }
    metrics::counter!("signaling_interactions_answered_total").increment(1);
    Ok(Taken { interaction: std::sync::Arc::clone(interaction), kind: body.kind, message })
}

/// The data of an answer in its shape.
fn read<T: serde::de::DeserializeOwned>(data: &Value) -> Result<T, ApiError> {
    extract::parse(data.to_string().as_bytes()).map_err(below)
}

/// Faults of the data are told below it.
fn below(error: ApiError) -> ApiError {
    match error {
        ApiError::Form(errors) => ApiError::Form(errors.below("data")),
        error => error,
    }
}

/// The values that a bot suggests.
fn suggestions(data: &Value) -> Result<Vec<Value>, ApiError> {
    let Some(choices) = data.get("choices").and_then(Value::as_array) else {
        let message = "This field is required";
        let errors = FormErrors::one("data.choices", "BASE_TYPE_REQUIRED", message);
        return Err(ApiError::Form(errors));
    };
    let mut errors = FormErrors::default();
    if choices.len() > limits::SUGGESTIONS {
        let message = format!("Must be {} or fewer in length.", limits::SUGGESTIONS);
        errors.push("data.choices", "BASE_TYPE_MAX_LENGTH", message);
    }
    for (number, choice) in choices.iter().enumerate().take(limits::SUGGESTIONS) {
        let name = choice.get("name").and_then(Value::as_str).unwrap_or_default();
        if !limits::CHOICE_NAME.contains(&name.chars().count()) {
            let message = "Must be between 1 and 100 in length.";
            let path = format!("data.choices.{number}.name");
            errors.push(&path, "BASE_TYPE_BAD_LENGTH", message);
        }
        let fits = match choice.get("value") {
            Some(Value::String(text)) => text.chars().count() <= limits::OPTION_TEXT,
            Some(Value::Number(_)) => true,
            _ => false,
        };
        if !fits {
            let message = "Must be a string or a number.";
            let path = format!("data.choices.{number}.value");
            errors.push(&path, "BASE_TYPE_BAD_VALUE", message);
        }
    }
    errors.finish()?;
    Ok(choices.clone())
}

#[derive(Deserialize)]
struct ModalBody {
    custom_id: String,
    title: String,
    components: Vec<Value>,
}

/// Shows a form to the person.
async fn show(parts: &Parts, interaction: &Interaction, data: &Value) -> Result<(), ApiError> {
    let mut body: ModalBody = read(data)?;
    let mut errors = FormErrors::default();
    for (field, text, range) in [
        ("custom_id", &body.custom_id, limits::CUSTOM_ID),
        ("title", &body.title, limits::MODAL_TITLE),
    ] {
        if !range.contains(&text.chars().count()) {
            let (least, most) = (range.start(), range.end());
            let message = format!("Must be between {least} and {most} in length.");
            errors.push(&format!("data.{field}"), "BASE_TYPE_BAD_LENGTH", message);
        }
    }
    components::check_modal(&body.components, "data.components", &mut errors);
    errors.finish()?;
    components::number(&mut body.components);
    let record = parts.accounts.application(interaction.application).await?;
    let told = json!({
        "id": interaction.id,
        "channel_id": interaction.channel,
        "guild_id": interaction.guild,
        "application": {
            "id": interaction.application,
            "name": record.map(|record| record.name),
        },
        "custom_id": body.custom_id,
        "title": body.title,
        "components": body.components,
        "nonce": interaction.nonce,
    });
    let modal = Modal {
        application: interaction.application,
        user: interaction.user,
        guild: interaction.guild,
        channel: interaction.channel,
        custom_id: body.custom_id,
        components: body.components,
        source: interaction.source.clone(),
        trigger: interaction.metadata.clone(),
    };
    parts.interactions.board().show(interaction.id, modal);
    tell(parts, interaction.user, DispatchName::InteractionModalCreate, told);
    Ok(())
}

//! What people note about others, for themselves (userdoccers: User, Notes).

use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::UserId;
use model::limits;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::repo::RepoError;

use super::ApiError;
use super::carry::carry_out;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::read_states::require_person;
use super::read_states::tell;
use super::route::Routes;
use super::route::get;
use super::schema;
use crate::parts::Parts;

pub(super) fn routes() -> Routes {
    Routes::new().route("/users/@me/notes", get(all).gives(&schema::people::NOTES)).route(
        "/users/@me/notes/{user}",
        get(show).gives(&schema::people::NOTE).put(write).tells(&[DispatchName::UserNoteUpdate]),
    )
}

/// `GET /users/@me/notes`: by whom they are about.
async fn all(Auth(me): Auth, State(parts): State<Parts>) -> Result<Json<Value>, ApiError> {
    require_person(&me)?;
    let notes = parts.settings.notes(me.id()).await?;
    Ok(Json(notes.into_iter().map(|(about, note)| (about.to_string(), json!(note))).collect()))
}

/// `GET /users/@me/notes/{user.id}`
async fn show(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(about): Path<UserId>,
) -> Result<Json<Value>, ApiError> {
    require_person(&me)?;
    let note = parts.settings.note(me.id(), about).await?.ok_or(ErrorCode::UnknownUser)?;
    Ok(Json(json!({ "user_id": me.id(), "note_user_id": about, "note": note })))
}

#[derive(Deserialize)]
struct Note {
    #[serde(default)]
    note: Option<String>,
}

/// `PUT /users/@me/notes/{user.id}`; an empty one is none.
async fn write(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(about): Path<UserId>,
    Json(body): Json<Note>,
) -> Result<StatusCode, ApiError> {
    require_person(&me)?;
    let note = body.note.filter(|note| !note.is_empty());
    if note.as_ref().is_some_and(|note| note.chars().count() > limits::NOTE) {
        let message = format!("Must be {} or fewer in length.", limits::NOTE);
        return Err(ApiError::Form(FormErrors::one("note", "BASE_TYPE_MAX_LENGTH", message)));
    }
    if parts.store.users().user(about).await?.is_none() {
        return Err(ErrorCode::UnknownUser.into());
    }
    let told = json!({ "id": about, "note": note.as_deref().unwrap_or_default() });
    carry_out(async move {
        match parts.settings.put_note(me.id(), about, note).await {
            Ok(()) => {}
            Err(RepoError::Exists) => {
                let message = format!("Maximum number of notes reached ({}).", limits::NOTES);
                let errors = FormErrors::one("note", "BASE_TYPE_MAX_LENGTH", message);
                return Err(ApiError::Form(errors));
            }
            Err(error) => return Err(error.into()),
        }
        tell(&parts, me.id(), DispatchName::UserNoteUpdate, told);
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

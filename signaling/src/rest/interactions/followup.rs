//! What a bot says after its first answer, for a quarter of an hour (Discord: Followup Messages). The
//! routes are those of webhooks, with the application's number and the interaction's token.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::id::ApplicationId;
use model::id::MessageId;
use serde_json::Value;

use super::speak;
use super::speak::Standing;
use crate::cdn::Origin;
use crate::interactions::board::Answer;
use crate::interactions::board::Interaction;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::carry::carry_out;
use crate::rest::extract::Json;
use crate::rest::messages::multipart;

/// An interaction that was answered.
pub(in crate::rest) struct Followed {
    interaction: Arc<Interaction>,
    answer: Answer,
}

impl Followed {
    /// The interaction of that application and token, if it was answered and there is time.
    pub(in crate::rest) fn find(
        parts: &Parts,
        application: ApplicationId,
        secret: &str,
    ) -> Option<Self> {
        let found = parts.interactions.board().answered(application, secret, parts.now_ms());
        found.map(|(interaction, answer)| Self { interaction, answer })
    }

    /// The message of that id, or with none the first answer.
    fn id(&self, message: Option<MessageId>) -> Result<MessageId, ErrorCode> {
        message.or(self.answer.original).ok_or(ErrorCode::UnknownMessage)
    }

    /// `POST /webhooks/{application.id}/{interaction.token}`: one more message; the first after a
    /// deferred answer is that answer.
    ///
    /// # Errors
    ///
    /// 50006, 50035; storage errors.
    pub(in crate::rest) async fn create(
        self,
        parts: &Parts,
        origin: &Origin,
        request: Request,
    ) -> Result<Json<Value>, ApiError> {
        let form = multipart::read(parts, request).await?;
        let (working, interaction) = (parts.clone(), Arc::clone(&self.interaction));
        let message = match (self.answer.loading, self.answer.original) {
            (true, Some(original)) => {
                let patch = form.body.patch(form.files)?;
                let slot = form.slot;
                carry_out(async move {
                    let _slot = slot;
                    changed(&working, &interaction, original, patch).await
                })
                .await?
            }
            (_, original) => {
                let draft = form.body.draft(form.files, self.interaction.channel)?;
                let draft = draft.unforwarded()?;
                let standing = Standing { loading: false, follows: original };
                let slot = form.slot;
                carry_out(async move {
                    let _slot = slot;
                    speak::say(&working, &interaction, draft, standing).await
                })
                .await?
            }
        };
        Ok(Json(speak::shown(parts, origin, &self.interaction, &message).await?))
    }

    /// `GET /webhooks/{application.id}/{interaction.token}/messages/{message.id}`
    ///
    /// # Errors
    ///
    /// 10008; storage errors.
    pub(in crate::rest) async fn show(
        self,
        parts: &Parts,
        origin: &Origin,
        message: Option<MessageId>,
    ) -> Result<Json<Value>, ApiError> {
        let found = speak::find(parts, &self.interaction, self.id(message)?).await?;
        Ok(Json(speak::shown(parts, origin, &self.interaction, &found).await?))
    }

    /// `PATCH /webhooks/{application.id}/{interaction.token}/messages/{message.id}`
    ///
    /// # Errors
    ///
    /// 10008, 50006, 50035; storage errors.
    pub(in crate::rest) async fn edit(
        self,
        parts: &Parts,
        origin: &Origin,
        message: Option<MessageId>,
        request: Request,
    ) -> Result<Json<Value>, ApiError> {
        let id = self.id(message)?;
        let form = multipart::read(parts, request).await?;
        let patch = form.body.patch(form.files)?;
        let (working, interaction, slot) =
            (parts.clone(), Arc::clone(&self.interaction), form.slot);
        let message = carry_out(async move {
            let _slot = slot;
            changed(&working, &interaction, id, patch).await
        })
        .await?;
        Ok(Json(speak::shown(parts, origin, &self.interaction, &message).await?))
    }

    /// `DELETE /webhooks/{application.id}/{interaction.token}/messages/{message.id}`
    ///
    /// # Errors
    ///
    /// 10008; storage errors.
    pub(in crate::rest) async fn delete(
        self,
        parts: &Parts,
        message: Option<MessageId>,
    ) -> Result<StatusCode, ApiError> {
        let id = self.id(message)?;
        let (working, interaction) = (parts.clone(), self.interaction);
        carry_out(async move {
            speak::unsay(&working, &interaction, id).await?;
            // What was to come will not: the next message is one of its own.
            working.interactions.board().said(interaction.id, id);
            Ok(())
        })
        .await?;
        Ok(StatusCode::NO_CONTENT)
    }
}

/// Changes a message; the first answer is then no longer to come.
async fn changed(
    parts: &Parts,
    interaction: &Interaction,
    id: MessageId,
    patch: crate::rest::messages::draft::MessagePatch,
) -> Result<Arc<state::record::MessageRecord>, ApiError> {
    let message = speak::change(parts, interaction, id, patch).await?;
    parts.interactions.board().said(interaction.id, id);
    Ok(message)
}

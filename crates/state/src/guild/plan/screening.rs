//! Membership screening: what a form may be, who fills it in rightly, and what comes of it.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::JoinRequestId;
use model::id::UserId;
use model::limits;
use model::wire::guild::Permissions;
use model::wire::util::Timestamp;

use super::Asked;
use super::Change;
use super::Denied;
use super::field;
use crate::guild::command::FilledField;
use crate::guild::command::FilledForm;
use crate::guild::command::ScreeningPatch;
use crate::record::MemberRecord;
use crate::screening::Answer;
use crate::screening::FieldKind;
use crate::screening::FormField;
use crate::screening::FormResponse;
use crate::screening::JoinRequest;
use crate::screening::JoinRequestStatus;
use crate::screening::Screening;

impl Asked<'_> {
    /// Sets the form. Where newcomers are screened no more, nobody stays pending.
    pub(super) fn set_screening(self, patch: &ScreeningPatch) -> Result<Vec<Change>, Denied> {
        self.require(Permissions::MANAGE_GUILD)?;
        let old = &self.guild.settings.screening;
        let mut new = old.clone();
        new.enabled = patch.enabled.unwrap_or(old.enabled);
        if let Some(description) = &patch.description {
            new.description = description.clone().filter(|text| !text.is_empty());
        }
        if let Some(fields) = &patch.fields {
            new.fields.clone_from(fields);
        }
        check_form(&new)?;
        if new == *old {
            return Ok(Vec::new());
        }
        if new.fields != old.fields || new.description != old.description {
            new.version = Some(self.timestamp());
        }
        let mut changes = Vec::new();
        if old.enabled && !new.enabled {
            for user in self.pending() {
                let request = self.guild.requests.get(&user);
                let waits = request.filter(|one| one.status == JoinRequestStatus::Submitted);
                changes.extend(match waits.filter(|_| patch.rejects) {
                    Some(request) => self.reject(request, None),
                    None => self.approve(user),
                });
            }
        }
        let mut settings = (*self.guild.settings).clone();
        settings.screening = new;
        changes.insert(0, Change::Settings(Arc::new(settings)));
        Ok(changes)
    }

    /// Whoever has passed is done: asking again changes nothing, nor does it while a moderator decides.
    pub(super) fn submit_join_request(
        self,
        fresh: JoinRequestId,
        form: &FilledForm,
    ) -> Result<Vec<Change>, Denied> {
        let old = self.guild.requests.get(&self.actor);
        let waits = old.is_some_and(|old| old.status == JoinRequestStatus::Submitted);
        if !self.guild.is_pending(self.actor) || waits {
            return Ok(Vec::new());
        }
        let screening = &self.guild.settings.screening;
        let responses = answered(screening, form)?;
        let id = old.map_or(fresh, |old| old.id);
        let request =
            JoinRequest { responses: Some(responses), ..JoinRequest::begun(id, self.actor) };
        if !screening.is_reviewed() {
            let status = JoinRequestStatus::Approved;
            let reviewed_ms = Some(self.now_ms);
            let request = Arc::new(JoinRequest { status, reviewed_ms, ..request });
            let full = self.full_member(self.actor);
            return Ok(full.into_iter().chain([Change::PutJoinRequest(request)]).collect());
        }
        let requests = self.guild.requests.values();
        let waiting = requests.filter(|one| one.status == JoinRequestStatus::Submitted).count();
        if waiting >= limits::JOIN_REQUESTS {
            return Err(ErrorCode::Overloaded.into());
        }
        let status = JoinRequestStatus::Submitted;
        Ok(vec![Change::PutJoinRequest(Arc::new(JoinRequest { status, ..request }))])
    }

    pub(super) fn reset_join_request(self, fresh: JoinRequestId) -> Result<Vec<Change>, Denied> {
        if !self.guild.is_pending(self.actor) {
            return Err(ErrorCode::UnknownVerificationForm.into());
        }
        let begun = Arc::new(JoinRequest::begun(fresh, self.actor));
        Ok(vec![Change::DeleteJoinRequest(self.actor), Change::PutJoinRequest(begun)])
    }

    /// A request that does not wait is answered as one that is not there: somebody else was faster.
    pub(super) fn decide_join_request(
        self,
        id: Option<JoinRequestId>,
        approve: bool,
        reason: Option<&str>,
    ) -> Result<Vec<Change>, Denied> {
        self.require(Permissions::KICK_MEMBERS)?;
        if let Some(reason) = reason {
            field::at_most("rejection_reason", reason, limits::REJECTION_REASON)?;
        }
        let waiting = self.guild.requests.values().filter(|request| {
            request.status == JoinRequestStatus::Submitted && id.is_none_or(|id| id == request.id)
        });
        let waiting: Vec<_> = waiting.collect();
        if id.is_some() && waiting.is_empty() {
            return Err(ErrorCode::General.into());
        }
        let decide = |request: &Arc<JoinRequest>| match approve {
            true => self.approve(request.user),
            false => self.reject(request, reason),
        };
        Ok(waiting.into_iter().flat_map(decide).collect())
    }

    /// The request of a pending member who passes without the form, or before anyone decided on it.
    pub(super) fn approved(self, user: UserId) -> Option<Change> {
        let request = self.guild.requests.get(&user)?;
        Some(self.decided(request, JoinRequestStatus::Approved, None))
    }

    fn approve(self, user: UserId) -> Vec<Change> {
        self.full_member(user).into_iter().chain(self.approved(user)).collect()
    }

    /// First the request is decided, so that it does not end with the membership.
    fn reject(self, request: &JoinRequest, reason: Option<&str>) -> Vec<Change> {
        let decided = self.decided(request, JoinRequestStatus::Rejected, reason);
        [decided].into_iter().chain(self.gone(request.user)).collect()
    }

    fn decided(
        self,
        request: &JoinRequest,
        status: JoinRequestStatus,
        reason: Option<&str>,
    ) -> Change {
        Change::PutJoinRequest(Arc::new(JoinRequest {
            status,
            reviewed_ms: Some(self.now_ms),
            reviewer: Some(self.actor),
            rejection_reason: reason.map(str::to_owned),
            ..request.clone()
        }))
    }

    fn full_member(self, user: UserId) -> Option<Change> {
        let member = self.guild.members.get(&user)?;
        let member = MemberRecord { pending: false, ..(*member).clone() };
        Some(Change::PutMember(Arc::new(member)))
    }

    fn pending(self) -> Vec<UserId> {
        let pending = self.guild.members.peeks().filter(|member| member.is_pending());
        pending.map(|member| member.user()).collect()
    }

    fn timestamp(self) -> Timestamp {
        let micros = i64::try_from(self.now_ms).unwrap_or(0).saturating_mul(1_000);
        Timestamp::from_micros(micros)
            .or_else(|_| Timestamp::from_secs(0))
            .expect("second zero is a timestamp")
    }
}

/// Demands a form that can be filled in (userdoccers: Member Verification Form Field Structure).
fn check_form(form: &Screening) -> Result<(), Denied> {
    let description = form.description.as_deref().unwrap_or_default();
    field::at_most("description", description, limits::SCREENING_DESCRIPTION)?;
    field::many("form_fields", form.fields.len(), 0, limits::SCREENING_FIELDS)?;
    if form.enabled && form.fields.is_empty() {
        let message = "A form without fields cannot be filled in.";
        return Err(field::bad("form_fields", "BASE_TYPE_REQUIRED", message));
    }
    let terms = |one: &&FormField| matches!(one.kind, FieldKind::Terms { .. });
    if form.fields.iter().filter(terms).count() > 1 {
        let message = "Rules are stated in one field.";
        return Err(field::bad("form_fields", "BASE_TYPE_MAX_LENGTH", message));
    }
    for (at, one) in form.fields.iter().enumerate() {
        let path = |name: &str| format!("form_fields.{at}.{name}");
        field::length(&path("label"), one.label.trim(), limits::SCREENING_LABEL)?;
        let most = *limits::SCREENING_LABEL.end();
        let below = one.description.as_deref().unwrap_or_default();
        field::at_most(&path("description"), below, most)?;
        let list = |name: &str, texts: &[String], many, each| {
            field::within(&path(name), texts.len(), many)?;
            texts.iter().enumerate().try_for_each(|(nth, text)| {
                let path = format!("form_fields.{at}.{name}.{nth}");
                field::length(&path, text.trim(), std::ops::RangeInclusive::clone(each))
            })
        };
        match &one.kind {
            FieldKind::Terms { values } => {
                list("values", values, limits::SCREENING_TERMS, &limits::SCREENING_TERM)?;
            }
            FieldKind::MultipleChoice { choices } => {
                list("choices", choices, limits::SCREENING_CHOICES, &limits::SCREENING_CHOICE)?;
            }
            FieldKind::TextInput { placeholder } | FieldKind::Paragraph { placeholder } => {
                let shown = placeholder.as_deref().unwrap_or_default();
                field::at_most(&path("placeholder"), shown, most)?;
            }
        }
    }
    Ok(())
}

/// The form as it was answered (userdoccers: Create Guild Join Request).
fn answered(form: &Screening, filled: &FilledForm) -> Result<Vec<FormResponse>, Denied> {
    let stale = filled.version.is_some_and(|version| Some(version) != form.version);
    if stale {
        let message = "The form has changed since then.";
        return Err(field::bad("version", "BASE_TYPE_BAD_VALUE", message));
    }
    if form.fields.len() != filled.fields.len() {
        let message = format!("Must be {} in length.", form.fields.len());
        return Err(field::bad("form_fields", "BASE_TYPE_BAD_LENGTH", message));
    }
    let pairs = form.fields.iter().zip(&filled.fields).enumerate();
    pairs.map(|(at, (field, filled))| response(at, field, filled)).collect()
}

fn response(at: usize, field: &FormField, filled: &FilledField) -> Result<FormResponse, Denied> {
    let path = |name: &str| format!("form_fields.{at}.{name}");
    if field.kind.name() != filled.kind || field.label != filled.label {
        let message = "This is no field of the form.";
        return Err(field::bad(&path("label"), "BASE_TYPE_BAD_VALUE", message));
    }
    let answer = match (&field.kind, filled.answer.clone()) {
        // To say no to what need not be agreed to, or nothing to what need not be said, is no answer.
        (_, None | Some(Answer::Agreed(false))) => None,
        (_, Some(Answer::Text(text))) if text.trim().is_empty() => None,
        (FieldKind::Terms { .. }, answer @ Some(Answer::Agreed(true))) => answer,
        (FieldKind::TextInput { .. }, Some(Answer::Text(text))) => {
            field::at_most(&path("response"), &text, limits::SCREENING_TEXT)?;
            Some(Answer::Text(text))
        }
        (FieldKind::Paragraph { .. }, Some(Answer::Text(text))) => {
            field::at_most(&path("response"), &text, limits::SCREENING_PARAGRAPH)?;
            Some(Answer::Text(text))
        }
        (FieldKind::MultipleChoice { choices }, Some(Answer::Chosen(nth)))
            if usize::try_from(nth).is_ok_and(|nth| nth < choices.len()) =>
        {
            Some(Answer::Chosen(nth))
        }
        _ => {
            let message = "The answer does not fit the field.";
            return Err(field::bad(&path("response"), "BASE_TYPE_BAD_VALUE", message));
        }
    };
    if field.required && answer.is_none() {
        let message = "This field is required";
        return Err(field::bad(&path("response"), "BASE_TYPE_REQUIRED", message));
    }
    Ok(FormResponse { field: field.clone(), response: answer })
}

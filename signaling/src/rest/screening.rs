//! Membership screening: the form that newcomers fill in before they take part, and what moderators make
//! of it (userdoccers: Member Verification, Guild Join Request; OpenAPI: get_guild_join_requests,
//! action_guild_join_request).

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use model::calendar::Moment;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::GuildId;
use model::id::JoinRequestId;
use model::id::UserId;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::GuildCommand;
use state::GuildStore;
use state::UserEvent;
use state::audit::AuditAction;
use state::audit::actions;
use state::event::Personal;
use state::guild::command::FilledField;
use state::guild::command::FilledForm;
use state::guild::command::ScreeningPatch;
use state::record::UserRecord;
use state::screening::Answer;
use state::screening::FieldKind;
use state::screening::FormField;
use state::screening::JoinRequest;
use state::screening::JoinRequestQuery;
use state::screening::JoinRequestStatus;

use super::ApiError;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::Query;
use super::extract::Reason;
use super::extract::member_view;
use super::extract::some;
use super::route::Methods;
use super::route::Needs;
use super::route::Routes;
use super::route::effects;
use super::route::get;
use super::route::patch;
use super::schema;
use crate::parts::Parts;
use crate::parts::timestamp;
use crate::wire;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route(
            "/guilds/{guild}/member-verification",
            get(form)
                .gives(&schema::guilds::MEMBER_VERIFICATION)
                .put(set)
                .gives(&schema::guilds::MEMBER_VERIFICATION)
                .needs(Needs::All(Permissions::MANAGE_GUILD))
                .logs(&[actions::GUILD_MEMBER_VERIFICATION_UPDATE])
                .tells(&[DispatchName::GuildUpdate])
                .may_tell(&[DispatchName::GuildJoinRequestUpdate])
                .decides()
                .patch(set)
                .gives(&schema::guilds::MEMBER_VERIFICATION)
                .needs(Needs::All(Permissions::MANAGE_GUILD))
                .logs(&[actions::GUILD_MEMBER_VERIFICATION_UPDATE])
                .tells(&[DispatchName::GuildUpdate])
                .may_tell(&[DispatchName::GuildJoinRequestUpdate])
                .decides(),
        )
        .route(
            "/guilds/{guild}/requests/@me",
            get(own)
                .gives(&schema::guilds::JOIN_REQUEST)
                .put(submit)
                .gives(&schema::guilds::JOIN_REQUEST)
                .tells(&[DispatchName::GuildJoinRequestUpdate])
                .may_tell(&[DispatchName::GuildMemberUpdate])
                .post(reset)
                .gives(&schema::guilds::JOIN_REQUEST)
                .tells(&[
                    DispatchName::GuildJoinRequestDelete,
                    DispatchName::GuildJoinRequestCreate,
                ])
                .delete(reset)
                .gives(&schema::guilds::JOIN_REQUEST)
                .tells(&[
                    DispatchName::GuildJoinRequestDelete,
                    DispatchName::GuildJoinRequestCreate,
                ]),
        )
        .route(
            "/guilds/{guild}/requests",
            get(list)
                .gives(&schema::guilds::JOIN_REQUESTS)
                .within("limit", 1, 100)
                .needs(Needs::All(Permissions::KICK_MEMBERS))
                .patch(decide_all)
                .needs(Needs::All(Permissions::KICK_MEMBERS))
                .tells(&[DispatchName::GuildJoinRequestUpdate])
                .decides(),
        )
        .route(
            "/guilds/{guild}/requests/{request}",
            patch(decide)
                .gives(&schema::guilds::JOIN_REQUEST)
                .needs(Needs::All(Permissions::KICK_MEMBERS))
                .tells(&[DispatchName::GuildJoinRequestUpdate])
                .decides(),
        )
}

impl Methods {
    /// Whoever is let in is a whole member; whoever is not is removed.
    fn decides(self) -> Self {
        self.may_log(&[AuditAction::MemberKick])
            .may_tell(&[DispatchName::GuildMemberUpdate])
            .may_tell(effects::REMOVAL)
            .may_tell(effects::LEAVING)
    }
}

/// The requests of someone of which nothing has come yet, as READY tells them.
pub(crate) fn open(store: &GuildStore, user: UserId) -> Vec<Value> {
    let views = store.guilds_of(user).into_iter().map(|guild| guild.view());
    let open = views.filter_map(|view| {
        let request = view.requests.get(&user)?;
        Some(wire::own_join_request(view.id, request))
    });
    open.collect()
}

/// Tells a newcomer that they have a form to fill in: they hear of the guild only from now on.
pub(crate) fn tell_begun(store: &GuildStore, view: &Guild, user: UserId) {
    let Some(request) = view.requests.get(&user) else { return };
    let personal = Personal {
        name: DispatchName::GuildJoinRequestCreate,
        guild: Some(view.id),
        body: json!({
            "guild_id": view.id,
            "status": request.status,
            "request": wire::own_join_request(view.id, request),
        }),
        messages: Vec::new(),
        files: Vec::new(),
    };
    store.notify(user, UserEvent::Personal(Arc::new(personal)));
}

/// `GET /guilds/{guild.id}/member-verification`
async fn form(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let form = &view.settings.screening;
    form.version.ok_or(ErrorCode::UnknownVerificationForm)?;
    Ok(Json(wire::member_verification(form)))
}

/// What becomes of a request.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Verdict {
    Approved,
    Rejected,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum GivenKind {
    Terms,
    TextInput,
    Paragraph,
    MultipleChoice,
}

#[derive(Deserialize)]
struct Wanted {
    enabled: Option<bool>,
    #[serde(default, deserialize_with = "some")]
    description: Option<Option<String>>,
    form_fields: Option<Vec<GivenField>>,
    bulk_action: Option<Verdict>,
}

/// A field as it is set. Of what belongs to another kind nothing is kept.
#[derive(Deserialize)]
struct GivenField {
    field_type: GivenKind,
    label: String,
    description: Option<String>,
    required: Option<bool>,
    values: Option<Vec<String>>,
    choices: Option<Vec<String>>,
    placeholder: Option<String>,
}

impl GivenField {
    fn read(self) -> FormField {
        let text = |text: Option<String>| text.filter(|text| !text.is_empty());
        let placeholder = text(self.placeholder);
        FormField {
            kind: match self.field_type {
                GivenKind::Terms => FieldKind::Terms { values: self.values.unwrap_or_default() },
                GivenKind::TextInput => FieldKind::TextInput { placeholder },
                GivenKind::Paragraph => FieldKind::Paragraph { placeholder },
                GivenKind::MultipleChoice => {
                    FieldKind::MultipleChoice { choices: self.choices.unwrap_or_default() }
                }
            },
            label: self.label,
            description: text(self.description),
            required: self.required.unwrap_or(true),
        }
    }
}

/// `PATCH /guilds/{guild.id}/member-verification`, and `PUT`; what is absent stays.
async fn set(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    reason: Reason,
    Json(body): Json<Wanted>,
) -> Result<Json<Value>, ApiError> {
    member_view(&parts, guild, me.id())?;
    let patch = ScreeningPatch {
        enabled: body.enabled,
        description: body.description,
        fields: body.form_fields.map(|all| all.into_iter().map(GivenField::read).collect()),
        rejects: body.bulk_action == Some(Verdict::Rejected),
    };
    let command = GuildCommand::SetScreening(patch);
    let view = parts.store.execute(guild, reason.by(me.id()), command).await?;
    Ok(Json(wire::member_verification(&view.settings.screening)))
}

/// The newest request of someone; 10068 when they never had to ask.
async fn newest(parts: &Parts, view: &Guild, user: UserId) -> Result<Value, ApiError> {
    if let Some(request) = view.requests.get(&user) {
        return Ok(wire::own_join_request(view.id, request));
    }
    let query = JoinRequestQuery::newest_of(user);
    let (found, _) = parts.store.join_requests(view.id, &query).await?;
    let request = found.first().ok_or(ErrorCode::UnknownVerificationForm)?;
    Ok(wire::own_join_request(view.id, request))
}

/// `GET /guilds/{guild.id}/requests/@me`
async fn own(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    Ok(Json(newest(&parts, &view, me.id()).await?))
}

#[derive(Deserialize)]
struct Filled {
    form_fields: Vec<FilledIn>,
    version: Option<Moment>,
}

/// A field with its answer; the rest of the field comes back as it was shown.
#[derive(Deserialize)]
struct FilledIn {
    field_type: GivenKind,
    label: String,
    response: Option<Value>,
}

impl FilledIn {
    fn read(self, at: usize) -> Result<FilledField, ApiError> {
        let answer = self.response.filter(|response| !response.is_null());
        let answer = answer.map(serde_json::from_value::<Answer>).transpose().map_err(|_| {
            let field = format!("form_fields.{at}.response");
            let message = "The answer does not fit the field.";
            ApiError::Form(FormErrors::one(&field, "BASE_TYPE_BAD_VALUE", message))
        })?;
        let kind = match self.field_type {
            GivenKind::Terms => "TERMS",
            GivenKind::TextInput => "TEXT_INPUT",
            GivenKind::Paragraph => "PARAGRAPH",
            GivenKind::MultipleChoice => "MULTIPLE_CHOICE",
        };
        Ok(FilledField { kind: kind.to_owned(), label: self.label, answer })
    }
}

/// `PUT /guilds/{guild.id}/requests/@me`: fills in the form. Whoever has passed, or waits, is answered
/// as they stand.
async fn submit(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    Json(body): Json<Filled>,
) -> Result<Json<Value>, ApiError> {
    member_view(&parts, guild, me.id())?;
    let fields = body.form_fields.into_iter().enumerate();
    let form = FilledForm {
        version: body.version.map(|Moment(ms)| timestamp(ms)),
        fields: fields.map(|(at, field)| field.read(at)).collect::<Result<_, _>>()?,
    };
    let command = GuildCommand::SubmitJoinRequest { fresh: parts.ids.next(), form };
    let view = parts.store.execute(guild, me.id(), command).await?;
    Ok(Json(newest(&parts, &view, me.id()).await?))
}

/// `POST /guilds/{guild.id}/requests/@me`, and `DELETE`: takes back what was filled in, and begins anew.
async fn reset(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    member_view(&parts, guild, me.id())?;
    let command = GuildCommand::ResetJoinRequest(parts.ids.next());
    let view = parts.store.execute(guild, me.id(), command).await?;
    Ok(Json(newest(&parts, &view, me.id()).await?))
}

#[derive(Deserialize)]
struct Page {
    status: Option<JoinRequestStatus>,
    limit: Option<u16>,
    before: Option<u64>,
    after: Option<u64>,
}

/// `GET /guilds/{guild.id}/requests` (KICK_MEMBERS): newest first, or with `after` alone oldest first.
async fn list(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    view.permissions(me.id(), parts.now_ms()).require(Permissions::KICK_MEMBERS)?;
    let limit = page.limit.unwrap_or(100);
    if !(1..=100).contains(&limit) {
        let message = "int value should be between 1 and 100.";
        return Err(ApiError::Form(FormErrors::one("limit", "NUMBER_TYPE_RANGE", message)));
    }
    if page.status == Some(JoinRequestStatus::Started) {
        let message = "Value must be one of ('SUBMITTED', 'REJECTED', 'APPROVED').";
        return Err(ApiError::Form(FormErrors::one("status", "BASE_TYPE_CHOICES", message)));
    }
    let query = JoinRequestQuery {
        after: page.after.unwrap_or_default(),
        before: page.before.unwrap_or(u64::MAX),
        ascending: page.after.is_some() && page.before.is_none(),
        status: page.status,
        user: None,
        limit,
    };
    let (found, total) = parts.store.join_requests(guild, &query).await?;
    let users = named(&parts, &found).await?;
    let shown = found.iter().map(|request| shown(guild, request, &users));
    Ok(Json(json!({ "total": total, "guild_join_requests": shown.collect::<Vec<_>>() })))
}

/// Who asked, and who decided.
async fn named(parts: &Parts, requests: &[JoinRequest]) -> Result<Vec<Arc<UserRecord>>, ApiError> {
    let ids = requests.iter().flat_map(|one| [Some(one.user), one.reviewer]).flatten();
    let ids: std::collections::BTreeSet<UserId> = ids.collect();
    Ok(parts.store.users().load(&ids.into_iter().collect::<Vec<_>>()).await?)
}

fn shown(guild: GuildId, request: &JoinRequest, users: &[Arc<UserRecord>]) -> Value {
    wire::join_request(guild, request, |id| users.iter().find(|user| user.id == id).cloned())
}

#[derive(Deserialize)]
struct Decision {
    action: Verdict,
    rejection_reason: Option<String>,
}

/// `PATCH /guilds/{guild.id}/requests/{request.id}` (KICK_MEMBERS)
async fn decide(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, id)): Path<(GuildId, JoinRequestId)>,
    reason: Reason,
    Json(body): Json<Decision>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    view.permissions(me.id(), parts.now_ms()).require(Permissions::KICK_MEMBERS)?;
    let waits = view.requests.values().find(|request| request.id == id);
    let waits = waits.filter(|request| request.status == JoinRequestStatus::Submitted);
    let user = waits.ok_or(ApiError::Status(StatusCode::NOT_FOUND))?.user;
    let approve = body.action == Verdict::Approved;
    let why = body.rejection_reason.filter(|reason| !approve && !reason.is_empty());
    let by = Reason(reason.0.or_else(|| why.clone())).by(me.id());
    let command = GuildCommand::DecideJoinRequest { id: Some(id), approve, reason: why };
    parts.store.execute(guild, by, command).await?;
    let query = JoinRequestQuery {
        after: id.get().saturating_sub(1),
        before: id.get().saturating_add(1),
        ..JoinRequestQuery::newest_of(user)
    };
    let (found, _) = parts.store.join_requests(guild, &query).await?;
    let users = named(&parts, &found).await?;
    let request = found.first().ok_or(ApiError::Status(StatusCode::NOT_FOUND))?;
    Ok(Json(shown(guild, request, &users)))
}

#[derive(Deserialize)]
struct Decisions {
    action: Verdict,
}

/// `PATCH /guilds/{guild.id}/requests` (KICK_MEMBERS): decides on all that wait.
async fn decide_all(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    reason: Reason,
    Json(body): Json<Decisions>,
) -> Result<StatusCode, ApiError> {
    member_view(&parts, guild, me.id())?;
    let approve = body.action == Verdict::Approved;
    let command = GuildCommand::DecideJoinRequest { id: None, approve, reason: None };
    parts.store.execute(guild, reason.by(me.id()), command).await?;
    Ok(StatusCode::NO_CONTENT)
}

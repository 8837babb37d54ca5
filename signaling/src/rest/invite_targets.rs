//! Whom an invite is for and what it gives: the forms that name people, in CSV, and roles.
//!
//! Such a list is read and kept at once; that its job can be asked for is for clients that expect one
//! (Discord: Get Target Users Job Status).

use axum::body::Bytes;
use axum::extract::FromRequest as _;
use axum::extract::Request;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse as _;
use axum::response::Response;
use model::error_code::ErrorCode;
use model::id::RoleId;
use model::id::UserId;
use model::limits;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::record::InviteRecord;
use state::record::InviteTargets;

use super::ApiError;
use super::carry::carry_out;
use super::error::FormErrors;
use super::extract;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::form;
use super::route::Needs;
use super::route::Routes;
use super::route::get;
use super::schema;
use crate::auth::Identity;
use crate::parts::Parts;

pub(super) fn routes() -> Routes {
    let either = Permissions::MANAGE_GUILD.union(Permissions::VIEW_AUDIT_LOG);
    Routes::new()
        .route(
            "/invites/{code}/target-users",
            get(targets)
                .gives_media("text/csv; charset=utf-8")
                .needs(Needs::Any(either))
                .put(replace)
                .or(204)
                .needs(Needs::Any(Permissions::MANAGE_GUILD))
                .tells_nobody(),
        )
        .route(
            "/invites/{code}/target-users/job-status",
            get(job).gives(&schema::channels::INVITE_TARGETS_JOB).needs(Needs::Any(either)),
        )
}

/// An invite into a guild, if it is one's own or one has one of these permissions there.
async fn managed(
    parts: &Parts,
    me: &Identity,
    code: &str,
    either: &[Permissions],
) -> Result<InviteRecord, ApiError> {
    let now_ms = parts.now_ms();
    let invite = parts.invites.invite(code).await?.filter(|invite| invite.is_valid(now_ms));
    let invite = invite.ok_or(ErrorCode::UnknownInvite)?;
    let guild = invite.guild.and_then(|guild| parts.store.guild(guild));
    let view = guild.ok_or(ErrorCode::UnknownInvite)?.view();
    let allowed = view.permissions(me.id(), now_ms);
    let own = invite.inviter == Some(me.id()) && view.members.contains_key(&me.id());
    if own || either.iter().any(|needed| allowed.has(*needed)) {
        return Ok(invite);
    }
    Err(ErrorCode::MissingPermissions.into())
}

const SEEING: [Permissions; 2] = [Permissions::MANAGE_GUILD, Permissions::VIEW_AUDIT_LOG];

/// `GET /invites/{invite.code}/target-users`: CSV under the head `user_id`.
async fn targets(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(code): Path<String>,
) -> Result<Response, ApiError> {
    let invite = managed(&parts, &me, &code, &SEEING).await?;
    if invite.targets.is_none() {
        return Err(ErrorCode::UnknownInviteTargets.into());
    }
    let users = parts.invites.targets(&code).await?;
    let mut csv = String::from("user_id\n");
    for user in users {
        csv.push_str(&user.to_string());
        csv.push('\n');
    }
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], csv).into_response())
}

/// `PUT /invites/{invite.code}/target-users`: a form with the file.
async fn replace(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(code): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    managed(&parts, &me, &code, &[Permissions::MANAGE_GUILD]).await?;
    let (_, file) = read_form(&parts, request).await?;
    let file = file.ok_or_else(|| {
        let message = "This field is required";
        ApiError::Form(FormErrors::one(FILE, "BASE_TYPE_REQUIRED", message))
    })?;
    let users = match read_users(&file) {
        Ok(users) => users,
        Err(faults) => return Ok(refusal(&faults)),
    };
    carry_out(async move {
        let named_ms = parts.now_ms();
        Ok(parts.invites.target(&code, &users, named_ms).await?)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `GET /invites/{invite.code}/target-users/job-status`: done, always.
async fn job(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(code): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let invite = managed(&parts, &me, &code, &SEEING).await?;
    let InviteTargets { users, named_ms } =
        invite.targets.ok_or(ErrorCode::UnknownInviteTargetsJob)?;
    let at = crate::parts::timestamp(named_ms);
    Ok(Json(json!({
        "status": COMPLETED,
        "total_users": users,
        "processed_users": users,
        "created_at": at,
        "completed_at": at,
        "error_message": null,
    })))
}

/// Whether `user` may know of an invite and use it: it is for everybody, or names them.
pub(super) async fn is_for(
    parts: &Parts,
    invite: &InviteRecord,
    user: Option<UserId>,
) -> Result<bool, ApiError> {
    match (invite.targets, user) {
        (None, _) => Ok(true),
        (Some(_), Some(user)) => Ok(parts.invites.is_target(&invite.code, user).await?),
        (Some(_), None) => Ok(false),
    }
}

/// What a request to make an invite says.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Create {
    pub(super) max_age: Option<u32>,
    pub(super) max_uses: Option<u32>,
    pub(super) temporary: Option<bool>,
    pub(super) unique: Option<bool>,
    /// A list, or, in a form, numbers with commas between them.
    role_ids: Option<Value>,
}

/// A request to make an invite, whole.
pub(super) struct Wanted {
    pub(super) body: Create,
    /// Whom it is for, if not for everybody.
    pub(super) users: Option<Vec<UserId>>,
}

impl Wanted {
    /// Reads JSON, or a form with a file.
    ///
    /// # Errors
    ///
    /// What is to be answered: 50035 and the lines of the file that are wrong.
    pub(super) async fn read(parts: &Parts, request: Request) -> Result<Self, Response> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let is_form = kind
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with(FORM));
        if !is_form {
            let body = Bytes::from_request(request, parts).await;
            let body = body.map_err(|_| ApiError::from(ErrorCode::RequestTooLarge).into_response());
            let body =
                extract::parse(&body?).map_err(axum::response::IntoResponse::into_response)?;
            return Ok(Self { body, users: None });
        }
        let read = read_form(parts, request).await;
        let (body, file) = read.map_err(axum::response::IntoResponse::into_response)?;
        let users = file.map(|file| read_users(&file)).transpose();
        Ok(Self { body, users: users.map_err(|faults| refusal(&faults))? })
    }
}

impl Create {
    /// The roles that the invite is to give, if `me` may give them: MANAGE_ROLES, and all of them below
    /// one's own.
    pub(super) fn roles(
        &self,
        view: &Guild,
        me: UserId,
        now_ms: u64,
    ) -> Result<Vec<RoleId>, ApiError> {
        let mut roles: Vec<RoleId> =
            self.role_ids.as_ref().map(role_ids).transpose()?.unwrap_or_default();
        roles.sort_unstable();
        roles.dedup();
        if roles.is_empty() {
            return Ok(roles);
        }
        if roles.len() > limits::INVITE_ROLES {
            let message = format!("Must be {} or fewer in length.", limits::INVITE_ROLES);
            return Err(ApiError::Form(FormErrors::one(
                "role_ids",
                "BASE_TYPE_MAX_LENGTH",
                message,
            )));
        }
        view.permissions(me, now_ms).require(Permissions::MANAGE_ROLES)?;
        for id in &roles {
            let role = view.roles.get(id).ok_or(ErrorCode::UnknownRole)?;
            if role.managed || *id == view.id.cast() || !view.outranks_role(me, *id) {
                return Err(ErrorCode::MissingPermissions.into());
            }
        }
        Ok(roles)
    }
}

fn role_ids(given: &Value) -> Result<Vec<RoleId>, ApiError> {
    let list: Option<Vec<RoleId>> = match given {
        Value::String(text) => text
            .split(',')
            .map(str::trim)
            .filter(|id| !id.is_empty())
            .map(|id| id.parse().ok())
            .collect(),
        list => serde_json::from_value(list.clone()).ok(),
    };
    list.ok_or_else(|| {
        let message = "Not a list of role ids.";
        ApiError::Form(FormErrors::one("role_ids", "BASE_TYPE_BAD_VALUE", message))
    })
}

/// The fields of a form, as `payload_json` or each by itself, and its file.
async fn read_form(parts: &Parts, request: Request) -> Result<(Create, Option<Bytes>), ApiError> {
    let (mut said, mut file) = (Map::new(), None);
    for (name, bytes) in form::fields(parts, request).await? {
        match name.as_str() {
            FILE => file = Some(bytes),
            "payload_json" => said.extend(extract::parse::<Map<String, Value>>(&bytes)?),
            _ => drop(said.insert(name, plain(&String::from_utf8_lossy(&bytes)))),
        }
    }
    let body = serde_json::to_vec(&said).unwrap_or_default();
    Ok((extract::parse(&body)?, file))
}

/// The value that a form's text stands for; ids stay texts.
fn plain(text: &str) -> Value {
    match text {
        "true" | "false" => Value::Bool(text == "true"),
        text if text.len() <= LONGEST_NUMBER => {
            text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number))
        }
        text => json!(text),
    }
}

/// The people of a file, each once: a column of ids, under a head or none. The faults, by line.
fn read_users(file: &[u8]) -> Result<Vec<UserId>, Vec<String>> {
    let text = String::from_utf8_lossy(file);
    let text = text.trim_start_matches('\u{feff}');
    let (mut users, mut faults) = (Vec::new(), Vec::new());
    for (nth, line) in text.lines().enumerate() {
        let cell = line.trim().trim_matches('"').trim();
        let is_head = nth == 0 && !cell.starts_with(|first: char| first.is_ascii_digit());
        if cell.is_empty() || is_head {
            continue;
        }
        match cell.parse() {
            Ok(user) => users.push(user),
            Err(_) => faults.push(format!("Line {}: invalid user ID format", nth + 1)),
        }
        if users.len() > limits::INVITE_TARGETS || faults.len() >= FAULTS {
            break;
        }
    }
    users.sort_unstable();
    users.dedup();
    if users.len() > limits::INVITE_TARGETS {
        faults.push(format!("More than {} user IDs", limits::INVITE_TARGETS));
    } else if users.is_empty() && faults.is_empty() {
        faults.push("No user IDs".to_owned());
    }
    if faults.is_empty() { Ok(users) } else { Err(faults) }
}

/// What is wrong with a file, line by line (Discord: Update Target Users).
fn refusal(faults: &[String]) -> Response {
    let code = ErrorCode::InvalidFormBody;
    let body = json!({
        "message": code.message(),
        "code": code.number(),
        FILE: faults,
    });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

/// The form's file.
const FILE: &str = "target_users_file";
const FORM: &str = "multipart/form-data";
/// Digits of the longest number that a form's field can be; ids are longer.
const LONGEST_NUMBER: usize = 10;
/// Faults told at most.
const FAULTS: usize = 50;
/// A job's status (Discord: Get Target Users Job Status, Status Codes).
const COMPLETED: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_read_under_a_head_or_none_and_each_once() {
        let ids = |list: &[u64]| list.iter().map(|id| UserId::new(*id)).collect::<Vec<_>>();

        assert_eq!(read_users(b"user_id\n7\n\"8\"\r\n7\n\n"), Ok(ids(&[7, 8])));
        assert_eq!(read_users("\u{feff}Users\n9".as_bytes()), Ok(ids(&[9])));
        assert_eq!(read_users(b"7"), Ok(ids(&[7])));
    }

    #[test]
    fn what_is_no_id_is_told_by_its_line() {
        let faults = read_users(b"user_id\n7\nx\n0\n").expect_err("bad lines");
        assert_eq!(faults, ["Line 3: invalid user ID format", "Line 4: invalid user ID format"]);
        assert_eq!(read_users(b"user_id\n").expect_err("nobody"), ["No user IDs"]);
        let many: String = (1..=limits::INVITE_TARGETS + 1).map(|id| format!("{id}\n")).collect();
        assert_eq!(read_users(many.as_bytes()).expect_err("too many").len(), 1);
    }

    #[test]
    fn roles_come_as_a_list_or_as_a_text() {
        let ids = |value| role_ids(&value).map(|ids| ids.len()).ok();

        assert_eq!(ids(json!(["1", 2])), Some(2));
        assert_eq!(ids(json!("1, 2,3")), Some(3));
        assert_eq!(ids(json!("1,x")), None);
        assert_eq!(ids(json!({})), None);
    }
}

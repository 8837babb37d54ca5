//! Friends and the blocked (userdoccers: Relationships). Both people's sessions are told of what
//! changed for them.

use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::UserId;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::call::CallCommand;
use state::relationship::Bond;
use state::relationship::Outcome;
use state::relationship::Relationship;
use state::relationship::Wish;
use state::repo::RepoError;

use super::ApiError;
use super::carry::carry_out;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::some;
use super::read_states::require_person;
use super::read_states::tell;
use super::route::Routes;
use super::route::get;
use super::route::put;
use super::schema;
use crate::gateway::friends;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route(
            "/users/@me/relationships",
            get(list)
                .lists(&schema::people::RELATIONSHIP)
                .post(ask)
                .tells(&[DispatchName::RelationshipAdd])
                .may_tell(&[DispatchName::PresenceUpdate])
                .delete(refuse_all)
                .tells(&[DispatchName::RelationshipRemove]),
        )
        .route(
            "/users/@me/relationships/{user}",
            put(create)
                .tells(&[DispatchName::RelationshipAdd])
                .may_tell(&[
                    DispatchName::RelationshipRemove,
                    DispatchName::PresenceUpdate,
                    DispatchName::MessageUpdate,
                    DispatchName::CallDelete,
                    DispatchName::VoiceStateUpdate,
                ])
                .patch(rename)
                .tells(&[DispatchName::RelationshipUpdate])
                .delete(part)
                .tells(&[DispatchName::RelationshipRemove]),
        )
}

/// `GET /users/@me/relationships`
async fn list(Auth(me): Auth, State(parts): State<Parts>) -> Result<Json<Value>, ApiError> {
    require_person(&me)?;
    Ok(Json(Value::Array(shown(&parts, me.id()).await?)))
}

/// All that someone has.
///
/// # Errors
///
/// Storage errors.
pub(crate) async fn shown(parts: &Parts, me: UserId) -> Result<Vec<Value>, RepoError> {
    let all = parts.relationships.of_user(me).await?;
    let ids: Vec<_> = all.iter().map(|one| one.other).collect();
    let users = parts.store.users().load(&ids).await?;
    let user = |id: UserId| users.iter().find(|user| user.id == id);
    Ok(all.iter().filter_map(|one| Some(wire::relationship(one, user(one.other)?))).collect())
}

#[derive(Deserialize)]
struct Ask {
    username: String,
    #[serde(default)]
    discriminator: Option<Value>,
}

/// `POST /users/@me/relationships`: asks someone by name.
async fn ask(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Json(body): Json<Ask>,
) -> Result<StatusCode, ApiError> {
    require_person(&me)?;
    // Names here have none.
    let numbered = match &body.discriminator {
        None | Some(Value::Null) => false,
        Some(Value::Number(number)) => number.as_u64() != Some(0),
        Some(Value::String(text)) => !text.bytes().all(|byte| byte == b'0'),
        Some(_) => true,
    };
    let found = parts.accounts.by_username(body.username.trim()).await?;
    let found = found.filter(|found| !numbered && !found.disabled);
    let other = found.ok_or(ErrorCode::NoSuchUser)?.user.id;
    change(parts, me.id(), other, Wish::Befriend).await
}

#[derive(Deserialize)]
struct Create {
    #[serde(default, rename = "type")]
    kind: Option<i8>,
}

/// `PUT /users/@me/relationships/{user.id}`: 2 blocks, everything else asks or accepts.
async fn create(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(other): Path<UserId>,
    Json(body): Json<Create>,
) -> Result<StatusCode, ApiError> {
    require_person(&me)?;
    let wish = match body.kind {
        None | Some(-1 | 1 | 3 | 4) => Wish::Befriend,
        Some(2) => Wish::Block,
        Some(_) => {
            let message = "Value must be one of (-1, 1, 2, 3, 4).";
            return Err(ApiError::Form(FormErrors::one("type", "BASE_TYPE_CHOICES", message)));
        }
    };
    change(parts, me.id(), other, wish).await
}

/// `DELETE /users/@me/relationships/{user.id}`
async fn part(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(other): Path<UserId>,
) -> Result<StatusCode, ApiError> {
    require_person(&me)?;
    change(parts, me.id(), other, Wish::Part).await
}

/// `DELETE /users/@me/relationships`: refuses every request.
async fn refuse_all(Auth(me): Auth, State(parts): State<Parts>) -> Result<StatusCode, ApiError> {
    require_person(&me)?;
    let all = parts.relationships.of_user(me.id()).await?;
    for one in all.iter().filter(|one| one.bond == Bond::Incoming) {
        change(parts.clone(), me.id(), one.other, Wish::Part).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Stores what comes of a wish, and tells both.
async fn change(
    parts: Parts,
    me: UserId,
    other: UserId,
    wish: Wish,
) -> Result<StatusCode, ApiError> {
    if me == other {
        return Err(ErrorCode::FriendOfOneself.into());
    }
    let user = parts.store.users().user(other).await?.ok_or(ErrorCode::UnknownUser)?;
    if user.bot && wish == Wish::Befriend {
        return Err(ErrorCode::BotsHaveNoFriends.into());
    }
    carry_out(async move {
        match parts.relationships.change([me, other], wish, parts.now_ms()).await? {
            Outcome::Refused(code) => return Err(code.into()),
            Outcome::Changed { before, after } => {
                for (side, user) in [me, other].into_iter().enumerate() {
                    announce(&parts, user, before[side].as_ref(), after[side].as_ref()).await?;
                }
                if wish == Wish::Block {
                    parts.store.call(CallCommand::Part([me, other])).await?;
                }
                // Who became friends see how present the other is.
                if after.iter().flatten().any(|one| one.bond == Bond::Friend) && before != after {
                    friends::introduce(&parts, [me, other]);
                }
            }
        }
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Tells the sessions of `user` what changed on their side.
async fn announce(
    parts: &Parts,
    user: UserId,
    before: Option<&Relationship>,
    after: Option<&Relationship>,
) -> Result<(), ApiError> {
    match (before, after) {
        (before, Some(after)) if before.map(|before| before.bond) != Some(after.bond) => {
            let Some(other) = parts.store.users().user(after.other).await? else { return Ok(()) };
            let mut body = wire::relationship(after, &other);
            body["should_notify"] = json!(matches!(after.bond, Bond::Incoming | Bond::Friend));
            tell(parts, user, DispatchName::RelationshipAdd, body);
        }
        (Some(before), None) => {
            let body = json!({
                "id": before.other,
                "type": before.bond as u8,
                "nickname": before.nickname,
                "since": crate::parts::timestamp(before.since_ms),
            });
            tell(parts, user, DispatchName::RelationshipRemove, body);
        }
        _ => {}
    }
    Ok(())
}

#[derive(Deserialize)]
struct Rename {
    #[serde(default, deserialize_with = "some")]
    nickname: Option<Option<String>>,
}

/// `PATCH /users/@me/relationships/{user.id}`: what one calls a friend.
async fn rename(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(other): Path<UserId>,
    Json(body): Json<Rename>,
) -> Result<StatusCode, ApiError> {
    require_person(&me)?;
    let Some(nickname) = body.nickname else { return Ok(StatusCode::NO_CONTENT) };
    let nickname = nickname.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    if nickname.as_ref().is_some_and(|name| name.chars().count() > model::limits::NICK) {
        let message = format!("Must be {} or fewer in length.", model::limits::NICK);
        return Err(ApiError::Form(FormErrors::one("nickname", "BASE_TYPE_MAX_LENGTH", message)));
    }
    let renamed = parts.relationships.rename([me.id(), other], nickname).await;
    let one = match renamed {
        Ok(one) => one,
        Err(RepoError::NotFound) => return Err(ErrorCode::UnknownUser.into()),
        Err(error) => return Err(error.into()),
    };
    let body = json!({ "id": one.other, "type": one.bond as u8, "nickname": one.nickname });
    tell(&parts, me.id(), DispatchName::RelationshipUpdate, body);
    Ok(StatusCode::NO_CONTENT)
}

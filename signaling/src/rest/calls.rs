//! Calls in private channels as REST sees them: who may ring whom, ringing, and the end of it
//! (userdoccers: Channel, Get Call Eligibility and what follows it). One joins by gateway op 4.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::ChannelId;
use model::id::UserId;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::call::CallCommand;
use state::record::PrivateChannel;
use state::relationship::Bond;
use state::store::ChannelHome;

use super::ApiError;
use super::channels;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::read_states::require_person;
use super::route::Routes;
use super::route::get;
use super::route::post;
use super::schema;
use crate::auth::Identity;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route(
            "/channels/{channel}/call",
            get(eligibility)
                .gives(&schema::channels::CALL_ELIGIBILITY)
                .patch(modify)
                .may_tell(&[DispatchName::CallUpdate]),
        )
        .route("/channels/{channel}/call/ring", post(ring).may_tell(&[DispatchName::CallUpdate]))
        .route(
            "/channels/{channel}/call/stop-ringing",
            post(stop_ringing).may_tell(&[DispatchName::CallUpdate]),
        )
}

/// The private channel, if `me` may be in a call there (20001, 10003, 50001, 50024, 50007).
async fn open(
    parts: &Parts,
    me: &Identity,
    channel: ChannelId,
) -> Result<Arc<PrivateChannel>, ApiError> {
    require_person(me)?;
    match channels::open(parts, me, channel, Permissions::empty()).await? {
        ChannelHome::Private(private) => {
            parts.calls.require_may_call(&private, me.id()).await?;
            Ok(private)
        }
        ChannelHome::Guild(_) => Err(ErrorCode::CannotExecuteOnChannelType.into()),
    }
}

/// Whom of `people` somebody may ring: in a group all but those between whom and them is a block; of two
/// the other one, if they are friends or share a guild.
async fn ringable(
    parts: &Parts,
    private: &PrivateChannel,
    me: UserId,
    people: &[UserId],
) -> Result<Vec<UserId>, ApiError> {
    let mut ringable = Vec::new();
    for &other in people.iter().filter(|other| **other != me) {
        let bonds = parts.relationships.between([me, other]).await?;
        let shares = || parts.store.guilds_of(me).iter().any(|guild| is_in(guild, other));
        let is_known = private.group.is_some() || bonds.contains(&Some(Bond::Friend)) || shares();
        if is_known && !bonds.contains(&Some(Bond::Blocked)) {
            ringable.push(other);
        }
    }
    Ok(ringable)
}

fn is_in(guild: &state::GuildHandle, user: UserId) -> bool {
    guild.view().members.contains_key(&user)
}

/// `GET /channels/{channel.id}/call`
async fn eligibility(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
) -> Result<Json<Value>, ApiError> {
    let private = open(&parts, &me, channel).await?;
    let ringable = ringable(&parts, &private, me.id(), &private.recipients).await?;
    Ok(Json(json!({ "ringable": !ringable.is_empty() })))
}

#[derive(Deserialize)]
struct Modify {
    #[serde(default)]
    region: Option<String>,
}

/// `PATCH /channels/{channel.id}/call`: there is one region, which is told again.
async fn modify(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    Json(body): Json<Modify>,
) -> Result<StatusCode, ApiError> {
    open(&parts, &me, channel).await?;
    if let Some(region) = body.region {
        if region != wire::REGION {
            let message = format!("Value must be one of ('{}',).", wire::REGION);
            return Err(ApiError::Form(FormErrors::one("region", "BASE_TYPE_CHOICES", message)));
        }
        parts.store.call(CallCommand::Tell { channel }).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct People {
    #[serde(default)]
    recipients: Option<Vec<UserId>>,
}

impl People {
    /// Those who are named, of the channel's people (10013).
    fn of(self, private: &PrivateChannel) -> Result<Option<Vec<UserId>>, ErrorCode> {
        let Some(mut people) = self.recipients else { return Ok(None) };
        people.sort_unstable();
        people.dedup();
        if people.iter().all(|user| private.recipients.contains(user)) {
            Ok(Some(people))
        } else {
            Err(ErrorCode::UnknownUser)
        }
    }
}

/// `POST /channels/{channel.id}/call/ring`: by someone in the call, of all others unless some are named.
async fn ring(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    Json(body): Json<People>,
) -> Result<StatusCode, ApiError> {
    let private = open(&parts, &me, channel).await?;
    let named = body.of(&private)?.unwrap_or_else(|| private.recipients.clone());
    let people = ringable(&parts, &private, me.id(), &named).await?;
    // Of two, it is the one who was meant.
    if private.group.is_none() && people.is_empty() && named.iter().any(|user| *user != me.id()) {
        return Err(ErrorCode::CannotMessageUser.into());
    }
    parts.calls.ring(channel, me.id(), people).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /channels/{channel.id}/call/stop-ringing`: whoever asks declines, unless others are named.
async fn stop_ringing(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    Json(body): Json<People>,
) -> Result<StatusCode, ApiError> {
    require_person(&me)?;
    let home = channels::open(&parts, &me, channel, Permissions::empty()).await?;
    // Whoever has blocked the caller meanwhile may still decline.
    let ChannelHome::Private(private) = home else {
        return Err(ErrorCode::CannotExecuteOnChannelType.into());
    };
    let by = me.id();
    let people = body.of(&private)?.unwrap_or_else(|| vec![by]);
    parts.store.call(CallCommand::StopRinging { channel, by, people }).await?;
    Ok(StatusCode::NO_CONTENT)
}

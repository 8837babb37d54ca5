//! Stream keys: tokens for one voice channel and one direction, for programs that stream by WHIP or
//! WHEP. Ours, not Discord's.

use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::ChannelId;
use model::id::StreamKeyId;
use model::limits;
use model::wire::channel::ChannelType;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::GuildView;
use state::record::StreamKeyRecord;
use state::record::StreamWay;
use state::store::ChannelHome;

use super::ApiError;
use super::channels;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::route::Needs;
use super::route::Routes;
use super::route::delete;
use super::route::get;
use super::schema;
use crate::auth;
use crate::auth::Identity;
use crate::auth::token;
use crate::parts::Parts;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route(
            "/channels/{channel}/stream-keys",
            get(list)
                .lists(&schema::channels::STREAM_KEY)
                .post(create)
                .gives(&schema::channels::STREAM_KEY)
                .needs(Needs::All(Permissions::CONNECT.union(Permissions::SPEAK)))
                .tells_nobody(),
        )
        .route(
            "/channels/{channel}/stream-keys/{key}",
            delete(revoke).may_tell(&[
                DispatchName::VoiceStateUpdate,
                DispatchName::VoiceChannelStartTimeUpdate,
                DispatchName::VoiceChannelStatusUpdate,
            ]),
        )
}

/// What a key is to be.
#[derive(Deserialize)]
struct Wanted {
    way: StreamWay,
    #[serde(default)]
    name: Option<String>,
}

/// A key as those see it who may revoke it: without its secret.
fn shown(key: &StreamKeyRecord) -> Value {
    let endpoint = match key.way {
        StreamWay::Publish => "whip",
        StreamWay::Listen => "whep",
    };
    json!({
        "id": key.id,
        "channel_id": key.channel,
        "user_id": key.user,
        "way": key.way,
        "name": key.name,
        "created_at": crate::parts::timestamp(key.created_ms),
        "path": format!("/{endpoint}/{}", key.channel),
    })
}

/// `GET /channels/{channel.id}/stream-keys`: one's own, or all with MANAGE_CHANNELS.
async fn list(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
) -> Result<Json<Value>, ApiError> {
    let view = voice_channel(&parts, &me, channel, Permissions::empty()).await?;
    let all = manages(&parts, &me, &view, channel);
    let keys = parts.stream_keys.list(channel).await?;
    Ok(Json(keys.iter().filter(|key| all || key.user == me.id()).map(shown).collect()))
}

/// `POST /channels/{channel.id}/stream-keys`: the answer's `key` is the only sight of it.
async fn create(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let needed = match wanted.way {
        StreamWay::Publish => Permissions::CONNECT | Permissions::SPEAK,
        StreamWay::Listen => Permissions::CONNECT,
    };
    voice_channel(&parts, &me, channel, needed).await?;
    let name = wanted.name.as_deref().map_or("Stream", str::trim).to_owned();
    if !limits::NAME.contains(&name.chars().count()) {
        let message = "Must be between 1 and 100 in length.";
        return Err(ApiError::Form(FormErrors::one("name", "BASE_TYPE_BAD_LENGTH", message)));
    }
    let own = parts.stream_keys.list(channel).await?;
    if own.iter().filter(|key| key.user == me.id()).count() >= limits::STREAM_KEYS {
        let message = "You have too many stream keys for this channel: revoke one first.";
        return Err(ApiError::Form(FormErrors::one("way", "STREAM_KEYS_MAXIMUM", message)));
    }
    let secret = URL_SAFE_NO_PAD.encode(auth::random::<32>());
    let way = match wanted.way {
        StreamWay::Publish => "publish",
        StreamWay::Listen => "listen",
    };
    // Three parts, as every token of ours has; the first two tell people what they look at.
    let key = format!("stream.{way}.{secret}");
    let record = StreamKeyRecord {
        id: parts.ids.next(),
        hash: token::hash(&key),
        user: me.id(),
        channel,
        way: wanted.way,
        name,
        created_ms: parts.now_ms(),
    };
    parts.stream_keys.create(&record).await?;
    let mut value = shown(&record);
    value["key"] = json!(key);
    Ok((StatusCode::CREATED, Json(value)))
}

/// `DELETE /channels/{channel.id}/stream-keys/{key.id}`: whoever streams by it is disconnected.
async fn revoke(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, id)): Path<(ChannelId, StreamKeyId)>,
) -> Result<StatusCode, ApiError> {
    let view = voice_channel(&parts, &me, channel, Permissions::empty()).await?;
    let keys = parts.stream_keys.list(channel).await?;
    let key = keys.iter().find(|key| key.id == id);
    let key = key.ok_or(ApiError::Status(StatusCode::NOT_FOUND))?;
    if key.user != me.id() && !manages(&parts, &me, &view, channel) {
        return Err(ErrorCode::MissingPermissions.into());
    }
    parts.stream_keys.remove(id).await?;
    parts.calls.end_visits_by(id).await;
    Ok(StatusCode::NO_CONTENT)
}

/// The guild of a voice channel in which `me` has `needed`.
async fn voice_channel(
    parts: &Parts,
    me: &Identity,
    channel: ChannelId,
    needed: Permissions,
) -> Result<GuildView, ApiError> {
    let ChannelHome::Guild(guild) = channels::open(parts, me, channel, needed).await? else {
        return Err(ErrorCode::CannotExecuteOnPrivateChannel.into());
    };
    let view = guild.view();
    let kind = view.channels.get(&channel).ok_or(ErrorCode::UnknownChannel)?.kind;
    match kind {
        ChannelType::GuildVoice | ChannelType::GuildStageVoice => Ok(view),
        _ => Err(ErrorCode::CannotExecuteOnChannelType.into()),
    }
}

fn manages(parts: &Parts, me: &Identity, view: &GuildView, channel: ChannelId) -> bool {
    view.permissions_in(me.id(), channel, parts.now_ms()).has(Permissions::MANAGE_CHANNELS)
}

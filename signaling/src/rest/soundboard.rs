//! The soundboard: sounds of a guild, made, changed, deleted, and played in voice channels.
//!
//! Nothing is mixed into a call: whoever is in the channel is told which sound it is, and their
//! client plays it.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::ChannelId;
use model::id::EmojiId;
use model::id::GuildId;
use model::id::SoundId;
use model::limits;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::GuildCommand;
use state::GuildEvent;
use state::audit::actions;
use state::event::SoundPlayed;
use state::guild::command::SoundPatch;
use state::record::SoundRecord;
use state::store::ChannelHome;

use super::ApiError;
use super::carry::carry_out;
use super::channels;
use super::emojis::EXPRESSIONS;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::Reason;
use super::extract::member_view;
use super::extract::some;
use super::route::Needs;
use super::route::Routes;
use super::route::get;
use super::route::post;
use super::schema;
use crate::auth::Identity;
use crate::cdn::sound;
use crate::cdn::sound::SoundFile;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Routes {
    let heard = DefaultBodyLimit::max(limits::SOUND_BODY);
    Routes::new()
        .route("/soundboard-default-sounds", get(default_sounds).lists(&schema::channels::SOUND))
        .route(
            "/guilds/{guild}/soundboard-sounds",
            get(list)
                .gives(&schema::channels::SOUNDS)
                .post(create)
                .gives(&schema::channels::SOUND)
                .needs(Needs::Any(EXPRESSIONS))
                .logs(&[actions::SOUNDBOARD_SOUND_CREATE])
                .tells(&[DispatchName::GuildSoundboardSoundCreate])
                .layer(heard),
        )
        .route(
            "/guilds/{guild}/soundboard-sounds/{sound}",
            get(show)
                .gives(&schema::channels::SOUND)
                .patch(update)
                .gives(&schema::channels::SOUND)
                .needs(Needs::All(Permissions::MANAGE_GUILD_EXPRESSIONS))
                .logs(&[actions::SOUNDBOARD_SOUND_UPDATE])
                .tells(&[DispatchName::GuildSoundboardSoundUpdate])
                .delete(remove)
                .needs(Needs::All(Permissions::MANAGE_GUILD_EXPRESSIONS))
                .logs(&[actions::SOUNDBOARD_SOUND_DELETE])
                .tells(&[DispatchName::GuildSoundboardSoundDelete]),
        )
        .route(
            "/channels/{channel}/send-soundboard-sound",
            post(play)
                .needs(Needs::All(Permissions::SPEAK.union(Permissions::USE_SOUNDBOARD)))
                .tells(&[DispatchName::VoiceChannelEffectSend]),
        )
}

/// `GET /soundboard-default-sounds`: a server of one's own comes without any.
async fn default_sounds() -> Json<Value> {
    Json(json!([]))
}

/// A sound as `me` may see it: with its maker for whoever manages sounds.
async fn shown(parts: &Parts, view: &Guild, me: &Identity, id: SoundId) -> Result<Value, ApiError> {
    let sound = view.sounds.get(&id).ok_or(ErrorCode::UnknownSound)?;
    let mut value = wire::sound(view.id, sound);
    let allowed = view.permissions(me.id(), parts.now_ms());
    let may = allowed.has(Permissions::MANAGE_GUILD_EXPRESSIONS)
        || allowed.has(Permissions::CREATE_GUILD_EXPRESSIONS);
    if may && let Some(user) = parts.store.users().user(sound.user).await? {
        value["user"] = wire::user(&user);
    }
    Ok(value)
}

/// `GET /guilds/{guild.id}/soundboard-sounds`
async fn list(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let mut sounds = Vec::with_capacity(view.sounds.len());
    for &id in view.sounds.keys() {
        sounds.push(shown(&parts, &view, &me, id).await?);
    }
    Ok(Json(json!({ "items": sounds })))
}

/// `GET /guilds/{guild.id}/soundboard-sounds/{sound.id}`
async fn show(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, sound)): Path<(GuildId, SoundId)>,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    Ok(Json(shown(&parts, &view, &me, sound).await?))
}

#[derive(Deserialize)]
struct Create {
    name: String,
    sound: String,
    volume: Option<f64>,
    emoji_id: Option<EmojiId>,
    emoji_name: Option<String>,
}

/// `POST /guilds/{guild.id}/soundboard-sounds`
async fn create(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    reason: Reason,
    Json(body): Json<Create>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let file = SoundFile::read("sound", &body.sound)?;
    let id = parts.ids.next();
    let command = GuildCommand::CreateSound(SoundRecord {
        id,
        name: body.name.trim().to_owned(),
        volume: body.volume.unwrap_or(1.0),
        emoji: body.emoji_id,
        // A custom emoji has its name of the guild.
        emoji_name: body.emoji_name.filter(|_| body.emoji_id.is_none()),
        user: me.id(),
    });
    // Before anything is kept; the store asks again on the snapshot of that moment.
    view.plan(me.id(), &command, parts.now_ms())?;
    let (by, keeper) = (reason.by(me.id()), parts.clone());
    let view = carry_out(async move {
        file.keep(&keeper, id).await?;
        let made = keeper.store.execute(guild, by, command).await;
        if made.is_err() {
            sound::forget(&keeper, id).await;
        }
        Ok(made?)
    })
    .await?;
    Ok((StatusCode::CREATED, Json(shown(&parts, &view, &me, id).await?)))
}

#[derive(Deserialize)]
struct Update {
    name: Option<String>,
    #[serde(default, deserialize_with = "some")]
    volume: Option<Option<f64>>,
    #[serde(default, deserialize_with = "some")]
    emoji_id: Option<Option<EmojiId>>,
    #[serde(default, deserialize_with = "some")]
    emoji_name: Option<Option<String>>,
}

/// `PATCH /guilds/{guild.id}/soundboard-sounds/{sound.id}`
async fn update(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, sound)): Path<(GuildId, SoundId)>,
    reason: Reason,
    Json(body): Json<Update>,
) -> Result<Json<Value>, ApiError> {
    member_view(&parts, guild, me.id())?;
    // There is one emoji: naming either takes the place of both.
    let emoji = match (body.emoji_id, body.emoji_name) {
        (None, None) => None,
        (id, name) => {
            let id = id.flatten();
            Some((id, name.flatten().filter(|_| id.is_none())))
        }
    };
    let patch = SoundPatch {
        name: body.name.map(|name| name.trim().to_owned()),
        volume: body.volume.map(|volume| volume.unwrap_or(1.0)),
        emoji,
    };
    let command = GuildCommand::UpdateSound(sound, patch);
    let view = parts.store.execute(guild, reason.by(me.id()), command).await?;
    Ok(Json(shown(&parts, &view, &me, sound).await?))
}

/// `DELETE /guilds/{guild.id}/soundboard-sounds/{sound.id}`
async fn remove(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((guild, id)): Path<(GuildId, SoundId)>,
    reason: Reason,
) -> Result<StatusCode, ApiError> {
    member_view(&parts, guild, me.id())?;
    carry_out(async move {
        let command = GuildCommand::DeleteSound(id);
        parts.store.execute(guild, reason.by(me.id()), command).await?;
        sound::forget(&parts, id).await;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

#[derive(Deserialize)]
struct Play {
    sound_id: SoundId,
    source_guild_id: Option<GuildId>,
}

/// `POST /channels/{channel.id}/send-soundboard-sound`: SPEAK and USE_SOUNDBOARD where one is, to be
/// heard and not deaf; USE_EXTERNAL_SOUNDS for what is of another guild.
async fn play(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    Json(body): Json<Play>,
) -> Result<StatusCode, ApiError> {
    let needed = Permissions::SPEAK | Permissions::USE_SOUNDBOARD;
    let guild = match channels::open(&parts, &me, channel, needed).await? {
        ChannelHome::Guild(guild) => guild,
        ChannelHome::Private(_) => return Err(ErrorCode::CannotExecuteOnPrivateChannel.into()),
    };
    let view = guild.view();
    let state = view.voice.get(&me.id()).filter(|state| state.channel == Some(channel));
    let state = state.ok_or(ErrorCode::NotConnectedToVoice)?;
    if state.mute || state.deaf || state.self_deaf || state.suppress {
        return Err(ErrorCode::MissingPermissions.into());
    }
    let source = body.source_guild_id.unwrap_or_else(|| guild.id());
    let sound = if source == guild.id() {
        view.sounds.get(&body.sound_id).cloned()
    } else {
        let allowed = view.permissions_in(me.id(), channel, parts.now_ms());
        allowed.require(Permissions::USE_EXTERNAL_SOUNDS)?;
        let source = member_view(&parts, source, me.id()).ok();
        source.and_then(|source| source.sounds.get(&body.sound_id).cloned())
    };
    let sound = sound.ok_or(ErrorCode::UnknownSound)?;
    let played = SoundPlayed { channel, user: me.id(), sound };
    guild.publish(GuildEvent::SoundPlayed(Arc::new(played))).await?;
    Ok(StatusCode::NO_CONTENT)
}

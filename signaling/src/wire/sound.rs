//! A sound of a guild's soundboard (Discord: Soundboard Sound Object).

use model::id::GuildId;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::event::SoundPlayed;
use state::record::SoundRecord;

/// The sound, without its maker.
#[must_use]
pub fn sound(guild: GuildId, sound: &SoundRecord) -> Value {
    json!({
        "sound_id": sound.id,
        "name": sound.name,
        "volume": sound.volume,
        "emoji_id": sound.emoji,
        "emoji_name": sound.emoji_name,
        "guild_id": guild,
        "available": true,
        "user_id": sound.user,
    })
}

/// All sounds of a guild, oldest first.
#[must_use]
pub fn sounds(guild: &Guild) -> Vec<Value> {
    guild.sounds.values().map(|one| sound(guild.id, one)).collect()
}

/// A sound that is played to those in a voice channel (Discord: Voice Channel Effect Send).
#[must_use]
pub fn sound_played(guild: GuildId, played: &SoundPlayed) -> Value {
    let sound = &played.sound;
    let emoji = match (sound.emoji, &sound.emoji_name) {
        (None, None) => Value::Null,
        (id, name) => json!({ "id": id, "name": name }),
    };
    json!({
        "channel_id": played.channel,
        "guild_id": guild,
        "user_id": played.user,
        "emoji": emoji,
        "animation_type": null,
        "animation_id": 0,
        "sound_id": sound.id,
        "sound_volume": sound.volume,
    })
}

//! An emoji of a guild (Discord: Emoji Resource).

use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::record::EmojiRecord;

/// The emoji, without its maker.
#[must_use]
pub fn guild_emoji(emoji: &EmojiRecord) -> Value {
    json!({
        "id": emoji.id,
        "name": emoji.name,
        "roles": emoji.roles,
        "require_colons": true,
        "managed": false,
        "animated": emoji.animated,
        "available": true,
    })
}

/// All emojis of a guild, oldest first.
#[must_use]
pub fn guild_emojis(guild: &Guild) -> Vec<Value> {
    guild.emojis.values().map(|emoji| guild_emoji(emoji)).collect()
}

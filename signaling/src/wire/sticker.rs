//! A sticker of a guild, and how a message carries it (Discord: Sticker Resource).

use model::id::GuildId;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::record::StickerItem;
use state::record::StickerRecord;

/// The sticker, without its maker.
#[must_use]
pub fn sticker(guild: GuildId, sticker: &StickerRecord) -> Value {
    json!({
        "id": sticker.id,
        "name": sticker.name,
        "description": sticker.description,
        "tags": sticker.tags,
        "type": OF_A_GUILD,
        "format_type": sticker.format as u8,
        "available": true,
        "guild_id": guild,
    })
}

/// All stickers of a guild, oldest first.
#[must_use]
pub fn stickers(guild: &Guild) -> Vec<Value> {
    guild.stickers.values().map(|one| sticker(guild.id, one)).collect()
}

/// As much of a sticker as it takes to show it.
#[must_use]
pub fn sticker_item(item: &StickerItem) -> Value {
    json!({ "id": item.id, "name": item.name, "format_type": item.format as u8 })
}

/// Discord: Sticker Types.
const OF_A_GUILD: u8 = 2;

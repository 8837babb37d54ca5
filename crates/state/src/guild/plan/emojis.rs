//! Emojis: who manages them, how many there may be, what they are called.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::EmojiId;
use model::id::RoleId;
use model::limits;
use model::wire::guild::Permissions;

use super::Asked;
use super::Change;
use super::Denied;
use super::field;
use crate::record::EmojiRecord;
use crate::record::SoundRecord;

impl<'a> Asked<'a> {
    pub(super) fn create_emoji(self, emoji: &EmojiRecord) -> Result<Vec<Change>, Denied> {
        if !self.has(Permissions::MANAGE_GUILD_EXPRESSIONS) {
            self.require(Permissions::CREATE_GUILD_EXPRESSIONS)?;
        }
        if self.guild.emojis.contains_key(&emoji.id) {
            return Err(field::bad("id", "BASE_TYPE_ALREADY_EXISTS", "The id is taken."));
        }
        let alike = self.guild.emojis.values().filter(|other| other.animated == emoji.animated);
        if alike.count() >= limits::EMOJIS {
            return Err(ErrorCode::MaximumEmojis.into());
        }
        self.check_emoji(emoji)?;
        Ok(vec![Change::PutEmoji(Arc::new(emoji.clone()))])
    }

    pub(super) fn update_emoji(
        self,
        id: EmojiId,
        name: Option<&str>,
        roles: Option<&[RoleId]>,
    ) -> Result<Vec<Change>, Denied> {
        let old = self.own_emoji(id)?;
        let new = EmojiRecord {
            name: name.unwrap_or(&old.name).to_owned(),
            roles: roles.unwrap_or(&old.roles).to_vec(),
            ..(**old).clone()
        };
        if new == **old {
            return Ok(Vec::new());
        }
        self.check_emoji(&new)?;
        Ok(vec![Change::PutEmoji(Arc::new(new))])
    }

    pub(super) fn delete_emoji(self, id: EmojiId) -> Result<Vec<Change>, Denied> {
        self.own_emoji(id)?;
        // Sounds keep no emoji that is not there.
        let sounds = self.guild.sounds.values().filter(|sound| sound.emoji == Some(id));
        let bare = sounds.map(|sound| {
            Change::PutSound(Arc::new(SoundRecord { emoji: None, ..(**sound).clone() }))
        });
        Ok(bare.chain([Change::DeleteEmoji(id)]).collect())
    }

    /// An emoji that the actor may change.
    fn own_emoji(self, id: EmojiId) -> Result<&'a Arc<EmojiRecord>, Denied> {
        let emoji = self.guild.emojis.get(&id).ok_or(ErrorCode::UnknownEmoji)?;
        let own = emoji.user == self.actor && self.has(Permissions::CREATE_GUILD_EXPRESSIONS);
        if !own {
            self.require(Permissions::MANAGE_GUILD_EXPRESSIONS)?;
        }
        Ok(emoji)
    }

    pub(super) fn has(self, needed: Permissions) -> bool {
        self.guild.permissions(self.actor, self.now_ms).has(needed)
    }

    fn check_emoji(self, emoji: &EmojiRecord) -> Result<(), Denied> {
        field::length("name", &emoji.name, limits::EMOJI_NAME)?;
        if !emoji.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            let message = "Only letters, digits and underscores.";
            return Err(field::bad("name", "STRING_TYPE_REGEX", message));
        }
        if emoji.roles.iter().any(|role| !self.guild.roles.contains_key(role)) {
            return Err(ErrorCode::UnknownRole.into());
        }
        Ok(())
    }
}

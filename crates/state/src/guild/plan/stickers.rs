//! Stickers: who manages them, how many there may be, what they are called.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::StickerId;
use model::id::UserId;
use model::limits;
use model::wire::guild::Permissions;

use super::Asked;
use super::Change;
use super::Denied;
use super::field;
use crate::guild::command::StickerPatch;
use crate::record::StickerRecord;

impl<'a> Asked<'a> {
    pub(super) fn create_sticker(self, sticker: &StickerRecord) -> Result<Vec<Change>, Denied> {
        if !self.has(Permissions::MANAGE_GUILD_EXPRESSIONS) {
            self.require(Permissions::CREATE_GUILD_EXPRESSIONS)?;
        }
        if self.guild.stickers.contains_key(&sticker.id) {
            return Err(field::bad("id", "BASE_TYPE_ALREADY_EXISTS", "The id is taken."));
        }
        if self.guild.stickers.len() >= limits::STICKERS {
            return Err(ErrorCode::MaximumStickers.into());
        }
        check(sticker)?;
        Ok(vec![Change::PutSticker(Arc::new(sticker.clone()))])
    }

    pub(super) fn update_sticker(
        self,
        id: StickerId,
        patch: &StickerPatch,
    ) -> Result<Vec<Change>, Denied> {
        let old = self.managed_sticker(id)?;
        let new = StickerRecord {
            name: patch.name.as_ref().unwrap_or(&old.name).clone(),
            description: patch.description.as_ref().unwrap_or(&old.description).clone(),
            tags: patch.tags.as_ref().unwrap_or(&old.tags).clone(),
            ..(**old).clone()
        };
        if new == **old {
            return Ok(Vec::new());
        }
        check(&new)?;
        Ok(vec![Change::PutSticker(Arc::new(new))])
    }

    pub(super) fn delete_sticker(self, id: StickerId) -> Result<Vec<Change>, Denied> {
        self.managed_sticker(id)?;
        Ok(vec![Change::DeleteSticker(id)])
    }

    /// Demands what it takes to change a sticker or a sound that `maker` made.
    pub(super) fn require_expression_of(self, maker: UserId) -> Result<(), Denied> {
        let own = maker == self.actor && self.has(Permissions::CREATE_GUILD_EXPRESSIONS);
        if own { Ok(()) } else { self.require(Permissions::MANAGE_GUILD_EXPRESSIONS) }
    }

    /// A sticker that the actor may change.
    fn managed_sticker(self, id: StickerId) -> Result<&'a Arc<StickerRecord>, Denied> {
        let sticker = self.guild.stickers.get(&id).ok_or(ErrorCode::UnknownSticker)?;
        self.require_expression_of(sticker.user)?;
        Ok(sticker)
    }
}

fn check(sticker: &StickerRecord) -> Result<(), Denied> {
    field::length("name", &sticker.name, limits::STICKER_NAME)?;
    field::length("tags", &sticker.tags, limits::STICKER_TAGS)?;
    match &sticker.description {
        Some(text) => field::length("description", text, limits::STICKER_DESCRIPTION),
        None => Ok(()),
    }
}

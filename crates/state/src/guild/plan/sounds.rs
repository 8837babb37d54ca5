//! Sounds of the soundboard: who manages them, how many there may be, what they are called.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::SoundId;
use model::limits;
use model::wire::guild::Permissions;

use super::Asked;
use super::Change;
use super::Denied;
use super::field;
use crate::guild::command::SoundPatch;
use crate::record::SoundRecord;

impl<'a> Asked<'a> {
    pub(super) fn create_sound(self, sound: &SoundRecord) -> Result<Vec<Change>, Denied> {
        if !self.has(Permissions::MANAGE_GUILD_EXPRESSIONS) {
            self.require(Permissions::CREATE_GUILD_EXPRESSIONS)?;
        }
        if self.guild.sounds.contains_key(&sound.id) {
            return Err(field::bad("id", "BASE_TYPE_ALREADY_EXISTS", "The id is taken."));
        }
        if self.guild.sounds.len() >= limits::SOUNDS {
            return Err(ErrorCode::MaximumSounds.into());
        }
        self.check_sound(sound)?;
        Ok(vec![Change::PutSound(Arc::new(sound.clone()))])
    }

    pub(super) fn update_sound(
        self,
        id: SoundId,
        patch: &SoundPatch,
    ) -> Result<Vec<Change>, Denied> {
        let old = self.managed_sound(id)?;
        let mut new = SoundRecord {
            name: patch.name.as_ref().unwrap_or(&old.name).clone(),
            volume: patch.volume.unwrap_or(old.volume),
            ..(**old).clone()
        };
        if let Some((emoji, name)) = &patch.emoji {
            (new.emoji, new.emoji_name) = (*emoji, name.clone());
        }
        if new == **old {
            return Ok(Vec::new());
        }
        self.check_sound(&new)?;
        Ok(vec![Change::PutSound(Arc::new(new))])
    }

    pub(super) fn delete_sound(self, id: SoundId) -> Result<Vec<Change>, Denied> {
        self.managed_sound(id)?;
        Ok(vec![Change::DeleteSound(id)])
    }

    /// A sound that the actor may change.
    fn managed_sound(self, id: SoundId) -> Result<&'a Arc<SoundRecord>, Denied> {
        let sound = self.guild.sounds.get(&id).ok_or(ErrorCode::UnknownSound)?;
        self.require_expression_of(sound.user)?;
        Ok(sound)
    }

    fn check_sound(self, sound: &SoundRecord) -> Result<(), Denied> {
        field::length("name", &sound.name, limits::SOUND_NAME)?;
        if !(0.0..=1.0).contains(&sound.volume) {
            let message = "Must be between 0 and 1.";
            return Err(field::bad("volume", "NUMBER_TYPE_RANGE", message));
        }
        if sound.emoji.is_some_and(|emoji| !self.guild.emojis.contains_key(&emoji)) {
            return Err(ErrorCode::UnknownEmoji.into());
        }
        if let Some(name) = &sound.emoji_name {
            field::length("emoji_name", name, limits::SOUND_EMOJI)?;
        }
        Ok(())
    }
}

//! Settings and the end of a guild: who may, and what they may be.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::limits;
use model::wire::channel::ChannelType;
use model::wire::guild::Permissions;

use super::Asked;
use super::Change;
use super::Denied;
use super::field;
use crate::guild::command::SettingsPatch;

impl Asked<'_> {
    pub(super) fn update_settings(self, patch: &SettingsPatch) -> Result<Vec<Change>, Denied> {
        self.require(Permissions::MANAGE_GUILD)?;
        self.check_settings(patch)?;
        let mut settings = (*self.guild.settings).clone();
        if let Some(name) = &patch.name {
            name.trim().clone_into(&mut settings.name);
        }
        settings.owner = patch.owner.unwrap_or(settings.owner);
        replace(&mut settings.icon, patch.icon.as_ref());
        replace(&mut settings.description, patch.description.as_ref());
        replace(&mut settings.afk_channel, patch.afk_channel.as_ref());
        replace(&mut settings.afk_timeout, patch.afk_timeout.as_ref());
        replace(&mut settings.system_channel, patch.system_channel.as_ref());
        replace(&mut settings.verification_level, patch.verification_level.as_ref());
        replace(
            &mut settings.default_message_notifications,
            patch.default_message_notifications.as_ref(),
        );
        replace(&mut settings.explicit_content_filter, patch.explicit_content_filter.as_ref());
        if let Some(locale) = &patch.preferred_locale {
            settings.preferred_locale = Some(locale.clone());
        }
        replace(&mut settings.widget, patch.widget.as_ref());
        replace(&mut settings.incidents, patch.incidents.as_ref());
        replace(&mut settings.welcome, patch.welcome.as_ref());
        if let Some(welcome) = &patch.new_members {
            settings.new_members = Some(welcome.clone());
        }
        if settings == *self.guild.settings {
            return Ok(Vec::new());
        }
        Ok(vec![Change::Settings(Arc::new(settings))])
    }

    fn check_settings(self, patch: &SettingsPatch) -> Result<(), Denied> {
        if let Some(owner) = patch.owner {
            if self.actor != self.guild.settings.owner {
                return Err(ErrorCode::MissingPermissions.into());
            }
            if !self.guild.members.contains_key(&owner) {
                return Err(ErrorCode::UnknownMember.into());
            }
            if self.guild.is_pending(owner) {
                return Err(ErrorCode::OwnerPending.into());
            }
        }
        if let Some(name) = &patch.name {
            field::length("name", name.trim(), limits::GUILD_NAME)?;
        }
        if let Some(Some(description)) = &patch.description {
            field::at_most("description", description, limits::GUILD_DESCRIPTION)?;
        }
        if let Some(Some(channel)) = patch.afk_channel {
            let voice = self.kind(channel) == Some(ChannelType::GuildVoice);
            expect_channel("afk_channel_id", voice)?;
        }
        if let Some(Some(channel)) = patch.system_channel {
            let channel = self.guild.channels.get(&channel);
            let text = channel.is_some_and(|channel| channel.kind == ChannelType::GuildText);
            expect_channel("system_channel_id", text)?;
        }
        if let Some(seconds) = patch.afk_timeout {
            field::choice("afk_timeout", seconds, &[60, 300, 900, 1_800, 3_600])?;
        }
        if let Some(level) = patch.verification_level {
            field::choice("verification_level", level.into(), &[0, 1, 2, 3, 4])?;
        }
        if let Some(level) = patch.default_message_notifications {
            field::choice("default_message_notifications", level.into(), &[0, 1])?;
        }
        if let Some(level) = patch.explicit_content_filter {
            field::choice("explicit_content_filter", level.into(), &[0, 1, 2])?;
        }
        if let Some(locale) = &patch.preferred_locale {
            field::length("preferred_locale", locale, 2..=16)?;
        }
        self.check_community(patch)
    }

    fn kind(self, channel: ChannelId) -> Option<ChannelType> {
        self.guild.channels.get(&channel).map(|channel| channel.kind)
    }

    pub(super) fn delete_guild(self) -> Result<Vec<Change>, Denied> {
        if self.actor != self.guild.settings.owner {
            return Err(ErrorCode::OwnerOnly.into());
        }
        Ok(vec![Change::DeleteGuild])
    }
}

fn replace<T: Clone>(field: &mut T, new: Option<&T>) {
    if let Some(new) = new {
        field.clone_from(new);
    }
}

fn expect_channel(path: &str, fits: bool) -> Result<(), Denied> {
    if fits { Ok(()) } else { Err(field::bad(path, "CHANNEL_TYPE_INVALID", "Invalid channel.")) }
}

//! The first version of a guild: what people expect to find in a new one.

use std::sync::Arc;

use model::limits;
use model::permissions::SET_VOICE_CHANNEL_STATUS;
use model::wire::channel::Channel;
use model::wire::channel::ChannelType;
use model::wire::guild::Permissions;

use super::Guild;
use super::GuildSettings;
use super::command::GuildDraft;
use super::community::Incidents;
use super::community::Onboarding;
use super::community::WelcomeScreen;
use super::community::Widget;
use super::plan::Denied;
use super::plan::field;
use super::plan::new_channel;
use super::plan::new_role;
use crate::members::Members;
use crate::record::MemberRecord;
use crate::screening::Screening;

/// What `@everyone` of a new guild may do: Discord's own default.
const EVERYONE: Permissions = Permissions::CREATE_INVITE
    .union(Permissions::ADD_REACTIONS)
    .union(Permissions::STREAM)
    .union(Permissions::VIEW_CHANNEL)
    .union(Permissions::SEND_MESSAGES)
    .union(Permissions::EMBED_LINKS)
    .union(Permissions::ATTACH_FILES)
    .union(Permissions::READ_MESSAGE_HISTORY)
    .union(Permissions::MENTION_EVERYONE)
    .union(Permissions::USE_EXTERNAL_EMOJIS)
    .union(Permissions::CONNECT)
    .union(Permissions::SPEAK)
    .union(Permissions::USE_VAD)
    .union(Permissions::CHANGE_NICKNAME)
    .union(Permissions::USE_SLASH_COMMANDS)
    .union(Permissions::REQUEST_TO_SPEAK)
    .union(Permissions::CREATE_PUBLIC_THREADS)
    .union(Permissions::CREATE_PRIVATE_THREADS)
    .union(Permissions::USE_EXTERNAL_STICKERS)
    .union(Permissions::SEND_MESSAGES_IN_THREADS)
    .union(Permissions::USE_EMBEDDED_ACTIVITIES)
    .union(Permissions::USE_SOUNDBOARD)
    .union(Permissions::USE_EXTERNAL_SOUNDS)
    .union(Permissions::SEND_VOICE_MESSAGES)
    .union(Permissions::SEND_POLLS)
    .union(Permissions::USE_EXTERNAL_APPS)
    .union(SET_VOICE_CHANNEL_STATUS);

impl Guild {
    /// A new guild with its owner in it, at version 1.
    ///
    /// `draft.channel_ids` name, in this order: the category of text channels, the text channel
    /// "general" (where system messages go), the category of voice channels, the voice channel
    /// "General".
    ///
    /// # Errors
    ///
    /// [`Denied::Field`] when the name is too short or too long.
    pub fn found(draft: GuildDraft) -> Result<Self, Denied> {
        let name = draft.name.trim();
        field::length("name", name, limits::GUILD_NAME)?;
        let [text_category, text, voice_category, voice] = draft.channel_ids;
        let settings = GuildSettings {
            name: name.to_owned(),
            icon: draft.icon,
            description: None,
            owner: draft.owner,
            afk_channel: None,
            afk_timeout: 300,
            system_channel: Some(text),
            verification_level: 0,
            default_message_notifications: 0,
            explicit_content_filter: 0,
            preferred_locale: None,
            widget: Widget::default(),
            incidents: Incidents::default(),
            welcome: WelcomeScreen::default(),
            new_members: None,
            onboarding: Onboarding::default(),
            screening: Screening::default(),
        };
        let mut guild = Self {
            id: draft.id,
            version: 1,
            settings: Arc::new(settings),
            roles: imbl::OrdMap::new(),
            channels: imbl::OrdMap::new(),
            threads: imbl::OrdMap::new(),
            members: Members::new(),
            bans: imbl::OrdMap::new(),
            emojis: imbl::OrdMap::new(),
            rules: imbl::OrdMap::new(),
            stickers: imbl::OrdMap::new(),
            sounds: imbl::OrdMap::new(),
            scheduled: imbl::OrdMap::new(),
            requests: imbl::OrdMap::new(),
            voice: imbl::HashMap::new(),
            live: imbl::HashMap::new(),
            stages: imbl::HashMap::new(),
            newest: imbl::HashMap::new(),
            presences: imbl::HashMap::new(),
        };
        let everyone = new_role(draft.id.cast(), "@everyone", EVERYONE, 0);
        guild.roles.insert(everyone.id, Arc::new(everyone));
        let owner = MemberRecord::joined(draft.owner, draft.now);
        guild.members.insert(owner.user, Arc::new(owner));
        for (id, kind, name, parent) in [
            (text_category, ChannelType::GuildCategory, "Text channels", None),
            (text, ChannelType::GuildText, "general", Some(text_category)),
            (voice_category, ChannelType::GuildCategory, "Voice channels", None),
            (voice, ChannelType::GuildVoice, "General", Some(voice_category)),
        ] {
            let channel = Channel {
                name: Some(name.to_owned()),
                parent_id: parent,
                ..new_channel(&guild, id, kind)
            };
            guild.channels.insert(id, Arc::new(channel));
        }
        Ok(guild)
    }
}

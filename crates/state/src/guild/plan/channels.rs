//! Channels: what they may be called, where they may stand, and what goes with a deleted one.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::limits;
use model::wire::channel::Channel;
use model::wire::channel::ChannelType;
use model::wire::guild::Permissions;

use super::Asked;
use super::Change;
use super::Denied;
use super::field;
use crate::guild::Guild;
use crate::guild::command::ChannelDraft;
use crate::guild::command::ChannelMove;
use crate::guild::command::ChannelPatch;
use crate::guild::command::is_creatable;
use crate::guild::command::is_forum;

impl Asked<'_> {
    pub(super) fn create_channel(self, draft: &ChannelDraft) -> Result<Vec<Change>, Denied> {
        self.require(Permissions::MANAGE_CHANNELS)?;
        if self.guild.channels.len() >= limits::CHANNELS {
            return Err(ErrorCode::MaximumChannels.into());
        }
        if !is_creatable(draft.kind) {
            let message = "Value must be one of (0, 2, 4, 5, 13, 15, 16).";
            return Err(field::bad("type", "BASE_TYPE_CHOICES", message));
        }
        if self.guild.channels.contains_key(&draft.id) {
            return Err(field::bad("id", "BASE_TYPE_ALREADY_EXISTS", "The id is taken."));
        }
        let mut channel = new_channel(self.guild, draft.id, draft.kind);
        self.patch_channel(
            &mut channel,
            &ChannelPatch {
                name: Some(draft.name.clone()),
                topic: draft.topic.clone().map(Some),
                position: draft.position,
                parent: draft.parent.map(Some),
                bitrate: draft.bitrate,
                user_limit: draft.user_limit,
                rate_limit_per_user: draft.rate_limit_per_user,
                nsfw: Some(draft.nsfw),
                overwrites: None,
                forum: draft.forum.clone(),
            },
        )?;
        // A channel made in a category without a word about permissions has the category's, as
        // clients show it: else a private category would gain a public channel.
        let parent = draft.parent.and_then(|parent| self.guild.channels.get(&parent));
        channel.permission_overwrites = Some(match parent {
            Some(parent) if draft.overwrites.is_empty() => {
                parent.permission_overwrites.clone().unwrap_or_default()
            }
            _ => self.checked_overwrites(&[], &draft.overwrites, Permissions::empty())?,
        });
        Ok(vec![Change::PutChannel(Arc::new(channel))])
    }

    pub(super) fn update_channel(
        self,
        id: ChannelId,
        patch: &ChannelPatch,
    ) -> Result<Vec<Change>, Denied> {
        let old = self.guild.channels.get(&id).ok_or(ErrorCode::UnknownChannel)?;
        self.require_in(id, Permissions::MANAGE_CHANNELS)?;
        let mut channel = (**old).clone();
        self.patch_channel(&mut channel, patch)?;
        if let Some(overwrites) = &patch.overwrites {
            self.require_in(id, Permissions::MANAGE_ROLES)?;
            let before = old.permission_overwrites.as_deref().unwrap_or_default();
            let held = self.guild.permissions_in(self.actor, id, self.now_ms).0;
            channel.permission_overwrites =
                Some(self.checked_overwrites(before, overwrites, held)?);
        }
        if channel == **old {
            return Ok(Vec::new());
        }
        Ok(vec![Change::PutChannel(Arc::new(channel))])
    }

    pub(super) fn move_channels(self, moves: &[ChannelMove]) -> Result<Vec<Change>, Denied> {
        self.require(Permissions::MANAGE_CHANNELS)?;
        let mut planned = self.guild.channels.clone();
        for &(id, position, parent) in moves {
            let old = planned.get(&id).ok_or(ErrorCode::UnknownChannel)?;
            let mut channel = (**old).clone();
            if let Some(position) = position {
                channel.position = Some(checked_position(position)?);
            }
            if let Some(parent) = parent {
                self.set_parent(&mut channel, parent)?;
            }
            planned.insert(id, Arc::new(channel));
        }
        for parent in planned.values().filter(|c| c.kind == ChannelType::GuildCategory) {
            let children = planned.values().filter(|child| child.parent_id == Some(parent.id));
            if children.count() > limits::CATEGORY_CHANNELS {
                return Err(category_full());
            }
        }
        let changed =
            planned.into_iter().filter(|(id, new)| self.guild.channels.get(id) != Some(new));
        Ok(changed.map(|(_, channel)| Change::PutChannel(channel)).collect())
    }

    pub(super) fn delete_channel(self, id: ChannelId) -> Result<Vec<Change>, Denied> {
        if self.guild.threads.contains_key(&id) {
            return self.delete_thread(id);
        }
        if !self.guild.channels.contains_key(&id) {
            return Err(ErrorCode::UnknownChannel.into());
        }
        self.require_in(id, Permissions::MANAGE_CHANNELS)?;
        let mut changes = Vec::new();
        for child in self.guild.channels.values().filter(|child| child.parent_id == Some(id)) {
            let child = Channel { parent_id: None, ..(**child).clone() };
            changes.push(Change::PutChannel(Arc::new(child)));
        }
        let mut settings = (*self.guild.settings).clone();
        settings.afk_channel = settings.afk_channel.filter(|&channel| channel != id);
        settings.system_channel = settings.system_channel.filter(|&channel| channel != id);
        if settings != *self.guild.settings {
            changes.push(Change::Settings(Arc::new(settings)));
        }
        let threads = self.guild.threads.values().filter(|thread| thread.record.parent == id);
        changes.extend(threads.map(|thread| Change::DeleteThread(thread.record.id)));
        let events = self.guild.scheduled.values().map(|event| &event.record);
        let here = events.filter(|event| event.place.channel() == Some(id));
        changes.extend(here.map(|event| Change::DeleteScheduledEvent(event.id)));
        changes.push(Change::DeleteChannel(id));
        Ok(changes)
    }

    /// Everything but overwrites. Fields that a kind does not have are left out of it.
    fn patch_channel(self, channel: &mut Channel, patch: &ChannelPatch) -> Result<(), Denied> {
        let kind = channel.kind;
        if let Some(name) = &patch.name {
            channel.name = Some(channel_name(kind, name)?);
        }
        if let Some(topic) = &patch.topic
            && kind != ChannelType::GuildCategory
        {
            let longest = if is_forum(kind) { limits::FORUM_TOPIC } else { limits::TOPIC };
            field::at_most("topic", topic.as_deref().unwrap_or_default(), longest)?;
            channel.topic = topic.clone().filter(|topic| !topic.is_empty());
        }
        if let Some(position) = patch.position {
            channel.position = Some(checked_position(position)?);
        }
        if let Some(parent) = patch.parent {
            self.set_parent(channel, parent)?;
            self.require_room_in(channel, parent)?;
        }
        if let Some(bitrate) = patch.bitrate
            && is_voice(kind)
        {
            field::number("bitrate", bitrate, &limits::BITRATE)?;
            channel.bitrate = Some(bitrate);
        }
        if let Some(user_limit) = patch.user_limit
            && is_voice(kind)
        {
            let stage = kind == ChannelType::GuildStageVoice;
            let most = if stage { limits::STAGE_USERS } else { limits::VOICE_USERS };
            field::number("user_limit", user_limit, &(0..=most))?;
            channel.user_limit = Some(user_limit);
        }
        if let Some(seconds) = patch.rate_limit_per_user
            && kind != ChannelType::GuildCategory
        {
            let longest = u32::from(limits::SLOWMODE);
            field::number("rate_limit_per_user", seconds.into(), &(0..=longest))?;
            channel.rate_limit_per_user = Some(seconds);
        }
        if let Some(nsfw) = patch.nsfw {
            channel.nsfw = Some(nsfw);
        }
        self.patch_forum(channel, &patch.forum)?;
        Ok(())
    }

    fn set_parent(self, channel: &mut Channel, parent: Option<ChannelId>) -> Result<(), Denied> {
        if let Some(parent) = parent {
            let parent = self.guild.channels.get(&parent);
            let parent = parent.filter(|parent| parent.guild_id == Some(self.guild.id));
            let message = match parent {
                None => "Category does not exist.",
                Some(parent) if parent.kind != ChannelType::GuildCategory => "Not a category.",
                Some(_) if channel.kind == ChannelType::GuildCategory => {
                    "Categories cannot have parents."
                }
                Some(_) => "",
            };
            if !message.is_empty() {
                return Err(field::bad("parent_id", "CHANNEL_PARENT_INVALID", message));
            }
        }
        channel.parent_id = parent;
        Ok(())
    }

    fn require_room_in(self, channel: &Channel, parent: Option<ChannelId>) -> Result<(), Denied> {
        let Some(parent) = parent else { return Ok(()) };
        let children = self.guild.channels.values();
        let children = children.filter(|child| child.parent_id == Some(parent));
        if children.filter(|child| child.id != channel.id).count() >= limits::CATEGORY_CHANNELS {
            return Err(category_full());
        }
        Ok(())
    }
}

fn category_full() -> Denied {
    let message = "Maximum number of channels in category reached (50)";
    field::bad("parent_id", "CHANNEL_PARENT_MAX_CHANNELS", message)
}

fn checked_position(position: i32) -> Result<i32, Denied> {
    if position < 0 {
        let message = "int value should be greater than or equal to 0.";
        return Err(field::bad("position", "NUMBER_TYPE_MIN", message));
    }
    Ok(position)
}

const fn is_voice(kind: ChannelType) -> bool {
    matches!(kind, ChannelType::GuildVoice | ChannelType::GuildStageVoice)
}

/// Text channels are called in lower case, with dashes for spaces; others as people write it.
fn channel_name(kind: ChannelType, name: &str) -> Result<String, Denied> {
    let name = name.trim();
    let name = if matches!(kind, ChannelType::GuildText | ChannelType::GuildAnnouncement) {
        name.split_whitespace().collect::<Vec<_>>().join("-").to_lowercase()
    } else {
        name.to_owned()
    };
    field::length("name", &name, limits::NAME)?;
    Ok(name)
}

/// A channel of `guild` without a name, last among its like, public.
pub(in crate::guild) fn new_channel(guild: &Guild, id: ChannelId, kind: ChannelType) -> Channel {
    // Clients sort categories, text-like and voice-like channels apart.
    let group = |kind| (kind == ChannelType::GuildCategory, is_voice(kind));
    let like = guild.channels.values().filter(|other| group(other.kind) == group(kind));
    let last = like.filter_map(|other| other.position).max();
    let voice = is_voice(kind);
    let said = kind != ChannelType::GuildCategory;
    Channel {
        application_id: None,
        applied_tags: None,
        available_tags: is_forum(kind).then(Vec::new),
        bitrate: voice.then_some(limits::BITRATE_DEFAULT),
        default_auto_archive_duration: None,
        default_forum_layout: None,
        default_reaction_emoji: None,
        default_sort_order: None,
        default_thread_rate_limit_per_user: None,
        flags: None,
        guild_id: Some(guild.id),
        icon: None,
        id,
        invitable: None,
        kind,
        last_message_id: None,
        last_pin_timestamp: None,
        managed: None,
        member: None,
        member_count: None,
        message_count: None,
        name: None,
        newly_created: None,
        nsfw: Some(false),
        owner_id: None,
        parent_id: None,
        permission_overwrites: Some(Vec::new()),
        position: Some(last.map_or(0, |last| last.saturating_add(1))),
        rate_limit_per_user: said.then_some(0),
        recipients: None,
        rtc_region: None,
        thread_metadata: None,
        topic: None,
        total_message_sent: None,
        user_limit: voice.then_some(0),
        video_quality_mode: None,
    }
}

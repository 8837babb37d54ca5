//! How far people have read, and of what they want to be notified.
//!
//! Mentions are never counted when something is said: a message for everyone would be a write for each
//! member. They are counted when somebody asks, from where they stopped reading.

use std::collections::BTreeMap;

use model::id::ChannelId;
use model::id::MessageId;
use model::id::RoleId;
use model::id::UserId;
use model::snowflake;
use model::wire::channel::ChannelType;
use model::wire::guild::Permissions;
use model::wire::util::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::Guild;
use crate::guild::command::is_textual;
use crate::record::PrivateChannel;

/// The kind of a read state that is of a channel (Discord: Read State Type).
pub const CHANNEL: u8 = 0;
/// The largest kind that there is.
pub const KINDS: u8 = 5;

/// What a read state is of: its kind, and the id of the channel, the guild or the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    /// Discord's read state type.
    pub kind: u8,
    /// Whose.
    pub id: u64,
}

impl Resource {
    /// A channel.
    #[must_use]
    pub const fn channel(id: ChannelId) -> Self {
        Self { kind: CHANNEL, id: id.get() }
    }
}

/// How far someone has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadState {
    /// What.
    pub of: Resource,
    /// Up to which message, or what else it counts; 0 is nothing.
    pub last: u64,
    /// Discord's read state flags.
    pub flags: u32,
    /// When it was last looked at, in days since 2015.
    pub last_viewed: Option<u32>,
    /// Up to when pins are seen, in Unix milliseconds.
    pub pins_ms: Option<u64>,
}

/// A change of a read state; what is not told stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    /// Of what.
    pub of: Resource,
    /// Read up to there.
    pub last: Option<u64>,
    /// Even when it was read further before: someone wants to read it again.
    pub back: bool,
    /// Discord's read state flags.
    pub flags: Option<u32>,
    /// Days since 2015.
    pub last_viewed: Option<u32>,
    /// Unix milliseconds.
    pub pins_ms: Option<u64>,
}

impl Ack {
    /// A channel, read up to `message` or further.
    #[must_use]
    pub const fn read(channel: ChannelId, message: MessageId) -> Self {
        Self::of(Resource::channel(channel), message.get())
    }

    /// Something, read up to `last` or further.
    #[must_use]
    pub const fn of(of: Resource, last: u64) -> Self {
        let last = Some(last);
        Self { of, last, back: false, flags: None, last_viewed: None, pins_ms: None }
    }

    /// What comes of a read state, or of none.
    #[must_use]
    pub fn apply(&self, before: Option<ReadState>) -> ReadState {
        let empty = ReadState { of: self.of, last: 0, flags: 0, last_viewed: None, pins_ms: None };
        let mut state = before.unwrap_or(empty);
        if let Some(last) = self.last {
            state.last = if self.back { last } else { state.last.max(last) };
        }
        state.flags = self.flags.unwrap_or(state.flags);
        state.last_viewed = self.last_viewed.or(state.last_viewed);
        state.pins_ms = self.pins_ms.or(state.pins_ms);
        state
    }
}

/// A channel whose unread mentions are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Which.
    pub channel: ChannelId,
    /// Messages with greater ids are unread.
    pub after: u64,
    /// Which of them count. Nobody's own do.
    pub counted: Counted,
}

/// What counts as a mention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    /// Everything that is said: a private channel.
    Everything,
    /// What names the person, everyone unless that is suppressed, or one of these roles.
    Mentions {
        /// Whether what is for everyone counts.
        everyone: bool,
        /// Roles of the person, none when these are suppressed.
        roles: Vec<RoleId>,
    },
}

/// How long something is muted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MuteConfig {
    /// Until then; for ever when there is none.
    #[serde(default)]
    pub end_time: Option<Timestamp>,
    /// Seconds that were chosen, -1 for ever.
    #[serde(default)]
    pub selected_time_window: Option<i64>,
}

/// Of what someone wants to be notified in a guild, or in their private channels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notifications {
    /// Not of messages for everyone.
    pub suppress_everyone: bool,
    /// Not of messages for roles.
    pub suppress_roles: bool,
    /// Not of scheduled events.
    pub mute_scheduled_events: bool,
    /// Of nothing.
    pub muted: bool,
    /// For how long.
    pub mute_config: Option<MuteConfig>,
    /// On phones.
    pub mobile_push: bool,
    /// 0 all messages, 1 only mentions, 2 nothing, 3 as above it.
    pub message_notifications: u8,
    /// Muted channels are not listed.
    pub hide_muted_channels: bool,
    /// 0 to 2, Discord's highlight level.
    pub notify_highlights: u8,
    /// Discord's user guild settings flags.
    pub flags: u32,
    /// Channels that differ.
    pub channel_overrides: BTreeMap<ChannelId, ChannelNotifications>,
    /// Unix milliseconds of the last change.
    pub version: u64,
}

impl Default for Notifications {
    fn default() -> Self {
        Self {
            suppress_everyone: false,
            suppress_roles: false,
            mute_scheduled_events: false,
            muted: false,
            mute_config: None,
            mobile_push: true,
            message_notifications: 0,
            hide_muted_channels: false,
            notify_highlights: 0,
            flags: 0,
            channel_overrides: BTreeMap::new(),
            version: 0,
        }
    }
}

/// Of what someone wants to be notified in one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChannelNotifications {
    /// Of nothing.
    pub muted: bool,
    /// For how long.
    pub mute_config: Option<MuteConfig>,
    /// 0 all messages, 1 only mentions, 2 nothing, 3 as the guild.
    pub message_notifications: u8,
    /// A category that is folded.
    pub collapsed: bool,
    /// Discord's channel override flags.
    pub flags: u32,
}

impl Default for ChannelNotifications {
    fn default() -> Self {
        Self {
            muted: false,
            mute_config: None,
            message_notifications: 3,
            collapsed: false,
            flags: 0,
        }
    }
}

impl ChannelNotifications {
    /// Whether it is muted at that time, in Unix milliseconds.
    #[must_use]
    pub fn is_muted(&self, now_ms: u64) -> bool {
        let ends = self.mute_config.as_ref().and_then(|config| config.end_time);
        let now = i64::try_from(now_ms / 1_000).unwrap_or(i64::MAX);
        self.muted && ends.is_none_or(|ends| ends.as_secs() > now)
    }
}

/// The channels of a guild that `user` can read and that something was said in since they read there,
/// or since they joined where they never did.
///
/// `last` tells how far a channel was read. `now_ms`: Unix milliseconds.
#[must_use]
pub fn unread_in_guild(
    guild: &Guild,
    user: UserId,
    settings: Option<&Notifications>,
    last: impl Fn(ChannelId) -> Option<u64>,
    now_ms: u64,
) -> Vec<Unread> {
    let Some(member) = guild.members.get(&user) else { return Vec::new() };
    let suppresses = |which: fn(&Notifications) -> bool| settings.is_some_and(which);
    let everyone = !suppresses(|settings| settings.suppress_everyone);
    let roles = if suppresses(|settings| settings.suppress_roles) {
        Vec::new()
    } else {
        member.roles.clone()
    };
    let joined_ms = u64::try_from(member.joined_at.as_micros() / 1_000).unwrap_or(0);
    let joined = joined_ms.saturating_sub(snowflake::EPOCH) << 22;
    let readable = Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY;
    let textual = guild.channels.values().filter(|channel| is_textual(channel));
    let channels = textual.map(|channel| (channel.id, guild.newest.get(&channel.id).copied()));
    let followed = guild.threads.values().filter(|thread| thread.members.contains_key(&user));
    let threads = followed.map(|thread| (thread.record.id, thread.counts.last_message));
    let mut unread = Vec::new();
    for (channel, newest) in channels.chain(threads) {
        let after = last(channel).unwrap_or(joined);
        let newer = newest.is_some_and(|newest| newest.get() > after);
        if newer && guild.permissions_in(user, channel, now_ms).has(readable) {
            let counted = Counted::Mentions { everyone, roles: roles.clone() };
            unread.push(Unread { channel, after, counted });
        }
    }
    unread
}

/// A private channel, if something was said in it since it was read and it is not muted.
#[must_use]
pub fn unread_in_private(
    channel: &PrivateChannel,
    settings: Option<&Notifications>,
    last: Option<u64>,
    now_ms: u64,
) -> Option<Unread> {
    let after = last.unwrap_or(0);
    let newer = channel.last_message.is_some_and(|newest| newest.get() > after);
    let own = settings.and_then(|settings| settings.channel_overrides.get(&channel.id));
    let counted = if own.is_some_and(|own| own.is_muted(now_ms)) {
        Counted::Mentions { everyone: false, roles: Vec::new() }
    } else {
        Counted::Everything
    };
    newer.then_some(Unread { channel: channel.id, after, counted })
}

/// The channels of a guild that `user` can read, with the newest message of each that has one.
#[must_use]
pub fn newest_in_guild(guild: &Guild, user: UserId, now_ms: u64) -> Vec<(ChannelId, MessageId)> {
    let sees = |channel| guild.permissions_in(user, channel, now_ms).has(Permissions::VIEW_CHANNEL);
    let channels =
        guild.channels.values().filter(|channel| channel.kind != ChannelType::GuildCategory);
    let channels =
        channels.filter_map(|channel| Some((channel.id, *guild.newest.get(&channel.id)?)));
    let followed = guild.threads.values().filter(|thread| thread.members.contains_key(&user));
    let threads =
        followed.filter_map(|thread| Some((thread.record.id, thread.counts.last_message?)));
    channels.chain(threads).filter(|(channel, _)| sees(*channel)).collect()
}

#[cfg(test)]
mod tests {
    use model::wire::id::Id;

    use super::*;

    const TEXT: ChannelId = Id::new(7);

    #[test]
    fn reading_goes_forward_unless_someone_goes_back() {
        let state = Ack::read(TEXT, Id::new(50)).apply(None);
        let late = Ack::read(TEXT, Id::new(40)).apply(Some(state));
        let back = Ack { back: true, ..Ack::read(TEXT, Id::new(40)) }.apply(Some(late));

        assert_eq!((state.last, late.last, back.last), (50, 50, 40));
    }

    #[test]
    fn what_is_not_told_stays() {
        let seen = Ack { flags: Some(1), last_viewed: Some(9), ..Ack::read(TEXT, Id::new(50)) };
        let pins = Ack { last: None, pins_ms: Some(5), ..Ack::read(TEXT, Id::new(50)) };

        let state = pins.apply(Some(seen.apply(None)));

        assert_eq!((state.last, state.flags), (50, 1));
        assert_eq!((state.last_viewed, state.pins_ms), (Some(9), Some(5)));
    }

    #[test]
    fn a_mute_ends_in_time() {
        let until = |end_time| ChannelNotifications {
            muted: true,
            mute_config: Some(MuteConfig { end_time, selected_time_window: None }),
            ..ChannelNotifications::default()
        };
        let ends = until(Timestamp::from_secs(100).ok());

        assert!(ends.is_muted(99_000) && !ends.is_muted(100_000) && until(None).is_muted(100_000));
    }
}

//! A text channel as one person meets it: whose it is, what they may do there, how to tell others.
//!
//! Permissions are of the moment it was opened; open it again after a wait.

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;
use model::wire::channel::Channel;
use model::wire::guild::Permissions;
use state::GuildEvent;
use state::GuildView;
use state::event::ChatEvent;
use state::guild::command::is_forum;
use state::guild::command::is_textual;
use state::permissions::Allowed;
use state::store::ChannelHome;
use state::thread::Thread;

use crate::auth::Identity;
use crate::parts::Parts;
use crate::rest::ApiError;

/// A channel that someone may see.
pub(in crate::rest) struct Place {
    /// The channel.
    pub channel: ChannelId,
    /// The guild as it was then; none for a private channel.
    pub view: Option<GuildView>,
    allowed: Allowed,
    home: ChannelHome,
}

impl Place {
    /// The channel, if `me` may see it and has `needed` there.
    ///
    /// # Errors
    ///
    /// 10003 for what is not there, 50001 for what may not be seen, 50013.
    pub(in crate::rest) async fn open(
        parts: &Parts,
        me: &Identity,
        channel: ChannelId,
        needed: Permissions,
    ) -> Result<Self, ApiError> {
        let home = parts.store.of_channel(channel).await?.ok_or(ErrorCode::UnknownChannel)?;
        let (view, allowed) = match &home {
            ChannelHome::Guild(guild) => {
                let view = guild.view();
                let allowed = view.permissions_in(me.id(), channel, parts.now_ms());
                (Some(view), allowed)
            }
            ChannelHome::Private(private) if private.recipients.contains(&me.id()) => {
                (None, Allowed(PRIVATE))
            }
            ChannelHome::Private(_) => (None, Allowed(Permissions::empty())),
        };
        allowed.require(Permissions::VIEW_CHANNEL)?;
        allowed.require(needed)?;
        Ok(Self { channel, view, allowed, home })
    }

    /// The channel as a bot meets it that was called there: by that right alone it may answer,
    /// whatever else it may do.
    ///
    /// # Errors
    ///
    /// 10003 for what is not there.
    pub(in crate::rest) async fn called(
        parts: &Parts,
        bot: UserId,
        channel: ChannelId,
    ) -> Result<Self, ApiError> {
        let home = parts.store.of_channel(channel).await?.ok_or(ErrorCode::UnknownChannel)?;
        let (view, allowed) = match &home {
            ChannelHome::Guild(guild) => {
                let view = guild.view();
                let allowed = view.permissions_in(bot, channel, parts.now_ms());
                (Some(view), allowed)
            }
            ChannelHome::Private(_) => (None, Allowed(PRIVATE)),
        };
        Ok(Self { channel, view, allowed, home })
    }

    /// The people of a private channel; empty for a guild's.
    pub(in crate::rest) fn recipients(&self) -> &[UserId] {
        match &self.home {
            ChannelHome::Guild(_) => &[],
            ChannelHome::Private(private) => &private.recipients,
        }
    }

    /// The other one of a channel of two.
    pub(in crate::rest) fn partner(&self, me: UserId) -> Option<UserId> {
        let ChannelHome::Private(private) = &self.home else { return None };
        let mut others = private.recipients.iter().copied().filter(|other| *other != me);
        others.next().filter(|_| private.group.is_none())
    }

    /// Whether all of `needed` is there.
    pub(in crate::rest) const fn has(&self, needed: Permissions) -> bool {
        self.allowed.has(needed)
    }

    /// Demands all of `needed`.
    pub(in crate::rest) const fn require(&self, needed: Permissions) -> Result<(), ErrorCode> {
        self.allowed.require(needed)
    }

    /// Demands that `user` takes part here, and does not only look on until they pass the screening: for
    /// what no permission has to allow.
    pub(in crate::rest) fn require_full_member(&self, user: UserId) -> Result<(), ErrorCode> {
        match &self.view {
            Some(view) if view.is_pending(user) => Err(ErrorCode::MissingPermissions),
            _ => Ok(()),
        }
    }

    /// Demands a channel of a guild (50003).
    pub(in crate::rest) const fn require_guild(&self) -> Result<(), ErrorCode> {
        match self.view {
            Some(_) => Ok(()),
            None => Err(ErrorCode::CannotExecuteOnPrivateChannel),
        }
    }

    /// Demands a channel that can hold messages (50008).
    pub(in crate::rest) fn require_textual(&self) -> Result<(), ErrorCode> {
        match (&self.view, self.guild_channel()) {
            (None, _) => Ok(()),
            (Some(_), Some(channel)) if is_textual(channel) => Ok(()),
            (Some(_), Some(channel)) if is_forum(channel.kind) => Err(ErrorCode::CannotSendInForum),
            (Some(_), Some(_)) => Err(ErrorCode::CannotSendInNonText),
            (Some(_), None) if self.thread().is_some() => Ok(()),
            (Some(_), None) => Err(ErrorCode::UnknownChannel),
        }
    }

    /// The guild's id.
    pub(in crate::rest) fn guild(&self) -> Option<GuildId> {
        self.view.as_ref().map(|view| view.id)
    }

    /// The channel's record; private channels and threads have none.
    pub(in crate::rest) fn guild_channel(&self) -> Option<&Channel> {
        self.view.as_ref()?.channels.get(&self.channel).map(AsRef::as_ref)
    }

    /// The channel that a thread hangs on; a channel's own id.
    pub(in crate::rest) fn root(&self) -> ChannelId {
        self.thread().map_or(self.channel, |thread| thread.record.parent)
    }

    /// The thread, if it is one.
    pub(in crate::rest) fn thread(&self) -> Option<&Thread> {
        self.view.as_ref()?.threads.get(&self.channel).map(AsRef::as_ref)
    }

    /// Demands that it is no archived thread: nothing in one is changed (50083).
    pub(in crate::rest) fn require_open(&self) -> Result<(), ErrorCode> {
        match self.thread() {
            Some(thread) if thread.record.archived => Err(ErrorCode::ThreadArchived),
            _ => Ok(()),
        }
    }

    /// Tells everyone who may hear it. The store has it already, so a full mailbox is not the
    /// client's failure: it is logged, and others see the change when they load the channel.
    pub(in crate::rest) async fn publish(&self, parts: &Parts, event: ChatEvent) {
        let published = match &self.home {
            ChannelHome::Guild(guild) => guild.publish(GuildEvent::Chat(event)).await,
            ChannelHome::Private(private) => {
                parts.store.publish_private(private.clone(), event).await
            }
        };
        if let Err(error) = published {
            metrics::counter!("signaling_events_unpublished_total").increment(1);
            tracing::warn!(%error, channel = %self.channel, "stored, but not published");
        }
    }
}

/// What people may do in their private channels. Nobody moderates there, and there is no one
/// else to mention.
const PRIVATE: Permissions = Permissions::VIEW_CHANNEL
    .union(Permissions::SEND_MESSAGES)
    .union(Permissions::SEND_TTS_MESSAGES)
    .union(Permissions::EMBED_LINKS)
    .union(Permissions::ATTACH_FILES)
    .union(Permissions::USE_EXTERNAL_STICKERS)
    .union(Permissions::READ_MESSAGE_HISTORY)
    .union(Permissions::ADD_REACTIONS)
    .union(Permissions::SEND_POLLS)
    .union(Permissions::SEND_VOICE_MESSAGES)
    .union(Permissions::PIN_MESSAGES);

//! Where things are: a guild's door, a channel's guild, a user's guilds.
//!
//! Written by the guilds' mailboxes as they apply, read by everyone without a lock.

use imbl::OrdSet;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;

use crate::GuildHandle;
use crate::GuildView;

/// See the module.
#[derive(Default)]
pub(crate) struct Index {
    guilds: papaya::HashMap<GuildId, GuildHandle>,
    channels: papaya::HashMap<ChannelId, GuildId>,
    memberships: papaya::HashMap<UserId, OrdSet<GuildId>>,
}

impl Index {
    /// Adds a guild with its channels and members.
    pub(crate) fn insert(&self, handle: GuildHandle, view: &GuildView) {
        for &channel in view.channels.keys() {
            self.insert_channel(channel, view.id);
        }
        for &thread in view.threads.keys() {
            self.insert_channel(thread, view.id);
        }
        for &user in view.members.keys() {
            self.insert_member(user, view.id);
        }
        self.guilds.pin().insert(view.id, handle);
    }

    /// Forgets a guild, its channels and its memberships.
    pub(crate) fn remove(&self, view: &GuildView) {
        self.guilds.pin().remove(&view.id);
        for channel in view.channels.keys().chain(view.threads.keys()) {
            self.remove_channel(*channel);
        }
        for &user in view.members.keys() {
            self.remove_member(user, view.id);
        }
    }

    pub(crate) fn insert_channel(&self, channel: ChannelId, guild: GuildId) {
        self.channels.pin().insert(channel, guild);
    }

    pub(crate) fn remove_channel(&self, channel: ChannelId) {
        self.channels.pin().remove(&channel);
    }

    pub(crate) fn insert_member(&self, user: UserId, guild: GuildId) {
        self.memberships.pin().update_or_insert_with(
            user,
            |guilds| guilds.update(guild),
            || OrdSet::unit(guild),
        );
    }

    pub(crate) fn remove_member(&self, user: UserId, guild: GuildId) {
        self.memberships.pin().compute(user, |entry| {
            let Some((_, guilds)) = entry else { return papaya::Operation::Abort(()) };
            let left = guilds.without(&guild);
            if left.is_empty() {
                papaya::Operation::Remove
            } else {
                papaya::Operation::Insert(left)
            }
        });
    }

    pub(crate) fn guild(&self, id: GuildId) -> Option<GuildHandle> {
        self.guilds.pin().get(&id).cloned()
    }

    pub(crate) fn of_channel(&self, channel: ChannelId) -> Option<GuildHandle> {
        let guild = *self.channels.pin().get(&channel)?;
        self.guild(guild)
    }

    pub(crate) fn all(&self) -> Vec<GuildHandle> {
        let mut all: Vec<_> = self.guilds.pin().values().cloned().collect();
        all.sort_unstable_by_key(GuildHandle::id);
        all
    }

    pub(crate) fn guilds_of(&self, user: UserId) -> Vec<GuildHandle> {
        let guilds = self.memberships.pin().get(&user).cloned().unwrap_or_default();
        guilds.iter().filter_map(|&guild| self.guild(guild)).collect()
    }

    pub(crate) fn membership_count(&self, user: UserId) -> usize {
        self.memberships.pin().get(&user).map_or(0, OrdSet::len)
    }
}

//! Where things are: a guild's door, a channel's guild, a user's guilds.
//!
//! Written by the guilds' mailboxes as they apply, read by everyone without a lock.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use arc_swap::ArcSwap;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;
use model::wire::id::Id;

use crate::GuildHandle;
use crate::GuildView;
use crate::packed::Packed;

/// See the module.
#[derive(Default)]
pub(crate) struct Index {
    guilds: papaya::HashMap<GuildId, GuildHandle>,
    channels: papaya::HashMap<ChannelId, GuildId>,
    /// The guilds of each member, eight bytes each, ascending.
    memberships: ArcSwap<Packed>,
    /// Held by whoever changes them.
    joining: Mutex<()>,
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
        self.change_members(view.members.keys(), |guilds| join(guilds, view.id));
        self.guilds.pin().insert(view.id, handle);
    }

    /// Forgets a guild, its channels and its memberships.
    pub(crate) fn remove(&self, view: &GuildView) {
        self.guilds.pin().remove(&view.id);
        for channel in view.channels.keys().chain(view.threads.keys()) {
            self.remove_channel(*channel);
        }
        self.change_members(view.members.keys(), |guilds| guilds.retain(|guild| *guild != view.id));
    }

    pub(crate) fn insert_channel(&self, channel: ChannelId, guild: GuildId) {
        self.channels.pin().insert(channel, guild);
    }

    pub(crate) fn remove_channel(&self, channel: ChannelId) {
        self.channels.pin().remove(&channel);
    }

    pub(crate) fn insert_member(&self, user: UserId, guild: GuildId) {
        self.change_members(std::iter::once(user), |guilds| join(guilds, guild));
    }

    pub(crate) fn remove_member(&self, user: UserId, guild: GuildId) {
        self.change_members(std::iter::once(user), |guilds| guilds.retain(|other| *other != guild));
    }

    /// Changes the guilds of each of these.
    fn change_members(
        &self,
        users: impl Iterator<Item = UserId>,
        change: impl Fn(&mut Vec<GuildId>),
    ) {
        let _joining = self.joining.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = Packed::clone(&self.memberships.load());
        for user in users {
            let mut guilds: Vec<_> = guilds(&all, user).collect();
            change(&mut guilds);
            if guilds.is_empty() {
                all.remove(user.get());
            } else {
                let bytes: Vec<_> =
                    guilds.iter().flat_map(|guild| guild.get().to_le_bytes()).collect();
                all.insert(user.get(), &bytes);
            }
        }
        self.memberships.store(Arc::new(all));
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
        guilds(&self.memberships.load(), user).filter_map(|guild| self.guild(guild)).collect()
    }

    pub(crate) fn membership_count(&self, user: UserId) -> usize {
        guilds(&self.memberships.load(), user).count()
    }
}

fn guilds(all: &Packed, user: UserId) -> impl Iterator<Item = GuildId> {
    let bytes = all.get(user.get()).unwrap_or_default();
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().filter_map(|word| Id::new_checked(u64::from_le_bytes(*word)))
}

fn join(guilds: &mut Vec<GuildId>, guild: GuildId) {
    if let Err(place) = guilds.binary_search(&guild) {
        guilds.insert(place, guild);
    }
}

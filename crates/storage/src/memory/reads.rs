//! How far people have read, in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;

use async_trait::async_trait;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;
use model::limits;
use state::read::Ack;
use state::read::CHANNEL;
use state::read::Counted;
use state::read::Notifications;
use state::read::ReadState;
use state::read::Resource;
use state::read::Unread;
use state::record::MessageRecord;
use state::repo::ReadRepo;
use state::repo::RepoError;
use state::search::is_searched;

use super::lock;
use super::messages::MemoryMessages;

/// See the module.
pub(super) struct MemoryReads {
    states: Mutex<BTreeMap<UserId, BTreeMap<Resource, ReadState>>>,
    notifications: Mutex<BTreeMap<(UserId, Option<GuildId>), Notifications>>,
    messages: Arc<MemoryMessages>,
}

impl MemoryReads {
    pub(super) fn new(messages: Arc<MemoryMessages>) -> Self {
        Self { states: Mutex::default(), notifications: Mutex::default(), messages }
    }

    /// Forgets how far anyone has read in a channel.
    pub(super) fn forget_channel(&self, channel: ChannelId) {
        for states in lock(&self.states).values_mut() {
            states.remove(&Resource { kind: CHANNEL, id: channel.get() });
        }
    }

    /// Forgets what anyone wants to be notified of in a guild.
    pub(super) fn forget_guild(&self, guild: GuildId) {
        lock(&self.notifications).retain(|(_, of), _| *of != Some(guild));
    }
}

#[async_trait]
impl ReadRepo for MemoryReads {
    async fn acknowledge(&self, user: UserId, acks: &[Ack]) -> Result<(), RepoError> {
        let mut states = lock(&self.states);
        let states = states.entry(user).or_default();
        let mut changed = states.clone();
        for ack in acks {
            let before = changed.get(&ack.of).copied();
            changed.insert(ack.of, ack.apply(before));
        }
        if changed.len() > limits::READ_STATES.max(states.len()) {
            return Err(RepoError::Exists);
        }
        *states = changed;
        Ok(())
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<ReadState>, RepoError> {
        let states = lock(&self.states);
        Ok(states.get(&user).map(|states| states.values().copied().collect()).unwrap_or_default())
    }

    async fn forget(&self, user: UserId, of: Resource) -> Result<(), RepoError> {
        if let Some(states) = lock(&self.states).get_mut(&user) {
            states.remove(&of);
        }
        Ok(())
    }

    async fn count(
        &self,
        user: UserId,
        unread: &[Unread],
    ) -> Result<Vec<(ChannelId, u32)>, RepoError> {
        let rows = lock(&self.messages.rows);
        let mut counts = Vec::new();
        for asked in unread {
            let Some(rows) = rows.get(&asked.channel) else { continue };
            let newer = rows.messages.values().filter(|said| said.id.get() > asked.after);
            let counted = newer.filter(|said| said.author != user && counts_as(said, asked, user));
            let count = counted.take(limits::MENTIONS_COUNTED as usize).count();
            if count > 0 {
                counts.push((asked.channel, u32::try_from(count).unwrap_or(u32::MAX)));
            }
        }
        Ok(counts)
    }

    async fn put_notifications(
        &self,
        user: UserId,
        guild: Option<GuildId>,
        settings: &Notifications,
    ) -> Result<(), RepoError> {
        lock(&self.notifications).insert((user, guild), settings.clone());
        Ok(())
    }

    async fn notifications(
        &self,
        user: UserId,
    ) -> Result<Vec<(Option<GuildId>, Notifications)>, RepoError> {
        let rows = lock(&self.notifications);
        let theirs = rows.iter().filter(|((of, _), _)| *of == user);
        Ok(theirs.map(|((_, guild), settings)| (*guild, settings.clone())).collect())
    }
}

fn counts_as(said: &MessageRecord, asked: &Unread, user: UserId) -> bool {
    match &asked.counted {
        Counted::Everything => is_searched(said.kind),
        Counted::Mentions { everyone, roles } => {
            said.mentions.contains(&user)
                || (*everyone && said.mention_everyone)
                || said.mention_roles.iter().any(|role| roles.contains(role))
        }
    }
}

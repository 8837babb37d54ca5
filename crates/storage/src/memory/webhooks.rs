//! Webhooks in memory.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Mutex;

use async_trait::async_trait;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::MessageId;
use model::id::WebhookId;
use state::apps::Owed;
use state::apps::WebhookRecord;
use state::repo::RepoError;
use state::repo::WebhookRepo;

use super::lock;

/// See the module.
#[derive(Default)]
pub(super) struct MemoryWebhooks {
    rows: Mutex<BTreeMap<WebhookId, WebhookRecord>>,
    crossposts: Mutex<BTreeMap<Said, BTreeSet<Said>>>,
    /// What is owed, by its number, and the last number given.
    owed: Mutex<(BTreeMap<u64, Owed>, u64)>,
}

/// A message, by its channel.
type Said = (ChannelId, MessageId);

impl MemoryWebhooks {
    /// Deletes the webhooks of a guild.
    pub(super) fn forget_guild(&self, guild: GuildId) {
        lock(&self.rows).retain(|_, webhook| webhook.guild != guild);
    }

    /// Deletes the webhooks of a channel, and those that follow it.
    pub(super) fn forget_channel(&self, channel: ChannelId) {
        lock(&self.rows).retain(|_, webhook| {
            webhook.channel != channel && webhook.source.is_none_or(|from| from.channel != channel)
        });
        lock(&self.crossposts).retain(|(from, _), _| *from != channel);
    }
}

#[async_trait]
impl WebhookRepo for MemoryWebhooks {
    async fn put(&self, webhook: &WebhookRecord) -> Result<(), RepoError> {
        lock(&self.rows).insert(webhook.id, webhook.clone());
        Ok(())
    }

    async fn webhook(&self, id: WebhookId) -> Result<Option<WebhookRecord>, RepoError> {
        Ok(lock(&self.rows).get(&id).cloned())
    }

    async fn of_channel(&self, channel: ChannelId) -> Result<Vec<WebhookRecord>, RepoError> {
        let rows = lock(&self.rows);
        Ok(rows.values().filter(|webhook| webhook.channel == channel).cloned().collect())
    }

    async fn of_guild(&self, guild: GuildId) -> Result<Vec<WebhookRecord>, RepoError> {
        let rows = lock(&self.rows);
        Ok(rows.values().filter(|webhook| webhook.guild == guild).cloned().collect())
    }

    async fn remove(&self, id: WebhookId) -> Result<(), RepoError> {
        lock(&self.rows).remove(&id).map(drop).ok_or(RepoError::NotFound)
    }

    async fn followers(&self, source: ChannelId) -> Result<Vec<WebhookRecord>, RepoError> {
        let rows = lock(&self.rows);
        let follows =
            |webhook: &&WebhookRecord| webhook.source.is_some_and(|known| known.channel == source);
        Ok(rows.values().filter(follows).cloned().collect())
    }

    async fn note_crosspost(&self, from: Said, to: Said) -> Result<(), RepoError> {
        lock(&self.crossposts).entry(from).or_default().insert(to);
        Ok(())
    }

    async fn crossposts(&self, from: Said) -> Result<Vec<Said>, RepoError> {
        let rows = lock(&self.crossposts);
        Ok(rows.get(&from).into_iter().flatten().copied().collect())
    }

    async fn forget_crossposts(&self, from: Said) -> Result<(), RepoError> {
        lock(&self.crossposts).remove(&from);
        Ok(())
    }

    async fn owe_crosspost(&self, (channel, message): Said) -> Result<(), RepoError> {
        let (rows, last) = &mut *lock(&self.owed);
        *last += 1;
        rows.insert(*last, Owed { nth: *last, channel, message });
        Ok(())
    }

    async fn crossposts_owed(&self, after: u64, limit: u16) -> Result<Vec<Owed>, RepoError> {
        let owed = lock(&self.owed);
        let owed = owed.0.range(after.saturating_add(1)..).take(limit.into());
        Ok(owed.map(|(_, owed)| *owed).collect())
    }

    async fn settle_crosspost(&self, nth: u64) -> Result<(), RepoError> {
        lock(&self.owed).0.remove(&nth);
        Ok(())
    }
}

//! Threads: conversations that hang on a channel, with members of their own. Pure.
//!
//! All threads of a guild are in memory, archived ones too, as everything else of it that decides
//! who may see what. What is said in them is storage's.

use imbl::OrdMap;
use model::id::ChannelId;
use model::id::MessageId;
use model::id::TagId;
use model::id::UserId;
use model::snowflake;
use model::wire::channel::ChannelType;
use serde::Deserialize;
use serde::Serialize;
use std::sync::Arc;

use crate::event::ChatEvent;
use crate::record::MessageRecord;

/// A thread as storage keeps it; its members and counts are rows of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadRecord {
    /// Its id; that of the message it was started from, where there is one.
    pub id: ChannelId,
    /// The channel that it hangs on.
    pub parent: ChannelId,
    /// 10, 11 or 12: of an announcement channel, public, private.
    pub kind: ChannelType,
    /// Who started it.
    pub owner: UserId,
    /// 1 to 100 characters.
    pub name: String,
    /// Minutes of silence after which it is archived: 60, 1,440, 4,320 or 10,080.
    pub auto_archive_minutes: u16,
    /// Seconds between messages, 0 to 21,600.
    #[serde(default)]
    pub rate_limit_per_user: u16,
    /// Out of the way until someone speaks in it.
    #[serde(default)]
    pub archived: bool,
    /// Only moderators speak in it or bring it back.
    #[serde(default)]
    pub locked: bool,
    /// Whether its members may add others; of private threads.
    #[serde(default)]
    pub invitable: bool,
    /// Unix milliseconds of its making.
    pub created_ms: u64,
    /// Unix milliseconds at which it was last archived or brought back, or made.
    pub archive_ms: u64,
    /// Discord's channel flags: PINNED (2) of posts in forums.
    #[serde(default)]
    pub flags: u64,
    /// Tags of the forum that the post has.
    #[serde(default)]
    pub tags: Vec<TagId>,
}

impl ThreadRecord {
    /// Whether only its members, and those who manage threads, see it.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.kind == ChannelType::PrivateThread
    }
}

/// Someone in a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadMember {
    /// Who.
    pub user: UserId,
    /// Since when, in Unix milliseconds.
    pub joined_ms: u64,
    /// Notification settings of people's clients.
    #[serde(default)]
    pub flags: u64,
}

/// What was said in a thread, counted. The message that began it does not count (Discord: Channel,
/// `message_count`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ThreadCounts {
    /// Messages that are there.
    pub messages: u32,
    /// Messages ever said.
    pub sent: u32,
    /// The newest message.
    pub last_message: Option<MessageId>,
}

/// One thread, whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Thread {
    /// What it is.
    pub record: Arc<ThreadRecord>,
    /// What was said in it.
    pub counts: ThreadCounts,
    /// Who follows it.
    pub members: OrdMap<UserId, ThreadMember>,
}

impl Thread {
    /// A thread in which there is nobody and nothing yet.
    #[must_use]
    pub fn new(record: Arc<ThreadRecord>) -> Self {
        Self { record, counts: ThreadCounts::default(), members: OrdMap::new() }
    }

    /// Unix milliseconds at which silence archives it, if nobody speaks before.
    #[must_use]
    pub fn archives_at(&self) -> u64 {
        let spoke = self.counts.last_message.map_or(0, |id| snowflake::unix_ms(id.get()));
        let silence = u64::from(self.record.auto_archive_minutes) * 60_000;
        self.record.archive_ms.max(spoke).saturating_add(silence)
    }

    /// As [`archives_at`](Self::archives_at); `None` for one that silence does not archive, or not
    /// again.
    #[must_use]
    pub fn idles_at(&self) -> Option<u64> {
        // A pinned post stays (Discord: Threads/Forums).
        let stays = self.record.archived || self.record.flags & PINNED != 0;
        (!stays).then(|| self.archives_at())
    }

    /// The thread after something was said or taken away in it; `None` when that changes nothing.
    #[must_use]
    pub fn after(&self, event: &ChatEvent) -> Option<Self> {
        let mut counts = self.counts;
        match event {
            ChatEvent::MessageCreated(message) => {
                counts.last_message = counts.last_message.max(Some(message.id));
                if counts_in_thread(message) {
                    counts.messages = counts.messages.saturating_add(1);
                    counts.sent = counts.sent.saturating_add(1);
                }
            }
            ChatEvent::MessagesDeleted { ids, .. } => {
                let counted = ids.iter().filter(|id| id.get() != self.record.id.get()).count();
                let counted = u32::try_from(counted).unwrap_or(u32::MAX);
                counts.messages = counts.messages.saturating_sub(counted);
            }
            _ => return None,
        }
        (counts != self.counts).then(|| Self { counts, ..self.clone() })
    }
}

/// Whether a message is one of those that its thread counts.
#[must_use]
pub fn counts_in_thread(message: &MessageRecord) -> bool {
    message.kind != STARTER && message.id.get() != message.channel.get()
}

/// Stays at the top of its forum (Discord: Channel Flags).
pub(crate) const PINNED: u64 = 1 << 1;

/// The type of the message that opens a thread started from a message (Discord: Message Types).
pub const STARTER: u8 = 21;

//! What a guild plans: events with a time, a place and people who want to come (Discord: Guild
//! Scheduled Event). Pure; who may change what is a plan's business.

use std::sync::Arc;

use imbl::OrdSet;
use model::id::ChannelId;
use model::id::ScheduledEventId;
use model::id::StageId;
use model::id::UserId;
use model::limits;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde::Serialize;

use crate::guild::Guild;
use crate::recurrence::Recurrence;

/// Where an event takes place; its kind is that of the place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventPlace {
    /// On a stage.
    Stage(ChannelId),
    /// In a voice channel.
    Voice(ChannelId),
    /// Somewhere else, 1 to 100 characters.
    External(String),
}

impl EventPlace {
    /// Its channel, if it has one.
    #[must_use]
    pub const fn channel(&self) -> Option<ChannelId> {
        match self {
            Self::Stage(channel) | Self::Voice(channel) => Some(*channel),
            Self::External(_) => None,
        }
    }

    /// Discord's number of its kind (Discord: Guild Scheduled Event Entity Types).
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Stage(_) => EventKind::Stage,
            Self::Voice(_) => EventKind::Voice,
            Self::External(_) => EventKind::External,
        }
    }
}

/// Discord's kinds of places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "see EventPlace")]
pub enum EventKind {
    Stage = 1,
    Voice = 2,
    External = 3,
}

/// How far an event is (Discord: Guild Scheduled Event Status).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum EventStatus {
    /// It is to be.
    Scheduled = 1,
    /// It is on.
    Active = 2,
    /// It is over.
    Completed = 3,
    /// It was called off.
    Canceled = 4,
}

impl EventStatus {
    /// Whether it is over or called off, for good.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Canceled)
    }

    /// Whether it may become `next` by somebody's wish (Discord: Valid Status Transitions).
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Scheduled, Self::Active | Self::Canceled) | (Self::Active, Self::Completed)
        )
    }
}

/// An event as storage keeps it; who is interested is in rows of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledEventRecord {
    /// Its id.
    pub id: ScheduledEventId,
    /// Who planned it.
    pub creator: UserId,
    /// 1 to 100 characters.
    pub name: String,
    /// Up to 1,000 characters.
    #[serde(default)]
    pub description: Option<String>,
    /// Hash of the cover in the object store.
    #[serde(default)]
    pub image: Option<String>,
    /// Unix milliseconds at which it is to begin.
    pub start_ms: u64,
    /// Unix milliseconds at which it is to end.
    #[serde(default)]
    pub end_ms: Option<u64>,
    /// How far it is.
    pub status: EventStatus,
    /// Where it takes place.
    pub place: EventPlace,
    /// The stage that was opened for it.
    #[serde(default)]
    pub stage: Option<StageId>,
    /// When it comes again.
    #[serde(default)]
    pub recurrence: Option<Recurrence>,
    /// Unix milliseconds at which it ended for good.
    #[serde(default)]
    pub over_ms: Option<u64>,
    /// Unix milliseconds since which nobody is in its channel, while it is on. Told to nobody.
    #[serde(default)]
    pub empty_ms: Option<u64>,
}

impl ScheduledEventRecord {
    /// The event with this occurrence ended at `now_ms`: waiting for the next one, or over.
    #[must_use]
    pub(crate) fn after(&self, ending: EventStatus, now_ms: u64) -> Self {
        let mut ended = Self { stage: None, empty_ms: None, ..self.clone() };
        let next = self.recurrence.as_ref();
        match next.and_then(|rule| rule.next_after(self.start_ms.max(now_ms))) {
            Some(next_ms) => {
                ended.status = EventStatus::Scheduled;
                ended.end_ms = self
                    .end_ms
                    .map(|end_ms| next_ms.saturating_add(end_ms.saturating_sub(self.start_ms)));
                ended.start_ms = next_ms;
            }
            None => {
                ended.status = ending;
                ended.over_ms = Some(now_ms);
            }
        }
        ended
    }
}

/// One event, whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Scheduled {
    /// What it is.
    pub record: Arc<ScheduledEventRecord>,
    /// Who wants to come.
    pub interested: OrdSet<UserId>,
}

impl Scheduled {
    /// An event that nobody has heard of yet.
    #[must_use]
    pub fn new(record: Arc<ScheduledEventRecord>) -> Self {
        Self { record, interested: OrdSet::new() }
    }
}

/// What time does to an event.
pub(crate) enum Due {
    /// It is another one now.
    Changed(Box<ScheduledEventRecord>),
    /// It has been over for long enough.
    Forgotten,
}

impl Guild {
    /// Whether `user` may know of an event: a member who sees its channel, if it has one. `now_ms` as
    /// of [`permissions`](Self::permissions).
    #[must_use]
    pub fn sees_scheduled(&self, user: UserId, event: &ScheduledEventRecord, now_ms: u64) -> bool {
        self.members.contains_key(&user)
            && event.place.channel().is_none_or(|channel| {
                self.permissions_in(user, channel, now_ms).has(Permissions::VIEW_CHANNEL)
            })
    }

    /// Whether the clock has anything to do to the guild's events.
    #[must_use]
    pub fn has_due_events(&self, now_ms: u64) -> bool {
        self.scheduled.values().any(|event| self.due(&event.record, now_ms).is_some())
    }

    /// What time does to an event at `now_ms` (Discord: Guild Scheduled Event Status Update
    /// Automation).
    pub(crate) fn due(&self, event: &ScheduledEventRecord, now_ms: u64) -> Option<Due> {
        let passed = |since_ms: u64, wait: std::time::Duration| {
            u128::from(now_ms) >= u128::from(since_ms) + wait.as_millis()
        };
        let changed = |event| Due::Changed(Box::new(event));
        let ended = |ending| Some(changed(event.after(ending, now_ms)));
        let external = matches!(event.place, EventPlace::External(_));
        match event.status {
            EventStatus::Scheduled if external && now_ms >= event.start_ms => {
                // Whoever slept through all of it is told that it was, not that it was called off.
                let active = EventStatus::Active;
                Some(changed(ScheduledEventRecord { status: active, ..event.clone() }))
            }
            EventStatus::Scheduled if passed(event.start_ms, limits::EVENT_LATE) => {
                ended(EventStatus::Canceled)
            }
            EventStatus::Active if external => {
                let over = event.end_ms.is_none_or(|end_ms| now_ms >= end_ms);
                over.then(|| ended(EventStatus::Completed)).flatten()
            }
            EventStatus::Active => {
                let channel = event.place.channel()?;
                let empty = self.voice_in(channel).next().is_none();
                match (empty, event.empty_ms) {
                    (true, Some(since_ms)) if passed(since_ms, limits::EVENT_EMPTY) => {
                        ended(EventStatus::Completed)
                    }
                    (true, Some(_)) | (false, None) => None,
                    (empty, _) => {
                        let empty_ms = empty.then_some(now_ms);
                        Some(changed(ScheduledEventRecord { empty_ms, ..event.clone() }))
                    }
                }
            }
            EventStatus::Completed | EventStatus::Canceled => {
                passed(event.over_ms.unwrap_or(0), limits::EVENT_KEPT).then_some(Due::Forgotten)
            }
            EventStatus::Scheduled => None,
        }
    }
}

//! What a guild plans: events with a time, a place and people who want to come (Discord: Guild
//! Scheduled Event). Pure; who may change what is a plan's business.

use std::collections::BTreeMap;
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
    /// Occurrences that are not as the rule says, by the Unix milliseconds at which they would begin.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub exceptions: BTreeMap<u64, EventException>,
}

/// How one occurrence is not as the rule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EventException {
    /// Unix milliseconds at which it begins instead.
    #[serde(default)]
    pub start_ms: Option<u64>,
    /// Unix milliseconds at which it ends instead.
    #[serde(default)]
    pub end_ms: Option<u64>,
    /// Whether there is none that time.
    #[serde(default)]
    pub canceled: bool,
}

impl ScheduledEventRecord {
    /// Unix milliseconds at which the occurrence that is next, or on, begins.
    #[must_use]
    pub fn begins_ms(&self) -> u64 {
        let exception = self.exceptions.get(&self.start_ms);
        exception.and_then(|exception| exception.start_ms).unwrap_or(self.start_ms)
    }

    /// Unix milliseconds at which the occurrence that is next, or on, ends. It is as long as the others
    /// where nothing else is said.
    #[must_use]
    pub fn ends_ms(&self) -> Option<u64> {
        let exception = self.exceptions.get(&self.start_ms);
        let said = exception.and_then(|exception| exception.end_ms);
        let length_ms = self.end_ms.map(|end_ms| end_ms.saturating_sub(self.start_ms));
        said.or_else(|| Some(self.begins_ms().saturating_add(length_ms?)))
    }

    /// Whether it occurs at that time by its rule: next, or later.
    #[must_use]
    pub fn occurs_at(&self, regular_ms: u64) -> bool {
        let Some(rule) = &self.recurrence else { return false };
        regular_ms == self.start_ms
            || regular_ms > self.start_ms
                && rule.next_after(regular_ms.saturating_sub(1)) == Some(regular_ms)
    }

    /// When it occurs next after `after_ms`, passing over what is called off.
    fn next_occurrence(&self, mut after_ms: u64) -> Option<u64> {
        let rule = self.recurrence.as_ref()?;
        loop {
            after_ms = rule.next_after(after_ms)?;
            if !self.exceptions.get(&after_ms).is_some_and(|exception| exception.canceled) {
                return Some(after_ms);
            }
        }
    }

    /// When the clock is to look at it, in Unix milliseconds: not after anything is [`due`](Guild::due).
    /// While it is on in a channel, time alone does not tell: always.
    #[must_use]
    pub(crate) fn looked_at(&self, now_ms: u64) -> Option<u64> {
        let after = |since_ms: u64, wait: std::time::Duration| {
            since_ms.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
        };
        Some(match (self.status, &self.place) {
            (EventStatus::Scheduled, EventPlace::External(_)) => self.begins_ms(),
            (EventStatus::Scheduled, _) => after(self.begins_ms(), limits::EVENT_LATE),
            (EventStatus::Active, EventPlace::External(_)) => self.ends_ms().unwrap_or(now_ms),
            (EventStatus::Active, _) => now_ms,
            (EventStatus::Completed | EventStatus::Canceled, _) => {
                after(self.over_ms.unwrap_or(0), limits::EVENT_KEPT)
            }
        })
    }

    /// The event with this occurrence ended at `now_ms`: waiting for the next one, or over.
    #[must_use]
    pub(crate) fn after(&self, ending: EventStatus, now_ms: u64) -> Self {
        let mut ended = Self { stage: None, empty_ms: None, ..self.clone() };
        match self.next_occurrence(self.start_ms.max(now_ms)) {
            Some(next_ms) => {
                ended.exceptions = ended.exceptions.split_off(&next_ms);
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
            EventStatus::Scheduled if external && now_ms >= event.begins_ms() => {
                // Whoever slept through all of it is told that it was, not that it was called off.
                let active = EventStatus::Active;
                Some(changed(ScheduledEventRecord { status: active, ..event.clone() }))
            }
            EventStatus::Scheduled if passed(event.begins_ms(), limits::EVENT_LATE) => {
                ended(EventStatus::Canceled)
            }
            EventStatus::Active if external => {
                let over = event.ends_ms().is_none_or(|end_ms| now_ms >= end_ms);
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

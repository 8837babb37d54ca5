//! Scheduled events: who plans them, when and where they can be, how they begin and end.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::ScheduledEventId;
use model::limits;
use model::wire::channel::ChannelType;
use model::wire::guild::Permissions;

use super::Asked;
use super::Change;
use super::Denied;
use super::field;
use crate::guild::Guild;
use crate::guild::command::ScheduledEventPatch;
use crate::scheduled::Due;
use crate::scheduled::EventKind;
use crate::scheduled::EventPlace;
use crate::scheduled::EventStatus;
use crate::scheduled::Scheduled;
use crate::scheduled::ScheduledEventRecord;
use crate::voice::STAGE_MODERATOR;

impl<'a> Asked<'a> {
    pub(super) fn create_scheduled_event(
        self,
        event: &ScheduledEventRecord,
    ) -> Result<Vec<Change>, Denied> {
        if self.guild.scheduled.contains_key(&event.id) {
            return Err(field::bad("id", "BASE_TYPE_ALREADY_EXISTS", "The id is taken."));
        }
        self.require_at(&event.place, Permissions::CREATE_EVENTS)?;
        let open = self.guild.scheduled.values().filter(|event| !event.record.status.is_final());
        if open.count() >= limits::SCHEDULED_EVENTS {
            return Err(ErrorCode::MaximumScheduledEvents.into());
        }
        self.require_future(event.start_ms)?;
        Ok(vec![Change::PutScheduledEvent(Arc::new(checked(event.clone())?))])
    }

    pub(super) fn update_scheduled_event(
        self,
        id: ScheduledEventId,
        patch: &ScheduledEventPatch,
    ) -> Result<Vec<Change>, Denied> {
        let old = &*self.managed_event(id)?.record;
        if old.status.is_final() {
            return Err(ErrorCode::EventFinished.into());
        }
        let place = self.moved(&old.place, patch)?;
        if place != old.place {
            self.require_at(&place, Permissions::empty())?;
        }
        let mut new = ScheduledEventRecord {
            name: patch.name.as_ref().unwrap_or(&old.name).clone(),
            description: patch.description.as_ref().unwrap_or(&old.description).clone(),
            image: patch.image.as_ref().unwrap_or(&old.image).clone(),
            start_ms: patch.start_ms.unwrap_or(old.start_ms),
            end_ms: patch.end_ms.unwrap_or(old.end_ms),
            place,
            stage: patch.stage.or(old.stage),
            recurrence: patch.recurrence.as_ref().unwrap_or(&old.recurrence).clone(),
            ..old.clone()
        };
        if new.start_ms != old.start_ms {
            self.require_future(new.start_ms)?;
        }
        new = checked(new)?;
        // What is excepted from another rule means nothing.
        let kept = new.exceptions.keys().filter(|regular_ms| new.occurs_at(**regular_ms)).copied();
        let kept: Vec<u64> = kept.collect();
        new.exceptions.retain(|regular_ms, _| kept.contains(regular_ms));
        if let Some(status) = patch.status.filter(|status| *status != old.status) {
            if !old.status.may_become(status) {
                let message = "The event cannot become that now.";
                return Err(field::bad("status", "BASE_TYPE_CHOICES", message));
            }
            new = match status {
                // Whoever calls it off calls all of it off.
                EventStatus::Canceled => {
                    ScheduledEventRecord { status, over_ms: Some(self.now_ms), ..new }
                }
                EventStatus::Completed => new.after(status, self.now_ms),
                EventStatus::Active | EventStatus::Scheduled => {
                    ScheduledEventRecord { status, ..new }
                }
            };
        }
        if new == *old {
            return Ok(Vec::new());
        }
        Ok(vec![Change::PutScheduledEvent(Arc::new(new))])
    }

    pub(super) fn delete_scheduled_event(
        self,
        id: ScheduledEventId,
    ) -> Result<Vec<Change>, Denied> {
        self.managed_event(id)?;
        Ok(vec![Change::DeleteScheduledEvent(id)])
    }

    pub(super) fn follow_scheduled_event(
        self,
        id: ScheduledEventId,
        follow: bool,
    ) -> Result<Vec<Change>, Denied> {
        let event = self.seen_event(id)?;
        if event.record.status.is_final() {
            return Err(ErrorCode::EventFinished.into());
        }
        Ok(match (event.interested.contains(&self.actor), follow) {
            (false, true) => vec![Change::PutInterest(id, self.actor)],
            (true, false) => vec![Change::DeleteInterest(id, self.actor)],
            (false, false) => return Err(ErrorCode::UnknownScheduledEventUser.into()),
            (true, true) => Vec::new(),
        })
    }

    fn seen_event(self, id: ScheduledEventId) -> Result<&'a Arc<Scheduled>, Denied> {
        let event = self.guild.scheduled.get(&id);
        let seen = |event: &&Arc<Scheduled>| {
            self.guild.sees_scheduled(self.actor, &event.record, self.now_ms)
        };
        Ok(event.filter(seen).ok_or(ErrorCode::UnknownScheduledEvent)?)
    }

    /// An event that the actor may change.
    pub(super) fn managed_event(self, id: ScheduledEventId) -> Result<&'a Arc<Scheduled>, Denied> {
        let event = self.seen_event(id)?;
        let place = &event.record.place;
        let own = event.record.creator == self.actor
            && self.require_at(place, Permissions::CREATE_EVENTS).is_ok();
        if !own {
            self.require_at(place, Permissions::MANAGE_EVENTS)?;
        }
        Ok(event)
    }

    /// Demands what a place asks for and `needed` besides (Discord: Guild Scheduled Event
    /// Permissions Requirements).
    fn require_at(self, place: &EventPlace, needed: Permissions) -> Result<(), Denied> {
        match place {
            EventPlace::External(_) => self.require(needed),
            EventPlace::Voice(channel) => {
                self.require_kind(*channel, ChannelType::GuildVoice)?;
                self.require_in(*channel, needed | Permissions::CONNECT)
            }
            EventPlace::Stage(channel) => {
                self.require_kind(*channel, ChannelType::GuildStageVoice)?;
                self.require_in(*channel, needed | STAGE_MODERATOR)
            }
        }
    }

    fn require_kind(self, channel: ChannelId, kind: ChannelType) -> Result<(), Denied> {
        let channel = self.guild.channels.get(&channel).ok_or(ErrorCode::UnknownChannel)?;
        if channel.kind == kind {
            return Ok(());
        }
        let message = "The channel is not of the event's kind.";
        Err(field::bad("channel_id", "BASE_TYPE_BAD_VALUE", message))
    }

    fn require_future(self, start_ms: u64) -> Result<(), Denied> {
        if start_ms > self.now_ms {
            return Ok(());
        }
        let message = "Cannot schedule event in the past.";
        Err(field::bad("scheduled_start_time", "GUILD_SCHEDULED_EVENT_SCHEDULE_PAST", message))
    }

    /// Where an event takes place after a patch (Discord: Field Requirements By Entity Type).
    fn moved(self, old: &EventPlace, patch: &ScheduledEventPatch) -> Result<EventPlace, Denied> {
        let channel = match patch.channel {
            Some(channel) => channel,
            None => old.channel(),
        };
        let kind = patch.kind.unwrap_or_else(|| old.kind());
        if let EventKind::External = kind {
            if channel.is_some() {
                let message = "Must be null for events outside the guild.";
                return Err(field::bad("channel_id", "BASE_TYPE_BAD_VALUE", message));
            }
            let known = match old {
                EventPlace::External(location) => Some(location),
                EventPlace::Stage(_) | EventPlace::Voice(_) => None,
            };
            let location = match &patch.location {
                Some(location) => location.as_ref(),
                None => known,
            };
            let location = location.ok_or_else(|| required("entity_metadata.location"))?;
            return Ok(EventPlace::External(location.clone()));
        }
        let channel = channel.ok_or_else(|| required("channel_id"))?;
        Ok(match kind {
            EventKind::Stage => EventPlace::Stage(channel),
            _ => EventPlace::Voice(channel),
        })
    }
}

impl Guild {
    /// The plan of [`GuildCommand::TendScheduledEvents`](crate::GuildCommand::TendScheduledEvents).
    pub(super) fn tend_scheduled_events(&self, now_ms: u64) -> Vec<Change> {
        let events = self.scheduled.values().map(|event| &event.record);
        let due = events.filter_map(|event| Some((event.id, self.due(event, now_ms)?)));
        due.map(|(id, due)| match due {
            Due::Changed(event) => Change::PutScheduledEvent(Arc::new(*event)),
            Due::Forgotten => Change::DeleteScheduledEvent(id),
        })
        .collect()
    }
}

/// The event, if its own fields are as they can be.
fn checked(mut event: ScheduledEventRecord) -> Result<ScheduledEventRecord, Denied> {
    event.name = event.name.trim().to_owned();
    field::length("name", &event.name, limits::NAME)?;
    event.description = event.description.filter(|text| !text.is_empty());
    if let Some(description) = &event.description {
        field::at_most("description", description, limits::EVENT_DESCRIPTION)?;
    }
    if let EventPlace::External(location) = &event.place {
        field::length("entity_metadata.location", location, limits::EVENT_LOCATION)?;
        if event.end_ms.is_none() {
            return Err(required("scheduled_end_time"));
        }
    }
    if event.end_ms.is_some_and(|end_ms| end_ms <= event.start_ms) {
        let message = "Must be after the event's start.";
        return Err(field::bad("scheduled_end_time", "DATE_TYPE_MIN", message));
    }
    Ok(event)
}

fn required(field: &str) -> Denied {
    field::bad(field, "BASE_TYPE_REQUIRED", "This field is required")
}

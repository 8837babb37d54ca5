//! Exceptions: single occurrences of an event that are called off, or are at another time.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::ScheduledEventId;
use model::limits;

use super::Asked;
use super::Change;
use super::Denied;
use super::field;
use crate::scheduled::EventException;
use crate::scheduled::EventStatus;
use crate::scheduled::ScheduledEventRecord;

impl Asked<'_> {
    /// Puts an exception for the occurrence of `regular_ms`, or with `None` takes it away.
    pub(super) fn except_event(
        self,
        id: ScheduledEventId,
        regular_ms: u64,
        exception: Option<EventException>,
        known: bool,
    ) -> Result<Vec<Change>, Denied> {
        let old = &*self.managed_event(id)?.record;
        if known && !old.exceptions.contains_key(&regular_ms) {
            return Err(ErrorCode::UnknownScheduledEvent.into());
        }
        if old.status.is_final() {
            return Err(ErrorCode::EventFinished.into());
        }
        let mut new = old.clone();
        let Some(exception) = exception else {
            new.exceptions.remove(&regular_ms);
            return Ok(vec![Change::PutScheduledEvent(Arc::new(new))]);
        };
        self.check_exception(old, regular_ms, exception)?;
        new.exceptions.insert(regular_ms, exception);
        if new.exceptions.len() > limits::EVENT_EXCEPTIONS {
            let message = format!("Must be {} or fewer in length.", limits::EVENT_EXCEPTIONS);
            return Err(field::bad(REGULAR, "BASE_TYPE_MAX_LENGTH", message));
        }
        // Called off while it is the next one: the one after it is next now.
        let next = regular_ms == old.start_ms && old.status == EventStatus::Scheduled;
        if exception.canceled && next {
            let after = new.after(EventStatus::Canceled, self.now_ms);
            new = ScheduledEventRecord { exceptions: new.exceptions, ..after };
        }
        if new == *old {
            return Ok(Vec::new());
        }
        Ok(vec![Change::PutScheduledEvent(Arc::new(new))])
    }

    fn check_exception(
        self,
        event: &ScheduledEventRecord,
        regular_ms: u64,
        exception: EventException,
    ) -> Result<(), Denied> {
        if !event.occurs_at(regular_ms) {
            let message = "The event does not occur at that time.";
            return Err(field::bad(REGULAR, "BASE_TYPE_BAD_VALUE", message));
        }
        if exception.start_ms.is_some_and(|start_ms| start_ms <= self.now_ms) {
            let message = "Cannot schedule event in the past.";
            let code = "GUILD_SCHEDULED_EVENT_SCHEDULE_PAST";
            return Err(field::bad("scheduled_start_time", code, message));
        }
        let start_ms = exception.start_ms.unwrap_or(regular_ms);
        if exception.end_ms.is_some_and(|end_ms| end_ms <= start_ms) {
            let message = "Must be after the event's start.";
            return Err(field::bad("scheduled_end_time", "DATE_TYPE_MIN", message));
        }
        Ok(())
    }
}

/// When the occurrence would begin.
const REGULAR: &str = "original_scheduled_start_time";

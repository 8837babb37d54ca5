//! What people write about an event -> what can be planned. Pure.

use std::collections::BTreeMap;

use model::calendar::Moment;
use model::id::ChannelId;
use model::id::ScheduledEventId;
use model::id::UserId;
use serde::Deserialize;
use serde::de::IgnoredAny;
use state::guild::command::ScheduledEventPatch;
use state::recurrence::Days;
use state::recurrence::Recurrence;
use state::recurrence::SETS;
use state::scheduled::EventKind;
use state::scheduled::EventPlace;
use state::scheduled::EventStatus;
use state::scheduled::ScheduledEventRecord;

use crate::rest::ApiError;
use crate::rest::error::FormErrors;
use crate::rest::extract::some;
use crate::wire::GUILD_ONLY;

#[derive(Deserialize)]
pub(super) struct Create {
    name: String,
    description: Option<String>,
    pub(super) image: Option<String>,
    privacy_level: u8,
    entity_type: u8,
    channel_id: Option<ChannelId>,
    entity_metadata: Option<Metadata>,
    scheduled_start_time: Moment,
    scheduled_end_time: Option<Moment>,
    recurrence_rule: Option<Rule>,
}

#[derive(Deserialize)]
struct Metadata {
    location: Option<String>,
}

impl Create {
    /// The event, without its cover.
    pub(super) fn event(
        self,
        id: ScheduledEventId,
        creator: UserId,
    ) -> Result<ScheduledEventRecord, ApiError> {
        check_privacy(Some(self.privacy_level))?;
        let location = self.entity_metadata.and_then(|metadata| metadata.location);
        let place = match kind(self.entity_type)? {
            EventKind::External if self.channel_id.is_some() => {
                return Err(refusal("channel_id", "BASE_TYPE_BAD_VALUE", "Must be null."));
            }
            EventKind::External => {
                EventPlace::External(location.ok_or_else(|| required("entity_metadata.location"))?)
            }
            EventKind::Voice => {
                EventPlace::Voice(self.channel_id.ok_or_else(|| required("channel_id"))?)
            }
            EventKind::Stage => {
                EventPlace::Stage(self.channel_id.ok_or_else(|| required("channel_id"))?)
            }
        };
        Ok(ScheduledEventRecord {
            id,
            creator,
            name: self.name,
            description: self.description,
            image: None,
            start_ms: self.scheduled_start_time.0,
            end_ms: self.scheduled_end_time.map(|Moment(ms)| ms),
            status: EventStatus::Scheduled,
            place,
            stage: None,
            recurrence: self.recurrence_rule.map(Rule::parse).transpose()?,
            over_ms: None,
            empty_ms: None,
            exceptions: BTreeMap::new(),
        })
    }
}

#[derive(Deserialize)]
pub(super) struct Update {
    name: Option<String>,
    #[serde(default, deserialize_with = "some")]
    description: Option<Option<String>>,
    #[serde(default, deserialize_with = "some")]
    pub(super) image: Option<Option<String>>,
    privacy_level: Option<u8>,
    status: Option<u8>,
    entity_type: Option<u8>,
    #[serde(default, deserialize_with = "some")]
    channel_id: Option<Option<ChannelId>>,
    #[serde(default, deserialize_with = "some")]
    entity_metadata: Option<Option<Metadata>>,
    scheduled_start_time: Option<Moment>,
    #[serde(default, deserialize_with = "some")]
    scheduled_end_time: Option<Option<Moment>>,
    #[serde(default, deserialize_with = "some")]
    recurrence_rule: Option<Option<Rule>>,
}

impl Update {
    /// The changes, without the cover.
    pub(super) fn patch(self) -> Result<ScheduledEventPatch, ApiError> {
        check_privacy(self.privacy_level)?;
        let recurrence = match self.recurrence_rule {
            Some(Some(rule)) => Some(Some(rule.parse()?)),
            Some(None) => Some(None),
            None => None,
        };
        let location = self.entity_metadata.map(|metadata| metadata.and_then(|it| it.location));
        Ok(ScheduledEventPatch {
            name: self.name,
            description: self.description,
            image: None,
            start_ms: self.scheduled_start_time.map(|Moment(ms)| ms),
            end_ms: self.scheduled_end_time.map(|end| end.map(|Moment(ms)| ms)),
            status: self.status.map(status).transpose()?,
            kind: self.entity_type.map(kind).transpose()?,
            channel: self.channel_id,
            location,
            recurrence,
            stage: None,
        })
    }
}

/// A rule as it is written (Discord: Guild Scheduled Event Recurrence Rule). What nobody may set is
/// refused, whatever it is.
#[derive(Deserialize)]
struct Rule {
    start: Moment,
    frequency: u8,
    interval: Option<u32>,
    by_weekday: Option<Vec<u8>>,
    by_n_weekday: Option<Vec<NWeekday>>,
    by_month: Option<Vec<u8>>,
    by_month_day: Option<Vec<u8>>,
    end: Option<IgnoredAny>,
    count: Option<IgnoredAny>,
    by_year_day: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct NWeekday {
    n: u8,
    day: u8,
}

impl Rule {
    fn parse(self) -> Result<Recurrence, ApiError> {
        let bad = |field: &str, message: &str| {
            refusal(&format!("recurrence_rule.{field}"), "BASE_TYPE_BAD_VALUE", message)
        };
        let given = [
            ("end", self.end.is_some()),
            ("count", self.count.is_some()),
            ("by_year_day", self.by_year_day.is_some()),
            ("by_weekday", self.by_weekday.is_some() && !matches!(self.frequency, 2 | 3)),
            ("by_n_weekday", self.by_n_weekday.is_some() && self.frequency != 1),
            ("by_month", self.by_month.is_some() && self.frequency != 0),
            ("by_month_day", self.by_month_day.is_some() && self.frequency != 0),
        ];
        if let Some((field, _)) = given.into_iter().find(|(_, given)| *given) {
            return Err(bad(field, "Cannot be set for this frequency."));
        }
        let longest = if self.frequency == 2 { 2 } else { 1 };
        let interval = u8::try_from(self.interval.unwrap_or(1)).ok();
        let interval = interval.filter(|interval| (1..=longest).contains(interval));
        let interval = interval.ok_or_else(|| bad("interval", "Not for this frequency."))?;
        let days = match self.frequency {
            3 => Days::Daily(
                self.by_weekday
                    .map(set)
                    .transpose()
                    .map_err(|message| bad("by_weekday", message))?,
            ),
            2 => match self.by_weekday.as_deref() {
                Some(&[weekday @ 0..=6]) => Days::Weekly { weekday, interval },
                _ => return Err(bad("by_weekday", "Must be one weekday, 0 to 6.")),
            },
            1 => match self.by_n_weekday.as_deref() {
                Some(&[NWeekday { n: week @ 1..=5, day: weekday @ 0..=6 }]) => {
                    Days::Monthly { week, weekday }
                }
                _ => return Err(bad("by_n_weekday", "Must be one weekday of one week.")),
            },
            0 => {
                let Some(&[month @ 1..=12]) = self.by_month.as_deref() else {
                    return Err(bad("by_month", "Must be one month, 1 to 12."));
                };
                match self.by_month_day.as_deref() {
                    Some(&[day @ 1..=31]) => Days::Yearly { month, day },
                    _ => return Err(bad("by_month_day", "Must be one day, 1 to 31.")),
                }
            }
            _ => return Err(bad("frequency", "Value must be one of (0, 1, 2, 3).")),
        };
        let rule = Recurrence { start_ms: self.start.0, days };
        if rule.next_after(rule.start_ms).is_none() {
            return Err(bad("by_month_day", "There is no such day."));
        }
        Ok(rule)
    }
}

/// One of the sets of weekdays that are known, in order.
fn set(mut days: Vec<u8>) -> Result<Vec<u8>, &'static str> {
    days.sort_unstable();
    if SETS.contains(&days.as_slice()) { Ok(days) } else { Err("Not a known set of weekdays.") }
}

fn kind(number: u8) -> Result<EventKind, ApiError> {
    Ok(match number {
        1 => EventKind::Stage,
        2 => EventKind::Voice,
        3 => EventKind::External,
        _ => {
            let message = "Value must be one of (1, 2, 3).";
            return Err(refusal("entity_type", "BASE_TYPE_CHOICES", message));
        }
    })
}

fn status(number: u8) -> Result<EventStatus, ApiError> {
    Ok(match number {
        1 => EventStatus::Scheduled,
        2 => EventStatus::Active,
        3 => EventStatus::Completed,
        4 => EventStatus::Canceled,
        _ => {
            let message = "Value must be one of (1, 2, 3, 4).";
            return Err(refusal("status", "BASE_TYPE_CHOICES", message));
        }
    })
}

/// There is one level.
fn check_privacy(level: Option<u8>) -> Result<(), ApiError> {
    if level.is_none_or(|level| level == GUILD_ONLY) {
        return Ok(());
    }
    Err(refusal("privacy_level", "BASE_TYPE_CHOICES", "Value must be one of (2,)."))
}

fn required(field: &str) -> ApiError {
    refusal(field, "BASE_TYPE_REQUIRED", "This field is required")
}

fn refusal(field: &str, code: &str, message: &str) -> ApiError {
    ApiError::Form(FormErrors::one(field, code, message))
}

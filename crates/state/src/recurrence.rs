//! How often something that is planned comes again (Discord: Recurrence Rule). Pure.
//!
//! Discord takes a small part of RFC 5545; what it does not take has no place in the type. Days are
//! days of UTC, and every occurrence begins at the same time of the day.

use model::calendar;
use model::calendar::DAY_MS;
use model::calendar::Date;
use serde::Deserialize;
use serde::Serialize;

/// A rule that says on which days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurrence {
    /// Unix milliseconds from which it counts; its time of the day is that of all occurrences.
    pub start_ms: u64,
    /// Which days.
    pub days: Days,
}

/// The days of a rule. Weekdays are counted from Monday, 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Days {
    /// Every day, or on the weekdays of one of [`SETS`].
    Daily(Option<Vec<u8>>),
    /// On one weekday.
    Weekly {
        /// Which.
        weekday: u8,
        /// Every week, or every second one.
        interval: u8,
    },
    /// On one weekday of one week of each month.
    Monthly {
        /// 1 to 5; 5 is the last.
        week: u8,
        /// Which.
        weekday: u8,
    },
    /// On one day of each year.
    Yearly {
        /// 1 to 12.
        month: u8,
        /// 1 to 31.
        day: u8,
    },
}

/// The weekdays that a daily rule may name (Discord: Recurrence Rule, `by_weekday`), in order.
pub const SETS: [&[u8]; 6] =
    [&[0, 1, 2, 3, 4], &[1, 2, 3, 4, 5], &[0, 1, 2, 3, 6], &[4, 5], &[5, 6], &[0, 6]];

impl Recurrence {
    /// When it comes next after `after_ms`, in Unix milliseconds; `None` when it never does, as the
    /// 30th of February.
    #[must_use]
    pub fn next_after(&self, after_ms: u64) -> Option<u64> {
        let day_ms = DAY_MS.unsigned_abs();
        let day = |ms: u64| i64::try_from(ms / day_ms).unwrap_or(i64::MAX / DAY_MS);
        let time = self.start_ms % day_ms;
        let from = day(self.start_ms).max(day(after_ms));
        let start = day(self.start_ms);
        let days = (from..from.saturating_add(HORIZON)).filter(|&on| self.is_on(on, start));
        let moments = days.filter_map(|on| Some(u64::try_from(on).ok()? * day_ms + time));
        moments.into_iter().find(|&moment| moment > after_ms)
    }

    fn is_on(&self, on: i64, start: i64) -> bool {
        let weekday = calendar::weekday(on);
        match &self.days {
            Days::Daily(None) => true,
            Days::Daily(Some(set)) => set.contains(&weekday),
            Days::Weekly { weekday: wanted, interval } => {
                let week = |day: i64| (day + 3).div_euclid(7);
                weekday == *wanted && (week(on) - week(start)) % i64::from(*interval) == 0
            }
            Days::Monthly { week, weekday: wanted } => {
                let date = Date::of_days(on);
                let last = *week == 5 && date.day + 7 > date.days_in_month();
                weekday == *wanted && (last || (date.day - 1) / 7 + 1 == *week)
            }
            Days::Yearly { month, day } => {
                let date = Date::of_days(on);
                (date.month, date.day) == (*month, *day)
            }
        }
    }
}

/// How many days ahead are looked at: a leap day may be eight years away.
const HORIZON: i64 = 366 * 9;

#[cfg(test)]
mod tests {
    use super::*;

    /// Monday, the 30th of November 2026, 18:30.
    const START: u64 = (20_787 * 24 * 60 + 18 * 60 + 30) * 60_000;

    /// Month, day and minute of the next `count` occurrences.
    fn next(days: Days, count: usize) -> Vec<(u8, u8)> {
        let rule = Recurrence { start_ms: START, days };
        let following = std::iter::successors(Some(START), |after| rule.next_after(*after));
        let dates = following.skip(1).take(count).map(|ms| {
            assert_eq!(ms % (24 * 60 * 60_000), (18 * 60 + 30) * 60_000);
            let date = Date::of_days(i64::try_from(ms).unwrap() / DAY_MS);
            (date.month, date.day)
        });
        dates.collect()
    }

    #[test]
    fn occurrences_follow_the_rule() {
        assert_eq!(next(Days::Daily(None), 2), [(12, 1), (12, 2)]);
        assert_eq!(next(Days::Daily(Some(vec![5, 6])), 3), [(12, 5), (12, 6), (12, 12)]);
        assert_eq!(next(Days::Weekly { weekday: 2, interval: 1 }, 2), [(12, 2), (12, 9)]);
        assert_eq!(next(Days::Weekly { weekday: 2, interval: 2 }, 2), [(12, 2), (12, 16)]);
        assert_eq!(next(Days::Weekly { weekday: 0, interval: 2 }, 1), [(12, 14)]);
        assert_eq!(next(Days::Monthly { week: 4, weekday: 2 }, 2), [(12, 23), (1, 27)]);
        assert_eq!(next(Days::Monthly { week: 5, weekday: 2 }, 3), [(12, 30), (1, 27), (2, 24)]);
        assert_eq!(next(Days::Yearly { month: 7, day: 24 }, 2), [(7, 24), (7, 24)]);
        assert_eq!(next(Days::Yearly { month: 2, day: 29 }, 1), [(2, 29)]);
        assert_eq!(next(Days::Yearly { month: 2, day: 30 }, 1), []);
    }

    #[test]
    fn occurrences_that_were_missed_are_passed_over() {
        let rule = Recurrence { start_ms: START, days: Days::Daily(None) };
        let day = 24 * 60 * 60_000;

        assert_eq!(rule.next_after(START + 10 * day + 5), Some(START + 11 * day));
        assert_eq!(rule.next_after(START - 100 * day), Some(START));
    }
}

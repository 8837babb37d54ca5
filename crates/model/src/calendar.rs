//! Days of the calendar and times of ISO 8601, always in UTC. Pure arithmetic on Unix time.
//!
//! twilight's `Timestamp` is what we show; it cannot be what we read, for it passes over the offset
//! of a time and refuses the short form (`2030-01-01T00:00:00.000Z`) that JavaScript writes.

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error as _;

/// A day of the proleptic Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    /// The year, such as 2030.
    pub year: i64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

impl Date {
    /// The day that is `days` after the first of January 1970.
    #[must_use]
    pub const fn of_days(days: i64) -> Self {
        // Years begin with March here, so that the leap day is a year's last (Hinnant, chrono-
        // compatible low-level date algorithms).
        let days = days + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = (of_year - (153 * from_march + 2) / 5 + 1) as u8;
        let month = (if from_march < 10 { from_march + 3 } else { from_march - 9 }) as u8;
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        Self { year, month, day }
    }

    /// How many days it is after the first of January 1970.
    #[must_use]
    pub const fn days(self) -> i64 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let from_march = (self.month as i64 + 9) % 12;
        let of_year = (153 * from_march + 2) / 5 + self.day as i64 - 1;
        let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
        era * 146_097 + of_era - 719_468
    }

    /// How many days its month has.
    #[must_use]
    pub const fn days_in_month(self) -> u8 {
        days_in_month(self.year, self.month)
    }
}

/// The weekday of the day that is `days` after the first of January 1970: 0 is Monday.
#[must_use]
pub const fn weekday(days: i64) -> u8 {
    (days + 3).rem_euclid(7) as u8
}

/// A moment as clients write it in ISO 8601, in Unix milliseconds. For bodies of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).map(Self).ok_or_else(|| D::Error::custom("not a valid ISO8601 timestamp"))
    }
}

/// The Unix milliseconds of a time in ISO 8601: a date, a time of day, with or without fractions
/// of a second, and an offset (UTC when there is none). `None` for anything else, for times before
/// 1970 and after the year 9999.
#[must_use]
pub fn parse(text: &str) -> Option<u64> {
    let mut rest = text.as_bytes();
    let year = number(&mut rest, 4)?;
    sign(&mut rest, b"-")?;
    let month = number(&mut rest, 2).filter(|month| (1..=12).contains(month))?;
    sign(&mut rest, b"-")?;
    let (month, day) = (u8::try_from(month).ok()?, number(&mut rest, 2)?);
    let day =
        u8::try_from(day).ok().filter(|day| (1..=days_in_month(year, month)).contains(day))?;
    sign(&mut rest, b"Tt ")?;
    let hour = number(&mut rest, 2).filter(|hour| *hour < 24)?;
    sign(&mut rest, b":")?;
    let minute = number(&mut rest, 2).filter(|minute| *minute < 60)?;
    let mut ms = (hour * 60 + minute) * 60_000;
    if sign(&mut rest, b":").is_some() {
        // A leap second counts as the one before it.
        let second = number(&mut rest, 2).filter(|second| *second <= 60)?.min(59);
        ms += second * 1_000;
        if sign(&mut rest, b".,").is_some() {
            ms += fraction(&mut rest)?;
        }
    }
    let offset = match sign(&mut rest, b"Zz+-") {
        None | Some(b'Z' | b'z') => 0,
        Some(which) => {
            let hours = number(&mut rest, 2).filter(|hours| *hours < 24)?;
            sign(&mut rest, b":");
            let minutes = if rest.is_empty() { 0 } else { number(&mut rest, 2)? };
            let offset = (hours * 60 + minutes) * 60_000;
            if which == b'-' { -offset } else { offset }
        }
    };
    if !rest.is_empty() {
        return None;
    }
    u64::try_from(Date { year, month, day }.days() * DAY_MS + ms - offset).ok()
}

/// Takes one of these signs off the front.
fn sign(rest: &mut &[u8], signs: &[u8]) -> Option<u8> {
    let (&first, after) = rest.split_first()?;
    signs.contains(&first).then(|| *rest = after)?;
    Some(first)
}

/// Takes so many digits off the front.
fn number(rest: &mut &[u8], digits: usize) -> Option<i64> {
    let (front, after) = rest.split_at_checked(digits)?;
    *rest = after;
    front
        .iter()
        .try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

/// Takes a fraction of a second off the front, in milliseconds; what is finer is dropped.
fn fraction(rest: &mut &[u8]) -> Option<i64> {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (front, after) = rest.split_at(digits);
    *rest = after;
    let ms = (0..3)
        .fold(0, |sum, place| sum * 10 + i64::from(front.get(place).map_or(0, |byte| byte - b'0')));
    (digits > 0).then_some(ms)
}

const fn days_in_month(year: i64, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Milliseconds of a day.
pub const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_over_leap_years_and_back() {
        for (date, days) in [
            (Date { year: 1970, month: 1, day: 1 }, 0),
            (Date { year: 2000, month: 2, day: 29 }, 11_016),
            (Date { year: 2026, month: 11, day: 30 }, 20_787),
            (Date { year: 2100, month: 3, day: 1 }, 47_541),
        ] {
            assert_eq!((date.days(), Date::of_days(days)), (days, date));
        }
        assert!((0..100_000).all(|days| Date::of_days(days).days() == days));
        // The 30th of November 2026 is a Monday.
        assert_eq!((weekday(20_787), weekday(0)), (0, 3));
    }

    #[test]
    fn every_way_to_write_a_moment_is_read_with_its_offset() {
        let noon = Some(1_893_499_200_000);
        for text in [
            "2030-01-01T12:00:00.000Z",
            "2030-01-01T12:00:00Z",
            "2030-01-01T12:00Z",
            "2030-01-01T12:00:00",
            "2030-01-01T12:00:00.000000+00:00",
            "2030-01-01T14:30:00+02:30",
            "2030-01-01 04:00:00-0800",
            "2030-01-01T13:00:00.0009+01",
        ] {
            assert_eq!(parse(text), noon, "{text}");
        }
        assert_eq!(parse("2030-01-01T12:00:00.25Z"), noon.map(|noon| noon + 250));
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "2030",
            "2030-01-01",
            "2030-13-01T00:00:00Z",
            "2030-02-29T00:00:00Z",
            "2030-01-00T00:00:00Z",
            "2030-01-01T24:00:00Z",
            "2030-01-01T00:60:00Z",
            "2030-01-01T00:00:00.Z",
            "2030-01-01T00:00:00Zx",
            "2030-01-01T00:00:00+2:00",
            "1969-12-31T23:59:59Z",
            "tomorrow",
            "２030-01-01T00:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

//! Values that cannot be, with Discord's codes for them (Discord: Reference/Error Messages).

use std::ops::RangeInclusive;

use super::Denied;

/// A denial of one field.
pub(in crate::guild) fn bad(field: &str, code: &'static str, message: impl Into<String>) -> Denied {
    Denied::Field { field: field.to_owned(), code, message: message.into() }
}

/// Demands that a text has as many characters as `range` says.
pub(crate) fn length(field: &str, text: &str, range: RangeInclusive<usize>) -> Result<(), Denied> {
    if range.contains(&text.chars().count()) {
        return Ok(());
    }
    let (min, max) = (range.start(), range.end());
    Err(bad(field, "BASE_TYPE_BAD_LENGTH", format!("Must be between {min} and {max} in length.")))
}

/// Demands that a text has at most `max` characters.
pub(crate) fn at_most(field: &str, text: &str, max: usize) -> Result<(), Denied> {
    if text.chars().count() <= max {
        return Ok(());
    }
    Err(bad(field, "BASE_TYPE_MAX_LENGTH", format!("Must be {max} or fewer in length.")))
}

/// Demands that a list has between `min` and `max` items.
pub(super) fn many(field: &str, length: usize, min: usize, max: usize) -> Result<(), Denied> {
    within(field, length, min..=max)
}

/// Demands that a list has as many items as `range` says.
pub(super) fn within(
    field: &str,
    length: usize,
    range: RangeInclusive<usize>,
) -> Result<(), Denied> {
    if range.contains(&length) {
        return Ok(());
    }
    let (min, max) = (range.start(), range.end());
    Err(bad(field, "BASE_TYPE_BAD_LENGTH", format!("Must be between {min} and {max} in length.")))
}

/// Demands that a number is within `range`.
pub(super) fn number(field: &str, value: u32, range: &RangeInclusive<u32>) -> Result<(), Denied> {
    let (min, max) = (range.start(), range.end());
    if value < *min {
        let message = format!("int value should be greater than or equal to {min}.");
        return Err(bad(field, "NUMBER_TYPE_MIN", message));
    }
    if value > *max {
        let message = format!("int value should be less than or equal to {max}.");
        return Err(bad(field, "NUMBER_TYPE_MAX", message));
    }
    Ok(())
}

/// Demands that a number is one of a few.
pub(super) fn choice(field: &str, value: u32, choices: &[u32]) -> Result<(), Denied> {
    if choices.contains(&value) {
        return Ok(());
    }
    let listed: Vec<_> = choices.iter().map(u32::to_string).collect();
    let message = format!("Value must be one of ({}).", listed.join(", "));
    Err(bad(field, "BASE_TYPE_CHOICES", message))
}

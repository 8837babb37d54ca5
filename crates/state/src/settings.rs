//! What people's clients keep for themselves: settings whose meaning is the clients' own. Pure.
//!
//! The newer form is a protobuf message. We know no more of it than that it is made of fields: of a
//! partial one, each field takes the place of the one that was there. Field 1 counts the changes.

use serde::Deserialize;
use serde::Serialize;
use serde_json::Map;
use serde_json::Value;

/// The kind that is a JSON object.
pub const JSON: u8 = 0;
/// The largest kind of the others (userdoccers: User Settings Proto Type).
pub const KINDS: u8 = 3;

/// What one says of oneself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// Up to 190 characters.
    pub bio: String,
    /// Up to 40 characters.
    pub pronouns: String,
    /// A colour, 24 bits.
    pub accent_color: Option<u32>,
}

/// A change of settings.
#[derive(Debug, Clone, PartialEq)]
pub enum SettingsChange {
    /// Keys of the JSON object.
    Keys(Map<String, Value>),
    /// Fields of a protobuf message; with the version that it was made on, if the client minds.
    Fields {
        /// The kind, 1 to [`KINDS`].
        kind: u8,
        /// The partial message.
        partial: Vec<u8>,
        /// Refused when there were changes after this one.
        on_version: Option<u32>,
    },
}

impl SettingsChange {
    /// Which settings.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Keys(_) => JSON,
            Self::Fields { kind, .. } => *kind,
        }
    }

    /// What comes of what is stored; `None` when that is newer than the change, or is not to be read.
    #[must_use]
    pub fn apply(&self, stored: Option<&[u8]>) -> Option<Vec<u8>> {
        let stored = stored.unwrap_or_default();
        match self {
            Self::Keys(keys) => {
                let mut all: Map<String, Value> =
                    serde_json::from_slice(stored).unwrap_or_default();
                all.extend(keys.clone());
                serde_json::to_vec(&all).ok()
            }
            Self::Fields { partial, on_version, .. } => {
                let (before, change) = (fields(stored)?, fields(partial)?);
                let version = version(&before);
                if on_version.is_some_and(|on| version > on) {
                    return None;
                }
                Some(merge(&before, &change, version.wrapping_add(1)))
            }
        }
    }
}

/// One field of a protobuf message: its number, and all of its bytes.
type Field<'a> = (u64, &'a [u8]);

/// The fields of a message, in order; `None` when it is none.
#[must_use]
pub fn fields(message: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut all = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        let whole = rest;
        let tag = varint(&mut rest)?;
        let length = match tag & 7 {
            0 => varint(&mut rest).map(|_| 0)?,
            1 => 8,
            2 => usize::try_from(varint(&mut rest)?).ok()?,
            5 => 4,
            _ => return None,
        };
        rest = rest.get(length..)?;
        let field = tag >> 3;
        if field == 0 || field >= 1 << 29 {
            return None;
        }
        all.push((field, &whole[..whole.len() - rest.len()]));
    }
    Some(all)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in 0..10 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift * 7)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn put_varint(into: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        into.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
        value >>= 7;
    }
    into.push(u8::try_from(value).unwrap_or(0));
}

/// The message within a field, if it is one.
fn within(field: &[u8]) -> Option<&[u8]> {
    let mut rest = field;
    let tag = varint(&mut rest)?;
    varint(&mut rest)?;
    (tag & 7 == 2).then_some(rest)
}

/// The number of a varint field.
fn number(field: &[u8]) -> Option<u64> {
    let mut rest = field;
    let tag = varint(&mut rest)?;
    if tag & 7 == 0 { varint(&mut rest) } else { None }
}

/// The field of versions: 1 the client's, 2 the server's, 3 how often the data was changed.
const VERSIONS: u64 = 1;
const DATA_VERSION: u64 = 3;

/// How often the settings were changed.
fn version(all: &[Field<'_>]) -> u32 {
    let versions = all.iter().rev().find(|(field, _)| *field == VERSIONS);
    let inner = versions.and_then(|(_, bytes)| fields(within(bytes)?)).unwrap_or_default();
    let data = inner.iter().rev().find(|(field, _)| *field == DATA_VERSION);
    data.and_then(|(_, bytes)| number(bytes)).and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
}

/// Each field of the change in place of the one before, with that version.
fn merge(before: &[Field<'_>], change: &[Field<'_>], version: u32) -> Vec<u8> {
    let changes = |field: u64| change.iter().any(|(changed, _)| *changed == field);
    let mut merged = Vec::new();
    let newest = change.iter().chain(before).find(|(field, _)| *field == VERSIONS);
    let versions = newest.and_then(|(_, bytes)| fields(within(bytes)?)).unwrap_or_default();
    let mut inner = Vec::new();
    for (_, bytes) in versions.iter().filter(|(field, _)| *field != DATA_VERSION) {
        inner.extend_from_slice(bytes);
    }
    put_varint(&mut inner, DATA_VERSION << 3);
    put_varint(&mut inner, u64::from(version));
    put_varint(&mut merged, VERSIONS << 3 | 2);
    put_varint(&mut merged, inner.len() as u64);
    merged.extend_from_slice(&inner);
    for (_, bytes) in before.iter().filter(|(field, _)| *field != VERSIONS && !changes(*field)) {
        merged.extend_from_slice(bytes);
    }
    for (_, bytes) in change.iter().filter(|(field, _)| *field != VERSIONS) {
        merged.extend_from_slice(bytes);
    }
    merged
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Field 2, a message; field 4, the number 7.
    const STORED: &[u8] = &[0x12, 2, 0x08, 1, 0x20, 7];

    fn change(partial: &[u8], on_version: Option<u32>) -> SettingsChange {
        SettingsChange::Fields { kind: 1, partial: partial.to_vec(), on_version }
    }

    #[test]
    fn a_field_takes_the_place_of_the_one_before_and_the_version_grows() {
        let once = change(STORED, None).apply(None).unwrap();
        let twice = change(&[0x20, 9], None).apply(Some(&once)).unwrap();

        let all = fields(&twice).unwrap();
        let numbers: Vec<_> = all.iter().map(|(field, _)| *field).collect();
        assert_eq!(numbers, [1, 2, 4]);
        assert_eq!(number(all[2].1), Some(9));
        assert_eq!((version(&fields(&once).unwrap()), version(&all)), (1, 2));
    }

    #[test]
    fn what_was_changed_meanwhile_is_not_overwritten() {
        let once = change(STORED, None).apply(None).unwrap();

        assert_eq!(change(&[0x20, 9], Some(0)).apply(Some(&once)), None);
        assert!(change(&[0x20, 9], Some(1)).apply(Some(&once)).is_some());
    }

    #[test]
    fn the_clients_own_version_is_kept() {
        let client = [0x0a, 4, 0x08, 3, 0x18, 99];

        let once = change(&client, None).apply(None).unwrap();

        assert_eq!(once, [0x0a, 4, 0x08, 3, 0x18, 1]);
    }

    #[test]
    fn keys_replace_keys() {
        let keys = |value: Value| match value {
            Value::Object(map) => SettingsChange::Keys(map),
            other => panic!("{other}"),
        };
        let once = keys(json!({ "theme": "dark", "locale": "de" })).apply(None).unwrap();

        let twice = keys(json!({ "theme": "light" })).apply(Some(&once)).unwrap();

        let read: Value = serde_json::from_slice(&twice).unwrap();
        assert_eq!(read, json!({ "theme": "light", "locale": "de" }));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Some(all) = fields(&bytes) {
                let together: Vec<u8> = all.iter().flat_map(|(_, field)| field.to_vec()).collect();
                prop_assert_eq!(together, bytes.clone());
                let merged = change(&bytes, None).apply(Some(&bytes)).unwrap();
                prop_assert!(fields(&merged).is_some());
            }
        }
    }
}

//! Which keys exist: asked of the structs themselves, so that no list can go stale.

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Visitor;
use serde::de::value::Error;
use serde::forward_to_deserialize_any;

use super::Config;
use super::ServerConfig;
use super::TlsConfig;

/// The names of the fields of `T`, as files spell them.
pub(super) fn of<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // It always fails: the one purpose is that `T` says its fields before it does.
    let _ = T::deserialize(Listener(&mut names));
    names
}

/// The keys of a section; none when there is no such section.
pub(super) fn of_section(section: &str) -> &'static [&'static str] {
    match section {
        "server" => of::<ServerConfig>(),
        "tls" => of::<TlsConfig>(),
        "signaling" => of::<signaling::SignalingConfig>(),
        "media" => of::<media::MediaConfig>(),
        _ => &[],
    }
}

/// All sections.
pub(super) fn sections() -> &'static [&'static str] {
    of::<Config>()
}

/// A deserializer that only hears what a struct expects.
struct Listener<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Listener<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        Err(serde::de::Error::custom("heard"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(serde::de::Error::custom("not a struct"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_has_keys() {
        assert_eq!(sections(), ["server", "tls", "signaling", "media"]);
        for section in sections() {
            assert!(!of_section(section).is_empty(), "{section}");
        }
    }
}

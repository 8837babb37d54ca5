//! What a type reads, asked of its own `Deserialize`: a deserializer that notes what it is asked for
//! and answers with the least that such a thing can be. So the document cannot say otherwise than the
//! code does, and nobody writes a shape twice.

use serde::Deserializer;
use serde::de::DeserializeOwned;
use serde::de::DeserializeSeed;
use serde::de::Error as _;
use serde::de::IntoDeserializer as _;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde::de::value::Error;

/// What is read.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Shape {
    /// Whatever it is: its reader decides by what it finds.
    #[default]
    Any,
    Boolean,
    /// Whole, and whether it may be negative.
    Integer {
        signed: bool,
    },
    Number,
    /// An id: a string of digits; numbers are read, too.
    Snowflake,
    Text,
    List(Box<Self>),
    /// So many values, each of its own kind: the parameters of a path.
    Tuple(Vec<Self>),
    /// Keys that are not known beforehand.
    Map,
    /// Null is read, too.
    Nullable(Box<Self>),
    /// Fields, each with whether it must be there.
    Fields(Vec<Field>),
    /// One of these words.
    Word(&'static [&'static str]),
}

/// A field of [`Shape::Fields`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    pub name: &'static str,
    pub required: bool,
    pub shape: Shape,
    seen: Seen,
}

/// What is known of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Seen {
    Untried,
    /// It takes the least that it asks for; whether it may be left out is not known yet.
    Read,
    /// Nothing is left to ask, and it takes what it asks for.
    Known,
    /// It does not take the least that it asks for (a time, an address).
    Choosy,
}

/// What `T` reads.
pub(crate) fn probe<T: DeserializeOwned>() -> Shape {
    let mut shape = Shape::Any;
    // A reader stops at the first thing that it does not take; each round learns one thing. What is
    // left out on purpose comes last, when nothing else can be the fault.
    for omitting in [false, true] {
        for _ in 0..ROUNDS {
            let mut round = Round { omitting, ..Round::default() };
            drop(T::deserialize(Probe { shape: &mut shape, round: &mut round }));
            if !round.learned {
                break;
            }
        }
    }
    shape
}

/// Twice the fields that a body may have, over all that it holds.
const ROUNDS: usize = 512;
/// Types that hold themselves end here.
const DEPTH: usize = 6;

#[derive(Default)]
struct Round {
    depth: usize,
    /// Whether fields are left out, to see whether they are missed.
    omitting: bool,
    /// Something was learned, so what failed is not the fault of what holds it.
    learned: bool,
}

struct Probe<'a> {
    shape: &'a mut Shape,
    round: &'a mut Round,
}

macro_rules! scalar {
    ($($name:ident $visit:ident($($value:expr)?) $shape:expr;)*) => {
        $(fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            *self.shape = $shape;
            visitor.$visit($($value)?)
        })*
    };
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Error;

    scalar! {
        deserialize_bool visit_bool(true) Shape::Boolean;
        deserialize_i8 visit_i8(1) Shape::Integer { signed: true };
        deserialize_i16 visit_i16(1) Shape::Integer { signed: true };
        deserialize_i32 visit_i32(1) Shape::Integer { signed: true };
        deserialize_i64 visit_i64(1) Shape::Integer { signed: true };
        deserialize_u8 visit_u8(1) Shape::Integer { signed: false };
        deserialize_u16 visit_u16(1) Shape::Integer { signed: false };
        deserialize_u32 visit_u32(1) Shape::Integer { signed: false };
        deserialize_u64 visit_u64(1) Shape::Integer { signed: false };
        deserialize_f32 visit_f32(1.0) Shape::Number;
        deserialize_f64 visit_f64(1.0) Shape::Number;
        deserialize_char visit_str("1") Shape::Text;
        deserialize_str visit_str("1") Shape::Text;
        deserialize_string visit_str("1") Shape::Text;
        deserialize_bytes visit_str("1") Shape::Text;
        deserialize_byte_buf visit_str("1") Shape::Text;
        deserialize_unit visit_unit() Shape::Any;
        deserialize_ignored_any visit_unit() Shape::Any;
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        struct Expected<'a, V>(&'a V);
        impl<'de, V: Visitor<'de>> std::fmt::Display for Expected<'_, V> {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.expecting(formatter)
            }
        }
        if Expected(&visitor).to_string().contains("snowflake") {
            *self.shape = Shape::Snowflake;
            return visitor.visit_str("1");
        }
        *self.shape = Shape::Any;
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut inner = match std::mem::take(self.shape) {
            Shape::Nullable(inner) => *inner,
            _ => Shape::Any,
        };
        let read = visitor.visit_some(Probe { shape: &mut inner, round: &mut *self.round });
        *self.shape = match inner {
            inner @ Shape::Nullable(_) => inner,
            inner => Shape::Nullable(Box::new(inner)),
        };
        read
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut inner = match std::mem::take(self.shape) {
            Shape::List(inner) => *inner,
            _ => Shape::Any,
        };
        let item = (self.round.depth < DEPTH).then_some(&mut inner);
        self.round.depth += 1;
        let read = visitor.visit_seq(One { item, round: &mut *self.round });
        self.round.depth -= 1;
        *self.shape = Shape::List(Box::new(inner));
        read
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        many: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let mut shapes = match std::mem::take(self.shape) {
            Shape::Tuple(shapes) => shapes,
            _ => vec![Shape::Any; many],
        };
        let read =
            visitor.visit_seq(Several { shapes: shapes.iter_mut(), round: &mut *self.round });
        *self.shape = Shape::Tuple(shapes);
        read
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        *self.shape = Shape::Map;
        visitor.visit_map(serde::de::value::MapDeserializer::<_, Error>::new(std::iter::empty::<(
            &str,
            &str,
        )>()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let mut fields = match std::mem::take(self.shape) {
            Shape::Fields(fields) => fields,
            _ => names.iter().map(|name| Field::untried(name)).collect(),
        };
        let deep = self.round.depth >= DEPTH;
        self.round.depth += 1;
        let read = visitor.visit_map(Each {
            fields: if deep { &mut [] } else { &mut fields },
            at: 0,
            round: &mut *self.round,
        });
        self.round.depth -= 1;
        if let Err(error) = &read {
            let missing = error.to_string();
            let missing =
                missing.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
            if let Some(field) = fields.iter_mut().find(|field| Some(field.name) == missing) {
                field.required = true;
            }
        }
        *self.shape = Shape::Fields(fields);
        read
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.shape = Shape::Word(words);
        visitor.visit_enum(words.first().copied().unwrap_or_default().into_deserializer())
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str("1")
    }
}

impl Field {
    const fn untried(name: &'static str) -> Self {
        Self { name, required: false, shape: Shape::Any, seen: Seen::Untried }
    }
}

/// The one item of a list.
struct One<'a> {
    item: Option<&'a mut Shape>,
    round: &'a mut Round,
}

impl<'de> SeqAccess<'de> for One<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        match self.item.take() {
            Some(shape) => seed.deserialize(Probe { shape, round: &mut *self.round }).map(Some),
            None => Ok(None),
        }
    }
}

/// The values of a tuple.
struct Several<'a> {
    shapes: std::slice::IterMut<'a, Shape>,
    round: &'a mut Round,
}

impl<'de> SeqAccess<'de> for Several<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        match self.shapes.next() {
            Some(shape) => seed.deserialize(Probe { shape, round: &mut *self.round }).map(Some),
            None => Ok(None),
        }
    }
}

/// Each field of a struct, but those that take nothing, and one at most that is left out to see
/// whether it is missed.
struct Each<'a> {
    fields: &'a mut [Field],
    at: usize,
    round: &'a mut Round,
}

impl<'de> MapAccess<'de> for Each<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        while let Some(field) = self.fields.get_mut(self.at) {
            match field.seen {
                Seen::Choosy => {}
                Seen::Read if self.round.omitting && !self.round.learned => {
                    field.seen = Seen::Known;
                    self.round.learned = true;
                }
                Seen::Untried | Seen::Read | Seen::Known => {
                    return seed.deserialize(field.name.into_deserializer()).map(Some);
                }
            }
            self.at += 1;
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let Some(field) = self.fields.get_mut(self.at) else {
            return Err(Error::custom("no value without its key"));
        };
        self.at += 1;
        let read = seed.deserialize(Probe { shape: &mut field.shape, round: &mut *self.round });
        match &read {
            Ok(_) if field.seen == Seen::Untried => field.seen = Seen::Read,
            // Where nothing was learned inside, it is this that was not taken.
            Err(_) if !self.round.learned => {
                field.seen = Seen::Choosy;
                self.round.learned = true;
            }
            _ => {}
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use model::id::ChannelId;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only what is read is asked")]
    struct Body {
        name: String,
        topic: Option<String>,
        #[serde(default)]
        nsfw: bool,
        parent: ChannelId,
        when: Time,
        later: Option<Time>,
        parts: Vec<Part>,
        kind: Kind,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only what is read is asked")]
    struct Part {
        id: u16,
        #[serde(default)]
        parts: Vec<Self>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Small,
        Large,
    }

    struct Time;

    impl<'de> Deserialize<'de> for Time {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = String::deserialize(deserializer)?;
            if text.len() == 20 { Ok(Self) } else { Err(D::Error::custom("no time")) }
        }
    }

    fn field<'a>(shape: &'a Shape, name: &str) -> &'a Field {
        let Shape::Fields(fields) = shape else { panic!("no fields: {shape:?}") };
        fields.iter().find(|field| field.name == name).expect("a field of that name")
    }

    #[test]
    fn a_body_tells_what_it_reads_and_what_it_misses() {
        let shape = probe::<Body>();
        let told = |name: &str| (field(&shape, name).required, &field(&shape, name).shape);
        let text = Shape::Text;
        assert_eq!(told("name"), (true, &text));
        assert_eq!(told("topic"), (false, &Shape::Nullable(Box::new(text.clone()))));
        assert_eq!(told("nsfw"), (false, &Shape::Boolean));
        assert_eq!(told("parent"), (true, &Shape::Snowflake));
        assert_eq!(told("when"), (true, &text), "a time that was not taken is missed all the same");
        assert_eq!(told("later"), (false, &Shape::Nullable(Box::new(text))));
        assert_eq!(told("kind").1, &Shape::Word(&["small", "large"]));
        let Shape::List(part) = told("parts").1 else { panic!("no list") };
        assert_eq!(field(part, "id").shape, Shape::Integer { signed: false });
    }
}

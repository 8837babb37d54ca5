//! Erlang's external term format (version 131), as clients that ask for `encoding=etf` speak it: a
//! message as one term, and one term as a message. Pure.
//!
//! What we say has atoms for `null`, booleans and the names of fields, and binaries for strings, ids
//! among them. What clients say may have strings for the names of fields only (Discord: Gateway/Using
//! ETF Encoding).

use serde_json::Map;
use serde_json::Number;
use serde_json::Value;

/// What a message begins with.
pub(super) const VERSION: u8 = 131;

// Tags (Erlang: External Term Format).
const NEW_FLOAT: u8 = 70;
const SMALL_INTEGER: u8 = 97;
const INTEGER: u8 = 98;
const FLOAT: u8 = 99;
const ATOM: u8 = 100;
const NIL: u8 = 106;
const STRING: u8 = 107;
const LIST: u8 = 108;
const BINARY: u8 = 109;
const SMALL_BIG: u8 = 110;
const LARGE_BIG: u8 = 111;
const SMALL_ATOM: u8 = 115;
const MAP: u8 = 116;
const ATOM_UTF8: u8 = 118;
const SMALL_ATOM_UTF8: u8 = 119;

/// Bytes of the text of a `FLOAT`.
const FLOAT_TEXT: usize = 31;
/// Terms in terms that are read at most. What clients say is nested five deep.
const DEPTH: usize = 32;
/// Longest name of a field that becomes an atom.
const NAME: usize = 64;

/// The term of a value that we wrote as JSON, without the version.
pub(super) fn term(json: &str) -> Vec<u8> {
    // Cannot fail on text of our own; a client would rather have nothing than half a term.
    let value = serde_json::from_str(json).unwrap_or(Value::Null);
    let mut out = Vec::with_capacity(json.len() + json.len() / 4);
    put(&mut out, &value);
    out
}

/// Puts the beginning of a dispatch behind what is there: version, name, number, and all of `d` but
/// its term.
pub(super) fn put_opening(name: &str, seq: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&[VERSION, MAP, 0, 0, 0, 4]);
    put_atom(out, "t");
    put_atom(out, name);
    put_atom(out, "s");
    put_unsigned(out, seq);
    put_atom(out, "op");
    put_unsigned(out, 0);
    put_atom(out, "d");
}

fn put(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => put_atom(out, "nil"),
        Value::Bool(true) => put_atom(out, "true"),
        Value::Bool(false) => put_atom(out, "false"),
        Value::Number(number) => put_number(out, number),
        Value::String(text) => put_binary(out, text),
        Value::Array(list) => {
            if !list.is_empty() {
                put_head(out, LIST, list.len());
                list.iter().for_each(|value| put(out, value));
            }
            out.push(NIL);
        }
        Value::Object(map) => {
            put_head(out, MAP, map.len());
            for (key, value) in map {
                // Atoms are never given up by who reads them: ids and languages are none.
                if is_name(key) {
                    put_atom(out, key);
                } else {
                    put_binary(out, key);
                }
                put(out, value);
            }
        }
    }
}

/// Whether a key is the name of a field, and no id and no language.
fn is_name(key: &str) -> bool {
    let letter = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'_';
    let bytes = key.as_bytes();
    bytes.first().is_some_and(letter)
        && bytes.len() <= NAME
        && bytes.iter().all(|byte| letter(byte) || byte.is_ascii_digit())
}

/// A tag and a count, which fits: no message of ours is near 4 GiB.
fn put_head(out: &mut Vec<u8>, tag: u8, count: usize) {
    out.push(tag);
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
}

fn put_binary(out: &mut Vec<u8>, text: &str) {
    put_head(out, BINARY, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// Of the two forms, the one that old and new libraries read.
fn put_atom(out: &mut Vec<u8>, name: &str) {
    out.push(ATOM);
    out.extend_from_slice(&u16::try_from(name.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(name.as_bytes());
}

fn put_number(out: &mut Vec<u8>, number: &Number) {
    match (number.as_u64(), number.as_i64(), number.as_f64()) {
        (Some(number), ..) => put_unsigned(out, number),
        (_, Some(number), _) => match i32::try_from(number) {
            Ok(number) => put_integer(out, number),
            Err(_) => put_big(out, true, number.unsigned_abs()),
        },
        (.., float) => {
            out.push(NEW_FLOAT);
            out.extend_from_slice(&float.unwrap_or_default().to_be_bytes());
        }
    }
}

fn put_unsigned(out: &mut Vec<u8>, number: u64) {
    if let Ok(small) = u8::try_from(number) {
        out.extend_from_slice(&[SMALL_INTEGER, small]);
    } else if let Ok(middle) = i32::try_from(number) {
        put_integer(out, middle);
    } else {
        put_big(out, false, number);
    }
}

fn put_integer(out: &mut Vec<u8>, number: i32) {
    out.push(INTEGER);
    out.extend_from_slice(&number.to_be_bytes());
}

fn put_big(out: &mut Vec<u8>, negative: bool, magnitude: u64) {
    let bytes = magnitude.to_le_bytes();
    let used = bytes.len() - magnitude.leading_zeros() as usize / 8;
    out.extend_from_slice(&[SMALL_BIG, used as u8, negative.into()]);
    out.extend_from_slice(&bytes[..used]);
}

/// No term that a client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Reads a client's message, which is as long as a message may be at most.
///
/// # Errors
///
/// [`Malformed`], also for what is compressed, and for atoms as names of fields.
pub(crate) fn read(message: &[u8]) -> Result<Value, Malformed> {
    let [VERSION, rest @ ..] = message else { return Err(Malformed) };
    let mut reader = Reader { rest };
    let value = reader.value(DEPTH)?;
    if reader.rest.is_empty() { Ok(value) } else { Err(Malformed) }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value, Malformed> {
        let depth = depth.checked_sub(1).ok_or(Malformed)?;
        Ok(match self.byte()? {
            SMALL_INTEGER => self.byte()?.into(),
            INTEGER => i32::from_be_bytes(self.array()?).into(),
            NEW_FLOAT => float(f64::from_be_bytes(self.array()?))?,
            FLOAT => {
                let text = text(self.take(FLOAT_TEXT)?)?.trim_end_matches('\0');
                float(text.parse().map_err(|_| Malformed)?)?
            }
            SMALL_BIG => {
                let size = self.byte()?.into();
                self.big(size)?
            }
            LARGE_BIG => {
                let size = self.count()?;
                self.big(size)?
            }
            ATOM | ATOM_UTF8 => {
                let size = u16::from_be_bytes(self.array()?).into();
                atom(text(self.take(size)?)?)
            }
            SMALL_ATOM | SMALL_ATOM_UTF8 => {
                let size = self.byte()?.into();
                atom(text(self.take(size)?)?)
            }
            BINARY => self.binary()?.into(),
            NIL => Value::Array(Vec::new()),
            // How Erlang writes a list of small numbers.
            STRING => {
                let size = u16::from_be_bytes(self.array()?).into();
                Value::Array(self.take(size)?.iter().map(|byte| Value::from(*byte)).collect())
            }
            LIST => {
                let mut list = Vec::new();
                for _ in 0..self.count()? {
                    list.push(self.value(depth)?);
                }
                if self.byte()? != NIL {
                    return Err(Malformed);
                }
                Value::Array(list)
            }
            MAP => {
                let mut map = Map::new();
                for _ in 0..self.count()? {
                    if self.byte()? != BINARY {
                        return Err(Malformed);
                    }
                    let key = self.binary()?.to_owned();
                    map.insert(key, self.value(depth)?);
                }
                Value::Object(map)
            }
            _ => return Err(Malformed),
        })
    }

    fn take(&mut self, size: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(size).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        self.array().map(|[byte]| byte)
    }

    fn count(&mut self) -> Result<usize, Malformed> {
        usize::try_from(u32::from_be_bytes(self.array()?)).map_err(|_| Malformed)
    }

    fn binary(&mut self) -> Result<&'a str, Malformed> {
        let size = self.count()?;
        text(self.take(size)?)
    }

    fn big(&mut self, size: usize) -> Result<Value, Malformed> {
        let negative = match self.byte()? {
            0 => false,
            1 => true,
            _ => return Err(Malformed),
        };
        let mut magnitude = [0; 8];
        magnitude.get_mut(..size).ok_or(Malformed)?.copy_from_slice(self.take(size)?);
        let magnitude = u64::from_le_bytes(magnitude);
        if !negative {
            return Ok(magnitude.into());
        }
        let number = 0_i64.checked_sub_unsigned(magnitude).ok_or(Malformed)?;
        Ok(number.into())
    }
}

fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed)
}

fn float(number: f64) -> Result<Value, Malformed> {
    Number::from_f64(number).map(Value::Number).ok_or(Malformed)
}

fn atom(name: &str) -> Value {
    match name {
        "nil" | "null" | "undefined" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        name => name.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// As a client writes: names of fields are binaries.
    fn said(value: &Value) -> Vec<u8> {
        let mut out = vec![VERSION];
        say(&mut out, value);
        out
    }

    fn say(out: &mut Vec<u8>, value: &Value) {
        match value {
            Value::Object(map) => {
                put_head(out, MAP, map.len());
                for (key, value) in map {
                    put_binary(out, key);
                    say(out, value);
                }
            }
            Value::Array(list) if !list.is_empty() => {
                put_head(out, LIST, list.len());
                list.iter().for_each(|value| say(out, value));
                out.push(NIL);
            }
            other => put(out, other),
        }
    }

    #[test]
    fn a_dispatch_is_what_erlang_makes_of_it() {
        let mut out = Vec::new();
        put_opening("READY", 300, &mut out);
        out.extend(term(r#"{"v":10,"a":[],"1":"x"}"#));

        // term_to_binary(#{t => 'READY', ...}, [{minor_version, 1}]), its fields in our order.
        let expected = [
            &[131, 116, 0, 0, 0, 4][..],
            &[100, 0, 1, b't', 100, 0, 5, b'R', b'E', b'A', b'D', b'Y'],
            &[100, 0, 1, b's', 98, 0, 0, 1, 44],
            &[100, 0, 2, b'o', b'p', 97, 0],
            &[100, 0, 1, b'd', 116, 0, 0, 0, 3],
        ];
        assert!(out.starts_with(&expected.concat()), "{out:?}");
        let ten = [100, 0, 1, b'v', 97, 10];
        let nothing = [100, 0, 1, b'a', 106];
        let id = [109, 0, 0, 0, 1, b'1', 109, 0, 0, 0, 1, b'x'];
        for part in [&ten[..], &nothing, &id] {
            assert!(out.windows(part.len()).any(|window| window == part), "{part:?} in {out:?}");
        }
    }

    #[test]
    fn numbers_of_every_size_come_through() {
        let edge = i64::from(i32::MAX);
        let numbers = json!([
            0,
            255,
            256,
            -1,
            edge,
            edge + 1,
            -edge - 1,
            -edge - 2,
            u64::MAX,
            i64::MIN,
            i64::MAX,
            0.5,
            -1e300,
        ]);

        assert_eq!(read(&said(&numbers)), Ok(numbers));
    }

    #[test]
    fn what_other_libraries_write_is_read() {
        let shard = [131, 107, 0, 2, 0, 4];
        let atoms =
            [131, 108, 0, 0, 0, 2, 115, 3, b'n', b'i', b'l', 119, 4, b't', b'r', b'u', b'e', 106];
        let mut old_float = vec![131, 99];
        old_float.extend_from_slice(b"1.50000000000000000000e+00\0\0\0\0\0");
        let large = [131, 111, 0, 0, 0, 1, 1, 5];

        assert_eq!(read(&shard), Ok(json!([0, 4])));
        assert_eq!(read(&atoms), Ok(json!([null, true])));
        assert_eq!(read(&old_float), Ok(json!(1.5)));
        assert_eq!(read(&large), Ok(json!(-5)));
    }

    #[test]
    fn what_a_client_may_not_say_is_refused() {
        let nested = [vec![131], [108, 0, 0, 0, 1].repeat(100_000)].concat();
        let atom_key = [131, 116, 0, 0, 0, 1, 100, 0, 2, b'o', b'p', 97, 1];
        let compressed = [131, 80, 0, 0, 0, 2, 1, 2, 3];
        let huge_claim = [131, 108, 255, 255, 255, 255, 97, 1];
        let no_number = [131, 70, 127, 248, 0, 0, 0, 0, 0, 0];
        let nine_bytes = [131, 110, 9, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1];
        let improper = [131, 108, 0, 0, 0, 1, 97, 1, 97, 2];
        let no_text = [131, 109, 0, 0, 0, 1, 255];
        let trailing = [131, 97, 1, 0];
        let below = [131, 110, 8, 1, 1, 0, 0, 0, 0, 0, 0, 128];

        for bytes in [
            &[][..],
            b"{}",
            &nested,
            &atom_key,
            &compressed,
            &huge_claim,
            &no_number,
            &nine_bytes,
            &improper,
            &no_text,
            &trailing,
            &below,
        ] {
            assert_eq!(read(bytes), Err(Malformed), "{bytes:?}");
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1e9..1e9).prop_map(|number: f64| Value::from(number)),
            ".{0,20}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map("[a-z_0-9é]{0,9}", inner, 0..8)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_was_said_is_read(value in values()) {
            prop_assert_eq!(read(&said(&value)), Ok(value));
        }

        /// A library that nobody here wrote reads what we say.
        #[test]
        fn others_read_what_we_say(value in values()) {
            let mut out = vec![VERSION];
            put(&mut out, &value);
            let heard = eetf::Term::decode(&out[..]).map_err(|error| error.to_string());
            prop_assert!(heard.is_ok(), "{heard:?}");
            prop_assert!(means(&heard.unwrap(), &value), "{value}");
        }

        /// However it is broken, it is refused or read, and never more than was sent.
        #[test]
        fn anything_may_come(value in values(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = said(&value);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = read(&bytes);
            prop_assert_eq!(read(&bytes[..at.min(bytes.len() - 1)]), Err(Malformed));
        }
    }

    /// Whether a term is that value.
    fn means(term: &eetf::Term, value: &Value) -> bool {
        use eetf::Term;
        match (term, value) {
            (Term::Atom(atom), Value::Null) => atom.name == "nil",
            (Term::Atom(atom), Value::Bool(is)) => atom.name == is.to_string(),
            (Term::FixInteger(is), value) => value.as_i64() == Some(is.value.into()),
            (Term::BigInteger(is), value) => {
                let digits = is.value.to_string();
                value.as_number().is_some_and(|value| value.to_string() == digits)
            }
            (Term::Float(is), value) => value.as_f64() == Some(is.value),
            (Term::Binary(is), Value::String(text)) => is.bytes == text.as_bytes(),
            (Term::List(list), Value::Array(values)) => {
                list.elements.len() == values.len()
                    && list.elements.iter().zip(values).all(|(term, value)| means(term, value))
            }
            (Term::Map(map), Value::Object(values)) => {
                map.map.len() == values.len()
                    && map.map.iter().all(|(key, term)| {
                        let key = match key {
                            Term::Atom(atom) => atom.name.clone(),
                            Term::Binary(is) => String::from_utf8_lossy(&is.bytes).into_owned(),
                            _ => return false,
                        };
                        values.get(&key).is_some_and(|value| means(term, value))
                    })
            }
            _ => false,
        }
    }
}

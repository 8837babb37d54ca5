//! Erlang's terms as clients write and read them, by a library that nobody here wrote.

use std::collections::HashMap;

use eetf::Term;
use serde_json::Map;
use serde_json::Value;

/// A client's message: names of fields are binaries, as they have to be.
pub(crate) fn write(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    term(value).encode(&mut out).expect("a term");
    out
}

fn term(value: &Value) -> Term {
    match value {
        Value::Null => eetf::Atom::from("nil").into(),
        Value::Bool(is) => eetf::Atom::from(is.to_string()).into(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => match i32::try_from(number) {
                Ok(number) => eetf::FixInteger::from(number).into(),
                Err(_) => eetf::BigInteger::from(number).into(),
            },
            (None, float) => Term::Float(eetf::Float { value: float.expect("a number") }),
        },
        Value::String(text) => binary(text),
        Value::Array(list) => eetf::List::from(list.iter().map(term).collect::<Vec<_>>()).into(),
        Value::Object(map) => {
            let pairs = map.iter().map(|(key, value)| (binary(key), term(value)));
            eetf::Map::from(pairs.collect::<HashMap<_, _>>()).into()
        }
    }
}

fn binary(text: &str) -> Term {
    eetf::Binary::from(text.as_bytes().to_vec()).into()
}

/// What a server's message says.
pub(crate) fn read(bytes: &[u8]) -> Value {
    value(&Term::decode(bytes).expect("a term"))
}

fn value(term: &Term) -> Value {
    match term {
        Term::Atom(atom) => match &*atom.name {
            "nil" => Value::Null,
            "true" => true.into(),
            "false" => false.into(),
            name => name.into(),
        },
        Term::FixInteger(number) => number.value.into(),
        Term::BigInteger(number) => {
            serde_json::from_str(&number.value.to_string()).expect("a number")
        }
        Term::Float(number) => number.value.into(),
        Term::Binary(binary) => std::str::from_utf8(&binary.bytes).expect("text").into(),
        Term::List(list) => list.elements.iter().map(value).collect(),
        Term::Map(map) => {
            let name = |key: &Term| value(key).as_str().expect("a name").to_owned();
            let pairs = map.map.iter().map(|(key, is)| (name(key), value(is)));
            Value::Object(pairs.collect::<Map<_, _>>())
        }
        other => panic!("unexpected term {other}"),
    }
}

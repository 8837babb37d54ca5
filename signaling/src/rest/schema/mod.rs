//! What operations answer, as data: objects by their fields, named where a route is declared.
//!
//! Answers are built of records by [`crate::wire`], so no type of ours has their shape; what stands
//! here is held against every answer that the tests of this crate ever see
//! (`tests/support/schema.rs`): a field too many, one that is missing or of another kind fails the
//! test that saw it.

pub(super) mod applications;
pub(super) mod channels;
pub(super) mod guilds;
pub(super) mod instance;
pub(super) mod messages;
pub(super) mod people;

use std::collections::BTreeMap;

use utoipa::openapi::AllOf;
use utoipa::openapi::OneOf;
use utoipa::openapi::Ref;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::AdditionalProperties;
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::schema::KnownFormat;
use utoipa::openapi::schema::ObjectBuilder;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::schema::SchemaFormat;
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::schema::Type;

/// What a value is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// Whatever it is.
    Any,
    Boolean,
    Integer,
    Number,
    Text,
    /// An id: a string of digits.
    Id,
    /// A moment, as RFC 3339 writes it.
    Time,
    /// Bits, as a string of decimal digits.
    Bits,
    /// A file, in a form.
    Bytes,
    /// This, or null.
    Nullable(&'static Self),
    List(&'static Self),
    /// Keys that are not known beforehand, each with such a value.
    Map(&'static Self),
    Of(&'static Object),
}

/// An object by its fields.
pub(crate) struct Object {
    /// How the document calls it.
    pub name: &'static str,
    /// What it is, in lines.
    pub about: &'static [&'static str],
    /// Its fields are those of this one, too.
    pub base: Option<&'static Self>,
    /// What is always there.
    pub must: &'static [(&'static str, Kind)],
    /// What is there at times.
    pub may: &'static [(&'static str, Kind)],
    /// Whether it holds other fields, too.
    pub open: bool,
}

/// Declares objects: those fields that are always there, and after `may` those that are not; after
/// `and` the object that it has the fields of; `..` for fields that are not told.
macro_rules! objects {
    ($(
        $(#[doc = $about:literal])+
        $object:ident $name:literal $(and $base:ident)? {
            $($must:ident: $kind:expr),* $(,)?
        } $(may { $($may:ident: $other:expr),* $(,)? })? $(.. $open:literal)?
    )*) => {
        $(
            $(#[doc = $about])+
            pub(crate) static $object: $crate::rest::schema::Object =
                $crate::rest::schema::Object {
                    name: $name,
                    about: &[$($about),*],
                    base: objects!(@base $($base)?),
                    must: &[$((stringify!($must), $kind)),*],
                    may: &[$($((stringify!($may), $other)),*)?],
                    open: false $(|| $open)?,
                };
        )*
    };
    (@base) => { None };
    (@base $base:ident) => { Some(&$base) };
}
use objects;

// The kinds that fields have most.
pub(crate) const ANY: Kind = Kind::Any;
pub(crate) const BOOL: Kind = Kind::Boolean;
pub(crate) const INT: Kind = Kind::Integer;
pub(crate) const INT_OR_NULL: Kind = Kind::Nullable(&Kind::Integer);
pub(crate) const TEXT: Kind = Kind::Text;
pub(crate) const TEXT_OR_NULL: Kind = Kind::Nullable(&Kind::Text);
pub(crate) const ID: Kind = Kind::Id;
pub(crate) const ID_OR_NULL: Kind = Kind::Nullable(&Kind::Id);
pub(crate) const TIME: Kind = Kind::Time;
pub(crate) const TIME_OR_NULL: Kind = Kind::Nullable(&Kind::Time);
pub(crate) const BITS: Kind = Kind::Bits;

/// Schemas by the names under which the document keeps them.
pub(super) type Named = BTreeMap<&'static str, Schema>;

/// By its name alone: what it holds may hold it again.
impl std::fmt::Debug for Object {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name)
    }
}

impl Object {
    /// A reference to it; it and all that it holds are put into `named`.
    pub(super) fn refer(&'static self, named: &mut Named) -> RefOr<Schema> {
        if !named.contains_key(self.name) {
            // Before what it holds, which may hold it again.
            named.insert(self.name, Schema::AllOf(AllOf::new()));
            let schema = self.schema(named);
            named.insert(self.name, schema);
        }
        RefOr::Ref(Ref::from_schema_name(self.name))
    }

    /// What it is, by all of its fields.
    pub(super) fn schema(&self, named: &mut Named) -> Schema {
        let mut built = ObjectBuilder::new().schema_type(Type::Object);
        let about: Vec<_> = self.about.iter().map(|line| line.trim()).collect();
        if !about.is_empty() {
            built = built.description(Some(about.join(" ")));
        }
        for (name, kind, always) in self.all() {
            built = built.property(name, kind.schema(named));
            if always {
                built = built.required(name);
            }
        }
        if self.open {
            built = built.additional_properties(Some(AdditionalProperties::FreeForm(true)));
        }
        built.into()
    }

    /// Its fields, each with whether it is always there.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, Kind, bool)> {
        let must = self.fields(|object| object.must).map(|(name, kind)| (name, kind, true));
        must.chain(self.fields(|object| object.may).map(|(name, kind)| (name, kind, false)))
    }

    /// Its fields, after those of what it is based on.
    fn fields(
        &self,
        of: fn(&Self) -> &'static [(&'static str, Kind)],
    ) -> impl Iterator<Item = (&'static str, Kind)> {
        let mut lists = vec![of(self)];
        let mut base = self.base;
        while let Some(object) = base {
            lists.push(of(object));
            base = object.base;
        }
        lists.into_iter().rev().flatten().copied()
    }
}

impl Kind {
    /// Its schema; objects that it holds are put into `named`.
    pub(super) fn schema(self, named: &mut Named) -> RefOr<Schema> {
        let simple = |kind: Type| ObjectBuilder::new().schema_type(kind);
        RefOr::T(match self {
            Self::Any => ObjectBuilder::new().schema_type(SchemaType::AnyValue).into(),
            Self::Boolean => simple(Type::Boolean).into(),
            Self::Integer => simple(Type::Integer).into(),
            Self::Number => simple(Type::Number).into(),
            Self::Text => simple(Type::String).into(),
            Self::Id => simple(Type::String).pattern(Some(SNOWFLAKE)).into(),
            Self::Bits => simple(Type::String).pattern(Some("^[0-9]{1,20}$")).into(),
            Self::Bytes => {
                let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
                simple(Type::String).format(Some(format)).into()
            }
            Self::Time => {
                let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
                simple(Type::String).format(Some(format)).into()
            }
            Self::List(inner) => ArrayBuilder::new().items(inner.schema(named)).into(),
            Self::Map(inner) => {
                let values = AdditionalProperties::RefOr(inner.schema(named));
                simple(Type::Object).additional_properties(Some(values)).into()
            }
            Self::Nullable(inner) => return nullable(inner.schema(named)),
            Self::Of(object) => return object.refer(named),
        })
    }
}

/// The same, or null.
pub(super) fn nullable(inner: RefOr<Schema>) -> RefOr<Schema> {
    let with_null = |kind: SchemaType| match kind {
        SchemaType::Type(kind) => SchemaType::Array(vec![kind, Type::Null]),
        other => other,
    };
    RefOr::T(match inner {
        RefOr::T(Schema::Object(mut object)) => {
            object.schema_type = with_null(object.schema_type);
            // What is one of some words is not null by its type alone.
            if let Some(words) = &mut object.enum_values {
                words.push(serde_json::Value::Null);
            }
            Schema::Object(object)
        }
        RefOr::T(Schema::Array(mut array)) => {
            array.schema_type = with_null(array.schema_type);
            Schema::Array(array)
        }
        other => {
            let mut either = OneOf::new();
            either.items.push(other);
            either.items.push(RefOr::T(ObjectBuilder::new().schema_type(Type::Null).into()));
            Schema::OneOf(either)
        }
    })
}

/// How an id is written.
pub(super) const SNOWFLAKE: &str = "^[1-9][0-9]{0,19}$";

//! What a handler takes of a request, told by the types of its arguments.

use axum::extract::OriginalUri;
use axum::extract::RawQuery;
use axum::extract::Request;
use axum::extract::State;
use axum::http::HeaderMap;

use super::super::caller::AsBot;
use super::super::caller::Bearer;
use super::super::caller::Caller;
use super::super::extract::Auth;
use super::super::extract::Json;
use super::super::extract::Path;
use super::super::extract::Query;
use super::super::extract::Reason;
use super::super::schema::Object;
use super::probe::Shape;
use super::probe::probe;
use crate::cdn::Origin;
use crate::parts::Parts;

/// What a handler takes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Taken {
    /// It asks who calls; without a token it answers 401.
    pub account: bool,
    /// People and bots call it by their own tokens.
    pub own: bool,
    /// Applications call it in someone's name.
    pub bearer: bool,
    /// It reads `X-Audit-Log-Reason`.
    pub reason: bool,
    /// What it reads of the path.
    pub path: Option<fn() -> Shape>,
    /// What it reads of the query.
    pub query: Option<fn() -> Shape>,
    /// The same, where it reads the query by itself.
    pub raw_query: Option<&'static Object>,
    /// What it reads of the body.
    pub body: Option<fn() -> Shape>,
    /// The body may be a form with files, the JSON in `payload_json`.
    pub form: bool,
    /// The body is a form of that media type, with these fields, and never JSON.
    pub raw_form: Option<(&'static str, &'static Object)>,
}

/// An argument of a handler.
pub(crate) trait Describe {
    /// Adds what it takes.
    fn describe(taken: &mut Taken);
}

/// Whoever asks, by one kind of token or another.
macro_rules! accounts {
    ($($type:ty: $($kind:ident)+;)*) => {
        $(impl Describe for $type {
            fn describe(taken: &mut Taken) {
                taken.account = true;
                $(taken.$kind = true;)+
            }
        })*
    };
}

accounts! {
    Auth: own;
    AsBot: own bearer;
    Bearer: bearer;
    Caller: own bearer;
}

impl Describe for Reason {
    fn describe(taken: &mut Taken) {
        taken.reason = true;
    }
}

impl<T: serde::de::DeserializeOwned> Describe for Query<T> {
    fn describe(taken: &mut Taken) {
        taken.query = Some(probe::<T>);
    }
}

impl<T: serde::de::DeserializeOwned> Describe for Json<T> {
    fn describe(taken: &mut Taken) {
        taken.body = Some(probe::<T>);
    }
}

/// What a client does not see, or what the path says already.
macro_rules! silent {
    ($($type:ty)*) => {
        $(impl Describe for $type {
            fn describe(_: &mut Taken) {}
        })*
    };
}

silent! { RawQuery State<Parts> Origin OriginalUri HeaderMap Request axum::body::Bytes }

impl<T> Describe for axum::Extension<T> {
    fn describe(_: &mut Taken) {}
}

impl<T: serde::de::DeserializeOwned> Describe for Path<T> {
    fn describe(taken: &mut Taken) {
        taken.path = Some(probe::<T>);
    }
}

impl<T> Describe for Option<T> {
    fn describe(_: &mut Taken) {}
}

// axum hands the arguments over in a tuple whose first part is its own mark.
macro_rules! arguments {
    ($($argument:ident)*) => {
        impl<M, $($argument: Describe),*> Describe for (M, $($argument,)*) {
            #[allow(unused_variables, reason = "a handler may take nothing")]
            fn describe(taken: &mut Taken) {
                $($argument::describe(taken);)*
            }
        }
    };
}

arguments! {}
arguments! { A }
arguments! { A B }
arguments! { A B C }
arguments! { A B C D }
arguments! { A B C D E }
arguments! { A B C D E F }
arguments! { A B C D E F G }
arguments! { A B C D E F G H }

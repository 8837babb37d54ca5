//! What a handler answers: how it may end, told by the type that it returns, and with what, told
//! where its route is declared.

use axum::http::StatusCode;
use axum::response::Response;

use super::super::error::ApiError;
use super::super::extract::Json;
use super::super::schema::Kind;
use super::super::schema::Object;

/// One way in which an operation ends well.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given {
    pub status: u16,
    pub content: Content,
}

/// What an answer holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Content {
    Nothing,
    Json(Kind),
    List(&'static Object),
    /// Bytes of that media type.
    Media(&'static str),
}

impl From<&'static Object> for Content {
    fn from(object: &'static Object) -> Self {
        Self::Json(Kind::Of(object))
    }
}

/// A type that a handler returns.
pub(crate) trait Answer {
    /// How it may end.
    fn told() -> Vec<Given>;
}

impl Answer for StatusCode {
    fn told() -> Vec<Given> {
        vec![Given { status: 204, content: Content::Nothing }]
    }
}

impl<T> Answer for Json<T> {
    fn told() -> Vec<Given> {
        vec![Given { status: 200, content: Content::Json(Kind::Any) }]
    }
}

impl<T> Answer for (StatusCode, Json<T>) {
    fn told() -> Vec<Given> {
        vec![Given { status: 201, content: Content::Json(Kind::Any) }]
    }
}

/// Never ends well.
impl Answer for ApiError {
    fn told() -> Vec<Given> {
        Vec::new()
    }
}

/// Says nothing by itself.
impl Answer for Response {
    fn told() -> Vec<Given> {
        Vec::new()
    }
}

impl<T: Answer> Answer for Result<T, ApiError> {
    fn told() -> Vec<Given> {
        T::told()
    }
}

/// A handler, by what it returns.
pub(crate) trait Gives<T> {
    /// How it may end.
    fn gives() -> Vec<Given>;
}

macro_rules! handlers {
    ($($argument:ident)*) => {
        impl<F, R, M, $($argument),*> Gives<(M, $($argument,)*)> for F
        where
            F: FnOnce($($argument),*) -> R,
            R: Future,
            R::Output: Answer,
        {
            fn gives() -> Vec<Given> {
                R::Output::told()
            }
        }
    };
}

handlers! {}
handlers! { A }
handlers! { A B }
handlers! { A B C }
handlers! { A B C D }
handlers! { A B C D E }
handlers! { A B C D E G }
handlers! { A B C D E G H }
handlers! { A B C D E G H I }

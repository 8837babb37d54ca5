//! Routes that declare themselves: what is served is what the OpenAPI document tells.
//!
//! A family writes `Routes::new().route(path, get(handler))` as it would with axum's router. Besides
//! serving, that remembers each operation, with what its handler takes ([`describe`]) and what a
//! caller needs ([`needs`]). The document, the rate limits' names and the tests of permissions read
//! the same list; a route that is not in it cannot be served.

pub(super) mod describe;
pub(super) mod needs;
pub(super) mod probe;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::MethodFilter;
use axum::routing::MethodRouter;
use axum::routing::on;

use self::describe::Describe;
use self::describe::Taken;
pub(crate) use self::needs::Needs;
use crate::parts::Parts;

/// One operation: a method of a path.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub method: Method,
    /// With the parameters in braces, without the API's prefix.
    pub path: String,
    /// `family.handler`, of the code that answers it.
    pub id: String,
    /// What its handler takes of a request.
    pub takes: Taken,
    /// Who may call it.
    pub needs: Needs,
}

/// The methods of one path.
pub(crate) struct Methods {
    router: MethodRouter<Parts>,
    declared: Vec<(Method, &'static str, Taken, Option<Needs>)>,
}

/// Routes, and the list of them.
pub(crate) struct Routes {
    router: Router<Parts>,
    operations: Vec<Operation>,
}

macro_rules! methods {
    ($($name:ident $method:ident $filter:ident)*) => {
        $(
            /// The path's first method.
            pub(crate) fn $name<H, T>(handler: H) -> Methods
            where
                H: Handler<T, Parts>,
                T: Describe + 'static,
            {
                Methods { router: MethodRouter::new(), declared: Vec::new() }.$name(handler)
            }
        )*

        impl Methods {
            $(
                /// One more method of the same path.
                pub(crate) fn $name<H, T>(self, handler: H) -> Self
                where
                    H: Handler<T, Parts>,
                    T: Describe + 'static,
                {
                    self.with(Method::$method, MethodFilter::$filter, handler)
                }
            )*
        }
    };
}

methods! {
    delete DELETE DELETE
    get GET GET
    patch PATCH PATCH
    post POST POST
    put PUT PUT
}

impl Methods {
    fn with<H, T>(mut self, method: Method, filter: MethodFilter, handler: H) -> Self
    where
        H: Handler<T, Parts>,
        T: Describe + 'static,
    {
        self.router = self.router.merge(on(filter, handler));
        let mut takes = Taken::default();
        T::describe(&mut takes);
        self.declared.push((method, std::any::type_name::<H>(), takes, None));
        self
    }

    /// Bodies of so many bytes at most, for the methods that were declared so far.
    pub(crate) fn layer(mut self, limit: DefaultBodyLimit) -> Self {
        self.router = self.router.layer(limit);
        self
    }

    /// Says who may call the method that was declared last.
    pub(crate) fn needs(mut self, needs: Needs) -> Self {
        if let Some(last) = self.declared.last_mut() {
            last.3 = Some(needs);
        }
        self
    }

    /// Says what is read from the body of the method that was declared last, where its handler reads
    /// the request by itself (forms with files).
    pub(crate) fn reads<T: serde::de::DeserializeOwned>(mut self) -> Self {
        if let Some(last) = self.declared.last_mut() {
            last.2.body = Some(probe::probe::<T>);
            last.2.form = true;
        }
        self
    }
}

impl Routes {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { router: Router::new(), operations: Vec::new() }
    }

    /// Serves `methods` at `path`.
    pub(crate) fn route(mut self, path: &str, methods: Methods) -> Self {
        for (method, handler, takes, needs) in methods.declared {
            let needs = needs.unwrap_or_else(|| Needs::of_habit(path, &takes));
            let id = operation_id(handler);
            self.operations.push(Operation { method, path: path.to_owned(), id, takes, needs });
        }
        self.router = self.router.route(path, methods.router);
        self
    }

    /// Those of another family, too.
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.operations.extend(other.operations);
        self
    }

    /// Bodies of so many bytes at most.
    pub(crate) fn layer(mut self, limit: DefaultBodyLimit) -> Self {
        self.router = self.router.layer(limit);
        self
    }

    /// The router, and what it serves.
    pub(crate) fn into_parts(self) -> (Router<Parts>, Vec<Operation>) {
        (self.router, self.operations)
    }
}

/// `signaling::rest::messages::create::create` is `messages.create.create`.
fn operation_id(handler: &str) -> String {
    let path = handler.rsplit_once("rest::").map_or(handler, |(_, path)| path);
    path.replace("::", ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_names_its_operation() {
        assert_eq!(operation_id("signaling::rest::roles::list"), "roles.list");
        assert_eq!(operation_id("signaling::rest::messages::pins::pin"), "messages.pins.pin");
    }
}

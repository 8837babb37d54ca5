//! Routes that declare themselves: what is served is what the OpenAPI document tells.
//!
//! A family writes `Routes::new().route(path, get(handler))` as it would with axum's router. Besides
//! serving, that remembers each operation, with what its handler takes ([`describe`]), what a caller
//! needs ([`needs`]), and what it logs and tells ([`effects`]). The document, the rate limits' names and
//! the tests of permissions and effects read the same list; a route that is not in it cannot be served.

pub(super) mod answer;
pub(super) mod describe;
pub(super) mod effects;
pub(super) mod needs;
pub(super) mod probe;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::MethodFilter;
use axum::routing::MethodRouter;
use axum::routing::on;

use self::answer::Content;
use self::answer::Given;
use self::answer::Gives;
use self::describe::Describe;
use self::describe::Taken;
use self::effects::Effects;
pub(crate) use self::needs::Needs;
use super::schema::Object;
use super::schema::instance;
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
    /// How it ends well.
    pub gives: Vec<Given>,
    /// What it answers when it is refused; most do as all do.
    pub refuses: Option<&'static Object>,
    /// Of parameters of its query that have bounds.
    pub within: Vec<Bounds>,
    /// What it logs and tells, if it says so.
    pub effects: Option<Effects>,
}

/// The bounds of a number in a query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub parameter: &'static str,
    pub least: u32,
    pub most: u32,
}

/// A method that was declared, until its path is known.
struct Declared {
    method: Method,
    handler: &'static str,
    takes: Taken,
    needs: Option<Needs>,
    gives: Vec<Given>,
    refuses: Option<&'static Object>,
    within: Vec<Bounds>,
    effects: Option<Effects>,
}

/// The methods of one path.
pub(crate) struct Methods {
    router: MethodRouter<Parts>,
    declared: Vec<Declared>,
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
                H: Handler<T, Parts> + Gives<T>,
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
                    H: Handler<T, Parts> + Gives<T>,
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
        H: Handler<T, Parts> + Gives<T>,
        T: Describe + 'static,
    {
        self.router = self.router.merge(on(filter, handler));
        let mut takes = Taken::default();
        T::describe(&mut takes);
        self.declared.push(Declared {
            method,
            handler: std::any::type_name::<H>(),
            takes,
            needs: None,
            gives: H::gives(),
            refuses: None,
            within: Vec::new(),
            effects: None,
        });
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
            last.needs = Some(needs);
        }
        self
    }

    /// Says what the method that was declared last answers: `object`.
    pub(crate) fn gives(self, object: &'static Object) -> Self {
        self.told(object.into())
    }

    /// The same of a list of `object`s.
    pub(crate) fn lists(self, object: &'static Object) -> Self {
        self.told(Content::List(object))
    }

    /// The same of a picture, or whatever has that media type.
    pub(crate) fn gives_media(self, media_type: &'static str) -> Self {
        self.told(Content::Media(media_type))
    }

    fn told(mut self, content: Content) -> Self {
        if let Some(last) = self.declared.last_mut() {
            if last.gives.is_empty() {
                last.gives.push(Given { status: 200, content });
            }
            for given in &mut last.gives {
                given.content = content;
            }
        }
        self
    }

    /// Says that the method that was declared last ends with that status at times: with nothing for
    /// 204 and 302, with an error for 405, else with what it gives.
    pub(crate) fn or(mut self, status: u16) -> Self {
        if let Some(last) = self.declared.last_mut() {
            let told = last.gives.first().map_or(Content::Nothing, |given| given.content);
            let content = match status {
                204 | 302 => Content::Nothing,
                405 => Content::from(&instance::ERROR),
                _ => told,
            };
            last.gives.push(Given { status, content });
        }
        self
    }

    /// Says that the method that was declared last ends with that status, and not with another.
    pub(crate) fn with_status(mut self, status: u16) -> Self {
        if let Some(given) = self.declared.last_mut().and_then(|last| last.gives.first_mut()) {
            given.status = status;
        }
        self
    }

    /// Says between what a number is that the method that was declared last reads of the query.
    pub(crate) fn within(mut self, parameter: &'static str, least: u32, most: u32) -> Self {
        if let Some(last) = self.declared.last_mut() {
            last.within.push(Bounds { parameter, least, most });
        }
        self
    }

    /// Says what the method that was declared last answers when it is refused.
    pub(crate) fn refuses(mut self, object: &'static Object) -> Self {
        if let Some(last) = self.declared.last_mut() {
            last.refuses = Some(object);
        }
        self
    }

    /// Says what is read from the body of the method that was declared last, where its handler reads
    /// the request by itself (forms with files).
    pub(crate) fn reads<T: serde::de::DeserializeOwned>(mut self) -> Self {
        if let Some(last) = self.declared.last_mut() {
            last.takes.body = Some(probe::probe::<T>);
            last.takes.form = true;
        }
        self
    }
}

impl Methods {
    /// As [`reads`](Self::reads), of a body that is JSON and never a form.
    pub(crate) fn reads_json<T: serde::de::DeserializeOwned>(mut self) -> Self {
        if let Some(last) = self.declared.last_mut() {
            last.takes.body = Some(probe::probe::<T>);
        }
        self
    }

    /// As [`reads`](Self::reads), of a form of that media type.
    pub(crate) fn reads_form(mut self, media_type: &'static str, form: &'static Object) -> Self {
        if let Some(last) = self.declared.last_mut() {
            last.takes.raw_form = Some((media_type, form));
        }
        self
    }

    /// Says what is read of the query of the method that was declared last, where its handler reads
    /// it by itself.
    pub(crate) fn asks(mut self, query: &'static Object) -> Self {
        if let Some(last) = self.declared.last_mut() {
            last.takes.raw_query = Some(query);
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
        for declared in methods.declared {
            let Declared { method, handler, takes, needs, gives, refuses, within, effects } =
                declared;
            let needs = needs.unwrap_or_else(|| Needs::of_habit(path, &takes));
            let (id, path) = (operation_id(handler), path.to_owned());
            self.operations.push(Operation {
                method,
                path,
                id,
                takes,
                needs,
                gives,
                refuses,
                within,
                effects,
            });
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

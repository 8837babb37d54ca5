//! The API's own description, made from the routes as they are declared: `/api/openapi.json`.

use std::collections::HashMap;

use axum::Router;
use axum::http::Method;
use model::permissions;
use serde_json::Value;
use serde_json::json;
use state::audit;
use utoipa::openapi::Components;
use utoipa::openapi::ContentBuilder;
use utoipa::openapi::InfoBuilder;
use utoipa::openapi::OpenApi;
use utoipa::openapi::OpenApiBuilder;
use utoipa::openapi::Paths;
use utoipa::openapi::Ref;
use utoipa::openapi::RefOr;
use utoipa::openapi::Required;
use utoipa::openapi::Response;
use utoipa::openapi::ResponseBuilder;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::HttpMethod;
use utoipa::openapi::path::OperationBuilder;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::path::ParameterBuilder;
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::AdditionalProperties;
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::schema::ObjectBuilder;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::schema::Type;
use utoipa::openapi::security::ApiKey;
use utoipa::openapi::security::ApiKeyValue;
use utoipa::openapi::security::HttpAuthScheme;
use utoipa::openapi::security::HttpBuilder;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::security::SecurityScheme;
use utoipa::openapi::server::ServerBuilder;

use super::docs;
use super::rates;
use super::route::Needs;
use super::route::Operation;
use super::route::answer::Content;
use super::route::answer::Given;
use super::route::effects::Effects;
use super::route::effects::When;
use super::route::probe::Field;
use super::route::probe::Shape;
use super::schema::Kind;
use super::schema::Named;
use super::schema::Object;
use super::schema::SNOWFLAKE;
use super::schema::instance;
use crate::parts::Parts;

/// Serves the description of `operations`.
pub(super) fn routes(operations: Vec<Operation>) -> Router<Parts> {
    let document = docs::served(move || {
        let text = serde_json::to_vec(&describe(&operations))?;
        Ok(docs::Kept::new("application/json", text.into()))
    });
    Router::new().route("/api/openapi.json", document)
}

/// The OpenAPI document of `operations`.
pub(super) fn describe(operations: &[Operation]) -> OpenApi {
    let mut paths = Paths::new();
    let mut named = Named::new();
    let mut ids = HashMap::new();
    for operation in operations {
        let Some(method) = method(operation) else { continue };
        // A handler may answer two routes, and an operation's id is its own.
        let uses: &mut usize = ids.entry(operation.id.as_str()).or_default();
        *uses += 1;
        let id = match *uses {
            1 => operation.id.clone(),
            uses => format!("{}.{uses}", operation.id),
        };
        let described = described(operation, id, &mut named);
        paths.add_path_operation(&operation.path, vec![method], described);
    }
    let mut components = Components::new();
    for (name, scheme) in security() {
        components.add_security_scheme(name, scheme);
    }
    for (status, name, about) in REFUSALS {
        let object = if *status == 429 { &instance::LIMITED } else { &instance::ERROR };
        let response = refusal(about, object, &mut named);
        components.responses.insert((*name).to_owned(), RefOr::T(response));
    }
    let schemas = named.into_iter().map(|(name, schema)| (name.to_owned(), RefOr::T(schema)));
    components.schemas.extend(schemas);
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Guildhall")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "Discord's REST API as this server speaks it. Made from the routes that are served.",
                ))
                .build(),
        )
        .servers(Some([ServerBuilder::new().url("/api/v10").build()]))
        .paths(paths)
        .components(Some(components))
        .build()
}

/// The ways to say who asks.
fn security() -> [(&'static str, SecurityScheme); 3] {
    let header = |about: &str| {
        let value = ApiKeyValue::with_description("Authorization", about);
        SecurityScheme::ApiKey(ApiKey::Header(value))
    };
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An application in someone's name, by an OAuth2 access token."));
    [
        (BOT, header("A bot: `Bot ` and its token.")),
        (PERSON, header("A person: the bare token of their account.")),
        (BEARER, SecurityScheme::Http(bearer.build())),
    ]
}

/// How requests are refused: shared by all operations.
const REFUSALS: &[(u16, &str, &str)] = &[
    (
        400,
        "BadRequest",
        "What was asked cannot be done: a field is wrong (50035), or something stands in its way.",
    ),
    (401, "Unauthorized", "No token, or one that is not valid."),
    (403, "Forbidden", "Whoever asks may not do this (50013, 50001)."),
    (404, "NotFound", "There is no such thing, or none that whoever asks may see."),
    (408, "Slow", "The form took too long to arrive."),
    (413, "TooLarge", "The body is larger than this operation takes."),
    (429, "TooManyRequests", "Asked too often: again after `retry_after` seconds."),
    (503, "Overloaded", "For the moment it cannot be done; `Retry-After` says when to try again."),
];

/// Which of them an operation may answer.
fn refusals(
    operation: &Operation,
) -> impl Iterator<Item = &'static (u16, &'static str, &'static str)> {
    let takes = &operation.takes;
    let (account, whole) = (takes.account, operation.method != Method::GET);
    let token = operation.path.contains("{token}") || takes.raw_form.is_some();
    let query = takes.query.is_some() || takes.raw_query.is_some();
    let asks = operation.path.contains('{') || query || whole;
    REFUSALS.iter().filter(move |(status, _, _)| match status {
        401 => account || token || query,
        400 | 403 | 404 => account || asks,
        408 => takes.form,
        413 => whole,
        _ => true,
    })
}

fn refusal(about: &str, object: &'static Object, named: &mut Named) -> Response {
    let content = ContentBuilder::new().schema(Some(object.refer(named))).build();
    ResponseBuilder::new().description(about).content("application/json", content).build()
}

fn method(operation: &Operation) -> Option<HttpMethod> {
    Some(match operation.method.as_str() {
        "GET" => HttpMethod::Get,
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => return None,
    })
}

fn described(
    operation: &Operation,
    id: String,
    named: &mut Named,
) -> utoipa::openapi::path::Operation {
    let class = rates::class(&operation.method, &operation.path);
    let mut told = ExtensionsBuilder::new()
        .add("x-rate-limit-bucket", class.bucket)
        .add("x-needs", operation.needs.to_string())
        .add("x-audit-log-reason", operation.takes.reason);
    if let Some(effects) = &operation.effects {
        told = told
            .add("x-audit-log-actions", effects.actions())
            .add("x-dispatches", effects.named_dispatches());
    }
    let told = told.build();
    let mut built = OperationBuilder::new()
        .operation_id(Some(id))
        .tag(operation.id.split('.').next().unwrap_or_default())
        .description(Some(operation.needs.sentence()))
        .extensions(Some(told));
    for parameter in all_parameters(operation) {
        built = built.parameter(parameter);
    }
    built = built.request_body(request(operation, named));
    let (own, bearer) = (operation.takes.own, operation.takes.bearer);
    for (scheme, _) in [(BOT, own), (PERSON, own), (BEARER, bearer)].iter().filter(|(_, is)| *is) {
        built = built.security(SecurityRequirement::new(*scheme, [] as [&str; 0]));
    }
    for given in &operation.gives {
        built = built.response(given.status.to_string(), given.response(named));
    }
    for (status, name, about) in refusals(operation) {
        let response = match operation.refuses {
            Some(object) if matches!(status, 400 | 401) => RefOr::T(refusal(about, object, named)),
            _ => RefOr::Ref(Ref::from_response_name(*name)),
        };
        built = built.response(status.to_string(), response);
    }
    built.build()
}

/// The body that an operation reads.
fn request(operation: &Operation, named: &mut Named) -> Option<RequestBody> {
    let takes = &operation.takes;
    let content = |schema: RefOr<Schema>| ContentBuilder::new().schema(Some(schema)).build();
    if let Some((media_type, form)) = takes.raw_form {
        let form = RefOr::T(form.schema(named));
        return Some(RequestBodyBuilder::new().content(media_type, content(form)).build());
    }
    let json = schema(&takes.body?());
    let mut body = RequestBodyBuilder::new().content("application/json", content(json.clone()));
    if takes.form {
        // Its files are `files[0]`, `files[1]` and so on.
        let payload = ObjectBuilder::new()
            .schema_type(Type::String)
            .content_media_type("application/json")
            .content_schema(Some(json));
        let file = Kind::Bytes.schema(named);
        let form = ObjectBuilder::new()
            .schema_type(Type::Object)
            .property("payload_json", payload)
            .property("files[0]", file);
        body = body.content("multipart/form-data", content(RefOr::T(form.into())));
    }
    Some(body.build())
}

impl Given {
    fn response(&self, named: &mut Named) -> Response {
        let about = match self.status {
            201 => "Made.",
            204 => "Done.",
            302 => "Elsewhere.",
            405 => "Not in this way.",
            _ => "Here it is.",
        };
        let built = ResponseBuilder::new().description(about);
        let json = |schema: RefOr<Schema>| ContentBuilder::new().schema(Some(schema)).build();
        match self.content {
            Content::Nothing => built,
            Content::Json(kind) => built.content("application/json", json(kind.schema(named))),
            Content::List(object) => {
                let list = ArrayBuilder::new().items(object.refer(named)).into();
                built.content("application/json", json(RefOr::T(list)))
            }
            Content::Media(media_type) => {
                built.content(media_type, json(Kind::Bytes.schema(named)))
            }
        }
        .build()
    }
}

/// What an operation reads of its path, its query and its headers.
fn all_parameters(operation: &Operation) -> Vec<Parameter> {
    let of_path = operation.takes.path.map(|probe| probe());
    let shapes = match of_path {
        Some(Shape::Tuple(shapes)) => shapes,
        other => other.into_iter().collect(),
    };
    let in_path = parameters(&operation.path).enumerate().map(|(at, name)| {
        let schema = match shapes.get(at) {
            Some(shape) => schema(shape),
            None => text(),
        };
        let built = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path);
        built.required(Required::True).schema(Some(schema)).build()
    });
    let query = match operation.takes.query.map(|probe| probe()) {
        Some(Shape::Fields(fields)) => fields,
        _ => Vec::new(),
    };
    let in_query = query.into_iter().map(|field| {
        let mut schema = schema(field.shape.in_query());
        let bounds = operation.within.iter().find(|bounds| bounds.parameter == field.name);
        if let (Some(bounds), RefOr::T(Schema::Object(object))) = (bounds, &mut schema) {
            object.minimum = Some(bounds.least.into());
            object.maximum = Some(bounds.most.into());
        }
        let built = ParameterBuilder::new().name(field.name).parameter_in(ParameterIn::Query);
        built.required(required(&field)).schema(Some(schema)).build()
    });
    let raw = operation.takes.raw_query.into_iter().flat_map(Object::all);
    let raw = raw.map(|(name, kind, required)| {
        let built = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Query);
        let required = if required { Required::True } else { Required::False };
        // Of objects of their own, which no query has.
        let schema = kind.schema(&mut Named::new());
        built.required(required).schema(Some(schema)).build()
    });
    let reason = operation.takes.reason.then(|| {
        let built = ParameterBuilder::new().name("X-Audit-Log-Reason");
        let reason = ObjectBuilder::new().schema_type(Type::String).max_length(Some(512));
        built.parameter_in(ParameterIn::Header).schema(Some(reason)).build()
    });
    in_path.chain(in_query).chain(raw).chain(reason).collect()
}

impl Shape {
    /// A query has no null: what may be null is left out.
    fn in_query(&self) -> &Self {
        match self {
            Self::Nullable(inner) => inner.in_query(),
            other => other,
        }
    }
}

/// The parameters of a path, in its order.
pub(super) fn parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn required(field: &Field) -> Required {
    if field.required { Required::True } else { Required::False }
}

/// The names of the ways to say who asks.
const BOT: &str = "bot";
const PERSON: &str = "person";
const BEARER: &str = "bearer";

fn schema(shape: &Shape) -> RefOr<Schema> {
    let object = |kind: Type| ObjectBuilder::new().schema_type(kind);
    let built: Schema = match shape {
        Shape::Any => ObjectBuilder::new().schema_type(SchemaType::AnyValue).into(),
        Shape::Boolean => object(Type::Boolean).into(),
        Shape::Integer { signed: true } => object(Type::Integer).into(),
        Shape::Integer { signed: false } => object(Type::Integer).minimum(Some(0)).into(),
        Shape::Number => object(Type::Number).into(),
        Shape::Snowflake => return snowflake(),
        Shape::Text => return text(),
        Shape::List(inner) => ArrayBuilder::new().items(schema(inner)).into(),
        Shape::Tuple(_) => ArrayBuilder::new().into(),
        Shape::Map => object(Type::Object)
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .into(),
        Shape::Word(words) => object(Type::String).enum_values(Some(words.iter().copied())).into(),
        Shape::Nullable(inner) => return super::schema::nullable(schema(inner)),
        Shape::Fields(fields) => {
            let mut built = object(Type::Object);
            for field in fields {
                built = built.property(field.name, schema(&field.shape));
                if field.required {
                    built = built.required(field.name);
                }
            }
            built.into()
        }
    };
    RefOr::T(built)
}

fn text() -> RefOr<Schema> {
    RefOr::T(ObjectBuilder::new().schema_type(Type::String).into())
}

fn snowflake() -> RefOr<Schema> {
    let digits = ObjectBuilder::new().schema_type(Type::String).pattern(Some(SNOWFLAKE));
    RefOr::T(digits.into())
}

impl Effects {
    /// Entries of the audit log, by Discord's names and numbers.
    fn actions(&self) -> Value {
        let shown = self.logs.iter().map(|(action, when)| {
            let (number, name) = (u16::from(*action), audit::actions::name(*action));
            json!({ "name": name, "action_type": number, "when": when.to_string() })
        });
        shown.collect()
    }

    fn named_dispatches(&self) -> Value {
        let shown = self
            .dispatches()
            .into_iter()
            .map(|(name, when)| json!({ "name": name.as_str(), "when": when.to_string() }));
        shown.collect()
    }
}

impl std::fmt::Display for When {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Always => "always",
            Self::AtTimes => "at times",
        })
    }
}

impl std::fmt::Display for Needs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Nothing => "nothing",
            Self::TokenInPath => "token in path",
            Self::Account => "account",
            Self::Member => "member",
            Self::Author => "author",
            Self::Owner => "owner",
            Self::Application => "application",
            Self::All(needed) | Self::Any(needed) => {
                let names: Vec<_> = permissions::names(*needed).map(|(name, _)| name).collect();
                let between = if matches!(self, Self::Any(_)) { " or " } else { " and " };
                return formatter.write_str(&names.join(between));
            }
        })
    }
}

impl Needs {
    fn sentence(self) -> String {
        match self {
            Self::Nothing => "Anyone may ask.".to_owned(),
            Self::TokenInPath => "Whoever has the token of the path may ask.".to_owned(),
            Self::Account => "Any account may ask.".to_owned(),
            Self::Member => "Members may ask, and who sees the channel.".to_owned(),
            Self::Author => "Its author may ask.".to_owned(),
            Self::Owner => "The guild's owner may ask.".to_owned(),
            Self::Application => "The application itself may ask.".to_owned(),
            Self::All(_) | Self::Any(_) => format!("Needs {self}."),
        }
    }
}

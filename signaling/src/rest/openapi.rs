//! The API's own description, made from the routes as they are declared: `/api/openapi.json`.

use std::sync::Arc;
use std::sync::LazyLock;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse as _;
use axum::routing::get;
use utoipa::openapi::Components;
use utoipa::openapi::ContentBuilder;
use utoipa::openapi::InfoBuilder;
use utoipa::openapi::OpenApi;
use utoipa::openapi::OpenApiBuilder;
use utoipa::openapi::Paths;
use utoipa::openapi::RefOr;
use utoipa::openapi::Required;
use utoipa::openapi::ResponseBuilder;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::HttpMethod;
use utoipa::openapi::path::OperationBuilder;
use utoipa::openapi::path::ParameterBuilder;
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::AdditionalProperties;
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::schema::ObjectBuilder;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::schema::Type;
use utoipa::openapi::security::ApiKey;
use utoipa::openapi::security::ApiKeyValue;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::security::SecurityScheme;
use utoipa::openapi::server::ServerBuilder;

use super::rates;
use super::route::Needs;
use super::route::Operation;
use super::route::probe::Field;
use super::route::probe::Shape;
use crate::parts::Parts;

/// Serves the description of `operations`; it is made when it is first asked for.
pub(super) fn routes(operations: Vec<Operation>) -> Router<Parts> {
    let text = Arc::new(LazyLock::new(move || {
        serde_json::to_vec(&describe(&operations)).map(Bytes::from).inspect_err(|error| {
            tracing::error!(%error, "the API's description could not be encoded");
        })
    }));
    let answer = move || {
        let text = Arc::clone(&text);
        async move {
            match &**text {
                Ok(text) => {
                    ([(header::CONTENT_TYPE, "application/json")], text.clone()).into_response()
                }
                Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            }
        }
    };
    Router::new().route("/api/openapi.json", get(answer))
}

/// The OpenAPI document of `operations`.
pub(super) fn describe(operations: &[Operation]) -> OpenApi {
    let mut paths = Paths::new();
    for operation in operations {
        let Some(method) = method(operation) else { continue };
        paths.add_path_operation(&operation.path, vec![method], described(operation));
    }
    let token = ApiKeyValue::with_description(
        "Authorization",
        "`Bot TOKEN` for bots, the bare token for people, `Bearer TOKEN` for OAuth2",
    );
    let mut components = Components::new();
    components.add_security_scheme(TOKEN, SecurityScheme::ApiKey(ApiKey::Header(token)));
    components.schemas.insert("Error".to_owned(), RefOr::T(error()));
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

fn described(operation: &Operation) -> utoipa::openapi::path::Operation {
    let class = rates::class(&operation.method, &operation.path);
    let told = ExtensionsBuilder::new()
        .add("x-rate-limit-bucket", class.bucket)
        .add("x-needs", operation.needs.to_string())
        .add("x-audit-log-reason", operation.takes.reason)
        .build();
    let mut built = OperationBuilder::new()
        .operation_id(Some(operation.id.clone()))
        .tag(operation.id.split('.').next().unwrap_or_default())
        .description(Some(operation.needs.sentence()))
        .extensions(Some(told));
    for name in parameters(&operation.path) {
        let schema = if TEXTS.contains(&name) { text() } else { snowflake() };
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(schema));
        built = built.parameter(parameter);
    }
    if let Some(Shape::Fields(fields)) = operation.takes.query.map(|probe| probe()) {
        for field in fields {
            let parameter = ParameterBuilder::new()
                .name(field.name)
                .parameter_in(ParameterIn::Query)
                .required(required(&field))
                .schema(Some(schema(&field.shape)));
            built = built.parameter(parameter);
        }
    }
    if operation.takes.reason {
        let parameter = ParameterBuilder::new()
            .name("X-Audit-Log-Reason")
            .parameter_in(ParameterIn::Header)
            .schema(Some(text()));
        built = built.parameter(parameter);
    }
    if let Some(body) = operation.takes.body {
        let content = ContentBuilder::new().schema(Some(schema(&body()))).build();
        let mut body = RequestBodyBuilder::new().content("application/json", content.clone());
        if operation.takes.form {
            body = body.content("multipart/form-data", content);
        }
        built = built.request_body(Some(body.build()));
    }
    if operation.takes.account {
        built = built.security(SecurityRequirement::new(TOKEN, [] as [&str; 0]));
    }
    let refused = ContentBuilder::new()
        .schema(Some(RefOr::Ref(utoipa::openapi::Ref::from_schema_name("Error"))))
        .build();
    built
        .response("2XX", ResponseBuilder::new().description("Done"))
        .response(
            "4XX",
            ResponseBuilder::new().description("Refused").content("application/json", refused),
        )
        .build()
}

/// The parameters of a path, in its order.
pub(super) fn parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn required(field: &Field) -> Required {
    if field.required { Required::True } else { Required::False }
}

/// Parameters that are no ids.
const TEXTS: [&str; 6] = ["code", "emoji", "token", "name", "key", "answer"];
/// The name of the one way to say who asks.
const TOKEN: &str = "token";

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
        Shape::Map => object(Type::Object)
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .into(),
        Shape::Word(words) => object(Type::String).enum_values(Some(words.iter().copied())).into(),
        Shape::Nullable(inner) => return nullable(schema(inner)),
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

fn nullable(inner: RefOr<Schema>) -> RefOr<Schema> {
    let with_null = |kind: SchemaType| match kind {
        SchemaType::Type(kind) => SchemaType::Array(vec![kind, Type::Null]),
        other => other,
    };
    RefOr::T(match inner {
        RefOr::T(Schema::Object(mut object)) => {
            object.schema_type = with_null(object.schema_type);
            Schema::Object(object)
        }
        RefOr::T(Schema::Array(mut array)) => {
            array.schema_type = with_null(array.schema_type);
            Schema::Array(array)
        }
        other => return other,
    })
}

fn text() -> RefOr<Schema> {
    RefOr::T(ObjectBuilder::new().schema_type(Type::String).into())
}

fn snowflake() -> RefOr<Schema> {
    let digits = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[1-9][0-9]{0,18}$"));
    RefOr::T(digits.into())
}

/// Discord's shape of an error (Discord: Opcodes and Status Codes, "JSON").
fn error() -> Schema {
    ObjectBuilder::new()
        .property("message", text())
        .property("code", ObjectBuilder::new().schema_type(Type::Integer))
        .property("errors", ObjectBuilder::new().schema_type(Type::Object))
        .required("message")
        .required("code")
        .into()
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
            Self::All(permissions) | Self::Any(permissions) => {
                let names: Vec<_> = permissions.iter_names().map(|(name, _)| name).collect();
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

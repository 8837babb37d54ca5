//! The token endpoint and the one that revokes (RFC 6749 §3.2, RFC 7009): clients speak forms here,
//! and are answered in the RFC's words.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse as _;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::limits;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use serde_json::json;
use state::oauth::GrantRecord;
use state::record::ApplicationRecord;
use state::repo::RepoError;

use super::authorize::pairs;
use super::request::PUBLIC_CLIENT;
use super::request::Parameters;
use super::request::Twice;
use crate::auth::Scope;
use crate::auth::grants::ExchangeError;
use crate::auth::grants::Proof;
use crate::auth::grants::Tokens;
use crate::auth::grants::is_client_secret;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::carry::carry_out;
use crate::rest::extract::Json;
use crate::wire;

/// Why a client gets nothing (RFC 6749 §5.2).
enum Refusal {
    /// The client is not who it says.
    Client {
        /// It said so by HTTP Basic, and is answered in kind.
        basic: bool,
    },
    /// Anything else: the error and a sentence for developers.
    Error(&'static str, String),
    /// Storage failed.
    Api(ApiError),
}

impl From<RepoError> for Refusal {
    fn from(error: RepoError) -> Self {
        Self::Api(error.into())
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<ExchangeError> for Refusal {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Invalid => Self::new("invalid_grant", "Invalid grant."),
            ExchangeError::Repo(error) => error.into(),
        }
    }
}

impl Refusal {
    fn new(error: &'static str, description: &str) -> Self {
        Self::Error(error, description.to_owned())
    }

    fn missing(parameter: &str) -> Self {
        Self::Error("invalid_request", format!("Missing \"{parameter}\" in request."))
    }

    fn into_response(self) -> Response {
        let (status, error, description, basic) = match self {
            Self::Client { basic } => {
                let message = "Invalid client.".to_owned();
                (StatusCode::UNAUTHORIZED, "invalid_client", message, basic)
            }
            Self::Error(error, description) => (StatusCode::BAD_REQUEST, error, description, false),
            Self::Api(error) => return error.into_response(),
        };
        let body = json!({ "error": error, "error_description": description });
        let mut response = (status, Json(body)).into_response();
        if basic {
            let challenge = HeaderValue::from_static("Basic realm=\"oauth2\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// Tokens are for nobody between client and server (RFC 6749 §5.1).
fn uncached(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// The form of a body. JSON is refused, as by Discord.
fn form(headers: &HeaderMap, body: &Bytes) -> Result<Parameters, Refusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Refusal::new(
            "invalid_request",
            "The body is to be application/x-www-form-urlencoded.",
        ));
    }
    let text = std::str::from_utf8(body);
    let text = text.map_err(|_| Refusal::new("invalid_request", "The body is no form."))?;
    Parameters::new(pairs(text)).map_err(|Twice(name)| {
        let name: String = name.chars().take(64).collect();
        Refusal::Error("invalid_request", format!("\"{name}\" comes more than once."))
    })
}

/// A client as it names itself: by HTTP Basic or in the form, not by both (RFC 6749 §2.3).
struct Credentials {
    id: String,
    secret: Option<String>,
    basic: bool,
}

impl Credentials {
    fn read(headers: &HeaderMap, form: &Parameters) -> Result<Self, Refusal> {
        let basic = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let basic = basic.and_then(|value| value.split_once(' '));
        let basic = basic.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
        let Some((_, encoded)) = basic else {
            let id = form.get("client_id").ok_or(Refusal::Client { basic: false })?;
            let secret = form.get("client_secret").map(str::to_owned);
            return Ok(Self { id: id.to_owned(), secret, basic: false });
        };
        let wrong = || Refusal::Client { basic: true };
        if form.get("client_secret").is_some() {
            return Err(Refusal::new("invalid_request", "The client shows its secret twice."));
        }
        let decoded = STANDARD.decode(encoded.trim()).map_err(|_| wrong())?;
        let decoded = String::from_utf8(decoded).map_err(|_| wrong())?;
        let (id, secret) = decoded.split_once(':').ok_or_else(wrong)?;
        // Each is written as in a form (RFC 6749 §2.3.1); ours are the same when it is not.
        let plain = |text: &str| {
            let text = text.replace('+', " ");
            percent_decode_str(&text).decode_utf8().map(String::from).map_err(|_| wrong())
        };
        let (id, secret) = (plain(id)?, plain(secret)?);
        if form.get("client_id").is_some_and(|other| other != id) {
            return Err(wrong());
        }
        let secret = Some(secret).filter(|secret| !secret.is_empty());
        Ok(Self { id, secret, basic: true })
    }

    /// The application, if it has proved to be it; a public one has nothing to prove it by.
    async fn check(self, parts: &Parts) -> Result<ApplicationRecord, Refusal> {
        let wrong = || Refusal::Client { basic: self.basic };
        let id = self.id.parse().map_err(|_| wrong())?;
        let application = parts.accounts.application(id).await?.ok_or_else(wrong)?;
        match &self.secret {
            Some(secret) if is_client_secret(&application, secret) => Ok(application),
            None if application.flags & PUBLIC_CLIENT != 0 => Ok(application),
            _ => Err(wrong()),
        }
    }
}

/// `POST /oauth2/token`
pub(super) async fn issue(State(parts): State<Parts>, headers: HeaderMap, body: Bytes) -> Response {
    uncached(match issued(parts, &headers, &body).await {
        Ok(value) => Json(value).into_response(),
        Err(refusal) => refusal.into_response(),
    })
}

async fn issued(parts: Parts, headers: &HeaderMap, body: &Bytes) -> Result<Value, Refusal> {
    let form = form(headers, body)?;
    let credentials = Credentials::read(headers, &form)?;
    let proved = credentials.secret.is_some();
    let application = credentials.check(&parts).await?;
    let tokens = match form.get("grant_type") {
        Some("authorization_code") => {
            let code = form.get("code").ok_or_else(|| Refusal::missing("code"))?.to_owned();
            let redirect_uri = form.get("redirect_uri").map(str::to_owned);
            let verifier = form.get("code_verifier").map(str::to_owned);
            let (parts, id) = (parts.clone(), application.id);
            // Who hangs up after the code is spent would have to ask the person again.
            carried(async move {
                let proof = Proof {
                    application: id,
                    redirect_uri: redirect_uri.as_deref(),
                    verifier: verifier.as_deref(),
                };
                parts.auth.grants.redeem(&code, proof, parts.now_ms()).await
            })
            .await?
        }
        Some("refresh_token") => {
            let token =
                form.get("refresh_token").ok_or_else(|| Refusal::missing("refresh_token"))?;
            let (token, parts, id) = (token.to_owned(), parts.clone(), application.id);
            carried(async move { parts.auth.grants.refresh(&token, id, parts.now_ms()).await })
                .await?
        }
        Some("client_credentials") if !proved => {
            return Err(Refusal::new(
                "unauthorized_client",
                "A public client is nobody by itself.",
            ));
        }
        Some("client_credentials") => client(&parts, &application, &form).await?,
        Some(_) => {
            return Err(Refusal::new("unsupported_grant_type", "Unsupported grant type."));
        }
        None => return Err(Refusal::missing("grant_type")),
    };
    told(&parts, tokens).await
}

/// As [`carry_out`], with what the exchange says.
async fn carried(
    exchange: impl Future<Output = Result<Tokens, ExchangeError>> + Send + 'static,
) -> Result<Tokens, Refusal> {
    Ok(carry_out(async move { Ok(exchange.await) }).await??)
}

/// Tokens that an application has of its owner without asking (Discord: Client Credentials Grant).
async fn client(
    parts: &Parts,
    application: &ApplicationRecord,
    form: &Parameters,
) -> Result<Tokens, Refusal> {
    let scopes = Scope::parse(form.get("scope").unwrap_or_default()).map_err(|word| {
        Refusal::Error("invalid_scope", format!("There is no scope {word} here."))
    })?;
    if scopes.is_empty() || !scopes.iter().all(|scope| scope.of_client()) {
        return Err(Refusal::new("invalid_scope", "These scopes are not for a client by itself."));
    }
    let Some(owner) = application.owner else {
        return Err(Refusal::new("unauthorized_client", "The application belongs to nobody."));
    };
    if parts.accounts.account(owner).await?.is_none_or(|owner| owner.disabled) {
        return Err(Refusal::new("unauthorized_client", "The application belongs to nobody."));
    }
    let grant = GrantRecord {
        id: parts.ids.next(),
        application: application.id,
        user: owner,
        scopes: Scope::names(&scopes),
        redirect_uri: None,
        challenge: None,
        guild: None,
        created_ms: parts.now_ms(),
        until_ms: 0,
    };
    Ok(parts.auth.grants.allow_client(grant).await?)
}

/// The tokens as clients read them (RFC 6749 §5.1), with the guild that a bot came into.
async fn told(parts: &Parts, tokens: Tokens) -> Result<Value, Refusal> {
    let mut value = json!({
        "token_type": "Bearer",
        "access_token": tokens.access,
        "expires_in": limits::ACCESS_LIFE.as_secs(),
        "scope": tokens.grant.scopes.join(" "),
    });
    if let Some(refresh) = tokens.refresh {
        value["refresh_token"] = Value::String(refresh);
    }
    let guild = tokens.grant.guild.and_then(|guild| parts.store.guild(guild));
    if let Some(guild) = guild {
        let view = guild.view();
        // The bot may have been removed since.
        if view.members.contains_key(&tokens.grant.application.cast()) {
            value["guild"] = wire::guild(&view);
        }
    }
    Ok(value)
}

/// `POST /oauth2/token/revoke`: ends everything that came of the same consent (Discord: Token
/// Revocation). Unknown tokens are as good as revoked.
pub(super) async fn revoke(
    State(parts): State<Parts>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    uncached(match revoked(&parts, &headers, &body).await {
        Ok(()) => Json(json!({})).into_response(),
        Err(refusal) => refusal.into_response(),
    })
}

async fn revoked(parts: &Parts, headers: &HeaderMap, body: &Bytes) -> Result<(), Refusal> {
    let form = form(headers, body)?;
    let application = Credentials::read(headers, &form)?.check(parts).await?;
    let token = form.get("token").ok_or_else(|| Refusal::missing("token"))?;
    Ok(parts.auth.grants.revoke(token, application.id).await?)
}

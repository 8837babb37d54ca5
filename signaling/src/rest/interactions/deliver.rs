//! How a bot hears of an interaction: by its gateway sessions, or by a signed request to its address
//! (Discord: Interactions Overview, "Preparing for Interactions").

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use model::gateway::DispatchName;
use model::id::ApplicationId;
use model::id::InteractionId;
use model::limits;
use model::wire::guild::Permissions;
use serde_json::Value;
use serde_json::json;
use state::UserEvent;
use state::event::Personal;
use state::record::MessageRecord;

use super::answer;
use crate::auth::Identity;
use crate::cdn::Origin;
use crate::cdn::Urls;
use crate::interactions::Unreachable;
use crate::interactions::board::Interaction;
use crate::interactions::board::Kind;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::applications::me::signing_key;
use crate::rest::error::FormErrors;
use crate::rest::messages::place::Place;
use crate::rest::settings;
use crate::wire;

/// What a bot reads of an interaction beside who and where.
pub(super) struct Told {
    /// `data`, its files apart.
    pub data: Value,
    /// Messages that it names, by the JSON pointer of their place.
    pub messages: Vec<(String, Arc<MessageRecord>)>,
}

/// Remembers the interaction, tells its bot and the person's own clients, and watches the time.
///
/// # Errors
///
/// 503 when there are too many already.
pub(super) async fn deliver(
    parts: &Parts,
    me: &Identity,
    place: &Place,
    origin: &Origin,
    interaction: Interaction,
    told: Told,
) -> Result<(), ApiError> {
    let personal = Personal {
        name: DispatchName::InteractionCreate,
        guild: interaction.guild,
        body: body(parts, me, place, &interaction, told.data).await?,
        messages: told.messages,
        files: super::resolve::files(&interaction.files),
    };
    let (id, secret) = (interaction.id, interaction.token.clone());
    let (application, user) = (interaction.application, interaction.user);
    let typing = interaction.kind == Kind::Autocomplete;
    let nonce = interaction.nonce.clone();
    let late = nonce.clone();
    let record = parts.accounts.application(application).await?;
    if !parts.interactions.board().open(interaction, parts.now_ms()) {
        return Err(ApiError::Unavailable);
    }
    remove_orphans(parts).await;
    if !typing {
        tell(parts, user, DispatchName::InteractionCreate, json!({ "id": id, "nonce": nonce }));
    }
    let endpoint = record.and_then(|record| record.interactions_endpoint_url);
    let (working, origin) = (parts.clone(), origin.clone());
    let reach = async move {
        let parts = &working;
        let brought = match endpoint {
            Some(url) => post(parts, &origin, &url, id, &secret, personal).await,
            None if parts.store.is_connected(application.cast()) => {
                parts.store.notify(application.cast(), UserEvent::Personal(Arc::new(personal)));
                Ok(())
            }
            None => Err(ApiError::Unavailable),
        };
        if let Err(error) = brought {
            tracing::debug!(?error, %application, "an interaction was not delivered");
            fail(parts, id, user, nonce.as_ref(), UNKNOWN);
        }
    };
    let timer = tokio::time::sleep(limits::INTERACTION_ANSWER);
    let watched = parts.clone();
    #[expect(clippy::disallowed_methods, reason = "ends by itself, seconds later")]
    drop(tokio::spawn(async move {
        let watch = async {
            timer.await;
            fail(&watched, id, user, late.as_ref(), TIMEOUT);
        };
        tokio::join!(reach, watch);
    }));
    Ok(())
}

/// Tells the person's clients that nobody answered, if nobody did.
fn fail(
    parts: &Parts,
    id: InteractionId,
    user: model::id::UserId,
    nonce: Option<&Value>,
    reason: u8,
) {
    if parts.interactions.board().fail(id) {
        metrics::counter!("signaling_interactions_failed_total").increment(1);
        let body = json!({ "id": id, "nonce": nonce, "reason_code": reason });
        tell(parts, user, DispatchName::InteractionFailure, body);
    }
}

/// Why an interaction failed (discord-userdoccers: Interaction Failure Reason).
const UNKNOWN: u8 = 1;
const TIMEOUT: u8 = 2;

/// Tells all clients of one person, and nobody else.
pub(super) fn tell(parts: &Parts, user: model::id::UserId, name: DispatchName, body: Value) {
    let told = Personal { name, guild: None, body, messages: Vec::new(), files: Vec::new() };
    parts.store.notify(user, UserEvent::Personal(Arc::new(told)));
}

/// Removes the files of interactions that ended.
pub(super) async fn remove_orphans(parts: &Parts) {
    let orphans = parts.interactions.board().orphans();
    if !orphans.is_empty() {
        crate::cdn::upload::remove(parts, &orphans).await;
    }
}

/// An interaction as its bot reads it (Discord: Interaction Structure).
async fn body(
    parts: &Parts,
    me: &Identity,
    place: &Place,
    interaction: &Interaction,
    data: Value,
) -> Result<Value, ApiError> {
    let now_ms = parts.now_ms();
    let bot = interaction.application.cast();
    let mut value = json!({
        "id": interaction.id,
        "application_id": interaction.application,
        "type": interaction.kind as u8,
        "data": data,
        "channel_id": interaction.channel,
        "token": interaction.token,
        "version": 1,
        "locale": settings::locale(parts, me.id()).await?,
        "entitlements": [],
        "attachment_size_limit": parts.config.max_upload,
    });
    match &place.view {
        Some(view) => {
            let member = view.members.get(&me.id());
            let allowed = |user| view.permissions_in(user, place.channel, now_ms).0;
            let mut member = member.map_or(Value::Null, |member| wire::member(&member, &me.user));
            member["permissions"] = json!(allowed(me.id()).bits().to_string());
            let locale = view.settings.preferred_locale.as_deref().unwrap_or("en-US");
            let channel = view.channels.get(&place.channel).map(|channel| wire::channel(channel));
            let thread = || Some(wire::thread(place.thread()?, view.id, None));
            let mut channel = channel.or_else(thread).unwrap_or_default();
            channel["permissions"] = json!(allowed(me.id()).bits().to_string());
            value["member"] = member;
            value["channel"] = channel;
            value["guild_id"] = json!(view.id);
            value["guild"] = json!({ "id": view.id, "features": [], "locale": locale });
            value["guild_locale"] = json!(locale);
            value["context"] = json!(0);
            value["app_permissions"] = json!(allowed(bot).bits().to_string());
            value["authorizing_integration_owners"] = json!({ "0": view.id });
        }
        None => {
            let recipients = place.recipients();
            let people = parts.store.users().load(recipients).await?;
            let channel = state::record::PrivateChannel {
                id: place.channel,
                recipients: recipients.to_vec(),
                last_message: None,
                group: None,
            };
            value["user"] = wire::user(&me.user);
            value["channel"] = wire::private_channel(&channel, bot, &people);
            value["context"] = json!(if recipients.contains(&bot) { 1 } else { 2 });
            value["app_permissions"] = json!(IN_PRIVATE.bits().to_string());
            value["authorizing_integration_owners"] = json!({ "0": "0" });
        }
    }
    Ok(value)
}

/// What bots may do in private channels.
const IN_PRIVATE: Permissions = Permissions::VIEW_CHANNEL
    .union(Permissions::SEND_MESSAGES)
    .union(Permissions::EMBED_LINKS)
    .union(Permissions::ATTACH_FILES)
    .union(Permissions::READ_MESSAGE_HISTORY);

/// Posts an interaction to a bot's address, and takes its answer from the reply.
async fn post(
    parts: &Parts,
    origin: &Origin,
    url: &str,
    id: InteractionId,
    secret: &str,
    personal: Personal,
) -> Result<(), ApiError> {
    let application: ApplicationId = personal
        .body
        .get("application_id")
        .and_then(|id| serde_json::from_value(id.clone()).ok())
        .ok_or(ApiError::Unavailable)?;
    let users = parts.store.users();
    let messages = personal.messages.iter().map(|(_, message)| &**message);
    wire::load_users(users, messages).await?;
    let urls = Urls { signer: &parts.cdn, origin, now_ms: parts.now_ms() };
    let payload = wire::personal(&personal, users, urls);
    let largest = usize::try_from(parts.config.max_upload).unwrap_or(usize::MAX);
    let largest = largest.saturating_add(limits::JSON_BODY);
    let reply = signed(parts, application, url, &payload, largest).await;
    let reply = reply.map_err(|_| ApiError::Unavailable)?;
    if reply.status == StatusCode::NO_CONTENT || reply.status == StatusCode::ACCEPTED {
        // It will answer by the callback.
        return Ok(());
    }
    if reply.status != StatusCode::OK {
        return Err(ApiError::Unavailable);
    }
    let mut request = Request::new(Body::from(reply.body));
    if let Some(kind) = reply.content_type {
        request.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    answer::take(parts, id, secret, request).await.map(drop)
}

/// A request with the signature that bots check (Discord: Validating Security Request Headers).
async fn signed(
    parts: &Parts,
    application: ApplicationId,
    url: &str,
    payload: &Value,
    largest: usize,
) -> Result<crate::interactions::Reply, Unreachable> {
    let body = payload.to_string();
    let timestamp = (parts.now_ms() / 1_000).to_string();
    let key = signing_key(parts, application);
    let signature = hex::encode(key.sign(format!("{timestamp}{body}").as_bytes()));
    let mut headers = HeaderMap::new();
    for (name, value) in [("x-signature-ed25519", signature), ("x-signature-timestamp", timestamp)]
    {
        let value = HeaderValue::from_str(&value).map_err(|_| Unreachable::BadUrl)?;
        headers.insert(name, value);
    }
    parts.outbound.post(url, headers, body.into_bytes(), largest).await
}

/// Asks a bot's address for its PONG, with a good signature and with a bad one, which it must refuse.
///
/// # Errors
///
/// 50035 at `interactions_endpoint_url`.
pub(in crate::rest) async fn verify(
    parts: &Parts,
    application: ApplicationId,
    url: &str,
) -> Result<(), ApiError> {
    let fault = |message: &str| {
        Err(ApiError::Form(FormErrors::one(
            "interactions_endpoint_url",
            "APPLICATION_INTERACTIONS_ENDPOINT_URL_INVALID",
            message,
        )))
    };
    if url.len() > limits::URL {
        return fault("The URL is too long.");
    }
    let id: InteractionId = parts.ids.next();
    let ping = json!({
        "id": id,
        "application_id": application,
        "type": 1,
        "token": hex::encode(crate::auth::random::<32>()),
        "version": 1,
        "entitlements": [],
    });
    let good = match signed(parts, application, url, &ping, limits::JSON_BODY).await {
        Ok(good) => good,
        Err(Unreachable::BadUrl) => return fault("Not a well formed https URL."),
        Err(Unreachable::Private) => return fault("The URL leads into a private network."),
        Err(Unreachable::Silent) => {
            return fault("The specified interactions endpoint URL could not be verified.");
        }
    };
    let pong: Option<Value> = serde_json::from_slice(&good.body).ok();
    if good.status != StatusCode::OK || pong.is_none_or(|pong| pong["type"] != 1) {
        return fault("The specified interactions endpoint URL could not be verified.");
    }
    let mut headers = HeaderMap::new();
    headers.insert("x-signature-ed25519", HeaderValue::from_static(BAD_SIGNATURE));
    headers.insert("x-signature-timestamp", HeaderValue::from_static("1"));
    let body = ping.to_string().into_bytes();
    match parts.outbound.post(url, headers, body, limits::JSON_BODY).await {
        Ok(bad) if bad.status == StatusCode::UNAUTHORIZED => Ok(()),
        _ => fault("The endpoint took a request whose signature was wrong: it must answer 401."),
    }
}

/// 64 bytes that sign nothing.
const BAD_SIGNATURE: &str = "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000";

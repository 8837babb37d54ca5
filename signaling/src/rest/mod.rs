//! `/api/v10` and `/api/v9`: one line per family of routes.

pub mod address;
pub(crate) mod applications;
mod audit_log;
mod auth;
mod automod;
mod bans;
mod caller;
mod calls;
mod carry;
mod channels;
mod commerce;
mod docs;
mod emojis;
pub mod error;
pub mod extract;
mod followers;
mod form;
mod forums;
mod gateway;
mod groups;
mod guilds;
mod instance;
mod integrations;
mod interactions;
mod invite_targets;
mod invites;
pub mod limit;
mod members;
pub mod messages;
mod new_members;
mod notes;
mod notifications;
mod oauth2;
mod onboarding;
mod openapi;
mod outside;
mod overwrites;
mod profiles;
mod prune;
pub mod rates;
mod reactions;
mod read_states;
pub(crate) mod relationships;
mod roles;
mod route;
mod scheduled_events;
mod schema;
pub(crate) mod screening;
mod search;
pub(crate) mod settings;
mod soundboard;
mod stages;
mod stickers;
mod stream_keys;
mod templates;
mod threads;
mod users;
mod voice;
mod webhooks;
mod widget;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::extract::OriginalUri;
use axum::http::HeaderName;
use axum::http::StatusCode;
use axum::http::header;
use axum::middleware;
use axum::response::IntoResponse as _;
use model::error_code::ErrorCode;
use model::limits;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::AllowHeaders;
use tower_http::cors::AllowMethods;
use tower_http::cors::AllowOrigin;
use tower_http::cors::CorsLayer;

use crate::parts::Parts;

pub use error::ApiError;

use self::route::Routes;

/// All REST routes, under every prefix that clients use.
pub fn routes(parts: &Parts) -> Router<Parts> {
    let declared = Routes::new()
        .merge(applications::routes())
        .merge(audit_log::routes())
        .merge(auth::routes())
        .merge(automod::routes())
        .merge(bans::routes())
        .merge(calls::routes())
        .merge(channels::routes())
        .merge(emojis::routes())
        .merge(followers::routes())
        .merge(gateway::routes())
        .merge(guilds::routes())
        .merge(instance::routes())
        .merge(integrations::routes())
        .merge(invites::routes())
        .merge(members::routes())
        .merge(oauth2::routes())
        .merge(new_members::routes())
        .merge(onboarding::routes())
        .merge(outside::routes())
        .merge(overwrites::routes())
        .merge(notes::routes())
        .merge(notifications::routes())
        .merge(profiles::routes())
        .merge(settings::routes())
        .merge(prune::routes())
        .merge(reactions::routes())
        .merge(read_states::routes())
        .merge(relationships::routes())
        .merge(groups::routes())
        .merge(roles::routes())
        .merge(scheduled_events::routes())
        .merge(screening::routes())
        .merge(search::routes())
        .merge(soundboard::routes())
        .merge(stages::routes())
        .merge(stickers::routes())
        .merge(stream_keys::routes())
        .merge(templates::routes())
        .merge(threads::routes())
        .merge(users::routes())
        .merge(voice::routes())
        .merge(widget::routes())
        .layer(DefaultBodyLimit::max(limits::JSON_BODY))
        // Uploads are larger, and have their own limit.
        .merge(messages::routes(&parts.config))
        .merge(interactions::routes(&parts.config))
        .merge(webhooks::routes(&parts.config));
    let (api, operations) = declared.into_parts();
    let api = api
        .merge(commerce::routes())
        .fallback(unknown)
        .method_not_allowed_fallback(|| async { ApiError::Status(StatusCode::METHOD_NOT_ALLOWED) });
    let layered = guarded(api, parts);
    Router::new()
        .merge(guarded(instance::well_known(), parts))
        .nest("/api/v10", layered.clone())
        .nest("/api/v9", layered.clone())
        .nest("/api", layered)
        .merge(openapi::routes(operations))
        .merge(docs::routes())
}

/// Reads bytes as every form of a message that clients, bots and Slack's senders write. For fuzzing.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read_any_message(bytes: &[u8]) {
    use messages::components;
    use messages::draft::Body;
    let here = model::id::ChannelId::new(1);
    let read = |bytes: &[u8]| extract::parse::<Body>(bytes);
    for body in [read(bytes), webhooks::slack(bytes)].into_iter().flatten() {
        drop(body.draft(Vec::new(), here));
    }
    if let Ok(body) = read(bytes) {
        drop(body.patch(Vec::new()));
    }
    if let Ok(mut list) = extract::parse::<Vec<serde_json::Value>>(bytes) {
        components::check_modal(&list, "components", &mut error::FormErrors::default());
        components::number(&mut list);
        let asking: Vec<_> = components::asking(&list);
        let found = |one: &&serde_json::Value| {
            one["custom_id"].as_str().is_none_or(|id| components::find(&list, id).is_some())
        };
        assert!(asking.iter().all(found), "what asks is found");
    }
}

/// Puts routes behind what every request goes through: from the inside out counted, caught, and
/// readable for pages of any origin.
///
/// That they may send credentials gives them nothing, for no route knows any but the token that a page
/// holds: there are no cookies. It is allowed since clients of Spacebar's kind ask so, and a browser would
/// keep the answer from them. Hence no `*` here, which then stands for nothing but itself (Fetch, CORS
/// protocol and credentials).
pub(crate) fn guarded(api: Router<Parts>, parts: &Parts) -> Router<Parts> {
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::mirror_request())
        .allow_credentials(true)
        .allow_methods(AllowMethods::mirror_request())
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED)
        .max_age(std::time::Duration::from_secs(7_200));
    // One layer of three: each that a router is given by itself is boxed and copied for each request.
    let layers = ServiceBuilder::new()
        .layer(cors)
        .layer(CatchPanicLayer::custom(|_| {
            metrics::counter!("signaling_panics_total").increment(1);
            ApiError::Status(StatusCode::INTERNAL_SERVER_ERROR).into_response()
        }))
        .layer(middleware::from_fn_with_state(parts.clone(), limit::layer));
    api.layer(layers)
}

/// What pages may read of an answer's head beside what they always may: waits and limits, and where what a
/// stream made is.
const EXPOSED: [HeaderName; 14] = [
    header::CONTENT_DISPOSITION,
    header::DATE,
    header::ETAG,
    header::LINK,
    header::LOCATION,
    header::RETRY_AFTER,
    header::WWW_AUTHENTICATE,
    HeaderName::from_static("x-ratelimit-bucket"),
    HeaderName::from_static("x-ratelimit-global"),
    HeaderName::from_static("x-ratelimit-limit"),
    HeaderName::from_static("x-ratelimit-remaining"),
    HeaderName::from_static("x-ratelimit-reset"),
    HeaderName::from_static("x-ratelimit-reset-after"),
    HeaderName::from_static("x-ratelimit-scope"),
];

/// A path that is no route; a version that is not spoken here has an error of its own.
async fn unknown(OriginalUri(uri): OriginalUri) -> ApiError {
    let first = uri.path().trim_start_matches("/api/").split('/').next().unwrap_or_default();
    let version = first.strip_prefix('v').and_then(|digits| digits.parse::<u32>().ok());
    match version {
        Some(version) if version != 9 && version != 10 => ErrorCode::InvalidApiVersion.into(),
        _ => ApiError::Status(StatusCode::NOT_FOUND),
    }
}

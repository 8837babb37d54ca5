//! Files to browsers and bots: attachments and pictures, by signed or content-addressed URL.
//!
//! `upload` names and stores what a message brings, `picture` the icons and avatars, `serve` streams
//! them back, `sign` and `origin` make the URL in between. Nothing here asks who the reader is: a valid signature is the right.

pub(crate) mod image;
mod kind;
mod origin;
pub(crate) mod picture;
mod placeholder;
pub(crate) mod png;
mod range;
mod serve;
mod sign;
pub(crate) mod sound;
pub(crate) mod sticker;
pub(crate) mod upload;
mod whole;

pub use origin::Origin;
pub use origin::Urls;
pub use sign::Signer;

use axum::Router;
use axum::http::HeaderName;
use axum::http::Method;
use axum::http::header;
use axum::routing::get;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::ScheduledEventId;
use model::id::UserId;
use tower_http::cors::Any;
use tower_http::cors::CorsLayer;

use crate::parts::Parts;

/// All CDN routes. `HEAD` comes with `get`.
pub fn routes() -> Router<Parts> {
    // Pages of other origins show our pictures, as they do Discord's.
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers([header::RANGE, header::IF_NONE_MATCH, header::IF_RANGE])
        .expose_headers([
            header::ACCEPT_RANGES,
            header::CONTENT_LENGTH,
            header::CONTENT_RANGE,
            header::CONTENT_DISPOSITION,
            header::ETAG,
            HeaderName::from_static("last-modified"),
        ]);
    Router::new()
        .route("/attachments/{channel}/{attachment}/{filename}", get(serve::attachment))
        .route("/avatars/{user}/{file}", get(serve::picture_of::<UserId>))
        // An application has its bot's face.
        .route("/app-icons/{user}/{file}", get(serve::picture_of::<UserId>))
        .route("/emojis/{file}", get(serve::emoji))
        .route("/guild-events/{event}/{file}", get(serve::picture_of::<ScheduledEventId>))
        .route("/icons/{guild}/{file}", get(serve::picture_of::<GuildId>))
        .route("/soundboard-sounds/{file}", get(serve::sound))
        .route("/stickers/{file}", get(serve::sticker))
        .route("/channel-icons/{channel}/{file}", get(serve::picture_of::<ChannelId>))
        .route("/embed/avatars/{file}", get(placeholder::avatar))
        .layer(cors)
}

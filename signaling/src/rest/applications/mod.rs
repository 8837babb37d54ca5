//! Applications: what bots say of themselves, their commands, and who may use these where.
//!
//! `draft` makes sense of a command as a bot sends it, `commands` are its routes; `rules` decide
//! who may use one, by what a guild said through `permissions`; `index` is what people's clients
//! show behind the slash. `me` is an application as its bot and its owner change it, `own` are those of
//! a person.

mod commands;
mod draft;
mod emojis;
mod index;
pub(super) mod kind;
pub(super) mod me;
mod own;
mod permissions;
mod role_connections;
pub(super) mod rules;

pub(super) use draft::SAFE_INTEGER;
pub(super) use draft::option;

use axum::extract::DefaultBodyLimit;
use model::limits;

use super::route::Routes;
use super::route::get;
use super::route::post;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/oauth2/applications/@me", get(me::show))
        .route("/applications/@me", get(me::show).patch(me::edit).layer(pictured()))
        .route("/applications", get(own::list).post(own::create))
        .route(
            "/applications/{application}",
            get(me::show_one).patch(me::edit_one).layer(pictured()),
        )
        .route("/applications/{application}/reset", post(own::reset_secret))
        .route("/applications/{application}/bot/reset", post(own::reset_token))
        .route("/applications/{application}/delete", post(own::delete))
        .route(
            "/applications/{application}/emojis",
            get(emojis::list).post(emojis::create).layer(pictured()),
        )
        .route(
            "/applications/{application}/emojis/{emoji}",
            get(emojis::show).patch(emojis::update).delete(emojis::remove),
        )
        .route(
            "/applications/{application}/role-connections/metadata",
            get(role_connections::fields).put(role_connections::set_fields),
        )
        .route(
            "/users/@me/applications/{application}/role-connection",
            get(role_connections::show).put(role_connections::set).delete(role_connections::remove),
        )
        .route(
            "/applications/{application}/commands",
            get(commands::list).post(commands::create).put(commands::overwrite),
        )
        .route(
            "/applications/{application}/commands/{command}",
            get(commands::show).patch(commands::edit).delete(commands::delete),
        )
        .route(
            "/applications/{application}/guilds/{guild}/commands",
            get(commands::list_in_guild)
                .post(commands::create_in_guild)
                .put(commands::overwrite_in_guild),
        )
        .route(
            "/applications/{application}/guilds/{guild}/commands/permissions",
            get(permissions::list),
        )
        .route(
            "/applications/{application}/guilds/{guild}/commands/{command}",
            get(commands::show_in_guild)
                .patch(commands::edit_in_guild)
                .delete(commands::delete_in_guild),
        )
        .route(
            "/applications/{application}/guilds/{guild}/commands/{command}/permissions",
            get(permissions::show).put(permissions::set),
        )
        .route("/guilds/{guild}/application-command-index", get(index::of_guild))
        .route("/channels/{channel}/application-command-index", get(index::of_channel))
}

/// Room for a picture in the body.
fn pictured() -> DefaultBodyLimit {
    DefaultBodyLimit::max(limits::PICTURE_BODY)
}

//! Applications: what bots say of themselves, their commands, and who may use these where.
//!
//! `draft` makes sense of a command as a bot sends it, `commands` are its routes; `rules` decide
//! who may use one, by what a guild said through `permissions`; `index` is what people's clients
//! show behind the slash. `me` is an application as its bot and its owner change it, `own` are those of
//! a person.

mod commands;
mod draft;
mod index;
pub(super) mod kind;
pub(super) mod me;
mod own;
mod permissions;
pub(super) mod rules;

pub(super) use draft::SAFE_INTEGER;
pub(super) use draft::option;

use model::id::ApplicationId;
use serde_json::Value;
use serde_json::json;

use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::route::Routes;
use super::route::get;
use super::route::post;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/oauth2/applications/@me", get(me::show))
        .route("/applications/@me", get(me::show).patch(me::edit))
        .route("/applications", get(own::list).post(own::create))
        .route("/applications/{application}", get(me::show_one).patch(me::edit_one))
        .route("/applications/{application}/reset", post(own::reset_secret))
        .route("/applications/{application}/bot/reset", post(own::reset_token))
        .route("/applications/{application}/delete", post(own::delete))
        .route("/applications/{application}/emojis", get(emojis))
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

/// `GET /applications/{application.id}/emojis`: there are none yet.
async fn emojis(Auth(_): Auth, Path(_): Path<ApplicationId>) -> Json<Value> {
    Json(json!({ "items": [] }))
}

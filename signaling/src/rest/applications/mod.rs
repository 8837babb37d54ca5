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
use model::gateway::DispatchName;
use model::limits;
use state::audit::AuditAction;

use super::route::Routes;
use super::route::effects;
use super::route::get;
use super::route::post;
use crate::rest::schema;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/oauth2/applications/@me", get(me::show).gives(&schema::applications::APPLICATION))
        .route(
            "/applications/@me",
            get(me::show)
                .gives(&schema::applications::APPLICATION)
                .patch(me::edit)
                .gives(&schema::applications::APPLICATION)
                .may_tell(&[DispatchName::UserUpdate, DispatchName::GuildMemberUpdate])
                .layer(pictured()),
        )
        .route(
            "/applications",
            get(own::list)
                .lists(&schema::applications::APPLICATION)
                .post(own::create)
                .gives(&schema::applications::APPLICATION)
                .tells_nobody(),
        )
        .route(
            "/applications/{application}",
            get(me::show_one)
                .gives(&schema::applications::APPLICATION)
                .patch(me::edit_one)
                .gives(&schema::applications::APPLICATION)
                .may_tell(&[DispatchName::UserUpdate, DispatchName::GuildMemberUpdate])
                .layer(pictured()),
        )
        .route(
            "/applications/{application}/reset",
            post(own::reset_secret).gives(&schema::applications::SECRET).tells_nobody(),
        )
        .route(
            "/applications/{application}/bot/reset",
            post(own::reset_token).gives(&schema::applications::BOT_TOKEN).may_tell(&[
                DispatchName::PresenceUpdate,
                DispatchName::VoiceStateUpdate,
                DispatchName::VoiceChannelStartTimeUpdate,
                DispatchName::VoiceChannelStatusUpdate,
            ]),
        )
        .route(
            "/applications/{application}/delete",
            post(own::delete)
                .may_tell(effects::REMOVAL)
                .may_tell(&[DispatchName::PresenceUpdate])
                .may_tell(effects::LEAVING),
        )
        .route(
            "/applications/{application}/emojis",
            get(emojis::list)
                .gives(&schema::applications::APPLICATION_EMOJIS)
                .post(emojis::create)
                .gives(&schema::guilds::EMOJI)
                .tells_nobody()
                .layer(pictured()),
        )
        .route(
            "/applications/{application}/emojis/{emoji}",
            get(emojis::show)
                .gives(&schema::guilds::EMOJI)
                .patch(emojis::update)
                .gives(&schema::guilds::EMOJI)
                .tells_nobody()
                .delete(emojis::remove)
                .tells_nobody(),
        )
        .route(
            "/applications/{application}/role-connections/metadata",
            get(role_connections::fields)
                .lists(&schema::applications::ROLE_CONNECTION_FIELD)
                .put(role_connections::set_fields)
                .lists(&schema::applications::ROLE_CONNECTION_FIELD)
                .tells_nobody(),
        )
        .route(
            "/users/@me/applications/{application}/role-connection",
            get(role_connections::show)
                .gives(&schema::applications::ROLE_CONNECTION)
                .put(role_connections::set)
                .gives(&schema::applications::ROLE_CONNECTION)
                .tells_nobody()
                .delete(role_connections::remove)
                .tells_nobody(),
        )
        .route(
            "/applications/{application}/commands",
            get(commands::list)
                .lists(&schema::applications::COMMAND)
                .post(commands::create)
                .gives(&schema::applications::COMMAND)
                .or(200)
                .tells(&[DispatchName::GuildApplicationCommandIndexUpdate])
                .put(commands::overwrite)
                .lists(&schema::applications::COMMAND)
                .tells(&[DispatchName::GuildApplicationCommandIndexUpdate]),
        )
        .route(
            "/applications/{application}/commands/{command}",
            get(commands::show)
                .gives(&schema::applications::COMMAND)
                .patch(commands::edit)
                .gives(&schema::applications::COMMAND)
                .tells(&[DispatchName::GuildApplicationCommandIndexUpdate])
                .delete(commands::delete)
                .tells(&[DispatchName::GuildApplicationCommandIndexUpdate]),
        )
        .route(
            "/applications/{application}/guilds/{guild}/commands",
            get(commands::list_in_guild)
                .lists(&schema::applications::COMMAND)
                .post(commands::create_in_guild)
                .gives(&schema::applications::COMMAND)
                .or(200)
                .tells(&[DispatchName::GuildApplicationCommandIndexUpdate])
                .put(commands::overwrite_in_guild)
                .lists(&schema::applications::COMMAND)
                .tells(&[DispatchName::GuildApplicationCommandIndexUpdate]),
        )
        .route(
            "/applications/{application}/guilds/{guild}/commands/permissions",
            get(permissions::list).lists(&schema::applications::COMMAND_PERMISSIONS),
        )
        .route(
            "/applications/{application}/guilds/{guild}/commands/{command}",
            get(commands::show_in_guild)
                .gives(&schema::applications::COMMAND)
                .patch(commands::edit_in_guild)
                .gives(&schema::applications::COMMAND)
                .tells(&[DispatchName::GuildApplicationCommandIndexUpdate])
                .delete(commands::delete_in_guild)
                .tells(&[DispatchName::GuildApplicationCommandIndexUpdate]),
        )
        .route(
            "/applications/{application}/guilds/{guild}/commands/{command}/permissions",
            get(permissions::show)
                .gives(&schema::applications::COMMAND_PERMISSIONS)
                .put(permissions::set)
                .gives(&schema::applications::COMMAND_PERMISSIONS)
                .logs(&[AuditAction::ApplicationCommandPermissionUpdate])
                .tells(&[
                    DispatchName::ApplicationCommandPermissionsUpdate,
                    DispatchName::GuildApplicationCommandIndexUpdate,
                ]),
        )
        .route(
            "/guilds/{guild}/application-command-index",
            get(index::of_guild).gives(&schema::applications::COMMAND_INDEX),
        )
        .route(
            "/channels/{channel}/application-command-index",
            get(index::of_channel).gives(&schema::applications::COMMAND_INDEX),
        )
}

/// Room for a picture in the body.
fn pictured() -> DefaultBodyLimit {
    DefaultBodyLimit::max(limits::PICTURE_BODY)
}

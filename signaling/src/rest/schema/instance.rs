//! This server itself.

use super::ANY;
use super::BOOL;
use super::INT;
use super::Kind::List;
use super::Kind::Number;
use super::Kind::Of;
use super::TEXT;
use super::TEXT_OR_NULL;
use super::objects;

objects! {
    /// Where the gateway is.
    GATEWAY "Gateway" { url: TEXT }

    /// How many sessions may be started.
    SESSION_LIMIT "SessionStartLimit" {
        total: INT, remaining: INT, reset_after: INT, max_concurrency: INT,
    }

    /// Where the gateway is, for a bot (Discord: Get Gateway Bot).
    GATEWAY_BOT "GatewayBot" { url: TEXT, shards: INT, session_start_limit: Of(&SESSION_LIMIT) }

    /// What this server is.
    INSTANCE "Instance" {
        name: TEXT, version: TEXT, api_versions: List(&INT), registration: TEXT, max_upload: INT,
    }

    /// Where Spacebar's clients find what.
    DOMAINS "Domains" { cdn: TEXT, gateway: TEXT, defaultApiVersion: TEXT, apiEndpoint: TEXT }

    /// What Spacebar's clients show of a server.
    POLICIES "Policies" {
        instanceName: TEXT, instanceDescription: TEXT_OR_NULL, frontPage: TEXT_OR_NULL,
        tosPage: TEXT_OR_NULL, correspondenceEmail: TEXT_OR_NULL,
        correspondenceUserID: TEXT_OR_NULL, image: TEXT_OR_NULL,
    }

    /// What Spacebar's clients know of a server's limits.
    RULES "Rules" {
        limits_user_maxGuilds: INT, limits_user_maxBio: INT, limits_user_maxPronouns: INT,
        limits_guild_maxEmojis: INT, limits_guild_maxRoles: INT, limits_message_maxCharacters: INT,
        limits_message_maxAttachmentSize: INT, limits_message_maxEmbedDownloadSize: INT,
        limits_channel_maxWebhooks: INT, register_dateOfBirth_required: BOOL,
        register_password_required: BOOL, register_disabled: BOOL, register_requireInvite: BOOL,
        register_allowNewRegistration: BOOL, register_allowMultipleAccounts: BOOL,
        register_email_required: BOOL, guild_autoJoin_canLeave: BOOL,
        guild_autoJoin_guilds_x: List(&ANY), can_recover_account: BOOL,
    }

    /// It is there.
    PONG "Pong" { ping: TEXT, instance: Of(&PONG_INSTANCE) }

    /// Whose instance it is, by Spacebar's names: there is none for most.
    PONG_INSTANCE "PongInstance" { name: TEXT } .. true

    /// A connection to another service: there are none here.
    CONNECTION "Connection" {} .. true

    /// Faults of one field, or of those within it.
    FAULTS "Faults" {} .. true

    /// Why a request was refused (Discord: Error Messages).
    ERROR "Error" { message: TEXT, code: INT } may {
        errors: Of(&FAULTS), location: TEXT, target_users_file: List(&TEXT),
    }

    /// When to try again (Discord: Rate Limit Response Structure).
    LIMITED "RateLimited" { message: TEXT, retry_after: Number, global: BOOL } may {
        code: INT,
    }
}

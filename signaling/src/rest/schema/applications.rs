//! Applications, their commands, webhooks, and what people allow them.

use super::ANY;
use super::BITS;
use super::BOOL;
use super::ID;
use super::ID_OR_NULL;
use super::INT;
use super::INT_OR_NULL;
use super::Kind::List;
use super::Kind::Map;
use super::Kind::Nullable;
use super::Kind::Number;
use super::Kind::Of;
use super::TEXT;
use super::TEXT_OR_NULL;
use super::TIME;
use super::guilds::EMOJI;
use super::guilds::GUILD;
use super::messages::MESSAGE;
use super::objects;
use super::people::USER;

objects! {
    /// As much of an application as its integration shows.
    PARTIAL_APPLICATION "PartialApplication" {
        id: ID, name: TEXT, icon: TEXT_OR_NULL, description: TEXT, summary: TEXT, type: INT_OR_NULL,
        bot: Of(&USER),
    }

    /// An application as everyone may see it (Discord: Application Object).
    PUBLIC_APPLICATION "PublicApplication" and PARTIAL_APPLICATION {
        bot_public: BOOL, bot_require_code_grant: BOOL, flags: INT, tags: List(&TEXT), hook: BOOL,
    } may {
        custom_install_url: TEXT, install_params: ANY, integration_types_config: ANY,
        privacy_policy_url: TEXT, role_connections_verification_url: TEXT_OR_NULL,
        terms_of_service_url: TEXT,
    }

    /// An application as its owner and its bot see it (Discord: Application Object).
    APPLICATION "Application" and PUBLIC_APPLICATION {
        verify_key: TEXT, owner: Of(&USER), team: ANY, redirect_uris: List(&TEXT),
        rpc_origins: List(&TEXT), interactions_endpoint_url: TEXT_OR_NULL,
        approximate_guild_count: INT, approximate_user_install_count: INT,
        approximate_user_authorization_count: INT,
    } may {
        secret: TEXT, token: TEXT,
    }

    /// A new secret of an application, told once.
    SECRET "Secret" { secret: TEXT }

    /// A new token of a bot, told once.
    BOT_TOKEN "BotToken" { token: TEXT }

    /// An application's own emojis.
    APPLICATION_EMOJIS "ApplicationEmojis" { items: List(&Of(&EMOJI)) }

    /// What an application may know of people (Discord: Application Role Connection Metadata Object).
    ROLE_CONNECTION_FIELD "RoleConnectionField" {
        type: INT, key: TEXT, name: TEXT, description: TEXT,
    } may {
        name_localizations: Map(&TEXT), description_localizations: Map(&TEXT),
    }

    /// What an application says of a person (Discord: Application Role Connection Object).
    ROLE_CONNECTION "RoleConnection" {
        platform_name: TEXT_OR_NULL, platform_username: TEXT_OR_NULL, metadata: Map(&TEXT),
    }

    /// A value that may be chosen (Discord: Application Command Option Choice).
    CHOICE "CommandChoice" { name: TEXT, value: ANY } may {
        name_localizations: Nullable(&Map(&TEXT)),
    }

    /// What a command takes (Discord: Application Command Option).
    OPTION "CommandOption" { type: INT, name: TEXT, description: TEXT } may {
        name_localizations: Nullable(&Map(&TEXT)),
        description_localizations: Nullable(&Map(&TEXT)), required: BOOL, autocomplete: BOOL,
        choices: List(&Of(&CHOICE)), options: List(&Of(&OPTION)), channel_types: List(&INT),
        min_value: Number, max_value: Number, min_length: INT, max_length: INT,
    }

    /// A bot's command (Discord: Application Command Object).
    COMMAND "Command" {
        id: ID, application_id: ID, version: ID, type: INT, name: TEXT, description: TEXT,
        default_member_permissions: Nullable(&BITS), dm_permission: BOOL,
        contexts: Nullable(&List(&INT)), integration_types: List(&INT), nsfw: BOOL,
    } may {
        guild_id: ID, name_localizations: Nullable(&Map(&TEXT)),
        description_localizations: Nullable(&Map(&TEXT)), options: List(&Of(&OPTION)),
        permissions: Of(&INDEX_PERMISSIONS),
    }

    /// Whether someone may use a command (Discord: Application Command Permissions).
    COMMAND_PERMISSION "CommandPermission" { id: ID, type: INT, permission: BOOL }

    /// Who may use a command in a guild (Discord: Guild Application Command Permissions Object).
    COMMAND_PERMISSIONS "CommandPermissions" {
        id: ID, application_id: ID, guild_id: ID, permissions: List(&Of(&COMMAND_PERMISSION)),
    }

    /// Who may use a command, by the ids of those whom it is for.
    INDEX_PERMISSIONS "CommandIndexPermissions" {
        roles: Map(&BOOL), users: Map(&BOOL), channels: Map(&BOOL), guild_id: ID,
    }

    /// An application of an index of commands.
    INDEX_APPLICATION "CommandIndexApplication" {
        id: ID, name: TEXT, description: TEXT, icon: TEXT_OR_NULL, bot_id: ID,
        bot: Nullable(&Of(&USER)), flags: INT,
    } may {
        permissions: Of(&INDEX_PERMISSIONS),
    }

    /// What stands behind the slash (userdoccers: Application Command Index).
    COMMAND_INDEX "CommandIndex" {
        applications: List(&Of(&INDEX_APPLICATION)), application_commands: List(&Of(&COMMAND)),
        version: TEXT,
    }

    /// An interaction that was answered.
    CALLBACK_INTERACTION "CallbackInteraction" { id: ID, type: INT, channel_id: ID } may {
        guild_id: ID, response_message_id: ID, response_message_loading: BOOL,
        response_message_ephemeral: BOOL,
    }

    /// What the answer made.
    CALLBACK_RESOURCE "CallbackResource" { type: INT, message: Of(&MESSAGE) }

    /// An answer to an interaction (Discord: Interaction Callback Response).
    CALLBACK "InteractionCallback" { interaction: Of(&CALLBACK_INTERACTION) } may {
        resource: Of(&CALLBACK_RESOURCE),
    }

    /// The guild that a webhook follows.
    SOURCE_GUILD "WebhookSourceGuild" { id: ID, name: TEXT, icon: TEXT_OR_NULL }

    /// The channel that a webhook follows.
    SOURCE_CHANNEL "WebhookSourceChannel" { id: ID, name: TEXT_OR_NULL }

    /// A webhook (Discord: Webhook Object); its token only for those who may use it.
    WEBHOOK "Webhook" {
        id: ID, type: INT, guild_id: ID, channel_id: ID, name: TEXT_OR_NULL, avatar: TEXT_OR_NULL,
        application_id: ID_OR_NULL,
    } may {
        token: TEXT, url: TEXT, user: Of(&USER), source_guild: Of(&SOURCE_GUILD),
        source_channel: Of(&SOURCE_CHANNEL),
    }

    /// The bot that is to be added.
    CONSENT_BOT "ConsentBot" and USER { approximate_guild_count: INT }

    /// A guild to which the bot may be added.
    CONSENT_GUILD "ConsentGuild" {
        id: ID, name: TEXT, icon: TEXT_OR_NULL, mfa_level: INT, permissions: BITS, has_bot: BOOL,
    }

    /// What an application asks of a person.
    CONSENT "Consent" {
        user: Of(&USER), application: Of(&PUBLIC_APPLICATION), authorized: BOOL, prompts: BOOL,
        scopes: List(&TEXT), redirect_uri: TEXT_OR_NULL, integration_type: INT,
    } may {
        guilds: List(&Of(&CONSENT_GUILD)), guild_id: ID_OR_NULL, permissions: BITS,
        bot: Of(&CONSENT_BOT),
    }

    /// Where the person's browser goes now.
    LOCATION "Location" { location: TEXT }

    /// An access token (RFC 6749 §5.1).
    TOKENS "Tokens" {
        token_type: TEXT, access_token: TEXT, expires_in: INT, scope: TEXT,
    } may {
        refresh_token: TEXT, guild: Of(&GUILD),
    }

    /// A request for tokens (RFC 6749 §4.1.3, §4.4.2, §6).
    TOKEN_FORM "TokenForm" { grant_type: TEXT } may {
        client_id: TEXT, client_secret: TEXT, code: TEXT, redirect_uri: TEXT, code_verifier: TEXT,
        refresh_token: TEXT, scope: TEXT,
    }

    /// A token that is to end (RFC 7009 §2.1).
    REVOKE_FORM "RevokeForm" { token: TEXT } may {
        client_id: TEXT, client_secret: TEXT, token_type_hint: TEXT,
    }

    /// What an application's link asks.
    CONSENT_QUERY "ConsentQuery" { client_id: ID } may {
        scope: TEXT, response_type: TEXT, redirect_uri: TEXT, state: TEXT, permissions: BITS,
        guild_id: ID, integration_type: INT, prompt: TEXT, code_challenge: TEXT,
        code_challenge_method: TEXT,
    }

    /// Nothing.
    NOTHING "Empty" {}

    /// Why there is no token (RFC 6749 §5.2).
    TOKEN_REFUSED "TokenRefused" {} may {
        error: TEXT, error_description: TEXT, message: TEXT, code: INT, errors: ANY,
        retry_after: Number, global: BOOL,
    }

    /// What an access token is for.
    AUTHORIZATION "Authorization" {
        application: Of(&PUBLIC_APPLICATION), scopes: List(&TEXT), expires: TIME,
    } may {
        user: Of(&USER),
    }

    /// What an application may do in one's name.
    GRANT "Grant" { id: ID, scopes: List(&TEXT), application: Of(&PUBLIC_APPLICATION) }

    /// The keys of ID tokens: there are no such tokens here.
    KEYS "Keys" { keys: List(&ANY) }

    /// Who someone is, as OpenID Connect says it.
    USER_INFO "UserInfo" { sub: ID } may {
        preferred_username: TEXT, nickname: TEXT_OR_NULL, locale: TEXT, picture: TEXT,
        email: TEXT_OR_NULL, email_verified: BOOL,
    }
}

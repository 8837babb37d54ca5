//! People, what they are to each other, and what they keep for themselves.

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
use super::TIME_OR_NULL;
use super::objects;

objects! {
    /// A user as others see it (Discord: User Object).
    USER "User" {
        id: ID, username: TEXT, discriminator: TEXT, global_name: TEXT_OR_NULL,
        avatar: TEXT_OR_NULL,
    } may {
        avatar_decoration_data: ANY, banner: TEXT_OR_NULL, accent_color: INT_OR_NULL, bot: BOOL,
        system: BOOL, public_flags: INT, flags: INT,
    }

    /// A user as it sees itself.
    OWN_USER "OwnUser" and USER {
        mfa_enabled: BOOL, locale: TEXT, premium_type: INT,
    } may {
        email: TEXT_OR_NULL, verified: BOOL, bio: TEXT_OR_NULL, token: TEXT,
    }

    /// A member of a guild, beside its user (Discord: Guild Member Object).
    MEMBER_ALONE "MemberWithoutUser" {
        nick: TEXT_OR_NULL, avatar: TEXT_OR_NULL, banner: TEXT_OR_NULL, roles: List(&ID),
        joined_at: TIME_OR_NULL, premium_since: TIME_OR_NULL, deaf: BOOL, mute: BOOL, flags: INT,
        pending: BOOL, communication_disabled_until: TIME_OR_NULL,
    }

    /// A member of a guild with its user (Discord: Guild Member Object).
    MEMBER "Member" and MEMBER_ALONE {
        user: Of(&USER),
    }

    /// A user with its membership of the guild that is spoken of.
    MENTIONED "MentionedUser" and USER {} may {
        member: Of(&MEMBER_ALONE),
    }

    /// A token of an account, and whose it is.
    SIGNED_IN "SignedIn" { token: TEXT, user_id: ID }

    /// What another person is to oneself (userdoccers: Relationships).
    RELATIONSHIP "Relationship" {
        id: ID, type: INT, nickname: TEXT_OR_NULL, user: Of(&USER), user_ignored: BOOL,
        is_spam_request: BOOL, stranger_request: BOOL, since: TIME,
    }

    /// A note about someone, for oneself alone.
    NOTE "Note" { user_id: ID, note_user_id: ID, note: TEXT }

    /// Notes by the ids of those whom they are about.
    NOTES "Notes" {} .. true

    /// What one wants to hear of in one channel.
    CHANNEL_NOTIFICATIONS "ChannelNotifications" {
        channel_id: ID, collapsed: BOOL, flags: INT, message_notifications: INT, muted: BOOL,
        mute_config: Nullable(&Of(&MUTE)),
    }

    /// Until when something is silent.
    MUTE "Mute" { end_time: TIME_OR_NULL, selected_time_window: INT_OR_NULL }

    /// What one wants to hear of in a guild, or in private (userdoccers: User Guild Settings).
    NOTIFICATIONS "Notifications" {
        guild_id: ID_OR_NULL, suppress_everyone: BOOL, suppress_roles: BOOL,
        mute_scheduled_events: BOOL, muted: BOOL, mute_config: Nullable(&Of(&MUTE)),
        mobile_push: BOOL, message_notifications: INT, hide_muted_channels: BOOL,
        notify_highlights: INT, flags: INT, channel_overrides: List(&Of(&CHANNEL_NOTIFICATIONS)),
        version: INT,
    }

    /// What somebody says of themselves.
    SAID "ProfileSaid" {
        bio: TEXT_OR_NULL, pronouns: TEXT_OR_NULL, accent_color: INT_OR_NULL,
    } may {
        banner: TEXT_OR_NULL, theme_colors: ANY, popout_animation_particle_type: ANY, emoji: ANY,
        profile_effect: ANY, guild_id: ID,
    }

    /// The user of a profile.
    PROFILE_USER "ProfileUser" and USER { bio: TEXT_OR_NULL }

    /// A guild that both are in, with the other's nickname there.
    MUTUAL_GUILD "MutualGuild" { id: ID, nick: TEXT_OR_NULL }

    /// What somebody shows of themselves (userdoccers: User Profile).
    PROFILE "Profile" {
        user: Of(&PROFILE_USER), user_profile: Of(&SAID), connected_accounts: List(&ANY),
        badges: List(&ANY), guild_badges: List(&ANY), premium_type: INT_OR_NULL,
        premium_since: TIME_OR_NULL, premium_guild_since: TIME_OR_NULL,
        legacy_username: TEXT_OR_NULL,
    } may {
        mutual_guilds: List(&Of(&MUTUAL_GUILD)), mutual_friends_count: INT,
        mutual_friends: List(&Of(&USER)), guild_member: Of(&MEMBER),
        guild_member_profile: Of(&SAID),
    }

    /// A guild that one is in (Discord: Get Current User Guilds).
    OWN_GUILD "OwnGuild" {
        id: ID, name: TEXT, icon: TEXT_OR_NULL, banner: TEXT_OR_NULL, owner: BOOL,
        permissions: BITS, features: List(&TEXT),
    } may {
        approximate_member_count: INT, approximate_presence_count: INT,
    }

    /// What was read up to there: nothing more is told.
    ACKNOWLEDGED "Acknowledged" { token: TEXT_OR_NULL }

    /// A custom status.
    CUSTOM_STATUS "CustomStatus" {
        text: TEXT_OR_NULL, emoji_id: ID_OR_NULL, emoji_name: TEXT_OR_NULL, expires_at: TIME_OR_NULL,
    }

    /// Guilds that stand together in a client's list.
    GUILD_FOLDER "GuildFolder" {
        id: INT_OR_NULL, name: TEXT_OR_NULL, color: INT_OR_NULL, guild_ids: List(&ID),
    }

    /// How somebody likes their client (userdoccers: User Settings).
    SETTINGS "Settings" {
        activity_restricted_guild_ids: List(&ID), activity_joining_restricted_guild_ids: List(&ID),
        afk_timeout: INT, allow_accessibility_detection: BOOL,
        allow_activity_party_privacy_friends: BOOL,
        allow_activity_party_privacy_voice_channel: BOOL, animate_emoji: BOOL,
        animate_stickers: INT, contact_sync_enabled: BOOL, convert_emoticons: BOOL,
        custom_status: Nullable(&Of(&CUSTOM_STATUS)), default_guilds_restricted: BOOL,
        detect_platform_accounts: BOOL, developer_mode: BOOL, disable_games_tab: BOOL,
        enable_tts_command: BOOL, explicit_content_filter: INT, friend_discovery_flags: INT,
        friend_source_flags: Nullable(&Map(&BOOL)), gif_auto_play: BOOL,
        guild_folders: List(&Of(&GUILD_FOLDER)), guild_positions: List(&ID),
        inline_attachment_media: BOOL, inline_embed_media: BOOL, locale: TEXT,
        message_display_compact: BOOL, native_phone_integration_enabled: BOOL, passwordless: BOOL,
        render_embeds: BOOL, render_reactions: BOOL, restricted_guilds: List(&ID),
        show_current_game: BOOL, soundboard_volume: Number, status: TEXT,
        stream_notifications_enabled: BOOL, theme: TEXT, timezone_offset: INT,
        view_nsfw_commands: BOOL, view_nsfw_guilds: BOOL,
    }

    /// Settings that a client keeps here, in its own encoding (base64).
    SETTINGS_PROTO "SettingsProto" { settings: TEXT } may { out_of_date: BOOL }
}

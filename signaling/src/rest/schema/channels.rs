//! Channels, threads, invites to them, and what is heard in them.

use super::BITS;
use super::BOOL;
use super::ID;
use super::ID_OR_NULL;
use super::INT;
use super::INT_OR_NULL;
use super::Kind::List;
use super::Kind::Nullable;
use super::Kind::Number;
use super::Kind::Of;
use super::TEXT;
use super::TEXT_OR_NULL;
use super::TIME;
use super::TIME_OR_NULL;
use super::guilds::ROLE_COLORS;
use super::guilds::SCHEDULED_EVENT;
use super::guilds::WELCOME_SCREEN;
use super::messages::MESSAGE;
use super::objects;
use super::people::MEMBER;
use super::people::USER;

objects! {
    /// What a role (0) or a member (1) may more or less in a channel (Discord: Overwrite Object).
    OVERWRITE "Overwrite" { id: ID, type: INT, allow: BITS, deny: BITS }

    /// A tag of a forum (Discord: Forum Tag Object).
    FORUM_TAG "ForumTag" {
        id: ID, name: TEXT, moderated: BOOL, emoji_id: ID_OR_NULL, emoji_name: TEXT_OR_NULL,
    }

    /// What one reacts with by default (Discord: Default Reaction Object).
    DEFAULT_REACTION "DefaultReaction" { emoji_id: ID_OR_NULL, emoji_name: TEXT_OR_NULL }

    /// What only threads have (Discord: Thread Metadata Object).
    THREAD_METADATA "ThreadMetadata" {
        archived: BOOL, archive_timestamp: TIME, auto_archive_duration: INT, locked: BOOL,
        create_timestamp: TIME_OR_NULL,
    } may {
        invitable: BOOL,
    }

    /// Someone in a thread (Discord: Thread Member Object).
    THREAD_MEMBER "ThreadMember" {
        id: ID, user_id: ID, join_timestamp: TIME, flags: INT,
    } may {
        member: Of(&MEMBER),
    }

    /// A channel of a guild, a thread, or a private channel (Discord: Channel Object).
    CHANNEL "Channel" {
        id: ID, type: INT, flags: INT,
    } may {
        guild_id: ID, name: TEXT_OR_NULL, topic: TEXT_OR_NULL, position: INT, nsfw: BOOL,
        parent_id: ID_OR_NULL, permission_overwrites: List(&Of(&OVERWRITE)),
        last_message_id: ID_OR_NULL, last_pin_timestamp: TIME_OR_NULL, rate_limit_per_user: INT,
        bitrate: INT, user_limit: INT, rtc_region: TEXT_OR_NULL, video_quality_mode: INT,
        available_tags: List(&Of(&FORUM_TAG)), applied_tags: List(&ID),
        default_reaction_emoji: Nullable(&Of(&DEFAULT_REACTION)), default_sort_order: INT_OR_NULL,
        default_forum_layout: INT, default_auto_archive_duration: INT,
        default_thread_rate_limit_per_user: INT, owner_id: ID, thread_metadata: Of(&THREAD_METADATA),
        message_count: INT, total_message_sent: INT, member_count: INT, member: Of(&THREAD_MEMBER),
        newly_created: BOOL, message: Of(&MESSAGE), icon: TEXT_OR_NULL, recipients: List(&Of(&USER)),
        nicks: List(&Of(&NICK)),
    }

    /// How someone is called in a group.
    NICK "GroupNick" { id: ID, nick: TEXT }

    /// Threads, and which of them one is in.
    THREADS "Threads" {
        threads: List(&Of(&CHANNEL)), members: List(&Of(&THREAD_MEMBER)),
    } may {
        has_more: BOOL, total_results: INT, first_messages: List(&Of(&MESSAGE)),
    }

    /// A channel that was followed, and the webhook by which its announcements come.
    FOLLOWED "FollowedChannel" { channel_id: ID, webhook_id: ID }

    /// A guild as an invite shows it.
    INVITE_GUILD "InviteGuild" {
        id: ID, name: TEXT, icon: TEXT_OR_NULL, splash: TEXT_OR_NULL, banner: TEXT_OR_NULL,
        description: TEXT_OR_NULL, features: List(&TEXT), verification_level: INT,
        vanity_url_code: TEXT_OR_NULL, nsfw_level: INT, premium_subscription_count: INT,
    } may {
        welcome_screen: Of(&WELCOME_SCREEN),
    }

    /// A channel as others name it.
    PARTIAL_CHANNEL "PartialChannel" { id: ID, name: TEXT_OR_NULL, type: INT }

    /// An invite (Discord: Invite Object); one without a guild is to this server itself.
    INVITE "Invite" {
        type: INT, code: TEXT, guild: Nullable(&Of(&INVITE_GUILD)), guild_id: ID_OR_NULL,
        channel: Nullable(&Of(&PARTIAL_CHANNEL)), inviter: Nullable(&Of(&USER)),
        expires_at: TIME_OR_NULL,
    } may {
        owner: BOOL, approximate_member_count: INT, approximate_presence_count: INT,
        guild_scheduled_event: Of(&SCHEDULED_EVENT), new_member: BOOL,
        show_verification_form: BOOL, uses: INT, max_uses: INT,
        max_age: INT, temporary: BOOL, created_at: TIME, roles: List(&Of(&GIVEN_ROLE)),
    }

    /// A role that an invite gives.
    GIVEN_ROLE "GivenRole" {
        id: ID, name: TEXT, position: INT, color: INT, colors: Of(&ROLE_COLORS), icon: TEXT_OR_NULL,
        unicode_emoji: TEXT_OR_NULL,
    }

    /// How far it is with the people whom an invite names.
    INVITE_TARGETS_JOB "InviteTargetsJob" {
        status: INT, total_users: INT, processed_users: INT, created_at: TIME,
        completed_at: TIME_OR_NULL, error_message: TEXT_OR_NULL,
    }

    /// A stage that is on (Discord: Stage Instance Object).
    STAGE "StageInstance" {
        id: ID, guild_id: ID, channel_id: ID, topic: TEXT, privacy_level: INT,
        discoverable_disabled: BOOL, guild_scheduled_event_id: ID_OR_NULL,
    }

    /// Where someone is in voice, and how (Discord: Voice State Object).
    VOICE_STATE "VoiceState" {
        channel_id: ID_OR_NULL, user_id: ID, session_id: TEXT, deaf: BOOL,
        mute: BOOL, self_deaf: BOOL, self_mute: BOOL, self_video: BOOL, self_stream: BOOL,
        suppress: BOOL, request_to_speak_timestamp: TIME_OR_NULL,
    } may {
        guild_id: ID, member: Of(&MEMBER),
    }

    /// Whether one may ring somebody in a private channel (userdoccers: Get Call Eligibility).
    CALL_ELIGIBILITY "CallEligibility" { ringable: BOOL }

    /// Where voice is carried (Discord: Voice Region Object). There is one: this server.
    VOICE_REGION "VoiceRegion" {
        id: TEXT, name: TEXT, optimal: BOOL, deprecated: BOOL, custom: BOOL, vip: BOOL,
    }

    /// A sound of a guild's soundboard (Discord: Soundboard Sound Object).
    SOUND "SoundboardSound" {
        sound_id: ID, name: TEXT, volume: Number, emoji_id: ID_OR_NULL, emoji_name: TEXT_OR_NULL,
        guild_id: ID, available: BOOL, user_id: ID,
    } may {
        user: Of(&USER),
    }

    /// A guild's sounds.
    SOUNDS "SoundboardSounds" { items: List(&Of(&SOUND)) }

    /// A key for programs that stream into one voice channel or out of it.
    STREAM_KEY "StreamKey" {
        id: ID, channel_id: ID, user_id: ID, way: TEXT, name: TEXT_OR_NULL, created_at: TIME,
        path: TEXT,
    } may {
        key: TEXT,
    }
}

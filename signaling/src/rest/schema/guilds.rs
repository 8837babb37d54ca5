//! Guilds and what stands in them.

use super::ANY;
use super::BITS;
use super::BOOL;
use super::ID;
use super::ID_OR_NULL;
use super::INT;
use super::INT_OR_NULL;
use super::Kind::Bytes;
use super::Kind::List;
use super::Kind::Map;
use super::Kind::Nullable;
use super::Kind::Of;
use super::TEXT;
use super::TEXT_OR_NULL;
use super::TIME;
use super::TIME_OR_NULL;
use super::applications::COMMAND;
use super::applications::PARTIAL_APPLICATION;
use super::applications::WEBHOOK;
use super::channels::CHANNEL;
use super::channels::DEFAULT_REACTION;
use super::objects;
use super::people::MEMBER;
use super::people::USER;

objects! {
    /// The colours of a role.
    ROLE_COLORS "RoleColors" {
        primary_color: INT, secondary_color: INT_OR_NULL, tertiary_color: INT_OR_NULL,
    }

    /// Whose a managed role is; a key with null means yes (Discord: Role Tags).
    ROLE_TAGS "RoleTags" {} may {
        bot_id: ID, integration_id: ID, subscription_listing_id: ID, premium_subscriber: ANY,
        available_for_purchase: ANY, guild_connections: ANY,
    }

    /// A role (Discord: Role Object).
    ROLE "Role" {
        id: ID, name: TEXT, color: INT, colors: Of(&ROLE_COLORS), hoist: BOOL, icon: TEXT_OR_NULL,
        unicode_emoji: TEXT_OR_NULL, position: INT, permissions: BITS, managed: BOOL,
        mentionable: BOOL, flags: INT,
    } may {
        tags: Of(&ROLE_TAGS),
    }

    /// How many members have each role, by its id.
    ROLE_COUNTS "RoleMemberCounts" {} .. true

    /// An emoji of a guild or of an application (Discord: Emoji Object).
    EMOJI "Emoji" {
        id: ID, name: TEXT, roles: List(&ID), require_colons: BOOL, managed: BOOL, animated: BOOL,
        available: BOOL,
    } may {
        user: Of(&USER),
    }

    /// A sticker of a guild (Discord: Sticker Object).
    STICKER "Sticker" {
        id: ID, name: TEXT, description: TEXT_OR_NULL, tags: TEXT, type: INT, format_type: INT,
        available: BOOL, guild_id: ID,
    } may {
        user: Of(&USER),
    }

    /// A sticker that is to be made.
    STICKER_FORM "StickerForm" { name: TEXT, tags: TEXT, file: Bytes } may { description: TEXT }

    /// Packs of stickers that everyone may use: a server of one's own comes without any.
    STICKER_PACKS "StickerPacks" { sticker_packs: List(&ANY) }

    /// What is closed for a while (Discord: Incidents Data Object).
    INCIDENTS "Incidents" {
        invites_disabled_until: TIME_OR_NULL, dms_disabled_until: TIME_OR_NULL,
    }

    /// A guild (Discord: Guild Object).
    GUILD "Guild" {
        id: ID, name: TEXT, icon: TEXT_OR_NULL, icon_hash: TEXT_OR_NULL, splash: TEXT_OR_NULL,
        discovery_splash: TEXT_OR_NULL, owner_id: ID, region: TEXT_OR_NULL,
        afk_channel_id: ID_OR_NULL, afk_timeout: INT, widget_enabled: BOOL,
        widget_channel_id: ID_OR_NULL, verification_level: INT, default_message_notifications: INT,
        explicit_content_filter: INT, roles: List(&Of(&ROLE)), emojis: List(&Of(&EMOJI)),
        stickers: List(&Of(&STICKER)), features: List(&TEXT), mfa_level: INT,
        application_id: ID_OR_NULL, system_channel_id: ID_OR_NULL, system_channel_flags: INT,
        rules_channel_id: ID_OR_NULL, max_presences: INT_OR_NULL, max_members: INT,
        vanity_url_code: TEXT_OR_NULL, description: TEXT_OR_NULL, banner: TEXT_OR_NULL,
        premium_tier: INT, premium_subscription_count: INT, preferred_locale: TEXT,
        public_updates_channel_id: ID_OR_NULL, safety_alerts_channel_id: ID_OR_NULL,
        max_video_channel_users: INT, max_stage_video_channel_users: INT, nsfw_level: INT,
        nsfw: BOOL, premium_progress_bar_enabled: BOOL, incidents_data: Nullable(&Of(&INCIDENTS)),
    } may {
        approximate_member_count: INT, approximate_presence_count: INT,
    }

    /// A guild as people see it who are not in it (Discord: Guild Preview Object).
    PREVIEW "GuildPreview" {
        id: ID, name: TEXT, icon: TEXT_OR_NULL, description: TEXT_OR_NULL,
        home_header: TEXT_OR_NULL, splash: TEXT_OR_NULL, discovery_splash: TEXT_OR_NULL,
        features: List(&TEXT), approximate_member_count: INT, approximate_presence_count: INT,
        emojis: List(&Of(&EMOJI)), stickers: List(&Of(&STICKER)),
    }

    /// A guild's own invite: there is none here.
    VANITY "VanityUrl" { code: TEXT_OR_NULL, uses: INT }

    /// A ban (Discord: Ban Object).
    BAN "Ban" { reason: TEXT_OR_NULL, user: Of(&USER) }

    /// Who was banned, and who could not be.
    BULK_BAN "BulkBan" { banned_users: List(&ID), failed_users: List(&ID) }

    /// How many were, or would be, removed; null when it was not to be counted.
    PRUNED "Pruned" { pruned: INT_OR_NULL }

    /// Whether a guild has a widget (Discord: Guild Widget Settings Object).
    WIDGET_SETTINGS "WidgetSettings" { enabled: BOOL, channel_id: ID_OR_NULL }

    /// A channel of a widget.
    WIDGET_CHANNEL "WidgetChannel" { id: ID, name: TEXT, position: INT }

    /// What a widget shows that somebody does.
    WIDGET_ACTIVITY "WidgetActivity" { name: TEXT }

    /// Someone of a widget, under a number instead of an id.
    WIDGET_MEMBER "WidgetMember" {
        id: TEXT, username: TEXT, discriminator: TEXT, avatar: TEXT_OR_NULL, status: TEXT,
        avatar_url: TEXT,
    } may {
        activity: Of(&WIDGET_ACTIVITY), deaf: BOOL, mute: BOOL, self_deaf: BOOL, self_mute: BOOL,
        suppress: BOOL, channel_id: ID,
    }

    /// What a guild shows on other pages (Discord: Guild Widget Object).
    WIDGET "Widget" {
        id: ID, name: TEXT, instant_invite: TEXT_OR_NULL, channels: List(&Of(&WIDGET_CHANNEL)),
        members: List(&Of(&WIDGET_MEMBER)), presence_count: INT,
    }

    /// A channel of a welcome screen.
    WELCOME_CHANNEL "WelcomeChannel" {
        channel_id: ID, description: TEXT, emoji_id: ID_OR_NULL, emoji_name: TEXT_OR_NULL,
    }

    /// What who joins sees first (Discord: Welcome Screen Object).
    WELCOME_SCREEN "WelcomeScreen" {
        description: TEXT_OR_NULL, welcome_channels: List(&Of(&WELCOME_CHANNEL)),
    }

    /// Who welcomes, and with which words.
    WELCOME_MESSAGE "WelcomeMessage" { author_ids: List(&ID), message: TEXT }

    /// A channel that newcomers are to read.
    RESOURCE_CHANNEL "ResourceChannel" { channel_id: ID, title: TEXT, description: TEXT } may {
        emoji: Of(&ONBOARDING_EMOJI),
    }

    /// A thing that newcomers are to do.
    NEW_MEMBER_ACTION "NewMemberAction" and RESOURCE_CHANNEL { action_type: INT }

    /// What newcomers are welcomed with.
    NEW_MEMBER_WELCOME "NewMemberWelcome" {
        guild_id: ID, enabled: BOOL, welcome_message: Of(&WELCOME_MESSAGE),
        new_member_actions: List(&Of(&NEW_MEMBER_ACTION)),
        resource_channels: List(&Of(&RESOURCE_CHANNEL)),
    }

    /// An emoji that stands for an answer.
    ONBOARDING_EMOJI "OnboardingEmoji" { id: ID_OR_NULL, name: TEXT_OR_NULL, animated: BOOL }

    /// An answer that who joins may give.
    ONBOARDING_OPTION "OnboardingOption" {
        id: ID, title: TEXT, description: TEXT_OR_NULL, emoji: Of(&ONBOARDING_EMOJI),
        role_ids: List(&ID), channel_ids: List(&ID),
    }

    /// A question to who joins.
    ONBOARDING_PROMPT "OnboardingPrompt" {
        id: ID, title: TEXT, options: List(&Of(&ONBOARDING_OPTION)), single_select: BOOL,
        required: BOOL, in_onboarding: BOOL, type: INT,
    }

    /// Questions to who joins (Discord: Guild Onboarding Object).
    ONBOARDING "Onboarding" {
        guild_id: ID, prompts: List(&Of(&ONBOARDING_PROMPT)), default_channel_ids: List(&ID),
        enabled: BOOL, mode: INT,
    }

    /// What someone answered.
    ONBOARDING_ANSWERS "OnboardingAnswers" {
        guild_id: ID, user_id: ID, onboarding_responses: List(&ID),
    }

    /// A field of the form that newcomers fill in (userdoccers: Member Verification Form Field).
    FORM_FIELD "MemberVerificationField" {
        field_type: TEXT, label: TEXT, description: TEXT_OR_NULL, required: BOOL, automations: ANY,
    } may {
        values: List(&TEXT), choices: List(&TEXT), placeholder: TEXT_OR_NULL, response: ANY,
    }

    /// The form that newcomers fill in (userdoccers: Member Verification Object).
    MEMBER_VERIFICATION "MemberVerification" {
        version: TIME_OR_NULL, form_fields: List(&Of(&FORM_FIELD)), description: TEXT_OR_NULL,
    }

    /// Someone's request to become a full member (OpenAPI: GuildJoinRequestResponse).
    JOIN_REQUEST "GuildJoinRequest" {
        id: ID, join_request_id: ID, created_at: TIME, reviewed_at: TIME_OR_NULL,
        application_status: TEXT, rejection_reason: TEXT_OR_NULL, guild_id: ID, user_id: ID,
        last_seen: TIME_OR_NULL, interview_channel_id: ID_OR_NULL,
    } may {
        form_responses: Nullable(&List(&Of(&FORM_FIELD))), user: Nullable(&Of(&USER)),
        actioned_by_user: Nullable(&Of(&USER)), actioned_at: ID,
    }

    /// Requests to become full members, and how many there are.
    JOIN_REQUESTS "GuildJoinRequests" {
        total: INT, guild_join_requests: List(&Of(&JOIN_REQUEST)),
    }

    /// A day of a week of a month.
    NTH_WEEKDAY "NthWeekday" { n: INT, day: INT }

    /// When an event comes again (Discord: Recurrence Rule Object).
    RECURRENCE "RecurrenceRule" {
        start: TIME, end: TIME_OR_NULL, frequency: INT, interval: INT,
        by_weekday: Nullable(&List(&INT)), by_n_weekday: Nullable(&List(&Of(&NTH_WEEKDAY))),
        by_month: Nullable(&List(&INT)), by_month_day: Nullable(&List(&INT)),
        by_year_day: Nullable(&List(&INT)), count: INT_OR_NULL,
    }

    /// Where an event is that is nowhere in the guild.
    EVENT_PLACE "ScheduledEventPlace" { location: TEXT }

    /// A scheduled event (Discord: Guild Scheduled Event Object).
    SCHEDULED_EVENT "ScheduledEvent" {
        id: ID, guild_id: ID, channel_id: ID_OR_NULL, creator_id: ID_OR_NULL, name: TEXT,
        description: TEXT_OR_NULL, image: TEXT_OR_NULL, scheduled_start_time: TIME,
        scheduled_end_time: TIME_OR_NULL, privacy_level: INT, status: INT, entity_type: INT,
        entity_id: ID_OR_NULL, entity_metadata: Nullable(&Of(&EVENT_PLACE)),
        recurrence_rule: Nullable(&Of(&RECURRENCE)), guild_scheduled_event_exceptions: List(&Of(&EVENT_EXCEPTION)),
        sku_ids: List(&ID),
    } may {
        creator: Of(&USER), user_count: INT,
    }

    /// An occurrence that is not as its event's rule says (Discord: Guild Scheduled Event).
    EVENT_EXCEPTION "ScheduledEventException" {
        event_id: ID, event_exception_id: ID, scheduled_start_time: TIME_OR_NULL,
        scheduled_end_time: TIME_OR_NULL, is_canceled: BOOL,
    }

    /// Someone who wants to come to an event.
    EVENT_USER "ScheduledEventUser" {
        guild_scheduled_event_id: ID, guild_scheduled_event_exception_id: ID_OR_NULL, user_id: ID,
        response: INT,
    } may {
        user: Of(&USER), member: Of(&MEMBER),
    }

    /// How many want to come to an event.
    EVENT_COUNTS "ScheduledEventCounts" {
        guild_scheduled_event_count: INT, guild_scheduled_event_exception_counts: Map(&INT),
    }

    /// What an action of auto moderation needs to know.
    RULE_ACTION_METADATA "AutoModerationActionMetadata" {} may {
        channel_id: ID, duration_seconds: INT, custom_message: TEXT,
    }

    /// What auto moderation does (Discord: Auto Moderation Action Object).
    RULE_ACTION "AutoModerationAction" { type: INT, metadata: Of(&RULE_ACTION_METADATA) }

    /// What a rule of auto moderation looks for.
    RULE_TRIGGER "AutoModerationTrigger" {} may {
        keyword_filter: List(&TEXT), regex_patterns: List(&TEXT), allow_list: List(&TEXT),
        presets: List(&INT), mention_total_limit: INT, mention_raid_protection_enabled: BOOL,
    }

    /// A rule of auto moderation (Discord: Auto Moderation Rule Object).
    RULE "AutoModerationRule" {
        id: ID, guild_id: ID, name: TEXT, creator_id: ID, event_type: INT, trigger_type: INT,
        trigger_metadata: Of(&RULE_TRIGGER), actions: List(&Of(&RULE_ACTION)), enabled: BOOL,
        exempt_roles: List(&ID), exempt_channels: List(&ID),
    }

    /// What was changed, from what to what.
    AUDIT_CHANGE "AuditLogChange" { key: TEXT } may { old_value: ANY, new_value: ANY }

    /// Something that somebody did (Discord: Audit Log Entry Object).
    AUDIT_ENTRY "AuditLogEntry" {
        id: ID, user_id: ID_OR_NULL, target_id: TEXT_OR_NULL, action_type: INT,
        changes: List(&Of(&AUDIT_CHANGE)),
    } may {
        reason: TEXT, options: Map(&TEXT),
    }

    /// What was done in a guild, and what it names (Discord: Audit Log Object).
    AUDIT_LOG "AuditLog" {
        application_commands: List(&Of(&COMMAND)), audit_log_entries: List(&Of(&AUDIT_ENTRY)),
        auto_moderation_rules: List(&Of(&RULE)), guild_scheduled_events: List(&Of(&SCHEDULED_EVENT)),
        integrations: List(&ANY), threads: List(&Of(&CHANNEL)), users: List(&Of(&USER)),
        webhooks: List(&Of(&WEBHOOK)),
    }

    /// Whom an integration is of.
    INTEGRATION_ACCOUNT "IntegrationAccount" { id: ID, name: TEXT }

    /// A bot that was added to a guild (Discord: Integration Object).
    INTEGRATION "Integration" {
        id: ID, name: TEXT, type: TEXT, enabled: BOOL, account: Of(&INTEGRATION_ACCOUNT),
        application: Of(&PARTIAL_APPLICATION), scopes: List(&TEXT),
    } may {
        user: Nullable(&Of(&USER)),
    }

    /// A role of a template, under a number instead of an id.
    TEMPLATE_ROLE "TemplateRole" {
        id: INT, name: TEXT, permissions: BITS, color: INT, colors: ANY, hoist: BOOL,
        mentionable: BOOL, icon: TEXT_OR_NULL, unicode_emoji: TEXT_OR_NULL,
    }

    /// What a role of a template may more or less in a channel.
    TEMPLATE_OVERWRITE "TemplateOverwrite" { id: INT, type: INT, allow: BITS, deny: BITS }

    /// A tag of a forum of a template.
    TEMPLATE_TAG "TemplateTag" {
        id: INT, name: TEXT, moderated: BOOL, emoji_id: ID_OR_NULL, emoji_name: TEXT_OR_NULL,
    }

    /// A channel of a template, under a number instead of an id.
    TEMPLATE_CHANNEL "TemplateChannel" {
        id: INT_OR_NULL, type: INT, name: TEXT, position: INT, parent_id: INT_OR_NULL,
        permission_overwrites: List(&Of(&TEMPLATE_OVERWRITE)),
    } may {
        topic: TEXT_OR_NULL, bitrate: INT, user_limit: INT, nsfw: BOOL, rate_limit_per_user: INT,
        default_auto_archive_duration: INT, available_tags: List(&Of(&TEMPLATE_TAG)),
        default_reaction_emoji: Nullable(&Of(&DEFAULT_REACTION)),
        default_thread_rate_limit_per_user: INT, default_sort_order: INT_OR_NULL,
        default_forum_layout: INT,
    }

    /// A guild as a template keeps it.
    TEMPLATE_GUILD "TemplateGuild" {
        name: TEXT, description: TEXT_OR_NULL, region: TEXT_OR_NULL, verification_level: INT,
        default_message_notifications: INT, explicit_content_filter: INT, preferred_locale: TEXT,
        afk_channel_id: INT_OR_NULL, afk_timeout: INT, system_channel_id: INT_OR_NULL,
        system_channel_flags: INT, icon_hash: TEXT_OR_NULL, roles: List(&Of(&TEMPLATE_ROLE)),
        channels: List(&Of(&TEMPLATE_CHANNEL)),
    }

    /// A template of guilds (Discord: Guild Template Object).
    TEMPLATE "Template" {
        code: TEXT, name: TEXT, description: TEXT_OR_NULL, usage_count: INT, creator_id: ID,
        creator: Nullable(&Of(&USER)), created_at: TIME, updated_at: TIME, source_guild_id: ID,
        serialized_source_guild: Of(&TEMPLATE_GUILD), is_dirty: Nullable(&BOOL),
    }
}

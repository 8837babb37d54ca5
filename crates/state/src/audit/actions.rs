//! What the actions of the audit log are called (Discord: Audit Log Events), and those that are newer
//! than the names of the library that knows the others.

use super::AuditAction;

macro_rules! actions {
    (newer { $($constant:ident $number:literal)* } known { $($variant:ident $text:literal)* }) => {
        $(
            #[doc = concat!("`", stringify!($constant), "`.")]
            pub const $constant: AuditAction = AuditAction::Unknown($number);
        )*

        /// Discord's name of an action that this server records; `None` for what it never does.
        #[must_use]
        pub const fn name(action: AuditAction) -> Option<&'static str> {
            Some(match action {
                $($constant => stringify!($constant),)*
                $(AuditAction::$variant => $text,)*
                _ => return None,
            })
        }
    };
}

actions! {
    newer {
        SOUNDBOARD_SOUND_CREATE 130
        SOUNDBOARD_SOUND_UPDATE 131
        SOUNDBOARD_SOUND_DELETE 132
        AUTO_MODERATION_QUARANTINE_USER 146
        ONBOARDING_PROMPT_CREATE 163
        ONBOARDING_PROMPT_UPDATE 164
        ONBOARDING_PROMPT_DELETE 165
        ONBOARDING_CREATE 166
        ONBOARDING_UPDATE 167
        HOME_SETTINGS_CREATE 190
        HOME_SETTINGS_UPDATE 191
        VOICE_CHANNEL_STATUS_CREATE 192
        VOICE_CHANNEL_STATUS_DELETE 193
        GUILD_SCHEDULED_EVENT_EXCEPTION_CREATE 200
        GUILD_SCHEDULED_EVENT_EXCEPTION_UPDATE 201
        GUILD_SCHEDULED_EVENT_EXCEPTION_DELETE 202
        GUILD_MEMBER_VERIFICATION_UPDATE 210
    }
    known {
        GuildUpdate "GUILD_UPDATE"
        ChannelCreate "CHANNEL_CREATE"
        ChannelUpdate "CHANNEL_UPDATE"
        ChannelDelete "CHANNEL_DELETE"
        ChannelOverwriteCreate "CHANNEL_OVERWRITE_CREATE"
        ChannelOverwriteUpdate "CHANNEL_OVERWRITE_UPDATE"
        ChannelOverwriteDelete "CHANNEL_OVERWRITE_DELETE"
        MemberKick "MEMBER_KICK"
        MemberPrune "MEMBER_PRUNE"
        MemberBanAdd "MEMBER_BAN_ADD"
        MemberBanRemove "MEMBER_BAN_REMOVE"
        MemberUpdate "MEMBER_UPDATE"
        MemberRoleUpdate "MEMBER_ROLE_UPDATE"
        MemberMove "MEMBER_MOVE"
        MemberDisconnect "MEMBER_DISCONNECT"
        BotAdd "BOT_ADD"
        RoleCreate "ROLE_CREATE"
        RoleUpdate "ROLE_UPDATE"
        RoleDelete "ROLE_DELETE"
        InviteCreate "INVITE_CREATE"
        InviteDelete "INVITE_DELETE"
        WebhookCreate "WEBHOOK_CREATE"
        WebhookUpdate "WEBHOOK_UPDATE"
        WebhookDelete "WEBHOOK_DELETE"
        EmojiCreate "EMOJI_CREATE"
        EmojiUpdate "EMOJI_UPDATE"
        EmojiDelete "EMOJI_DELETE"
        MessageDelete "MESSAGE_DELETE"
        MessageBulkDelete "MESSAGE_BULK_DELETE"
        MessagePin "MESSAGE_PIN"
        MessageUnpin "MESSAGE_UNPIN"
        IntegrationCreate "INTEGRATION_CREATE"
        IntegrationUpdate "INTEGRATION_UPDATE"
        IntegrationDelete "INTEGRATION_DELETE"
        StageInstanceCreate "STAGE_INSTANCE_CREATE"
        StageInstanceUpdate "STAGE_INSTANCE_UPDATE"
        StageInstanceDelete "STAGE_INSTANCE_DELETE"
        StickerCreate "STICKER_CREATE"
        StickerUpdate "STICKER_UPDATE"
        StickerDelete "STICKER_DELETE"
        GuildScheduledEventCreate "GUILD_SCHEDULED_EVENT_CREATE"
        GuildScheduledEventUpdate "GUILD_SCHEDULED_EVENT_UPDATE"
        GuildScheduledEventDelete "GUILD_SCHEDULED_EVENT_DELETE"
        ThreadCreate "THREAD_CREATE"
        ThreadUpdate "THREAD_UPDATE"
        ThreadDelete "THREAD_DELETE"
        ApplicationCommandPermissionUpdate "APPLICATION_COMMAND_PERMISSION_UPDATE"
        AutoModerationRuleCreate "AUTO_MODERATION_RULE_CREATE"
        AutoModerationRuleUpdate "AUTO_MODERATION_RULE_UPDATE"
        AutoModerationRuleDelete "AUTO_MODERATION_RULE_DELETE"
        AutoModerationBlockMessage "AUTO_MODERATION_BLOCK_MESSAGE"
        AutoModerationFlagToChannel "AUTO_MODERATION_FLAG_TO_CHANNEL"
        AutoModerationUserCommunicationDisabled "AUTO_MODERATION_USER_COMMUNICATION_DISABLED"
    }
}

//! What dispatches are called (Discord: Gateway Events).

macro_rules! names {
    ($($variant:ident $text:literal)*) => {
        /// The name of a dispatch, its `t`: a closed list of all that this server sends.
        ///
        /// What sends a dispatch and what says that it will be sent (the API's description) take it
        /// from here, so that the two cannot part.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum DispatchName {
            $(
                #[doc = concat!("`", $text, "`.")]
                $variant,
            )*
        }

        impl DispatchName {
            /// All of them, in the order of the alphabet.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// As it travels.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

names! {
    ApplicationCommandAutocompleteResponse "APPLICATION_COMMAND_AUTOCOMPLETE_RESPONSE"
    ApplicationCommandPermissionsUpdate "APPLICATION_COMMAND_PERMISSIONS_UPDATE"
    AutoModerationActionExecution "AUTO_MODERATION_ACTION_EXECUTION"
    AutoModerationRuleCreate "AUTO_MODERATION_RULE_CREATE"
    AutoModerationRuleDelete "AUTO_MODERATION_RULE_DELETE"
    AutoModerationRuleUpdate "AUTO_MODERATION_RULE_UPDATE"
    CallCreate "CALL_CREATE"
    CallDelete "CALL_DELETE"
    CallUpdate "CALL_UPDATE"
    ChannelCreate "CHANNEL_CREATE"
    ChannelDelete "CHANNEL_DELETE"
    ChannelInfo "CHANNEL_INFO"
    ChannelPinsAck "CHANNEL_PINS_ACK"
    ChannelPinsUpdate "CHANNEL_PINS_UPDATE"
    ChannelRecipientAdd "CHANNEL_RECIPIENT_ADD"
    ChannelRecipientRemove "CHANNEL_RECIPIENT_REMOVE"
    ChannelUpdate "CHANNEL_UPDATE"
    GuildApplicationCommandIndexUpdate "GUILD_APPLICATION_COMMAND_INDEX_UPDATE"
    GuildAuditLogEntryCreate "GUILD_AUDIT_LOG_ENTRY_CREATE"
    GuildBanAdd "GUILD_BAN_ADD"
    GuildBanRemove "GUILD_BAN_REMOVE"
    GuildCreate "GUILD_CREATE"
    GuildDelete "GUILD_DELETE"
    GuildEmojisUpdate "GUILD_EMOJIS_UPDATE"
    GuildFeatureAck "GUILD_FEATURE_ACK"
    GuildIntegrationsUpdate "GUILD_INTEGRATIONS_UPDATE"
    GuildJoinRequestCreate "GUILD_JOIN_REQUEST_CREATE"
    GuildJoinRequestDelete "GUILD_JOIN_REQUEST_DELETE"
    GuildJoinRequestUpdate "GUILD_JOIN_REQUEST_UPDATE"
    GuildMembersChunk "GUILD_MEMBERS_CHUNK"
    GuildMemberAdd "GUILD_MEMBER_ADD"
    GuildMemberListUpdate "GUILD_MEMBER_LIST_UPDATE"
    GuildMemberRemove "GUILD_MEMBER_REMOVE"
    GuildMemberUpdate "GUILD_MEMBER_UPDATE"
    GuildRoleCreate "GUILD_ROLE_CREATE"
    GuildRoleDelete "GUILD_ROLE_DELETE"
    GuildRoleUpdate "GUILD_ROLE_UPDATE"
    GuildScheduledEventCreate "GUILD_SCHEDULED_EVENT_CREATE"
    GuildScheduledEventDelete "GUILD_SCHEDULED_EVENT_DELETE"
    GuildScheduledEventExceptionCreate "GUILD_SCHEDULED_EVENT_EXCEPTION_CREATE"
    GuildScheduledEventExceptionDelete "GUILD_SCHEDULED_EVENT_EXCEPTION_DELETE"
    GuildScheduledEventExceptionUpdate "GUILD_SCHEDULED_EVENT_EXCEPTION_UPDATE"
    GuildScheduledEventUpdate "GUILD_SCHEDULED_EVENT_UPDATE"
    GuildScheduledEventUserAdd "GUILD_SCHEDULED_EVENT_USER_ADD"
    GuildScheduledEventUserRemove "GUILD_SCHEDULED_EVENT_USER_REMOVE"
    GuildSoundboardSoundCreate "GUILD_SOUNDBOARD_SOUND_CREATE"
    GuildSoundboardSoundDelete "GUILD_SOUNDBOARD_SOUND_DELETE"
    GuildSoundboardSoundUpdate "GUILD_SOUNDBOARD_SOUND_UPDATE"
    GuildStickersUpdate "GUILD_STICKERS_UPDATE"
    GuildUpdate "GUILD_UPDATE"
    IntegrationCreate "INTEGRATION_CREATE"
    IntegrationDelete "INTEGRATION_DELETE"
    IntegrationUpdate "INTEGRATION_UPDATE"
    InteractionCreate "INTERACTION_CREATE"
    InteractionFailure "INTERACTION_FAILURE"
    InteractionModalCreate "INTERACTION_MODAL_CREATE"
    InteractionSuccess "INTERACTION_SUCCESS"
    InviteCreate "INVITE_CREATE"
    InviteDelete "INVITE_DELETE"
    MessageAck "MESSAGE_ACK"
    MessageCreate "MESSAGE_CREATE"
    MessageDelete "MESSAGE_DELETE"
    MessageDeleteBulk "MESSAGE_DELETE_BULK"
    MessagePollVoteAdd "MESSAGE_POLL_VOTE_ADD"
    MessagePollVoteRemove "MESSAGE_POLL_VOTE_REMOVE"
    MessageReactionAdd "MESSAGE_REACTION_ADD"
    MessageReactionRemove "MESSAGE_REACTION_REMOVE"
    MessageReactionRemoveAll "MESSAGE_REACTION_REMOVE_ALL"
    MessageReactionRemoveEmoji "MESSAGE_REACTION_REMOVE_EMOJI"
    MessageUpdate "MESSAGE_UPDATE"
    PassiveUpdateV1 "PASSIVE_UPDATE_V1"
    PassiveUpdateV2 "PASSIVE_UPDATE_V2"
    PresenceUpdate "PRESENCE_UPDATE"
    Ready "READY"
    ReadySupplemental "READY_SUPPLEMENTAL"
    RelationshipAdd "RELATIONSHIP_ADD"
    RelationshipRemove "RELATIONSHIP_REMOVE"
    RelationshipUpdate "RELATIONSHIP_UPDATE"
    Resumed "RESUMED"
    SoundboardSounds "SOUNDBOARD_SOUNDS"
    StageInstanceCreate "STAGE_INSTANCE_CREATE"
    StageInstanceDelete "STAGE_INSTANCE_DELETE"
    StageInstanceUpdate "STAGE_INSTANCE_UPDATE"
    ThreadCreate "THREAD_CREATE"
    ThreadDelete "THREAD_DELETE"
    ThreadListSync "THREAD_LIST_SYNC"
    ThreadMembersUpdate "THREAD_MEMBERS_UPDATE"
    ThreadMemberUpdate "THREAD_MEMBER_UPDATE"
    ThreadUpdate "THREAD_UPDATE"
    TypingStart "TYPING_START"
    UserGuildSettingsUpdate "USER_GUILD_SETTINGS_UPDATE"
    UserNonChannelAck "USER_NON_CHANNEL_ACK"
    UserNoteUpdate "USER_NOTE_UPDATE"
    UserSettingsProtoUpdate "USER_SETTINGS_PROTO_UPDATE"
    UserSettingsUpdate "USER_SETTINGS_UPDATE"
    UserUpdate "USER_UPDATE"
    VoiceChannelEffectSend "VOICE_CHANNEL_EFFECT_SEND"
    VoiceChannelStartTimeUpdate "VOICE_CHANNEL_START_TIME_UPDATE"
    VoiceChannelStatusUpdate "VOICE_CHANNEL_STATUS_UPDATE"
    VoiceServerUpdate "VOICE_SERVER_UPDATE"
    VoiceStateUpdate "VOICE_STATE_UPDATE"
    WebhooksUpdate "WEBHOOKS_UPDATE"
}

impl PartialEq<str> for DispatchName {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for DispatchName {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl std::fmt::Display for DispatchName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_and_are_in_their_order() {
        assert!(DispatchName::ALL.windows(2).all(|two| two[0].as_str() < two[1].as_str()));
    }
}

//! What dispatches are called (Discord: Gateway Events).

use state::GuildEvent;
use state::event::ChatEvent;

/// The name of the dispatch that tells of an event.
pub(super) fn name(event: &GuildEvent) -> &'static str {
    match event {
        GuildEvent::GuildUpdated => "GUILD_UPDATE",
        GuildEvent::GuildDeleted => "GUILD_DELETE",
        GuildEvent::ChannelCreated(_) => "CHANNEL_CREATE",
        GuildEvent::ChannelUpdated(_) => "CHANNEL_UPDATE",
        GuildEvent::ChannelDeleted(_) => "CHANNEL_DELETE",
        GuildEvent::ThreadCreated(_) => "THREAD_CREATE",
        GuildEvent::ThreadUpdated(_) => "THREAD_UPDATE",
        GuildEvent::ThreadDeleted(_) => "THREAD_DELETE",
        GuildEvent::ThreadMembersUpdated { .. } => "THREAD_MEMBERS_UPDATE",
        GuildEvent::ThreadMemberUpdated { .. } => "THREAD_MEMBER_UPDATE",
        GuildEvent::RoleCreated(_) => "GUILD_ROLE_CREATE",
        GuildEvent::RoleUpdated(_) => "GUILD_ROLE_UPDATE",
        GuildEvent::RoleDeleted(_) => "GUILD_ROLE_DELETE",
        GuildEvent::MemberAdded(_) => "GUILD_MEMBER_ADD",
        GuildEvent::MemberUpdated(_) | GuildEvent::UserUpdated(_) => "GUILD_MEMBER_UPDATE",
        GuildEvent::MemberRemoved(_) => "GUILD_MEMBER_REMOVE",
        GuildEvent::JoinRequestCreated(_) => "GUILD_JOIN_REQUEST_CREATE",
        GuildEvent::JoinRequestUpdated(_) => "GUILD_JOIN_REQUEST_UPDATE",
        GuildEvent::JoinRequestDeleted(_) => "GUILD_JOIN_REQUEST_DELETE",
        GuildEvent::BanAdded(_) => "GUILD_BAN_ADD",
        GuildEvent::BanRemoved(_) => "GUILD_BAN_REMOVE",
        GuildEvent::InviteCreated(_) => "INVITE_CREATE",
        GuildEvent::InviteDeleted { .. } => "INVITE_DELETE",
        GuildEvent::PresenceUpdated { .. } => "PRESENCE_UPDATE",
        GuildEvent::VoiceStateUpdated(_) => "VOICE_STATE_UPDATE",
        GuildEvent::VoiceStatusChanged { .. } => "VOICE_CHANNEL_STATUS_UPDATE",
        GuildEvent::VoiceStarted { .. } => "VOICE_CHANNEL_START_TIME_UPDATE",
        GuildEvent::WebhooksUpdated(_) => "WEBHOOKS_UPDATE",
        GuildEvent::CommandsUpdated => "GUILD_APPLICATION_COMMAND_INDEX_UPDATE",
        GuildEvent::IntegrationCreated(_) => "INTEGRATION_CREATE",
        GuildEvent::IntegrationUpdated(_) => "INTEGRATION_UPDATE",
        GuildEvent::IntegrationDeleted(_) => "INTEGRATION_DELETE",
        GuildEvent::IntegrationsUpdated => "GUILD_INTEGRATIONS_UPDATE",
        GuildEvent::EmojisUpdated => "GUILD_EMOJIS_UPDATE",
        GuildEvent::StickersUpdated => "GUILD_STICKERS_UPDATE",
        GuildEvent::SoundCreated(_) => "GUILD_SOUNDBOARD_SOUND_CREATE",
        GuildEvent::SoundChanged(_) => "GUILD_SOUNDBOARD_SOUND_UPDATE",
        GuildEvent::SoundDeleted(_) => "GUILD_SOUNDBOARD_SOUND_DELETE",
        GuildEvent::SoundPlayed(_) => "VOICE_CHANNEL_EFFECT_SEND",
        GuildEvent::EventScheduled(_) => "GUILD_SCHEDULED_EVENT_CREATE",
        GuildEvent::EventChanged(_) => "GUILD_SCHEDULED_EVENT_UPDATE",
        GuildEvent::EventRemoved(_) => "GUILD_SCHEDULED_EVENT_DELETE",
        GuildEvent::EventExcepted { removed: false, .. } => {
            "GUILD_SCHEDULED_EVENT_EXCEPTION_CREATE"
        }
        GuildEvent::EventExcepted { removed: true, .. } => "GUILD_SCHEDULED_EVENT_EXCEPTION_DELETE",
        GuildEvent::EventInterest { added: true, .. } => "GUILD_SCHEDULED_EVENT_USER_ADD",
        GuildEvent::EventInterest { added: false, .. } => "GUILD_SCHEDULED_EVENT_USER_REMOVE",
        GuildEvent::AuditLogged(_) => "GUILD_AUDIT_LOG_ENTRY_CREATE",
        GuildEvent::RuleCreated(_) => "AUTO_MODERATION_RULE_CREATE",
        GuildEvent::RuleUpdated(_) => "AUTO_MODERATION_RULE_UPDATE",
        GuildEvent::RuleDeleted(_) => "AUTO_MODERATION_RULE_DELETE",
        GuildEvent::RuleExecuted(_) => "AUTO_MODERATION_ACTION_EXECUTION",
        GuildEvent::StageOpened(_) => "STAGE_INSTANCE_CREATE",
        GuildEvent::StageChanged(_) => "STAGE_INSTANCE_UPDATE",
        GuildEvent::StageClosed(_) => "STAGE_INSTANCE_DELETE",
        GuildEvent::Chat(chat) => chat_name(chat),
    }
}

/// The same of what happened in a text channel.
pub(super) const fn chat_name(chat: &ChatEvent) -> &'static str {
    match chat {
        ChatEvent::MessageCreated(_) => "MESSAGE_CREATE",
        ChatEvent::MessageUpdated(_) => "MESSAGE_UPDATE",
        ChatEvent::MessagesDeleted { bulk: false, .. } => "MESSAGE_DELETE",
        ChatEvent::MessagesDeleted { bulk: true, .. } => "MESSAGE_DELETE_BULK",
        ChatEvent::Reaction { added: true, .. } => "MESSAGE_REACTION_ADD",
        ChatEvent::Reaction { added: false, .. } => "MESSAGE_REACTION_REMOVE",
        ChatEvent::ReactionsCleared { emoji: None, .. } => "MESSAGE_REACTION_REMOVE_ALL",
        ChatEvent::ReactionsCleared { emoji: Some(_), .. } => "MESSAGE_REACTION_REMOVE_EMOJI",
        ChatEvent::Typing { .. } => "TYPING_START",
        ChatEvent::PollVote { added: true, .. } => "MESSAGE_POLL_VOTE_ADD",
        ChatEvent::PollVote { added: false, .. } => "MESSAGE_POLL_VOTE_REMOVE",
        ChatEvent::PinsUpdated { .. } => "CHANNEL_PINS_UPDATE",
    }
}

//! What dispatches are called (Discord: Gateway Events).

use model::gateway::DispatchName;
use state::GuildEvent;
use state::event::ChatEvent;
use state::event::Excepted;

/// The name of the dispatch that tells of an event.
pub fn name(event: &GuildEvent) -> DispatchName {
    match event {
        GuildEvent::GuildUpdated => DispatchName::GuildUpdate,
        GuildEvent::GuildDeleted => DispatchName::GuildDelete,
        GuildEvent::ChannelCreated(_) => DispatchName::ChannelCreate,
        GuildEvent::ChannelUpdated(_) => DispatchName::ChannelUpdate,
        GuildEvent::ChannelDeleted(_) => DispatchName::ChannelDelete,
        GuildEvent::ThreadCreated(_) => DispatchName::ThreadCreate,
        GuildEvent::ThreadUpdated(_) => DispatchName::ThreadUpdate,
        GuildEvent::ThreadDeleted(_) => DispatchName::ThreadDelete,
        GuildEvent::ThreadMembersUpdated { .. } => DispatchName::ThreadMembersUpdate,
        GuildEvent::ThreadMemberUpdated { .. } => DispatchName::ThreadMemberUpdate,
        GuildEvent::RoleCreated(_) => DispatchName::GuildRoleCreate,
        GuildEvent::RoleUpdated(_) => DispatchName::GuildRoleUpdate,
        GuildEvent::RoleDeleted(_) => DispatchName::GuildRoleDelete,
        GuildEvent::MemberAdded(_) => DispatchName::GuildMemberAdd,
        GuildEvent::MemberUpdated(_) | GuildEvent::UserUpdated(_) => {
            DispatchName::GuildMemberUpdate
        }
        GuildEvent::MemberRemoved(_) => DispatchName::GuildMemberRemove,
        GuildEvent::JoinRequestCreated(_) => DispatchName::GuildJoinRequestCreate,
        GuildEvent::JoinRequestUpdated(_) => DispatchName::GuildJoinRequestUpdate,
        GuildEvent::JoinRequestDeleted(_) => DispatchName::GuildJoinRequestDelete,
        GuildEvent::BanAdded(_) => DispatchName::GuildBanAdd,
        GuildEvent::BanRemoved(_) => DispatchName::GuildBanRemove,
        GuildEvent::InviteCreated(_) => DispatchName::InviteCreate,
        GuildEvent::InviteDeleted { .. } => DispatchName::InviteDelete,
        GuildEvent::PresenceUpdated { .. } => DispatchName::PresenceUpdate,
        GuildEvent::VoiceStateUpdated(_) => DispatchName::VoiceStateUpdate,
        GuildEvent::VoiceStatusChanged { .. } => DispatchName::VoiceChannelStatusUpdate,
        GuildEvent::VoiceStarted { .. } => DispatchName::VoiceChannelStartTimeUpdate,
        GuildEvent::WebhooksUpdated(_) => DispatchName::WebhooksUpdate,
        GuildEvent::CommandsUpdated => DispatchName::GuildApplicationCommandIndexUpdate,
        GuildEvent::IntegrationCreated(_) => DispatchName::IntegrationCreate,
        GuildEvent::IntegrationUpdated(_) => DispatchName::IntegrationUpdate,
        GuildEvent::IntegrationDeleted(_) => DispatchName::IntegrationDelete,
        GuildEvent::IntegrationsUpdated => DispatchName::GuildIntegrationsUpdate,
        GuildEvent::EmojisUpdated => DispatchName::GuildEmojisUpdate,
        GuildEvent::StickersUpdated => DispatchName::GuildStickersUpdate,
        GuildEvent::SoundCreated(_) => DispatchName::GuildSoundboardSoundCreate,
        GuildEvent::SoundChanged(_) => DispatchName::GuildSoundboardSoundUpdate,
        GuildEvent::SoundDeleted(_) => DispatchName::GuildSoundboardSoundDelete,
        GuildEvent::SoundPlayed(_) => DispatchName::VoiceChannelEffectSend,
        GuildEvent::EventScheduled(_) => DispatchName::GuildScheduledEventCreate,
        GuildEvent::EventChanged(_) => DispatchName::GuildScheduledEventUpdate,
        GuildEvent::EventRemoved(_) => DispatchName::GuildScheduledEventDelete,
        GuildEvent::EventExcepted { how, .. } => match how {
            Excepted::Created => DispatchName::GuildScheduledEventExceptionCreate,
            Excepted::Changed => DispatchName::GuildScheduledEventExceptionUpdate,
            Excepted::Removed => DispatchName::GuildScheduledEventExceptionDelete,
        },
        GuildEvent::EventInterest { added: true, .. } => DispatchName::GuildScheduledEventUserAdd,
        GuildEvent::EventInterest { added: false, .. } => {
            DispatchName::GuildScheduledEventUserRemove
        }
        GuildEvent::AuditLogged(_) => DispatchName::GuildAuditLogEntryCreate,
        GuildEvent::RuleCreated(_) => DispatchName::AutoModerationRuleCreate,
        GuildEvent::RuleUpdated(_) => DispatchName::AutoModerationRuleUpdate,
        GuildEvent::RuleDeleted(_) => DispatchName::AutoModerationRuleDelete,
        GuildEvent::RuleExecuted(_) => DispatchName::AutoModerationActionExecution,
        GuildEvent::StageOpened(_) => DispatchName::StageInstanceCreate,
        GuildEvent::StageChanged(_) => DispatchName::StageInstanceUpdate,
        GuildEvent::StageClosed(_) => DispatchName::StageInstanceDelete,
        GuildEvent::Chat(chat) => chat_name(chat),
    }
}

/// The same of what happened in a text channel.
pub(super) const fn chat_name(chat: &ChatEvent) -> DispatchName {
    match chat {
        ChatEvent::MessageCreated(_) => DispatchName::MessageCreate,
        ChatEvent::MessageUpdated(_) => DispatchName::MessageUpdate,
        ChatEvent::MessagesDeleted { bulk: false, .. } => DispatchName::MessageDelete,
        ChatEvent::MessagesDeleted { bulk: true, .. } => DispatchName::MessageDeleteBulk,
        ChatEvent::Reaction { added: true, .. } => DispatchName::MessageReactionAdd,
        ChatEvent::Reaction { added: false, .. } => DispatchName::MessageReactionRemove,
        ChatEvent::ReactionsCleared { emoji: None, .. } => DispatchName::MessageReactionRemoveAll,
        ChatEvent::ReactionsCleared { emoji: Some(_), .. } => {
            DispatchName::MessageReactionRemoveEmoji
        }
        ChatEvent::Typing { .. } => DispatchName::TypingStart,
        ChatEvent::PollVote { added: true, .. } => DispatchName::MessagePollVoteAdd,
        ChatEvent::PollVote { added: false, .. } => DispatchName::MessagePollVoteRemove,
        ChatEvent::PinsUpdated { .. } => DispatchName::ChannelPinsUpdate,
    }
}

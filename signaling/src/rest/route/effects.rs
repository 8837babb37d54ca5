//! What an operation does beside answering, declared where the operation is: what it writes into the
//! audit log, and which dispatches it sends over the gateway.

use std::collections::BTreeMap;

use model::gateway::DispatchName;
use state::audit::AuditAction;
use state::audit::actions;

use super::Methods;

/// How sure an effect is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum When {
    /// Each time that the operation changes anything.
    Always,
    /// By what is asked, and how things stand.
    AtTimes,
}

/// The effects of one operation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Effects {
    /// Entries of the audit log.
    pub logs: Vec<(AuditAction, When)>,
    tells: Vec<(DispatchName, When)>,
}

impl Effects {
    /// The dispatches, with the one that tells of each entry of the audit log. What is said twice is as
    /// sure as it is said once.
    pub(crate) fn dispatches(&self) -> BTreeMap<DispatchName, When> {
        let logged = self.logs.iter().map(|(_, when)| *when).min();
        let logged = logged.map(|when| (DispatchName::GuildAuditLogEntryCreate, when));
        let mut all = BTreeMap::new();
        for (name, when) in self.tells.iter().copied().chain(logged) {
            let known = all.entry(name).or_insert(when);
            *known = when.min(*known);
        }
        all
    }
}

impl Methods {
    /// Says what the method that was declared last writes into the audit log each time that it changes
    /// anything. That the entry is told by a dispatch need not be said.
    pub(crate) fn logs(self, actions: &[AuditAction]) -> Self {
        self.effects(|effects| effects.logs.extend(actions.iter().map(|it| (*it, When::Always))))
    }

    /// The same of what it writes at times.
    pub(crate) fn may_log(self, actions: &[AuditAction]) -> Self {
        self.effects(|effects| effects.logs.extend(actions.iter().map(|it| (*it, When::AtTimes))))
    }

    /// Says which dispatches the method that was declared last sends each time that it changes
    /// anything and somebody listens who may hear them.
    pub(crate) fn tells(self, names: &[DispatchName]) -> Self {
        self.effects(|effects| effects.tells.extend(names.iter().map(|it| (*it, When::Always))))
    }

    /// The same of those that it sends at times.
    pub(crate) fn may_tell(self, names: &[DispatchName]) -> Self {
        self.effects(|effects| effects.tells.extend(names.iter().map(|it| (*it, When::AtTimes))))
    }

    /// Says that nobody hears of what the method that was declared last does, and that no log tells.
    pub(crate) fn tells_nobody(self) -> Self {
        self.effects(|_| {})
    }

    fn effects(mut self, add: impl FnOnce(&mut Effects)) -> Self {
        if let Some(last) = self.declared.last_mut() {
            add(last.effects.get_or_insert_default());
        }
        self
    }
}

/// What tells of it when somebody is no member any more: all others, and themselves.
pub(crate) const REMOVAL: &[DispatchName] =
    &[DispatchName::GuildMemberRemove, DispatchName::GuildDelete];

/// What else may tell of it.
pub(crate) const LEAVING: &[DispatchName] = &[
    DispatchName::ChannelUpdate,
    DispatchName::GuildIntegrationsUpdate,
    DispatchName::GuildJoinRequestDelete,
    DispatchName::GuildRoleDelete,
    DispatchName::GuildScheduledEventUserRemove,
    DispatchName::IntegrationDelete,
    DispatchName::VoiceChannelStartTimeUpdate,
    DispatchName::VoiceChannelStatusUpdate,
    DispatchName::VoiceStateUpdate,
];

/// What tells of it when permissions change: channels come into somebody's view or go out of it, and
/// whoever may no longer be in a voice channel leaves it.
pub(crate) const SIGHT: &[DispatchName] = &[
    DispatchName::ChannelCreate,
    DispatchName::ChannelDelete,
    DispatchName::ThreadListSync,
    DispatchName::VoiceChannelStartTimeUpdate,
    DispatchName::VoiceChannelStatusUpdate,
    DispatchName::VoiceStateUpdate,
];

/// What tells of it when something is said: its thread wakes up and has one more member, a private
/// channel comes back into view, a rule is triggered.
pub(crate) const SPEAKING: &[DispatchName] = &[
    DispatchName::AutoModerationActionExecution,
    DispatchName::ChannelCreate,
    DispatchName::GuildMemberUpdate,
    DispatchName::MessageCreate,
    DispatchName::ThreadCreate,
    DispatchName::ThreadMembersUpdate,
    DispatchName::ThreadUpdate,
];

/// What rules log of what is said.
pub(crate) const JUDGING: &[AuditAction] = &[
    AuditAction::AutoModerationBlockMessage,
    AuditAction::AutoModerationFlagToChannel,
    AuditAction::AutoModerationUserCommunicationDisabled,
];

/// What rules log of what somebody is called.
pub(crate) const NAMING: &[AuditAction] = &[
    AuditAction::AutoModerationBlockMessage,
    AuditAction::AutoModerationFlagToChannel,
    actions::AUTO_MODERATION_QUARANTINE_USER,
];

/// What tells of it when somebody comes or is called otherwise: rules look at names, and there may be a
/// form to fill in.
pub(crate) const PROFILE: &[DispatchName] = &[
    DispatchName::AutoModerationActionExecution,
    DispatchName::GuildJoinRequestCreate,
    DispatchName::GuildMemberUpdate,
    DispatchName::MessageCreate,
];

/// What tells of it when a bot is brought in, or allowed more.
pub(crate) const INSTALLING: &[DispatchName] = &[
    DispatchName::GuildCreate,
    DispatchName::GuildIntegrationsUpdate,
    DispatchName::GuildMemberAdd,
    DispatchName::GuildMemberUpdate,
    DispatchName::GuildRoleCreate,
    DispatchName::GuildRoleUpdate,
    DispatchName::IntegrationCreate,
    DispatchName::IntegrationUpdate,
    DispatchName::PresenceUpdate,
];

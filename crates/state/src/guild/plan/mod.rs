//! May they, and what exactly would change: `&Guild` + actor + command -> [`Plan`] or [`Denied`].

mod automod;
mod bots;
mod channels;
mod community;
mod emojis;
mod exceptions;
pub(crate) mod field;
mod forums;
mod members;
mod overwrites;
mod roles;
mod scheduled;
mod screening;
mod settings;
mod sounds;
mod stages;
mod stickers;
mod thread_members;
mod threads;

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::EmojiId;
use model::id::GuildId;
use model::id::RoleId;
use model::id::RuleId;
use model::id::ScheduledEventId;
use model::id::SoundId;
use model::id::StickerId;
use model::id::UserId;
use model::wire::channel::Channel;
use model::wire::guild::Permissions;
use model::wire::guild::Role;

pub(super) use channels::new_channel;
pub(crate) use roles::new_role;

use super::Guild;
use super::GuildSettings;
use super::command::GuildCommand;
use crate::audit::AuditEntry;
use crate::automod::rule::Rule;
use crate::record::BanRecord;
use crate::record::EmojiRecord;
use crate::record::MemberRecord;
use crate::record::SoundRecord;
use crate::record::StickerRecord;
use crate::scheduled::ScheduledEventRecord;
use crate::screening::JoinRequest;
use crate::thread::ThreadMember;
use crate::thread::ThreadRecord;
use crate::voice::StageInstance;

/// An allowed change, not yet made. Storage commits it, then the mailbox applies it.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Of which guild.
    pub guild: GuildId,
    /// The version it was planned on; it commits only onto that.
    pub version: u64,
    /// What changes, in order.
    pub changes: Vec<Change>,
}

/// One row that a plan changes.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// New settings.
    Settings(Arc<GuildSettings>),
    /// The guild and all in it is deleted.
    DeleteGuild,
    /// A channel is new or replaced.
    PutChannel(Arc<Channel>),
    /// A channel is deleted.
    DeleteChannel(ChannelId),
    /// A thread is new or replaced; its members and counts stay.
    PutThread(Arc<ThreadRecord>),
    /// A thread is deleted.
    DeleteThread(ChannelId),
    /// Someone is new in a thread, or their settings there are.
    PutThreadMember(ChannelId, ThreadMember),
    /// Someone left a thread.
    DeleteThreadMember(ChannelId, UserId),
    /// A role is new or replaced.
    PutRole(Arc<Role>),
    /// A role is deleted; members and overwrites that name it change by changes of their own.
    DeleteRole(RoleId),
    /// A member is new or replaced.
    PutMember(Arc<MemberRecord>),
    /// A member is removed, and a join request of theirs of which nothing came yet.
    DeleteMember(UserId),
    /// A join request is begun, or something comes of it.
    PutJoinRequest(Arc<JoinRequest>),
    /// The join request of that member, of which nothing came yet, is taken back.
    DeleteJoinRequest(UserId),
    /// A ban is new or replaced.
    PutBan(Arc<BanRecord>),
    /// A ban is lifted.
    DeleteBan(UserId),
    /// An emoji is new or replaced.
    PutEmoji(Arc<EmojiRecord>),
    /// An emoji is deleted.
    DeleteEmoji(EmojiId),
    /// A rule is new or replaced.
    PutRule(Arc<Rule>),
    /// A rule is deleted.
    DeleteRule(RuleId),
    /// A sticker is new or replaced.
    PutSticker(Arc<StickerRecord>),
    /// A sticker is deleted.
    DeleteSticker(StickerId),
    /// A sound is new or replaced.
    PutSound(Arc<SoundRecord>),
    /// A sound is deleted.
    DeleteSound(SoundId),
    /// A scheduled event is new or replaced; who is interested stays.
    PutScheduledEvent(Arc<ScheduledEventRecord>),
    /// A scheduled event is deleted.
    DeleteScheduledEvent(ScheduledEventId),
    /// Someone wants to come to an event.
    PutInterest(ScheduledEventId, UserId),
    /// Someone no longer does.
    DeleteInterest(ScheduledEventId, UserId),
    /// A stage is opened, or what it is about changes.
    PutStage(Arc<StageInstance>),
    /// A stage is closed.
    DeleteStage(ChannelId),
    /// What the audit log says of the changes before; changes nothing itself.
    Log(Arc<AuditEntry>),
}

/// Why a change is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Discord's code says it all: unknown thing, missing permission, a limit reached.
    #[error("{}", .0.message())]
    Code(ErrorCode),
    /// A field has a value that cannot be.
    #[error("{field}: {message}")]
    Field {
        /// The field's path in the request, dots between the parts.
        field: String,
        /// Discord's code of the fault, such as `BASE_TYPE_BAD_LENGTH`.
        code: &'static str,
        /// A sentence for the user.
        message: String,
    },
}

impl From<ErrorCode> for Denied {
    fn from(code: ErrorCode) -> Self {
        Self::Code(code)
    }
}

impl Guild {
    /// Plans `command` of `actor` on this snapshot. A plan without changes needs no commit.
    ///
    /// `now_ms`, Unix milliseconds, decides whether a timeout of the actor still holds.
    ///
    /// # Errors
    ///
    /// [`Denied`] when the actor may not, the target is unknown, or a limit is reached.
    pub fn plan(&self, actor: UserId, command: &GuildCommand, now_ms: u64) -> Result<Plan, Denied> {
        let outside = matches!(
            command,
            GuildCommand::Join { .. }
                | GuildCommand::ArchiveIdle { .. }
                | GuildCommand::EndDeserted(_)
                | GuildCommand::TendScheduledEvents { .. }
                | GuildCommand::PostByWebhook(_)
        );
        if !outside && !self.members.contains_key(&actor) {
            return Err(ErrorCode::MissingAccess.into());
        }
        if self.is_pending(actor) && asks_no_permission(command) {
            return Err(ErrorCode::MissingPermissions.into());
        }
        let asked = Asked { guild: self, actor, now_ms };
        let changes = match command {
            GuildCommand::UpdateSettings(patch) => asked.update_settings(patch),
            GuildCommand::Delete => asked.delete_guild(),
            GuildCommand::CreateChannel(draft) => asked.create_channel(draft),
            GuildCommand::UpdateChannel(id, patch) => asked.update_channel(*id, patch),
            GuildCommand::MoveChannels(moves) => asked.move_channels(moves),
            GuildCommand::DeleteChannel(id) => asked.delete_channel(*id),
            GuildCommand::SetOverwrite(id, overwrite) => asked.set_overwrite(*id, *overwrite),
            GuildCommand::RemoveOverwrite(id, of) => asked.remove_overwrite(*id, *of),
            GuildCommand::CreateThread(draft) => asked.create_thread(draft),
            GuildCommand::PostByWebhook(draft) => asked.post_by_webhook(draft),
            GuildCommand::UpdateThread(id, patch) => asked.update_thread(*id, patch),
            GuildCommand::AddThreadMembers(id, users) => asked.add_thread_members(*id, users),
            GuildCommand::SpeakInThread { thread, mentioned } => {
                asked.speak_in_thread(*thread, mentioned)
            }
            GuildCommand::RemoveThreadMember(id, user) => asked.remove_thread_member(*id, *user),
            GuildCommand::SetThreadFlags(id, flags) => asked.set_thread_flags(*id, *flags),
            GuildCommand::ArchiveIdle { now_ms } => Ok(self.archive_idle(*now_ms)),
            GuildCommand::CreateRole(id, patch) => asked.create_role(*id, patch),
            GuildCommand::UpdateRole(id, patch) => asked.update_role(*id, patch),
            GuildCommand::MoveRoles(moves) => asked.move_roles(moves),
            GuildCommand::DeleteRole(id) => asked.delete_role(*id),
            GuildCommand::Join { user, now, roles } => asked.join(*user, *now, roles),
            GuildCommand::AddMember(draft) => asked.add_member(draft),
            GuildCommand::AddBot(draft) => asked.add_bot(draft),
            GuildCommand::RemoveIntegration(bot) => asked.remove_integration(*bot),
            GuildCommand::Leave => asked.leave(),
            GuildCommand::UpdateMember(user, patch) => asked.update_member(*user, patch),
            GuildCommand::Kick(user) => asked.kick(*user),
            GuildCommand::Prune { users, .. } => asked.prune(users),
            GuildCommand::Ban { user, reason } => asked.ban(*user, reason.as_deref()),
            GuildCommand::Unban(user) => asked.unban(*user),
            GuildCommand::CreateEmoji(emoji) => asked.create_emoji(emoji),
            GuildCommand::UpdateEmoji(id, name, roles) => {
                asked.update_emoji(*id, name.as_deref(), roles.as_deref())
            }
            GuildCommand::DeleteEmoji(id) => asked.delete_emoji(*id),
            GuildCommand::SetOnboarding(wanted) => asked.set_onboarding(wanted),
            GuildCommand::AnswerOnboarding(chosen) => asked.answer_onboarding(chosen),
            GuildCommand::CreateRule(rule) => asked.create_rule(rule),
            GuildCommand::ReplaceRule(rule) => asked.replace_rule(rule),
            GuildCommand::DeleteRule(id) => asked.delete_rule(*id),
            GuildCommand::RuleTimeout { user, until, .. } => asked.rule_timeout(*user, *until),
            GuildCommand::JudgeProfile(user) => asked.judge_profile(*user),
            GuildCommand::CreateSticker(sticker) => asked.create_sticker(sticker),
            GuildCommand::UpdateSticker(id, patch) => asked.update_sticker(*id, patch),
            GuildCommand::DeleteSticker(id) => asked.delete_sticker(*id),
            GuildCommand::CreateSound(sound) => asked.create_sound(sound),
            GuildCommand::UpdateSound(id, patch) => asked.update_sound(*id, patch),
            GuildCommand::DeleteSound(id) => asked.delete_sound(*id),
            GuildCommand::CreateScheduledEvent(event) => asked.create_scheduled_event(event),
            GuildCommand::UpdateScheduledEvent(id, patch) => {
                asked.update_scheduled_event(*id, patch)
            }
            GuildCommand::ExceptEvent { event, regular_ms, exception, known } => {
                asked.except_event(*event, *regular_ms, *exception, *known)
            }
            GuildCommand::DeleteScheduledEvent(id) => asked.delete_scheduled_event(*id),
            GuildCommand::FollowScheduledEvent(id, follow) => {
                asked.follow_scheduled_event(*id, *follow)
            }
            GuildCommand::TendScheduledEvents { now_ms } => Ok(self.tend_scheduled_events(*now_ms)),
            GuildCommand::SetScreening(patch) => asked.set_screening(patch),
            GuildCommand::SubmitJoinRequest { fresh, form } => {
                asked.submit_join_request(*fresh, form)
            }
            GuildCommand::ResetJoinRequest(fresh) => asked.reset_join_request(*fresh),
            GuildCommand::DecideJoinRequest { id, approve, reason } => {
                asked.decide_join_request(*id, *approve, reason.as_deref())
            }
            GuildCommand::OpenStage { id, channel, topic, event } => {
                asked.open_stage(*id, *channel, topic, *event)
            }
            GuildCommand::EditStage(channel, topic) => asked.edit_stage(*channel, topic.as_deref()),
            GuildCommand::CloseStage(channel) => asked.close_stage(*channel),
            GuildCommand::EndDeserted(stages) => Ok(self.end_deserted(stages)),
        }?;
        Ok(Plan { guild: self.id, version: self.version, changes })
    }
}

/// Whether members take part by such a command whom no permission has to allow it: who has yet to pass
/// the screening may not.
const fn asks_no_permission(command: &GuildCommand) -> bool {
    matches!(
        command,
        GuildCommand::AddThreadMembers(..)
            | GuildCommand::SetThreadFlags(..)
            | GuildCommand::FollowScheduledEvent(..)
    )
}

/// Who asks, of which guild, when. The rules of each kind of command are in this folder's files.
#[derive(Clone, Copy)]
struct Asked<'a> {
    guild: &'a Guild,
    actor: UserId,
    now_ms: u64,
}

impl Asked<'_> {
    /// Demands a permission in the guild at large.
    fn require(self, needed: Permissions) -> Result<(), Denied> {
        Ok(self.guild.permissions(self.actor, self.now_ms).require(needed)?)
    }

    /// Demands permissions in a channel that the actor must see to begin with.
    fn require_in(self, channel: ChannelId, needed: Permissions) -> Result<(), Denied> {
        let allowed = self.guild.permissions_in(self.actor, channel, self.now_ms);
        Ok(allowed.require(Permissions::VIEW_CHANNEL | needed)?)
    }
}

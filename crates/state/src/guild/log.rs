//! A plan -> what the audit log says of it. Pure.
//!
//! What follows by itself (members who lose a deleted role, threads of a deleted channel) is not
//! said: the log tells what somebody did.

use std::sync::Arc;

use model::id::ChannelId;
use model::id::EmojiId;
use model::id::RoleId;
use model::id::RuleId;
use model::id::ScheduledEventId;
use model::id::SoundId;
use model::id::StickerId;
use model::id::UserId;
use model::snowflake;
use model::wire::channel::Channel;
use model::wire::channel::permission_overwrite::PermissionOverwrite;
use model::wire::channel::permission_overwrite::PermissionOverwriteType;
use model::wire::guild::Role;
use model::wire::util::Timestamp;
use serde_json::Value;
use serde_json::json;

use super::Guild;
use super::GuildSettings;
use super::command::GuildCommand;
use super::community::Onboarding;
use super::community::Prompt;
use super::plan::Change;
use super::plan::Plan;
use crate::audit::AuditAction;
use crate::audit::AuditDraft;
use crate::audit::By;
use crate::audit::actions;
use crate::automod::rule::Rule;
use crate::record::EmojiRecord;
use crate::record::MemberRecord;
use crate::record::SoundRecord;
use crate::record::StickerRecord;
use crate::scheduled::EventException;
use crate::scheduled::EventPlace;
use crate::scheduled::ScheduledEventRecord;
use crate::screening::BYPASSES_VERIFICATION;
use crate::screening::Screening;
use crate::thread::ThreadRecord;
use crate::voice::StageInstance;

/// The entries of `plan`, which `command` made of `guild`.
pub(crate) fn entries(
    guild: &Guild,
    plan: &Plan,
    command: &GuildCommand,
    by: &By,
) -> Vec<AuditDraft> {
    let log = Log { guild, plan, by };
    match command {
        GuildCommand::UpdateSettings(_) => log.settings(),
        GuildCommand::CreateChannel(draft) => log.channel(draft.id),
        GuildCommand::UpdateChannel(id, _)
        | GuildCommand::SetOverwrite(id, _)
        | GuildCommand::RemoveOverwrite(id, _) => log.channel(*id),
        GuildCommand::MoveChannels(moves) => {
            moves.iter().flat_map(|(id, ..)| log.channel(*id)).collect()
        }
        GuildCommand::DeleteChannel(id) => log.channel_gone(*id),
        GuildCommand::CreateThread(draft) | GuildCommand::PostByWebhook(draft) => {
            log.thread(draft.id)
        }
        GuildCommand::UpdateThread(id, _) => log.thread(*id),
        GuildCommand::CreateRole(id, _) | GuildCommand::UpdateRole(id, _) => log.role(*id),
        GuildCommand::MoveRoles(moves) => moves.iter().flat_map(|(id, _)| log.role(*id)).collect(),
        GuildCommand::DeleteRole(id) => {
            let old = guild.roles.get(id).map_or(Value::Null, |role| role_shape(role, true));
            vec![log.entry(AuditAction::RoleDelete, id.get()).changing(&old, &Value::Null)]
        }
        GuildCommand::UpdateMember(user, _) => log.member(*user),
        GuildCommand::AddBot(draft) => log.bot(draft.bot),
        GuildCommand::RemoveIntegration(bot) => {
            let old = guild.members.get(bot).map_or(Value::Null, |old| integration_shape(&old));
            let gone = log.entry(AuditAction::IntegrationDelete, bot.get());
            vec![gone.changing(&old, &Value::Null)]
        }
        GuildCommand::Kick(user) => vec![log.entry(AuditAction::MemberKick, user.get())],
        GuildCommand::Prune { days, .. } => {
            let gone = |change: &&Change| matches!(change, Change::DeleteMember(_));
            let gone = plan.changes.iter().filter(gone).count();
            let entry = AuditDraft::new(by, AuditAction::MemberPrune, None);
            vec![entry.with("delete_member_days", days).with("members_removed", gone)]
        }
        GuildCommand::Ban { user, .. } => vec![log.entry(AuditAction::MemberBanAdd, user.get())],
        GuildCommand::Unban(user) => vec![log.entry(AuditAction::MemberBanRemove, user.get())],
        GuildCommand::CreateEmoji(emoji) => log.emoji(emoji.id),
        GuildCommand::UpdateEmoji(id, ..) | GuildCommand::DeleteEmoji(id) => log.emoji(*id),
        GuildCommand::SetOnboarding(_) => log.onboarding(),
        GuildCommand::SetScreening(_) => {
            log.screening().into_iter().chain(log.rejected()).collect()
        }
        GuildCommand::DecideJoinRequest { .. } => log.rejected(),
        GuildCommand::CreateRule(rule) | GuildCommand::ReplaceRule(rule) => log.rule(rule.id),
        GuildCommand::DeleteRule(id) => log.rule(*id),
        GuildCommand::RuleTimeout { rule, user, channel, .. } => {
            let action = AuditAction::AutoModerationUserCommunicationDisabled;
            let rule = guild.rules.get(rule).map(|rule| &rule.record);
            rule.map(|rule| rule.logged(*user, action, Some(*channel))).into_iter().collect()
        }
        GuildCommand::CreateSticker(sticker) => log.sticker(sticker.id),
        GuildCommand::UpdateSticker(id, _) | GuildCommand::DeleteSticker(id) => log.sticker(*id),
        GuildCommand::CreateSound(sound) => log.sound(sound.id),
        GuildCommand::UpdateSound(id, _) | GuildCommand::DeleteSound(id) => log.sound(*id),
        GuildCommand::ExceptEvent { event, regular_ms, exception, .. } => {
            log.exception(*event, *regular_ms, *exception)
        }
        GuildCommand::CreateScheduledEvent(event) => log.scheduled_event(event.id),
        GuildCommand::UpdateScheduledEvent(id, _) | GuildCommand::DeleteScheduledEvent(id) => {
            log.scheduled_event(*id)
        }
        GuildCommand::OpenStage { channel, .. }
        | GuildCommand::EditStage(channel, _)
        | GuildCommand::CloseStage(channel) => log.stage(*channel),
        GuildCommand::JudgeProfile(_)
        | GuildCommand::AnswerOnboarding(_)
        | GuildCommand::SubmitJoinRequest { .. }
        | GuildCommand::ResetJoinRequest(_)
        | GuildCommand::Delete
        | GuildCommand::FollowScheduledEvent(..)
        | GuildCommand::TendScheduledEvents { .. }
        | GuildCommand::AddThreadMembers(..)
        | GuildCommand::SpeakInThread { .. }
        | GuildCommand::RemoveThreadMember(..)
        | GuildCommand::SetThreadFlags(..)
        | GuildCommand::ArchiveIdle { .. }
        | GuildCommand::EndDeserted(_)
        | GuildCommand::Join { .. }
        | GuildCommand::AddMember(_)
        | GuildCommand::Leave => Vec::new(),
    }
}

/// The one level of privacy that a stage has here (Discord: Privacy Level).
const GUILD_ONLY: u8 = 2;

#[derive(Clone, Copy)]
struct Log<'a> {
    guild: &'a Guild,
    plan: &'a Plan,
    by: &'a By,
}

impl<'a> Log<'a> {
    fn entry(self, action: AuditAction, target: u64) -> AuditDraft {
        AuditDraft::new(self.by, action, Some(target))
    }

    fn find<T>(self, wanted: impl Fn(&'a Change) -> Option<T>) -> Option<T> {
        self.plan.changes.iter().find_map(wanted)
    }

    fn settings(self) -> Vec<AuditDraft> {
        let new = self.find(|change| match change {
            Change::Settings(new) => Some(new),
            _ => None,
        });
        let Some(new) = new else { return Vec::new() };
        let (old, id) = (&self.guild.settings, self.guild.id.get());
        // The guide for newcomers has entries of its own, which tell no fields.
        let rest = GuildSettings { new_members: old.new_members.clone(), ..(**new).clone() };
        let guide = (new.new_members != old.new_members).then(|| match &old.new_members {
            None => self.entry(actions::HOME_SETTINGS_CREATE, id),
            Some(_) => self.entry(actions::HOME_SETTINGS_UPDATE, id),
        });
        let changed = (rest != **old).then(|| {
            let entry = self.entry(AuditAction::GuildUpdate, id);
            entry.changing(&settings_shape(old), &settings_shape(&rest))
        });
        changed.into_iter().chain(guide).collect()
    }

    fn onboarding(self) -> Vec<AuditDraft> {
        let new = self.find(|change| match change {
            Change::Settings(new) => Some(&new.onboarding),
            _ => None,
        });
        let Some(new) = new else { return Vec::new() };
        let old = &self.guild.settings.onboarding;
        let action = match *old == Onboarding::default() {
            true => actions::ONBOARDING_CREATE,
            false => actions::ONBOARDING_UPDATE,
        };
        let (was, is) = (onboarding_shape(old), onboarding_shape(new));
        let told = was != is || action == actions::ONBOARDING_CREATE;
        let whole = self.entry(action, self.guild.id.get()).changing(&was, &is);
        told.then_some(whole).into_iter().chain(self.prompts(&old.prompts, &new.prompts)).collect()
    }

    fn prompts(self, old: &[Prompt], new: &[Prompt]) -> Vec<AuditDraft> {
        let put = new.iter().filter_map(|is| {
            let was = old.iter().find(|was| was.id == is.id);
            let action = match was {
                None => actions::ONBOARDING_PROMPT_CREATE,
                Some(was) if was == is => return None,
                Some(_) => actions::ONBOARDING_PROMPT_UPDATE,
            };
            let old = was.map_or(Value::Null, prompt_shape);
            Some(self.entry(action, is.id.get()).changing(&old, &prompt_shape(is)))
        });
        let gone = old.iter().filter(|was| new.iter().all(|is| is.id != was.id));
        let gone = gone.map(|was| {
            let entry = self.entry(actions::ONBOARDING_PROMPT_DELETE, was.id.get());
            entry.changing(&prompt_shape(was), &Value::Null)
        });
        put.chain(gone).collect()
    }

    /// What the form asks is not told, only what it is for (userdoccers: Audit Log Change Exceptions).
    fn screening(self) -> Vec<AuditDraft> {
        let new = self.find(|change| match change {
            Change::Settings(new) => Some(&new.screening),
            _ => None,
        });
        let Some(new) = new else { return Vec::new() };
        let shape = |form: &Screening| {
            json!({
                "verification_enabled": form.enabled,
                "manual_approval_enabled": form.enabled && form.is_reviewed(),
            })
        };
        let old = shape(&self.guild.settings.screening);
        let id = self.guild.id.get();
        vec![self.entry(actions::GUILD_MEMBER_VERIFICATION_UPDATE, id).changing(&old, &shape(new))]
    }

    /// Whoever is rejected is removed.
    fn rejected(self) -> Vec<AuditDraft> {
        let gone = self.plan.changes.iter().filter_map(|change| match change {
            Change::DeleteMember(user) => Some(self.entry(AuditAction::MemberKick, user.get())),
            _ => None,
        });
        gone.collect()
    }

    fn channel(self, id: ChannelId) -> Vec<AuditDraft> {
        let new = self.find(|change| match change {
            Change::PutChannel(channel) if channel.id == id => Some(&**channel),
            _ => None,
        });
        let Some(new) = new else { return Vec::new() };
        let Some(old) = self.guild.channels.get(&id) else {
            let new = channel_shape(new, true);
            let made = self.entry(AuditAction::ChannelCreate, id.get());
            return vec![made.changing(&Value::Null, &new)];
        };
        let changed = self
            .entry(AuditAction::ChannelUpdate, id.get())
            .changing(&channel_shape(old, false), &channel_shape(new, false));
        let changed = Some(changed).filter(|entry| !entry.changes.is_empty());
        changed.into_iter().chain(self.overwrites(old, new)).collect()
    }

    fn overwrites(self, old: &Channel, new: &Channel) -> Vec<AuditDraft> {
        let of = |channel: &Channel| channel.permission_overwrites.clone().unwrap_or_default();
        let (before, after) = (of(old), of(new));
        let same = |one: &PermissionOverwrite, other: &PermissionOverwrite| {
            one.id == other.id && one.kind == other.kind
        };
        let put = after.iter().filter_map(|now| {
            let was = before.iter().find(|was| same(was, now));
            let action = match was {
                None => AuditAction::ChannelOverwriteCreate,
                Some(was) if was == now => return None,
                Some(_) => AuditAction::ChannelOverwriteUpdate,
            };
            Some(self.overwrite(action, new.id, was, Some(now)))
        });
        let gone = before.iter().filter(|was| !after.iter().any(|now| same(was, now)));
        let gone = gone.map(|was| {
            self.overwrite(AuditAction::ChannelOverwriteDelete, new.id, Some(was), None)
        });
        put.chain(gone).collect()
    }

    fn overwrite(
        self,
        action: AuditAction,
        channel: ChannelId,
        was: Option<&PermissionOverwrite>,
        now: Option<&PermissionOverwrite>,
    ) -> AuditDraft {
        let shape = |overwrite: Option<&PermissionOverwrite>| json!(overwrite);
        let mut entry = self.entry(action, channel.get()).changing(&shape(was), &shape(now));
        if let Some(of) = now.or(was) {
            entry = entry.with("id", of.id).with("type", u8::from(of.kind));
            let role = self.guild.roles.get(&of.id.cast());
            if let Some(role) = role.filter(|_| of.kind == PermissionOverwriteType::Role) {
                entry = entry.with("role_name", &role.name);
            }
        }
        entry
    }

    fn channel_gone(self, id: ChannelId) -> Vec<AuditDraft> {
        let (action, old) = match (self.guild.channels.get(&id), self.guild.threads.get(&id)) {
            (Some(channel), _) => (AuditAction::ChannelDelete, channel_shape(channel, true)),
            (None, Some(thread)) => (AuditAction::ThreadDelete, thread_shape(&thread.record)),
            (None, None) => return Vec::new(),
        };
        vec![self.entry(action, id.get()).changing(&old, &Value::Null)]
    }

    fn thread(self, id: ChannelId) -> Vec<AuditDraft> {
        let new = self.find(|change| match change {
            Change::PutThread(thread) if thread.id == id => Some(thread_shape(thread)),
            _ => None,
        });
        let Some(new) = new else { return Vec::new() };
        let (action, old) = match self.guild.threads.get(&id) {
            None => (AuditAction::ThreadCreate, Value::Null),
            Some(thread) => (AuditAction::ThreadUpdate, thread_shape(&thread.record)),
        };
        vec![self.entry(action, id.get()).changing(&old, &new)]
    }

    fn role(self, id: RoleId) -> Vec<AuditDraft> {
        let new = self.find(|change| match change {
            Change::PutRole(role) if role.id == id => Some(&**role),
            _ => None,
        });
        let Some(new) = new else { return Vec::new() };
        let entry = match self.guild.roles.get(&id) {
            None => {
                let made = self.entry(AuditAction::RoleCreate, id.get());
                made.changing(&Value::Null, &role_shape(new, false))
            }
            Some(old) => {
                let changed = self.entry(AuditAction::RoleUpdate, id.get());
                changed.changing(&role_shape(old, true), &role_shape(new, true))
            }
        };
        Some(entry).filter(|entry| !entry.changes.is_empty()).into_iter().collect()
    }

    fn emoji(self, id: EmojiId) -> Vec<AuditDraft> {
        let new = self.find(|change| match change {
            Change::PutEmoji(emoji) if emoji.id == id => Some(emoji),
            _ => None,
        });
        let old = self.guild.emojis.get(&id);
        let action = match (old, new) {
            (None, _) => AuditAction::EmojiCreate,
            (Some(_), Some(_)) => AuditAction::EmojiUpdate,
            (Some(_), None) => AuditAction::EmojiDelete,
        };
        let shape = |emoji: Option<&Arc<EmojiRecord>>| {
            emoji.map_or(Value::Null, |emoji| {
                let roles = (!emoji.roles.is_empty()).then_some(&emoji.roles);
                json!({ "name": emoji.name, "roles": roles })
            })
        };
        vec![self.entry(action, id.get()).changing(&shape(old), &shape(new))]
    }

    fn rule(self, id: RuleId) -> Vec<AuditDraft> {
        let new = self.find(|change| match change {
            Change::PutRule(rule) if rule.record.id == id => Some(rule),
            _ => None,
        });
        let old = self.guild.rules.get(&id);
        let action = match (old, new) {
            (None, _) => AuditAction::AutoModerationRuleCreate,
            (Some(_), Some(_)) => AuditAction::AutoModerationRuleUpdate,
            (Some(_), None) => AuditAction::AutoModerationRuleDelete,
        };
        let shape = |rule: Option<&Arc<Rule>>| rule.map_or(Value::Null, |rule| rule.record.shape());
        vec![self.entry(action, id.get()).changing(&shape(old), &shape(new))]
    }

    fn sticker(self, id: StickerId) -> Vec<AuditDraft> {
        let new = self.find(|change| match change {
            Change::PutSticker(sticker) if sticker.id == id => Some(sticker_shape(sticker)),
            _ => None,
        });
        let old = self.guild.stickers.get(&id).map(|sticker| sticker_shape(sticker));
        let action = match (&old, &new) {
            (None, _) => AuditAction::StickerCreate,
            (Some(_), Some(_)) => AuditAction::StickerUpdate,
            (Some(_), None) => AuditAction::StickerDelete,
        };
        let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
        vec![self.entry(action, id.get()).changing(&old, &new)]
    }

    fn sound(self, id: SoundId) -> Vec<AuditDraft> {
        let new = self.find(|change| match change {
            Change::PutSound(sound) if sound.id == id => Some(sound_shape(sound)),
            _ => None,
        });
        let old = self.guild.sounds.get(&id).map(|sound| sound_shape(sound));
        let action = match (&old, &new) {
            (None, _) => actions::SOUNDBOARD_SOUND_CREATE,
            (Some(_), Some(_)) => actions::SOUNDBOARD_SOUND_UPDATE,
            (Some(_), None) => actions::SOUNDBOARD_SOUND_DELETE,
        };
        let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
        vec![self.entry(action, id.get()).changing(&old, &new)]
    }

    fn scheduled_event(self, id: ScheduledEventId) -> Vec<AuditDraft> {
        let new = self.find(|change| match change {
            Change::PutScheduledEvent(event) if event.id == id => Some(scheduled_shape(event)),
            _ => None,
        });
        let old = self.guild.scheduled.get(&id).map(|event| scheduled_shape(&event.record));
        let action = match (&old, &new) {
            (None, _) => AuditAction::GuildScheduledEventCreate,
            (Some(_), Some(_)) => AuditAction::GuildScheduledEventUpdate,
            (Some(_), None) => AuditAction::GuildScheduledEventDelete,
        };
        let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
        vec![self.entry(action, id.get()).changing(&old, &new)]
    }

    fn exception(
        self,
        id: ScheduledEventId,
        regular_ms: u64,
        exception: Option<EventException>,
    ) -> Vec<AuditDraft> {
        let event = self.guild.scheduled.get(&id);
        let old = event.and_then(|event| event.record.exceptions.get(&regular_ms)).copied();
        if old == exception {
            return Vec::new();
        }
        let action = match (&old, &exception) {
            (None, _) => actions::GUILD_SCHEDULED_EVENT_EXCEPTION_CREATE,
            (Some(_), Some(_)) => actions::GUILD_SCHEDULED_EVENT_EXCEPTION_UPDATE,
            (Some(_), None) => actions::GUILD_SCHEDULED_EVENT_EXCEPTION_DELETE,
        };
        let shape = |one: EventException| {
            json!({
                "is_canceled": one.canceled,
                "scheduled_start_time": one.start_ms.and_then(iso_8601),
                "scheduled_end_time": one.end_ms.and_then(iso_8601),
            })
        };
        let (old, new) =
            (old.map(shape).unwrap_or_default(), exception.map(shape).unwrap_or_default());
        let entry = self.entry(action, id.get()).changing(&old, &new);
        vec![entry.with("event_exception_id", snowflake::at(regular_ms))]
    }

    fn stage(self, channel: ChannelId) -> Vec<AuditDraft> {
        let new = self.find(|change| match change {
            Change::PutStage(stage) if stage.channel == channel => Some(stage),
            _ => None,
        });
        let old = self.guild.stages.get(&channel);
        let action = match (old, new) {
            (None, _) => AuditAction::StageInstanceCreate,
            (Some(_), Some(_)) => AuditAction::StageInstanceUpdate,
            (Some(_), None) => AuditAction::StageInstanceDelete,
        };
        let Some(id) = new.or(old).map(|stage| stage.id) else { return Vec::new() };
        let shape = |stage: Option<&Arc<StageInstance>>| {
            let level = GUILD_ONLY;
            stage.map_or(
                Value::Null,
                |stage| json!({ "topic": stage.topic, "privacy_level": level }),
            )
        };
        let entry = self.entry(action, id.get()).changing(&shape(old), &shape(new));
        vec![entry.with("channel_id", channel)]
    }

    fn member(self, user: UserId) -> Vec<AuditDraft> {
        let new = self.find(|change| match change {
            Change::PutMember(member) if member.user == user => Some(&**member),
            _ => None,
        });
        let (Some(old), Some(new)) = (self.guild.members.get(&user), new) else {
            return Vec::new();
        };
        let fields = self
            .entry(AuditAction::MemberUpdate, user.get())
            .changing(&member_shape(&old), &member_shape(new));
        let roles = self
            .entry(AuditAction::MemberRoleUpdate, user.get())
            .changing(&Value::Null, &self.roles_shape(&old.roles, &new.roles));
        [fields, roles].into_iter().filter(|entry| !entry.changes.is_empty()).collect()
    }

    fn bot(self, bot: UserId) -> Vec<AuditDraft> {
        let new = self.find(|change| match change {
            Change::PutMember(member) if member.user == bot => Some(integration_shape(member)),
            _ => None,
        });
        let Some(new) = new else { return Vec::new() };
        match self.guild.members.get(&bot) {
            None => vec![
                self.entry(AuditAction::BotAdd, bot.get()),
                self.entry(AuditAction::IntegrationCreate, bot.get()).changing(&Value::Null, &new),
            ],
            Some(old) => {
                let changed = self.entry(AuditAction::IntegrationUpdate, bot.get());
                vec![changed.changing(&integration_shape(&old), &new)]
            }
        }
    }

    /// Roles given and taken away, as the log writes them: both are new values.
    fn roles_shape(self, old: &[RoleId], new: &[RoleId]) -> Value {
        let missing = |here: &[RoleId], there: &[RoleId]| {
            let roles = here.iter().filter(|role| !there.contains(role));
            let shown = roles.map(|id| {
                let name = self.guild.roles.get(id).map(|role| role.name.as_str());
                json!({ "id": id, "name": name })
            });
            let shown: Vec<_> = shown.collect();
            if shown.is_empty() { Value::Null } else { Value::Array(shown) }
        };
        json!({ "$add": missing(new, old), "$remove": missing(old, new) })
    }
}

fn settings_shape(settings: &GuildSettings) -> Value {
    json!({
        "name": settings.name,
        "icon_hash": settings.icon,
        "description": settings.description,
        "owner_id": settings.owner,
        "afk_channel_id": settings.afk_channel,
        "afk_timeout": settings.afk_timeout,
        "system_channel_id": settings.system_channel,
        "verification_level": settings.verification_level,
        "default_message_notifications": settings.default_message_notifications,
        "explicit_content_filter": settings.explicit_content_filter,
        "preferred_locale": settings.preferred_locale,
        "widget_enabled": settings.widget.enabled,
        "widget_channel_id": settings.widget.channel,
        "invites_disabled_until": settings.incidents.invites_disabled_until,
        "dms_disabled_until": settings.incidents.dms_disabled_until,
        "welcome_screen": json!(settings.welcome),
    })
}

/// A channel's fields that people set.
fn channel_shape(channel: &Channel, with_overwrites: bool) -> Value {
    let mut shape = json!(channel);
    if let Some(fields) = shape.as_object_mut() {
        for field in ["id", "guild_id", "last_message_id", "last_pin_timestamp"] {
            fields.remove(field);
        }
        if !with_overwrites {
            fields.remove("permission_overwrites");
        }
    }
    shape
}

fn thread_shape(thread: &ThreadRecord) -> Value {
    json!({
        "name": thread.name,
        "type": thread.kind,
        "archived": thread.archived,
        "locked": thread.locked,
        "invitable": thread.is_private().then_some(thread.invitable),
        "auto_archive_duration": thread.auto_archive_minutes,
        "rate_limit_per_user": thread.rate_limit_per_user,
        "flags": thread.flags,
        "applied_tags": (!thread.tags.is_empty()).then_some(&thread.tags),
    })
}

/// A role's fields that people set. Where a new one stands nobody has chosen.
#[expect(deprecated, reason = "the field that clients of the log know")]
fn role_shape(role: &Role, placed: bool) -> Value {
    json!({
        "name": role.name,
        "permissions": role.permissions,
        "color": role.color,
        "hoist": role.hoist,
        "mentionable": role.mentionable,
        "position": placed.then_some(role.position),
    })
}

fn integration_shape(member: &MemberRecord) -> Value {
    member.integration.as_ref().map_or(Value::Null, |integration| {
        json!({ "name": integration.name, "type": "discord", "scopes": integration.scopes })
    })
}
/// The questions have entries of their own.
fn onboarding_shape(onboarding: &Onboarding) -> Value {
    json!({
        "enabled": onboarding.enabled,
        "mode": u8::from(onboarding.advanced),
        "default_channel_ids": onboarding.default_channels,
    })
}

fn prompt_shape(prompt: &Prompt) -> Value {
    let options = prompt.options.iter().map(|option| {
        json!({
            "id": option.id,
            "title": option.title,
            "description": option.description,
            "emoji": option.emoji,
            "role_ids": option.roles,
            "channel_ids": option.channels,
        })
    });
    json!({
        "title": prompt.title,
        "options": options.collect::<Vec<_>>(),
        "single_select": prompt.single_select,
        "required": prompt.required,
        "in_onboarding": prompt.in_onboarding,
        "type": prompt.kind,
    })
}

fn sticker_shape(sticker: &StickerRecord) -> Value {
    json!({
        "name": sticker.name,
        "description": sticker.description,
        "tags": sticker.tags,
        "format_type": sticker.format as u8,
    })
}

fn sound_shape(sound: &SoundRecord) -> Value {
    json!({
        "name": sound.name,
        "volume": sound.volume,
        "emoji_id": sound.emoji,
        "emoji_name": sound.emoji_name,
        "user_id": sound.user,
    })
}

fn scheduled_shape(event: &ScheduledEventRecord) -> Value {
    let location = match &event.place {
        EventPlace::External(location) => Some(location),
        EventPlace::Stage(_) | EventPlace::Voice(_) => None,
    };
    json!({
        "name": event.name,
        "description": event.description,
        "channel_id": event.place.channel(),
        "entity_type": event.place.kind() as u8,
        "location": location,
        "privacy_level": 2,
        "status": event.status as u8,
        "image_hash": event.image,
        "scheduled_start_time": iso_8601(event.start_ms),
        "scheduled_end_time": event.end_ms.and_then(iso_8601),
    })
}

fn iso_8601(unix_ms: u64) -> Option<String> {
    let micros = i64::try_from(unix_ms).ok()?.checked_mul(1_000)?;
    Some(Timestamp::from_micros(micros).ok()?.iso_8601().to_string())
}

fn member_shape(member: &MemberRecord) -> Value {
    json!({
        "nick": member.nick,
        "mute": member.mute,
        "deaf": member.deaf,
        "communication_disabled_until": member.communication_disabled_until,
        "bypasses_verification": (member.flags & BYPASSES_VERIFICATION != 0).then_some(true),
    })
}

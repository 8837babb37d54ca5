//! Plan -> new guild and the events that tell of it.

use std::sync::Arc;

use model::id::ChannelId;
use model::id::ScheduledEventId;
use model::id::UserId;

use super::Guild;
use super::plan::Change;
use super::plan::Plan;
use crate::event::Excepted;
use crate::event::GuildEvent;
use crate::scheduled::Scheduled;
use crate::scheduled::ScheduledEventRecord;
use crate::screening::JoinRequest;
use crate::thread::Thread;
use crate::thread::ThreadMember;
use crate::thread::ThreadRecord;
use crate::voice::VoiceState;

impl Guild {
    /// The guild after `plan`, and what to publish, in order.
    ///
    /// Members who are removed leave voice and presence too (their
    /// [`GuildEvent::VoiceStateUpdated`] precedes their [`GuildEvent::MemberRemoved`]); those whom
    /// the change keeps out of their voice channel are disconnected (theirs follow at the end). A
    /// deleted guild keeps its last shape, empty of voice and presence.
    #[must_use]
    pub fn apply(&self, plan: &Plan) -> (Self, Vec<GuildEvent>) {
        let mut guild = self.clone();
        guild.version = plan.version + 1;
        let mut events = Vec::with_capacity(plan.changes.len());
        for change in &plan.changes {
            guild.apply_change(change, &mut events);
        }
        if !plan.changes.contains(&Change::DeleteGuild) {
            events.extend(guild.settle_voice());
            events.extend(guild.settle_stages());
        }
        (guild, events)
    }

    fn apply_change(&mut self, change: &Change, events: &mut Vec<GuildEvent>) {
        match change {
            Change::Settings(settings) => {
                self.settings = Arc::clone(settings);
                events.push(GuildEvent::GuildUpdated);
            }
            Change::DeleteGuild => {
                let mut users: Vec<_> = self.voice.keys().copied().collect();
                users.sort_unstable();
                events.extend(users.into_iter().filter_map(|user| self.leave_voice(user)));
                self.presences.clear();
                self.stages.clear();
                events.push(GuildEvent::GuildDeleted);
            }
            Change::PutChannel(channel) => {
                let old = self.channels.insert(channel.id, Arc::clone(channel));
                events.push(match old {
                    None => GuildEvent::ChannelCreated(Arc::clone(channel)),
                    Some(_) => GuildEvent::ChannelUpdated(Arc::clone(channel)),
                });
            }
            Change::DeleteChannel(id) => {
                events.extend(self.channels.remove(id).map(GuildEvent::ChannelDeleted));
            }
            Change::PutThread(record) => events.push(self.put_thread(record)),
            Change::DeleteThread(id) => {
                let gone = self.threads.remove(id);
                events.extend(gone.map(|gone| GuildEvent::ThreadDeleted(Arc::clone(&gone.record))));
            }
            Change::PutThreadMember(id, member) => {
                if let Some(thread) = self.threads.get_mut(id) {
                    match Arc::make_mut(thread).members.insert(member.user, *member) {
                        None => thread_members(*id, events).0.push(*member),
                        Some(_) => events
                            .push(GuildEvent::ThreadMemberUpdated { thread: *id, member: *member }),
                    }
                }
            }
            Change::DeleteThreadMember(id, user) => {
                if let Some(thread) = self.threads.get_mut(id) {
                    Arc::make_mut(thread).members.remove(user);
                    thread_members(*id, events).1.push(*user);
                }
            }
            Change::PutRole(role) => {
                let old = self.roles.insert(role.id, Arc::clone(role));
                events.push(match old {
                    None => GuildEvent::RoleCreated(Arc::clone(role)),
                    Some(_) => GuildEvent::RoleUpdated(Arc::clone(role)),
                });
            }
            Change::DeleteRole(id) => {
                if self.roles.remove(id).is_some() {
                    events.push(GuildEvent::RoleDeleted(*id));
                }
            }
            Change::PutMember(member) => {
                let old = self.members.insert(member.user, Arc::clone(member));
                events.push(match &old {
                    None => GuildEvent::MemberAdded(Arc::clone(member)),
                    Some(_) => GuildEvent::MemberUpdated(Arc::clone(member)),
                });
                let was = old.and_then(|old| old.integration.clone());
                if member.integration.is_some() && member.integration != was {
                    events.push(match was {
                        None => GuildEvent::IntegrationCreated(Arc::clone(member)),
                        Some(_) => GuildEvent::IntegrationUpdated(Arc::clone(member)),
                    });
                    events.push(GuildEvent::IntegrationsUpdated);
                }
            }
            Change::PutJoinRequest(request) => events.push(self.put_request(request)),
            Change::DeleteJoinRequest(user) => {
                events.extend(self.requests.remove(user).map(GuildEvent::JoinRequestDeleted));
            }
            Change::DeleteMember(user) => {
                events.extend(self.requests.remove(user).map(GuildEvent::JoinRequestDeleted));
                events.extend(self.leave_voice(*user));
                self.presences.remove(user);
                self.leave_threads(*user);
                let planned: Vec<_> = self.scheduled.keys().copied().collect();
                events.extend(planned.into_iter().filter_map(|id| self.interest(id, *user, false)));
                if let Some(gone) = self.members.remove(user) {
                    events.push(GuildEvent::MemberRemoved(*user));
                    if gone.integration.is_some() {
                        events.push(GuildEvent::IntegrationDeleted(*user));
                        events.push(GuildEvent::IntegrationsUpdated);
                    }
                }
            }
            Change::PutBan(ban) => {
                self.bans.insert(ban.user, Arc::clone(ban));
                events.push(GuildEvent::BanAdded(ban.user));
            }
            Change::DeleteBan(user) => {
                if self.bans.remove(user).is_some() {
                    events.push(GuildEvent::BanRemoved(*user));
                }
            }
            Change::PutEmoji(emoji) => {
                self.emojis.insert(emoji.id, Arc::clone(emoji));
                events.push(GuildEvent::EmojisUpdated);
            }
            Change::DeleteEmoji(id) => {
                if self.emojis.remove(id).is_some() {
                    events.push(GuildEvent::EmojisUpdated);
                }
            }
            Change::PutRule(rule) => {
                let old = self.rules.insert(rule.record.id, Arc::clone(rule));
                events.push(match old {
                    None => GuildEvent::RuleCreated(Arc::clone(rule)),
                    Some(_) => GuildEvent::RuleUpdated(Arc::clone(rule)),
                });
            }
            Change::DeleteRule(id) => {
                events.extend(self.rules.remove(id).map(GuildEvent::RuleDeleted));
            }
            Change::PutSticker(sticker) => {
                self.stickers.insert(sticker.id, Arc::clone(sticker));
                events.push(GuildEvent::StickersUpdated);
            }
            Change::DeleteSticker(id) => {
                if self.stickers.remove(id).is_some() {
                    events.push(GuildEvent::StickersUpdated);
                }
            }
            Change::PutSound(sound) => {
                let old = self.sounds.insert(sound.id, Arc::clone(sound));
                events.push(match old {
                    None => GuildEvent::SoundCreated(Arc::clone(sound)),
                    Some(_) => GuildEvent::SoundChanged(Arc::clone(sound)),
                });
            }
            Change::DeleteSound(id) => {
                if self.sounds.remove(id).is_some() {
                    events.push(GuildEvent::SoundDeleted(*id));
                }
            }
            Change::PutScheduledEvent(record) => events.extend(self.put_scheduled(record)),
            Change::DeleteScheduledEvent(id) => {
                let gone = self.scheduled.remove(id);
                events.extend(gone.map(|gone| GuildEvent::EventRemoved(Arc::clone(&gone.record))));
            }
            Change::PutInterest(id, user) => events.extend(self.interest(*id, *user, true)),
            Change::DeleteInterest(id, user) => events.extend(self.interest(*id, *user, false)),
            Change::PutStage(stage) => {
                let old = self.stages.insert(stage.channel, Arc::clone(stage));
                events.push(match old {
                    None => GuildEvent::StageOpened(Arc::clone(stage)),
                    Some(_) => GuildEvent::StageChanged(Arc::clone(stage)),
                });
            }
            Change::DeleteStage(channel) => {
                events.extend(self.stages.remove(channel).map(GuildEvent::StageClosed));
            }
            Change::Log(entry) => events.push(GuildEvent::AuditLogged(Arc::clone(entry))),
        }
    }

    /// Requests of which something came are storage's alone.
    fn put_request(&mut self, request: &Arc<JoinRequest>) -> GuildEvent {
        let old = match request.status.is_open() {
            true => self.requests.insert(request.user, Arc::clone(request)),
            false => self.requests.remove(&request.user),
        };
        match old.is_some_and(|old| old.id == request.id) {
            true => GuildEvent::JoinRequestUpdated(Arc::clone(request)),
            false => GuildEvent::JoinRequestCreated(Arc::clone(request)),
        }
    }

    fn put_thread(&mut self, record: &Arc<ThreadRecord>) -> GuildEvent {
        match self.threads.get_mut(&record.id) {
            Some(thread) => {
                Arc::make_mut(thread).record = Arc::clone(record);
                GuildEvent::ThreadUpdated(Arc::clone(record))
            }
            None => {
                let thread = Arc::new(Thread::new(Arc::clone(record)));
                self.threads.insert(record.id, thread);
                GuildEvent::ThreadCreated(Arc::clone(record))
            }
        }
    }

    /// What is told to nobody makes no event when nothing else changes.
    fn put_scheduled(&mut self, record: &Arc<ScheduledEventRecord>) -> Vec<GuildEvent> {
        let Some(event) = self.scheduled.get_mut(&record.id) else {
            let event = Arc::new(Scheduled::new(Arc::clone(record)));
            self.scheduled.insert(record.id, event);
            return vec![GuildEvent::EventScheduled(Arc::clone(record))];
        };
        let old = std::mem::replace(&mut Arc::make_mut(event).record, Arc::clone(record));
        let told = ScheduledEventRecord {
            empty_ms: record.empty_ms,
            exceptions: record.exceptions.clone(),
            ..(*old).clone()
        };
        let changed = told != **record;
        let mut events: Vec<_> =
            changed.then(|| GuildEvent::EventChanged(Arc::clone(record))).into_iter().collect();
        // Those that are over are gone without a word.
        let gone = old
            .exceptions
            .range(record.start_ms..)
            .filter(|(regular_ms, _)| !record.exceptions.contains_key(regular_ms));
        let put = record
            .exceptions
            .iter()
            .filter(|(regular_ms, exception)| old.exceptions.get(regular_ms) != Some(exception));
        let put = put.map(|one| match old.exceptions.contains_key(one.0) {
            false => (one, Excepted::Created),
            true => (one, Excepted::Changed),
        });
        let all = put.chain(gone.map(|one| (one, Excepted::Removed)));
        events.extend(all.map(|((regular_ms, exception), how)| GuildEvent::EventExcepted {
            event: Arc::clone(record),
            regular_ms: *regular_ms,
            exception: *exception,
            how,
        }));
        events
    }

    fn interest(&mut self, id: ScheduledEventId, user: UserId, added: bool) -> Option<GuildEvent> {
        let event = self.scheduled.get_mut(&id)?;
        if event.interested.contains(&user) == added {
            return None;
        }
        let event = Arc::make_mut(event);
        if added {
            event.interested.insert(user);
        } else {
            event.interested.remove(&user);
        }
        Some(GuildEvent::EventInterest { event: Arc::clone(&event.record), user, added })
    }

    /// Whoever leaves the guild is in none of its threads; clients conclude it by themselves.
    fn leave_threads(&mut self, user: UserId) {
        let theirs = self.threads.iter().filter(|(_, thread)| thread.members.contains_key(&user));
        let theirs: Vec<_> = theirs.map(|(id, _)| *id).collect();
        for id in theirs {
            if let Some(thread) = self.threads.get_mut(&id) {
                Arc::make_mut(thread).members.remove(&user);
            }
        }
    }

    fn leave_voice(&mut self, user: UserId) -> Option<GuildEvent> {
        let state = self.voice.get(&user)?;
        let left = VoiceState { channel: None, ..(**state).clone() };
        Some(self.put_voice(left))
    }
}

/// Those who joined and who left that thread, in the event that tells of them: of one change there
/// is one for each thread.
fn thread_members(
    thread: ChannelId,
    events: &mut Vec<GuildEvent>,
) -> (&mut Vec<ThreadMember>, &mut Vec<UserId>) {
    let same = |event: &GuildEvent| matches!(event, GuildEvent::ThreadMembersUpdated { thread: of, .. } if *of == thread);
    if !events.last().is_some_and(same) {
        let (added, removed) = (Vec::new(), Vec::new());
        events.push(GuildEvent::ThreadMembersUpdated { thread, added, removed });
    }
    match events.last_mut() {
        Some(GuildEvent::ThreadMembersUpdated { added, removed, .. }) => (added, removed),
        _ => unreachable!("the last event is one of members"),
    }
}

//! Plan -> new guild and the events that tell of it.

use std::sync::Arc;

use model::id::UserId;

use super::Guild;
use super::plan::Change;
use super::plan::Plan;
use crate::event::GuildEvent;
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
                events.push(match old {
                    None => GuildEvent::MemberAdded(Arc::clone(member)),
                    Some(_) => GuildEvent::MemberUpdated(Arc::clone(member)),
                });
            }
            Change::DeleteMember(user) => {
                events.extend(self.leave_voice(*user));
                self.presences.remove(user);
                if self.members.remove(user).is_some() {
                    events.push(GuildEvent::MemberRemoved(*user));
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
        }
    }

    fn leave_voice(&mut self, user: UserId) -> Option<GuildEvent> {
        let state = self.voice.get(&user)?;
        let left = VoiceState { channel: None, ..(**state).clone() };
        Some(self.put_voice(left))
    }
}

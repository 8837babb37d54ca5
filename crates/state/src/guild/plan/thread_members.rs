//! Who is in a thread: joining, adding, speaking, leaving.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::UserId;
use model::limits;
use model::wire::guild::Permissions;

use super::Asked;
use super::Change;
use super::Denied;
use crate::thread::Thread;
use crate::thread::ThreadMember;
use crate::thread::ThreadRecord;

impl Asked<'_> {
    pub(super) fn add_thread_members(
        self,
        id: ChannelId,
        users: &[UserId],
    ) -> Result<Vec<Change>, Denied> {
        let thread = self.thread(id)?;
        if thread.record.archived {
            return Err(ErrorCode::ThreadArchived.into());
        }
        let others = users.iter().any(|&user| user != self.actor);
        if others {
            self.require_in(id, Permissions::SEND_MESSAGES)?;
            if !self.may_invite(thread) {
                return Err(ErrorCode::MissingPermissions.into());
            }
        }
        let mut changes = Vec::new();
        for &user in users {
            if !self.guild.members.contains_key(&user) {
                return Err(ErrorCode::UnknownMember.into());
            }
            if !self.sees_parent(user, thread) {
                return Err(ErrorCode::MissingAccess.into());
            }
            if thread.members.contains_key(&user) {
                continue;
            }
            if thread.members.len() + changes.len() >= limits::THREAD_MEMBERS {
                return Err(ErrorCode::MaximumThreadMembers.into());
            }
            changes.push(self.joins(id, user));
        }
        Ok(changes)
    }

    pub(super) fn speak_in_thread(
        self,
        id: ChannelId,
        mentioned: &[UserId],
    ) -> Result<Vec<Change>, Denied> {
        let thread = self.thread(id)?;
        self.require_in(id, Permissions::SEND_MESSAGES)?;
        if thread.record.locked && !self.manages(id) {
            return Err(ErrorCode::ThreadLocked.into());
        }
        let mut changes = Vec::new();
        if thread.record.archived {
            self.require_room_for_active()?;
            let back = ThreadRecord {
                archived: false,
                archive_ms: self.now_ms,
                ..(*thread.record).clone()
            };
            changes.push(Change::PutThread(Arc::new(back)));
        }
        let mut room = limits::THREAD_MEMBERS.saturating_sub(thread.members.len());
        let invites = self.may_invite(thread);
        let mut met = vec![];
        for &user in [self.actor].iter().chain(mentioned) {
            let joins = (user == self.actor || (invites && self.sees_parent(user, thread)))
                && !thread.members.contains_key(&user)
                && !met.contains(&user);
            // Whoever finds no room may speak all the same.
            if joins && room > 0 {
                room -= 1;
                met.push(user);
                changes.push(self.joins(id, user));
            }
        }
        Ok(changes)
    }

    pub(super) fn remove_thread_member(
        self,
        id: ChannelId,
        user: UserId,
    ) -> Result<Vec<Change>, Denied> {
        let thread = self.thread(id)?;
        if thread.record.archived {
            return Err(ErrorCode::ThreadArchived.into());
        }
        let starter = thread.record.is_private() && thread.record.owner == self.actor;
        if user != self.actor && !starter && !self.manages(id) {
            return Err(ErrorCode::MissingPermissions.into());
        }
        if !thread.members.contains_key(&user) {
            // Leaving twice is no fault of a client's.
            return if user == self.actor {
                Ok(Vec::new())
            } else {
                Err(ErrorCode::UnknownMember.into())
            };
        }
        Ok(vec![Change::DeleteThreadMember(id, user)])
    }

    pub(super) fn set_thread_flags(self, id: ChannelId, flags: u64) -> Result<Vec<Change>, Denied> {
        let thread = self.thread(id)?;
        let old = thread.members.get(&self.actor).ok_or(ErrorCode::UnknownMember)?;
        if old.flags == flags {
            return Ok(Vec::new());
        }
        Ok(vec![Change::PutThreadMember(id, ThreadMember { flags, ..*old })])
    }

    /// Whether the actor may bring others: anyone into a public thread; into a private one its
    /// members if it lets them, its starter, and those who manage threads.
    fn may_invite(self, thread: &Thread) -> bool {
        let record = &thread.record;
        !record.is_private()
            || record.invitable
            || record.owner == self.actor
            || self.manages(record.id)
    }

    fn sees_parent(self, user: UserId, thread: &Thread) -> bool {
        let allowed = self.guild.permissions_in(user, thread.record.parent, self.now_ms);
        allowed.has(Permissions::VIEW_CHANNEL)
    }

    fn joins(self, id: ChannelId, user: UserId) -> Change {
        Change::PutThreadMember(id, ThreadMember { user, joined_ms: self.now_ms, flags: 1 })
    }
}

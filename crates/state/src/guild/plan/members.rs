//! Members: joining, leaving, what they are called, which roles they have, who may remove whom.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::RoleId;
use model::id::UserId;
use model::limits;
use model::wire::guild::Permissions;
use model::wire::util::Timestamp;

use super::Asked;
use super::Change;
use super::Denied;
use super::field;
use crate::guild::command::MemberPatch;
use crate::record::BanRecord;
use crate::record::MemberRecord;
use crate::screening::BYPASSES_VERIFICATION;

impl Asked<'_> {
    pub(super) fn join(
        self,
        user: UserId,
        now: Timestamp,
        roles: &[RoleId],
    ) -> Result<Vec<Change>, Denied> {
        if self.guild.bans.contains_key(&user) {
            return Err(ErrorCode::BannedFromGuild.into());
        }
        if self.guild.members.contains_key(&user) {
            return Ok(Vec::new());
        }
        let roles = self.known_roles(roles)?;
        // Whoever is given a role is taken for known.
        let pending = self.guild.settings.screening.enabled && roles.is_empty();
        let member = MemberRecord { roles, pending, ..MemberRecord::joined(user, now) };
        Ok(vec![Change::PutMember(Arc::new(member))])
    }

    pub(super) fn leave(self) -> Result<Vec<Change>, Denied> {
        if self.actor == self.guild.settings.owner {
            return Err(ErrorCode::MissingPermissions.into());
        }
        Ok(self.gone(self.actor))
    }

    pub(super) fn kick(self, user: UserId) -> Result<Vec<Change>, Denied> {
        self.require(Permissions::KICK_MEMBERS)?;
        self.member(user)?;
        self.require_above(user)?;
        Ok(self.gone(user))
    }

    pub(super) fn prune(self, users: &[UserId]) -> Result<Vec<Change>, Denied> {
        self.require(Permissions::KICK_MEMBERS | Permissions::MANAGE_GUILD)?;
        let below = users.iter().filter(|user| {
            self.guild.members.contains_key(user) && self.guild.outranks(self.actor, **user)
        });
        Ok(below.map(|user| Change::DeleteMember(*user)).collect())
    }

    pub(super) fn ban(self, user: UserId, reason: Option<&str>) -> Result<Vec<Change>, Denied> {
        self.require(Permissions::BAN_MEMBERS)?;
        if let Some(reason) = reason {
            field::at_most("reason", reason, limits::REASON)?;
        }
        let is_member = self.guild.members.contains_key(&user);
        if is_member {
            self.require_above(user)?;
        } else if self.guild.bans.contains_key(&user) {
            return Ok(Vec::new());
        }
        let ban = BanRecord { user, reason: reason.map(str::to_owned) };
        let mut changes = vec![Change::PutBan(Arc::new(ban))];
        if is_member {
            changes.extend(self.gone(user));
        }
        Ok(changes)
    }

    pub(super) fn unban(self, user: UserId) -> Result<Vec<Change>, Denied> {
        self.require(Permissions::BAN_MEMBERS)?;
        if !self.guild.bans.contains_key(&user) {
            return Err(ErrorCode::UnknownBan.into());
        }
        Ok(vec![Change::DeleteBan(user)])
    }

    pub(super) fn update_member(
        self,
        user: UserId,
        patch: &MemberPatch,
    ) -> Result<Vec<Change>, Denied> {
        let old = self.member(user)?;
        let mut member = (*old).clone();
        if let Some(nick) = &patch.nick {
            member.nick = self.nick(user, nick.as_deref())?.map(Into::into);
        }
        if let Some(roles) = &patch.roles {
            member.roles = self.roles(&old.roles, roles)?;
        }
        if let Some(mute) = patch.mute {
            self.require_in_voice_of(user, Permissions::MUTE_MEMBERS)?;
            member.mute = mute;
        }
        if let Some(deaf) = patch.deaf {
            self.require_in_voice_of(user, Permissions::DEAFEN_MEMBERS)?;
            member.deaf = deaf;
        }
        if let Some(until) = patch.communication_disabled_until {
            member.communication_disabled_until = self.timeout(user, until)?;
        }
        if let Some(bypasses) = patch.bypasses_verification {
            self.require_any_of_verification()?;
            member.flags &= !BYPASSES_VERIFICATION;
            member.flags |= if bypasses { BYPASSES_VERIFICATION } else { 0 };
        }
        let given = member.roles.iter().any(|role| !old.roles.contains(role));
        let passes = given || member.flags & BYPASSES_VERIFICATION != 0;
        member.pending &= !passes;
        if member == *old {
            return Ok(Vec::new());
        }
        let approved = (old.pending && !member.pending).then(|| self.approved(user)).flatten();
        let mut changes = vec![Change::PutMember(Arc::new(member))];
        changes.extend(approved);
        Ok(changes)
    }

    fn member(&self, user: UserId) -> Result<Arc<MemberRecord>, Denied> {
        Ok(self.guild.members.get(&user).ok_or(ErrorCode::UnknownMember)?)
    }

    /// Who may say that somebody need not be verified (Discord: Modify Guild Member).
    fn require_any_of_verification(self) -> Result<(), Denied> {
        let may = self.guild.permissions(self.actor, self.now_ms);
        let any = [Permissions::MANAGE_GUILD, Permissions::MANAGE_ROLES, REMOVING];
        if any.into_iter().any(|needed| may.has(needed)) {
            return Ok(());
        }
        Err(ErrorCode::MissingPermissions.into())
    }

    fn require_above(self, user: UserId) -> Result<(), Denied> {
        if self.guild.outranks(self.actor, user) {
            Ok(())
        } else {
            Err(ErrorCode::MissingPermissions.into())
        }
    }

    fn nick(self, user: UserId, nick: Option<&str>) -> Result<Option<String>, Denied> {
        let may = self.guild.permissions(self.actor, self.now_ms);
        let own = user == self.actor && may.has(Permissions::CHANGE_NICKNAME);
        if !own {
            self.require(Permissions::MANAGE_NICKNAMES)?;
            if user != self.actor {
                self.require_above(user)?;
            }
        }
        // Clients reset a nick by null or by an empty text.
        let Some(nick) = nick.map(str::trim).filter(|nick| !nick.is_empty()) else {
            return Ok(None);
        };
        field::length("nick", nick, 1..=limits::NICK)?;
        Ok(Some(nick.to_owned()))
    }

    /// The hierarchy counts for the roles given and taken, not for their bearer (Discord:
    /// Permissions/Permission Hierarchy).
    pub(super) fn roles(self, old: &[RoleId], new: &[RoleId]) -> Result<Vec<RoleId>, Denied> {
        self.require(Permissions::MANAGE_ROLES)?;
        let new = self.known_roles(new)?;
        let given = new.iter().filter(|role| !old.contains(role));
        let taken = old.iter().filter(|role| !new.contains(role));
        for role in given.chain(taken) {
            let managed = self.guild.roles.get(role).is_some_and(|role| role.managed);
            if managed || !self.guild.outranks_role(self.actor, *role) {
                return Err(ErrorCode::MissingPermissions.into());
            }
        }
        // Their order means nothing: keep the old one, so that an equal set is no change.
        let mut kept: Vec<_> = old.iter().copied().filter(|role| new.contains(role)).collect();
        kept.extend(new.iter().filter(|role| !old.contains(role)));
        Ok(kept)
    }

    /// Roles without doubles and without `@everyone`, which all have.
    fn known_roles(self, roles: &[RoleId]) -> Result<Vec<RoleId>, Denied> {
        let mut known = Vec::new();
        for &role in roles {
            if !self.guild.roles.contains_key(&role) {
                return Err(ErrorCode::UnknownRole.into());
            }
            if role != self.guild.id.cast() && !known.contains(&role) {
                known.push(role);
            }
        }
        Ok(known)
    }

    /// Moderation of voice counts in the channel where the target is, and only there.
    fn require_in_voice_of(self, user: UserId, needed: Permissions) -> Result<(), Denied> {
        let state = self.guild.voice.get(&user);
        let Some(channel) = state.and_then(|state| state.channel) else {
            self.require(needed)?;
            return Err(ErrorCode::NotConnectedToVoice.into());
        };
        self.require_in(channel, needed)
    }

    fn timeout(self, user: UserId, until: Option<Timestamp>) -> Result<Option<Timestamp>, Denied> {
        self.require(Permissions::MODERATE_MEMBERS)?;
        self.require_above(user)?;
        let Some(until) = until else { return Ok(None) };
        if self.guild.is_administrator(user) {
            return Err(ErrorCode::MissingPermissions.into());
        }
        let until_ms = u64::try_from(until.as_micros() / 1_000).unwrap_or(0);
        let longest = u64::try_from(limits::TIMEOUT.as_millis()).unwrap_or(u64::MAX);
        // A minute of grace for the caller's clock.
        if until_ms > self.now_ms.saturating_add(longest).saturating_add(60_000) {
            let message = "Must be at most 28 days from now.";
            return Err(field::bad("communication_disabled_until", "DATE_TYPE_MAX", message));
        }
        Ok((until_ms > self.now_ms).then_some(until))
    }
}

/// All ways to keep somebody out.
const REMOVING: Permissions =
    Permissions::MODERATE_MEMBERS.union(Permissions::KICK_MEMBERS).union(Permissions::BAN_MEMBERS);

//! Bots and people whom applications bring: with what they come, and what goes when they go.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::RoleId;
use model::id::UserId;
use model::limits;
use model::wire::guild::Permissions;
use model::wire::guild::Role;
use model::wire::guild::RoleTags;

use super::Asked;
use super::Change;
use super::Denied;
use super::field;
use super::new_role;
use crate::guild::command::BotDraft;
use crate::guild::command::MemberDraft;
use crate::record::MemberRecord;

impl Asked<'_> {
    /// A bot that is there already gets what is new; nothing is taken from it.
    pub(super) fn add_bot(self, draft: &BotDraft) -> Result<Vec<Change>, Denied> {
        self.require(Permissions::MANAGE_GUILD)?;
        if self.guild.bans.contains_key(&draft.bot) {
            return Err(ErrorCode::BannedFromGuild.into());
        }
        // Nobody gives away what they lack.
        let granted = draft.permissions & self.guild.permissions(self.actor, self.now_ms).0;
        let mut changes = Vec::new();
        let old = self.guild.members.get(&draft.bot);
        let mut member =
            old.as_deref().cloned().unwrap_or_else(|| MemberRecord::joined(draft.bot, draft.now));
        let role = self.guild.roles.values().find(|role| is_own(role, draft.bot));
        match role {
            Some(role) if role.permissions.contains(granted) => {}
            Some(role) => {
                let mut role = (**role).clone();
                role.permissions |= granted;
                changes.push(Change::PutRole(Arc::new(role)));
            }
            None if granted.is_empty() => {}
            None => {
                changes.push(Change::PutRole(Arc::new(self.own_role(draft, granted)?)));
                member.roles.push(draft.role);
            }
        }
        member.integration = Some(Arc::new(draft.integration.clone()));
        if old.is_none_or(|old| *old != member) {
            changes.push(Change::PutMember(Arc::new(member)));
        }
        Ok(changes)
    }

    /// The role that a bot has of its own, below all others (Discord: Permissions/Managed roles).
    fn own_role(self, draft: &BotDraft, granted: Permissions) -> Result<Role, Denied> {
        if self.guild.roles.len() >= limits::ROLES {
            return Err(ErrorCode::MaximumRoles.into());
        }
        let mut name: String = draft.integration.name.chars().take(*limits::NAME.end()).collect();
        if name.is_empty() {
            "bot".clone_into(&mut name);
        }
        let tags = RoleTags {
            available_for_purchase: false,
            bot_id: Some(draft.bot),
            guild_connections: false,
            integration_id: Some(draft.bot.cast()),
            subscription_listing_id: None,
            premium_subscriber: false,
        };
        let role = new_role(draft.role, &name, granted, 1);
        Ok(Role { managed: true, tags: Some(tags), ..role })
    }

    /// Removes an application and its bot (MANAGE_GUILD, whatever its rank).
    pub(super) fn remove_integration(self, bot: UserId) -> Result<Vec<Change>, Denied> {
        self.require(Permissions::MANAGE_GUILD)?;
        let member = self.guild.members.peek(bot);
        if member.is_none_or(|member| !member.is_integration()) {
            return Err(ErrorCode::UnknownIntegration.into());
        }
        Ok(self.gone(bot))
    }

    /// A person whom a bot brings in, who allowed it (CREATE_INSTANT_INVITE; what they come with as
    /// to change it). Nobody is brought in twice.
    pub(super) fn add_member(self, draft: &MemberDraft) -> Result<Vec<Change>, Denied> {
        self.require(Permissions::CREATE_INVITE)?;
        let mut changes = self.join(draft.user, draft.now, &[])?;
        let Some(Change::PutMember(member)) = changes.pop() else { return Ok(Vec::new()) };
        let mut member = Arc::unwrap_or_clone(member);
        if let Some(nick) = draft.nick.as_deref().map(str::trim).filter(|nick| !nick.is_empty()) {
            self.require(Permissions::MANAGE_NICKNAMES)?;
            field::length("nick", nick, 1..=limits::NICK)?;
            member.nick = Some(nick.into());
        }
        if !draft.roles.is_empty() {
            member.roles = self.roles(&[], &draft.roles)?;
            member.pending &= member.roles.is_empty();
        }
        if draft.mute {
            self.require(Permissions::MUTE_MEMBERS)?;
        }
        if draft.deaf {
            self.require(Permissions::DEAFEN_MEMBERS)?;
        }
        let member = MemberRecord { mute: draft.mute, deaf: draft.deaf, ..member };
        Ok(vec![Change::PutMember(Arc::new(member))])
    }

    /// Someone is no member any more; a bot's own role goes with it.
    pub(super) fn gone(self, user: UserId) -> Vec<Change> {
        let mut changes = vec![Change::DeleteMember(user)];
        let own = self.guild.roles.values().filter(|role| is_own(role, user));
        let own: Vec<RoleId> = own.map(|role| role.id).collect();
        for role in own {
            changes.extend(self.without_overwrites(role));
            changes.push(Change::DeleteRole(role));
        }
        changes
    }
}

/// Whether it is the bot's own role.
fn is_own(role: &Role, bot: UserId) -> bool {
    role.managed && role.tags.as_ref().is_some_and(|tags| tags.bot_id == Some(bot))
}

//! Who may use a command where: what the guild says, then what the bot says by default. Pure.
//!
//! Discord: Application Commands/Permissions, "Using Default Permissions" and the hierarchy of its
//! figure. What is said of the command beats what is said of all commands of its application.

use model::id::ChannelId;
use model::id::CommandId;
use model::id::UserId;
use model::permissions;
use state::Guild;
use state::apps::CommandPermission;
use state::apps::CommandRecord;
use state::record::MemberRecord;

/// What a guild said of an application's commands.
#[derive(Debug, Clone, Default)]
pub(in crate::rest) struct Said(pub Vec<(CommandId, Vec<CommandPermission>)>);

/// Whom a permission is for.
pub(in crate::rest) const ROLE: u8 = 1;
pub(in crate::rest) const USER: u8 = 2;
pub(in crate::rest) const CHANNEL: u8 = 3;

impl Said {
    /// What was said of that command, or by the application's number of all.
    pub(in crate::rest) fn of(&self, id: CommandId) -> &[CommandPermission] {
        let found = self.0.iter().find(|(command, _)| *command == id);
        found.map_or(&[], |(_, said)| said.as_slice())
    }

    /// Whether `user` may use `command` in `channel` of `guild`; without a channel, whether
    /// anywhere. Says nothing of permissions of the channel itself.
    pub(in crate::rest) fn allows(
        &self,
        guild: &Guild,
        user: UserId,
        command: &CommandRecord,
        channel: Option<ChannelId>,
        now_ms: u64,
    ) -> bool {
        let Some(member) = guild.members.get(&user) else { return false };
        if guild.is_administrator(user) {
            return true;
        }
        let (own, all) = (self.of(command.id), self.of(command.application.cast()));
        if let Some(channel) = channel {
            let here = |said: &[CommandPermission]| in_channel(said, guild, channel);
            if here(own).or_else(|| here(all)) == Some(false) {
                return false;
            }
        }
        if let Some(said) = to_member(own, guild, &member) {
            return said;
        }
        to_member(all, guild, &member) != Some(false)
            && command.default_member_permissions.is_none_or(|bits| {
                // Nothing at all is what only administrators have.
                let needed = permissions::among(bits);
                !needed.is_empty() && guild.permissions(user, now_ms).has(needed)
            })
    }
}

fn find(said: &[CommandPermission], kind: u8, id: u64) -> Option<bool> {
    let found = said.iter().find(|one| one.kind == kind && one.id == id);
    found.map(|one| one.permission)
}

fn in_channel(said: &[CommandPermission], guild: &Guild, channel: ChannelId) -> Option<bool> {
    let everywhere = guild.id.get().wrapping_sub(1);
    find(said, CHANNEL, channel.get()).or_else(|| find(said, CHANNEL, everywhere))
}

/// The person first, then their roles (one that allows is enough), then everyone.
fn to_member(said: &[CommandPermission], guild: &Guild, member: &MemberRecord) -> Option<bool> {
    let roles = member.roles.iter().filter_map(|role| find(said, ROLE, role.get()));
    find(said, USER, member.user.get())
        .or_else(|| roles.reduce(|one, other| one || other))
        .or_else(|| find(said, ROLE, guild.id.get()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::id::ApplicationId;
    use model::id::GuildId;
    use model::id::RoleId;
    use model::wire::guild::Permissions;
    use model::wire::id::Id;
    use model::wire::util::Timestamp;
    use state::guild::command::GuildDraft;

    use super::*;

    const GUILD: GuildId = Id::new(100);
    const HERE: ChannelId = Id::new(102);
    const OWNER: UserId = Id::new(1);
    const BEN: UserId = Id::new(2);
    const SCRIBE: RoleId = Id::new(7);
    const APP: ApplicationId = Id::new(50);

    fn guild() -> Guild {
        let now = Timestamp::from_secs(1_700_000_000).unwrap();
        let draft = GuildDraft {
            id: GUILD,
            name: "Hall".to_owned(),
            owner: OWNER,
            icon: None,
            now,
            channel_ids: [101, 102, 103, 104].map(Id::new),
        };
        let mut guild = Guild::found(draft).unwrap();
        let owner = MemberRecord::clone(&guild.members.get(&OWNER).expect("a member"));
        let ben = MemberRecord { user: BEN, roles: vec![SCRIBE], ..owner };
        guild.members.insert(BEN, Arc::new(ben));
        guild
    }

    fn command(default: Option<u64>) -> CommandRecord {
        CommandRecord {
            id: Id::new(60),
            application: APP,
            guild: None,
            version: Id::new(60),
            kind: 1,
            name: "roll".to_owned(),
            name_localizations: None,
            description: "x".to_owned(),
            description_localizations: None,
            options: Vec::new(),
            default_member_permissions: default,
            nsfw: false,
            contexts: None,
            integration_types: None,
        }
    }

    fn said(of: u64, list: &[(u8, u64, bool)]) -> (CommandId, Vec<CommandPermission>) {
        let all =
            list.iter().map(|&(kind, id, permission)| CommandPermission { id, kind, permission });
        (Id::new(of), all.collect())
    }

    fn ben_may(default: Option<u64>, said: Vec<(CommandId, Vec<CommandPermission>)>) -> bool {
        Said(said).allows(&guild(), BEN, &command(default), Some(HERE), 0)
    }

    #[test]
    fn without_a_word_the_default_decides() {
        let send = Permissions::SEND_MESSAGES.bits();
        let ban = Permissions::BAN_MEMBERS.bits();

        assert!(ben_may(None, vec![]));
        assert!(ben_may(Some(send), vec![]));
        assert!(!ben_may(Some(ban), vec![]));
        assert!(!ben_may(Some(send | ban), vec![]));
        assert!(!ben_may(Some(0), vec![]));
        assert!(Said::default().allows(&guild(), OWNER, &command(Some(0)), None, 0));
        assert!(!Said::default().allows(&guild(), Id::new(9), &command(None), None, 0));
    }

    #[test]
    fn a_person_beats_their_roles_and_these_beat_everyone() {
        let everyone = (ROLE, GUILD.get(), true);
        let role = (ROLE, SCRIBE.get(), false);
        let person = (USER, BEN.get(), true);

        assert!(ben_may(Some(0), vec![said(60, &[everyone])]));
        assert!(!ben_may(None, vec![said(60, &[everyone, role])]));
        assert!(ben_may(Some(0), vec![said(60, &[everyone, role, person])]));
    }

    #[test]
    fn the_command_beats_its_application() {
        let no = (ROLE, GUILD.get(), false);
        let yes = (USER, BEN.get(), true);

        assert!(!ben_may(None, vec![said(50, &[no])]));
        assert!(ben_may(None, vec![said(50, &[no]), said(60, &[yes])]));
        // To be allowed the application is not to be allowed a command that is closed by default.
        assert!(!ben_may(Some(0), vec![said(50, &[yes])]));
    }

    #[test]
    fn a_channel_closes_what_a_person_was_allowed() {
        let person = (USER, BEN.get(), true);
        let here = (CHANNEL, HERE.get(), false);
        let everywhere = (CHANNEL, GUILD.get() - 1, false);
        let open = (CHANNEL, HERE.get(), true);

        assert!(!ben_may(None, vec![said(60, &[person, here])]));
        assert!(!ben_may(None, vec![said(60, &[person, everywhere])]));
        assert!(ben_may(None, vec![said(60, &[everywhere, open])]));
        assert!(ben_may(None, vec![said(50, &[everywhere]), said(60, &[open])]));
    }
}

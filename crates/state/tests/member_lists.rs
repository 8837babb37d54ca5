//! The list against a plain one, and a viewer that follows ops against one that looks anew.

use std::collections::HashMap;
use std::sync::Arc;

use model::id::ChannelId;
use model::id::RoleId;
use model::id::UserId;
use model::limits;
use model::wire::channel::permission_overwrite::PermissionOverwrite;
use model::wire::channel::permission_overwrite::PermissionOverwriteType;
use model::wire::guild::Permissions;
use model::wire::id::Id;
use model::wire::util::Timestamp;
use proptest::prelude::*;
use state::Guild;
use state::GuildCommand;
use state::guild::command::GuildDraft;
use state::guild::command::MemberPatch;
use state::guild::command::RolePatch;
use state::member_list::GroupKey;
use state::member_list::ListOp;
use state::member_list::MemberList;
use state::member_list::Names;
use state::member_list::Row;
use state::member_list::list_id;
use state::presence::Presence;
use state::record::UserRecord;

const ANA: UserId = Id::new(1);
const TEXT: ChannelId = Id::new(102);
const CAPTAINS: RoleId = Id::new(201);
const SAILORS: RoleId = Id::new(202);
const NOW: u64 = 1_790_000_000_000;

/// Everyone is called by their number, but for those who have another name.
#[derive(Default)]
struct Called(HashMap<UserId, String>);

impl Names for Called {
    fn account(&self, user: UserId) -> Option<Arc<UserRecord>> {
        let plain = || format!("n{:03}", user.get());
        Some(Arc::new(UserRecord {
            id: user,
            username: self.0.get(&user).cloned().unwrap_or_else(plain),
            global_name: None,
            avatar: None,
            bot: false,
            flags: 0,
        }))
    }
}

fn done(guild: &Guild, actor: UserId, command: &GuildCommand) -> Guild {
    guild.apply(&guild.plan(actor, command, NOW).expect("an allowed command")).0
}

fn guild(members: u64) -> Guild {
    let now = Timestamp::from_secs(NOW as i64 / 1_000).expect("a time");
    let draft = GuildDraft {
        id: Id::new(50),
        name: "Harbour".to_owned(),
        owner: ANA,
        icon: None,
        now,
        channel_ids: [101, 102, 103, 104].map(Id::new),
    };
    let mut guild = Guild::found(draft).expect("a valid draft");
    for role in [SAILORS, CAPTAINS] {
        let patch = RolePatch { hoist: Some(true), ..RolePatch::default() };
        guild = done(&guild, ANA, &GuildCommand::CreateRole(role, patch));
    }
    for id in 2..=members {
        let user = Id::new(id);
        guild = done(&guild, user, &GuildCommand::Join { user, now, roles: Vec::new() });
    }
    guild
}

fn here(guild: &mut Guild, user: UserId) {
    let presence = Presence {
        status: model::wire::gateway::presence::Status::Online,
        ..Presence::offline(user)
    };
    guild.presences.insert(user, Arc::new(presence));
}

fn roles(guild: &Guild, user: UserId, roles: Vec<RoleId>) -> Guild {
    let patch = MemberPatch { roles: Some(roles), ..MemberPatch::default() };
    done(guild, ANA, &GuildCommand::UpdateMember(user, patch))
}

fn all(list: &MemberList) -> Vec<Row> {
    list.rows(&(0..=10_000))
}

fn user(id: u64) -> Row {
    Row::Member(Id::new(id))
}

#[test]
fn people_are_listed_by_hoisted_role_then_online_then_offline() {
    let mut guild = guild(5);
    guild = roles(&guild, Id::new(4), vec![CAPTAINS, SAILORS]);
    guild = roles(&guild, Id::new(2), vec![SAILORS]);
    guild = roles(&guild, Id::new(3), vec![SAILORS]);
    for id in [1, 3, 4, 5] {
        here(&mut guild, Id::new(id));
    }
    // Both roles are as high: the older one goes first.
    let names = Called(HashMap::from([(Id::new(5), "Alf".to_owned())]));

    let list = MemberList::new(&guild, TEXT, &names, NOW);

    let (captains, sailors) = (GroupKey::Role(CAPTAINS), GroupKey::Role(SAILORS));
    let mut expected = vec![Row::Group(captains, 1), user(4), Row::Group(sailors, 1), user(3)];
    let online = [Row::Group(GroupKey::Online, 2), user(5), user(1)];
    let offline = [Row::Group(GroupKey::Offline, 1), user(2)];
    expected.extend(online.into_iter().chain(offline));
    assert_eq!(all(&list), expected);
    assert_eq!(list.counts(), [5, 4]);
    assert_eq!(list.rows(&(1..=2)), expected[1..=2]);
    assert_eq!(list.rows(&(90..=99)), []);
}

#[test]
fn a_hidden_channel_has_a_list_of_its_own_by_the_name_that_clients_compute() {
    let guild = guild(3);
    assert_eq!(list_id(&guild, TEXT), "everyone");
    let view = Permissions::VIEW_CHANNEL;
    let hide =
        |id: u64, kind, allow, deny| PermissionOverwrite { id: Id::new(id), kind, allow, deny };
    let everyone = hide(50, PermissionOverwriteType::Role, Permissions::empty(), view);
    let ben = hide(2, PermissionOverwriteType::Member, view, Permissions::empty());
    let mut guild = guild;
    for overwrite in [everyone, ben] {
        guild = done(&guild, ANA, &GuildCommand::SetOverwrite(TEXT, overwrite));
    }

    let list = MemberList::new(&guild, TEXT, &Called::default(), NOW);

    // The hash of "allow:2,deny:50".
    assert_eq!(list_id(&guild, TEXT), "3637160213");
    let people: Vec<_> = all(&list).into_iter().skip(1).collect();
    assert_eq!(people, [user(1), user(2)]);
}

#[test]
fn beyond_a_thousand_members_those_who_are_away_are_not_listed() {
    let mut large = guild(3);
    let member = large.members.get(&ANA).expect("a member");
    for id in 4..=limits::OFFLINE_LISTED as u64 + 1 {
        let record = state::record::MemberRecord { user: Id::new(id), ..(*member).clone() };
        large.members.insert(Id::new(id), Arc::new(record));
    }
    here(&mut large, Id::new(7));

    let list = MemberList::new(&large, TEXT, &Called::default(), NOW);

    assert_eq!(all(&list), [Row::Group(GroupKey::Online, 1), user(7)]);
    assert!(list.is_outdated(&large, &guild(3)));
}

#[test]
fn a_list_is_made_anew_only_where_a_role_changes_who_is_in_it_or_where() {
    let hide = PermissionOverwrite {
        id: Id::new(50),
        kind: PermissionOverwriteType::Role,
        allow: Permissions::empty(),
        deny: Permissions::VIEW_CHANNEL,
    };
    let open = guild(3);
    let hidden = done(&open, ANA, &GuildCommand::SetOverwrite(TEXT, hide));
    for guild in [open, hidden] {
        let list = MemberList::new(&guild, TEXT, &Called::default(), NOW);
        let outdated_by = |patch: RolePatch| {
            let after = done(&guild, ANA, &GuildCommand::UpdateRole(SAILORS, patch));
            list.is_outdated(&guild, &after)
        };
        let everyone = list_id(&guild, TEXT) == "everyone";

        assert!(!outdated_by(RolePatch { name: Some("mates".into()), ..RolePatch::default() }));
        assert!(outdated_by(RolePatch { hoist: Some(false), ..RolePatch::default() }));
        let all = Some(Permissions::ADMINISTRATOR);
        let allows = outdated_by(RolePatch { permissions: all, ..RolePatch::default() });
        assert_eq!(allows, !everyone);
    }
}

/// Carries ops out on rows, as a client does.
fn carry_out(rows: &mut Vec<Row>, ops: &[ListOp]) {
    for op in ops {
        match op {
            ListOp::Sync { range, rows: new } => {
                rows.truncate(range[0]);
                rows.extend(new.iter().copied());
            }
            ListOp::Insert { index, row } => rows.insert(*index, *row),
            ListOp::Update { index, row } => rows[*index] = *row,
            ListOp::Delete { index } => drop(rows.remove(*index)),
        }
    }
}

fn members(rows: &[Row]) -> Vec<Option<UserId>> {
    let member = |row: &Row| match row {
        Row::Member(user) => Some(*user),
        Row::Group(..) => None,
    };
    rows.iter().map(member).collect()
}

proptest! {
    #[test]
    fn who_follows_sees_what_who_looks_anew_sees(
        steps in prop::collection::vec((2..30_u64, 0..5_u8), 1..60),
    ) {
        let mut guild = guild(29);
        let mut names = Called::default();
        let mut list = MemberList::new(&guild, TEXT, &names, NOW);
        let mut rows = all(&list);
        for (id, what) in steps {
            let who: UserId = Id::new(id);
            let before = guild.clone();
            let there = guild.members.contains_key(&who);
            match what {
                0 if guild.presences.contains_key(&who) => drop(guild.presences.remove(&who)),
                0 if there => here(&mut guild, who),
                1 if there => guild = roles(&guild, who, vec![SAILORS]),
                2 if there => guild = roles(&guild, who, vec![CAPTAINS, SAILORS]),
                // An account's name changes for both snapshots at once.
                3 => drop(names.0.insert(who, format!("{}x", id % 7))),
                4 if there => {
                    guild.presences.remove(&who);
                    guild = done(&guild, who, &GuildCommand::Leave);
                }
                4 => {
                    let now = guild.members.get(&ANA).expect("a member").joined_at;
                    guild = done(&guild, who, &GuildCommand::Join { user: who, now, roles: Vec::new() });
                }
                _ => {}
            }
            let ops = list.follow(who, &before, &guild, &names, NOW);
            carry_out(&mut rows, &ops);
            let anew = MemberList::new(&guild, TEXT, &names, NOW);
            prop_assert_eq!(all(&list), all(&anew));
            prop_assert_eq!(members(&rows), members(&all(&anew)));
        }
    }
}

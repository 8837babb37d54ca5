//! GUILD_MEMBER_LIST_UPDATE: rows of a list, as clients count them. Pure.
//!
//! Two hundred rows come at once, again and again while somebody scrolls: they are written without making
//! a tree of values first.

use std::borrow::Cow;

use model::gateway::DispatchName;
use model::id::GuildId;
use serde::Serialize;
use serde::Serializer;
use serde::ser::SerializeSeq as _;
use serde_json::Value;
use serde_json::json;
use state::GuildView;
use state::member_list::GroupKey;
use state::member_list::ListOp;
use state::member_list::ListUpdate;
use state::member_list::Row;
use state::presence::Presence;
use state::users::Users;

use super::encode::Dispatch;
use crate::wire;

/// What a session is told of a list that it looks at.
pub(super) fn dispatch(update: &ListUpdate, users: &Users) -> Dispatch {
    let source = Source { guild: &update.guild, users };
    let [listed, online] = update.counts;
    // Those who are away are members too, even where they are not listed.
    let members = if update.list == "everyone" { update.guild.members.len() } else { listed };
    let told = Told {
        guild_id: update.guild.id,
        id: &update.list,
        member_count: members,
        online_count: online,
        groups: update.groups.iter().map(|(key, count)| Group::new(*key, *count)).collect(),
        ops: Ops(source, &update.ops),
    };
    Dispatch::written(DispatchName::GuildMemberListUpdate, &told)
}

/// Where members and their accounts are.
#[derive(Clone, Copy)]
struct Source<'a> {
    guild: &'a GuildView,
    users: &'a Users,
}

#[derive(Serialize)]
struct Told<'a> {
    guild_id: GuildId,
    id: &'a str,
    member_count: usize,
    online_count: usize,
    groups: Vec<Group>,
    ops: Ops<'a>,
}

#[derive(Serialize)]
struct Group {
    id: Cow<'static, str>,
    count: usize,
}

impl Group {
    fn new(key: GroupKey, count: usize) -> Self {
        let id = match key {
            GroupKey::Role(role) => role.to_string().into(),
            GroupKey::Online => "online".into(),
            GroupKey::Offline => "offline".into(),
        };
        Self { id, count }
    }
}

struct Ops<'a>(Source<'a>, &'a [ListOp]);

impl Serialize for Ops<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.1.iter().map(|op| Op::new(self.0, op)))
    }
}

#[derive(Serialize)]
#[serde(tag = "op", rename_all = "UPPERCASE")]
enum Op<'a> {
    Sync { range: [usize; 2], items: Items<'a> },
    Insert { index: usize, item: Item<'a> },
    Update { index: usize, item: Item<'a> },
    Delete { index: usize },
}

impl<'a> Op<'a> {
    fn new(source: Source<'a>, op: &'a ListOp) -> Self {
        match *op {
            ListOp::Sync { range, ref rows } => Self::Sync { range, items: Items(source, rows) },
            ListOp::Insert { index, row } => Self::Insert { index, item: Item(source, row) },
            ListOp::Update { index, row } => Self::Update { index, item: Item(source, row) },
            ListOp::Delete { index } => Self::Delete { index },
        }
    }
}

struct Items<'a>(Source<'a>, &'a [Row]);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(source, rows) = self;
        let mut items = serializer.serialize_seq(Some(rows.len()))?;
        for row in *rows {
            items.serialize_element(&Item(*source, *row))?;
        }
        items.end()
    }
}

struct Item<'a>(Source<'a>, Row);

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(source, row) = self;
        let user = match *row {
            Row::Group(key, count) => {
                return Headed::<Value>::Group(Group::new(key, count)).serialize(serializer);
            }
            Row::Member(user) => user,
        };
        let Source { guild, users } = *source;
        let member = guild.members.peek(user).map(|member| member.record());
        let Some((member, account)) = member.zip(users.cached(user)) else {
            // Who left since is shown by their number alone: the row that takes them away comes next.
            return Headed::Member(json!({ "user": { "id": user } })).serialize(serializer);
        };
        let offline = Presence::offline(user);
        let presence = guild.presences.get(&user).map_or(&offline, |presence| presence);
        let known = Known {
            member: wire::Member::new(&member, Some(&account)),
            presence: wire::Shown::new(presence, Some(guild.id)),
        };
        Headed::Member(known).serialize(serializer)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Headed<T> {
    Group(Group),
    Member(T),
}

/// Someone in a list, with their presence.
#[derive(Serialize)]
struct Known<'a> {
    #[serde(flatten)]
    member: wire::Member<'a>,
    presence: wire::Shown<'a>,
}

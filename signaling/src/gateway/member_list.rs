//! GUILD_MEMBER_LIST_UPDATE: rows of a list, as clients count them. Pure.

use model::id::UserId;
use serde_json::Value;
use serde_json::json;
use state::GuildView;
use state::member_list::GroupKey;
use state::member_list::ListOp;
use state::member_list::ListUpdate;
use state::member_list::Row;
use state::presence::Presence;
use state::users::Users;

use crate::wire;

/// What a session is told of a list that it looks at.
pub(super) fn payload(update: &ListUpdate, users: &Users) -> Value {
    let guild = &update.guild;
    let [listed, online] = update.counts;
    let item = |row: &Row| match row {
        Row::Group(key, count) => json!({ "group": group(*key, *count) }),
        Row::Member(user) => json!({ "member": member(guild, users, *user) }),
    };
    let ops = update.ops.iter().map(|op| match op {
        ListOp::Sync { range, rows } => {
            let items: Vec<_> = rows.iter().map(item).collect();
            json!({ "op": "SYNC", "range": range, "items": items })
        }
        ListOp::Insert { index, row } => {
            json!({ "op": "INSERT", "index": index, "item": item(row) })
        }
        ListOp::Update { index, row } => {
            json!({ "op": "UPDATE", "index": index, "item": item(row) })
        }
        ListOp::Delete { index } => json!({ "op": "DELETE", "index": index }),
    });
    let ops: Vec<_> = ops.collect();
    let groups: Vec<_> = update.groups.iter().map(|(key, count)| group(*key, *count)).collect();
    // Those who are away are members too, even where they are not listed.
    let members = if update.list == "everyone" { guild.members.len() } else { listed };
    json!({
        "guild_id": guild.id,
        "id": update.list,
        "member_count": members,
        "online_count": online,
        "groups": groups,
        "ops": ops,
    })
}

fn group(key: GroupKey, count: usize) -> Value {
    let id = match key {
        GroupKey::Role(role) => role.to_string(),
        GroupKey::Online => "online".to_owned(),
        GroupKey::Offline => "offline".to_owned(),
    };
    json!({ "id": id, "count": count })
}

/// Someone in a list, with their presence. Who left since is shown by their number alone: the row that
/// takes them away comes next.
fn member(guild: &GuildView, users: &Users, user: UserId) -> Value {
    let known = guild.members.get(&user).zip(users.cached(user));
    let Some((member, account)) = known else {
        return json!({ "user": { "id": user } });
    };
    let mut value = wire::member(&member, &account);
    let presence = match guild.presences.get(&user) {
        Some(presence) => wire::presence(presence, guild.id),
        None => wire::presence(&Presence::offline(user), guild.id),
    };
    value["presence"] = presence;
    value
}

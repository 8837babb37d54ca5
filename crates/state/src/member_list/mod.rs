//! Who is in a channel, as clients list it: by hoisted roles, then who is online, then who is not
//! (userdoccers: Guild Member List). Pure: a core on the guild's snapshots.
//!
//! A list is made when the first session looks at it, and follows the guild's events from then on. A
//! change tells each session only what lies within, or moves, the rows that it looks at.

mod lists;
mod order;

use std::cmp::Ordering;
use std::ops::RangeInclusive;
use std::sync::Arc;

use model::id::ChannelId;
use model::id::RoleId;
use model::id::UserId;
use model::limits;
use model::wire::channel::permission_overwrite::PermissionOverwriteType;
use model::wire::guild::Permissions;

pub(crate) use self::order::Ordered;
use crate::Guild;
use crate::record::UserRecord;

pub use self::lists::ListUpdate;
pub(crate) use self::lists::Lists;
pub(crate) use self::lists::Made;
pub use self::lists::Wanted;

/// Where names are looked up.
pub trait Names {
    /// The account, if it is known.
    fn account(&self, user: UserId) -> Option<Arc<UserRecord>>;
}

impl Names for crate::users::Users {
    fn account(&self, user: UserId) -> Option<Arc<UserRecord>> {
        self.cached(user)
    }
}

/// A part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupKey {
    /// Who is online and has this role as their highest hoisted one.
    Role(RoleId),
    /// Who else is online.
    Online,
    /// Who is not.
    Offline,
}

/// One row of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// The head of a group, with how many are in it.
    Group(GroupKey, usize),
    /// Someone.
    Member(UserId),
}

/// What changed about a list, by rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListOp {
    /// These rows, whole.
    Sync {
        /// The first and the last row asked for; there may be fewer.
        range: [usize; 2],
        /// What is there.
        rows: Vec<Row>,
    },
    /// A new row; those from there on move down.
    Insert {
        /// Where.
        index: usize,
        /// What.
        row: Row,
    },
    /// Another row in place of one.
    Update {
        /// Where.
        index: usize,
        /// What.
        row: Row,
    },
    /// A row less; those behind it move up.
    Delete {
        /// Where.
        index: usize,
    },
}

/// One list: everyone who may see a channel, and all channels alike.
#[derive(Debug, Clone)]
pub struct MemberList {
    groups: Vec<(GroupKey, Ordered)>,
    audience: Audience,
    /// Hoisted roles, highest first.
    hoisted: Vec<RoleId>,
    /// Whether those who are not online are listed.
    offline: bool,
}

/// Who is on a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    /// Every member.
    Everyone,
    /// Who may see that channel.
    Of(ChannelId),
}

impl MemberList {
    /// The list of a channel as the guild is now. Costs a sort of all who are on it.
    #[must_use]
    pub fn new(guild: &Guild, channel: ChannelId, names: &impl Names, now_ms: u64) -> Self {
        let audience = if is_for_everyone(guild, channel) {
            Audience::Everyone
        } else {
            Audience::Of(channel)
        };
        let hoisted = hoisted(guild);
        let offline = guild.members.len() <= limits::OFFLINE_LISTED;
        let keys = hoisted.iter().map(|role| GroupKey::Role(*role));
        let keys = keys.chain([GroupKey::Online, GroupKey::Offline]);
        let groups = keys.map(|key| (key, Ordered::default())).collect();
        let mut list = Self { groups, audience, hoisted, offline };
        let mut sorted: Vec<Vec<(String, UserId)>> = vec![Vec::new(); list.groups.len()];
        let mut put = |user: UserId| {
            if let Some(group) = list.group_of(guild, user, now_ms) {
                let name = name(guild, names, user).fold();
                sorted[group].push((name, user));
            }
        };
        if offline {
            guild.members.keys().for_each(&mut put);
        } else {
            guild.presences.keys().for_each(|user| put(*user));
        }
        for (group, mut people) in sorted.into_iter().enumerate() {
            people.sort_unstable();
            let people: Vec<_> = people.into_iter().map(|(_, user)| user).collect();
            list.groups[group].1 = Ordered::of(&people);
        }
        list
    }

    /// Whether a list of this channel made now would be made otherwise than by following events: other
    /// hoisted roles, another audience, a guild that grew past those that list who is not online.
    #[must_use]
    pub fn is_outdated(&self, before: &Guild, after: &Guild) -> bool {
        let offline = after.members.len() <= limits::OFFLINE_LISTED;
        if offline != self.offline {
            return true;
        }
        let same_roles = before.roles.ptr_eq(&after.roles);
        if !same_roles && self.hoisted != hoisted(after) {
            return true;
        }
        match self.audience {
            Audience::Everyone => false,
            // Names and colours let nobody see it who did not.
            Audience::Of(_) => {
                !before.channels.ptr_eq(&after.channels)
                    || before.settings.owner != after.settings.owner
                    || (!same_roles && !allowing(before).eq(allowing(after)))
            }
        }
    }

    /// Groups that somebody is in, in order, with how many.
    pub fn groups(&self) -> impl Iterator<Item = (GroupKey, usize)> {
        let groups = self.groups.iter().map(|(key, people)| (*key, people.len()));
        groups.filter(|(_, count)| *count > 0)
    }

    /// How many are listed, and how many of them are online.
    #[must_use]
    pub fn counts(&self) -> [usize; 2] {
        let online = self.groups().filter(|(key, _)| *key != GroupKey::Offline);
        let online = online.map(|(_, count)| count).sum();
        [self.groups().map(|(_, count)| count).sum(), online]
    }

    /// Rows from the first to the last of `range`, as far as there are any. Costs the rows and some
    /// microseconds.
    #[must_use]
    pub fn rows(&self, range: &RangeInclusive<usize>) -> Vec<Row> {
        let wanted = range.end().saturating_sub(*range.start()) + 1;
        let mut skip = *range.start();
        let mut rows = Vec::with_capacity(wanted.min(128));
        for (key, people) in self.groups.iter().filter(|(_, people)| people.len() > 0) {
            let left = wanted - rows.len();
            if left == 0 {
                break;
            }
            if skip > people.len() {
                skip -= people.len() + 1;
                continue;
            }
            if skip == 0 {
                rows.push(Row::Group(*key, people.len()));
            }
            let room = wanted - rows.len();
            rows.extend(people.from(skip.saturating_sub(1)).take(room).map(Row::Member));
            skip = 0;
        }
        rows
    }

    /// Bytes of memory that the places take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.groups.iter().map(|(_, people)| people.bytes()).sum()
    }

    /// The first row of a group, its head.
    fn head(&self, group: usize) -> usize {
        let before = self.groups[..group].iter().map(|(_, people)| people.len());
        before.filter(|count| *count > 0).map(|count| count + 1).sum()
    }

    /// Follows what happened to someone between two snapshots. Ops are in order, each on the rows that
    /// the one before left.
    pub fn follow(
        &mut self,
        user: UserId,
        before: &Guild,
        after: &Guild,
        names: &impl Names,
        now_ms: u64,
    ) -> Vec<ListOp> {
        let old = self.group_of(before, user, now_ms);
        let new = self.group_of(after, user, now_ms);
        let mut ops = Vec::new();
        if old == new
            && let Some(group) = new
            && let Some(place) = self.place_of_same(group, user, after, names)
        {
            let index = self.head(group) + 1 + place;
            ops.push(ListOp::Update { index, row: Row::Member(user) });
            return ops;
        }
        if let Some(group) = old {
            self.take(group, user, before, names, &mut ops);
        }
        if let Some(group) = new {
            self.put(group, user, after, names, &mut ops);
        }
        ops
    }

    /// The place in its group of someone who need not be moved.
    fn place_of_same(
        &self,
        group: usize,
        user: UserId,
        guild: &Guild,
        names: &impl Names,
    ) -> Option<usize> {
        let own = name(guild, names, user);
        let than = |other: UserId| compare(guild, names, other, (user, &own));
        let (_, people) = &self.groups[group];
        let place = people.find(user, than)?;
        people.is_in_order(place, than).then_some(place)
    }

    fn take(
        &mut self,
        group: usize,
        user: UserId,
        guild: &Guild,
        names: &impl Names,
        ops: &mut Vec<ListOp>,
    ) {
        let own = name(guild, names, user);
        let (_, people) = &mut self.groups[group];
        let than = |other: UserId| compare(guild, names, other, (user, &own));
        let Some(place) = people.remove(user, than) else { return };
        let head = self.head(group);
        ops.push(ListOp::Delete { index: head + 1 + place });
        if self.groups[group].1.len() == 0 {
            ops.push(ListOp::Delete { index: head });
        }
    }

    fn put(
        &mut self,
        group: usize,
        user: UserId,
        guild: &Guild,
        names: &impl Names,
        ops: &mut Vec<ListOp>,
    ) {
        let head = self.head(group);
        let own = name(guild, names, user);
        let (key, people) = &mut self.groups[group];
        if people.len() == 0 {
            ops.push(ListOp::Insert { index: head, row: Row::Group(*key, 1) });
        }
        let than = |other: UserId| compare(guild, names, other, (user, &own));
        let place = people.insert(user, than);
        ops.push(ListOp::Insert { index: head + 1 + place, row: Row::Member(user) });
    }

    /// The group that someone is in, by its place.
    fn group_of(&self, guild: &Guild, user: UserId, now_ms: u64) -> Option<usize> {
        let member = guild.members.peek(user)?;
        let online = guild.presences.contains_key(&user);
        if !online && !self.offline {
            return None;
        }
        if let Audience::Of(channel) = self.audience {
            let allowed = guild.permissions_in(user, channel, now_ms);
            if !allowed.has(Permissions::VIEW_CHANNEL) {
                return None;
            }
        }
        let last = self.hoisted.len();
        if !online {
            return Some(last + 1);
        }
        let rank = |role: RoleId| self.hoisted.iter().position(|hoisted| *hoisted == role);
        Some(member.roles().filter_map(rank).min().unwrap_or(last))
    }
}

/// Hoisted roles, highest first.
fn hoisted(guild: &Guild) -> Vec<RoleId> {
    let mut hoisted: Vec<_> = guild.roles.values().filter(|role| role.hoist).collect();
    hoisted.sort_by_key(|role| (std::cmp::Reverse(role.position), role.id));
    hoisted.into_iter().map(|role| role.id).collect()
}

/// What roles allow.
fn allowing(guild: &Guild) -> impl Iterator<Item = (RoleId, Permissions)> {
    guild.roles.values().map(|role| (role.id, role.permissions))
}

/// What someone is called in a guild.
struct Name<'a> {
    nick: Option<&'a str>,
    account: Option<Arc<UserRecord>>,
}

impl Name<'_> {
    fn text(&self) -> &str {
        let account = || {
            let account = self.account.as_deref()?;
            Some(account.global_name.as_deref().unwrap_or(&account.username))
        };
        self.nick.or_else(account).unwrap_or_default()
    }

    fn fold(&self) -> String {
        self.text().chars().flat_map(char::to_lowercase).collect()
    }
}

fn name<'a>(guild: &'a Guild, names: &impl Names, user: UserId) -> Name<'a> {
    let nick = guild.members.peek(user).and_then(|member| member.nick());
    let account = if nick.is_none() { names.account(user) } else { None };
    Name { nick, account }
}

/// How `one` is ordered to `other`, whose name is known: by name without case, then by id.
fn compare(
    guild: &Guild,
    names: &impl Names,
    one: UserId,
    (other, known): (UserId, &Name<'_>),
) -> Ordering {
    let fold = |name: &str| name.chars().flat_map(char::to_lowercase).collect::<String>();
    let made = name(guild, names, one);
    // Most names are told apart by plain letters, without making a copy.
    let plain = made.text().is_ascii() && known.text().is_ascii();
    let by_name = if plain {
        let one = made.text().bytes().map(|byte| byte.to_ascii_lowercase());
        one.cmp(known.text().bytes().map(|byte| byte.to_ascii_lowercase()))
    } else {
        fold(made.text()).cmp(&fold(known.text()))
    };
    by_name.then_with(|| one.cmp(&other))
}

/// Whether everyone may see a channel, so that its list is that of all such channels.
fn is_for_everyone(guild: &Guild, channel: ChannelId) -> bool {
    let everyone: RoleId = guild.id.cast();
    let mut sees = guild.roles.get(&everyone).is_some_and(|role| {
        role.permissions.intersects(Permissions::VIEW_CHANNEL | Permissions::ADMINISTRATOR)
    });
    let overwrites =
        guild.channels.get(&channel).and_then(|channel| channel.permission_overwrites.as_deref());
    for overwrite in overwrites.unwrap_or_default() {
        if overwrite.id.get() == guild.id.get() {
            sees &= !overwrite.deny.contains(Permissions::VIEW_CHANNEL);
            sees |= overwrite.allow.contains(Permissions::VIEW_CHANNEL);
        }
    }
    sees
}

/// The name of a channel's list, as clients compute it: `everyone`, or a hash of who is allowed and
/// denied to see it.
#[must_use]
pub fn list_id(guild: &Guild, channel: ChannelId) -> String {
    if is_for_everyone(guild, channel) {
        return "everyone".to_owned();
    }
    let channel = guild.channels.get(&channel);
    let overwrites = channel.and_then(|channel| channel.permission_overwrites.as_deref());
    let mut parts: Vec<String> = overwrites
        .unwrap_or_default()
        .iter()
        .filter(|overwrite| {
            // Kinds that are not known are of no list.
            matches!(
                overwrite.kind,
                PermissionOverwriteType::Member | PermissionOverwriteType::Role
            )
        })
        .filter_map(|overwrite| {
            if overwrite.allow.contains(Permissions::VIEW_CHANNEL) {
                Some(format!("allow:{}", overwrite.id))
            } else if overwrite.deny.contains(Permissions::VIEW_CHANNEL) {
                Some(format!("deny:{}", overwrite.id))
            } else {
                None
            }
        })
        .collect();
    parts.sort();
    murmur3(parts.join(",").as_bytes()).to_string()
}

/// `MurmurHash3` of 32 bits with seed 0 (Austin Appleby, public domain): what clients hash with.
fn murmur3(bytes: &[u8]) -> u32 {
    const C1: u32 = 0xcc9e_2d51;
    const C2: u32 = 0x1b87_3593;
    let scramble = |k: u32| k.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2);
    let mut hash = 0_u32;
    let (words, tail) = bytes.as_chunks::<4>();
    for word in words {
        hash ^= scramble(u32::from_le_bytes(*word));
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    if !tail.is_empty() {
        let mut last = [0; 4];
        last[..tail.len()].copy_from_slice(tail);
        hash ^= scramble(u32::from_le_bytes(last));
    }
    hash ^= u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    #[test]
    fn lists_are_named_by_the_hash_that_clients_use() {
        let hashes = [&b""[..], b"test", b"Hello, world!"].map(super::murmur3);

        assert_eq!(hashes, [0, 0xba6b_d213, 0xc036_3e43]);
    }
}

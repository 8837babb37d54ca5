//! The lists of one guild that sessions look at, and what each is told of them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use model::id::ChannelId;
use model::id::UserId;
use model::limits;
use model::wire::guild::Permissions;

use super::GroupKey;
use super::ListOp;
use super::MemberList;
use super::Names;
use super::list_id;
use crate::Guild;
use crate::GuildView;
use crate::actor::SubscriberId;
use crate::event::GuildEvent;
use crate::event::UserEvent;
use crate::sessions::Session;

/// What a session looks at: channels, and which rows of each.
pub type Wanted = Vec<(ChannelId, Vec<[usize; 2]>)>;

/// What changed about a list, for one session.
#[derive(Debug)]
pub struct ListUpdate {
    /// The guild as it is now.
    pub guild: GuildView,
    /// The list's name.
    pub list: String,
    /// How many are listed, and how many of them are online.
    pub counts: [usize; 2],
    /// Groups, in order, with how many are in each.
    pub groups: Vec<(GroupKey, usize)>,
    /// What changed.
    pub ops: Vec<ListOp>,
}

/// One session that looks.
struct Viewer {
    session: Arc<Session>,
    channels: BTreeMap<ChannelId, Watched>,
}

struct Watched {
    list: String,
    ranges: Vec<RangeInclusive<usize>>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Lists {
    lists: HashMap<String, MemberList>,
    viewers: BTreeMap<SubscriberId, Viewer>,
}

impl Lists {
    /// A session looks at these rows from now on, and is told what is there. Of a channel without rows
    /// it looks away. `now_ms`: Unix milliseconds.
    pub(crate) fn watch(
        &mut self,
        session: Arc<Session>,
        wanted: Wanted,
        guild: &GuildView,
        names: &impl Names,
        now_ms: u64,
    ) {
        let id = session.id;
        for (channel, ranges) in wanted {
            let viewer = self.viewers.entry(id).or_insert_with(|| Viewer {
                session: Arc::clone(&session),
                channels: BTreeMap::new(),
            });
            viewer.channels.remove(&channel);
            let ranges = bounded(&ranges);
            let many = viewer.channels.len() >= limits::LISTED_CHANNELS;
            if !ranges.is_empty() && !many && may_look(guild, session.user, channel, now_ms) {
                let list = list_id(guild, channel);
                viewer.channels.insert(channel, Watched { list, ranges });
                self.sync(id, channel, guild, names, now_ms);
            }
        }
        self.forget_unseen();
    }

    /// A session is gone.
    pub(crate) fn remove(&mut self, id: SubscriberId) {
        if self.viewers.remove(&id).is_some() {
            self.forget_unseen();
        }
    }

    /// Follows what happened between two snapshots.
    pub(crate) fn follow(
        &mut self,
        events: &[GuildEvent],
        before: &GuildView,
        after: &GuildView,
        names: &impl Names,
        now_ms: u64,
    ) {
        if self.viewers.is_empty() {
            return;
        }
        let mut people = BTreeSet::new();
        for event in events {
            match event {
                GuildEvent::MemberAdded(member) | GuildEvent::MemberUpdated(member) => {
                    people.insert(member.user);
                }
                GuildEvent::MemberRemoved(user) => {
                    people.insert(*user);
                    self.viewers.retain(|_, viewer| viewer.session.user != *user);
                }
                GuildEvent::UserUpdated(user) => {
                    people.insert(user.id);
                }
                GuildEvent::PresenceUpdated { user, .. } => {
                    people.insert(*user);
                }
                _ => {}
            }
        }
        let structure = !before.roles.ptr_eq(&after.roles)
            || !before.channels.ptr_eq(&after.channels)
            || before.settings.owner != after.settings.owner;
        let outdated: BTreeSet<String> = self
            .lists
            .iter()
            .filter(|(_, list)| list.is_outdated(before, after))
            .map(|(id, _)| id.clone())
            .collect();
        self.lists.retain(|id, _| !outdated.contains(id));
        for user in people {
            let mut told = Vec::new();
            for (id, list) in &mut self.lists {
                let ops = list.follow(user, before, after, names, now_ms);
                if !ops.is_empty() {
                    told.push((id.clone(), ops));
                }
            }
            for (id, ops) in told {
                self.tell(&id, &ops, after);
            }
        }
        if structure || !outdated.is_empty() {
            self.look_again(&outdated, after, names, now_ms);
        }
    }

    /// What each session looks at may be another list now, or hidden.
    fn look_again(
        &mut self,
        outdated: &BTreeSet<String>,
        guild: &GuildView,
        names: &impl Names,
        now_ms: u64,
    ) {
        let mut changed = Vec::new();
        for (id, viewer) in &mut self.viewers {
            let user = viewer.session.user;
            viewer.channels.retain(|channel, _| may_look(guild, user, *channel, now_ms));
            for (channel, watched) in &mut viewer.channels {
                let list = list_id(guild, *channel);
                if list != watched.list || outdated.contains(&list) {
                    watched.list = list;
                    changed.push((*id, *channel));
                }
            }
        }
        for (id, channel) in changed {
            self.sync(id, channel, guild, names, now_ms);
        }
        self.forget_unseen();
    }

    /// Tells a session the rows that it looks at, whole.
    fn sync(
        &mut self,
        id: SubscriberId,
        channel: ChannelId,
        guild: &GuildView,
        names: &impl Names,
        now_ms: u64,
    ) {
        let Some(viewer) = self.viewers.get(&id) else { return };
        let Some(watched) = viewer.channels.get(&channel) else { return };
        let make = || MemberList::new(guild, channel, names, now_ms);
        let list = self.lists.entry(watched.list.clone()).or_insert_with(make);
        let ranges = watched.ranges.iter();
        let ops = ranges.map(|range| ListOp::Sync {
            range: [*range.start(), *range.end()],
            rows: list.rows(range),
        });
        let ops = ops.collect();
        viewer.session.push(update(guild, &watched.list, list, ops));
    }

    /// Tells everyone who looks at a list what changed for them.
    fn tell(&self, id: &str, ops: &[ListOp], guild: &GuildView) {
        let Some(list) = self.lists.get(id) else { return };
        for viewer in self.viewers.values() {
            let watched = viewer.channels.values().filter(|watched| watched.list == id);
            let mut ranges: Vec<_> =
                watched.flat_map(|watched| watched.ranges.iter().cloned()).collect();
            ranges.sort_by_key(|range| *range.start());
            let ops = seen(ops, &ranges, list);
            if !ops.is_empty() {
                viewer.session.push(update(guild, id, list, ops));
            }
        }
    }

    fn forget_unseen(&mut self) {
        self.viewers.retain(|_, viewer| !viewer.channels.is_empty() && viewer.session.is_live());
        let viewers = &self.viewers;
        self.lists.retain(|id, _| {
            let mut watched = viewers.values().flat_map(|viewer| viewer.channels.values());
            watched.any(|watched| watched.list == *id)
        });
    }
}

fn update(guild: &GuildView, list: &str, of: &MemberList, ops: Vec<ListOp>) -> UserEvent {
    UserEvent::MemberList(Arc::new(ListUpdate {
        guild: Arc::clone(guild),
        list: list.to_owned(),
        counts: of.counts(),
        groups: of.groups().collect(),
        ops,
    }))
}

fn may_look(guild: &Guild, user: UserId, channel: ChannelId, now_ms: u64) -> bool {
    guild.channels.contains_key(&channel)
        && guild.permissions_in(user, channel, now_ms).has(Permissions::VIEW_CHANNEL)
}

/// The rows asked for, as many as may be.
fn bounded(ranges: &[[usize; 2]]) -> Vec<RangeInclusive<usize>> {
    let ranges = ranges.iter().take(limits::LISTED_RANGES).filter(|[from, to]| from <= to);
    ranges
        .map(|[from, to]| *from..=(*to).min(from.saturating_add(limits::LISTED_ROWS - 1)))
        .collect()
}

/// What of a change concerns someone who looks at these rows: whatever lies in them or moves them, and
/// the rows that move in from behind.
fn seen(ops: &[ListOp], ranges: &[RangeInclusive<usize>], list: &MemberList) -> Vec<ListOp> {
    let Some(last) = ranges.iter().map(|range| *range.end()).max() else { return Vec::new() };
    let place = |op: &ListOp| match op {
        ListOp::Sync { range, .. } => range[0],
        ListOp::Insert { index, .. } | ListOp::Update { index, .. } | ListOp::Delete { index } => {
            *index
        }
    };
    let concerns = |op: &ListOp| match op {
        ListOp::Update { index, .. } => ranges.iter().any(|range| range.contains(index)),
        op => place(op) <= last,
    };
    let mut seen: Vec<_> = ops.iter().filter(|op| concerns(op)).cloned().collect();
    for (nth, range) in ranges.iter().enumerate() {
        let end = *range.end();
        // Behind it another one begins: its rows are known.
        if ranges.get(nth + 1).is_some_and(|next| *next.start() <= end.saturating_add(1)) {
            continue;
        }
        let gone = ops.iter().filter(|op| matches!(op, ListOp::Delete { .. }) && place(op) <= end);
        let come = ops.iter().filter(|op| matches!(op, ListOp::Insert { .. }) && place(op) <= end);
        let missing = gone.count().saturating_sub(come.count());
        let first = end.saturating_add(1).saturating_sub(missing);
        let rows = if missing > 0 { list.rows(&(first..=end)) } else { Vec::new() };
        for (nth, row) in rows.into_iter().enumerate() {
            seen.push(ListOp::Update { index: first + nth, row });
        }
    }
    seen
}

//! The lists of one guild that sessions look at, and what each is told of them.
//!
//! A list of many people is not made here, where the guild would wait for it: it is ordered
//! ([`Lists::order`]), made elsewhere from a snapshot, and taken in ([`Lists::made`]) with what happened
//! meanwhile.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::VecDeque;
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

/// A list, or that it is being made.
enum Kept {
    Here(MemberList),
    Ordered {
        nth: u64,
        /// As of when.
        from: GuildView,
        /// Who changed since.
        changed: BTreeSet<UserId>,
    },
}

/// A list to be made, by [`make`](Self::make), wherever nobody waits.
pub(crate) struct Order {
    list: String,
    nth: u64,
    channel: ChannelId,
    guild: GuildView,
}

impl Order {
    /// Makes the list; what [`Lists::made`] takes. `now_ms`: Unix milliseconds.
    pub(crate) fn make(self, names: &impl Names, now_ms: u64) -> Made {
        let made = MemberList::new(&self.guild, self.channel, names, now_ms);
        Made { order: self, made }
    }
}

/// A list that was made from an order.
pub(crate) struct Made {
    order: Order,
    made: MemberList,
}

/// See the module. Drain [`order`](Self::order) after whatever is told to it.
#[derive(Default)]
pub(crate) struct Lists {
    lists: HashMap<String, Kept>,
    viewers: BTreeMap<SubscriberId, Viewer>,
    orders: VecDeque<Order>,
    /// Orders so far.
    ordered: u64,
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
            .filter(|(_, kept)| match kept {
                Kept::Here(list) => list.is_outdated(before, after),
                // Asked when it is made.
                Kept::Ordered { .. } => false,
            })
            .map(|(id, _)| id.clone())
            .collect();
        self.lists.retain(|id, _| !outdated.contains(id));
        for user in people {
            let mut told = Vec::new();
            for (id, kept) in &mut self.lists {
                let ops = match kept {
                    Kept::Here(list) => list.follow(user, before, after, names, now_ms),
                    Kept::Ordered { changed, .. } => {
                        changed.insert(user);
                        continue;
                    }
                };
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

    /// The next list that is to be made elsewhere.
    pub(crate) fn order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    /// Takes in a list that was made, and shows it to those who wait for it. It is ordered anew when
    /// the guild has become another one for it meanwhile.
    pub(crate) fn made(&mut self, made: Made, guild: &GuildView, names: &impl Names, now_ms: u64) {
        let Made { order, made: mut list } = made;
        let Some(Kept::Ordered { nth, from, changed }) = self.lists.get(&order.list) else {
            return;
        };
        if *nth != order.nth {
            return;
        }
        if list.is_outdated(from, guild) {
            self.put_order(order.list, order.channel, guild);
            return;
        }
        for user in changed {
            list.follow(*user, from, guild, names, now_ms);
        }
        self.lists.insert(order.list.clone(), Kept::Here(list));
        let mut waiting = Vec::new();
        for (id, viewer) in &self.viewers {
            let channels = viewer.channels.iter();
            let theirs = channels.filter(|(_, watched)| watched.list == order.list);
            waiting.extend(theirs.map(|(channel, _)| (*id, *channel)));
        }
        for (id, channel) in waiting {
            self.sync(id, channel, guild, names, now_ms);
        }
    }

    fn put_order(&mut self, list: String, channel: ChannelId, guild: &GuildView) {
        self.ordered += 1;
        let nth = self.ordered;
        let (from, changed) = (Arc::clone(guild), BTreeSet::new());
        self.lists.insert(list.clone(), Kept::Ordered { nth, from, changed });
        self.orders.push_back(Order { list, nth, channel, guild: Arc::clone(guild) });
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

    /// Tells a session the rows that it looks at, whole; as soon as they are known.
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
        if !self.lists.contains_key(&watched.list) {
            let name = watched.list.clone();
            if listed(guild) > AT_ONCE {
                return self.put_order(name, channel, guild);
            }
            let list = MemberList::new(guild, channel, names, now_ms);
            self.lists.insert(name, Kept::Here(list));
        }
        let Some(Kept::Here(list)) = self.lists.get(&watched.list) else { return };
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
        let Some(Kept::Here(list)) = self.lists.get(id) else { return };
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

/// How many people a list of the guild holds at most.
fn listed(guild: &Guild) -> usize {
    if guild.members.len() <= limits::OFFLINE_LISTED {
        guild.members.len()
    } else {
        guild.presences.len()
    }
}

/// People up to whom a list is made at once. More lets the guild wait for it, some microseconds for
/// each; fewer lets small guilds wait for a thread.
const AT_ONCE: usize = 2_000;

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

#[cfg(test)]
mod tests {
    use model::wire::gateway::presence::Status;
    use model::wire::id::Id;
    use model::wire::util::Timestamp;
    use tokio::sync::mpsc;

    use super::super::Row;
    use super::*;
    use crate::GuildCommand;
    use crate::actor::Overflow;
    use crate::actor::Subscriber;
    use crate::guild::command::GuildDraft;
    use crate::presence::Presence;
    use crate::record::MemberRecord;
    use crate::record::UserRecord;
    use crate::sessions::Sessions;

    const ANA: UserId = Id::new(1);
    const TEXT: ChannelId = Id::new(102);
    const NOW: u64 = 1_790_000_000_000;

    /// Everyone is called by their number.
    struct Numbers;

    impl Names for Numbers {
        fn account(&self, id: UserId) -> Option<Arc<UserRecord>> {
            let username = format!("n{:09}", id.get());
            let (global_name, avatar) = (None, None);
            Some(Arc::new(UserRecord { id, username, global_name, avatar, bot: false, flags: 0 }))
        }
    }

    fn online(user: UserId) -> Arc<Presence> {
        Arc::new(Presence { status: Status::Online, ..Presence::offline(user) })
    }

    /// Everyone up to that number is a member, and online.
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
        let ana = guild.members.get(&ANA).expect("a member");
        for user in (1..=members).map(Id::new) {
            guild.members.insert(user, Arc::new(MemberRecord { user, ..(*ana).clone() }));
            guild.presences.insert(user, online(user));
        }
        guild
    }

    struct Looking {
        lists: Lists,
        told: mpsc::Receiver<UserEvent>,
        session: Arc<Session>,
        _sessions: Sessions,
    }

    fn looking() -> Looking {
        let (queue, told) = mpsc::channel(64);
        let (id, overflow) = (SubscriberId(1), Arc::new(Overflow::default()));
        let sessions = Sessions::default();
        sessions.connect(Subscriber { id, user: ANA, queue, overflow, hearer: None });
        let session = sessions.session(id).expect("connected");
        Looking { lists: Lists::default(), told, session, _sessions: sessions }
    }

    impl Looking {
        fn watch(&mut self, guild: &GuildView) {
            let wanted = vec![(TEXT, vec![[0, 2]])];
            self.lists.watch(Arc::clone(&self.session), wanted, guild, &Numbers, NOW);
        }

        /// The rows told last, all of them synced.
        fn rows(&mut self) -> Option<Vec<Row>> {
            let mut last = None;
            while let Ok(UserEvent::MemberList(update)) = self.told.try_recv() {
                let [ListOp::Sync { rows, .. }] = &update.ops[..] else { panic!("{update:?}") };
                last = Some(rows.clone());
            }
            last
        }
    }

    #[test]
    fn a_list_of_few_is_made_at_once() {
        let mut looking = looking();
        looking.watch(&Arc::new(guild(3)));

        assert!(looking.lists.order().is_none());
        assert_eq!(looking.rows().map(|rows| rows.len()), Some(3));
    }

    #[test]
    fn a_list_of_many_is_made_elsewhere_and_knows_what_happened_meanwhile() {
        let before = Arc::new(guild(AT_ONCE as u64 + 1));
        let mut looking = looking();
        looking.watch(&before);
        let order = looking.lists.order().expect("an order");
        assert_eq!(looking.rows(), None);

        // The first of them goes offline while it is made.
        let mut after = (*before).clone();
        after.presences.remove(&ANA);
        let after = Arc::new(after);
        let presence = Arc::new(Presence::offline(ANA));
        let events = [GuildEvent::PresenceUpdated { user: ANA, presence }];
        looking.lists.follow(&events, &before, &after, &Numbers, NOW);
        looking.lists.made(order.make(&Numbers, NOW), &after, &Numbers, NOW);

        let rows = looking.rows().expect("told");
        let member = |id| Row::Member(Id::new(id));
        assert_eq!(rows, [Row::Group(GroupKey::Online, AT_ONCE), member(2), member(3)]);
        assert!(looking.lists.order().is_none());
    }

    #[test]
    fn a_list_that_is_of_another_guild_when_it_is_made_is_ordered_anew() {
        let before = Arc::new(guild(AT_ONCE as u64 + 1));
        let mut looking = looking();
        looking.watch(&before);
        let order = looking.lists.order().expect("an order");
        let patch = crate::guild::command::RolePatch { hoist: Some(true), ..Default::default() };
        let command = GuildCommand::CreateRole(Id::new(201), patch);
        let (after, events) = before.apply(&before.plan(ANA, &command, NOW).expect("allowed"));
        let after = Arc::new(after);
        looking.lists.follow(&events, &before, &after, &Numbers, NOW);

        looking.lists.made(order.make(&Numbers, NOW), &after, &Numbers, NOW);
        assert_eq!(looking.rows(), None);
        let order = looking.lists.order().expect("another order");
        looking.lists.made(order.make(&Numbers, NOW), &after, &Numbers, NOW);

        assert_eq!(looking.rows().map(|rows| rows.len()), Some(3));
    }

    #[test]
    fn a_list_that_nobody_waits_for_any_more_is_dropped() {
        let guild = Arc::new(guild(AT_ONCE as u64 + 1));
        let mut looking = looking();
        looking.watch(&guild);
        let order = looking.lists.order().expect("an order");
        looking.lists.remove(SubscriberId(1));

        looking.lists.made(order.make(&Numbers, NOW), &guild, &Numbers, NOW);

        assert!(looking.lists.lists.is_empty() && looking.rows().is_none());
    }
}

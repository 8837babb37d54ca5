//! A guild of a million members: how long a range of its member list takes, and what a member costs in
//! memory. Prints both; the bars are a p99 of 5 ms and 200 bytes.

use std::fs;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use model::id::ChannelId;
use model::id::RoleId;
use model::id::UserId;
use model::wire::gateway::presence::Status;
use model::wire::id::Id;
use model::wire::util::Timestamp;
use state::Guild;
use state::GuildCommand;
use state::guild::command::GuildDraft;
use state::guild::command::RolePatch;
use state::member_list::MemberList;
use state::member_list::Names;
use state::member_list::Row;
use state::presence::Presence;
use state::record::MemberRecord;
use state::record::UserRecord;

const OWNER: UserId = Id::new(1);
const TEXT: ChannelId = Id::new(202);
const ROLES: u64 = 8;
/// Ids of accounts begin behind it.
const FIRST: u64 = 1_000_000_000;
/// Unix milliseconds.
const NOW: u64 = 1_790_000_000_000;
/// Ranges asked for, and people whose presence changes.
const ASKED: u64 = 20_000;

/// Accounts by their number.
struct Accounts(Vec<Arc<UserRecord>>);

impl Names for Accounts {
    fn account(&self, user: UserId) -> Option<Arc<UserRecord>> {
        let place = usize::try_from(user.get().checked_sub(FIRST)?).ok()?;
        self.0.get(place).cloned()
    }
}

/// Numbers that look like chance and are the same each time.
const fn scatter(number: u64) -> u64 {
    let number = (number ^ (number >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    number ^ (number >> 29)
}

fn main() {
    // `cargo test --benches` only asks whether it runs.
    let short = !std::env::args().any(|argument| argument == "--bench");
    let members: u64 = if short { 2_000 } else { 1_000_000 };
    let accounts = Accounts((0..members).map(account).collect());
    let mut guild = guild();

    let before = resident();
    for place in 0..members {
        let member = member(place);
        guild.members.insert(member.user, Arc::new(member));
    }
    let in_guild = resident().saturating_sub(before);
    // The worst case: everyone is online, so that everyone is listed.
    let presences = resident();
    for place in 0..members {
        let user = Id::new(FIRST + place);
        let presence = Presence { status: Status::Online, ..Presence::offline(user) };
        guild.presences.insert(user, Arc::new(presence));
    }
    let presences = resident().saturating_sub(presences);
    let began = now();
    let mut list = MemberList::new(&guild, TEXT, &accounts, NOW);
    let built = began.elapsed();
    let in_list = list.bytes() as u64;

    let ranges = percentiles(3, |nth| {
        let start = usize::try_from(scatter(nth) % members).unwrap_or(0) / 100 * 100;
        let rows = list.rows(&(start..=start + 99));
        // As it is shown: each with the member and the account.
        let shown = rows.iter().filter(|row| match row {
            Row::Group(..) => true,
            Row::Member(user) => {
                guild.members.contains_key(user) && accounts.account(*user).is_some()
            }
        });
        assert!(shown.count() > 0, "there are rows everywhere");
    });
    let follows = percentiles(1, |nth| {
        let user = Id::new(FIRST + scatter(nth) % members);
        let mut after = guild.clone();
        if after.presences.remove(&user).is_none() {
            let presence = Presence { status: Status::Online, ..Presence::offline(user) };
            after.presences.insert(user, Arc::new(presence));
        }
        let ops = list.follow(user, &guild, &after, &accounts, NOW);
        assert!(!ops.is_empty(), "someone came or went");
        guild = after;
    });

    let each = |bytes: u64| bytes as f64 / members as f64;
    println!("members                 {members}");
    println!("a member in the guild   {:.0} bytes", each(in_guild));
    println!("a place in the list     {:.1} bytes", each(in_list));
    println!("both together           {:.0} bytes (bar: 200)", each(in_guild + in_list));
    println!("being online, beside    {:.0} bytes", each(presences));
    println!("a record by itself      {} bytes", size_of::<MemberRecord>());
    println!("the list is made in     {built:?}");
    println!("a range, p50 and p99    {:?} {:?} (bar: 5 ms)", ranges[0], ranges[1]);
    println!("a change, p50 and p99   {:?} {:?}", follows[0], follows[1]);
    if !short {
        assert!(ranges[1] < Duration::from_millis(5), "a range takes too long");
        assert!(each(in_guild + in_list) < 200.0, "a member is too large");
    }
}

fn guild() -> Guild {
    let now = Timestamp::from_secs(NOW as i64 / 1_000).expect("a time");
    let draft = GuildDraft {
        id: Id::new(50),
        name: "Harbour".to_owned(),
        owner: OWNER,
        icon: None,
        now,
        channel_ids: [201, 202, 203, 204].map(Id::new),
    };
    let mut guild = Guild::found(draft).expect("a valid draft");
    for nth in 0..ROLES {
        let patch = RolePatch { hoist: Some(true), ..RolePatch::default() };
        let command = GuildCommand::CreateRole(Id::new(100 + nth), patch);
        let plan = guild.plan(OWNER, &command, NOW).expect("an allowed command");
        guild = guild.apply(&plan).0;
    }
    guild
}

/// A third has a role, a tenth a name of their own.
fn member(place: u64) -> MemberRecord {
    let chance = scatter(place);
    let role = |chance: u64| -> RoleId { Id::new(100 + chance % ROLES) };
    let nick = || format!("Captain {}", chance >> 40).into();
    let joined_at = Timestamp::from_secs(NOW as i64 / 1_000).expect("a time");
    MemberRecord {
        nick: chance.is_multiple_of(10).then(nick),
        roles: if chance.is_multiple_of(3) { vec![role(chance >> 8)] } else { Vec::new() },
        ..MemberRecord::joined(Id::new(FIRST + place), joined_at)
    }
}

fn account(place: u64) -> Arc<UserRecord> {
    Arc::new(UserRecord {
        id: Id::new(FIRST + place),
        username: format!("sailor{:x}", scatter(place ^ 7) >> 24),
        global_name: None,
        avatar: None,
        bot: false,
        flags: 0,
    })
}

/// How long one of many takes: half of them less than the first, of a hundred all but one less than the
/// second. Each is done `times` times, and the quickest counts: what else the machine does is not
/// measured.
fn percentiles(times: u64, mut one: impl FnMut(u64)) -> [Duration; 2] {
    let mut took: Vec<_> = (0..ASKED)
        .map(|nth| {
            let once = |_| {
                let began = now();
                one(nth);
                began.elapsed()
            };
            (0..times).map(once).min().unwrap_or_default()
        })
        .collect();
    took.sort_unstable();
    [took[took.len() / 2], took[took.len() * 99 / 100]]
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn now() -> Instant {
    Instant::now()
}

/// Bytes of memory that the process holds.
fn resident() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4_096
}

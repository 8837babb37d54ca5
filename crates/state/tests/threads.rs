//! Threads on the pure guild: limits, silence on a virtual clock, and who is in them.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::UserId;
use model::limits;
use model::wire::channel::ChannelType;
use model::wire::guild::Permissions;
use model::wire::id::Id;
use model::wire::util::Timestamp;
use state::Denied;
use state::Guild;
use state::GuildCommand;
use state::due::Due;
use state::event::ChatEvent;
use state::guild::command::GuildDraft;
use state::guild::command::ThreadDraft;
use state::guild::command::ThreadPatch;
use state::record::MessageRecord;
use state::thread::Thread;
use state::thread::ThreadMember;

const OWNER: UserId = Id::new(1);
const ANA: UserId = Id::new(2);
const TEXT: ChannelId = Id::new(52);
/// Unix milliseconds of a day in 2026.
const NOON: u64 = 1_790_000_000_000;

fn guild() -> Guild {
    let now = Timestamp::from_secs(1_790_000_000).expect("a time");
    let guild = Guild::found(GuildDraft {
        id: Id::new(50),
        name: "Harbour".to_owned(),
        owner: OWNER,
        icon: None,
        now,
        channel_ids: [51, 52, 53, 54].map(Id::new),
    });
    after(&guild.expect("a guild"), ANA, &GuildCommand::Join { user: ANA, now, roles: Vec::new() })
}

fn after(guild: &Guild, actor: UserId, command: &GuildCommand) -> Guild {
    let plan = guild.plan(actor, command, NOON).expect("an allowed change");
    guild.apply(&plan).0
}

fn start(id: u64, kind: ChannelType) -> GuildCommand {
    GuildCommand::CreateThread(ThreadDraft {
        id: Id::new(id),
        parent: TEXT,
        kind,
        name: "Bread".to_owned(),
        auto_archive_minutes: Some(60),
        rate_limit_per_user: None,
        invitable: None,
        tags: Vec::new(),
    })
}

fn thread(guild: &Guild, id: u64) -> &Thread {
    guild.threads.get(&Id::new(id)).expect("the thread")
}

#[test]
fn a_guild_has_a_thousand_active_threads_and_no_more_until_one_is_archived() {
    let mut guild = guild();
    for id in 0..limits::ACTIVE_THREADS as u64 {
        guild = after(&guild, ANA, &start(1_000 + id, ChannelType::PublicThread));
    }

    let refused = guild.plan(ANA, &start(9_999, ChannelType::PublicThread), NOON);
    assert_eq!(refused, Err(Denied::Code(ErrorCode::MaximumActiveThreads)));

    let now_ms = NOON + 3_600_000;
    assert!(!guild.has_idle_threads(now_ms - 1));
    let guild = after(&guild, OWNER, &GuildCommand::ArchiveIdle { now_ms });
    assert!(!guild.has_idle_threads(now_ms));
    let guild = after(&guild, ANA, &start(9_999, ChannelType::PublicThread));
    assert!(!thread(&guild, 9_999).record.archived && thread(&guild, 1_000).record.archived);
}

#[test]
fn a_thread_is_full_for_those_who_join_and_open_for_those_who_speak() {
    let mut guild = after(&guild(), OWNER, &start(1_000, ChannelType::PublicThread));
    let full = guild.threads.get_mut(&Id::new(1_000)).expect("the thread");
    for user in 10_000..10_000 + limits::THREAD_MEMBERS as u64 - 1 {
        let member = ThreadMember { user: Id::new(user), joined_ms: NOON, flags: 0 };
        Arc::make_mut(full).members.insert(member.user, member);
    }

    let join = GuildCommand::AddThreadMembers(Id::new(1_000), vec![ANA]);
    let refused = guild.plan(ANA, &join, NOON);
    assert_eq!(refused, Err(Denied::Code(ErrorCode::MaximumThreadMembers)));

    let speak = GuildCommand::SpeakInThread { thread: Id::new(1_000), mentioned: Vec::new() };
    assert_eq!(guild.plan(ANA, &speak, NOON).expect("allowed").changes, []);
}

#[test]
fn words_put_silence_off() {
    let guild = after(&guild(), ANA, &start(1_000, ChannelType::PublicThread));
    let id = Id::new(((NOON + 1_800_000 - model::snowflake::EPOCH) << 22) | 1);
    let said = MessageRecord::said(id, Id::new(1_000), ANA, "rye".to_owned());

    let spoken = thread(&guild, 1_000).after(&ChatEvent::MessageCreated(Arc::new(said)));

    assert_eq!(thread(&guild, 1_000).archives_at(), NOON + 3_600_000);
    assert_eq!(spoken.expect("counted").archives_at(), NOON + 1_800_000 + 3_600_000);
}

#[test]
fn only_what_may_be_due_is_looked_at_and_words_put_it_off_when_its_turn_comes() {
    const HOUR: u64 = 3_600_000;
    let mut guild = guild();
    let mut due = Due::default();
    due.welcome(&guild);
    for id in [1_000, 1_001, 1_002] {
        let plan = guild.plan(ANA, &start(id, ChannelType::PublicThread), NOON).expect("allowed");
        let (after, events) = guild.apply(&plan);
        due.follow(&after, &events);
        guild = after;
    }
    let (half, archived) = (Id::new(1_000), Id::new(1_001));
    let id = Id::new(((NOON + HOUR / 2 - model::snowflake::EPOCH) << 22) | 1);
    let said =
        ChatEvent::MessageCreated(Arc::new(MessageRecord::said(id, half, ANA, "rye".into())));
    let spoken = thread(&guild, 1_000).after(&said).expect("counted");
    guild.threads.insert(half, Arc::new(spoken));
    let patch = ThreadPatch { archived: Some(true), ..ThreadPatch::default() };
    guild = after(&guild, ANA, &GuildCommand::UpdateThread(archived, patch));
    let guild = Arc::new(guild);
    let look = |due: &mut Due, now_ms| due.guilds(now_ms, |_| Some(Arc::clone(&guild))).len();

    assert_eq!((look(&mut due, NOON + HOUR - 1), due.len()), (0, 3));
    // The third is idle; the second was archived by hand and is dropped, the first put off.
    assert_eq!((look(&mut due, NOON + HOUR), due.len()), (1, 2));
    // Nobody archived it: it is told again.
    assert_eq!((look(&mut due, NOON + HOUR), due.len()), (1, 2));
    let gone = due.guilds(NOON + 3 * HOUR, |_| None::<Arc<Guild>>);
    assert!(gone.is_empty() && due.is_empty());
}

#[test]
fn a_private_thread_is_no_place_for_those_who_are_not_in_it() {
    let guild = after(&guild(), OWNER, &start(1_000, ChannelType::PrivateThread));
    let sees = |guild: &Guild| {
        guild.permissions_in(ANA, Id::new(1_000), NOON).has(Permissions::VIEW_CHANNEL)
    };
    assert!(!sees(&guild));

    let add = GuildCommand::AddThreadMembers(Id::new(1_000), vec![ANA]);
    let guild = after(&guild, OWNER, &add);
    assert!(sees(&guild));

    let guild = after(&guild, OWNER, &GuildCommand::Kick(ANA));
    assert!(!thread(&guild, 1_000).members.contains_key(&ANA));
}

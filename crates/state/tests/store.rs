//! The store from outside: order, gaps, slow listeners, callers that hang up.

#[path = "store/hearing.rs"]
mod hearing;
#[path = "support/repo.rs"]
mod repo;
mod support;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use model::error_code::ErrorCode;
use model::id::UserId;
use model::wire::gateway::presence::Status;
use model::wire::guild::Permissions;
use model::wire::id::Id;
use state::Denied;
use state::GuildCommand;
use state::GuildEvent;
use state::GuildStore;
use state::Overflow;
use state::Subscriber;
use state::SubscriberId;
use state::UserEvent;
use state::audit::By;
use state::event::ChatEvent;
use state::guild::command::MemberPatch;
use state::presence::Client;
use state::presence::SessionPresence;
use state::record::UserRecord;
use state::store::ChangeError;
use state::store::ChannelHome;
use state::users::Users;
use state::voice::VoiceCommand;
use state::voice::VoiceOutcome;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use repo::Accounts;
use repo::Fixture;
use repo::Guilds;
use repo::Privates;
use support::*;

/// The store of these tests, with the guild of the tests in it.
async fn fixture() -> Fixture {
    let guilds = Arc::new(Guilds::default());
    let guild = guild(Permissions::KICK_MEMBERS);
    guilds.rows.lock().expect("unpoisoned").insert(guild.id, guild);
    let accounts = Arc::new(Accounts::default());
    let users = Arc::new(Users::new(Arc::<Accounts>::clone(&accounts)));
    let repo: Arc<Guilds> = Arc::clone(&guilds);
    let store = GuildStore::load(repo, Arc::new(Privates::default()), users).await;
    Fixture { store: store.expect("loads"), guilds, accounts }
}

struct Listener {
    id: SubscriberId,
    queue: mpsc::Receiver<UserEvent>,
    overflow: Arc<Overflow>,
}

fn subscriber(id: u64, user: UserId, room: usize) -> (Subscriber, Listener) {
    let (sender, queue) = mpsc::channel(room);
    let overflow = Arc::new(Overflow::default());
    let id = SubscriberId(id);
    let subscriber =
        Subscriber { id, user, queue: sender, overflow: Arc::clone(&overflow), hearer: None };
    (subscriber, Listener { id, queue, overflow })
}

/// A session of `user`, connected.
fn connect(store: &GuildStore, id: u64, user: UserId, room: usize) -> Listener {
    let (subscriber, listener) = subscriber(id, user, room);
    store.connect(subscriber);
    listener
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.expect("in time")
}

impl Listener {
    /// The next event, but for what the audit log says of the one before.
    async fn next(&mut self) -> UserEvent {
        loop {
            let event = soon(self.queue.recv()).await.expect("the store has not let go");
            if !is_logged(&event) {
                return event;
            }
        }
    }

    /// The next event, which must be of the guild.
    async fn guild_event(&mut self) -> GuildEvent {
        match self.next().await {
            UserEvent::Guild(publication) => publication.event.clone(),
            other => panic!("not of the guild: {other:?}"),
        }
    }

    fn is_silent(&mut self) -> bool {
        loop {
            match self.queue.try_recv() {
                Ok(event) if is_logged(&event) => {}
                other => return other.is_err(),
            }
        }
    }
}

fn is_logged(event: &UserEvent) -> bool {
    matches!(event, UserEvent::Guild(told) if matches!(told.event, GuildEvent::AuditLogged(_)))
}

fn typing(n: u64) -> GuildEvent {
    GuildEvent::Chat(ChatEvent::Typing { channel: TEXT, user: BEN, since: n })
}

fn said(event: &GuildEvent) -> u64 {
    match event {
        GuildEvent::Chat(ChatEvent::Typing { since, .. }) => *since,
        other => panic!("nobody types: {other:?}"),
    }
}

fn rename(name: &str) -> GuildCommand {
    GuildCommand::UpdateMember(BEN, nick(name))
}

#[tokio::test]
async fn reads_find_guilds_channels_and_members() {
    let Fixture { store, .. } = fixture().await;

    let handle = store.guild(GUILD).expect("loaded");
    assert_eq!(handle.id(), GUILD);
    assert_eq!(store.all().len(), 1);
    assert_eq!(store.guilds_of(BEN).len(), 1);
    assert!(store.guilds_of(DAN).is_empty() && store.guild(Id::new(9)).is_none());
    let home = store.of_channel(TEXT).await.expect("found");
    assert!(matches!(home, Some(ChannelHome::Guild(guild)) if guild.id() == GUILD));
    assert!(store.of_channel(Id::new(9)).await.expect("looked").is_none());
    assert_eq!(store.users().cached(BEN).expect("members are in memory").username, "user3");
}

#[tokio::test]
async fn events_come_in_the_order_in_which_they_were_published() {
    let Fixture { store, .. } = fixture().await;
    let mut ana = connect(&store, 1, ANA, 2_000);
    let handle = store.guild(GUILD).expect("loaded");
    store.subscribe(ana.id, GUILD).await.expect("a member");

    for n in 0..1_000 {
        handle.publish(typing(n)).await.expect("published");
    }

    for n in 0..1_000 {
        assert_eq!(said(&ana.guild_event().await), n);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_and_the_events_after_it_have_no_gap_and_no_overlap() {
    let Fixture { store, .. } = fixture().await;
    let mut changes = JoinSet::new();
    for _ in 0..2 {
        let store = Arc::clone(&store);
        changes.spawn(async move {
            for n in 0..100 {
                store.execute(GUILD, OWNER, rename(&format!("n{n}"))).await.expect("renamed");
            }
        });
    }

    let mut listeners = Vec::new();
    for id in 0..50 {
        let listener = connect(&store, id, ANA, 1_000);
        let view = store.subscribe(listener.id, GUILD).await.expect("a member");
        listeners.push((listener, view.version));
        tokio::task::yield_now().await;
    }
    changes.join_all().await;

    let last = store.guild(GUILD).expect("loaded").view().version;
    for (mut listener, mut version) in listeners {
        while version < last {
            let UserEvent::Guild(publication) = listener.next().await else { continue };
            assert_eq!(publication.before.version, version, "no gap, no overlap");
            version = publication.guild.version;
        }
        assert!(listener.is_silent());
    }
}

#[tokio::test]
async fn a_slow_subscriber_is_tripped_and_dropped_and_others_are_unharmed() {
    let Fixture { store, .. } = fixture().await;
    let mut slow = connect(&store, 1, ANA, 3);
    let mut quick = connect(&store, 2, CAI, 100);
    for id in [slow.id, quick.id] {
        store.subscribe(id, GUILD).await.expect("a member");
    }
    let handle = store.guild(GUILD).expect("loaded");

    for n in 0..10 {
        handle.publish(typing(n)).await.expect("published");
    }

    soon(slow.overflow.tripped()).await;
    for n in 0..10 {
        assert_eq!(said(&quick.guild_event().await), n);
    }
    assert!(!quick.overflow.is_tripped());
    for n in 0..3 {
        assert_eq!(said(&slow.guild_event().await), n);
    }
    handle.publish(typing(10)).await.expect("published");
    assert_eq!(said(&quick.guild_event().await), 10);
    assert!(slow.is_silent(), "after a gap nothing comes any more");
}

#[tokio::test]
async fn only_members_hear_a_guild_and_only_what_they_subscribed_to() {
    let Fixture { store, .. } = fixture().await;
    let dan = connect(&store, 1, DAN, 9);
    let mut ben = connect(&store, 2, BEN, 9);

    assert!(store.subscribe(dan.id, GUILD).await.is_none());
    assert!(store.subscribe(ben.id, Id::new(9)).await.is_none());
    assert!(store.subscribe(SubscriberId(77), GUILD).await.is_none());
    let handle = store.guild(GUILD).expect("loaded");
    handle.publish(typing(0)).await.expect("published");
    store.subscribe(ben.id, GUILD).await.expect("a member");
    handle.publish(typing(1)).await.expect("published");

    assert_eq!(said(&ben.guild_event().await), 1);
}

#[tokio::test]
async fn a_disconnected_session_hears_nothing_more() {
    let Fixture { store, .. } = fixture().await;
    let mut ben = connect(&store, 1, BEN, 9);
    store.subscribe(ben.id, GUILD).await.expect("a member");

    store.disconnect(ben.id);
    store.guild(GUILD).expect("loaded").publish(typing(0)).await.expect("published");
    store.notify(BEN, UserEvent::LoggedOut);

    // Its queue ends when the last copy of it is let go of.
    assert!(soon(ben.queue.recv()).await.is_none());
}

#[tokio::test]
async fn who_joins_is_told_and_who_is_removed_hears_that_last() {
    let Fixture { store, .. } = fixture().await;
    let mut dan = connect(&store, 1, DAN, 9);
    let join = GuildCommand::Join { user: DAN, now: at(NOW), roles: vec![] };

    store.execute(GUILD, DAN, join).await.expect("joined");

    assert!(matches!(dan.next().await, UserEvent::GuildJoined(guild) if guild == GUILD));
    let view = store.subscribe(dan.id, GUILD).await.expect("a member");
    assert!(view.members.contains_key(&DAN));
    assert!(store.users().cached(DAN).is_some());

    store.execute(GUILD, ANA, GuildCommand::Kick(DAN)).await.expect("kicked");
    store.guild(GUILD).expect("loaded").publish(typing(0)).await.expect("published");
    store.subscribe(dan.id, GUILD).await.ok_or(()).expect_err("not a member any more");

    assert_eq!(dan.guild_event().await, GuildEvent::MemberRemoved(DAN));
    assert!(dan.is_silent());
    assert!(store.guilds_of(DAN).is_empty());
}

#[tokio::test]
async fn who_has_no_account_cannot_join() {
    let Fixture { store, .. } = fixture().await;
    let ghost = Id::new(5_000);
    let join = GuildCommand::Join { user: ghost, now: at(NOW), roles: vec![] };

    let joined = store.execute(GUILD, ghost, join).await;

    let denied = Denied::Code(ErrorCode::UnknownUser);
    assert!(matches!(joined, Err(ChangeError::Denied(d)) if d == denied));
}

#[tokio::test]
async fn a_founded_guild_is_there_and_its_owner_is_told() {
    let Fixture { store, guilds, .. } = fixture().await;
    let mut ben = connect(&store, 1, BEN, 9);
    let ids = [901, 902, 903, 904].map(Id::new);
    let new = state::guild::command::GuildDraft {
        id: Id::new(900),
        owner: BEN,
        channel_ids: ids,
        ..draft()
    };

    let handle = store.found(new).await.expect("founded");

    assert!(matches!(ben.next().await, UserEvent::GuildJoined(guild) if guild == handle.id()));
    assert!(guilds.rows.lock().expect("unpoisoned").contains_key(&handle.id()));
    assert_eq!(store.guilds_of(BEN).len(), 2);
    assert!(store.of_channel(ids[1]).await.expect("looked").is_some());

    store.subscribe(ben.id, handle.id()).await.expect("the owner is a member");
    store.execute(handle.id(), BEN, GuildCommand::Delete).await.expect("deleted");
    assert_eq!(ben.guild_event().await, GuildEvent::GuildDeleted);
    assert!(store.guild(handle.id()).is_none() && store.guilds_of(BEN).len() == 1);
    assert!(store.of_channel(ids[1]).await.expect("looked").is_none());
    let late = handle.publish(typing(0)).await;
    assert!(matches!(late, Err(ChangeError::Busy)));
}

#[tokio::test]
async fn a_change_is_made_to_its_end_when_its_caller_hangs_up() {
    let Fixture { store, guilds, .. } = fixture().await;
    let mut ana = connect(&store, 1, ANA, 9);
    store.subscribe(ana.id, GUILD).await.expect("a member");
    guilds.gate.forget_permits(usize::MAX);

    let mut caller = JoinSet::new();
    let impatient = Arc::clone(&store);
    caller.spawn(async move { impatient.execute(GUILD, OWNER, rename("gone")).await.map(drop) });
    soon(guilds.arrived.notified()).await;
    caller.shutdown().await;
    guilds.gate.add_permits(1);

    let GuildEvent::MemberUpdated(ben) = ana.guild_event().await else { panic!("no update") };
    assert_eq!(ben.nick.as_deref(), Some("gone"));
}

#[tokio::test]
async fn a_slow_commit_does_not_stop_publishing_or_voice() {
    let Fixture { store, guilds, .. } = fixture().await;
    let mut ana = connect(&store, 1, ANA, 9);
    store.subscribe(ana.id, GUILD).await.expect("a member");
    let handle = store.guild(GUILD).expect("loaded");
    guilds.gate.forget_permits(usize::MAX);
    let mut caller = JoinSet::new();
    let patient = Arc::clone(&store);
    caller.spawn(async move { patient.execute(GUILD, OWNER, rename("late")).await.map(drop) });
    soon(guilds.arrived.notified()).await;

    handle.publish(typing(7)).await.expect("published");
    let go = VoiceCommand::Update {
        user: BEN,
        session: "s".to_owned(),
        channel: Some(VOICE),
        self_mute: false,
        self_deaf: false,
        self_video: false,
    };
    assert_eq!(handle.voice(go, NOW).await.expect("joined"), VoiceOutcome::Joined);

    assert_eq!(said(&ana.guild_event().await), 7);
    assert!(matches!(ana.guild_event().await, GuildEvent::VoiceStateUpdated(_)));
    guilds.gate.add_permits(1);
    soon(caller.join_all()).await.remove(0).expect("renamed");
    let view = handle.view();
    assert!(view.voice.contains_key(&BEN), "what came meanwhile is kept");
    assert_eq!(view.members.get(&BEN).and_then(|ben| ben.nick.clone()).as_deref(), Some("late"));
}

#[tokio::test]
async fn a_conflict_is_planned_again_but_not_for_ever() {
    let Fixture { store, guilds, .. } = fixture().await;

    guilds.conflicts.store(3, Ordering::SeqCst);
    store.execute(GUILD, OWNER, rename("stubborn")).await.expect("renamed in the end");

    guilds.conflicts.store(1_000, Ordering::SeqCst);
    let given_up = store.execute(GUILD, OWNER, rename("never")).await;
    assert!(matches!(given_up, Err(ChangeError::Busy)));
    guilds.conflicts.store(0, Ordering::SeqCst);
    let view = store.execute(GUILD, OWNER, rename("again")).await.expect("renamed");
    assert_eq!(view.members.get(&BEN).and_then(|ben| ben.nick.clone()).as_deref(), Some("again"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_changes_at_once_are_all_made_on_top_of_each_other() {
    let Fixture { store, guilds, .. } = fixture().await;
    let before = store.guild(GUILD).expect("loaded").view().version;

    let mut changes: JoinSet<_> = (0..100_u64)
        .map(|n| {
            let store = Arc::clone(&store);
            let join = GuildCommand::Join { user: Id::new(100 + n), now: at(NOW), roles: vec![] };
            async move { store.execute(GUILD, Id::new(100 + n), join).await.map(drop) }
        })
        .collect();
    while let Some(done) = changes.join_next().await {
        done.expect("ran").expect("joined");
    }

    let view = store.guild(GUILD).expect("loaded").view();
    assert_eq!((view.version, view.members.len()), (before + 100, 104));
    let rows = guilds.rows.lock().expect("unpoisoned");
    let stored = rows.get(&GUILD).expect("stored");
    assert_eq!((stored.version, &stored.members), (view.version, &view.members));
}

fn online(client: Client, status: Status) -> Option<SessionPresence> {
    Some(SessionPresence { status, activities: vec![], since: None, afk: false, client })
}

#[tokio::test]
async fn presence_is_merged_over_sessions_and_told_only_when_it_changes() {
    let Fixture { store, .. } = fixture().await;
    let mut ana = connect(&store, 1, ANA, 9);
    store.subscribe(ana.id, GUILD).await.expect("a member");
    let (desk, phone) = (SubscriberId(11), SubscriberId(12));

    let idle = || online(Client::Desktop, Status::Idle);
    let awake = || online(Client::Mobile, Status::Online);
    for (session, says, status, on_desktop) in [
        (desk, idle(), Status::Idle, Some(Status::Idle)),
        (phone, awake(), Status::Online, Some(Status::Idle)),
        (desk, None, Status::Online, None),
        (phone, None, Status::Offline, None),
    ] {
        store.presence(BEN, session, says.clone()).await;
        store.presence(BEN, session, says).await;
        let GuildEvent::PresenceUpdated { user, presence } = ana.guild_event().await else {
            panic!("no presence");
        };
        assert_eq!((user, presence.status, presence.desktop), (BEN, status, on_desktop));
    }
    store.guild(GUILD).expect("loaded").publish(typing(0)).await.expect("published");
    assert_eq!(said(&ana.guild_event().await), 0, "what is said twice is told once");
    assert!(store.guild(GUILD).expect("loaded").view().presences.is_empty());
}

#[tokio::test]
async fn who_joins_online_is_seen_online() {
    let Fixture { store, .. } = fixture().await;
    store.presence(DAN, SubscriberId(1), online(Client::Web, Status::DoNotDisturb)).await;
    let join = GuildCommand::Join { user: DAN, now: at(NOW), roles: vec![] };

    let view = store.execute(GUILD, DAN, join).await.expect("joined");

    let dan = view.presences.get(&DAN).expect("not offline");
    assert_eq!(dan.status, Status::DoNotDisturb);
}

#[tokio::test]
async fn an_observer_hears_every_guild_present_and_future() {
    let Fixture { store, .. } = fixture().await;
    let (subscriber, mut observer) = subscriber(99, Id::new(999), 9);
    store.observe(subscriber);

    store.guild(GUILD).expect("loaded").publish(typing(1)).await.expect("published");
    let ids = [901, 902, 903, 904].map(Id::new);
    let new = state::guild::command::GuildDraft { id: Id::new(900), channel_ids: ids, ..draft() };
    let handle = store.found(new).await.expect("founded");
    handle.publish(typing(2)).await.expect("published");

    assert_eq!(said(&observer.guild_event().await), 1);
    assert_eq!(said(&observer.guild_event().await), 2);
}

#[tokio::test]
async fn a_changed_account_is_told_to_its_guilds_and_its_sessions() {
    let Fixture { store, .. } = fixture().await;
    let mut ana = connect(&store, 1, ANA, 9);
    let mut ben = connect(&store, 2, BEN, 9);
    store.subscribe(ana.id, GUILD).await.expect("a member");
    let old = store.users().cached(BEN).expect("a member");
    let new = Arc::new(UserRecord { global_name: Some("Ben".to_owned()), ..(*old).clone() });

    store.user_updated(Arc::clone(&new)).await;

    assert_eq!(ana.guild_event().await, GuildEvent::UserUpdated(Arc::clone(&new)));
    assert!(matches!(ben.next().await, UserEvent::UserUpdated(user) if user == new));
    assert_eq!(store.users().cached(BEN), Some(new));
}

#[tokio::test]
async fn private_channels_are_told_to_both_in_order() {
    let Fixture { store, .. } = fixture().await;
    let mut ana = connect(&store, 1, ANA, 200);
    let mut cai = connect(&store, 2, CAI, 200);

    let opened = store.open_private(Id::new(700), [ANA, BEN]).await.expect("opened");
    let again = store.open_private(Id::new(701), [BEN, ANA]).await.expect("opened");
    assert_eq!((opened.id, again.id), (Id::new(700), Id::new(700)));
    for since in 0..100 {
        let event = ChatEvent::Typing { channel: opened.id, user: BEN, since };
        store.publish_private(Arc::clone(&opened), event).await.expect("published");
    }

    assert!(matches!(ana.next().await, UserEvent::PrivateChannelOpened(c) if c.id == opened.id));
    for n in 0..100 {
        let UserEvent::Private(publication) = ana.next().await else { panic!("not private") };
        let ChatEvent::Typing { since, .. } = publication.event else { panic!("nobody types") };
        assert_eq!(since, n);
    }
    assert!(ana.is_silent() && cai.is_silent());
    let home = store.of_channel(opened.id).await.expect("looked");
    assert!(matches!(home, Some(ChannelHome::Private(channel)) if channel.id == opened.id));
    assert_eq!(store.private_of(BEN).await.expect("read").len(), 1);
}

#[tokio::test]
async fn accounts_are_read_once_and_in_one_query() {
    let Fixture { store, accounts, .. } = fixture().await;
    let before = accounts.reads.load(Ordering::SeqCst);
    let wanted = [20, 9_999, 21, BEN.get(), 20].map(Id::new);

    let first = store.users().load(&wanted).await.expect("loaded");
    let second = store.users().load(&wanted[2..]).await.expect("loaded");

    let ids: Vec<u64> = first.iter().map(|user| user.id.get()).collect();
    assert_eq!(ids, [20, 21, BEN.get(), 20]);
    assert_eq!(second.len(), 3);
    assert_eq!(accounts.reads.load(Ordering::SeqCst) - before, 1);
}

#[tokio::test]
async fn strangers_fill_a_bounded_room_and_never_push_out_members() {
    let Fixture { store, accounts, .. } = fixture().await;
    for n in 0..40_000_u64 {
        store.users().put(Arc::new(UserRecord {
            id: Id::new(10_000 + n),
            username: String::new(),
            global_name: None,
            avatar: None,
            bot: false,
            flags: 0,
        }));
    }
    let before = accounts.reads.load(Ordering::SeqCst);

    assert!(store.users().cached(BEN).is_some());
    assert!(store.users().cached(Id::new(10_000)).is_none());
    assert!(store.users().cached(Id::new(49_999)).is_some());
    assert_eq!(accounts.reads.load(Ordering::SeqCst), before);
}

#[tokio::test]
async fn shutdown_handles_what_is_waiting_and_refuses_the_rest() {
    let Fixture { store, .. } = fixture().await;
    let mut ana = connect(&store, 1, ANA, 200);
    store.subscribe(ana.id, GUILD).await.expect("a member");
    let handle = store.guild(GUILD).expect("loaded");
    for n in 0..100 {
        handle.publish(typing(n)).await.expect("published");
    }

    soon(store.shutdown()).await;

    for n in 0..100 {
        assert_eq!(said(&ana.guild_event().await), n);
    }
    assert!(matches!(handle.publish(typing(0)).await, Err(ChangeError::Busy)));
    let late = store.execute(GUILD, OWNER, rename("late")).await;
    assert!(matches!(late, Err(ChangeError::Busy)));
    assert_eq!(handle.view().id, GUILD, "snapshots stay readable");
}

#[tokio::test]
async fn mailboxes_end_with_their_store() {
    let Fixture { store, .. } = fixture().await;
    let mut ana = connect(&store, 1, ANA, 9);
    store.subscribe(ana.id, GUILD).await.expect("a member");

    drop(store);

    // The mailbox held the other end of this queue.
    assert!(soon(ana.queue.recv()).await.is_none());
}

#[tokio::test]
async fn a_change_is_stored_and_told_along_with_its_entry_and_once_for_all_its_attempts() {
    let Fixture { store, guilds, .. } = fixture().await;
    let mut ana = connect(&store, 1, ANA, 9);
    store.subscribe(ana.id, GUILD).await.expect("a member");
    guilds.conflicts.store(2, Ordering::SeqCst);
    let by = By { actor: OWNER, reason: Some("too long".to_owned()) };

    store.execute(GUILD, by, rename("Benny")).await.expect("renamed in the end");

    let stored = guilds.audit.lock().expect("unpoisoned").clone();
    assert_eq!(stored.len(), 1);
    let what = &stored[0].what;
    assert_eq!((what.user, what.target), (Some(OWNER), Some(BEN.get())));
    assert_eq!(what.reason.as_deref(), Some("too long"));
    assert!(matches!(ana.guild_event().await, GuildEvent::MemberUpdated(_)));
    let told = soon(ana.queue.recv()).await.expect("told");
    let UserEvent::Guild(told) = told else { panic!("not of the guild") };
    assert_eq!(told.event, GuildEvent::AuditLogged(Arc::new(stored[0].clone())));
}

#[tokio::test]
async fn a_denied_change_is_neither_stored_nor_told() {
    let Fixture { store, guilds, .. } = fixture().await;
    let mut ana = connect(&store, 1, ANA, 9);
    store.subscribe(ana.id, GUILD).await.expect("a member");

    let mute = MemberPatch { mute: Some(true), ..MemberPatch::default() };
    let denied = store.execute(GUILD, BEN, GuildCommand::UpdateMember(ANA, mute)).await;
    let unknown = store.execute(Id::new(9), BEN, rename("x")).await;
    let same = store.execute(GUILD, OWNER, GuildCommand::UpdateMember(BEN, nick(""))).await;

    assert!(matches!(denied, Err(ChangeError::Denied(_))));
    let no_guild = Denied::Code(ErrorCode::UnknownGuild);
    assert!(matches!(unknown, Err(ChangeError::Denied(d)) if d == no_guild));
    let version = same.expect("nothing to do is fine").version;
    assert_eq!(guilds.rows.lock().expect("unpoisoned")[&GUILD].version, version);
    assert!(ana.is_silent());
}

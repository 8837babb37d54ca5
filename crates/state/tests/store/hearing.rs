//! Sessions that hear without their tasks, by the lanes of their guild.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use state::GuildEvent;
use state::Hearer;
use state::TOGETHER;
use state::UserEvent;
use state::presence::Presence;

use super::Fixture;
use super::Listener;
use super::connect;
use super::fixture;
use super::said;
use super::soon;
use super::subscriber;
use super::support::ANA;
use super::support::BEN;
use super::support::GUILD;
use super::typing;

/// A session that hears at once, unless it is busy or something waits for it.
#[derive(Default)]
struct Ears {
    heard: Mutex<Vec<u64>>,
    busy: AtomicBool,
    /// Whether it hears of no presences.
    absent: AtomicBool,
    /// Presences that it was asked to hear all the same.
    presences: AtomicUsize,
    waiting: AtomicUsize,
    prepared: AtomicUsize,
}

impl Ears {
    fn hear(&self, event: &UserEvent) -> bool {
        if self.busy.load(Ordering::SeqCst) || self.waiting.load(Ordering::SeqCst) > 0 {
            return false;
        }
        let UserEvent::Guild(publication) = event else { return false };
        if matches!(publication.event, GuildEvent::PresenceUpdated { .. }) {
            self.presences.fetch_add(1, Ordering::SeqCst);
            return true;
        }
        self.heard.lock().expect("unpoisoned").push(said(&publication.event));
        true
    }
}

impl Hearer for Ears {
    fn hear_together(&self, hearers: &[&dyn Hearer], event: &UserEvent) -> u64 {
        let all = hearers.iter().map(|hearer| (*hearer as &dyn Any).downcast_ref::<Self>());
        all.enumerate().fold(0, |heard, (place, ears)| {
            heard | u64::from(ears.is_some_and(|ears| ears.hear(event))) << place
        })
    }

    fn queued(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
    }

    fn hears_presences(&self) -> bool {
        !self.absent.load(Ordering::SeqCst)
    }

    fn prepare<'a>(&'a self, _: &'a UserEvent) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        self.prepared.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(()))
    }
}

#[tokio::test]
async fn a_session_hears_at_once_while_nothing_waits_and_else_in_its_turn() {
    let Fixture { store, .. } = fixture().await;
    let ears = Arc::new(Ears::default());
    let (mut of_ana, mut ana) = subscriber(1, ANA, 10);
    of_ana.hearer = Some(Arc::<Ears>::clone(&ears));
    store.connect(of_ana);
    let mut ben = connect(&store, 2, BEN, 10);
    let handle = store.guild(GUILD).expect("loaded");
    store.subscribe(ana.id, GUILD).await.expect("a member");
    store.subscribe(ben.id, GUILD).await.expect("a member");
    let say = async |n, ben: &mut Listener| {
        handle.publish(typing(n)).await.expect("published");
        // Of one lane, the second: when he heard it, she had her turn.
        assert_eq!(said(&ben.guild_event().await), n);
    };

    say(1, &mut ben).await;
    ears.busy.store(true, Ordering::SeqCst);
    say(2, &mut ben).await;
    ears.busy.store(false, Ordering::SeqCst);
    say(3, &mut ben).await;

    assert_eq!(*ears.heard.lock().expect("unpoisoned"), [1]);
    assert_eq!(said(&ana.guild_event().await), 2);
    assert_eq!(said(&ana.guild_event().await), 3);
    ears.waiting.store(0, Ordering::SeqCst);
    say(4, &mut ben).await;
    assert_eq!(*ears.heard.lock().expect("unpoisoned"), [1, 4]);
    assert!(ana.is_silent());
    assert_eq!(ears.prepared.load(Ordering::SeqCst), 4, "once an event");
}

#[tokio::test]
async fn who_hears_of_no_presences_is_not_asked_to() {
    let Fixture { store, .. } = fixture().await;
    let handle = store.guild(GUILD).expect("loaded");
    let presence =
        || GuildEvent::PresenceUpdated { user: ANA, presence: Arc::new(Presence::offline(ANA)) };
    let join = async |id: u64, absent: bool| {
        let ears = Arc::new(Ears::default());
        ears.absent.store(absent, Ordering::SeqCst);
        let (mut told, listener) = subscriber(id, ANA, 10);
        told.hearer = Some(Arc::<Ears>::clone(&ears));
        store.connect(told);
        store.subscribe(listener.id, GUILD).await.expect("a member");
        (ears, listener)
    };
    let presences = |ears: &Ears| ears.presences.load(Ordering::SeqCst);

    let (bot, _quiet) = join(1, true).await;
    let mut ben = connect(&store, 2, BEN, 10);
    handle.publish(presence()).await.expect("published");
    handle.publish(typing(1)).await.expect("published");
    store.subscribe(ben.id, GUILD).await.expect("a member");
    let (person, _too) = join(3, false).await;
    handle.publish(presence()).await.expect("published");
    handle.publish(typing(2)).await.expect("published");

    // Who has no ears hears everything.
    assert!(matches!(ben.guild_event().await, GuildEvent::PresenceUpdated { .. }));
    assert_eq!(said(&ben.guild_event().await), 2);
    assert_eq!(*bot.heard.lock().expect("unpoisoned"), [1, 2]);
    assert_eq!(presences(&person), 1);
    // With others who do, one may be asked, and knows better: alone it never is.
    assert!(presences(&bot) <= 1);
}

#[tokio::test]
async fn of_many_that_hear_together_each_hears_everything_once_and_in_order() {
    let Fixture { store, .. } = fixture().await;
    let handle = store.guild(GUILD).expect("loaded");
    let mut all = Vec::new();
    for n in 0..4 * TOGETHER as u64 + 3 {
        let ears = Arc::new(Ears::default());
        // Some are busy, some can never hear at once, and some of the busy ones go.
        ears.busy.store(n % 3 == 0, Ordering::SeqCst);
        let (mut told, listener) = subscriber(n + 1, ANA, 10);
        told.hearer = (n % 7 != 0).then(|| Arc::<Ears>::clone(&ears) as Arc<dyn Hearer>);
        store.connect(told);
        store.subscribe(listener.id, GUILD).await.expect("a member");
        if n % 15 != 0 {
            all.push((ears, listener));
        }
    }

    for n in 0..3 {
        handle.publish(typing(n)).await.expect("published");
    }

    for (ears, listener) in &mut all {
        let mut heard = Vec::new();
        while heard.len() < 3 {
            heard.append(&mut ears.heard.lock().expect("unpoisoned"));
            match listener.queue.try_recv() {
                Ok(UserEvent::Guild(publication)) => heard.push(said(&publication.event)),
                Ok(other) => panic!("not of the guild: {other:?}"),
                Err(_) => soon(tokio::time::sleep(Duration::from_millis(1))).await,
            }
        }
        assert_eq!(heard, [0, 1, 2]);
    }
    for (ears, listener) in &mut all {
        assert!(ears.heard.lock().expect("unpoisoned").is_empty() && listener.is_silent());
    }
}

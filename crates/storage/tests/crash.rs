//! Kills a process that writes, without warning, again and again: what it was told is stored is
//! there afterwards, once, in order. Has a `main` of its own, for it is also the process killed.

use std::collections::BTreeSet;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;

use model::id::ChannelId;
use model::id::MessageId;
use model::snowflake;
use model::wire::id::Id;
use sqlx::Connection as _;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteConnectOptions;
use state::record::MessageRecord;
use state::repo::Inserted;
use state::repo::Page;

const VICTIM: &str = "--victim";
const CHANNEL: ChannelId = Id::new(7);
/// Writers at once in the process that is killed.
const WRITERS: u64 = 8;
/// Acknowledged messages after which a round kills: different points of the log.
const KILL_AFTER: [usize; 5] = [1, 40, 333, 1_000, 2_500];
const ROUNDS: usize = 20;

fn main() {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some(VICTIM) {
        let dir = args.next().expect("the folder");
        let round = args.next().and_then(|round| round.parse().ok()).expect("the round");
        runtime().block_on(write_for_ever(Path::new(&dir), round));
        return;
    }
    // Asked for a list, or for one test by name as runners do: there is one, and it always runs.
    acknowledged_messages_survive_the_death_of_the_process();
    println!("test acknowledged_messages_survive_the_death_of_the_process ... ok");
    a_store_that_was_not_closed_remembers_nonces();
    println!("test a_store_that_was_not_closed_remembers_nonces ... ok");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

fn message(id: MessageId, nonce: String) -> MessageRecord {
    MessageRecord {
        nonce: Some(nonce),
        ..MessageRecord::said(id, CHANNEL, Id::new(1), format!("{id} is stored"))
    }
}

/// Names each message on standard output as soon as it is acknowledged.
async fn write_for_ever(dir: &Path, round: u64) {
    let repos = storage::open_sqlite(dir).await.expect("the store opens");
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let messages = Arc::clone(&repos.messages);
        writers.spawn(async move {
            for n in 0_u64.. {
                let at = (round * 1_000_000 + n) << 22;
                let said = message(Id::new(at | (writer + 1)), format!("{round}-{writer}-{n}"));
                let inserted = messages.insert(&said).await.expect("inserted");
                assert_eq!(inserted, Inserted::New);
                let mut out = std::io::stdout().lock();
                writeln!(out, "{}", said.id).and_then(|()| out.flush()).expect("told");
            }
        });
    }
    while writers.join_next().await.is_some() {}
}

fn acknowledged_messages_survive_the_death_of_the_process() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut acknowledged = BTreeSet::new();
    for (round, kill_after) in KILL_AFTER.into_iter().cycle().take(ROUNDS).enumerate() {
        let mut victim = Command::new(std::env::current_exe().expect("this program"))
            .args([VICTIM, dir.path().to_str().expect("a readable path"), &round.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the victim starts");
        let mut lines = BufReader::new(victim.stdout.take().expect("its output")).lines();
        let read = |line: std::io::Result<String>| line.ok()?.parse::<MessageId>().ok();
        acknowledged.extend(lines.by_ref().take(kill_after).filter_map(read));
        victim.kill().expect("killed");
        victim.wait().expect("dead");
        // What it still said before it died counts too. Lines come whole: each is one write.
        acknowledged.extend(lines.filter_map(read));
    }

    let stored = runtime().block_on(async {
        let repos = storage::open_sqlite(dir.path()).await.expect("the store opens again");
        let mut stored: Vec<MessageId> = Vec::new();
        let mut page = Page::Latest;
        loop {
            let found = repos.messages.page(CHANNEL, page, 100).await.expect("a page");
            let Some(oldest) = found.last() else { break };
            page = Page::Before(oldest.id);
            for message in &found {
                assert_eq!(message.content, format!("{} is stored", message.id));
            }
            stored.extend(found.iter().map(|message| message.id));
        }
        repos.close().await;
        stored
    });
    let searched = runtime().block_on(async {
        let options = SqliteConnectOptions::new().filename(dir.path().join("guildhall.db"));
        let mut file = SqliteConnection::connect_with(&options).await.expect("connects");
        let count = "SELECT count(*) FROM searched_words WHERE searched_words MATCH 'stored'";
        sqlx::query_scalar::<_, i64>(count).fetch_one(&mut file).await.expect("counted")
    });

    let least = KILL_AFTER.iter().sum::<usize>() * ROUNDS / KILL_AFTER.len();
    assert!(acknowledged.len() >= least, "only {} written", acknowledged.len());
    assert!(stored.is_sorted_by(|newer, older| newer > older), "out of order or doubled");
    assert_eq!(usize::try_from(searched), Ok(stored.len()), "all that is stored is found");
    let stored: BTreeSet<_> = stored.into_iter().collect();
    let lost: Vec<_> = acknowledged.difference(&stored).collect();
    assert!(lost.is_empty(), "{} of {} lost: {lost:?}", lost.len(), acknowledged.len());
    println!("{} acknowledged over {} kills, 0 lost", acknowledged.len(), ROUNDS);
}

fn a_store_that_was_not_closed_remembers_nonces() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let at = |ms: u64| Id::new((1_790_000_000_000 - snowflake::EPOCH + ms) << 22);
    let first = message(at(0), "retry".to_owned());
    let runtime = runtime();
    runtime.block_on(async {
        let repos = storage::open_sqlite(dir.path()).await.expect("the store opens");
        repos.messages.insert(&first).await.expect("inserted");
    });

    let retry = runtime.block_on(async {
        let repos = storage::open_sqlite(dir.path()).await.expect("the store opens again");
        repos.messages.insert(&message(at(1_000), "retry".to_owned())).await.expect("inserted")
    });

    assert_eq!(retry, Inserted::Earlier(Box::new(first)));
}

//! What can be searched is written a little after the messages: nobody who asks can tell.

use std::sync::Arc;

use model::id::ChannelId;
use model::id::MessageId;
use model::wire::id::Id;
use sqlx::Connection as _;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteConnectOptions;
use state::record::MessageRecord;
use state::repo::Inserted;
use state::search::SearchQuery;
use state::search::terms;
use storage::Repos;
use tokio::task::JoinSet;

const TEXT: ChannelId = Id::new(5_002);
const ELSEWHERE: ChannelId = Id::new(5_003);

fn message(channel: ChannelId, n: u64, content: &str) -> MessageRecord {
    MessageRecord::said(Id::new(n << 22), channel, Id::new(1), content.to_owned())
}

/// Ids of what is found in both channels, the newest first.
async fn found(repos: &Repos, words: &str) -> Vec<MessageId> {
    let channels = vec![TEXT, ELSEWHERE];
    let query = SearchQuery { channels, terms: terms(words), limit: 25, ..SearchQuery::default() };
    let found = repos.search.search(&query).await.expect("searched");
    assert_eq!(found.total as usize, found.messages.len(), "all of it can be read");
    found.messages.iter().map(|message| message.id).collect()
}

#[tokio::test]
async fn what_was_said_just_now_is_found_as_it_is_now() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let repos = storage::open_sqlite(dir.path()).await.expect("opens");
    let said = [1, 2, 3].map(|n| message(TEXT, n, "the harbour"));
    for said in &said {
        repos.messages.insert(said).await.expect("inserted");
    }
    assert_eq!(found(&repos, "harbour").await.len(), 3);

    // Changed and deleted before anybody searched for them.
    let again = [4, 5, 6].map(|n| message(TEXT, n, "the harbour"));
    for said in &again {
        repos.messages.insert(said).await.expect("inserted");
    }
    let edited = MessageRecord { content: "a lighthouse".to_owned(), ..again[0].clone() };
    repos.messages.update(&edited).await.expect("updated");
    repos.messages.remove(TEXT, &[again[1].id]).await.expect("removed");

    assert_eq!(found(&repos, "harbour").await.len(), 4);
    assert_eq!(found(&repos, "lighthouse").await, [edited.id]);
    repos.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_one_of_many_that_were_said_at_once_is_found_once() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let repos = storage::open_sqlite(dir.path()).await.expect("opens");

    let writes: JoinSet<_> = (1..=1_500_u64)
        .map(|n| {
            let messages = Arc::clone(&repos.messages);
            let channel = if n % 3 == 0 { ELSEWHERE } else { TEXT };
            let said = message(channel, n, &format!("wave{n} breaks"));
            let nonce = (n % 5 == 0).then(|| format!("nonce {}", n / 10));
            async move { messages.insert(&MessageRecord { nonce, ..said }).await }
        })
        .collect();
    let inserted = writes.join_all().await;
    let new = inserted.iter().filter(|one| matches!(one, Ok(Inserted::New))).count();

    // Of two with one nonce in one channel, one is stored.
    assert!(new < 1_500, "no nonce was repeated");
    assert_eq!(found(&repos, "wave1499").await, [Id::new(1_499 << 22)]);
    let query = |words| SearchQuery {
        channels: vec![TEXT, ELSEWHERE],
        terms: terms(words),
        limit: 1,
        ..SearchQuery::default()
    };
    let all = repos.search.search(&query("breaks")).await.expect("searched");
    assert_eq!(all.total as usize, new);
    repos.close().await;
}

#[tokio::test]
async fn what_a_killed_process_left_behind_is_found_by_the_next() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let repos = storage::open_sqlite(dir.path()).await.expect("opens");
    for n in 1..=3 {
        repos.messages.insert(&message(TEXT, n, "the harbour")).await.expect("inserted");
    }
    repos.close().await;
    // As if it had been killed before the second and third were put in, and after the first was.
    let options = SqliteConnectOptions::new().filename(dir.path().join("guildhall.db"));
    let mut killed = SqliteConnection::connect_with(&options).await.expect("connects");
    for statement in [
        "DELETE FROM searched_words WHERE rowid IN (SELECT row FROM searched WHERE id > 1 << 22)",
        "DELETE FROM searched WHERE id > 1 << 22",
        "INSERT INTO unsearched SELECT channel, bucket, id FROM messages WHERE id = 1 << 22",
    ] {
        sqlx::query(statement).execute(&mut killed).await.expect(statement);
    }
    killed.close().await.expect("closes");

    let repos = storage::open_sqlite(dir.path()).await.expect("opens");

    assert_eq!(found(&repos, "harbour").await.len(), 3);
    repos.close().await;
    let mut after = SqliteConnection::connect_with(&options).await.expect("connects");
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM unsearched")
        .fetch_one(&mut after)
        .await
        .expect("counted");
    assert_eq!(left, 0);
}

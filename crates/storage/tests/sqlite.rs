//! What SQLite promises beyond the contract: one owner, group commit, closing, purging.

use std::sync::Arc;
use std::time::Duration;

use model::permissions::SET_VOICE_CHANNEL_STATUS;
use model::wire::guild::Permissions;
use model::wire::id::Id;
use model::wire::util::Timestamp;
use sqlx::Connection as _;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteConnectOptions;
use state::Change;
use state::Guild;
use state::Plan;
use state::guild::command::GuildDraft;
use state::record::MessageRecord;
use state::record::ReactionEmoji;
use state::repo::Page;
use state::repo::RepoError;
use state::search::SearchQuery;
use state::search::terms;
use storage::OpenError;
use tokio::task::JoinSet;

const TEXT: model::id::ChannelId = Id::new(5_002);

fn message(n: u64) -> MessageRecord {
    let document = serde_json::json!({
        "id": n.to_string(), "channel": TEXT.to_string(), "guild": "5000", "author": "1",
        "kind": 0, "content": "hello"
    });
    serde_json::from_value(document).expect("serde's defaults fill the rest, as in old rows")
}

fn guild() -> Guild {
    Guild::found(GuildDraft {
        id: Id::new(5_000),
        name: "Harbour".to_owned(),
        owner: Id::new(1),
        icon: None,
        now: Timestamp::from_secs(1_790_000_000).expect("a time"),
        channel_ids: [5_001, 5_002, 5_003, 5_004].map(Id::new),
    })
    .expect("the draft is valid")
}

#[tokio::test]
async fn a_folder_has_one_owner_until_it_is_closed() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let first = storage::open_sqlite(dir.path()).await.expect("opens");

    let second = storage::open_sqlite(dir.path()).await;
    assert!(matches!(second, Err(OpenError::InUse { .. })), "{second:?}");

    first.close().await;
    storage::open_sqlite(dir.path()).await.expect("opens once the first let go").close().await;
}

#[tokio::test]
async fn a_closed_store_refuses_writes_and_has_moved_its_log_into_the_file() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let repos = storage::open_sqlite(dir.path()).await.expect("opens");
    repos.messages.insert(&message(1)).await.expect("inserted");

    repos.close().await;

    let late = repos.messages.insert(&message(2)).await;
    assert!(matches!(late, Err(RepoError::Unavailable(_))), "{late:?}");
    let log = std::fs::metadata(dir.path().join("guildhall.db-wal"));
    assert!(log.is_err() || log.is_ok_and(|log| log.len() == 0));
    let again = storage::open_sqlite(dir.path()).await.expect("opens again");
    assert_eq!(again.messages.page(TEXT, Page::Latest, 9).await.expect("a page"), [message(1)]);
    again.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_write_does_not_fail_its_neighbours() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let repos = storage::open_sqlite(dir.path()).await.expect("opens");
    repos.messages.insert(&message(1)).await.expect("inserted");

    // All at once, so that they share commits: every other one is a double.
    let writes: JoinSet<_> = (0..200)
        .map(|n| {
            let messages = Arc::clone(&repos.messages);
            let id = if n % 2 == 0 { 1 } else { n + 1 };
            async move { (id, messages.insert(&message(id)).await) }
        })
        .collect();
    for write in writes.join_all().await {
        let (id, inserted) = write;
        if id == 1 {
            assert!(matches!(inserted, Err(RepoError::Exists)), "{inserted:?}");
        } else {
            inserted.expect("inserted");
        }
    }

    let stored = repos.messages.page(TEXT, Page::Latest, 500).await.expect("a page");
    assert_eq!(stored.len(), 101);
    // In a transaction with others each is indexed as itself.
    let query = SearchQuery {
        channels: vec![TEXT],
        terms: terms("hello"),
        limit: 25,
        ..SearchQuery::default()
    };
    assert_eq!(repos.search.search(&query).await.expect("searched").total, 101);
    repos.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_writer_was_told_a_reader_sees_at_once() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let repos = storage::open_sqlite(dir.path()).await.expect("opens");

    let tasks: JoinSet<_> = (1..=8_u64)
        .map(|task| {
            let messages = Arc::clone(&repos.messages);
            async move {
                for n in 0..50 {
                    let said = message(task * 1_000 + n);
                    messages.insert(&said).await.expect("inserted");
                    let read = messages.message(TEXT, said.id).await.expect("read");
                    assert_eq!(read, Some(said));
                }
            }
        })
        .collect();

    tasks.join_all().await;
    repos.close().await;
}

#[tokio::test]
async fn the_history_of_a_deleted_channel_is_purged_and_no_other() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let repos = storage::open_sqlite(dir.path()).await.expect("opens");
    repos.guilds.create(&guild()).await.expect("created");
    let other = MessageRecord { channel: Id::new(5_004), ..message(1) };
    repos.messages.insert(&other).await.expect("inserted");
    let said: Vec<_> = (1..=1_200).map(message).collect();
    let inserts = said.iter().map(|message| repos.messages.insert(message));
    for insert in inserts {
        insert.await.expect("inserted");
    }
    let emoji = ReactionEmoji { id: None, name: "a".to_owned() };
    repos.messages.react(TEXT, Id::new(3), Id::new(1), &emoji).await.expect("given");

    let changes = vec![Change::DeleteChannel(TEXT)];
    let plan = Plan { guild: Id::new(5_000), version: 1, changes };
    repos.guilds.commit(&plan).await.expect("committed");

    let purged = async {
        while !repos.messages.page(TEXT, Page::Latest, 1).await.expect("a page").is_empty()
            || !repos
                .messages
                .reactions(TEXT, &[Id::new(3)], Id::new(1))
                .await
                .expect("counts")
                .is_empty()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), purged).await.expect("purged");
    let kept = repos.messages.page(Id::new(5_004), Page::Latest, 9).await.expect("a page");
    assert_eq!(kept, [other]);
    repos.close().await;
}

#[tokio::test]
async fn messages_of_before_there_was_a_search_are_found_after_the_migration() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let repos = storage::open_sqlite(dir.path()).await.expect("opens");
    for n in 1..=3 {
        repos.messages.insert(&message(n)).await.expect("inserted");
    }
    repos.close().await;
    // As a server left it that knew nothing of searching.
    let options = SqliteConnectOptions::new().filename(dir.path().join("guildhall.db"));
    let mut old = SqliteConnection::connect_with(&options).await.expect("connects");
    for statement in [
        "DROP TRIGGER search_update",
        "DROP TRIGGER search_delete",
        "DROP VIEW searchable",
        "DROP TABLE searched_words",
        "DROP TABLE searched",
        "DELETE FROM _sqlx_migrations WHERE version IN (5, 95)",
    ] {
        sqlx::query(statement).execute(&mut old).await.expect(statement);
    }
    old.close().await.expect("closes");

    let repos = storage::open_sqlite(dir.path()).await.expect("opens");

    let query = SearchQuery {
        channels: vec![TEXT],
        // Without its accent, and not whole.
        terms: terms("h\u{e9}ll"),
        limit: 25,
        ..SearchQuery::default()
    };
    assert_eq!(repos.search.search(&query).await.expect("searched").total, 3);
    repos.close().await;
}

#[tokio::test]
async fn everybody_may_still_say_what_goes_on_in_a_channel_after_the_migration() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let repos = storage::open_sqlite(dir.path()).await.expect("opens");
    repos.guilds.create(&guild()).await.expect("created");
    repos.close().await;
    // As a server left it that did not keep the permission.
    let options = SqliteConnectOptions::new().filename(dir.path().join("guildhall.db"));
    let mut old = SqliteConnection::connect_with(&options).await.expect("connects");
    for statement in [
        "UPDATE roles SET document = json_set(document, '$.permissions', '1024')",
        "DELETE FROM _sqlx_migrations WHERE version = 25",
    ] {
        sqlx::query(statement).execute(&mut old).await.expect(statement);
    }
    old.close().await.expect("closes");

    let repos = storage::open_sqlite(dir.path()).await.expect("opens");

    let guild = repos.guilds.load().await.expect("loaded").remove(0);
    let everyone = guild.roles.get(&guild.id.cast()).expect("everyone");
    assert_eq!(everyone.permissions, Permissions::VIEW_CHANNEL | SET_VOICE_CHANNEL_STATUS);
    repos.close().await;
}

#[tokio::test]
async fn a_purged_channel_leaves_nothing_to_be_found() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let repos = storage::open_sqlite(dir.path()).await.expect("opens");
    repos.guilds.create(&guild()).await.expect("created");
    for n in 1..=3 {
        repos.messages.insert(&message(n)).await.expect("inserted");
    }
    let plan =
        Plan { guild: Id::new(5_000), version: 1, changes: vec![Change::DeleteChannel(TEXT)] };
    repos.guilds.commit(&plan).await.expect("committed");

    let query = SearchQuery { channels: vec![TEXT], limit: 25, ..SearchQuery::default() };
    let purged = async {
        while repos.search.search(&query).await.expect("searched").total > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), purged).await.expect("nothing is found");
    repos.close().await;
}

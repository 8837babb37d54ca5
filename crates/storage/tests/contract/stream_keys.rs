//! Stream keys: found by hash, listed by channel, gone with it.

use model::id::ChannelId;
use model::wire::id::Id;
use state::GuildCommand;
use state::record::StreamKeyRecord;
use state::record::StreamWay;
use state::repo::RepoError;
use storage::Repos;

use crate::fixtures::ANA;
use crate::fixtures::NOON;
use crate::fixtures::OTHER_TEXT;
use crate::fixtures::TEXT;
use crate::fixtures::guild;

fn stream_key(id: u64, channel: ChannelId) -> StreamKeyRecord {
    StreamKeyRecord {
        id: Id::new(id),
        hash: [u8::try_from(id).expect("small"); 32],
        user: ANA,
        channel,
        way: StreamWay::Publish,
        name: format!("key {id}"),
        created_ms: NOON,
    }
}

pub(crate) async fn a_stream_key_is_found_by_its_hash_until_it_is_revoked(repos: &Repos) {
    let stored = StreamKeyRecord { way: StreamWay::Listen, ..stream_key(7, TEXT) };
    repos.stream_keys.create(&stored).await.expect("created");
    let again = repos.stream_keys.create(&stored).await;

    assert!(matches!(again, Err(RepoError::Exists)), "{again:?}");
    assert_eq!(repos.stream_keys.by_hash(&[7; 32]).await.expect("read"), Some(stored));
    assert_eq!(repos.stream_keys.by_hash(&[8; 32]).await.expect("read"), None);
    repos.stream_keys.remove(Id::new(7)).await.expect("removed");
    let removed_again = repos.stream_keys.remove(Id::new(7)).await;
    assert!(matches!(removed_again, Err(RepoError::NotFound)), "{removed_again:?}");
    assert_eq!(repos.stream_keys.by_hash(&[7; 32]).await.expect("read"), None);
}

pub(crate) async fn stream_keys_are_listed_by_channel_oldest_first(repos: &Repos) {
    for key in [stream_key(9, TEXT), stream_key(8, TEXT), stream_key(3, OTHER_TEXT)] {
        repos.stream_keys.create(&key).await.expect("created");
    }

    let listed = repos.stream_keys.list(TEXT).await.expect("listed");

    assert_eq!(listed, [stream_key(8, TEXT), stream_key(9, TEXT)]);
}

pub(crate) async fn a_deleted_channel_takes_its_stream_keys_along(repos: &Repos) {
    let guild = guild();
    repos.guilds.create(&guild).await.expect("created");
    for key in [stream_key(8, TEXT), stream_key(3, OTHER_TEXT)] {
        repos.stream_keys.create(&key).await.expect("created");
    }

    let plan = guild.plan(ANA, &GuildCommand::DeleteChannel(TEXT), 0).expect("allowed");
    repos.guilds.commit(&plan).await.expect("committed");

    assert_eq!(repos.stream_keys.list(TEXT).await.expect("listed"), []);
    assert_eq!(repos.stream_keys.list(OTHER_TEXT).await.expect("listed").len(), 1);
    let gone = repos.stream_keys.by_hash(&[8; 32]).await.expect("read");
    assert_eq!(gone, None);
}

pub(crate) async fn a_deleted_guild_takes_its_stream_keys_along(repos: &Repos) {
    let guild = guild();
    repos.guilds.create(&guild).await.expect("created");
    for key in [stream_key(8, TEXT), stream_key(3, OTHER_TEXT)] {
        repos.stream_keys.create(&key).await.expect("created");
    }

    let plan = guild.plan(ANA, &GuildCommand::Delete, 0).expect("allowed");
    repos.guilds.commit(&plan).await.expect("committed");

    assert_eq!(repos.stream_keys.list(TEXT).await.expect("listed"), []);
    assert_eq!(repos.stream_keys.list(OTHER_TEXT).await.expect("listed").len(), 1);
}

//! Objects: whole, in ranges, inside their root.

use bytes::Bytes;
use state::repo::RepoError;
use storage::Repos;

const KEY: &str = "attachments/1/2/photo.png";

async fn put(repos: &Repos, bytes: &'static [u8]) {
    repos.objects.put(KEY, Bytes::from_static(bytes)).await.expect("put");
}

pub(crate) async fn an_object_comes_back_byte_for_byte(repos: &Repos) {
    let bytes: Vec<u8> = (0..100_000_u32).map(|n| u8::try_from(n % 251).expect("small")).collect();

    repos.objects.put(KEY, bytes.clone().into()).await.expect("put");

    assert_eq!(repos.objects.size(KEY).await.expect("size"), Some(100_000));
    assert_eq!(repos.objects.read(KEY, 0..100_000).await.expect("read"), bytes);
    assert_eq!(repos.objects.read(KEY, 777..50_777).await.expect("read"), bytes[777..50_777]);
}

pub(crate) async fn an_object_is_replaced_whole(repos: &Repos) {
    put(repos, b"a long first version").await;

    put(repos, b"short").await;

    assert_eq!(repos.objects.size(KEY).await.expect("size"), Some(5));
    assert_eq!(repos.objects.read(KEY, 0..100).await.expect("read"), "short");
}

pub(crate) async fn a_range_is_cut_at_the_end(repos: &Repos) {
    put(repos, b"0123456789").await;

    assert_eq!(repos.objects.read(KEY, 8..u64::MAX).await.expect("read"), "89");
    assert_eq!(repos.objects.read(KEY, 10..20).await.expect("read"), "");
    assert_eq!(repos.objects.read(KEY, 90..99).await.expect("read"), "");
    assert_eq!(repos.objects.read(KEY, 3..3).await.expect("read"), "");
}

pub(crate) async fn what_is_not_there_is_not_found(repos: &Repos) {
    put(repos, b"x").await;

    for missing in ["attachments/1/2", "attachments/1/2/other", "attachments/1/2/photo.png/x"] {
        assert_eq!(repos.objects.size(missing).await.expect("size"), None, "{missing}");
        let read = repos.objects.read(missing, 0..1).await;
        assert!(matches!(read, Err(RepoError::NotFound)), "{missing}: {read:?}");
    }
}

pub(crate) async fn removing_twice_is_fine(repos: &Repos) {
    put(repos, b"x").await;

    repos.objects.remove("attachments/1/2").await.expect("a folder is no object");
    repos.objects.remove(KEY).await.expect("removed");
    repos.objects.remove(KEY).await.expect("nothing to remove");

    assert_eq!(repos.objects.size(KEY).await.expect("size"), None);
}

pub(crate) async fn keys_that_leave_the_root_reach_nothing(repos: &Repos) {
    for key in ["../guildhall.db", "/etc/passwd", "a/../../guildhall.db", "", "a//b", "~drafts/0"] {
        let put = repos.objects.put(key, Bytes::from_static(b"x")).await;
        assert!(matches!(put, Err(RepoError::Unavailable(_))), "{key}: {put:?}");
        let read = repos.objects.read(key, 0..1).await;
        assert!(matches!(read, Err(RepoError::NotFound)), "{key}: {read:?}");
        assert_eq!(repos.objects.size(key).await.expect("size"), None, "{key}");
        repos.objects.remove(key).await.expect("removes nothing");
    }
}

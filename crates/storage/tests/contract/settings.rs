//! What people keep for themselves.

use std::sync::Arc;

use model::limits;
use model::wire::id::Id;
use serde_json::json;
use state::repo::RepoError;
use state::settings::JSON;
use state::settings::Profile;
use state::settings::SettingsChange;
use storage::Repos;
use tokio::task::JoinSet;

use crate::fixtures::ANA;
use crate::fixtures::BEN;

fn keys(value: &serde_json::Value) -> SettingsChange {
    SettingsChange::Keys(value.as_object().expect("an object").clone())
}

pub(crate) async fn settings_are_merged_and_bounded(repos: &Repos) {
    let settings = &repos.settings;
    assert_eq!(settings.settings(ANA, JSON).await.expect("read"), None);
    settings.change(ANA, &keys(&json!({ "a": 1, "b": 2 })), 100).await.expect("stored");
    settings.change(ANA, &keys(&json!({ "b": 3 })), 100).await.expect("stored");
    let long = keys(&json!({ "c": "x".repeat(100) }));
    let refused = settings.change(ANA, &long, 100).await;
    assert!(matches!(refused, Err(RepoError::Exists)), "{refused:?}");

    let read = settings.settings(ANA, JSON).await.expect("read").expect("there");
    let read: serde_json::Value = serde_json::from_slice(&read).expect("JSON");
    assert_eq!(read, json!({ "a": 1, "b": 3 }));
    assert_eq!(settings.settings(BEN, JSON).await.expect("read"), None);

    let fields =
        |on_version| SettingsChange::Fields { kind: 1, partial: vec![0x20, 7], on_version };
    let stored = settings.change(ANA, &fields(None), 100).await.expect("stored");
    assert_eq!(settings.settings(ANA, 1).await.expect("read"), stored);
    assert_eq!(settings.change(ANA, &fields(Some(0)), 100).await.expect("read"), None);
    assert_eq!(settings.settings(ANA, 1).await.expect("read"), stored);
}

pub(crate) async fn notes_are_ones_own_and_bounded(repos: &Repos) {
    let note = |text: &str| Some(text.to_owned());
    repos.settings.put_note(ANA, BEN, note("one")).await.expect("stored");
    repos.settings.put_note(ANA, BEN, note("two")).await.expect("replaced");
    assert_eq!(repos.settings.note(ANA, BEN).await.expect("read"), note("two"));
    assert_eq!(repos.settings.note(BEN, ANA).await.expect("read"), None);
    let noting: JoinSet<_> = (1..limits::NOTES as u64)
        .map(|other| {
            let settings = Arc::clone(&repos.settings);
            async move { settings.put_note(ANA, Id::new(100_000 + other), Some("x".into())).await }
        })
        .collect();
    for noted in noting.join_all().await {
        noted.expect("stored");
    }
    let more = repos.settings.put_note(ANA, Id::new(99_999), note("x")).await;
    assert!(matches!(more, Err(RepoError::Exists)), "{more:?}");
    repos.settings.put_note(ANA, BEN, note("three")).await.expect("replaced");
    assert_eq!(repos.settings.notes(ANA).await.expect("read").len(), limits::NOTES);
    repos.settings.put_note(ANA, BEN, None).await.expect("removed");
    assert_eq!(repos.settings.note(ANA, BEN).await.expect("read"), None);
}

pub(crate) async fn a_profile_is_empty_until_it_is_written(repos: &Repos) {
    assert_eq!(repos.settings.profile(ANA).await.expect("read"), Profile::default());
    let profile = Profile { bio: "Sails.".to_owned(), ..Profile::default() };
    repos.settings.put_profile(ANA, &profile).await.expect("stored");
    assert_eq!(repos.settings.profile(ANA).await.expect("read"), profile);
}

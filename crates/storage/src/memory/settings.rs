//! What people keep for themselves, in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use model::id::UserId;
use model::limits;
use state::repo::RepoError;
use state::repo::SettingsRepo;
use state::settings::Profile;
use state::settings::SettingsChange;

use super::lock;

/// See the module.
#[derive(Default)]
pub(super) struct MemorySettings {
    settings: Mutex<BTreeMap<(UserId, u8), Vec<u8>>>,
    notes: Mutex<BTreeMap<(UserId, UserId), String>>,
    profiles: Mutex<BTreeMap<UserId, Profile>>,
}

#[async_trait]
impl SettingsRepo for MemorySettings {
    async fn settings(&self, user: UserId, kind: u8) -> Result<Option<Vec<u8>>, RepoError> {
        Ok(lock(&self.settings).get(&(user, kind)).cloned())
    }

    async fn change(
        &self,
        user: UserId,
        change: &SettingsChange,
        most: usize,
    ) -> Result<Option<Vec<u8>>, RepoError> {
        let mut settings = lock(&self.settings);
        let key = (user, change.kind());
        let changed = change.apply(settings.get(&key).map(Vec::as_slice));
        if changed.as_ref().is_some_and(|changed| changed.len() > most) {
            return Err(RepoError::Exists);
        }
        if let Some(changed) = &changed {
            settings.insert(key, changed.clone());
        }
        Ok(changed)
    }

    async fn note(&self, user: UserId, about: UserId) -> Result<Option<String>, RepoError> {
        Ok(lock(&self.notes).get(&(user, about)).cloned())
    }

    async fn notes(&self, user: UserId) -> Result<Vec<(UserId, String)>, RepoError> {
        let notes = lock(&self.notes);
        let theirs = notes.iter().filter(|((of, _), _)| *of == user);
        Ok(theirs.map(|((_, about), note)| (*about, note.clone())).collect())
    }

    async fn put_note(
        &self,
        user: UserId,
        about: UserId,
        note: Option<String>,
    ) -> Result<(), RepoError> {
        let mut notes = lock(&self.notes);
        let Some(note) = note else {
            notes.remove(&(user, about));
            return Ok(());
        };
        let count = notes.keys().filter(|(of, _)| *of == user).count();
        if count >= limits::NOTES && !notes.contains_key(&(user, about)) {
            return Err(RepoError::Exists);
        }
        notes.insert((user, about), note);
        Ok(())
    }

    async fn profile(&self, user: UserId) -> Result<Profile, RepoError> {
        Ok(lock(&self.profiles).get(&user).cloned().unwrap_or_default())
    }

    async fn put_profile(&self, user: UserId, profile: &Profile) -> Result<(), RepoError> {
        lock(&self.profiles).insert(user, profile.clone());
        Ok(())
    }
}

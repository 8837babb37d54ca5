//! What tokens used lately stand for, so that most requests cost no query. Pure; no clock.

use std::collections::HashMap;

/// A bounded memory in two halves: when the younger is full, the elder is dropped, so that what
/// is used stays and what is not goes, without keeping an order.
pub(super) struct Recent<V> {
    young: HashMap<[u8; 32], V>,
    old: HashMap<[u8; 32], V>,
    epoch: u64,
}

impl<V> Default for Recent<V> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), epoch: 0 }
    }
}

impl<V: Clone> Recent<V> {
    /// What a token's hash stands for, if it is remembered.
    pub(super) fn get(&mut self, hash: &[u8; 32]) -> Option<V> {
        if let Some(identity) = self.young.get(hash) {
            return Some(identity.clone());
        }
        let identity = self.old.remove(hash)?;
        self.insert(*hash, identity.clone());
        Some(identity)
    }

    /// Changes with every [`forget`](Self::forget).
    pub(super) const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Remembers what was read from storage since `epoch`. If anything was forgotten meanwhile,
    /// the reading may be older than that: it is dropped, for a revoked token must not come back.
    pub(super) fn remember(&mut self, hash: [u8; 32], identity: V, epoch: u64) {
        if epoch == self.epoch {
            self.insert(hash, identity);
        }
    }

    /// Forgets all that `gone` names.
    pub(super) fn forget(&mut self, gone: impl Fn(&[u8; 32], &V) -> bool) {
        self.epoch += 1;
        self.young.retain(|hash, identity| !gone(hash, identity));
        self.old.retain(|hash, identity| !gone(hash, identity));
    }

    fn insert(&mut self, hash: [u8; 32], identity: V) {
        if self.young.len() >= HALF {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(hash, identity);
    }
}

/// Identities in one half: about 200 bytes each. Fewer means more queries, more means memory.
const HALF: usize = 8_192;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::id::UserId;
    use state::record::UserRecord;

    use super::*;
    use crate::auth::Identity;

    fn identity(user: u64) -> Identity {
        let user = UserRecord {
            id: UserId::new(user),
            username: "ana".to_owned(),
            global_name: None,
            avatar: None,
            bot: false,
            flags: 0,
        };
        Identity { user: Arc::new(user), application: None, owner: false }
    }

    fn hash(n: u32) -> [u8; 32] {
        let mut hash = [0; 32];
        hash[..4].copy_from_slice(&n.to_be_bytes());
        hash
    }

    #[test]
    fn what_is_used_stays_and_the_memory_is_bounded() {
        let mut recent = Recent::<Identity>::default();
        recent.remember(hash(0), identity(1), 0);

        for n in 1..50_000 {
            recent.remember(hash(n), identity(2), 0);
            assert!(recent.get(&hash(0)).is_some(), "forgotten after {n} others");
        }

        assert!(recent.young.len() + recent.old.len() <= 2 * HALF);
        assert!(recent.get(&hash(1)).is_none());
    }

    #[test]
    fn a_reading_from_before_a_revocation_is_not_remembered() {
        let mut recent = Recent::<Identity>::default();
        let epoch = recent.epoch();

        recent.forget(|_, identity: &Identity| identity.id() == UserId::new(1));
        recent.remember(hash(0), identity(1), epoch);

        assert!(recent.get(&hash(0)).is_none());
    }

    #[test]
    fn forgetting_reaches_both_halves() {
        let mut recent = Recent::<Identity>::default();
        recent.remember(hash(0), identity(1), 0);
        for n in 1..=u32::try_from(HALF).unwrap() {
            recent.remember(hash(n), identity(2), 0);
        }
        assert!(recent.old.contains_key(&hash(0)));

        recent.forget(|_, identity: &Identity| identity.id() == UserId::new(1));

        assert!(recent.get(&hash(0)).is_none());
    }
}

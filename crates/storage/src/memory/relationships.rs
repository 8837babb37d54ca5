//! What people are to each other, in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use model::id::UserId;
use state::relationship::Bond;
use state::relationship::Counts;
use state::relationship::Outcome;
use state::relationship::Relationship;
use state::relationship::Wish;
use state::relationship::carry_out;
use state::repo::RelationshipRepo;
use state::repo::RepoError;

use super::lock;

/// See the module.
#[derive(Default)]
pub(super) struct MemoryRelationships {
    rows: Mutex<BTreeMap<(UserId, UserId), Relationship>>,
}

#[async_trait]
impl RelationshipRepo for MemoryRelationships {
    async fn change(
        &self,
        [me, other]: [UserId; 2],
        wish: Wish,
        now_ms: u64,
    ) -> Result<Outcome, RepoError> {
        let mut rows = lock(&self.rows);
        let sides = [(me, other), (other, me)];
        let before = sides.map(|side| rows.get(&side).cloned());
        let counts = [me, other].map(|user| {
            let mut counts = Counts::default();
            let theirs = rows.iter().filter(|((of, _), _)| *of == user);
            theirs.for_each(|(_, one)| counts.add(one.bond));
            counts
        });
        let after = match carry_out([me, other], &before, counts, wish, now_ms) {
            Ok(after) => after,
            Err(code) => return Ok(Outcome::Refused(code)),
        };
        for (side, now) in std::iter::zip(sides, &after) {
            match now {
                Some(now) => drop(rows.insert(side, now.clone())),
                None => drop(rows.remove(&side)),
            }
        }
        Ok(Outcome::Changed { before, after })
    }

    async fn rename(
        &self,
        [me, other]: [UserId; 2],
        nickname: Option<String>,
    ) -> Result<Relationship, RepoError> {
        let mut rows = lock(&self.rows);
        let one = rows.get_mut(&(me, other)).filter(|one| one.bond == Bond::Friend);
        let one = one.ok_or(RepoError::NotFound)?;
        one.nickname = nickname;
        Ok(one.clone())
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<Relationship>, RepoError> {
        let rows = lock(&self.rows);
        let theirs = rows.iter().filter(|((of, _), _)| *of == user);
        Ok(theirs.map(|(_, one)| one.clone()).collect())
    }

    async fn between(&self, [me, other]: [UserId; 2]) -> Result<[Option<Bond>; 2], RepoError> {
        let rows = lock(&self.rows);
        Ok([(me, other), (other, me)].map(|side| rows.get(&side).map(|one| one.bond)))
    }
}

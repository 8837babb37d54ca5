//! Members by the beginning of a name: their own in the guild, their username, or the one they go by.

use std::collections::HashSet;

use model::id::UserId;

use crate::Guild;
use crate::members::fold;
use crate::users::Users;

impl Guild {
    /// At most so many members of whom a name begins with `prefix`, whatever its case; all when it is empty
    /// of letters. Takes time by how many are called so on the whole server, or by how many members there
    /// are, whichever is less.
    #[must_use]
    pub fn called(&self, users: &Users, prefix: &str, most: usize) -> Vec<UserId> {
        let folded = fold(prefix);
        let many = users.count_called(&folded);
        let mut found = Vec::new();
        if many > self.members.len() {
            // They are rarer than the name.
            let hits = self.members.peeks().filter(|member| {
                member.nick().is_some_and(|nick| fold(nick).starts_with(&folded))
                    || users.is_called(member.user(), &folded)
            });
            found.extend(hits.map(|member| member.user()).take(most));
            return found;
        }
        let mut seen = HashSet::new();
        let nicked = self.members.nicked(&folded).filter(|user| seen.insert(*user));
        found.extend(nicked.take(most));
        let mut skip = 0;
        while skip < many && found.len() < most {
            // Page by page: nobody who is renamed waits for this.
            let page = users.called(&folded, skip, PAGE);
            if page.is_empty() {
                break;
            }
            skip += page.len();
            let members = page.into_iter().filter(|user| self.members.contains_key(user));
            let room = most - found.len();
            found.extend(members.filter(|user| seen.insert(*user)).take(room));
        }
        found
    }
}

/// Names that are looked through in one go.
const PAGE: usize = 512;

//! Accounts in the order of their names, so that those whose name begins somehow are found at once. Eight
//! bytes for each name; the names themselves are where the accounts are.

use std::cmp::Ordering;

use model::id::UserId;
use model::wire::id::Id;

use super::record;
use crate::member_list::Ordered;
use crate::packed::Packed;

/// See the module. Whoever is in it is in the accounts that it is asked with, under the same names.
#[derive(Default)]
pub(super) struct Names {
    usernames: Ordered,
    others: Ordered,
}

/// Which of someone's names.
#[derive(Clone, Copy)]
enum Which {
    Username,
    Other,
}

impl Names {
    /// Of all accounts.
    pub(super) fn of(kept: &Packed) -> Self {
        let all = |which: Which| {
            let ids = kept.iter().map(|(id, _)| Id::new(id));
            let named = ids.filter_map(|id: UserId| Some((head(name(kept, id, which)?), id)));
            let mut named: Vec<_> = named.collect();
            named.sort_unstable_by(|(one_head, one), (other_head, other)| {
                one_head.cmp(other_head).then_with(|| {
                    let folded = name(kept, *other, which).unwrap_or_default().to_lowercase();
                    compare(name(kept, *one, which), &folded).then_with(|| one.cmp(other))
                })
            });
            Ordered::from_sorted(named.into_iter().map(|(_, id)| id))
        };
        Self { usernames: all(Which::Username), others: all(Which::Other) }
    }

    /// Someone is among the accounts.
    pub(super) fn insert(&mut self, kept: &Packed, id: UserId) {
        for which in [Which::Username, Which::Other] {
            if let Some(own) = name(kept, id, which) {
                let than = than(kept, which, own, id);
                self.list(which).insert(id, than);
            }
        }
    }

    /// Someone is about to go, or to be called otherwise. Nothing when they are not in it.
    pub(super) fn remove(&mut self, kept: &Packed, id: UserId) {
        for which in [Which::Username, Which::Other] {
            if let Some(own) = name(kept, id, which) {
                let than = than(kept, which, own, id);
                self.list(which).remove(id, than);
            }
        }
    }

    /// How many names begin with `folded`.
    pub(super) fn count(&self, kept: &Packed, folded: &str) -> usize {
        let places = [(&self.usernames, Which::Username), (&self.others, Which::Other)];
        places
            .map(|(list, which)| places_of(list, kept, which, folded))
            .map(|[a, b]| b - a)
            .iter()
            .sum()
    }

    /// Whose names begin with `folded`: at most so many behind the first `skip`.
    pub(super) fn page(
        &self,
        kept: &Packed,
        folded: &str,
        mut skip: usize,
        most: usize,
    ) -> Vec<UserId> {
        let mut found = Vec::new();
        for (list, which) in [(&self.usernames, Which::Username), (&self.others, Which::Other)] {
            let [first, end] = places_of(list, kept, which, folded);
            let from = (first + skip).min(end);
            skip -= from - first;
            found.extend(list.from(from).take((end - from).min(most - found.len())));
        }
        found
    }

    const fn list(&mut self, which: Which) -> &mut Ordered {
        match which {
            Which::Username => &mut self.usernames,
            Which::Other => &mut self.others,
        }
    }
}

/// The places in a list where names begin with `folded`: the first, and the one behind the last.
fn places_of(list: &Ordered, kept: &Packed, which: Which, folded: &str) -> [usize; 2] {
    let first = list.place(|other| compare(name(kept, other, which), folded) == Ordering::Less);
    let end = list.place(|other| {
        let name = name(kept, other, which).unwrap_or_default();
        begins(name, folded) || compare(Some(name), folded) == Ordering::Less
    });
    [first, end]
}

fn name(kept: &Packed, id: UserId, which: Which) -> Option<&str> {
    let (username, other) = record::names(kept, id)?;
    match which {
        Which::Username => Some(username),
        Which::Other => other,
    }
}

/// How another one is ordered to someone of that name.
fn than(kept: &Packed, which: Which, own: &str, id: UserId) -> impl Fn(UserId) -> Ordering {
    let own = own.to_lowercase();
    move |other| compare(name(kept, other, which), &own).then_with(|| other.cmp(&id))
}

/// How a name, whose case does not count, is ordered to one without case.
fn compare(name: Option<&str>, folded: &str) -> Ordering {
    let name = name.unwrap_or_default();
    // Most names are plain letters, and need no copy.
    if name.is_ascii() {
        let lower = name.bytes().map(|byte| byte.to_ascii_lowercase());
        return lower.cmp(folded.bytes());
    }
    name.to_lowercase().as_str().cmp(folded)
}

/// Whether a name, whose case does not count, begins with one without case.
pub(super) fn begins(name: &str, folded: &str) -> bool {
    if name.is_ascii() {
        let head = name.as_bytes().get(..folded.len());
        return head.is_some_and(|head| head.eq_ignore_ascii_case(folded.as_bytes()));
    }
    name.to_lowercase().starts_with(folded)
}

/// The first sixteen bytes of a name without case, in the order of the names.
fn head(name: &str) -> u128 {
    let mut head = [0; 16];
    let folded = name.to_lowercase();
    let length = folded.len().min(head.len());
    head[..length].copy_from_slice(&folded.as_bytes()[..length]);
    u128::from_be_bytes(head)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::record::UserRecord;

    fn user(id: u64, username: String, global_name: Option<String>) -> UserRecord {
        UserRecord { id: Id::new(id), username, global_name, avatar: None, bot: false, flags: 0 }
    }

    proptest! {
        #[test]
        fn those_whose_names_begin_so_are_found_and_counted(
            steps in prop::collection::vec(
                (1..80_u64, any::<bool>(), "[aAbBäß0]{1,20}", prop::option::of("[aAbB ]{1,4}")),
                0..200,
            ),
            prefix in "[abäß]{1,2}",
        ) {
            let (mut names, mut kept, mut model) =
                (Names::default(), Packed::default(), BTreeMap::new());
            for (id, stays, username, other) in steps {
                names.remove(&kept, Id::new(id));
                kept.remove(id);
                model.remove(&id);
                if stays {
                    kept.insert(id, &record::packed(&user(id, username.clone(), other.clone())));
                    names.insert(&kept, Id::new(id));
                    model.insert(id, (username, other));
                }
            }
            let has = |name: &str| name.to_lowercase().starts_with(&prefix);
            let mut wanted = Vec::new();
            for (id, (username, other)) in &model {
                wanted.extend(has(username).then_some(*id));
                wanted.extend(other.as_deref().is_some_and(has).then_some(*id));
            }
            let count = wanted.len();
            for names in [&names, &Names::of(&kept)] {
                prop_assert_eq!(names.count(&kept, &prefix), count);
                let mut found: Vec<_> =
                    names.page(&kept, &prefix, 0, usize::MAX).into_iter().map(Id::get).collect();
                let again = names.page(&kept, &prefix, 0, 3).into_iter();
                let again: Vec<_> = again.chain(names.page(&kept, &prefix, 3, usize::MAX)).collect();
                prop_assert_eq!(again.into_iter().map(Id::get).collect::<Vec<_>>(), found.clone());
                found.sort_unstable();
                prop_assert_eq!(&found, &wanted);
            }
        }
    }
}

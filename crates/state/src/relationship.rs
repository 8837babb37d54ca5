//! Friends, requests to be friends, and the blocked: what two people are to each other. Pure.

use model::error_code::ErrorCode;
use model::id::UserId;
use serde::Deserialize;
use serde::Serialize;

/// What someone is to a person (Discord: Relationship Type).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum Bond {
    /// A friend.
    Friend = 1,
    /// Blocked by the person.
    Blocked = 2,
    /// Asked the person to be friends.
    Incoming = 3,
    /// Was asked by the person.
    Outgoing = 4,
}

/// One side of what two people are to each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relationship {
    /// The other one.
    pub other: UserId,
    /// What the other one is.
    pub bond: Bond,
    /// What the person calls a friend.
    #[serde(default)]
    pub nickname: Option<String>,
    /// Unix milliseconds since when.
    pub since_ms: u64,
}

/// What someone wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// To be friends: asks, or accepts.
    Befriend,
    /// To hear nothing of the other.
    Block,
    /// To be nothing to each other: ends a friendship, takes a request back, refuses one, or lifts a
    /// block.
    Part,
}

/// The two sides after a wish, first that of whoever wished.
pub type Sides = [Option<Bond>; 2];

/// What comes of a wish of the first of two people.
///
/// # Errors
///
/// 80001 when one has blocked the other, 80007 when they are friends already.
pub const fn step(sides: Sides, wish: Wish) -> Result<Sides, ErrorCode> {
    use Bond::Blocked;
    use Bond::Friend;
    use Bond::Incoming;
    use Bond::Outgoing;
    Ok(match (wish, sides) {
        (Wish::Befriend, [Some(Blocked), _] | [_, Some(Blocked)]) => {
            return Err(ErrorCode::FriendRequestBlocked);
        }
        (Wish::Befriend, [Some(Friend), _]) => return Err(ErrorCode::AlreadyFriends),
        (Wish::Befriend, [Some(Incoming), _]) => [Some(Friend), Some(Friend)],
        (Wish::Befriend, [Some(Outgoing) | None, _]) => [Some(Outgoing), Some(Incoming)],
        // A block is one's own: it neither lifts that of the other nor tells of itself.
        (Wish::Block, [_, Some(Blocked)]) => [Some(Blocked), Some(Blocked)],
        (Wish::Block, _) => [Some(Blocked), None],
        (Wish::Part, [_, Some(Blocked)]) => [None, Some(Blocked)],
        (Wish::Part, _) => [None, None],
    })
}

/// What became of a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Both sides before and after, first that of whoever wished; they may be the same.
    Changed {
        /// Before.
        before: [Option<Relationship>; 2],
        /// After.
        after: [Option<Relationship>; 2],
    },
    /// Nothing was changed.
    Refused(ErrorCode),
}

/// How many of each kind someone has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Friends, and requests of both directions.
    pub friends: usize,
    /// Blocked.
    pub blocked: usize,
}

impl Counts {
    /// Whether there is room for one more of `bond`.
    ///
    /// # Errors
    ///
    /// 30002 for friends, 30093 for the blocked.
    pub const fn room(self, bond: Bond) -> Result<(), ErrorCode> {
        use model::limits;
        match bond {
            Bond::Blocked if self.blocked >= limits::BLOCKED => Err(ErrorCode::MaximumBlocked),
            Bond::Blocked => Ok(()),
            _ if self.friends >= limits::FRIENDS => Err(ErrorCode::MaximumFriends),
            _ => Ok(()),
        }
    }

    /// Counts one.
    pub const fn add(&mut self, bond: Bond) {
        match bond {
            Bond::Blocked => self.blocked += 1,
            _ => self.friends += 1,
        }
    }
}

/// Carries a wish out: the two sides as they are stored, those whom each has, and the time.
///
/// For adapters of storage, within one transaction.
///
/// # Errors
///
/// As [`step`] and [`Counts::room`].
pub fn carry_out(
    pair: [UserId; 2],
    before: &[Option<Relationship>; 2],
    counts: [Counts; 2],
    wish: Wish,
    now_ms: u64,
) -> Result<[Option<Relationship>; 2], ErrorCode> {
    let sides = [0, 1].map(|side: usize| before[side].as_ref().map(|one| one.bond));
    let after = step(sides, wish)?;
    for side in [0, 1] {
        let grows = match (sides[side], after[side]) {
            (before, Some(Bond::Blocked)) => before != Some(Bond::Blocked),
            (None | Some(Bond::Blocked), Some(_)) => true,
            _ => false,
        };
        if let (true, Some(bond)) = (grows, after[side]) {
            counts[side].room(bond)?;
        }
    }
    Ok([0, 1].map(|side: usize| {
        let bond = after[side]?;
        match &before[side] {
            Some(same) if same.bond == bond => Some(same.clone()),
            _ => {
                Some(Relationship { other: pair[1 - side], bond, nickname: None, since_ms: now_ms })
            }
        }
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_is_accepted_by_asking_back() {
        let asked = step([None, None], Wish::Befriend).unwrap();
        assert_eq!(asked, [Some(Bond::Outgoing), Some(Bond::Incoming)]);
        assert_eq!(step(asked, Wish::Befriend), Ok(asked));
        let friends = step([asked[1], asked[0]], Wish::Befriend);
        assert_eq!(friends, Ok([Some(Bond::Friend), Some(Bond::Friend)]));
        let again = step([Some(Bond::Friend), Some(Bond::Friend)], Wish::Befriend);
        assert_eq!(again, Err(ErrorCode::AlreadyFriends));
    }

    #[test]
    fn a_block_ends_what_was_and_lasts_for_whoever_made_it() {
        let blocked = step([Some(Bond::Friend), Some(Bond::Friend)], Wish::Block).unwrap();
        assert_eq!(blocked, [Some(Bond::Blocked), None]);
        let turned = [blocked[1], blocked[0]];
        assert_eq!(step(turned, Wish::Befriend), Err(ErrorCode::FriendRequestBlocked));
        assert_eq!(step(turned, Wish::Part), Ok(turned));
        assert_eq!(step(blocked, Wish::Part), Ok([None, None]));
    }

    proptest! {
        #[test]
        fn whatever_they_wish_both_sides_agree(
            wishes in prop::collection::vec((any::<bool>(), 0..3_u8), 0..20),
        ) {
            let mut sides: Sides = [None, None];
            for (turned, wish) in wishes {
                let wish = [Wish::Befriend, Wish::Block, Wish::Part][usize::from(wish)];
                if turned { sides.reverse(); }
                sides = step(sides, wish).unwrap_or(sides);
                if turned { sides.reverse(); }
                let agree = matches!(
                    sides,
                    [None, None]
                        | [Some(Bond::Friend), Some(Bond::Friend)]
                        | [Some(Bond::Outgoing), Some(Bond::Incoming)]
                        | [Some(Bond::Incoming), Some(Bond::Outgoing)]
                        | [Some(Bond::Blocked), None | Some(Bond::Blocked)]
                        | [None, Some(Bond::Blocked)]
                );
                prop_assert!(agree, "{sides:?}");
            }
        }
    }
}

//! Interactions: what people do to bots, and how bots answer. `board` remembers them; `outbound`
//! reaches bots that have no gateway session but an address; the routes are in `rest/interactions`.

pub(crate) mod board;
mod outbound;

use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use self::board::Board;

pub use outbound::Outbound;
pub(crate) use outbound::Reply;
pub(crate) use outbound::Unreachable;

/// The interactions of this node.
#[derive(Default)]
pub struct Interactions(Mutex<Board>);

impl Interactions {
    /// Never held over an await.
    pub(crate) fn board(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Interactions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Interactions")
    }
}

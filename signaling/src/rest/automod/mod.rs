//! Auto moderation: `rules` are the routes by which it is set up, `judge` holds what is said and how
//! people call themselves against the rules, `act` does what a triggered rule is to do.

mod act;
mod judge;
mod rules;

use super::route::Routes;

pub(in crate::rest) use judge::carry_out;
pub(in crate::rest) use judge::hear;
pub(in crate::rest) use judge::profile;
pub(in crate::rest) use judge::quarantined;
pub(in crate::rest) use judge::renamed;
pub(in crate::rest) use judge::title;

pub(super) fn routes() -> Routes {
    rules::routes()
}

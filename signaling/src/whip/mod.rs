//! WHIP (RFC 9725) and its playback sibling WHEP (draft-ietf-wish-whep): a program publishes into a
//! voice channel, or listens to one, by one HTTP request with an SDP offer and a bearer token.
//!
//! `endpoint` is the two resources; `offer`, `answer` and `trickle` are their pure texts. What
//! joins the call is `voice::visit`. These routes are not Discord's.

mod answer;
mod asker;
mod endpoint;
mod error;
mod offer;
mod trickle;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use answer::answer_any;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use trickle::read_fragment;

pub(crate) use endpoint::routes;

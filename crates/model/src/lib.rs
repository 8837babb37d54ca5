//! The words that both wings share: ids, limits, error codes, and the treaty between them.
//!
//! No runtime, no socket, no clock: everything here is data. Payload types that a client sees are
//! twilight-model's wherever those serialise what clients need; own types stand beside them.

pub mod calendar;
pub mod error_code;
pub mod gateway;
pub mod id;
pub mod limits;
pub mod media;
pub mod permissions;
pub mod snowflake;
pub mod voice;

/// Discord's payload types, permissions and intents, as the twilight project keeps them.
pub use twilight_model as wire;
/// Discord's published limits, as functions.
pub use twilight_validate as validate;

//! Rate limits: buckets by route and major parameter, and Discord's headers on every answer.

/// The buckets of this node.
#[derive(Debug, Default)]
pub struct Limiter {}

//! Direct messages: channels between people, with one mailbox that keeps their order.

use std::any::Any;
use std::sync::Arc;
use std::sync::OnceLock;

use crate::event::ChatEvent;
use crate::record::PrivateChannel;

/// Something that happened in a private channel, shared by all who hear it.
pub struct PrivatePublication {
    /// Where.
    pub channel: Arc<PrivateChannel>,
    /// What.
    pub event: ChatEvent,
    /// Wire shapes, made once.
    pub shaped: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl std::fmt::Debug for PrivatePublication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PrivatePublication").field("event", &self.event).finish_non_exhaustive()
    }
}

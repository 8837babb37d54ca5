//! Reading ahead of an event: of many sessions, before any of them hears it, so that their memory is
//! waited for side by side.

use super::GatewaySession;
use super::Link;

impl GatewaySession {
    /// Reads something of each line of memory that an event touches: what comes of it is of no use but
    /// that the lines are near. Whoever calls lets nobody throw the result away (`black_box`).
    pub(in crate::gateway) fn approach(&self) -> usize {
        let next = match &self.link {
            Link::Attached(attached) => attached.next as usize ^ attached.controls.len(),
            Link::Detached { .. } | Link::Over => 0,
        };
        let due = usize::from(self.due.is_some()) ^ usize::from(self.pending.is_some());
        let latest = self.latest.map_or(0, |guild| guild.get() as usize);
        let seen = self.sight.approach() ^ self.viewer.approach();
        next ^ due ^ latest ^ seen ^ self.replay.approach()
    }
}

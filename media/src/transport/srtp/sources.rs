//! The SSRCs that a peer sends under, and the packets of each that were seen.

use crate::metrics::DropReason;
use crate::rtp::seq::ReplayWindow;

/// SSRCs that a peer may send under at once. A browser uses one or two for audio, six for a camera in
/// three layers, as many at most for a screen, one for its sound, and one for RTCP.
pub(super) const SOURCES: usize = 16;
/// SSRCs that a peer may have left behind; they stay refused, or their packets could be replayed.
const FORMER_SOURCES: usize = 256;

/// The SSRCs that a peer sends under, each with its replay window.
#[derive(Debug, Default)]
pub(super) struct Sources {
    current: Vec<Source>,
    former: Vec<u32>,
    clock: u64,
}

#[derive(Debug)]
struct Source {
    ssrc: u32,
    window: ReplayWindow,
    used: u64,
}

impl Sources {
    /// The highest index of an SSRC so far.
    pub(super) fn highest(&self, ssrc: u32) -> Result<Option<u64>, DropReason> {
        if let Some(source) = self.find(ssrc) {
            return Ok(source.window.highest());
        }
        let full = self.current.len() >= SOURCES && self.former.len() >= FORMER_SOURCES;
        if full || self.former.contains(&ssrc) { Err(DropReason::ForeignSsrc) } else { Ok(None) }
    }

    pub(super) fn is_new(&self, ssrc: u32, index: u64) -> bool {
        self.find(ssrc).is_none_or(|source| source.window.is_new(index))
    }

    fn find(&self, ssrc: u32) -> Option<&Source> {
        self.current.iter().find(|source| source.ssrc == ssrc)
    }

    /// Remembers an authentic packet; the least recently used SSRC gives way to a new one. Whether
    /// it is the newest of its SSRC.
    pub(super) fn insert(&mut self, ssrc: u32, index: u64) -> bool {
        self.clock += 1;
        if let Some(source) = self.current.iter_mut().find(|source| source.ssrc == ssrc) {
            source.used = self.clock;
            let newest = source.window.highest().is_none_or(|highest| index > highest);
            source.window.insert(index);
            return newest;
        }
        if self.current.len() >= SOURCES
            && let Some(oldest) = self
                .current
                .iter()
                .enumerate()
                .min_by_key(|(_, source)| source.used)
                .map(|(at, _)| at)
        {
            self.former.push(self.current.swap_remove(oldest).ssrc);
        }
        let mut window = ReplayWindow::default();
        window.insert(index);
        self.current.push(Source { ssrc, window, used: self.clock });
        true
    }
}

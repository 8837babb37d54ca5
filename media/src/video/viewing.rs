//! What one peer wants to see and is shown.

use std::time::Instant;

use model::media::Wants;

use crate::peer::PeerKey;
use crate::peer::RateLimit;
use crate::video::Track;
use crate::video::budget::Budget;
use crate::video::meter::Meter;
use crate::video::sight::Numbers;
use crate::video::sight::Sight;

/// Tracks that one viewer is shown at once; more fit on no screen.
pub(crate) const SIGHTS: usize = 48;
/// Numberings that are kept of tracks that are seen no more, in case they are seen again.
const FORMER: usize = 1_024;
/// Packets sent again a second to one viewer, and at once: about as many as a picture has.
const AGAIN_PER_SECOND: u32 = 300;

/// The share of what is sent that may be sent again, one in so many, and what may be in any case, in
/// bits a second.
const AGAIN_SHARE: u64 = 4;
const AGAIN_LEAST: u64 = 100_000;

/// What one peer wants to see and is shown.
#[derive(Debug)]
pub(crate) struct Viewing {
    pub(crate) wants: Wants,
    pub(crate) sights: Vec<Sight>,
    pub(crate) budget: Budget,
    again_rate: RateLimit,
    again: Meter,
    former: Vec<Numbers>,
}

impl Default for Viewing {
    fn default() -> Self {
        Self {
            wants: Wants::default(),
            sights: Vec::new(),
            budget: Budget::default(),
            again_rate: RateLimit::new(AGAIN_PER_SECOND, AGAIN_PER_SECOND),
            again: Meter::default(),
            former: Vec::new(),
        }
    }
}

impl Viewing {
    /// What it is shown under an SSRC. HOT: a search among a few.
    pub(crate) fn find(&mut self, ssrc: u32) -> Option<&mut Sight> {
        self.sights.iter_mut().find(|sight| sight.ssrc == ssrc)
    }

    /// Shows a track in this quality from now on. False when there are too many.
    pub(crate) fn show(
        &mut self,
        publisher: PeerKey,
        track: Track,
        ssrc: u32,
        quality: u8,
    ) -> bool {
        if let Some(sight) = self.find(ssrc) {
            sight.quality = quality;
            return sight.publisher == publisher;
        }
        if self.sights.len() >= SIGHTS {
            return false;
        }
        let former = self.former.iter().position(|numbers| numbers.ssrc == ssrc);
        let numbers = former
            .map_or_else(|| Numbers::beginning(ssrc), |former| self.former.swap_remove(former));
        self.sights.push(Sight::new(publisher, track, quality, numbers));
        true
    }

    /// Shows no longer what `which` says. Its numbering is kept: were the same SSRC to begin anew,
    /// nonces would be used twice.
    pub(crate) fn hide(&mut self, which: impl Fn(&Sight) -> bool) {
        let former = &mut self.former;
        self.sights.retain(|sight| {
            let hidden = which(sight);
            if hidden {
                if former.len() >= FORMER {
                    former.swap_remove(0);
                }
                former.push(sight.numbers());
            }
            !hidden
        });
    }

    /// Whether another packet may be sent again: a share of what is sent the first time, or an overrun
    /// line would be filled with repairs of itself.
    pub(crate) fn may_send_again(&mut self, now: Instant) -> bool {
        let most = self.rate(now) / AGAIN_SHARE + AGAIN_LEAST;
        self.again.rate(now) <= most && self.again_rate.admit(now)
    }

    /// So many bytes were sent again.
    pub(crate) fn note_again(&mut self, now: Instant, bytes: usize) {
        self.again.add(now, bytes);
    }

    /// Bits a second that it is sent.
    pub(crate) fn rate(&mut self, now: Instant) -> u64 {
        self.sights.iter_mut().map(|sight| sight.meter.rate(now)).sum()
    }
}

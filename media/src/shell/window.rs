//! How long a shard that has something to read rests before it does, so that packets to the same
//! listener can leave together.
//!
//! One send of several packets costs little more than one of one (see `pairing.rs`), but speakers
//! rarely speak in the same millisecond. Resting buys processor time with delay, so a shard rests only
//! when it runs short of the former, never longer than [`LONGEST`], and not while it gains nothing.
//! What comes meanwhile waits in the socket: a thread that were woken for each packet, only to let
//! it wait for another, would spend on waking what it saves on sending.
//!
//! Pure: time is an argument.

use std::time::Duration;
use std::time::Instant;

use crate::config::PairingPolicy;

/// The longest that a packet waits: a tenth of its frame, below what anybody notices.
pub(crate) const LONGEST: Duration = Duration::from_millis(2);
/// The longest that asking takes a shard which has something to read: who was told later has slept.
const AT_ONCE: Duration = Duration::from_micros(10);
/// Share of its time that a shard works before it begins to rest, and where it rests longest.
const LOADS: (f64, f64) = (0.5, 0.9);
/// Time over which the load is taken.
const SPAN: Duration = Duration::from_millis(100);
/// Share of packets that must have left with another for resting to be worth it.
const WORTH: f64 = 0.1;
/// Flushes after which resting is judged, and the time for which it is given up then.
const JUDGED: u32 = 32;
const GIVEN_UP: Duration = Duration::from_secs(1);

/// The rests of one shard.
pub(crate) struct Window {
    policy: PairingPolicy,
    /// Share of its time that the shard worked lately, 0 to 1.
    load: f64,
    /// Working and all time since the load was last taken.
    worked: Duration,
    passed: Duration,
    /// Whether packets met by waiting before this turn.
    rested: bool,
    /// Flushes, packets, and packets that left with another, since resting was last judged.
    flushes: u32,
    packets: usize,
    spared: usize,
    given_up_until: Option<Instant>,
}

impl Window {
    pub(crate) fn new(policy: PairingPolicy) -> Self {
        Self {
            policy,
            load: 0.0,
            worked: Duration::ZERO,
            passed: Duration::ZERO,
            rested: false,
            flushes: 0,
            packets: 0,
            spared: 0,
            given_up_until: None,
        }
    }

    /// Tells how long the shard worked and then slept.
    pub(crate) fn note_turn(&mut self, worked: Duration, slept: Duration) {
        self.worked += worked;
        self.passed += worked + slept;
        if self.passed >= SPAN {
            self.load = self.worked.as_secs_f64() / self.passed.as_secs_f64();
            (self.worked, self.passed) = (Duration::ZERO, Duration::ZERO);
        }
    }

    /// How long to rest before a turn that datagrams woke, after the last turn `worked` and the shard
    /// then `slept`. Who found them at once may have let the first of them wait all the while that it
    /// worked, and rests as much less; whom the first one woke has let it wait no time at all.
    pub(crate) fn rest(&mut self, now: Instant, worked: Duration, slept: Duration) -> Duration {
        let length = self.length(now);
        self.rested = !length.is_zero();
        if slept > AT_ONCE { length } else { length.saturating_sub(worked) }
    }

    /// The turn that comes was woken by no datagram.
    pub(crate) fn rest_not(&mut self) {
        self.rested = false;
    }

    /// Tells that `packets` left in `sends` sends.
    pub(crate) fn note_sent(&mut self, now: Instant, packets: usize, sends: usize) {
        if !self.rested || packets == 0 {
            return;
        }
        self.flushes += 1;
        self.packets += packets;
        self.spared += packets.saturating_sub(sends);
        if self.flushes < JUDGED {
            return;
        }
        let worth = self.spared as f64 >= WORTH * self.packets as f64;
        if !worth && self.policy == PairingPolicy::Auto {
            self.given_up_until = Some(now + GIVEN_UP);
        }
        (self.flushes, self.packets, self.spared) = (0, 0, 0);
    }

    fn length(&self, now: Instant) -> Duration {
        match self.policy {
            PairingPolicy::Off => Duration::ZERO,
            PairingPolicy::Always => LONGEST,
            PairingPolicy::Auto if self.given_up_until.is_some_and(|until| now < until) => {
                Duration::ZERO
            }
            PairingPolicy::Auto => {
                let (from, to) = LOADS;
                LONGEST.mul_f64(((self.load - from) / (to - from)).clamp(0.0, 1.0))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    /// A window of a shard that worked this share of its time.
    fn loaded(policy: PairingPolicy, load: f64) -> Window {
        let mut window = Window::new(policy);
        for _ in 0..20 {
            window.note_turn((10 * MILLI).mul_f64(load), (10 * MILLI).mul_f64(1.0 - load));
        }
        window
    }

    #[test]
    fn an_idle_shard_reads_at_once_and_a_busy_one_rests_the_longer_the_busier_it_is() {
        let now = Instant::now();
        let rest = |load| loaded(PairingPolicy::Auto, load).rest(now, Duration::ZERO, MILLI);

        assert_eq!(rest(0.1), Duration::ZERO);
        let [some, most, full] = [0.7, 0.9, 1.0].map(rest);
        assert!(Duration::ZERO < some && some < most);
        assert!(most <= LONGEST && full <= LONGEST && full.abs_diff(LONGEST) < MILLI / 10);
        let off = loaded(PairingPolicy::Off, 1.0).rest(now, Duration::ZERO, MILLI);
        assert_eq!(off, Duration::ZERO);
    }

    #[test]
    fn who_worked_as_long_as_the_rest_would_be_goes_on_at_once() {
        let now = Instant::now();
        let mut window = loaded(PairingPolicy::Always, 0.0);
        let mut rest = |worked| window.rest(now, worked, Duration::ZERO);

        assert_eq!(rest(Duration::ZERO), LONGEST);
        assert_eq!(rest(LONGEST / 4), LONGEST * 3 / 4);
        assert_eq!(rest(2 * LONGEST), Duration::ZERO);
    }

    #[test]
    fn whom_a_packet_woke_lets_it_wait_as_long_as_any() {
        let mut window = loaded(PairingPolicy::Always, 0.0);

        assert_eq!(window.rest(Instant::now(), LONGEST / 2, MILLI), LONGEST);
    }

    #[test]
    fn resting_that_gains_nothing_is_given_up_for_a_while() {
        let mut now = Instant::now();
        let mut window = loaded(PairingPolicy::Auto, 1.0);
        for _ in 0..JUDGED {
            assert!(!window.rest(now, Duration::ZERO, MILLI).is_zero());
            now += LONGEST;
            window.note_sent(now, 50, 50);
        }

        assert!(window.rest(now, Duration::ZERO, MILLI).is_zero());

        now += GIVEN_UP;
        for _ in 0..2 * JUDGED {
            assert!(
                !window.rest(now, Duration::ZERO, MILLI).is_zero(),
                "half of the sends are spared"
            );
            now += LONGEST;
            window.note_sent(now, 50, 25);
        }
    }
}

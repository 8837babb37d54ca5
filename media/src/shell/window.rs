//! How long packets wait for others to the same listener, so that they can leave together.
//!
//! One send of several packets costs little more than one of one (see `pairing.rs`), but speakers
//! rarely speak in the same millisecond. Waiting buys processor time with delay, so a shard waits only
//! when it runs short of the former, never longer than [`LONGEST`], and not while it gains nothing.
//!
//! Pure: time is an argument.

use std::time::Duration;
use std::time::Instant;

use crate::config::PairingPolicy;

/// The longest that a packet waits: a tenth of its frame, below what anybody notices.
const LONGEST: Duration = Duration::from_millis(2);
/// Share of its time that a shard works before packets begin to wait, and where they wait longest.
const LOADS: (f64, f64) = (0.5, 0.9);
/// Time over which the load is taken.
const SPAN: Duration = Duration::from_millis(100);
/// Share of packets that must have left with another for waiting to be worth it.
const WORTH: f64 = 0.1;
/// Sends after which waiting is judged, and the time for which it is given up then.
const JUDGED: u32 = 32;
const GIVEN_UP: Duration = Duration::from_secs(1);

/// The waiting of one shard.
pub(crate) struct Window {
    policy: PairingPolicy,
    /// Share of its time that the shard worked lately, 0 to 1.
    load: f64,
    /// Working and all time since the load was last taken.
    worked: Duration,
    passed: Duration,
    /// When what waits now must leave.
    due: Option<Instant>,
    /// Sends, packets, and packets that left with another, since waiting was last judged.
    sends: u32,
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
            due: None,
            sends: 0,
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

    /// Whether the packets that are there should wait for others.
    pub(crate) fn holds(&mut self, now: Instant) -> bool {
        if let Some(due) = self.due {
            return now < due;
        }
        let length = self.length(now);
        if length.is_zero() {
            return false;
        }
        self.due = Some(now + length);
        true
    }

    /// When the packets that wait must leave.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Tells that `packets` left in `sends` sends.
    pub(crate) fn note_sent(&mut self, now: Instant, packets: usize, sends: usize) {
        if self.due.take().is_none() {
            return;
        }
        self.sends += 1;
        self.packets += packets;
        self.spared += packets.saturating_sub(sends);
        if self.sends < JUDGED {
            return;
        }
        let worth = self.spared as f64 >= WORTH * self.packets as f64;
        if !worth && self.policy == PairingPolicy::Auto {
            self.given_up_until = Some(now + GIVEN_UP);
        }
        (self.sends, self.packets, self.spared) = (0, 0, 0);
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
    fn an_idle_shard_sends_at_once_and_a_busy_one_waits_the_longer_the_busier_it_is() {
        let now = Instant::now();
        let wait = |load| {
            let mut window = loaded(PairingPolicy::Auto, load);
            window.holds(now).then(|| window.due().expect("it waits") - now)
        };

        assert_eq!(wait(0.1), None);
        let [some, most, full] = [0.7, 0.9, 1.0].map(|load| wait(load).expect("it waits"));
        assert!(Duration::ZERO < some && some < most);
        assert!(most <= LONGEST && full <= LONGEST && full.abs_diff(LONGEST) < MILLI / 10);
    }

    #[test]
    fn what_waits_leaves_when_it_is_due_however_much_came_meanwhile() {
        let now = Instant::now();
        let mut window = loaded(PairingPolicy::Always, 0.0);
        assert!(window.holds(now) && window.holds(now + MILLI));

        assert!(!window.holds(now + LONGEST));

        window.note_sent(now + LONGEST, 50, 25);
        assert!(window.holds(now + LONGEST), "the next ones wait their own time");
        assert!(!loaded(PairingPolicy::Off, 1.0).holds(now));
    }

    #[test]
    fn waiting_that_gains_nothing_is_given_up_for_a_while() {
        let mut now = Instant::now();
        let mut window = loaded(PairingPolicy::Auto, 1.0);
        for _ in 0..JUDGED {
            assert!(window.holds(now));
            now += LONGEST;
            window.note_sent(now, 50, 50);
        }

        assert!(!window.holds(now));

        now += GIVEN_UP;
        for _ in 0..2 * JUDGED {
            assert!(window.holds(now), "half of the sends are spared");
            now += LONGEST;
            window.note_sent(now, 50, 25);
        }
    }
}

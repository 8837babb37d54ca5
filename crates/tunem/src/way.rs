//! One direction of a bad network: when each packet arrives, once, twice or never. Pure: the time is
//! an argument, and a seed determines everything.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;
use std::time::Instant;

use crate::random::Random;

/// Bytes that wait at once, at most; what comes when they do is lost, as in a router.
const QUEUE: usize = 8 * 1_024 * 1_024;

/// How bad a direction is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Profile {
    /// Part of the packets that is lost, 0 to 1, each by itself.
    pub(crate) loss: f64,
    /// Time that a packet takes.
    pub(crate) delay: Duration,
    /// How much more or less, evenly spread. More than half of the distance between packets reorders.
    pub(crate) jitter: Duration,
    /// Part of the packets that arrives twice, 0 to 1, each copy after a delay of its own.
    pub(crate) duplicate: f64,
    /// Part of the packets that overtakes all others, 0 to 1: these arrive at once.
    pub(crate) reorder: f64,
    /// Bits a second; none is no limit.
    pub(crate) rate: Option<u64>,
}

/// One direction.
#[derive(Debug)]
pub(crate) struct Way {
    profile: Profile,
    random: Random,
    waiting: BinaryHeap<Waiting>,
    bytes: usize,
    spared: VecDeque<(Instant, Vec<u8>)>,
    /// When the link has sent what it was given.
    busy_until: Option<Instant>,
    entered: u64,
    newest: Option<u64>,
    tally: Tally,
}

/// What became of the packets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Packets that came.
    pub(crate) came: u64,
    /// Lost by chance.
    pub(crate) lost: u64,
    /// Lost because too much waited.
    pub(crate) overflowed: u64,
    /// Arrivals, copies included.
    pub(crate) arrived: u64,
    /// Copies among them.
    pub(crate) copies: u64,
    /// Arrivals after a packet that had come later.
    pub(crate) reordered: u64,
}

#[derive(Debug)]
struct Waiting {
    due: Instant,
    number: u64,
    copy: bool,
    packet: Vec<u8>,
}

impl Way {
    /// A direction that this seed determines.
    pub(crate) fn new(profile: Profile, seed: u64) -> Self {
        Self {
            profile,
            random: Random::new(seed),
            waiting: BinaryHeap::new(),
            bytes: 0,
            spared: VecDeque::new(),
            busy_until: None,
            entered: 0,
            newest: None,
            tally: Tally::default(),
        }
    }

    /// Takes a packet that comes at `now` and is spared all but the delay: it is neither lost nor
    /// counted, and waits in line with nobody.
    pub(crate) fn spare(&mut self, now: Instant, packet: &[u8]) {
        let due = now + self.profile.delay;
        self.spared.push_back((due, packet.to_vec()));
    }

    /// Takes a packet that comes at `now`.
    pub(crate) fn take(&mut self, now: Instant, packet: &[u8]) {
        self.tally.came += 1;
        self.entered += 1;
        if self.random.happens(self.profile.loss) {
            self.tally.lost += 1;
            return;
        }
        let sent = self.sent(now, packet.len());
        let twice = self.random.happens(self.profile.duplicate);
        for copy in [false, true].into_iter().take(1 + usize::from(twice)) {
            if self.bytes + packet.len() > QUEUE {
                self.tally.overflowed += 1;
                continue;
            }
            let due = sent + self.takes();
            self.bytes += packet.len();
            let (number, packet) = (self.entered, packet.to_vec());
            self.waiting.push(Waiting { due, number, copy, packet });
        }
    }

    /// When a packet has left onto the link.
    fn sent(&mut self, now: Instant, length: usize) -> Instant {
        let Some(rate) = self.profile.rate else { return now };
        let takes = Duration::from_secs_f64(length as f64 * 8.0 / rate.max(1) as f64);
        let sent = self.busy_until.map_or(now, |until| until.max(now)) + takes;
        self.busy_until = Some(sent);
        sent
    }

    /// How long a packet takes from there.
    fn takes(&mut self) -> Duration {
        if self.random.happens(self.profile.reorder) {
            return Duration::ZERO;
        }
        let Profile { delay, jitter, .. } = self.profile;
        let shift = jitter.mul_f64(self.random.part() * 2.0);
        (delay + shift).saturating_sub(jitter)
    }

    /// The next packet that arrives by `now`.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Vec<u8>> {
        if let Some((_, packet)) = self.spared.pop_front_if(|(due, _)| *due <= now) {
            return Some(packet);
        }
        if self.waiting.peek()?.due > now {
            return None;
        }
        let Waiting { number, copy, packet, .. } = self.waiting.pop()?;
        self.bytes -= packet.len();
        self.tally.arrived += 1;
        self.tally.copies += u64::from(copy);
        if self.newest.is_some_and(|newest| number < newest) {
            self.tally.reordered += 1;
        }
        self.newest = self.newest.max(Some(number));
        Some(packet)
    }

    /// When the next packet arrives.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let spared = self.spared.front().map(|(due, _)| *due);
        let waiting = self.waiting.peek().map(|waiting| waiting.due);
        spared.into_iter().chain(waiting).min()
    }

    /// What became of the packets so far.
    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { came, lost, overflowed, arrived, copies, reordered } = self;
        let percent = |part: &u64| *part as f64 * 100.0 / (*came).max(1) as f64;
        write!(
            f,
            "{came} came, {lost} lost ({:.1} %), {overflowed} overflowed, {arrived} arrived, {copies} \
             of them copies ({:.1} %), {reordered} out of order ({:.1} %)",
            percent(lost),
            percent(copies),
            percent(reordered),
        )
    }
}

/// Sooner is greater, as a heap gives its greatest; then who came first.
impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.number, other.copy).cmp(&(self.due, self.number, self.copy))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Waiting {}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test begins at some time")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: Profile = Profile {
        loss: 0.0,
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
        duplicate: 0.0,
        reorder: 0.0,
        rate: None,
    };
    const FRAME: Duration = Duration::from_millis(20);

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Sends numbered packets of 100 bytes, a frame apart; which arrive, and how long each took.
    fn carry(profile: Profile, packets: u16, seed: u64) -> (Vec<(u16, Duration)>, Tally) {
        let start = Instant::now();
        let mut way = Way::new(profile, seed);
        let mut arrived = Vec::new();
        for number in 0..packets {
            let now = start + FRAME * u32::from(number);
            let mut packet = vec![0; 100];
            packet[..2].copy_from_slice(&number.to_be_bytes());
            way.take(now, &packet);
        }
        while let Some(at) = way.poll_timeout() {
            assert_eq!(way.poll(at - Duration::from_nanos(1)), None);
            let packet = way.poll(at).expect("it is due");
            let number = u16::from_be_bytes([packet[0], packet[1]]);
            arrived.push((number, at - (start + FRAME * u32::from(number))));
        }
        (arrived, way.tally().clone())
    }

    #[test]
    fn a_good_way_only_takes_its_time() {
        let (arrived, tally) = carry(Profile { delay: millis(75), ..GOOD }, 1_000, 1);

        assert!(arrived.iter().map(|(number, _)| *number).eq(0..1_000));
        assert!(arrived.iter().all(|(_, took)| *took == millis(75)));
        assert_eq!((tally.came, tally.arrived, tally.reordered), (1_000, 1_000, 0));
    }

    #[test]
    fn the_asked_part_is_lost_and_the_asked_part_comes_twice() {
        let profile = Profile { loss: 0.3, duplicate: 0.02, ..GOOD };

        let (arrived, tally) = carry(profile, 50_000, 2);

        assert!((14_500..15_500).contains(&tally.lost), "{tally}");
        assert!((600..800).contains(&tally.copies), "{tally}");
        assert_eq!(arrived.len() as u64, tally.came - tally.lost + tally.copies);
    }

    #[test]
    fn jitter_spreads_the_delay_evenly_and_reorders_what_is_close() {
        let profile = Profile { delay: millis(250), jitter: millis(200), ..GOOD };

        let (arrived, tally) = carry(profile, 10_000, 3);

        let mut took: Vec<_> = arrived.iter().map(|(_, took)| *took).collect();
        took.sort_unstable();
        assert!(took[0] >= millis(50) && took[9_999] <= millis(450));
        assert!((millis(240)..millis(260)).contains(&took[5_000]), "{:?}", took[5_000]);
        assert!(tally.reordered > 2_000, "{tally}");
    }

    #[test]
    fn who_overtakes_arrives_at_once() {
        let profile = Profile { delay: millis(100), reorder: 0.1, ..GOOD };

        let (arrived, tally) = carry(profile, 5_000, 4);

        let overtook = arrived.iter().filter(|(_, took)| took.is_zero()).count();
        assert!((400..600).contains(&overtook), "{overtook}");
        assert!(tally.reordered > 1_000, "those that were overtaken: {tally}");
    }

    #[test]
    fn a_slow_link_sends_one_packet_after_another_and_overflows() {
        let start = Instant::now();
        let mut way = Way::new(Profile { rate: Some(8_000), ..GOOD }, 5);
        for _ in 0..10_000 {
            way.take(start, &[0; 1_000]);
        }

        assert_eq!(way.poll_timeout(), Some(start + Duration::from_secs(1)));
        assert!(way.poll(start + Duration::from_secs(1)).is_some());
        assert_eq!(way.poll_timeout(), Some(start + Duration::from_secs(2)));
        assert_eq!(way.tally().overflowed, 10_000 - (QUEUE / 1_000) as u64);
    }

    #[test]
    fn who_is_spared_is_only_delayed_and_in_order() {
        let start = Instant::now();
        let jitter = millis(50);
        let mut way = Way::new(Profile { loss: 1.0, delay: millis(75), jitter, ..GOOD }, 6);
        for number in 0..100 {
            way.spare(start + millis(u64::from(number)), &[number]);
            way.take(start, &[255]);
        }

        for number in 0..100 {
            let due = start + millis(75 + u64::from(number));
            assert_eq!(way.poll_timeout(), Some(due));
            assert_eq!(way.poll(due), Some(vec![number]));
        }
        assert_eq!((way.poll_timeout(), way.tally().lost), (None, 100));
    }

    proptest! {
        #[test]
        fn a_seed_determines_everything_and_no_packet_is_made_of_nothing(
            seed: u64, loss in 0.0..1.0, duplicate in 0.0..1.0, reorder in 0.0..1.0, jitter in 0_u64..400,
        ) {
            let (delay, jitter) = (millis(200), millis(jitter));
            let profile = Profile { loss, delay, jitter, duplicate, reorder, rate: None };

            let (arrived, tally) = carry(profile, 200, seed);

            prop_assert_eq!(&carry(profile, 200, seed), &(arrived.clone(), tally.clone()));
            prop_assert_eq!(tally.arrived, arrived.len() as u64);
            prop_assert_eq!(tally.came - tally.lost + tally.copies, tally.arrived);
            prop_assert!(arrived.iter().all(|(number, took)| *number < 200 && *took <= delay + jitter));
        }
    }
}

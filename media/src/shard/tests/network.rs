//! The way between a browser and the shard, as bad as a test wants it, on the virtual clock.

use str0m_netem::Bitrate;
use str0m_netem::DataSize;
use str0m_netem::Input;
use str0m_netem::Netem;
use str0m_netem::NetemConfig;
use str0m_netem::Output;
use str0m_netem::Probability;
use str0m_netem::RandomLoss;

use super::*;

/// Both directions of a way.
pub(super) struct Network {
    up: Netem<Vec<u8>>,
    down: Netem<Vec<u8>>,
    ways: (Way, Way),
    seed: u64,
}

/// One direction: delay one way, its jitter, and the share that is lost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) delay: Duration,
    pub(super) jitter: Duration,
    pub(super) loss: f32,
}

impl Way {
    pub(super) const GOOD: Self = Self { delay: Duration::ZERO, jitter: Duration::ZERO, loss: 0.0 };

    pub(super) fn of_millis(delay: u64) -> Self {
        Self { delay: Duration::from_millis(delay), ..Self::GOOD }
    }

    pub(super) fn losing(self, loss: f32) -> Self {
        Self { loss, ..self }
    }

    fn config(self, seed: u64) -> NetemConfig {
        NetemConfig::new()
            .latency(self.delay)
            .jitter(self.jitter)
            .loss(RandomLoss::new(Probability::new(self.loss)))
            .seed(seed)
    }
}

impl Network {
    pub(super) fn new(up: Way, down: Way, seed: u64) -> Self {
        let ways = (up, down);
        let (up, down) = (Netem::new(up.config(seed)), Netem::new(down.config(seed ^ 0x5EED)));
        Self { up, down, ways, seed }
    }

    /// Delivers this share of packets twice.
    pub(super) fn duplicating(mut self, share: f32) -> Self {
        let config = |way: Way| way.config(self.seed).duplicate(Probability::new(share));
        self.up.set_config(config(self.ways.0));
        self.down.set_config(config(self.ways.1));
        self
    }

    /// Lets no more than so many bits a second through to the browser, with little room to wait.
    pub(super) fn narrow_down(&mut self, bits: u64) {
        let config = self.ways.1.config(self.seed);
        self.down.set_config(config.link(Bitrate::bps(bits), DataSize::kbytes(40)));
    }

    /// The same on the way to the shard, where it must wait for half a second at most.
    pub(super) fn narrow_up(&mut self, bits: u64) {
        let config = self.ways.0.config(self.seed);
        let room = DataSize::bytes((bits / 16) as i64);
        self.up.set_config(config.link(Bitrate::bps(bits), room));
    }

    /// Lets everything through to the shard again.
    pub(super) fn widen_up(&mut self) {
        self.up.set_config(self.ways.0.config(self.seed));
    }

    /// Lets everything through again.
    pub(super) fn widen_down(&mut self) {
        self.down.set_config(self.ways.1.config(self.seed));
    }

    pub(super) fn send_up(&mut self, now: Instant, packet: Vec<u8>) {
        self.up.handle_input(Input::Packet(now, packet));
    }

    pub(super) fn send_down(&mut self, now: Instant, packet: Vec<u8>) {
        self.down.handle_input(Input::Packet(now, packet));
    }

    /// The next packet that arrives at the shard by now.
    pub(super) fn arrive_up(&mut self, now: Instant) -> Option<Vec<u8>> {
        arrive(&mut self.up, now)
    }

    /// The next packet that arrives at the browser by now.
    pub(super) fn arrive_down(&mut self, now: Instant) -> Option<Vec<u8>> {
        arrive(&mut self.down, now)
    }

    /// There and back, without its jitter.
    pub(super) fn round_trip(&self) -> Duration {
        self.ways.0.delay + self.ways.1.delay
    }

    pub(super) fn poll_timeout(&self) -> Instant {
        self.up.poll_timeout().min(self.down.poll_timeout())
    }
}

fn arrive(way: &mut Netem<Vec<u8>>, now: Instant) -> Option<Vec<u8>> {
    way.handle_input(Input::Timeout(now));
    match way.poll_output()? {
        Output::Packet(packet) => Some(packet),
        Output::Timeout(_) => None,
    }
}

//! Somebody shows a screen over a narrow line: an unmodified str0m client, whose own congestion control
//! lives on the server's feedback, or which does what the server's estimate says.

use str0m::Rtc;
use str0m::RtcConfig;
use str0m::bwe::Bitrate;

use super::answer::TRANSPORT;
use super::network::Way;
use super::video::Client;
use super::video::PACKET;
use super::video::SECOND;
use super::video::SHOW;
use super::video::TICK;
use super::video::audio_of;
use super::*;

/// Behind this line, in bits a second.
const NARROW: u64 = 500_000;
/// Where its own estimate begins.
const START: u64 = 1_200_000;
/// What the screen would take.
const WANTED: u64 = 2_500_000;

/// Who shows a screen, at the rate that it may.
struct Publisher {
    world: World,
    client: Client,
    packets: u64,
    credit: f64,
}

impl Publisher {
    fn new(kind: RtcConfig, feedback: &str) -> Self {
        let mut world = World::new();
        world.command(MediaCommand::Join {
            peer: ANA,
            room: ROOM,
            user: UserId::new(ANA.0),
            ssrc: audio_of(ANA),
            grants: ALL,
        });
        let way = Way::of_millis(20);
        let client = Client::connect_with(&mut world, ANA, &[], (way, way), kind, feedback);
        world.command(MediaCommand::Publish { peer: ANA, tracks: SHOW });
        let mut this = Self { world, client, packets: 0, credit: 0.0 };
        this.wait(2 * SECOND);
        assert!(this.client.rtc.is_connected());
        this
    }

    /// One that is told when its packets arrive.
    fn estimating() -> Self {
        let kind = Rtc::builder().enable_bwe(Some(Bitrate::bps(START)));
        let mut this = Self::new(kind, TRANSPORT);
        this.client.rtc.bwe().set_bitrate(Bitrate::ZERO, Bitrate::bps(WANTED));
        this
    }

    fn wait(&mut self, time: Duration) {
        let end = self.world.now + time;
        while self.world.now < end {
            self.client.step(&mut self.world);
            self.world.pass(TICK);
        }
    }

    /// Shows the screen for so long: bits a second that it sent, and those that its line carried.
    fn show(&mut self, time: Duration) -> (u64, u64) {
        let before = (self.client.sent, self.client.carried);
        let end = self.world.now + time;
        while self.world.now < end {
            let told = [self.client.estimate, self.client.bound];
            let bits = told.into_iter().flatten().fold(WANTED, u64::min);
            self.credit += bits as f64 * TICK.as_secs_f64() / 8.0 / PACKET as f64;
            while self.credit >= 1.0 {
                self.credit -= 1.0;
                let at = self.packets as u32 * 300;
                self.client.share(&mut self.world, (self.packets, at), PACKET);
                self.packets += 1;
            }
            self.client.step(&mut self.world);
            self.world.pass(TICK);
        }
        let rate = |bytes: usize| (bytes as f64 * 8.0 / time.as_secs_f64()) as u64;
        (rate(self.client.sent - before.0), rate(self.client.carried - before.1))
    }

    /// On a line of no limit, then behind a narrow one, then again without: what it sends in the last
    /// seconds of each, and what was carried of that.
    fn narrowed(&mut self, (settles, recovers): (Duration, Duration)) -> [(u64, u64); 3] {
        self.show(15 * SECOND);
        let wide = self.show(5 * SECOND);
        self.client.network.narrow_up(NARROW);
        self.show(settles);
        let narrow = self.show(10 * SECOND);
        self.client.network.widen_up();
        self.show(recovers);
        [wide, narrow, self.show(5 * SECOND)]
    }
}

#[test]
fn a_publisher_told_of_arrivals_settles_below_what_its_line_carries_and_recovers() {
    let mut ana = Publisher::estimating();

    let [wide, narrow, again] = ana.narrowed((10 * SECOND, 25 * SECOND));

    println!(
        "sent and carried, in bits a second: wide {wide:?}, narrow {narrow:?}, wide again {again:?}"
    );
    assert!(wide.0 > WANTED * 9 / 10);
    assert!(narrow.0 < NARROW && narrow.0 > NARROW / 2);
    assert!(narrow.1 > narrow.0 * 97 / 100);
    assert!(again.0 > WANTED * 6 / 10);
}

#[test]
fn a_publisher_without_an_estimate_of_its_own_is_told_one_by_what_it_loses() {
    let mut ana = Publisher::new(Rtc::builder(), "goog-remb");

    let [wide, narrow, again] = ana.narrowed((15 * SECOND, 40 * SECOND));

    println!(
        "sent and carried, in bits a second: wide {wide:?}, narrow {narrow:?}, wide again {again:?}"
    );
    assert!(wide.0 > WANTED * 9 / 10);
    assert!(narrow.0 < NARROW * 12 / 10 && narrow.0 > NARROW / 3);
    assert!(again.0 > WANTED * 6 / 10);
}

#[test]
fn a_publisher_whose_offer_takes_no_feedback_of_arrivals_gets_none() {
    let mut ana = Publisher::new(Rtc::builder(), "goog-remb");
    let mut ben = Publisher::estimating();

    ana.show(SECOND);
    ben.show(SECOND);

    let told = |publisher: &mut Publisher| {
        let key = *publisher.world.shard.ids.get(&ANA).expect("there");
        let video = publisher.world.shard.peers.get(key).and_then(|peer| peer.video.as_ref());
        video.expect("shows something").ingest.arrivals.is_told()
    };
    assert_eq!((told(&mut ana), told(&mut ben)), (false, true));
}

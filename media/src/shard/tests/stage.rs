//! A stage with thousands of listeners: what one more of them costs, and what a speaker does.

use super::*;
use crate::shell::counting::allocations;
use crate::shell::counting::live_bytes;

const MODE: EncryptionMode = EncryptionMode::Aes256Gcm;
const AUDIENCE: Grants = Grants { speak: false, hear: true };
const FRAME: Duration = Duration::from_millis(20);

/// A listener of thousands, in ways of its own.
fn listener(world: &mut World, number: u64) -> UdpClient {
    let [.., high, low] = number.to_be_bytes();
    let peer = PeerId(1_000 + number);
    let mut client = UdpClient::new(peer, MODE);
    client.address = SocketAddr::from(([10, 0, high, low], 40_000));
    world.join(peer, AUDIENCE);
    let discovery = client.discovery();
    world.deliver(client.address, &discovery);
    world.take_sent_to(client.address);
    let mode = client.select();
    world.command(mode);
    client
}

/// What one more listener takes who comes, wants to see what is shown, and leaves.
fn cost_of_a_listener(world: &mut World, number: u64) -> u64 {
    // The tables may grow with the first of them.
    let mut least = u64::MAX;
    for turn in 0..5 {
        let before = allocations();
        let came = listener(world, number + turn);
        let wants = model::media::Wants { any: 100, each: Vec::new() };
        world.command(MediaCommand::Want { peer: came.peer, wants });
        world.command(MediaCommand::Leave { peer: came.peer });
        least = least.min(allocations() - before);
    }
    least
}

#[test]
fn one_listener_more_costs_the_same_among_five_thousand_as_among_fifty() {
    let mut world = World::with_places(10_000);
    let mut ana = world.udp_client(ANA, MODE, ALL);
    let mut heard = 0;
    let mut costs = Vec::new();
    for (from, to) in [(0, 50), (50, 5_000)] {
        for number in from..to {
            listener(&mut world, number);
        }
        costs.push(cost_of_a_listener(&mut world, 6_000));
        for _ in 0..2 {
            let packet = ana.speak(&[0x78; 60]);
            world.deliver(ana.address, &packet);
            world.pass(FRAME);
        }
        heard += std::mem::take(&mut world.sent).len();
    }

    println!("one listener more: {} allocations among 50, {} among 5,000", costs[0], costs[1]);
    assert_eq!(costs[0], costs[1]);
    assert_eq!(heard, 2 * 50 + 2 * 5_000);
}

#[test]
fn a_speaker_who_came_late_costs_a_listener_no_more_than_one_who_came_first() {
    let mut world = World::with_places(10_000);
    for number in 0..2_000 {
        listener(&mut world, number);
    }
    let mut late = world.udp_client(ANA, MODE, ALL);
    let before = live_bytes();
    for _ in 0..2 {
        let packet = late.speak(&[0x78; 60]);
        world.deliver(late.address, &packet);
        assert_eq!(world.sent.len(), 2_000);
        world.sent.clear();
    }
    world.sent = Vec::new();
    let taken = (live_bytes() - before) / 2_000;

    println!("a speaker takes {taken} bytes of each listener");
    assert!(taken < 2_048, "{taken} bytes");
}

#[test]
fn the_audience_is_not_heard() {
    let mut world = World::new();
    let ana = world.udp_client(ANA, MODE, ALL);
    let mut ben = world.udp_client(BEN, MODE, AUDIENCE);

    let packet = ben.speak(b"from below");
    world.deliver(ben.address, &packet);
    assert!(ana.hear(&mut world).is_empty());
    assert_eq!(world.dropped(DropReason::Muted), 1);

    world.command(MediaCommand::Update { peer: BEN, grants: ALL });
    let packet = ben.speak(b"on the stage");
    world.deliver(ben.address, &packet);
    assert_eq!(ana.hear(&mut world)[0].1, b"on the stage");
}

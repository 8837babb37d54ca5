//! The steady state of the packet path allocates nothing, counted by the allocator itself.

use super::*;
use crate::shell::counting::allocations;

#[test]
fn forwarding_a_packet_allocates_nothing_in_steady_state() {
    for mode in EncryptionMode::ALL {
        let mut world = World::new();
        let mut ana = world.udp_client(ANA, mode, ALL);
        for peer in 2..50 {
            world.udp_client(PeerId(peer), mode, ALL);
        }
        let mut packets: Vec<_> = (0..200).map(|_| ana.speak(&[7; 100])).collect();
        let mut now = world.now;
        let mut forward = |world: &mut World, packet: &mut [u8]| {
            now += Duration::from_millis(20);
            let handled = world.shard.handle_datagram(now, ana.address, packet);
            assert_eq!(handled, Handled::Here);
            assert_eq!(world.shard.outbox().transmits().len(), 48);
            world.shard.outbox().clear();
        };
        let (warm_up, measured) = packets.split_at_mut(100);
        for packet in warm_up {
            forward(&mut world, packet);
        }

        let before = allocations();
        for packet in measured {
            forward(&mut world, packet);
        }

        assert_eq!(allocations() - before, 0, "{mode:?}");
    }
}

#[test]
fn forwarding_to_browsers_with_redundancy_allocates_nothing_in_steady_state() {
    let mut world = World::new();
    let mut ana = world.udp_client(ANA, EncryptionMode::Aes256Gcm, ALL);
    for peer in [BEN, CAI] {
        let mut browser = loss::browser(&mut world, peer, ANA);
        browser.run(&mut world, Duration::from_secs(1));
    }
    world.sent.clear();
    let mut packets: Vec<_> = (0..300).map(|_| ana.speak(&[7; 100])).collect();
    let mut now = world.now;
    let mut bytes = 0;
    let mut forward = |world: &mut World, packet: &mut [u8]| {
        now += Duration::from_millis(20);
        let handled = world.shard.handle_datagram(now, ana.address, packet);
        assert_eq!(handled, Handled::Here);
        let outbox = world.shard.outbox();
        assert_eq!(outbox.transmits().len(), 2);
        bytes = outbox.bytes().len();
        outbox.clear();
    };
    let (warm_up, measured) = packets.split_at_mut(200);
    for packet in warm_up {
        forward(&mut world, packet);
    }

    let before = allocations();
    for packet in measured {
        forward(&mut world, packet);
    }

    assert_eq!(allocations() - before, 0);
    assert!(bytes > 2 * 200, "an older frame goes along: {bytes} bytes");
}

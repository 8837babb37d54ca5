//! A browser whose network changed begins ICE anew: it keeps its place, its keys and its numbers, and
//! the path that it had goes on to be used until another has held.

use model::media::LeaveReason;

use super::webrtc::Browser;
use super::webrtc::another_offer;
use super::*;
use crate::transport::Transport;
use crate::transport::stun;

const MODE: EncryptionMode = EncryptionMode::Aes256Gcm;
const FRAME: Duration = Duration::from_millis(20);
/// Longer than a session settles.
const STANDS: Duration = Duration::from_secs(8);

fn elsewhere() -> SocketAddr {
    "198.51.100.7:4444".parse().expect("address")
}

fn webrtc(world: &World) -> &crate::transport::webrtc::WebRtcTransport {
    let peer = world.shard.peers.get(world.shard.ids[&BEN]).expect("is here");
    let Transport::WebRtc(webrtc) = &peer.transport else { unreachable!("a browser") };
    webrtc
}

fn aim(world: &World) -> Option<SocketAddr> {
    world.shard.peers.get(world.shard.ids[&BEN]).expect("is here").path.aim
}

/// A check under these credentials.
fn check((ours, theirs, password): &(String, String, String)) -> Vec<u8> {
    let mut check = Vec::new();
    stun::nomination([7; 12], &format!("{ours}:{theirs}"), password, &mut check);
    check
}

fn credentials(world: &World) -> (String, String, String) {
    let webrtc = webrtc(world);
    let line = |name: &str| {
        let mut lines = webrtc.answer_text().lines();
        lines.find_map(|line| line.strip_prefix(name)).expect("is there").to_owned()
    };
    (line("a=ice-ufrag:"), webrtc.their_ufrag().to_owned(), line("a=ice-pwd:"))
}

/// Whether the shard knows somebody by this username fragment.
fn is_known(world: &World, ufrag: &str) -> bool {
    let mut request = Vec::new();
    stun::challenge([1; 12], &format!("{ufrag}:x"), "any", &mut request);
    let shape = crate::shard::demux::Shape::of(&request).expect("STUN");
    world.shard.demux.attribute(shape, elsewhere()).is_ok()
}

#[test]
fn a_browser_in_another_network_is_heard_and_hears_again_with_the_same_keys() {
    for stands in [Duration::from_secs(2), STANDS] {
        let mut world = World::new();
        let mut bot = world.udp_client(ANA, MODE, ALL);
        let mut browser = Browser::join(&mut world, BEN, ANA);
        browser.run(&mut world, stands);
        browser.speak(&mut world, b"before");
        assert_eq!(bot.hear(&mut world).len(), 1);
        browser.hear();
        let former = credentials(&world).0;
        world.take_events();

        browser.walk_to(elsewhere());
        browser.restart_ice(&mut world, true);
        assert_ne!(credentials(&world).0, former);
        let began = world.now;
        while aim(&world) != Some(elsewhere()) && world.now < began + Duration::from_secs(5) {
            browser.run(&mut world, FRAME);
        }
        println!("aimed anew {:?} after the restart", world.now - began);
        assert!(world.now - began <= Duration::from_secs(1), "{:?}", world.now - began);

        for _ in 0..10 {
            let packet = bot.speak(b"down");
            world.deliver(bot.address, &packet);
            browser.speak(&mut world, b"up");
        }
        assert_eq!((browser.hear().len(), bot.hear(&mut world).len()), (10, 10));
        assert!(!is_known(&world, &former), "the path before is of no use any more");
        assert!(is_known(&world, &credentials(&world).0));
        let left = |event: &MediaEvent| matches!(event, MediaEvent::Left { .. });
        assert!(!world.take_events().iter().any(left));
    }
}

#[test]
fn the_path_before_goes_on_to_be_used_and_answered_until_another_has_held() {
    let mut world = World::new();
    let mut bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = Browser::join(&mut world, BEN, ANA);
    browser.run(&mut world, STANDS);
    browser.hear();
    let before = credentials(&world);

    browser.restart_ice(&mut world, false);
    let former = check(&before);
    world.deliver(browser.address, &former);
    let answers = world.take_sent_to(browser.address);
    assert!(answers.iter().any(|answer| stun::success_of(answer) == Some([7; 12])));
    let packet = bot.speak(b"down");
    world.deliver(bot.address, &packet);
    assert_eq!(world.take_sent_to(browser.address).len(), 1);

    // A check of the new generation alone moves nothing: who sent it must prove to be there.
    let renewing = check(&credentials(&world));
    world.deliver(elsewhere(), &renewing);
    let sent = world.take_sent_to(elsewhere());
    assert!(sent.iter().any(|packet| stun::success_of(packet) == Some([7; 12])));
    assert!(sent.iter().any(|packet| stun::is_request(packet)), "it is asked for proof");
    assert_eq!(aim(&world), Some(browser.address));
    world.deliver(browser.address, &former);
    assert!(!world.take_sent_to(browser.address).is_empty(), "still answered");
}

#[test]
fn restarts_that_lead_nowhere_leave_no_names_behind_and_keep_the_path() {
    let mut world = World::new();
    let mut browser = Browser::join(&mut world, BEN, ANA);
    browser.run(&mut world, STANDS);
    let first = credentials(&world);
    let mut names = vec![first.0.clone()];
    for _ in 0..20 {
        browser.restart_ice(&mut world, false);
        names.push(credentials(&world).0);
    }

    let known: Vec<_> = names.iter().filter(|name| is_known(&world, name)).collect();
    assert_eq!(known, [&names[0], &names[20]]);
    let former = check(&first);
    world.deliver(browser.address, &former);
    assert!(!world.take_sent_to(browser.address).is_empty());

    world.command(MediaCommand::Leave { peer: BEN });
    assert!(!names.iter().any(|name| is_known(&world, name)));
}

#[test]
fn forged_checks_of_either_generation_are_refused() {
    let mut world = World::new();
    let mut browser = Browser::join(&mut world, BEN, ANA);
    browser.run(&mut world, STANDS);
    let before = credentials(&world);
    browser.restart_ice(&mut world, false);
    let now = credentials(&world);
    let dropped = world.dropped(DropReason::Handshake);

    // Each with the other's password, and with the other's name for the browser.
    for (ours, theirs, password) in
        [(&before.0, &before.1, &now.2), (&now.0, &now.1, &before.2), (&now.0, &before.1, &now.2)]
    {
        let forged = check(&(ours.clone(), theirs.clone(), password.clone()));
        world.deliver(elsewhere(), &forged);
    }
    assert!(world.take_sent_to(elsewhere()).is_empty());
    assert_eq!(world.dropped(DropReason::Handshake), dropped + 3);
}

#[test]
fn a_browser_behind_a_loopback_relay_is_a_peer_like_any_other_and_changes_over_to_udp_and_back() {
    let mut world = World::new();
    let mut bot = world.udp_client(ANA, MODE, ALL);
    let mut browser = Browser::join(&mut world, BEN, ANA);
    let (udp, relay) = (browser.address, "127.0.0.1:40001".parse().expect("address"));
    browser.address = relay;
    browser.run(&mut world, STANDS);
    assert_eq!(aim(&world), Some(relay));

    for way in [relay, udp, relay] {
        browser.address = way;
        for _ in 0..20 {
            let packet = bot.speak(b"down");
            world.deliver(bot.address, &packet);
            browser.speak(&mut world, b"up");
        }
        assert_eq!(aim(&world), Some(way));
        assert_eq!(bot.hear(&mut world).len(), 20);
        // One was under way to where it was.
        assert!(browser.hear().len() >= 19);
    }
}

#[test]
fn an_offer_with_another_certificate_is_another_connection() {
    let mut world = World::new();
    let mut browser = Browser::join(&mut world, BEN, ANA);
    browser.run(&mut world, STANDS);
    assert!(webrtc(&world).has_keys());

    drop(browser);
    let key = world.shard.ids[&BEN];
    let former = credentials(&world).0;
    let again = another_offer(&world);
    let announce = "192.0.2.1:8443".parse().expect("address");
    world.command(MediaCommand::SelectWebRtc { peer: BEN, offer: again, announce });

    assert!(!webrtc(&world).has_keys(), "its handshake begins anew");
    assert!(!is_known(&world, &former));
    assert_eq!(world.shard.ids[&BEN], key, "in the same place");
    let left = MediaEvent::Left { peer: BEN, reason: LeaveReason::Silent };
    assert!(!world.take_events().contains(&left));
}

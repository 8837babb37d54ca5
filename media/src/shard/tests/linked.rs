//! One room on two shards, linked by the test: whoever speaks is heard on both, once and in order.

use std::collections::BTreeSet;
use std::collections::VecDeque;

use model::media::Tracks;

use super::network::Way;
use super::webrtc::Browser;
use super::*;
use crate::room::home_of;
use crate::room::select::LARGE;
use crate::room::select::SPEAKERS;
use crate::shard::linked::Note;
use crate::shard::linked::Passed;
use crate::shell::counting::allocations;

const MODE: EncryptionMode = EncryptionMode::Aes256Gcm;
const FRAME: Duration = Duration::from_millis(20);
const DAN: PeerId = PeerId(4);
const ELA: PeerId = PeerId(5);

/// The shards of a node, and the ways between them.
struct Node {
    worlds: Vec<World>,
    /// What is under way, by the shard that it is for.
    packets: Vec<VecDeque<(Passed, Vec<u8>)>>,
    notes: Vec<VecDeque<(u16, Note)>>,
    /// Packets that the way to a shard holds.
    room_for: usize,
    lost: usize,
}

/// The shard that decides for the room of these tests, and another.
fn home() -> usize {
    home_of(ROOM, 2)
}

fn away() -> usize {
    1 - home()
}

impl Node {
    fn new(shards: u16) -> Self {
        let now = Instant::now();
        let worlds: Vec<_> =
            (0..shards).map(|index| World::on_shard(now, (index, shards), 1_000)).collect();
        let packets = worlds.iter().map(|_| VecDeque::new()).collect();
        let notes = worlds.iter().map(|_| VecDeque::new()).collect();
        Self { worlds, packets, notes, room_for: usize::MAX, lost: 0 }
    }

    fn now(&self) -> Instant {
        self.worlds[0].now
    }

    fn bot(&mut self, shard: usize, peer: PeerId) -> UdpClient {
        let bot = self.worlds[shard].udp_client(peer, MODE, ALL);
        self.carry();
        bot
    }

    fn command(&mut self, shard: usize, command: MediaCommand) {
        self.worlds[shard].command(command);
        self.carry();
    }

    /// Takes what the shards have for each other, without giving it to them.
    fn collect(&mut self) {
        for (index, world) in self.worlds.iter_mut().enumerate() {
            for (to, note) in world.shard.links().take_notes() {
                self.notes[usize::from(to)].push_back((index as u16, note));
            }
            for (to, passed, payload) in world.shard.links().packets() {
                let way = &mut self.packets[usize::from(to)];
                if way.len() == self.room_for {
                    way.pop_front();
                    self.lost += 1;
                }
                way.push_back((*passed, payload.to_vec()));
            }
            world.shard.links().clear();
        }
    }

    /// Carries until there is nothing more to carry.
    fn carry(&mut self) {
        loop {
            self.collect();
            let (notes, packets) = (&mut self.notes, &mut self.packets);
            if notes.iter().all(VecDeque::is_empty) && packets.iter().all(VecDeque::is_empty) {
                return;
            }
            for (world, (notes, packets)) in
                self.worlds.iter_mut().zip(notes.iter_mut().zip(packets))
            {
                for (from, note) in notes.drain(..) {
                    world.shard.handle_note(world.now, from, note);
                }
                for (passed, payload) in packets.drain(..) {
                    world.shard.handle_passed(world.now, &passed, &payload);
                }
                world.drain();
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        for world in &mut self.worlds {
            world.pass(time);
        }
        self.carry();
    }

    /// Says a frame, which arrives everywhere.
    fn say(&mut self, shard: usize, bot: &mut UdpClient, payload: &[u8]) {
        let packet = bot.speak(payload);
        self.worlds[shard].deliver(bot.address, &packet);
        self.carry();
        self.pass(FRAME);
    }

    fn hear(&mut self, shard: usize, bot: &UdpClient) -> Vec<(u32, u16, Vec<u8>)> {
        let heard = bot.hear(&mut self.worlds[shard]);
        heard.into_iter().map(|(header, said)| (header.ssrc, header.sequence, said)).collect()
    }

    fn words(&mut self, shard: usize, bot: &UdpClient) -> Vec<Vec<u8>> {
        self.hear(shard, bot).into_iter().map(|(_, _, said)| said).collect()
    }
}

/// Frames that tell their number.
fn frames(count: u16) -> Vec<Vec<u8>> {
    (0..count).map(|number| [&[0x78; 20][..], &number.to_be_bytes()].concat()).collect()
}

#[test]
fn a_talker_on_either_shard_is_heard_on_both_once_and_in_order() {
    let mut node = Node::new(2);
    let mut ana = node.bot(home(), ANA);
    let ben = node.bot(home(), BEN);
    let mut cai = node.bot(away(), CAI);
    let dan = node.bot(away(), DAN);
    let said = frames(50);

    for frame in &said {
        node.say(home(), &mut ana, frame);
    }
    let by_ana = [(home(), &ben), (away(), &cai), (away(), &dan)];
    for (shard, listener) in by_ana {
        let heard = node.hear(shard, listener);
        assert!(heard.windows(2).all(|two| two[1].1 == two[0].1.wrapping_add(1)));
        assert!(heard.iter().all(|(ssrc, ..)| *ssrc == ssrc_of(ANA)));
        assert_eq!(heard.into_iter().map(|heard| heard.2).collect::<Vec<_>>(), said);
    }
    assert!(node.words(home(), &ana).is_empty());

    for frame in &said {
        node.say(away(), &mut cai, frame);
    }
    for (shard, listener) in [(home(), &ana), (home(), &ben), (away(), &dan)] {
        assert_eq!(node.words(shard, listener), said);
    }
    assert!(node.words(away(), &cai).is_empty(), "nobody hears themselves");
}

#[test]
fn a_packet_goes_to_each_other_shard_once_however_many_listen_there() {
    let mut node = Node::new(3);
    let home = home_of(ROOM, 3);
    let mut ana = node.bot(home, ANA);
    for peer in 10..30 {
        node.bot((home + 1) % 3, PeerId(peer));
        node.bot((home + 2) % 3, PeerId(100 + peer));
    }

    for frame in frames(10) {
        node.say(home, &mut ana, &frame);
    }

    assert_eq!(node.worlds[home].totals().linked, 20);
    assert_eq!(node.worlds[(home + 1) % 3].totals().linked, 0);
    assert_eq!(node.worlds.iter_mut().map(|world| world.totals().rooms).sum::<u64>(), 1);
    assert_eq!(node.worlds.iter_mut().map(|world| world.totals().peers).sum::<u64>(), 41);
}

#[test]
fn after_the_last_of_a_shard_left_nothing_goes_there_and_who_returns_hears_again() {
    let mut node = Node::new(2);
    let mut ana = node.bot(home(), ANA);
    let ben = node.bot(home(), BEN);
    let cai = node.bot(away(), CAI);
    node.say(home(), &mut ana, b"one");
    assert_eq!(node.words(away(), &cai), [b"one"]);

    node.command(away(), MediaCommand::Leave { peer: CAI });
    let before = node.worlds[home()].totals().linked;
    node.say(home(), &mut ana, b"two");
    assert_eq!(node.worlds[home()].totals().linked, before);
    assert!(node.worlds[away()].take_sent_to(cai.address).is_empty());
    assert_eq!(node.worlds[away()].totals().rooms + node.worlds[away()].totals().peers, 0);

    let dan = node.bot(away(), DAN);
    node.say(home(), &mut ana, b"three");
    assert_eq!(node.words(away(), &dan), [b"three"]);
    assert_eq!(node.words(home(), &ben), [&b"one"[..], b"two", b"three"]);
}

#[test]
fn who_moves_to_another_shard_goes_on_with_its_numbers_for_those_who_heard_it_before() {
    let mut node = Node::new(2);
    let ana = node.bot(home(), ANA);
    let ben = node.bot(away(), BEN);
    let mut seen = Vec::new();
    for turn in 0..4 {
        let shard = if turn % 2 == 0 { home() } else { away() };
        let mut cai = node.bot(shard, CAI);
        for frame in frames(5) {
            node.say(shard, &mut cai, &frame);
        }
        node.command(shard, MediaCommand::Leave { peer: CAI });
        seen.push((node.hear(home(), &ana), node.hear(away(), &ben)));
    }

    // A number that came twice under one key would open the cipher.
    for heard in [
        seen.iter().flat_map(|(ana, _)| ana).collect::<Vec<_>>(),
        seen.iter().flat_map(|(_, ben)| ben).collect(),
    ] {
        assert_eq!(heard.len(), 20);
        assert!(heard.windows(2).all(|two| two[1].1 == two[0].1.wrapping_add(1)), "{heard:?}");
    }
}

#[test]
fn the_room_goes_on_when_the_last_of_its_home_left() {
    let mut node = Node::new(2);
    let mut ana = node.bot(home(), ANA);
    let mut ben = node.bot(away(), BEN);
    let cai = node.bot(away(), CAI);
    node.say(home(), &mut ana, b"farewell");
    node.command(home(), MediaCommand::Leave { peer: ANA });

    node.say(away(), &mut ben, b"she left");
    assert_eq!(node.words(away(), &cai), [&b"farewell"[..], b"she left"]);

    let dan = node.bot(home(), DAN);
    node.say(away(), &mut ben, b"hello");
    assert_eq!(node.words(home(), &dan), [b"hello"]);

    for (shard, peer) in [(home(), DAN), (away(), BEN), (away(), CAI)] {
        node.command(shard, MediaCommand::Leave { peer });
    }
    for world in &mut node.worlds {
        assert!(world.shard.rooms.is_empty() && world.shard.room_of.is_empty());
        assert!(world.shard.stand_ins.is_empty());
        assert_eq!((world.shard.peers.len(), world.totals().rooms), (0, 0));
    }
}

#[test]
fn a_full_way_loses_the_oldest_packets_and_never_the_call() {
    let mut node = Node::new(2);
    let mut ana = node.bot(home(), ANA);
    let ben = node.bot(home(), BEN);
    let cai = node.bot(away(), CAI);
    node.room_for = 8;
    let said = frames(40);

    for frame in &said[..20] {
        let packet = ana.speak(frame);
        node.worlds[home()].deliver(ana.address, &packet);
        // The other shard is busy with something else.
        node.collect();
    }
    node.carry();
    for frame in &said[20..] {
        node.say(home(), &mut ana, frame);
    }

    assert_eq!(node.lost, 12);
    assert_eq!(node.words(home(), &ben), said);
    assert_eq!(node.words(away(), &cai), said[12..]);
}

#[test]
fn nobody_hears_a_room_that_they_are_not_in() {
    let other = (6..100).map(ChannelId::new).find(|room| home_of(*room, 2) == home());
    let other = other.expect("rooms have homes");
    let mut node = Node::new(2);
    let mut bots = Vec::new();
    for (number, room) in [(0, ROOM), (10, other)] {
        for shard in [home(), away()] {
            let peer = PeerId(1 + number + shard as u64);
            let bot = node.worlds[shard].udp_client_in(room, peer, MODE, ALL);
            node.carry();
            bots.push((shard, room, bot));
        }
    }

    for talker in 0..bots.len() {
        let (shard, room, bot) = &mut bots[talker];
        let (shard, room) = (*shard, *room);
        node.say(shard, bot, b"for this room");
        for (listener, (shard, of, bot)) in bots.iter().enumerate() {
            let expected = usize::from(*of == room && listener != talker);
            assert_eq!(node.words(*shard, bot).len(), expected, "{talker} to {listener}");
        }
    }
    // A packet that comes for a room which its receiver left is nobody's.
    let (shard, _, bot) = &mut bots[0];
    let packet = bot.speak(b"late");
    node.worlds[*shard].deliver(bot.address, &packet);
    node.collect();
    let late = bots.iter().find(|(shard, room, _)| *shard == away() && *room == ROOM);
    let late = late.expect("is there").2.peer;
    node.worlds[away()].command(MediaCommand::Leave { peer: late });
    node.carry();
    assert!(bots.iter().all(|(shard, _, bot)| node.words(*shard, bot).is_empty()));
}

#[test]
fn a_muted_peer_is_heard_on_no_shard_and_a_deaf_one_hears_none() {
    let mut node = Node::new(2);
    let mut ana = node.bot(home(), ANA);
    let mut ben = node.bot(away(), BEN);
    let cai = node.bot(away(), CAI);
    let update = |peer, speak, hear| MediaCommand::Update { peer, grants: Grants { speak, hear } };
    node.say(home(), &mut ana, b"one");
    node.say(away(), &mut ben, b"two");
    assert_eq!(node.words(away(), &cai).len(), 2);

    // Packets that are under way when she is muted are not heard either.
    let packet = ana.speak(b"under way");
    node.worlds[home()].deliver(ana.address, &packet);
    node.worlds[home()].command(update(ANA, false, true));
    node.carry();
    node.say(home(), &mut ana, b"muted");
    node.command(away(), update(BEN, false, true));
    node.say(away(), &mut ben, b"muted");
    assert!(node.words(away(), &cai).is_empty());

    node.command(home(), update(ANA, true, true));
    node.command(away(), update(CAI, true, false));
    node.say(home(), &mut ana, b"three");
    assert!(node.words(away(), &cai).is_empty());
    assert_eq!(node.words(away(), &ben), [&b"one"[..], b"three"]);
    node.command(away(), update(CAI, true, true));
    node.say(home(), &mut ana, b"four");
    assert_eq!(node.words(away(), &cai), [b"four"]);
}

#[test]
fn all_shards_of_a_large_room_forward_the_same_speakers() {
    let mut node = Node::new(2);
    let listeners = [(home(), node.bot(home(), ANA)), (away(), node.bot(away(), BEN))];
    let mut bots: Vec<_> = (0..LARGE as u64)
        .map(|number| {
            let shard = if number % 3 == 0 { home() } else { away() };
            (shard, node.bot(shard, PeerId(10 + number)))
        })
        .collect();

    for _ in 0..100 {
        for (shard, bot) in &mut bots {
            let packet = bot.speak(&[0x78; 40]);
            node.worlds[*shard].deliver(bot.address, &packet);
        }
        node.carry();
        node.pass(FRAME);
    }

    let heard = listeners.map(|(shard, bot)| {
        let mut heard = node.hear(shard, &bot);
        heard.sort_unstable();
        heard.into_iter().map(|(ssrc, _, _)| ssrc).collect::<Vec<_>>()
    });
    assert_eq!(heard[0], heard[1]);
    assert_eq!(BTreeSet::from_iter(&heard[0]).len(), SPEAKERS);
    assert_eq!(heard[0].len(), 100 * SPEAKERS);
    let refused = node.worlds[home()].dropped(DropReason::NotSelected);
    assert_eq!(refused as usize, 100 * (LARGE - SPEAKERS));
    let speaking = node.worlds.iter_mut().flat_map(World::take_events);
    let speaking = speaking
        .filter_map(|event| match event {
            MediaEvent::Speaking { peer, speaking: true } => Some(ssrc_of(peer)),
            _ => None,
        })
        .collect::<BTreeSet<_>>();
    assert_eq!(speaking, BTreeSet::from_iter(heard[0].iter().copied()));
}

#[test]
fn a_listener_who_misses_a_packet_of_another_shard_gets_it_again() {
    let mut node = Node::new(2);
    let mut ana = node.bot(home(), ANA);
    let mut ben = loss::browser(&mut node.worlds[away()], BEN, ANA);
    let late = ben_time(&node);
    node.worlds[home()].pass(late);
    node.carry();
    for frame in frames(20) {
        node.say(home(), &mut ana, &frame);
    }
    ben.run(&mut node.worlds[away()], Duration::ZERO);
    let heard = ben.hear();
    let sequence = heard[15].header.sequence_number;
    let world = &mut node.worlds[away()];
    let listener = world.shard.ids[&BEN];
    world.take_sent_to(ben.address);

    world.shard.send_again(world.now, listener, ssrc_of(ANA), sequence);

    world.drain();
    assert_eq!(world.take_sent_to(ben.address).len(), 1);
    assert_eq!(world.totals().retransmitted, 1);
}

/// How much later it is at a browser's shard, which let time pass while it connected.
fn ben_time(node: &Node) -> Duration {
    node.worlds[away()].now - node.worlds[home()].now
}

#[test]
fn whoever_stands_for_another_is_forgotten_when_it_stands_for_nothing() {
    let mut node = Node::new(2);
    let mut ana = node.bot(home(), ANA);
    let _ben = node.bot(away(), BEN);
    node.say(home(), &mut ana, b"one");
    let packet = ana.speak(b"the last");
    node.worlds[home()].deliver(ana.address, &packet);
    node.collect();
    let last = node.packets[away()].pop_front().expect("one packet");
    node.command(home(), MediaCommand::Leave { peer: ANA });
    assert!(node.worlds[away()].shard.stand_ins.is_empty(), "it was told that she left");

    // A packet that comes after the news.
    let world = &mut node.worlds[away()];
    world.shard.handle_passed(world.now, &last.0, &last.1);
    assert_eq!(world.shard.stand_ins.len(), 1);
    node.pass(Duration::from_secs(200));

    assert!(node.worlds[away()].shard.stand_ins.is_empty());
    assert_eq!(node.worlds[away()].shard.peers.len(), 1);
}

#[test]
fn passing_a_packet_on_allocates_nothing_in_steady_state() {
    let mut node = Node::new(2);
    let mut ana = node.bot(home(), ANA);
    for peer in 10..20 {
        node.bot(away(), PeerId(peer));
    }
    let mut packets: Vec<_> = (0..200).map(|_| ana.speak(&[0x78; 100])).collect();
    let mut now = node.now();
    let (before, after) = node.worlds.split_at_mut(1);
    let mut both = [&mut before[0].shard, &mut after[0].shard];
    if home() == 1 {
        both.reverse();
    }
    let [home, away] = both;
    let mut forward = |packet: &mut [u8]| {
        now += FRAME;
        home.handle_datagram(now, ana.address, packet);
        for (_, passed, payload) in home.links().packets() {
            away.handle_passed(now, passed, payload);
        }
        home.links().clear();
        assert_eq!(away.outbox().transmits().len(), 10);
        away.outbox().clear();
    };
    let (warm_up, measured) = packets.split_at_mut(100);
    warm_up.iter_mut().for_each(|packet| forward(packet));

    let before = allocations();
    measured.iter_mut().for_each(|packet| forward(packet));

    assert_eq!(allocations() - before, 0);
}

/// Steps clients, each on its shard, for so long.
fn step(node: &mut Node, clients: &mut [(usize, &mut video::Client)], time: Duration) {
    let end = node.now() + time;
    while node.now() < end {
        for (shard, client) in clients.iter_mut() {
            client.step(&mut node.worlds[*shard]);
        }
        node.pass(video::TICK);
    }
}

/// Lets the first of the clients film for so long.
fn film(node: &mut Node, clients: &mut [(usize, &mut video::Client)], time: Duration) {
    let end = node.now() + time;
    while node.now() < end {
        let (shard, client) = &mut clients[0];
        client.film(&mut node.worlds[*shard]);
        step(node, clients, Duration::from_millis(33));
    }
}

#[test]
fn a_camera_is_seen_on_another_shard_in_the_best_layer_and_only_while_somebody_looks() {
    let way = Way::of_millis(10);
    for (at, elsewhere) in [(home(), away()), (away(), home())] {
        let mut node = Node::new(2);
        let mut ana = video::Client::join(&mut node.worlds[at], ANA, &[], (way, way));
        node.carry();
        let tracks = Tracks { camera: true, screen: true };
        node.command(at, MediaCommand::Publish { peer: ANA, tracks });
        // He comes when she shows herself already.
        let mut ben = video::Client::join(&mut node.worlds[elsewhere], BEN, &[ANA], (way, way));
        node.carry();
        let mut clients = [(at, &mut ana), (elsewhere, &mut ben)];
        step(&mut node, &mut clients, 2 * video::SECOND);
        film(&mut node, &mut clients, video::SECOND);
        assert_eq!(node.worlds.iter_mut().map(|world| world.totals().linked).sum::<u64>(), 0);

        let want = |any| MediaCommand::Want { peer: BEN, wants: video::wants(any) };
        node.command(elsewhere, want(100));
        film(&mut node, &mut clients, 8 * video::SECOND);
        clients[1].1.layers_of(ANA);
        film(&mut node, &mut clients, video::SECOND);
        assert_eq!(clients[1].1.layers_of(ANA), BTreeSet::from([2]), "from shard {at}");
        assert!(!clients[0].1.asked.is_empty(), "a keyframe was asked of her");
        let wanted = MediaEvent::Wanted { peer: ANA, camera: 100, screen: 100 };
        assert!(node.worlds[at].take_events().contains(&wanted));

        node.command(elsewhere, want(0));
        film(&mut node, &mut clients, 4 * video::SECOND);
        let before = node.worlds[at].totals().linked;
        film(&mut node, &mut clients, video::SECOND);
        assert_eq!(node.worlds[at].totals().linked, before);
        let wanted = MediaEvent::Wanted { peer: ANA, camera: 0, screen: 0 };
        assert!(node.worlds[at].take_events().contains(&wanted));
        node.command(at, MediaCommand::Leave { peer: ANA });
        assert!(node.worlds[elsewhere].shard.stand_ins.is_empty());
    }
}

#[test]
fn a_player_of_one_stream_hears_speakers_of_both_shards_on_it() {
    let mut node = Node::new(2);
    let mut ana = node.bot(home(), ANA);
    let mut ben = node.bot(away(), BEN);
    let mut player = Browser::join(&mut node.worlds[away()], ELA, ELA);
    node.command(away(), MediaCommand::Funnel { peer: ELA, streams: 1 });
    player.run(&mut node.worlds[away()], Duration::from_secs(2));
    let late = ben_time(&node);
    node.worlds[home()].pass(late);
    let mut heard = Vec::new();

    for frame in frames(20) {
        node.say(home(), &mut ana, &frame);
    }
    node.pass(Duration::from_secs(1));
    player.run(&mut node.worlds[away()], Duration::ZERO);
    heard.extend(player.hear());
    for frame in frames(20) {
        node.say(away(), &mut ben, &frame);
    }
    player.run(&mut node.worlds[away()], Duration::ZERO);
    heard.extend(player.hear());

    assert_eq!(heard.len(), 40);
    assert!(heard.iter().all(|packet| *packet.header.ssrc == ssrc_of(ELA)));
}

#[test]
fn a_priority_speaker_is_heard_in_a_large_room_whoever_is_louder() {
    let mut node = Node::new(2);
    let listeners = [(home(), node.bot(home(), ANA)), (away(), node.bot(away(), BEN))];
    let mut bots: Vec<_> =
        (0..LARGE as u64).map(|number| (home(), node.bot(home(), PeerId(10 + number)))).collect();
    let mut chief = node.bot(away(), CAI);
    let mut say = |node: &mut Node, chief: &mut UdpClient| {
        for (shard, bot) in &mut bots {
            let packet = bot.speak(&[0x78; 40]);
            node.worlds[*shard].deliver(bot.address, &packet);
        }
        node.say(away(), chief, b"order!");
        listeners
            .iter()
            .map(|(shard, bot)| node.words(*shard, bot))
            .map(|said| said.iter().filter(|said| *said == b"order!").count())
            .collect::<Vec<_>>()
    };
    for _ in 0..100 {
        say(&mut node, &mut chief);
    }
    assert_eq!(say(&mut node, &mut chief), [0, 0], "all places are taken");

    node.command(away(), MediaCommand::Priority { peer: CAI, on: true });
    for _ in 0..100 {
        assert_eq!(say(&mut node, &mut chief), [1, 1]);
    }
}

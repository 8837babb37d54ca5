//! TURN as a browser speaks it, and as somebody does who wants to reach another host by it.

use super::super::message::Message;
use super::*;
use crate::transport::stun;

const UNIX: u64 = 1_700_000_000;
const ID: [u8; stun::TRANSACTION] = *b"transaction!";

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn media() -> SocketAddr {
    address("192.0.2.1:8443")
}

/// A client with its pass.
struct Client {
    turn: Turn,
    pass: RelayPass,
    now: Instant,
    nonce: Vec<u8>,
}

impl Client {
    fn new() -> Self {
        let passes = Passes::new([7; 32]);
        let pass = passes.issue(UserId::new(5), media(), UNIX);
        let turn = Turn::new(passes, address("203.0.113.9:4000"), 50_000, [9; 8]);
        Self { turn, pass, now: Instant::now(), nonce: Vec::new() }
    }

    /// One that has its allocation.
    fn allocated() -> Self {
        let mut client = Self::new();
        client.greet();
        assert_eq!(client.ask(kind::ALLOCATE, &[(named::REQUESTED_TRANSPORT, &UDP4)]).0, 0x0103);
        client
    }

    fn greet(&mut self) {
        let mut bytes = Vec::new();
        begin(kind::ALLOCATE, &[(named::REQUESTED_TRANSPORT, &UDP4)], &mut bytes);
        stun::set_length(&mut bytes, 0, 0);
        let (taken, reply) = self.tell(&bytes);
        assert_eq!(taken, Taken::Done);
        let reply = Message::parse(&reply).expect("well formed");
        assert_eq!((reply.kind, code(&reply)), (0x0113, Some(401)));
        assert_eq!(reply.get(named::REALM), Some(REALM));
        self.nonce = reply.get(named::NONCE).expect("has one").to_vec();
    }

    fn key(&self) -> [u8; 16] {
        let (user, password) = (self.pass.username.as_bytes(), self.pass.password.as_bytes());
        Md5::digest([user, b":", REALM, b":", password].concat()).into()
    }

    /// A signed request: the reply's kind, its error, and the reply.
    fn ask(&mut self, kind: u16, attributes: &[(u16, &[u8])]) -> (u16, Option<u16>, Vec<u8>) {
        let mut bytes = Vec::new();
        begin(kind, attributes, &mut bytes);
        stun::put(named::USERNAME, self.pass.username.as_bytes(), &mut bytes);
        stun::put(named::REALM, REALM, &mut bytes);
        stun::put(named::NONCE, &self.nonce, &mut bytes);
        stun::sign_and_seal(&self.key(), &mut bytes, 0);
        let (_, reply) = self.tell(&bytes);
        let message = Message::parse(&reply).expect("an answer");
        if code(&message) != Some(401) {
            assert!(message.proves(&self.key()) || code(&message) == Some(438));
        }
        (message.kind, code(&message), reply)
    }

    fn tell<'a>(&mut self, bytes: &'a [u8]) -> (Taken<'a>, Vec<u8>) {
        let mut reply = Vec::new();
        let taken = self.turn.handle(self.now, UNIX, bytes, &mut reply);
        (taken, reply)
    }

    /// A Send indication of `data` to `peer`.
    fn send(&mut self, peer: SocketAddr, data: &[u8]) -> bool {
        let mut bytes = Vec::new();
        begin(
            kind::SEND,
            &[(named::XOR_PEER_ADDRESS, &masked(peer)), (named::DATA, data)],
            &mut bytes,
        );
        stun::set_length(&mut bytes, 0, 0);
        let (taken, reply) = self.tell(&bytes);
        assert!(reply.is_empty(), "indications are not answered");
        taken == Taken::Data(data)
    }

    fn wrap(&self, datagram: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        self.turn.wrap(self.now, datagram, &mut out);
        out
    }
}

const UDP4: [u8; 4] = [UDP, 0, 0, 0];

fn begin(kind: u16, attributes: &[(u16, &[u8])], out: &mut Vec<u8>) {
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&stun::MAGIC_COOKIE);
    out.extend_from_slice(&ID);
    attributes.iter().for_each(|(kind, value)| stun::put(*kind, value, out));
}

fn masked(address: SocketAddr) -> Vec<u8> {
    let (value, length) = stun::mask(address, &ID);
    value[..length].to_vec()
}

fn code(reply: &Message<'_>) -> Option<u16> {
    let value = reply.get(named::ERROR_CODE)?;
    Some(u16::from(value[2]) * 100 + u16::from(value[3]))
}

#[test]
fn a_client_with_a_pass_gets_an_address_and_its_datagrams_pass_both_ways() {
    let mut client = Client::new();
    client.greet();
    let (kind, _, reply) = client.ask(kind::ALLOCATE, &[(named::REQUESTED_TRANSPORT, &UDP4)]);
    assert_eq!(kind, 0x0103);
    let reply = Message::parse(&reply).expect("well formed");
    assert_eq!(reply.address(named::XOR_RELAYED_ADDRESS), Some(address("192.0.2.1:50000")));
    assert_eq!(reply.address(named::XOR_MAPPED_ADDRESS), Some(address("203.0.113.9:4000")));
    assert_eq!(reply.get(named::LIFETIME), Some(&600_u32.to_be_bytes()[..]));

    // Nothing passes before there is a permission.
    assert!(!client.send(media(), b"up"));
    assert!(client.wrap(b"down").is_empty());
    let peer = masked(media());
    assert_eq!(client.ask(kind::CREATE_PERMISSION, &[(named::XOR_PEER_ADDRESS, &peer)]).0, 0x0108);
    assert!(client.send(media(), b"up"));
    let down = client.wrap(b"down");
    let down = Message::parse(&down).expect("well formed");
    assert_eq!((down.kind, down.get(named::DATA)), (kind::DATA, Some(&b"down"[..])));
    assert_eq!(down.address(named::XOR_PEER_ADDRESS), Some(media()));

    let channel = [0x40, 0x07, 0, 0];
    let bind = [(named::CHANNEL_NUMBER, &channel[..]), (named::XOR_PEER_ADDRESS, &peer)];
    assert_eq!(client.ask(kind::CHANNEL_BIND, &bind).0, 0x0109);
    assert_eq!(client.tell(b"\x40\x07\x00\x02up\0\0").0, Taken::Data(b"up"));
    assert_eq!(client.tell(b"\x40\x08\x00\x02up\0\0").0, Taken::Done, "another channel");
    assert_eq!(client.wrap(b"hello"), b"\x40\x07\x00\x05hello\0\0\0");
}

#[test]
fn nothing_but_the_media_port_is_ever_reached() {
    let mut client = Client::allocated();
    let foreign = ["192.0.2.2:8443", "127.0.0.1:8443", "[2001:db8::1]:8443", "0.0.0.0:0"];
    for peer in foreign.map(address) {
        let value = masked(peer);
        let asked = client.ask(kind::CREATE_PERMISSION, &[(named::XOR_PEER_ADDRESS, &value)]);
        assert_eq!(asked.1, Some(403), "{peer}");
        let bind =
            [(named::CHANNEL_NUMBER, &[0x40, 1, 0, 0][..]), (named::XOR_PEER_ADDRESS, &value)];
        assert_eq!(client.ask(kind::CHANNEL_BIND, &bind).1, Some(403), "{peer}");
        assert!(!client.send(peer, b"up"), "{peer}");
    }
    // A permission is for all ports of an address, but only one of them is relayed to.
    let own = masked(address("192.0.2.1:22"));
    assert_eq!(client.ask(kind::CREATE_PERMISSION, &[(named::XOR_PEER_ADDRESS, &own)]).1, None);
    assert!(!client.send(address("192.0.2.1:22"), b"up"));
    let bind = [(named::CHANNEL_NUMBER, &[0x40, 1, 0, 0][..]), (named::XOR_PEER_ADDRESS, &own)];
    assert_eq!(client.ask(kind::CHANNEL_BIND, &bind).1, Some(403));
    // One good peer does not carry a foreign one along.
    let (good, bad) = (masked(media()), masked(address("192.0.2.2:1")));
    let both = [(named::XOR_PEER_ADDRESS, &good[..]), (named::XOR_PEER_ADDRESS, &bad[..])];
    assert_eq!(client.ask(kind::CREATE_PERMISSION, &both).1, Some(403));
}

#[test]
fn a_pass_that_is_forged_over_or_anothers_opens_nothing_and_few_may_be_tried() {
    let edit = |edit: fn(&mut RelayPass)| {
        let mut client = Client::new();
        client.greet();
        edit(&mut client.pass);
        client.ask(kind::ALLOCATE, &[(named::REQUESTED_TRANSPORT, &UDP4)]).1
    };
    assert_eq!(edit(|_| {}), None);
    assert_eq!(edit(|pass| pass.password.push('x')), Some(401));
    // The media address is part of what is signed.
    assert_eq!(
        edit(|pass| pass.username = pass.username.replace("192.0.2.1", "192.0.2.2")),
        Some(401)
    );
    assert_eq!(edit(|pass| pass.username = "nonsense".to_owned()), Some(401));
    assert_eq!(
        edit(|pass| {
            let before = UNIX - limits::RELAY_PASS.as_secs();
            *pass = Passes::new([7; 32]).issue(UserId::new(5), media(), before);
        }),
        Some(401),
        "its time is over"
    );

    let mut client = Client::new();
    client.greet();
    client.pass.password.push('x');
    let mut bytes = Vec::new();
    for _ in 1..WRONG {
        client.ask(kind::ALLOCATE, &[(named::REQUESTED_TRANSPORT, &UDP4)]);
    }
    begin(kind::ALLOCATE, &[], &mut bytes);
    stun::put(named::USERNAME, client.pass.username.as_bytes(), &mut bytes);
    stun::put(named::REALM, REALM, &mut bytes);
    stun::put(named::NONCE, &client.nonce, &mut bytes);
    stun::sign_and_seal(b"guess", &mut bytes, 0);
    assert_eq!(client.tell(&bytes).0, Taken::Over);
}

#[test]
fn another_nonce_another_user_or_a_second_allocation_is_refused_by_its_code() {
    let mut client = Client::new();
    client.nonce = b"of another stream".to_vec();
    let transport = [(named::REQUESTED_TRANSPORT, &UDP4[..])];
    assert_eq!(client.ask(kind::ALLOCATE, &transport).1, Some(438));

    let mut client = Client::allocated();
    assert_eq!(client.ask(kind::ALLOCATE, &transport).1, Some(437));
    client.pass = client.turn.passes.issue(UserId::new(6), media(), UNIX);
    let mut bytes = Vec::new();
    begin(kind::REFRESH, &[], &mut bytes);
    stun::put(named::USERNAME, client.pass.username.as_bytes(), &mut bytes);
    stun::put(named::REALM, REALM, &mut bytes);
    stun::put(named::NONCE, &client.nonce, &mut bytes);
    stun::sign_and_seal(&client.key(), &mut bytes, 0);
    let reply = client.tell(&bytes).1;
    assert_eq!(code(&Message::parse(&reply).expect("an answer")), Some(441));

    let mut client = Client::new();
    client.greet();
    assert_eq!(client.ask(kind::ALLOCATE, &[]).1, Some(400));
    let tcp = [(named::REQUESTED_TRANSPORT, &[6, 0, 0, 0][..])];
    assert_eq!(client.ask(kind::ALLOCATE, &tcp).1, Some(442));
    let ipv6 = [transport[0], (named::REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0][..])];
    assert_eq!(client.ask(kind::ALLOCATE, &ipv6).1, Some(440));
    let unknown = [transport[0], (0x7777, &[][..])];
    assert_eq!(client.ask(kind::ALLOCATE, &unknown).1, Some(420));
    assert_eq!(client.ask(kind::REFRESH, &[]).1, Some(437));
}

#[test]
fn an_allocation_lives_as_long_as_it_is_refreshed_and_a_permission_as_long_as_it_is_asked_for() {
    let mut client = Client::allocated();
    let start = client.now;
    assert_eq!(client.turn.until(), Some(start + LIFETIME));
    let peer = masked(media());
    client.ask(kind::CREATE_PERMISSION, &[(named::XOR_PEER_ADDRESS, &peer)]);
    client.now = start + PERMISSION;
    assert!(!client.send(media(), b"up") && client.wrap(b"down").is_empty());

    let hour = 3_600_u32.to_be_bytes();
    assert_eq!(client.ask(kind::REFRESH, &[(named::LIFETIME, &[0xFF; 4])]).0, 0x0104);
    assert_eq!(client.turn.until(), Some(client.now + LONGEST));
    assert_eq!(client.ask(kind::REFRESH, &[(named::LIFETIME, &hour)]).0, 0x0104);
    assert_eq!(client.ask(kind::REFRESH, &[(named::LIFETIME, &[0; 4])]).0, 0x0104);
    assert_eq!(client.turn.until(), None);
}

#[test]
fn what_stands_behind_the_integrity_is_nobodys_word() {
    let mut client = Client::allocated();
    let (good, bad) = (masked(media()), masked(address("192.0.2.2:1")));
    let mut bytes = Vec::new();
    begin(kind::CREATE_PERMISSION, &[(named::XOR_PEER_ADDRESS, &bad)], &mut bytes);
    stun::put(named::USERNAME, client.pass.username.as_bytes(), &mut bytes);
    stun::put(named::REALM, REALM, &mut bytes);
    stun::put(named::NONCE, &client.nonce, &mut bytes);
    stun::sign_and_seal(&client.key(), &mut bytes, 0);
    stun::put(named::XOR_PEER_ADDRESS, &good, &mut bytes);
    stun::set_length(&mut bytes, 0, 0);

    let reply = client.tell(&bytes).1;
    assert_eq!(code(&Message::parse(&reply).expect("an answer")), Some(403));
}

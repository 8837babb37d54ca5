//! Gives the parts: which participant speaks, which listens, and where the floor sends.

use std::net::SocketAddr;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::Mutex;

use media::bench::SrtpCipher;
use media::bench::UdpCipher;
use model::voice::EncryptionMode;
use model::voice::SessionKey;

use super::Options;
use super::browser::Browser;
use super::chance::Dice;
use super::clock::Clock;
use super::contest::Contender;
use super::ears::Ear;
use super::ears::Ears;
use super::ears::Hearing;
use super::ears::Way;
use super::floor::Destination;
use super::floor::Floor;
use super::floor::Seal;
use super::janus;
use super::mouths::Mouth;
use super::mouths::Mouths;
use super::mouths::Voice;
use super::mumble::Guest;
use super::packet::Stream;
use super::participant::Seat;
use super::participant::Transport;

/// Who does what, while parts are given.
pub(super) struct Cast {
    clock: Clock,
    mode: EncryptionMode,
    readers: usize,
    /// Part of the packets that each client's network loses.
    loss: f64,
    clients: u64,
    contenders: Vec<Contender>,
    ears: Vec<Ear>,
    /// Where the floor sends, by room.
    rooms: Vec<Vec<Destination>>,
    /// The room of each of the floor's speakers.
    speakers: Vec<usize>,
}

/// All parts.
pub(super) struct Parts {
    /// In the order in which they came, and take turns.
    pub(super) contenders: Vec<Contender>,
    pub(super) floor: Floor,
    pub(super) ears: Ears,
}

impl Cast {
    /// Nobody has a part yet.
    pub(super) fn new(options: &Options, clock: Clock) -> Self {
        Self {
            clock,
            mode: options.mode.udp(),
            readers: options.readers.into(),
            loss: options.loss(),
            clients: 0,
            contenders: Vec::new(),
            ears: Vec::new(),
            rooms: (0..options.rooms).map(|_| Vec::new()).collect(),
            speakers: Vec::new(),
        }
    }

    /// The participants of a server of ours. The floor sends to those of [`Way::Server`].
    ///
    /// # Errors
    ///
    /// When a socket is broken.
    pub(super) fn seat(
        &mut self,
        way: Way,
        pid: Option<u32>,
        mut seats: Vec<Seat>,
    ) -> anyhow::Result<()> {
        seats.sort_by_key(|seat| seat.room);
        let audience =
            |room| seats.iter().filter(|seat| seat.room == room && !seat.speaks).count() as u64;
        let audiences: Vec<_> = (0..self.rooms.len()).map(audience).collect();
        let speakers: Vec<_> =
            seats.iter().filter(|seat| seat.speaks).map(|seat| (seat.room, seat.ssrc)).collect();
        let mut mouths = Vec::new();
        for seat in seats {
            match seat.transport {
                Transport::Udp(key) if seat.speaks => {
                    if way == Way::Server {
                        self.speakers.push(seat.room);
                    }
                    mouths.push(Mouth {
                        socket: seat.socket,
                        server: seat.server,
                        voice: Voice::Discord(UdpCipher::new(self.mode, &key)),
                        stream: Stream::new(seat.ssrc),
                        counter: 0,
                        audience: audiences[seat.room],
                        dice: self.dice(),
                    });
                }
                Transport::WebRtc(browser) if seat.speaks => {
                    if way == Way::Server {
                        self.speakers.push(seat.room);
                    }
                    let audience = audiences[seat.room];
                    let mouth = self.browser(way, seat.socket, seat.server, browser, audience);
                    mouths.push(mouth);
                }
                transport => {
                    let here = speakers.iter().filter(|(room, _)| *room == seat.room);
                    let mut hearing = listen(transport, self.mode, here.map(|(_, ssrc)| *ssrc));
                    if way == Way::Server {
                        let to = seat.socket.local_addr()?.port();
                        let seal = floor_of(&mut hearing, self.mode);
                        let destination = seal.map(|seal| Destination::new(to, seal));
                        self.rooms[seat.room].extend(destination);
                    }
                    let dice = self.dice();
                    self.ears.push(Ear { way, socket: seat.socket, hearing, dice });
                }
            }
        }
        self.contenders.push(Contender::new(way, pid, Mouths { mouths, clock: self.clock }));
        Ok(())
    }

    /// The clients of mumble-server, where speakers hear each other too.
    pub(super) fn mumble(&mut self, pid: Option<u32>, guests: Vec<Guest>) {
        let audience = guests.len().saturating_sub(1) as u64;
        let mut mouths = Vec::new();
        for guest in guests {
            if guest.speaks {
                mouths.push(Mouth {
                    socket: Arc::clone(&guest.socket),
                    server: guest.server,
                    voice: Voice::Mumble(Box::new(guest.seal)),
                    stream: Stream::new(0),
                    counter: 0,
                    audience,
                    dice: self.dice(),
                });
            }
            let hearing = Hearing::Mumble(Box::new(guest.open));
            let dice = self.dice();
            self.ears.push(Ear { way: Way::Mumble, socket: guest.socket, hearing, dice });
        }
        let mouths = Mouths { mouths, clock: self.clock };
        self.contenders.push(Contender::new(Way::Mumble, pid, mouths));
    }

    /// The clients of Janus.
    pub(super) fn janus(&mut self, pid: Option<u32>, guests: Vec<janus::Guest>) {
        let audience = guests.iter().filter(|guest| !guest.speaks).count() as u64;
        let mut mouths = Vec::new();
        for janus::Guest { speaks, socket, browser } in guests {
            if speaks {
                let server = browser.server();
                mouths.push(self.browser(Way::Janus, socket, server, browser, audience));
            } else {
                let hearing = Hearing::WebRtc { server: browser, floor: None };
                let dice = self.dice();
                self.ears.push(Ear { way: Way::Janus, socket, hearing, dice });
            }
        }
        let mouths = Mouths { mouths, clock: self.clock };
        self.contenders.push(Contender::new(Way::Janus, pid, mouths));
    }

    /// A speaker by WebRTC, of whose session an ear takes care.
    fn browser(
        &mut self,
        way: Way,
        socket: Arc<UdpSocket>,
        server: SocketAddr,
        browser: Browser,
        audience: u64,
    ) -> Mouth {
        let browser = Arc::new(Mutex::new(browser));
        let hearing = Hearing::Speaker(Arc::clone(&browser));
        let (dice, stream) = (self.dice(), Stream::new(0));
        self.ears.push(Ear { way, socket: Arc::clone(&socket), hearing, dice });
        let (voice, dice) = (Voice::WebRtc(browser), self.dice());
        Mouth { socket, server, voice, stream, counter: 0, audience, dice }
    }

    /// What the network of the next client loses.
    fn dice(&mut self) -> Dice {
        self.clients += 1;
        Dice::new(self.loss, self.clients)
    }

    /// Everybody listens from here on.
    ///
    /// # Errors
    ///
    /// When the process has no sockets, descriptors or threads left.
    pub(super) fn play(self) -> anyhow::Result<Parts> {
        Ok(Parts {
            contenders: self.contenders,
            floor: Floor::new(self.rooms, self.speakers, self.clock)?,
            ears: Ears::listen(self.ears, self.readers, self.clock)?,
        })
    }
}

/// How a listener opens what its server sends.
fn listen(
    transport: Transport,
    mode: EncryptionMode,
    speakers: impl Iterator<Item = u32>,
) -> Hearing {
    match transport {
        Transport::Udp(key) => Hearing::Udp { server: UdpCipher::new(mode, &key), floor: None },
        Transport::WebRtc(mut server) => {
            speakers.for_each(|ssrc| server.expect(ssrc));
            Hearing::WebRtc { server, floor: None }
        }
    }
}

/// Lets a listener hear the floor too, and tells how that seals for it. The floor has keys of its
/// own: its counters and the server's must not meet under one.
fn floor_of(hearing: &mut Hearing, mode: EncryptionMode) -> Option<Seal> {
    match hearing {
        Hearing::Udp { floor, .. } => {
            let key = SessionKey::new(signaling::auth::random());
            *floor = Some(UdpCipher::new(mode, &key));
            Some(Seal::Udp(UdpCipher::new(mode, &key)))
        }
        Hearing::WebRtc { floor, .. } => {
            let (seal, open) = SrtpCipher::pair(&signaling::auth::random());
            *floor = Some(open);
            Some(Seal::WebRtc(seal))
        }
        Hearing::Mumble(_) | Hearing::Speaker(_) => None,
    }
}

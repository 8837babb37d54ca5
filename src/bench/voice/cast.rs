//! Gives the parts: which participant speaks, which listens, and where the floor sends.

use std::sync::Arc;

use media::bench::SrtpCipher;
use media::bench::UdpCipher;
use model::voice::EncryptionMode;
use model::voice::SessionKey;

use super::Options;
use super::clock::Clock;
use super::ears::Ear;
use super::ears::Ears;
use super::ears::Hearing;
use super::floor::Destination;
use super::floor::Floor;
use super::floor::Seal;
use super::mouths::Mouth;
use super::mouths::Mouths;
use super::mouths::Voice;
use super::mumble::Guest;
use super::packet::Stream;
use super::participant::Seat;
use super::participant::Transport;

/// Who does what.
pub(super) struct Cast {
    /// Our speakers.
    pub(super) mouths: Mouths,
    /// Speakers on mumble-server.
    pub(super) guests: Mouths,
    pub(super) floor: Floor,
    pub(super) ears: Ears,
}

/// Speakers, the floor's sender, and listeners, who listen from here on.
///
/// # Errors
///
/// When the process has no sockets, descriptors or threads left.
pub(super) fn cast(
    mut seats: Vec<Seat>,
    clock: Clock,
    options: &Options,
    guests: Vec<Guest>,
) -> anyhow::Result<Cast> {
    let mode = options.mode.udp();
    seats.sort_by_key(|seat| seat.room);
    let mut mouths = Vec::new();
    let mut speaker_rooms = Vec::new();
    let mut ears = Vec::new();
    let mut rooms: Vec<_> = (0..options.rooms).map(|_| Vec::new()).collect();
    let speakers: Vec<_> =
        seats.iter().filter(|seat| seat.speaks).map(|seat| (seat.room, seat.ssrc)).collect();
    for seat in seats {
        match seat.transport {
            Transport::Udp(key) if seat.speaks => {
                speaker_rooms.push(seat.room);
                mouths.push(Mouth {
                    socket: seat.socket,
                    server: seat.server,
                    voice: Voice::Discord(UdpCipher::new(mode, &key)),
                    stream: Stream::new(seat.ssrc),
                    counter: 0,
                });
            }
            transport => {
                let to = seat.socket.local_addr()?.port();
                let here = speakers.iter().filter(|(room, _)| *room == seat.room);
                let (seal, hearing) = listen(transport, mode, here.map(|(_, ssrc)| *ssrc));
                rooms[seat.room].push(Destination::new(to, seal));
                ears.push(Ear { socket: seat.socket, hearing });
            }
        }
    }
    let mut guest_mouths = Vec::new();
    for guest in guests {
        if guest.speaks {
            guest_mouths.push(Mouth {
                socket: Arc::clone(&guest.socket),
                server: guest.server,
                voice: Voice::Mumble(Box::new(guest.seal)),
                stream: Stream::new(0),
                counter: 0,
            });
        }
        ears.push(Ear { socket: guest.socket, hearing: Hearing::Mumble(Box::new(guest.open)) });
    }
    Ok(Cast {
        mouths: Mouths { mouths, clock },
        guests: Mouths { mouths: guest_mouths, clock },
        floor: Floor::new(rooms, speaker_rooms, clock)?,
        ears: Ears::listen(ears, options.readers.into(), clock)?,
    })
}

/// How the floor seals for a listener, and how that listener opens. The floor has keys of its own:
/// its counters and the server's must not meet under one.
fn listen(
    transport: Transport,
    mode: EncryptionMode,
    speakers: impl Iterator<Item = u32>,
) -> (Seal, Hearing) {
    match transport {
        Transport::Udp(key) => {
            let floor_key = SessionKey::new(signaling::auth::random());
            let hearing = Hearing::Udp {
                server: UdpCipher::new(mode, &key),
                floor: UdpCipher::new(mode, &floor_key),
            };
            (Seal::Udp(UdpCipher::new(mode, &floor_key)), hearing)
        }
        Transport::WebRtc(mut server) => {
            speakers.for_each(|ssrc| server.expect(ssrc));
            let (seal, floor) = SrtpCipher::pair(&signaling::auth::random());
            (Seal::WebRtc(seal), Hearing::WebRtc { server, floor })
        }
    }
}

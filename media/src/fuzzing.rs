//! The parsers of untrusted bytes, as fuzz targets call them. Not part of the wing's interface.

use std::time::Instant;

use model::limits;
use model::voice::EncryptionMode;
use model::voice::SessionKey;

use crate::fallback;
use crate::fallback::Deframer;
use crate::rtp::ext::AudioLevel;
use crate::rtp::header::RtpHeader;
use crate::rtp::header::without_padding;
use crate::rtp::red;
use crate::rtp::rtcp::Compound;
use crate::shard::demux::Shape;
use crate::transport::discovery;
use crate::transport::sdp::Offer;
use crate::transport::srtp::Profile;
use crate::transport::srtp::Srtp;
use crate::transport::stun;
use crate::transport::udp::UdpTransport;
use crate::video::arrivals;
use crate::video::codec::Codec;

/// Reads an RTP header; its offsets must lie in the packet or be seen to exceed it.
pub fn rtp_header(packet: &[u8]) {
    let Some((header, layout)) = RtpHeader::parse(packet) else { return };
    assert!(layout.preamble_end() <= packet.len());
    if let Some(payload) = packet.get(layout.header_end()..) {
        assert!(without_padding(payload).is_none_or(|rest| rest.len() < payload.len()));
    }
    let (again, _) = RtpHeader::parse(&header.to_bytes()).expect("what is written can be read");
    assert_eq!(header, again);
}

/// Reads redundant audio.
pub fn red(payload: &[u8]) {
    let Some((_, newest, older)) = red::parse(payload) else { return };
    let carried: usize = older.blocks().map(|block| 4 + block.payload.len()).sum();
    assert_eq!(older.blocks().count(), older.len());
    assert_eq!(carried + 1 + newest.len(), payload.len());
}

/// Reads what a router must know of a picture: the first byte chooses the codec. Numbers that are
/// written are found again, and nothing else changes place.
pub fn picture(bytes: &[u8]) {
    let [which, payload @ ..] = bytes else { return };
    let codec = match which % 3 {
        0 => Codec::Vp8,
        1 => Codec::Vp9 { profile: 0 },
        _ => Codec::H264 { profile: 0x42E0, mode: 1 },
    };
    let begins = codec.begins_keyframe(payload);
    let Some(counters) = codec.counters(payload) else { return };
    let mut written = payload.to_vec();
    counters.write(counters.picture.wrapping_add(1), 7, &mut written);
    let again = codec.counters(&written).expect("it still has them");
    assert!(again.base.is_none_or(|base| base == 7));
    assert_eq!(codec.begins_keyframe(&written), begins);
}

/// Looks for an audio level: the first two bytes are the profile word, the third the id.
pub fn rtp_extension(bytes: &[u8]) {
    let [high, low, id, body @ ..] = bytes else { return };
    let level = AudioLevel::find(u16::from_be_bytes([*high, *low]), body, *id);
    assert!(level.is_none_or(|level| level.below_overload <= 127));
}

/// Tells a publisher when its packets came: of each, two bytes say how far it is numbered from the one
/// before, and two how much later it is.
#[expect(clippy::disallowed_methods, reason = "a moment to count from")]
pub fn arrivals(bytes: &[u8]) {
    let steps = bytes.as_chunks::<4>().0.iter().map(|step| {
        let passed = u16::from_be_bytes([step[2], step[3]]);
        // The upper half in larger units: up to two minutes.
        let passed = u64::from(passed & 0x7FFF) << (4 * (passed >> 15));
        (i16::from_be_bytes([step[0], step[1]]), passed)
    });
    arrivals::tell_any(Instant::now(), steps);
}

/// Walks over an RTCP compound.
pub fn rtcp(compound: &[u8]) {
    if let Some(walk) = Compound::parse(compound) {
        let mut items = 0;
        walk.for_each(|_| items += 1);
        // An entry of four bytes names 17 lost packets at most.
        assert!(items <= compound.len() / 4 * 17);
    }
}

/// Sorts a datagram, and reads IP discovery.
pub fn discovery(datagram: &[u8]) {
    let shape = Shape::of(datagram);
    let is_request = matches!(shape, Some(Shape::Discovery { .. }));
    assert_eq!(is_request, discovery::parse(datagram).is_some());
}

/// Reads STUN: nothing made up proves a password.
pub fn stun(datagram: &[u8]) {
    let _ = (stun::receiver_ufrag(datagram), stun::nominates(datagram));
    let is_proof = matches!(Shape::of(datagram), Some(Shape::Proof { .. }));
    assert!(!is_proof || stun::success_of(datagram).is_some());
    assert!(!stun::proves(datagram, "a password that nobody told"));
}

/// Opens a packet of Discord's UDP transport in both modes: nothing made up is authentic.
pub fn aead_open(packet: &[u8]) {
    for mode in EncryptionMode::ALL {
        let mut udp = UdpTransport::new(mode, SessionKey::new([7; 32]));
        let ssrc = packet
            .get(8..12)
            .map_or(0, |ssrc| u32::from_be_bytes([ssrc[0], ssrc[1], ssrc[2], ssrc[3]]));
        assert!(udp.open(ssrc, &mut packet.to_vec()).is_err());
    }
}

/// Opens SRTP and SRTCP under every profile: nothing made up is authentic.
pub fn srtp_open(packet: &[u8]) {
    for profile in [Profile::Aes128CmSha1_80, Profile::AeadAes128Gcm, Profile::AeadAes256Gcm] {
        let length = 2 * (profile.key_length() + profile.salt_length());
        let material = vec![9; length];
        let mut srtp = Srtp::from_exported(profile, &material, true).expect("the length fits");
        assert!(srtp.open_rtp(&mut packet.to_vec()).is_err());
        assert!(srtp.open_rtcp(&mut packet.to_vec()).is_err());
    }
}

/// Cuts a stream into datagrams: the first byte tells how it arrives in pieces, and how it is framed. However it is cut, the
/// same comes out, and less than a frame is ever held.
pub fn tcp_frames(bytes: &[u8]) {
    let [pieces, stream @ ..] = bytes else { return };
    let _ = fallback::sniff(stream);
    let cut = |piece: usize| {
        let ice = pieces % 2 == 0;
        let framing = if ice { fallback::Framing::Ice } else { fallback::Framing::Turn };
        let mut deframer = Deframer::new(framing);
        let mut out = Vec::new();
        for piece in stream.chunks(piece) {
            deframer.push(piece);
            loop {
                match deframer.next() {
                    Ok(Some(datagram)) => out.push(datagram.to_vec()),
                    Ok(None) => break,
                    Err(_) => return out,
                }
            }
            assert!(deframer.held() < limits::RELAYED_FRAME + 2);
        }
        out
    };
    assert_eq!(cut(usize::from(*pieces) + 1), cut(stream.len().max(1)));
}

/// Tells TURN a message: nothing made up opens a way, and every answer is well-formed.
#[allow(clippy::disallowed_methods, reason = "a moment to count from; nothing waits for it")]
pub fn turn(message: &[u8]) {
    let client = ([203, 0, 113, 9], 4_000).into();
    let mut turn = fallback::Turn::new(fallback::Passes::new([7; 32]), client, 1, [9; 8]);
    let (now, mut reply) = (Instant::now(), Vec::new());
    let taken = turn.handle(now, 0, message, &mut reply);
    assert_eq!((taken, turn.until()), (fallback::Taken::Done, None));
    let mut deframer = Deframer::new(fallback::Framing::Turn);
    deframer.push(&reply);
    assert!(reply.is_empty() || deframer.next().is_ok_and(|message| message == Some(&reply[..])));
}

/// Reads an SDP offer.
pub fn sdp_offer(text: &[u8]) {
    if let Ok(text) = std::str::from_utf8(text) {
        let _ = Offer::parse(text);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::panic::catch_unwind;
    use std::path::Path;

    use rand::Rng;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    type Target = (&'static str, fn(&[u8]));
    /// All targets by the names of their files in `crates/fuzz/fuzz_targets`.
    const TARGETS: &[Target] = &[
        ("aead_open", aead_open),
        ("arrivals", arrivals),
        ("discovery", discovery),
        ("picture", picture),
        ("red", red),
        ("rtcp", rtcp),
        ("rtp_extension", rtp_extension),
        ("rtp_header", rtp_header),
        ("sdp_offer", sdp_offer),
        ("srtp_open", srtp_open),
        ("stun", stun),
        ("tcp_frames", tcp_frames),
        ("turn", turn),
    ];
    /// Made-up inputs of each target: some seconds of all together. A night of libFuzzer finds more; this
    /// finds on every machine, without its compiler, what a change broke.
    const INPUTS: usize = 40_000;
    /// A datagram is no longer.
    const LONGEST: usize = 2_048;

    fn files(folder: &Path) -> Vec<Vec<u8>> {
        let mut files = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let mut entries: Vec<_> = fs::read_dir(&folder)
                .expect("it is in the repository")
                .map(|entry| entry.expect("readable").path())
                .collect();
            entries.sort();
            for path in entries {
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let mut bytes = fs::read(&path).expect("readable");
                    bytes.truncate(LONGEST);
                    files.push(bytes);
                }
            }
        }
        files
    }

    fn seeds(target: &str) -> Vec<Vec<u8>> {
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/fuzz/seeds").join(target))
    }

    fn run(name: &str, target: fn(&[u8]), input: &[u8]) {
        assert!(catch_unwind(|| target(input)).is_ok(), "{name} failed on {input:02x?}");
    }

    /// Changes an input as fuzzers do: bits, bytes, lengths, pieces of itself and of another.
    fn mutate(random: &mut StdRng, input: &mut Vec<u8>, other: &[u8]) {
        for _ in 0..random.random_range(1..=6) {
            let at = random.random_range(0..=input.len());
            let end = random.random_range(at..=input.len());
            match random.random_range(0..7) {
                0 => input.truncate(at),
                1 => input.insert(at, random.random()),
                2 => {
                    let piece = input[at..end].to_vec();
                    input.splice(at..at, piece);
                }
                3 => drop(input.drain(at..end)),
                4 => {
                    let from = random.random_range(0..=other.len());
                    input.truncate(at);
                    input.extend_from_slice(&other[from..]);
                }
                5 if at < input.len() => input[at] ^= 1 << random.random_range(0..8),
                _ if at < input.len() => {
                    let telling = [0, 1, 0x7F, 0x80, 0xBE, 0xFE, 0xFF];
                    input[at] = telling[random.random_range(0..telling.len())];
                }
                _ => {}
            }
            input.truncate(LONGEST);
        }
    }

    #[test]
    fn every_target_of_this_crate_is_run_here() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/fuzz/fuzz_targets");
        for file in fs::read_dir(folder).expect("it is in the repository") {
            let path = file.expect("readable").path();
            let source = fs::read_to_string(&path).expect("readable");
            let name = path.file_stem().and_then(|name| name.to_str()).expect("a name");
            let here = TARGETS.iter().any(|(target, _)| *target == name);
            assert_eq!(source.contains("media::fuzzing::"), here, "{name}");
            assert!(!here || !seeds(name).is_empty(), "{name} has no seeds");
        }
    }

    #[test]
    fn no_seed_and_no_collected_input_breaks_a_target() {
        let collected = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data"));
        for (name, target) in TARGETS {
            seeds(name).iter().chain(&collected).for_each(|input| run(name, *target, input));
        }
    }

    #[test]
    fn nothing_made_of_the_seeds_breaks_a_target() {
        for (name, target) in TARGETS {
            let mut random = StdRng::seed_from_u64(0x5EED);
            let seeds = seeds(name);
            for _ in 0..INPUTS {
                let mut input = seeds[random.random_range(0..seeds.len())].clone();
                let other = &seeds[random.random_range(0..seeds.len())];
                mutate(&mut random, &mut input, other);
                run(name, *target, &input);
            }
        }
    }
}

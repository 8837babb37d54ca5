//! The few lines of SDP that matter (RFC 8866, 8839, 8122): read from an offer or from the
//! fragment of one that Discord's browsers send, and written as the fragment that Discord answers.
//!
//! (Discord: Voice Connections/WebRTC Connections.)

use std::fmt::Write;
use std::net::SocketAddr;

use model::limits;
use model::media::Refusal;

use crate::video::offer::VideoOffer;

/// What we need of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    /// The browser's ICE username fragment.
    pub(crate) ufrag: String,
    /// The browser's ICE password.
    pub(crate) password: String,
    /// SHA-256 of the browser's certificate.
    pub(crate) fingerprint: [u8; 32],
    /// Whether the browser waits for us to begin the DTLS handshake (`a=setup:passive`, RFC 8842 §5.3).
    /// Whoever says nothing of it begins, and so do pages written for Discord, which write
    /// `a=setup:passive` into our answer whatever they offered.
    pub(crate) waits: bool,
    /// The browser's number for Opus.
    pub(crate) opus: u8,
    /// The browser's id for the audio level of a packet (RFC 6464), if it offered one.
    pub(crate) audio_level: Option<u8>,
    /// The browser's number for redundant audio (RFC 2198), if it offered that for stereo Opus.
    pub(crate) red: Option<u8>,
    /// Whether it sends lost packets again when asked (RFC 4585 §4.2).
    pub(crate) nack: bool,
    /// What it says of pictures, if it offered any.
    pub(crate) video: Option<VideoOffer>,
}

impl Offer {
    /// Reads an offer. Lines may end in LF or CRLF; unknown lines are skipped. Of what is said
    /// several times, once per `m=` line, the first counts: all of it is bundled.
    ///
    /// # Errors
    ///
    /// [`Refusal::OfferTooLarge`] beyond the limits, [`Refusal::OfferUnusable`] when something is
    /// missing.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        if text.len() > limits::SDP_BYTES {
            return Err(Refusal::OfferTooLarge);
        }
        let mut media_lines = 0;
        let (mut ufrag, mut password, mut fingerprint) = (None, None, None);
        let mut setup = None;
        let (mut opus, mut audio_level, mut red) = (None, None, None);
        let mut nacks = Vec::new();
        for line in text.split('\n') {
            let line = line.trim_end();
            if line.starts_with("m=") {
                media_lines += 1;
                if media_lines > limits::SDP_MEDIA_LINES {
                    return Err(Refusal::OfferTooLarge);
                }
            } else if let Some(value) = line.strip_prefix("a=ice-ufrag:") {
                ufrag = ufrag.or_else(|| ice_text(value, 4));
            } else if let Some(value) = line.strip_prefix("a=ice-pwd:") {
                password = password.or_else(|| ice_text(value, 22));
            } else if let Some(value) = line.strip_prefix("a=fingerprint:") {
                fingerprint = fingerprint.or_else(|| sha_256(value));
            } else if let Some(value) = line.strip_prefix("a=rtpmap:") {
                opus = opus.or_else(|| number_of(value, "opus/48000/2"));
                red = red.or_else(|| number_of(value, "red/48000/2"));
            } else if let Some(value) = line.strip_prefix("a=rtcp-fb:") {
                nacks.extend(value.strip_suffix(" nack"));
            } else if let Some(value) = line.strip_prefix("a=extmap:") {
                audio_level = audio_level.or_else(|| audio_level_id(value));
            } else if let Some(value) = line.strip_prefix("a=setup:") {
                setup = setup.or(Some(value));
            }
        }
        match (ufrag, password, fingerprint, opus) {
            (Some(ufrag), Some(password), Some(fingerprint), Some(opus)) => {
                let nack = nacks.iter().any(|of| *of == "*" || of.parse() == Ok(opus));
                let video = VideoOffer::parse(text);
                let waits = setup == Some("passive");
                Ok(Self {
                    ufrag,
                    password,
                    fingerprint,
                    waits,
                    opus,
                    audio_level,
                    red,
                    nack,
                    video,
                })
            }
            _ => Err(Refusal::OfferUnusable),
        }
    }
}

/// An ICE username fragment or password: `least` to 256 ice-chars (RFC 8839 §5.4).
fn ice_text(value: &str, least: usize) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    // Some browsers of old also used '-' and '_'; they cannot break the STUN username either.
    let allowed = |byte: u8| allowed(byte) || byte == b'-' || byte == b'_';
    ((least..=256).contains(&value.len()) && value.bytes().all(allowed)).then(|| value.to_owned())
}

/// `sha-256 AA:BB:..` (RFC 8122 §5); other hash functions are not ours.
fn sha_256(value: &str) -> Option<[u8; 32]> {
    let (function, digest) = value.split_once(' ')?;
    if !function.eq_ignore_ascii_case("sha-256") {
        return None;
    }
    let mut bytes = [0; 32];
    let mut parts = digest.trim().split(':');
    for byte in &mut bytes {
        let part = parts.next().filter(|part| part.len() == 2)?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(bytes)
}

/// The number of a codec in `111 opus/48000/2` (RFC 7587 §7). Numbers that RTCP would be mistaken for
/// are refused (RFC 5761 §4).
fn number_of(value: &str, codec: &str) -> Option<u8> {
    let (number, name) = value.split_once(' ')?;
    if !name.trim_start().eq_ignore_ascii_case(codec) {
        return None;
    }
    number.parse().ok().filter(|number| *number < 64 || (96..128).contains(number))
}

/// `1 urn:..` or `1/sendrecv urn:..` (RFC 8285 §5). Ids that do not fit the one-byte form, which we
/// write, are as if they were not offered, and so are those that only the browser would read.
fn audio_level_id(value: &str) -> Option<u8> {
    let (id, rest) = value.split_once(' ')?;
    let (id, direction) = id.split_once('/').unwrap_or((id, "sendrecv"));
    let uri = rest.split(' ').next()?;
    let both = direction == "sendrecv" && uri == AUDIO_LEVEL;
    id.parse().ok().filter(|id| both && (1..15).contains(id))
}

/// RFC 6464 §4.
const AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

/// What we tell a browser about our side.
pub(crate) struct Answer<'a> {
    /// Where it must send.
    pub(crate) address: SocketAddr,
    pub(crate) ufrag: &'a str,
    pub(crate) password: &'a str,
    /// SHA-256 of our certificate.
    pub(crate) fingerprint: &'a [u8],
    /// Whether we begin the DTLS handshake.
    pub(crate) is_active: bool,
    /// What is answered: we take all that was offered of what we know.
    pub(crate) offer: &'a Offer,
    /// Bits of audio a second that it is to send.
    pub(crate) bitrate: u32,
}

impl Answer<'_> {
    /// The answer as Discord forms it: one `m=audio` line, lines joined by LF. Behind that follow, for
    /// a page that composes its remote description of them, what Discord leaves to its pages: who
    /// begins the handshake, where that is us, in-band FEC, DTX and bitrate (RFC 7587 §6.1),
    /// retransmission, redundancy, and the audio level.
    pub(crate) fn to_fragment(&self) -> String {
        let (ip, port) = (self.address.ip(), self.address.port());
        let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
        let mut fingerprint = String::with_capacity(3 * self.fingerprint.len());
        for (index, byte) in self.fingerprint.iter().enumerate() {
            let separator = if index == 0 { "" } else { ":" };
            // Writing to a String does not fail.
            let _ = write!(fingerprint, "{separator}{byte:02X}");
        }
        let Self { ufrag, password, is_active, offer, bitrate, .. } = self;
        let opus = offer.opus;
        let setup = if *is_active { "\na=setup:active" } else { "" };
        let mut more = format!(
            "{setup}\na=rtpmap:{opus} opus/48000/2\na=fmtp:{opus} minptime=10;useinbandfec=1;usedtx=1;\
             maxaveragebitrate={bitrate}"
        );
        if offer.nack {
            let _ = write!(more, "\na=rtcp-fb:{opus} nack");
        }
        if let Some(red) = offer.red {
            let _ = write!(more, "\na=rtpmap:{red} red/48000/2\na=fmtp:{red} {opus}/{opus}");
        }
        if let Some(id) = offer.audio_level {
            let _ = write!(more, "\na=extmap:{id} {AUDIO_LEVEL}");
        }
        if let Some(video) = &offer.video {
            video.write(&mut more);
        }
        // The preference is that of the one host candidate of a single-homed host
        // (RFC 8445 §5.1.2.1), as Discord sends it.
        format!(
            "m=audio {port} ICE/SDP\n\
             a=fingerprint:sha-256 {fingerprint}\n\
             c=IN {family} {ip}\n\
             a=rtcp:{port}\n\
             a=ice-ufrag:{ufrag}\n\
             a=ice-pwd:{password}\n\
             a=fingerprint:sha-256 {fingerprint}\n\
             a=candidate:1 1 UDP 4261412862 {ip} {port} typ host{more}"
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FRAGMENT: &str = "a=extmap-allow-mixed\na=ice-ufrag:9WZo\n\
        a=ice-pwd:vcfFowC3gQI1KHu0Fm5ZTXum\na=ice-options:trickle\n\
        a=fingerprint:sha-256 71:20:4C:BE:C2:D0:B7:9B:73:5B:4B:29:7C:32:41:25:D8:D2:BC:66:74:D3:93:98:B3:0D:01:F7:67:19:01:13\n\
        a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\na=rtpmap:111 opus/48000/2\n\
        a=rtpmap:96 VP8/90000";

    #[test]
    fn the_fragment_that_browsers_send_is_read_with_either_line_end() {
        for text in [FRAGMENT.to_owned(), FRAGMENT.replace('\n', "\r\n")] {
            let offer = Offer::parse(&text).expect("usable");

            assert_eq!(offer.ufrag, "9WZo");
            assert_eq!((offer.opus, offer.audio_level), (111, Some(1)));
            assert_eq!(offer.fingerprint[..2], [0x71, 0x20]);
        }
    }

    #[test]
    fn an_offer_without_one_of_its_parts_is_unusable() {
        for part in ["a=ice-ufrag", "a=ice-pwd", "a=fingerprint", "a=rtpmap:111"] {
            let text = FRAGMENT.replace(part, "a=other");

            assert_eq!(Offer::parse(&text), Err(Refusal::OfferUnusable), "{part}");
        }
    }

    #[test]
    fn a_browser_is_waited_for_unless_it_says_that_it_waits() {
        for (line, waits) in [
            ("a=x", false),
            ("a=setup:actpass", false),
            ("a=setup:active", false),
            ("a=setup:passive", true),
            ("a=setup:passive\na=setup:active", true),
        ] {
            let offer = Offer::parse(&format!("{FRAGMENT}\n{line}")).expect("usable");

            assert_eq!(offer.waits, waits, "{line}");
        }
    }

    #[test]
    fn retransmission_counts_for_opus_and_redundancy_for_what_it_can_carry() {
        let with = |lines: &str| Offer::parse(&format!("{FRAGMENT}\n{lines}")).expect("usable");

        assert!(!with("a=rtcp-fb:96 nack").nack && !with("a=rtcp-fb:111 nack pli").nack);
        assert!(with("a=rtcp-fb:111 nack").nack && with("a=rtcp-fb:* nack").nack);
        assert_eq!(with("a=rtpmap:63 RED/48000/2").red, Some(63));
        assert_eq!(with("a=rtpmap:63 red/8000").red, None);
        assert_eq!(with("a=rtpmap:72 red/48000/2").red, None, "it would look like RTCP");
    }

    #[test]
    fn an_id_for_the_audio_level_is_read_in_every_form_and_never_beyond_one_byte() {
        for (line, id) in [
            ("a=extmap:14/sendrecv urn:ietf:params:rtp-hdrext:ssrc-audio-level vad=on", Some(14)),
            ("a=extmap:3/recvonly urn:ietf:params:rtp-hdrext:ssrc-audio-level", None),
            ("a=extmap:15 urn:ietf:params:rtp-hdrext:ssrc-audio-level", None),
            ("a=extmap:0 urn:ietf:params:rtp-hdrext:ssrc-audio-level", None),
            ("a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid", None),
            ("a=extmap:1", None),
        ] {
            let text =
                FRAGMENT.replace("a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level", line);

            assert_eq!(Offer::parse(&text).expect("usable").audio_level, id, "{line}");
        }
    }

    #[test]
    fn a_huge_offer_is_refused_before_it_is_read() {
        let long = format!("{FRAGMENT}\n{}", "a".repeat(limits::SDP_BYTES));
        let many = format!("{FRAGMENT}\n{}", "m=audio 9 x 0\n".repeat(limits::SDP_MEDIA_LINES + 1));

        assert_eq!(Offer::parse(&long), Err(Refusal::OfferTooLarge));
        assert_eq!(Offer::parse(&many), Err(Refusal::OfferTooLarge));
    }

    #[test]
    fn the_answer_has_every_line_that_clients_require() {
        let address = "192.0.2.1:8443".parse().expect("address");
        let offer = format!("{FRAGMENT}\na=rtcp-fb:111 nack\na=rtpmap:63 red/48000/2");
        let offer = Offer::parse(&offer).expect("usable");
        let mut answer = Answer {
            address,
            ufrag: "abcd",
            password: "secret",
            fingerprint: &[0xAB, 0x01],
            is_active: false,
            offer: &offer,
            bitrate: 96_000,
        };

        let passive = answer.to_fragment();
        answer.is_active = true;
        let active = answer.to_fragment();

        assert_eq!(active.replacen("\na=setup:active\n", "\n", 1), passive);
        assert_ne!(active, passive);
        assert_eq!(
            passive,
            "m=audio 8443 ICE/SDP\na=fingerprint:sha-256 AB:01\nc=IN IP4 192.0.2.1\na=rtcp:8443\n\
             a=ice-ufrag:abcd\na=ice-pwd:secret\na=fingerprint:sha-256 AB:01\n\
             a=candidate:1 1 UDP 4261412862 192.0.2.1 8443 typ host\n\
             a=rtpmap:111 opus/48000/2\na=fmtp:111 minptime=10;useinbandfec=1;usedtx=1;\
             maxaveragebitrate=96000\n\
             a=rtcp-fb:111 nack\na=rtpmap:63 red/48000/2\na=fmtp:63 111/111\n\
             a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level"
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(lines in proptest::collection::vec(
            ("(a=ice-ufrag:|a=ice-pwd:|a=fingerprint:|a=rtpmap:|a=extmap:|m=|)", ".{0,40}"), 0..20,
        )) {
            let text: String = lines.into_iter().map(|(key, value)| format!("{key}{value}\n")).collect();
            let _ = Offer::parse(&text);
        }
    }
}

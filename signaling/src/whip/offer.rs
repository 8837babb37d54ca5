//! A client's SDP offer (RFC 8866, RFC 8829), read once at the edge: its `m=` sections, and which of
//! them we can take. Pure; what it borrows is the client's text, without control characters.

use model::limits;

/// A whole offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer<'a> {
    /// Lines before the first `m=`.
    session: Vec<&'a str>,
    /// The sections, in order: the answer has as many (RFC 3264 §6).
    pub(super) media: Vec<Section<'a>>,
}

/// One `m=` line and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section<'a> {
    /// `audio`, `video`, `application`, or whatever comes.
    pub(super) kind: &'a str,
    port: u16,
    /// Such as `UDP/TLS/RTP/SAVPF`.
    pub(super) proto: &'a str,
    /// Payload types, as they stood there.
    pub(super) formats: &'a str,
    lines: Vec<&'a str>,
}

/// Which way media goes, as the client says it (RFC 8866 §6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    /// Whether the client would send.
    pub(super) const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the client would receive.
    pub(super) const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }
}

/// Why an offer cannot be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum OfferError {
    /// More bytes or `m=` lines than [`limits`] allow.
    #[error("the offer is too large")]
    TooLarge,
    /// It is no session description.
    #[error("the body is not an SDP offer")]
    NotSdp,
    /// No section of audio that we could take.
    #[error("the offer has no Opus audio that goes this way, over DTLS, in one bundle")]
    NoAudio,
}

impl<'a> Offer<'a> {
    /// Reads an offer, whose lines may end in LF or CRLF.
    ///
    /// # Errors
    ///
    /// [`OfferError::TooLarge`], [`OfferError::NotSdp`].
    pub(super) fn parse(text: &'a str) -> Result<Self, OfferError> {
        if text.len() > limits::SDP_BYTES {
            return Err(OfferError::TooLarge);
        }
        let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        if lines.next() != Some("v=0") {
            return Err(OfferError::NotSdp);
        }
        let (mut session, mut media) = (Vec::new(), Vec::<Section<'_>>::new());
        for line in lines.filter(|line| !line.is_empty()) {
            // Parts of it are said again in the answer.
            if line.chars().any(char::is_control) || line.as_bytes().get(1) != Some(&b'=') {
                return Err(OfferError::NotSdp);
            }
            if let Some(head) = line.strip_prefix("m=") {
                if media.len() == limits::SDP_MEDIA_LINES {
                    return Err(OfferError::TooLarge);
                }
                media.push(Section::begin(head).ok_or(OfferError::NotSdp)?);
            } else {
                media.last_mut().map_or(&mut session, |section| &mut section.lines).push(line);
            }
        }
        if media.is_empty() { Err(OfferError::NotSdp) } else { Ok(Self { session, media }) }
    }

    /// The sections that we take, by index: Opus over DTLS where `goes` likes the direction, all in
    /// the bundle of the first of them and with its number for Opus, at most `most`.
    ///
    /// # Errors
    ///
    /// [`OfferError::NoAudio`] when there is none.
    pub(super) fn audio(
        &self,
        goes: fn(Direction) -> bool,
        most: usize,
    ) -> Result<Vec<usize>, OfferError> {
        let mut taken = Vec::new();
        for (at, section) in self.media.iter().enumerate() {
            let fits = section.kind == "audio"
                && section.is_secure()
                && !section.is_rejected()
                && section.opus().is_some()
                && goes(section.direction(&self.session));
            let joins = taken.first().is_none_or(|first| {
                let first: &Section<'_> = &self.media[*first];
                first.opus() == section.opus() && self.bundles(first, section)
            });
            if fits && joins && taken.len() < most {
                taken.push(at);
            }
        }
        if taken.is_empty() { Err(OfferError::NoAudio) } else { Ok(taken) }
    }

    /// The pictures that a client sends along with the audio of the section `first`: in its bundle, of
    /// a codec that is forwarded. Only the first: they are its one stream.
    pub(super) fn pictures(&self, first: usize) -> Option<usize> {
        let audio = self.media.get(first)?;
        self.media.iter().position(|section| {
            section.kind == "video"
                && section.is_secure()
                && !section.is_rejected()
                && section.direction(&self.session).sends()
                && section.lines.iter().any(|line| is_picture(line))
                && self.bundles(audio, section)
        })
    }

    /// What the media wing is to know: one transport, the codecs of the section `at`, and those of the
    /// section of pictures, which are as a shared screen is.
    pub(super) fn fragment(&self, at: usize, pictures: Option<usize>) -> String {
        let mut text = String::new();
        for prefix in TRANSPORT {
            if let Some(value) = self.transport(at, prefix) {
                text.extend([prefix, value, "\n"]);
            }
        }
        let codecs = self.media.get(at).into_iter().flat_map(|section| &section.lines);
        for line in codecs.filter(|line| CODECS.iter().any(|prefix| line.starts_with(prefix))) {
            text.extend([line, "\n"]);
        }
        let pictures = pictures.and_then(|at| self.media.get(at));
        if let Some((section, mid)) = pictures.and_then(|section| Some((section, section.mid()?))) {
            text.extend(["m=video 9 UDP/TLS/RTP/SAVPF 0\na=mid:", mid, "\na=content:slides\n"]);
            // Layers are not taken: which of them is the largest, not everybody says alike.
            let told = |line: &&&str| CODECS.iter().any(|prefix| line.starts_with(prefix));
            for line in section.lines.iter().filter(told) {
                text.extend([line, "\n"]);
            }
        }
        text
    }

    /// The client's ICE username fragment and password for the section `at`.
    pub(super) fn ice(&self, at: usize) -> Option<(&'a str, &'a str)> {
        self.transport(at, "a=ice-ufrag:").zip(self.transport(at, "a=ice-pwd:"))
    }

    /// Whether two sections share a transport (RFC 9143 §7.1). Those without a name share none.
    fn bundles(&self, one: &Section<'_>, other: &Section<'_>) -> bool {
        let Some((one, other)) = one.mid().zip(other.mid()) else { return false };
        self.bundle_of(one).is_some_and(|mut bundle| bundle.any(|mid| mid == other))
    }

    fn bundle_of(&self, mid: &str) -> Option<impl Iterator<Item = &'a str>> {
        let groups = self.session.iter().filter_map(|line| line.strip_prefix("a=group:BUNDLE "));
        groups.map(|group| group.split(' ')).find(|group| group.clone().any(|one| one == mid))
    }

    /// A line of transport for the section `at`: its own, else the session's, else that of the
    /// first of its bundle, which speaks for those that are there in the bundle only (RFC 9143 §7.1.3).
    fn transport(&self, at: usize, prefix: &str) -> Option<&'a str> {
        let section = self.media.get(at)?;
        let own = value_of(&section.lines, prefix).or_else(|| value_of(&self.session, prefix));
        own.or_else(|| {
            let tagged = self.bundle_of(section.mid()?)?.next()?;
            let tagged = self.media.iter().find(|section| section.mid() == Some(tagged))?;
            value_of(&tagged.lines, prefix)
        })
    }
}

impl<'a> Section<'a> {
    /// `audio 9 UDP/TLS/RTP/SAVPF 111 63`
    fn begin(head: &'a str) -> Option<Self> {
        let mut parts = head.splitn(4, ' ');
        let (kind, port, proto) = (parts.next()?, parts.next()?, parts.next()?);
        let formats = parts.next().filter(|formats| !formats.is_empty())?;
        // `9/2` is an old way to ask for several ports.
        let port = port.split('/').next()?.parse().ok()?;
        (!kind.is_empty()).then(|| Self { kind, port, proto, formats, lines: Vec::new() })
    }

    /// What names it in its bundle (RFC 5888 §4): a token.
    pub(super) fn mid(&self) -> Option<&'a str> {
        value_of(&self.lines, "a=mid:").filter(|mid| !mid.is_empty() && !mid.contains(' '))
    }

    /// Its number for Opus.
    pub(super) fn opus(&self) -> Option<u8> {
        let maps = self.lines.iter().filter_map(|line| line.strip_prefix("a=rtpmap:"));
        maps.filter_map(|map| map.split_once(' '))
            .find(|(_, codec)| codec.trim().eq_ignore_ascii_case("opus/48000/2"))
            .and_then(|(number, _)| number.parse().ok())
    }

    /// What was offered of payload types and header extensions.
    pub(super) fn lines(&self) -> &[&'a str] {
        &self.lines
    }

    /// Whether reduced-size RTCP was offered (RFC 5506 §5).
    pub(super) fn has_reduced_rtcp(&self) -> bool {
        self.lines.contains(&"a=rtcp-rsize")
    }

    fn is_secure(&self) -> bool {
        matches!(self.proto, "UDP/TLS/RTP/SAVPF" | "UDP/TLS/RTP/SAVP" | "TCP/TLS/RTP/SAVPF")
    }

    /// Port 0 takes a section away (RFC 3264 §5.1), unless it lives in its bundle only.
    fn is_rejected(&self) -> bool {
        self.port == 0 && !self.lines.contains(&"a=bundle-only")
    }

    fn direction(&self, session: &[&str]) -> Direction {
        let said = |lines: &[&str]| {
            lines.iter().find_map(|line| match *line {
                "a=sendrecv" => Some(Direction::SendRecv),
                "a=sendonly" => Some(Direction::SendOnly),
                "a=recvonly" => Some(Direction::RecvOnly),
                "a=inactive" => Some(Direction::Inactive),
                _ => None,
            })
        };
        said(&self.lines).or_else(|| said(session)).unwrap_or(Direction::SendRecv)
    }
}

fn value_of<'a>(lines: &[&'a str], prefix: &str) -> Option<&'a str> {
    lines.iter().find_map(|line| line.strip_prefix(prefix))
}

/// Whether a line names a codec of pictures that is forwarded.
fn is_picture(line: &str) -> bool {
    let codec = line.strip_prefix("a=rtpmap:").and_then(|map| map.split_once(' '));
    codec.is_some_and(|(_, codec)| {
        ["VP8/90000", "VP9/90000", "H264/90000"].iter().any(|ours| codec.eq_ignore_ascii_case(ours))
    })
}

/// What belongs to a transport.
const TRANSPORT: [&str; 4] = ["a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=setup:"];
/// What tells of codecs and header extensions.
const CODECS: [&str; 4] = ["a=rtpmap:", "a=fmtp:", "a=rtcp-fb:", "a=extmap:"];

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As a browser offers a microphone and a camera.
    pub(in crate::whip) const BROWSER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
        a=group:BUNDLE 0 1\r\na=extmap-allow-mixed\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:9WZo\r\n\
        a=ice-pwd:vcfFowC3gQI1KHu0Fm5ZTXum\r\na=fingerprint:sha-256 71:20\r\na=setup:actpass\r\n\
        a=mid:0\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=sendonly\r\n\
        a=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 nack\r\n\
        a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n\
        a=rtpmap:9 G722/8000\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:9WZo\r\n\
        a=ice-pwd:vcfFowC3gQI1KHu0Fm5ZTXum\r\na=fingerprint:sha-256 71:20\r\na=setup:actpass\r\n\
        a=mid:1\r\na=sendonly\r\na=rtpmap:96 VP8/90000\r\n";

    #[test]
    fn the_media_wing_is_told_of_one_transport_and_of_audio_alone() {
        let offer = Offer::parse(BROWSER).expect("an offer");

        assert_eq!(offer.audio(Direction::sends, 1), Ok(vec![0]));
        assert_eq!(offer.ice(0), Some(("9WZo", "vcfFowC3gQI1KHu0Fm5ZTXum")));
        let with = offer.fragment(0, offer.pictures(0));
        assert!(
            with.contains("\nm=video 9 UDP/TLS/RTP/SAVPF 0\na=mid:1\na=content:slides\n"),
            "{with}"
        );
        assert!(with.ends_with("\na=rtpmap:96 VP8/90000\n"), "{with}");
        let fragment = offer.fragment(0, None);
        assert!(fragment.starts_with("a=ice-ufrag:9WZo\na=ice-pwd:vcfF"), "{fragment}");
        assert!(fragment.contains("\na=rtcp-fb:111 nack\n"), "{fragment}");
        assert!(!fragment.contains("VP8"), "{fragment}");
    }

    #[test]
    fn pictures_are_taken_in_the_bundle_of_the_audio_and_of_a_codec_that_is_forwarded() {
        assert_eq!(Offer::parse(BROWSER).expect("an offer").pictures(0), Some(1));
        for (from, to) in [
            ("BUNDLE 0 1", "BUNDLE 0"),
            ("VP8", "AV1"),
            ("m=video 9", "m=video 0"),
            ("mid:1", "mid:2"),
        ] {
            let text = BROWSER.replacen(from, to, 1);
            assert_eq!(Offer::parse(&text).expect("an offer").pictures(0), None, "{to}");
        }
        let seen = BROWSER.replace("a=mid:1\r\na=sendonly", "a=mid:1\r\na=recvonly");
        assert_eq!(Offer::parse(&seen).expect("an offer").pictures(0), None);
    }

    #[test]
    fn audio_that_goes_the_other_way_or_was_taken_away_is_not_taken() {
        for other in ["a=recvonly", "a=inactive"] {
            let text = BROWSER.replacen("a=sendonly", other, 1);
            let offer = Offer::parse(&text).expect("an offer");
            assert_eq!(offer.audio(Direction::sends, 1), Err(OfferError::NoAudio), "{other}");
        }
        for (from, to) in [("audio 9", "audio 0"), ("opus/48000/2", "opus/16000"), ("TLS/", "")] {
            let text = BROWSER.replacen(from, to, 1);
            let offer = Offer::parse(&text).expect("an offer");
            assert_eq!(offer.audio(Direction::sends, 1), Err(OfferError::NoAudio), "{to}");
        }
        let unsaid = BROWSER.replacen("a=sendonly\r\n", "", 1);
        assert!(Offer::parse(&unsaid).expect("an offer").audio(Direction::sends, 1).is_ok());
    }

    #[test]
    fn a_section_that_lives_in_its_bundle_only_has_the_transport_of_the_first() {
        let text = "v=0\na=group:BUNDLE v a\nm=video 9 UDP/TLS/RTP/SAVPF 96\na=mid:v\n\
            a=ice-ufrag:abcd\na=ice-pwd:secret\nm=audio 0 UDP/TLS/RTP/SAVPF 111\na=mid:a\n\
            a=bundle-only\na=rtpmap:111 OPUS/48000/2\n";
        let offer = Offer::parse(text).expect("an offer");

        assert_eq!(offer.audio(Direction::sends, 1), Ok(vec![1]));
        assert_eq!(offer.ice(1), Some(("abcd", "secret")));
    }

    #[test]
    fn several_sections_of_audio_are_taken_in_one_bundle_and_no_further_than_asked() {
        let section = |mid: &str| {
            format!("m=audio 9 RTP/SAVPF 111\na=mid:{mid}\na=recvonly\na=rtpmap:111 opus/48000/2\n")
                .replace(" RTP", " UDP/TLS/RTP")
        };
        let text = format!(
            "v=0\na=group:BUNDLE a b c\n{}{}{}{}",
            section("a"),
            section("b"),
            section("alone"),
            section("c").replace("111", "109"),
        );
        let offer = Offer::parse(&text).expect("an offer");

        assert_eq!(offer.audio(Direction::receives, 9), Ok(vec![0, 1]));
        assert_eq!(offer.audio(Direction::receives, 1), Ok(vec![0]));
        let nameless = text.replace("a=mid:", "a=x:");
        let nameless = Offer::parse(&nameless).expect("an offer");
        assert_eq!(
            nameless.audio(Direction::receives, 9),
            Ok(vec![0]),
            "without a name, no bundle"
        );
    }

    #[test]
    fn what_is_no_offer_is_told_from_one_that_is_too_large() {
        for text in
            ["", "{}", "v=1\nm=audio 9 x 0", "v=0\n", "v=0\nm=audio\n", "v=0\nm=audio x y 0"]
        {
            assert_eq!(Offer::parse(text), Err(OfferError::NotSdp), "{text}");
        }
        let inside = "v=0\nm=audio 9 x 0\na=mid:0\u{7}";
        assert_eq!(Offer::parse(inside), Err(OfferError::NotSdp));
        let many = format!("v=0\n{}", "m=audio 9 x 0\n".repeat(limits::SDP_MEDIA_LINES + 1));
        assert_eq!(Offer::parse(&many), Err(OfferError::TooLarge));
        let long = "v".repeat(limits::SDP_BYTES + 1);
        assert_eq!(Offer::parse(&long), Err(OfferError::TooLarge));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(lines in proptest::collection::vec(
            ("(m=audio |m=|a=mid:|a=group:BUNDLE |a=rtpmap:|a=ice-ufrag:|)", ".{0,40}"), 0..20,
        )) {
            let mut text = "v=0\n".to_owned();
            text.extend(lines.into_iter().map(|(key, value)| format!("{key}{value}\n")));
            if let Ok(offer) = Offer::parse(&text) {
                let _ = offer
                    .audio(|_| true, 8)
                    .map(|taken| offer.fragment(taken[0], offer.pictures(taken[0])));
            }
        }
    }
}

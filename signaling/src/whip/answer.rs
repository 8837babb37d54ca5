//! The whole SDP answer (RFC 8829 §5.3) to a client that publishes or listens over HTTP, composed of
//! its offer and of the fragment that the media wing answers. Pure.

use std::fmt::Write;

use super::offer::Offer;
use super::offer::Section;

/// Our end of the one bundled transport, as the media wing's fragment tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ours<'a> {
    port: u16,
    /// `IN IP4 192.0.2.1`
    connection: &'a str,
    ufrag: &'a str,
    password: &'a str,
    fingerprint: &'a str,
    /// Who begins the DTLS handshake: the client, unless it offered to wait.
    setup: &'a str,
    candidates: Vec<&'a str>,
    /// The number for redundant audio (RFC 2198), if it was taken.
    red: Option<u8>,
    /// `rtpmap` and `rtcp-fb` lines, and the `fmtp` of RED.
    codecs: Vec<&'a str>,
    /// Payload types of pictures and of their retransmission.
    pictures: Vec<&'a str>,
    /// Header extensions, by URI.
    extensions: Vec<&'a str>,
}

/// Which way the audio of an answer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The client publishes, with so many bits per second at most.
    Publish { bitrate: u32 },
    /// The client listens, on as many streams as it has sections: SSRCs count up from here.
    Listen { ssrc: u32 },
}

/// What an answer takes of an offer: sections of audio ([`Offer::audio`]), and one of pictures
/// ([`Offer::pictures`]) if the media wing takes one of its codecs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken<'a> {
    pub(super) audio: &'a [usize],
    pub(super) pictures: Option<usize>,
}

/// Composes the answer. All sections but those `taken` are refused by port 0 (RFC 3264 §6). `session`
/// numbers the answer. None when the fragment lacks what a transport needs, which would be a fault of
/// ours.
pub(super) fn compose(
    offer: &Offer<'_>,
    taken: Taken<'_>,
    fragment: &str,
    way: Way,
    session: u64,
) -> Option<String> {
    let opus = offer.media.get(*taken.audio.first()?)?.opus()?;
    let ours = Ours::parse(fragment, opus)?;
    let shared = |section: &Section<'_>| {
        section.formats.split(' ').any(|number| ours.pictures.contains(&number))
    };
    let pictures = taken.pictures.filter(|at| offer.media.get(*at).is_some_and(shared));
    let mut text = format!("v=0\r\no=guildhall {session} 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n");
    let mids = taken.audio.iter().chain(&pictures).filter_map(|at| offer.media.get(*at)?.mid());
    let mids: Vec<_> = mids.collect();
    if !mids.is_empty() {
        // Writing to a String does not fail, here and below.
        let _ = write!(text, "a=group:BUNDLE {}\r\n", mids.join(" "));
    }
    text.push_str("a=ice-lite\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS *\r\n");
    for (at, section) in offer.media.iter().enumerate() {
        let mid = section.mid().map(|mid| format!("a=mid:{mid}\r\n")).unwrap_or_default();
        let (kind, proto, formats) = (section.kind, section.proto, section.formats);
        if pictures == Some(at) {
            write_pictures(&mut text, section, &ours, &mid);
            continue;
        }
        let Some(number) = taken.audio.iter().position(|taken| *taken == at) else {
            let _ = write!(
                text,
                "m={kind} 0 {proto} {formats}\r\nc=IN IP4 0.0.0.0\r\n{mid}a=inactive\r\n"
            );
            // It means nothing there, but GStreamer takes no answer without it.
            ours.write_transport(&mut text);
            continue;
        };
        let red = ours.red.map(|red| format!(" {red}")).unwrap_or_default();
        let _ = write!(
            text,
            "m=audio {} {proto} {opus}{red}\r\nc={}\r\n{mid}",
            ours.port, ours.connection
        );
        ours.write_transport(&mut text);
        text.push_str("a=rtcp-mux\r\n");
        if section.has_reduced_rtcp() {
            text.push_str("a=rtcp-rsize\r\n");
        }
        write_codecs(&mut text, opus, &ours, way);
        write_extensions(&mut text, section, &ours);
        match way {
            Way::Publish { .. } => text.push_str("a=recvonly\r\n"),
            Way::Listen { ssrc } => {
                let ssrc = ssrc.wrapping_add(u32::try_from(number).ok()?);
                let _ = write!(
                    text,
                    "a=sendonly\r\na=msid:guildhall audio-{number}\r\n\
                     a=ssrc:{ssrc} cname:guildhall\r\n\
                     a=ssrc:{ssrc} msid:guildhall audio-{number}\r\n"
                );
            }
        }
        // Of a bundle, the first has them (RFC 8829 §5.3.1). There are no others: we are ICE lite.
        if number == 0 {
            for candidate in &ours.candidates {
                let _ = write!(text, "a=candidate:{candidate}\r\n");
            }
            text.push_str("a=end-of-candidates\r\n");
        }
    }
    Some(text)
}

fn write_codecs(text: &mut String, opus: u8, ours: &Ours<'_>, way: Way) {
    for line in &ours.codecs {
        text.extend([line, "\r\n"]);
    }
    // What is published may be music: in stereo, and without gaps where it is soft (RFC 7587 §6.1).
    let _ = match way {
        Way::Publish { bitrate } => write!(
            text,
            "a=fmtp:{opus} minptime=10;useinbandfec=1;stereo=1;maxaveragebitrate={bitrate}\r\n"
        ),
        Way::Listen { .. } => {
            write!(text, "a=fmtp:{opus} minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1\r\n")
        }
    };
}

/// The section of pictures: of each payload type that the media wing takes, what was offered.
fn write_pictures(text: &mut String, section: &Section<'_>, ours: &Ours<'_>, mid: &str) {
    let types: Vec<_> =
        section.formats.split(' ').filter(|number| ours.pictures.contains(number)).collect();
    // Writing to a String does not fail, here and below.
    let _ = write!(
        text,
        "m=video {} {} {}\r\nc={}\r\n{mid}",
        ours.port,
        section.proto,
        types.join(" "),
        ours.connection
    );
    ours.write_transport(text);
    text.push_str("a=rtcp-mux\r\n");
    if section.has_reduced_rtcp() {
        text.push_str("a=rtcp-rsize\r\n");
    }
    for line in section.lines() {
        let said = ["a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"].iter().find_map(|p| line.strip_prefix(p));
        let Some((number, value)) = said.and_then(|said| said.split_once(' ')) else { continue };
        let counts = !line.starts_with("a=rtcp-fb:") || FEEDBACK.contains(&value);
        if (types.contains(&number) || number == "*") && counts {
            text.extend([line, "\r\n"]);
        }
    }
    write_extensions(text, section, ours);
    text.push_str("a=recvonly\r\n");
}

/// What is said about pictures to their sender, if it listens to it.
const FEEDBACK: [&str; 5] = ["nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"];

/// Of the header extensions that a section offers, those that the media wing takes.
fn write_extensions(text: &mut String, section: &Section<'_>, ours: &Ours<'_>) {
    for line in section.lines() {
        let said = line.strip_prefix("a=extmap:").and_then(|said| said.split_once(' '));
        let Some((id, rest)) = said else { continue };
        let uri = rest.split(' ').next().unwrap_or_default();
        if ours.extensions.contains(&uri) {
            let id = id.split('/').next().unwrap_or_default();
            let _ = write!(text, "a=extmap:{id} {uri}\r\n");
        }
    }
}

impl<'a> Ours<'a> {
    /// Reads the media wing's fragment (`MediaEvent::Answer`).
    fn parse(fragment: &'a str, opus: u8) -> Option<Self> {
        let value = |prefix: &str| fragment.lines().find_map(|line| line.strip_prefix(prefix));
        let values = |prefix| fragment.lines().filter_map(move |line| line.strip_prefix(prefix));
        let maps = || values("a=rtpmap:").filter_map(|map| map.split_once(' '));
        let mut red = maps().filter(|(_, codec)| codec.eq_ignore_ascii_case("red/48000/2"));
        let red = red.next().and_then(|(number, _)| number.parse().ok());
        let own_fmtp = format!("a=fmtp:{opus} ");
        let codecs = fragment.lines().filter(|line| {
            let said =
                ["a=rtpmap:", "a=rtcp-fb:", "a=fmtp:"].iter().find_map(|p| line.strip_prefix(p));
            let number = said.and_then(|said| said.split(' ').next()?.parse().ok());
            number.is_some_and(|number: u8| number == opus || red == Some(number))
                && !line.starts_with(&own_fmtp)
        });
        Some(Self {
            port: value("m=audio ")?.split(' ').next()?.parse().ok()?,
            connection: value("c=")?,
            ufrag: value("a=ice-ufrag:")?,
            password: value("a=ice-pwd:")?,
            fingerprint: value("a=fingerprint:")?,
            setup: value("a=setup:").unwrap_or("passive"),
            candidates: values("a=candidate:").collect(),
            red,
            codecs: codecs.collect(),
            pictures: maps()
                .filter(|(_, codec)| codec.ends_with("/90000"))
                .map(|(number, _)| number)
                .collect(),
            extensions: values("a=extmap:")
                .filter_map(|said| said.split_once(' '))
                .map(|(_, uri)| uri.trim_end())
                .collect(),
        })
    }

    fn write_transport(&self, text: &mut String) {
        let _ = write!(
            text,
            "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=fingerprint:{}\r\na=setup:{}\r\n",
            self.ufrag, self.password, self.fingerprint, self.setup
        );
    }
}

/// Answers an offer as an endpoint does, if it is one that can be: the answer has as many sections and
/// is read as the offer was. For `fuzzing` and for tests.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn answer_any(text: &str) {
    let Ok(offer) = Offer::parse(text) else { return };
    for way in [Way::Publish { bitrate: 64_000 }, Way::Listen { ssrc: 64 }] {
        let Ok(audio) = offer.audio(|_| true, 8) else { continue };
        let taken = Taken { audio: &audio, pictures: offer.pictures(audio[0]) };
        let opus = offer.media[audio[0]].opus().expect("it was taken for that");
        let fragment = format!(
            "m=audio 9 ICE/SDP\nc=IN IP4 192.0.2.1\na=ice-ufrag:abcd\na=ice-pwd:secret\n\
             a=fingerprint:sha-256 AB:01\na=candidate:1 1 UDP 1 192.0.2.1 9 typ host\n\
             a=rtpmap:{opus} opus/48000/2\na=rtpmap:96 VP8/90000"
        );
        let answer = compose(&offer, taken, &fragment, way, 1).expect("the fragment is whole");
        let again = Offer::parse(&answer).expect("an answer is read as an offer is");
        assert_eq!(again.media.len(), offer.media.len());
        for (at, (ours, theirs)) in again.media.iter().zip(&offer.media).enumerate() {
            assert_eq!((ours.kind, ours.mid()), (theirs.kind, theirs.mid()));
            assert_eq!(ours.opus().is_some(), audio.contains(&at), "section {at}");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::offer::Direction;
    use super::super::offer::tests::BROWSER;
    use super::*;

    const FRAGMENT: &str = "m=audio 8443 ICE/SDP\na=fingerprint:sha-256 AB:01\nc=IN IP4 192.0.2.1\n\
        a=rtcp:8443\na=ice-ufrag:abcd\na=ice-pwd:secret\na=fingerprint:sha-256 AB:01\n\
        a=candidate:1 1 UDP 4261412862 192.0.2.1 8443 typ host\n\
        a=rtpmap:111 opus/48000/2\na=fmtp:111 minptime=10;useinbandfec=1;usedtx=1\n\
        a=rtcp-fb:111 nack\na=rtpmap:63 red/48000/2\na=fmtp:63 111/111\n\
        a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level";

    #[test]
    fn a_publisher_is_answered_section_by_section_and_its_camera_refused() {
        let offer = Offer::parse(BROWSER).expect("an offer");
        let audio = offer.audio(Direction::sends, 1).expect("audio");
        // The media wing takes none of its codecs.
        let taken = Taken { audio: &audio, pictures: offer.pictures(0) };

        let answer = compose(&offer, taken, FRAGMENT, Way::Publish { bitrate: 96_000 }, 7);

        assert_eq!(
            answer.as_deref(),
            Some(
                "v=0\r\no=guildhall 7 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
                 a=ice-lite\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS *\r\n\
                 m=audio 8443 UDP/TLS/RTP/SAVPF 111 63\r\nc=IN IP4 192.0.2.1\r\na=mid:0\r\n\
                 a=ice-ufrag:abcd\r\na=ice-pwd:secret\r\na=fingerprint:sha-256 AB:01\r\n\
                 a=setup:passive\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:111 opus/48000/2\r\n\
                 a=rtcp-fb:111 nack\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n\
                 a=fmtp:111 minptime=10;useinbandfec=1;stereo=1;maxaveragebitrate=96000\r\n\
                 a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
                 a=recvonly\r\na=candidate:1 1 UDP 4261412862 192.0.2.1 8443 typ host\r\n\
                 a=end-of-candidates\r\n\
                 m=video 0 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=inactive\r\n\
                 a=ice-ufrag:abcd\r\na=ice-pwd:secret\r\na=fingerprint:sha-256 AB:01\r\n\
                 a=setup:passive\r\n"
            )
        );
    }

    #[test]
    fn who_begins_the_handshake_is_said_as_the_media_wing_says_it() {
        let offer = Offer::parse(BROWSER).expect("an offer");
        let audio = offer.audio(Direction::sends, 1).expect("audio");
        let taken = Taken { audio: &audio, pictures: offer.pictures(0) };
        let fragment = format!("{FRAGMENT}\na=setup:active");

        let answer = compose(&offer, taken, &fragment, Way::Publish { bitrate: 96_000 }, 7);

        let answer = answer.expect("the fragment is whole");
        assert!(answer.contains("a=setup:active\r\n") && !answer.contains("a=setup:passive"));
    }

    #[test]
    fn a_camera_is_taken_with_what_was_offered_of_its_codecs_and_nothing_else() {
        let more = "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 mystery\r\n\
            a=rtpmap:97 AV1/90000\r\na=rtcp-fb:97 nack\r\na=fmtp:96 max-fr=30\r\n\
            a=extmap:4/sendonly urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:9 urn:other\r\n";
        let text = BROWSER.replace("a=rtpmap:96 VP8/90000\r\n", more);
        let offer = Offer::parse(&text).expect("an offer");
        let fragment = format!(
            "{FRAGMENT}\na=rtpmap:96 VP8/90000\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid"
        );
        let taken = Taken { audio: &[0], pictures: offer.pictures(0) };

        let answer = compose(&offer, taken, &fragment, Way::Publish { bitrate: 96_000 }, 7);

        let answer = answer.expect("an answer");
        assert!(answer.contains("a=group:BUNDLE 0 1\r\n"), "{answer}");
        let (audio, video) = answer.split_once("m=video").expect("both");
        assert!(!audio.contains("VP8") && !audio.contains("sdes:mid"), "{audio}");
        assert_eq!(
            video,
            " 8443 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 192.0.2.1\r\na=mid:1\r\n\
             a=ice-ufrag:abcd\r\na=ice-pwd:secret\r\na=fingerprint:sha-256 AB:01\r\n\
             a=setup:passive\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\n\
             a=fmtp:96 max-fr=30\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=recvonly\r\n"
        );
    }

    #[test]
    fn a_listener_gets_a_stream_with_a_name_on_each_of_its_sections() {
        let text = "v=0\na=group:BUNDLE a b\nm=audio 9 UDP/TLS/RTP/SAVPF 111\na=mid:a\na=recvonly\n\
            a=rtpmap:111 opus/48000/2\nm=audio 9 UDP/TLS/RTP/SAVPF 111\na=mid:b\na=recvonly\n\
            a=rtpmap:111 opus/48000/2\n";
        let offer = Offer::parse(text).expect("an offer");

        let answer = compose(
            &offer,
            Taken { audio: &[0, 1], pictures: None },
            FRAGMENT,
            Way::Listen { ssrc: 64 },
            7,
        );

        let answer = answer.expect("an answer");
        assert!(answer.contains("a=group:BUNDLE a b\r\n"), "{answer}");
        assert_eq!(answer.matches("a=sendonly\r\n").count(), 2, "{answer}");
        for line in ["a=ssrc:64 cname:guildhall", "a=ssrc:65 cname:guildhall"] {
            assert!(answer.contains(line), "{answer}");
        }
        assert_eq!(answer.matches("a=candidate:").count(), 1, "{answer}");
        assert_eq!(answer.matches("a=end-of-candidates").count(), 1, "{answer}");
    }

    #[test]
    fn a_fragment_without_a_transport_makes_no_answer() {
        let offer = Offer::parse(BROWSER).expect("an offer");
        for part in ["m=audio", "c=IN", "a=ice-ufrag", "a=ice-pwd", "a=fingerprint"] {
            let fragment = FRAGMENT.replace(part, "x");
            let taken = Taken { audio: &[0], pictures: None };
            let answer = compose(&offer, taken, &fragment, Way::Publish { bitrate: 1 }, 7);
            assert_eq!(answer, None, "{part}");
        }
    }

    #[test]
    fn offers_of_browsers_are_answered_and_what_is_not_ours_in_them_refused() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../media/tests/data/webrtc/sdp-corpus");
        let mut answered = Vec::new();
        for file in std::fs::read_dir(folder).expect("the corpus").flatten() {
            let text = std::fs::read(file.path()).expect("a file");
            let text = String::from_utf8_lossy(&text);
            answer_any(&text);
            let Ok(offer) = Offer::parse(&text) else { continue };
            let Ok(audio) = offer.audio(Direction::sends, 1) else { continue };
            let way = Way::Publish { bitrate: 64_000 };
            let taken = Taken { audio: &audio, pictures: None };
            let answer = compose(&offer, taken, FRAGMENT, way, 1).expect("an answer");
            let refused =
                answer.lines().filter(|line| line.starts_with("m=") && line.contains(" 0 "));
            assert_eq!(refused.count(), offer.media.len() - 1, "{answer}");
            assert!(offer.ice(audio[0]).is_some(), "{text}");
            answered.push(file.file_name().into_string().expect("a name"));
        }
        answered.sort_unstable();
        assert_eq!(answered, ["firefox-1.sdp", "opera-1.sdp"]);
    }

    proptest! {
        #[test]
        fn an_answer_has_the_sections_of_its_offer(lines in proptest::collection::vec(
            prop_oneof![
                Just("m=audio 9 UDP/TLS/RTP/SAVPF 111".to_owned()),
                Just("m=audio 0 UDP/TLS/RTP/SAVPF 111 63".to_owned()),
                Just("m=video 9 UDP/TLS/RTP/SAVPF 96".to_owned()),
                Just("a=rtpmap:111 opus/48000/2".to_owned()),
                Just("a=rtcp-rsize".to_owned()),
                "a=mid:[a-c ]{0,2}",
                "[a-z]=.{0,20}",
            ],
            0..24,
        )) {
            let text = format!("v=0\na=group:BUNDLE a b c\n{}", lines.join("\n"));
            answer_any(&text);
        }
    }
}

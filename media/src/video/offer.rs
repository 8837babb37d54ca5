//! What an offer says of pictures: which `m=` line carries what, the codecs' numbers, the ids of
//! header extensions. Read from the offer, and written back as what we take of it.
//!
//! A line with `a=content:slides` (RFC 4796 §5) is a shared screen, or its sound; a video line without
//! it is the camera. (RFC 4588 for retransmission, RFC 8852 and RFC 8843 for names in packets.)

use std::fmt::Write;

use crate::metrics::DropReason;
use crate::rtp::ext::element;
use crate::rtp::header::without_padding;
use crate::transport::srtp::OpenedRtp;
use crate::video::LAYERS;
use crate::video::Track;
use crate::video::VideoPacket;
use crate::video::codec::Codec;

/// Codecs of one offer that are kept.
const CODECS: usize = 8;
/// Longest name of a line or a layer (RFC 8852 §3.1 has 255; browsers use a few characters).
const NAME: usize = 16;

/// A short name, such as a mid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Label {
    bytes: [u8; NAME],
    length: u8,
}

impl Label {
    /// The name. None when it is longer than any browser's.
    pub(crate) fn new(name: &[u8]) -> Option<Self> {
        let mut bytes = [0; NAME];
        bytes.get_mut(..name.len())?.copy_from_slice(name);
        (!name.is_empty()).then_some(Self { bytes, length: name.len() as u8 })
    }
}

/// A codec's number, and that of its retransmission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CodecLine {
    pub(crate) codec: Codec,
    pub(crate) payload_type: u8,
    pub(crate) rtx: Option<u8>,
}

/// Ids of header extensions, each 1 to 14.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Extensions {
    pub(crate) mid: Option<u8>,
    pub(crate) rid: Option<u8>,
    pub(crate) repaired_rid: Option<u8>,
    pub(crate) send_time: Option<u8>,
    /// Of a number that all packets of pictures share, if its sender takes feedback about them.
    pub(crate) number: Option<u8>,
}

/// What one line sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line {
    mid: Label,
    track: Track,
    /// Names of simulcast layers, lowest first; none when there is but one.
    layers: [Option<Label>; LAYERS],
}

/// What an offer says of pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VideoOffer {
    codecs: Vec<CodecLine>,
    pub(crate) extensions: Extensions,
    lines: Vec<Line>,
    /// Whether it takes estimates of bandwidth.
    pub(crate) remb: bool,
}

impl VideoOffer {
    /// Reads an offer whose size was looked at. None when it has no video codec of ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut offer = Self {
            codecs: Vec::new(),
            extensions: Extensions::default(),
            lines: Vec::new(),
            remb: false,
        };
        let mut formats: Vec<(u8, &str)> = Vec::new();
        let mut repairs: Vec<(u8, u8)> = Vec::new();
        let mut names: Vec<(u8, Codec)> = Vec::new();
        let mut is_told_arrivals = false;
        for section in text.split("\nm=").skip(1) {
            let is_video = section.starts_with("video");
            let (mut mid, mut slides) = (None, false);
            let mut layers = [None; LAYERS];
            for line in section.split('\n').map(str::trim_end) {
                if let Some(value) = line.strip_prefix("a=mid:") {
                    mid = Label::new(value.as_bytes());
                } else if line == "a=content:slides" {
                    slides = true;
                } else if let Some(value) = line.strip_prefix("a=simulcast:send ") {
                    let names = value.split(' ').next().unwrap_or_default().split(';');
                    for (layer, name) in layers.iter_mut().zip(names) {
                        *layer = Label::new(name.trim_start_matches('~').as_bytes());
                    }
                } else if let Some(value) = line.strip_prefix("a=extmap:") {
                    offer.extensions.read(value, is_video);
                } else if let (true, Some(value)) = (is_video, line.strip_prefix("a=rtpmap:")) {
                    names.extend(
                        numbered(value).and_then(|(number, name)| Some((number, codec_of(name)?))),
                    );
                } else if let (true, Some(value)) = (is_video, line.strip_prefix("a=fmtp:")) {
                    let Some((number, value)) = numbered(value) else { continue };
                    match value.strip_prefix("apt=").and_then(|of| of.parse().ok()) {
                        Some(of) => repairs.push((of, number)),
                        None => formats.push((number, value)),
                    }
                } else if let (true, Some(value)) = (is_video, line.strip_prefix("a=rtcp-fb:")) {
                    offer.remb |= value.ends_with(" goog-remb");
                    is_told_arrivals |= value.ends_with(" transport-cc");
                }
            }
            if let Some(mid) = mid
                && offer.lines.len() < Track::ALL.len()
                && (is_video || slides)
            {
                let track = match (is_video, slides) {
                    (true, false) => Track::Camera,
                    (true, true) => Track::Screen,
                    (false, _) => Track::Sound,
                };
                offer.lines.push(Line { mid, track, layers });
            }
        }
        offer.extensions.number.take_if(|_| !is_told_arrivals);
        for (payload_type, codec) in names {
            let format = formats.iter().find(|(of, _)| *of == payload_type).map(|(_, f)| *f);
            let Some(codec) = with_format(codec, format.unwrap_or_default()) else { continue };
            let known = offer.codecs.iter().any(|line| line.payload_type == payload_type);
            if offer.codecs.len() < CODECS && !known {
                let rtx = repairs.iter().find(|(of, _)| *of == payload_type).map(|(_, rtx)| *rtx);
                offer.codecs.push(CodecLine { codec, payload_type, rtx });
            }
        }
        (!offer.codecs.is_empty()).then_some(offer)
    }

    /// Appends what we take of it: lines for a page that composes its remote description of them.
    pub(crate) fn write(&self, out: &mut String) {
        for CodecLine { codec, payload_type, rtx } in &self.codecs {
            let name = match codec {
                Codec::Vp8 => "VP8",
                Codec::Vp9 { .. } => "VP9",
                Codec::H264 { .. } => "H264",
                Codec::Opus => continue,
            };
            // Writing to a String does not fail.
            let _ = write!(out, "\na=rtpmap:{payload_type} {name}/90000");
            if let Some(rtx) = rtx {
                let _ = write!(out, "\na=rtpmap:{rtx} rtx/90000\na=fmtp:{rtx} apt={payload_type}");
            }
        }
        let Extensions { mid, rid, repaired_rid, send_time, number } = self.extensions;
        let names = [(mid, MID), (rid, RID), (repaired_rid, REPAIRED_RID)];
        let uris = names.into_iter().chain([(send_time, SEND_TIME), (number, NUMBER)]);
        for (id, uri) in uris {
            if let Some(id) = id {
                let _ = write!(out, "\na=extmap:{id} {uri}");
            }
        }
    }

    /// Takes a packet that is of a track. None when it is of the microphone; `sound` is the SSRC of the
    /// screen's sound, which has the payload type of the microphone and is told from it by the name of
    /// its line.
    ///
    /// # Errors
    ///
    /// [`DropReason::Malformed`] when its padding is.
    pub(crate) fn take<'a>(
        &self,
        opened: &OpenedRtp<'a>,
        opus: u8,
        sound: &mut Option<u32>,
    ) -> Result<Option<VideoPacket<'a>>, DropReason> {
        let header = opened.header;
        let name = |id: Option<u8>| {
            let (profile, body) = opened.extension?;
            Label::new(element(profile, body, id?)?)
        };
        if self.codec(header.payload_type).is_none() {
            if header.payload_type != opus {
                return Ok(None);
            }
            if *sound != Some(header.ssrc) {
                let track = name(self.extensions.mid).and_then(|mid| self.track(mid));
                if track != Some(Track::Sound) {
                    return Ok(None);
                }
                *sound = Some(header.ssrc);
            }
        }
        let payload = match opened.payload {
            // A browser sends packets of nothing but padding to find out what its line carries.
            whole if opened.layout.padding => {
                without_padding(whole).ok_or(DropReason::Malformed)?
            }
            whole => whole,
        };
        Ok(Some(VideoPacket {
            header,
            payload,
            mid: name(self.extensions.mid),
            rid: name(self.extensions.rid),
            repaired: name(self.extensions.repaired_rid),
            number: number(opened, self.extensions.number),
            newest: opened.newest,
        }))
    }

    /// Makes it an offer without retransmission.
    #[cfg(test)]
    pub(crate) fn forget_rtx(&mut self) {
        for line in &mut self.codecs {
            line.rtx = None;
        }
    }

    /// The codec of a payload type, and whether it is its retransmission.
    pub(crate) fn codec(&self, payload_type: u8) -> Option<(CodecLine, bool)> {
        self.codecs.iter().find_map(|line| {
            let repairs = line.rtx == Some(payload_type);
            (line.payload_type == payload_type || repairs).then_some((*line, repairs))
        })
    }

    /// The numbers of a codec, if this end knows it.
    pub(crate) fn line_of(&self, codec: Codec) -> Option<CodecLine> {
        self.codecs.iter().find(|line| line.codec == codec).copied()
    }

    /// What the line of this name sends.
    pub(crate) fn track(&self, mid: Label) -> Option<Track> {
        self.lines.iter().find(|line| line.mid == mid).map(|line| line.track)
    }

    /// What the one line of pictures sends that there is; none of several, or of several layers.
    pub(crate) fn only_track(&self) -> Option<Track> {
        match self.lines[..] {
            [line] if line.layers == [None; LAYERS] => Some(line.track),
            _ => None,
        }
    }

    /// Which layer of a track has this name; without one it is the only layer.
    pub(crate) fn layer(&self, track: Track, rid: Option<Label>) -> Option<u8> {
        let line = self.lines.iter().find(|line| line.track == track)?;
        match rid {
            None => Some(0),
            Some(_) => line.layers.iter().position(|layer| *layer == rid).map(|at| at as u8),
        }
    }
}

impl Extensions {
    /// Reads `1 urn:..` or `1/sendrecv urn:..`; ids beyond the one-byte form are passed over.
    /// Packets of sound are never numbered: a line of sound says nothing of that.
    fn read(&mut self, value: &str, is_video: bool) {
        let Some((id, uri)) = value.split_once(' ') else { return };
        let id = id.split('/').next().unwrap_or_default();
        let Some(id) = id.parse().ok().filter(|id| (1..15).contains(id)) else { return };
        let place = match uri.trim_end() {
            MID => &mut self.mid,
            RID => &mut self.rid,
            REPAIRED_RID => &mut self.repaired_rid,
            SEND_TIME => &mut self.send_time,
            NUMBER if is_video => &mut self.number,
            _ => return,
        };
        place.get_or_insert(id);
    }
}

/// RFC 8843 §15.1, RFC 8852 §4, the send time that receivers estimate bandwidth from, and the number that
/// feedback for senders' own estimates is about.
const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
const REPAIRED_RID: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
const SEND_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
const NUMBER: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// The number of a packet under this id.
fn number(opened: &OpenedRtp<'_>, id: Option<u8>) -> Option<u16> {
    let (profile, body) = opened.extension?;
    element(profile, body, id?)?.first_chunk().copied().map(u16::from_be_bytes)
}

/// A payload type that RTCP cannot be mistaken for (RFC 5761 §4), and what is said of it.
fn numbered(value: &str) -> Option<(u8, &str)> {
    let (number, rest) = value.split_once(' ')?;
    let number = number.parse().ok().filter(|n| *n < 64 || (96..128).contains(n))?;
    Some((number, rest.trim()))
}

fn codec_of(name: &str) -> Option<Codec> {
    let is = |codec: &str| name.eq_ignore_ascii_case(codec);
    if is("VP8/90000") {
        Some(Codec::Vp8)
    } else if is("VP9/90000") {
        Some(Codec::Vp9 { profile: 0 })
    } else if is("H264/90000") {
        Some(Codec::H264 { profile: 0x42E0, mode: 0 })
    } else {
        None
    }
}

/// The codec with what its format says. None when that cannot be read.
fn with_format(codec: Codec, format: &str) -> Option<Codec> {
    let field = |name: &str| {
        format.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
    };
    Some(match codec {
        Codec::Vp9 { profile } => {
            Codec::Vp9 { profile: field("profile-id").map_or(Some(profile), |id| id.parse().ok())? }
        }
        Codec::H264 { profile, mode } => Codec::H264 {
            profile: field("profile-level-id")
                .map_or(Some(profile), |id| u16::from_str_radix(id.get(..4)?, 16).ok())?,
            mode: field("packetization-mode").map_or(Some(mode), |mode| mode.parse().ok())?,
        },
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OFFER: &str = "a=ice-ufrag:x\nm=audio 9 UDP/TLS/RTP/SAVPF 111\na=mid:0\n\
        a=rtpmap:111 opus/48000/2\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96 97\na=mid:1\na=rtpmap:96 VP8/90000\na=rtcp-fb:96 goog-remb\n\
        a=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\na=rtpmap:98 H264/90000\n\
        a=fmtp:98 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\n\
        a=extmap:3 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\n\
        a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\n\
        a=extmap:10/sendrecv urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\n\
        a=simulcast:send q;h;f\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96 97\na=mid:2\na=content:slides\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\na=mid:3\na=content:slides\n";

    fn label(name: &str) -> Label {
        Label::new(name.as_bytes()).expect("short")
    }

    #[test]
    fn lines_are_told_apart_by_what_they_carry() {
        for text in [OFFER.to_owned(), OFFER.replace('\n', "\r\n")] {
            let offer = VideoOffer::parse(&text).expect("has codecs");

            assert_eq!(offer.track(label("0")), None, "the microphone is not ours");
            assert_eq!(offer.track(label("1")), Some(Track::Camera));
            assert_eq!(offer.track(label("2")), Some(Track::Screen));
            assert_eq!(offer.track(label("3")), Some(Track::Sound));
            assert!(offer.remb);
        }
    }

    #[test]
    fn packets_without_a_name_are_of_the_only_line_if_it_has_no_layers() {
        let lines = "m=audio 9 x 111\na=mid:0\nm=video 9 x 96\na=mid:1\na=content:slides\n\
            a=rtpmap:96 H264/90000\n";
        let offer = |text: &str| VideoOffer::parse(&format!("\n{text}")).expect("has codecs");

        assert_eq!(offer(lines).only_track(), Some(Track::Screen));
        assert_eq!(offer(&format!("{lines}a=simulcast:send l;h\n")).only_track(), None);
        assert_eq!(offer(OFFER).only_track(), None);
    }

    #[test]
    fn layers_count_from_the_lowest_and_a_line_without_them_has_one() {
        let offer = VideoOffer::parse(OFFER).expect("has codecs");

        assert_eq!(offer.layer(Track::Camera, Some(label("q"))), Some(0));
        assert_eq!(offer.layer(Track::Camera, Some(label("f"))), Some(2));
        assert_eq!(offer.layer(Track::Camera, Some(label("z"))), None);
        assert_eq!(offer.layer(Track::Screen, None), Some(0));
    }

    #[test]
    fn codecs_have_their_repair_and_their_profile() {
        let offer = VideoOffer::parse(OFFER).expect("has codecs");

        let vp8 = CodecLine { codec: Codec::Vp8, payload_type: 96, rtx: Some(97) };
        assert_eq!(offer.codec(97), Some((vp8, true)));
        let h264 = Codec::H264 { profile: 0x42E0, mode: 1 };
        assert_eq!(offer.codec(98).map(|(line, _)| line.codec), Some(h264));
        assert_eq!(offer.line_of(Codec::Vp9 { profile: 0 }), None);
        assert_eq!(offer.codec(111), None);
    }

    #[test]
    fn what_is_taken_is_told_in_lines_that_a_page_can_use() {
        let mut out = String::new();
        VideoOffer::parse(OFFER).expect("has codecs").write(&mut out);

        assert_eq!(
            out,
            "\na=rtpmap:96 VP8/90000\na=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\na=rtpmap:98 H264/90000\
             \na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\
             \na=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\
             \na=extmap:3 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
        );
    }

    #[test]
    fn a_number_of_packets_is_taken_only_of_pictures_whose_sender_takes_feedback() {
        let line = format!("a=extmap:5 {NUMBER}\n");
        let told = |offer: &str| VideoOffer::parse(offer).expect("has codecs").extensions.number;
        let with = |after: &str, more: &str| OFFER.replacen(after, &format!("{after}{more}"), 1);
        let feedback = "a=rtcp-fb:96 transport-cc\n";

        assert_eq!(told(&with("a=mid:1\n", &format!("{line}{feedback}"))), Some(5));
        assert_eq!(told(&with("a=mid:1\n", &line)), None);
        assert_eq!(told(&with("a=mid:0\n", &format!("{line}{feedback}"))), None, "of sound");
        let mut out = String::new();
        let both = with("a=mid:1\n", &format!("{line}{feedback}"));
        VideoOffer::parse(&both).expect("has codecs").write(&mut out);
        assert!(out.ends_with(&format!("\n{}", line.trim_end())), "{out}");
    }

    #[test]
    fn an_offer_of_sound_alone_has_no_pictures() {
        assert_eq!(VideoOffer::parse("m=audio 9 x 111\na=rtpmap:111 opus/48000/2"), None);
        assert_eq!(VideoOffer::parse("\nm=video 9 x 70\na=rtpmap:70 VP8/90000"), None, "as RTCP");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(lines in proptest::collection::vec(
            ("(m=video|m=audio|a=mid:|a=rtpmap:|a=fmtp:|a=extmap:|a=simulcast:send |a=content:)",
             ".{0,40}"), 0..20,
        )) {
            let text: String = lines.into_iter().map(|(key, value)| format!("\n{key}{value}")).collect();
            if let Some(offer) = VideoOffer::parse(&text) {
                offer.write(&mut String::new());
            }
        }
    }
}

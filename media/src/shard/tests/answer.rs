//! The answer of a page to its own offer, composed of the server's fragment as the web client does.

use str0m::media::Mid;

use super::video::LAYERS;
use super::webrtc::setup_of;

/// Feedback of arrivals, and what it is about.
pub(super) const TRANSPORT: &str = "transport-cc";
const WIDE: &str = "transport-wide-cc";

/// What stands before all lines of the answer.
pub(super) fn head(fragment: &str, offer: &str) -> String {
    let bundle = offer.lines().find(|line| line.starts_with("a=group:BUNDLE")).expect("a bundle");
    let line =
        |prefix: &str| fragment.lines().find(|line| line.starts_with(prefix)).expect("there");
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n{bundle}\r\na=ice-lite\r\n{}\r\n",
        line("a=fingerprint:")
    )
}

/// A line of the answer, as a page composes it of its own offer and of the fragment.
pub(super) fn section(
    fragment: &str,
    offer: &str,
    mid: Mid,
    direction: &str,
    layered: bool,
    ssrc: Option<u32>,
) -> String {
    let mut sections = offer.split("\r\nm=").skip(1);
    let own = sections.find(|own| own.lines().any(|line| line == format!("a=mid:{mid}")));
    let own = own.expect("it was offered");
    let is_video = own.starts_with("video");
    let (kind, formats) = if is_video { ("video", "96 97") } else { ("audio", "111") };
    let mut out = format!("m={kind} 8443 UDP/TLS/RTP/SAVPF {formats}\r\n");
    let taken = ["c=", "a=ice-ufrag:", "a=ice-pwd:", "a=candidate:"];
    for line in fragment.lines().filter(|line| taken.iter().any(|start| line.starts_with(start))) {
        out += &format!("{line}\r\n");
    }
    let setup = setup_of(fragment);
    out += &format!("{setup}\r\na=mid:{mid}\r\na=rtcp-mux\r\na={direction}\r\n");
    for line in own.lines().filter(|line| line.starts_with("a=extmap:")) {
        // Of numbers for feedback the server must have said that it takes them, and never of sound.
        if !line.contains(WIDE) || (is_video && ssrc.is_none() && fragment.contains(WIDE)) {
            out += &format!("{line}\r\n");
        }
    }
    out += if is_video {
        "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 goog-remb\r\n\
         a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
    } else {
        "a=rtpmap:111 opus/48000/2\r\n"
    };
    if layered {
        for (rid, _) in LAYERS {
            out += &format!("a=rid:{rid} recv\r\n");
        }
        out += "a=simulcast:recv q;h;f\r\n";
    }
    if let Some(ssrc) = ssrc {
        if is_video {
            out += &format!("a=ssrc-group:FID {ssrc} {}\r\n", ssrc + 1);
            out += &format!("a=ssrc:{} cname:u{ssrc}\r\n", ssrc + 1);
        }
        out += &format!("a=ssrc:{ssrc} cname:u{ssrc}\r\n");
    }
    out
}

//! What the server says while a voice connection is made: op 8, op 2, op 4. Pure.

use std::net::SocketAddr;

use model::limits;
use model::voice::EncryptionMode;
use model::voice::SessionKey;
use serde_json::Value;
use serde_json::json;

use super::payload::Identify;
use super::payload::Stream;

/// The version that a client asked for by `?v=`; user clients leave it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version(u8);

impl Version {
    /// The version of a query; `None` when it is one that nobody speaks any more, or not yet.
    pub(super) fn of_query(query: &str) -> Option<Self> {
        let asked = query.split('&').find_map(|pair| pair.strip_prefix("v="));
        match asked {
            None => Some(Self(UNVERSIONED)),
            Some(asked) => asked.parse().ok().filter(|v| (4..=9).contains(v)).map(Self),
        }
    }

    /// Whether messages are numbered and kept for Resume.
    pub(super) const fn is_numbered(self) -> bool {
        self.0 >= 8
    }

    /// The number to say in Hello.
    const fn number(self) -> u8 {
        if self.0 == UNVERSIONED { 8 } else { self.0 }
    }
}

/// Op 8.
pub(super) fn hello(version: Version) -> Value {
    let interval = limits::VOICE_HEARTBEAT_INTERVAL.as_secs_f64() * 1_000.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "some thousands of milliseconds"
    )]
    let interval = interval as u64;
    json!({ "heartbeat_interval": interval, "v": version.number() })
}

/// Op 2. User clients are told the SSRCs of the streams that they offered, and what they may fall back
/// to (ours: Discord's have no such thing).
pub(super) fn ready(ssrc: u32, address: SocketAddr, identify: &Identify, relays: Value) -> Value {
    let mut ready = json!({
        "ssrc": ssrc,
        "ip": address.ip().to_string(),
        "port": address.port(),
        "modes": EncryptionMode::ALL.map(EncryptionMode::as_str),
        "experiments": [],
    });
    if identify.video.is_some() {
        let streams = identify.streams.iter().take(STREAMS as usize).zip(1_u32..);
        ready["streams"] =
            streams.map(|(offered, number)| stream(ssrc + number * 2 - 1, offered)).collect();
        if !relays.is_null() {
            ready["ice_servers"] = relays;
        }
    }
    ready
}

fn stream(ssrc: u32, offered: &Stream) -> Value {
    json!({
        "type": "video",
        "ssrc": ssrc,
        "rtx_ssrc": ssrc + 1,
        "rid": offered.rid,
        "quality": offered.quality.unwrap_or(0.0).clamp(0.0, 100.0),
        "active": false,
    })
}

/// Op 4 for the UDP transport.
pub(super) fn udp_description(
    mode: EncryptionMode,
    key: &SessionKey,
    media_session: &str,
) -> Value {
    json!({
        "mode": mode.as_str(),
        "secret_key": key.as_bytes().as_slice(),
        "audio_codec": "opus",
        "video_codec": "H264",
        "media_session_id": media_session,
        "dave_protocol_version": DAVE,
    })
}

/// Op 4 for WebRTC.
pub(super) fn webrtc_description(sdp: &str, media_session: &str) -> Value {
    json!({
        "sdp": sdp,
        "audio_codec": "opus",
        "video_codec": "VP8",
        "media_session_id": media_session,
        "dave_protocol_version": DAVE,
    })
}

/// An SSRC for a peer's audio out of random bits; the numbers after it, up to the next multiple
/// of 32, stay free for its streams.
pub(super) const fn audio_ssrc(random: u32) -> u32 {
    random & !(SSRCS - 1)
}

/// Stands for "no `v` in the query".
const UNVERSIONED: u8 = 0;
/// End-to-end encryption: off. Clients index the field, so it is never left out.
const DAVE: u8 = 0;
/// SSRCs that one peer may have: its audio, and two for each stream.
const SSRCS: u32 = 32;
/// Streams that one peer may offer.
const STREAMS: u32 = (SSRCS - 1) / 2;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::super::payload;
    use super::super::payload::Incoming;
    use super::*;

    fn identify(d: &str) -> Identify {
        let text = format!(
            r#"{{"op":0,"d":{{"server_id":1,"user_id":2,"session_id":"s","token":"t"{d}}}}}"#
        );
        match payload::parse(&text) {
            Ok(Incoming::Identify(identify)) => *identify,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn versions_four_to_nine_and_none_are_spoken() {
        assert_eq!(Version::of_query(""), Some(Version(UNVERSIONED)));
        for v in 4..=9 {
            assert_eq!(Version::of_query(&format!("v={v}")), Some(Version(v)));
            assert_eq!(Version::of_query(&format!("x=1&v={v}&y")), Some(Version(v)));
        }
        for query in ["v=3", "v=10", "v=", "v=eight", "v=-4", "v=260"] {
            assert_eq!(Version::of_query(query), None, "{query}");
        }
    }

    #[test]
    fn only_version_eight_and_later_number_their_messages() {
        let numbered = |query| Version::of_query(query).unwrap().is_numbered();

        assert!(numbered("v=8") && numbered("v=9"));
        assert!(!numbered("v=4") && !numbered("v=7") && !numbered(""));
    }

    #[test]
    fn ready_names_a_place_for_media_and_both_modes() {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000));

        let ready = ready(64, address, &identify(""), json!(["a relay"]));

        assert_eq!(
            ready,
            json!({
                "ssrc": 64,
                "ip": "127.0.0.1",
                "port": 50_000,
                "modes": ["aead_aes256_gcm_rtpsize", "aead_xchacha20_poly1305_rtpsize"],
                "experiments": [],
            })
        );
    }

    #[test]
    fn a_user_clients_streams_get_ssrcs_that_no_other_peer_can_have() {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000));
        let offered = vec![r#"{"type":"video","rid":"100","quality":100}"#; 40].join(",");
        let identify = identify(&format!(r#","video":true,"streams":[{offered}]"#));

        let relays = json!([{ "urls": ["turns:a:1?transport=tcp"] }]);
        let ready = ready(64, address, &identify, relays.clone());

        assert_eq!(ready["ice_servers"], relays);

        let streams = ready["streams"].as_array().unwrap();
        assert_eq!(streams.len(), 15);
        assert_eq!(streams[0]["ssrc"], 65);
        let last = &streams[14]["rtx_ssrc"];
        assert_eq!(audio_ssrc(u32::try_from(last.as_u64().unwrap()).unwrap()), 64);
    }
}

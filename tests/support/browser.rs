//! A browser's part, played by webrtc-rs: an independent WebRTC library, with sockets of its own.
//!
//! It negotiates as the web client does: one offer goes to the server, and what the server would
//! answer to later ones is composed here of its one fragment.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use rtc::ice::network_type::NetworkType;
use rtc::media_stream::MediaStreamTrack;
use rtc::rtp;
use rtc::rtp::extension::HeaderExtension;
use rtc::rtp::extension::audio_level_extension::AudioLevelExtension;
use rtc::rtp_transceiver::rtp_sender::RTCRtpCodec;
use rtc::rtp_transceiver::rtp_sender::RTCRtpCodingParameters;
use rtc::rtp_transceiver::rtp_sender::RTCRtpEncodingParameters;
use rtc::rtp_transceiver::rtp_sender::RTCRtpHeaderExtensionCapability;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::media_stream::track_remote::TrackRemoteEvent;
use webrtc::peer_connection::MediaEngine;
use webrtc::peer_connection::PeerConnection;
use webrtc::peer_connection::PeerConnectionBuilder;
use webrtc::peer_connection::PeerConnectionEventHandler;
use webrtc::peer_connection::RTCIceCandidateInit;
use webrtc::peer_connection::RTCPeerConnectionState;
use webrtc::peer_connection::RTCSessionDescription;
use webrtc::peer_connection::SettingEngineBuilder;
use webrtc::rtp_transceiver::RTCRtpTransceiverDirection;
use webrtc::rtp_transceiver::RTCRtpTransceiverInit;

use crate::support::Instance;
use crate::support::PATIENCE;
use crate::support::text;
use crate::support::voice::Voice;

/// RFC 6464 §4.
const AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
/// Samples of a 20 ms frame at 48 kHz (RFC 7587 §4.1).
const FRAME: u32 = 960;
/// Packets that wait to be asked for; more are thrown away.
const HEARD: usize = 1_024;

/// What was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) ssrc: u32,
    pub(crate) payload: Vec<u8>,
    /// In -dBov, if the packet told one.
    pub(crate) level: Option<u8>,
}

/// What a browser's network lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Udp,
    /// ICE over TCP (RFC 6544).
    Tcp,
}

/// A browser in a voice channel.
pub(crate) struct Browser {
    pub(crate) voice: Voice,
    /// The fragment that the server answered last.
    pub(crate) fragment: String,
    way: Way,
    pc: Arc<dyn PeerConnection>,
    microphone: Arc<TrackLocalStaticRTP>,
    ssrc: u32,
    sequence: u16,
    /// SSRCs by the line that they are heard on, from the second.
    speakers: Vec<u32>,
    version: u32,
    heard: mpsc::Receiver<Heard>,
    states: mpsc::Receiver<RTCPeerConnectionState>,
}

impl Browser {
    /// Joins; media may flow.
    pub(crate) async fn enter(instance: &Instance, token: &str, channel: &str) -> Self {
        Self::enter_by(instance, token, channel, Way::Udp).await
    }

    /// Joins from a network that lets nothing but `way` through; media may flow.
    pub(crate) async fn enter_by(
        instance: &Instance,
        token: &str,
        channel: &str,
        way: Way,
    ) -> Self {
        let mut this = Self::offer(instance, token, channel, way).await;
        this.select().await;
        this.until(RTCPeerConnectionState::Connected).await;
        this
    }

    async fn offer(instance: &Instance, token: &str, channel: &str, way: Way) -> Self {
        let voice = Voice::enter(instance, token, channel).await;
        let mut media = MediaEngine::default();
        media.register_default_codecs().expect("codecs");
        let level = RTCRtpHeaderExtensionCapability { uri: AUDIO_LEVEL.to_owned() };
        media.register_header_extension(level, RtpCodecKind::Audio, None).expect("an extension");
        let (hears, heard) = mpsc::channel(HEARD);
        let (changes, states) = mpsc::channel(16);
        let ears = Ears { heard: hears, states: changes, tasks: Mutex::default() };
        let builder =
            PeerConnectionBuilder::new().with_media_engine(media).with_handler(Arc::new(ears));
        let own = vec!["127.0.0.1:0".to_owned()];
        let builder = match way {
            Way::Udp => builder.with_udp_addrs(own),
            Way::Tcp => {
                let types = vec![NetworkType::Tcp4];
                let engine = SettingEngineBuilder::new().with_network_types(types).build();
                builder.with_setting_engine(engine).with_tcp_addrs(own)
            }
        };
        let pc = Box::pin(builder.build()).await.expect("a peer connection");
        // Any number that the server did not give to somebody.
        let ssrc = voice.ssrc().wrapping_add(1);
        let microphone = Arc::new(TrackLocalStaticRTP::new(track(ssrc)));
        let sending = RTCRtpTransceiverInit {
            direction: RTCRtpTransceiverDirection::Sendonly,
            streams: Vec::new(),
            send_encodings: Vec::new(),
        };
        let track = Arc::clone(&microphone);
        pc.add_transceiver_from_track(track, Some(sending)).await.expect("a line");
        Self {
            voice,
            fragment: String::new(),
            way,
            pc: Arc::new(pc),
            microphone,
            ssrc,
            sequence: 0,
            speakers: Vec::new(),
            version: 1,
            heard,
            states,
        }
    }

    /// Offers, tells the server, and takes what it answers: at first, and to begin ICE anew.
    async fn select(&mut self) {
        let offer = self.local_offer().await;
        let fragment = select_fragment(&offer, self.way);
        let choice = json!({ "protocol": "webrtc", "data": fragment, "sdp": fragment });
        let description = self.voice.select(choice).await;
        self.fragment = text(&description["sdp"]);
        self.answer(&offer).await;
        if self.way == Way::Tcp {
            // The library connects to candidates that trickle in, and to none of a description.
            let candidate = self.fragment.lines().find(|line| line.ends_with("tcptype passive"));
            let candidate = candidate.expect("a way by TCP").trim_start_matches("a=").to_owned();
            let init = RTCIceCandidateInit {
                candidate,
                sdp_mid: Some("0".to_owned()),
                sdp_mline_index: Some(0),
                ..RTCIceCandidateInit::default()
            };
            self.pc.add_ice_candidate(init).await.expect("a good candidate");
        }
    }

    /// Begins ICE anew, from another port: as after a change of the network.
    pub(crate) async fn restart_ice(&mut self) {
        self.pc.restart_ice().await.expect("it is asked for");
        self.select().await;
    }

    /// Makes room for what comes under `ssrc`.
    pub(crate) async fn expect(&mut self, ssrc: u32) {
        let receiving = RTCRtpTransceiverInit {
            direction: RTCRtpTransceiverDirection::Recvonly,
            streams: Vec::new(),
            send_encodings: Vec::new(),
        };
        let line = self.pc.add_transceiver_from_kind(RtpCodecKind::Audio, Some(receiving));
        line.await.expect("a line");
        self.speakers.push(ssrc);
        let offer = self.local_offer().await;
        self.answer(&offer).await;
    }

    async fn local_offer(&self) -> String {
        let offer = self.pc.create_offer(None).await.expect("an offer");
        self.pc.set_local_description(offer).await.expect("our own");
        self.pc.local_description().await.expect("just set").sdp
    }

    async fn answer(&mut self, offer: &str) {
        self.version += 1;
        let udp = self.way == Way::Udp;
        let answer = compose_answer(offer, &self.fragment, &self.speakers, self.version, udp);
        let answer = RTCSessionDescription::answer(answer).expect("SDP");
        self.pc.set_remote_description(answer).await.expect("a good answer");
    }

    /// Waits until the connection is in `wanted`.
    pub(crate) async fn until(&mut self, wanted: RTCPeerConnectionState) {
        let reached = async {
            while let Some(state) = self.states.recv().await {
                if state == wanted {
                    return;
                }
            }
            panic!("the connection is gone");
        };
        let reached = timeout(PATIENCE, reached).await;
        reached.unwrap_or_else(|_| panic!("not {wanted} in time"));
    }

    /// Sends one 20 ms frame of `level` -dBov.
    pub(crate) async fn say(&mut self, payload: &[u8], level: u8) {
        let header = rtp::Header {
            version: 2,
            payload_type: 111,
            sequence_number: self.sequence,
            timestamp: u32::from(self.sequence).wrapping_mul(FRAME),
            ssrc: self.ssrc,
            ..rtp::Header::default()
        };
        self.sequence = self.sequence.wrapping_add(1);
        let packet = rtp::Packet { header, payload: payload.to_vec().into() };
        let level = HeaderExtension::AudioLevel(AudioLevelExtension { level, voice: true });
        self.microphone.write_rtp_with_extensions(packet, &[level]).await.expect("sent");
    }

    /// The next audio of anybody; `None` when there is none within `wait`.
    pub(crate) async fn hear(&mut self, wait: Duration) -> Option<Heard> {
        timeout(wait, self.heard.recv()).await.ok()?
    }

    /// Leaves.
    pub(crate) async fn close(self) {
        self.pc.close().await.expect("closed once");
    }
}

/// What the library tells.
struct Ears {
    heard: mpsc::Sender<Heard>,
    states: mpsc::Sender<RTCPeerConnectionState>,
    tasks: Mutex<JoinSet<()>>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Ears {
    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        let _ = self.states.try_send(state);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let heard = self.heard.clone();
        self.tasks.lock().await.spawn(async move {
            while let Some(event) = track.poll().await {
                let TrackRemoteEvent::OnRtpPacket(packet) = event else { continue };
                // Offered first, so its number is the first.
                let level = packet.header.get_extension(1).and_then(|level| level.first().copied());
                let _ = heard.try_send(Heard {
                    ssrc: packet.header.ssrc,
                    payload: packet.payload.to_vec(),
                    level: level.map(|level| level & 0x7F),
                });
            }
        });
    }
}

fn track(ssrc: u32) -> MediaStreamTrack {
    let codec = RTCRtpCodec {
        mime_type: "audio/opus".to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: String::new(),
        rtcp_feedback: Vec::new(),
    };
    let coding = RTCRtpCodingParameters { ssrc: Some(ssrc), ..RTCRtpCodingParameters::default() };
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: coding,
        codec,
        ..RTCRtpEncodingParameters::default()
    };
    let [stream, id, label] = ["microphone"; 3].map(str::to_owned);
    MediaStreamTrack::new(stream, id, label, RtpCodecKind::Audio, vec![encoding])
}

/// The lines that Select Protocol carries, as the web client cuts them out; over TCP without the one by which
/// it has the server begin the handshake, as other pages.
fn select_fragment(offer: &str, way: Way) -> String {
    let wanted = ["a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=rtpmap:"];
    let is_wanted = |line: &&str| {
        wanted.iter().any(|prefix| line.starts_with(prefix)) || line.contains(AUDIO_LEVEL)
    };
    let first = (way == Way::Udp).then_some("a=setup:passive");
    first.into_iter().chain(offer.lines().filter(is_wanted)).collect::<Vec<_>>().join("\n")
}

/// The server's answer to `offer`, as the web client composes it of the server's fragment. The first
/// line is the microphone; the others are `speakers`. Without `candidates` they are to trickle in.
fn compose_answer(
    offer: &str,
    fragment: &str,
    speakers: &[u32],
    version: u32,
    candidates: bool,
) -> String {
    let of_fragment = |prefix: &str| {
        let found = fragment.lines().find(|line| line.starts_with(prefix));
        found.unwrap_or_else(|| panic!("no {prefix} in {fragment}"))
    };
    let setup = fragment.lines().find(|line| line.starts_with("a=setup:"));
    let setup = setup.unwrap_or("a=setup:passive");
    let mids: Vec<_> =
        offer.lines().filter_map(|line| line.trim_end().strip_prefix("a=mid:")).collect();
    let level = offer.lines().find(|line| line.contains(AUDIO_LEVEL)).expect("offered").trim_end();
    let mut out = format!(
        "v=0\no=guildhall 1 {version} IN IP4 127.0.0.1\ns=-\nt=0 0\na=group:BUNDLE {}\n\
         a=ice-lite\na=extmap-allow-mixed\na=msid-semantic: WMS *\n",
        mids.join(" ")
    );
    for (index, mid) in mids.iter().enumerate() {
        let _ = write!(
            out,
            "m=audio 9 UDP/TLS/RTP/SAVPF 111\n{}\n{}\n{}\n{}\n{setup}\na=mid:{mid}\n{level}\n\
             a=rtcp-mux\na=rtpmap:111 opus/48000/2\na=fmtp:111 minptime=10;useinbandfec=1\n",
            of_fragment("c="),
            of_fragment("a=ice-ufrag:"),
            of_fragment("a=ice-pwd:"),
            of_fragment("a=fingerprint:"),
        );
        let speaker = index.checked_sub(1).and_then(|index| speakers.get(index));
        match speaker {
            None => out.push_str("a=recvonly\n"),
            Some(ssrc) => {
                let _ = write!(
                    out,
                    "a=sendonly\na=msid:user-{ssrc} audio-{ssrc}\na=ssrc:{ssrc} cname:user-{ssrc}\n"
                );
            }
        }
        if index == 0 && candidates {
            for line in fragment.lines().filter(|line| line.starts_with("a=candidate:")) {
                let _ = writeln!(out, "{line}");
            }
            out.push_str("a=end-of-candidates\n");
        }
    }
    out.replace('\n', "\r\n")
}

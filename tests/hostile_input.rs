//! All that is known to break servers, thrown at a live call from outside: nothing panics, and the
//! call goes on.
//!
//! Datagrams come from strangers and from a member's own address; session descriptions and JSON
//! come from a member with a valid token, and from somebody without.

mod support;

use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use support::Instance;
use support::gateway::Gateway;
use support::gateway::Wire;
use support::udp::UdpBot;
use support::voice::Voice;
use tokio::net::UdpSocket;
use tokio_tungstenite::tungstenite::Bytes;
use tokio_tungstenite::tungstenite::Message;

/// Panics of any thread, that of the server included: both are this process.
static PANICS: AtomicUsize = AtomicUsize::new(0);

const FRAMES: usize = 20;
const FRAME: Duration = Duration::from_millis(20);

/// The files of a corpus that lies with one of our crates.
fn corpus(folder: &str) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the corpus is in the repository") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("LICENSE") && !path.ends_with("README.md") {
                files.push(std::fs::read(&path).expect("readable"));
            }
        }
    }
    assert!(!files.is_empty(), "{folder} is empty");
    files
}

/// Two bots in a channel of a running server.
struct Call {
    instance: Instance,
    channel: String,
    ana: UdpBot,
    ben: UdpBot,
    frames: usize,
    thrown: usize,
}

impl Call {
    async fn new() -> Self {
        std::panic::set_hook(Box::new(|panic| {
            PANICS.fetch_add(1, Ordering::Relaxed);
            eprintln!("{panic}");
        }));
        let instance = Instance::open().await;
        let channel = instance.channel("Hall", 2).await;
        let (_, ana) = instance.bot("ana's ear").await;
        let (_, ben) = instance.bot("ben's ear").await;
        let ana = UdpBot::enter(&instance, &ana, &channel).await;
        let ben = UdpBot::enter(&instance, &ben, &channel).await;
        Self { instance, channel, ana, ben, frames: 0, thrown: 0 }
    }

    /// Returns when the server has read all that was sent before: it heard a frame that ANA said
    /// after it.
    async fn catch_up(&mut self) {
        self.frames += 1;
        let mark = format!("mark {}", self.frames);
        let caught_up = async {
            loop {
                self.ana.say(mark.as_bytes()).await;
                while let Some(heard) = self.ben.hear(FRAME).await {
                    if heard.payload == mark.as_bytes() {
                        return;
                    }
                }
            }
        };
        tokio::time::timeout(support::PATIENCE, caught_up).await.expect("the call goes on");
    }

    /// A datagram from a stranger, and from a member's own address.
    async fn throw(&mut self, stranger: &UdpSocket, bytes: &[u8]) {
        for socket in [stranger, &self.ana.socket] {
            // What is longer than a datagram can be never leaves.
            self.thrown += usize::from(socket.send(bytes).await.is_ok());
        }
        // A burst would be lost in the server's receive buffer, and prove nothing.
        if self.thrown.is_multiple_of(32) {
            self.catch_up().await;
        }
    }

    /// Both hear each other, every frame, in order.
    async fn assert_goes_on(&mut self, after: &str) {
        self.catch_up().await;
        // Marks that were said more than once, and were late.
        tokio::time::sleep(FRAME * 5).await;
        self.ana.forget();
        self.ben.forget();
        for n in 0..FRAMES {
            self.ana.say(format!("ana says {n}").as_bytes()).await;
            self.ben.say(format!("ben says {n}").as_bytes()).await;
            tokio::time::sleep(FRAME).await;
        }
        for (speaker, hearer) in [("ana", &self.ben), ("ben", &self.ana)] {
            for n in 0..FRAMES {
                let heard = hearer.hear(support::PATIENCE).await;
                let heard = heard
                    .unwrap_or_else(|| panic!("after {after}: {speaker}'s frame {n} is missing"));
                let heard = String::from_utf8_lossy(&heard.payload).into_owned();
                assert_eq!(heard, format!("{speaker} says {n}"), "after {after}");
            }
        }
        assert_eq!(PANICS.load(Ordering::Relaxed), 0, "panics after {after}");
    }
}

/// The datagram as it is, and as RTP of `ssrc`.
fn forms(bytes: &[u8], ssrc: u32) -> Vec<Vec<u8>> {
    let mut forms = vec![bytes.to_vec()];
    if bytes.len() >= 12 {
        let mut named = bytes.to_vec();
        named[8..12].copy_from_slice(&ssrc.to_be_bytes());
        forms.push(named.clone());
        named[0] = 0x80 | (named[0] & 0x3F);
        forms.push(named);
    }
    forms
}

/// RTP and RTCP datagrams of a capture file (libpcap's format, Ethernet or raw IP).
fn datagrams(capture: &[u8]) -> Vec<Vec<u8>> {
    let long = |at: usize| {
        let bytes = capture.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
    };
    let mut found = Vec::new();
    let mut at = 24;
    while let Some(length) = long(at + 8) {
        let Some(frame) = capture.get(at + 16..at + 16 + length) else { break };
        // UDP's header stands behind those of Ethernet and IPv4.
        found.extend(frame.get(42..).map(<[u8]>::to_vec));
        at += 16 + length;
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_call_goes_on_under_everything_that_broke_others() {
    let mut call = Call::new().await;
    call.assert_goes_on("nothing at all").await;

    let stranger = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    stranger.connect(call.instance.running.media).await.expect("loopback");
    for folder in ["stun-corpus", "rtp-corpus", "rtcp-corpus"] {
        for bytes in corpus(&format!("media/tests/data/webrtc/{folder}")) {
            for form in forms(&bytes, call.ana.voice.ssrc()) {
                call.throw(&stranger, &form).await;
            }
        }
        call.assert_goes_on(folder).await;
    }
    for bytes in corpus("media/tests/data/mediasoup") {
        for form in forms(&bytes, call.ana.voice.ssrc()) {
            call.throw(&stranger, &form).await;
        }
    }
    for bytes in corpus("media/tests/data/pion") {
        call.throw(&stranger, &bytes).await;
    }
    for capture in corpus("media/tests/data/str0m") {
        for bytes in datagrams(&capture) {
            for form in forms(&bytes, call.ana.voice.ssrc()) {
                call.throw(&stranger, &form).await;
            }
        }
    }
    call.assert_goes_on("what other servers' tests keep").await;
    assert!(call.thrown > 5_000, "only {} datagrams were thrown", call.thrown);
    let mut buffer = [0; 2_048];
    assert!(stranger.try_recv(&mut buffer).is_err(), "a stranger was answered");

    descriptions(&call).await;
    call.assert_goes_on("session descriptions").await;

    let bodies = corpus("signaling/tests/data/json");
    assert!(bodies.len() > 300, "only {} bodies", bodies.len());
    rest(&call, &bodies).await;
    call.assert_goes_on("JSON at REST").await;
    sockets(&call, &bodies).await;
    call.assert_goes_on("JSON at both gateways").await;
}

/// Each description by a third member, as a browser's offer. What is no UTF-8 cannot stand in
/// JSON: it is sent as a browser would have to, with replacement characters.
async fn descriptions(call: &Call) {
    for (n, offer) in corpus("media/tests/data/webrtc/sdp-corpus").into_iter().enumerate() {
        // One session may send 120 messages a minute.
        let (_, token) = call.instance.bot(&format!("cai {n}")).await;
        let mut cai = Voice::enter(&call.instance, &token, &call.channel).await;
        let offer = String::from_utf8_lossy(&offer);
        let d = json!({ "protocol": "webrtc", "data": offer, "sdp": offer });
        cai.wire.send(json!({ "op": 1, "d": d })).await;
        // Answered (op 4), or closed: never silence.
        let answered = async {
            loop {
                match cai.wire.within(support::PATIENCE).await {
                    Some(payload) if payload["op"] == 4 => break,
                    Some(_) => {}
                    None => break,
                }
            }
        };
        let patience = support::PATIENCE / 2;
        tokio::time::timeout(patience, answered).await.expect("an answer, or an end");
    }
}

async fn rest(call: &Call, bodies: &[Vec<u8>]) {
    let host = call.instance.host();
    for path in ["/auth/login".to_owned(), format!("/channels/{}/messages", call.channel)] {
        let url = format!("http://{host}/api/v10{path}");
        for bodies in bodies.chunks(16) {
            let answers = bodies.iter().map(|body| {
                let request = call.instance.http.post(&url);
                let request = request.header("authorization", &call.instance.owner);
                request.header("content-type", "application/json").body(body.clone()).send()
            });
            for answer in join_all(answers).await {
                let status = answer.expect("an answer").status().as_u16();
                assert!(status < 500, "{path}: {status}");
            }
        }
    }
}

/// As text where it is text, else as binary; before identifying and after.
async fn sockets(call: &Call, bodies: &[Vec<u8>]) {
    let host = call.instance.host();
    let message = |body: &Vec<u8>| match String::from_utf8(body.clone()) {
        Ok(text) => Message::text(text),
        Err(_) => Message::Binary(Bytes::from(body.clone())),
    };
    // Binary frames of the voice gateway are those of end-to-end encryption: without it they mean
    // nothing, and are passed over.
    let texts: Vec<_> =
        bodies.iter().filter(|body| std::str::from_utf8(body).is_ok()).cloned().collect();
    let main = (format!("ws://{host}/?v=10&encoding=json"), bodies);
    let voice = (format!("ws://{host}/?v=8"), &texts[..]);
    for (url, bodies) in [main, voice] {
        for bodies in bodies.chunks(16) {
            join_all(bodies.iter().map(|body| async {
                let mut wire = Wire::open(&url).await;
                // Closed while we still write is an answer as well.
                let _ = wire.raw(message(body)).await;
                assert!(wire.closed().await.is_some(), "no close code");
            }))
            .await;
        }
    }
    for (n, body) in bodies.iter().filter(|body| body.len() < 4_096).step_by(29).enumerate() {
        let (_, token) = call.instance.bot(&format!("dee {n}")).await;
        let mut dee = Gateway::identify(&host, &token).await;
        let _ = dee.wire.raw(message(body)).await;
        assert_eq!(dee.wire.closed().await, Some(4_002), "{:?}", String::from_utf8_lossy(body));
    }
}

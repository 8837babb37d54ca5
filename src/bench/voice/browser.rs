//! A browser's part, played by an unmodified WebRTC library: ICE, DTLS, SRTP.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use str0m::Candidate;
use str0m::Event;
use str0m::Input;
use str0m::Output;
use str0m::Rtc;
use str0m::change::SdpAnswer;
use str0m::change::SdpOffer;
use str0m::change::SdpPendingOffer;
use str0m::media::Direction;
use str0m::media::MediaKind;
use str0m::media::Mid;
use str0m::net::DatagramRecv;
use str0m::net::Protocol;
use str0m::net::Receive;
use str0m::rtp::RtpWrite;
use tokio::net::UdpSocket;

/// Room for a datagram, in bytes.
const DATAGRAM: usize = 2_048;
/// The payload type of Opus in the offers of the library, and in those that it takes here.
const OPUS: u8 = 111;
/// How often a browser checks a path that works. As Chromium does, which asks more often than others:
/// RFC 7675 §5.1 has five seconds, and Chromium's constant for a strong and stable connection is 2.5.
pub(super) const CHECK: Duration = Duration::from_millis(2_500);
/// Samples in a frame of 20 ms at 48 kHz.
const SAMPLES: u32 = 960;

/// One session.
pub(super) struct Browser {
    rtc: Box<Rtc>,
    mid: Mid,
    own: SocketAddr,
    server: SocketAddr,
    /// When it wants to be told the time, and until when it must wait for it.
    deadline: Instant,
    paused_until: Instant,
}

/// A session whose offer waits for its answer.
pub(super) struct Offered {
    browser: Browser,
    pending: SdpPendingOffer,
    /// What to tell the server.
    pub(super) sdp: String,
}

/// What a session wants done.
pub(super) enum Wish {
    /// Send this.
    Send(SocketAddr, Vec<u8>),
    /// Somebody was heard: the payload.
    Heard(Vec<u8>),
}

impl Browser {
    /// Offers audio from the address `own` to the server's media address.
    ///
    /// # Errors
    ///
    /// When the library does not take the address.
    pub(super) fn offer(
        now: Instant,
        own: SocketAddr,
        server: SocketAddr,
    ) -> anyhow::Result<Offered> {
        Self::begin(now, own, server, Direction::SendRecv)
    }

    fn new(rtc: Rtc, mid: Mid, (own, server): (SocketAddr, SocketAddr), now: Instant) -> Self {
        Self { rtc: Box::new(rtc), mid, own, server, deadline: now, paused_until: now }
    }

    fn begin(
        now: Instant,
        own: SocketAddr,
        server: SocketAddr,
        direction: Direction,
    ) -> anyhow::Result<Offered> {
        let mut rtc = make(now);
        rtc.add_local_candidate(Candidate::host(own, "udp")?);
        let mut change = rtc.sdp_api();
        let mid = change.add_media(MediaKind::Audio, direction, None, None, None);
        let (offer, pending) = change.apply().context("no change to offer")?;
        let sdp = offer.to_sdp_string();
        Ok(Offered { browser: Self::new(rtc, mid, (own, server), now), pending, sdp })
    }

    /// Offers audio that is only sent, from the address `own`, to whoever answers with an address.
    ///
    /// # Errors
    ///
    /// When the library does not take the address.
    pub(super) fn publish(now: Instant, own: SocketAddr) -> anyhow::Result<Offered> {
        Self::begin(now, own, own, Direction::SendOnly)
    }

    /// Takes an offer of audio. The session, and the answer to give.
    ///
    /// # Errors
    ///
    /// When the offer is unusable.
    pub(super) fn subscribe(
        now: Instant,
        own: SocketAddr,
        offer: &str,
    ) -> anyhow::Result<(Self, String)> {
        let mut rtc = make(now);
        rtc.add_local_candidate(Candidate::host(own, "udp")?);
        let (server, mid) = (candidate_of(offer)?, mid_of(offer)?);
        let answer = rtc.sdp_api().accept_offer(SdpOffer::from_sdp_string(offer)?)?;
        let browser = Self::new(rtc, mid, (own, server), now);
        Ok((browser, answer.to_sdp_string()))
    }

    /// Sends a packet of audio, which [`poll`](Self::poll) tells; `number` counts them from 0.
    pub(super) fn speak(&mut self, now: Instant, number: u32, payload: &[u8]) {
        let mut api = self.rtc.direct_api();
        // Without a stream nothing is heard, which shows.
        let Some(stream) = api.stream_tx_by_mid(self.mid, None) else { return };
        let time = number.wrapping_mul(SAMPLES);
        stream.write_rtp(RtpWrite::new(OPUS.into(), u64::from(number).into(), time, now, payload));
        self.handle_timeout(now);
    }

    /// Takes part in ICE and DTLS until media may flow.
    ///
    /// # Errors
    ///
    /// When the session or the socket fails. It takes as long as it takes.
    pub(super) async fn connect(&mut self, socket: &UdpSocket) -> anyhow::Result<()> {
        let mut datagram = [0; DATAGRAM];
        // Until it is told the time for the first time, the library waits for nothing but the handshake.
        self.handle_timeout(crate::bench::now());
        loop {
            while let Some(wish) = self.poll()? {
                if let Wish::Send(to, bytes) = wish {
                    socket.send_to(&bytes, to).await?;
                }
            }
            anyhow::ensure!(self.rtc.is_alive(), "the WebRTC session ended");
            if self.rtc.is_connected() {
                return Ok(());
            }
            let rest = self.deadline.saturating_duration_since(crate::bench::now());
            // At least a moment: the library may ask for the one that just passed.
            let rest = rest.max(Duration::from_millis(1));
            match tokio::time::timeout(rest, socket.recv(&mut datagram)).await {
                Ok(received) => self.receive(crate::bench::now(), &datagram[..received?]),
                Err(_) => self.handle_timeout(crate::bench::now()),
            }
        }
    }

    /// Lets a part of the time between two checks pass before the next, 0 to 1. Browsers that joined
    /// together would go on to check together, which those of people do not.
    pub(super) fn pause(&mut self, now: Instant, part: f64) {
        self.paused_until = now + CHECK.mul_f64(part);
    }

    /// When it wants to be told the time.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline.max(self.paused_until)
    }

    /// Where it sends.
    pub(super) const fn server(&self) -> SocketAddr {
        self.server
    }

    /// Expects the audio of someone.
    pub(super) fn expect(&mut self, ssrc: u32) {
        self.rtc.direct_api().expect_stream_rx(ssrc.into(), None, self.mid, None);
    }

    /// Takes a datagram; then drain [`poll`](Self::poll).
    pub(super) fn receive(&mut self, now: Instant, datagram: &[u8]) {
        let Ok(contents) = DatagramRecv::try_from(datagram) else { return };
        let (source, destination) = (self.server, self.own);
        let receive = Receive { proto: Protocol::Udp, source, destination, contents };
        // A datagram that the library refuses was not heard, which shows.
        let _ = self.rtc.handle_input(Input::Receive(now, receive));
    }

    /// Tells the time; then drain [`poll`](Self::poll).
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        let _ = self.rtc.handle_input(Input::Timeout(now));
    }

    /// What to do next. `None` until the deadline or the next datagram.
    ///
    /// # Errors
    ///
    /// When the session failed.
    pub(super) fn poll(&mut self) -> anyhow::Result<Option<Wish>> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(at) => {
                    self.deadline = at;
                    return Ok(None);
                }
                Output::Transmit(transmit) => {
                    let bytes = transmit.contents.to_vec();
                    return Ok(Some(Wish::Send(transmit.destination, bytes)));
                }
                Output::Event(Event::RtpPacket(packet)) => {
                    return Ok(Some(Wish::Heard(packet.payload.to_vec())));
                }
                Output::Event(_) => {}
            }
        }
    }
}

impl Offered {
    /// Takes the server's answer.
    ///
    /// # Errors
    ///
    /// When it is unusable.
    pub(super) fn answered(self, fragment: &str) -> anyhow::Result<Browser> {
        let answer = remote_description(fragment, self.browser.mid)?;
        self.accept(&answer)
    }

    /// Takes a whole answer, which says where to send.
    ///
    /// # Errors
    ///
    /// When it is unusable.
    pub(super) fn answered_in_full(mut self, answer: &str) -> anyhow::Result<Browser> {
        self.browser.server = candidate_of(answer)?;
        self.accept(answer)
    }

    fn accept(mut self, answer: &str) -> anyhow::Result<Browser> {
        let answer = SdpAnswer::from_sdp_string(answer)?;
        self.browser.rtc.sdp_api().accept_answer(self.pending, answer)?;
        Ok(self.browser)
    }
}

/// A session that checks as often as a browser.
fn make(now: Instant) -> Rtc {
    let mut config = Rtc::builder().set_rtp_mode(true);
    config.set_max_stun_rto(CHECK);
    config.build(now)
}

/// What a web client composes of the server's fragment (Discord: Voice Connections/WebRTC).
fn remote_description(fragment: &str, mid: Mid) -> anyhow::Result<String> {
    let line = |prefix: &str| {
        let found = fragment.lines().find(|line| line.starts_with(prefix));
        found.with_context(|| format!("the answer has no {prefix}"))
    };
    let lines = [
        "v=0",
        "o=- 1 0 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        &format!("a=group:BUNDLE {mid}"),
        "a=msid-semantic: WMS *",
        "a=ice-lite",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        line("c=")?,
        line("a=ice-ufrag:")?,
        line("a=ice-pwd:")?,
        line("a=fingerprint:")?,
        line("a=candidate:")?,
        line("a=setup:").unwrap_or("a=setup:passive"),
        &format!("a=mid:{mid}"),
        "a=rtcp-mux",
        "a=sendrecv",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1",
        "",
    ];
    Ok(lines.join("\r\n"))
}

/// The address of a description's first host candidate by UDP (RFC 8839 §5.1).
fn candidate_of(sdp: &str) -> anyhow::Result<SocketAddr> {
    let candidates = sdp.lines().filter_map(|line| line.strip_prefix("a=candidate:"));
    let parse = |line: &str| {
        let fields: Vec<_> = line.split_ascii_whitespace().collect();
        let &[_, _, transport, _, ip, port, "typ", "host", ..] = &*fields else { return None };
        let ip: IpAddr = ip.parse().ok()?;
        transport.eq_ignore_ascii_case("udp").then_some(SocketAddr::new(ip, port.parse().ok()?))
    };
    candidates.filter_map(parse).next().context("the description has no host candidate by UDP")
}

/// The name of a description's first medium.
fn mid_of(sdp: &str) -> anyhow::Result<Mid> {
    let mid = sdp.lines().find_map(|line| line.strip_prefix("a=mid:"));
    Ok(mid.context("the description has no a=mid:")?.trim().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_credentials_names_what_it_lacks() {
        let address = "127.0.0.1:9".parse().expect("an address");
        let offered = Browser::offer(crate::bench::now(), address, address).expect("an offer");

        let refused = offered.answered("c=IN IP4 127.0.0.1").err().expect("refused");

        assert!(refused.to_string().contains("a=ice-ufrag:"), "{refused}");
    }

    #[test]
    fn the_host_candidate_by_udp_says_where_to_send() {
        let sdp = "a=mid:a0\r\na=candidate:1 1 TCP 5 192.0.2.1 9 typ host tcptype active\r\n\
                   a=candidate:2 1 udp 4 192.0.2.7 4000 typ srflx\r\n\
                   a=candidate:3 1 UDP 3 192.0.2.9 5000 typ host\r\n";

        assert_eq!(candidate_of(sdp).expect("there is one").to_string(), "192.0.2.9:5000");
        assert_eq!(mid_of(sdp).expect("there is one"), Mid::from("a0"));
        assert!(candidate_of("v=0\r\n").is_err());
    }

    #[test]
    fn an_offer_to_publish_is_one_that_another_browser_can_take() {
        let now = crate::bench::now();
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let offered = Browser::publish(now, at(9)).expect("an offer");

        let (subscriber, answer) = Browser::subscribe(now, at(10), &offered.sdp).expect("taken");
        let publisher = offered.answered_in_full(&answer).expect("answered");

        assert_eq!((publisher.server, subscriber.server), (at(10), at(9)));
    }
}

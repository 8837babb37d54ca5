//! A browser's part as a listener, played by an unmodified WebRTC library: ICE, DTLS, SRTP.

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
use str0m::change::SdpPendingOffer;
use str0m::media::Direction;
use str0m::media::MediaKind;
use str0m::media::Mid;
use str0m::net::DatagramRecv;
use str0m::net::Protocol;
use str0m::net::Receive;
use tokio::net::UdpSocket;

/// Room for a datagram, in bytes.
const DATAGRAM: usize = 2_048;

/// One session.
pub(super) struct Browser {
    rtc: Box<Rtc>,
    mid: Mid,
    own: SocketAddr,
    server: SocketAddr,
    /// When it wants to be told the time.
    pub(super) deadline: Instant,
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
        let mut rtc = Rtc::builder().set_rtp_mode(true).build(now);
        rtc.add_local_candidate(Candidate::host(own, "udp")?);
        let mut change = rtc.sdp_api();
        let mid = change.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let (offer, pending) = change.apply().context("no change to offer")?;
        let sdp = offer.to_sdp_string();
        Ok(Offered {
            browser: Self { rtc: Box::new(rtc), mid, own, server, deadline: now },
            pending,
            sdp,
        })
    }

    /// Takes part in ICE and DTLS until media may flow.
    ///
    /// # Errors
    ///
    /// When the session or the socket fails. It takes as long as it takes.
    pub(super) async fn connect(&mut self, socket: &UdpSocket) -> anyhow::Result<()> {
        let mut datagram = [0; DATAGRAM];
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
    pub(super) fn answered(mut self, fragment: &str) -> anyhow::Result<Browser> {
        let answer = remote_description(fragment, self.browser.mid)?;
        let answer = SdpAnswer::from_sdp_string(&answer)?;
        self.browser.rtc.sdp_api().accept_answer(self.pending, answer)?;
        Ok(self.browser)
    }
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
        "a=setup:passive",
        &format!("a=mid:{mid}"),
        "a=rtcp-mux",
        "a=sendrecv",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1",
        "",
    ];
    Ok(lines.join("\r\n"))
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
}

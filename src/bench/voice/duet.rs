//! One speaker and one listener on a server of their own, for who does the talking himself.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::sync::Arc;

use indicatif::ProgressBar;
use media::bench::UdpCipher;
use tokio::task::JoinSet;

use super::Mode;
use super::Options;
use super::Speaking;
use super::load;
use super::load::Load;
use super::packet::Stream;
use super::participant::Transport;
use super::stage::OwnServer;

/// The two, and what keeps them there.
pub(in crate::bench) struct Duet {
    load: Load,
    _server: OwnServer,
    _keepalive: JoinSet<()>,
}

/// One of them: Discord's UDP transport with AES.
pub(in crate::bench) struct End {
    pub(in crate::bench) socket: Arc<UdpSocket>,
    /// The server's address for media.
    pub(in crate::bench) server: SocketAddr,
    cipher: UdpCipher,
    stream: Stream,
    counter: u32,
}

impl Duet {
    /// Starts a server, and lets both join.
    ///
    /// # Errors
    ///
    /// When the server does not start or refuses one.
    pub(in crate::bench) async fn begin(bar: &ProgressBar) -> anyhow::Result<Self> {
        let options = Options {
            rooms: 1,
            speakers: 1,
            listeners: 1,
            stage: false,
            seconds: 1,
            mode: Mode::Aes256Gcm,
            speaker_mode: Speaking::Udp,
            capacity: false,
            rhythm: None,
            paired: false,
            mumble: false,
            janus: false,
            loss: 0,
            joins_per_second: None,
            readers: 1,
            shards: None,
            bind: Ipv4Addr::UNSPECIFIED,
            server: None,
            token: Vec::new(),
            channel: Vec::new(),
            ca: None,
            pid: None,
        };
        bar.set_message("starting a server");
        let mut server = OwnServer::start(options.bind, options.shards).await?;
        let load = super::attend_own(&options, &mut server, bar).await?;
        let keepalive = JoinSet::from_iter([load::keep_alive(load.sockets().collect())]);
        Ok(Self { load, _server: server, _keepalive: keepalive })
    }

    /// The speaker and the listener, once.
    pub(in crate::bench) fn take(&mut self) -> Option<(End, End)> {
        let (mut speaker, mut listener) = (None, None);
        for seat in self.load.seats.drain(..) {
            let Transport::Udp(key) = seat.transport else { continue };
            let end = End {
                socket: seat.socket,
                server: seat.server,
                cipher: UdpCipher::new(Mode::Aes256Gcm.udp(), &key),
                stream: Stream::new(seat.ssrc),
                counter: 0,
            };
            *(if seat.speaks { &mut speaker } else { &mut listener }) = Some(end);
        }
        speaker.zip(listener)
    }

    /// Lets both go.
    ///
    /// # Errors
    ///
    /// When one was thrown out before.
    pub(in crate::bench) async fn end(&mut self) -> anyhow::Result<()> {
        self.load.leave().await
    }
}

impl End {
    /// The next packet, with this payload.
    pub(in crate::bench) fn seal(&mut self, payload: &[u8], packet: &mut Vec<u8>) {
        packet.clear();
        packet.extend_from_slice(&self.stream.next_header());
        packet.extend_from_slice(payload);
        self.cipher.seal(self.counter, packet, 0);
        self.counter = self.counter.wrapping_add(1);
    }

    /// The payload of a packet; `None` of what is none.
    pub(in crate::bench) fn open<'a>(&self, packet: &'a mut [u8]) -> Option<&'a [u8]> {
        self.cipher.open(packet).map(|(_, payload)| payload)
    }
}

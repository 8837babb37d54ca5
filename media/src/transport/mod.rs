//! How bytes reach a peer: Discord's UDP transport or WebRTC. Packets are opened and sealed here.
//!
//! A transport knows keys and packet formats. It knows neither rooms nor who may speak.

pub(crate) mod aead;
mod chacha;
pub(crate) mod discovery;
pub(crate) mod dtls;
mod gcm;
mod hmac_sha1;
mod keystream;
mod poly1305;
pub(crate) mod repeat;
pub(crate) mod sdp;
pub(crate) mod srtp;
pub(crate) mod stun;
pub(crate) mod udp;
pub(crate) mod webrtc;
mod xchacha;

use crate::metrics::DropReason;
use crate::rtp::ext::AudioLevel;
use crate::rtp::header::RtpHeader;
use crate::rtp::red::Older;
use crate::rtp::red::Redundancy;
use crate::rtp::rtcp::Compound;
use crate::video::VideoPacket;

/// An authenticated packet in the clear.
#[derive(Debug)]
pub(crate) struct RtpPacket<'a> {
    pub(crate) header: RtpHeader,
    /// Opus, or end-to-end encrypted: opaque either way.
    pub(crate) payload: &'a [u8],
    /// How loud it is, if its sender says so where we can read it.
    pub(crate) level: Option<AudioLevel>,
    /// Frames before this one that its sender carried along.
    pub(crate) older: Option<Older<'a>>,
    /// Whether it is the newest of its stream: only such a packet may move the peer's address.
    pub(crate) newest: bool,
}

/// A packet for one listener, not yet sealed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    /// Its payload type is the transport's to fill in.
    pub(crate) header: RtpHeader,
    /// The extended sequence number, whose low bits the header has.
    pub(crate) index: u64,
    pub(crate) level: Option<AudioLevel>,
    pub(crate) payload: &'a [u8],
    /// Older frames to carry along, where the transport can.
    pub(crate) redundancy: Redundancy<'a>,
}

/// What an authenticated datagram turned out to be.
#[derive(Debug)]
pub(crate) enum Opened<'a> {
    Rtp(RtpPacket<'a>),
    /// Of a picture, or of the sound of a shared screen.
    Video(VideoPacket<'a>),
    /// A compound, unless there is no sense in it: clients of Discord's UDP transport differ in what
    /// they put inside, and that it is authentic counts nevertheless.
    Rtcp {
        compound: Option<Compound<'a>>,
        newest: bool,
    },
}

/// How bytes reach a peer.
pub(crate) enum Transport {
    /// Joined, but the client has not chosen yet.
    Unchosen,
    Udp(udp::UdpTransport),
    WebRtc(Box<webrtc::WebRtcTransport>),
    /// Panics, as a fault of ours would.
    #[cfg(test)]
    Faulty,
}

impl Transport {
    /// Opens an RTP or RTCP packet in place.
    ///
    /// # Errors
    ///
    /// Why it goes no further.
    pub(crate) fn open<'a>(
        &mut self,
        ssrc: u32,
        datagram: &'a mut [u8],
    ) -> Result<Opened<'a>, DropReason> {
        match self {
            Self::Unchosen => Err(DropReason::NoKeys),
            Self::Udp(udp) => udp.open(ssrc, datagram),
            Self::WebRtc(webrtc) => webrtc.open(datagram),
            #[cfg(test)]
            Self::Faulty => panic!("a fault made for a test"),
        }
    }

    /// Whether a browser's packet is authentic under these keys. Spoils it and remembers nothing.
    pub(crate) fn authenticates(&self, packet: &mut [u8]) -> bool {
        match self {
            Self::WebRtc(webrtc) => webrtc.authenticates(packet),
            // Their packets name their sender: there is nothing to search for.
            Self::Unchosen | Self::Udp(_) => false,
            #[cfg(test)]
            Self::Faulty => panic!("a fault made for a test"),
        }
    }

    /// Whether the peer can ask for a packet again.
    pub(crate) fn may_ask_again(&self) -> bool {
        matches!(self, Self::WebRtc(_))
    }

    /// Whether the peer can take older frames along with a packet.
    pub(crate) fn takes_redundancy(&self) -> bool {
        matches!(self, Self::WebRtc(webrtc) if webrtc.takes_redundancy())
    }

    /// Whether packets can be sealed.
    pub(crate) fn is_ready(&self) -> bool {
        match self {
            Self::Unchosen => false,
            Self::Udp(_) => true,
            Self::WebRtc(webrtc) => webrtc.has_keys(),
            #[cfg(test)]
            Self::Faulty => true,
        }
    }

    /// Appends a packet to `out`, sealed. False, with `out` as it was, when there are no keys yet.
    pub(crate) fn seal(&mut self, packet: &Outgoing<'_>, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Unchosen => false,
            Self::Udp(udp) => udp.seal(packet.header, packet.payload, out),
            Self::WebRtc(webrtc) => webrtc.seal(packet, out),
            #[cfg(test)]
            Self::Faulty => panic!("a fault made for a test"),
        }
    }
}

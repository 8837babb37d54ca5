//! One browser's transport: ICE, as the side that only answers (RFC 8445 §2.5, "lite"), the DTLS
//! handshake, and audio, which is opened and sealed here.
//!
//! All SRTP and SRTCP under a session's keys is ours, so no nonce can be used by two senders. An answer
//! to a check and a handshake are all that is left of negotiating for a server that browsers can reach;
//! which addresses a browser has, and which path is the best, is the browser's business.

use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use model::media::Refusal;

use crate::metrics::DropReason;
use crate::rtp::ext::AudioLevel;
use crate::rtp::header::RtpHeader;
use crate::rtp::header::without_padding;
use crate::rtp::red;
use crate::rtp::rtcp;
use crate::rtp::rtcp::Compound;
use crate::shard::outbox::Outbox;
use crate::transport::Opened;
use crate::transport::Outgoing;
use crate::transport::RtpPacket;
use crate::transport::dtls::FINGERPRINT;
use crate::transport::dtls::Handshake;
use crate::transport::dtls::Role;
use crate::transport::dtls::WebRtcIdentity;
use crate::transport::repeat::Echoes;
use crate::transport::sdp::Answer;
use crate::transport::sdp::Offer;
use crate::transport::srtp::Srtp;
use crate::transport::stun;
use crate::transport::stun::TRANSACTION;
use crate::video::offer::VideoOffer;

/// How long a browser's repetitions are answered after the handshake: what may have to be said again is
/// said by then.
const SETTLING: Duration = Duration::from_secs(5);

/// One peer's WebRTC transport.
pub(crate) struct WebRtcTransport {
    handshake: Box<Handshake>,
    /// Where the handshake is answered: where the first genuine check came from, and then the one that
    /// the browser chose. Chromium chooses a second after it began, and the choice can get lost; RFC
    /// 8445 §12.1.1 lets both send on every valid pair before.
    path: Option<SocketAddr>,
    /// Of our certificate, by SHA-256.
    fingerprint: [u8; FINGERPRINT],
    srtp: Option<Srtp>,
    /// The address that the peer was told.
    announce: SocketAddr,
    offer: Offer,
    ufrag: String,
    password: String,
    /// The credentials before, where the browser began ICE anew, until a path under these has held.
    former: Option<Box<Former>>,
    /// Whether a check under these credentials came since.
    renewed: bool,
    answer: String,
    bitrate: u32,
    /// The one that it is on: our username fragments name it.
    shard: u16,
    /// The peer's audio SSRC, learnt from its authentic Opus packets.
    audio: Option<u32>,
    /// The SSRC of its shared screen's sound, learnt from the name of its line.
    sound: Option<u32>,
    /// Answers to be given twice, until the browser has heard one.
    echoes: Echoes,
    /// Since when there are keys.
    keys_since: Option<Instant>,
    /// Whether nothing of the handshake is answered any more.
    settled: bool,
}

/// Letters of our username fragments after the shard's mark, and of our passwords: of 62, where RFC 8445
/// §5.3 wants 24 and 128 random bits at least.
const UFRAG_LETTERS: usize = 14;
const PASSWORD_LETTERS: usize = 24;

/// New ICE credentials of ours, username fragment and password. The former begins with the shard's mark.
///
/// # Errors
///
/// [`Refusal::OfferUnusable`] without randomness.
fn credentials(shard: u16) -> Result<(String, String), Refusal> {
    let mut ufrag: String = stun::mark_of(shard).into_iter().map(char::from).collect();
    ufrag.push_str(&letters(UFRAG_LETTERS)?);
    Ok((ufrag, letters(PASSWORD_LETTERS)?))
}

/// So many random letters and digits.
fn letters(count: usize) -> Result<String, Refusal> {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut letters = String::with_capacity(count);
    while letters.len() < count {
        let mut drawn = [0; 64];
        aws_lc_rs::rand::fill(&mut drawn).map_err(|_| Refusal::OfferUnusable)?;
        // Two of 64 are none, so that all letters are equally likely.
        let drawn = drawn.iter().filter_map(|byte| LETTERS.get(usize::from(byte % 64)));
        letters.extend(drawn.take(count - letters.len()).map(|letter| char::from(*letter)));
    }
    Ok(letters)
}

/// Both sides' ICE credentials of a generation that another replaces (RFC 8445 §9).
struct Former {
    ufrag: String,
    password: String,
    their_ufrag: String,
    their_password: String,
}

/// What a check was that the browser sent, or that seems to be the browser's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// Not a check, or not by who knows our password.
    Forged,
    /// Of the path that the browser has or had.
    Genuine,
    /// Of a generation of ICE that is to replace another.
    Renewing,
}

/// What driving a session led to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Driven {
    /// When to drive it again.
    pub(crate) deadline: Option<Instant>,
    /// Keys arrived: media may flow.
    pub(crate) connected: bool,
    /// The session is over.
    pub(crate) ended: bool,
}

impl WebRtcTransport {
    /// Builds the session that answers `offer`.
    ///
    /// # Errors
    ///
    /// [`Refusal::OfferUnusable`] when there is no randomness.
    pub(crate) fn answer(
        now: Instant,
        (shard, identity): (u16, &WebRtcIdentity),
        (offer, bitrate): (Offer, u32),
        announce: SocketAddr,
    ) -> Result<Self, Refusal> {
        let (ufrag, password) = credentials(shard)?;
        let role = if offer.waits { Role::Client } else { Role::Server };
        let mut this = Self {
            handshake: Box::new(Handshake::new(now, identity, role, offer.fingerprint)),
            path: None,
            fingerprint: *identity.fingerprint(),
            srtp: None,
            announce,
            offer,
            ufrag,
            password,
            former: None,
            renewed: false,
            answer: String::new(),
            bitrate,
            shard,
            audio: None,
            sound: None,
            echoes: Echoes::default(),
            keys_since: None,
            settled: false,
        };
        this.write_answer();
        Ok(this)
    }

    /// The answer for the client.
    pub(crate) fn answer_text(&self) -> &str {
        &self.answer
    }

    /// Our ICE username fragment, by which STUN requests find this session.
    pub(crate) fn ufrag(&self) -> &str {
        &self.ufrag
    }

    /// The one before, while it holds.
    pub(crate) fn former_ufrag(&self) -> Option<&str> {
        self.former.as_ref().map(|former| &*former.ufrag)
    }

    /// The browser's.
    #[cfg(test)]
    pub(crate) fn their_ufrag(&self) -> &str {
        &self.offer.ufrag
    }

    /// Whether DTLS is done.
    pub(crate) fn has_keys(&self) -> bool {
        self.srtp.is_some()
    }

    /// Takes over another offer of the same transport, as renegotiations are: whether packets are
    /// formed in another way from now on. None when ICE or DTLS would have to begin anew.
    pub(crate) fn renegotiate(&mut self, offer: &Offer, announce: SocketAddr) -> Option<bool> {
        let same = self.announce == announce
            && self.offer.ufrag == offer.ufrag
            && self.offer.password == offer.password
            && self.offer.fingerprint == offer.fingerprint;
        if !same {
            return None;
        }
        let changed = self.offer != *offer;
        if changed {
            self.offer = offer.clone();
            self.write_answer();
        }
        Some(changed)
    }

    /// Whether an offer begins ICE anew on the keys that are there. A page that made its connection anew
    /// has another certificate, and needs another handshake.
    pub(crate) fn can_restart(&self, offer: &Offer, announce: SocketAddr) -> bool {
        self.has_keys()
            && self.announce == announce
            && self.offer.fingerprint == offer.fingerprint
            && (self.offer.ufrag != offer.ufrag || self.offer.password != offer.password)
    }

    /// Begins ICE anew: whether packets are formed in another way from now on, and the username
    /// fragment that is no longer ours, if there is one. The path that is there goes on to be used until
    /// another has held.
    ///
    /// # Errors
    ///
    /// [`Refusal::OfferUnusable`] when there is no randomness; nothing has changed then.
    pub(crate) fn restart(&mut self, offer: Offer) -> Result<(bool, Option<String>), Refusal> {
        let (ufrag, password) = credentials(self.shard)?;
        let before = std::mem::replace(&mut self.offer, offer);
        let alike = Offer {
            ufrag: before.ufrag.clone(),
            password: before.password.clone(),
            ..self.offer.clone()
        };
        let changed = alike != before;
        let latest = Former {
            ufrag: std::mem::replace(&mut self.ufrag, ufrag),
            password: std::mem::replace(&mut self.password, password),
            their_ufrag: before.ufrag,
            their_password: before.password,
        };
        // Of a generation that never led anywhere the browser has forgotten the paths; those that it
        // uses are of the one before.
        let gone = match &self.former {
            Some(_) if !self.renewed => Some(latest.ufrag),
            _ => self.former.replace(Box::new(latest)).map(|former| former.ufrag),
        };
        self.renewed = false;
        self.write_answer();
        Ok((changed, gone))
    }

    /// Forgets the generation before, if a check of the new one came: its username fragment.
    pub(crate) fn forget_former(&mut self) -> Option<String> {
        if !self.renewed {
            return None;
        }
        self.former.take().map(|former| former.ufrag)
    }

    /// From now on the answer asks for so many bits of audio a second.
    pub(crate) fn set_bitrate(&mut self, bits: u32) {
        if self.bitrate != bits {
            self.bitrate = bits;
            self.write_answer();
        }
    }

    fn write_answer(&mut self) {
        let answer = Answer {
            address: self.announce,
            ufrag: &self.ufrag,
            password: &self.password,
            fingerprint: &self.fingerprint,
            is_active: self.handshake.role() == Role::Client,
            offer: &self.offer,
            bitrate: self.bitrate,
        };
        self.answer = answer.to_fragment();
    }

    /// Takes a datagram of DTLS; then [`drive`](Self::drive).
    ///
    /// # Errors
    ///
    /// [`DropReason::Handshake`] when it is not acceptable; the session goes on.
    pub(crate) fn handle(&mut self, now: Instant, bytes: &[u8]) -> Result<(), DropReason> {
        // Who begins has heard that its check was answered.
        self.echoes.cancel();
        if self.settled {
            return self.handshake.listen(bytes);
        }
        self.handshake.handle(now, bytes)
    }

    /// Answers a browser's check; then [`drive`](Self::drive). What it was.
    pub(crate) fn answer_check(
        &mut self,
        now: Instant,
        from: SocketAddr,
        request: &[u8],
        outbox: &mut Outbox,
    ) -> Check {
        if !stun::is_request(request) {
            return Check::Forged;
        }
        let (check, password) = if stun::is_between(request, &self.ufrag, &self.offer.ufrag) {
            let check = if self.former.is_some() { Check::Renewing } else { Check::Genuine };
            (check, &self.password)
        } else if let Some(former) = &self.former
            && stun::is_between(request, &former.ufrag, &former.their_ufrag)
        {
            (Check::Genuine, &former.password)
        } else {
            return Check::Forged;
        };
        let answered = stun::proves(request, password)
            && outbox.write(from, |out| stun::success(request, from, password, out));
        if !answered {
            return Check::Forged;
        }
        if self.srtp.is_none() && !self.handshake.has_heard() {
            self.echoes.note(now, from, outbox.newest());
        }
        if self.path.is_none() || stun::nominates(request) {
            self.path = Some(from);
        }
        self.renewed |= check == Check::Renewing;
        check
    }

    /// Tells the session the time; then [`drive`](Self::drive).
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if !self.settled {
            self.handshake.handle_timeout(now);
        }
    }

    /// Says what the session wants said.
    pub(crate) fn drive(&mut self, now: Instant, outbox: &mut Outbox) -> Driven {
        let mut driven = Driven::default();
        if let (Some(path), false) = (self.path, self.settled) {
            let say = |datagram: &[u8]| outbox.push(path, datagram);
            driven.deadline = self.handshake.drain(now, &mut self.srtp, say);
            if self.srtp.is_some() && self.handshake.role() == Role::Client {
                // The browser said the last flight, because it had heard ours.
                self.settle();
                driven.deadline = None;
            } else if self.srtp.is_some() {
                self.keys_since.get_or_insert(now);
            }
        }
        while let Some((to, answer)) = self.echoes.poll(now) {
            outbox.push(to, &answer);
        }
        if let Some(since) = self.keys_since.filter(|_| !self.settled) {
            let settles = since + SETTLING;
            if now >= settles {
                self.settle();
                driven.deadline = None;
            } else {
                driven.deadline = Some(driven.deadline.map_or(settles, |at| at.min(settles)));
            }
        }
        let echo = self.echoes.poll_timeout();
        driven.deadline = driven.deadline.into_iter().chain(echo).min();
        driven.ended = self.handshake.is_over();
        if driven.ended {
            self.srtp = None;
        }
        driven.connected = self.srtp.is_some();
        driven
    }

    /// Whether the browser may not have heard the end of the handshake, for all that is known.
    pub(crate) const fn is_settling(&self) -> bool {
        !self.settled
    }

    /// Something came that only who has the keys can send, or all was said again that may have to be: the
    /// browser has heard the end of the handshake.
    pub(crate) fn settle(&mut self) {
        self.handshake.settle();
        self.echoes.cancel();
        self.settled = true;
    }

    /// Ends the handshake with these keys, for benches.
    pub(crate) fn skip(&mut self, keys: Srtp) {
        self.srtp = Some(keys);
        self.settle();
    }

    /// Opens an SRTP or SRTCP packet in place.
    pub(crate) fn open<'a>(&mut self, packet: &'a mut [u8]) -> Result<Opened<'a>, DropReason> {
        let srtp = self.srtp.as_mut().ok_or(DropReason::NoKeys)?;
        if packet.get(1).is_some_and(|second| rtcp::is_rtcp(*second)) {
            let (compound, newest) = srtp.open_rtcp(packet)?;
            let compound = Compound::parse(compound).ok_or(DropReason::Malformed)?;
            return Ok(Opened::Rtcp { compound: Some(compound), newest });
        }
        let opened = srtp.open_rtp(packet)?;
        if let Some(video) = &self.offer.video
            && let Some(packet) = video.take(&opened, self.offer.opus, &mut self.sound)?
        {
            return Ok(Opened::Video(packet));
        }
        let payload = if opened.layout.padding {
            without_padding(opened.payload).ok_or(DropReason::Malformed)?
        } else {
            opened.payload
        };
        let (payload, older) = match opened.header.payload_type {
            opus if opus == self.offer.opus => (payload, None),
            red if Some(red) == self.offer.red => {
                let (inner, primary, older) = red::parse(payload).ok_or(DropReason::Malformed)?;
                if inner != self.offer.opus {
                    return Err(DropReason::ForeignPayloadType);
                }
                (primary, Some(older))
            }
            _ => return Err(DropReason::ForeignPayloadType),
        };
        let level = self.offer.audio_level.zip(opened.extension);
        let level = level.and_then(|(id, (profile, body))| AudioLevel::find(profile, body, id));
        let (header, newest) = (opened.header, opened.newest);
        Ok(Opened::Rtp(RtpPacket { header, payload, level, older, newest }))
    }

    /// The browser's number for Opus.
    pub(crate) fn opus(&self) -> u8 {
        self.offer.opus
    }

    /// Whether the browser sends lost packets again when it is asked.
    pub(crate) fn answers_nack(&self) -> bool {
        self.offer.nack
    }

    /// Whether the browser takes older frames along with a packet.
    pub(crate) fn takes_redundancy(&self) -> bool {
        self.offer.red.is_some()
    }

    /// Whether a packet is authentic. Spoils it and remembers nothing.
    pub(crate) fn authenticates(&self, packet: &mut [u8]) -> bool {
        self.srtp.as_ref().is_some_and(|srtp| srtp.authenticates(packet))
    }

    /// Whether the browser sent RTP, or else RTCP, under this SSRC before.
    pub(crate) fn used(&self, ssrc: u32, is_rtp: bool) -> bool {
        self.srtp.as_ref().is_some_and(|srtp| srtp.used(ssrc, is_rtp))
    }

    /// Appends a request that only this browser can answer.
    pub(crate) fn challenge(&self, transaction: [u8; TRANSACTION], out: &mut Vec<u8>) {
        // Until something comes by the new credentials, the browser is only where the former hold.
        let (theirs, ours, password) = match &self.former {
            Some(former) if !self.renewed => {
                (&former.their_ufrag, &former.ufrag, &former.their_password)
            }
            _ => (&self.offer.ufrag, &self.ufrag, &self.offer.password),
        };
        stun::challenge(transaction, &format!("{theirs}:{ours}"), password, out);
    }

    /// Whether it is this browser that made a response.
    pub(crate) fn proves(&self, response: &[u8]) -> bool {
        stun::proves(response, &self.offer.password)
            || self
                .former
                .as_ref()
                .is_some_and(|former| stun::proves(response, &former.their_password))
    }

    /// The browser's audio SSRC, once it was heard.
    pub(crate) fn audio_ssrc(&self) -> Option<u32> {
        self.audio
    }

    /// Decides whether `ssrc` is the browser's audio. The first is; another takes over when the
    /// one before has been quiet for `quiet`, as after a change of the microphone.
    pub(crate) fn claim_audio(&mut self, ssrc: u32, quiet: Duration) -> AudioClaim {
        match self.audio {
            Some(audio) if audio == ssrc => AudioClaim::Same,
            Some(_) if quiet < TAKE_OVER => AudioClaim::Refused,
            before => {
                self.audio = Some(ssrc);
                AudioClaim::TakenOver { former: before }
            }
        }
    }

    /// Appends a packet, sealed, with the payload type and the extension id that the browser offered.
    pub(crate) fn seal(&mut self, packet: &Outgoing<'_>, out: &mut Vec<u8>) -> bool {
        let Some(srtp) = &self.srtp else { return false };
        let opus = self.offer.opus;
        let level = packet.level.zip(self.offer.audio_level);
        match self.offer.red.filter(|_| !packet.redundancy.is_empty()) {
            Some(payload_type) => {
                let header = RtpHeader { payload_type, ..packet.header };
                srtp.seal_rtp(header, packet.index, level, out, |out| {
                    packet.redundancy.write(opus, packet.payload, out);
                });
            }
            None => {
                let header = RtpHeader { payload_type: opus, ..packet.header };
                srtp.seal_rtp(header, packet.index, level, out, |out| {
                    out.extend_from_slice(packet.payload);
                });
            }
        }
        true
    }

    /// What the browser offered of pictures.
    pub(crate) fn video(&self) -> Option<&VideoOffer> {
        self.offer.video.as_ref()
    }

    /// Makes it a browser without retransmission.
    #[cfg(test)]
    pub(crate) fn forget_rtx(&mut self) {
        if let Some(video) = &mut self.offer.video {
            video.forget_rtx();
        }
    }

    /// Appends a packet of a picture, sealed; `write` appends its payload. False when there are no keys.
    pub(crate) fn seal_picture(
        &self,
        header: RtpHeader,
        index: u64,
        send_time: Option<u32>,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> bool {
        let Some(srtp) = &self.srtp else { return false };
        let id = self.offer.video.as_ref().and_then(|video| video.extensions.send_time);
        srtp.seal_picture(header, index, send_time.zip(id), out, write);
        true
    }

    /// Appends an RTCP compound, sealed.
    pub(crate) fn seal_rtcp(&mut self, compound: &[u8], out: &mut Vec<u8>) -> bool {
        self.srtp.as_mut().is_some_and(|srtp| srtp.seal_rtcp(compound, out))
    }
}

/// How long a browser's audio SSRC must be quiet before another takes over. Lower lets two tracks
/// alternate; higher keeps a changed microphone silent.
const TAKE_OVER: Duration = Duration::from_millis(500);

/// Whose audio an SSRC is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AudioClaim {
    /// The one that was.
    Same,
    /// From now on this one.
    TakenOver { former: Option<u32> },
    /// Another track, while the first is active.
    Refused,
}

//! One browser's transport: the library negotiates (ICE, DTLS), audio is opened and sealed here.
//!
//! The only file that drives str0m, whose session declares no media: all SRTP and SRTCP under its
//! keys is ours, so no nonce can be used by two senders. Once the handshake has settled the library's
//! session is let go, which held most of what an idle browser cost; checks are then answered here, and
//! so they are from the first time that a browser begins ICE anew.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use model::limits;
use model::media::Refusal;
use str0m::Candidate;
use str0m::IceCreds;
use str0m::Input;
use str0m::Output;
use str0m::Rtc;
use str0m::RtcConfig;
use str0m::config::DtlsCert;
use str0m::config::Fingerprint;
use str0m::net::DatagramRecv;
use str0m::net::Protocol;
use str0m::net::Receive;

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
use crate::transport::dtls;
use crate::transport::dtls::KeySlot;
use crate::transport::repeat::Echoes;
use crate::transport::sdp::Answer;
use crate::transport::sdp::Offer;
use crate::transport::srtp::Srtp;
use crate::transport::stun;
use crate::transport::stun::TRANSACTION;
use crate::video::offer::VideoOffer;

/// How long the library is kept after its handshake: what it may have to say again is said by then.
const SETTLING: Duration = Duration::from_secs(5);

/// Outputs that one input may cause; more is a fault of the library that must not hang the shard.
const OUTPUTS_PER_INPUT: usize = 256;

/// What all sessions of a node share: one certificate, so that a join generates none.
#[derive(Clone)]
pub(crate) struct WebRtcIdentity {
    certificate: DtlsCert,
}

impl WebRtcIdentity {
    /// Generates the certificate. None when the crypto library fails.
    pub(crate) fn generate() -> Option<Self> {
        let certificate = dtls::crypto_provider().dtls_provider.generate_certificate()?;
        Some(Self { certificate })
    }
}

/// One peer's WebRTC transport.
pub(crate) struct WebRtcTransport {
    /// The library's session, until the handshake has settled.
    rtc: Option<Box<Rtc>>,
    keys: KeySlot,
    /// Of our certificate, by SHA-256.
    fingerprint: Vec<u8>,
    srtp: Option<Srtp>,
    /// The address that the peer was told; the library takes every datagram as sent to it.
    announce: SocketAddr,
    offer: Offer,
    ufrag: String,
    password: String,
    /// The credentials before, where the browser began ICE anew, until a path under these has held.
    former: Option<Box<Former>>,
    /// Whether it ever did, and whether a check under these credentials came since.
    restarted: bool,
    renewed: bool,
    answer: String,
    bitrate: u32,
    /// The one that it is on: our username fragments name it.
    shard: u16,
    /// The peer's audio SSRC, learnt from its authentic Opus packets.
    audio: Option<u32>,
    /// The SSRC of its shared screen's sound, learnt from the name of its line.
    sound: Option<u32>,
    /// Answers to be given twice, while it joins.
    echoes: Echoes,
    /// Whether the library knows where to send.
    has_path: bool,
    /// Since when there are keys.
    keys_since: Option<Instant>,
    /// When the library wants to be told the time.
    due: Option<Instant>,
    /// Whether the browser said, after it settled, that it leaves.
    farewell: bool,
    /// The newest time that it was told.
    now: Instant,
}

/// New ICE credentials of ours, whose username fragment begins with the shard's mark. What is left of it
/// is random enough (RFC 8445 §5.3: 24 bits), and the password is all random.
fn credentials(shard: u16) -> IceCreds {
    let IceCreds { ufrag, pass } = IceCreds::new();
    let mark = stun::mark_of(shard).into_iter().map(char::from);
    IceCreds { ufrag: mark.chain(ufrag.chars().skip(2)).collect(), pass }
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
    /// Not by who knows our password.
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
    /// Where a STUN request was answered, which proves that its sender knew the password.
    pub(crate) stun_answered: Option<SocketAddr>,
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
    /// [`Refusal::OfferUnusable`] when the library takes neither the offer nor the address.
    pub(crate) fn answer(
        now: Instant,
        (shard, identity): (u16, &WebRtcIdentity),
        offer: Offer,
        announce: SocketAddr,
    ) -> Result<Self, Refusal> {
        let mut rtc = RtcConfig::new()
            .set_local_ice_credentials(credentials(shard))
            .set_crypto_provider(Arc::clone(dtls::crypto_provider()))
            .set_dtls_cert(identity.certificate.clone())
            .set_ice_lite(true)
            .clear_codecs()
            .build(now);
        let keys = dtls::take_last_made().ok_or(Refusal::OfferUnusable)?;
        let candidate =
            Candidate::host(announce, Protocol::Udp).map_err(|_| Refusal::OfferUnusable)?;
        rtc.add_local_candidate(candidate);
        let mut api = rtc.direct_api();
        api.set_ice_controlling(false);
        api.set_remote_ice_credentials(IceCreds {
            ufrag: offer.ufrag.clone(),
            pass: offer.password.clone(),
        });
        api.set_remote_fingerprint(Fingerprint {
            hash_func: "sha-256".to_owned(),
            bytes: offer.fingerprint.to_vec(),
        });
        api.start_dtls(false).map_err(|_| Refusal::OfferUnusable)?;
        let IceCreds { ufrag, pass } = api.local_ice_credentials();
        let fingerprint = api.local_dtls_fingerprint().bytes.clone();
        let answer = String::new();
        let password = pass;
        let mut this = Self {
            rtc: Some(Box::new(rtc)),
            fingerprint,
            keys,
            srtp: None,
            announce,
            offer,
            ufrag,
            password,
            former: None,
            restarted: false,
            renewed: false,
            answer,
            bitrate: limits::BITRATE_DEFAULT,
            shard,
            audio: None,
            sound: None,
            echoes: Echoes::default(),
            has_path: false,
            keys_since: None,
            due: None,
            farewell: false,
            now,
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
    pub(crate) fn restart(&mut self, offer: Offer) -> (bool, Option<String>) {
        let IceCreds { ufrag, pass } = credentials(self.shard);
        let before = std::mem::replace(&mut self.offer, offer);
        let alike = Offer {
            ufrag: before.ufrag.clone(),
            password: before.password.clone(),
            ..self.offer.clone()
        };
        let changed = alike != before;
        let latest = Former {
            ufrag: std::mem::replace(&mut self.ufrag, ufrag),
            password: std::mem::replace(&mut self.password, pass),
            their_ufrag: before.ufrag,
            their_password: before.password,
        };
        // Of a generation that never led anywhere the browser has forgotten the paths; those that it
        // uses are of the one before.
        let gone = match &self.former {
            Some(_) if !self.renewed => Some(latest.ufrag),
            _ => self.former.replace(Box::new(latest)).map(|former| former.ufrag),
        };
        (self.restarted, self.renewed) = (true, false);
        self.write_answer();
        (changed, gone)
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
            offer: &self.offer,
            bitrate: self.bitrate,
        };
        self.answer = answer.to_fragment();
    }

    /// Gives the session a STUN or DTLS datagram.
    ///
    /// # Errors
    ///
    /// [`DropReason::Handshake`] when it is not acceptable; the session goes on.
    pub(crate) fn handle(
        &mut self,
        now: Instant,
        from: SocketAddr,
        bytes: &[u8],
    ) -> Result<(), DropReason> {
        self.now = now;
        let Some(rtc) = &mut self.rtc else {
            self.farewell |= self.keys.says_farewell(bytes)?;
            return Ok(());
        };
        let contents = DatagramRecv::try_from(bytes).map_err(|_| DropReason::Handshake)?;
        let destination = self.announce;
        let input = Input::Receive(
            now,
            Receive { proto: Protocol::Udp, source: from, destination, contents },
        );
        if !rtc.accepts(&input) {
            return Err(DropReason::Handshake);
        }
        rtc.handle_input(input).map_err(|_| DropReason::Handshake)?;
        if stun::is_request(bytes) && !self.has_path {
            self.choose_path(from);
        }
        Ok(())
    }

    /// Answers a browser's check as the library would, once that is gone or knows the former
    /// credentials only. None when the datagram is for [`handle`](Self::handle).
    pub(crate) fn answer_check(
        &mut self,
        from: SocketAddr,
        request: &[u8],
        outbox: &mut Outbox,
    ) -> Option<Check> {
        let is_ours = self.rtc.is_none() || self.restarted;
        if !is_ours || !stun::is_request(request) {
            return None;
        }
        let (check, password) = if stun::is_between(request, &self.ufrag, &self.offer.ufrag) {
            let check = if self.former.is_some() { Check::Renewing } else { Check::Genuine };
            (check, &self.password)
        } else if let Some(former) = &self.former
            && stun::is_between(request, &former.ufrag, &former.their_ufrag)
        {
            (Check::Genuine, &former.password)
        } else {
            return Some(Check::Forged);
        };
        let answered = stun::proves(request, password)
            && outbox.write(from, |out| stun::success(request, from, password, out));
        if !answered {
            return Some(Check::Forged);
        }
        self.renewed |= check == Check::Renewing;
        Some(check)
    }

    /// Lets the library answer the handshake on the path whose check was just taken. It would wait
    /// until the browser chooses one: Chromium does that a second later, and the choice can get lost.
    /// RFC 8445 §12.1.1 lets both send on every valid pair before.
    fn choose_path(&mut self, from: SocketAddr) {
        self.has_path = true;
        let mut check = Vec::new();
        let username = format!("{}:{}", self.ufrag, self.offer.ufrag);
        stun::nomination(CHOICE, &username, &self.password, &mut check);
        let (Some(rtc), Ok(contents)) = (&mut self.rtc, DatagramRecv::try_from(&check[..])) else {
            return;
        };
        let destination = self.announce;
        let receive = Receive { proto: Protocol::Udp, source: from, destination, contents };
        // If it is refused, the browser's own choice counts.
        let _ = rtc.handle_input(Input::Receive(self.now, receive));
    }

    /// Tells the session the time. The library, for which that is much work, only when it asked.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        if self.due.is_none_or(|due| due <= now) {
            self.tell_time();
        }
    }

    fn tell_time(&mut self) {
        // An error that ends the session shows in `is_alive`, which `drive` reads.
        if let Some(rtc) = &mut self.rtc {
            let _ = rtc.handle_input(Input::Timeout(self.now));
        }
    }

    /// Drains the session until it only waits. `request_from` is who sent the STUN request that
    /// was just handled, if one was.
    pub(crate) fn drive(
        &mut self,
        request_from: Option<SocketAddr>,
        outbox: &mut Outbox,
    ) -> Driven {
        let mut driven = Driven::default();
        self.drain(request_from, outbox, &mut driven);
        // It may want to be told the time that it is: to wake for that would cost more.
        if driven.deadline.is_some_and(|deadline| deadline <= self.now) {
            self.tell_time();
            self.drain(request_from, outbox, &mut driven);
        }
        self.due = driven.deadline;
        while let Some((to, answer)) = self.echoes.poll(self.now) {
            outbox.push(to, &answer);
        }
        if let Some(echo) = self.echoes.poll_timeout() {
            driven.deadline = Some(driven.deadline.map_or(echo, |deadline| deadline.min(echo)));
        }
        if let Some(keys) = self.keys.take() {
            self.srtp = Some(keys);
            self.keys_since.get_or_insert(self.now);
        }
        // Keys count only once the certificate was checked, which ends the session if it is wrong.
        driven.ended = self.farewell || self.rtc.as_ref().is_some_and(|rtc| !rtc.is_alive());
        if driven.ended {
            self.srtp = None;
        }
        driven.connected = self.srtp.is_some();
        if driven.connected && self.keys_since.is_some_and(|since| self.now >= since + SETTLING) {
            self.rtc = None;
            driven.deadline = None;
        }
        driven
    }

    /// Ends the handshake with these keys, for benches.
    pub(crate) fn settle(&mut self, keys: Srtp) {
        (self.srtp, self.rtc) = (Some(keys), None);
    }

    /// Takes what the library wants said.
    fn drain(
        &mut self,
        request_from: Option<SocketAddr>,
        outbox: &mut Outbox,
        driven: &mut Driven,
    ) {
        let Some(rtc) = &mut self.rtc else { return };
        for _ in 0..OUTPUTS_PER_INPUT {
            match rtc.poll_output() {
                Ok(Output::Timeout(deadline)) => {
                    driven.deadline = Some(deadline);
                    break;
                }
                Ok(Output::Transmit(transmit)) => {
                    if transmit.contents.starts_with(&STUN_SUCCESS)
                        && transmit.contents.get(8..8 + TRANSACTION) == Some(&CHOICE)
                    {
                        // Nobody asked.
                        continue;
                    }
                    if Some(transmit.destination) == request_from
                        && transmit.contents.starts_with(&STUN_SUCCESS)
                    {
                        driven.stun_answered = request_from;
                        if self.srtp.is_none() {
                            self.echoes.note(self.now, transmit.destination, &transmit.contents);
                        }
                    }
                    outbox.push(transmit.destination, &transmit.contents);
                }
                Ok(Output::Event(_)) => {}
                Err(error) => tracing::debug!(%error, "session refused an input"),
            }
            if !rtc.is_alive() {
                break;
            }
        }
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

/// Names the check by which we choose a path ourselves.
const CHOICE: [u8; TRANSACTION] = *b"path chosen!";

/// Type of a STUN binding success response (RFC 8489 §5).
const STUN_SUCCESS: [u8; 2] = [0x01, 0x01];

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

//! One voice session on whatever socket it has: the pure core. Time is an argument, and it owns
//! neither a socket nor a peer.
//!
//! Feed it by `handle_*`, then drain [`VoiceSession::poll_output`] until it is empty, then sleep
//! until [`VoiceSession::poll_timeout`] or the next input.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::time::Duration;
use std::time::Instant;

use model::id::UserId;
use model::limits;
use model::media::MediaCommand;
use model::media::MediaEvent;
use model::media::PeerId;
use model::media::Refusal;
use model::voice::CloseCode;
use model::voice::EncryptionMode;
use model::voice::Opcode;
use model::voice::SessionKey;
use serde_json::Value;
use serde_json::json;

use super::announce::Announced;
use super::link::Link;
use super::link::RESUME_WINDOW;
use super::link::SendWindow;
use super::negotiate;
use super::negotiate::Version;
use super::others::News;
use super::others::Other;
use super::others::wanted_payload;
use super::output::Admission;
use super::output::Output;
use super::payload;
use super::payload::Identify;
use super::payload::Incoming;
use super::payload::Secret;
use super::payload::Select;
use super::replay::ReplayBuffer;

/// See the module.
#[derive(Debug)]
pub(super) struct VoiceSession {
    version: Version,
    stage: Stage,
    link: Link,
    window: SendWindow,
    replay: ReplayBuffer,
    /// Ready, until the media wing has the peer.
    welcome: Option<Welcome>,
    others: BTreeMap<UserId, Other>,
    /// When media last arrived from the peer, and how many packets had come.
    media: (Option<Instant>, u64),
    out: VecDeque<Output>,
}

#[derive(Debug)]
enum Stage {
    /// Hello was sent; only Identify, Resume and heartbeats are legal.
    Greeting { until: Instant },
    /// Ready was sent; the transport may be chosen, now and again.
    Admitted { place: Place, transport: Transport },
    /// A close was put out; every input is passed over.
    Closed,
}

/// Ready, held back: clients look for their address as soon as they read it, and some only once.
#[derive(Debug)]
struct Welcome {
    ready: Value,
    until: Instant,
}

#[derive(Debug)]
struct Place {
    peer: PeerId,
    ssrc: u32,
    announced: Announced,
    media_session: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    /// Not chosen yet. What others say is kept until it is: clients take op 5 after op 4.
    Open,
    /// The media wing has an offer; `before` tells whether op 4 was sent for an earlier one.
    Offered { before: bool },
    /// Op 4 was sent.
    Described { webrtc: bool },
}

impl VoiceSession {
    /// A session on a socket that was opened at `now`. Hello is put out at once: clients may
    /// identify before they read it.
    pub(super) fn new(now: Instant, version: Version) -> Self {
        let mut session = Self {
            version,
            stage: Stage::Greeting { until: now + limits::IDENTIFY },
            link: Link::heard(now),
            window: SendWindow::new(now),
            replay: ReplayBuffer::new(),
            welcome: None,
            others: BTreeMap::new(),
            media: (None, 0),
            out: VecDeque::new(),
        };
        session.send(Opcode::Hello, &negotiate::hello(version));
        session
    }

    /// Takes one text of the client.
    pub(super) fn handle_text(&mut self, now: Instant, text: &str) {
        if matches!(self.stage, Stage::Closed) || !self.count(now) {
            return;
        }
        let message = match payload::parse(text) {
            Ok(message) => message,
            Err(code) => return self.close(code),
        };
        match (&self.stage, message) {
            (Stage::Closed, _) => {}
            (_, Incoming::Heartbeat { echo, seq_ack }) => {
                self.link = Link::heard(now);
                if let Some(heard) = seq_ack {
                    self.replay.acknowledge(heard);
                }
                self.send(Opcode::HeartbeatAck, &echo);
            }
            (Stage::Greeting { .. }, Incoming::Identify(identify)) => {
                self.out.push_back(Output::Identify(identify));
            }
            (Stage::Greeting { .. }, Incoming::Resume(resume)) => {
                self.out.push_back(Output::Resume(resume));
            }
            (Stage::Greeting { .. }, _) => self.close(CloseCode::NotAuthenticated),
            (Stage::Admitted { .. }, Incoming::Identify(_) | Incoming::Resume(_)) => {
                self.close(CloseCode::AlreadyAuthenticated);
            }
            (Stage::Admitted { .. }, Incoming::Select(_)) if self.welcome.is_some() => {
                self.close(CloseCode::BadRequest);
            }
            (Stage::Admitted { .. }, Incoming::Select(Select::Udp(mode))) => {
                self.out.push_back(Output::DrawKey(mode));
            }
            (Stage::Admitted { .. }, Incoming::Select(Select::WebRtc(offer))) => self.offer(offer),
            (Stage::Admitted { .. }, Incoming::Speaking { flags }) => {
                self.out.push_back(Output::Speaking(flags));
            }
            (Stage::Admitted { .. }, Incoming::Video(tracks)) => {
                self.out.push_back(Output::Video(tracks));
            }
            (Stage::Admitted { place, .. }, Incoming::Wants(wants)) => {
                let command = MediaCommand::Want { peer: place.peer, wants };
                self.out.push_back(Output::Command(command));
            }
            (Stage::Admitted { .. }, Incoming::BackendVersion) => {
                let version = json!({ "voice": BACKEND, "rtc_worker": BACKEND });
                self.send(Opcode::VoiceBackendVersion, &version);
            }
            (Stage::Admitted { .. }, Incoming::Ignored) => {}
        }
    }

    /// Takes a binary message: they belong to end-to-end encryption, which is not on.
    pub(super) fn handle_binary(&mut self, now: Instant) {
        if !matches!(self.stage, Stage::Closed) {
            self.count(now);
        }
    }

    /// Takes the place that [`Output::Identify`] found. Ready follows when the media wing has the
    /// peer.
    pub(super) fn admit(&mut self, now: Instant, identify: &Identify, admission: Admission) {
        let Admission { peer, ssrc, announced, relays, media_session, others } = admission;
        if !matches!(self.stage, Stage::Greeting { .. }) {
            return;
        }
        let place = Place { peer, ssrc, announced, media_session };
        self.stage = Stage::Admitted { place, transport: Transport::Open };
        let ready = negotiate::ready(ssrc, announced.udp, identify, relays);
        self.welcome = Some(Welcome { ready, until: now + JOIN });
        self.others = others.into_iter().map(|other| (other.user, other)).collect();
    }

    /// Op 2, and after it who is there: some clients pass over what comes before it.
    fn welcome(&mut self) {
        let Some(Welcome { ready, .. }) = self.welcome.take() else { return };
        self.send(Opcode::Ready, &ready);
        let users: Vec<_> = self.others.keys().collect();
        if !users.is_empty() {
            let users = json!({ "user_ids": users });
            self.emit(Opcode::ClientsConnect, &users);
        }
    }

    /// Takes the key that [`Output::DrawKey`] asked for, fresh for each choice: clients begin
    /// their nonces anew with it.
    pub(super) fn key_drawn(&mut self, mode: EncryptionMode, key: SessionKey) {
        let Stage::Admitted { place, .. } = &self.stage else { return };
        let description = negotiate::udp_description(mode, &key, &place.media_session);
        let command = MediaCommand::SelectUdp { peer: place.peer, mode, key };
        self.out.push_back(Output::Command(command));
        self.describe(&description, false);
    }

    /// Takes what the media wing says of this peer.
    pub(super) fn handle_media(&mut self, now: Instant, event: &MediaEvent) {
        let Stage::Admitted { place, transport } = &self.stage else { return };
        match event {
            MediaEvent::Joined { .. } => self.welcome(),
            MediaEvent::Answer { sdp, .. } => {
                if matches!(transport, Transport::Offered { .. }) {
                    let sdp = place.announced.complete(sdp.clone());
                    let description = negotiate::webrtc_description(&sdp, &place.media_session);
                    self.describe(&description, true);
                }
            }
            MediaEvent::Refused { reason, .. } => self.close(match reason {
                Refusal::UnknownPeer => CloseCode::SessionNoLongerValid,
                Refusal::OfferTooLarge | Refusal::OfferUnusable => CloseCode::BadRequest,
                Refusal::Full => CloseCode::ServerNotFound,
            }),
            MediaEvent::Connected { .. } | MediaEvent::Speaking { speaking: true, .. } => {
                self.media.0 = Some(now);
            }
            MediaEvent::Stats { stats, .. } => {
                if stats.packets_received > self.media.1 {
                    self.media = (Some(now), stats.packets_received);
                }
            }
            MediaEvent::Wanted { camera, screen, .. } => {
                let wanted = wanted_payload(place.ssrc, *camera, *screen);
                self.emit(Opcode::MediaSinkWants, &wanted);
            }
            MediaEvent::Speaking { speaking: false, .. } | MediaEvent::Left { .. } => {}
        }
    }

    /// Takes what happened to someone else in the channel.
    pub(super) fn handle_news(&mut self, news: News) {
        let Stage::Admitted { transport, .. } = self.stage else { return };
        match news {
            News::Is(other) => {
                let before = self.others.insert(other.user, other.clone());
                if before.is_none() && self.welcome.is_none() {
                    self.emit(Opcode::ClientsConnect, &json!({ "user_ids": [other.user] }));
                }
                if transport.is_known() {
                    self.tell(&other, before.is_none());
                }
            }
            News::Video(other) => {
                if !self.others.contains_key(&other.user) {
                    return;
                }
                let video = other.video_payload();
                self.others.insert(other.user, other);
                if transport.is_known() {
                    self.emit(Opcode::Video, &video);
                }
            }
            News::Left(user) => {
                if self.others.remove(&user).is_some() && self.welcome.is_none() {
                    self.emit(Opcode::ClientDisconnect, &json!({ "user_id": user }));
                }
            }
        }
    }

    /// The socket is gone. The session waits for `patience`, and for as long as media arrives.
    pub(super) fn detached(&mut self, now: Instant, patience: Duration) {
        self.link = Link::Detached { until: now + patience };
    }

    /// A new socket resumes the session, whose client has heard everything up to `heard`.
    pub(super) fn attached(&mut self, now: Instant, version: Version, heard: u16) {
        let Stage::Admitted { transport, .. } = self.stage else { return };
        self.version = version;
        self.link = Link::heard(now);
        self.window = SendWindow::new(now);
        if version.is_numbered() {
            let Some(missed) = self.replay.after(heard) else {
                return self.close(CloseCode::SessionNoLongerValid);
            };
            let missed: Vec<_> = missed.cloned().map(Output::Frame).collect();
            self.out.extend(missed);
        }
        self.send(Opcode::Resumed, &Value::Null);
        if !version.is_numbered() && transport.is_known() {
            // What was missed has no number to ask for: how it stands now is said again.
            self.tell_everyone();
        }
    }

    /// Ends the session.
    pub(super) fn close(&mut self, code: CloseCode) {
        if !matches!(self.stage, Stage::Closed) {
            self.stage = Stage::Closed;
            self.out.push_back(Output::Close(code));
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due; `None` when the session is over.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.stage {
            Stage::Greeting { until } => Some(until.min(self.link.until())),
            Stage::Admitted { .. } => {
                let welcome = self.welcome.as_ref().map(|welcome| welcome.until);
                let link = self.link.until();
                Some(welcome.map_or(link, |until| until.min(link)))
            }
            Stage::Closed => None,
        }
    }

    /// Acts on deadlines that have passed.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|due| now < due) {
            return;
        }
        match (&self.stage, self.link) {
            (Stage::Closed, _) => {}
            (Stage::Greeting { .. }, _) => self.close(CloseCode::SessionTimeout),
            (Stage::Admitted { .. }, _) if self.welcome.is_some() => {
                self.close(CloseCode::SessionNoLongerValid);
            }
            (Stage::Admitted { .. }, Link::Attached { .. }) => {
                self.out.push_back(Output::Detach(CloseCode::SessionTimeout));
                self.detached(now, RESUME_WINDOW);
            }
            (Stage::Admitted { .. }, Link::Detached { .. }) => {
                match self.media.0.map(|seen| seen + MEDIA_PATIENCE) {
                    Some(until) if now < until => self.link = Link::Detached { until },
                    _ => self.close(CloseCode::SessionTimeout),
                }
            }
        }
    }

    /// The next thing to do.
    pub(super) fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Counts a message; `false` when it was one too many.
    fn count(&mut self, now: Instant) -> bool {
        let counted = self.window.count(now);
        if !counted {
            self.close(CloseCode::RateLimited);
        }
        counted
    }

    fn offer(&mut self, Secret(offer): Secret) {
        let Stage::Admitted { place, transport } = &mut self.stage else { return };
        *transport = Transport::Offered { before: transport.is_known() };
        let command =
            MediaCommand::SelectWebRtc { peer: place.peer, offer, announce: place.announced.udp };
        self.out.push_back(Output::Command(command));
    }

    /// Op 4, and then who the SSRCs are: receivers drop one that nobody named.
    fn describe(&mut self, description: &Value, webrtc: bool) {
        if let Stage::Admitted { transport, .. } = &mut self.stage {
            *transport = Transport::Described { webrtc };
        }
        self.emit(Opcode::SessionDescription, description);
        self.tell_everyone();
    }

    fn tell_everyone(&mut self) {
        let others: Vec<_> = self.others.values().cloned().collect();
        for other in others {
            self.tell(&other, true);
        }
    }

    /// Op 5 for whoever has announced speaking flags. Browsers alone hear op 12 of everyone once: they make
    /// room for every SSRC before it comes, and Fermi learns by nothing else whose it is.
    fn tell(&mut self, other: &Other, is_new: bool) {
        if let Some(flags) = other.speaking {
            self.emit(Opcode::Speaking, &other.speaking_payload(flags));
        }
        if is_new && self.is_browser() {
            self.emit(Opcode::Video, &other.video_payload());
        }
    }

    fn is_browser(&self) -> bool {
        let Stage::Admitted { transport, .. } = self.stage else { return false };
        matches!(transport, Transport::Described { webrtc: true } | Transport::Offered { .. })
    }

    /// Sends a message that is not kept.
    fn send(&mut self, op: Opcode, d: &Value) {
        let frame = json!({ "op": op as u8, "d": d }).to_string();
        self.out.push_back(Output::Frame(frame));
    }

    /// Sends a message that a resumed client must not miss.
    fn emit(&mut self, op: Opcode, d: &Value) {
        let frame = if self.version.is_numbered() {
            self.replay.push(|seq| json!({ "op": op as u8, "d": d, "seq": seq }).to_string())
        } else {
            json!({ "op": op as u8, "d": d }).to_string()
        };
        if self.link.is_attached() {
            self.out.push_back(Output::Frame(frame));
        }
    }
}

impl Transport {
    /// Whether op 4 was sent, for this transport or for one before it.
    const fn is_known(self) -> bool {
        matches!(self, Self::Described { .. } | Self::Offered { before: true })
    }
}

/// What the server calls itself in op 16.
const BACKEND: &str = "guildhall";
/// How long the media wing may take to have a peer; usually less than a millisecond. The client
/// then asks anew.
const JOIN: Duration = Duration::from_secs(5);
/// How long after its last packet a peer without a socket is kept beyond its window.
const MEDIA_PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;

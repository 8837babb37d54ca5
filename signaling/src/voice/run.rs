//! The one task of a voice session: it owns the socket while there is one, and outlives it.

use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use model::media::MediaCommand;
use model::media::MediaEvent;
use model::media::PeerId;
use model::voice::CloseCode;
use model::voice::EncryptionMode;
use model::voice::Opcode;
use model::voice::SessionKey;
use serde_json::Value;
use serde_json::json;
use state::voice::VoiceCommand;
use tokio::sync::mpsc;

use super::calls::ORDERS;
use super::calls::Order;
use super::payload::Identify;
use super::payload::Incoming;
use super::payload::Select;
use super::session;
use super::session::SocketWatch;
use super::session::VoiceSession;
use super::socket::Wire;
use super::socket::now;
use crate::auth;
use crate::parts::Parts;
use crate::parts::now_ms;

/// How long a session without a socket can be resumed; its media goes on meanwhile.
const RESUME_WINDOW: Duration = Duration::from_secs(60);

/// How long the media wing may take to take a peer in; usually less than a millisecond.
const JOIN: Duration = Duration::from_secs(2);

/// A socket that takes a session up again.
pub(super) struct Attach {
    pub wire: Wire,
    pub watch: SocketWatch,
    /// The last number that its client heard; version 8 only.
    pub seq: Option<u64>,
}

/// Why a session ends.
enum End {
    /// Someone else ended it, and took care of the rest.
    Ordered(CloseCode),
    /// The client did something that ends it.
    Client(CloseCode),
    /// Its socket was gone for too long.
    Gone,
}

struct Session {
    parts: Parts,
    peer: PeerId,
    announce: SocketAddr,
    core: VoiceSession,
    socket: Option<(Wire, SocketWatch)>,
    ends: Instant,
    began: Instant,
    connected: bool,
    media_session: String,
    /// Messages for a client that has no description yet are kept until it has one.
    described: bool,
}

/// Admits an identified client and runs its session to its end.
pub(super) async fn begin(
    parts: Parts,
    announce: SocketAddr,
    identify: Identify,
    mut wire: Wire,
    watch: SocketWatch,
) {
    let (orders, mut mailbox) = mpsc::channel(ORDERS);
    let Some((peer, ssrc)) = parts.calls.admit(&identify, orders) else {
        return wire.close(CloseCode::AuthenticationFailed).await;
    };
    // A client looks for its address as soon as it reads Ready, and some look only once.
    let mut early = Vec::new();
    let joined = async {
        while let Some(order) = mailbox.recv().await {
            match order {
                Order::Media(MediaEvent::Joined { .. }) => return,
                other => early.push(other),
            }
        }
    };
    if tokio::time::timeout(JOIN, joined).await.is_err() {
        tracing::warn!(peer = peer.0, "the media wing was slow to take a peer in");
    }
    let mut ready = json!({
        "ssrc": ssrc,
        "ip": announce.ip().to_string(),
        "port": announce.port(),
        "modes": EncryptionMode::ALL.map(EncryptionMode::as_str),
        "experiments": [],
    });
    if identify.video.is_some() {
        ready["streams"] = json!([{
            "type": "video",
            "rid": "100",
            "ssrc": ssrc + 1,
            "rtx_ssrc": ssrc + 2,
            "active": false,
            "quality": 100,
        }]);
    }
    let mut session = Session {
        peer,
        announce,
        core: VoiceSession::new(),
        socket: None,
        ends: now() + RESUME_WINDOW,
        began: now(),
        connected: false,
        media_session: hex::encode(auth::random::<16>()),
        described: false,
        parts,
    };
    if wire.send(session::frame(Opcode::Ready, &ready)).await {
        session.socket = Some((wire, watch));
        // discord.js takes op 11 only after op 2.
        let others = session.parts.calls.others(peer);
        session.emit(Opcode::ClientsConnect, &json!({ "user_ids": others })).await;
    }
    let end = session.run(early, mailbox).await;
    session.end(end).await;
}

impl Session {
    async fn run(&mut self, early: Vec<Order>, mut mailbox: mpsc::Receiver<Order>) -> End {
        let closing = self.parts.calls.closing.clone();
        for order in early {
            if let Some(end) = self.handle_order(order).await {
                return end;
            }
        }
        loop {
            let due = self.socket.as_ref().map_or(self.ends, |(_, watch)| watch.poll_timeout());
            let socket = self.socket.as_mut();
            let ended = tokio::select! {
                biased;
                () = closing.cancelled() => Some(End::Ordered(CloseCode::VoiceServerCrashed)),
                order = mailbox.recv() => match order {
                    Some(order) => self.handle_order(order).await,
                    None => Some(End::Ordered(CloseCode::Disconnected)),
                },
                text = async {
                    match socket {
                        Some((wire, _)) => wire.recv().await,
                        None => std::future::pending().await,
                    }
                } => match text {
                    Some(text) => self.handle_text(&text).await,
                    None => {
                        self.detach();
                        None
                    }
                },
                () = tokio::time::sleep_until(due.into()) => self.handle_timeout().await,
            };
            if let Some(end) = ended {
                return end;
            }
        }
    }

    async fn handle_timeout(&mut self) -> Option<End> {
        let code = match &self.socket {
            None => return Some(End::Gone),
            Some((_, watch)) => watch.handle_timeout(now()),
        };
        if let (Some(code), Some((wire, _))) = (code, self.socket.take()) {
            wire.close(code).await;
            self.detach();
        }
        None
    }

    async fn handle_text(&mut self, text: &[u8]) -> Option<End> {
        let (_, watch) = self.socket.as_mut()?;
        match watch.handle_text(now(), text) {
            Err(code) => return Some(End::Client(code)),
            Ok(Incoming::Heartbeat { echo, seq_ack }) => {
                let ack = watch.heartbeat_ack(echo);
                if let Some(seq) = seq_ack {
                    self.core.acknowledge(seq);
                }
                self.send(ack).await;
            }
            Ok(Incoming::Identify(_) | Incoming::Resume(_)) => {
                return Some(End::Client(CloseCode::AlreadyAuthenticated));
            }
            Ok(Incoming::Select(Select::Udp(mode))) => self.select_udp(mode).await,
            Ok(Incoming::Select(Select::WebRtc(offer))) => {
                let command =
                    MediaCommand::SelectWebRtc { peer: self.peer, offer, announce: self.announce };
                self.command(command);
            }
            Ok(Incoming::Speaking { flags }) => self.parts.calls.speaking(self.peer, flags),
            Ok(Incoming::BackendVersion) => {
                let d = json!({ "voice": "guildhall", "rtc_worker": "guildhall" });
                self.send(session::frame(Opcode::VoiceBackendVersion, &d)).await;
            }
            // The SSRCs of others' clients mean nothing to anyone: each peer has an assigned one.
            Ok(Incoming::Video | Incoming::Ignored) => {}
        }
        None
    }

    async fn select_udp(&mut self, mode: EncryptionMode) {
        let key = SessionKey::new(auth::random());
        self.command(MediaCommand::SelectUdp { peer: self.peer, mode, key: key.clone() });
        let description = json!({
            "mode": mode.as_str(),
            "secret_key": key.as_bytes().to_vec(),
            "audio_codec": "opus",
            "video_codec": "H264",
            "media_session_id": self.media_session,
            "dave_protocol_version": 0,
        });
        self.describe(&description).await;
    }

    /// Op 4, and then who the SSRCs are.
    async fn describe(&mut self, description: &Value) {
        self.send(session::frame(Opcode::SessionDescription, description)).await;
        self.described = true;
        self.parts.calls.described(self.peer);
    }

    async fn handle_order(&mut self, order: Order) -> Option<End> {
        match order {
            Order::Close(code) => return Some(End::Ordered(code)),
            Order::Send(op, d) => self.emit(op, &d).await,
            Order::Attach(attach) => return self.attach(*attach).await,
            Order::Media(MediaEvent::Answer { sdp, .. }) => {
                let description = json!({
                    "audio_codec": "opus",
                    "video_codec": "VP8",
                    "media_session_id": self.media_session,
                    "sdp": sdp,
                    "dave_protocol_version": 0,
                });
                self.describe(&description).await;
            }
            Order::Media(MediaEvent::Refused { reason, .. }) => {
                tracing::info!(peer = self.peer.0, %reason, "a voice offer was refused");
                return Some(End::Client(CloseCode::BadRequest));
            }
            Order::Media(MediaEvent::Connected { .. }) => {
                if !self.connected {
                    self.connected = true;
                    metrics::histogram!("signaling_voice_join_duration_seconds")
                        .record(now().duration_since(self.began));
                }
            }
            Order::Media(
                MediaEvent::Joined { .. }
                | MediaEvent::Speaking { .. }
                | MediaEvent::Left { .. }
                | MediaEvent::Stats { .. },
            ) => {}
        }
        None
    }

    /// A resumed socket takes the place of the old one and is sent what it missed.
    async fn attach(&mut self, attach: Attach) -> Option<End> {
        let Attach { wire, watch, seq } = attach;
        if let Some((old, _)) = self.socket.take() {
            // In a task of its own: the old peer may be long gone.
            #[expect(clippy::disallowed_methods, reason = "bounded by the close's own deadline")]
            tokio::spawn(old.close(CloseCode::SessionTimeout));
        }
        // Before version 8 there are no numbers: what was missed is lost to the client.
        let missed = match seq {
            Some(seq) => match self.core.after(seq) {
                Some(missed) => missed,
                None => {
                    wire.close(CloseCode::SessionNoLongerValid).await;
                    return Some(End::Gone);
                }
            },
            None => Vec::new(),
        };
        self.socket = Some((wire, watch));
        for frame in missed {
            self.send(frame).await;
        }
        self.send(session::frame(Opcode::Resumed, &Value::Null)).await;
        metrics::counter!("signaling_voice_resumes_total").increment(1);
        None
    }

    fn command(&self, command: MediaCommand) {
        let calls = &self.parts.calls;
        calls.command(&mut calls.inner(), command);
    }

    /// Numbers a message, keeps it, and sends it if there is a socket.
    async fn emit(&mut self, op: Opcode, d: &Value) {
        let frame = self.core.number(op, d);
        self.send(frame).await;
    }

    async fn send(&mut self, text: String) {
        if let Some((wire, _)) = &mut self.socket
            && !wire.send(text).await
        {
            self.detach();
        }
    }

    fn detach(&mut self) {
        self.socket = None;
        self.ends = now() + RESUME_WINDOW;
    }

    async fn end(mut self, end: End) {
        let code = match end {
            End::Ordered(code) | End::Client(code) => code,
            End::Gone => CloseCode::SessionTimeout,
        };
        if let Some((wire, _)) = self.socket.take() {
            wire.close(code).await;
        }
        let left = {
            let mut inner = self.parts.calls.inner();
            let live = inner.live.get(&self.peer);
            let left = live.map(|live| (live.guild, live.user, live.session.clone()));
            self.parts.calls.remove(&mut inner, self.peer, None);
            left
        };
        // Whoever was gone for too long left the channel; nobody else would say so.
        if let (End::Gone, Some((guild, user, session))) = (end, left)
            && let Some(handle) = self.parts.store.guild(guild)
        {
            let command = VoiceCommand::SessionEnded { user, session };
            if let Err(error) = handle.voice(command, now_ms()).await {
                tracing::warn!(%error, %user, "a voice state could not be ended");
            }
        }
    }
}

//! Voice Gateway, versions 4 to 8: sessions that negotiate a place in a room of the media wing.

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use cluster::MediaPort;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;
use model::media::MediaEvent;
use state::GuildStore;
use state::store::ChangeError;
use tokio::sync::mpsc;

use crate::connection::Connection;
use crate::parts::Parts;

/// The calls of this node: voice sessions, their tokens, and the watch over who may speak.
pub struct Calls {
    _todo: (),
}

/// What gateway op 4 asks for.
#[derive(Debug, Clone)]
pub struct VoiceRequest {
    /// Who asks.
    pub user: UserId,
    /// Id of their gateway session.
    pub session: String,
    /// In which guild.
    pub guild: GuildId,
    /// Which channel; `None` leaves.
    pub channel: Option<ChannelId>,
    /// Muted by themselves.
    pub self_mute: bool,
    /// Deafened by themselves.
    pub self_deaf: bool,
    /// Camera on.
    pub self_video: bool,
    /// `host:port` that the client reached the gateway by, for the voice endpoint.
    pub host: String,
}

impl Calls {
    /// Starts the watch: a task that follows guild events and media events until both end.
    #[must_use]
    pub fn start(
        store: Arc<GuildStore>,
        media: Arc<dyn MediaPort>,
        events: mpsc::Receiver<MediaEvent>,
    ) -> Arc<Self> {
        let _ = (store, media, events);
        todo!()
    }

    /// Gateway op 4: join, move, change flags, leave. On joining, the session is sent
    /// `UserEvent::VoiceServer` with a token, after the `VoiceStateUpdated` of the join.
    ///
    /// # Errors
    ///
    /// [`ChangeError`]: not allowed, full, busy. The gateway ignores it as Discord does.
    pub async fn request(&self, request: VoiceRequest) -> Result<(), ChangeError> {
        let _ = request;
        todo!()
    }

    /// A moderator moves or, with `None`, disconnects someone (REST: Modify Guild Member).
    ///
    /// # Errors
    ///
    /// [`ChangeError`].
    pub async fn move_member(
        &self,
        actor: UserId,
        guild: GuildId,
        target: UserId,
        channel: Option<ChannelId>,
    ) -> Result<(), ChangeError> {
        let _ = (actor, guild, target, channel);
        todo!()
    }

    /// A gateway session ended for good: what it joined, it leaves.
    pub async fn session_ended(&self, user: UserId, session: &str) {
        let _ = (user, session);
        todo!()
    }

    /// Closes every voice socket with 4015 before a planned restart.
    pub async fn shutdown(&self) {
        todo!()
    }
}

/// Takes a socket whose URL had `query` (`v=4` to `v=8`; none is 4's successor of user clients).
pub fn upgrade(
    parts: Parts,
    connection: Connection,
    query: String,
    socket: WebSocketUpgrade,
) -> Response {
    let _ = (parts, connection, query, socket);
    todo!()
}

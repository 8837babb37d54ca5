//! Calls joined over HTTP (WHIP, WHEP): one task for each visit, which takes a voice state, a place
//! on the board and an answer of the media wing, and gives all of it back when any part ends.
//!
//! A visitor has neither a gateway session nor a voice socket; otherwise it is in the call like
//! everybody: seen, muted, deafened, disconnected, and gone with its permissions. Moved, it is
//! disconnected: its transport belongs to the room that it joined.
//!
//! Those who only listen to a channel in one name share one voice state: it is there as long as any of
//! them, so that nobody listens unseen.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use model::id::ChannelId;
use model::id::StreamKeyId;
use model::id::UserId;
use model::media::Grants;
use model::media::MediaCommand;
use model::media::MediaEvent;
use model::media::PeerId;
use model::media::Refusal;
use model::media::Tracks;
use model::voice::CloseCode;
use state::GuildHandle;
use state::store::ChangeError;
use state::voice::VoiceCommand;
use tokio::sync::oneshot;

use super::announce::Announced;
use super::board::Departure;
use super::board::Guest;
use super::board::Note;
use super::calls::Calls;
use super::calls::Ears;
use super::calls::moment;
use super::home::Home;
use super::home::Server;
use super::socket::now;
use super::ticket::TokenHash;
use crate::auth;
use crate::parts::now_ms;

/// What a client over HTTP asks for, who may do so.
pub(crate) struct VisitRequest {
    /// In whose name.
    pub user: UserId,
    /// The guild of the channel.
    pub guild: GuildHandle,
    pub channel: ChannelId,
    /// What this way in allows: a publisher does not hear, a listener does not speak.
    pub limit: Grants,
    /// On how many streams it hears, whoever speaks.
    pub streams: u8,
    /// For the media wing.
    pub offer: String,
    /// Whether pictures are offered in it, as a shared screen.
    pub shows: bool,
    /// Where it sends its media.
    pub announced: Announced,
    /// The client's ICE username fragment and password.
    pub ice: (String, String),
    /// The stream key that opened it, if one did.
    pub key: Option<StreamKeyId>,
}

/// A visit that goes on.
pub(crate) struct Visit {
    /// Names it in its URL; 128 random bits.
    pub id: String,
    pub user: UserId,
    pub channel: ChannelId,
    pub limit: Grants,
    /// The client's ICE username fragment and password.
    pub ice: (String, String),
    /// Names its ICE session: a strong entity tag (RFC 9725 §4.3.1), quotes included.
    pub tag: String,
    /// The stream key that opened it, if one did.
    pub key: Option<StreamKeyId>,
    /// The SSRC that it was given.
    pub ssrc: u32,
    guild: GuildHandle,
    peer: PeerId,
    /// Stands for a gateway session in its voice state.
    session: String,
}

/// Why a visit did not begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VisitError {
    /// The guild did not let them in.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The media wing did not take the offer.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The media wing said nothing, or somebody ended it meanwhile.
    #[error("the call could not be joined now")]
    Unavailable,
}

/// The visits of this node, by their names. As many as have a place in a call, at most.
#[derive(Default)]
pub(super) struct Visits(Mutex<HashMap<String, Arc<Visit>>>);

impl Visits {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Visit>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Calls {
    /// Joins a call; the visit, and the media wing's fragment of an answer.
    ///
    /// An earlier voice session of the same account in the guild ends, as when a second client
    /// joins.
    ///
    /// # Errors
    ///
    /// [`VisitError`]; nothing is left of the attempt.
    pub(crate) async fn visit(
        self: &Arc<Self>,
        request: VisitRequest,
    ) -> Result<(Arc<Visit>, String), VisitError> {
        if self.closing.is_cancelled() {
            return Err(VisitError::Unavailable);
        }
        let (begun, answer) = oneshot::channel();
        // In a task of its own: a client that hangs up must leave nothing half done.
        self.tasks.spawn(Arc::clone(self).host(request, begun));
        answer.await.map_err(|_| VisitError::Unavailable)?
    }

    /// The visit of that name, if it goes on.
    pub(crate) fn visit_of(&self, id: &str) -> Option<Arc<Visit>> {
        self.visits.lock().get(id).cloned()
    }

    /// Whether a visit goes on under that voice state.
    pub(super) fn is_visit(&self, user: UserId, session: &str) -> bool {
        let visits = self.visits.lock();
        visits.values().any(|visit| visit.user == user && visit.session == session)
    }

    /// Ends a visit; its voice state is gone when this returns, unless others listen under it.
    pub(crate) async fn end_visit(&self, visit: &Visit) {
        self.visits.lock().remove(&visit.id);
        self.with(|board| board.ended(now(), visit.peer, CloseCode::Disconnected));
        // Where the server goes down, nobody is told any more.
        if !self.closing.is_cancelled() {
            self.leave(visit.departure()).await;
        }
    }

    /// Ends a visit's voice state, unless another listens under it.
    async fn leave(&self, departure: Departure) {
        let Departure { member, session } = &departure;
        if !self.with(|board| board.is_there(*member, session)) {
            self.depart(departure).await;
        }
    }

    /// Ends whatever a stream key opened; it is over when this returns.
    pub(crate) async fn end_visits_by(&self, key: StreamKeyId) {
        let open: Vec<_> = self.visits.lock().values().cloned().collect();
        for visit in open.iter().filter(|visit| visit.key == Some(key)) {
            self.end_visit(visit).await;
        }
    }

    /// The task of a visit.
    async fn host(self: Arc<Self>, request: VisitRequest, begun: Begun) {
        let VisitRequest { user, guild, channel, limit, streams, offer, .. } = request;
        let (shows, announced, ice, key) =
            (request.shows, request.announced, request.ice, request.key);
        let session = if limit.speak {
            format!("visit-{}", hex::encode(auth::random::<8>()))
        } else {
            format!("listens-{channel}")
        };
        let command = VoiceCommand::Update {
            user,
            session: session.clone(),
            channel: Some(channel),
            // Seen by all: who only listens says nothing, who only publishes hears nothing.
            self_mute: !limit.speak,
            self_deaf: !limit.hear,
            self_video: false,
        };
        if let Err(error) = guild.voice(command, now_ms()).await {
            let _ = begun.send(Err(error.into()));
            return;
        }
        let member = (Server::Guild(guild.id()), user);
        let departure = Departure { member, session: session.clone() };
        let (drawn, strings, mut ears) = self.draw();
        let peer = drawn.peer;
        let token = TokenHash::of(&hex::encode(auth::random::<24>()));
        let guest = Guest { user, session: session.clone(), token, limit };
        let admitted = self.with(|board| {
            let admitted =
                board.admit_guest(moment(), Home::Guild(&guild.view()), guest, drawn, strings)?;
            if limit.hear {
                board.command_of(MediaCommand::Funnel { peer, streams });
            }
            board.command_of(MediaCommand::SelectWebRtc { peer, offer, announce: announced.udp });
            Some(admitted)
        });
        let Some(admitted) = admitted else {
            self.leave(departure).await;
            let _ = begun.send(Err(VisitError::Unavailable));
            return;
        };
        match answered(&mut ears).await {
            Ok(fragment) => {
                let visit = Arc::new(Visit {
                    id: hex::encode(auth::random::<16>()),
                    user,
                    channel,
                    limit,
                    ice,
                    key,
                    tag: format!("\"{}\"", hex::encode(auth::random::<8>())),
                    ssrc: admitted.ssrc,
                    guild,
                    peer,
                    session,
                });
                self.visits.lock().insert(visit.id.clone(), Arc::clone(&visit));
                metrics::counter!("signaling_visits_total").increment(1);
                // The media wing names the codecs of pictures that it takes.
                if shows && fragment.contains("/90000") {
                    self.show(peer, Tracks { camera: false, screen: true }).await;
                }
                if begun.send(Ok((Arc::clone(&visit), announced.complete(fragment)))).is_ok() {
                    while ears.notes.recv().await.is_some() {}
                }
                self.end_visit(&visit).await;
            }
            Err(error) => {
                self.with(|board| board.ended(now(), peer, CloseCode::Disconnected));
                self.leave(departure).await;
                let _ = begun.send(Err(error));
            }
        }
    }
}

type Begun = oneshot::Sender<Result<(Arc<Visit>, String), VisitError>>;

impl Visit {
    fn departure(&self) -> Departure {
        let member = (Server::Guild(self.guild.id()), self.user);
        Departure { member, session: self.session.clone() }
    }
}

/// Waits for the media wing's answer.
async fn answered(ears: &mut Ears) -> Result<String, VisitError> {
    let answer = async {
        while let Some(note) = ears.notes.recv().await {
            match note {
                Note::Media(MediaEvent::Answer { sdp, .. }) => return Ok(sdp),
                Note::Media(MediaEvent::Refused { reason, .. }) => return Err(reason.into()),
                Note::Media(_) | Note::News(_) => {}
            }
        }
        Err(VisitError::Unavailable)
    };
    tokio::time::timeout(PATIENCE, answer).await.unwrap_or(Err(VisitError::Unavailable))
}

/// How long the media wing may take to answer an offer: it takes a millisecond, unless its mailbox
/// is full for so long.
const PATIENCE: Duration = Duration::from_secs(5);

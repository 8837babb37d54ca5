//! Who has a place in which call of this node: tickets, voice sessions, and what the media wing
//! was told of them. It awaits nothing, reads no clock, and draws no random numbers.
//!
//! Here is what changes a voice session; [`admit`] is how one begins, [`follow`] what guilds,
//! media and time do to it.

mod admit;
mod follow;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Instant;

use cluster::MediaPort;
use model::id::ChannelId;
use model::id::UserId;
use model::media::Grants;
use model::media::MediaCommand;
use model::media::MediaEvent;
use model::media::PeerId;
use model::media::Tracks;
use model::voice::CloseCode;
use tokio::sync::mpsc;

pub(super) use admit::Admitted;
pub(super) use admit::Drawn;
pub(super) use admit::Guest;
pub(super) use follow::Departure;

use super::home::Server;
use super::others::News;
use super::others::Other;
use super::outbox::Outbox;
use super::ticket::Ticket;
use super::ticket::TokenHash;

/// A member of a guild or of a call, who has at most one place in it.
pub(super) type Member = (Server, UserId);

/// The clocks of one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub now: Instant,
    pub unix_ms: u64,
}

/// What a voice session's task hears from outside.
#[derive(Debug)]
pub(super) enum Note {
    /// The media wing said something of its peer.
    Media(MediaEvent),
    /// Something happened to someone else in the channel.
    News(News),
}

/// The ends of a voice session that its task does not hold. `A` is a socket on its way to it.
#[derive(Debug)]
pub(super) struct Strings<A> {
    /// Dropped when the session is over.
    pub notes: mpsc::Sender<Note>,
    /// With which code, when that was not the task's own wish.
    pub code: Arc<OnceLock<CloseCode>>,
    /// Takes sockets that resume it.
    pub attach: mpsc::Sender<A>,
}

/// See the module. `A` is a socket on its way to a session.
pub(super) struct Board<A> {
    media: Arc<dyn MediaPort>,
    places: BTreeMap<Member, Place>,
    voices: HashMap<PeerId, Voice<A>>,
    rooms: HashMap<ChannelId, BTreeSet<PeerId>>,
    /// Those of a room whom the others know of: all but second places of a member, and the audience
    /// of a stage.
    known: HashMap<ChannelId, BTreeSet<PeerId>>,
    ssrcs: BTreeSet<u32>,
    outbox: Outbox,
    departures: Vec<Departure>,
}

/// A member's place, from the ticket to the end of the voice state.
#[derive(Debug)]
struct Place {
    /// The gateway session that joined.
    session: String,
    /// The host by which it reached us.
    host: String,
    /// When it asked to join.
    asked: Instant,
    ticket: Option<Ticket>,
    peer: Option<PeerId>,
    /// Who listens beside `peer` under the same voice state; nobody while there is no `peer`.
    audience: BTreeSet<PeerId>,
    /// With neither ticket nor peer: when the voice state ends.
    absent_until: Option<Instant>,
}

/// A voice session.
#[derive(Debug)]
struct Voice<A> {
    member: Member,
    room: ChannelId,
    /// Its gateway session.
    session: String,
    /// Resumes it.
    token: TokenHash,
    ssrc: u32,
    /// What the media wing was told last.
    grants: Grants,
    /// What its way into the call allows at most.
    limit: Grants,
    /// What the media wing was told that it is to send, in bits a second.
    bitrate: u32,
    /// What it announced that it shows, whether it may, and what the media wing was told of it.
    asked: Tracks,
    may_show: bool,
    tracks: Tracks,
    /// The flags of its last op 5, as far as it may have them, and who said them.
    speaking: Option<(u64, Speaker)>,
    /// Whether it may speak with priority, and whether the media wing was told that it does.
    may_have_priority: bool,
    has_priority: bool,
    /// Media flows, or did.
    is_connected: bool,
    has_socket: bool,
    /// Of its member's audience: the others know of the member already.
    is_audience: bool,
    /// Whether the others know of it.
    is_known: bool,
    /// When a timeout ends, in Unix milliseconds.
    timeout_ends_ms: Option<u64>,
    strings: Strings<A>,
}

/// The speaking flag of priority (Discord: Speaking).
const PRIORITY: u64 = 1 << 2;

/// What a member shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub member: Member,
    /// Their gateway session.
    pub session: String,
    pub tracks: Tracks,
}

/// Who says that someone speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaker {
    Client,
    /// Its client said nothing, but media came.
    Server,
}

impl<A> Board<A> {
    /// A board without anybody; commands go to `media`.
    pub(super) fn new(media: Arc<dyn MediaPort>) -> Self {
        Self {
            media,
            places: BTreeMap::new(),
            voices: HashMap::new(),
            rooms: HashMap::new(),
            known: HashMap::new(),
            ssrcs: BTreeSet::new(),
            outbox: Outbox::default(),
            departures: Vec::new(),
        }
    }

    /// Takes note of whether a voice session has a socket.
    pub(super) fn has_socket(&mut self, peer: PeerId, has_socket: bool) {
        if let Some(voice) = self.voices.get_mut(&peer) {
            voice.has_socket = has_socket;
        }
    }

    /// A client announced its speaking flags.
    pub(super) fn speaking(&mut self, peer: PeerId, flags: u64) {
        self.announce(peer, flags, Speaker::Client);
    }

    /// A client announced what it shows: what of it is shown, and by whom.
    pub(super) fn video(&mut self, peer: PeerId, tracks: Tracks) -> Option<Shown> {
        self.voices.get_mut(&peer)?.asked = tracks;
        self.settle_tracks(peer);
        let voice = self.voices.get(&peer)?;
        let (member, session, tracks) = (voice.member, voice.session.clone(), voice.tracks);
        Some(Shown { member, session, tracks })
    }

    /// Shows what a client announced, if it may.
    fn settle_tracks(&mut self, peer: PeerId) {
        let Some(voice) = self.voices.get_mut(&peer) else { return };
        let tracks = if voice.may_show { voice.asked } else { Tracks::default() };
        if voice.tracks == tracks {
            return;
        }
        voice.tracks = tracks;
        let (room, news) = (voice.room, News::Video(voice.as_other()));
        let is_known = voice.is_known;
        self.command(MediaCommand::Publish { peer, tracks });
        if is_known {
            self.tell_room(room, peer, &news);
        }
    }

    /// Takes the priority of whoever may not have it any more. Whoever may from now on says so.
    fn settle_priority(&mut self, peer: PeerId, may: bool) {
        let Some(voice) = self.voices.get_mut(&peer) else { return };
        voice.may_have_priority = may;
        if let (false, Some((flags, speaker))) = (may, voice.speaking)
            && flags & PRIORITY != 0
        {
            self.announce(peer, flags, speaker);
        }
    }

    /// Tells the media wing what a peer is to send, if that is something else from now on.
    fn settle_bitrate(&mut self, peer: PeerId, bits: u32) {
        let Some(voice) = self.voices.get_mut(&peer) else { return };
        if std::mem::replace(&mut voice.bitrate, bits) != bits {
            self.command(MediaCommand::Bitrate { peer, bits });
        }
    }

    /// Takes a command about a peer that has a place; others came too late.
    pub(super) fn command_of(&mut self, command: MediaCommand) {
        if self.voices.contains_key(&command.peer()) {
            self.command(command);
        }
    }

    /// Ends a member's voice session, if there is one, and whoever listens beside it.
    pub(super) fn end_of_member(&mut self, member: Member, code: CloseCode) {
        for peer in self.peers_of(member) {
            self.end(peer, code);
        }
    }

    /// A member's peer, and their audience; mostly one or none.
    fn peers_of(&self, member: Member) -> Vec<PeerId> {
        let place = self.places.get(&member).into_iter();
        // The audience first: of the last, everybody is told.
        place.flat_map(|place| place.audience.iter().copied().chain(place.peer)).collect()
    }

    /// Ends every voice session.
    pub(super) fn end_all(&mut self, code: CloseCode) {
        let peers: Vec<_> = self.voices.keys().copied().collect();
        for peer in peers {
            self.end(peer, code);
        }
    }

    /// Sends commands that the media wing was too busy for.
    pub(super) fn retry(&mut self) {
        let media = &self.media;
        self.outbox.flush(|command| media.command(command));
    }

    /// Whether commands wait for [`retry`](Self::retry).
    pub(super) fn has_waiting(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Takes a peer out of its room at once, tells the others, and ends its task.
    fn end(&mut self, peer: PeerId, code: CloseCode) {
        if self.remove(peer, code) {
            self.command(MediaCommand::Leave { peer });
        }
    }

    /// Forgets a voice session; `false` when there is none of that name.
    fn remove(&mut self, peer: PeerId, code: CloseCode) -> bool {
        let Some(voice) = self.voices.remove(&peer) else { return false };
        // Its task sees the notes end with the strings, and then reads the code.
        let _ = voice.strings.code.set(code);
        self.ssrcs.remove(&voice.ssrc);
        if let Some(room) = self.rooms.get_mut(&voice.room) {
            room.remove(&peer);
            if room.is_empty() {
                self.rooms.remove(&voice.room);
            }
        }
        self.unlist(voice.room, peer);
        metrics::gauge!("signaling_voice_sessions").decrement(1.0);
        let mut heir = None;
        if let Some(place) = self.places.get_mut(&voice.member)
            && !place.audience.remove(&peer)
            && place.peer == Some(peer)
        {
            heir = place.audience.pop_first();
            place.peer = heir;
        }
        match heir.and_then(|heir| Some((heir, self.voices.get_mut(&heir)?))) {
            // Nobody notices: neither of the two ever spoke.
            Some((name, heir)) => {
                (heir.is_audience, heir.is_known) = (false, voice.is_known);
                if voice.is_known {
                    self.known.entry(voice.room).or_default().insert(name);
                }
            }
            None if !voice.is_known => {}
            None => self.tell_room(voice.room, peer, &News::Left(voice.member.1)),
        }
        true
    }

    /// Makes someone known to the others of their room, or unknown: whoever is called up to a stage,
    /// or sent down. Telling thousands of each listener who comes would cost them all.
    fn settle_known(&mut self, peer: PeerId, is_known: bool) {
        let Some(voice) = self.voices.get_mut(&peer) else { return };
        if std::mem::replace(&mut voice.is_known, is_known) == is_known {
            return;
        }
        let (room, user) = (voice.room, voice.member.1);
        let news = if is_known { News::Is(voice.as_other()) } else { News::Left(user) };
        if is_known {
            self.known.entry(room).or_default().insert(peer);
        } else {
            self.unlist(room, peer);
        }
        self.tell_room(room, peer, &news);
    }

    fn unlist(&mut self, room: ChannelId, peer: PeerId) {
        if let Some(known) = self.known.get_mut(&room) {
            known.remove(&peer);
            if known.is_empty() {
                self.known.remove(&room);
            }
        }
    }

    fn announce(&mut self, peer: PeerId, flags: u64, speaker: Speaker) {
        let Some(voice) = self.voices.get_mut(&peer) else { return };
        let flags = if voice.may_have_priority { flags } else { flags & !PRIORITY };
        voice.speaking = Some((flags, speaker));
        let on = flags & PRIORITY != 0;
        if std::mem::replace(&mut voice.has_priority, on) != on {
            self.command(MediaCommand::Priority { peer, on });
        }
        let Some(voice) = self.voices.get(&peer).filter(|voice| voice.is_known) else { return };
        let room = voice.room;
        let news = News::Is(voice.as_other());
        self.tell_room(room, peer, &news);
    }

    /// Tells everyone in a room but `from`.
    fn tell_room(&mut self, room: ChannelId, from: PeerId, news: &News) {
        let peers: Vec<_> = self.rooms.get(&room).into_iter().flatten().copied().collect();
        for peer in peers.into_iter().filter(|peer| *peer != from) {
            self.note(peer, Note::News(news.clone()));
        }
    }

    /// Tells a session something. One that does not listen any more is ended: what it missed
    /// cannot be said again.
    fn note(&mut self, peer: PeerId, note: Note) {
        let Some(voice) = self.voices.get(&peer) else { return };
        if let Err(mpsc::error::TrySendError::Full(_)) = voice.strings.notes.try_send(note) {
            tracing::warn!(peer = peer.0, "a voice session was too slow");
            self.end(peer, CloseCode::SessionNoLongerValid);
        }
    }

    fn command(&mut self, command: MediaCommand) {
        let media = &self.media;
        self.outbox.push(command, |command| media.command(command));
    }
}

impl<A> Voice<A> {
    fn as_other(&self) -> Other {
        Other {
            user: self.member.1,
            ssrc: self.ssrc,
            speaking: self.speaking.map(|(flags, _)| flags),
            tracks: self.tracks,
        }
    }
}

#[cfg(test)]
mod tests;

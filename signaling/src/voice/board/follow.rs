//! What guilds, media and time do to places: grants change, calls end, ghosts leave.

use std::collections::BTreeSet;
use std::time::Duration;
use std::time::Instant;

use model::id::UserId;
use model::media::LeaveReason;
use model::media::MediaCommand;
use model::media::MediaEvent;
use model::media::PeerId;
use model::voice::CloseCode;

use super::Board;
use super::Member;
use super::Moment;
use super::Note;
use super::Speaker;
use crate::voice::home::Home;
use crate::voice::home::Server;

/// A voice state that is to end: nobody is behind it any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::voice) struct Departure {
    pub member: Member,
    /// The gateway session that had joined; if another has joined since, that one stays.
    pub session: String,
}

impl<A> Board<A> {
    /// The guilds and calls that anyone has a place in.
    pub(in crate::voice) fn servers(&self) -> BTreeSet<Server> {
        self.places.keys().map(|(server, _)| *server).collect()
    }

    /// Brings the places of a guild or call, or `only` those of one member, in line with its snapshot of
    /// this moment; none when the guild is gone, or the call over.
    pub(in crate::voice) fn look_at(
        &mut self,
        moment: Moment,
        id: Server,
        home: Option<Home<'_>>,
        only: Option<UserId>,
    ) {
        let (first, last) = match only {
            Some(user) => (user, user),
            None => (UserId::new(1), UserId::new(u64::MAX)),
        };
        let members: Vec<_> =
            self.places.range((id, first)..=(id, last)).map(|(member, _)| *member).collect();
        for member in members {
            self.look_at_member(moment, home, member);
        }
    }

    fn look_at_member(&mut self, moment: Moment, home: Option<Home<'_>>, member: Member) {
        let standing = home.and_then(|home| home.standing(member.1, moment.unix_ms));
        let Some(standing) = standing else {
            self.end_of_member(member, CloseCode::Disconnected);
            self.places.remove(&member);
            return;
        };
        for peer in self.peers_of(member) {
            let Some(voice) = self.voices.get_mut(&peer) else { continue };
            if voice.room != standing.room || voice.session != standing.session {
                self.end(peer, CloseCode::Disconnected);
                self.absent(moment.now, member);
                continue;
            }
            voice.timeout_ends_ms = standing.timeout_ends_ms;
            voice.may_show = standing.may_show;
            let is_known = !voice.is_audience && !standing.is_audience;
            let grants = standing.grants.and(voice.limit);
            if voice.grants != grants {
                voice.grants = grants;
                self.command(MediaCommand::Update { peer, grants });
            }
            self.settle_bitrate(peer, standing.bitrate);
            self.settle_priority(peer, standing.may_have_priority);
            self.settle_known(peer, is_known);
            self.settle_tracks(peer);
        }
    }

    /// Takes what the media wing says.
    pub(in crate::voice) fn handle_media(&mut self, now: Instant, event: MediaEvent) {
        let peer = match &event {
            MediaEvent::Joined { peer }
            | MediaEvent::Answer { peer, .. }
            | MediaEvent::Refused { peer, .. }
            | MediaEvent::Connected { peer, .. }
            | MediaEvent::Speaking { peer, .. }
            | MediaEvent::Left { peer, .. }
            | MediaEvent::Wanted { peer, .. }
            | MediaEvent::Stats { peer, .. } => *peer,
        };
        let Some(voice) = self.voices.get_mut(&peer) else { return };
        match &event {
            MediaEvent::Connected { .. } if !voice.is_connected => {
                voice.is_connected = true;
                if let Some(place) = self.places.get(&voice.member) {
                    metrics::histogram!("signaling_voice_join_duration_seconds")
                        .record(now.duration_since(place.asked));
                }
            }
            // A client that said so itself knows better. For the others it is said here:
            // receivers drop an SSRC that nobody named.
            MediaEvent::Speaking { speaking: true, .. }
                if voice.speaking.is_none_or(|(flags, _)| flags == 0) =>
            {
                self.announce(peer, MICROPHONE, Speaker::Server);
            }
            MediaEvent::Speaking { speaking: false, .. }
                if matches!(voice.speaking, Some((1.., Speaker::Server))) =>
            {
                self.announce(peer, 0, Speaker::Server);
            }
            MediaEvent::Left { reason, .. } => return self.left(now, peer, *reason),
            _ => {}
        }
        self.note(peer, Note::Media(event));
    }

    /// Acts on what has passed by time; returns the members whose timeout is over, to be
    /// [looked at](Self::look_at).
    pub(in crate::voice) fn handle_timeout(&mut self, moment: Moment) -> Vec<Member> {
        for (member, place) in &mut self.places {
            if place.ticket.is_some_and(|ticket| !ticket.is_valid(moment.now)) {
                place.ticket = None;
                // Whoever never came is gone; whoever kept their call needs no ticket.
                if place.peer.is_none() {
                    place.absent_until.get_or_insert(moment.now);
                }
            }
            if place.absent_until.is_some_and(|until| moment.now >= until) {
                // The place stays until the voice state is gone, and so it is tried again.
                place.absent_until = Some(moment.now + DEPART_AGAIN);
                self.departures.push(Departure { member: *member, session: place.session.clone() });
            }
        }
        let over = |ends: Option<u64>| ends.is_some_and(|ends| moment.unix_ms >= ends);
        let voices = self.voices.values().filter(|voice| over(voice.timeout_ends_ms));
        voices.map(|voice| voice.member).collect()
    }

    /// The voice states that are to end now.
    pub(in crate::voice) fn poll_departures(&mut self) -> Vec<Departure> {
        std::mem::take(&mut self.departures)
    }

    /// A voice session ended by its own doing: the client's fault, or its silence.
    pub(in crate::voice) fn ended(&mut self, now: Instant, peer: PeerId, code: CloseCode) {
        let Some(voice) = self.voices.get(&peer) else { return };
        let (member, has_socket) = (voice.member, voice.has_socket);
        self.end(peer, code);
        self.absent(now, member);
        if !has_socket {
            self.depart(now, member);
        }
    }

    /// The gateway session behind a member's place has ended, but its voice state could not be
    /// ended with it.
    pub(in crate::voice) fn depart(&mut self, now: Instant, member: Member) {
        if let Some(place) = self.places.get_mut(&member)
            && place.ticket.is_none()
            && place.peer.is_none()
        {
            place.absent_until = Some(now);
        }
    }

    /// Media ended a peer. If its client is there, it may join anew; if not, it has left.
    fn left(&mut self, now: Instant, peer: PeerId, reason: LeaveReason) {
        let Some(voice) = self.voices.get(&peer) else { return };
        let (member, has_socket) = (voice.member, voice.has_socket);
        let code = match reason {
            LeaveReason::Shutdown => CloseCode::VoiceServerCrashed,
            LeaveReason::Silent | LeaveReason::HandshakeFailed | LeaveReason::Fault => {
                CloseCode::SessionNoLongerValid
            }
        };
        self.remove(peer, code);
        self.absent(now, member);
        if !has_socket {
            self.depart(now, member);
        }
    }

    /// Lets a member without a voice session come back for a while before their state ends.
    fn absent(&mut self, now: Instant, member: Member) {
        if let Some(place) = self.places.get_mut(&member)
            && place.ticket.is_none()
            && place.peer.is_none()
        {
            place.absent_until = Some(now + REJOIN);
        }
    }
}

/// The speaking flag of ordinary talk (Discord: Speaking).
const MICROPHONE: u64 = 1;
/// How long a member whose voice session broke may take to ask for another before they have left.
/// Longer shows people who are gone; shorter ends calls that clients would have repaired.
pub(super) const REJOIN: Duration = Duration::from_secs(15);
/// When a voice state that could not be ended is tried again.
const DEPART_AGAIN: Duration = Duration::from_secs(2);

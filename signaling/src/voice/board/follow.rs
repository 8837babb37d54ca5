//! What guilds, media and time do to places: grants change, calls end, ghosts leave.

use std::collections::BTreeSet;
use std::time::Duration;
use std::time::Instant;

use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;
use model::limits;
use model::media::LeaveReason;
use model::media::MediaCommand;
use model::media::MediaEvent;
use model::media::PeerId;
use model::voice::CloseCode;
use state::Guild;

use super::Board;
use super::Member;
use super::Moment;
use super::Note;
use super::Speaker;

/// A voice state that is to end: nobody is behind it any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::voice) struct Departure {
    pub member: Member,
    /// The gateway session that had joined; if another has joined since, that one stays.
    pub session: String,
}

impl<A> Board<A> {
    /// The guilds that anyone has a place in.
    pub(in crate::voice) fn guilds(&self) -> BTreeSet<GuildId> {
        self.places.keys().map(|(guild, _)| *guild).collect()
    }

    /// Brings the places of a guild, or `only` those of one member, in line with its snapshot of
    /// this moment; none when the guild is gone.
    pub(in crate::voice) fn look_at(
        &mut self,
        moment: Moment,
        id: GuildId,
        guild: Option<&Guild>,
        only: Option<UserId>,
    ) {
        let (first, last) = match only {
            Some(user) => (user, user),
            None => (UserId::new(1), UserId::new(u64::MAX)),
        };
        let members: Vec<_> =
            self.places.range((id, first)..=(id, last)).map(|(member, _)| *member).collect();
        for member in members {
            self.look_at_member(moment, guild, member);
        }
    }

    fn look_at_member(&mut self, moment: Moment, guild: Option<&Guild>, member: Member) {
        let user = member.1;
        let granted = guild.and_then(|guild| {
            let state = guild.voice.get(&user)?;
            let (room, grants) = guild.voice_grants(user, moment.unix_ms)?;
            let may_show = guild.may_show(user, room, moment.unix_ms);
            let listens = guild.is_audience(user, room);
            let ends = timeout_ends_ms(guild, user, moment.unix_ms);
            Some((state, room, (grants, may_show, listens), ends))
        });
        let Some((state, room, (grants, may_show, listens), timeout_ends_ms)) = granted else {
            self.end_of_member(member, CloseCode::Disconnected);
            self.places.remove(&member);
            return;
        };
        for peer in self.peers_of(member) {
            let Some(voice) = self.voices.get_mut(&peer) else { continue };
            if voice.room != room || voice.session != state.session {
                self.end(peer, CloseCode::Disconnected);
                self.absent(moment.now, member);
                continue;
            }
            voice.timeout_ends_ms = timeout_ends_ms;
            voice.may_show = may_show;
            let is_known = !voice.is_audience && !listens;
            let grants = grants.and(voice.limit);
            if voice.grants != grants {
                voice.grants = grants;
                self.command(MediaCommand::Update { peer, grants });
            }
            if let Some(guild) = guild {
                self.settle_bitrate(peer, bitrate_of(guild, room));
                let may = guild.may_have_priority(user, room, moment.unix_ms);
                self.settle_priority(peer, may);
            }
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

/// What those in a channel are to send, in bits a second.
pub(super) fn bitrate_of(guild: &Guild, room: ChannelId) -> u32 {
    let bitrate = guild.channels.get(&room).and_then(|channel| channel.bitrate);
    bitrate.unwrap_or(limits::BITRATE_DEFAULT)
}

/// When a member's timeout ends, in Unix milliseconds, if it has not.
pub(super) fn timeout_ends_ms(guild: &Guild, user: UserId, unix_ms: u64) -> Option<u64> {
    let until = guild.members.get(&user)?.communication_disabled_until?;
    let ends = u64::try_from(until.as_micros()).ok()?.div_ceil(1_000);
    (ends > unix_ms).then_some(ends)
}

/// The speaking flag of ordinary talk (Discord: Speaking).
const MICROPHONE: u64 = 1;
/// How long a member whose voice session broke may take to ask for another before they have left.
/// Longer shows people who are gone; shorter ends calls that clients would have repaired.
pub(super) const REJOIN: Duration = Duration::from_secs(15);
/// When a voice state that could not be ended is tried again.
const DEPART_AGAIN: Duration = Duration::from_secs(2);

//! How a voice session begins: a ticket is given, and redeemed for a place in a room. A guest, who
//! has no gateway session, gets the place at once.

use std::collections::BTreeSet;
use std::time::Instant;

use model::id::ChannelId;
use model::id::UserId;
use model::limits;
use model::media::Grants;
use model::media::MediaCommand;
use model::media::PeerId;
use model::media::Tracks;
use model::voice::CloseCode;
use model::wire::id::Id;
use tokio::sync::mpsc;

use super::Board;
use super::Member;
use super::Moment;
use super::Place;
use super::Strings;
use super::Voice;
use crate::voice::home::Home;
use crate::voice::home::Server;
use crate::voice::home::Standing;
use crate::voice::negotiate::audio_ssrc;
use crate::voice::others::News;
use crate::voice::others::Other;
use crate::voice::payload::Identify;
use crate::voice::payload::Resume;
use crate::voice::ticket::Ticket;
use crate::voice::ticket::TokenHash;

/// A ticket was given.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::voice) struct Given {
    /// To which gateway session.
    pub session: String,
    /// By which host it finds us.
    pub host: Option<String>,
}

/// What the shell drew for a new peer.
pub(in crate::voice) struct Drawn {
    pub peer: PeerId,
    /// Random numbers, until one is free.
    pub ssrcs: fn() -> u32,
}

/// A ticket was redeemed.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::voice) struct Admitted {
    pub ssrc: u32,
    /// Who is in the room already.
    pub others: Vec<Other>,
}

/// Someone who joined without a gateway session, and whose voice state is there.
pub(in crate::voice) struct Guest {
    pub user: UserId,
    /// Stands for their gateway session.
    pub session: String,
    /// Known to nobody outside.
    pub token: TokenHash,
    /// What their way in allows at most.
    pub limit: Grants,
}

/// A voice session about to begin.
struct Entry {
    member: Member,
    standing: Standing,
    token: TokenHash,
    limit: Grants,
    has_socket: bool,
}

impl<A> Board<A> {
    /// Whether a member who asks for the channel that they are in already needs a ticket.
    ///
    /// `again`: nothing but asking has changed, as clients do whose call is lost. A call that
    /// works is left alone: some libraries ask whenever they play something.
    pub(in crate::voice) fn needs_ticket(&self, now: Instant, member: Member, again: bool) -> bool {
        let Some(place) = self.places.get(&member) else { return true };
        match place.peer.and_then(|peer| self.voices.get(&peer)) {
            Some(voice) => again && !(voice.has_socket && voice.is_connected),
            None => again || !place.ticket.is_some_and(|ticket| ticket.is_valid(now)),
        }
    }

    /// Gives a member who is in voice in `home` a ticket; one given earlier is dead.
    /// `host` is kept from before when there is none. `None` when they are not there any more.
    pub(in crate::voice) fn give_ticket(
        &mut self,
        now: Instant,
        home: Home<'_>,
        user: UserId,
        ticket: Ticket,
        host: Option<String>,
    ) -> Option<Given> {
        let session = home.session_of(user)?;
        let place = self.places.entry((home.server(), user)).or_insert_with(|| Place {
            session: String::new(),
            host: String::new(),
            asked: now,
            ticket: None,
            peer: None,
            audience: BTreeSet::new(),
            absent_until: None,
        });
        session.clone_into(&mut place.session);
        if let Some(host) = host {
            place.host = host;
        }
        place.asked = now;
        place.ticket = Some(ticket);
        place.absent_until = None;
        let host = (!place.host.is_empty()).then(|| place.host.clone());
        Some(Given { session: place.session.clone(), host })
    }

    /// Whether that is the ticket that a member was given last, and nobody used it.
    pub(in crate::voice) fn waits_for(&self, member: Member, hash: TokenHash) -> bool {
        let ticket = self.places.get(&member).and_then(|place| place.ticket);
        ticket.is_some_and(|ticket| ticket.hash == hash)
    }

    /// Turns a ticket into a place in a room: the peer joins, and an earlier voice session of the
    /// member ends.
    ///
    /// `home` is the snapshot of this moment; none when the guild is gone, or the call over.
    ///
    /// # Errors
    ///
    /// The code that the socket is to be closed with.
    pub(in crate::voice) fn redeem(
        &mut self,
        moment: Moment,
        home: Option<Home<'_>>,
        identify: &Identify,
        drawn: Drawn,
        strings: Strings<A>,
    ) -> Result<Admitted, CloseCode> {
        let member = self.member(identify).ok_or(CloseCode::AuthenticationFailed)?;
        let token = TokenHash::of(&identify.token.0);
        let place = self.places.get_mut(&member).ok_or(CloseCode::AuthenticationFailed)?;
        let is_good = |ticket: Ticket| ticket.hash == token && ticket.is_valid(moment.now);
        if !place.ticket.is_some_and(is_good) || place.session != identify.session_id {
            return Err(CloseCode::AuthenticationFailed);
        }
        let home = home.ok_or(CloseCode::ServerNotFound)?;
        let standing = home.standing(member.1, moment.unix_ms);
        let standing = standing.filter(|standing| standing.session == place.session);
        let standing = standing.ok_or(CloseCode::SessionNoLongerValid)?;
        place.ticket = None;
        self.end_of_member(member, CloseCode::Disconnected);
        let entry = Entry { member, standing, token, limit: ALL, has_socket: true };
        Ok(self.seat(entry, drawn, strings))
    }

    /// Whose ticket an Identify may name: someone's in a guild or a call of that id.
    pub(in crate::voice) fn member(&self, identify: &Identify) -> Option<Member> {
        let user = UserId::new_checked(identify.user_id)?;
        let guild = Id::new_checked(identify.server_id).map(Server::Guild);
        let call = Id::new_checked(identify.server_id).map(Server::Call);
        let mut members = guild.into_iter().chain(call).map(|server| (server, user));
        members.find(|member| self.places.contains_key(member))
    }

    /// Gives someone who came without a gateway session a place in a room: the same as a ticket
    /// given and redeemed. Who only listens sits down beside those who do under the same voice state.
    /// `None` when that state is not the guest's any more, or beside it there is no room.
    pub(in crate::voice) fn admit_guest(
        &mut self,
        moment: Moment,
        home: Home<'_>,
        guest: Guest,
        drawn: Drawn,
        strings: Strings<A>,
    ) -> Option<Admitted> {
        let Guest { user, session, token, limit } = guest;
        let ticket = Ticket::new(token, moment.now);
        let standing = home.standing(user, moment.unix_ms);
        let mut standing = standing.filter(|standing| standing.session == session)?;
        let member = (home.server(), user);
        let beside = self.places.get(&member).filter(|place| {
            let is_same = place.peer.is_some() && place.session == session;
            is_same && !limit.speak
        });
        match beside {
            Some(place) if place.audience.len() + 1 >= limits::AUDIENCE => return None,
            Some(_) => {}
            None => {
                self.end_of_member(member, CloseCode::Disconnected);
                self.give_ticket(moment.now, home, user, ticket, None)?;
                self.places.get_mut(&member)?.ticket = None;
            }
        }
        standing.grants = standing.grants.and(limit);
        // Nobody resumes it: without its task it is over.
        let entry = Entry { member, standing, token, limit, has_socket: false };
        Some(self.seat(entry, drawn, strings))
    }

    /// Whether anybody is in a call under that voice state of a member.
    pub(in crate::voice) fn is_there(&self, member: Member, session: &str) -> bool {
        let place = self.places.get(&member);
        place.is_some_and(|place| place.session == session && place.peer.is_some())
    }

    /// Puts a voice session into its room; where the member has one, into its audience.
    fn seat(&mut self, entry: Entry, drawn: Drawn, strings: Strings<A>) -> Admitted {
        let Entry { member, standing, token, limit, has_socket } = entry;
        let Standing { session, room, grants, bitrate, .. } = standing;
        let is_audience = self.places.get(&member).is_some_and(|place| place.peer.is_some());
        let is_known = !is_audience && !standing.is_audience;
        let ssrc = self.free_ssrc(drawn.ssrcs);
        let peer = drawn.peer;
        let others = self.others(room);
        let voice = Voice {
            member,
            room,
            session,
            token,
            ssrc,
            grants,
            limit,
            bitrate: limits::BITRATE_DEFAULT,
            asked: Tracks::default(),
            may_show: standing.may_show,
            tracks: Tracks::default(),
            speaking: None,
            may_have_priority: standing.may_have_priority,
            has_priority: false,
            is_connected: false,
            has_socket,
            is_audience,
            is_known,
            timeout_ends_ms: standing.timeout_ends_ms,
            strings,
        };
        let news = News::Is(voice.as_other());
        self.voices.insert(peer, voice);
        self.rooms.entry(room).or_default().insert(peer);
        self.ssrcs.insert(ssrc);
        if let Some(place) = self.places.get_mut(&member) {
            if is_audience {
                place.audience.insert(peer);
            } else {
                place.peer = Some(peer);
            }
            place.absent_until = None;
        }
        metrics::gauge!("signaling_voice_sessions").increment(1.0);
        self.command(MediaCommand::Join { peer, room, user: member.1, ssrc, grants });
        self.settle_bitrate(peer, bitrate);
        if is_known {
            self.known.entry(room).or_default().insert(peer);
            self.tell_room(room, peer, &news);
        }
        Admitted { ssrc, others }
    }

    /// Where a socket goes that resumes a voice session; `None` when there is no such session.
    pub(in crate::voice) fn resumed(&self, resume: &Resume) -> Option<mpsc::Sender<A>> {
        let token = TokenHash::of(&resume.token.0);
        let voice = self.voices.values().find(|voice| {
            voice.token == token
                && voice.session == resume.session_id
                && voice.member.0.get() == resume.server_id
        })?;
        Some(voice.strings.attach.clone())
    }

    fn others(&self, room: ChannelId) -> Vec<Other> {
        let known = self.known.get(&room).into_iter().flatten();
        known.filter_map(|peer| self.voices.get(peer)).map(Voice::as_other).collect()
    }

    /// The first of `candidates` that no peer has.
    fn free_ssrc(&self, candidates: fn() -> u32) -> u32 {
        loop {
            let ssrc = audio_ssrc(candidates());
            if ssrc != 0 && !self.ssrcs.contains(&ssrc) {
                return ssrc;
            }
        }
    }
}

/// A voice socket limits nothing.
const ALL: Grants = Grants { speak: true, hear: true };

//! Where a peer is: its address changes when a NAT maps it anew, and nobody else may change it.
//!
//! An authentic packet that is the newest of its stream moves the aim at once, so that a listener
//! loses no more than what was under way. A browser must then prove that it receives there: it is
//! sent a STUN request that only it can answer, and without the answer the aim returns. A client of
//! Discord's UDP transport can prove nothing; there, duplicates that go on to arrive from the former
//! address show that somebody raced the real packets, and the aim returns as well.

use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use model::media::MediaEvent;

use crate::metrics::DropReason;
use crate::peer::Path;
use crate::peer::PeerKey;
use crate::peer::Transaction;
use crate::shard::Shard;
use crate::shard::contained;
use crate::shard::demux::Name;
use crate::shard::demux::Shape;
use crate::shard::timer::Timer;
use crate::transport::Transport;
use crate::transport::stun::TRANSACTION;

/// An address is not taken from a peer that was heard from it within this time: a member could
/// forge the sender's address of its own authentic packets.
const OWNED: Duration = Duration::from_secs(5);
/// When a challenge is sent again, counted from its first sending; after the last the trial fails.
/// Four of them are all lost once in fifteen times at 30 % loss each way, and then the client's own
/// checks (RFC 7675: every 5 s) begin another.
const CHALLENGES: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_millis(700),
    Duration::from_millis(1_500),
];
/// How long duplicates from the former address of a UDP client speak against the new one.
const UDP_TRIAL: Duration = Duration::from_secs(2);
/// Duplicates that turn the aim back. Networks duplicate a packet now and then; every packet being
/// followed by its twin from where the client was is a race.
const DUPLICATES: u8 = 3;
/// How long an aim that returned stays, while its address is heard of.
const PINNED: Duration = Duration::from_secs(10);
/// Silence of a pinned address after which the peer may move nevertheless.
const PINNED_SILENCE: Duration = Duration::from_millis(300);
/// Peers that are looked at for one packet from nowhere, and those whose keys are tried on it.
const LOOKED_AT: usize = 256;
const TRIED: usize = 8;
/// A peer that was heard of within this time has not moved.
const PRESENT: Duration = Duration::from_millis(10);

/// A new address that has not yet held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trial {
    address: SocketAddr,
    /// Where the aim returns to if it fails; None when it never left.
    former: Option<SocketAddr>,
    began: Instant,
    /// Names the challenge in its transaction id.
    number: u32,
    sent: u8,
    duplicates: u8,
}

impl Path {
    /// Forgets doubts and proofs of a transport that another replaces.
    pub(super) fn renew(&mut self) {
        (self.trial, self.pinned_until) = (None, None);
    }

    /// ICE begins anew: what was refused before, or is asked in vain, is not in the way of it.
    pub(super) fn restart(&mut self) {
        self.pinned_until = None;
        self.trial = self.trial.filter(|trial| trial.former.is_some());
    }

    /// Whether the aim stays where it is, because a move was refused and the peer is still there.
    fn is_pinned(&self, now: Instant) -> bool {
        self.pinned_until.is_some_and(|until| until > now)
            && self.seen.is_some_and(|seen| seen + PINNED_SILENCE > now)
    }
}

impl Shard {
    /// Re-aims at where an authentic packet came from, when it is the newest: an old one may be a
    /// recording, played from elsewhere. HOT when nothing moved.
    pub(super) fn follow(&mut self, now: Instant, key: PeerKey, from: SocketAddr, newest: bool) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        if !newest {
            return;
        }
        peer.activity.alive = now;
        if peer.path.proven && peer.path.aim == Some(from) {
            peer.path.seen = Some(now);
            return;
        }
        let former = peer.path.aim.filter(|_| peer.path.proven);
        if peer.path.is_pinned(now) || !self.bind(now, key, from) {
            self.begin_trial(now, key, from, None);
            return;
        }
        self.aim(now, key, from);
        if let Some(former) = former {
            self.begin_trial(now, key, from, Some(former));
        }
    }

    /// Takes a STUN request that the session answered: its sender knew the password, yet the request
    /// may be a recording. Once media flows it moves nothing before a challenge was answered.
    /// Whether the aim moved.
    pub(super) fn follow_check(
        &mut self,
        now: Instant,
        key: PeerKey,
        from: SocketAddr,
        nominates: bool,
    ) -> bool {
        let Some(peer) = self.peers.get_mut(key) else { return false };
        let (aim, flows) = (peer.path.aim, peer.path.proven && peer.transport.is_ready());
        if flows && aim != Some(from) {
            if nominates {
                self.begin_trial(now, key, from, None);
            }
            return false;
        }
        let moves = aim != Some(from) && (nominates || aim.is_none());
        if !self.bind(now, key, from) || !moves {
            return false;
        }
        if let Some(peer) = self.peers.get_mut(key) {
            (peer.path.aim, peer.path.proven) = (Some(from), true);
        }
        true
    }

    /// Sends to `address` from now on, and says so.
    fn aim(&mut self, now: Instant, key: PeerKey, address: SocketAddr) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        peer.path.aim = Some(address);
        peer.path.proven = true;
        peer.path.seen = Some(now);
        self.events.push_back(MediaEvent::Connected { peer: peer.id, address });
    }

    /// Begins to doubt `address`. `former` is where the aim was, if it moved already.
    fn begin_trial(
        &mut self,
        now: Instant,
        key: PeerKey,
        address: SocketAddr,
        former: Option<SocketAddr>,
    ) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let running = peer.path.trial;
        // Back where it was before the trial: nothing is left to doubt.
        if former.is_some() && running.is_some_and(|trial| trial.former == Some(address)) {
            peer.path.trial = None;
            return;
        }
        let is_udp = matches!(peer.transport, Transport::Udp(_));
        // What did not move the aim waits for what did: it may be a recording, and must not keep a
        // challenge under way from being answered.
        let waits = former.is_none() && (running.is_some() || is_udp);
        if running.is_some_and(|trial| trial.address == address)
            || waits
            || !peer.challenge_rate.admit(now)
        {
            return;
        }
        peer.path.challenges = peer.path.challenges.wrapping_add(1);
        // Of several moves in a row the first address is the one that held.
        let former = running.and_then(|trial| trial.former).or(former);
        let number = peer.path.challenges;
        let trial = Trial { address, former, began: now, number, sent: 0, duplicates: 0 };
        peer.path.trial = Some(trial);
        if is_udp {
            self.timers.set(now + UDP_TRIAL, Timer::Path(key));
        } else {
            self.challenge(key);
        }
    }

    /// Sends the challenge once more.
    fn challenge(&mut self, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let (Some(trial), Transport::WebRtc(webrtc)) = (&mut peer.path.trial, &peer.transport)
        else {
            return;
        };
        let Some(next) = CHALLENGES.get(usize::from(trial.sent)) else { return };
        trial.sent += 1;
        let shard = self.config.index;
        let transaction = Transaction { shard, peer: key, number: trial.number }.id();
        self.outbox.write(trial.address, |out| {
            webrtc.challenge(transaction, out);
            true
        });
        self.timers.set(trial.began + *next, Timer::Path(key));
    }

    /// The time of a trial has come: it goes on, holds, or fails.
    pub(super) fn continue_trial(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let Some(trial) = peer.path.trial else { return };
        if matches!(peer.transport, Transport::Udp(_)) {
            // Nothing spoke against it.
            if trial.began + UDP_TRIAL <= now {
                peer.path.trial = None;
            }
            return;
        }
        let due = trial.sent.checked_sub(1).and_then(|at| CHALLENGES.get(usize::from(at)));
        if due.is_none_or(|due| trial.began + *due > now) {
            return;
        }
        if usize::from(trial.sent) < CHALLENGES.len() {
            self.challenge(key);
        } else {
            self.fail_trial(now, key, trial);
        }
    }

    /// Returns to where the peer was, and stays there for a while.
    fn fail_trial(&mut self, now: Instant, key: PeerKey, trial: Trial) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        peer.path.trial = None;
        let Some(former) = trial.former else { return };
        peer.path.pinned_until = Some(now + PINNED);
        peer.path.unbind(trial.address);
        self.demux.remove(Name::Address(trial.address), key);
        if self.bind(now, key, former) {
            self.aim(now, key, former);
        }
    }

    /// Takes the answer to a challenge.
    pub(super) fn take_proof(
        &mut self,
        now: Instant,
        key: PeerKey,
        from: SocketAddr,
        bytes: &[u8],
    ) -> Result<(), DropReason> {
        let shard = self.config.index;
        let peer = self.peers.get_mut(key).ok_or(DropReason::UnknownSource)?;
        let asked = peer.path.trial.filter(|trial| {
            let answered = bytes.get(8..8 + TRANSACTION);
            let asked = Transaction { shard, peer: key, number: trial.number };
            trial.address == from && answered == Some(&asked.id()[..])
        });
        let (Some(_), Transport::WebRtc(webrtc)) = (asked, &peer.transport) else {
            return Err(DropReason::UnknownSource);
        };
        if !webrtc.proves(bytes) {
            return Err(DropReason::BadTag);
        }
        peer.activity.alive = now;
        peer.path.trial = None;
        peer.path.pinned_until = None;
        if peer.path.aim != Some(from) {
            // It receives there, whoever did before.
            self.bind_proven(key, from);
            self.aim(now, key, from);
        }
        self.settle_restart(key, from);
        Ok(())
    }

    /// Forgets the credentials before, once the path under the new ones is the one that is used.
    pub(super) fn settle_restart(&mut self, key: PeerKey, from: SocketAddr) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let Transport::WebRtc(webrtc) = &mut peer.transport else { return };
        let holds = peer.path.proven && peer.path.aim == Some(from) && peer.path.trial.is_none();
        if holds && let Some(ufrag) = webrtc.forget_former() {
            self.demux.remove(Name::Ufrag(ufrag.into()), key);
        }
    }

    /// Takes a packet that was seen before; from where the peer was, it speaks against where the
    /// peer seems to be.
    pub(super) fn note_duplicate(&mut self, now: Instant, key: PeerKey, from: SocketAddr) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        if peer.path.aim == Some(from) {
            peer.path.seen = Some(now);
        }
        let Some(trial) = peer.path.trial.as_mut().filter(|trial| trial.former == Some(from))
        else {
            return;
        };
        trial.duplicates += 1;
        if trial.duplicates >= DUPLICATES {
            let trial = *trial;
            self.fail_trial(now, key, trial);
        }
    }

    /// Makes the peer known by an address that something authentic came from. False when the
    /// address is another's, who is alive there.
    fn bind(&mut self, now: Instant, key: PeerKey, address: SocketAddr) -> bool {
        let owner = self.demux.owner(address).filter(|owner| *owner != key);
        let owned = owner.and_then(|owner| self.peers.get(owner)).is_some_and(|owner| {
            let path = &owner.path;
            path.proven && path.aim == Some(address) && owner.activity.alive + OWNED > now
        });
        if !owned {
            self.bind_proven(key, address);
        }
        !owned
    }

    fn bind_proven(&mut self, key: PeerKey, address: SocketAddr) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let ssrc = matches!(peer.transport, Transport::Udp(_)).then_some(peer.ssrc);
        if let Some(former) = peer.path.bind(address) {
            self.demux.remove(Name::Address(former), key);
        }
        self.demux.bind(address, key, ssrc);
    }

    /// Whose packet it is, asked of the keys: for packets of nobody that is known there, and for
    /// those of a browser that never used this SSRC. One that is in doubt is tried on copies.
    ///
    /// Bounded: [`LOOKED_AT`] peers a packet, [`TRIED`] keys, and the shard's rate of searches.
    pub(super) fn search(
        &mut self,
        now: Instant,
        shape: Shape<'_>,
        bytes: &[u8],
        (from, hint): (SocketAddr, Option<PeerKey>),
    ) -> Option<PeerKey> {
        let (ssrc, is_rtp) = match shape {
            Shape::Rtp { ssrc } => (ssrc, true),
            Shape::Rtcp { ssrc } => (ssrc, false),
            _ => return hint,
        };
        let named = self.demux.by_ssrc(ssrc).filter(|named| Some(*named) != hint);
        // At an address of its own, a browser begins a new SSRC.
        if named.is_none() && hint.is_some() && self.demux.owner(from) == hint {
            return hint;
        }
        if !self.search_rate.admit(now) {
            return hint.or(named);
        }
        let mut tried = 0;
        for key in [hint, named].into_iter().flatten() {
            if self.fits(key, bytes) {
                return Some(key);
            }
        }
        for _ in 0..LOOKED_AT.min(self.peers.len()) {
            let (key, peer) = self.peers.next_after(&mut self.searched)?;
            let Transport::WebRtc(webrtc) = &peer.transport else { continue };
            let quiet = peer.path.seen.is_none_or(|seen| seen + PRESENT <= now);
            if !quiet || !webrtc.used(ssrc, is_rtp) {
                continue;
            }
            if self.fits(key, bytes) {
                return Some(key);
            }
            tried += 1;
            if tried >= TRIED {
                break;
            }
        }
        hint.or(named)
    }

    /// Whether a packet is authentic for a peer. Remembers nothing of it.
    fn fits(&mut self, key: PeerKey, bytes: &[u8]) -> bool {
        let Some(peer) = self.peers.get(key) else { return false };
        self.scratch.clear();
        self.scratch.extend_from_slice(bytes);
        let (transport, scratch) = (&peer.transport, &mut self.scratch);
        contained(|| transport.authenticates(scratch)).unwrap_or_else(|| {
            self.faulty.push(key);
            false
        })
    }
}

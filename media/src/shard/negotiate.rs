//! Datagrams that carry no audio: STUN, DTLS, IP discovery, keepalives.

use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use model::media::LeaveReason;
use model::media::MediaEvent;
use model::media::PeerId;

use crate::metrics::DropReason;
use crate::peer::Peer;
use crate::peer::PeerKey;
use crate::shard::Shard;
use crate::shard::contained;
use crate::shard::demux::Name;
use crate::shard::timer::Timer;
use crate::transport::Transport;
use crate::transport::discovery;
use crate::transport::srtp::Srtp;
use crate::transport::stun;
use crate::transport::webrtc::Check;

/// A session that waits longer is looked at nevertheless; otherwise deadlines in a far future
/// would pile up in the table of timers.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);
/// A session that asks again and again for a time that has passed must not keep the thread busy.
const LEAST_SLEEP: Duration = Duration::from_millis(1);
/// How often a session may put off its timer, each time leaving one behind that means nothing.
const DELAYS: u8 = 64;
/// Silence after which a path is given up for another that the browser checks, when it began ICE anew.
const QUIET: Duration = Duration::from_secs(1);
/// How long after an answer to IP discovery it is said again, to who has not gone on. The first covers a
/// client that is not listening yet, the second a line that lost both. Each answer counts for the
/// peer's rate, so that no more than before is reflected in a second.
const DISCOVERED_AGAIN: [Duration; 2] = [Duration::from_millis(40), Duration::from_millis(400)];

impl Shard {
    /// Answers a check of the peer's browser, and follows it.
    pub(super) fn check(
        &mut self,
        now: Instant,
        key: PeerKey,
        from: SocketAddr,
        bytes: &[u8],
    ) -> Result<(), DropReason> {
        let peer = self.peers.get_mut(key).ok_or(DropReason::UnknownSource)?;
        admit(now, peer, from)?;
        let Transport::WebRtc(webrtc) = &mut peer.transport else { return Err(DropReason::NoKeys) };
        let outbox = &mut self.outbox;
        let check = contained(|| webrtc.answer_check(now, from, bytes, outbox));
        match check {
            None => {
                self.faulty.push(key);
                return Err(DropReason::Fault);
            }
            Some(Check::Forged) => return Err(DropReason::Handshake),
            Some(Check::Genuine | Check::Renewing) => {}
        }
        let is_renewing = check == Some(Check::Renewing);
        let is_joining = !webrtc.has_keys();
        peer.activity.alive = now;
        // A path of a generation that replaces another is as good as chosen when the one that was has
        // gone quiet: some browsers choose a second later.
        let quiet = peer.path.seen.is_none_or(|seen| seen + QUIET < now);
        let wanted = stun::nominates(bytes) || (is_renewing && quiet);
        if self.follow_check(now, key, from, wanted) {
            self.tell_connected(key);
        }
        if is_renewing {
            self.settle_restart(key, from);
        }
        if is_joining {
            self.drive(now, key);
        }
        Ok(())
    }

    /// Gives DTLS to the peer's session.
    pub(super) fn shake_hands(
        &mut self,
        now: Instant,
        key: PeerKey,
        from: SocketAddr,
        bytes: &[u8],
    ) -> Result<(), DropReason> {
        let peer = self.peers.get_mut(key).ok_or(DropReason::UnknownSource)?;
        admit(now, peer, from)?;
        let Transport::WebRtc(webrtc) = &mut peer.transport else { return Err(DropReason::NoKeys) };
        let handled = contained(|| webrtc.handle(now, bytes)).unwrap_or_else(|| {
            self.faulty.push(key);
            Err(DropReason::Fault)
        });
        // Even a refused input may have made the session want to say something or end.
        self.drive(now, key);
        handled
    }

    /// Notes that something came under the session's keys: its browser has heard the end of the handshake,
    /// and no timer is left to say it again. HOT.
    pub(super) fn settle(&mut self, key: PeerKey) {
        if let Some(peer) = self.peers.get_mut(key)
            && let Transport::WebRtc(webrtc) = &mut peer.transport
            && webrtc.is_settling()
        {
            webrtc.settle();
            peer.activity.drive_at = None;
        }
    }

    /// Drains the peer's session: answers go out, keys come in, the next wake-up is noted.
    pub(super) fn drive(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let Transport::WebRtc(webrtc) = &mut peer.transport else { return };
        let had_keys = webrtc.has_keys();
        let outbox = &mut self.outbox;
        let driven = contained(|| webrtc.drive(now, outbox));
        let Some(driven) = driven else {
            self.faulty.push(key);
            return;
        };
        let deadline = driven.deadline.map(|at| at.clamp(now + LEAST_SLEEP, now + LONGEST_SLEEP));
        // Later than the timer that is there: a wake is spared, unless that was done so often that
        // timers would pile up.
        let (before, activity) = (peer.activity.drive_at, &mut peer.activity);
        let is_later = before.is_some_and(|at| deadline.is_none_or(|deadline| at < deadline));
        if before != deadline && (!is_later || activity.delays < DELAYS) {
            activity.delays += u8::from(is_later);
            activity.drive_at = deadline;
            if let Some(deadline) = deadline {
                self.timers.set(deadline, Timer::Drive(key));
            }
        }
        if driven.ended {
            let reason = if had_keys { LeaveReason::Silent } else { LeaveReason::HandshakeFailed };
            self.end(key, reason);
        } else if driven.connected && !had_keys {
            self.tell_connected(key);
        }
    }

    fn tell_connected(&mut self, key: PeerKey) {
        let Some(peer) = self.peers.get(key) else { return };
        if let Some(address) = peer.path.aim
            && peer.transport.is_ready()
        {
            self.events.push_back(MediaEvent::Connected { peer: peer.id, address });
        }
    }

    /// Makes a browser as it is once its handshake has led to these keys and has settled, for benches.
    pub(crate) fn connect(&mut self, now: Instant, id: PeerId, keys: Srtp, address: SocketAddr) {
        let Some(key) = self.ids.get(&id).copied() else { return };
        let Some(peer) = self.peers.get_mut(key) else { return };
        if let Transport::WebRtc(webrtc) = &mut peer.transport {
            webrtc.skip(keys);
            self.follow(now, key, address, true);
        }
    }

    /// Answers IP discovery, and aims there until an authentic packet says otherwise: a client
    /// that only listens may never send one.
    ///
    /// The SSRC in the request is no secret in its room, so the first address wins; a later one
    /// counts only before anything authentic came, and once media flows only on the same IP.
    pub(super) fn discover(
        &mut self,
        now: Instant,
        key: PeerKey,
        from: SocketAddr,
    ) -> Result<(), DropReason> {
        let peer = self.peers.get_mut(key).ok_or(DropReason::UnknownSource)?;
        if matches!(peer.transport, Transport::WebRtc(_)) || !peer.discovery_rate.admit(now) {
            return Err(DropReason::DiscoveryRefused);
        }
        let may_aim = match peer.path.aim {
            None => true,
            Some(aim) if aim == from => false,
            Some(aim) => !peer.path.proven && (aim.ip() == from.ip() || !peer.transport.is_ready()),
        };
        let may_answer = may_aim || peer.path.aim.is_some_and(|aim| aim.ip() == from.ip());
        if !may_answer {
            return Err(DropReason::DiscoveryRefused);
        }
        let ssrc = peer.ssrc;
        if may_aim {
            peer.path.aim = Some(from);
            let former = peer.path.guess.replace(from);
            if let Some(former) = former {
                self.demux.remove(Name::Guess(former), key);
            }
            self.demux.add(Name::Guess(from), key);
        }
        self.outbox.push(from, &discovery::reply(ssrc, from));
        if peer.is_choosing() {
            self.timers.set(now + DISCOVERED_AGAIN[0], Timer::Discovery(key, 0));
        }
        Ok(())
    }

    /// Says the answer to IP discovery once more to who has not gone on since. Clients ask once and begin
    /// to listen for the answer after that: beside the server it comes before they do (discord.py), and
    /// on a bad line not at all.
    pub(super) fn discover_again(&mut self, now: Instant, key: PeerKey, said: u8) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let Some(to) = peer.path.guess.filter(|_| peer.is_choosing()) else { return };
        if !peer.discovery_rate.admit(now) {
            return;
        }
        self.outbox.push(to, &discovery::reply(peer.ssrc, to));
        if let Some(pause) = DISCOVERED_AGAIN.get(usize::from(said) + 1) {
            self.timers.set(now + *pause, Timer::Discovery(key, said + 1));
        }
    }

    /// Takes a keepalive, which is life only from where the peer is.
    pub(super) fn keep_alive(
        &mut self,
        now: Instant,
        key: PeerKey,
        from: SocketAddr,
    ) -> Result<(), DropReason> {
        let peer = self.peers.get_mut(key).ok_or(DropReason::UnknownSource)?;
        if peer.path.aim != Some(from) || !matches!(peer.transport, Transport::Udp(_)) {
            return Ok(());
        }
        peer.activity.alive = now;
        // No idle timeout: listeners may send nothing for hours. Signaling ends a peer whose voice
        // gateway session ended.
        Ok(())
    }
}

/// Lets a peer's session work for a datagram. A username is no secret on the way: who knows one must not
/// make the session work for every datagram. Where the browser is known to be, nothing is cut.
fn admit(now: Instant, peer: &mut Peer, from: SocketAddr) -> Result<(), DropReason> {
    if peer.path.knows(from) || peer.check_rate.admit(now) {
        Ok(())
    } else {
        Err(DropReason::Policed)
    }
}

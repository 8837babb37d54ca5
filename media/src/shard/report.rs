//! What happens by time: reports, statistics, the end of speech, the end of silent peers.

use std::time::Instant;

use model::media::LeaveReason;
use model::media::MediaEvent;

use crate::metrics::DropReason;
use crate::peer::Peer;
use crate::peer::PeerKey;
use crate::rtp::rtcp;
use crate::rtp::rtcp::Compound;
use crate::rtp::rtcp::Item;
use crate::shard::EVENTS_BEFORE_STATS_DROP;
use crate::shard::Shard;
use crate::shard::WallClock;
use crate::shard::contained;
use crate::shard::repair::MISSING;
use crate::shard::timer;
use crate::shard::timer::Timer;
use crate::stream::quality::Reception;
use crate::transport::Transport;

impl Shard {
    /// Does everything that is due by `now`.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.pop(now) {
            match timer {
                Timer::Drive(key) => self.drive_on_time(now, key),
                Timer::Quiet(key) => self.note_quiet(now, key),
                Timer::Idle(key) => self.end_if_silent(now, key),
                Timer::Path(key) => self.continue_trial(now, key),
                Timer::Report(key) => self.report(now, key),
                Timer::Video(key) => self.look_at_video(now, key),
                Timer::StandIn(key) => self.end_idle_stand_in(now, key),
                Timer::Discovery(key, said) => self.discover_again(now, key, said),
            }
        }
        self.remove_faulty();
    }

    fn drive_on_time(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        // A timer that another replaced means nothing any more.
        if peer.activity.drive_at.is_none_or(|at| at > now) {
            return;
        }
        peer.activity.drive_at = None;
        let Transport::WebRtc(webrtc) = &mut peer.transport else { return };
        if contained(|| webrtc.handle_timeout(now)).is_none() {
            self.faulty.push(key);
            return;
        }
        self.drive(now, key);
    }

    fn note_quiet(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        peer.activity.quiet_pending = false;
        if !peer.activity.speaking {
            return;
        }
        let quiet_at = peer.activity.audio.map_or(now, |at| at + timer::QUIET);
        if quiet_at > now {
            peer.activity.quiet_pending = true;
            self.timers.set(quiet_at, Timer::Quiet(key));
            return;
        }
        peer.activity.speaking = false;
        self.events.push_back(MediaEvent::Speaking { peer: peer.id, speaking: false });
    }

    fn end_if_silent(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get(key) else { return };
        let silent_at = peer.activity.alive + self.config.idle_timeout;
        if silent_at > now {
            self.timers.set_roughly(silent_at, Timer::Idle(key));
        } else {
            self.end(key, LeaveReason::Silent);
        }
    }

    /// Sends RTCP to a browser, and statistics to signaling.
    fn report(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        self.timers.set_roughly(now + timer::REPORT, Timer::Report(key));
        let stats = peer.stats();
        if peer.told != stats && self.events.len() < EVENTS_BEFORE_STATS_DROP {
            peer.told = stats;
            self.events.push_back(MediaEvent::Stats { peer: peer.id, stats });
        }
        if let Some(quality) = stats.listening
            && self.qualities.len() < QUALITIES
        {
            self.qualities.push(quality);
        }
        let Some(to) = peer.path.aim else { return };
        self.scratch.clear();
        let (outbox, scratch) = (&mut self.outbox, &mut self.scratch);
        let clock = self.config.wall_clock;
        let sealed = contained(|| {
            report_streams(now, clock, peer, scratch, |transport, compound| {
                outbox.write(to, |out| match transport {
                    Transport::WebRtc(webrtc) => webrtc.seal_rtcp(compound, out),
                    _ => false,
                });
            });
        });
        if sealed.is_none() {
            self.faulty.push(key);
        }
    }

    /// Takes a peer's own reports: when it sent, and how what we send arrives there.
    ///
    /// # Errors
    ///
    /// [`DropReason::Policed`] beyond the rate of reports.
    pub(super) fn take_report(
        &mut self,
        now: Instant,
        key: PeerKey,
        compound: Option<Compound<'_>>,
    ) -> Result<(), DropReason> {
        self.totals.rtcp += 1;
        let peer = self.peers.get_mut(key).ok_or(DropReason::UnknownSource)?;
        if !peer.rtcp_rate.admit(now) {
            return Err(DropReason::Policed);
        }
        let Some(compound) = compound else { return Ok(()) };
        let middle_now = (self.config.wall_clock.ntp_at(now) >> 16) as u32;
        let mut reception = Reception::default();
        let mut missing = 0;
        compound.for_each(|item| match item {
            Item::Picture { ssrc } => self.take_picture_loss(now, key, ssrc),
            Item::Estimate { bits } => self.take_estimate(now, key, bits),
            Item::SenderReport { ssrc, middle } => self.take_sender_report(now, key, ssrc, middle),
            Item::Reception(block) => {
                self.take_video_reception(now, key, &block);
                if let Some((listener, seat)) = self.stream_to(key, block.ssrc)
                    && let Some(stream) = listener.outbound.find(seat, block.ssrc)
                {
                    stream.take_reception(&block, middle_now, &mut reception);
                }
            }
            Item::Missing { ssrc, sequence } => {
                missing += 1;
                if missing <= MISSING && !self.send_picture_again(now, key, ssrc, sequence) {
                    self.send_again(now, key, ssrc, sequence);
                }
            }
        });
        if let Some(peer) = self.peers.get_mut(key) {
            peer.quality.note(&reception);
        }
        Ok(())
    }

    fn take_sender_report(&mut self, now: Instant, key: PeerKey, ssrc: u32, middle: u32) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        if let Some(layer) = peer.video.as_mut().and_then(|video| video.ingest.find(ssrc)) {
            layer.note_sender_report(now, middle);
        }
        if let Transport::WebRtc(webrtc) = &peer.transport
            && webrtc.audio_ssrc() == Some(ssrc)
        {
            peer.inbound.note_sender_report(now, middle);
        }
    }

    /// The listener, and the seat of the speaker who is heard under `ssrc`, in whatever room: the
    /// stream there tells whether it is that speaker's.
    fn stream_to(&mut self, listener: PeerKey, ssrc: u32) -> Option<(&mut Peer, usize)> {
        let seat = match self.peers.get(listener)?.outbound.funnelled(ssrc) {
            Some(seat) => seat,
            None => self.peers.get(self.heard_as(ssrc)?)?.seat,
        };
        Some((self.peers.get_mut(listener)?, seat))
    }
}

/// Qualities that wait for the publication of metrics; more peers than a shard has.
const QUALITIES: usize = 16_384;

/// Writes one compound per stream: sender reports of what the peer hears, a receiver report of what
/// it says.
fn report_streams(
    now: Instant,
    clock: WallClock,
    peer: &mut Peer,
    scratch: &mut Vec<u8>,
    mut send: impl FnMut(&mut Transport, &[u8]),
) {
    let Transport::WebRtc(webrtc) = &peer.transport else { return };
    let audio = webrtc.audio_ssrc();
    let ntp = clock.ntp_at(now);
    for stream in peer.outbound.live() {
        let Some(report) = stream.report(now, ntp) else { continue };
        scratch.clear();
        report.write(scratch);
        send(&mut peer.transport, scratch);
    }
    if let Some(block) = audio.and_then(|ssrc| peer.inbound.report(now, ssrc)) {
        scratch.clear();
        rtcp::write_receiver_report(peer.ssrc, &block, scratch);
        send(&mut peer.transport, scratch);
    }
}

impl WallClock {
    /// The NTP time of a moment.
    pub(super) fn ntp_at(self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.at);
        let fraction = (u64::from(elapsed.subsec_nanos()) << 32) / 1_000_000_000;
        self.ntp.wrapping_add((elapsed.as_secs() << 32) | fraction)
    }
}

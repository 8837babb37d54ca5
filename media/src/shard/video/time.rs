//! What happens to pictures by time: layers are chosen, keyframes asked for, reports sent.

use std::time::Duration;
use std::time::Instant;

use model::media::MediaEvent;

use crate::peer::PeerKey;
use crate::rtp::rtcp;
use crate::shard::Shard;
use crate::shard::timer::Timer;
use crate::shard::video::tell_arrivals;
use crate::transport::Transport;
use crate::video::Track;
use crate::video::choice;
use crate::video::choice::Candidate;
use crate::video::layer::Layer;
use crate::video::uplink::MOST;
use crate::video::uplink::Reception;
use crate::video::viewing::SIGHTS;

/// How often layers are chosen. Lower costs time, higher keeps a viewer waiting for its picture.
const LOOK: Duration = Duration::from_millis(100);
/// How often reports are sent: what publishers and viewers estimate their lines from.
const REPORT: Duration = Duration::from_secs(1);
/// How long nobody must have wanted more before a publisher is told: people look to and fro.
const LESS_AFTER: Duration = Duration::from_secs(2);

impl Shard {
    /// Sets the timer that looks after what a peer sends and is shown, while it is either.
    pub(in crate::shard) fn time_video(&mut self, now: Instant, key: PeerKey) {
        let Some(video) = self.peers.get_mut(key).and_then(|peer| peer.video.as_mut()) else {
            return;
        };
        let is_active = video.ingest.is_active() || !video.viewing.sights.is_empty();
        if is_active && !std::mem::replace(&mut video.is_timed, true) {
            self.timers.set(now + LOOK, Timer::Video(key));
        }
    }

    /// Looks after what a peer sends and is shown.
    pub(in crate::shard) fn look_at_video(&mut self, now: Instant, key: PeerKey) {
        let Some(video) = self.peers.get_mut(key).and_then(|peer| peer.video.as_mut()) else {
            return;
        };
        video.is_timed = false;
        self.tell_last_arrivals(now, key);
        self.choose_layers(now, key);
        self.ask_for_keyframes(now, key);
        self.tell_wanted(now, key);
        let Some(video) = self.peers.get_mut(key).and_then(|peer| peer.video.as_mut()) else {
            return;
        };
        if video.reported.is_none_or(|at| at + REPORT <= now) {
            video.reported = Some(now);
            self.report_video(now, key);
        }
        self.time_video(now, key);
    }

    /// Tells a publisher of packets after which no more came.
    fn tell_last_arrivals(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let (Some(to), Some(video)) = (peer.path.aim, &mut peer.video) else { return };
        let Transport::WebRtc(webrtc) = &mut peer.transport else { return };
        if video.ingest.arrivals.is_due(now) {
            let (scratch, outbox) = (&mut self.scratch, &mut self.outbox);
            tell_arrivals(now, &mut video.ingest.arrivals, peer.ssrc, scratch, |feedback| {
                outbox.write(to, |out| webrtc.seal_rtcp(feedback, out));
            });
        }
    }

    /// Chooses what a viewer is shown, and asks for the keyframes that it takes.
    fn choose_layers(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        // Taken out for a moment, because viewer and publishers live in one table.
        let Some(mut video) = peer.video.take() else { return };
        let mut candidates: [Option<Candidate>; SIGHTS] = [None; SIGHTS];
        for (at, sight) in video.viewing.sights.iter().enumerate() {
            let publisher = self.peers.get_mut(sight.publisher);
            let Some(from) = publisher.and_then(|peer| peer.video.as_mut()) else { continue };
            let rates = from.ingest.track_mut(sight.track).rates(now);
            let (track, quality, current) = (sight.track, sight.quality, sight.layer());
            if let Some(place) = candidates.get_mut(at) {
                *place =
                    Some(Candidate { sight: at, track, quality, rates, current, chosen: None });
            }
        }
        let mut chosen: [Candidate; SIGHTS] = [Candidate::NONE; SIGHTS];
        let mut count = 0;
        for candidate in candidates.into_iter().flatten() {
            chosen[count] = candidate;
            count += 1;
        }
        let budget = video.viewing.budget.estimate(now);
        choice::choose(&mut chosen[..count], budget);
        let mut needed: [Option<(PeerKey, Track, u8)>; SIGHTS] = [None; SIGHTS];
        for (candidate, need) in chosen[..count].iter().zip(&mut needed) {
            let Some(sight) = video.viewing.sights.get_mut(candidate.sight) else { continue };
            sight.target = candidate.chosen;
            match candidate.chosen {
                None => sight.pause(),
                Some(layer) if sight.layer() != Some(layer) => {
                    *need = Some((sight.publisher, sight.track, layer));
                }
                Some(_) => {}
            }
        }
        if let Some(peer) = self.peers.get_mut(key) {
            peer.video = Some(video);
        }
        for (publisher, track, layer) in needed.into_iter().flatten() {
            self.ask_for_keyframe(now, publisher, track, layer);
        }
    }

    /// Asks a publisher for the keyframes that somebody waits for and that it may be asked for again.
    fn ask_for_keyframes(&mut self, now: Instant, key: PeerKey) {
        let mut due: [Option<u32>; SIGHTS] = [None; SIGHTS];
        let Some(video) = self.peers.get_mut(key).and_then(|peer| peer.video.as_mut()) else {
            return;
        };
        for (layer, due) in video.ingest.layers().zip(&mut due) {
            *due = layer.ask_for_keyframe(now).then_some(layer.ssrc);
        }
        for ssrc in due.into_iter().flatten() {
            self.send_picture_loss(key, ssrc);
        }
    }

    /// Tells what anybody wants of a publisher, when that has changed.
    fn tell_wanted(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get(key) else { return };
        let Some(video) = &peer.video else { return };
        let best = |track: Track| {
            let ssrc = track.ssrc(peer.ssrc);
            let watchers = video.ingest.track(track).watchers.iter();
            let viewings =
                watchers.filter_map(|key| Some(&self.peers.get(*key)?.video.as_ref()?.viewing));
            let sights = viewings.flat_map(|viewing| &viewing.sights);
            let here = sights.filter(|sight| sight.ssrc == ssrc).map(|sight| sight.quality);
            let afar = video.ingest.track(track).afar.iter().map(|(_, quality)| *quality);
            here.chain(afar).max().unwrap_or(0)
        };
        let wanted = [Track::Camera, Track::Screen].map(best);
        let Some(peer) = self.peers.get_mut(key) else { return };
        let Some(video) = &mut peer.video else { return };
        let mut changed = false;
        for (track, wanted) in [Track::Camera, Track::Screen].into_iter().zip(wanted) {
            let track = video.ingest.track_mut(track);
            if wanted >= track.told {
                track.lower_since = None;
            }
            let since =
                if wanted < track.told { *track.lower_since.get_or_insert(now) } else { now };
            if wanted > track.told || (wanted < track.told && since + LESS_AFTER <= now) {
                track.told = wanted;
                track.lower_since = None;
                changed = true;
            }
        }
        let (camera, screen) =
            (video.ingest.track(Track::Camera).told, video.ingest.track(Track::Screen).told);
        if peer.elsewhere.is_some() {
            // Said again now and then, so that whoever sends it cannot stay mistaken.
            if changed || video.reported.is_none_or(|at| at + REPORT <= now) {
                self.tell_wanted_of(key, (camera, screen));
            }
        } else if changed {
            self.events.push_back(MediaEvent::Wanted { peer: peer.id, camera, screen });
        }
    }

    /// Sends reports: to a publisher how its layers arrive, to a viewer when its pictures were sent.
    fn report_video(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let (Some(to), Some(video)) = (peer.path.aim, &mut peer.video) else { return };
        let Transport::WebRtc(webrtc) = &mut peer.transport else { return };
        let ntp = self.config.wall_clock.ntp_at(now);
        let (scratch, outbox) = (&mut self.scratch, &mut self.outbox);
        let (mut any, mut reception) = (None, Reception::default());
        for layer in video.ingest.layers().filter(|layer| Layer::is_live(layer, now)) {
            let Some(block) = layer.report(now) else { continue };
            any = Some(layer.ssrc);
            reception.add(layer.meter.rate(now), block.fraction_lost);
            scratch.clear();
            rtcp::write_receiver_report(peer.ssrc, &block, scratch);
            outbox.write(to, |out| webrtc.seal_rtcp(scratch, out));
        }
        if let Some(ssrc) = any {
            scratch.clear();
            // Who is told of arrivals knows better than we what its line carries.
            let estimates = webrtc.video().is_some_and(|video| video.extensions.number.is_some());
            let bits = if estimates { MOST } else { video.ingest.uplink.estimate(now, &reception) };
            rtcp::write_estimate(peer.ssrc, ssrc, bits, scratch);
            outbox.write(to, |out| webrtc.seal_rtcp(scratch, out));
        }
        for sight in &video.viewing.sights {
            let Some(report) = sight.report(now, ntp) else { continue };
            scratch.clear();
            report.write(scratch);
            outbox.write(to, |out| webrtc.seal_rtcp(scratch, out));
        }
    }
}

//! What a listener hears that takes fewer streams than a call has speakers, as a player that knows
//! nothing of calls: each stream is re-pointed to whoever speaks, and numbers and clock go on.
//!
//! While more speak than there are streams, the loudest are heard, each for a while at least.
//!
//! Pure and HOT: a packet looks at each stream once; no allocation after the first.

use std::time::Duration;
use std::time::Instant;

use crate::room::speakers::Loudness;
use crate::stream::outbound::OutboundStream;

/// Silence after which a stream is free: the pause between two words is shorter, and longer would
/// cut the beginning of an answer.
const FREE_AFTER: Duration = Duration::from_millis(300);
/// How long a speaker keeps a stream against louder ones; shorter chops words.
const HOLD: Duration = Duration::from_secs(1);
/// How much louder one must be to take another's stream, in decibels.
const MARGIN: u16 = 6;

/// The streams to one listener.
#[derive(Debug, Clone)]
pub(crate) struct Funnel {
    places: Vec<Place>,
}

#[derive(Debug, Clone)]
struct Place {
    stream: OutboundStream,
    held: Option<Held>,
    /// How often it was re-pointed.
    turns: u32,
}

/// Whose stream it is at the moment.
#[derive(Debug, Clone, Copy)]
struct Held {
    seat: usize,
    since: Instant,
    /// Its last packet.
    sent: Instant,
    /// Its last voice.
    spoke: Instant,
    loudness: Loudness,
}

impl Held {
    /// Whether it gives way to somebody, who speaks or not. Soft noise takes a stream from nobody
    /// who is there at all.
    fn is_over(self, now: Instant, voice: bool) -> bool {
        self.sent + FREE_AFTER <= now || (voice && self.spoke + FREE_AFTER <= now)
    }
}

impl Funnel {
    /// Streams under `ssrc` and the SSRCs after it, at least one.
    pub(crate) fn new(ssrc: u32, streams: u8) -> Self {
        let ssrcs = (0..u32::from(streams.max(1))).map(|number| ssrc.wrapping_add(number));
        let place = |ssrc| Place { stream: OutboundStream::new(ssrc), held: None, turns: 0 };
        Self { places: ssrcs.map(place).collect() }
    }

    /// The stream that a packet of the speaker on `seat` goes out on, and how often it was
    /// re-pointed: another count begins another piece. None while others are heard instead.
    pub(crate) fn choose(
        &mut self,
        now: Instant,
        seat: usize,
        loudness: Loudness,
        voice: bool,
    ) -> Option<(&mut OutboundStream, u32)> {
        let at = self.place_of(now, seat, loudness, voice)?;
        let place = &mut self.places[at];
        match &mut place.held {
            Some(held) if held.seat == seat => {
                (held.sent, held.loudness) = (now, loudness);
                if voice {
                    held.spoke = now;
                }
            }
            held => {
                *held = Some(Held { seat, since: now, sent: now, spoke: now, loudness });
                place.turns = place.turns.wrapping_add(1);
            }
        }
        Some((&mut place.stream, place.turns))
    }

    /// Its own place, a free one, or that of a softer speaker.
    fn place_of(
        &self,
        now: Instant,
        seat: usize,
        loudness: Loudness,
        voice: bool,
    ) -> Option<usize> {
        let held = || self.places.iter().map(|place| place.held).enumerate();
        let own = held().find(|(_, held)| held.is_some_and(|held| held.seat == seat));
        let free = || held().find(|(_, held)| held.is_none_or(|held| held.is_over(now, voice)));
        let softer = || {
            held()
                .filter_map(|(at, held)| Some((at, held?)))
                .filter(|(_, held)| voice && held.since + HOLD <= now)
                .min_by_key(|(_, held)| held.loudness)
                .filter(|(_, held)| held.loudness.plus(MARGIN) < loudness)
        };
        own.or_else(free).map(|(at, _)| at).or_else(|| softer().map(|(at, _)| at))
    }

    /// The stream of that SSRC.
    pub(crate) fn find(&mut self, ssrc: u32) -> Option<&mut OutboundStream> {
        self.places.iter_mut().map(|place| &mut place.stream).find(|stream| stream.ssrc() == ssrc)
    }

    /// Who is heard under an SSRC.
    pub(crate) fn seat(&self, ssrc: u32) -> Option<usize> {
        let place = self.places.iter().find(|place| place.stream.ssrc() == ssrc)?;
        place.held.map(|held| held.seat)
    }

    /// Frees the stream of a speaker who left.
    pub(crate) fn release(&mut self, seat: usize) {
        for place in &mut self.places {
            if place.held.is_some_and(|held| held.seat == seat) {
                place.held = None;
            }
        }
    }

    /// All streams, for reports.
    pub(crate) fn live(&self) -> impl Iterator<Item = &OutboundStream> {
        self.places.iter().map(|place| &place.stream)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rtp::header::RtpHeader;
    use crate::stream::outbound::Carried;
    use crate::stream::outbound::Piece;

    const FRAME: Duration = Duration::from_millis(20);
    const SOFT: Loudness = Loudness::decibels(80);
    const LOUD: Loudness = Loudness::decibels(95);
    const ANA: usize = 1;
    const BEN: usize = 2;

    /// Whether the speaker on `seat` is heard.
    fn heard(funnel: &mut Funnel, now: Instant, seat: usize, loudness: Loudness) -> bool {
        funnel.choose(now, seat, loudness, true).is_some()
    }

    #[test]
    fn who_speaks_first_is_heard_until_they_pause() {
        let start = Instant::now();
        let mut funnel = Funnel::new(64, 1);

        assert!(heard(&mut funnel, start, ANA, SOFT));
        assert!(!heard(&mut funnel, start, BEN, SOFT));
        let pause = start + FREE_AFTER;
        assert!(!heard(&mut funnel, pause - FRAME, BEN, SOFT));
        assert!(heard(&mut funnel, pause, BEN, SOFT));
        assert!(!heard(&mut funnel, pause, ANA, SOFT));
    }

    #[test]
    fn while_several_talk_the_loudest_wins_once_the_other_was_heard_for_a_while() {
        let start = Instant::now();
        let mut funnel = Funnel::new(64, 1);
        let frames = 60;
        let mut first = None;

        for frame in 0..frames {
            let now = start + FRAME * frame;
            heard(&mut funnel, now, ANA, SOFT);
            if heard(&mut funnel, now, BEN, LOUD) {
                first.get_or_insert(frame);
            }
        }

        assert_eq!(first, Some(50), "after a second");
        let now = start + FRAME * frames;
        assert!(!heard(&mut funnel, now, ANA, SOFT));
        assert!(heard(&mut funnel, now, BEN, LOUD));
    }

    #[test]
    fn hardly_louder_is_not_louder() {
        let start = Instant::now();
        let mut funnel = Funnel::new(64, 1);
        for frame in 0..200 {
            let now = start + FRAME * frame;
            assert!(heard(&mut funnel, now, ANA, SOFT));
            assert!(!heard(&mut funnel, now, BEN, SOFT.plus(MARGIN)));
        }
    }

    #[test]
    fn an_open_microphone_keeps_nobody_who_speaks_from_being_heard() {
        let start = Instant::now();
        let mut funnel = Funnel::new(64, 1);
        // Noise is heard where there is nothing else.
        assert!(funnel.choose(start, ANA, Loudness::SILENCE, false).is_some());
        let later = start + FREE_AFTER;
        assert!(funnel.choose(later, ANA, Loudness::SILENCE, false).is_some());

        assert!(funnel.choose(later, BEN, SOFT, true).is_some());
        assert!(funnel.choose(later, ANA, Loudness::SILENCE, false).is_none());
        // Nor does noise take the stream in a pause of somebody who is there.
        let pause = later + FREE_AFTER;
        assert!(funnel.choose(pause - FRAME, BEN, Loudness::SILENCE, false).is_some());
        assert!(funnel.choose(pause, ANA, Loudness::SILENCE, false).is_none());
        // Of somebody who is not, it does.
        let gone = pause - FRAME + FREE_AFTER;
        assert!(funnel.choose(gone, ANA, Loudness::SILENCE, false).is_some());
    }

    #[test]
    fn as_many_are_heard_at_once_as_there_are_streams() {
        let now = Instant::now();
        let mut funnel = Funnel::new(64, 2);

        let ssrc = |funnel: &mut Funnel, seat| {
            funnel.choose(now, seat, SOFT, true).map(|(stream, _)| stream.ssrc())
        };
        assert_eq!(ssrc(&mut funnel, ANA), Some(64));
        assert_eq!(ssrc(&mut funnel, BEN), Some(65));
        assert_eq!(ssrc(&mut funnel, 3), None);

        funnel.release(ANA);
        assert_eq!(ssrc(&mut funnel, 3), Some(64));
        assert_eq!((funnel.seat(64), funnel.seat(65), funnel.seat(66)), (Some(3), Some(BEN), None));
    }

    #[test]
    fn a_listener_sees_one_stream_go_on_when_the_speaker_changes() {
        let start = Instant::now();
        let mut funnel = Funnel::new(64, 1);
        let mut send = |now, seat, seq: u64, timestamp| {
            let (stream, turns) = funnel.choose(now, seat, SOFT, true).expect("heard");
            let piece = Piece { source: 0, speaker: 0, listener: turns };
            let header =
                RtpHeader { marker: false, payload_type: 0, sequence: 0, timestamp, ssrc: 9 };
            stream.rewrite(now, piece, seq, &header, (80, Carried::default())).expect("in order").0
        };
        send(start, ANA, 700, 5_000);
        let before = send(start + FRAME, ANA, 701, 5_960);

        let later = start + FRAME + Duration::from_millis(500);
        let after = send(later, BEN, 20_000, 90_000_000);
        let next = send(later + FRAME, BEN, 20_001, 90_000_960);

        assert_eq!((before.ssrc, after.ssrc), (64, 64));
        assert_eq!(after.sequence, before.sequence.wrapping_add(1));
        assert_eq!(after.timestamp.wrapping_sub(before.timestamp), 24_000);
        assert!(after.marker && !before.marker && !next.marker);
        assert_eq!(next.sequence, after.sequence.wrapping_add(1));
        assert_eq!(next.timestamp.wrapping_sub(after.timestamp), 960);
    }

    proptest! {
        #[test]
        fn no_speaker_has_two_streams_and_no_number_is_given_twice(
            packets in proptest::collection::vec((0usize..5, 0u16..128, any::<bool>(), 0u64..400), 1..300),
        ) {
            let mut now = Instant::now();
            let mut funnel = Funnel::new(64, 2);
            let mut given = std::collections::HashSet::new();
            for (number, (seat, decibels, voice, millis)) in packets.into_iter().enumerate() {
                now += Duration::from_millis(millis);
                let loudness = Loudness::decibels(decibels);
                if let Some((stream, turns)) = funnel.choose(now, seat, loudness, voice) {
                    let piece = Piece { source: 0, speaker: 0, listener: turns };
                    let header = RtpHeader {
                        marker: false, payload_type: 0, sequence: 0, timestamp: 0, ssrc: 9,
                    };
                    let sent = stream.rewrite(now, piece, number as u64, &header, (80, Carried::default()));
                    let (header, index) = sent.expect("in order");
                    prop_assert!(given.insert((header.ssrc, index)));
                }
                let mut seats: Vec<_> = [64, 65].iter().filter_map(|ssrc| funnel.seat(*ssrc)).collect();
                let held = seats.len();
                seats.dedup();
                prop_assert_eq!(seats.len(), held);
            }
        }
    }
}

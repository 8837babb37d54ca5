//! How loud everybody in a room is at the moment, smoothed, by what their packets say outside the
//! audio itself: payloads are never looked into.
//!
//! Browsers tell a level with each packet (RFC 6464). Clients of Discord's UDP transport do not, or
//! seal it where only end-to-end keys reach; they are judged by the presence of packets: one that
//! is neither silence nor DTX counts as speech of usual loudness.
//!
//! Pure and HOT: one packet costs a few integer operations; memory grows with the seats only.

use std::time::Duration;
use std::time::Instant;

use crate::opus;
use crate::rtp::ext::AudioLevel;

/// Loudness in sixteenths of a decibel above digital silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Loudness(u16);

impl Loudness {
    pub(crate) const SILENCE: Self = Self(0);
    pub(crate) const LOUDEST: Self = Self::decibels(127);

    /// From decibels above digital silence.
    pub(crate) const fn decibels(above_silence: u16) -> Self {
        Self(above_silence * 16)
    }

    /// Louder by this many decibels.
    pub(crate) const fn plus(self, decibels: u16) -> Self {
        Self(self.0.saturating_add(decibels * 16))
    }
}

/// What a packet without a level counts as: speech at -40 dBov.
const PRESUMED: Loudness = Loudness::decibels(87);
/// Softer than this is no voice, whatever its sender believes: -60 dBov. Higher hides soft
/// speakers; lower lights up for a fan in the room.
const VOICE: Loudness = Loudness::decibels(67);
/// How much louder one packet can make: a cough of one packet displaces nobody.
const ATTACK: u16 = 16 * 8;
/// How fast loudness fades without packets, a sixteenth of a decibel in this many milliseconds: about
/// 30 dB/s, so that the pause between two words loses no place.
const FADE: u128 = 2;

/// The loudness of one packet, and whether it is voice.
pub(crate) fn hear(level: Option<AudioLevel>, payload: &[u8]) -> (Loudness, bool) {
    if opus::is_silence(payload) {
        return (Loudness::SILENCE, false);
    }
    match level {
        Some(level) => {
            let loudness = Loudness::decibels(127 - u16::from(level.below_overload.min(127)));
            (loudness, loudness >= VOICE)
        }
        None => (PRESUMED, true),
    }
}

/// The loudness of every seat.
#[derive(Debug, Default)]
pub(crate) struct Speakers(Vec<Option<(Loudness, Instant)>>);

impl Speakers {
    /// Takes a packet of the peer on `seat`. Its smoothed loudness from now on.
    pub(crate) fn note(&mut self, now: Instant, seat: usize, loudness: Loudness) -> Loudness {
        if seat >= self.0.len() {
            self.0.resize(seat + 1, None);
        }
        let before = self.of(now, seat);
        let louder = loudness.0.saturating_sub(before.0).min(ATTACK);
        let smoothed = Loudness(before.0 + louder);
        self.0[seat] = Some((smoothed, now));
        smoothed
    }

    /// The smoothed loudness of `seat`, faded since its last packet.
    pub(crate) fn of(&self, now: Instant, seat: usize) -> Loudness {
        let Some(Some((loudness, at))) = self.0.get(seat) else { return Loudness::SILENCE };
        let millis = now.saturating_duration_since(*at).min(LONG_AGO).as_millis();
        Loudness(loudness.0.saturating_sub((millis / FADE) as u16))
    }

    /// Forgets a seat, because another will sit there.
    pub(crate) fn leave(&mut self, seat: usize) {
        if let Some(heard) = self.0.get_mut(seat) {
            *heard = None;
        }
    }
}

/// By then everything has faded.
const LONG_AGO: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(20);

    fn level(below_overload: u8) -> Option<AudioLevel> {
        Some(AudioLevel { below_overload, voice: true })
    }

    #[test]
    fn voice_is_told_by_level_and_without_one_by_presence() {
        assert_eq!(hear(level(30), b"opus frame"), (Loudness::decibels(97), true));
        assert!(!hear(level(80), b"opus frame").1);
        assert!(!hear(level(127), b"opus frame").1);
        assert_eq!(hear(None, b"opus frame"), (PRESUMED, true));
        assert_eq!(hear(None, &[0xF8, 0xFF, 0xFE]), (Loudness::SILENCE, false));
        assert_eq!(hear(level(10), &[0xF8]), (Loudness::SILENCE, false), "DTX is no voice");
    }

    #[test]
    fn a_cough_is_softer_than_speech_of_the_same_level() {
        let start = Instant::now();
        let mut speakers = Speakers::default();

        let cough = speakers.note(start, 0, Loudness::decibels(100));
        let mut speech = Loudness::SILENCE;
        for frame in 0..15 {
            speech = speakers.note(start + FRAME * frame, 1, Loudness::decibels(100));
        }

        assert!(cough < Loudness::decibels(20));
        assert!(speech > Loudness::decibels(95));
    }

    #[test]
    fn loudness_fades_by_half_a_decibel_in_sixteen_milliseconds_and_ends_at_silence() {
        let start = Instant::now();
        let mut speakers = Speakers::default();
        for _ in 0..20 {
            speakers.note(start, 3, Loudness::decibels(90));
        }

        assert_eq!(speakers.of(start + Duration::from_millis(320), 3), Loudness::decibels(80));
        assert_eq!(speakers.of(start + Duration::from_secs(3_600), 3), Loudness::SILENCE);
        assert_eq!(speakers.of(start, 4), Loudness::SILENCE);
        speakers.leave(3);
        assert_eq!(speakers.of(start, 3), Loudness::SILENCE);
    }
}

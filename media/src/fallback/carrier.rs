//! One stream that carries the datagrams of one peer, and how long it may. Pure: time is an argument.
//!
//! A stream must show that it belongs to somebody. ICE over TCP: until the media port has answered one
//! of its checks, which it does only to who knows a password of ours, nothing but checks is let
//! through. TURN: until it has an allocation, which needs a pass of ours, nothing is.

use std::net::SocketAddr;
use std::time::Instant;

use model::limits;

use super::backlog::Backlog;
use super::frames;
use super::frames::Deframer;
use super::frames::Framing;
use super::turn::Passes;
use super::turn::Taken;
use super::turn::Turn;
use crate::transport::stun;

/// Why a stream was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// Its frames cannot be read.
    #[error("malformed")]
    Malformed,
    /// None of its checks was answered in time, or no pass was shown.
    #[error("unproven")]
    Unproven,
    /// Nothing came from one of its ends for long, or its allocation ended.
    #[error("silent")]
    Silent,
}

/// See the module.
#[derive(Debug)]
pub struct Carrier {
    /// Where the client speaks TURN.
    turn: Option<Box<Turn>>,
    deframer: Deframer,
    backlog: Backlog,
    /// When the stream began, until it is proven.
    unproven_since: Option<Instant>,
    /// When something last came from the client, and from the media port.
    heard: Instant,
    answered: Instant,
    refused: u64,
}

impl Carrier {
    /// Of a stream that was opened at `now`.
    #[must_use]
    pub fn ice(now: Instant) -> Self {
        Self::new(now, Framing::Ice, None)
    }

    /// Of a stream of `client` on which TURN is spoken, whose datagrams leave by `port`. `drawn` is
    /// random.
    #[must_use]
    pub fn turn(
        now: Instant,
        passes: Passes,
        (client, port): (SocketAddr, u16),
        drawn: [u8; 8],
    ) -> Self {
        let turn = Turn::new(passes, client, port, drawn);
        Self::new(now, Framing::Turn, Some(Box::new(turn)))
    }

    fn new(now: Instant, framing: Framing, turn: Option<Box<Turn>>) -> Self {
        Self {
            turn,
            deframer: Deframer::new(framing),
            backlog: Backlog::default(),
            unproven_since: Some(now),
            heard: now,
            answered: now,
            refused: 0,
        }
    }

    /// Takes bytes of the stream; `to_media` is given each datagram for the media port. `unix` are the
    /// seconds of the wall clock.
    ///
    /// # Errors
    ///
    /// Why the stream must be closed.
    pub fn read(
        &mut self,
        (now, unix): (Instant, u64),
        bytes: &[u8],
        mut to_media: impl FnMut(&[u8]),
    ) -> Result<(), Ended> {
        self.deframer.push(bytes);
        while let Some(datagram) = self.deframer.next().map_err(|_| Ended::Malformed)? {
            if datagram.is_empty() {
                continue;
            }
            self.heard = now;
            if let Some(turn) = &mut self.turn {
                let mut over = false;
                self.backlog.push(now, false, |reply| {
                    match turn.handle(now, unix, datagram, reply) {
                        Taken::Done => {}
                        Taken::Data(datagram) => to_media(datagram),
                        Taken::Over => over = true,
                    }
                });
                if over {
                    return Err(Ended::Unproven);
                }
                match (turn.until(), self.unproven_since) {
                    (Some(_), Some(_)) => self.unproven_since = None,
                    (None, None) => self.unproven_since = Some(now),
                    _ => {}
                }
                continue;
            }
            if self.unproven_since.is_some() && !stun::is_request(datagram) {
                self.refused += 1;
                continue;
            }
            to_media(datagram);
        }
        Ok(())
    }

    /// Takes a datagram of the media port.
    pub fn take_datagram(&mut self, now: Instant, datagram: &[u8]) {
        if datagram.len() > limits::RELAYED_FRAME {
            self.refused += 1;
            return;
        }
        self.answered = now;
        if let Some(turn) = &self.turn {
            return self.backlog.push(now, perishes(datagram), |out| turn.wrap(now, datagram, out));
        }
        if self.unproven_since.is_some() && stun::success_of(datagram).is_some() {
            self.unproven_since = None;
        }
        self.backlog.push(now, perishes(datagram), |out| frames::frame(datagram, out));
    }

    /// Moves what is to be written to the end of `out`, until that has `most` bytes or more.
    pub fn take_output(&mut self, now: Instant, most: usize, out: &mut Vec<u8>) {
        self.backlog.take(now, most, out);
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Instant {
        match (self.unproven_since, self.turn.as_ref().and_then(|turn| turn.until())) {
            (Some(since), _) => since + limits::RELAY_PROOF,
            // A browser keeps an allocation in reserve, and says nothing there but that it does.
            (None, Some(until)) => until,
            (None, None) => self.heard.min(self.answered) + limits::RELAY_SILENCE,
        }
    }

    /// Acts on deadlines that have passed.
    ///
    /// # Errors
    ///
    /// Why the stream must be closed.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Ended> {
        if now < self.poll_timeout() {
            return Ok(());
        }
        Err(if self.unproven_since.is_some() { Ended::Unproven } else { Ended::Silent })
    }

    /// Whether the stream has shown that it belongs to somebody.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.unproven_since.is_none()
    }

    /// Datagrams that were thrown away since the last call: those for which the stream was too slow,
    /// and those that were refused.
    pub fn take_dropped(&mut self) -> (u64, u64) {
        (self.backlog.take_dropped(), std::mem::take(&mut self.refused))
    }
}

/// Whether a datagram is sound, a picture or a report of them (RFC 7983 §7).
fn perishes(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(128..=191))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const REQUEST: &[u8] = include_bytes!("../../tests/data/rfc/rfc5769-2.1-request.bin");
    const ANSWER: &[u8] = include_bytes!("../../tests/data/rfc/rfc5769-2.2-ipv4-response.bin");
    const SOUND: &[u8] = &[0x80, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 1, 2, 3];

    fn framed(datagram: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        frames::frame(datagram, &mut out);
        out
    }

    fn read(carrier: &mut Carrier, now: Instant, datagram: &[u8]) -> usize {
        let mut count = 0;
        carrier.read((now, 0), &framed(datagram), |_| count += 1).expect("well framed");
        count
    }

    #[test]
    fn nothing_but_checks_passes_until_one_was_answered() {
        let now = Instant::now();
        let mut carrier = Carrier::ice(now);

        assert_eq!((read(&mut carrier, now, SOUND), read(&mut carrier, now, REQUEST)), (0, 1));
        // What is not an answer to a check proves nothing.
        carrier.take_datagram(now, SOUND);
        assert_eq!(read(&mut carrier, now, SOUND), 0);
        carrier.take_datagram(now, ANSWER);
        assert_eq!(read(&mut carrier, now, SOUND), 1);

        let mut out = Vec::new();
        carrier.take_output(now, usize::MAX, &mut out);
        assert_eq!(out, [framed(SOUND), framed(ANSWER)].concat());
        assert_eq!(carrier.take_dropped(), (0, 2));
    }

    #[test]
    fn a_stream_whose_checks_nobody_answers_ends_at_its_deadline_however_much_it_sends() {
        let start = Instant::now();
        let mut carrier = Carrier::ice(start);
        let last = start + limits::RELAY_PROOF - Duration::from_millis(1);
        read(&mut carrier, last, REQUEST);

        assert_eq!(carrier.handle_timeout(last), Ok(()));
        assert_eq!(carrier.handle_timeout(start + limits::RELAY_PROOF), Err(Ended::Unproven));
    }

    #[test]
    fn a_proven_stream_ends_when_either_end_has_been_silent_for_long() {
        for silent in ["client", "media"] {
            let start = Instant::now();
            let mut carrier = Carrier::ice(start);
            carrier.take_datagram(start, ANSWER);
            let mut now = start;
            while now + Duration::from_secs(1) < start + limits::RELAY_SILENCE {
                now += Duration::from_secs(1);
                if silent == "client" {
                    carrier.take_datagram(now, SOUND);
                } else {
                    read(&mut carrier, now, SOUND);
                }
                assert_eq!(carrier.handle_timeout(now), Ok(()), "{silent}");
            }
            let end = start + limits::RELAY_SILENCE;
            assert_eq!(carrier.poll_timeout(), end);
            assert_eq!(carrier.handle_timeout(end), Err(Ended::Silent));
        }
    }

    #[test]
    fn a_client_that_does_not_read_is_sent_the_newest_sound_once_it_does() {
        let start = Instant::now();
        let mut carrier = Carrier::ice(start);
        carrier.take_datagram(start, ANSWER);
        let mut now = start;
        for number in 0..250_u16 {
            let mut sound = SOUND.to_vec();
            sound[2..4].copy_from_slice(&number.to_be_bytes());
            carrier.take_datagram(now, &sound);
            now += Duration::from_millis(20);
        }

        let mut out = Vec::new();
        carrier.take_output(now, usize::MAX, &mut out);
        let answer = framed(ANSWER);
        assert!(out.starts_with(&answer));
        let sounds: Vec<_> = out[answer.len()..].chunks(2 + SOUND.len()).collect();
        assert!((9..=11).contains(&sounds.len()), "{} frames", sounds.len());
        assert_eq!(sounds.last().expect("some")[4..6], 249_u16.to_be_bytes());
    }
}

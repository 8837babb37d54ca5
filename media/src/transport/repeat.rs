//! What a join says, said again before anybody asks: the last flight of the DTLS handshake, and the
//! answers to a browser's checks. Neither library nor network is known here; time is an argument.
//!
//! The library doubles its wait with each repetition, and waits as long before it answers what the
//! browser repeats. Behind a loss of three tenths that was where the seconds of a join went. A flight
//! that is repeated to the last bit costs no cryptography, and who received it before drops it by its
//! record numbers (RFC 6347 §4.1.2.6).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

/// When a flight is said again for the first time; each wait is half as long again as the one before.
/// Lower says twice what is only slow; higher makes each loss cost as much.
const FIRST_WAIT: Duration = Duration::from_millis(60);
/// The longest wait. A browser that is still there after this many has a network that loses much, not
/// one that is slow.
const LONGEST_WAIT: Duration = Duration::from_millis(400);
/// What the browser repeats is answered at once, but not twice within this time: its flight may fill
/// several datagrams, and networks duplicate some.
const LEAST_WAIT: Duration = Duration::from_millis(20);
/// How often a flight is said again that the browser must answer: for twelve seconds.
const REPEATS: usize = 32;
/// How often the last flight is, whose arrival no answer tells: for one second, on a way that lost or
/// delayed something before.
const FINAL_REPEATS: usize = 6;
/// The same on a way that did not. A browser that misses it repeats its own flight, after 50 ms where it
/// is Chromium, and is answered at once.
const FINAL_REPEATS_UNTROUBLED: usize = 1;
/// How often a session says anything again, asked or not; a bound for who asks in a browser's name.
const ALL_REPEATS: usize = 96;

/// Content types of DTLS records (RFC 5246 §6.2.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;

/// The last flight that a DTLS session said.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    datagrams: Vec<Vec<u8>>,
    /// The next datagram of a repetition under way.
    next: Option<usize>,
    /// Whether what is said next begins another flight.
    complete: bool,
    /// The newest piece of a handshake message of the peer that arrived.
    heard: Option<Piece>,
    /// Whether the peer repeated what was answered already.
    asked: bool,
    /// Whether anything had to be repeated so far, by the peer or by us.
    troubled: bool,
    /// Whether the handshake is over, for our part.
    last: bool,
    repeats: usize,
    all_repeats: usize,
    said: Said,
}

/// When the flight was said most recently.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Said {
    #[default]
    Never,
    /// In this turn, whose time is still to be told.
    Now,
    At(Instant),
}

impl Flight {
    /// Notes a datagram that the session says of itself.
    pub(crate) fn say(&mut self, datagram: &[u8]) {
        if !matches!(datagram.first(), Some(&(CHANGE_CIPHER_SPEC | HANDSHAKE))) {
            return;
        }
        if std::mem::take(&mut self.complete) {
            // The library's own repetition of a flight begins with the same message as the flight.
            let message = |datagram: &[u8]| Piece::of(datagram).map(|piece| piece.message);
            let is_same = self.datagrams.first().is_some_and(|first| {
                first.first() == datagram.first() && message(first) == message(datagram)
            });
            if !is_same {
                self.repeats = 0;
            }
            self.datagrams.clear();
        }
        self.datagrams.push(datagram.to_vec());
        (self.next, self.asked, self.said) = (None, false, Said::Now);
    }

    /// Notes a datagram of the peer, before the session takes it.
    pub(crate) fn hear(&mut self, datagram: &[u8]) {
        self.complete = true;
        let Some(piece) = Piece::of(datagram) else { return };
        if self.heard.is_none_or(|heard| heard < piece) {
            self.heard = Some(piece);
        } else {
            self.asked = self.said != Said::Never;
            self.troubled |= self.asked;
        }
    }

    /// Whether the peer has said anything.
    pub(crate) const fn has_heard(&self) -> bool {
        self.heard.is_some()
    }

    /// The session has its keys: what it said last is the end of the handshake.
    pub(crate) fn finish(&mut self) {
        self.last = true;
    }

    /// The session has its keys by what the peer said last, which shows that the peer heard all that was
    /// said here: nothing of it is said again.
    pub(crate) fn conclude(&mut self) {
        *self = Self { last: true, ..Self::default() };
    }

    /// Whether it has.
    pub(crate) const fn is_last(&self) -> bool {
        self.last
    }

    /// Tells the time, after which [`poll`](Self::poll) has what is due.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.complete = true;
        let at = match self.said {
            Said::Never => return,
            Said::Now => {
                self.said = Said::At(now);
                return;
            }
            Said::At(at) => at,
        };
        let asked = std::mem::take(&mut self.asked) && now >= at + LEAST_WAIT;
        let due = self.poll_timeout().is_some_and(|due| due <= now);
        if self.all_repeats < ALL_REPEATS && self.next.is_none() && (asked || due) {
            self.next = Some(0);
            self.said = Said::At(now);
            self.all_repeats += 1;
            self.repeats += usize::from(due);
            self.troubled |= !self.last;
        }
    }

    /// The next datagram to say again.
    pub(crate) fn poll(&mut self) -> Option<&[u8]> {
        let at = self.next?;
        self.next = (at + 1 < self.datagrams.len()).then_some(at + 1);
        self.datagrams.get(at).map(Vec::as_slice)
    }

    /// When to call [`handle_timeout`](Self::handle_timeout): when the flight is said again unasked.
    /// Besides, it is to be called after all that was said or heard.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let most = match (self.last, self.troubled) {
            (false, _) => REPEATS,
            (true, true) => FINAL_REPEATS,
            (true, false) => FINAL_REPEATS_UNTROUBLED,
        };
        let Said::At(at) = self.said else { return None };
        let may = self.repeats < most && self.all_repeats < ALL_REPEATS;
        may.then(|| at + wait(self.repeats))
    }
}

/// How long to wait before the repetition of this number.
fn wait(repeats: usize) -> Duration {
    let mut wait = FIRST_WAIT;
    for _ in 0..repeats {
        if wait >= LONGEST_WAIT {
            break;
        }
        wait = wait * 3 / 2;
    }
    wait.min(LONGEST_WAIT)
}

/// What a datagram begins with: the number of a handshake message, and where in it. One that does not
/// fit a datagram comes in several, and what follows is no repetition of what went before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Piece {
    message: u16,
    offset: u32,
}

impl Piece {
    /// Of a datagram that begins with a plain handshake message (RFC 6347 §4.1, §4.2.2).
    fn of(datagram: &[u8]) -> Option<Self> {
        const EPOCH: std::ops::Range<usize> = 3..5;
        const MESSAGE: std::ops::Range<usize> = 17..19;
        const OFFSET: std::ops::Range<usize> = 19..22;
        if *datagram.first()? != HANDSHAKE || datagram.get(EPOCH)? != [0, 0] {
            return None;
        }
        let message: &[u8; 2] = datagram.get(MESSAGE)?.first_chunk()?;
        let offset: &[u8; 3] = datagram.get(OFFSET)?.first_chunk()?;
        let offset = u32::from_be_bytes([0, offset[0], offset[1], offset[2]]);
        Some(Self { message: u16::from_be_bytes(*message), offset })
    }
}

/// Answers to a browser's checks that are given a second time, a moment later: half of what a lossy
/// way takes from a check is the answer.
#[derive(Debug, Default)]
pub(crate) struct Echoes(VecDeque<Echo>);

#[derive(Debug)]
struct Echo {
    due: Instant,
    to: SocketAddr,
    answer: Vec<u8>,
}

/// How much later. Lower is lost together with the first more often, where losses come in a row.
const ECHO: Duration = Duration::from_millis(15);
/// Answers that wait at once, at most: browsers check each path every 50 ms at the fastest.
const ECHOES: usize = 8;

impl Echoes {
    /// The first answers arrived: nothing waits any more.
    pub(crate) fn cancel(&mut self) {
        self.0.clear();
    }

    /// Notes an answer that was given at `now`.
    pub(crate) fn note(&mut self, now: Instant, to: SocketAddr, answer: &[u8]) {
        if self.0.len() < ECHOES {
            self.0.push_back(Echo { due: now + ECHO, to, answer: answer.to_vec() });
        }
    }

    /// The next answer that is due by `now`.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<(SocketAddr, Vec<u8>)> {
        let echo = self.0.pop_front_if(|echo| echo.due <= now)?;
        Some((echo.to, echo.answer))
    }

    /// When the next answer is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.0.front().map(|echo| echo.due)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A plain handshake message of this number.
    fn message(sequence: u8) -> Vec<u8> {
        let mut record = vec![0; 30];
        (record[0], record[18]) = (HANDSHAKE, sequence);
        record
    }

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Heard the first message at `start` and answered it with two datagrams.
    fn flight(start: Instant) -> Flight {
        let mut flight = Flight::default();
        flight.hear(&message(0));
        flight.say(&message(0));
        flight.say(&message(1));
        flight.handle_timeout(start);
        flight
    }

    /// What it says when it is told the time.
    fn said(flight: &mut Flight, now: Instant) -> usize {
        flight.handle_timeout(now);
        std::iter::from_fn(|| flight.poll().map(<[u8]>::to_vec)).count()
    }

    /// When it says something unasked, counted from the start, until it stops.
    fn times(flight: &mut Flight, start: Instant) -> Vec<Duration> {
        let mut times = Vec::new();
        while let Some(due) = flight.poll_timeout() {
            assert_eq!(said(flight, due - Duration::from_nanos(1)), 0);
            assert!(said(flight, due) > 0);
            times.push(due - start);
        }
        times
    }

    #[test]
    fn a_flight_is_said_again_with_growing_waits_until_there_is_no_hope() {
        let start = Instant::now();

        let times = times(&mut flight(start), start);

        assert_eq!(times[..3], [millis(60), millis(150), millis(285)]);
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] <= LONGEST_WAIT));
        assert_eq!(times.len(), REPEATS);
    }

    #[test]
    fn the_last_flight_is_said_again_once_or_a_few_times_where_something_was_lost() {
        let start = Instant::now();
        let mut untroubled = flight(start);
        untroubled.finish();
        assert_eq!(times(&mut untroubled, start).len(), FINAL_REPEATS_UNTROUBLED);

        let mut repeated = flight(start);
        repeated.hear(&message(0));
        assert_eq!(said(&mut repeated, start), 0, "not twice in a moment");
        repeated.finish();
        assert_eq!(times(&mut repeated, start).len(), FINAL_REPEATS);

        let mut waited = flight(start);
        assert_eq!(said(&mut waited, start + FIRST_WAIT), 2);
        waited.finish();
        waited.hear(&message(1));
        waited.say(&[CHANGE_CIPHER_SPEC; 30]);
        let start = start + 2 * FIRST_WAIT;
        assert_eq!(said(&mut waited, start), 0);
        assert_eq!(times(&mut waited, start).len(), FINAL_REPEATS);
    }

    #[test]
    fn what_the_browser_repeats_is_answered_at_once_and_its_next_message_is_not() {
        let start = Instant::now();
        let mut flight = flight(start);

        flight.hear(&message(0));
        assert_eq!(said(&mut flight, start + millis(10)), 0, "not twice in a moment");
        flight.hear(&message(0));
        assert_eq!(said(&mut flight, start + millis(30)), 2);
        flight.hear(&message(1));
        assert_eq!(said(&mut flight, start + millis(55)), 0);
    }

    #[test]
    fn a_message_in_pieces_is_no_repetition_and_without_an_answer_there_is_none_to_repeat() {
        let start = Instant::now();
        let mut second = message(0);
        second[21] = 200;
        let mut flight = Flight::default();

        // The second piece was lost, and the browser says both again.
        for piece in [message(0), message(0), second.clone()] {
            flight.hear(&piece);
            assert_eq!(flight.poll_timeout(), None);
        }
        flight.say(&message(0));
        flight.handle_timeout(start);
        flight.hear(&second);

        assert_eq!(said(&mut flight, start + millis(30)), 1);
    }

    #[test]
    fn the_next_flight_takes_the_place_of_the_one_before() {
        let start = Instant::now();
        let mut flight = flight(start);
        let mut last = message(0);
        last[0] = CHANGE_CIPHER_SPEC;

        flight.hear(&message(1));
        flight.say(&last);
        flight.handle_timeout(start + millis(50));
        flight.handle_timeout(start + millis(110));

        assert_eq!(flight.poll(), Some(&last[..]));
        assert_eq!(flight.poll(), None);
    }

    #[test]
    fn who_begins_repeats_each_flight_with_short_waits_and_nothing_once_the_peer_has_heard_it() {
        let start = Instant::now();
        let mut flight = Flight::default();
        flight.say(&message(0));
        flight.handle_timeout(start);
        assert_eq!(said(&mut flight, start + FIRST_WAIT), 1);
        assert_eq!(said(&mut flight, start + millis(150)), 1);

        // The library says the same once more, which is no other flight.
        flight.handle_timeout(start + millis(160));
        flight.say(&message(0));
        flight.handle_timeout(start + millis(160));
        assert_eq!(flight.poll_timeout(), Some(start + millis(160) + millis(135)));
        flight.hear(&message(0));
        flight.say(&message(1));
        flight.handle_timeout(start + millis(200));
        assert_eq!(flight.poll_timeout(), Some(start + millis(200) + FIRST_WAIT));

        flight.conclude();
        flight.hear(&message(0));
        assert_eq!(said(&mut flight, start + millis(900)), 0);
        assert!(flight.is_last() && flight.poll_timeout().is_none());
    }

    #[test]
    fn alerts_and_data_are_never_said_again() {
        let mut flight = Flight::default();

        flight.say(&[21; 30]);
        flight.say(&[23; 30]);

        assert_eq!(flight.poll_timeout(), None);
    }

    #[test]
    fn whoever_repeats_a_message_for_ever_is_answered_a_bounded_number_of_times() {
        let start = Instant::now();
        let mut flight = flight(start);

        let answered = (1..1_000).filter(|turn| {
            flight.hear(&message(0));
            said(&mut flight, start + millis(25) * *turn) > 0
        });

        assert_eq!(answered.count(), ALL_REPEATS);
    }

    #[test]
    fn no_datagram_makes_the_reader_panic() {
        for length in 0..40 {
            for first in 0..=u8::MAX {
                let mut datagram = vec![0; length];
                if let Some(byte) = datagram.first_mut() {
                    *byte = first;
                }
                let mut flight = Flight::default();
                flight.hear(&datagram);
                flight.say(&datagram);
            }
        }
    }

    proptest! {
        /// A time that does not lie ahead after it was told would keep the thread busy for ever.
        #[test]
        fn whatever_happens_the_next_time_lies_ahead(
            steps in proptest::collection::vec((0..4_u8, 0..4_u8, 0..200_u64), 1..60),
        ) {
            let mut now = Instant::now();
            let mut flight = Flight::default();
            for (step, number, passed) in steps {
                match step {
                    0 => flight.hear(&message(number)),
                    1 => flight.say(&message(number)),
                    2 => flight.say(&[CHANGE_CIPHER_SPEC; 30]),
                    _ => flight.finish(),
                }
                now += millis(passed);
                said(&mut flight, now);
                prop_assert!(flight.poll_timeout().is_none_or(|next| next > now));
            }
        }
    }

    #[test]
    fn an_answer_is_given_once_more_a_moment_later_and_few_wait() {
        let start = Instant::now();
        let to = SocketAddr::from(([192, 0, 2, 1], 9));
        let mut echoes = Echoes::default();
        for _ in 0..20 {
            echoes.note(start, to, b"yes");
        }

        assert_eq!(echoes.poll(start), None);
        assert_eq!(echoes.poll_timeout(), Some(start + ECHO));
        assert_eq!(echoes.poll(start + ECHO), Some((to, b"yes".to_vec())));
        assert_eq!(std::iter::from_fn(|| echoes.poll(start + ECHO)).count(), ECHOES - 1);
    }
}

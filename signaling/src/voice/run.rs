//! The one task of a voice session: it owns the socket while there is one, and outlives it. The
//! deciding is the session's.

use std::sync::Arc;

use model::media::PeerId;
use model::voice::CloseCode;
use model::voice::SessionKey;
use tokio::sync::mpsc;

use super::board::Note;
use super::calls::Calls;
use super::calls::Ears;
use super::link::GOODBYE_WINDOW;
use super::link::RESUME_WINDOW;
use super::negotiate::Version;
use super::output::Output;
use super::session::VoiceSession;
use super::socket::Received;
use super::socket::Wire;
use super::socket::now;
use crate::auth;

/// A socket that resumes a session.
pub(super) struct Attach {
    pub wire: Wire,
    pub version: Version,
    /// The last number that its client heard; 0 before the first.
    pub heard: u16,
}

/// Runs an admitted session to its end.
pub(super) async fn run(
    calls: Arc<Calls>,
    peer: PeerId,
    session: VoiceSession,
    wire: Wire,
    ears: Ears,
) {
    let Ears { mut notes, mut attach, code } = ears;
    let mut task = Task { calls, peer, session, wire: Some(wire) };
    while task.drain().await == Then::Goes {
        let Some(due) = task.session.poll_timeout() else { return };
        let wire = task.wire.as_mut();
        // All arms are cancel-safe: none loses what it waits for when another wins.
        tokio::select! {
            biased;
            note = notes.recv() => match note {
                Some(Note::Media(event)) => task.session.handle_media(now(), &event),
                Some(Note::News(news)) => task.session.handle_news(news),
                None => {
                    task.session.close(code.get().copied().unwrap_or(CloseCode::Disconnected));
                }
            },
            Some(attach) = attach.recv() => task.attach(*attach),
            received = receive(wire) => task.receive(received),
            () = tokio::time::sleep_until(due.into()) => task.session.handle_timeout(now()),
        }
        task.take_notes(&mut notes);
    }
}

async fn receive(wire: Option<&mut Wire>) -> Received {
    match wire {
        Some(wire) => wire.recv().await,
        None => std::future::pending().await,
    }
}

/// Whether a session goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Goes,
    Ends,
}

struct Task {
    calls: Arc<Calls>,
    peer: PeerId,
    session: VoiceSession,
    wire: Option<Wire>,
}

impl Task {
    /// Takes what else waits, so that it is sent at once.
    fn take_notes(&mut self, notes: &mut mpsc::Receiver<Note>) {
        for _ in 0..BATCH {
            match notes.try_recv() {
                Ok(Note::Media(event)) => self.session.handle_media(now(), &event),
                Ok(Note::News(news)) => self.session.handle_news(news),
                Err(_) => return,
            }
        }
    }

    /// Does what the session wants done.
    async fn drain(&mut self) -> Then {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Frame(text) => {
                    if let Some(wire) = &mut self.wire {
                        wire.feed(&text);
                    }
                }
                Output::DrawKey(mode) => {
                    self.session.key_drawn(mode, SessionKey::new(auth::random()));
                }
                Output::Command(command) => self.calls.with(|board| board.command_of(command)),
                Output::Speaking(flags) => {
                    self.calls.with(|board| board.speaking(self.peer, flags));
                }
                Output::Video(tracks) => self.calls.show(self.peer, tracks).await,
                Output::Detach(code) => self.close_socket(code),
                Output::Close(code) => {
                    self.calls.with(|board| board.ended(now(), self.peer, code));
                    if let Some(wire) = self.wire.take() {
                        wire.close(code).await;
                    }
                    return Then::Ends;
                }
                // Only sessions that were not admitted yet want these.
                Output::Identify(_) | Output::Resume(_) => {}
            }
        }
        if let Some(wire) = &mut self.wire
            && !wire.flush().await
        {
            self.lose_socket();
        }
        Then::Goes
    }

    fn attach(&mut self, attach: Attach) {
        // The client has given up the socket before.
        self.close_socket(CloseCode::SessionTimeout);
        let Attach { wire, version, heard } = attach;
        self.wire = Some(wire);
        self.calls.with(|board| board.has_socket(self.peer, true));
        self.session.attached(now(), version, heard);
        metrics::counter!("signaling_voice_resumes_total").increment(1);
    }

    fn receive(&mut self, received: Received) {
        match received {
            Received::Text(text) => self.session.handle_text(now(), &text),
            Received::Binary => self.session.handle_binary(now()),
            Received::TooLarge => self.session.close(CloseCode::FailedToDecode),
            Received::Closed(Some(1_000)) => {
                self.lose_socket();
                self.session.detached(now(), GOODBYE_WINDOW);
            }
            Received::Closed(_) | Received::Lost => self.lose_socket(),
        }
    }

    fn lose_socket(&mut self) {
        self.session.detached(now(), RESUME_WINDOW);
        self.calls.with(|board| board.has_socket(self.peer, false));
        self.wire = None;
    }

    /// Closes the socket while the session goes on, in a task of its own: its peer may be long
    /// gone.
    fn close_socket(&mut self, code: CloseCode) {
        if let Some(wire) = self.wire.take() {
            self.calls.tasks.spawn(wire.close(code));
        }
        self.calls.with(|board| board.has_socket(self.peer, false));
    }
}

/// Notes taken before the socket is flushed.
const BATCH: usize = 64;

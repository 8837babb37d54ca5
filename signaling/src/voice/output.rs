//! What a voice session wants done, and what it is given: the words between it and its shell.

use model::media::MediaCommand;
use model::media::PeerId;
use model::media::Tracks;
use model::voice::CloseCode;
use model::voice::EncryptionMode;
use serde_json::Value;

use super::announce::Announced;
use super::others::Other;
use super::payload::Identify;
use super::payload::Resume;

/// What the shell is to do, in this order.
#[derive(Debug)]
pub(super) enum Output {
    /// Send this text.
    Frame(String),
    /// Look for the ticket: [`VoiceSession::admit`] or [`VoiceSession::close`] answers.
    ///
    /// [`VoiceSession::admit`]: super::session::VoiceSession::admit
    /// [`VoiceSession::close`]: super::session::VoiceSession::close
    Identify(Box<Identify>),
    /// Hand the socket to the session that this names, or close this one.
    Resume(Box<Resume>),
    /// Draw a key for [`VoiceSession::key_drawn`].
    ///
    /// [`VoiceSession::key_drawn`]: super::session::VoiceSession::key_drawn
    DrawKey(EncryptionMode),
    /// Tell the media wing.
    Command(MediaCommand),
    /// Tell the others in the channel that the speaking flags are these.
    Speaking(u64),
    /// The client shows this from now on: tell the media wing and the others, if it may.
    Video(Tracks),
    /// Close the socket; the session waits to be resumed.
    Detach(CloseCode),
    /// Close the socket, if there is one; the session is over.
    Close(CloseCode),
}

/// A place in a room, given to a client that identified.
#[derive(Debug)]
pub(super) struct Admission {
    pub peer: PeerId,
    /// The SSRC of its audio.
    pub ssrc: u32,
    /// Where it sends its media.
    pub announced: Announced,
    /// What it may fall back to, for a browser; null when there is nothing.
    pub relays: Value,
    /// Names the session in op 4.
    pub media_session: String,
    /// Who is there already.
    pub others: Vec<Other>,
}

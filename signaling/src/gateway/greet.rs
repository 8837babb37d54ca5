//! IO shell of a handshake: looks tokens up, then begins a session or hands the socket to one.

use std::future::poll_fn;
use std::task::Poll;

use model::gateway::CloseCode;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::oneshot;

use super::encode::Frame;
use super::handshake::Handshake;
use super::handshake::HandshakeOutput;
use super::handshake::Refusal;
use super::incoming::Identify;
use super::incoming::Resume;
use super::pulse::Pulse;
use super::ready;
use super::run::Attach;
use super::session::Unresumable;
use super::socket::Received;
use super::socket::Wire;
use super::socket::now;
use crate::cdn::Origin;
use crate::parts::Parts;

/// How a client reached us.
#[derive(Debug, Clone)]
pub(super) struct Door {
    /// The host that it asked for, with its port.
    pub host: String,
    /// Whether TLS is on the connection.
    pub tls: bool,
    /// The version of the API that it asked for, if that is a number.
    pub version: Option<u64>,
}

/// What happened while a socket was waited for.
enum Input {
    Received(Received),
    Timeout,
    Shutdown,
}

/// What a session begins with.
pub(super) type Greeted = (Parts, Door, Admitted, Wire, Pulse);

/// Greets a socket, and hands it to the session that it resumes. What its own session is to begin
/// with, when it identified.
pub(super) async fn greet(
    parts: Parts,
    door: Door,
    mut wire: Wire,
    permit: OwnedSemaphorePermit,
) -> Option<Greeted> {
    let mut handshake = Handshake::new(now(), door.version);
    loop {
        let mut texts = Vec::new();
        let mut asked = None;
        while let Some(output) = handshake.poll_output() {
            match output {
                HandshakeOutput::Send(text) => texts.push(Frame::Control(text)),
                HandshakeOutput::Close(code) => {
                    wire.close(code, texts).await;
                    return None;
                }
                asking => asked = Some(asking),
            }
        }
        let input = wait(&parts, &handshake, &mut wire, texts, asked.is_some()).await;
        match (input, asked) {
            (None, Some(HandshakeOutput::Identify(identify))) => {
                match admit(&parts, &door, *identify).await {
                    Ok(admitted) => {
                        drop(permit);
                        if admitted.compress {
                            wire.compress_payloads();
                        }
                        let pulse = handshake.into_pulse();
                        return Some((parts, door, admitted, wire, pulse));
                    }
                    Err(refusal) => handshake.refuse(refusal),
                }
            }
            (None, Some(HandshakeOutput::Resume(resume))) => {
                let (back, refusal) = hand_over(&parts, &mut handshake, wire, *resume).await?;
                wire = back;
                handshake.refuse(refusal);
            }
            (None, _) => {}
            (Some(Input::Received(Received::Message(bytes))), _) => {
                handshake.handle_frame(now(), &bytes);
            }
            (Some(Input::Received(Received::Garbage)), _) => handshake.handle_garbage(),
            (Some(Input::Received(Received::Closed(_))), _) => {
                wire.hang_up().await;
                return None;
            }
            (Some(Input::Received(Received::Lost)), _) => return None,
            (Some(Input::Timeout), _) => handshake.handle_timeout(now()),
            (Some(Input::Shutdown), _) => handshake.handle_shutdown(),
        }
    }
}

/// Sends `texts`; then, unless something is to be looked up, waits for whatever comes first.
async fn wait(
    parts: &Parts,
    handshake: &Handshake,
    wire: &mut Wire,
    texts: Vec<Frame>,
    busy: bool,
) -> Option<Input> {
    let mut texts = texts.into_iter();
    let turn = poll_fn(|context| {
        match wire.poll_write(context, now(), || texts.next()) {
            Poll::Ready(Err(_)) => return Poll::Ready(Some(Input::Received(Received::Lost))),
            Poll::Ready(Ok(())) if busy => return Poll::Ready(None),
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        if busy {
            return Poll::Pending;
        }
        wire.poll_read(context).map(|received| Some(Input::Received(received)))
    });
    // All three are cancel-safe: a text not yet written is only lost with the socket itself, since
    // timeouts and shutdown close it.
    tokio::select! {
        biased;
        () = parts.sessions.closing.cancelled() => Some(Input::Shutdown),
        input = turn => input,
        () = tokio::time::sleep_until(handshake.poll_timeout().into()) => Some(Input::Timeout),
    }
}

/// An Identify that passed.
pub(super) struct Admitted {
    /// Whose it is.
    pub identity: crate::auth::Identity,
    /// What the session may hear, and says.
    pub wanted: ready::Wanted,
    /// Whether large payloads are to be compressed.
    pub compress: bool,
}

async fn admit(parts: &Parts, door: &Door, identify: Identify) -> Result<Admitted, Refusal> {
    let identity = match parts.auth.authenticate(&identify.token).await {
        Ok(Some(identity)) => identity,
        Ok(None) => return Err(Refusal::Close(CloseCode::AuthenticationFailed)),
        Err(error) => {
            tracing::error!(%error, "storage failed an identify");
            return Err(Refusal::Close(CloseCode::UnknownError));
        }
    };
    let origin = Origin::new(&parts.config, &door.host, door.tls);
    let wanted = ready::check(&identify, &identity, origin, parts.now_ms());
    let wanted = wanted.map_err(Refusal::Close)?;
    if !parts.sessions.may_identify(&wanted.viewer, now()) {
        return Err(Refusal::InvalidSession);
    }
    // That a client can take compressed payloads does not bind us to send them. Bots' libraries can;
    // Fermi says so and reads none: people's clients that want them ask for a stream.
    let compress = identity.user.bot && identify.compress == Some(true);
    Ok(Admitted { identity, wanted, compress })
}

/// Hands the socket to the session that it resumes, or gives it back.
async fn hand_over(
    parts: &Parts,
    handshake: &mut Handshake,
    wire: Wire,
    resume: Resume,
) -> Option<(Wire, Refusal)> {
    let identity = match parts.auth.authenticate(&resume.token).await {
        Ok(identity) => identity,
        Err(error) => {
            tracing::error!(%error, "storage failed a resume");
            return Some((wire, Refusal::Close(CloseCode::UnknownError)));
        }
    };
    let entry = identity
        .zip(parts.sessions.find(&resume.session_id))
        .filter(|(identity, entry)| identity.id() == entry.user);
    let Some((_, entry)) = entry else { return Some((wire, Refusal::InvalidSession)) };
    let (refused, answer) = oneshot::channel();
    let pulse = handshake.lend_pulse(now());
    let attach = Box::new(Attach { wire, pulse, seq: resume.seq.unwrap_or(0), refused });
    entry.reception.attach(attach);
    // Dropped without an answer when the session took the socket.
    let (wire, pulse, why) = answer.await.ok()?;
    handshake.restore_pulse(pulse);
    let refusal = match why {
        Unresumable::InvalidSeq => Refusal::Close(CloseCode::InvalidSeq),
        Unresumable::TooOld => Refusal::InvalidSession,
    };
    Some((wire, refusal))
}

//! The server's side of TURN over one stream (RFC 8656 over TCP or TLS, §3.1), which relays to the
//! media port and to nothing else. Pure: time is an argument, and so is what was drawn at random.
//!
//! Who may is told by a pass: a user name that says until when and for which media address, and a
//! password that only we can have made of it. As the stream is one client's, its nonce need not expire.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Digest as _;
use md5::Md5;
use model::id::UserId;
use model::limits;
use model::media::RelayPass;

use super::message;
use super::message::Message;
use super::message::Reply;
use super::message::kind;
use super::message::named;

/// Makes passes and knows them again.
#[derive(Clone)]
pub struct Passes(Arc<[u8; 32]>);

impl std::fmt::Debug for Passes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passes(..)")
    }
}

impl Passes {
    /// Of a secret that nobody else knows.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Self {
        Self(Arc::new(secret))
    }

    /// A pass for `user` to the media port, which it was told is at `media`, from `unix` on, in seconds.
    pub(crate) fn issue(&self, user: UserId, media: SocketAddr, unix: u64) -> RelayPass {
        let until = unix + limits::RELAY_PASS.as_secs();
        let username = format!("{until}:{user}@{media}");
        let password = self.password(username.as_bytes());
        RelayPass { username, password }
    }

    /// The media address of a user name whose time is not over.
    fn media(username: &[u8], unix: u64) -> Option<SocketAddr> {
        let (until, rest) = std::str::from_utf8(username).ok()?.split_once(':')?;
        let (_, media) = rest.split_once('@')?;
        (until.parse::<u64>().ok()? > unix).then_some(())?;
        media.parse().ok()
    }

    /// As in draft-uberti-behave-turn-rest-00 §2.2.
    fn password(&self, username: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0[..]);
        STANDARD.encode(hmac::sign(&key, username))
    }

    /// The key of a long-term credential (RFC 8489 §9.2.2).
    fn key(&self, username: &[u8]) -> [u8; 16] {
        let password = self.password(username);
        let mut digest = Md5::new();
        for part in [username, b":", REALM, b":", password.as_bytes()] {
            digest.update(part);
        }
        digest.finalize().into()
    }
}

/// What a message of the client led to, beside the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken<'a> {
    /// Nothing more.
    Done,
    /// This goes to the media port.
    Data(&'a [u8]),
    /// Too many wrong passwords.
    Over,
}

/// One client's TURN.
#[derive(Debug)]
pub(crate) struct Turn {
    passes: Passes,
    nonce: [u8; NONCE],
    /// Where the client is, and what stands for the relayed address.
    client: SocketAddr,
    port: u16,
    allocation: Option<Allocation>,
    wrong: u8,
}

#[derive(Debug)]
struct Allocation {
    username: Vec<u8>,
    key: [u8; 16],
    /// The only peer.
    media: SocketAddr,
    until: Instant,
    permitted_until: Option<Instant>,
    channel: Option<(u16, Instant)>,
}

impl Allocation {
    fn is_permitted(&self, now: Instant) -> bool {
        self.permitted_until.is_some_and(|until| now < until)
    }

    fn channel(&self, now: Instant) -> Option<u16> {
        self.channel.filter(|(_, until)| now < *until).map(|(number, _)| number)
    }
}

impl Turn {
    /// Of `client`, whose datagrams leave by `port`. `drawn` is random.
    pub(crate) fn new(passes: Passes, client: SocketAddr, port: u16, drawn: [u8; 8]) -> Self {
        let mut nonce = [0; NONCE];
        for (pair, byte) in nonce.chunks_exact_mut(2).zip(drawn) {
            pair.copy_from_slice(&[b'a' + (byte >> 4), b'a' + (byte & 15)]);
        }
        Self { passes, nonce, client, port, allocation: None, wrong: 0 }
    }

    /// Until when the allocation lives, if there is one.
    pub(crate) fn until(&self) -> Option<Instant> {
        self.allocation.as_ref().map(|allocation| allocation.until)
    }

    /// Takes one message of the stream; what is to be answered is appended to `reply`. `unix` are the
    /// seconds of the wall clock.
    pub(crate) fn handle<'a>(
        &mut self,
        now: Instant,
        unix: u64,
        bytes: &'a [u8],
        reply: &mut Vec<u8>,
    ) -> Taken<'a> {
        if let Some((number, data)) = message::channel_data(bytes) {
            let allocation = self.allocation.as_ref();
            let bound = allocation.and_then(|allocation| allocation.channel(now));
            return if bound == Some(number) { Taken::Data(data) } else { Taken::Done };
        }
        let Some(message) = Message::parse(bytes) else { return Taken::Done };
        match message.kind {
            kind::SEND => self.send(now, &message),
            kind::ALLOCATE | kind::REFRESH | kind::CREATE_PERMISSION | kind::CHANNEL_BIND => {
                self.request(now, unix, &message, reply)
            }
            // Not TURN's, or not a client's to say.
            _ => Taken::Done,
        }
    }

    fn send<'a>(&self, now: Instant, message: &Message<'a>) -> Taken<'a> {
        let peer = message.address(named::XOR_PEER_ADDRESS);
        let data = message.get(named::DATA);
        match (&self.allocation, data) {
            (Some(allocation), Some(data))
                if allocation.is_permitted(now) && peer == Some(allocation.media) =>
            {
                Taken::Data(data)
            }
            _ => Taken::Done,
        }
    }

    fn request(
        &mut self,
        now: Instant,
        unix: u64,
        message: &Message<'_>,
        out: &mut Vec<u8>,
    ) -> Taken<'static> {
        let (username, media, key) = match self.authenticate(unix, message) {
            Ok(who) => who,
            Err(refusal) => {
                let mut reply = Reply::error(message, refusal.code(), out);
                if matches!(refusal, Refusal::Unauthorized | Refusal::StaleNonce) {
                    reply.put(named::REALM, REALM);
                    reply.put(named::NONCE, &self.nonce);
                }
                reply.finish(None);
                let over = self.wrong >= WRONG;
                return if over { Taken::Over } else { Taken::Done };
            }
        };
        let mut unknown = message.unknown().peekable();
        if unknown.peek().is_some() {
            let kinds: Vec<u8> = unknown.flat_map(u16::to_be_bytes).take(32).collect();
            let mut reply = Reply::error(message, Refusal::UnknownAttribute.code(), out);
            reply.put(named::UNKNOWN_ATTRIBUTES, &kinds);
            reply.finish(Some(&key));
            return Taken::Done;
        }
        let done = match message.kind {
            kind::ALLOCATE => self.allocate(now, message, (username, media, key), out),
            kind::REFRESH => self.refresh(now, message, out),
            kind::CREATE_PERMISSION => self.permit(now, message, out),
            _ => self.bind(now, message, out),
        };
        if let Err(refusal) = done {
            Reply::error(message, refusal.code(), out).finish(Some(&key));
        }
        Taken::Done
    }

    /// Who asks, what they may reach, and the key of their messages (RFC 8489 §9.2.4).
    fn authenticate(
        &mut self,
        unix: u64,
        message: &Message<'_>,
    ) -> Result<(Vec<u8>, SocketAddr, [u8; 16]), Refusal> {
        if !message.is_signed() {
            return Err(Refusal::Unauthorized);
        }
        let parts =
            (message.get(named::USERNAME), message.get(named::REALM), message.get(named::NONCE));
        let (Some(username), Some(realm), Some(nonce)) = parts else {
            return Err(Refusal::BadRequest);
        };
        if verify_slices_are_equal(nonce, &self.nonce).is_err() {
            return Err(Refusal::StaleNonce);
        }
        if let Some(allocation) = &self.allocation {
            if allocation.username != username {
                return Err(Refusal::WrongCredentials);
            }
            // A pass is good for as long as what it opened is kept open.
            if realm == REALM && message.proves(&allocation.key) {
                return Ok((username.to_vec(), allocation.media, allocation.key));
            }
        } else if realm == REALM
            && username.len() <= USERNAME
            && let Some(media) = Passes::media(username, unix)
        {
            let key = self.passes.key(username);
            if message.proves(&key) {
                return Ok((username.to_vec(), media, key));
            }
        }
        self.wrong = self.wrong.saturating_add(1);
        Err(Refusal::Unauthorized)
    }

    /// RFC 8656 §7.2.
    fn allocate(
        &mut self,
        now: Instant,
        message: &Message<'_>,
        (username, media, key): (Vec<u8>, SocketAddr, [u8; 16]),
        out: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        if self.allocation.is_some() {
            return Err(Refusal::AllocationMismatch);
        }
        match message.get(named::REQUESTED_TRANSPORT) {
            Some([UDP, ..]) => {}
            Some(_) => return Err(Refusal::UnsupportedTransport),
            None => return Err(Refusal::BadRequest),
        }
        let family = message.get(named::REQUESTED_ADDRESS_FAMILY).and_then(<[u8]>::first);
        if family.is_some_and(|family| (*family == IPV4) != media.is_ipv4()) {
            return Err(Refusal::FamilyNotSupported);
        }
        let lifetime = lifetime(message).max(LIFETIME);
        self.allocation = Some(Allocation {
            username,
            key,
            media,
            until: now + lifetime,
            permitted_until: None,
            channel: None,
        });
        let mut reply = Reply::success(message, out);
        reply.put_address(named::XOR_RELAYED_ADDRESS, SocketAddr::new(media.ip(), self.port));
        reply.put(named::LIFETIME, &seconds(lifetime));
        reply.put_address(named::XOR_MAPPED_ADDRESS, self.client);
        reply.finish(Some(&key));
        Ok(())
    }

    /// RFC 8656 §8.2.
    fn refresh(
        &mut self,
        now: Instant,
        message: &Message<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        let allocation = self.allocation.as_mut().ok_or(Refusal::AllocationMismatch)?;
        let mut lifetime = lifetime(message);
        if !lifetime.is_zero() {
            lifetime = lifetime.max(LIFETIME);
        }
        allocation.until = now + lifetime;
        let key = allocation.key;
        if lifetime.is_zero() {
            self.allocation = None;
        }
        let mut reply = Reply::success(message, out);
        reply.put(named::LIFETIME, &seconds(lifetime));
        reply.finish(Some(&key));
        Ok(())
    }

    /// RFC 8656 §10.2. A permission is for an address, whatever its port.
    fn permit(
        &mut self,
        now: Instant,
        message: &Message<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        let allocation = self.allocation.as_mut().ok_or(Refusal::AllocationMismatch)?;
        let mut peers = message.addresses(named::XOR_PEER_ADDRESS).peekable();
        if peers.peek().is_none() {
            return Err(Refusal::BadRequest);
        }
        let media: IpAddr = allocation.media.ip();
        if !peers.all(|peer| peer.is_some_and(|peer| peer.ip() == media)) {
            return Err(Refusal::Forbidden);
        }
        allocation.permitted_until = Some(now + PERMISSION);
        Reply::success(message, out).finish(Some(&allocation.key));
        Ok(())
    }

    /// RFC 8656 §12.2.
    fn bind(
        &mut self,
        now: Instant,
        message: &Message<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        let allocation = self.allocation.as_mut().ok_or(Refusal::AllocationMismatch)?;
        let number = message.get(named::CHANNEL_NUMBER).and_then(<[u8]>::first_chunk);
        let number = number.map(|number| u16::from_be_bytes(*number));
        let number = number.filter(|number| message::CHANNELS.contains(number));
        let peer = message.address(named::XOR_PEER_ADDRESS);
        let (Some(number), Some(peer)) = (number, peer) else { return Err(Refusal::BadRequest) };
        if peer != allocation.media {
            return Err(Refusal::Forbidden);
        }
        if allocation.channel(now).is_some_and(|bound| bound != number) {
            return Err(Refusal::BadRequest);
        }
        allocation.channel = Some((number, now + CHANNEL));
        allocation.permitted_until = Some(now + PERMISSION);
        Reply::success(message, out).finish(Some(&allocation.key));
        Ok(())
    }

    /// Appends a datagram of the media port as the client expects it; nothing, if it does not.
    pub(crate) fn wrap(&self, now: Instant, datagram: &[u8], out: &mut Vec<u8>) {
        let Some(allocation) = &self.allocation else { return };
        if let Some(number) = allocation.channel(now) {
            message::put_channel_data(number, datagram, out);
        } else if allocation.is_permitted(now) {
            // Nobody answers an indication: its number need not be new.
            let mut data = Reply::indication(kind::DATA, out);
            data.put_address(named::XOR_PEER_ADDRESS, allocation.media);
            data.put(named::DATA, datagram);
            data.finish(None);
        }
    }
}

/// Why a request is refused (RFC 8489 §14.8, RFC 8656 §19).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    BadRequest,
    Unauthorized,
    Forbidden,
    UnknownAttribute,
    AllocationMismatch,
    StaleNonce,
    FamilyNotSupported,
    WrongCredentials,
    UnsupportedTransport,
}

impl Refusal {
    const fn code(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::UnknownAttribute => 420,
            Self::AllocationMismatch => 437,
            Self::StaleNonce => 438,
            Self::FamilyNotSupported => 440,
            Self::WrongCredentials => 441,
            Self::UnsupportedTransport => 442,
        }
    }
}

/// The time that a client asks for, within bounds.
fn lifetime(message: &Message<'_>) -> Duration {
    let asked = message.get(named::LIFETIME).and_then(<[u8]>::first_chunk);
    let asked = asked.map(|asked| Duration::from_secs(u32::from_be_bytes(*asked).into()));
    asked.map_or(LIFETIME, |asked| asked.min(LONGEST))
}

fn seconds(lifetime: Duration) -> [u8; 4] {
    (lifetime.as_secs() as u32).to_be_bytes()
}

/// What passes are for; any name would do.
const REALM: &[u8] = b"guildhall";
/// Length of a nonce, in bytes.
const NONCE: usize = 16;
/// Longest user name of a pass, in bytes: two numbers and an address.
const USERNAME: usize = 128;
/// Wrong passwords before the stream is closed.
const WRONG: u8 = 5;
/// Protocol number of UDP, which is what leaves the relay (RFC 8656 §18.7).
const UDP: u8 = 17;
/// RFC 8656 §18.6.
const IPV4: u8 = 1;
/// How long an allocation lives unless refreshed, and at most (RFC 8656 §7.2).
const LIFETIME: Duration = Duration::from_secs(600);
const LONGEST: Duration = Duration::from_secs(3_600);
/// How long a permission lives (RFC 8656 §9), and the binding of a channel (§12).
const PERMISSION: Duration = Duration::from_secs(300);
const CHANNEL: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests;

//! A browser's DTLS handshake, as its client or its server: what it says, the certificate that it shows,
//! and the SRTP keys that it leads to. Time is an argument; where datagrams go, the caller knows.
//!
//! All of a node's handshakes share one certificate, one loaded key and one configuration: making them
//! costs more than the rest of a join.

use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use aws_lc_rs::digest;
use dimpl::Config;
use dimpl::Dtls;
use dimpl::DtlsCertificate;
use dimpl::Output;
use dimpl::SrtpProfile;
use dimpl::crypto::Buf;
use dimpl::crypto::HashAlgorithm;
use dimpl::crypto::KeyProvider;
use dimpl::crypto::SignatureAlgorithm;
use dimpl::crypto::SigningKey;
use dimpl::crypto::aws_lc_rs as provider;

use crate::metrics::DropReason;
use crate::transport::repeat::Flight;
use crate::transport::srtp::Profile;
use crate::transport::srtp::Srtp;

/// Room for one datagram of DTLS, in bytes.
const LARGEST_RECORD: usize = 2_048;
/// Outputs that one datagram may cause; more is a fault of the library that must not hang the shard.
const OUTPUTS_PER_DATAGRAM: usize = 64;
/// Bytes of a datagram of ours, at most: IPv6 promises 1,280 with its headers (RFC 8200 §5), and a
/// relay on the way adds its own.
const LARGEST_FLIGHT: usize = 1_150;
/// When the library sends a flight again; the time doubles with each. RFC 6347 §4.2.4.1 has a second
/// where nothing is known of the path, and WebRTC clients begin with 50 ms: ICE has just shown that
/// the path is short. Lower sends twice what is only slow; higher makes each loss cost a second.
const FLIGHT: Duration = Duration::from_millis(150);
/// How often. What a client repeats is answered out of the same budget, and in a bad network it
/// repeats much; the whole handshake has its own deadline.
const FLIGHT_RETRIES: usize = 16;

/// What all sessions of a node share: one certificate, so that a join generates none.
#[derive(Clone)]
pub(crate) struct WebRtcIdentity {
    config: Arc<Config>,
    certificate: Arc<DtlsCertificate>,
    /// Of the certificate, by SHA-256.
    fingerprint: [u8; FINGERPRINT],
}

/// Length of a fingerprint by SHA-256, in bytes.
pub(crate) const FINGERPRINT: usize = 32;

impl WebRtcIdentity {
    /// Generates the certificate. None when the crypto library fails.
    pub(crate) fn generate() -> Option<Self> {
        let certificate = dimpl::certificate::generate_self_signed_certificate().ok()?;
        let fingerprint = fingerprint_of(&certificate.certificate)?;
        Some(Self { config: config()?, certificate: Arc::new(certificate), fingerprint })
    }

    /// The certificate's, by SHA-256.
    pub(crate) const fn fingerprint(&self) -> &[u8; FINGERPRINT] {
        &self.fingerprint
    }
}

/// How all handshakes go.
pub(crate) fn config() -> Option<Arc<Config>> {
    let crypto =
        dimpl::crypto::CryptoProvider { key_provider: &ONE_KEY, ..provider::default_provider() };
    // ICE has verified that the client is where it says, which is the cookie's purpose.
    let builder = Config::builder()
        .with_crypto_provider(crypto)
        .use_server_cookie(false)
        .mtu(LARGEST_FLIGHT)
        .flight_start_rto(FLIGHT)
        .flight_retries(FLIGHT_RETRIES);
    // Times on the virtual clock are then the same in each run.
    #[cfg(test)]
    let builder = builder.dangerously_set_rng_seed(7);
    builder.build().ok().map(Arc::new)
}

/// The SHA-256 of a certificate (RFC 8122 §5).
fn fingerprint_of(certificate: &[u8]) -> Option<[u8; FINGERPRINT]> {
    digest::digest(&digest::SHA256, certificate).as_ref().try_into().ok()
}

/// Which side of a handshake is ours (RFC 8842 §5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// We begin, with one small datagram that is said again by our own clock; the browser says the
    /// last flight. What a browser begins with fills two datagrams where it offers ML-KEM.
    Client,
    /// The browser begins: who writes its answers without asking us expects that.
    Server,
}

/// One browser's handshake.
pub(crate) struct Handshake {
    dtls: Dtls,
    role: Role,
    /// Whether we are to begin and have not yet.
    waits: bool,
    flight: Flight,
    /// Of the certificate that the browser said it would show, by SHA-256.
    expected: [u8; FINGERPRINT],
    /// Whether it showed that one.
    is_theirs: bool,
    /// Whether it failed, or the browser said that it leaves.
    is_over: bool,
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handshake(..)")
    }
}

impl Handshake {
    /// A handshake with a browser whose certificate has this fingerprint. It waits for the browser, or
    /// else until it is first [drained](Self::drain).
    pub(crate) fn new(
        now: Instant,
        identity: &WebRtcIdentity,
        role: Role,
        expected: [u8; FINGERPRINT],
    ) -> Self {
        let certificate = DtlsCertificate::clone(&identity.certificate);
        let mut dtls = Dtls::new_12(Arc::clone(&identity.config), certificate, now);
        dtls.set_active(role == Role::Client);
        Self {
            dtls,
            role,
            waits: role == Role::Client,
            flight: Flight::default(),
            expected,
            is_theirs: false,
            is_over: false,
        }
    }

    /// Which side is ours.
    pub(crate) const fn role(&self) -> Role {
        self.role
    }

    /// Whether the browser has said anything.
    pub(crate) const fn has_heard(&self) -> bool {
        self.flight.has_heard()
    }

    /// Whether it failed, or the browser said that it leaves (RFC 5246 §7.2.1).
    pub(crate) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Takes a datagram of the browser; then [`drain`](Self::drain).
    ///
    /// # Errors
    ///
    /// [`DropReason::Handshake`] when it is not acceptable; the handshake goes on.
    pub(crate) fn handle(&mut self, now: Instant, datagram: &[u8]) -> Result<(), DropReason> {
        self.flight.hear(datagram);
        self.handle_timeout(now);
        self.dtls.handle_packet(datagram).map_err(|_| DropReason::Handshake)
    }

    /// Tells the time; then [`drain`](Self::drain).
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        // The library gave up: it says so once, and for ever.
        self.is_over |= self.dtls.handle_timeout(now).is_err();
    }

    /// Says what is to be said, one datagram at a time, until there is only time to wait for: when it wants
    /// to be told that. Puts the session's `keys` where they belong, once: they are large, and need not be
    /// carried about.
    pub(crate) fn drain(
        &mut self,
        now: Instant,
        keys: &mut Option<Srtp>,
        mut say: impl FnMut(&[u8]),
    ) -> Option<Instant> {
        if std::mem::take(&mut self.waits) {
            self.handle_timeout(now);
        }
        let mut deadline = None;
        let mut record = [0; LARGEST_RECORD];
        for _ in 0..OUTPUTS_PER_DATAGRAM {
            match self.dtls.poll_output(&mut record) {
                Output::Packet(packet) => {
                    self.flight.say(packet);
                    say(packet);
                }
                Output::PeerCert(certificate) => {
                    self.is_theirs = fingerprint_of(certificate) == Some(self.expected);
                    self.is_over |= !self.is_theirs;
                }
                Output::KeyingMaterial(material, profile) if self.is_theirs => {
                    let ours = profile_of(profile);
                    let is_client = self.role == Role::Client;
                    *keys = ours.and_then(|ours| Srtp::from_exported(ours, &material, is_client));
                    match self.role {
                        Role::Client => self.flight.conclude(),
                        Role::Server => self.flight.finish(),
                    }
                }
                Output::CloseNotify => self.is_over = true,
                Output::Timeout(at) => {
                    // Afterwards the library only waits, for years.
                    deadline = Some(at).filter(|_| !self.flight.is_last());
                    break;
                }
                _ => {}
            }
        }
        self.flight.handle_timeout(now);
        while let Some(again) = self.flight.poll() {
            say(again);
        }
        let again = self.flight.poll_timeout();
        deadline.into_iter().chain(again).min()
    }

    /// Nothing needs to be said again.
    pub(crate) fn settle(&mut self) {
        self.flight = Flight::default();
    }

    /// Reads a datagram after the handshake has settled; nothing is answered. Whether the browser says
    /// in it that it leaves, [`is_over`](Self::is_over) tells.
    ///
    /// # Errors
    ///
    /// [`DropReason::Handshake`] when it is not acceptable.
    pub(crate) fn listen(&mut self, datagram: &[u8]) -> Result<(), DropReason> {
        self.dtls.handle_packet(datagram).map_err(|_| DropReason::Handshake)?;
        let mut record = [0; LARGEST_RECORD];
        for _ in 0..OUTPUTS_PER_DATAGRAM {
            match self.dtls.poll_output(&mut record) {
                Output::CloseNotify => self.is_over = true,
                Output::Timeout(_) => break,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Loads the private key of the node's one certificate once: parsing and checking it takes as long as
/// signing with it.
#[derive(Debug)]
struct OneKey {
    loaded: OnceLock<(Vec<u8>, SharedKey)>,
}

static ONE_KEY: OneKey = OneKey { loaded: OnceLock::new() };

impl KeyProvider for OneKey {
    fn load_private_key(&self, key_der: &[u8]) -> Result<Box<dyn SigningKey>, dimpl::CryptoError> {
        if let Some((der, key)) = self.loaded.get()
            && der == key_der
        {
            return Ok(Box::new(key.clone()));
        }
        let key = provider::default_provider().key_provider.load_private_key(key_der)?;
        let key = SharedKey {
            algorithm: key.algorithm(),
            hash: key.hash_algorithm(),
            hashes: key.supported_hash_algorithms().into(),
            key: Arc::new(Mutex::new(key)),
        };
        // Another certificate, as tests have, is loaded each time.
        let _ = self.loaded.set((key_der.to_vec(), key.clone()));
        Ok(Box::new(key))
    }
}

/// A private key that several handshakes sign with, one of all shards' at a time.
#[derive(Debug, Clone)]
struct SharedKey {
    algorithm: SignatureAlgorithm,
    hash: HashAlgorithm,
    hashes: Arc<[HashAlgorithm]>,
    key: Arc<Mutex<Box<dyn SigningKey>>>,
}

impl SigningKey for SharedKey {
    fn sign(
        &mut self,
        data: &[u8],
        hash: HashAlgorithm,
        out: &mut Buf,
    ) -> Result<(), dimpl::CryptoError> {
        self.key.lock().unwrap_or_else(PoisonError::into_inner).sign(data, hash, out)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        self.hash
    }

    fn supported_hash_algorithms(&self) -> &[HashAlgorithm] {
        &self.hashes
    }
}

/// The library's profile as ours; None for one that we cannot speak.
pub(crate) fn profile_of(profile: SrtpProfile) -> Option<Profile> {
    match profile {
        SrtpProfile::AES128_CM_SHA1_80 => Some(Profile::Aes128CmSha1_80),
        SrtpProfile::AEAD_AES_128_GCM => Some(Profile::AeadAes128Gcm),
        SrtpProfile::AEAD_AES_256_GCM => Some(Profile::AeadAes256Gcm),
        _ => None,
    }
}

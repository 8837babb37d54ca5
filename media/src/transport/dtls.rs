//! A DTLS provider for the negotiating library that keeps a copy of the exported SRTP keys, so
//! that audio can bypass it, and that shares one configuration: building it costs 1.5 ms.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use dimpl::crypto::Buf;
use dimpl::crypto::HashAlgorithm;
use dimpl::crypto::KeyProvider;
use dimpl::crypto::SignatureAlgorithm;
use dimpl::crypto::SigningKey;
use dimpl::crypto::aws_lc_rs;
use str0m::crypto::CryptoError;
use str0m::crypto::CryptoProvider;
use str0m::crypto::dtls::DtlsCert;
use str0m::crypto::dtls::DtlsImplError;
use str0m::crypto::dtls::DtlsInstance;
use str0m::crypto::dtls::DtlsOutput;
use str0m::crypto::dtls::DtlsProvider;
use str0m::crypto::dtls::DtlsVersion;
use str0m::crypto::dtls::ProtocolVersion;
use str0m::crypto::dtls::SrtpProfile;

use crate::metrics::DropReason;
use crate::transport::repeat::Flight;
use crate::transport::srtp::Profile;
use crate::transport::srtp::Srtp;

/// What outlives the library's session of one browser: its handshake, and the SRTP keys that come out
/// of it.
#[derive(Clone)]
pub(crate) struct KeySlot(Arc<Mutex<Handshake>>);

/// A handshake, and its keys until they are taken.
struct Handshake {
    dtls: dimpl::Dtls,
    keys: Option<Srtp>,
}

impl KeySlot {
    fn new(dtls: dimpl::Dtls) -> Self {
        Self(Arc::new(Mutex::new(Handshake { dtls, keys: None })))
    }

    /// The lock is contended by nobody: a session stays on its shard's thread.
    fn lock(&self) -> MutexGuard<'_, Handshake> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the keys, once.
    pub(crate) fn take(&self) -> Option<Srtp> {
        self.lock().keys.take()
    }

    /// Reads a datagram for a session whose handshake is done and whose library is gone. Whether the
    /// browser says in it that it leaves (RFC 5246 §7.2.1). There is nothing to answer.
    ///
    /// # Errors
    ///
    /// [`DropReason::Handshake`] when it is not acceptable.
    pub(crate) fn says_farewell(&self, datagram: &[u8]) -> Result<bool, DropReason> {
        let mut handshake = self.lock();
        handshake.dtls.handle_packet(datagram).map_err(|_| DropReason::Handshake)?;
        let mut scratch = [0; LARGEST_RECORD];
        for _ in 0..OUTPUTS_PER_DATAGRAM {
            match handshake.dtls.poll_output(&mut scratch) {
                DtlsOutput::CloseNotify => return Ok(true),
                DtlsOutput::Timeout(_) => break,
                _ => {}
            }
        }
        Ok(false)
    }
}

/// Room for one datagram of DTLS, in bytes.
const LARGEST_RECORD: usize = 2_048;
/// Outputs that one datagram may cause; more is a fault of the library.
const OUTPUTS_PER_DATAGRAM: usize = 64;

impl fmt::Debug for KeySlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySlot(..)")
    }
}

/// When a flight of the handshake is sent again; the time doubles with each. RFC 6347 §4.2.4.1 has a
/// second where nothing is known of the path, and WebRTC clients begin with 50 ms: ICE has just shown
/// that the path is short. Lower sends twice what is only slow; higher makes each loss cost a second.
const FLIGHT: Duration = Duration::from_millis(150);
/// How often. What a client repeats is answered out of the same budget, and in a bad network it
/// repeats much; the whole handshake has its own deadline.
const FLIGHT_RETRIES: usize = 16;

thread_local! {
    /// The slot of the instance that this thread made last. The library makes the instance inside
    /// its own constructor and gives no way to pass anything along.
    static LAST_MADE: RefCell<Option<KeySlot>> = const { RefCell::new(None) };
}

/// The slot of the session that was built on this thread just now.
pub(crate) fn take_last_made() -> Option<KeySlot> {
    LAST_MADE.with_borrow_mut(Option::take)
}

/// The process's crypto provider: aws-lc-rs with the DTLS of this file.
pub(crate) fn crypto_provider() -> &'static Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    static DTLS: OnceLock<KeyCopyingDtls> = OnceLock::new();
    PROVIDER.get_or_init(|| {
        let stock = str0m::crypto::from_feature_flags();
        let dtls = DTLS
            .get_or_init(|| KeyCopyingDtls { stock: stock.dtls_provider, config: OnceLock::new() });
        Arc::new(CryptoProvider { dtls_provider: dtls, ..stock })
    })
}

/// The provider: certificates come from the stock one.
#[derive(Debug)]
struct KeyCopyingDtls {
    stock: &'static dyn DtlsProvider,
    config: OnceLock<Arc<dimpl::Config>>,
}

impl DtlsProvider for KeyCopyingDtls {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        self.stock.generate_certificate()
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let config = match self.config.get() {
            Some(config) => Arc::clone(config),
            None => {
                // ICE has verified that the client is where it says, which is the cookie's purpose.
                let mut builder = dimpl::Config::builder()
                    .with_crypto_provider(dimpl::crypto::CryptoProvider {
                        key_provider: &ONE_KEY,
                        ..aws_lc_rs::default_provider()
                    })
                    .use_server_cookie(false)
                    .flight_start_rto(FLIGHT)
                    .flight_retries(FLIGHT_RETRIES);
                if let Some(mtu) = mtu {
                    builder = builder.mtu(mtu);
                }
                // Times on the virtual clock are then the same in each run.
                #[cfg(test)]
                {
                    builder = builder.dangerously_set_rng_seed(7);
                }
                let built = builder.build();
                let built = built.map_err(|error| CryptoError::Other(error.to_string()))?;
                Arc::clone(self.config.get_or_init(|| Arc::new(built)))
            }
        };
        let cert = DtlsCert {
            certificate: cert.certificate.clone(),
            private_key: cert.private_key.clone(),
        };
        let dtls = match version {
            DtlsVersion::Dtls13 => dimpl::Dtls::new_13(config, cert, now),
            DtlsVersion::Auto => dimpl::Dtls::new_auto(config, cert, now),
            _ => dimpl::Dtls::new_12(config, cert, now),
        };
        let slot = KeySlot::new(dtls);
        LAST_MADE.set(Some(slot.clone()));
        Ok(Box::new(KeyCopyingInstance { slot, flight: Flight::default(), now }))
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
        let key = aws_lc_rs::default_provider().key_provider.load_private_key(key_der)?;
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

/// One handshake; forwards everything, copies the keys as they pass by, and says flights again sooner
/// than the library.
struct KeyCopyingInstance {
    slot: KeySlot,
    flight: Flight,
    /// The newest time that it was told.
    now: Instant,
}

impl fmt::Debug for KeyCopyingInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyCopyingInstance(..)")
    }
}

impl DtlsInstance for KeyCopyingInstance {
    fn set_active(&mut self, active: bool) {
        self.slot.lock().dtls.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.flight.hear(packet);
        self.slot.lock().dtls.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        let we_are_client = self.slot.lock().dtls.is_active();
        if let Some(again) = self.flight.poll()
            && again.len() <= buf.len()
        {
            let place = &mut buf[..again.len()];
            place.copy_from_slice(again);
            return DtlsOutput::Packet(place);
        }
        let output = self.slot.lock().dtls.poll_output(buf);
        match output {
            DtlsOutput::KeyingMaterial(material, profile) => {
                if let Some(ours) = profile_of(profile)
                    && let Some(keys) = Srtp::from_exported(ours, &material, we_are_client)
                {
                    self.slot.lock().keys = Some(keys);
                    self.flight.finish();
                }
                DtlsOutput::KeyingMaterial(material, profile)
            }
            DtlsOutput::Packet(packet) => {
                // Only the server's flights: browsers repeat their own.
                if !we_are_client {
                    self.flight.say(packet);
                }
                DtlsOutput::Packet(packet)
            }
            DtlsOutput::Timeout(at) => {
                let again = self.flight.poll_timeout(self.now);
                DtlsOutput::Timeout(again.map_or(at, |again| again.min(at)))
            }
            other => other,
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.now = now;
        self.flight.handle_timeout(now);
        self.slot.lock().dtls.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.slot.lock().dtls.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.slot.lock().dtls.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.slot.lock().dtls.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.slot.lock().dtls.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.slot.lock().dtls.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.slot.lock().dtls.close()
    }
}

/// The library's profile as ours; None for one that we cannot speak.
fn profile_of(profile: SrtpProfile) -> Option<Profile> {
    match profile {
        SrtpProfile::AES128_CM_SHA1_80 => Some(Profile::Aes128CmSha1_80),
        SrtpProfile::AEAD_AES_128_GCM => Some(Profile::AeadAes128Gcm),
        SrtpProfile::AEAD_AES_256_GCM => Some(Profile::AeadAes256Gcm),
        _ => None,
    }
}

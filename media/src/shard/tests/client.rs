//! A DTLS provider for the clients of tests that keeps a copy of their SRTP keys, and repeats itself as
//! soon as the server does.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::time::Instant;

use str0m::crypto::CryptoError;
use str0m::crypto::CryptoProvider;
use str0m::crypto::dtls::DtlsCert;
use str0m::crypto::dtls::DtlsImplError;
use str0m::crypto::dtls::DtlsInstance;
use str0m::crypto::dtls::DtlsOutput;
use str0m::crypto::dtls::DtlsProvider;
use str0m::crypto::dtls::DtlsVersion;
use str0m::crypto::dtls::ProtocolVersion;

use crate::transport::dtls;
use crate::transport::srtp::Srtp;

/// A client's handshake, and its keys until they are taken.
#[derive(Clone)]
pub(super) struct KeySlot(Arc<Mutex<Session>>);

struct Session {
    dtls: dimpl::Dtls,
    keys: Option<Srtp>,
}

impl KeySlot {
    fn lock(&self) -> MutexGuard<'_, Session> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the keys, once.
    pub(super) fn take(&self) -> Option<Srtp> {
        self.lock().keys.take()
    }
}

thread_local! {
    /// The slot of the instance that this thread made last. The library makes the instance inside
    /// its own constructor and gives no way to pass anything along.
    static LAST_MADE: RefCell<Option<KeySlot>> = const { RefCell::new(None) };
}

/// The slot of the client that was made on this thread just now, if it has this provider.
pub(super) fn take_last_made() -> Option<KeySlot> {
    LAST_MADE.with_borrow_mut(Option::take)
}

/// The provider: all but DTLS is the library's own.
pub(super) fn crypto_provider() -> Arc<CryptoProvider> {
    static DTLS: OnceLock<KeyCopyingDtls> = OnceLock::new();
    let stock = str0m::crypto::from_feature_flags();
    let dtls = DTLS.get_or_init(|| KeyCopyingDtls {
        stock: stock.dtls_provider,
        config: dtls::config().expect("a configuration"),
    });
    Arc::new(CryptoProvider { dtls_provider: dtls, ..stock })
}

#[derive(Debug)]
struct KeyCopyingDtls {
    stock: &'static dyn DtlsProvider,
    config: Arc<dimpl::Config>,
}

impl DtlsProvider for KeyCopyingDtls {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        self.stock.generate_certificate()
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        _: DtlsVersion,
        _: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let cert = dimpl::DtlsCertificate {
            certificate: cert.certificate.clone(),
            private_key: cert.private_key.clone(),
        };
        let dtls = dimpl::Dtls::new_12(Arc::clone(&self.config), cert, now);
        let slot = KeySlot(Arc::new(Mutex::new(Session { dtls, keys: None })));
        LAST_MADE.set(Some(slot.clone()));
        Ok(Box::new(KeyCopyingInstance(slot)))
    }
}

/// Forwards everything, and copies the keys as they pass by.
struct KeyCopyingInstance(KeySlot);

impl fmt::Debug for KeyCopyingInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyCopyingInstance(..)")
    }
}

impl DtlsInstance for KeyCopyingInstance {
    fn set_active(&mut self, active: bool) {
        self.0.lock().dtls.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.0.lock().dtls.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        let mut session = self.0.lock();
        let is_client = session.dtls.is_active();
        let output = session.dtls.poll_output(buf);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output
            && let Some(ours) = dtls::profile_of(*profile)
        {
            session.keys = Srtp::from_exported(ours, material, is_client);
        }
        output
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.0.lock().dtls.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.0.lock().dtls.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.0.lock().dtls.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.0.lock().dtls.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.0.lock().dtls.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.0.lock().dtls.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.0.lock().dtls.close()
    }
}

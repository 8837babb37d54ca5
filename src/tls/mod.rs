//! How the port proves who it is: the certificate in force, and how it is replaced while running.

mod authority;
mod names;

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::time::Duration;
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::UnixTime;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::ClientHello;
use rustls::server::ResolvesServerCert;
use rustls::sign::CertifiedKey;

use crate::config::TlsConfig;
use crate::config::TlsMode;

pub use authority::AuthorityError;
pub use names::addresses;
pub use names::host_name;
pub use names::own_names;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Mode `files` without both files.
    #[error("tls.mode is \"files\", so `tls.cert` and `tls.key` must both be set")]
    NotSet,
    /// A file is missing, unreadable or no PEM.
    #[error("cannot read {path}: {message}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The key is of a kind that cannot sign, or is not the certificate's.
    #[error("the certificate {cert} and the key {key} do not fit: {source}")]
    Mismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What was found.
        source: rustls::Error,
    },
    /// The development CA could not be made or used.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

/// The certificate that new connections are shown; replaced by [`Identity::reload`].
#[derive(Debug)]
pub struct Identity {
    config: TlsConfig,
    folder: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Identity {
    /// Loads the certificate, or makes it in mode `development`. `None` in mode `off`.
    ///
    /// # Errors
    ///
    /// [`TlsError`], with a sentence that says what to do.
    pub fn load(config: &TlsConfig, data_dir: &Path) -> Result<Option<Arc<Self>>, TlsError> {
        if config.mode == TlsMode::Off {
            return Ok(None);
        }
        let folder = data_dir.join("tls");
        let current = RwLock::new(Arc::new(read(config, &folder)?));
        Ok(Some(Arc::new(Self { config: config.clone(), folder, current })))
    }

    /// Reads the files again, or renews the development certificate when it is due. Connections
    /// that are open keep what they have.
    ///
    /// # Errors
    ///
    /// [`TlsError`]; the old certificate stays in force.
    pub fn reload(&self) -> Result<(), TlsError> {
        let new = Arc::new(read(&self.config, &self.folder)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// The file of the private CA, which bots must trust. `None` in mode `files`.
    #[must_use]
    pub fn ca_file(&self) -> Option<PathBuf> {
        (self.config.mode == TlsMode::Development).then(|| self.folder.join(authority::CA))
    }

    /// The server side of TLS 1.2 and 1.3, HTTP/2 preferred.
    #[must_use]
    pub fn server_config(self: &Arc<Self>) -> ServerConfig {
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<Self>::clone(self);
        let mut config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }

    /// Whether a client that trusts the CA (in mode `files`: the last certificate of the chain)
    /// would accept the certificate for `name` at `when`.
    ///
    /// # Errors
    ///
    /// The client's reason for refusing.
    pub fn verify(&self, name: &str, when: SystemTime) -> Result<(), String> {
        let key = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        let chain = &key.cert;
        let anchor = match self.ca_file() {
            Some(path) => certificates(&path).map_err(|error| error.to_string())?,
            None => chain.clone(),
        };
        let anchor = anchor.last().ok_or("the chain is empty")?;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(anchor.clone()).map_err(|error| error.to_string())?;
        let provider = Arc::clone(provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| error.to_string())?;
        let name = ServerName::try_from(name).map_err(|error| error.to_string())?;
        let since = when.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let (leaf, rest) = chain.split_first().ok_or("the chain is empty")?;
        verifier
            .verify_server_cert(leaf, rest, &name, &[], UnixTime::since_unix_epoch(since))
            .map(drop)
            .map_err(|error| error.to_string())
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// The process's cryptography: aws-lc, installed once.
pub fn provider() -> &'static Arc<CryptoProvider> {
    if CryptoProvider::get_default().is_none() {
        // Another thread may be first; then its provider is the same.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
    CryptoProvider::get_default().expect("a provider was installed above")
}

fn read(config: &TlsConfig, folder: &Path) -> Result<CertifiedKey, TlsError> {
    let (cert, key) = match config.mode {
        TlsMode::Files => {
            let (Some(cert), Some(key)) = (&config.cert, &config.key) else {
                return Err(TlsError::NotSet);
            };
            (cert.clone(), key.clone())
        }
        TlsMode::Development | TlsMode::Off => authority::ensure(folder, &own_names(config))?,
    };
    let chain = certificates(&cert)?;
    let private = PrivateKeyDer::from_pem_file(&key)
        .map_err(|error| TlsError::File { path: key.clone(), message: error.to_string() })?;
    CertifiedKey::from_der(chain, private, provider()).map_err(|source| TlsError::Mismatch {
        cert,
        key,
        source,
    })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let fault = |message: String| TlsError::File { path: path.to_owned(), message };
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| fault(error.to_string()))?;
    if chain.is_empty() {
        return Err(fault("there is no certificate in it".to_owned()));
    }
    Ok(chain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "certificates are dated by the real clock")]
    fn now() -> SystemTime {
        SystemTime::now()
    }

    fn named(names: &[&str]) -> TlsConfig {
        let extra_names = names.iter().map(|name| (*name).to_owned()).collect();
        TlsConfig { extra_names, ..TlsConfig::default() }
    }

    #[test]
    fn a_development_certificate_is_accepted_by_who_trusts_the_ca() {
        let dir = tempfile::tempdir().expect("a folder");

        let identity =
            Identity::load(&named(&["voice.example"]), dir.path()).expect("made").expect("on");

        for name in ["localhost", "127.0.0.1", "::1", "voice.example"] {
            assert_eq!(identity.verify(name, now()), Ok(()), "{name}");
        }
        assert!(identity.verify("other.example", now()).is_err());
        assert!(identity.verify("localhost", now() + Duration::from_secs(400 * 86_400)).is_err());
    }

    #[test]
    fn the_ca_is_made_once_and_outlives_a_change_of_names() {
        let dir = tempfile::tempdir().expect("a folder");
        let files = |name: &str| std::fs::read(dir.path().join("tls").join(name)).expect("there");
        Identity::load(&named(&[]), dir.path()).expect("made");
        let (ca, leaf) = (files("ca.pem"), files("cert.pem"));

        Identity::load(&named(&[]), dir.path()).expect("read");
        assert_eq!(files("cert.pem"), leaf, "a start without news makes nothing");
        let renamed =
            Identity::load(&named(&["new.example"]), dir.path()).expect("made").expect("on");

        assert_eq!(files("ca.pem"), ca);
        assert_ne!(files("cert.pem"), leaf);
        assert_eq!(renamed.verify("new.example", now()), Ok(()));
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_the_keys() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("a folder");

        Identity::load(&named(&[]), dir.path()).expect("made");

        for key in ["ca.key", "cert.key"] {
            let file = std::fs::metadata(dir.path().join("tls").join(key)).expect("there");
            assert_eq!(file.permissions().mode() & 0o777, 0o600, "{key}");
        }
    }

    #[test]
    fn files_that_do_not_fit_each_other_are_refused_by_name() {
        let (one, two) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        Identity::load(&named(&[]), one.path()).expect("made");
        Identity::load(&named(&[]), two.path()).expect("made");
        let config = TlsConfig {
            mode: TlsMode::Files,
            cert: Some(one.path().join("tls/cert.pem")),
            key: Some(two.path().join("tls/cert.key")),
            extra_names: Vec::new(),
        };

        let error = Identity::load(&config, one.path()).expect_err("keys of two certificates");

        assert!(matches!(error, TlsError::Mismatch { .. }), "{error}");
    }

    #[test]
    fn files_are_read_again_on_reload() {
        let (dir, other) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        Identity::load(&named(&["a.example"]), dir.path()).expect("made");
        Identity::load(&named(&["b.example"]), other.path()).expect("made");
        let place = |name: &str| dir.path().join("tls").join(name);
        let config = TlsConfig {
            mode: TlsMode::Files,
            cert: Some(place("cert.pem")),
            key: Some(place("cert.key")),
            extra_names: Vec::new(),
        };
        let identity = Identity::load(&config, dir.path()).expect("read").expect("on");
        let before = Arc::clone(&identity.current.read().expect("whole"));
        for name in ["cert.pem", "cert.key"] {
            std::fs::copy(other.path().join("tls").join(name), place(name)).expect("copied");
        }

        identity.reload().expect("read again");

        assert_ne!(identity.current.read().expect("whole").cert, before.cert);
    }
}

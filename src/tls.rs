//! How the port proves who it is: a private CA of development, or certificates from files.

use std::fs;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;

use crate::config::TlsConfig;
use crate::config::TlsMode;

/// Where the development CA's certificate lies.
pub(crate) fn ca_file(data: &Path) -> PathBuf {
    data.join("tls").join("ca.pem")
}

/// The TLS side of the port; `None` when TLS is off.
pub(crate) fn server(config: &TlsConfig, data: &Path) -> anyhow::Result<Option<Arc<ServerConfig>>> {
    let (chain, key) = match config.mode {
        TlsMode::Off => return Ok(None),
        TlsMode::Files => {
            let (Some(cert), Some(key)) = (&config.cert, &config.key) else {
                anyhow::bail!("tls.mode is \"files\": set tls.cert and tls.key too");
            };
            (read_chain(cert)?, read_key(key)?)
        }
        TlsMode::Development => development(config, data)?,
    };
    let mut server = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the certificate and its key do not belong together")?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(Arc::new(server)))
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The leaf of the private CA; both are made when they are missing, the leaf also when its names
/// changed.
fn development(config: &TlsConfig, data: &Path) -> anyhow::Result<Identity> {
    let folder = data.join("tls");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let (ca_cert, ca_key) = (ca_file(data), folder.join("ca.key"));
    if !ca_cert.exists() || !ca_key.exists() {
        let key = KeyPair::generate()?;
        write_secret(&ca_key, key.serialize_pem().as_bytes())?;
        let cert = ca_params().self_signed(&key)?;
        fs::write(&ca_cert, cert.pem())?;
    }
    let names = names(config);
    let (cert, key, known) =
        (folder.join("leaf.pem"), folder.join("leaf.key"), folder.join("leaf.names"));
    let wanted = names.join("\n");
    let current = fs::read_to_string(&known).is_ok_and(|known| known == wanted);
    if !current || !cert.exists() || !key.exists() {
        let ca_key = KeyPair::from_pem(&fs::read_to_string(&ca_key)?)
            .context("data/tls/ca.key is damaged; delete data/tls to make a new CA")?;
        // Its name and its key are all of the CA that a leaf is signed with.
        let issuer = Issuer::new(ca_params(), ca_key);
        let leaf_key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, "Guildhall");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        // Browsers refuse leaves of more than 825 days.
        (params.not_before, params.not_after) = validity(800);
        let leaf = params.signed_by(&leaf_key, &issuer)?;
        write_secret(&key, leaf_key.serialize_pem().as_bytes())?;
        fs::write(&cert, leaf.pem())?;
        fs::write(&known, wanted)?;
    }
    Ok((read_chain(&cert)?, read_key(&key)?))
}

fn ca_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Guildhall development CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = validity(3_650);
    params
}

/// From yesterday, because clocks differ, for so many days.
#[expect(clippy::disallowed_methods, reason = "the front door reads the clock")]
fn validity(days: u64) -> (time::OffsetDateTime, time::OffsetDateTime) {
    let day = std::time::Duration::from_secs(24 * 60 * 60);
    let now = time::OffsetDateTime::from(std::time::SystemTime::now());
    (now - day, now + day * u32::try_from(days).unwrap_or(800))
}

/// What clients of this machine may call it.
fn names(config: &TlsConfig) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if let Ok(host) = fs::read_to_string("/proc/sys/kernel/hostname") {
        names.push(host.trim().to_owned());
    }
    names.extend(outward_address().map(|ip| ip.to_string()));
    names.extend(config.extra_names.iter().cloned());
    names.sort();
    names.dedup();
    names.retain(|name| !name.is_empty());
    names
}

/// The address that this machine has towards others; nothing is sent to find it.
pub(crate) fn outward_address() -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified() && !ip.is_loopback()).then_some(ip)
}

fn read_chain(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .with_context(|| format!("cannot read the certificate {}", path.display()))?
        .collect();
    chain.with_context(|| format!("{} holds no PEM certificate", path.display()))
}

fn read_key(path: &Path) -> anyhow::Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(path)
        .with_context(|| format!("cannot read the private key {}", path.display()))
}

/// Writes a file that only its owner may read, whole and on disk.
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ca_is_made_once_and_its_key_is_nobody_elses() {
        use std::os::unix::fs::PermissionsExt as _;
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let data = tempfile::tempdir().unwrap();
        let config = TlsConfig::default();

        assert!(server(&config, data.path()).unwrap().is_some());
        let first = fs::read(ca_file(data.path())).unwrap();
        assert!(server(&config, data.path()).unwrap().is_some());

        assert_eq!(fs::read(ca_file(data.path())).unwrap(), first);
        let mode = fs::metadata(data.path().join("tls/ca.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_new_name_makes_a_new_leaf_of_the_same_ca() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let data = tempfile::tempdir().unwrap();
        let leaf = data.path().join("tls/leaf.pem");
        server(&TlsConfig::default(), data.path()).unwrap();
        let (ca, first) = (fs::read(ca_file(data.path())).unwrap(), fs::read(&leaf).unwrap());

        let extra_names = vec!["hall.example".to_owned()];
        server(&TlsConfig { extra_names, ..TlsConfig::default() }, data.path()).unwrap();

        assert_ne!(fs::read(&leaf).unwrap(), first);
        assert_eq!(fs::read(ca_file(data.path())).unwrap(), ca);
    }
}

//! The private CA of development mode, and the certificate that it signs.
//!
//! Files in the folder: `ca.pem` (public: bots trust it), `ca.key`, `cert.pem` (leaf), `cert.key`,
//! `cert.toml` (the leaf's names and end, so that a start knows whether it is still right).

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::SystemTime;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use serde::Deserialize;
use serde::Serialize;

use crate::private_file;

/// The CA's certificate.
pub(super) const CA: &str = "ca.pem";
const CA_KEY: &str = "ca.key";
const LEAF: &str = "cert.pem";
const LEAF_KEY: &str = "cert.key";
const LEAF_FACTS: &str = "cert.toml";

const DAY: Duration = Duration::from_secs(86_400);
/// Life of the CA. Longer is fewer visits to every bot's trust store.
const CA_DAYS: u32 = 3_650;
/// Life of a leaf. Clients refuse more than 398 days (CA/Browser Forum Baseline Requirements 6.3.2).
const LEAF_DAYS: u32 = 397;
/// A leaf is renewed this long before its end.
const RENEW_DAYS: u32 = 30;

/// Why the development CA cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file cannot be read or written.
    #[error("cannot use {path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A key or certificate cannot be made or read.
    #[error(
        "the development certificate in {folder} cannot be made: {source}; if its files are \
         damaged, remove them and restart (bots must then trust the new ca.pem)"
    )]
    Certificate {
        /// Where.
        folder: PathBuf,
        /// What was found.
        source: rcgen::Error,
    },
}

/// What is remembered of a leaf.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Facts {
    names: Vec<String>,
    renew_at_unix: u64,
}

/// Makes the CA and the leaf for `names` where they are missing or no longer right; returns the
/// files of the leaf and its key.
pub(super) fn ensure(
    folder: &Path,
    names: &[String],
) -> Result<(PathBuf, PathBuf), AuthorityError> {
    let fault = |source| AuthorityError::Certificate { folder: folder.to_owned(), source };
    let file = |name: &str| folder.join(name);
    private_file::create_dir(folder)
        .map_err(|source| AuthorityError::File { path: folder.to_owned(), source })?;
    let now = now();
    let ca_is_new = !file(CA).exists() || !file(CA_KEY).exists();
    if ca_is_new {
        let key = KeyPair::generate().map_err(fault)?;
        let ca = ca_params(&key, now).self_signed(&key).map_err(fault)?;
        write(&file(CA_KEY), &key.serialize_pem())?;
        write(&file(CA), &ca.pem())?;
    }
    let unix = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let is_right = !ca_is_new
        && file(LEAF).exists()
        && file(LEAF_KEY).exists()
        && read(&file(LEAF_FACTS))
            .ok()
            .and_then(|text| toml::from_str::<Facts>(&text).ok())
            .is_some_and(|facts| facts.names == names && unix < facts.renew_at_unix);
    if !is_right {
        let ca_key = KeyPair::from_pem(&read(&file(CA_KEY))?).map_err(fault)?;
        let params = ca_params(&ca_key, now);
        let issuer = Issuer::from_params(&params, &ca_key);
        let key = KeyPair::generate().map_err(fault)?;
        let leaf =
            leaf_params(names, now).map_err(fault)?.signed_by(&key, &issuer).map_err(fault)?;
        // The facts go last: a start after a crash in between makes all of it again.
        let _ = fs::remove_file(file(LEAF_FACTS));
        write(&file(LEAF_KEY), &key.serialize_pem())?;
        write(&file(LEAF), &leaf.pem())?;
        let renew_at_unix = unix + (DAY * (LEAF_DAYS - RENEW_DAYS)).as_secs();
        let facts = Facts { names: names.to_vec(), renew_at_unix };
        write(&file(LEAF_FACTS), &toml::to_string(&facts).unwrap_or_default())?;
    }
    Ok((file(LEAF), file(LEAF_KEY)))
}

/// The CA's parameters. Its name is derived from its key, so that a leaf can be signed from the
/// key alone and two instances' CAs are told apart in a trust store.
fn ca_params(key: &KeyPair, now: SystemTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    let short: String =
        params.key_identifier(key).iter().take(4).map(|b| format!("{b:02x}")).collect();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("Guildhall private CA {short}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = (now - DAY).into();
    params.not_after = (now + DAY * CA_DAYS).into();
    params
}

fn leaf_params(names: &[String], now: SystemTime) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Guildhall");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Python and Go want the link to the CA (RFC 5280 §4.2.1.1).
    params.use_authority_key_identifier_extension = true;
    // A day back, for machines whose clock is behind.
    params.not_before = (now - DAY).into();
    params.not_after = (now + DAY * LEAF_DAYS).into();
    Ok(params)
}

#[expect(clippy::disallowed_methods, reason = "certificates are dated by the real clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn read(path: &Path) -> Result<String, AuthorityError> {
    fs::read_to_string(path)
        .map_err(|source| AuthorityError::File { path: path.to_owned(), source })
}

fn write(path: &Path, text: &str) -> Result<(), AuthorityError> {
    private_file::write(path, text.as_bytes())
        .map_err(|source| AuthorityError::File { path: path.to_owned(), source })
}

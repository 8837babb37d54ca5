//! Signatures of attachment URLs: who was shown a message may fetch its files for a day.
//!
//! Pure; the query is Discord's (`ex`, `is`, `hm`), the MAC is HMAC-SHA-256 over path and times.

use aws_lc_rs::hmac;
use serde::Deserialize;

/// Seconds that a signature is good for, at least (Discord signs for 24 hours).
const LIFETIME: u64 = 24 * 60 * 60;
/// Seconds to which the time of issue is rounded down, so that a URL shown twice in an hour is
/// the same URL to a browser's cache. Longer caches better, and adds to the lifetime.
const STEP: u64 = 60 * 60;

/// Signs and checks attachment URLs with the instance's key.
pub struct Signer(hmac::Key);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

/// The query of a signed URL: hexadecimal Unix seconds, and the MAC.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Signature {
    /// Until when.
    ex: String,
    /// Since when.
    is: String,
    /// The MAC over the path and both times.
    hm: String,
}

impl Signer {
    /// A signer with 32 random bytes. Kept by the instance: another key ends all URLs shown so far.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// 32 bytes for another purpose, which tell nothing of the key.
    #[must_use]
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        // No path begins so: what is signed for URLs is never what is derived.
        let tag = hmac::sign(&self.0, format!("derive {purpose}").as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(tag.as_ref());
        bytes
    }

    /// `path` with its signature appended; good for a day from `now_ms`, Unix milliseconds.
    #[must_use]
    pub fn sign(&self, path: &str, now_ms: u64) -> String {
        let issued = now_ms / 1_000 / STEP * STEP;
        let query = format!("{path}?ex={:x}&is={issued:x}", issued + STEP + LIFETIME);
        let tag = hmac::sign(&self.0, query.as_bytes());
        // Discord ends the query with `&`, so that clients may append `width=` and the like.
        format!("{query}&hm={}&", hex::encode(tag))
    }

    /// When the signature of `path` ends, in Unix seconds; `None` when it is none of ours or has
    /// ended at `now_ms`.
    pub(super) fn check(&self, path: &str, signature: &Signature, now_ms: u64) -> Option<u64> {
        let expires = u64::from_str_radix(&signature.ex, 16).ok()?;
        let tag = hex::decode(&signature.hm).ok()?;
        let signed = format!("{path}?ex={}&is={}", signature.ex, signature.is);
        hmac::verify(&self.0, signed.as_bytes(), &tag).ok()?;
        (now_ms / 1_000 < expires).then_some(expires)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000;
    const PATH: &str = "/attachments/1/2/a.png";

    fn signature(url: &str) -> Signature {
        let mut parts = url.split_once('?').unwrap().1.split('&').map(|p| p.split_once('='));
        let mut next = || parts.next().unwrap().unwrap().1.to_owned();
        Signature { ex: next(), is: next(), hm: next() }
    }

    #[test]
    fn a_signed_url_holds_for_a_day_and_not_for_ever() {
        let signer = Signer::new(&[7; 32]);

        let signature = signature(&signer.sign(PATH, NOW));

        assert!(signer.check(PATH, &signature, NOW).is_some());
        assert!(signer.check(PATH, &signature, NOW + LIFETIME * 1_000).is_some());
        assert!(signer.check(PATH, &signature, NOW + (LIFETIME + STEP) * 1_000).is_none());
    }

    #[test]
    fn a_signature_is_for_one_path_one_time_and_one_key() {
        let signer = Signer::new(&[7; 32]);
        let good = signature(&signer.sign(PATH, NOW));
        let longer = Signature { ex: format!("{:x}", NOW / 1_000 + 10 * LIFETIME), ..good.clone() };
        let other = Signer::new(&[8; 32]);

        assert!(signer.check("/attachments/1/3/a.png", &good, NOW).is_none());
        assert!(signer.check("/attachments/1/2/b.png", &good, NOW).is_none());
        assert!(signer.check(PATH, &longer, NOW).is_none());
        assert!(other.check(PATH, &good, NOW).is_none());
        for hm in ["", "00", "zz", &"0".repeat(64)] {
            let forged = Signature { hm: hm.to_owned(), ..good.clone() };
            assert!(signer.check(PATH, &forged, NOW).is_none(), "{hm:?}");
        }
    }

    #[test]
    fn a_url_shown_again_within_the_hour_is_the_same() {
        let signer = Signer::new(&[7; 32]);
        let hour = NOW / 1_000 / STEP * STEP * 1_000;

        assert_eq!(signer.sign(PATH, hour), signer.sign(PATH, hour + (STEP - 1) * 1_000));
    }
}

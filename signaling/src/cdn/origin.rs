//! Where clients find our files: `scheme://host` as the reader reached us, and a signature.
//!
//! Records keep a path alone. A host stored by whoever uploaded would be wrong for everyone who
//! came by another name, and could point them at someone else's machine.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request;
use axum::http::uri::Authority;

use super::sign::Signer;
use crate::config::SignalingConfig;
use crate::connection::Connection;
use crate::parts::Parts;
use crate::rest::ApiError;

/// `scheme://host[:port]`, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(String);

impl Origin {
    /// The origin to show to a client that asked for `host` (its `Host` header), by TLS or not.
    /// The configured public host wins over it.
    #[must_use]
    pub fn new(config: &SignalingConfig, host: &str, tls: bool) -> Self {
        let scheme = if tls { "https" } else { "http" };
        let host = config.public_host.as_deref().unwrap_or(host);
        // Whatever is no host would end up inside JSON that clients open.
        match host.parse::<Authority>() {
            Ok(host) if !host.as_str().contains('@') => Self(format!("{scheme}://{host}")),
            _ => Self(format!("{scheme}://localhost")),
        }
    }

    /// The origin as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromRequestParts<Parts> for Origin {
    type Rejection = ApiError;

    async fn from_request_parts(
        request: &mut request::Parts,
        parts: &Parts,
    ) -> Result<Self, ApiError> {
        let header = |name| request.headers.get(name).and_then(|value| value.to_str().ok());
        let host = header(header::HOST)
            .or_else(|| request.uri.authority().map(Authority::as_str))
            .unwrap_or_default();
        let tls = request.extensions.get::<Connection>().is_some_and(|connection| connection.tls)
            // Believed of anyone: it changes nothing but the URLs that this one client is shown.
            || request.headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https");
        Ok(Self::new(&parts.config, host, tls))
    }
}

/// Makes URLs of stored paths for one reader at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Urls<'a> {
    /// The instance's key.
    pub signer: &'a Signer,
    /// Where the reader finds us.
    pub origin: &'a Origin,
    /// Unix milliseconds.
    pub now_ms: u64,
}

impl Urls<'_> {
    /// The absolute, signed URL of a stored path (`/attachments/...`).
    #[must_use]
    pub fn signed(&self, path: &str) -> String {
        format!("{}{}", self.origin.as_str(), self.signer.sign(path, self.now_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(public: Option<&str>, host: &str, tls: bool) -> String {
        let config = SignalingConfig {
            public_host: public.map(str::to_owned),
            ..SignalingConfig::default()
        };
        Origin::new(&config, host, tls).0
    }

    #[test]
    fn a_client_is_shown_the_host_that_it_used_unless_one_is_configured() {
        assert_eq!(origin(None, "chat.example:8443", true), "https://chat.example:8443");
        assert_eq!(origin(None, "[::1]:80", false), "http://[::1]:80");
        assert_eq!(origin(Some("talk.example"), "10.0.0.1", true), "https://talk.example");
    }

    #[test]
    fn what_is_no_host_is_not_shown() {
        for host in ["", "a b", "a\"b", "a/b", "user@host", "<script>"] {
            assert_eq!(origin(None, host, false), "http://localhost", "{host:?}");
        }
    }
}

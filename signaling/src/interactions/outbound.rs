//! Requests of ours to addresses that bots name: never into the operator's own network.
//!
//! A name is resolved here and the connection made to what was checked, so that a name cannot turn
//! into a private address between check and connection; redirects are not followed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use model::id::WebhookId;
use reqwest::Client;
use reqwest::RequestBuilder;
use reqwest::Url;
use reqwest::dns::Addrs;
use reqwest::dns::Name;
use reqwest::dns::Resolve;
use reqwest::dns::Resolving;
use reqwest::redirect;
use tokio::sync::Semaphore;

/// Why an address was not asked, or did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreachable {
    /// Not `https`, or no URL at all.
    #[error("not an https URL")]
    BadUrl,
    /// Leads into a private network.
    #[error("not a public address")]
    Private,
    /// No answer in time, or none that could be read.
    #[error("no answer")]
    Silent,
}

/// What came back.
pub(crate) struct Reply {
    pub status: StatusCode,
    pub content_type: Option<HeaderValue>,
    pub body: Bytes,
}

/// Asks addresses that bots named.
pub struct Outbound {
    /// May reach private addresses, and by plain HTTP: for bots on the same machine.
    private: bool,
    /// Made when first needed: a machine without certificates may never need it.
    client: OnceLock<Option<Client>>,
    slots: Semaphore,
    /// Pictures that webhooks named: the hash of each, by webhook and URL.
    pictures: Mutex<HashMap<(WebhookId, String), String>>,
}

impl std::fmt::Debug for Outbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbound").field("private", &self.private).finish_non_exhaustive()
    }
}

impl Outbound {
    /// `private`: whether private addresses may be asked, and plain HTTP spoken.
    #[must_use]
    pub fn new(private: bool) -> Self {
        let (client, slots) = (OnceLock::new(), Semaphore::const_new(AT_ONCE));
        Self { private, client, slots, pictures: Mutex::default() }
    }

    /// The hash of the picture at `url`, if the webhook named it lately.
    pub(crate) fn picture(&self, webhook: WebhookId, url: &str) -> Option<String> {
        let pictures = self.pictures.lock().unwrap_or_else(PoisonError::into_inner);
        pictures.get(&(webhook, url.to_owned())).cloned()
    }

    /// Notes the hash of the picture at `url`.
    pub(crate) fn remember(&self, webhook: WebhookId, url: &str, hash: String) {
        let mut pictures = self.pictures.lock().unwrap_or_else(PoisonError::into_inner);
        if pictures.len() >= PICTURES {
            pictures.clear();
        }
        pictures.insert((webhook, url.to_owned()), hash);
    }

    /// Fetches at most `largest` bytes from `url`.
    pub(crate) async fn get(&self, url: &str, largest: usize) -> Result<Bytes, Unreachable> {
        let url = self.check(url)?;
        let reply = self.send(|client| client.get(url), largest).await?;
        if reply.status == StatusCode::OK { Ok(reply.body) } else { Err(Unreachable::Silent) }
    }

    /// Posts JSON to `url` and reads at most `largest` bytes of the answer.
    pub(crate) async fn post(
        &self,
        url: &str,
        mut headers: HeaderMap,
        body: Vec<u8>,
        largest: usize,
    ) -> Result<Reply, Unreachable> {
        let url = self.check(url)?;
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.send(|client| client.post(url).headers(headers).body(body), largest).await
    }

    async fn send(
        &self,
        request: impl FnOnce(&Client) -> RequestBuilder + Send,
        largest: usize,
    ) -> Result<Reply, Unreachable> {
        let client = self.client.get_or_init(|| build(self.private)).as_ref();
        let client = client.ok_or(Unreachable::Silent)?;
        let _slot = self.slots.acquire().await.map_err(|_| Unreachable::Silent)?;
        let sent = request(client).send().await;
        let mut answer = sent.map_err(|error| {
            tracing::debug!(%error, "an address that a bot named did not answer");
            Unreachable::Silent
        })?;
        let (status, content_type) =
            (answer.status(), answer.headers().get(header::CONTENT_TYPE).cloned());
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|_| Unreachable::Silent)? {
            if body.len() + chunk.len() > largest {
                return Err(Unreachable::Silent);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, content_type, body: body.into() })
    }

    fn check(&self, url: &str) -> Result<Url, Unreachable> {
        let url: Url = url.parse().map_err(|_| Unreachable::BadUrl)?;
        let scheme = url.scheme() == "https" || self.private && url.scheme() == "http";
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(Unreachable::BadUrl)?;
        if !scheme || !url.username().is_empty() || url.password().is_some() {
            return Err(Unreachable::BadUrl);
        }
        // An address instead of a name never reaches the resolver.
        let host = host.trim_start_matches('[').trim_end_matches(']');
        match host.parse::<IpAddr>() {
            Ok(ip) if !self.private && !is_public(ip) => Err(Unreachable::Private),
            _ => Ok(url),
        }
    }
}

fn build(private: bool) -> Option<Client> {
    let built = Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .dns_resolver(Arc::new(Resolver { private }))
        .timeout(PATIENCE)
        .connect_timeout(PATIENCE)
        .user_agent("Guildhall-Interactions/1.0")
        .build();
    built.inspect_err(|error| tracing::error!(%error, "cannot make requests to bots")).ok()
}

/// Resolves names to those of their addresses that may be asked.
struct Resolver {
    private: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let private = self.private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let open: Vec<SocketAddr> =
                found.filter(|address| private || is_public(address.ip())).collect();
            if open.is_empty() {
                return Err("no public address".into());
            }
            Ok(Box::new(open.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is of the public Internet (IANA: Special-Purpose Address Registries).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => is_public_v4(ip),
            None => is_public_v6(ip),
        },
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(matches!(a, 0 | 10 | 127 | 224..)
        || a == 100 && (64..128).contains(&b)
        || a == 169 && b == 254
        || a == 172 && (16..32).contains(&b)
        || a == 192 && b == 168
        || a == 192 && b == 0 && matches!(c, 0 | 2)
        || a == 192 && b == 88 && c == 99
        || a == 198 && matches!(b, 18 | 19)
        || a == 198 && b == 51 && c == 100
        || a == 203 && b == 0 && c == 113)
}

/// Global unicast, less what stands for an IPv4 address or for nobody.
const fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    a & 0xe000 == 0x2000
        && !(a == 0x2001 && b < 0x0200)
        && !(a == 0x2001 && b == 0x0db8)
        && a != 0x2002
        && !(a == 0x3fff && b < 0x1000)
}

/// How long a bot's server has: as long as a bot at the gateway (Discord: 3 seconds).
const PATIENCE: Duration = Duration::from_secs(3);
/// Pictures of webhooks whose hash is remembered; beyond, all are fetched again when named again.
const PICTURES: usize = 10_000;
/// Requests under way at once; more wait.
const AT_ONCE: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_never_asked() {
        for ip in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
        ] {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"] {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn only_https_urls_of_public_hosts_pass() {
        let outbound = Outbound::new(false);

        assert!(outbound.check("https://bot.example/interactions").is_ok());
        for url in ["http://bot.example/", "ftp://x", "bot.example", "https://a:b@bot.example", ""]
        {
            assert_eq!(outbound.check(url).err(), Some(Unreachable::BadUrl), "{url}");
        }
        // The last ones are ways to write 127.0.0.1 that URL parsers undo.
        for url in [
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://2130706433/",
            "https://0x7f.1/",
        ] {
            assert_eq!(outbound.check(url).err(), Some(Unreachable::Private), "{url}");
        }
        assert!(Outbound::new(true).check("http://127.0.0.1:9000/").is_ok());
    }

    #[tokio::test]
    async fn a_name_of_a_private_address_is_not_resolved() {
        let resolve = |private: bool| async move {
            let resolver = Resolver { private };
            resolver.resolve("localhost".parse().unwrap()).await.is_ok()
        };

        assert!(!resolve(false).await);
        assert!(resolve(true).await);
    }
}

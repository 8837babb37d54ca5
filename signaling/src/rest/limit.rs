//! Rate limits: buckets by route and major parameter, with Discord's headers on every answer.
//!
//! The pure core is [`Limiter::take`]; [`layer`] puts it before the routes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::PoisonError;

use axum::extract::Request;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::Method;
use axum::http::header;
use axum::middleware::Next;
use axum::response::IntoResponse;
use axum::response::Response;

use super::error::ApiError;
use crate::auth::token;
use crate::connection::Connection;
use crate::parts::Parts;

/// So many requests in so many milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Requests in a window.
    pub requests: u32,
    /// Length of the window in milliseconds.
    pub window_ms: u64,
}

/// Whose requests are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Caller {
    /// Those with one token.
    Token([u8; 32]),
    /// Those without, from one IPv4 address or one IPv6 /64.
    Address(IpAddr),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    caller: Caller,
    /// The route's class, and the channel, guild or webhook that it is about.
    bucket: &'static str,
    major: u64,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    started_ms: u64,
    ends_ms: u64,
    used: u32,
}

/// What came of one request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Whether it may go on.
    pub allowed: bool,
    /// Requests left in the window.
    pub remaining: u32,
    /// Unix milliseconds at which the window ends.
    pub reset_ms: u64,
}

/// The buckets of this node, bounded.
#[derive(Debug, Default)]
pub struct Limiter {
    windows: Mutex<HashMap<Key, Window>>,
}

impl Limiter {
    fn take(&self, key: Key, limit: Limit, now_ms: u64) -> Outcome {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= BUCKETS {
            windows.retain(|_, window| window.ends_ms > now_ms);
            if windows.len() >= BUCKETS {
                windows.clear();
            }
        }
        let fresh = Window { started_ms: now_ms, ends_ms: now_ms + limit.window_ms, used: 0 };
        let window = windows.entry(key).or_insert(fresh);
        // A clock that stepped back must not lock anyone out.
        if window.ends_ms <= now_ms || window.started_ms > now_ms {
            *window = fresh;
        }
        let allowed = window.used < limit.requests;
        if allowed {
            window.used += 1;
        }
        Outcome { allowed, remaining: limit.requests - window.used, reset_ms: window.ends_ms }
    }
}

/// Buckets kept at once: each takes about 100 bytes.
const BUCKETS: usize = 100_000;

/// The class of a route, its limit, and its major parameter (Discord: Rate Limits).
fn classify(method: &Method, path: &str) -> (&'static str, Limit, u64) {
    let mut parts = path.split('/').filter(|part| !part.is_empty() && *part != "api");
    let mut first = parts.next().unwrap_or_default();
    if first.len() <= 3 && first.starts_with('v') && first[1..].parse::<u8>().is_ok() {
        first = parts.next().unwrap_or_default();
    }
    let second = parts.next().unwrap_or_default();
    let major = second.parse().unwrap_or(0);
    let third = parts.next().unwrap_or_default();
    let fifth = parts.nth(1).unwrap_or_default();
    let per = |requests, window_ms| Limit { requests, window_ms };
    match (first, third, method.as_str()) {
        ("auth", _, _) => ("auth", per(10, 60_000), 0),
        ("channels", "messages", _) if fifth == "reactions" => ("reactions", per(4, 1_000), major),
        ("channels", "messages", "POST") => ("message-create", per(5, 5_000), major),
        ("channels", "messages", "PATCH") => ("message-edit", per(5, 5_000), major),
        ("channels", "messages", "DELETE") => ("message-delete", per(5, 1_000), major),
        ("channels", "messages", _) => ("message-read", per(20, 5_000), major),
        ("channels", "typing", _) => ("typing", per(5, 5_000), major),
        ("channels", _, "GET") => ("channel-read", per(20, 5_000), major),
        ("channels", _, _) => ("channel-write", per(10, 10_000), major),
        ("guilds", "members", "GET") => ("member-read", per(10, 10_000), major),
        ("guilds", _, "GET") => ("guild-read", per(20, 5_000), major),
        ("guilds", _, _) => ("guild-write", per(20, 10_000), major),
        ("invites", _, _) => ("invites", per(10, 10_000), 0),
        ("users", _, _) => ("users", per(20, 5_000), 0),
        _ => ("other", per(30, 5_000), 0),
    }
}

/// Counts the request; answers 429 or adds the headers to the route's answer.
pub async fn layer(State(parts): State<Parts>, request: Request, next: Next) -> Response {
    if request.method() == Method::OPTIONS {
        return next.run(request).await;
    }
    let now_ms = parts.now_ms();
    let caller = caller(&parts, &request);
    let global = Limit { requests: parts.config.requests_per_second.max(1), window_ms: 1_000 };
    let key = Key { caller: caller.clone(), bucket: "global", major: 0 };
    let outcome = parts.limiter.take(key, global, now_ms);
    if !outcome.allowed {
        return limited(outcome, global, "global", now_ms);
    }
    let (bucket, limit, major) = classify(request.method(), request.uri().path());
    let outcome = parts.limiter.take(Key { caller, bucket, major }, limit, now_ms);
    if !outcome.allowed {
        return limited(outcome, limit, bucket, now_ms);
    }
    let mut response = next.run(request).await;
    describe(response.headers_mut(), outcome, limit, bucket, now_ms);
    response
}

fn caller(parts: &Parts, request: &Request) -> Caller {
    let token = request.headers().get(header::AUTHORIZATION);
    if let Some(token) = token.and_then(|token| token.to_str().ok()).and_then(token::bare) {
        return Caller::Token(token::hash(token));
    }
    let peer = request
        .extensions()
        .get::<Connection>()
        .map_or(IpAddr::from([0, 0, 0, 0]), |connection| connection.peer.ip().to_canonical());
    let ip = forwarded(parts, peer, request.headers()).unwrap_or(peer);
    Caller::Address(match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => {
            let network = u128::from(ip) & !u128::from(u64::MAX);
            IpAddr::from(network.to_be_bytes())
        }
    })
}

/// The client behind a proxy that configuration trusts: the right-most hop that is not one.
fn forwarded(parts: &Parts, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
    let trusted = |ip: IpAddr| parts.config.trusted_proxies.iter().any(|proxy| covers(proxy, ip));
    if !trusted(peer) {
        return None;
    }
    let chain = headers.get("x-forwarded-for")?.to_str().ok()?;
    chain.rsplit(',').filter_map(|hop| hop.trim().parse().ok()).find(|hop| !trusted(*hop))
}

/// Whether an address or a network in CIDR form covers `ip`.
fn covers(network: &str, ip: IpAddr) -> bool {
    let (base, prefix) = match network.split_once('/') {
        Some((base, prefix)) => (base, prefix.parse::<u32>().ok()),
        None => (network, Some(128)),
    };
    let (Ok(base), Some(prefix)) = (base.parse::<IpAddr>(), prefix) else { return false };
    match (base, ip) {
        (IpAddr::V4(base), IpAddr::V4(ip)) => {
            let shift = 32 - prefix.min(32);
            u32::from(base).checked_shr(shift) == u32::from(ip).checked_shr(shift)
        }
        (IpAddr::V6(base), IpAddr::V6(ip)) => {
            let shift = 128 - prefix.min(128);
            u128::from(base).checked_shr(shift) == u128::from(ip).checked_shr(shift)
        }
        _ => false,
    }
}

fn limited(outcome: Outcome, limit: Limit, bucket: &'static str, now_ms: u64) -> Response {
    metrics::counter!("signaling_rate_limited_total", "bucket" => bucket).increment(1);
    let global = bucket == "global";
    let retry_after = seconds(outcome.reset_ms.saturating_sub(now_ms).max(1));
    let mut response = ApiError::RateLimited { retry_after, global }.into_response();
    let headers = response.headers_mut();
    describe(headers, outcome, limit, bucket, now_ms);
    // discord.py and py-cord take a 429 without Via for one of Cloudflare's and give up.
    headers.insert(header::VIA, HeaderValue::from_static("1.1 guildhall"));
    number(headers, "retry-after", format!("{retry_after:.3}"));
    let scope = if global { "global" } else { "user" };
    headers.insert("x-ratelimit-scope", HeaderValue::from_static(scope));
    if global {
        headers.insert("x-ratelimit-global", HeaderValue::from_static("true"));
    }
    response
}

fn describe(
    headers: &mut HeaderMap,
    outcome: Outcome,
    limit: Limit,
    bucket: &'static str,
    now_ms: u64,
) {
    let after = outcome.reset_ms.saturating_sub(now_ms);
    number(headers, "x-ratelimit-limit", limit.requests.to_string());
    number(headers, "x-ratelimit-remaining", outcome.remaining.to_string());
    number(headers, "x-ratelimit-reset", format!("{:.3}", seconds(outcome.reset_ms)));
    number(headers, "x-ratelimit-reset-after", format!("{:.3}", seconds(after)));
    headers.insert("x-ratelimit-bucket", HeaderValue::from_static(bucket));
}

fn number(headers: &mut HeaderMap, name: &'static str, value: String) {
    if let Ok(value) = HeaderValue::from_str(&value) {
        headers.insert(name, value);
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of this era fit a double")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit { requests: 2, window_ms: 1_000 };

    fn key(major: u64) -> Key {
        let caller = Caller::Address(IpAddr::from([127, 0, 0, 1]));
        Key { caller, bucket: "message-create", major }
    }

    #[test]
    fn the_window_fills_empties_and_does_not_leak_into_other_channels() {
        let limiter = Limiter::default();

        assert!(limiter.take(key(1), LIMIT, 10_000).allowed);
        assert_eq!(limiter.take(key(1), LIMIT, 10_001).remaining, 0);
        assert!(!limiter.take(key(1), LIMIT, 10_999).allowed);
        assert!(limiter.take(key(2), LIMIT, 10_999).allowed);
        assert!(limiter.take(key(1), LIMIT, 11_000).allowed);
    }

    #[test]
    fn a_clock_that_steps_back_locks_nobody_out() {
        let limiter = Limiter::default();
        for _ in 0..3 {
            limiter.take(key(1), LIMIT, 100_000);
        }

        assert!(limiter.take(key(1), LIMIT, 50_000).allowed);
    }

    #[test]
    fn routes_share_a_bucket_under_every_prefix() {
        for prefix in ["/api/v10", "/api/v9", "/api"] {
            let (bucket, _, major) =
                classify(&Method::POST, &format!("{prefix}/channels/77/messages"));
            assert_eq!((bucket, major), ("message-create", 77));
        }
        let reaction = "/api/v10/channels/77/messages/5/reactions/%F0%9F%8D%BA/@me";
        assert_eq!(classify(&Method::PUT, reaction).0, "reactions");
    }

    #[test]
    fn networks_cover_their_addresses() {
        assert!(covers("10.0.0.0/8", IpAddr::from([10, 1, 2, 3])));
        assert!(!covers("10.0.0.0/8", IpAddr::from([11, 1, 2, 3])));
        assert!(covers("127.0.0.1", IpAddr::from([127, 0, 0, 1])));
        assert!(covers("0.0.0.0/0", IpAddr::from([9, 9, 9, 9])));
        assert!(!covers("nonsense", IpAddr::from([9, 9, 9, 9])));
    }
}

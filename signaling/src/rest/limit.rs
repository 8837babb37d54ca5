//! Rate limits: buckets by route, major parameter and caller, with Discord's headers on answers.
//!
//! The pure core is [`Buckets`]; [`layer`] puts it before the routes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::OnceLock;
use std::sync::PoisonError;

use axum::extract::Request;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::header;
use axum::middleware::Next;
use axum::response::IntoResponse as _;
use axum::response::Response;
use model::id::GrantId;
use model::id::UserId;

use super::address;
use super::address::Network;
use super::error::ApiError;
use super::rates;
use super::rates::Class;
use super::rates::Rate;
use crate::auth::Access;
use crate::auth::Identity;
use crate::connection::Connection;
use crate::parts::Parts;

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Caller {
    /// An account, by whatever token.
    User(UserId),
    /// An application in someone's name, by its grant: what it does costs its user nothing.
    Grant(GrantId),
    /// Those without an account, from one IPv4 address or one IPv6 /64.
    Address(IpAddr),
    /// Attempts to log in to one account (by the hash of its name) from one address.
    Login(IpAddr, u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    caller: Caller,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outcome {
    /// Whether it may go on.
    allowed: bool,
    /// Requests left in the window.
    remaining: u32,
    /// Unix milliseconds at which the window ends.
    reset_ms: u64,
}

/// Counts of all callers: fixed windows that begin with their first request, as Discord's. Pure.
#[derive(Debug, Default)]
struct Buckets {
    windows: HashMap<Key, Window>,
    swept_ms: u64,
}

impl Buckets {
    /// Counts one request at `now_ms`, Unix milliseconds.
    fn take(&mut self, key: Key, rate: Rate, now_ms: u64) -> Outcome {
        let full = self.windows.len() >= BUCKETS;
        if full || now_ms.abs_diff(self.swept_ms) >= SWEEP_MS {
            self.swept_ms = now_ms;
            self.windows.retain(|_, window| window.holds(now_ms));
        }
        if self.windows.len() >= BUCKETS && !self.windows.contains_key(&key) {
            // A flood from very many addresses: whom to forget is chance (the map's order is), so
            // that nobody can make us forget their own count for sure.
            let forgotten: Vec<_> = self.windows.keys().take(BUCKETS / 64).copied().collect();
            for key in forgotten {
                self.windows.remove(&key);
            }
        }
        let fresh = Window { started_ms: now_ms, ends_ms: now_ms + rate.window_ms, used: 0 };
        let window = self.windows.entry(key).or_insert(fresh);
        if !window.holds(now_ms) {
            *window = fresh;
        }
        let allowed = window.used < rate.requests;
        if allowed {
            window.used += 1;
        }
        let remaining = rate.requests.saturating_sub(window.used);
        Outcome { allowed, remaining, reset_ms: window.ends_ms }
    }
}

impl Window {
    /// Not over; nor begun in the future, for a clock that stepped back must lock out nobody.
    const fn holds(&self, now_ms: u64) -> bool {
        self.started_ms <= now_ms && now_ms < self.ends_ms
    }
}

/// Buckets kept at once, at about 100 bytes: 10 MB.
const BUCKETS: usize = 100_000;
/// How often those that are over are dropped.
const SWEEP_MS: u64 = 10_000;

/// The buckets of this node, bounded.
#[derive(Debug, Default)]
pub struct Limiter {
    buckets: Mutex<Buckets>,
    proxies: OnceLock<Vec<Network>>,
}

impl Limiter {
    /// Counts an attempt to log in.
    ///
    /// # Errors
    ///
    /// [`ApiError::RateLimited`] when there were too many at this account from this address.
    pub(super) fn login(&self, ip: IpAddr, account: &str, now_ms: u64) -> Result<(), ApiError> {
        let name = account.trim().to_ascii_lowercase();
        let hash = crate::auth::token::hash(&name);
        let account = u64::from_be_bytes(std::array::from_fn(|at| hash[at]));
        let caller = Caller::Login(address::subscriber(ip), account);
        let key = Key { caller, bucket: "login", major: 0 };
        let outcome = self.buckets().take(key, rates::LOGINS, now_ms);
        if outcome.allowed {
            return Ok(());
        }
        let retry_after = seconds(outcome.reset_ms.saturating_sub(now_ms));
        Err(ApiError::RateLimited { retry_after, global: false })
    }

    fn take(&self, caller: Caller, class: Class, now_ms: u64) -> Outcome {
        let key = Key { caller, bucket: class.bucket, major: class.major };
        self.buckets().take(key, class.rate, now_ms)
    }

    fn buckets(&self) -> MutexGuard<'_, Buckets> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn proxies(&self, parts: &Parts) -> &[Network] {
        self.proxies.get_or_init(|| {
            let parse = |text: &String| match text.parse() {
                Ok(network) => Some(network),
                Err(error) => {
                    tracing::warn!(%error, "an entry of trusted_proxies is ignored");
                    None
                }
            };
            parts.config.trusted_proxies.iter().filter_map(parse).collect()
        })
    }
}

/// The address that a request came from; an extension of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClientIp(pub(super) IpAddr);

/// Counts the request; answers 429 or adds the headers to the route's answer. Who asks is found
/// out here, once, and left for the extractors.
pub(super) async fn layer(
    State(parts): State<Parts>,
    mut request: Request,
    next: Next,
) -> Response {
    let now_ms = parts.now_ms();
    let ip = client_ip(&parts, &request);
    request.extensions_mut().insert(ClientIp(ip));
    let token = request.headers().get(header::AUTHORIZATION);
    let token = token.and_then(|token| token.to_str().ok()).map(str::to_owned);
    let mut identity = token.as_deref().and_then(|token| parts.auth.remembered(token));
    let grants = &parts.auth.grants;
    let mut access = token.as_deref().and_then(|token| grants.remembered(token, now_ms));
    let every = Class {
        bucket: "global",
        rate: Rate { requests: parts.config.requests_per_second.max(1), window_ms: 1_000 },
        major: 0,
        told: true,
    };
    let stranger = Caller::Address(address::subscriber(ip));
    if identity.is_none() && access.is_none() {
        // Before the token is looked up: guessing tokens is limited by address.
        let outcome = parts.limiter.take(stranger, every, now_ms);
        if !outcome.allowed {
            return limited(outcome, every, now_ms);
        }
        if let Some(token) = token {
            identity = match parts.auth.authenticate(&token).await {
                Ok(identity) => identity,
                Err(error) => return ApiError::from(error).into_response(),
            };
            if identity.is_none() {
                access = match grants.access(&token, now_ms).await {
                    Ok(access) => access,
                    Err(error) => return ApiError::from(error).into_response(),
                };
            }
        }
    }
    let caller = match (&identity, &access) {
        (Some(identity), _) => Caller::User(identity.id()),
        (None, Some(access)) => Caller::Grant(access.grant.id),
        (None, None) => stranger,
    };
    if caller != stranger {
        // Never both: a route that asks who someone is does not see what an application may do.
        if let Some(identity) = identity {
            request.extensions_mut().insert::<Identity>(identity);
        } else if let Some(access) = access {
            request.extensions_mut().insert::<Arc<Access>>(access);
        }
        let outcome = parts.limiter.take(caller, every, now_ms);
        if !outcome.allowed {
            return limited(outcome, every, now_ms);
        }
    }
    let class = rates::class(request.method(), request.uri().path());
    let outcome = parts.limiter.take(caller, class, now_ms);
    if !outcome.allowed {
        return limited(outcome, class, now_ms);
    }
    let mut response = next.run(request).await;
    describe(response.headers_mut(), outcome, class, now_ms);
    response
}

fn client_ip(parts: &Parts, request: &Request) -> IpAddr {
    let peer = request
        .extensions()
        .get::<Connection>()
        .map_or_else(|| IpAddr::from([0, 0, 0, 0]), |connection| connection.peer.ip());
    let forwarded = request.headers().get_all("x-forwarded-for").iter();
    let forwarded: Vec<_> = forwarded.filter_map(|value| value.to_str().ok()).collect();
    address::client(peer, forwarded.into_iter(), parts.limiter.proxies(parts))
}

fn limited(outcome: Outcome, class: Class, now_ms: u64) -> Response {
    metrics::counter!("signaling_rate_limited_total", "bucket" => class.bucket).increment(1);
    let retry_after = seconds(outcome.reset_ms.saturating_sub(now_ms).max(1));
    let global = class.bucket == "global";
    let mut response = ApiError::RateLimited { retry_after, global }.into_response();
    describe(response.headers_mut(), outcome, class, now_ms);
    response
}

fn describe(headers: &mut HeaderMap, outcome: Outcome, class: Class, now_ms: u64) {
    if !class.told {
        return;
    }
    let after = outcome.reset_ms.saturating_sub(now_ms);
    // Whole milliseconds have three digits, without the arithmetic of doubles.
    let number = |ms: u64| HeaderValue::from_str(&format!("{}.{:03}", ms / 1_000, ms % 1_000)).ok();
    headers.insert(LIMIT, class.rate.requests.into());
    headers.insert(REMAINING, outcome.remaining.into());
    headers.extend(number(outcome.reset_ms).map(|reset| (RESET, reset)));
    headers.extend(number(after).map(|after| (RESET_AFTER, after)));
    headers.insert(BUCKET, HeaderValue::from_static(class.bucket));
}

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const RESET_AFTER: HeaderName = HeaderName::from_static("x-ratelimit-reset-after");
const BUCKET: HeaderName = HeaderName::from_static("x-ratelimit-bucket");

#[expect(clippy::cast_precision_loss, reason = "milliseconds of this era fit a double")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATE: Rate = Rate { requests: 2, window_ms: 1_000 };

    fn key(major: u64) -> Key {
        let caller = Caller::Address(IpAddr::from([127, 0, 0, 1]));
        Key { caller, bucket: "message-create", major }
    }

    #[test]
    fn a_window_fills_empties_and_does_not_leak_into_other_channels() {
        let mut buckets = Buckets::default();

        assert!(buckets.take(key(1), RATE, 10_000).allowed);
        assert_eq!(
            buckets.take(key(1), RATE, 10_001),
            Outcome { allowed: true, remaining: 0, reset_ms: 11_000 }
        );
        assert!(!buckets.take(key(1), RATE, 10_999).allowed);
        assert!(buckets.take(key(2), RATE, 10_999).allowed);
        assert!(buckets.take(key(1), RATE, 11_000).allowed);
    }

    #[test]
    fn a_clock_that_steps_back_locks_nobody_out() {
        let mut buckets = Buckets::default();
        for _ in 0..3 {
            buckets.take(key(1), RATE, 100_000);
        }

        assert!(buckets.take(key(1), RATE, 50_000).allowed);
    }

    #[test]
    fn windows_that_are_over_are_dropped() {
        let mut buckets = Buckets::default();
        for n in 0..1_000 {
            buckets.take(key(n), RATE, 10_000);
        }

        buckets.take(key(0), RATE, 10_000 + SWEEP_MS);

        assert_eq!(buckets.windows.len(), 1);
    }

    #[test]
    fn a_flood_from_many_addresses_does_not_grow_memory() {
        let mut buckets = Buckets::default();

        for n in 0..(BUCKETS as u64 + 5_000) {
            buckets.take(key(n), Rate { requests: 1, window_ms: 600_000 }, 10_000);
        }

        assert!(buckets.windows.len() <= BUCKETS);
    }

    #[test]
    fn guessing_a_password_ends_for_that_account_and_address_alone() {
        let limiter = Limiter::default();
        let ben = IpAddr::from([192, 0, 2, 1]);
        for _ in 0..rates::LOGINS.requests {
            limiter.login(ben, "ana", 1_000).unwrap();
        }

        assert!(matches!(limiter.login(ben, "ANA ", 1_000), Err(ApiError::RateLimited { .. })));
        assert!(limiter.login(ben, "cai", 1_000).is_ok());
        assert!(limiter.login(IpAddr::from([192, 0, 2, 2]), "ana", 1_000).is_ok());
        assert!(limiter.login(ben, "ana", 61_000).is_ok());
    }

    proptest! {
        #[test]
        fn no_window_lets_more_through_than_its_rate(
            waits in prop::collection::vec(0_u64..700, 1..200),
            requests in 1_u32..6,
        ) {
            let rate = Rate { requests, window_ms: 1_000 };
            let mut buckets = Buckets::default();
            let mut now_ms = 1_000_000;
            let mut passed = std::collections::BTreeMap::<u64, u32>::new();
            for wait in waits {
                now_ms += wait;
                let outcome = buckets.take(key(1), rate, now_ms);
                prop_assert!(outcome.reset_ms > now_ms);
                prop_assert!(outcome.reset_ms <= now_ms + rate.window_ms);
                if outcome.allowed {
                    let passed = passed.entry(outcome.reset_ms).or_default();
                    *passed += 1;
                    prop_assert_eq!(outcome.remaining, requests - *passed);
                } else {
                    // Whoever waits as told gets through.
                    let mut then = Buckets { windows: buckets.windows.clone(), swept_ms: 0 };
                    prop_assert!(then.take(key(1), rate, outcome.reset_ms).allowed);
                }
            }
            prop_assert!(passed.values().all(|passed| *passed <= requests));
        }
    }
}

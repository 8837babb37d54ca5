//! What every scenario needs: its surroundings, its reports, and outside events.
//!
//! Reports are JSON lines on standard output; the harness judges.

mod person;

use std::fmt::Display;
use std::future::Future;

use serde_json::Value;
use serde_json::json;
use twilight_model::id::Id;

pub use self::person::Person;

/// One of the surroundings that the harness gives by environment variables.
///
/// # Panics
///
/// When the harness did not set it.
#[must_use]
pub fn surrounding(key: &str) -> String {
    std::env::var(key).unwrap_or_else(|_| panic!("the harness sets {key}"))
}

/// An id among the surroundings.
///
/// # Panics
///
/// When it is none.
#[must_use]
pub fn id<T>(key: &str) -> Id<T> {
    surrounding(key).parse().unwrap_or_else(|_| panic!("{key} is an id"))
}

/// Prints one report.
pub fn tell(report: &Value) {
    println!("{report}");
}

/// Prints one check.
pub fn check(name: &str, ok: bool, detail: impl Display) {
    tell(&json!({ "check": name, "ok": ok, "detail": detail.to_string() }));
}

/// Runs one check; its error is its failure.
pub async fn attempt(name: &str, run: impl Future<Output = anyhow::Result<String>>) {
    match run.await {
        Ok(detail) => check(name, true, detail),
        Err(error) => check(name, false, format!("{error:#}")),
    }
}

/// Begins a scenario: what the library logs goes to standard error, and the check `login` tells how it
/// got in.
pub async fn begin<B>(enter: impl Future<Output = anyhow::Result<B>>) -> Option<B> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    match enter.await {
        Ok(bot) => {
            check("login", true, "");
            Some(bot)
        }
        Err(error) => {
            check("login", false, format!("{error:#}"));
            None
        }
    }
}

/// Asks the harness for an outside event.
///
/// # Errors
///
/// When the harness refuses.
pub async fn control(action: &str, body: Value) -> anyhow::Result<Value> {
    let url = format!("{}/{action}", surrounding("CONTROL"));
    let answer = reqwest::Client::new().post(url).json(&body).send().await?;
    anyhow::ensure!(answer.status().is_success(), "{action}: {}", answer.status());
    Ok(answer.json().await?)
}

/// Bytes without a pattern that text handling or compression would leave alone.
#[must_use]
pub fn noise(len: usize) -> Vec<u8> {
    let mut seed = 0x9e37_79b9_u32;
    let next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// An HTTP client that trusts the server's private CA, for what no library fetches itself.
///
/// # Errors
///
/// When the CA file is not what it should be.
pub fn browser() -> anyhow::Result<reqwest::Client> {
    let ca = std::fs::read(surrounding("SSL_CERT_FILE"))?;
    let ca = reqwest::Certificate::from_pem(&ca)?;
    Ok(reqwest::Client::builder().add_root_certificate(ca).build()?)
}

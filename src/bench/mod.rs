//! Measures this machine with the parts that a server runs on, and servers as their clients do.

mod chat;
mod members;
mod meter;
#[cfg(any(test, feature = "mouth-to-ear"))]
mod mouth_to_ear;
mod pace;
mod store;
mod voice;

use std::fmt::Display;
use std::time::Duration;
use std::time::Instant;

use clap::Subcommand;
use indicatif::ProgressBar;
use serde::Serialize;

/// What can be measured.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Acknowledged message writes a second on the embedded store, by number of writers
    Store(store::Options),
    /// Chat through a running server from outside, against raw writes of the same bytes
    Chat(chat::Options),
    /// A guild of a million members: what each takes in memory, and how soon their lists answer
    Members(members::Options),
    /// Voice through a running server from outside, against the floor of this machine
    Voice(voice::Options),
    /// How much later a chirp is heard than said, through two clients and a server
    #[cfg(any(test, feature = "mouth-to-ear"))]
    MouthToEar(mouth_to_ear::Options),
}

/// Measures and prints.
///
/// # Errors
///
/// When what is measured cannot be set up, or fails under way.
pub async fn run(bench: Bench, json: bool) -> anyhow::Result<()> {
    match bench {
        Bench::Store(options) => store::run(options, json).await,
        Bench::Chat(options) => chat::run(options, json).await,
        Bench::Members(options) => members::run(options, json).await,
        Bench::Voice(options) => voice::run(options, json).await,
        #[cfg(any(test, feature = "mouth-to-ear"))]
        Bench::MouthToEar(options) => mouth_to_ear::run(options, json).await,
    }
}

#[expect(clippy::disallowed_methods, reason = "measuring reads the clock")]
fn now() -> Instant {
    Instant::now()
}

/// Measures with a spinner that tells how far it is, and prints what came of it.
async fn report<T: Serialize + Display>(
    json: bool,
    measure: impl AsyncFnOnce(&ProgressBar) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    pace::watch();
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(100));
    // An interrupted run still ends its server and removes its folder.
    let report = tokio::select! {
        report = measure(&bar) => report,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    bar.finish_and_clear();
    let report = report?;
    let pace = pace::told();
    if json {
        let mut value = serde_json::to_value(&report)?;
        if let Some(report) = value.as_object_mut() {
            report.insert("machine".to_owned(), serde_json::to_value(&pace)?);
        }
        println!("{}", serde_json::to_string_pretty(&value)?);
    } else {
        print!("{report}");
        if let Some(pace) = pace {
            println!("{pace}");
        }
    }
    Ok(report)
}

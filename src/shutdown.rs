//! Serves until a signal: the first one drains, the second one ends at once.

use std::future::Future;

use sd_notify::NotifyState;
use tokio::signal::unix::Signal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

use crate::config::Effective;
use crate::progress::Progress;
use crate::serve::start_showing;
use crate::welcome;

/// Starts a server, tells the operator where it is, and stops it when `shutdown` is done or the
/// process is told to end (SIGTERM, SIGINT). SIGHUP reads the certificate again.
///
/// # Errors
///
/// As [`start`](crate::start).
pub async fn run(effective: Effective, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let config = effective.config;
    let progress = Progress::shown();
    let started = start_showing(config.clone(), &progress).await;
    progress.finish();
    let running = started?;
    println!("{}", welcome::text(&config, &running));
    tracing::info!(address = %running.address, media = %running.media, "ready");
    tell_systemd(&[NotifyState::Ready]);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            _ = hangup.recv() => running.reload(),
            () = ended(&mut terminate, &mut interrupt) => break,
            () = &mut shutdown => break,
        }
    }
    tracing::info!("stopping; a second signal ends at once");
    tell_systemd(&[NotifyState::Stopping]);
    tokio::select! {
        () = running.stop() => tracing::info!("stopped"),
        () = ended(&mut terminate, &mut interrupt) => tracing::warn!("ended at once"),
    }
    Ok(())
}

async fn ended(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Does nothing unless systemd started us with `Type=notify`.
fn tell_systemd(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "systemd was not told");
    }
}

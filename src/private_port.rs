//! The private port: is it alive, is it ready, what are its numbers. Not for the public.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use state::repo::InviteRepo;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::metrics::Recorder;

/// How long the store may take to answer before the server counts as not ready.
const PATIENCE: Duration = Duration::from_secs(2);

/// What being ready means.
#[derive(Clone)]
pub(crate) struct Readiness {
    /// Started, and not stopping.
    pub(crate) ready: Arc<AtomicBool>,
    /// A store that must answer.
    pub(crate) invites: Arc<dyn InviteRepo>,
}

/// `/healthz` for restarts, `/readyz` for traffic, `/metrics` for Prometheus.
pub(crate) fn router(recorder: Recorder, readiness: Readiness) -> Router {
    let metrics = move || async move {
        ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], recorder.render())
    };
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(readiness)
}

pub(crate) async fn serve(listener: TcpListener, router: Router, stopping: CancellationToken) {
    let serving =
        axum::serve(listener, router).with_graceful_shutdown(stopping.clone().cancelled_owned());
    tokio::select! {
        ended = serving.into_future() => {
            if let Err(error) = ended {
                tracing::error!(%error, "the private port ended");
            }
        }
        // A scraper that holds its connection must not hold us.
        () = async { stopping.cancelled().await; tokio::time::sleep(PATIENCE).await } => {}
    }
}

async fn ready(State(readiness): State<Readiness>) -> impl IntoResponse {
    if !readiness.ready.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    // Any question does: no invite has this code.
    match tokio::time::timeout(PATIENCE, readiness.invites.invite("readyz")).await {
        Ok(Ok(_)) => (StatusCode::OK, "ready\n"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n"),
    }
}

//! `/healthz`, `/readyz` and `/metrics`, on an address of their own.

use std::sync::OnceLock;

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusBuilder;
use metrics_exporter_prometheus::PrometheusHandle;

/// The recorder of this process; tests start several servers in one.
static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

fn recorder() -> Option<&'static PrometheusHandle> {
    RECORDER.get_or_init(|| PrometheusBuilder::new().install_recorder().ok()).as_ref()
}

/// Starts to record.
pub(crate) fn record() {
    if recorder().is_some() {
        metrics::gauge!("guildhall_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    }
}

/// The three routes. The server is ready when they answer.
pub(crate) fn router() -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(|| async { "ready\n" }))
        .route(
            "/metrics",
            get(|| async {
                recorder().map_or_else(String::new, |recorder| {
                    recorder.run_upkeep();
                    recorder.render()
                })
            }),
        )
}

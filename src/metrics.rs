//! Numbers for Prometheus: the recorder, what is counted at the door, and how they are rendered.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::LazyLock;
use std::sync::OnceLock;
use std::time::Duration;
use std::time::Instant;

use axum::Router;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use metrics::Counter;
use metrics::Histogram;
use metrics_exporter_prometheus::Matcher;
use metrics_exporter_prometheus::PrometheusBuilder;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;

/// Upper ends of duration buckets, in seconds: a cached read to a client that gave up.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Upper ends of buckets that count things.
const SIZES: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
/// How often histograms are drained; memory grows with what is between.
const UPKEEP: Duration = Duration::from_secs(5);

/// The process's recorder, with the moment it was installed.
#[derive(Clone, Copy)]
pub(crate) struct Recorder {
    handle: &'static PrometheusHandle,
    since: Instant,
}

/// Installs the recorder, the first time that it is called.
#[expect(clippy::disallowed_methods, reason = "the process's uptime is the real clock's")]
pub(crate) fn install() -> Recorder {
    static INSTALLED: OnceLock<(PrometheusHandle, Instant)> = OnceLock::new();
    let (handle, since) = INSTALLED.get_or_init(|| {
        let builder = PrometheusBuilder::new();
        // Neither list is empty: it cannot fail.
        let recorder = builder
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            .and_then(|b| b.set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), &SIZES))
            .unwrap_or_default()
            .build_recorder();
        let handle = recorder.handle();
        // Somebody else's recorder is only there when the library runs inside another program.
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("metrics go to another recorder");
        }
        (handle, Instant::now())
    });
    Recorder { handle, since: *since }
}

impl Recorder {
    /// Everything, in Prometheus's text format.
    pub(crate) fn render(self) -> String {
        metrics::gauge!("server_uptime_seconds").set(self.since.elapsed().as_secs_f64());
        metrics::gauge!("server_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        self.handle.render()
    }
}

/// Drains histograms until `stopping`.
pub(crate) async fn upkeep(recorder: Recorder, stopping: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(UPKEEP) => recorder.handle.run_upkeep(),
            () = stopping.cancelled() => return,
        }
    }
}

/// Counts requests by method and status, and how long they took to be answered.
pub(crate) fn count_requests(router: Router) -> Router {
    router.layer(axum::middleware::from_fn(count))
}

#[expect(clippy::disallowed_methods, reason = "the door is a shell: it reads the clock")]
async fn count(request: Request, next: Next) -> Response {
    let began = Instant::now();
    // Methods are the client's to invent, labels are not.
    let method = METHODS.into_iter().find(|known| *known == request.method().as_str());
    let method = method.unwrap_or("other");
    let response = next.run(request).await;
    let status = response.status().as_u16();
    REQUESTS.with_borrow_mut(|requests| {
        let counter = requests.entry((method, status)).or_insert_with(|| {
            let (method, status) = (method.to_owned(), status.to_string());
            metrics::counter!("server_requests_total", "method" => method, "status" => status)
        });
        counter.increment(1);
    });
    DURATION.record(began.elapsed());
    response
}

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

thread_local! {
    /// Looked up once each: labels are texts that are made and hashed.
    static REQUESTS: RefCell<HashMap<(&'static str, u16), Counter>> = RefCell::default();
}

static DURATION: LazyLock<Histogram> =
    LazyLock::new(|| metrics::histogram!("server_request_duration_seconds"));

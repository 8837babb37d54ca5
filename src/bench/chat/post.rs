//! Requests to the server, over connections that are kept.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use hyper::Method;
use hyper::Request;
use hyper::StatusCode;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// Largest answer that is read, in bytes.
const LARGEST: usize = 8 * 1024 * 1024;

/// A client, cheap to clone.
#[derive(Clone)]
pub(in crate::bench) struct Client {
    inner: hyper_util::client::legacy::Client<HttpConnector, axum::body::Body>,
    origin: String,
}

impl Client {
    /// A client of the server there.
    pub(in crate::bench) fn new(listen: SocketAddr) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let inner =
            hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector);
        Self { inner, origin: format!("http://{listen}") }
    }

    /// Posts JSON, in the name of a person or a bot. The answer, whatever its status.
    ///
    /// # Errors
    ///
    /// When there is no answer, or one that is no JSON.
    pub(in crate::bench) async fn post(
        &self,
        token: Option<(&str, bool)>,
        path: &str,
        body: &Value,
    ) -> anyhow::Result<Value> {
        let (_, answer) = self.ask(&Method::POST, token, path, Some(body)).await?;
        serde_json::from_slice(&answer).context("the server answers no JSON")
    }

    /// Asks for anything, in the name of a person or a bot. The status and the answer, unread.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub(in crate::bench) async fn ask(
        &self,
        method: &Method,
        token: Option<(&str, bool)>,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.origin))
            .header("content-type", "application/json")
            .header("user-agent", "DiscordBot (guildhall-bench, 1)");
        if let Some((token, bot)) = token {
            let scheme = if bot { "Bot " } else { "" };
            request = request.header("authorization", format!("{scheme}{token}"));
        }
        let body = body.map_or_else(String::new, Value::to_string);
        let request = request.body(axum::body::Body::from(body))?;
        let answer = self.inner.request(request).await.context("the server does not answer")?;
        let status = answer.status();
        Ok((status, axum::body::to_bytes(axum::body::Body::new(answer), LARGEST).await?))
    }

    /// As [`post`](Self::post), again for as long as the server asks for patience.
    ///
    /// # Errors
    ///
    /// As [`post`](Self::post).
    pub(in crate::bench) async fn patiently(
        &self,
        token: Option<(&str, bool)>,
        path: &str,
        body: &Value,
    ) -> anyhow::Result<Value> {
        loop {
            let answer = self.post(token, path, body).await?;
            let Some(wait) = answer["retry_after"].as_f64() else { return Ok(answer) };
            tokio::time::sleep(Duration::from_secs_f64(wait)).await;
        }
    }
}

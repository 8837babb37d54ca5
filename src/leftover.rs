//! Lets a request that was refused early be answered: what its client still sends is read first,
//! within limits.
//!
//! Without it the connection is closed with bytes unread, which TCP turns into a reset (RFC 1122
//! §4.2.2.13): the client then loses the answer, and sees a broken connection instead of a 429.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use hyper::HeaderMap;
use hyper::Request;
use hyper::Version;
use hyper::body::Body as HttpBody;
use hyper::body::Frame;
use hyper::body::Incoming;
use hyper::body::SizeHint;
use hyper::header;
use tokio::sync::oneshot;
use tower::ServiceExt as _;

/// Bytes read and thrown away at most: the default upload limit and what stands around it. It costs
/// no memory; more only helps those who send more than they may.
const MOST: u64 = 32 * 1024 * 1024;
/// And for how long: a slow client must not hold a connection for its refused request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers `request`; its body is at its end then, or beyond the limits.
pub(crate) async fn answer(
    router: Router,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let (parts, body) = request.into_parts();
    // HTTP/2 ends one stream, not the connection; who expects "100 Continue" has not begun.
    let alone = parts.version >= Version::HTTP_2 || expects_continue(&parts.headers);
    if body.is_end_stream() || alone {
        return router.oneshot(Request::from_parts(parts, Body::new(body))).await;
    }
    let (owner, mut returned) = oneshot::channel();
    let lent = Lent { body: Some(body), owner: Some(owner) };
    let response = router.oneshot(Request::from_parts(parts, Body::new(lent))).await;
    if let Ok(body) = returned.try_recv() {
        let _ = tokio::time::timeout(PATIENCE, drain(body)).await;
    }
    response
}

fn expects_continue(headers: &HeaderMap) -> bool {
    headers
        .get(header::EXPECT)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

async fn drain(mut body: Incoming) {
    let mut left = MOST;
    while left > 0 {
        let next = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        let Some(Ok(frame)) = next else { return };
        left = left.saturating_sub(frame.data_ref().map_or(0, |data| data.len() as u64));
    }
}

/// A body that comes back when it is dropped before its end.
struct Lent {
    body: Option<Incoming>,
    owner: Option<oneshot::Sender<Incoming>>,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(body), Some(owner)) = (self.body.take(), self.owner.take())
            && !body.is_end_stream()
        {
            let _ = owner.send(body);
        }
    }
}

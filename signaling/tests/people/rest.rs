//! Asking the wing over HTTP, without a socket.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::header;
use model::id::UserId;
use serde_json::Value;
use serde_json::json;
use signaling::Connection;
use tower::ServiceExt as _;

use crate::stage::Stage;

/// A request of `user`; its status and its body, null when there is none.
pub(crate) async fn ask(
    stage: &Stage,
    user: UserId,
    method: &str,
    path: &str,
    body: Value,
) -> (u16, Value) {
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    let mut request = Request::builder()
        .method(method)
        .uri(format!("/api/v9{path}"))
        .header(header::AUTHORIZATION, stage.token(user))
        .header(header::CONTENT_TYPE, "application/json")
        .body(body)
        .expect("a request");
    let (peer, local) = (stage.address, stage.address);
    request.extensions_mut().insert(Connection { peer, local, tls: false });
    let router = signaling::router(stage.parts.clone(), Router::new());
    let response = router.oneshot(request).await.expect("infallible");
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

/// As [`ask`], for what must succeed.
pub(crate) async fn done(
    stage: &Stage,
    user: UserId,
    method: &str,
    path: &str,
    body: Value,
) -> Value {
    let (status, answer) = ask(stage, user, method, path, body).await;
    assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
    answer
}

/// As [`ask`], for what must be refused with Discord's `code`.
pub(crate) async fn refused(
    stage: &Stage,
    user: UserId,
    (method, path): (&str, &str),
    body: Value,
    code: u64,
) {
    let (status, answer) = ask(stage, user, method, path, body).await;
    assert_eq!(answer["code"], json!(code), "{method} {path}: {status} {answer}");
}

/// Says something in a channel; the message's id.
pub(crate) async fn say(stage: &Stage, user: UserId, channel: &str, content: &str) -> String {
    let path = format!("/channels/{channel}/messages");
    let said = done(stage, user, "POST", &path, json!({ "content": content })).await;
    said["id"].as_str().expect("an id").to_owned()
}

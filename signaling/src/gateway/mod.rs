//! The main Gateway, version 10 (and 9): sessions that hear what their user may hear.

use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;

use crate::connection::Connection;
use crate::parts::Parts;

/// The gateway sessions of this node.
#[derive(Debug, Default)]
pub struct Sessions {}

/// Takes a socket whose URL had `query`; `host` is the `Host` that the client asked for.
pub fn upgrade(
    parts: Parts,
    connection: Connection,
    host: String,
    query: String,
    socket: WebSocketUpgrade,
) -> Response {
    let _ = (parts, connection, host, query, socket);
    todo!()
}

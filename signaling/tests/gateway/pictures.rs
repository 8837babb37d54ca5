//! A changed icon or avatar, as those hear of it who look on.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::header;
use model::id::UserId;
use serde_json::Value;
use serde_json::json;
use signaling::Connection;
use tower::ServiceExt as _;

use crate::JSON;
use crate::stage::ANA;
use crate::stage::BEN;
use crate::stage::GUILD;
use crate::stage::Stage;

/// A GIF of one pixel, as clients send it.
const GIF: &str = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=";

async fn patch(stage: &Stage, user: UserId, path: &str, body: Value) -> Value {
    let mut request = Request::patch(format!("/api/v10{path}"))
        .header(header::AUTHORIZATION, stage.token(user))
        .body(Body::from(body.to_string()))
        .expect("a request");
    let (peer, local) = (stage.address, stage.address);
    request.extensions_mut().insert(Connection { peer, local, tls: false });
    let router = signaling::router(stage.parts.clone(), Router::new());
    let response = router.oneshot(request).await.expect("infallible");
    assert_eq!(response.status(), 200, "{path}");
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    serde_json::from_slice(&bytes).expect("JSON")
}

#[tokio::test]
async fn a_new_icon_is_told_to_the_guild() {
    let stage = Stage::open().await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;

    let shown = patch(&stage, ANA, &format!("/guilds/{GUILD}"), json!({ "icon": GIF })).await;

    let update = ben.hear("GUILD_UPDATE").await;
    assert!(shown["icon"].is_string(), "{shown}");
    assert_eq!(update["d"]["icon"], shown["icon"]);
}

#[tokio::test]
async fn a_new_avatar_is_told_to_oneself_and_to_the_guilds() {
    let stage = Stage::open().await;
    let (mut ana, _) = stage.identify(ANA, JSON).await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;

    let shown = patch(&stage, BEN, "/users/@me", json!({ "avatar": GIF })).await;

    assert!(shown["avatar"].is_string(), "{shown}");
    let update = ana.hear("GUILD_MEMBER_UPDATE").await;
    assert_eq!(update["d"]["user"]["id"], BEN.to_string());
    assert_eq!(update["d"]["user"]["avatar"], shown["avatar"]);
    assert_eq!(ben.hear("USER_UPDATE").await["d"]["avatar"], shown["avatar"]);
}

//! Bots without a gateway session: interactions by signed requests, and never into private networks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;

use crate::support::hall::Hall;
use aws_lc_rs::signature;
use aws_lc_rs::signature::UnparsedPublicKey;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;
use axum::routing::post;
use serde_json::Value;
use serde_json::json;
use signaling::SignalingConfig;
use tokio::net::TcpListener;

/// A bot's own server: checks signatures as Discord asks of bots, unless it is careless.
struct Bot {
    key: Vec<u8>,
    careless: bool,
    answer: Value,
    heard: Mutex<Vec<Value>>,
}

async fn interact(State(bot): State<Arc<Bot>>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let signature = hex::decode(header("x-signature-ed25519")).unwrap();
    let signed = [header("x-signature-timestamp").as_bytes(), &body].concat();
    let key = UnparsedPublicKey::new(&signature::ED25519, &bot.key);
    if key.verify(&signed, &signature).is_err() && !bot.careless {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let told: Value = serde_json::from_slice(&body).unwrap();
    let answer = if told["type"] == 1 { json!({ "type": 1 }) } else { bot.answer.clone() };
    bot.heard.lock().unwrap().push(told);
    axum::Json(answer).into_response()
}

/// A hall whose server may ask private addresses, and a bot's server: its address.
async fn served(careless: bool, answer: Value) -> (Hall, Arc<Bot>, SocketAddr) {
    let config = SignalingConfig { private_endpoints: true, ..SignalingConfig::default() };
    let hall = Hall::with(config).await;
    let me = hall.get(&hall.bot, "/applications/@me").await;
    let key = hex::decode(me.body["verify_key"].as_str().unwrap()).unwrap();
    let bot = Arc::new(Bot { key, careless, answer, heard: Mutex::default() });
    let pixel = b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0;";
    let router = Router::new()
        .route("/interact", post(interact))
        .route("/crier.gif", get(|| async { Bytes::from_static(pixel) }))
        .with_state(Arc::clone(&bot));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a bot's server ends with its test")]
    drop(tokio::spawn(async move { axum::serve(listener, router).await }));
    (hall, bot, address)
}

async fn set(hall: &Hall, url: &str) -> crate::support::Answer {
    let patch = json!({ "interactions_endpoint_url": url });
    hall.ask(&hall.bot, "PATCH", "/applications/@me", patch).await
}

#[tokio::test]
async fn a_signed_request_reaches_the_bot_and_its_reply_is_the_answer() {
    let answer = json!({ "type": 4, "data": { "content": "Pong by post" } });
    let (hall, bot, address) = served(false, answer).await;
    let ids = hall.commands(json!([{ "name": "ping", "description": "Pongs" }])).await;
    let url = format!("http://{address}/interact");
    let patched = set(&hall, &url).await;
    assert_eq!(patched.body["interactions_endpoint_url"], url, "{patched:?}");
    let (mut ears, mut ben) = (hall.ears(&hall.bot).await, hall.ears(&hall.ben).await);

    let call = hall.call(2, json!({ "id": ids[0], "type": 1 }));
    assert_eq!(hall.ask(&hall.ben, "POST", "/interactions", call).await.status, 204);
    ben.personal("INTERACTION_SUCCESS").await;

    assert_eq!(hall.history().await[0]["content"], "Pong by post");
    let heard = bot.heard.lock().unwrap().clone();
    assert_eq!(heard.len(), 2, "a ping and a command: {heard:?}");
    assert_eq!(heard[1]["data"]["name"], "ping");
    assert_eq!(heard[1]["member"]["user"]["id"], hall.ben.id);
    assert!(ears.names().is_empty(), "the gateway heard of it too");
}

#[tokio::test]
async fn an_address_that_checks_no_signatures_is_not_taken() {
    let (hall, _, address) = served(true, json!({})).await;
    let field = "interactions_endpoint_url";
    let code = "APPLICATION_INTERACTIONS_ENDPOINT_URL_INVALID";

    set(&hall, &format!("http://{address}/interact")).await.refuses_field(field, code);
    set(&hall, &format!("http://{address}/nowhere")).await.refuses_field(field, code);
    set(&hall, "not a url").await.refuses_field(field, code);

    let me = hall.get(&hall.bot, "/applications/@me").await;
    assert_eq!(me.body[field], Value::Null);
}

#[tokio::test]
async fn a_bot_that_answers_nonsense_fails_at_once() {
    let (hall, _, address) = served(false, json!({ "type": 4, "data": {} })).await;
    let ids = hall.commands(json!([{ "name": "ping", "description": "Pongs" }])).await;
    set(&hall, &format!("http://{address}/interact")).await;
    let mut ben = hall.ears(&hall.ben).await;

    let call = hall.call(2, json!({ "id": ids[0], "type": 1 }));
    hall.ask(&hall.ben, "POST", "/interactions", call).await;

    let failed = ben.personal("INTERACTION_FAILURE").await;
    assert_eq!(failed.body["reason_code"], 1);
}

#[tokio::test]
async fn without_the_operators_word_no_private_address_is_asked() {
    let hall = Hall::open().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let field = "interactions_endpoint_url";
    let code = "APPLICATION_INTERACTIONS_ENDPOINT_URL_INVALID";

    for host in ["127.0.0.1", "localhost", "[::1]", "2130706433", "169.254.169.254"] {
        let url = format!("https://{host}:{port}/interact");
        set(&hall, &url).await.refuses_field(field, code);
        set(&hall, &url.replace("https", "http")).await.refuses_field(field, code);
    }

    let knocked = tokio::time::timeout(std::time::Duration::ZERO, listener.accept()).await;
    assert!(knocked.is_err(), "somebody connected");
}

#[tokio::test]
async fn a_webhook_shows_the_picture_that_it_names() {
    let (hall, _, address) = served(false, json!({})).await;
    let path = format!("/channels/{}/webhooks", hall.place.text);
    let made = hall.ask(&hall.ana, "POST", &path, json!({ "name": "Herald" })).await.body;
    let field = |field: &str| made[field].as_str().unwrap().to_owned();
    let path = format!("/webhooks/{}/{}?wait=true", field("id"), field("token"));
    let speak = async |url: String| {
        let body = json!({ "content": "x", "avatar_url": url });
        hall.nobody("POST", &path, body).await.body["author"]["avatar"].clone()
    };

    let shown = speak(format!("http://{address}/crier.gif")).await;
    let missing = speak(format!("http://{address}/nowhere.gif")).await;

    let picture = format!("/avatars/{}/{}.gif", field("id"), shown.as_str().unwrap());
    let (status, _, bytes) = hall.api.ask_outside("GET", &picture).send_for_bytes().await;
    assert_eq!((status, &bytes[..6]), (StatusCode::OK, &b"GIF89a"[..]));
    assert_eq!(missing, Value::Null);
}

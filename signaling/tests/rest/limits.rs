//! Rate limits as clients meet them: headers, 429, and who is counted with whom.

use crate::support::Api;
use serde_json::json;
use signaling::SignalingConfig;

#[tokio::test]
async fn every_answer_tells_its_bucket_and_the_last_one_too_many_is_429() {
    let api = Api::new().await;
    let ana = api.register("ana").await;
    let ben = api.register("ben").await;

    let first = ana.ask(&api, "GET", "/users/@me").send().await;
    assert_eq!(first.headers["x-ratelimit-limit"], "20");
    assert_eq!(first.headers["x-ratelimit-remaining"], "19");
    assert_eq!(first.headers["x-ratelimit-bucket"], "user-read");
    let after: f64 = first.headers["x-ratelimit-reset-after"].to_str().unwrap().parse().unwrap();
    assert!((0.0..=5.0).contains(&after));
    let reset: f64 = first.headers["x-ratelimit-reset"].to_str().unwrap().parse().unwrap();
    assert!(reset > 1.7e9);
    for _ in 1..20 {
        assert_eq!(ana.ask(&api, "GET", "/users/@me").send().await.status, 200);
    }

    let cut = ana.ask(&api, "GET", "/users/@me").send().await;

    assert_eq!(cut.status, 429);
    assert_eq!(cut.headers["content-type"], "application/json");
    assert_eq!(cut.headers["via"], "1.1 guildhall");
    assert_eq!(cut.headers["x-ratelimit-scope"], "user");
    assert_eq!(cut.headers["x-ratelimit-remaining"], "0");
    assert!(!cut.headers.contains_key("x-ratelimit-global"));
    assert_eq!(cut.body["global"], false);
    let told: f64 = cut.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((cut.body["retry_after"].as_f64().unwrap() - told).abs() < 0.001);
    // The same bucket under the older version; another's is untouched.
    assert_eq!(ana.ask(&api, "GET", "/api/v9/users/@me").send().await.status, 429);
    assert_eq!(ben.ask(&api, "GET", "/users/@me").send().await.status, 200);
}

#[tokio::test]
async fn where_discord_tells_no_bucket_there_is_none_and_yet_a_limit() {
    let api = Api::new().await;
    let callback =
        || api.ask("POST", "/interactions/9/a/callback").json(&json!({ "type": 5 })).send();

    let first = callback().await;
    let token = api.ask("POST", "/oauth2/token").send().await;
    let mut cut = None;
    for _ in 0..20 {
        let answer = callback().await;
        if answer.status == 429 {
            cut = Some(answer);
            break;
        }
    }

    let cut = cut.expect("twenty answers to one interaction are too many");
    assert_eq!(first.status, 404);
    for answer in [&first, &token, &cut] {
        assert!(!answer.headers.contains_key("x-ratelimit-bucket"), "{answer:?}");
        assert!(!answer.headers.contains_key("x-ratelimit-remaining"), "{answer:?}");
    }
    assert!(cut.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn over_all_routes_an_account_has_the_global_limit() {
    let config = SignalingConfig {
        open_registration: true,
        requests_per_second: 3,
        ..SignalingConfig::default()
    };
    let mut api = Api::with(config).await;
    let ana = api.register("ana").await;
    api.forget_limits();

    let mut cut = None;
    for path in ["/users/@me", "/gateway", "/instance", "/voice/regions", "/users/@me/guilds"] {
        let answer = ana.ask(&api, "GET", path).send().await;
        if answer.status == 429 {
            cut = Some(answer);
            break;
        }
    }

    let cut = cut.expect("five requests in far less than a second are too many");
    assert_eq!(cut.headers["x-ratelimit-global"], "true");
    assert_eq!(cut.headers["x-ratelimit-scope"], "global");
    assert_eq!(cut.body["global"], true);
}

#[tokio::test]
async fn made_up_tokens_are_counted_with_the_address_that_sends_them() {
    let config = SignalingConfig { requests_per_second: 5, ..SignalingConfig::default() };
    let api = Api::with(config).await;
    let guess = |n: u32| {
        let token = format!("MTIz.aaaaaa.{}{n:010}", "x".repeat(30));
        api.ask("GET", "/users/@me").token(&token).send()
    };

    let mut statuses = Vec::new();
    for n in 0..12 {
        statuses.push(guess(n).await.status.as_u16());
    }

    assert_eq!(statuses[0], 401);
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn a_trusted_proxy_names_its_clients_and_a_stranger_names_nobody() {
    let config = SignalingConfig {
        requests_per_second: 1,
        trusted_proxies: vec!["10.0.0.0/8".to_owned()],
        ..SignalingConfig::default()
    };
    let api = Api::with(config).await;
    let ask = |peer: &str, client: u8| {
        let ask = api.ask("GET", "/gateway").from(peer);
        ask.header("x-forwarded-for", &format!("203.0.113.{client}")).send()
    };

    let mut by_proxy = Vec::new();
    for client in 0..6 {
        by_proxy.push(ask("10.0.0.1", client).await.status.as_u16());
    }
    let mut by_stranger = Vec::new();
    for client in 0..6 {
        by_stranger.push(ask("198.51.100.1", client).await.status.as_u16());
    }

    assert_eq!(by_proxy, [200; 6]);
    assert!(by_stranger.contains(&429), "{by_stranger:?}");
}

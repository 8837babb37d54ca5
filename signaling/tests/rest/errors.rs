//! Errors exactly as clients switch on them: routes, methods, versions, ids, existence.

use crate::support::Api;
use serde_json::json;
use signaling::SignalingConfig;

#[tokio::test]
async fn what_is_no_route_is_404_and_what_is_no_method_is_405_in_json() {
    let api = Api::new().await;

    for path in ["/nonsense", "/api/nonsense", "/api/v10/", "/channels/1/nonsense/2"] {
        let answer = api.ask("GET", path).send().await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.body, json!({ "message": "404: Not Found", "code": 0 }));
        assert_eq!(answer.headers["content-type"], "application/json");
    }
    let answer = api.ask("DELETE", "/gateway").send().await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.body, json!({ "message": "405: Method Not Allowed", "code": 0 }));
    api.ask("GET", "/api/v8/gateway").send().await.refuses(400, 50_041);
    for path in ["/api/v10/gateway", "/api/v9/gateway", "/api/gateway"] {
        assert_eq!(api.ask("GET", path).send().await.status, 200);
    }
}

#[tokio::test]
async fn what_is_no_snowflake_is_a_bad_form() {
    let api = Api::new().await;
    let ana = api.register("ana").await;

    for path in ["/guilds/nonsense", "/channels/0", "/users/-1", "/guilds/99999999999999999999"] {
        ana.ask(&api, "GET", path).send().await.refuses(400, 50_035);
    }
    let answer = ana.ask(&api, "GET", "/guilds/nonsense").send().await;
    answer.refuses_field("guild_id", "NUMBER_TYPE_COERCE");
    ana.ask(&api, "GET", "/guilds/1/members/x").send().await.refuses(400, 50_035);
}

#[tokio::test]
async fn whether_a_guild_exists_is_told_to_its_members_alone() {
    let api = Api::new().await;
    let (ana, ben) = (api.register("ana").await, api.register("ben").await);
    let place = api.guild(&ana, "Hall").await;

    for below in ["", "/channels", "/roles", "/members?limit=5", "/bans", "/invites"] {
        let there = format!("/guilds/{}{below}", place.guild);
        let nowhere = format!("/guilds/5{below}");
        let there = ben.ask(&api, "GET", &there).send().await;
        let nowhere = ben.ask(&api, "GET", &nowhere).send().await;
        there.refuses(404, 10_004);
        assert_eq!(there.body, nowhere.body, "{below}");
    }
    let path = format!("/guilds/{}", place.guild);
    ben.ask(&api, "DELETE", &path).send().await.refuses(404, 10_004);
    ben.ask(&api, "PATCH", &path).json(&json!({})).send().await.refuses(404, 10_004);
    ben.ask(&api, "GET", "/channels/5").send().await.refuses(404, 10_003);
    let path = format!("/channels/{}", place.text);
    ben.ask(&api, "GET", &path).send().await.refuses(403, 50_001);
}

#[tokio::test]
async fn members_without_the_permission_get_50013_and_hidden_channels_50001() {
    let api = Api::new().await;
    let (ana, ben) = (api.register("ana").await, api.register("ben").await);
    let place = api.guild(&ana, "Hall").await;
    api.join(&ana, &place, &ben).await;
    let guild = format!("/guilds/{}", place.guild);
    let channel = format!("/channels/{}", place.text);

    let tries = [
        ("PATCH", guild.clone(), json!({ "name": "Mine" })),
        ("POST", format!("{guild}/channels"), json!({ "name": "mine" })),
        ("POST", format!("{guild}/roles"), json!({})),
        ("PATCH", channel.clone(), json!({ "name": "mine" })),
        ("DELETE", channel.clone(), json!({})),
        ("PUT", format!("{channel}/permissions/{}", ben.id), json!({ "type": 1, "allow": "8" })),
        ("DELETE", format!("{guild}/members/{}", ana.id), json!({})),
        ("PUT", format!("{guild}/bans/{}", ana.id), json!({})),
        ("GET", format!("{guild}/bans"), json!({})),
        ("GET", format!("{guild}/invites"), json!({})),
        ("GET", format!("{channel}/invites"), json!({})),
    ];
    for (method, path, body) in tries {
        let answer = ben.ask(&api, method, &path).json(&body).send().await;
        assert_eq!(answer.body["code"], 50_013, "{method} {path}: {answer:?}");
    }

    ben.ask(&api, "DELETE", &guild).send().await.refuses(403, 20_018);

    let hide = json!({ "type": 0, "deny": "1024" });
    let path = format!("{channel}/permissions/{}", place.guild);
    assert_eq!(ana.ask(&api, "PUT", &path).json(&hide).send().await.status, 204);

    ben.ask(&api, "GET", &channel).send().await.refuses(403, 50_001);
    let seen = ben.ask(&api, "GET", &format!("{guild}/channels")).send().await;
    let seen = seen.body.as_array().unwrap().iter().any(|one| one["id"] == json!(place.text));
    assert!(!seen, "a hidden channel is in the list");
    let invites = format!("{channel}/invites");
    ben.ask(&api, "POST", &invites).send().await.refuses(403, 50_001);
}

#[tokio::test]
async fn pages_of_other_origins_may_ask_with_a_token() {
    let api = Api::new().await;

    let preflight = api
        .ask("OPTIONS", "/users/@me")
        .header("origin", "https://client.test")
        .header("access-control-request-method", "PATCH")
        .header("access-control-request-headers", "authorization,content-type")
        .send()
        .await;
    let answer = api.ask("GET", "/gateway").header("origin", "https://client.test").send().await;

    assert_eq!(preflight.status, 200);
    let allowed = preflight.headers["access-control-allow-headers"].to_str().unwrap();
    assert!(allowed.contains("authorization"), "{allowed}");
    assert_eq!(preflight.headers["access-control-allow-methods"], "PATCH");
    assert_eq!(answer.headers["access-control-allow-origin"], "https://client.test");
    let varies =
        answer.headers.get_all("vary").iter().any(|vary| {
            vary.to_str().is_ok_and(|vary| vary.split(", ").any(|name| name == "origin"))
        });
    assert!(varies, "a cache would hand it to another origin: {answer:?}");
    // A browser keeps an answer from a page that asked with credentials and finds a `*` anywhere.
    assert_eq!(answer.headers["access-control-allow-credentials"], "true");
    let exposed = answer.headers["access-control-expose-headers"].to_str().unwrap();
    assert!(exposed.contains("retry-after") && !exposed.contains('*'), "{exposed}");
}

#[tokio::test]
async fn a_ping_says_whose_instance_it_is() {
    let api = Api::new().await;

    let answer = api.ask("GET", "/ping").send().await;

    assert_eq!(answer.body["ping"], "pong!");
    assert_eq!(answer.body["instance"]["name"], SignalingConfig::default().name);
}

#[tokio::test]
async fn logging_in_sets_no_cookie_so_that_a_page_without_the_token_is_nobody() {
    let api = Api::new().await;
    api.register("ana").await;
    let account = json!({ "login": "ana", "password": crate::support::PASSWORD });

    let answer = api.ask("POST", "/auth/login").json(&account).send().await;

    assert_eq!(answer.status, 200);
    assert!(!answer.headers.contains_key("set-cookie"), "{answer:?}");
}

#[tokio::test]
async fn a_body_larger_than_the_limit_is_413() {
    let api = Api::new().await;
    let ana = api.register("ana").await;

    // The second takes pictures.
    for (path, limit) in [
        ("/users/@me/channels", model::limits::JSON_BODY),
        ("/guilds", model::limits::PICTURE_BODY),
    ] {
        let body = vec![b' '; limit + 1];
        let answer = ana.ask(&api, "POST", path).bytes(body).send().await;
        answer.refuses(413, 40_005);
    }
}

#[tokio::test]
async fn the_gateways_url_is_bare_and_secure_but_for_ones_own_machine() {
    let api = Api::new().await;
    let url = |ask: crate::support::Ask| async { ask.send().await.body["url"].clone() };

    assert_eq!(url(api.ask("GET", "/gateway")).await, "wss://hall.test");
    assert_eq!(url(api.ask("GET", "/gateway").plain()).await, "wss://hall.test");
    assert_eq!(url(api.ask("GET", "/gateway").plain().from("127.0.0.1")).await, "ws://hall.test");
    let proxied = api.ask("GET", "/gateway").plain().from("127.0.0.1");
    assert_eq!(url(proxied.header("x-forwarded-proto", "https")).await, "wss://hall.test");
    let public = SignalingConfig {
        public_host: Some("hall.example:8443".to_owned()),
        ..SignalingConfig::default()
    };
    let api = Api::with(public).await;
    assert_eq!(url(api.ask("GET", "/gateway")).await, "wss://hall.example:8443");
}

//! Bodies that JSON parsers stumble over, at every route that reads one: never a 5xx.

use std::fs;
use std::path::Path;

use crate::support::Api;

#[tokio::test]
async fn no_body_makes_the_server_fail() {
    let mut api = Api::new().await;
    let ana = api.register("ana").await;
    let place = api.guild(&ana, "Hall").await;
    let role = format!("/guilds/{}/roles", place.guild);
    let role = ana.ask(&api, "POST", &role).send().await.body["id"].as_str().unwrap().to_owned();
    let routes = [
        ("POST", "/auth/register".to_owned()),
        ("POST", "/auth/login".to_owned()),
        ("PATCH", "/users/@me".to_owned()),
        ("POST", "/users/@me/channels".to_owned()),
        ("POST", "/guilds".to_owned()),
        ("PATCH", format!("/guilds/{}", place.guild)),
        ("POST", format!("/guilds/{}/channels", place.guild)),
        ("PATCH", format!("/guilds/{}/channels", place.guild)),
        ("POST", format!("/guilds/{}/roles", place.guild)),
        ("PATCH", format!("/guilds/{}/roles", place.guild)),
        ("PATCH", format!("/guilds/{}/roles/{role}", place.guild)),
        ("PATCH", format!("/guilds/{}/members/{}", place.guild, ana.id)),
        ("PATCH", format!("/guilds/{}/members/@me", place.guild)),
        ("POST", format!("/guilds/{}/bots", place.guild)),
        ("PATCH", format!("/channels/{}", place.text)),
        ("PUT", format!("/channels/{}/permissions/{role}", place.text)),
        ("POST", format!("/channels/{}/invites", place.text)),
        ("POST", format!("/channels/{}/messages", place.text)),
        ("PUT", format!("/applications/{}/commands", ana.id)),
        ("POST", "/instance/invites".to_owned()),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/json");
    let mut bodies: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect();
    assert!(bodies.len() > 100, "only {} bodies", bodies.len());
    bodies.push(("deep arrays".to_owned(), vec![b'['; 100_000]));
    bodies.push(("deep objects".to_owned(), br#"{"a":"#.repeat(50_000)));

    for (name, body) in bodies {
        // Else most of these would be 429, and prove nothing.
        api.forget_limits();
        for (method, path) in &routes {
            let answer = ana.ask(&api, method, path).bytes(body.clone()).send().await;
            let status = answer.status.as_u16();
            assert!(status < 500 || status == 501, "{method} {path} with {name}: {answer:?}");
            assert_ne!(status, 429, "{method} {path} with {name}");
            let is_json = answer.body["code"] != 50_109;
            match Path::new(&name).file_name().and_then(|file| file.to_str()) {
                // An empty body is how libraries send a route without fields.
                Some(file) if file.starts_with("n_") && !body.is_empty() => {
                    assert!(!is_json, "{method} {path} takes {name}: {answer:?}");
                }
                Some(file) if file.starts_with("y_") => {
                    assert!(is_json, "{method} {path} refuses {name}: {answer:?}");
                }
                _ => {}
            }
        }
    }
}

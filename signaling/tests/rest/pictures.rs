//! Icons of guilds and avatars of people: given as data URIs, checked by their bytes, served to all.

use crate::support::Answer;
use crate::support::Api;
use crate::support::Person;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::json;

/// A still GIF of one pixel.
const STILL: &[u8] = b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0;";

/// A GIF of two frames.
fn moving() -> Vec<u8> {
    let (head, frame) = STILL[..STILL.len() - 1].split_at(13);
    [head, frame, frame, b";"].concat()
}

/// A PNG of one grey pixel, whole to the end.
fn png() -> Vec<u8> {
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        let sum = {
            let mut crc = flate2::Crc::new();
            crc.update(kind);
            crc.update(data);
            crc.sum().to_be_bytes()
        };
        [&length[..], kind, data, &sum].concat()
    };
    let header = [0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0];
    let pixels = b"\x78\x01\x01\x02\x00\xfd\xff\x00\x80\x00\x82\x00\x81";
    let head = &b"\x89PNG\r\n\x1a\n"[..];
    [head, &chunk(b"IHDR", &header), &chunk(b"IDAT", pixels), &chunk(b"IEND", b"")].concat()
}

fn uri(kind: &str, bytes: &[u8]) -> String {
    format!("data:{kind};base64,{}", STANDARD.encode(bytes))
}

async fn set_avatar(api: &Api, who: &Person, avatar: Value) -> Answer {
    who.ask(api, "PATCH", "/users/@me").json(&json!({ "avatar": avatar })).send().await
}

async fn set_icon(api: &Api, who: &Person, guild: &str, icon: Value) -> Answer {
    let path = format!("/guilds/{guild}");
    who.ask(api, "PATCH", &path).json(&json!({ "icon": icon })).send().await
}

#[tokio::test]
async fn an_avatar_is_shown_served_and_taken_away() {
    let api = Api::new().await;
    let ana = api.register("ana").await;

    let set = set_avatar(&api, &ana, json!(uri("image/png", &png()))).await;

    let hash = set.body["avatar"].as_str().expect("a hash").to_owned();
    let shown = ana.ask(&api, "GET", &format!("/users/{}", ana.id)).send().await;
    assert_eq!(shown.body["avatar"], json!(hash));
    for end in [".png?size=64", ".webp", ".jpg", ""] {
        let path = format!("/avatars/{}/{hash}{end}", ana.id);
        let (status, headers, bytes) = api.ask_outside("GET", &path).send_for_bytes().await;
        assert_eq!((status, bytes.to_vec()), (StatusCode::OK, png()), "{path}");
        assert_eq!(headers["content-type"], "image/png");
    }

    let gone = set_avatar(&api, &ana, Value::Null).await;

    assert_eq!(gone.body["avatar"], Value::Null);
    let path = format!("/avatars/{}/{hash}.png", ana.id);
    let (status, ..) = api.ask_outside("GET", &path).send_for_bytes().await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_picture_is_served_as_safely_and_sparingly_as_any_upload() {
    let api = Api::new().await;
    let ana = api.register("ana").await;
    let set = set_avatar(&api, &ana, json!(uri("image/png", &png()))).await;
    let path = format!("/avatars/{}/{}.png", ana.id, set.body["avatar"].as_str().unwrap());
    let length = png().len();

    let (status, headers, bytes) = api.ask_outside("HEAD", &path).send_for_bytes().await;

    assert_eq!((status, bytes.len()), (StatusCode::OK, 0));
    assert_eq!(headers["content-length"], length.to_string());
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["content-security-policy"], "sandbox; default-src 'none'");
    let tag = headers["etag"].to_str().unwrap();
    let known = api.ask_outside("GET", &path).header("if-none-match", tag);
    let (status, ..) = known.send_for_bytes().await;
    assert_eq!(status, StatusCode::NOT_MODIFIED);
    let part = api.ask_outside("GET", &path).header("range", "bytes=1-3");
    let (status, _, bytes) = part.send_for_bytes().await;
    assert_eq!((status, &bytes[..]), (StatusCode::PARTIAL_CONTENT, &b"PNG"[..]));
    for method in ["GET", "HEAD"] {
        let placeholder = api.ask_outside(method, "/embed/avatars/0.png");
        let (_, headers, bytes) = placeholder.send_for_bytes().await;
        let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
        assert!(length > 0 && [0, length].contains(&bytes.len()), "{method}");
    }
}

#[tokio::test]
async fn a_guild_is_founded_with_an_icon_and_is_given_another() {
    let api = Api::new().await;
    let ana = api.register("ana").await;
    let body = json!({ "name": "Hall", "icon": uri("image/gif", &moving()) });
    let made = ana.ask(&api, "POST", "/guilds").json(&body).send().await;
    assert_eq!(made.status, 201, "{made:?}");
    let guild = made.body["id"].as_str().unwrap().to_owned();
    let first = made.body["icon"].as_str().unwrap().to_owned();
    assert!(first.starts_with("a_"), "{first}");

    let changed = set_icon(&api, &ana, &guild, json!(uri("image/gif", STILL))).await;

    let second = changed.body["icon"].as_str().unwrap().to_owned();
    assert!(!second.starts_with("a_"), "{second}");
    let list = ana.ask(&api, "GET", "/users/@me/guilds").send().await;
    assert_eq!(list.body[0]["icon"], json!(second));
    let serve =
        |hash: &str| api.ask_outside("GET", &format!("/icons/{guild}/{hash}.gif")).send_for_bytes();
    assert_eq!(serve(&first).await.0, StatusCode::NOT_FOUND);
    assert_eq!(serve(&second).await.2, STILL);

    // Clients send the hash back for an icon that stays.
    let kept = set_icon(&api, &ana, &guild, json!(second)).await;
    assert_eq!(kept.body["icon"], json!(second));
    let again = set_icon(&api, &ana, &guild, json!(uri("image/gif", STILL))).await;
    assert_eq!(again.body["icon"], json!(second));
    assert_eq!(serve(&second).await.2, STILL);

    assert_eq!(set_icon(&api, &ana, &guild, Value::Null).await.body["icon"], Value::Null);
    assert_eq!(serve(&second).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_icon_goes_with_its_guild() {
    let api = Api::new().await;
    let ana = api.register("ana").await;
    let place = api.guild(&ana, "Hall").await;
    let set = set_icon(&api, &ana, &place.guild, json!(uri("image/gif", STILL))).await;
    let path = format!("/icons/{}/{}.gif", place.guild, set.body["icon"].as_str().unwrap());
    assert_eq!(api.ask_outside("GET", &path).send_for_bytes().await.0, StatusCode::OK);

    ana.ask(&api, "DELETE", &format!("/guilds/{}", place.guild)).send().await;

    assert_eq!(api.ask_outside("GET", &path).send_for_bytes().await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_icon_is_for_those_who_manage_the_guild() {
    let api = Api::new().await;
    let (ana, ben, cai) =
        (api.register("ana").await, api.register("ben").await, api.register("cai").await);
    let place = api.guild(&ana, "Hall").await;
    api.join(&ana, &place, &ben).await;
    let icon = || json!(uri("image/gif", STILL));

    set_icon(&api, &ben, &place.guild, icon()).await.refuses(403, 50_013);
    set_icon(&api, &ben, &place.guild, Value::Null).await.refuses(403, 50_013);
    set_icon(&api, &cai, &place.guild, icon()).await.refuses(404, 10_004);

    let roles = format!("/guilds/{}/roles", place.guild);
    let body = json!({ "name": "Steward", "permissions": "32" });
    let role = ana.ask(&api, "POST", &roles).json(&body).send().await;
    let held = format!(
        "/guilds/{}/members/{}/roles/{}",
        place.guild,
        ben.id,
        role.body["id"].as_str().unwrap()
    );
    assert_eq!(ana.ask(&api, "PUT", &held).send().await.status, 204);
    assert!(set_icon(&api, &ben, &place.guild, icon()).await.body["icon"].is_string());
}

#[tokio::test]
async fn what_is_no_picture_is_refused_whatever_it_claims() {
    let mut api = Api::new().await;
    let ana = api.register("ana").await;
    let place = api.guild(&ana, "Hall").await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/svg");
    let mut hostile = vec![
        b"<script>alert(1)</script>".to_vec(),
        b"GIF89a/*\x01\0\x01\0\0\0\0*/=1;alert(1)//;".to_vec(),
        b"\xff\xd8\xff\xe0\x00\x10*/=alert(1)/*".to_vec(),
        b"\x89PNG\r\n\x1a\n<svg onload=alert(1)>".to_vec(),
        b"RIFF\x10\0\0\0WEBP<script>alert(1)</script>".to_vec(),
        b"%PDF-1.7".to_vec(),
        b"\0\0\0\x18ftypavif".to_vec(),
        png()[..40].to_vec(),
    ];
    for entry in std::fs::read_dir(folder).unwrap() {
        hostile.push(std::fs::read(entry.unwrap().path()).unwrap());
    }

    for bytes in hostile {
        api.forget_limits();
        for kind in ["image/png", "image/svg+xml"] {
            let refused = set_icon(&api, &ana, &place.guild, json!(uri(kind, &bytes))).await;
            refused.refuses_field("icon", "IMAGE_INVALID");
        }
    }
    for text in ["data:image/svg+xml,<svg/>", "https://hall.test/x.png", "x"] {
        set_avatar(&api, &ana, json!(text)).await.refuses_field("avatar", "IMAGE_INVALID");
    }
    let shown = ana.ask(&api, "GET", &format!("/guilds/{}", place.guild)).send().await;
    assert_eq!(shown.body["icon"], Value::Null);
}

#[tokio::test]
async fn what_rides_behind_a_picture_is_not_served() {
    let api = Api::new().await;
    let ana = api.register("ana").await;
    let ridden = [&png()[..], b"PK\x03\x04<script>alert(1)</script>"].concat();

    let set = set_avatar(&api, &ana, json!(uri("image/png", &ridden))).await;

    let path = format!("/avatars/{}/{}.png", ana.id, set.body["avatar"].as_str().unwrap());
    assert_eq!(api.ask_outside("GET", &path).send_for_bytes().await.2, png());
}

#[tokio::test]
async fn too_many_bytes_or_pixels_are_refused() {
    let api = Api::new().await;
    let ana = api.register("ana").await;
    let mut wide = STILL.to_vec();
    wide[6..10].copy_from_slice(&[0xff; 4]);
    let mut sprawling = STILL.to_vec();
    sprawling[18..22].copy_from_slice(&[0xff; 4]);
    let heavy = vec![0; 4 * 1_024 * 1_024 + 1];

    for bomb in [wide, sprawling] {
        let refused = set_avatar(&api, &ana, json!(uri("image/gif", &bomb))).await;
        refused.refuses_field("avatar", "IMAGE_INVALID");
    }
    let refused = set_avatar(&api, &ana, json!(uri("image/gif", &heavy))).await;
    refused.refuses_field("avatar", "BINARY_TYPE_MAX_SIZE");
    let endless = "x".repeat(6 * 1_024 * 1_024);
    set_avatar(&api, &ana, json!(endless)).await.refuses(413, 40_005);
}

#[tokio::test]
async fn a_name_and_a_picture_change_together_or_not_at_all() {
    let api = Api::new().await;
    let (ana, ben) = (api.register("ana").await, api.register("ben").await);
    let change = |name: &str| {
        let body = json!({ "username": name, "avatar": uri("image/gif", STILL) });
        ana.ask(&api, "PATCH", "/users/@me").json(&body).send()
    };

    change("ben").await.refuses(400, 50_035);
    let shown = ana.ask(&api, "GET", "/users/@me").send().await;
    assert_eq!((&shown.body["username"], &shown.body["avatar"]), (&json!("ana"), &Value::Null));

    let both = change("anna").await;
    assert_eq!(both.body["username"], "anna", "{both:?}");
    assert!(both.body["avatar"].is_string());
    let other = ana.ask(&api, "GET", &format!("/users/{}", ben.id)).send().await;
    assert_eq!(other.body["avatar"], Value::Null);
}

#[tokio::test]
async fn of_two_changes_at_once_the_one_that_is_shown_is_served() {
    let mut api = Api::new().await;
    let ana = api.register("ana").await;
    let place = api.guild(&ana, "Hall").await;
    let (still, other) = (uri("image/gif", STILL), uri("image/gif", &moving()));

    for _ in 0..20 {
        api.forget_limits();
        set_icon(&api, &ana, &place.guild, json!(still)).await;
        tokio::join!(
            set_icon(&api, &ana, &place.guild, json!(other)),
            set_icon(&api, &ana, &place.guild, json!(still)),
        );

        let shown = ana.ask(&api, "GET", &format!("/guilds/{}", place.guild)).send().await;
        let path = format!("/icons/{}/{}.gif", place.guild, shown.body["icon"].as_str().unwrap());
        assert_eq!(api.ask_outside("GET", &path).send_for_bytes().await.0, StatusCode::OK);
    }
}

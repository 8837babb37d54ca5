//! Files: up with a message, down by their URL, and everything that must not work.

use axum::body::Body;
use axum::http::Method;
use axum::http::Request;
use axum::http::StatusCode;
use axum::http::header;
use serde_json::Value;
use serde_json::json;
use signaling::SignalingConfig;

use crate::world::*;

/// The head of a PNG of 640 by 480; whoever looks at headers alone needs no more.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0\x08\x06\0\0\0";

async fn upload(world: &World, name: &str, bytes: &[u8]) -> Value {
    let path = messages(TEXT);
    let said = world.upload(ANA, Method::POST, &path, json!({}), &[(name, bytes)]).await.ok();
    said["attachments"][0].clone()
}

/// Bytes without a pattern that compression or text handling would hide behind.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let step = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    std::iter::repeat_with(step).take(length).collect()
}

#[tokio::test]
async fn files_come_back_byte_for_byte() {
    let world = World::open().await;
    let lines = b"--x-boundary-of-a-test-not\r\n\r\n\n\0";

    // Around the size of a piece of the download, and of nothing at all.
    for bytes in [vec![], vec![0], noise(262_143), noise(262_144), noise(262_145), lines.to_vec()] {
        let file = upload(&world, "f.bin", &bytes).await;
        let answer = world.fetch(&file["url"]).await;

        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.body == bytes, "{} bytes", bytes.len());
        assert_eq!(file["size"], bytes.len());
        assert_eq!(answer.header("content-length"), Some(bytes.len().to_string().as_str()));
    }
}

#[tokio::test]
async fn a_message_has_several_files_each_with_its_own_words() {
    let world = World::open().await;
    let payload = json!({
        "content": "two",
        "attachments": [
            { "id": 1, "description": "a picture", "is_spoiler": true },
            { "id": "0", "filename": "renamed.txt" },
        ],
        "embeds": [{ "image": { "url": "attachment://SPOILER_b.png" } }],
    });
    let files: [(&str, &[u8]); 2] = [("a.txt", b"text"), ("b.png", PNG)];

    let said = world.upload(ANA, Method::POST, &messages(TEXT), payload, &files).await.ok();

    let (text, picture) = (&said["attachments"][0], &said["attachments"][1]);
    assert_eq!(text["filename"], "renamed.txt");
    assert_eq!(picture["filename"], "SPOILER_b.png");
    assert_eq!(picture["description"], "a picture");
    assert_eq!(picture["content_type"], "image/png");
    assert_eq!((&picture["width"], &picture["height"]), (&json!(640), &json!(480)));
    assert!(text.get("width").is_none());
    assert_eq!(said["embeds"][0]["image"]["url"], picture["url"]);
    assert_eq!(world.fetch(&picture["url"]).await.body, PNG);
}

#[tokio::test]
async fn each_reader_is_shown_the_host_that_they_came_by() {
    let world = World::open().await;
    let file = upload(&world, "a.txt", b"x").await;
    let read = |host: &'static str| {
        world
            .request(BEN, Method::GET, &format!("/api/v10{}", messages(TEXT)))
            .header(header::HOST, host)
    };
    assert!(file["url"].as_str().unwrap().starts_with("https://chat.example:8443/attachments/52/"));
    assert_eq!(file["url"], file["proxy_url"]);

    let mut request = read("").body(Body::empty()).unwrap();
    request.headers_mut().insert(header::HOST, "10.0.0.1:8443".parse().unwrap());
    let shown = world.send(request).await.ok();
    let url = shown[0]["attachments"][0]["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("https://10.0.0.1:8443/attachments/"), "{url}");

    let config = SignalingConfig {
        public_host: Some("talk.example".to_owned()),
        ..SignalingConfig::default()
    };
    let world = World::with(config).await;
    let file = upload(&world, "a.txt", b"x").await;
    assert!(file["url"].as_str().unwrap().starts_with("https://talk.example/attachments/"));
}

#[tokio::test]
async fn only_a_whole_and_fresh_signature_opens_a_file() {
    let world = World::open().await;
    let url = upload(&world, "a.txt", b"x").await["url"].as_str().unwrap().to_owned();
    let other = upload(&world, "b.txt", b"y").await["url"].as_str().unwrap().to_owned();
    let (path, query) = url.split_once('?').unwrap();
    let old = world.parts.cdn.sign(path.strip_prefix("https://chat.example:8443").unwrap(), 1);

    let other_query = other.split_once('?').unwrap().1;
    let wrong = [
        path.to_owned(),
        format!("{path}?{other_query}"),
        format!("{path}x?{query}"),
        format!("{path}?ex=ffffffffff&{}", query.split_once('&').unwrap().1),
        format!("{path}?{}", query.replace("hm=", "hm=0")),
        format!("{path}?ex=&is=&hm="),
        format!("https://{HOST}{old}"),
    ];
    for url in wrong {
        let answer = world.fetch(&json!(url)).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{url}");
    }
    // Clients append their wishes for pictures.
    assert_eq!(world.fetch(&json!(format!("{url}width=5&height=5"))).await.body, "x");
}

#[tokio::test]
async fn parts_of_a_file_are_served() {
    let world = World::open().await;
    let bytes = noise(300_000);
    let file = upload(&world, "f.bin", &bytes).await;
    let ask = async |range| world.fetch_with(&file["url"], Method::GET, &[("range", range)]).await;

    for (range, part) in [
        ("bytes=0-0", 0..1),
        ("bytes=100-199", 100..200),
        ("bytes=262000-", 262_000..300_000),
        ("bytes=-5", 299_995..300_000),
        ("bytes=1-999999999", 1..300_000),
    ] {
        let answer = ask(range).await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT, "{range}");
        assert!(answer.body == bytes[part.clone()], "{range}");
        let shown = format!("bytes {}-{}/300000", part.start, part.end - 1);
        assert_eq!(answer.header("content-range"), Some(shown.as_str()));
    }
    let beyond = ask("bytes=300000-").await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(beyond.header("content-range"), Some("bytes */300000"));
    assert_eq!(ask("bytes=0-1,5-6").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_client_that_has_the_file_is_not_sent_it_again() {
    let world = World::open().await;
    let file = upload(&world, "f.bin", b"content").await;
    let first = world.fetch(&file["url"]).await;
    let tag = first.header("etag").unwrap();
    let modified = first.header("last-modified").unwrap();
    let ask =
        async |headers: &[(&str, &str)]| world.fetch_with(&file["url"], Method::GET, headers).await;

    for known in [("if-none-match", tag), ("if-none-match", "*"), ("if-modified-since", modified)] {
        let answer = ask(&[known]).await;
        assert_eq!(answer.status, StatusCode::NOT_MODIFIED, "{known:?}");
        assert!(answer.body.is_empty());
        assert_eq!(answer.header("etag"), Some(tag));
    }
    let other = [("if-none-match", "\"other\""), ("if-modified-since", modified)];
    assert_eq!(ask(&other).await.status, StatusCode::OK);
    let fits = ask(&[("range", "bytes=0-1"), ("if-range", tag)]).await;
    assert_eq!((fits.status, &fits.body[..]), (StatusCode::PARTIAL_CONTENT, &b"co"[..]));
    let changed = ask(&[("range", "bytes=0-1"), ("if-range", "\"other\"")]).await;
    assert_eq!((changed.status, &changed.body[..]), (StatusCode::OK, &b"content"[..]));
    let head = world.fetch_with(&file["url"], Method::HEAD, &[]).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_eq!(head.header("content-length"), Some("7"));
}

#[tokio::test]
async fn pictures_are_shown_and_whatever_may_hold_script_is_downloaded() {
    let world = World::open().await;
    let picture = upload(&world, "p.png", PNG).await;
    let answer = world.fetch(&picture["url"]).await;
    assert_eq!(answer.header("content-type"), Some("image/png"));
    assert_eq!(answer.header("content-disposition"), Some("inline; filename=\"p.png\""));

    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/svg");
    let mut hostile = vec![
        ("page.html".to_owned(), b"<script>alert(1)</script>".to_vec()),
        ("fake.png".to_owned(), b"<html><script>alert(1)</script>".to_vec()),
        ("fake.jpg".to_owned(), b"%PDF-1.7".to_vec()),
    ];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        hostile.push((name, std::fs::read(&path).unwrap()));
    }
    assert!(hostile.len() > 6);
    for (name, bytes) in hostile {
        let file = upload(&world, &name, &bytes).await;
        let answer = world.fetch(&file["url"]).await;
        assert!(answer.body == bytes, "{name}");
        assert_eq!(answer.header("content-type"), Some("application/octet-stream"), "{name}");
        let disposition = answer.header("content-disposition").unwrap();
        assert!(disposition.starts_with("attachment;"), "{name}: {disposition}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("sandbox") && policy.contains("default-src 'none'"));
    }
}

#[tokio::test]
async fn hostile_names_become_harmless_and_are_still_told() {
    let world = World::open().await;
    let naughty: Vec<String> = serde_json::from_str(include_str!("../data/blns.json")).unwrap();
    let traversal = include_str!("../data/directory_traversal.txt").lines().map(str::to_owned);

    for name in naughty.into_iter().chain(traversal) {
        // Text in a JSON string is exact; a form's own file names are escaped by its sender.
        let payload = json!({ "attachments": [{ "id": 0, "filename": name }] });
        let path = messages(TEXT);
        let said = world.upload(ANA, Method::POST, &path, payload, &[("a", b"same")]).await.ok();
        let file = &said["attachments"][0];

        let safe = file["filename"].as_str().unwrap();
        let harmless = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        assert!(safe.chars().all(harmless) && !safe.is_empty() && !safe.starts_with('.'), "{safe}");
        let told = if name.is_empty() { "a" } else { &name };
        let title = file.get("title").and_then(Value::as_str).unwrap_or(safe);
        assert_eq!(title, told);
        assert_eq!(world.fetch(&file["url"]).await.body, "same", "{name:?}");
    }
}

#[tokio::test]
async fn no_path_leads_out_of_the_store() {
    let world = World::open().await;
    let list = include_str!("../data/directory_traversal.txt");
    assert!(list.lines().count() > 100);

    for line in list.lines() {
        for base in
            ["/attachments/52/", "/attachments/", "/avatars/1/", "/icons/", "/embed/avatars/"]
        {
            let Ok(uri) = format!("{base}{line}").parse::<axum::http::Uri>() else { continue };
            let answer = world.send(Request::get(uri).body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{base}{line}");
        }
    }
}

#[tokio::test]
async fn too_much_is_refused() {
    let world =
        World::with(SignalingConfig { max_upload: 100_000, ..SignalingConfig::default() }).await;
    let path = messages(TEXT);
    let send = async |files: &[(&str, &[u8])]| {
        world.upload(ANA, Method::POST, &path, json!({ "content": "x" }), files).await
    };

    let large = noise(100_001);
    send(&[("a", &large[..100_000])]).await.ok();
    send(&[("a", &large)]).await.fails(413, 40_005);
    send(&[("a", &large[..60_000]), ("b", &large[..60_000])]).await.fails(413, 40_005);
    send(&[("a", &noise(2 << 20))]).await.fails(413, 40_005);
    let many: Vec<(&str, &[u8])> = (0..11).map(|_| ("a", &b"x"[..])).collect();
    send(&many[..10]).await.ok();
    send(&many).await.fails(400, 50_035);
}

#[tokio::test]
async fn broken_forms_are_told_as_such() {
    let world = World::open().await;
    let send = async |kind: &str, body: &[u8]| {
        let request = world
            .request(ANA, Method::POST, &format!("/api/v10{}", messages(TEXT)))
            .header(header::CONTENT_TYPE, kind);
        world.send(request.body(Body::from(body.to_vec())).unwrap()).await
    };
    let kind = "multipart/form-data; boundary=x-boundary-of-a-test";
    let whole = form(&json!({ "content": "x" }), &[("a", b"bytes")]);

    send("multipart/form-data", &whole).await.fails(400, 50_035);
    send(kind, b"").await.fails(400, 50_035);
    for end in (0..whole.len() - 4).step_by(7) {
        let answer = send(kind, &whole[..end]).await;
        assert!(answer.status.is_client_error(), "cut at {end}: {:?}", answer.body);
    }
    send(kind, &form(&json!(5), &[])).await.fails(400, 50_035);
    send(
        &kind.to_ascii_uppercase().replace("X-BOUNDARY-OF-A-TEST", "x-boundary-of-a-test"),
        &whole,
    )
    .await
    .ok();
}

#[tokio::test]
async fn a_stranger_cannot_make_us_read_their_upload() {
    let world = World::open().await;
    let unread = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let seen = unread.clone();
    let body = Body::from_stream(futures_util::stream::once(async move {
        seen.store(false, std::sync::atomic::Ordering::SeqCst);
        Ok::<_, std::io::Error>(form(&json!({}), &[("a", b"x")]))
    }));
    let request = world
        .request(DAN, Method::POST, &format!("/api/v10{}", messages(TEXT)))
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x-boundary-of-a-test");

    world.send(request.body(body).unwrap()).await.fails(403, 50_001);

    assert!(unread.load(std::sync::atomic::Ordering::SeqCst));
}

#[tokio::test]
async fn pictures_of_people_and_guilds_are_served_if_they_are_there() {
    let world = World::open().await;
    let hash = "0123456789abcdef0123456789abcdef";
    let put = async |key: String, bytes: &'static [u8]| {
        world.parts.objects.put(&key, bytes.into()).await.unwrap();
    };
    put(format!("avatars/2/{hash}"), PNG).await;
    put(format!("icons/50/{hash}"), b"<svg/>").await;
    let ask =
        async |path: String| world.send(Request::get(path).body(Body::empty()).unwrap()).await;

    let avatar = ask(format!("/avatars/2/{hash}.png?size=64")).await;
    assert_eq!((avatar.status, &avatar.body[..]), (StatusCode::OK, PNG));
    assert_eq!(avatar.header("content-type"), Some("image/png"));
    assert_eq!(avatar.header("access-control-allow-origin"), Some("*"));
    for path in [
        format!("/icons/50/{hash}.png"),
        format!("/avatars/3/{hash}.png"),
        "/avatars/2/short.png".to_owned(),
        format!("/avatars/nobody/{hash}.png"),
    ] {
        assert_eq!(ask(path.clone()).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    for n in 0..6 {
        let default = ask(format!("/embed/avatars/{n}.png")).await;
        assert_eq!(default.header("content-type"), Some("image/png"));
        assert!(default.body.starts_with(b"\x89PNG"));
    }
    assert_eq!(ask("/embed/avatars/6.png".to_owned()).await.status, StatusCode::NOT_FOUND);
}

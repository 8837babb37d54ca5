//! Stickers of a guild from outside: made, shown, sent, changed and deleted.

use crate::support::Answer;
use crate::support::Person;
use crate::support::hall::Hall;
use serde_json::Value;
use serde_json::json;
use state::GuildEvent;

/// A GIF of one pixel that stands still.
const GIF: &[u8] = b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0;";
const LOTTIE: &[u8] = br#"{"v":"5","fr":30,"ip":0,"op":60,"w":320,"h":320,"layers":[]}"#;

fn png(side: u32, chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let side = side.to_be_bytes();
    let head = [&side[..], &side, &[8, 6, 0, 0, 0]].concat();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let ends = [(b"IHDR", &head[..])].into_iter().chain(chunks.iter().copied());
    for (kind, data) in ends.chain([(b"IDAT", &b"x"[..]), (b"IEND", b"")]) {
        png.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
        png.extend(kind);
        png.extend(data);
        png.extend(b"crc!");
    }
    png
}

fn path(hall: &Hall) -> String {
    format!("/guilds/{}/stickers", hall.place.guild)
}

async fn post(hall: &Hall, who: &Person, fields: &[(&str, &str)], file: &[u8]) -> Answer {
    let mut body = Vec::new();
    for (name, value) in fields {
        let head = format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend([head.as_bytes(), value.as_bytes(), b"\r\n"].concat());
    }
    let head = b"--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"s\"\r\n\r\n";
    body.extend([&head[..], file, b"\r\n--b--\r\n"].concat());
    let ask = who.ask(&hall.api, "POST", &path(hall));
    ask.body("multipart/form-data; boundary=b", body).send().await
}

async fn make(hall: &Hall, who: &Person, file: &[u8]) -> Answer {
    post(hall, who, &[("name", "ale"), ("description", ""), ("tags", "beer")], file).await
}

async fn send(hall: &Hall, who: &Person, body: Value) -> Answer {
    hall.ask(who, "POST", &format!("/channels/{}/messages", hall.place.text), body).await
}

#[tokio::test]
async fn a_sticker_is_made_shown_renamed_and_deleted() {
    let hall = Hall::open().await;
    let mut ears = hall.ears(&hall.bot).await;
    let told = |event: &GuildEvent| matches!(event, GuildEvent::StickersUpdated).then_some(());
    let made = make(&hall, &hall.ana, &[GIF, b"<script>"].concat()).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!((&made.body["format_type"], &made.body["type"]), (&json!(4), &json!(2)));
    assert_eq!(made.body["user"]["username"], "ana");
    ears.guild(told).await;

    let id = made.body["id"].as_str().unwrap();
    let one = format!("{}/{id}", path(&hall));
    let file = format!("/stickers/{id}.gif");
    let (status, headers, bytes) = hall.api.ask_outside("GET", &file).send_for_bytes().await;
    assert_eq!((status.as_u16(), &bytes[..]), (200, GIF));
    assert_eq!(headers["content-type"], "image/gif");
    assert_eq!(hall.get(&hall.ana, &path(&hall)).await.body, json!([made.body]));
    assert!(hall.get(&hall.ben, &one).await.body.get("user").is_none());
    let found = hall.get(&hall.ben, &format!("/stickers/{id}")).await;
    assert_eq!(found.body["guild_id"], hall.place.guild);
    let guild = hall.get(&hall.ben, &format!("/guilds/{}", hall.place.guild)).await;
    assert_eq!(guild.body["stickers"][0]["id"], id);

    let body = json!({ "name": "beer", "description": "Foaming" });
    hall.ask(&hall.ben, "PATCH", &one, body.clone()).await.refuses(403, 50_013);
    let renamed = hall.ask(&hall.ana, "PATCH", &one, body).await;
    assert_eq!((&renamed.body["name"], &renamed.body["tags"]), (&json!("beer"), &json!("beer")));
    ears.guild(told).await;
    hall.ask(&hall.ben, "DELETE", &one, Value::Null).await.refuses(403, 50_013);
    assert_eq!(hall.ask(&hall.ana, "DELETE", &one, Value::Null).await.status, 204);
    ears.guild(told).await;
    hall.get(&hall.ana, &one).await.refuses(404, 10_060);
    assert_eq!(hall.api.ask_outside("GET", &file).send_for_bytes().await.0, 404);

    let log = hall.get(&hall.ana, &format!("/guilds/{}/audit-logs", hall.place.guild)).await;
    let entries = log.body["audit_log_entries"].as_array().unwrap();
    let numbers: Vec<_> = entries.iter().map(|entry| entry["action_type"].clone()).collect();
    assert_eq!(numbers, [92, 91, 90]);
}

#[tokio::test]
async fn each_format_is_told_by_its_bytes() {
    let hall = Hall::open().await;
    let moving = png(320, &[(b"acTL", b"12345678")]);

    for (file, format, extension, kind) in [
        (&png(320, &[])[..], 1, "png", "image/png"),
        (&moving, 2, "png", "image/png"),
        (LOTTIE, 3, "json", "application/json"),
        (GIF, 4, "gif", "image/gif"),
    ] {
        let made = make(&hall, &hall.ana, file).await;
        assert_eq!(made.body["format_type"], format, "{made:?}");
        let url = format!("/stickers/{}.{extension}", made.body["id"].as_str().unwrap());
        let (_, headers, bytes) = hall.api.ask_outside("GET", &url).send_for_bytes().await;
        assert_eq!((&headers["content-type"], &bytes[..]), (&kind.parse().unwrap(), file));
    }
}

#[tokio::test]
async fn what_is_no_sticker_is_refused() {
    let hall = Hall::open().await;
    make(&hall, &hall.ben, GIF).await.refuses(403, 50_013);
    make(&hall, &hall.ana, b"<svg/>").await.refuses(400, 50_046);
    make(&hall, &hall.ana, &png(321, &[])).await.refuses_field("file", "IMAGE_INVALID");
    let heavy = vec![b'x'; 512 * 1_024 + 1];
    make(&hall, &hall.ana, &heavy).await.refuses_field("file", "BINARY_TYPE_MAX_SIZE");
    // One frame of six seconds.
    let frame = [&[0; 20][..], &[0, 6, 0, 1, 0, 0]].concat();
    let long = png(1, &[(b"acTL", b"12345678"), (b"fcTL", &frame)]);
    make(&hall, &hall.ana, &long).await.refuses(400, 170_007);
    make(&hall, &hall.ana, b"{\"v\":1}").await.refuses(400, 170_001);
    for (fields, field, code) in [
        (&[("name", "ale")][..], "tags", "BASE_TYPE_REQUIRED"),
        (&[("name", "a"), ("tags", "beer")], "name", "BASE_TYPE_BAD_LENGTH"),
        (&[("name", "ale"), ("tags", "")], "tags", "BASE_TYPE_BAD_LENGTH"),
        (
            &[("name", "ale"), ("tags", "beer"), ("description", "x")],
            "description",
            "BASE_TYPE_BAD_LENGTH",
        ),
    ] {
        post(&hall, &hall.ana, fields, GIF).await.refuses_field(field, code);
    }
    assert_eq!(hall.get(&hall.ana, &path(&hall)).await.body, json!([]));
    let packs = hall.get(&hall.ana, "/sticker-packs").await;
    assert_eq!(packs.body, json!({ "sticker_packs": [] }));
    hall.get(&hall.ana, "/sticker-packs/7").await.refuses(404, 10_061);
}

#[tokio::test]
async fn a_message_carries_stickers_as_they_were_then() {
    let mut hall = Hall::open().await;
    let made = make(&hall, &hall.ana, GIF).await;
    let id = made.body["id"].clone();
    let item = json!([{ "id": id, "name": "ale", "format_type": 4 }]);

    let said = send(&hall, &hall.ben, json!({ "sticker_ids": [id] })).await;
    assert_eq!(said.body["sticker_items"], item, "{said:?}");
    let one = format!("{}/{}", path(&hall), id.as_str().unwrap());
    hall.ask(&hall.ana, "DELETE", &one, Value::Null).await;
    assert_eq!(hall.history().await[0]["sticker_items"], item);

    send(&hall, &hall.ben, json!({ "sticker_ids": [id] })).await.refuses(400, 50_081);
    let many = json!({ "sticker_ids": ["1", "2", "3", "4"] });
    send(&hall, &hall.ben, many).await.refuses_field("sticker_ids", "BASE_TYPE_MAX_LENGTH");
    hall.api.forget_limits();
    send(&hall, &hall.ben, json!({ "sticker_ids": [] })).await.refuses(400, 50_006);
}

#[tokio::test]
async fn a_sticker_of_another_guild_needs_its_permission() {
    let hall = Hall::open().await;
    let other = hall.api.guild(&hall.ben, "Other").await;
    let channel = format!("/channels/{}/messages", other.text);
    let made = make(&hall, &hall.ana, GIF).await;
    let body = json!({ "sticker_ids": [made.body["id"]] });

    assert_eq!(hall.ask(&hall.ben, "POST", &channel, body.clone()).await.status, 200);
    hall.api.join(&hall.ben, &other, &hall.ana).await;
    let deny = format!("/channels/{}/permissions/{}", other.text, hall.ana.id);
    let external = (1_u64 << 37).to_string();
    hall.ask(&hall.ben, "PUT", &deny, json!({ "type": 1, "deny": external })).await;
    hall.ask(&hall.ana, "POST", &channel, body).await.refuses(403, 50_600);
}

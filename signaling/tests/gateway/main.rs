//! The main Gateway from outside: real sockets, real compression, resumes after a cut.

#[path = "../support/parts.rs"]
mod parts;
mod pictures;
mod silence;
mod stage;
mod terms;
mod threads;

use std::time::Duration;

use model::wire::guild::Permissions;
use model::wire::id::Id;
use serde_json::Value;
use serde_json::json;
use state::GuildCommand;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::tungstenite::Message;

use stage::ANA;
use stage::BEN;
use stage::BOT;
use stage::GUILD;
use stage::Stage;
use stage::TEXT;
use stage::VOICE;

const JSON: &str = "v=10&encoding=json";

#[tokio::test]
async fn a_bot_is_ready_sees_its_guild_and_hears_a_message() {
    let stage = Stage::open().await;
    let mut bot = stage.connect(JSON).await;

    bot.identify(&stage.token(BOT)).await;

    let ready = bot.next().await;
    assert_eq!((&ready["t"], &ready["s"], &ready["op"]), (&json!("READY"), &json!(1), &json!(0)));
    let d = &ready["d"];
    assert_eq!(d["v"], 10);
    assert_eq!(d["user"]["id"], BOT.to_string());
    assert_eq!(d["guilds"], json!([{ "id": GUILD, "unavailable": true }]));
    assert_eq!(d["shard"], json!([0, 1]));
    assert_eq!(d["application"]["id"], BOT.to_string());
    assert_eq!(d["resume_gateway_url"], format!("ws://{}", stage.address));
    let created = bot.hear("GUILD_CREATE").await;
    assert_eq!(created["d"]["id"], GUILD.to_string());
    assert_eq!(created["d"]["members"].as_array().map(Vec::len), Some(3));
    assert_eq!(created["d"]["presences"][0]["user"]["id"], BOT.to_string());
    stage.say("hail").await;
    let said = bot.hear("MESSAGE_CREATE").await;
    assert_eq!(said["d"]["content"], "hail");
    assert_eq!(said["d"]["guild_id"], GUILD.to_string());
    assert_eq!(said["d"]["author"]["username"], "ana");
}

/// Every way in which messages may travel.
fn ways() -> impl Iterator<Item = String> {
    ["json", "etf"].into_iter().flat_map(|encoding| {
        ["", "&compress=zlib-stream", "&compress=zstd-stream"]
            .map(|compress| format!("v=10&encoding={encoding}{compress}"))
    })
}

#[tokio::test]
async fn each_encoding_and_compression_carries_the_same_events_to_all_at_once() {
    let stage = Stage::open().await;
    let mut clients = Vec::new();
    for way in ways().chain(ways().take(3)) {
        clients.push(stage.identify(BEN, &way).await.0);
    }

    for n in 0..50 {
        stage.say(&format!("{n} {}", "long é ".repeat(n))).await;
    }

    let mut first = Vec::new();
    for (index, client) in clients.iter_mut().enumerate() {
        for n in 0..50 {
            let said = client.hear("MESSAGE_CREATE").await;
            assert_eq!(said["d"]["content"], format!("{n} {}", "long é ".repeat(n)), "{index}");
            match first.get(n) {
                Some(first) => assert_eq!(first, &said["d"]),
                None => first.push(said["d"].clone()),
            }
        }
    }
}

#[tokio::test]
async fn in_every_way_nothing_is_missed_after_a_cut() {
    let stage = Stage::open().await;
    for way in ways() {
        let (mut ben, ready) = stage.identify(BEN, &way).await;
        stage.say("before").await;
        let before = ben.hear("MESSAGE_CREATE").await["s"].as_u64().unwrap();
        drop(ben);
        for n in 0..20 {
            stage.say(&format!("{n} {}", "long ".repeat(n * 10))).await;
        }

        let mut ben = stage.connect(&way).await;
        ben.resume(&stage.token(BEN), &ready["d"]["session_id"], before).await;

        for n in 0..20 {
            let said = ben.next().await;
            assert_eq!(said["d"]["content"], format!("{n} {}", "long ".repeat(n * 10)), "{way}");
            assert_eq!(said["s"].as_u64(), Some(before + n as u64 + 1), "{way}");
        }
        ben.hear("RESUMED").await;
        stage.say("after").await;
        assert_eq!(ben.hear("MESSAGE_CREATE").await["d"]["content"], "after", "{way}");
    }
}

#[tokio::test]
async fn terms_that_may_not_be_sent_close_with_4002() {
    let stage = Stage::open().await;
    // {op: 1} with an atom for its key; a compressed term; text where a term is spoken.
    let atom_key = [131, 116, 0, 0, 0, 1, 100, 0, 2, b'o', b'p', 97, 1];
    let compressed = [131, 80, 0, 0, 0, 2, 120, 156, 3, 0, 0, 0, 0, 1];
    let messages = [
        Message::binary(atom_key.to_vec()),
        Message::binary(compressed.to_vec()),
        Message::text(r#"{"op":1,"d":null}"#),
    ];
    for message in messages {
        let mut client = stage.connect("v=10&encoding=etf").await;

        client.send_message(message).await;

        assert_eq!(client.close_code().await, 4002);
    }
}

#[tokio::test]
async fn after_a_cut_nothing_is_missed_and_nothing_comes_twice() {
    let stage = Stage::open().await;
    let (mut bot, ready) = stage.identify(BOT, JSON).await;
    stage.say("before").await;
    let before = bot.hear("MESSAGE_CREATE").await["s"].as_u64().unwrap();
    drop(bot);

    for n in 0..100 {
        stage.say(&n.to_string()).await;
    }
    let mut bot = stage.connect(JSON).await;
    bot.resume(&stage.token(BOT), &ready["d"]["session_id"], before).await;

    for n in 0..100 {
        let said = bot.next().await;
        assert_eq!(said["d"]["content"], n.to_string());
        assert_eq!(said["s"].as_u64(), Some(before + n + 1));
    }
    let resumed = bot.next().await;
    assert_eq!((&resumed["t"], resumed["s"].as_u64()), (&json!("RESUMED"), Some(before + 101)));
    stage.say("after").await;
    assert_eq!(bot.hear("MESSAGE_CREATE").await["s"].as_u64(), Some(before + 102));
}

#[tokio::test]
async fn a_resume_takes_the_place_of_a_socket_that_is_still_open() {
    let stage = Stage::open().await;
    let (mut old, ready) = stage.identify(BOT, JSON).await;

    let mut new = stage.connect(JSON).await;
    new.resume(&stage.token(BOT), &ready["d"]["session_id"], 1).await;

    new.hear("RESUMED").await;
    assert_eq!(old.close_code().await, 4000);
    stage.say("on").await;
    assert_eq!(new.hear("MESSAGE_CREATE").await["d"]["content"], "on");
}

#[tokio::test]
async fn what_cannot_be_resumed_is_invalid_and_may_identify_anew() {
    let stage = Stage::open().await;
    let (bot, ready) = stage.identify(BOT, JSON).await;
    let session = &ready["d"]["session_id"];
    for (token, session) in [
        (stage.token(BEN), session.clone()),
        (stage.token(BOT), json!("0123456789abcdef0123456789abcdef")),
        ("nonsense".to_owned(), session.clone()),
    ] {
        let mut client = stage.connect(JSON).await;

        client.resume(&token, &session, 1).await;

        let invalid = client.next().await;
        assert_eq!((&invalid["op"], &invalid["d"]), (&json!(9), &json!(false)));
        client.identify(&stage.token(BEN)).await;
        client.hear("READY").await;
    }
    let mut early = stage.connect(JSON).await;
    early.resume(&stage.token(BOT), session, 1_000).await;
    assert_eq!(early.close_code().await, 4007);
    drop(bot);
}

#[tokio::test]
async fn a_goodbye_ends_the_session_at_once() {
    let stage = Stage::open().await;
    let (bot, ready) = stage.identify(BOT, JSON).await;

    bot.close(1000).await;

    let mut again = stage.connect(JSON).await;
    again.resume(&stage.token(BOT), &ready["d"]["session_id"], 1).await;
    assert_eq!(again.next().await["op"], 9);
}

#[tokio::test]
async fn a_goodbye_is_answered_before_and_after_identify() {
    let stage = Stage::open().await;
    let mut stranger = stage.connect(JSON).await;
    let (mut bot, _) = stage.identify(BOT, JSON).await;

    stranger.part(1000).await;
    bot.part(4000).await;

    assert_eq!(stranger.close_code().await, 1000);
    assert_eq!(bot.close_code().await, 4000);
}

#[tokio::test]
async fn each_fault_closes_with_its_documented_code() {
    let stage = Stage::open().await;
    let token = stage.token(BOT);
    let identify = |more: Value| {
        let mut d = json!({ "token": token, "intents": 1, "properties": {} });
        d.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "op": 2, "d": d }).to_string()
    };
    for (text, code) in [
        (r#"{"op":99}"#.to_owned(), 4001),
        ("nonsense".to_owned(), 4002),
        (format!(r#"{{"op":1,"d":"{}"}}"#, "x".repeat(4_096)), 4002),
        (format!(r#"{{"op":1,"d":"{}"}}"#, "x".repeat(200_000)), 4002),
        (r#"{"op":3,"d":{}}"#.to_owned(), 4003),
        (identify(json!({ "token": "nonsense" })), 4004),
        (identify(json!({ "shard": [1, 1] })), 4010),
        (identify(json!({ "intents": 1_u64 << 40 })), 4013),
        (identify(json!({ "intents": null })), 4013),
    ] {
        let mut client = stage.connect(JSON).await;

        client.send_text(&text).await;

        assert_eq!(client.close_code().await, code, "{}", &text[..text.len().min(80)]);
    }
    let mut old = stage.connect("v=7&encoding=json").await;
    assert_eq!(old.close_code().await, 4012);
}

#[tokio::test]
async fn an_encoding_that_is_not_spoken_is_refused_before_the_upgrade() {
    let stage = Stage::open().await;

    for query in ["v=10&encoding=bson", "v=10&encoding=json&compress=lz4"] {
        let url = format!("ws://{}/?{query}", stage.address);
        match tokio_tungstenite::connect_async(url).await {
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
                assert_eq!(response.status(), 400, "{query}");
            }
            other => panic!("{query}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_second_identify_of_a_bot_within_five_seconds_is_an_invalid_session() {
    let stage = Stage::open().await;
    let (_first, _) = stage.identify(BOT, JSON).await;
    let mut second = stage.connect(JSON).await;

    second.identify(&stage.token(BOT)).await;

    let invalid = second.next().await;
    assert_eq!((&invalid["op"], &invalid["d"]), (&json!(9), &json!(false)));
}

#[tokio::test]
async fn a_kicked_members_open_session_hears_nothing_more() {
    let stage = Stage::open().await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;

    stage.change(ANA, GuildCommand::Kick(BEN)).await;
    stage.say("secret").await;
    // Answered after whatever would have leaked.
    stage
        .parts
        .store
        .user_updated(stage.parts.store.users().user(BEN).await.unwrap().unwrap())
        .await;

    let gone = ben.next().await;
    assert_eq!((&gone["t"], &gone["d"]), (&json!("GUILD_DELETE"), &json!({ "id": GUILD })));
    assert_eq!(ben.next().await["t"], "USER_UPDATE");
}

#[tokio::test]
async fn a_channel_taken_out_of_sight_vanishes_and_comes_back() {
    let stage = Stage::open().await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;
    let overwrite = |allow, deny| {
        let kind = model::wire::channel::permission_overwrite::PermissionOverwriteType::Member;
        let id = BEN.cast();
        let overwrite = model::wire::channel::permission_overwrite::PermissionOverwrite {
            allow,
            deny,
            id,
            kind,
        };
        GuildCommand::SetOverwrite(TEXT, overwrite)
    };
    let (view, none) = (Permissions::VIEW_CHANNEL, Permissions::empty());

    stage.change(ANA, overwrite(none, view)).await;
    stage.say("secret").await;
    stage.change(ANA, overwrite(view, none)).await;
    stage.say("open").await;

    let mut names = Vec::new();
    loop {
        let message = ben.next().await;
        names.push(message["t"].as_str().unwrap_or_default().to_owned());
        if message["t"] == "MESSAGE_CREATE" {
            assert_eq!(message["d"]["content"], "open");
            break;
        }
    }
    assert_eq!(names, ["CHANNEL_DELETE", "CHANNEL_CREATE", "MESSAGE_CREATE"]);
}

#[tokio::test]
async fn presence_follows_the_session() {
    let stage = Stage::open().await;
    let (mut ana, _) = stage.identify(ANA, JSON).await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;
    let status = |update: &Value| {
        assert_eq!(update["d"]["user"]["id"], BEN.to_string());
        update["d"]["status"].as_str().unwrap_or_default().to_owned()
    };

    assert_eq!(status(&ana.hear("PRESENCE_UPDATE").await), "online");
    let busy = json!({ "status": "dnd", "since": null, "afk": false, "activities": [
        { "name": "chess", "type": 0 },
    ]});
    ben.send(3, busy).await;
    let update = ana.hear("PRESENCE_UPDATE").await;
    assert_eq!(status(&update), "dnd");
    assert_eq!(update["d"]["activities"][0]["name"], "chess");
    ben.close(1000).await;
    assert_eq!(status(&ana.hear("PRESENCE_UPDATE").await), "offline");
}

#[tokio::test]
async fn op_4_is_answered_by_the_voice_state_and_then_by_the_voice_server() {
    let stage = Stage::open().await;
    let (mut bot, ready) = stage.identify(BOT, JSON).await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;

    // As discord.py sends it: snowflakes as numbers.
    let guild = GUILD.get();
    let channel = VOICE.get();
    bot.send(
        4,
        json!({ "guild_id": guild, "channel_id": channel, "self_mute": false, "self_deaf": true }),
    )
    .await;

    let state = bot.hear("VOICE_STATE_UPDATE").await;
    assert_eq!(state["d"]["channel_id"], VOICE.to_string());
    assert_eq!(state["d"]["session_id"], ready["d"]["session_id"]);
    assert_eq!(state["d"]["self_deaf"], true);
    let server = bot.hear("VOICE_SERVER_UPDATE").await;
    assert_eq!(server["d"]["guild_id"], GUILD.to_string());
    assert_eq!(server["d"]["endpoint"], stage.address.to_string());
    assert!(server["s"].as_u64() > state["s"].as_u64());
    let seen = ben.hear("VOICE_STATE_UPDATE").await;
    assert_eq!(seen["d"]["user_id"], BOT.to_string());
    bot.close(1000).await;
    let left = ben.hear("VOICE_STATE_UPDATE").await;
    assert_eq!(left["d"]["channel_id"], Value::Null);
}

#[tokio::test]
async fn members_are_found_by_prefix_and_by_id() {
    let stage = Stage::open().await;
    let (mut bot, _) = stage.identify(BOT, JSON).await;

    bot.send(8, json!({ "guild_id": GUILD.get(), "query": "BE", "limit": 5, "nonce": "one" }))
        .await;
    let chunk = bot.hear("GUILD_MEMBERS_CHUNK").await;
    assert_eq!(chunk["d"]["members"][0]["user"]["id"], BEN.to_string());
    assert_eq!(chunk["d"]["members"].as_array().map(Vec::len), Some(1));
    assert_eq!(chunk["d"]["nonce"], "one");

    let ids = json!({ "guild_id": [GUILD], "user_ids": [ANA, "999"], "presences": true });
    bot.send(8, ids).await;
    let chunk = bot.hear("GUILD_MEMBERS_CHUNK").await;
    assert_eq!(chunk["d"]["members"][0]["user"]["id"], ANA.to_string());
    assert_eq!(chunk["d"]["not_found"], json!(["999"]));
    assert_eq!(chunk["d"]["presences"], json!([]));
}

#[tokio::test]
async fn a_guild_joined_while_connected_is_shown() {
    let stage = Stage::open().await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;

    let draft = state::guild::command::GuildDraft {
        id: Id::new(60),
        name: "Island".to_owned(),
        owner: BEN,
        icon: None,
        now: stage.parts.now(),
        channel_ids: [61, 62, 63, 64].map(Id::new),
    };
    stage.parts.store.found(draft).await.expect("a guild");

    let created = ben.hear("GUILD_CREATE").await;
    assert_eq!(created["d"]["id"], "60");
    assert_eq!(created["d"]["name"], "Island");
}

#[tokio::test]
async fn a_direct_message_reaches_both_people() {
    let stage = Stage::open().await;
    let (mut ana, _) = stage.identify(ANA, JSON).await;
    let (mut bot, _) = stage.identify(BOT, JSON).await;

    let opened = stage.parts.store.open_private(Id::new(70), [ANA, BOT]).await;
    let channel = opened.expect("a private channel");
    let message = serde_json::from_value(json!({
        "id": "99", "channel": "70", "guild": null, "author": ANA, "kind": 0, "content": "psst",
    }))
    .expect("a message");
    let event = state::event::ChatEvent::MessageCreated(std::sync::Arc::new(message));
    stage.parts.store.publish_private(channel, event).await.expect("someone listens");

    for (client, other) in [(&mut ana, BOT), (&mut bot, ANA)] {
        let created = client.hear("CHANNEL_CREATE").await;
        assert_eq!(created["d"]["recipients"][0]["id"], other.to_string());
        let said = client.hear("MESSAGE_CREATE").await;
        assert_eq!(said["d"]["content"], "psst");
        assert_eq!(said["d"]["guild_id"], Value::Null);
    }
}

#[tokio::test]
async fn a_reader_that_stops_reading_holds_up_nobody_and_is_told_that_it_missed_too_much() {
    let stage = Stage::open().await;
    let (slow, ready) = stage.identify(BOT, JSON).await;
    let (mut quick, _) = stage.identify(BEN, JSON).await;
    let content = "x".repeat(2_000);

    // In all much more than the kernel keeps for a reader, and than a session waits with. The
    // quick reader keeps pace, so that only the slow one falls behind.
    for _ in 0..160 {
        for _ in 0..50 {
            stage.say(&content).await;
        }
        for _ in 0..50 {
            let said = quick.hear("MESSAGE_CREATE").await;
            assert_eq!(said["d"]["content"].as_str().map(str::len), Some(2_000));
        }
    }

    let mut again = stage.connect(JSON).await;
    again.resume(&stage.token(BOT), &ready["d"]["session_id"], 2).await;
    // It missed more than is kept: it is told so, rather than left with a gap.
    let invalid = again.next().await;
    assert_eq!((&invalid["op"], &invalid["d"]), (&json!(9), &json!(false)));
    drop(slow);
}

#[tokio::test]
async fn a_person_who_could_read_compressed_payloads_and_asked_for_no_stream_gets_plain_ones() {
    let stage = Stage::open().await;
    let token = stage.token(BEN);
    let mut ben = stage.connect(JSON).await;

    ben.send(2, json!({ "token": token, "properties": {}, "compress": true })).await;

    // It reads text alone: a compressed payload would be binary.
    assert_eq!(ben.hear("READY").await["d"]["user"]["username"], "ben");
}

#[tokio::test]
async fn before_a_shutdown_every_session_is_told_to_reconnect() {
    let stage = Stage::open().await;
    let (mut bot, _) = stage.identify(BOT, &format!("{JSON}&compress=zlib-stream")).await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;
    let mut greeted = stage.connect(JSON).await;

    let (sessions, closed) = tokio::join!(stage.parts.sessions.shutdown(), async {
        for client in [&mut bot, &mut ben, &mut greeted] {
            client.hear_op(7).await;
        }
        [bot.close_code().await, ben.close_code().await, greeted.close_code().await]
    });

    assert_eq!((sessions, closed), ((), [4000; 3]));
    assert_eq!(stage.parts.sessions.count(), 0);
}

#[tokio::test]
async fn what_a_client_says_together_with_its_request_is_heard() {
    let stage = Stage::open().await;
    let mut stream = tokio::net::TcpStream::connect(stage.address).await.unwrap();
    let request = format!(
        "GET /?{JSON} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        stage.address
    );
    let beat = br#"{"op":1,"d":null}"#;
    let mut bytes = request.into_bytes();
    // Masked with zeros: as it is.
    bytes.extend([0x81, 0x80 | beat.len() as u8, 0, 0, 0, 0]);
    bytes.extend(beat);

    stream.write_all(&bytes).await.unwrap();

    let mut heard = Vec::new();
    let answered = async {
        while !String::from_utf8_lossy(&heard).contains(r#""op":11"#) {
            assert_ne!(stream.read_buf(&mut heard).await.unwrap(), 0, "it hung up");
        }
    };
    tokio::time::timeout(Duration::from_secs(20), answered).await.expect("an answer");
}

#[tokio::test]
async fn who_reads_late_misses_nothing() {
    let stage = Stage::open().await;
    for way in ways() {
        let (mut ben, _) = stage.identify(BEN, &way).await;
        let mut bytes = 0;
        // More than sockets take unread, less than a session may be behind.
        for n in 0..300_u64 {
            let noise: String = (0..1_500).map(|at| noise(n * 1_500 + at)).collect();
            bytes += noise.len();
            stage.say(&format!("{n} {noise}")).await;
        }
        assert!(bytes > 400_000);

        for n in 0..300_u64 {
            let said = ben.hear("MESSAGE_CREATE").await;
            let content = said["d"]["content"].as_str().unwrap();
            let noise: String = (0..1_500).map(|at| noise(n * 1_500 + at)).collect();
            assert_eq!(content, format!("{n} {noise}"), "{way}");
        }
    }
}

/// A letter that nothing tells from those before it.
fn noise(number: u64) -> char {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    char::from(b'a' + ((mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40) as u8 % 26)
}

//! The Voice Gateway from outside: real sockets, the real guild store, a media wing that records.
#![allow(clippy::disallowed_methods, reason = "tests are shells")]
#![allow(unreachable_pub, reason = "a test binary has no outside")]

mod hall;
#[path = "../support/parts.rs"]
mod parts;
mod private;

use hall::*;
use model::media::Grants;
use model::media::LeaveReason;
use model::media::MediaCommand;
use model::media::MediaEvent;
use model::media::Refusal;
use model::wire::channel::permission_overwrite::PermissionOverwrite;
use model::wire::channel::permission_overwrite::PermissionOverwriteType;
use model::wire::guild::Permissions;
use serde_json::Value;
use serde_json::json;
use state::GuildCommand;
use state::guild::command::MemberPatch;

fn ops(messages: &[Value]) -> Vec<u64> {
    messages.iter().map(|message| message["op"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_session_hears_its_voice_state_before_its_voice_server() {
    let mut hall = Hall::open().await;
    let mut ben = hall.session(BEN).await;
    let mut other = hall.session(BEN).await;

    ben.ask(Some(STAIRS)).await;

    let state = Heard::State { user: BEN, channel: Some(STAIRS), session: ben.name.clone() };
    assert_eq!(ben.hears().await, state);
    let Heard::Server { token, endpoint } = ben.hears().await else { panic!() };
    assert!(token.len() >= 32);
    assert_eq!(endpoint.as_deref(), Some("hall.example:8443"));
    // Ben's other session sees the state and gets no token.
    assert_eq!(other.hears().await, state);
    ben.ask(None).await;
    assert_eq!(other.sees(BEN).await, None);
}

#[tokio::test]
async fn a_bot_joins_over_udp() {
    let mut hall = Hall::open().await;
    let mut session = hall.session(BEN).await;
    session.ask(Some(STAIRS)).await;
    let ticket = session.ticket().await;
    let mut client = hall.client("?v=8").await;

    // Before Hello is read, as some libraries do.
    client.identify(&session, &ticket).await;
    let hello = client.next().await;
    let ready = client.next().await;
    client.send(&select_udp()).await;
    let description = client.next().await;

    assert_eq!(hello["op"], 8);
    assert!(hello["d"]["heartbeat_interval"].as_u64().unwrap() > 1_000);
    assert_eq!(ready["op"], 2);
    assert_eq!(ready["d"]["ip"], "127.0.0.1");
    assert_eq!(ready["d"]["port"], 50_000);
    let MediaCommand::Join { peer, room, user, ssrc, grants } = hall.told().await else { panic!() };
    assert_eq!((room, user), (STAIRS, BEN));
    assert_eq!(ready["d"]["ssrc"], ssrc);
    assert_eq!(grants, Grants { speak: true, hear: true });
    let MediaCommand::SelectUdp { peer: same, mode, key } = hall.told().await else { panic!() };
    assert_eq!(same, peer);
    assert_eq!(description["op"], 4);
    assert_eq!(description["d"]["mode"], mode.as_str());
    assert_eq!(description["d"]["secret_key"], json!(key.as_bytes()));
    assert_eq!(description["d"]["dave_protocol_version"], 0);
}

#[tokio::test]
async fn a_browser_joins_by_an_offer_and_makes_another_on_the_same_session() {
    let mut hall = Hall::open().await;
    let (_session, mut client, peer) = hall.join(BEN, "").await;

    for fragment in ["a=ice-ufrag:one", "a=ice-ufrag:two"] {
        let d = json!({ "protocol": "webrtc", "data": fragment, "codecs": [] });
        client.send(&json!({ "op": 1, "d": d })).await;
        let MediaCommand::SelectWebRtc { offer, announce, .. } = hall.told().await else {
            panic!()
        };
        assert_eq!(offer, fragment);
        assert_eq!(announce.to_string(), "127.0.0.1:50000");
        hall.says(MediaEvent::Answer { peer, sdp: format!("answer to {offer}") }).await;
        let description = client.next().await;

        assert_eq!(description["op"], 4);
        assert_eq!(description["d"]["sdp"], format!("answer to {fragment}"));
    }
    client.send(&json!({ "op": 3, "d": 10 })).await;
    assert_eq!(client.next().await, json!({ "op": 6, "d": 10 }));
}

#[tokio::test]
async fn an_offer_that_media_refuses_closes_with_4020() {
    let mut hall = Hall::open().await;
    let (_session, mut client, peer) = hall.join(BEN, "?v=8").await;
    client.send(&json!({ "op": 1, "d": { "protocol": "webrtc", "data": "?" } })).await;
    hall.told().await;

    hall.says(MediaEvent::Refused { peer, reason: Refusal::OfferUnusable }).await;

    assert_eq!(client.close_code().await, 4020);
    assert!(matches!(hall.told().await, MediaCommand::Leave { .. }));
}

#[tokio::test]
async fn speaking_reaches_the_others_and_late_joiners_after_their_description() {
    let mut hall = Hall::open().await;
    let (_b, mut ben, _) = hall.join_udp(BEN, "?v=4").await;
    ben.send(&json!({ "op": 5, "d": { "speaking": 1, "delay": 0, "ssrc": 1 } })).await;
    ben.send(&json!({ "op": 3, "d": 99 })).await;
    assert_eq!(ben.next().await, json!({ "op": 6, "d": 99 }));

    let (_c, mut cai, _) = hall.join(CAI, "?v=8").await;
    cai.send(&select_udp()).await;
    let before = cai.until(4).await;
    let after = cai.next().await;
    cai.send(&json!({ "op": 5, "d": { "speaking": 3, "delay": 0 } })).await;

    assert_eq!(ops(&before), [11, 4]);
    assert_eq!(before[0]["d"], json!({ "user_ids": ["2"] }));
    // The SSRC is the assigned one, whatever Ben said.
    let spoken = json!({ "user_id": "2", "ssrc": ben.ssrc, "speaking": 1 });
    assert_eq!(after["d"], spoken);
    assert_eq!(ben.next().await, json!({ "op": 11, "d": { "user_ids": ["3"] } }));
    let spoken = json!({ "user_id": "3", "ssrc": cai.ssrc, "speaking": 3 });
    assert_eq!(ben.next().await, json!({ "op": 5, "d": spoken }));
}

#[tokio::test]
async fn leaving_is_told_to_the_others_and_to_media() {
    let mut hall = Hall::open().await;
    let (b, mut ben, peer) = hall.join_udp(BEN, "?v=8").await;
    let (_c, mut cai, _) = hall.join_udp(CAI, "?v=8").await;

    b.ask(None).await;

    assert_eq!(ben.close_code().await, 4014);
    assert_eq!(cai.next().await["d"], json!({ "user_id": "2" }));
    let MediaCommand::Leave { peer: left } = hall.told().await else { panic!() };
    assert_eq!(left, peer);
}

#[tokio::test]
async fn a_moderators_mute_and_a_lost_permission_reach_media_at_once() {
    let mut hall = Hall::open().await;
    let (mut b, mut ben, peer) = hall.join_udp(BEN, "?v=8").await;
    let mute = MemberPatch { mute: Some(true), ..MemberPatch::default() };

    hall.change(ANA, GuildCommand::UpdateMember(BEN, mute)).await;
    let muted = hall.told().await;
    let deny = PermissionOverwrite {
        allow: Permissions::empty(),
        deny: Permissions::CONNECT,
        id: GUILD.cast(),
        kind: PermissionOverwriteType::Role,
    };
    hall.change(ANA, GuildCommand::SetOverwrite(STAIRS, deny)).await;

    let MediaCommand::Update { peer: updated, grants } = muted else { panic!() };
    assert_eq!((updated, grants), (peer, Grants { speak: false, hear: true }));
    assert!(matches!(hall.told().await, MediaCommand::Leave { .. }));
    assert_eq!(ben.close_code().await, 4014);
    assert_eq!(b.sees(BEN).await, Some(STAIRS));
}

#[tokio::test]
async fn a_kick_while_speaking_ends_it_at_once() {
    let mut hall = Hall::open().await;
    let mut ana = hall.session(ANA).await;
    let (_b, mut ben, _) = hall.join_udp(BEN, "?v=8").await;
    assert_eq!(ana.sees(BEN).await, Some(STAIRS));

    hall.change(ANA, GuildCommand::Kick(BEN)).await;

    assert!(matches!(hall.told().await, MediaCommand::Leave { .. }));
    assert_eq!(ben.close_code().await, 4014);
    assert_eq!(ana.sees(BEN).await, None);
}

#[tokio::test]
async fn a_moderators_move_brings_a_new_ticket_and_closes_the_old_socket() {
    let mut hall = Hall::open().await;
    let (mut b, mut ben, old) = hall.join_udp(BEN, "?v=8").await;

    hall.parts.calls.move_member(ANA, GUILD, BEN, Some(TOWER)).await.unwrap();
    let state = b.hears().await;
    let server = b.hears().await;

    assert_eq!(state, Heard::State { user: BEN, channel: Some(TOWER), session: b.name.clone() });
    let Heard::Server { token, endpoint } = server else { panic!() };
    assert_eq!(endpoint.as_deref(), Some("hall.example:8443"));
    assert_eq!(ben.close_code().await, 4014);
    let MediaCommand::Leave { peer } = hall.told().await else { panic!() };
    assert_eq!(peer, old);
    let mut again = hall.client("?v=8").await;
    again.identify(&b, &ben.token).await;
    assert_eq!(again.close_code().await, 4004);
    let mut again = hall.client("?v=8").await;
    again.resume(&b, &ben.token, Some(0)).await;
    assert_eq!(again.close_code().await, 4006);
    let mut moved = hall.client("?v=8").await;
    moved.identify(&b, &token).await;
    moved.until(2).await;
    let MediaCommand::Join { room, .. } = hall.told().await else { panic!() };
    assert_eq!(room, TOWER);
}

#[tokio::test]
async fn a_cut_socket_resumes_with_everything_it_missed_and_media_never_noticed() {
    let mut hall = Hall::open().await;
    let (b, ben, _) = hall.join_udp(BEN, "?v=8").await;
    let (token, heard) = (ben.token.clone(), ben.heard);
    // Without a goodbye.
    drop(ben);
    let (_c, mut cai, _) = hall.join_udp(CAI, "?v=8").await;
    cai.send(&json!({ "op": 5, "d": { "speaking": 1 } })).await;
    cai.send(&json!({ "op": 3, "d": { "t": 1, "seq_ack": cai.heard } })).await;
    cai.until(6).await;

    let mut ben = hall.client("?v=8").await;
    ben.resume(&b, &token, Some(heard)).await;
    let resumed = ben.until(9).await;

    assert_eq!(ops(&resumed), [8, 11, 5, 9]);
    assert_eq!(resumed[1]["seq"], heard + 1);
    hall.told_nothing();
    // And it goes on.
    ben.send(&json!({ "op": 5, "d": { "speaking": 1 } })).await;
    assert_eq!(cai.until(5).await.last().unwrap()["d"]["user_id"], "2");
}

#[tokio::test]
async fn version_four_resumes_without_numbers() {
    let mut hall = Hall::open().await;
    let (b, ben, _) = hall.join_udp(BEN, "?v=4").await;
    let token = ben.token.clone();
    drop(ben);

    let mut ben = hall.client("?v=4").await;
    ben.resume(&b, &token, None).await;

    assert_eq!(ops(&ben.until(9).await), [8, 9]);
    hall.told_nothing();
}

#[tokio::test]
async fn a_resume_takes_the_session_from_a_socket_that_still_stands() {
    let mut hall = Hall::open().await;
    let (b, mut old, _) = hall.join_udp(BEN, "?v=8").await;

    let mut new = hall.client("?v=8").await;
    new.resume(&b, &old.token, Some(old.heard)).await;
    new.until(9).await;

    assert_eq!(old.close_code().await, 4009);
    new.send(&json!({ "op": 3, "d": { "t": 5, "seq_ack": old.heard } })).await;
    assert_eq!(new.next().await, json!({ "op": 6, "d": { "t": 5 } }));
}

#[tokio::test]
async fn a_call_that_media_ended_is_asked_for_again() {
    let mut hall = Hall::open().await;
    let (mut b, mut ben, peer) = hall.join_udp(BEN, "?v=8").await;

    hall.says(MediaEvent::Left { peer, reason: LeaveReason::Silent }).await;
    assert_eq!(ben.close_code().await, 4006);
    b.ask(Some(STAIRS)).await;
    // Nothing changed for the guild, and still the client hears both that it waits for.
    let state = b.hears().await;
    let server = b.hears().await;

    assert_eq!(state, Heard::State { user: BEN, channel: Some(STAIRS), session: b.name.clone() });
    let Heard::Server { token, .. } = server else { panic!() };
    let mut again = hall.client("?v=8").await;
    again.identify(&b, &token).await;
    assert_eq!(ops(&again.until(2).await), [8, 2]);
}

#[tokio::test]
async fn whoever_lost_both_media_and_socket_leaves_no_ghost() {
    let mut hall = Hall::open().await;
    let mut ana = hall.session(ANA).await;
    let (_b, ben, peer) = hall.join_udp(BEN, "?v=8").await;
    let (_c, mut cai, _) = hall.join_udp(CAI, "?v=8").await;
    assert_eq!(ana.sees(BEN).await, Some(STAIRS));
    ben.go().await;

    hall.says(MediaEvent::Left { peer, reason: LeaveReason::Silent }).await;

    assert_eq!(cai.next().await["op"], 13);
    assert_eq!(ana.sees(BEN).await, None);
}

#[tokio::test]
async fn the_end_of_a_gateway_session_ends_its_call() {
    let mut hall = Hall::open().await;
    let (mut b, mut ben, _) = hall.join_udp(BEN, "?v=8").await;

    hall.parts.calls.session_ended(BEN, "another").await;
    hall.parts.calls.session_ended(BEN, &b.name).await;

    assert_eq!(b.sees(BEN).await, None);
    assert_eq!(ben.close_code().await, 4014);
    assert!(matches!(hall.told().await, MediaCommand::Leave { .. }));
}

#[tokio::test]
async fn a_wrong_token_a_hostile_message_and_an_unknown_version_are_closed() {
    let mut hall = Hall::open().await;
    let mut session = hall.session(BEN).await;
    session.ask(Some(STAIRS)).await;
    session.ticket().await;

    let mut client = hall.client("?v=8").await;
    client.identify(&session, "0123456789abcdef").await;
    assert_eq!(client.close_code().await, 4004);
    for (query, text, code) in [
        ("?v=8", "{\"op\":".to_owned(), 4002),
        ("?v=8", "[".repeat(60_000), 4002),
        ("?v=8", "\"x\"".to_owned(), 4002),
        ("?v=8", json!({ "op": 3, "d": "x".repeat(100_000) }).to_string(), 4002),
        ("?v=8", r#"{"op":5,"d":{"speaking":1}}"#.to_owned(), 4003),
        ("?v=8", r#"{"op":250}"#.to_owned(), 4001),
        ("?v=3", r#"{"op":3,"d":1}"#.to_owned(), 4020),
    ] {
        let mut client = hall.client(query).await;
        client.send_text(&text).await;
        assert_eq!(client.close_code().await, code, "{}", &text[..text.len().min(30)]);
    }
    hall.told_nothing();
}

#[tokio::test]
async fn a_planned_end_closes_every_socket_with_4015() {
    let mut hall = Hall::open().await;
    let (_b, mut ben, _) = hall.join_udp(BEN, "?v=8").await;
    let mut greeted = hall.client("?v=8").await;
    assert_eq!(greeted.next().await["op"], 8);

    let calls = hall.parts.calls.clone();
    let shutdown = tokio::spawn(async move { calls.shutdown().await });

    assert_eq!(ben.close_code().await, 4015);
    assert_eq!(greeted.close_code().await, 4015);
    shutdown.await.unwrap();
}

//! The voice gateway of a call in a private channel: the channel's id is the server's.

use model::id::ChannelId;
use model::media::Grants;
use model::media::MediaCommand;
use model::wire::id::Id;
use serde_json::json;

use crate::hall::*;

async fn pair(hall: &Hall) -> ChannelId {
    let id = hall.parts.ids.next();
    hall.parts.store.open_private(id, [BEN, CAI]).await.expect("a channel").id
}

/// Someone joins the call and identifies; the client past Ready.
async fn joins(hall: &mut Hall, session: &mut Session, channel: ChannelId) -> Client {
    session.ask_in(None, Some(channel)).await;
    let ticket = session.ticket().await;
    let mut client = hall.client("?v=8").await;
    client.identify_at(channel.get(), session, &ticket).await;
    client.until(2).await;
    client.token = ticket;
    client
}

#[tokio::test]
async fn two_meet_in_a_room_of_their_channel_over_both_transports() {
    let mut hall = Hall::open().await;
    let channel = pair(&hall).await;
    let mut ben = hall.session(BEN).await;
    let mut cai = hall.session(CAI).await;

    let mut bens = joins(&mut hall, &mut ben, channel).await;
    let MediaCommand::Join { room, user, grants, .. } = hall.told().await else { panic!() };
    assert_eq!((room, user), (channel, BEN));
    assert_eq!(grants, Grants { speak: true, hear: true });
    bens.send(&select_udp()).await;
    bens.until(4).await;
    assert!(matches!(hall.told().await, MediaCommand::SelectUdp { .. }));

    let mut cais = joins(&mut hall, &mut cai, channel).await;
    let MediaCommand::Join { room, user, .. } = hall.told().await else { panic!() };
    assert_eq!((room, user), (channel, CAI));
    assert_eq!(bens.until(11).await.last().expect("op 11")["d"], json!({ "user_ids": ["3"] }));
    let d = json!({ "protocol": "webrtc", "data": "a=ice-ufrag:one", "codecs": [] });
    cais.send(&json!({ "op": 1, "d": d })).await;
    assert!(matches!(hall.told().await, MediaCommand::SelectWebRtc { .. }));
    cais.send(&json!({ "op": 5, "d": { "speaking": 1, "delay": 0 } })).await;
    assert_eq!(bens.until(5).await.last().expect("op 5")["d"]["user_id"], "3");
}

#[tokio::test]
async fn a_ticket_opens_its_own_call_alone() {
    let mut hall = Hall::open().await;
    let channel = pair(&hall).await;
    let mut ben = hall.session(BEN).await;
    ben.ask_in(None, Some(channel)).await;
    let ticket = ben.ticket().await;

    for server in [GUILD.get(), channel.get() + 1] {
        let mut client = hall.client("?v=8").await;
        client.identify_at(server, &ben, &ticket).await;
        assert_eq!(client.close_code().await, 4_004, "{server}");
    }
    let mut stranger = hall.client("?v=8").await;
    let cai = hall.session(CAI).await;
    stranger.identify_at(channel.get(), &cai, &ticket).await;
    assert_eq!(stranger.close_code().await, 4_004);
    let mut client = hall.client("?v=8").await;
    client.identify_at(channel.get(), &ben, &ticket).await;
    client.until(2).await;
}

#[tokio::test]
async fn who_hangs_up_is_out_of_the_room_at_once() {
    let mut hall = Hall::open().await;
    let channel = pair(&hall).await;
    let mut ben = hall.session(BEN).await;
    let mut cai = hall.session(CAI).await;
    let mut bens = joins(&mut hall, &mut ben, channel).await;
    hall.told().await;
    let mut cais = joins(&mut hall, &mut cai, channel).await;
    hall.told().await;

    ben.ask_in(None, None).await;

    assert_eq!(bens.close_code().await, 4_014);
    assert!(matches!(hall.told().await, MediaCommand::Leave { .. }));
    assert_eq!(cais.until(13).await.last().expect("op 13")["d"]["user_id"], "2");
}

#[tokio::test]
async fn who_goes_into_a_call_is_out_of_the_guilds_room_and_back_again() {
    let mut hall = Hall::open().await;
    let channel = pair(&hall).await;
    let (mut session, mut client, before) = hall.join(BEN, "?v=8").await;

    let mut called = joins(&mut hall, &mut session, channel).await;

    assert_eq!(client.close_code().await, 4_014);
    let mut told = [hall.told().await, hall.told().await];
    told.sort_by_key(|command| matches!(command, MediaCommand::Join { .. }));
    let [MediaCommand::Leave { peer }, MediaCommand::Join { room, .. }] = told else {
        panic!("{told:?}")
    };
    assert_eq!((peer, room), (before, channel));
    session.ask(Some(STAIRS)).await;
    assert_eq!(called.close_code().await, 4_014);
    assert!(matches!(hall.told().await, MediaCommand::Leave { .. }));
}

#[tokio::test]
async fn a_deafened_one_hears_nothing_and_a_voice_session_resumes() {
    let mut hall = Hall::open().await;
    let channel = pair(&hall).await;
    let mut ben = hall.session(BEN).await;
    let client = joins(&mut hall, &mut ben, channel).await;
    hall.told().await;
    let (ticket, heard) = (client.token.clone(), client.heard);
    drop(client);

    let mut again = hall.client("?v=8").await;
    let d = json!({
        "server_id": channel, "session_id": ben.name, "token": ticket, "seq_ack": heard,
    });
    again.send(&json!({ "op": 7, "d": d })).await;

    assert_eq!(again.until(9).await.last().expect("op 9")["op"], 9);
    let deafened = state::call::CallCommand::Join {
        channel: hall.parts.store.open_private(Id::new(1), [BEN, CAI]).await.expect("it is there"),
        user: BEN,
        session: ben.name.clone(),
        self_mute: true,
        self_deaf: true,
        self_video: false,
        message: Id::new(1),
    };
    hall.parts.store.call(deafened).await.expect("allowed");
    let MediaCommand::Update { grants, .. } = hall.told().await else { panic!() };
    assert_eq!(grants, Grants { speak: true, hear: false });
}

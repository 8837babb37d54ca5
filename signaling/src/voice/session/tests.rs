//! A voice session against a scripted client, on a virtual clock.

use std::net::Ipv4Addr;

use model::media::PeerStats;

use super::super::announce::Announced;
use super::super::link::GOODBYE_WINDOW;
use super::super::link::SENDS;
use super::super::link::SENDS_WINDOW;
use super::super::link::SILENCE;
use model::media::Tracks;

use super::*;

const ANA: PeerId = PeerId(1);
const BEN: UserId = UserId::new(2);
const CAI: UserId = UserId::new(3);
const JOINED: MediaEvent = MediaEvent::Joined { peer: ANA };
const NANO: Duration = Duration::from_nanos(1);

fn ben() -> Other {
    Other { user: BEN, ssrc: 64, speaking: None, tracks: Tracks::default() }
}

fn cai() -> Other {
    Other { user: CAI, ssrc: 96, speaking: Some(1), tracks: Tracks::default() }
}

fn version(query: &str) -> Version {
    Version::of_query(query).unwrap()
}

fn identify() -> String {
    let d = json!({ "server_id": "10", "user_id": "1", "session_id": "s", "token": "t" });
    json!({ "op": 0, "d": d }).to_string()
}

fn admission(others: Vec<Other>) -> Admission {
    Admission {
        peer: ANA,
        ssrc: 32,
        announced: Announced {
            udp: (Ipv4Addr::LOCALHOST, 50_000).into(),
            tcp: Some((Ipv4Addr::LOCALHOST, 8_443).into()),
        },
        relays: Value::Null,
        media_session: "m".to_owned(),
        others,
    }
}

/// A new session whose Hello was taken.
fn greeted(now: Instant, query: &str) -> VoiceSession {
    let mut session = VoiceSession::new(now, version(query));
    assert_eq!(frames(&mut session)[0]["op"], 8);
    session
}

/// A session in a room with `others`, whose Ready was taken.
fn admitted(now: Instant, query: &str, others: Vec<Other>) -> VoiceSession {
    let mut session = greeted(now, query);
    session.handle_text(now, &identify());
    let Some(Output::Identify(identify)) = session.poll_output() else { panic!() };
    let admission = admission(others);
    session.admit(now, &identify, admission);
    assert!(session.poll_output().is_none());
    session.handle_media(now, &JOINED);
    let ready = frames(&mut session);
    assert_eq!(ready[0]["op"], 2);
    session
}

/// A session whose UDP transport is described, with nothing left to take.
fn described(now: Instant, query: &str, others: Vec<Other>) -> VoiceSession {
    let mut session = admitted(now, query, others);
    session.key_drawn(EncryptionMode::Aes256Gcm, SessionKey::new([7; 32]));
    while session.poll_output().is_some() {}
    session
}

/// All outputs, which must be frames.
fn frames(session: &mut VoiceSession) -> Vec<Value> {
    let mut frames = Vec::new();
    while let Some(output) = session.poll_output() {
        let Output::Frame(text) = output else { panic!("{output:?}") };
        frames.push(serde_json::from_str(&text).unwrap());
    }
    frames
}

fn ops(frames: &[Value]) -> Vec<u64> {
    frames.iter().map(|frame| frame["op"].as_u64().unwrap()).collect()
}

/// The one output, which must be a close.
fn closed(session: &mut VoiceSession) -> CloseCode {
    let Some(Output::Close(code)) = session.poll_output() else { panic!("not closed") };
    assert!(session.poll_output().is_none());
    code
}

#[test]
fn hello_is_sent_at_once_and_identify_needs_no_answer_to_it() {
    let now = Instant::now();
    let mut session = VoiceSession::new(now, version("v=8"));

    session.handle_text(now, &identify());

    let Some(Output::Frame(hello)) = session.poll_output() else { panic!() };
    let hello: Value = serde_json::from_str(&hello).unwrap();
    assert_eq!(hello, json!({ "op": 8, "d": { "v": 8, "heartbeat_interval": 13_750 } }));
    assert!(matches!(session.poll_output(), Some(Output::Identify(_))));
}

#[test]
fn everything_but_identify_resume_and_heartbeats_before_identify_is_not_authenticated() {
    for text in [
        r#"{"op":1,"d":{"protocol":"udp","data":{"mode":"aead_aes256_gcm_rtpsize"}}}"#,
        r#"{"op":5,"d":{"speaking":1}}"#,
        r#"{"op":12,"d":{}}"#,
        r#"{"op":15,"d":{}}"#,
        r#"{"op":16,"d":{}}"#,
    ] {
        let now = Instant::now();
        let mut session = greeted(now, "v=8");

        session.handle_text(now, text);

        assert_eq!(closed(&mut session), CloseCode::NotAuthenticated, "{text}");
    }
}

#[test]
fn a_second_identify_or_resume_is_already_authenticated() {
    let resume = r#"{"op":7,"d":{"server_id":"10","session_id":"s","token":"t"}}"#;
    for text in [identify().as_str(), resume] {
        let now = Instant::now();
        let mut session = admitted(now, "v=8", vec![]);

        session.handle_text(now, text);

        assert_eq!(closed(&mut session), CloseCode::AlreadyAuthenticated);
    }
}

#[test]
fn what_cannot_be_read_closes_with_its_code_at_every_stage() {
    for (text, code) in [
        ("{", CloseCode::FailedToDecode),
        (r#"{"op":0,"d":[]}"#, CloseCode::FailedToDecode),
        (r#"{"op":99}"#, CloseCode::UnknownOpcode),
    ] {
        let now = Instant::now();
        for mut session in [greeted(now, "v=4"), described(now, "v=8", vec![])] {
            session.handle_text(now, text);

            assert_eq!(closed(&mut session), code, "{text}");
        }
    }
    for (protocol, code) in [
        (json!({ "protocol": "webrtc-p2p", "data": "" }), CloseCode::UnknownProtocol),
        (
            json!({ "protocol": "udp", "data": { "mode": "xsalsa20_poly1305" } }),
            CloseCode::UnknownEncryptionMode,
        ),
    ] {
        let now = Instant::now();
        let mut session = admitted(now, "v=8", vec![]);

        session.handle_text(now, &json!({ "op": 1, "d": protocol }).to_string());

        assert_eq!(closed(&mut session), code);
    }
}

#[test]
fn a_closed_session_says_and_wants_nothing_more() {
    let now = Instant::now();
    let mut session = admitted(now, "v=8", vec![]);
    session.handle_text(now, "{");
    assert_eq!(closed(&mut session), CloseCode::FailedToDecode);

    session.handle_text(now, "{");
    session.handle_binary(now);
    session.handle_news(News::Is(ben()));
    session.handle_timeout(now + Duration::from_secs(3_600));
    session.close(CloseCode::Disconnected);

    assert!(session.poll_output().is_none());
    assert_eq!(session.poll_timeout(), None);
}

#[test]
fn a_socket_that_never_identifies_is_closed_at_its_deadline() {
    let start = Instant::now();
    let mut session = greeted(start, "v=8");
    let due = session.poll_timeout().unwrap();
    assert!(due <= start + limits::IDENTIFY);

    session.handle_timeout(due - NANO);
    assert!(session.poll_output().is_none());
    session.handle_timeout(due);

    assert_eq!(closed(&mut session), CloseCode::SessionTimeout);
}

#[test]
fn beating_does_not_put_off_the_deadline_to_identify() {
    let start = Instant::now();
    let mut session = greeted(start, "v=8");
    session.handle_text(start + Duration::from_secs(20), r#"{"op":3,"d":1}"#);
    frames(&mut session);

    session.handle_timeout(start + limits::IDENTIFY);

    assert_eq!(closed(&mut session), CloseCode::SessionTimeout);
}

#[test]
fn heartbeats_are_answered_as_the_version_wants_and_keep_the_socket_open() {
    let start = Instant::now();
    for (query, beat, ack) in [
        ("v=4", r#"{"op":3,"d":1501184119561}"#, json!(1_501_184_119_561_u64)),
        ("v=8", r#"{"op":3,"d":{"t":7,"seq_ack":-1}}"#, json!({ "t": 7 })),
        ("", r#"{"op":3,"d":10}"#, json!(10)),
    ] {
        let mut session = described(start, query, vec![]);
        let beaten = start + SILENCE - NANO;

        session.handle_text(beaten, beat);

        assert_eq!(frames(&mut session), [json!({ "op": 6, "d": ack })]);
        assert_eq!(session.poll_timeout(), Some(beaten + SILENCE));
    }
}

#[test]
fn a_silent_socket_is_closed_with_4009_and_the_session_waits_to_be_resumed() {
    let start = Instant::now();
    let mut session = described(start, "v=8", vec![]);

    session.handle_timeout(start + SILENCE);
    let Some(Output::Detach(code)) = session.poll_output() else { panic!() };
    session.attached(start + SILENCE + Duration::from_secs(59), version("v=8"), 1);

    assert_eq!(code, CloseCode::SessionTimeout);
    assert_eq!(ops(&frames(&mut session)), [9]);
}

#[test]
fn a_session_without_a_socket_ends_after_its_window() {
    let start = Instant::now();
    for window in [RESUME_WINDOW, GOODBYE_WINDOW] {
        let mut session = described(start, "v=8", vec![]);
        session.detached(start, window);

        session.handle_timeout(start + window - NANO);
        assert!(session.poll_output().is_none());
        session.handle_timeout(start + window);

        assert_eq!(closed(&mut session), CloseCode::SessionTimeout);
    }
}

#[test]
fn a_session_without_a_socket_stays_for_as_long_as_media_arrives() {
    let start = Instant::now();
    let mut session = described(start, "v=8", vec![]);
    let stats = |packets| MediaEvent::Stats {
        peer: ANA,
        stats: PeerStats { packets_received: packets, ..PeerStats::default() },
    };
    session.detached(start, RESUME_WINDOW);
    let seen = start + RESUME_WINDOW - Duration::from_secs(5);
    session.handle_media(seen, &stats(100));
    // The same count again: nothing came.
    session.handle_media(seen + Duration::from_secs(5), &stats(100));

    session.handle_timeout(start + RESUME_WINDOW);
    assert!(session.poll_output().is_none());
    assert_eq!(session.poll_timeout(), Some(seen + MEDIA_PATIENCE));
    session.handle_timeout(seen + MEDIA_PATIENCE);

    assert_eq!(closed(&mut session), CloseCode::SessionTimeout);
}

#[test]
fn a_flood_is_closed_and_a_minute_later_all_would_be_well() {
    let start = Instant::now();
    let speak = r#"{"op":5,"d":{"speaking":1}}"#;
    let mut session = described(start, "v=8", vec![]);
    // Identify was the first.
    for _ in 1..SENDS {
        session.handle_text(start, speak);
    }
    while let Some(output) = session.poll_output() {
        assert!(matches!(output, Output::Speaking(1)));
    }
    session.handle_text(start + SENDS_WINDOW, speak);
    assert!(matches!(session.poll_output(), Some(Output::Speaking(1))));

    for _ in 0..SENDS {
        session.handle_binary(start + SENDS_WINDOW);
    }

    assert_eq!(closed(&mut session), CloseCode::RateLimited);
}

#[test]
fn a_media_wing_that_never_takes_the_peer_in_lets_the_client_ask_anew() {
    let now = Instant::now();
    let mut session = greeted(now, "v=8");
    session.handle_text(now, &identify());
    let Some(Output::Identify(identify)) = session.poll_output() else { panic!() };
    let admission = admission(vec![]);
    session.admit(now, &identify, admission);

    session.handle_timeout(now + JOIN - NANO);
    assert!(session.poll_output().is_none());
    session.handle_timeout(now + JOIN);

    assert_eq!(closed(&mut session), CloseCode::SessionNoLongerValid);
}

#[test]
fn a_transport_cannot_be_chosen_before_ready() {
    let now = Instant::now();
    let mut session = greeted(now, "v=8");
    session.handle_text(now, &identify());
    let Some(Output::Identify(identify)) = session.poll_output() else { panic!() };
    let admission = admission(vec![]);
    session.admit(now, &identify, admission);

    session.handle_text(now, r#"{"op":1,"d":{"protocol":"webrtc","sdp":"x"}}"#);

    assert_eq!(closed(&mut session), CloseCode::BadRequest);
}

#[test]
fn udp_is_chosen_with_a_fresh_key_before_it_is_described() {
    let now = Instant::now();
    let mut session = admitted(now, "v=8", vec![]);
    let select = r#"{"op":1,"d":{"protocol":"udp","data":{"address":"127.0.0.1","port":1337,"mode":"aead_xchacha20_poly1305_rtpsize"}}}"#;

    session.handle_text(now, select);
    let Some(Output::DrawKey(mode)) = session.poll_output() else { panic!() };
    session.key_drawn(mode, SessionKey::new([7; 32]));

    assert_eq!(mode, EncryptionMode::XChaCha20Poly1305);
    let Some(Output::Command(MediaCommand::SelectUdp { peer, mode, key })) = session.poll_output()
    else {
        panic!()
    };
    assert_eq!((peer, mode), (ANA, EncryptionMode::XChaCha20Poly1305));
    assert_eq!(key.as_bytes(), &[7; 32]);
    assert_eq!(
        frames(&mut session),
        [json!({ "op": 4, "seq": 1, "d": {
            "mode": "aead_xchacha20_poly1305_rtpsize",
            "secret_key": vec![7; 32],
            "audio_codec": "opus",
            "video_codec": "H264",
            "media_session_id": "m",
            "dave_protocol_version": 0,
        }})]
    );
}

#[test]
fn webrtc_is_described_when_the_media_wing_answers_and_again_for_another_offer() {
    let now = Instant::now();
    let mut session = admitted(now, "", vec![ben(), cai()]);
    let select =
        r#"{"op":1,"d":{"protocol":"webrtc","data":"a=ice-ufrag:x","sdp":"a=ice-ufrag:x"}}"#;
    let answer = MediaEvent::Answer { peer: ANA, sdp: "m=audio".to_owned() };
    // An answer to nothing is passed over.
    session.handle_media(now, &answer);
    assert!(session.poll_output().is_none());

    for _ in 0..2 {
        session.handle_text(now, select);
        let Some(Output::Command(MediaCommand::SelectWebRtc { offer, announce, .. })) =
            session.poll_output()
        else {
            panic!()
        };
        assert_eq!((offer.as_str(), announce.port()), ("a=ice-ufrag:x", 50_000));
        assert!(session.poll_output().is_none());
        session.handle_media(now, &answer);

        let frames = frames(&mut session);
        // Silent Ben is named by op 12, Cai who speaks by op 5 too.
        assert_eq!(ops(&frames), [4, 12, 5, 12]);
        let sdp = frames[0]["d"]["sdp"].as_str().unwrap();
        assert!(sdp.starts_with("m=audio\na=candidate:2 1 TCP "), "{sdp}");
        assert_eq!(frames[0]["d"]["dave_protocol_version"], 0);
        assert_eq!(frames[1]["d"]["user_id"], "2");
        assert_eq!(frames[1]["d"]["audio_ssrc"], 64);
        assert_eq!(frames[2]["d"], json!({ "user_id": "3", "ssrc": 96, "speaking": 1 }));
        assert_eq!(
            (&frames[3]["d"]["user_id"], &frames[3]["d"]["audio_ssrc"]),
            (&json!("3"), &json!(96))
        );
    }
}

#[test]
fn a_refusal_of_the_media_wing_names_its_close_code() {
    for (reason, code) in [
        (Refusal::OfferUnusable, CloseCode::BadRequest),
        (Refusal::OfferTooLarge, CloseCode::BadRequest),
        (Refusal::Full, CloseCode::ServerNotFound),
        (Refusal::UnknownPeer, CloseCode::SessionNoLongerValid),
    ] {
        let now = Instant::now();
        let mut session = admitted(now, "v=8", vec![]);

        session.handle_media(now, &MediaEvent::Refused { peer: ANA, reason });

        assert_eq!(closed(&mut session), code);
    }
}

#[test]
fn those_who_are_there_are_named_after_ready_and_their_speaking_after_the_description() {
    let now = Instant::now();
    let mut session = greeted(now, "v=8");
    session.handle_text(now, &identify());
    let Some(Output::Identify(identify)) = session.poll_output() else { panic!() };
    let admission = admission(vec![ben(), cai()]);

    session.admit(now, &identify, admission);
    // Dan comes and goes before the media wing has our peer.
    let dan = Other { user: UserId::new(4), ssrc: 128, speaking: None, tracks: Tracks::default() };
    session.handle_news(News::Is(dan.clone()));
    session.handle_news(News::Left(dan.user));
    assert!(session.poll_output().is_none());
    session.handle_media(now, &JOINED);
    let first = frames(&mut session);
    // Ben speaks before our transport is chosen: it is kept for later.
    session.handle_news(News::Is(Other { speaking: Some(5), ..ben() }));
    let between = frames(&mut session);
    session.key_drawn(EncryptionMode::Aes256Gcm, SessionKey::new([7; 32]));
    assert!(matches!(session.poll_output(), Some(Output::Command(_))));
    let last = frames(&mut session);

    assert_eq!(ops(&first), [2, 11]);
    assert_eq!(first[1]["d"], json!({ "user_ids": ["2", "3"] }));
    assert!(between.is_empty());
    assert_eq!(ops(&last), [4, 5, 5]);
    assert_eq!(last[1]["d"], json!({ "user_id": "2", "ssrc": 64, "speaking": 5 }));
}

#[test]
fn comings_speaking_and_goings_are_told_as_they_happen() {
    let now = Instant::now();
    let mut session = described(now, "v=8", vec![]);

    session.handle_news(News::Is(ben()));
    session.handle_news(News::Is(Other { speaking: Some(1), ..ben() }));
    session.handle_news(News::Video(ben()));
    session.handle_news(News::Left(BEN));
    // Whoever is not there cannot leave, nor have SSRCs.
    session.handle_news(News::Left(BEN));
    session.handle_news(News::Video(ben()));

    let frames = frames(&mut session);
    assert_eq!(ops(&frames), [11, 5, 12, 13]);
    assert_eq!(frames[0]["d"], json!({ "user_ids": ["2"] }));
    assert_eq!(frames[1]["d"], json!({ "user_id": "2", "ssrc": 64, "speaking": 1 }));
    assert_eq!(frames[3]["d"], json!({ "user_id": "2" }));
}

#[test]
fn version_eight_numbers_what_it_keeps_and_the_others_do_not() {
    let now = Instant::now();
    for (query, numbered) in [("v=8", true), ("v=9", true), ("v=7", false), ("", false)] {
        let mut session = described(now, query, vec![]);

        session.handle_news(News::Is(ben()));
        session.handle_news(News::Left(BEN));

        let seqs: Vec<_> =
            frames(&mut session).iter().map(|frame| frame.get("seq").cloned()).collect();
        let expected =
            if numbered { vec![Some(json!(2)), Some(json!(3))] } else { vec![None, None] };
        assert_eq!(seqs, expected, "{query}");
    }
}

#[test]
fn a_resumed_client_is_sent_what_it_missed_and_then_resumed() {
    let now = Instant::now();
    let mut session = described(now, "v=8", vec![]);
    session.handle_news(News::Is(ben()));
    frames(&mut session);
    session.detached(now, RESUME_WINDOW);
    session.handle_news(News::Is(Other { speaking: Some(1), ..ben() }));
    session.handle_news(News::Left(BEN));
    assert!(session.poll_output().is_none());

    // Op 4 and op 11 were heard, or op 4 alone.
    for (heard, expected) in [(2, vec![5, 13, 9]), (1, vec![11, 5, 13, 9])] {
        session.attached(now, version("v=8"), heard);

        assert_eq!(ops(&frames(&mut session)), expected);
    }
}

#[test]
fn what_was_acknowledged_is_not_kept() {
    let now = Instant::now();
    let mut session = described(now, "v=8", vec![]);
    session.handle_news(News::Is(ben()));
    session.handle_text(now, r#"{"op":3,"d":{"t":1,"seq_ack":2}}"#);
    frames(&mut session);

    session.attached(now, version("v=8"), 1);

    assert_eq!(closed(&mut session), CloseCode::SessionNoLongerValid);
}

#[test]
fn before_version_eight_a_resumed_client_is_told_how_it_stands() {
    let now = Instant::now();
    let mut session = described(now, "v=4", vec![cai()]);
    session.detached(now, RESUME_WINDOW);
    session.handle_news(News::Is(Other { speaking: Some(1), ..ben() }));
    assert!(session.poll_output().is_none());

    session.attached(now, version("v=4"), 0);

    let frames = frames(&mut session);
    assert_eq!(ops(&frames), [9, 5, 5]);
    assert_eq!(frames[0], json!({ "op": 9, "d": null }));
}

#[test]
fn messages_of_user_clients_are_taken() {
    let now = Instant::now();
    let mut session = described(now, "", vec![]);

    for op in [14, 18, 20] {
        session.handle_text(now, &json!({ "op": op, "d": {} }).to_string());
    }
    assert!(session.poll_output().is_none());
    session.handle_text(now, r#"{"op":16,"d":{}}"#);
    let frames = frames(&mut session);
    session.handle_text(now, r#"{"op":12,"d":{"audio_ssrc":1,"video_ssrc":2}}"#);

    assert_eq!(
        frames,
        [json!({ "op": 16, "d": { "voice": "guildhall", "rtc_worker": "guildhall" } })]
    );
    assert!(matches!(
        session.poll_output(),
        Some(Output::Video(Tracks { camera: true, screen: false }))
    ));
}

#[test]
fn no_output_shows_a_token() {
    let now = Instant::now();
    let mut session = greeted(now, "v=8");
    session.handle_text(now, &identify().replace("\"t\"", "\"hush\""));

    let output = session.poll_output();

    assert!(matches!(output, Some(Output::Identify(_))));
    assert!(!format!("{output:?}").contains("hush"));
}

proptest::proptest! {
    #[test]
    fn whatever_a_client_sends_there_is_one_close_at_most_and_nothing_after_it(
        texts in proptest::collection::vec("(\\{\"op\":[0-9]{1,2},\"d\":(\\{\\}|null|[0-9])\\}|\\PC{0,20})", 0..20),
    ) {
        let now = Instant::now();
        let mut session = described(now, "v=8", vec![ben()]);
        for text in texts {
            session.handle_text(now, &text);
        }

        let mut closes = 0;
        while let Some(output) = session.poll_output() {
            proptest::prop_assert_eq!(closes, 0);
            closes += u32::from(matches!(output, Output::Close(_)));
        }
        proptest::prop_assert!(closes <= 1);
    }
}

#[test]
fn who_shows_something_is_named_with_every_stream_that_others_can_see() {
    let now = Instant::now();
    let shows = Other { tracks: Tracks { camera: true, screen: true }, ..cai() };
    let mut session = admitted(now, "v=8", vec![shows]);
    session.offer(Secret("offer".to_owned()));
    session.poll_output();
    session.handle_media(now, &MediaEvent::Answer { peer: ANA, sdp: "answer".to_owned() });

    let frames = frames(&mut session);
    assert_eq!(ops(&frames), [4, 5, 12]);
    let video = &frames[2]["d"];
    assert_eq!((&video["video_ssrc"], &video["rtx_ssrc"]), (&json!(97), &json!(98)));
    let streams: Vec<_> = video["streams"].as_array().unwrap().iter().collect();
    let named = |index: usize| (&streams[index]["type"], &streams[index]["ssrc"]);
    assert_eq!(named(0), (&json!("video"), &json!(97)));
    assert_eq!(named(1), (&json!("screen"), &json!(99)));
    assert_eq!(named(2), (&json!("audio"), &json!(101)));
}

#[test]
fn wants_go_to_the_media_wing_and_what_is_wanted_comes_back() {
    let now = Instant::now();
    let mut session = described(now, "v=8", vec![]);

    session.handle_text(now, r#"{"op":15,"d":{"any":0,"97":100}}"#);
    let Some(Output::Command(MediaCommand::Want { peer, wants })) = session.poll_output() else {
        panic!()
    };
    assert_eq!((peer, wants.of(97), wants.of(99)), (ANA, 100, 0));

    session.handle_media(now, &MediaEvent::Wanted { peer: ANA, camera: 50, screen: 0 });
    let frames = frames(&mut session);
    assert_eq!(frames[0]["op"], 15);
    assert_eq!(frames[0]["d"], json!({ "any": 0, "33": 50, "35": 0 }));
}

//! webrtc-rs, a WebRTC library that shares no code with the server, as a browser in its calls.

#[path = "support/browser.rs"]
mod browser;
mod support;

use std::time::Duration;

use browser::Browser;
use browser::Way;
use support::Instance;
use support::udp::UdpBot;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// A voice channel (Discord: Channel Types).
const VOICE: u8 = 2;
/// Longer than a packet on loopback takes, however busy the machine is.
const SOON: Duration = Duration::from_secs(5);
/// Long enough for a packet that was sent to arrive.
const SILENCE: Duration = Duration::from_millis(300);

/// An Opus frame that names its number: 20 ms of CELT in stereo, whose content nobody decodes.
fn frame(number: u8) -> Vec<u8> {
    [&[0xFC, number], &[0x55; 40][..]].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_browsers_and_a_bot_hear_every_packet_of_each_other_and_how_loud_it_is() {
    let instance = Instance::open().await;
    let channel = instance.channel("Hall", VOICE).await;
    let (_, dan) = instance.bot("dan").await;
    let (_, ben) = instance.bot("ben").await;
    let (_, cai) = instance.bot("cai").await;
    let mut dan = Browser::enter(&instance, &dan, &channel).await;
    let mut ben = Browser::enter(&instance, &ben, &channel).await;
    let mut cai = UdpBot::enter(&instance, &cai, &channel).await;
    let [from_dan, from_ben, from_cai] = [&dan.voice, &ben.voice, &cai.voice].map(|v| v.ssrc());
    for ssrc in [from_ben, from_cai] {
        dan.expect(ssrc).await;
    }
    for ssrc in [from_dan, from_cai] {
        ben.expect(ssrc).await;
    }

    for number in 0..50 {
        dan.say(&frame(number), 20).await;
        // One after another: in a burst, packets past the rate of one microphone are dropped.
        let by_ben = ben.hear(SOON).await.expect("dan was heard");
        let by_cai = cai.hear(SOON).await.expect("dan was heard");
        assert_eq!((by_ben.ssrc, by_ben.level), (from_dan, Some(20)));
        assert_eq!((&by_ben.payload, by_cai.ssrc), (&frame(number), from_dan));
        assert_eq!(by_cai.payload, frame(number));

        ben.say(&frame(number), 70).await;
        let by_dan = dan.hear(SOON).await.expect("ben was heard");
        assert_eq!((by_dan.ssrc, by_dan.level), (from_ben, Some(70)));
        assert_eq!(by_dan.payload, frame(number));
        assert_eq!(cai.hear(SOON).await.expect("ben was heard").ssrc, from_ben);

        cai.say(&frame(number)).await;
        let by_dan = dan.hear(SOON).await.expect("cai was heard");
        // What a bot seals tells no level.
        assert_eq!((by_dan.ssrc, by_dan.level), (from_cai, None));
        assert_eq!(by_dan.payload, frame(number));
        assert_eq!(ben.hear(SOON).await.expect("cai was heard").ssrc, from_cai);
    }

    // Nothing came twice, and nobody hears themselves.
    assert_eq!(dan.hear(SILENCE).await, None);
    assert_eq!((ben.hear(SILENCE).await, cai.hear(SILENCE).await), (None, None));
    instance.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_is_said_to_be_gone_and_heard_no_more() {
    let instance = Instance::open().await;
    let channel = instance.channel("Hall", VOICE).await;
    let (_, ben) = instance.bot("ben").await;
    let (dan_id, dan) = instance.bot("dan").await;
    let mut ben = Browser::enter(&instance, &ben, &channel).await;
    let mut dan = Browser::enter(&instance, &dan, &channel).await;
    ben.expect(dan.voice.ssrc()).await;
    dan.say(&frame(1), 20).await;
    assert_eq!(ben.hear(SOON).await.expect("dan was heard").payload, frame(1));

    dan.voice.gateway.leave(&instance.guild).await;
    let gone = ben.voice.wire.op(13).await;
    dan.say(&frame(2), 20).await;

    assert_eq!(gone["user_id"], dan_id.as_str());
    assert_eq!(ben.hear(SILENCE).await, None);
    dan.close().await;
    instance.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_whose_network_has_no_udp_is_in_the_call_over_tcp() {
    let instance = Instance::open().await;
    let channel = instance.channel("Hall", VOICE).await;
    let (_, ben) = instance.bot("ben").await;
    let (_, dan) = instance.bot("dan").await;
    let (_, eva) = instance.bot("eva").await;
    let mut ben = Browser::enter(&instance, &ben, &channel).await;
    let mut dan = Browser::enter_by(&instance, &dan, &channel, Way::Tcp).await;
    let mut eva = Browser::enter_by(&instance, &eva, &channel, Way::Tcp).await;
    let [from_ben, from_dan] = [&ben.voice, &dan.voice].map(|voice| voice.ssrc());
    ben.expect(from_dan).await;
    dan.expect(from_ben).await;
    for ssrc in [from_ben, from_dan] {
        eva.expect(ssrc).await;
    }

    for number in 0..50 {
        dan.say(&frame(number), 20).await;
        for hearer in [&mut ben, &mut eva] {
            let heard = hearer.hear(SOON).await.expect("dan was heard");
            assert_eq!((heard.ssrc, &heard.payload), (from_dan, &frame(number)));
        }
        ben.say(&frame(number), 20).await;
        for hearer in [&mut dan, &mut eva] {
            let heard = hearer.hear(SOON).await.expect("ben was heard");
            assert_eq!((heard.ssrc, &heard.payload), (from_ben, &frame(number)));
        }
    }

    instance.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_no_peers_is_told_nothing_and_closed() {
    let instance = Instance::open().await;
    let stun = include_bytes!("../media/tests/data/rfc/rfc5769-2.1-request.bin");
    let framed = |datagram: &[u8]| [&(datagram.len() as u16).to_be_bytes(), datagram].concat();

    // A check that names nobody here, and behind it a frame that is none.
    let mut stream = TcpStream::connect(instance.running.address).await.expect("open");
    stream.write_all(&framed(stun)).await.expect("sent");
    stream.write_all(&[0xFF; 2]).await.expect("sent");
    let mut told = Vec::new();
    let _ = tokio::time::timeout(SOON, stream.read_to_end(&mut told)).await.expect("closed");
    assert_eq!(told, b"");

    // What begins like media and is not.
    let mut stream = TcpStream::connect(instance.running.address).await.expect("open");
    stream.write_all(&framed(&[0; 40])).await.expect("sent");
    let _ = tokio::time::timeout(SOON, stream.read_to_end(&mut told)).await.expect("closed");
    assert_eq!(told, b"");
    instance.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_begins_ice_anew_keeps_its_place_and_its_keys() {
    let instance = Instance::open().await;
    let channel = instance.channel("Hall", VOICE).await;
    let (_, ben) = instance.bot("ben").await;
    let (_, dan) = instance.bot("dan").await;
    let mut ben = Browser::enter(&instance, &ben, &channel).await;
    let mut dan = Browser::enter(&instance, &dan, &channel).await;
    let [from_ben, from_dan] = [&ben.voice, &dan.voice].map(|voice| voice.ssrc());
    ben.expect(from_dan).await;
    dan.expect(from_ben).await;
    dan.say(&frame(1), 20).await;
    assert_eq!(ben.hear(SOON).await.expect("dan was heard").payload, frame(1));

    for round in 0..3 {
        let before = dan.fragment.clone();
        dan.restart_ice().await;
        assert_ne!(dan.fragment, before, "there are new credentials");

        // By whichever path it is: both are good until the former one is given up.
        let (mut by_ben, mut by_dan) = (0, 0);
        for number in (0..=u8::MAX).cycle().take(1_000) {
            dan.say(&frame(number), 20).await;
            by_ben += u32::from(ben.hear(Duration::from_millis(20)).await.is_some());
            ben.say(&frame(number), 20).await;
            by_dan += u32::from(dan.hear(Duration::from_millis(20)).await.is_some());
            if by_ben >= 50 && by_dan >= 50 {
                break;
            }
        }
        assert!(by_ben >= 50 && by_dan >= 50, "after restart {round}: {by_ben}, {by_dan}");
    }

    dan.voice.wire.send(serde_json::json!({ "op": 3, "d": { "t": 1, "seq_ack": 0 } })).await;
    assert_eq!(dan.voice.wire.op(6).await["t"], 1, "its voice session is the same");
    instance.running.stop().await;
}

//! WHIP and WHEP from outside: status codes, headers, and who is in the call, with a media wing that
//! answers as the test says.
#![allow(clippy::disallowed_methods, reason = "tests are shells")]

use crate::support::Api;
use crate::support::Ask;
use crate::support::Person;
use crate::support::Place;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use model::media::Grants;
use model::media::LeaveReason;
use model::media::MediaCommand;
use model::media::MediaEvent;
use model::media::PeerId;
use model::media::Refusal;
use model::wire::guild::Permissions;
use serde_json::Value;
use serde_json::json;
use signaling::voice::VoiceRequest;

const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// As OBS offers: audio and video, both to be sent.
const OFFER: &str = "v=0\r\no=rtc 1 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
    a=ice-ufrag:9WZo\r\na=ice-pwd:vcfFowC3gQI1KHu0Fm5ZTXum\r\na=setup:actpass\r\n\
    a=fingerprint:sha-256 71:20:4C\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\n\
    a=rtpmap:111 opus/48000/2\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=sendonly\r\na=rtpmap:96 H264/90000\r\n";
const ANSWER: &str = "m=audio 50000 ICE/SDP\na=fingerprint:sha-256 AB\nc=IN IP4 192.0.2.200\n\
    a=ice-ufrag:ours\na=ice-pwd:secret\na=candidate:1 1 UDP 1 192.0.2.200 50000 typ host\n\
    a=rtpmap:111 opus/48000/2";
/// As a player trickles.
const TRICKLE: &str = "a=ice-ufrag:9WZo\r\na=ice-pwd:vcfFowC3gQI1KHu0Fm5ZTXum\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n\
    a=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\n";

/// A guild of Ana's with Ben in it.
struct Hall {
    api: Api,
    ana: Person,
    ben: Person,
    place: Place,
}

/// What an endpoint answered.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }
}

impl Hall {
    async fn open() -> Self {
        let api = Api::new().await;
        let (ana, ben) = (api.register("ana").await, api.register("ben").await);
        let place = api.guild(&ana, "Harbour").await;
        api.join(&ana, &place, &ben).await;
        Self { api, ana, ben, place }
    }

    fn ask(&self, method: &str, path: &str, token: &str) -> Ask {
        self.api.ask_outside(method, path).token(&format!("Bearer {token}"))
    }

    /// Posts an offer; the media wing answers it so.
    async fn post_with(&self, ask: Ask, answer: impl Fn(PeerId) -> MediaEvent) -> Answer {
        let before = self.told().len();
        let media = async {
            loop {
                let told = self.told();
                if let Some(MediaCommand::SelectWebRtc { peer, .. }) = told
                    .iter()
                    .skip(before)
                    .find(|command| matches!(command, MediaCommand::SelectWebRtc { .. }))
                {
                    self.says(answer(*peer)).await;
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        let asked = async {
            let (status, headers, bytes) = ask.send_for_bytes().await;
            Answer { status, headers, text: String::from_utf8(bytes.to_vec()).expect("text") }
        };
        tokio::pin!(asked);
        tokio::select! {
            answer = &mut asked => answer,
            () = media => asked.await,
        }
    }

    async fn post(&self, path: &str, token: &str, offer: &str) -> Answer {
        let ask = self.ask("POST", path, token).body(SDP, offer.to_owned());
        self.post_with(ask, |peer| MediaEvent::Answer { peer, sdp: ANSWER.to_owned() }).await
    }

    async fn publish(&self, person: &Person) -> Answer {
        self.post(&format!("/whip/{}", self.place.voice), &person.token, OFFER).await
    }

    fn told(&self) -> Vec<MediaCommand> {
        self.api.behind.media.commands.lock().unwrap().clone()
    }

    async fn says(&self, event: MediaEvent) {
        self.api.behind.media_events.send(event).await.expect("the watch listens");
    }

    /// Someone's voice state as Ana sees it.
    async fn state(&self, person: &Person) -> Option<Value> {
        let path = format!("/guilds/{}/voice-states/{}", self.place.guild, person.id);
        let answer = self.ana.ask(&self.api, "GET", &path).send().await;
        (answer.status == 200).then_some(answer.body)
    }

    /// Denies permission bits to everyone in the voice channel.
    async fn deny(&self, bits: u64) {
        let path = format!("/channels/{}/permissions/{}", self.place.voice, self.place.guild);
        let overwrite = json!({ "type": 0, "allow": "0", "deny": bits.to_string() });
        let answer = self.ana.ask(&self.api, "PUT", &path).json(&overwrite).send().await;
        assert_eq!(answer.status, 204);
    }

    /// Waits until a session is over: its URL is forgotten.
    async fn until_gone(&self, url: &str, person: &Person) {
        loop {
            let ask = self.ask("PATCH", url, &person.token).body(FRAGMENT, TRICKLE);
            if ask.header("if-match", "*").send_for_bytes().await.0 == 404 {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}

const CONNECT: u64 = 1 << 20;
const SPEAK: u64 = 1 << 21;

#[tokio::test]
async fn a_publisher_is_answered_seen_in_the_call_and_gone_when_it_deletes() {
    let hall = Hall::open().await;

    let answer = hall.publish(&hall.ben).await;

    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.header("content-type"), SDP);
    let url = answer.header("location");
    assert!(url.starts_with(&format!("/whip/{}/", hall.place.voice)), "{url}");
    let tag = answer.header("etag");
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2, "{tag}");
    assert_eq!(answer.header("accept-patch"), FRAGMENT);
    assert!(answer.headers.get("link").is_none(), "there is no ICE server");
    for line in
        ["m=audio 50000 UDP/TLS/RTP/SAVPF 111", "a=setup:passive", "a=recvonly", "m=video 0 "]
    {
        assert!(answer.text.contains(line), "{}", answer.text);
    }
    let told = hall.told();
    let [
        MediaCommand::Join { peer, user, grants, .. },
        MediaCommand::SelectWebRtc { offer, announce, .. },
    ] = &told[..]
    else {
        panic!("{told:?}")
    };
    assert_eq!(user.to_string(), hall.ben.id);
    assert_eq!(*grants, Grants { speak: true, hear: false });
    assert!(offer.contains("a=ice-ufrag:9WZo") && offer.contains("a=content:slides"), "{offer}");
    assert_eq!(announce.to_string(), "192.0.2.200:50000");
    let state = hall.state(&hall.ben).await.expect("in the call");
    assert_eq!(
        (&state["channel_id"], &state["self_deaf"]),
        (&json!(hall.place.voice), &json!(true))
    );
    assert_eq!((&state["self_mute"], &state["suppress"]), (&json!(false), &json!(false)));

    let (status, ..) = hall.ask("DELETE", url, &hall.ben.token).send_for_bytes().await;

    assert_eq!(status, 200);
    assert_eq!(hall.state(&hall.ben).await, None);
    let Some(MediaCommand::Leave { peer: left }) = hall.told().pop() else { panic!() };
    assert_eq!(left, *peer);
    let (status, ..) = hall.ask("DELETE", url, &hall.ben.token).send_for_bytes().await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_publisher_s_pictures_are_its_shared_screen_if_it_may_show_one() {
    let hall = Hall::open().await;
    let ask = || {
        let path = format!("/whip/{}", hall.place.voice);
        hall.ask("POST", &path, &hall.ben.token).body(SDP, OFFER.to_owned())
    };
    let sdp = format!("{ANSWER}\na=rtpmap:96 H264/90000");
    let takes = |peer| MediaEvent::Answer { peer, sdp: sdp.clone() };

    let answer = hall.post_with(ask(), takes).await;

    assert_eq!(answer.status, 201, "{}", answer.text);
    assert!(answer.text.contains("m=video 50000 UDP/TLS/RTP/SAVPF 96\r\n"), "{}", answer.text);
    assert_eq!(hall.state(&hall.ben).await.expect("in the call")["self_stream"], true);
    let shown = |told: &[MediaCommand]| {
        told.iter().any(|one| matches!(one, MediaCommand::Publish { tracks, .. } if tracks.screen))
    };
    assert!(shown(&hall.told()));
    let (status, ..) =
        hall.ask("DELETE", answer.header("location"), &hall.ben.token).send_for_bytes().await;
    assert_eq!(status, 200);

    hall.deny(Permissions::STREAM.bits()).await;
    hall.api.behind.media.commands.lock().unwrap().clear();
    let answer = hall.post_with(ask(), takes).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert!(answer.text.contains("m=video 0 "), "{}", answer.text);
    assert!(!shown(&hall.told()));
}

#[tokio::test]
async fn a_listener_hears_on_as_many_streams_as_it_offered_and_never_speaks() {
    let hall = Hall::open().await;
    let section = |mid: u32| {
        format!(
            "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:{mid}\r\na=recvonly\r\na=rtpmap:111 opus/48000/2\r\n"
        )
    };
    let head = OFFER.split("m=").next().unwrap();
    let offer = format!("{head}{}{}", section(0), section(1));

    let answer = hall.post(&format!("/whep/{}", hall.place.voice), &hall.ben.token, &offer).await;

    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.text.matches("a=sendonly").count(), 2, "{}", answer.text);
    let told = hall.told();
    let MediaCommand::Join { peer, ssrc, grants, .. } = told[0] else { panic!("{told:?}") };
    assert_eq!(grants, Grants { speak: false, hear: true });
    assert!(matches!(told[1], MediaCommand::Funnel { streams: 2, .. }), "{told:?}");
    for ssrc in [ssrc, ssrc + 1] {
        assert!(answer.text.contains(&format!("a=ssrc:{ssrc} cname")), "{}", answer.text);
    }
    assert_eq!(hall.state(&hall.ben).await.expect("seen")["self_mute"], true);

    // Whatever a moderator does: a listener's packets go nowhere.
    let path = format!("/guilds/{}/members/{}", hall.place.guild, hall.ben.id);
    for deaf in [true, false] {
        let patch = json!({ "deaf": deaf });
        let answer = hall.ana.ask(&hall.api, "PATCH", &path).json(&patch).send().await;
        assert_eq!(answer.status, 200);
    }
    let updates = || {
        let told = hall.told();
        let updates = told.into_iter().filter_map(|command| match command {
            MediaCommand::Update { grants, peer: of } if of == peer => Some(grants),
            _ => None,
        });
        updates.collect::<Vec<_>>()
    };
    while updates().len() < 2 {
        tokio::task::yield_now().await;
    }
    let nothing = Grants { speak: false, hear: false };
    assert_eq!(updates(), [nothing, Grants { speak: false, hear: true }]);
}

#[tokio::test]
async fn who_has_no_token_of_ours_is_told_that_one_is_needed() {
    let hall = Hall::open().await;
    let path = format!("/whip/{}", hall.place.voice);

    for token in ["", "Bearer ", "Bearer nonsense", "Bearer a.b.c"] {
        let ask = hall.api.ask_outside("POST", &path).token(token).body(SDP, OFFER);
        let (status, headers, _) = ask.send_for_bytes().await;
        assert_eq!(status, 401, "{token}");
        assert!(headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"), "{token}");
    }
    assert!(hall.told().is_empty());
}

#[tokio::test]
async fn permissions_are_those_of_everyone_who_joins() {
    let hall = Hall::open().await;
    let whep = format!("/whep/{}", hall.place.voice);
    let listening = OFFER.replace("sendonly", "recvonly");

    hall.deny(SPEAK).await;
    assert_eq!(hall.publish(&hall.ben).await.status, 403);
    let heard = hall.post(&whep, &hall.ben.token, &listening).await;
    assert_eq!(heard.status, 201, "{}", heard.text);

    hall.deny(CONNECT).await;
    // Who was there is gone, and nobody comes back.
    hall.until_gone(heard.header("location"), &hall.ben).await;
    assert_eq!(hall.state(&hall.ben).await, None);
    assert_eq!(hall.publish(&hall.ben).await.status, 403);
    assert_eq!(hall.post(&whep, &hall.ben.token, &listening).await.status, 403);
    assert_eq!(hall.publish(&hall.ana).await.status, 201, "the owner may");

    let stranger = hall.api.register("cai").await;
    assert_eq!(hall.publish(&stranger).await.status, 403);
    let nowhere = hall.post("/whip/1", &hall.ana.token, OFFER).await;
    assert_eq!(nowhere.status, 404);
    let text = hall.post(&format!("/whip/{}", hall.place.text), &hall.ana.token, OFFER).await;
    assert_eq!(text.status, 400);
}

#[tokio::test]
async fn what_is_no_usable_offer_is_refused_by_what_is_wrong_with_it() {
    let hall = Hall::open().await;
    let path = format!("/whip/{}", hall.place.voice);
    let send = |media_type: &str, body: String| {
        hall.ask("POST", &path, &hall.ben.token).body(media_type, body).send()
    };

    assert_eq!(send("application/json", OFFER.to_owned()).await.status, 415);
    assert_eq!(send("application/sdp; charset=utf-8", "v=1".to_owned()).await.status, 400);
    assert_eq!(send(SDP, "v=0\r\n".repeat(20_000)).await.status, 413);
    assert_eq!(send(SDP, OFFER.replace("opus", "speex")).await.status, 400);
    assert_eq!(send(SDP, OFFER.replace("sendonly", "recvonly")).await.status, 400);
    assert_eq!(send(SDP, OFFER.replace("a=ice-pwd", "a=pwd")).await.status, 400);
    assert!(hall.told().is_empty(), "nobody joined");
    assert_eq!(hall.state(&hall.ben).await, None);
}

#[tokio::test]
async fn what_the_media_wing_refuses_leaves_nothing_behind() {
    let mut hall = Hall::open().await;
    let path = format!("/whip/{}", hall.place.voice);
    for (reason, status) in
        [(Refusal::Full, 503), (Refusal::OfferUnusable, 400), (Refusal::OfferTooLarge, 413)]
    {
        let ask = hall.ask("POST", &path, &hall.ben.token).body(SDP, OFFER);

        let answer = hall.post_with(ask, |peer| MediaEvent::Refused { peer, reason }).await;

        assert_eq!(answer.status, status, "{reason}");
        assert_eq!(answer.headers.contains_key("retry-after"), status == 503);
        assert_eq!(hall.state(&hall.ben).await, None, "{reason}");
        assert!(matches!(hall.told().pop(), Some(MediaCommand::Leave { .. })), "{reason}");
    }
    hall.api.forget_limits();
    assert_eq!(hall.publish(&hall.ben).await.status, 201);
}

#[tokio::test]
async fn candidates_are_taken_note_of_and_an_ice_restart_is_not_done() {
    let hall = Hall::open().await;
    let answer = hall.publish(&hall.ben).await;
    let (url, tag) = (answer.header("location"), answer.header("etag"));
    let patch = |media_type: &str, body: &str| {
        hall.ask("PATCH", url, &hall.ben.token).body(media_type, body.to_owned())
    };
    let status = async |ask: Ask| ask.send_for_bytes().await.0.as_u16();

    assert_eq!(status(patch(FRAGMENT, TRICKLE).header("if-match", tag)).await, 204);
    assert_eq!(status(patch(FRAGMENT, TRICKLE)).await, 428);
    assert_eq!(status(patch(FRAGMENT, TRICKLE).header("if-match", "\"other\"")).await, 412);
    assert_eq!(status(patch(SDP, TRICKLE).header("if-match", tag)).await, 415);
    assert_eq!(status(patch(FRAGMENT, "hello").header("if-match", tag)).await, 400);
    let restart = TRICKLE.replace("9WZo", "Anew");
    assert_eq!(status(patch(FRAGMENT, &restart).header("if-match", "*")).await, 422);

    // It is Ben's alone, and of WHIP.
    let others = hall.ask("DELETE", url, &hall.ana.token);
    assert_eq!(status(others).await, 404);
    let other_kind = hall.ask("DELETE", &url.replace("whip", "whep"), &hall.ben.token);
    assert_eq!(status(other_kind).await, 404);
    assert_eq!(status(hall.api.ask_outside("DELETE", url)).await, 401);
    assert!(hall.state(&hall.ben).await.is_some(), "it goes on");
}

#[tokio::test]
async fn a_page_of_any_origin_may_ask_and_read_what_it_needs() {
    let hall = Hall::open().await;
    let path = format!("/whep/{}", hall.place.voice);

    let preflight = hall
        .api
        .ask_outside("OPTIONS", &path)
        .header("origin", "https://player.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type");
    let (status, headers, _) = preflight.send_for_bytes().await;

    assert_eq!(status, 200);
    assert_eq!(headers["access-control-allow-origin"], "https://player.example");
    assert_eq!(headers["access-control-allow-headers"], "authorization,content-type");
    assert_eq!(headers["accept-post"], SDP);
    let ask = hall
        .ask("POST", &path, &hall.ben.token)
        .header("origin", "https://player.example")
        .body(SDP, OFFER.replace("sendonly", "recvonly"));
    let answer =
        hall.post_with(ask, |peer| MediaEvent::Answer { peer, sdp: ANSWER.to_owned() }).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("access-control-allow-origin"), "https://player.example");
    let exposed = answer.header("access-control-expose-headers");
    assert!(["location", "etag", "link"].iter().all(|name| exposed.contains(name)), "{exposed}");
    for method in ["GET", "PUT", "PATCH"] {
        let (status, ..) = hall.ask(method, &path, &hall.ben.token).send_for_bytes().await;
        assert_eq!(status, 405, "{method}");
    }
}

#[tokio::test]
async fn a_second_session_of_an_account_takes_the_place_of_the_first() {
    let hall = Hall::open().await;
    let first = hall.publish(&hall.ben).await;

    let second = hall.publish(&hall.ben).await;

    assert_eq!(second.status, 201);
    hall.until_gone(first.header("location"), &hall.ben).await;
    assert!(hall.state(&hall.ben).await.is_some());
    let url = second.header("location");
    assert_eq!(hall.ask("DELETE", url, &hall.ben.token).send_for_bytes().await.0, 200);
    assert_eq!(hall.state(&hall.ben).await, None);
}

#[tokio::test]
async fn who_goes_into_a_call_streams_on() {
    let hall = Hall::open().await;
    hall.publish(&hall.ben).await;
    let opened = json!({ "recipient_id": hall.ben.id });
    let pair = hall.ana.ask(&hall.api, "POST", "/users/@me/channels").json(&opened).send().await;
    let channel = pair.body["id"].as_str().expect("an id").parse().expect("an id");

    let request = VoiceRequest {
        user: hall.ben.id.parse().expect("an id"),
        session: "telephone".to_owned(),
        guild: None,
        channel: Some(channel),
        self_mute: false,
        self_deaf: false,
        self_video: false,
        host: "hall.example".to_owned(),
    };
    hall.api.parts.calls.request(request).await.expect("allowed");

    let call = hall.api.parts.store.call_in(channel).expect("a call");
    assert_eq!(call.voice.len(), 1);
    assert!(hall.state(&hall.ben).await.is_some());
}

#[tokio::test]
async fn players_of_one_account_share_its_voice_state_and_none_outlives_it() {
    let hall = Hall::open().await;
    let (_, key) = hall.key(&hall.ben, "listen").await;
    let whep = format!("/whep/{}", hall.place.voice);
    let offer = OFFER.replace("sendonly", "recvonly");
    let mut urls = Vec::new();
    for _ in 0..3 {
        let answer = hall.post(&whep, &key, &offer).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        urls.push(answer.header("location").to_owned());
    }
    let left = || {
        let told = hall.told();
        told.iter().filter(|one| matches!(one, MediaCommand::Leave { .. })).count()
    };
    assert_eq!(left(), 0, "all three listen");

    // The first leaves, then the one that came to stand for it.
    for (gone, url) in (1..).zip(&urls[..2]) {
        assert_eq!(hall.ask("DELETE", url, &key).send_for_bytes().await.0, 200);
        assert_eq!(left(), gone);
        assert!(hall.state(&hall.ben).await.is_some(), "somebody still listens");
    }
    assert_eq!(hall.ask("DELETE", &urls[2], &key).send_for_bytes().await.0, 200);
    assert_eq!(hall.state(&hall.ben).await, None);

    // Whoever ends the voice state ends them all.
    let mut urls = Vec::new();
    for _ in 0..2 {
        urls.push(hall.post(&whep, &key, &offer).await.header("location").to_owned());
    }
    let path = format!("/guilds/{}/members/{}", hall.place.guild, hall.ben.id);
    let kick = json!({ "channel_id": null });
    assert_eq!(hall.ana.ask(&hall.api, "PATCH", &path).json(&kick).send().await.status, 200);
    for url in &urls {
        hall.until_gone(url, &hall.ben).await;
    }
    assert_eq!(left(), 5);
    assert_eq!(hall.state(&hall.ben).await, None);
}

#[tokio::test]
async fn a_moderator_ends_a_stream_as_they_end_a_call() {
    let hall = Hall::open().await;
    let answer = hall.publish(&hall.ben).await;
    let path = format!("/guilds/{}/members/{}", hall.place.guild, hall.ben.id);

    let kick = json!({ "channel_id": null });
    assert_eq!(hall.ana.ask(&hall.api, "PATCH", &path).json(&kick).send().await.status, 200);

    hall.until_gone(answer.header("location"), &hall.ben).await;
    assert!(matches!(hall.told().pop(), Some(MediaCommand::Leave { .. })));
    assert_eq!(hall.state(&hall.ben).await, None);
}

#[tokio::test]
async fn a_stream_whose_media_ended_is_over() {
    let hall = Hall::open().await;
    let answer = hall.publish(&hall.ben).await;
    let MediaCommand::Join { peer, .. } = hall.told()[0] else { panic!() };

    hall.says(MediaEvent::Left { peer, reason: LeaveReason::Silent }).await;

    hall.until_gone(answer.header("location"), &hall.ben).await;
    assert_eq!(hall.state(&hall.ben).await, None);
}

impl Hall {
    /// Makes a stream key; its id and the key itself.
    async fn key(&self, person: &Person, way: &str) -> (String, String) {
        let path = format!("/channels/{}/stream-keys", self.place.voice);
        let body = json!({ "way": way, "name": "OBS" });
        let made = person.ask(&self.api, "POST", &path).json(&body).send().await;
        assert_eq!(made.status, 201, "{}", made.body);
        let text = |field: &str| made.body[field].as_str().expect("a text").to_owned();
        (text("id"), text("key"))
    }
}

#[tokio::test]
async fn a_stream_key_opens_its_channel_in_its_direction_and_nothing_else() {
    let hall = Hall::open().await;
    let (_, key) = hall.key(&hall.ben, "publish").await;
    let whip = format!("/whip/{}", hall.place.voice);

    let answer = hall.post(&whip, &key, OFFER).await;

    assert_eq!(answer.status, 201, "{}", answer.text);
    assert!(hall.state(&hall.ben).await.is_some(), "in the name of its maker");
    let whep = format!("/whep/{}", hall.place.voice);
    assert_eq!(hall.post(&whep, &key, &OFFER.replace("sendonly", "recvonly")).await.status, 403);
    let other = json!({ "name": "Tower", "type": 2 });
    let path = format!("/guilds/{}/channels", hall.place.guild);
    let other = hall.ana.ask(&hall.api, "POST", &path).json(&other).send().await;
    let elsewhere = format!("/whip/{}", other.body["id"].as_str().unwrap());
    assert_eq!(hall.post(&elsewhere, &key, OFFER).await.status, 403);
    let me = hall.api.ask("GET", "/users/@me").token(&key).send().await;
    assert_eq!(me.status, 401, "it is no account's token");

    // The key ends what it began; another key of the same person does not.
    let url = answer.header("location");
    let (_, second) = hall.key(&hall.ben, "publish").await;
    assert_eq!(hall.ask("DELETE", url, &second).send_for_bytes().await.0, 404);
    assert_eq!(hall.ask("DELETE", url, &key).send_for_bytes().await.0, 200);
    assert_eq!(hall.state(&hall.ben).await, None);
}

#[tokio::test]
async fn a_revoked_stream_key_ends_its_stream_and_opens_nothing_more() {
    let hall = Hall::open().await;
    let (id, key) = hall.key(&hall.ben, "publish").await;
    let whip = format!("/whip/{}", hall.place.voice);
    assert_eq!(hall.post(&whip, &key, OFFER).await.status, 201);
    let path = format!("/channels/{}/stream-keys", hall.place.voice);
    let one = format!("{path}/{id}");
    let cai = hall.api.register("cai").await;
    hall.api.join(&hall.ana, &hall.place, &cai).await;

    let listed = hall.ben.ask(&hall.api, "GET", &path).send().await.body;
    assert_eq!((&listed[0]["id"], &listed[0]["name"]), (&json!(id), &json!("OBS")));
    assert_eq!(listed[0]["path"], json!(whip));
    assert!(listed[0].get("key").is_none() && listed[0].get("hash").is_none(), "shown once");
    assert_eq!(cai.ask(&hall.api, "GET", &path).send().await.body, json!([]), "not Cai's");
    cai.ask(&hall.api, "DELETE", &one).send().await.refuses(403, 50_013);

    // Whoever manages the channel may.
    let revoked = hall.ana.ask(&hall.api, "DELETE", &one).send().await;

    assert_eq!(revoked.status, 204);
    assert_eq!(hall.state(&hall.ben).await, None);
    assert!(matches!(hall.told().pop(), Some(MediaCommand::Leave { .. })));
    assert_eq!(hall.post(&whip, &key, OFFER).await.status, 401);
    assert_eq!(hall.ana.ask(&hall.api, "DELETE", &one).send().await.status, 404);
}

#[tokio::test]
async fn a_stream_key_is_made_by_who_may_do_what_it_opens_in_a_voice_channel() {
    let hall = Hall::open().await;
    let path = format!("/channels/{}/stream-keys", hall.place.voice);
    let make = |path: String, body: Value| {
        let ask = hall.ben.ask(&hall.api, "POST", &path).json(&body);
        async move { ask.send().await }
    };

    hall.deny(SPEAK).await;
    make(path.clone(), json!({ "way": "publish" })).await.refuses(403, 50_013);
    assert_eq!(make(path.clone(), json!({ "way": "listen" })).await.status, 201);
    make(path.clone(), json!({ "way": "shout" })).await.refuses_field("way", "BASE_TYPE_BAD_VALUE");
    let long = json!({ "way": "listen", "name": "n".repeat(101) });
    make(path, long).await.refuses_field("name", "BASE_TYPE_BAD_LENGTH");
    let text = format!("/channels/{}/stream-keys", hall.place.text);
    make(text, json!({ "way": "listen" })).await.refuses(400, 50_024);
}

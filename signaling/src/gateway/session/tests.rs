//! A gateway session against a scripted client, on a virtual clock.

use std::sync::Arc;

use state::Guild;
use state::GuildCommand;
use state::GuildEvent;
use state::call::Call;
use state::call::CallEvent;
use state::event::ChatEvent;
use state::guild::command::MemberPatch;
use state::record::MessageRecord;
use state::users::Users;

use super::super::testing::*;
use super::*;
use crate::cdn::Signer;

mod passive;

const WINDOW: Duration = Duration::from_secs(180);

/// A session, its clock, and its socket that takes everything.
struct Stage {
    session: GatewaySession,
    now: Instant,
    users: Arc<Users>,
    signer: Signer,
}

impl Stage {
    /// Ben's session with READY sent and `guild` shown.
    fn new(intents: Intents, guild: &Guild) -> Self {
        let mut stage = Self::before_guilds(viewer(BEN, intents), vec![guild.id]);
        stage.frames();
        assert!(matches!(stage.session.poll_output(), Some(Output::Subscribe(_))));
        stage.show(guild);
        stage.frames();
        stage
    }

    fn before_guilds(viewer: Viewer, guilds: Vec<GuildId>) -> Self {
        let now = start();
        let users = users();
        for (id, name) in [(ANA, "ana"), (BEN, "ben"), (CAI, "cai")] {
            users.put(user(id, name));
        }
        let session = GatewaySession::new(
            "abc".to_owned(),
            (viewer, Client::Web),
            WINDOW,
            Pulse::new(now),
            (&json!({ "v": 10 }), guilds),
        );
        Self { session, now, users, signer: Signer::new(&[7; 32]) }
    }

    /// The session, and what it looks things up in.
    fn split(&mut self) -> (&mut GatewaySession, Shaper<'_>) {
        let shaper = Shaper { users: &self.users, signer: &self.signer, now_ms: 0 };
        (&mut self.session, shaper)
    }

    fn show(&mut self, guild: &Guild) {
        let view = Arc::new(guild.clone());
        let (session, shaper) = self.split();
        session.handle_guild(start(), guild.id, Some(&view), shaper);
    }

    fn hear(&mut self, event: GuildEvent, before: &Guild, after: &Guild) {
        let publication = Arc::new(publish(event, before, after));
        self.event(UserEvent::Guild(publication));
    }

    fn event(&mut self, event: UserEvent) {
        let now = self.now;
        let (session, shaper) = self.split();
        session.handle_event(now, &event, shaper);
    }

    fn say(&mut self, text: &str) {
        self.session.handle_frame(self.now, 0, text.as_bytes());
    }

    /// Everything that the socket takes now.
    fn frames(&mut self) -> Vec<Value> {
        let (session, shaper) = self.split();
        std::iter::from_fn(|| session.poll_frame(shaper))
            .map(|frame| {
                let mut text = Vec::new();
                frame.put(encode::Encoding::Json, &mut text);
                serde_json::from_slice(&text).unwrap()
            })
            .collect()
    }

    /// The names of the dispatches that the socket takes now.
    fn names(&mut self) -> Vec<String> {
        let frames = self.frames();
        frames.iter().map(|frame| frame["t"].as_str().unwrap_or("-").to_owned()).collect()
    }

    fn close_code(&mut self) -> Option<u16> {
        match self.session.poll_output() {
            Some(Output::Close(code)) => Some(code.code()),
            _ => None,
        }
    }

    fn lose_socket(&mut self) {
        self.session.handle_closed(self.now, None);
    }

    fn resume(&mut self, seq: u64) -> Result<(), Unresumable> {
        self.session.handle_resume(Pulse::new(self.now), seq)
    }
}

fn said(guild: &Guild, content: &str) -> GuildEvent {
    let message = MessageRecord { content: content.to_owned(), ..message(guild) };
    GuildEvent::Chat(ChatEvent::MessageCreated(Arc::new(message)))
}

#[test]
fn ready_comes_first_then_each_guild_as_the_socket_takes_them() {
    let guilds = [10, 30].map(GuildId::new);
    let mut stage = Stage::before_guilds(viewer(BEN, Intents::all()), guilds.to_vec());

    let ready = stage.frames();
    assert_eq!(ready.len(), 1);
    assert_eq!((&ready[0]["t"], &ready[0]["s"]), (&json!("READY"), &json!(1)));
    for guild in guilds {
        let Some(Output::Subscribe(asked)) = stage.session.poll_output() else { panic!() };
        assert_eq!(asked, guild);
        stage.show(&guild_of(guild));
        let create = stage.frames();
        assert_eq!(create[0]["t"], "GUILD_CREATE");
        assert_eq!(create[0]["d"]["id"], guild.to_string());
    }
    assert!(stage.session.poll_output().is_none());
}

#[test]
fn no_further_guild_is_asked_for_while_the_socket_takes_nothing() {
    let mut stage = Stage::before_guilds(viewer(BEN, Intents::all()), vec![GuildId::new(10)]);
    stage.frames();
    let large = json!("x".repeat(PACE));
    stage.session.push(Dispatch::new(DispatchName::MessageCreate, &large));

    assert!(stage.session.poll_output().is_none());
    stage.frames();
    assert!(matches!(stage.session.poll_output(), Some(Output::Subscribe(_))));
}

#[test]
fn a_guild_that_was_left_meanwhile_is_told_to_be_gone() {
    let guild = GuildId::new(10);
    let mut stage = Stage::before_guilds(viewer(BEN, Intents::all()), vec![guild]);
    stage.frames();
    stage.session.poll_output();

    let (session, shaper) = stage.split();
    session.handle_guild(start(), guild, None, shaper);

    let gone = stage.frames();
    assert_eq!(gone[0]["t"], "GUILD_DELETE");
    assert_eq!(gone[0]["d"], json!({ "id": "10" }));
}

#[test]
fn a_guild_joined_twice_in_a_row_is_shown_once() {
    let guild = guild();
    let mut stage = Stage::new(Intents::all(), &guild);

    stage.event(UserEvent::GuildJoined(guild.id));
    assert!(stage.session.poll_output().is_none());
    stage.event(UserEvent::GuildJoined(GuildId::new(30)));
    stage.event(UserEvent::GuildJoined(GuildId::new(30)));
    assert!(matches!(stage.session.poll_output(), Some(Output::Subscribe(_))));
    assert!(stage.session.poll_output().is_none());
}

#[test]
fn what_a_client_may_not_send_closes_with_its_code_and_the_session_goes_on() {
    let long = format!(r#"{{"op":1,"d":"{}"}}"#, "x".repeat(5_000));
    for (text, code) in [
        (r#"{"op":77}"#, 4001),
        (r#"{"op":14,"d":{"guild_id":"10"}}"#, 4001),
        ("[]", 4002),
        (r#"{"op":3,"d":{"status":"hungry"}}"#, 4002),
        (long.as_str(), 4002),
        (r#"{"op":2,"d":{"token":"t","intents":0}}"#, 4005),
        (r#"{"op":6,"d":{"token":"t","session_id":"abc","seq":1}}"#, 4005),
    ] {
        let mut stage = Stage::new(Intents::all(), &guild());

        stage.say(text);

        assert_eq!(stage.close_code(), Some(code), "{text}");
        assert!(stage.session.poll_output().is_none(), "it ended: {text}");
        assert_eq!(stage.resume(2), Ok(()), "{text}");
    }
}

#[test]
fn either_kind_of_heartbeat_is_answered_by_an_object() {
    let mut stage = Stage::new(Intents::all(), &guild());

    stage.say(r#"{"op":1,"d":null}"#);
    stage.say(r#"{"op":40,"d":{"seq":1,"qos":{"ver":27,"active":true,"reasons":[]}}}"#);

    let ack = json!({ "op": 11, "d": {}, "s": null, "t": null });
    assert_eq!(stage.frames(), [ack.clone(), ack]);
}

#[test]
fn the_121st_message_closes_with_4008() {
    let mut stage = Stage::new(Intents::all(), &guild());

    for _ in 0..120 {
        stage.say(r#"{"op":1,"d":null}"#);
    }
    assert_eq!(stage.frames().len(), 120);
    stage.say(r#"{"op":1,"d":null}"#);

    assert_eq!(stage.close_code(), Some(4008));
}

#[test]
fn a_person_may_send_what_only_peoples_clients_send() {
    let person = Viewer { bot: false, ..viewer(BEN, Intents::all()) };
    let mut stage = Stage::before_guilds(person, Vec::new());
    stage.frames();

    stage.say(r#"{"op":14,"d":{"guild_id":"10"}}"#);

    assert!(stage.session.poll_output().is_none());
    assert!(stage.session.is_attached());
}

#[test]
fn a_silent_client_is_asked_closed_with_4009_and_may_resume() {
    let mut stage = Stage::new(Intents::all(), &guild());

    stage.now = stage.session.poll_timeout().unwrap();
    stage.session.handle_timeout(stage.now);
    assert_eq!(stage.frames()[0]["op"], 1);
    stage.now = stage.session.poll_timeout().unwrap();
    stage.session.handle_timeout(stage.now);

    assert_eq!(stage.close_code(), Some(4009));
    assert_eq!(stage.resume(2), Ok(()));
}

#[test]
fn a_resumed_client_is_sent_all_that_it_missed_in_order_and_then_resumed() {
    let guild = guild();
    let mut stage = Stage::new(Intents::all(), &guild);
    stage.hear(said(&guild, "heard"), &guild, &guild);
    let heard = stage.frames();
    assert_eq!(heard[0]["s"], 3);
    stage.lose_socket();
    for content in ["a", "b", "c"] {
        stage.hear(said(&guild, content), &guild, &guild);
    }
    assert!(stage.frames().is_empty());

    // The third was sent, but did not arrive.
    stage.resume(2).unwrap();

    let frames = stage.frames();
    let contents: Vec<_> = frames.iter().map(|frame| frame["d"]["content"].clone()).collect();
    assert_eq!(contents, [json!("heard"), json!("a"), json!("b"), json!("c"), Value::Null]);
    let numbers: Vec<_> = frames.iter().map(|frame| frame["s"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [3, 4, 5, 6, 7]);
    assert_eq!(frames[4]["t"], "RESUMED");
    stage.hear(said(&guild, "new"), &guild, &guild);
    assert_eq!(stage.frames()[0]["s"], 8);
}

#[test]
fn a_number_never_given_cannot_be_resumed_and_changes_nothing() {
    let guild = guild();
    let mut stage = Stage::new(Intents::all(), &guild);

    assert_eq!(stage.resume(3), Err(Unresumable::InvalidSeq));
    assert_eq!(stage.resume(u64::MAX), Err(Unresumable::InvalidSeq));

    assert!(stage.session.is_attached());
    stage.hear(said(&guild, "on"), &guild, &guild);
    assert_eq!(stage.names(), ["MESSAGE_CREATE"]);
}

#[test]
fn who_missed_more_than_is_kept_cannot_resume() {
    let mut stage = Stage::new(Intents::all(), &guild());
    for _ in 0..limits::REPLAY_DISPATCHES + 1 {
        stage.session.push(Dispatch::new(DispatchName::TypingStart, &Value::Null));
        stage.frames();
    }

    assert_eq!(stage.resume(2), Err(Unresumable::TooOld));
    assert_eq!(stage.resume(3), Ok(()));
}

#[test]
fn a_session_that_nobody_can_resume_any_more_ends_early() {
    let mut stage = Stage::new(Intents::all(), &guild());
    stage.lose_socket();

    for _ in 0..limits::REPLAY_DISPATCHES {
        stage.session.push(Dispatch::new(DispatchName::TypingStart, &Value::Null));
    }
    assert!(stage.session.poll_output().is_none());
    stage.session.push(Dispatch::new(DispatchName::TypingStart, &Value::Null));

    assert!(matches!(stage.session.poll_output(), Some(Output::End)));
}

#[test]
fn a_session_without_a_socket_ends_when_its_window_closes_and_only_once() {
    let mut stage = Stage::new(Intents::all(), &guild());
    stage.lose_socket();
    let until = stage.session.poll_timeout().unwrap();
    assert_eq!(until, stage.now + WINDOW);

    stage.session.handle_timeout(until - Duration::from_nanos(1));
    assert!(stage.session.poll_output().is_none());
    stage.session.handle_timeout(until);
    stage.session.handle_timeout(until);

    assert!(matches!(stage.session.poll_output(), Some(Output::End)));
    assert!(stage.session.poll_output().is_none());
    assert_eq!(stage.resume(2), Err(Unresumable::TooOld));
}

#[test]
fn a_goodbye_ends_the_session_and_any_other_close_does_not() {
    for (code, ends) in [(Some(1000), true), (Some(1001), true), (Some(4900), false), (None, false)]
    {
        let mut stage = Stage::new(Intents::all(), &guild());

        stage.session.handle_closed(stage.now, code);

        let ended = matches!(stage.session.poll_output(), Some(Output::End));
        assert_eq!(ended, ends, "{code:?}");
    }
}

#[test]
fn a_revoked_login_closes_with_4004_and_ends_the_session() {
    let mut stage = Stage::new(Intents::all(), &guild());

    stage.event(UserEvent::LoggedOut);

    assert_eq!(stage.close_code(), Some(4004));
    assert!(matches!(stage.session.poll_output(), Some(Output::End)));
}

#[test]
fn lost_events_end_the_session() {
    let mut stage = Stage::new(Intents::all(), &guild());

    stage.session.handle_overflow(stage.now);

    assert_eq!(stage.close_code(), Some(4000));
    assert!(matches!(stage.session.poll_output(), Some(Output::End)));
}

#[test]
fn a_reader_that_takes_nothing_is_closed_and_resumes_without_a_gap() {
    let guild = guild();
    for length in [1, 2_000] {
        let mut stage = Stage::new(Intents::all(), &guild);
        let content = "x".repeat(length);

        let mut said_since = 0;
        while stage.session.is_attached() {
            stage.hear(said(&guild, &content), &guild, &guild);
            said_since += 1;
            assert!(said_since <= limits::REPLAY_DISPATCHES, "a slow reader is waited for");
        }

        assert_eq!(stage.close_code(), Some(4000));
        stage.hear(said(&guild, &content), &guild, &guild);
        stage.resume(2).unwrap();
        let names = stage.names();
        assert_eq!(names.len(), said_since + 2);
        assert_eq!(names.last().map(String::as_str), Some("RESUMED"));
    }
}

#[test]
fn a_large_guild_does_not_make_a_reader_slow() {
    let guild = guild();
    let mut stage = Stage::new(Intents::all(), &guild);
    let large = json!("x".repeat(2 * limits::REPLAY_BYTES));
    stage.session.push_paced(Dispatch::new(DispatchName::GuildCreate, &large));

    stage.hear(said(&guild, "hail"), &guild, &guild);

    assert!(stage.session.is_attached());
    assert_eq!(stage.names(), ["GUILD_CREATE", "MESSAGE_CREATE"]);
}

#[test]
fn op_7_goes_out_before_a_shutdown() {
    let mut stage = Stage::new(Intents::all(), &guild());

    stage.session.handle_shutdown();

    assert_eq!(stage.frames()[0], json!({ "op": 7, "d": null, "s": null, "t": null }));
}

#[test]
fn after_a_kick_nothing_more_of_the_guild_is_heard() {
    let before = guild();
    let mut stage = Stage::new(Intents::all(), &before);
    let kick = GuildCommand::Kick(BEN);
    let events = publications(&before, ANA, &kick);
    let after = (*events[0].guild).clone();

    for publication in events {
        stage.event(UserEvent::Guild(Arc::new(publication)));
    }
    stage.hear(said(&after, "secret"), &after, &after);
    stage.hear(said(&before, "secret"), &before, &before);

    let frames = stage.frames();
    assert_eq!(frames.len(), 1, "{frames:?}");
    assert_eq!(frames[0]["t"], "GUILD_DELETE");
    assert_eq!(frames[0]["d"], json!({ "id": "10" }));
}

#[test]
fn a_role_that_closes_a_channel_is_told_once_however_many_events_it_makes() {
    let view = model::wire::guild::Permissions::VIEW_CHANNEL;
    let none = model::wire::guild::Permissions::empty();
    let guild = apply(&guild(), ANA, &hide(text(&guild())));
    let guild = apply(&guild, ANA, &overwrite(text(&guild), SCRIBES, view, none));
    let roles = MemberPatch { roles: Some(vec![SCRIBES]), ..MemberPatch::default() };
    let guild = apply(&guild, ANA, &GuildCommand::UpdateMember(BEN, roles));
    let mut stage = Stage::new(Intents::all(), &guild);

    let events = publications(&guild, ANA, &GuildCommand::DeleteRole(SCRIBES));
    assert!(events.len() > 1);
    for publication in events {
        stage.event(UserEvent::Guild(Arc::new(publication)));
    }

    let names = stage.names();
    let gone = names.iter().filter(|name| *name == "CHANNEL_DELETE").count();
    assert_eq!(gone, 1, "{names:?}");
    assert!(names.iter().any(|name| name == "GUILD_ROLE_DELETE"), "{names:?}");
}

#[test]
fn content_is_empty_without_its_intent() {
    let guild = guild();
    let mut stage = Stage::new(Intents::GUILDS | Intents::GUILD_MESSAGES, &guild);

    stage.hear(said(&guild, "secret"), &guild, &guild);

    let frames = stage.frames();
    assert_eq!(frames[0]["d"]["content"], "");
    assert_eq!(frames[0]["d"]["author"]["id"], "1");
}

#[test]
fn only_the_session_that_asked_is_told_its_voice_server() {
    let mut stage = Stage::new(Intents::all(), &guild());
    let server = |session: &str| {
        UserEvent::VoiceServer(Arc::new(state::event::VoiceServer {
            session: session.to_owned(),
            guild: Some(GuildId::new(10)),
            channel: None,
            token: "t".to_owned(),
            endpoint: Some("host:1".to_owned()),
        }))
    };

    stage.event(server("other"));
    stage.event(server("abc"));

    let frames = stage.frames();
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0]["t"], "VOICE_SERVER_UPDATE");
    assert_eq!(frames[0]["d"], json!({ "token": "t", "guild_id": "10", "endpoint": "host:1" }));
}

#[test]
fn a_call_is_told_to_people_and_its_server_names_the_channel() {
    let channel = PrivateChannel {
        id: ChannelId::new(70),
        recipients: vec![ANA, BEN],
        last_message: None,
        group: None,
    };
    let call = Arc::new(Call {
        channel: Arc::new(channel),
        message: Id::new(500),
        starter: BEN,
        ringing: [(ANA, start())].into(),
        voice: [].into(),
        participants: vec![BEN],
    });
    let over = CallEvent::Deleted { call: Arc::clone(&call), unavailable: true };
    let events = [CallEvent::Updated(call), over];
    let mut stage = Stage::new(Intents::all(), &guild());
    stage.session.viewer.bot = false;

    for event in &events {
        stage.event(UserEvent::Call(Arc::new(event.clone())));
    }
    stage.event(UserEvent::VoiceServer(Arc::new(state::event::VoiceServer {
        session: "abc".to_owned(),
        guild: None,
        channel: Some(ChannelId::new(70)),
        token: "t".to_owned(),
        endpoint: None,
    })));

    let frames = stage.frames();
    let told: Vec<_> = frames.iter().map(|frame| (&frame["t"], &frame["d"])).collect();
    let rings = json!({
        "channel_id": "70", "message_id": "500", "region": "guildhall", "ringing": ["1"],
    });
    let server = json!({ "token": "t", "guild_id": null, "endpoint": null, "channel_id": "70" });
    assert_eq!(
        told,
        [
            (&json!("CALL_UPDATE"), &rings),
            (&json!("CALL_DELETE"), &json!({ "channel_id": "70", "unavailable": true })),
            (&json!("VOICE_SERVER_UPDATE"), &server),
        ]
    );
    stage.session.viewer.bot = true;
    stage.event(UserEvent::Call(Arc::new(events[0].clone())));
    assert!(stage.frames().is_empty(), "nobody calls a bot");
}

#[test]
fn a_bot_is_told_of_a_private_channel_with_its_first_message_and_a_person_at_once() {
    let channel = Arc::new(PrivateChannel {
        id: ChannelId::new(70),
        recipients: vec![ANA, BEN],
        last_message: None,
        group: None,
    });
    let written = || {
        let message = MessageRecord { guild: None, channel: channel.id, ..message(&guild()) };
        UserEvent::Private(Arc::new(PrivatePublication {
            channel: Arc::clone(&channel),
            event: ChatEvent::MessageCreated(Arc::new(message)),
            shaped: std::sync::OnceLock::new(),
        }))
    };
    let opened = || UserEvent::PrivateChannelOpened(Arc::clone(&channel));

    let intents = Intents::DIRECT_MESSAGES;
    let mut bot = Stage::before_guilds(viewer(BEN, intents), Vec::new());
    bot.frames();
    bot.event(opened());
    assert!(bot.frames().is_empty());
    bot.event(written());
    bot.event(written());
    assert_eq!(bot.names(), ["CHANNEL_CREATE", "MESSAGE_CREATE", "MESSAGE_CREATE"]);

    let person = Viewer { bot: false, ..viewer(BEN, intents) };
    let mut person = Stage::before_guilds(person, Vec::new());
    person.frames();
    person.event(opened());
    person.event(written());
    let frames = person.frames();
    assert_eq!(frames[0]["t"], "CHANNEL_CREATE");
    assert_eq!(frames[0]["d"]["recipients"][0]["id"], "1");
    assert_eq!(frames[1]["d"]["content"], "hail");
}

#[test]
fn an_interaction_is_heard_whatever_was_asked_for_by_the_shard_of_its_guild_alone() {
    let guild = guild();
    let told = |guild: Option<GuildId>| {
        UserEvent::Personal(Arc::new(state::event::Personal {
            name: DispatchName::InteractionCreate,
            guild,
            body: json!({ "id": "5", "data": { "resolved": {} } }),
            messages: vec![(
                "/data/resolved/message".to_owned(),
                Arc::new(message(&self::guild())),
            )],
            files: Vec::new(),
        }))
    };
    // Guild 10 is of shard 0, as what has no guild is.
    for (id, heard) in [(0, 2), (1, 0)] {
        let shard = super::super::filter::GatewayShard { id, count: 2 };
        let bot = Viewer { shard, ..viewer(BEN, Intents::empty()) };
        let mut stage = Stage::before_guilds(bot, Vec::new());
        stage.frames();

        stage.event(told(Some(guild.id)));
        stage.event(told(None));

        let frames = stage.frames();
        assert_eq!(frames.len(), heard);
        for frame in frames {
            assert_eq!(frame["t"], "INTERACTION_CREATE");
            assert_eq!(frame["d"]["data"]["resolved"]["message"]["content"], "hail");
        }
    }
}

#[test]
fn private_events_go_to_the_first_gateway_shard_alone() {
    let shard = super::super::filter::GatewayShard { id: 1, count: 2 };
    let person = Viewer { bot: false, shard, ..viewer(BEN, Intents::all()) };
    let mut stage = Stage::before_guilds(person, Vec::new());
    stage.frames();
    let channel = Arc::new(PrivateChannel {
        id: ChannelId::new(70),
        recipients: vec![ANA, BEN],
        last_message: None,
        group: None,
    });

    stage.event(UserEvent::PrivateChannelOpened(Arc::clone(&channel)));
    stage.event(UserEvent::GuildJoined(GuildId::new(10)));

    assert!(stage.frames().is_empty());
    assert!(stage.session.poll_output().is_none());
}

#[test]
fn members_are_answered_in_chunks_between_other_events() {
    let guild = guild();
    let mut stage = Stage::new(Intents::all(), &guild);

    stage.say(r#"{"op":8,"d":{"guild_id":"10","query":"","limit":0,"nonce":"n"}}"#);
    let Some(Output::Members(request)) = stage.session.poll_output() else { panic!() };
    let now = stage.now;
    let (session, shaper) = stage.split();
    session.handle_members(now, &request, Arc::new(guild), shaper);

    let frames = stage.frames();
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0]["t"], "GUILD_MEMBERS_CHUNK");
    assert_eq!(frames[0]["d"]["members"].as_array().unwrap().len(), 3);
    assert_eq!(frames[0]["d"]["nonce"], "n");
}

#[test]
fn soundboard_and_channel_data_are_answered_for_guilds_that_are_heard() {
    let mut stage = Stage::new(Intents::all(), &guild());

    stage.say(r#"{"op":31,"d":{"guild_ids":["10","11"]}}"#);
    stage.say(r#"{"op":43,"d":{"guild_id":"10","fields":["status"]}}"#);
    stage.say(r#"{"op":43,"d":{"guild_id":"11","fields":["status"]}}"#);

    let Some(Output::Soundboard(asked)) = stage.session.poll_output() else { panic!() };
    assert_eq!(asked, guild().id);
    let Some(Output::ChannelInfo(asked, request)) = stage.session.poll_output() else { panic!() };
    assert_eq!(asked, guild().id);
    assert!(stage.session.poll_output().is_none());
    stage.session.handle_channel_info(0, &guild(), &request);
    let mut sounding = guild();
    sounding.sounds.insert(quack().id, quack());
    stage.session.handle_soundboard(&sounding);
    let frames = stage.frames();
    assert_eq!(frames.len(), 2);
    assert_eq!(frames[0]["t"], "CHANNEL_INFO");
    let told = &frames[1]["d"];
    assert_eq!((&frames[1]["t"], &told["guild_id"]), (&json!("SOUNDBOARD_SOUNDS"), &json!("10")));
    assert_eq!(told["soundboard_sounds"][0]["name"], "quack");
}

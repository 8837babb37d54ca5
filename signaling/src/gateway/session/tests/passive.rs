//! Large guilds that a person's client does not look at.

use model::id::MessageId;
use model::wire::util::Timestamp;
use state::presence::Presence;
use state::voice::VoiceCommand;

use super::*;

/// [`guild`] with as many members as a guild needs to be told passively.
fn crowd() -> Guild {
    let mut crowd = guild();
    let now = Timestamp::from_secs(1_700_000_000).unwrap();
    for user in 0..limits::PASSIVE_FROM_MEMBERS - crowd.members.len() {
        let user = Id::new(1_000 + user as u64);
        crowd = apply(&crowd, user, &GuildCommand::Join { user, now, roles: vec![] });
    }
    crowd
}

impl Stage {
    /// Ben's own client in that guild, looking at nothing.
    fn passive(form: PassiveForm, guild: &Guild) -> Self {
        let person = Viewer { bot: false, ..viewer(BEN, Intents::all()) };
        let mut stage = Self::before_guilds(person, vec![guild.id]);
        stage.session.stay_passive(form);
        stage.frames();
        assert!(matches!(stage.session.poll_output(), Some(Output::Subscribe(_))));
        stage.show(guild);
        stage.frames();
        stage
    }

    /// Answers the session's next question with a snapshot of the guild.
    fn told(&mut self, guild: &Guild) -> Vec<Value> {
        let Some(Output::Passive(asked)) = self.session.poll_output() else {
            panic!("nothing is to be told");
        };
        assert_eq!(asked, guild.id);
        let (session, shaper) = self.split();
        session.handle_passive(guild, shaper);
        self.frames()
    }

    fn wait(&mut self) {
        self.now = self.session.poll_timeout().unwrap();
        self.session.handle_timeout(self.now);
    }
}

/// The guild after Ana came into its voice channel, and the event of it.
fn ana_talks(guild: &Guild) -> (Guild, GuildEvent) {
    let channel = Some(voice(guild));
    let join = VoiceCommand::Update {
        user: ANA,
        session: "s".to_owned(),
        channel,
        self_mute: false,
        self_deaf: false,
        self_video: false,
    };
    let (after, events, _) = guild.voice_command(&join, 0).unwrap();
    (after, events[0].clone())
}

fn with_newest(guild: &Guild, id: u64) -> Guild {
    let mut guild = guild.clone();
    guild.newest.insert(text(&guild), MessageId::new(id));
    guild
}

#[test]
fn what_is_said_where_nobody_looks_is_told_together_after_a_while() {
    let before = crowd();
    let mut stage = Stage::passive(PassiveForm::V2, &before);
    let began = stage.now;
    stage.hear(said(&before, "one"), &before, &before);
    stage.hear(said(&before, "two"), &before, &before);
    let (talking, joined) = ana_talks(&before);
    stage.hear(joined, &before, &talking);
    let (user, presence) = (ANA, Arc::new(Presence::offline(ANA)));
    stage.hear(GuildEvent::PresenceUpdated { user, presence }, &talking, &talking);
    assert!(stage.frames().is_empty());

    stage.wait();
    let frames = stage.told(&with_newest(&talking, 99));

    assert_eq!(stage.now - began, Duration::from_secs(15));
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0]["t"], "PASSIVE_UPDATE_V2");
    let d = &frames[0]["d"];
    assert_eq!(d["guild_id"], before.id.to_string());
    assert_eq!(d["updated_channels"], json!([{ "id": text(&before), "last_message_id": "99" }]));
    assert_eq!(d["updated_voice_states"][0]["user_id"], ANA.to_string());
    assert_eq!(d["updated_members"][0]["user"]["username"], "ana");
    assert_eq!(d["removed_voice_states"], json!([]));
    // Nothing happens: nothing is told.
    stage.wait();
    assert_eq!(stage.frames()[0]["op"], 1);
    assert!(stage.session.poll_output().is_none());
}

#[test]
fn who_left_voice_is_told_as_removed_and_the_older_form_tells_who_is_there() {
    let (talking, _) = ana_talks(&crowd());
    let away = crowd();
    let left = GuildEvent::VoiceStateUpdated({
        let mut state = (*talking.voice[&ANA]).clone();
        state.channel = None;
        state.into()
    });
    let mut newer = Stage::passive(PassiveForm::V2, &talking);
    newer.hear(left, &talking, &away);
    newer.wait();
    let d = newer.told(&away)[0]["d"].clone();
    assert_eq!(d["removed_voice_states"], json!([ANA]));
    assert_eq!(d["updated_voice_states"], json!([]));

    let mut older = Stage::passive(PassiveForm::V1, &talking);
    older.hear(said(&talking, "one"), &talking, &talking);
    older.wait();
    let frame = older.told(&with_newest(&talking, 99)).remove(0);
    assert_eq!(frame["t"], "PASSIVE_UPDATE_V1");
    assert_eq!(frame["d"]["channels"][0]["last_message_id"], "99");
    assert_eq!(frame["d"]["voice_states"][0]["user_id"], ANA.to_string());
    assert_eq!(frame["d"]["members"][0]["user"]["id"], ANA.to_string());
}

#[test]
fn what_concerns_the_person_is_told_at_once() {
    let crowd = crowd();
    let mut stage = Stage::passive(PassiveForm::V2, &crowd);
    let say = |change: &dyn Fn(&mut MessageRecord)| {
        let mut message = message(&crowd);
        change(&mut message);
        GuildEvent::Chat(ChatEvent::MessageCreated(Arc::new(message)))
    };
    stage.hear(say(&|message| message.mentions = vec![BEN]), &crowd, &crowd);
    stage.hear(say(&|message| message.mention_everyone = true), &crowd, &crowd);
    stage.hear(say(&|message| message.author = BEN), &crowd, &crowd);
    assert_eq!(stage.names(), ["MESSAGE_CREATE"; 3]);
    stage.hear(say(&|message| message.mention_roles = vec![SCRIBES]), &crowd, &crowd);
    stage.hear(say(&|message| message.mentions = vec![CAI]), &crowd, &crowd);
    assert!(stage.names().is_empty());
    // Structure is told as ever.
    stage.hear(GuildEvent::GuildUpdated, &crowd, &crowd);
    assert_eq!(stage.names(), ["GUILD_UPDATE"]);
}

#[test]
fn who_looks_is_told_what_came_and_then_hears_everything_until_they_look_away() {
    let crowd = crowd();
    let mut stage = Stage::passive(PassiveForm::V2, &crowd);
    stage.hear(said(&crowd, "missed"), &crowd, &crowd);

    stage.say(r#"{"op":37,"d":{"subscriptions":{"10":{"typing":true,"activities":true}}}}"#);

    assert_eq!(stage.told(&with_newest(&crowd, 99))[0]["t"], "PASSIVE_UPDATE_V2");
    stage.hear(said(&crowd, "heard"), &crowd, &crowd);
    assert_eq!(stage.frames()[0]["d"]["content"], "heard");
    stage.say(r#"{"op":14,"d":{"guild_id":"10","typing":false,"activities":false}}"#);
    stage.hear(said(&crowd, "not heard"), &crowd, &crowd);
    assert!(stage.frames().is_empty());
}

#[test]
fn a_channel_that_was_hidden_meanwhile_is_not_told_of() {
    let crowd = crowd();
    let mut stage = Stage::passive(PassiveForm::V2, &crowd);
    stage.hear(said(&crowd, "one"), &crowd, &crowd);
    let hidden = apply(&crowd, ANA, &hide(text(&crowd)));

    stage.wait();

    assert!(stage.told(&with_newest(&hidden, 99)).is_empty());
}

#[test]
fn small_guilds_and_clients_that_did_not_ask_hear_everything() {
    let small = guild();
    let mut stage = Stage::passive(PassiveForm::V2, &small);
    stage.hear(said(&small, "one"), &small, &small);
    assert_eq!(stage.names(), ["MESSAGE_CREATE"]);

    let crowd = crowd();
    let mut stage = Stage::new(Intents::all(), &crowd);
    stage.hear(said(&crowd, "one"), &crowd, &crowd);
    assert_eq!(stage.names(), ["MESSAGE_CREATE"]);
    assert_eq!(PassiveForm::asked(1 << 11 | 1 << 14), Some(PassiveForm::V2));
    assert_eq!(PassiveForm::asked(1 << 11), Some(PassiveForm::V1));
    assert_eq!(PassiveForm::asked(!(1 << 11 | 1 << 14)), None);
}

#[test]
fn who_resumes_is_told_of_what_came_meanwhile() {
    let crowd = crowd();
    let mut stage = Stage::passive(PassiveForm::V2, &crowd);
    stage.lose_socket();
    stage.hear(said(&crowd, "one"), &crowd, &crowd);
    assert_eq!(stage.session.poll_timeout(), Some(stage.now + WINDOW));

    stage.now += Duration::from_secs(60);
    stage.resume(2).unwrap();
    assert_eq!(stage.names(), ["RESUMED"]);
    stage.wait();

    assert_eq!(stage.told(&with_newest(&crowd, 99))[0]["t"], "PASSIVE_UPDATE_V2");
}

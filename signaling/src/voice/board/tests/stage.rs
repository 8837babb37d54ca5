//! A stage: its audience costs nobody anything, until somebody is called up.

use model::wire::channel::ChannelType;

use super::*;

const STAGE: ChannelId = ChannelId::new(20);

/// A hall with a stage, and as many members with ids from 100 on.
fn with_stage(members: u64) -> Hall {
    let mut hall = Hall::new();
    hall.change(&GuildCommand::CreateChannel(ChannelDraft {
        id: STAGE,
        kind: ChannelType::GuildStageVoice,
        name: "Stage".to_owned(),
        topic: None,
        position: None,
        parent: None,
        bitrate: None,
        user_limit: None,
        rate_limit_per_user: None,
        nsfw: false,
        overwrites: Vec::new(),
        forum: state::guild::command::ForumPatch::default(),
    }));
    let now = draft().now;
    for user in (100..100 + members).map(UserId::new) {
        let join = GuildCommand::Join { user, now, roles: vec![] };
        hall.guild = apply(&hall.guild, user, &join);
    }
    hall
}

impl Hall {
    fn enter(&mut self, user: UserId) -> Session {
        self.guild = joined(&self.guild, user, STAGE);
        self.give(Duration::ZERO, user, "t").unwrap();
        self.redeem(Duration::ZERO, &identify(user, "t")).unwrap()
    }

    fn call_up(&mut self, user: UserId, suppress: bool) {
        self.voice(&VoiceCommand::Stage {
            actor: ANA,
            target: user,
            channel: None,
            suppress: Some(suppress),
            request: None,
        });
        let moment = self.at(Duration::ZERO);
        self.board.look_at(
            moment,
            Server::Guild(GUILD),
            Some(Home::Guild(&self.guild)),
            Some(user),
        );
    }
}

#[test]
fn a_listener_among_five_thousand_is_told_to_nobody_and_hears_of_the_speakers_alone() {
    let mut hall = with_stage(5_001);
    let mut ana = hall.enter(ANA);
    let mut audience: Vec<_> = (100..5_100).map(|user| hall.enter(UserId::new(user))).collect();
    ana.news();
    let start = Instant::now();

    let last = hall.enter(UserId::new(5_100));
    let took = start.elapsed();
    let peer = last.peer;
    hall.board.speaking(peer, 1);
    hall.board.ended(hall.start, peer, CloseCode::Disconnected);

    println!("the 5,001st listener took the board {took:?}");
    assert_eq!(last.others.iter().map(|other| other.user).collect::<Vec<_>>(), [ANA]);
    let told = audience.iter_mut().map(|listener| listener.news().len()).sum::<usize>();
    assert_eq!((told, ana.news()), (0, vec![]));
}

#[test]
fn whoever_is_called_up_is_made_known_and_sent_down_is_forgotten() {
    let mut hall = with_stage(0);
    let mut ana = hall.enter(ANA);
    let mut ben = hall.enter(BEN);
    let mut cai = hall.enter(CAI);
    hall.media.take();
    assert!(ana.news().is_empty() && ben.news().is_empty() && cai.news().is_empty());

    hall.call_up(BEN, false);
    let tracks = Tracks::default();
    let other = Other { user: BEN, ssrc: ben.ssrc, speaking: None, tracks };
    assert_eq!(ana.news(), [News::Is(other.clone())]);
    assert_eq!(cai.news(), [News::Is(other)]);
    assert_eq!(hall.media.take(), [format!("{}: update speak hear", ben.peer.0)]);

    hall.call_up(BEN, true);
    assert_eq!(ana.news(), [News::Left(BEN)]);
    assert_eq!(hall.media.take(), [format!("{}: update hear", ben.peer.0)]);
    hall.board.ended(hall.start, ben.peer, CloseCode::Disconnected);
    assert_eq!(ana.news(), [], "nobody is told of his going");
    hall.board.ended(hall.start, ana.peer, CloseCode::Disconnected);
    assert_eq!(cai.news(), [News::Left(BEN), News::Left(ANA)]);
}

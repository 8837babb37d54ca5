//! The board against a recording media wing, on virtual clocks.

mod guests;
mod sound;
mod stage;

use std::time::Duration;

use model::id::UserId;
use model::media::LeaveReason;
use model::wire::channel::permission_overwrite::PermissionOverwrite;
use model::wire::channel::permission_overwrite::PermissionOverwriteType;
use model::wire::guild::Permissions;
use model::wire::util::Timestamp;
use state::Guild;
use state::GuildCommand;
use state::guild::command::ChannelDraft;
use state::guild::command::MemberPatch;
use state::guild::command::RolePatch;
use state::voice::VoiceCommand;

use super::admit::Given;
use super::follow::REJOIN;
use super::*;
use crate::voice::home::Home;
use crate::voice::payload::Identify;
use crate::voice::payload::Resume;
use crate::voice::payload::Secret;
use crate::voice::testing::*;
use crate::voice::ticket::LIFETIME;

struct Hall {
    board: Board<()>,
    media: Arc<Recorder>,
    start: Instant,
    guild: Guild,
}

/// A voice session as its task sees it.
struct Session {
    peer: PeerId,
    ssrc: u32,
    others: Vec<Other>,
    notes: mpsc::Receiver<Note>,
    code: Arc<OnceLock<CloseCode>>,
}

impl Session {
    fn ended(&mut self) -> Option<CloseCode> {
        while self.notes.try_recv().is_ok() {}
        let is_over = self.notes.try_recv() == Err(mpsc::error::TryRecvError::Disconnected);
        assert_eq!(is_over, self.code.get().is_some());
        self.code.get().copied()
    }

    fn news(&mut self) -> Vec<News> {
        let mut news = Vec::new();
        while let Ok(note) = self.notes.try_recv() {
            if let Note::News(one) = note {
                news.push(one);
            }
        }
        news
    }
}

impl PartialEq for Note {
    fn eq(&self, _: &Self) -> bool {
        false
    }
}

impl Hall {
    fn new() -> Self {
        let media = Recorder::new();
        let port: Arc<dyn MediaPort> = media.clone();
        Self { board: Board::new(port), media, start: Instant::now(), guild: guild() }
    }

    fn at(&self, after: Duration) -> Moment {
        let unix_ms = u64::try_from(after.as_millis()).unwrap();
        Moment { now: self.start + after, unix_ms }
    }

    fn give(&mut self, after: Duration, user: UserId, token: &str) -> Option<Given> {
        let now = self.at(after).now;
        let ticket = Ticket::new(TokenHash::of(token), now);
        let host = Some("hall.example:443".to_owned());
        self.board.give_ticket(now, Home::Guild(&self.guild), user, ticket, host)
    }

    fn redeem(&mut self, after: Duration, identify: &Identify) -> Result<Session, CloseCode> {
        let (peer, drawn, strings, noted, code) = drawn();
        let moment = self.at(after);
        let Admitted { ssrc, others } =
            self.board.redeem(moment, Some(Home::Guild(&self.guild)), identify, drawn, strings)?;
        Ok(Session { peer, ssrc, others, notes: noted, code })
    }

    /// Someone who is in the channel comes without a socket, and may do this at most there.
    fn admit(&mut self, user: UserId, limit: Grants) -> Option<Session> {
        let (peer, drawn, strings, noted, code) = drawn();
        let token = TokenHash::of("nobody knows");
        let guest = Guest { user, session: session_of(user), token, limit };
        let moment = self.at(Duration::ZERO);
        let Admitted { ssrc, others } =
            self.board.admit_guest(moment, Home::Guild(&self.guild), guest, drawn, strings)?;
        Some(Session { peer, ssrc, others, notes: noted, code })
    }

    /// Someone joins the channel and identifies at once; the media wing's record is cleared.
    fn join(&mut self, user: UserId) -> Session {
        self.guild = joined(&self.guild, user, STAIRS);
        self.give(Duration::ZERO, user, "t").unwrap();
        let session = self.redeem(Duration::ZERO, &identify(user, "t")).unwrap();
        assert_eq!(self.media.take().len(), 1);
        session
    }

    /// The same, whatever the media wing was told before.
    fn join_quietly(&mut self, user: UserId) -> Session {
        self.media.take();
        self.join(user)
    }

    fn look(&mut self) {
        let moment = self.at(Duration::ZERO);
        self.board.look_at(moment, Server::Guild(GUILD), Some(Home::Guild(&self.guild)), None);
    }

    fn change(&mut self, command: &GuildCommand) {
        self.guild = apply(&self.guild, ANA, command);
    }

    fn voice(&mut self, command: &VoiceCommand) {
        self.guild = self.guild.voice_command(command, 0).unwrap().0;
    }

    fn deny(&mut self, permission: Permissions) {
        self.change(&GuildCommand::SetOverwrite(
            STAIRS,
            PermissionOverwrite {
                allow: Permissions::empty(),
                deny: permission,
                id: GUILD.cast(),
                kind: PermissionOverwriteType::Role,
            },
        ));
    }
}

type Ends = (PeerId, Drawn, Strings<()>, mpsc::Receiver<Note>, Arc<OnceLock<CloseCode>>);

/// What the shell draws for a new session, and the ends that its task holds.
fn drawn() -> Ends {
    static PEERS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
    fn ssrc() -> u32 {
        PEERS.fetch_add(32, std::sync::atomic::Ordering::Relaxed)
    }
    let peer = PeerId(u64::from(ssrc()));
    let (notes, noted) = mpsc::channel(64);
    let (attach, _) = mpsc::channel(1);
    let code = Arc::new(OnceLock::new());
    let strings = Strings { notes, code: Arc::clone(&code), attach };
    (peer, Drawn { peer, ssrcs: ssrc }, strings, noted, code)
}

fn identify(user: UserId, token: &str) -> Identify {
    Identify {
        server_id: GUILD.get(),
        user_id: user.get(),
        session_id: session_of(user),
        token: Secret(token.to_owned()),
        video: None,
        streams: vec![],
    }
}

#[test]
fn a_ticket_is_good_once_and_for_its_holder_alone() {
    let mut hall = Hall::new();
    hall.guild = joined(&hall.guild, BEN, STAIRS);
    hall.give(Duration::ZERO, BEN, "t").unwrap();
    let good = identify(BEN, "t");
    let wrong = [
        Identify { server_id: 11, ..good.clone() },
        Identify { server_id: 0, ..good.clone() },
        Identify { user_id: CAI.get(), ..good.clone() },
        Identify { session_id: session_of(CAI), ..good.clone() },
        Identify { token: Secret("u".to_owned()), ..good.clone() },
    ];

    for identify in &wrong {
        let refused = hall.redeem(Duration::ZERO, identify).err();
        assert_eq!(refused, Some(CloseCode::AuthenticationFailed));
    }
    assert!(hall.redeem(Duration::ZERO, &good).is_ok());
    let again = hall.redeem(Duration::ZERO, &good).err();

    assert_eq!(again, Some(CloseCode::AuthenticationFailed));
}

#[test]
fn a_ticket_is_dead_after_its_lifetime_and_once_the_next_is_given() {
    let mut hall = Hall::new();
    hall.guild = joined(&hall.guild, BEN, STAIRS);
    hall.give(Duration::ZERO, BEN, "old").unwrap();
    hall.give(Duration::ZERO, BEN, "new").unwrap();

    let old = hall.redeem(Duration::ZERO, &identify(BEN, "old")).err();
    let late = hall.redeem(LIFETIME, &identify(BEN, "new")).err();

    assert_eq!(old, Some(CloseCode::AuthenticationFailed));
    assert_eq!(late, Some(CloseCode::AuthenticationFailed));
    assert!(hall.redeem(LIFETIME - Duration::from_nanos(1), &identify(BEN, "new")).is_ok());
}

#[test]
fn nobody_gets_a_ticket_for_a_channel_that_they_are_not_in() {
    let mut hall = Hall::new();

    assert_eq!(hall.give(Duration::ZERO, BEN, "t"), None);
}

#[test]
fn a_ticket_of_someone_who_has_left_or_whose_guild_is_gone_opens_nothing() {
    let mut hall = Hall::new();
    hall.guild = joined(&hall.guild, BEN, STAIRS);
    hall.give(Duration::ZERO, BEN, "t").unwrap();
    hall.voice(&update(BEN, None));

    let left = hall.redeem(Duration::ZERO, &identify(BEN, "t")).err();

    assert_eq!(left, Some(CloseCode::SessionNoLongerValid));
    assert_eq!(hall.media.take(), [""; 0]);
}

#[test]
fn joining_tells_the_media_wing_and_everyone_who_is_there() {
    let mut hall = Hall::new();
    hall.guild = joined(&hall.guild, BEN, STAIRS);
    hall.give(Duration::ZERO, BEN, "t").unwrap();

    let mut ben = hall.redeem(Duration::ZERO, &identify(BEN, "t")).unwrap();
    let peer = ben.peer.0;
    assert_eq!(hall.media.take(), [format!("{peer}: join user 2 room 14 speak hear")]);
    hall.board.speaking(ben.peer, 1);
    let cai = hall.join(CAI);

    assert_eq!(ben.others, []);
    assert_eq!(
        cai.others,
        [Other { user: BEN, ssrc: ben.ssrc, speaking: Some(1), tracks: Tracks::default() }]
    );
    assert_eq!(
        ben.news(),
        [News::Is(Other { user: CAI, ssrc: cai.ssrc, speaking: None, tracks: Tracks::default() })]
    );
    assert_ne!(ben.ssrc, cai.ssrc);
}

#[test]
fn mute_and_deaf_reach_the_media_wing_in_their_order_and_once() {
    let mut hall = Hall::new();
    let ben = hall.join(BEN);
    let patch = |mute, deaf| {
        let patch = MemberPatch { mute: Some(mute), deaf: Some(deaf), ..MemberPatch::default() };
        GuildCommand::UpdateMember(BEN, patch)
    };

    for (mute, deaf) in [(true, false), (true, true), (true, true), (false, true), (false, false)] {
        hall.change(&patch(mute, deaf));
        hall.look();
    }

    let said = ["update hear", "update nothing", "update speak", "update speak hear"];
    assert_eq!(hall.media.take(), said.map(|said| format!("{}: {said}", ben.peer.0)));
}

#[test]
fn deafening_oneself_takes_hearing_and_muting_oneself_nothing() {
    let mut hall = Hall::new();
    let ben = hall.join(BEN);
    let flags = |mute, deaf| VoiceCommand::Update {
        user: BEN,
        session: session_of(BEN),
        channel: Some(STAIRS),
        self_mute: mute,
        self_deaf: deaf,
        self_video: false,
    };

    for (mute, deaf) in [(true, false), (true, true)] {
        hall.voice(&flags(mute, deaf));
        hall.look();
    }

    assert_eq!(hall.media.take(), [format!("{}: update speak", ben.peer.0)]);
}

#[test]
fn losing_speak_silences_at_once_and_losing_connect_ends_at_once() {
    let mut hall = Hall::new();
    let mut ben = hall.join(BEN);
    let mut cai = hall.join(CAI);

    hall.deny(Permissions::SPEAK);
    hall.look();
    let silenced = hall.media.take();
    hall.deny(Permissions::CONNECT);
    hall.look();

    let both =
        |said: &str| vec![format!("{}: {said}", ben.peer.0), format!("{}: {said}", cai.peer.0)];
    assert_eq!(silenced, both("update hear"));
    assert_eq!(hall.media.take(), both("leave"));
    assert_eq!(ben.ended(), Some(CloseCode::Disconnected));
    assert_eq!(cai.ended(), Some(CloseCode::Disconnected));
}

#[test]
fn a_deleted_channel_or_guild_ends_everyone_in_it() {
    for is_guild in [false, true] {
        let mut hall = Hall::new();
        let mut ben = hall.join(BEN);

        if is_guild {
            let moment = hall.at(Duration::ZERO);
            hall.board.look_at(moment, Server::Guild(GUILD), None, None);
        } else {
            hall.change(&GuildCommand::DeleteChannel(STAIRS));
            hall.look();
        }

        assert_eq!(hall.media.take(), [format!("{}: leave", ben.peer.0)]);
        assert_eq!(ben.ended(), Some(CloseCode::Disconnected));
        assert!(hall.board.servers().is_empty());
    }
}

#[test]
fn a_kicked_member_is_out_at_once_and_the_others_are_told() {
    let mut hall = Hall::new();
    let mut ben = hall.join(BEN);
    let mut cai = hall.join(CAI);

    hall.change(&GuildCommand::Kick(BEN));
    let moment = hall.at(Duration::ZERO);
    hall.board.look_at(moment, Server::Guild(GUILD), Some(Home::Guild(&hall.guild)), Some(BEN));

    assert_eq!(hall.media.take(), [format!("{}: leave", ben.peer.0)]);
    assert_eq!(ben.ended(), Some(CloseCode::Disconnected));
    assert_eq!(cai.news(), [News::Left(BEN)]);
    assert_eq!(cai.ended(), None);
}

#[test]
fn a_move_ends_the_session_before_and_its_ticket_opens_the_new_room() {
    let mut hall = Hall::new();
    let tower = ChannelId::new(20);
    hall.change(&GuildCommand::CreateChannel(ChannelDraft {
        id: tower,
        kind: model::wire::channel::ChannelType::GuildVoice,
        name: "Tower".to_owned(),
        parent: None,
        topic: None,
        position: None,
        bitrate: None,
        user_limit: None,
        rate_limit_per_user: None,
        nsfw: false,
        overwrites: vec![],
        forum: state::guild::command::ForumPatch::default(),
    }));
    let mut ben = hall.join(BEN);

    hall.guild = joined(&hall.guild, BEN, tower);
    hall.look();
    let left = hall.media.take();
    let given = hall.give(Duration::ZERO, BEN, "new");
    let again = hall.redeem(Duration::ZERO, &identify(BEN, "t")).err();
    let new = hall.redeem(Duration::ZERO, &identify(BEN, "new")).unwrap();

    assert_eq!(left, [format!("{}: leave", ben.peer.0)]);
    assert_eq!(ben.ended(), Some(CloseCode::Disconnected));
    assert_eq!(given.unwrap().host.as_deref(), Some("hall.example:443"));
    assert_eq!(again, Some(CloseCode::AuthenticationFailed));
    let expected = format!("{}: join user 2 room 20 speak hear", new.peer.0);
    assert_eq!(hall.media.take(), [expected]);
}

#[test]
fn a_second_gateway_session_takes_the_call_over() {
    let mut hall = Hall::new();
    let mut old = hall.join(BEN);
    let elsewhere = VoiceCommand::Update {
        user: BEN,
        session: "phone".to_owned(),
        channel: Some(STAIRS),
        self_mute: false,
        self_deaf: false,
        self_video: false,
    };

    hall.voice(&elsewhere);
    hall.look();
    let given = hall.give(Duration::ZERO, BEN, "new").unwrap();
    let identify = Identify { session_id: "phone".to_owned(), ..identify(BEN, "new") };
    let mut new = hall.redeem(Duration::ZERO, &identify).unwrap();

    assert_eq!(given.session, "phone");
    assert_eq!(old.ended(), Some(CloseCode::Disconnected));
    assert_eq!(new.ended(), None);
}

#[test]
fn a_session_is_resumed_by_its_token_and_gateway_session() {
    let mut hall = Hall::new();
    let ben = hall.join(BEN);
    let resume = |server_id: u64, session: &str, token: &str| -> Resume {
        serde_json::from_value(serde_json::json!({
            "server_id": server_id.to_string(), "session_id": session, "token": token,
        }))
        .unwrap()
    };
    let session = session_of(BEN);

    assert!(hall.board.resumed(&resume(10, &session, "t")).is_some());
    assert!(hall.board.resumed(&resume(11, &session, "t")).is_none());
    assert!(hall.board.resumed(&resume(10, "other", "t")).is_none());
    assert!(hall.board.resumed(&resume(10, &session, "u")).is_none());
    hall.board.ended(hall.start, ben.peer, CloseCode::SessionTimeout);
    assert!(hall.board.resumed(&resume(10, &session, "t")).is_none());
}

#[test]
fn who_never_comes_with_their_ticket_leaves_the_channel() {
    let mut hall = Hall::new();
    hall.guild = joined(&hall.guild, BEN, STAIRS);
    hall.give(Duration::ZERO, BEN, "t").unwrap();

    let early = hall.at(LIFETIME - Duration::from_nanos(1));
    hall.board.handle_timeout(early);
    assert_eq!(hall.board.poll_departures(), []);
    let late = hall.at(LIFETIME);
    hall.board.handle_timeout(late);

    let departure = Departure { member: (Server::Guild(GUILD), BEN), session: session_of(BEN) };
    assert_eq!(hall.board.poll_departures(), [departure]);
    assert_eq!(hall.board.poll_departures(), []);
}

#[test]
fn a_departure_is_tried_again_until_the_voice_state_is_gone() {
    let mut hall = Hall::new();
    hall.guild = joined(&hall.guild, BEN, STAIRS);
    hall.give(Duration::ZERO, BEN, "t").unwrap();

    for again in 0..3 {
        let moment = hall.at(LIFETIME + Duration::from_secs(10) * again);
        hall.board.handle_timeout(moment);
        assert_eq!(hall.board.poll_departures().len(), 1);
    }
    hall.voice(&update(BEN, None));
    hall.look();
    let later = hall.at(LIFETIME * 2);
    hall.board.handle_timeout(later);

    assert_eq!(hall.board.poll_departures(), []);
}

#[test]
fn a_client_whose_session_broke_may_come_back_for_a_while_before_it_has_left() {
    let mut hall = Hall::new();
    let ben = hall.join(BEN);
    let cai = hall.join(CAI);
    hall.board.ended(hall.start, ben.peer, CloseCode::FailedToDecode);
    hall.board.ended(hall.start, cai.peer, CloseCode::FailedToDecode);

    let early = hall.at(REJOIN - Duration::from_nanos(1));
    hall.board.handle_timeout(early);
    assert_eq!(hall.board.poll_departures(), []);
    hall.give(REJOIN, BEN, "again").unwrap();
    let late = hall.at(REJOIN);
    hall.board.handle_timeout(late);

    let left: Vec<_> = hall.board.poll_departures().iter().map(|left| left.member.1).collect();
    assert_eq!(left, [CAI]);
    assert!(hall.redeem(REJOIN, &identify(BEN, "again")).is_ok());
}

#[test]
fn a_peer_that_media_ended_leaves_the_room_and_its_client_may_ask_anew() {
    for (reason, code) in [
        (LeaveReason::Silent, CloseCode::SessionNoLongerValid),
        (LeaveReason::HandshakeFailed, CloseCode::SessionNoLongerValid),
        (LeaveReason::Fault, CloseCode::SessionNoLongerValid),
        (LeaveReason::Shutdown, CloseCode::VoiceServerCrashed),
    ] {
        let mut hall = Hall::new();
        let mut ben = hall.join(BEN);
        let mut cai = hall.join(CAI);

        hall.board.handle_media(hall.start, MediaEvent::Left { peer: ben.peer, reason });

        assert_eq!(ben.ended(), Some(code));
        assert_eq!(cai.news(), [News::Left(BEN)]);
        // Media knows already.
        assert_eq!(hall.media.take(), [""; 0]);
        assert!(hall.board.needs_ticket(hall.start, (Server::Guild(GUILD), BEN), false));
    }
}

#[test]
fn a_silent_peer_without_a_socket_has_left() {
    let mut hall = Hall::new();
    let ben = hall.join(BEN);
    hall.board.has_socket(ben.peer, false);

    let left = MediaEvent::Left { peer: ben.peer, reason: LeaveReason::Silent };
    hall.board.handle_media(hall.start, left);
    let moment = hall.at(Duration::ZERO);
    hall.board.handle_timeout(moment);

    assert_eq!(hall.board.poll_departures().len(), 1);
}

#[test]
fn asking_again_brings_a_ticket_only_to_those_whose_call_does_not_work() {
    let mut hall = Hall::new();
    let ben = (Server::Guild(GUILD), BEN);
    assert!(hall.board.needs_ticket(hall.start, ben, false));
    let session = hall.join(BEN);
    let connected =
        MediaEvent::Connected { peer: session.peer, address: ([127, 0, 0, 1], 9).into() };

    // No media yet: a client that gave up asks again.
    assert!(hall.board.needs_ticket(hall.start, ben, true));
    assert!(!hall.board.needs_ticket(hall.start, ben, false));
    hall.board.handle_media(hall.start, connected);
    assert!(!hall.board.needs_ticket(hall.start, ben, true));
    hall.board.has_socket(session.peer, false);
    assert!(hall.board.needs_ticket(hall.start, ben, true));
    assert!(!hall.board.needs_ticket(hall.start, ben, false));
    hall.give(Duration::ZERO, BEN, "again").unwrap();
    hall.board.ended(hall.start, session.peer, CloseCode::SessionTimeout);
    assert!(!hall.board.needs_ticket(hall.start, ben, false));
    assert!(hall.board.needs_ticket(hall.start + LIFETIME, ben, false));
}

#[test]
fn speaking_is_told_for_clients_that_do_not_say_so_themselves() {
    let mut hall = Hall::new();
    let ben = hall.join(BEN);
    let mut cai = hall.join(CAI);
    let heard = |speaking| MediaEvent::Speaking { peer: ben.peer, speaking };
    let told = |speaking| {
        News::Is(Other {
            user: BEN,
            ssrc: ben.ssrc,
            speaking: Some(speaking),
            tracks: Tracks::default(),
        })
    };

    hall.board.handle_media(hall.start, heard(true));
    hall.board.handle_media(hall.start, heard(false));
    assert_eq!(cai.news(), [told(1), told(0)]);

    // From now on the client says so itself: pauses between words are none of ours.
    hall.board.speaking(ben.peer, 3);
    hall.board.handle_media(hall.start, heard(true));
    hall.board.handle_media(hall.start, heard(false));
    assert_eq!(cai.news(), [told(3)]);
}

#[test]
fn a_timeout_silences_and_its_end_gives_the_voice_back() {
    let mut hall = Hall::new();
    let ben = hall.join(BEN);
    let until = Timestamp::from_secs(100).unwrap();
    hall.change(&GuildCommand::UpdateMember(
        BEN,
        MemberPatch { communication_disabled_until: Some(Some(until)), ..MemberPatch::default() },
    ));
    hall.look();
    assert_eq!(hall.media.take(), [format!("{}: update hear", ben.peer.0)]);

    let early = hall.at(Duration::from_secs(99));
    assert_eq!(hall.board.handle_timeout(early), []);
    let late = hall.at(Duration::from_secs(100));
    assert_eq!(hall.board.handle_timeout(late), [(Server::Guild(GUILD), BEN)]);
    hall.board.look_at(late, Server::Guild(GUILD), Some(Home::Guild(&hall.guild)), Some(BEN));

    assert_eq!(hall.media.take(), [format!("{}: update speak hear", ben.peer.0)]);
    assert_eq!(hall.board.handle_timeout(late), []);
}

#[test]
fn a_busy_media_wing_gets_everything_later_and_in_order() {
    let mut hall = Hall::new();
    let ben = hall.join(BEN);
    hall.media.be_busy(true);
    hall.deny(Permissions::SPEAK);
    hall.look();
    hall.voice(&update(BEN, None));
    hall.look();
    assert!(hall.board.has_waiting());

    hall.board.retry();
    hall.media.be_busy(false);
    hall.board.retry();

    assert_eq!(hall.media.take(), [format!("{}: leave", ben.peer.0)]);
    assert!(!hall.board.has_waiting());
}

#[test]
fn a_session_that_reads_nothing_is_ended_rather_than_left_with_gaps() {
    let mut hall = Hall::new();
    let mut ben = hall.join(BEN);
    let cai = hall.join(CAI);

    for _ in 0..100 {
        hall.board.speaking(cai.peer, 1);
    }

    assert_eq!(ben.ended(), Some(CloseCode::SessionNoLongerValid));
    assert_eq!(hall.media.take(), [format!("{}: leave", ben.peer.0)]);
}

#[test]
fn commands_of_a_peer_that_has_left_go_nowhere() {
    let mut hall = Hall::new();
    let ben = hall.join(BEN);
    hall.board.end_all(CloseCode::VoiceServerCrashed);
    hall.media.take();

    hall.board.command_of(MediaCommand::Update { peer: ben.peer, grants: ALL });
    hall.board.speaking(ben.peer, 1);
    assert_eq!(hall.board.video(ben.peer, Tracks { camera: true, screen: true }), None);
    hall.board.has_socket(ben.peer, true);

    assert_eq!(hall.media.take(), [""; 0]);
}

#[test]
fn what_is_shown_reaches_media_and_the_room_only_while_it_may_be() {
    let mut hall = Hall::new();
    let mut ben = hall.join(BEN);
    let mut cai = hall.join(CAI);
    ben.news();
    let camera = Tracks { camera: true, screen: false };

    let shown = hall.board.video(ben.peer, camera).expect("has a place");
    assert_eq!((shown.member, shown.tracks), ((Server::Guild(GUILD), BEN), camera));
    assert_eq!(hall.media.take(), [format!("{}: publish camera true screen false", ben.peer.0)]);
    let told = |tracks| News::Video(Other { user: BEN, ssrc: ben.ssrc, speaking: None, tracks });
    assert_eq!(cai.news(), [told(camera)]);

    let everyone = hall.guild.roles[&GUILD.cast()].clone();
    let fewer = everyone.permissions - Permissions::STREAM;
    let patch = RolePatch { permissions: Some(fewer), ..RolePatch::default() };
    hall.change(&GuildCommand::UpdateRole(GUILD.cast(), patch));
    hall.look();
    assert_eq!(hall.media.take(), [format!("{}: publish camera false screen false", ben.peer.0)]);
    assert_eq!(cai.news(), [told(Tracks::default())]);
    let shown = hall.board.video(ben.peer, camera).expect("has a place");
    assert_eq!(shown.tracks, Tracks::default());
    assert!(hall.media.take().is_empty());
}

//! Those who come without a socket, and the audiences that they make.

use model::limits;
use model::media::Tracks;

use super::*;

const LISTENS: Grants = Grants { speak: false, hear: true };

#[test]
fn a_guest_does_what_its_way_in_allows_and_no_more() {
    let mut hall = Hall::new();
    hall.guild = joined(&hall.guild, BEN, STAIRS);

    let ben = hall.admit(BEN, LISTENS).unwrap();
    let peer = ben.peer.0;
    assert_eq!(hall.media.take(), [format!("{peer}: join user 2 room 14 hear")]);
    hall.change(&GuildCommand::UpdateMember(
        BEN,
        MemberPatch { deaf: Some(true), ..MemberPatch::default() },
    ));
    hall.look();

    assert_eq!(hall.media.take(), [format!("{peer}: update nothing")]);
}

#[test]
fn a_guest_whose_voice_state_is_anothers_by_now_is_not_admitted() {
    let mut hall = Hall::new();
    assert!(hall.admit(BEN, LISTENS).is_none(), "not in the channel");

    hall.voice(&VoiceCommand::Update {
        user: BEN,
        session: "another".to_owned(),
        channel: Some(STAIRS),
        self_mute: false,
        self_deaf: false,
        self_video: false,
    });

    assert!(hall.admit(BEN, LISTENS).is_none());
    assert_eq!(hall.media.take(), [""; 0]);
}

#[test]
fn an_audience_is_one_member_to_the_others() {
    let mut hall = Hall::new();
    let mut cai = hall.join(CAI);
    hall.guild = joined(&hall.guild, BEN, STAIRS);
    let first = hall.admit(BEN, LISTENS).unwrap();
    let mut second = hall.admit(BEN, LISTENS).unwrap();
    let mut third = hall.admit(BEN, LISTENS).unwrap();
    let tracks = Tracks::default();
    let ben = Other { user: BEN, ssrc: first.ssrc, speaking: None, tracks };
    assert_eq!(cai.news(), [News::Is(ben)], "told once");
    let now = hall.at(Duration::ZERO).now;

    hall.board.ended(now, first.peer, CloseCode::Disconnected);
    hall.board.ended(now, third.peer, CloseCode::Disconnected);

    assert_eq!(cai.news(), []);
    assert!(hall.board.is_there((Server::Guild(GUILD), BEN), &session_of(BEN)));
    assert_eq!((second.ended(), third.ended()), (None, Some(CloseCode::Disconnected)));
    let ana = hall.join_quietly(ANA);
    assert!(ana.others.iter().any(|other| (other.user, other.ssrc) == (BEN, second.ssrc)));
    cai.news();

    hall.board.ended(now, second.peer, CloseCode::Disconnected);

    assert_eq!(cai.news(), [News::Left(BEN)]);
    assert!(!hall.board.is_there((Server::Guild(GUILD), BEN), &session_of(BEN)));
}

#[test]
fn whoever_speaks_takes_the_place_of_an_audience_and_none_sits_beside_a_speaker() {
    let mut hall = Hall::new();
    hall.guild = joined(&hall.guild, BEN, STAIRS);
    let mut listeners = [hall.admit(BEN, LISTENS).unwrap(), hall.admit(BEN, LISTENS).unwrap()];

    let mut speaker = hall.admit(BEN, Grants { speak: true, hear: false }).unwrap();

    for listener in &mut listeners {
        assert_eq!(listener.ended(), Some(CloseCode::Disconnected));
    }
    assert_eq!(speaker.ended(), None);
}

#[test]
fn an_audience_has_an_end() {
    let mut hall = Hall::new();
    hall.guild = joined(&hall.guild, BEN, STAIRS);
    let audience: Vec<_> =
        (0..limits::AUDIENCE).map(|_| hall.admit(BEN, LISTENS).unwrap()).collect();

    assert!(hall.admit(BEN, LISTENS).is_none());

    let now = hall.at(Duration::ZERO).now;
    hall.board.ended(now, audience[7].peer, CloseCode::Disconnected);
    assert!(hall.admit(BEN, LISTENS).is_some());
}

//! Calls on virtual time.

use std::time::Duration;

use model::wire::id::Id;

use super::*;
use crate::group::Group;

const ANA: UserId = Id::new(1);
const BEN: UserId = Id::new(2);
const CAI: UserId = Id::new(3);
const PAIR: ChannelId = Id::new(90);
const GROUP: ChannelId = Id::new(91);
const MESSAGE: MessageId = Id::new(500);

fn pair() -> Arc<PrivateChannel> {
    let recipients = vec![ANA, BEN];
    Arc::new(PrivateChannel { id: PAIR, recipients, last_message: None, group: None })
}

fn group(recipients: &[UserId]) -> Arc<PrivateChannel> {
    let group = Some(Group { owner: ANA, name: None, icon: None, version: 0 });
    let recipients = recipients.to_vec();
    Arc::new(PrivateChannel { id: GROUP, recipients, last_message: None, group })
}

struct Hall {
    board: Switchboard,
    start: Instant,
}

impl Hall {
    #[expect(clippy::disallowed_methods, reason = "a beginning for virtual time")]
    fn new() -> Self {
        Self { board: Switchboard::default(), start: Instant::now() }
    }

    fn joins(&mut self, user: UserId, channel: &Arc<PrivateChannel>) -> CallOutcome {
        self.joins_by(user, channel, &format!("session of {user}"), false).unwrap()
    }

    fn joins_by(
        &mut self,
        user: UserId,
        channel: &Arc<PrivateChannel>,
        session: &str,
        self_deaf: bool,
    ) -> Result<CallOutcome, ErrorCode> {
        self.board.handle(CallCommand::Join {
            channel: Arc::clone(channel),
            user,
            session: session.to_owned(),
            self_mute: false,
            self_deaf,
            self_video: false,
            message: MESSAGE,
        })
    }

    fn leaves(&mut self, user: UserId) -> CallOutcome {
        self.board.handle(CallCommand::Leave { user, session: None }).unwrap()
    }

    fn rings(
        &mut self,
        by: UserId,
        channel: ChannelId,
        people: &[UserId],
        after: Duration,
    ) -> Result<CallOutcome, ErrorCode> {
        let now = self.start + after;
        self.board.handle(CallCommand::Ring { channel, by, people: people.to_vec(), now })
    }

    fn stops(&mut self, by: UserId, people: &[UserId]) -> Result<CallOutcome, ErrorCode> {
        let people = people.to_vec();
        self.board.handle(CallCommand::StopRinging { channel: PAIR, by, people })
    }

    /// What happened, in words.
    fn told(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(event) = self.board.poll_event() {
            let ringing: Vec<_> = event.call().ringing.keys().map(ToString::to_string).collect();
            told.push(match &event {
                CallEvent::Created(call) => format!("created by {}", call.starter),
                CallEvent::Shown(_, user) => format!("shown to {user}"),
                CallEvent::Updated(_) => format!("rings [{}]", ringing.join(" ")),
                CallEvent::Voice(_, state) => match state.channel {
                    Some(channel) => format!("{} in {channel}", state.user),
                    None => format!("{} left", state.user),
                },
                CallEvent::Deleted { call, unavailable } => {
                    let people: Vec<_> =
                        call.participants.iter().map(ToString::to_string).collect();
                    format!("over, with {}, {unavailable}", people.join(" "))
                }
            });
        }
        told
    }
}

#[test]
fn whoever_comes_first_begins_the_call_and_whoever_leaves_last_ends_it() {
    let mut hall = Hall::new();

    assert_eq!(hall.joins(ANA, &pair()), CallOutcome::Joined);
    assert_eq!(hall.told(), ["created by 1", "1 in 90"]);
    assert_eq!(hall.joins(BEN, &pair()), CallOutcome::Joined);
    assert_eq!(hall.told(), ["2 in 90"]);
    assert_eq!(hall.leaves(ANA), CallOutcome::Left);
    assert_eq!(hall.told(), ["1 left"]);
    assert_eq!(hall.leaves(BEN), CallOutcome::Left);
    assert_eq!(hall.told(), ["2 left", "over, with 1 2, false"]);
    assert_eq!(hall.leaves(BEN), CallOutcome::Unchanged);
    assert!(hall.told().is_empty());
}

#[test]
fn nobody_joins_a_call_of_others() {
    let mut hall = Hall::new();
    hall.joins(ANA, &pair());
    hall.told();

    let refused = hall.joins_by(CAI, &pair(), "s", false);

    assert_eq!(refused, Err(ErrorCode::MissingAccess));
    assert!(hall.told().is_empty());
}

#[test]
fn who_joins_another_call_leaves_the_first() {
    let mut hall = Hall::new();
    let group = group(&[ANA, BEN, CAI]);
    hall.joins(ANA, &pair());
    hall.told();

    hall.joins(ANA, &group);

    assert_eq!(
        hall.told(),
        ["1 left", "over, with 1, false", "created by 1", "1 in 91"],
        "the first one ends before the second begins"
    );
}

#[test]
fn flags_change_in_place_and_a_second_session_takes_the_place_over() {
    let mut hall = Hall::new();
    hall.joins_by(ANA, &pair(), "one", false).unwrap();
    hall.told();

    assert_eq!(hall.joins_by(ANA, &pair(), "one", false), Ok(CallOutcome::Unchanged));
    assert_eq!(hall.joins_by(ANA, &pair(), "one", true), Ok(CallOutcome::Updated));
    let call = Arc::clone(&hall.board.calls[&PAIR]);
    assert_eq!(call.grants(ANA), Some(Grants { speak: true, hear: false }));
    assert_eq!(hall.joins_by(ANA, &pair(), "two", false), Ok(CallOutcome::Joined));
    assert_eq!(hall.told(), ["1 in 90", "1 in 90"]);
    let old = CallCommand::Leave { user: ANA, session: Some("one".to_owned()) };
    assert_eq!(hall.board.handle(old), Ok(CallOutcome::Unchanged), "it is not theirs any more");
}

#[test]
fn ringing_ends_by_itself_after_a_minute() {
    let mut hall = Hall::new();
    hall.joins(ANA, &pair());
    hall.told();

    assert_eq!(hall.board.poll_timeout(), None);
    hall.rings(ANA, PAIR, &[BEN], Duration::ZERO).unwrap();
    assert_eq!(hall.told(), ["rings [2]"]);
    assert_eq!(hall.board.poll_timeout(), Some(hall.start + limits::RING));
    hall.board.handle_timeout(hall.start + limits::RING - Duration::from_nanos(1));
    assert!(hall.told().is_empty());
    hall.board.handle_timeout(hall.start + limits::RING);
    assert_eq!(hall.told(), ["rings []"]);
    assert_eq!(hall.board.poll_timeout(), None);
}

#[test]
fn ringing_again_begins_the_minute_anew_and_is_told_once() {
    let mut hall = Hall::new();
    let later = Duration::from_secs(30);
    hall.joins(ANA, &pair());
    hall.rings(ANA, PAIR, &[BEN], Duration::ZERO).unwrap();
    hall.told();

    let again = hall.rings(ANA, PAIR, &[BEN], later);

    assert_eq!(again, Ok(CallOutcome::Unchanged));
    assert!(hall.told().is_empty());
    assert_eq!(hall.board.poll_timeout(), Some(hall.start + later + limits::RING));
}

#[test]
fn each_of_several_is_rung_for_their_own_minute() {
    let mut hall = Hall::new();
    hall.joins(ANA, &group(&[ANA, BEN, CAI]));
    hall.rings(ANA, GROUP, &[BEN], Duration::ZERO).unwrap();
    hall.rings(ANA, GROUP, &[CAI], Duration::from_secs(10)).unwrap();
    hall.told();

    hall.board.handle_timeout(hall.start + limits::RING);

    assert_eq!(hall.told(), ["rings [3]"]);
}

#[test]
fn whoever_answers_is_rung_no_more() {
    let mut hall = Hall::new();
    hall.joins(ANA, &pair());
    hall.rings(ANA, PAIR, &[BEN], Duration::ZERO).unwrap();
    hall.told();

    hall.joins(BEN, &pair());

    assert_eq!(hall.told(), ["2 in 90", "rings []"]);
    hall.rings(ANA, PAIR, &[BEN], Duration::ZERO).unwrap();
    assert!(hall.told().is_empty(), "who is there already is left alone");
}

#[test]
fn one_declines_for_oneself_and_takes_back_for_others_from_within_the_call() {
    let mut hall = Hall::new();
    hall.joins(ANA, &pair());
    hall.rings(ANA, PAIR, &[BEN], Duration::ZERO).unwrap();
    hall.told();

    assert_eq!(hall.stops(BEN, &[BEN]), Ok(CallOutcome::Updated));
    assert_eq!(hall.told(), ["rings []"]);
    hall.rings(ANA, PAIR, &[BEN], Duration::ZERO).unwrap();
    assert_eq!(hall.stops(ANA, &[BEN]), Ok(CallOutcome::Updated));
    let stranger = hall.stops(BEN, &[ANA]);
    assert_eq!(stranger, Err(ErrorCode::NotConnectedToVoice));
}

#[test]
fn ringing_needs_a_call_and_oneself_in_it() {
    let mut hall = Hall::new();

    assert_eq!(hall.rings(ANA, PAIR, &[BEN], Duration::ZERO), Ok(CallOutcome::Unchanged));
    hall.joins(ANA, &pair());
    hall.told();
    let outside = hall.rings(BEN, PAIR, &[ANA], Duration::ZERO);
    assert_eq!(outside, Err(ErrorCode::NotConnectedToVoice));
    hall.rings(ANA, PAIR, &[CAI, ANA], Duration::ZERO).unwrap();
    assert!(hall.told().is_empty(), "neither strangers nor oneself");
}

#[test]
fn a_call_that_nobody_answered_ends_with_the_caller() {
    let mut hall = Hall::new();
    hall.joins(ANA, &pair());
    hall.rings(ANA, PAIR, &[BEN], Duration::ZERO).unwrap();
    hall.told();

    hall.leaves(ANA);

    assert_eq!(hall.told(), ["1 left", "over, with 1, false"]);
    assert_eq!(hall.board.poll_timeout(), None, "nothing rings any more");
}

#[test]
fn who_leaves_the_group_leaves_its_call_and_is_told() {
    let mut hall = Hall::new();
    hall.joins(ANA, &group(&[ANA, BEN, CAI]));
    hall.joins(BEN, &group(&[ANA, BEN, CAI]));
    hall.rings(ANA, GROUP, &[CAI], Duration::ZERO).unwrap();
    hall.told();

    hall.board.handle(CallCommand::Settle(group(&[ANA]))).unwrap();

    let mut people = Vec::new();
    while let Some(event) = hall.board.poll_event() {
        people.push(event.people().collect::<Vec<_>>());
    }
    assert_eq!(people, [vec![ANA], vec![ANA, BEN]], "nobody rings, then Ben left");
    assert_eq!(hall.board.calls[&GROUP].voice.len(), 1);
}

#[test]
fn who_comes_to_a_group_is_alone_told_of_its_call() {
    let mut hall = Hall::new();
    hall.joins(ANA, &group(&[ANA, BEN, CAI]));
    hall.told();
    let show = |channel| CallCommand::Show { channel, user: CAI };

    assert_eq!(hall.board.handle(show(PAIR)), Ok(CallOutcome::Unchanged), "no call goes on there");
    hall.board.handle(show(GROUP)).unwrap();

    let event = hall.board.poll_event().expect("an event");
    assert_eq!(event.people().collect::<Vec<_>>(), [CAI]);
    assert_eq!(event.call().voice.len(), 1);
    assert!(hall.told().is_empty());
}

#[test]
fn a_block_ends_the_call_of_the_two_and_leaves_their_groups_alone() {
    let mut hall = Hall::new();
    hall.joins(ANA, &pair());
    hall.joins(BEN, &group(&[ANA, BEN, CAI]));
    hall.told();

    hall.board.handle(CallCommand::Part([BEN, ANA])).unwrap();

    assert_eq!(hall.told(), ["1 left", "over, with 1, false"]);
    assert!(hall.board.calls.contains_key(&GROUP));
}

#[test]
fn the_end_of_the_server_ends_every_call() {
    let mut hall = Hall::new();
    hall.joins(ANA, &pair());
    hall.joins(BEN, &group(&[ANA, BEN, CAI]));
    hall.told();

    hall.board.handle(CallCommand::EndAll).unwrap();

    let told = hall.told();
    assert_eq!(told, ["1 left", "over, with 1, true", "2 left", "over, with 2, true"]);
    assert!(hall.board.calls.is_empty() && hall.board.places.is_empty());
}

#[test]
fn a_screen_is_shared_by_the_session_that_joined() {
    let mut hall = Hall::new();
    hall.joins_by(ANA, &pair(), "one", false).unwrap();
    hall.told();
    let share =
        |session: &str| CallCommand::Share { user: ANA, session: session.to_owned(), screen: true };

    assert_eq!(hall.board.handle(share("two")), Ok(CallOutcome::Unchanged));
    assert_eq!(hall.board.handle(share("one")), Ok(CallOutcome::Updated));
    assert!(hall.board.calls[&PAIR].voice[&ANA].self_stream);
    hall.joins_by(ANA, &pair(), "one", true).unwrap();
    assert!(hall.board.calls[&PAIR].voice[&ANA].self_stream, "a muted screen is still one");
}

//! Polls: votes, counts, and their ends.

use model::id::UserId;
use state::poll::PollAnswer;
use state::poll::PollCount;
use state::poll::PollPlace;
use state::poll::PollRecord;
use state::poll::Vote;
use state::poll::VoteChange;
use state::record::MessageRecord;
use state::repo::RepoError;
use storage::Repos;

use crate::fixtures::ANA;
use crate::fixtures::BEN;
use crate::fixtures::CAI;
use crate::fixtures::NOON;
use crate::fixtures::TEXT;
use crate::fixtures::message;
use crate::fixtures::message_id;

/// A poll with three answers that ends an hour after noon.
async fn asked(repos: &Repos, sequence: u64) -> PollPlace {
    let answer = |id| PollAnswer { id, text: Some(format!("answer {id}")), emoji: None };
    let poll = PollRecord {
        question: "What?".to_owned(),
        answers: (1..=3).map(answer).collect(),
        multiselect: true,
        ends_ms: NOON + 3_600_000 + sequence,
        results: None,
    };
    let id = message_id(NOON, sequence);
    let message = MessageRecord { poll: Some(Box::new(poll)), ..message(id) };
    repos.messages.insert(&message).await.expect("stored");
    (TEXT, id)
}

fn vote(user: UserId, answers: &[u8]) -> Vote {
    Vote { user, answers: answers.to_vec() }
}

pub(crate) async fn a_vote_replaces_the_one_before(repos: &Repos) {
    let poll = asked(repos, 1).await;

    let first = repos.polls.vote(poll, vote(ANA, &[1, 2]), NOON).await.expect("counted");
    let second = repos.polls.vote(poll, vote(ANA, &[3, 2]), NOON).await.expect("counted");
    let back = repos.polls.vote(poll, vote(BEN, &[]), NOON).await.expect("counted");

    assert_eq!(first, VoteChange { added: vec![1, 2], removed: vec![] });
    assert_eq!(second, VoteChange { added: vec![3], removed: vec![1] });
    assert_eq!(back, VoteChange::default());
}

pub(crate) async fn votes_are_counted_and_paged(repos: &Repos) {
    let (poll, other) = (asked(repos, 1).await, asked(repos, 2).await);
    for (user, answers) in [(ANA, &[1][..]), (BEN, &[1, 3]), (CAI, &[1])] {
        repos.polls.vote(poll, vote(user, answers), NOON).await.expect("counted");
    }

    let counts = repos.polls.counts(TEXT, &[poll.1, other.1], BEN).await.expect("counted");

    let count = |answer, count, me| PollCount { answer, count, me };
    assert_eq!(counts, [(poll.1, vec![count(1, 3, true), count(3, 1, true)])]);
    let page = repos.polls.voters(poll, 1, Some(ANA), 1).await.expect("listed");
    assert_eq!(page, [BEN]);
    assert_eq!(repos.polls.voters(poll, 1, None, 10).await.expect("listed"), [ANA, BEN, CAI]);
}

pub(crate) async fn a_poll_ends_once_with_its_counts(repos: &Repos) {
    let (poll, later) = (asked(repos, 1).await, asked(repos, 2).await);
    repos.polls.vote(poll, vote(ANA, &[2]), NOON).await.expect("counted");
    let end = NOON + 3_600_001;

    assert_eq!(repos.polls.due(end - 1, 10).await.expect("listed"), []);
    assert_eq!(repos.polls.due(end, 10).await.expect("listed"), [poll]);
    assert_eq!(repos.polls.due(end + 9, 10).await.expect("listed"), [poll, later]);
    let late = repos.polls.vote(poll, vote(BEN, &[1]), end).await;
    assert!(matches!(late, Err(RepoError::NotFound)), "{late:?}");
    let ended = repos.polls.end(poll, end).await.expect("ended").expect("the message");
    let results = |message: &MessageRecord| message.poll.clone().and_then(|poll| poll.results);
    assert_eq!(results(&ended), Some(vec![0, 1, 0]));
    assert!(repos.polls.end(poll, end).await.expect("answered").is_none());
    assert_eq!(repos.polls.due(end, 10).await.expect("listed"), []);
    let stored = repos.messages.message(TEXT, poll.1).await.expect("found").expect("there");
    assert_eq!(stored, ended);
}

pub(crate) async fn a_removed_message_has_no_poll(repos: &Repos) {
    let poll = asked(repos, 1).await;
    repos.polls.vote(poll, vote(ANA, &[2]), NOON).await.expect("counted");

    repos.messages.remove(TEXT, &[poll.1]).await.expect("removed");

    assert_eq!(repos.polls.due(u64::MAX, 10).await.expect("listed"), []);
    assert!(repos.polls.voters(poll, 2, None, 10).await.expect("listed").is_empty());
    let vote = repos.polls.vote(poll, vote(ANA, &[2]), NOON).await;
    assert!(matches!(vote, Err(RepoError::NotFound)), "{vote:?}");
}

//! Join requests: stored with the change that makes them, and kept for a while once they are decided.

use std::sync::Arc;

use model::id::JoinRequestId;
use model::id::UserId;
use model::limits;
use state::Change;
use state::Plan;
use state::record::MemberRecord;
use state::screening::Answer;
use state::screening::FieldKind;
use state::screening::FormField;
use state::screening::FormResponse;
use state::screening::JoinRequest;
use state::screening::JoinRequestQuery;
use state::screening::JoinRequestStatus;
use storage::Repos;

use crate::fixtures::ANA;
use crate::fixtures::BEN;
use crate::fixtures::CAI;
use crate::fixtures::GUILD;
use crate::fixtures::NOON;
use crate::fixtures::guild;
use crate::fixtures::message_id;

const ALL: JoinRequestQuery = JoinRequestQuery {
    after: 0,
    before: u64::MAX,
    ascending: false,
    status: None,
    user: None,
    limit: 100,
};

fn id(at_ms: u64) -> JoinRequestId {
    message_id(at_ms, 0).cast()
}

fn request(at_ms: u64, user: UserId, status: JoinRequestStatus) -> JoinRequest {
    let field = FormField {
        kind: FieldKind::MultipleChoice { choices: vec!["Sail".to_owned(), "Steam".to_owned()] },
        label: "How?".to_owned(),
        description: None,
        required: true,
    };
    let answered = FormResponse { field, response: Some(Answer::Chosen(1)) };
    let reviewed = !status.is_open();
    JoinRequest {
        status,
        responses: Some(vec![answered]),
        reviewed_ms: reviewed.then_some(at_ms + 5),
        reviewer: reviewed.then_some(ANA),
        ..JoinRequest::begun(id(at_ms), user)
    }
}

fn put(request: &JoinRequest) -> Change {
    Change::PutJoinRequest(Arc::new(request.clone()))
}

/// Commits changes onto the newest version.
async fn commit(repos: &Repos, changes: Vec<Change>) {
    let version = repos.guilds.load().await.expect("read")[0].version;
    let plan = Plan { guild: GUILD, version, changes };
    repos.guilds.commit(&plan).await.expect("committed");
}

async fn found(repos: &Repos, query: JoinRequestQuery) -> (Vec<JoinRequest>, u64) {
    repos.guilds.join_requests(GUILD, &query).await.expect("read")
}

pub(crate) async fn open_requests_come_back_with_their_guild_until_something_comes_of_them(
    repos: &Repos,
) {
    repos.guilds.create(&guild()).await.expect("created");
    let begun = JoinRequest::begun(id(NOON), BEN);
    let waits = request(NOON + 1, CAI, JoinRequestStatus::Submitted);
    commit(repos, vec![put(&begun), put(&waits)]).await;

    let loaded = &repos.guilds.load().await.expect("read")[0];
    assert_eq!(loaded.requests.len(), 2);
    assert_eq!(*loaded.requests[&BEN], begun);
    assert_eq!(*loaded.requests[&CAI], waits);

    let approved =
        JoinRequest { id: waits.id, ..request(NOON + 1, CAI, JoinRequestStatus::Approved) };
    commit(repos, vec![put(&approved)]).await;

    let loaded = &repos.guilds.load().await.expect("read")[0];
    assert_eq!(loaded.requests.keys().collect::<Vec<_>>(), [&BEN]);
    assert_eq!(
        found(repos, ALL).await,
        (vec![approved.clone()], 1),
        "who has only begun is not told"
    );
    assert_eq!(found(repos, JoinRequestQuery::newest_of(BEN)).await.0, [begun]);
    assert_eq!(found(repos, JoinRequestQuery::newest_of(CAI)).await.0, [approved]);
}

pub(crate) async fn requests_are_paged_and_counted_by_what_came_of_them(repos: &Repos) {
    repos.guilds.create(&guild()).await.expect("created");
    let statuses = [JoinRequestStatus::Rejected, JoinRequestStatus::Approved];
    let all: Vec<_> =
        (0..6).map(|nth| request(NOON + nth, BEN, statuses[nth as usize % 2])).collect();
    commit(repos, all.iter().map(put).collect()).await;
    let ids = |(requests, total): (Vec<JoinRequest>, u64)| {
        let ids: Vec<_> = requests.into_iter().map(|request| request.id).collect();
        (ids, total)
    };

    let newest = JoinRequestQuery { limit: 2, ..ALL };
    assert_eq!(ids(found(repos, newest).await), (vec![id(NOON + 5), id(NOON + 4)], 6));
    let before = JoinRequestQuery { before: id(NOON + 4).get(), limit: 2, ..ALL };
    assert_eq!(ids(found(repos, before).await), (vec![id(NOON + 3), id(NOON + 2)], 6));
    let after = JoinRequestQuery { after: id(NOON + 1).get(), ascending: true, limit: 2, ..ALL };
    assert_eq!(ids(found(repos, after).await), (vec![id(NOON + 2), id(NOON + 3)], 6));
    let rejected = JoinRequestQuery { status: Some(JoinRequestStatus::Rejected), ..ALL };
    let expected = vec![id(NOON + 4), id(NOON + 2), id(NOON)];
    assert_eq!(ids(found(repos, rejected).await), (expected, 3));
}

pub(crate) async fn an_open_request_ends_with_its_membership_and_a_decided_one_does_not(
    repos: &Repos,
) {
    let mut guild = guild();
    let ana = guild.members.get(&ANA).expect("a member");
    for user in [BEN, CAI] {
        guild
            .members
            .insert(user, Arc::new(MemberRecord { user, pending: true, ..(*ana).clone() }));
    }
    repos.guilds.create(&guild).await.expect("created");
    assert!(repos.guilds.load().await.expect("read")[0].is_pending(BEN));
    let rejected = request(NOON, CAI, JoinRequestStatus::Rejected);
    let waits = request(NOON + 1, BEN, JoinRequestStatus::Submitted);
    let anew = JoinRequest::begun(id(NOON + 2), BEN);
    commit(repos, vec![put(&waits), put(&rejected)]).await;

    commit(repos, vec![Change::DeleteJoinRequest(BEN), put(&anew)]).await;
    assert_eq!(found(repos, JoinRequestQuery::newest_of(BEN)).await, (vec![anew], 1));
    commit(repos, vec![Change::DeleteMember(BEN), Change::DeleteMember(CAI)]).await;

    assert_eq!(found(repos, JoinRequestQuery::newest_of(BEN)).await, (vec![], 0));
    assert_eq!(found(repos, ALL).await, (vec![rejected], 1));
    assert!(repos.guilds.load().await.expect("read")[0].requests.is_empty());
}

pub(crate) async fn a_decided_request_is_forgotten_when_it_is_old(repos: &Repos) {
    repos.guilds.create(&guild()).await.expect("created");
    let old = request(NOON, BEN, JoinRequestStatus::Rejected);
    let waits = request(NOON + 1, CAI, JoinRequestStatus::Submitted);
    commit(repos, vec![put(&old), put(&waits)]).await;

    let late = request(NOON + limits::JOIN_REQUESTS_KEPT_MS + 10, BEN, JoinRequestStatus::Approved);
    commit(repos, vec![put(&late)]).await;

    assert_eq!(found(repos, ALL).await.0, [late, waits]);
}

//! Scheduled events: their rows, and who wants to come.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::id::ChannelId;
use model::id::ScheduledEventId;
use model::wire::id::Id;
use state::Change;
use state::Plan;
use state::recurrence::Days;
use state::recurrence::Recurrence;
use state::scheduled::EventException;
use state::scheduled::EventPlace;
use state::scheduled::EventStatus;
use state::scheduled::Scheduled;
use state::scheduled::ScheduledEventRecord;
use storage::Repos;

use crate::fixtures::ANA;
use crate::fixtures::BEN;
use crate::fixtures::CAI;
use crate::fixtures::GUILD;
use crate::fixtures::NOON;
use crate::fixtures::guild;

const EVENT: ScheduledEventId = Id::new(7_001);
const OTHER: ScheduledEventId = Id::new(7_002);

fn record(id: ScheduledEventId, place: EventPlace) -> Arc<ScheduledEventRecord> {
    Arc::new(ScheduledEventRecord {
        id,
        creator: ANA,
        name: "Bread".to_owned(),
        description: Some("Warm".to_owned()),
        image: Some("0123456789abcdef0123456789abcdef".to_owned()),
        start_ms: NOON,
        end_ms: Some(NOON + 1),
        status: EventStatus::Active,
        place,
        stage: Some(Id::new(4)),
        recurrence: Some(Recurrence {
            start_ms: NOON,
            days: Days::Monthly { week: 5, weekday: 2 },
        }),
        over_ms: None,
        empty_ms: Some(NOON + 2),
        exceptions: BTreeMap::from([(
            NOON + 9,
            EventException { start_ms: Some(NOON + 10), end_ms: None, canceled: true },
        )]),
    })
}

fn events() -> [Arc<ScheduledEventRecord>; 2] {
    let stage = EventPlace::Stage(ChannelId::new(5_004));
    let park = EventPlace::External("The park".to_owned());
    [record(EVENT, stage), record(OTHER, park)]
}

async fn commit(repos: &Repos, version: u64, changes: Vec<Change>) {
    let plan = Plan { guild: GUILD, version, changes };
    repos.guilds.commit(&plan).await.expect("committed");
}

async fn stored(repos: &Repos) -> Vec<Arc<Scheduled>> {
    let guild = repos.guilds.load().await.expect("loaded").remove(0);
    guild.scheduled.values().cloned().collect()
}

pub(crate) async fn an_event_comes_back_with_those_who_want_to_come(repos: &Repos) {
    repos.guilds.create(&guild()).await.expect("created");
    let [event, other] = events();
    let mut changes: Vec<_> = events().map(Change::PutScheduledEvent).into();
    changes.extend([Change::PutInterest(EVENT, BEN), Change::PutInterest(EVENT, CAI)]);
    commit(repos, 1, changes).await;

    let mut expected = Scheduled::new(Arc::clone(&event));
    expected.interested = [BEN, CAI].into_iter().collect();
    assert_eq!(stored(repos).await, [Arc::new(expected), Arc::new(Scheduled::new(other))]);

    let over = ScheduledEventRecord { status: EventStatus::Completed, ..(*event).clone() };
    let over = Arc::new(over);
    let changes = vec![
        Change::PutScheduledEvent(Arc::clone(&over)),
        Change::DeleteInterest(EVENT, BEN),
        Change::DeleteScheduledEvent(OTHER),
    ];
    commit(repos, 2, changes).await;

    let mut expected = Scheduled::new(over);
    expected.interested = [CAI].into_iter().collect();
    assert_eq!(stored(repos).await, [Arc::new(expected)]);
}

pub(crate) async fn whoever_leaves_the_guild_comes_to_none_of_its_events(repos: &Repos) {
    repos.guilds.create(&guild()).await.expect("created");
    let mut changes: Vec<_> = events().map(Change::PutScheduledEvent).into();
    changes.extend([Change::PutInterest(EVENT, BEN), Change::PutInterest(EVENT, CAI)]);
    commit(repos, 1, changes).await;

    commit(repos, 2, vec![Change::DeleteMember(BEN)]).await;

    let interested: Vec<_> = stored(repos).await[0].interested.iter().copied().collect();
    assert_eq!(interested, [CAI]);
}

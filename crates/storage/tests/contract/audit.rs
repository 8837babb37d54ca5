//! Audit logs: written with the change or not at all, paged, and let go of when old.

use std::sync::Arc;

use model::limits;
use model::wire::id::Id;
use state::Change;
use state::Plan;
use state::audit::AuditAction;
use state::audit::AuditDraft;
use state::audit::AuditEntry;
use state::audit::AuditQuery;
use state::audit::By;
use state::repo::RepoError;
use storage::Repos;

use crate::fixtures::ANA;
use crate::fixtures::BEN;
use crate::fixtures::GUILD;
use crate::fixtures::NOON;
use crate::fixtures::guild;
use crate::fixtures::message_id;

const ALL: AuditQuery = AuditQuery {
    after: 0,
    before: u64::MAX,
    ascending: false,
    user: None,
    action: None,
    limit: 100,
};

fn entry(at_ms: u64, user: model::id::UserId, action: AuditAction) -> AuditEntry {
    let by = By { actor: user, reason: Some("a reason".to_owned()) };
    let what = AuditDraft::new(&by, action, Some(7))
        .changing(&serde_json::json!({ "name": "old" }), &serde_json::json!({ "name": "new" }))
        .with("count", 3);
    AuditEntry { id: message_id(at_ms, 0).cast(), guild: GUILD, what }
}

pub(crate) async fn a_plan_that_commits_leaves_its_entry_and_one_that_does_not_leaves_none(
    repos: &Repos,
) {
    let guild = guild();
    repos.guilds.create(&guild).await.expect("created");
    let made = entry(NOON, ANA, AuditAction::RoleCreate);
    let plan = |version, entry: &AuditEntry| Plan {
        guild: GUILD,
        version,
        changes: vec![Change::Log(Arc::new(entry.clone()))],
    };

    repos.guilds.commit(&plan(guild.version, &made)).await.expect("committed");
    let late = entry(NOON + 1, ANA, AuditAction::RoleDelete);
    let conflict = repos.guilds.commit(&plan(guild.version, &late)).await;

    assert!(matches!(conflict, Err(RepoError::Conflict)), "{conflict:?}");
    assert_eq!(repos.guilds.audit_log(GUILD, &ALL).await.expect("read"), [made]);
}

pub(crate) async fn entries_are_paged_in_both_directions_and_by_who_and_what(repos: &Repos) {
    repos.guilds.create(&guild()).await.expect("created");
    let one = entry(NOON, ANA, AuditAction::RoleCreate);
    let two = entry(NOON + 1, BEN, AuditAction::RoleCreate);
    let three = entry(NOON + 2, ANA, AuditAction::MemberKick);
    for entry in [&one, &two, &three] {
        repos.guilds.log(entry).await.expect("stored");
    }
    let page = async |query: AuditQuery| repos.guilds.audit_log(GUILD, &query).await.expect("read");

    assert_eq!(page(ALL).await, [three.clone(), two.clone(), one.clone()]);
    assert_eq!(page(AuditQuery { limit: 2, ..ALL }).await, [three.clone(), two.clone()]);
    let oldest = AuditQuery { ascending: true, limit: 2, ..ALL };
    assert_eq!(page(oldest).await, [one.clone(), two.clone()]);
    assert_eq!(
        page(AuditQuery { after: one.id.get(), ..oldest }).await,
        [two.clone(), three.clone()]
    );
    assert_eq!(
        page(AuditQuery { before: three.id.get(), limit: 1, ..ALL }).await,
        std::slice::from_ref(&two)
    );
    assert_eq!(page(AuditQuery { user: Some(BEN), ..ALL }).await, std::slice::from_ref(&two));
    assert_eq!(page(AuditQuery { action: Some(20), ..ALL }).await, std::slice::from_ref(&three));
    assert_eq!(page(AuditQuery { action: Some(30), user: Some(ANA), ..ALL }).await, [one]);
    let elsewhere = repos.guilds.audit_log(Id::new(77), &ALL).await.expect("read");
    assert_eq!(elsewhere, []);
}

pub(crate) async fn entries_end_after_their_time_and_with_their_guild(repos: &Repos) {
    repos.guilds.create(&guild()).await.expect("created");
    let old = entry(NOON, ANA, AuditAction::RoleCreate);
    let young = entry(NOON + 2, ANA, AuditAction::RoleCreate);
    let new = entry(NOON + limits::AUDIT_KEPT_MS + 1, ANA, AuditAction::RoleCreate);
    for entry in [&old, &young, &new] {
        repos.guilds.log(entry).await.expect("stored");
    }
    assert_eq!(repos.guilds.audit_log(GUILD, &ALL).await.expect("read"), [new, young.clone()]);

    let changes = vec![Change::DeleteGuild];
    let plan = Plan { guild: GUILD, version: guild().version, changes };
    repos.guilds.commit(&plan).await.expect("committed");
    assert_eq!(repos.guilds.audit_log(GUILD, &ALL).await.expect("read"), []);
    let orphan = repos.guilds.log(&young).await;
    assert!(matches!(orphan, Err(RepoError::NotFound)), "{orphan:?}");
}

//! One change of structure: plan, commit, apply; again when someone else was faster.
//!
//! Runs in a task of its own, with the guild's turn in hand; see `GuildStore::execute`.

use std::sync::Arc;
use std::time::Duration;

use model::error_code::ErrorCode;
use model::id::UserId;
use model::limits;
use tokio::sync::oneshot;

use crate::GuildHandle;
use crate::GuildView;
use crate::actor::Committed;
use crate::actor::Request;
use crate::actor::Shared;
use crate::audit::By;
use crate::automod::QUARANTINED;
use crate::guild::Guild;
use crate::guild::command::GuildCommand;
use crate::guild::log;
use crate::guild::plan::Change;
use crate::guild::plan::Denied;
use crate::guild::plan::Plan;
use crate::record::MemberRecord;
use crate::record::UserRecord;
use crate::repo::GuildRepo;
use crate::repo::RepoError;
use crate::screening::JoinRequest;
use crate::store::ChangeError;

/// See the module.
pub(crate) async fn change(
    repo: &dyn GuildRepo,
    shared: &Shared,
    handle: &GuildHandle,
    by: &By,
    command: &GuildCommand,
) -> Result<GuildView, ChangeError> {
    for _ in 0..PLANS {
        let view = handle.view();
        let now_ms = unix_ms();
        let mut plan = view.plan(by.actor, command, now_ms)?;
        if plan.changes.is_empty() {
            return Ok(view);
        }
        begin_requests(shared, &view, &mut plan, now_ms).await?;
        judge_profiles(shared, &view, &mut plan).await?;
        if plan.changes.is_empty() {
            return Ok(view);
        }
        let entries = log::entries(&view, &plan, command, by);
        let entries = entries.into_iter().map(|what| shared.audit_entry(view.id, what, now_ms));
        plan.changes.extend(entries.map(Change::Log));
        let joining = match *command {
            GuildCommand::Join { user, .. } => Some(user),
            GuildCommand::AddMember(ref draft) => Some(draft.user),
            GuildCommand::AddBot(ref draft) => Some(draft.bot),
            _ => None,
        };
        let joining = match joining.filter(|user| !view.members.contains_key(user)) {
            Some(user) => Some(admit(shared, user).await?),
            None => None,
        };
        match repo.commit(&plan).await {
            Ok(()) => {
                let (reply, applied) = oneshot::channel();
                let request = Request::Apply(Box::new(Committed { plan, joining, reply }));
                // Without a limit of time: what is committed must be applied.
                let sent = handle.door.mailbox.send(request).await;
                sent.map_err(|_| ChangeError::Busy)?;
                return applied.await.map_err(|_| ChangeError::Busy);
            }
            Err(RepoError::Conflict) => tokio::time::sleep(CONFLICT_WAIT).await,
            Err(error) => return Err(error.into()),
        }
    }
    Err(ChangeError::Busy)
}

/// Begins, in the plan, a join request of each newcomer who has yet to pass the screening. Bots pass it
/// by being bots.
async fn begin_requests(
    shared: &Shared,
    view: &Guild,
    plan: &mut Plan,
    now_ms: u64,
) -> Result<(), ChangeError> {
    let mut begun = Vec::new();
    for change in &mut plan.changes {
        let Change::PutMember(member) = change else { continue };
        if !member.pending || view.members.contains_key(&member.user) {
            continue;
        }
        if shared.users.user(member.user).await?.is_some_and(|user| user.bot) {
            *member = Arc::new(MemberRecord { pending: false, ..(**member).clone() });
        } else {
            let request = JoinRequest::begun(shared.request_id(now_ms), member.user);
            begun.push(Change::PutJoinRequest(Arc::new(request)));
        }
    }
    plan.changes.extend(begun);
    Ok(())
}

/// Marks, in the plan, the members whose names a rule for profiles is triggered by, and takes the
/// mark from those whose names trigger none. Members whose names stay are passed over.
async fn judge_profiles(shared: &Shared, view: &Guild, plan: &mut Plan) -> Result<(), ChangeError> {
    if !view.rules.values().any(|rule| rule.record.trigger.is_of_profiles()) {
        return Ok(());
    }
    for change in &mut plan.changes {
        let Change::PutMember(member) = change else { continue };
        let old = view.members.get(&member.user);
        // The same member put again is one to be judged anew.
        if old.is_some_and(|old| old.nick == member.nick && old != *member) {
            continue;
        }
        let Some(user) = shared.users.user(member.user).await? else { continue };
        let hit = view.judge_profile(member, &user);
        let kept = hit.is_some_and(|(rule, _)| rule.record.quarantines());
        let flags = if kept { member.flags | QUARANTINED } else { member.flags & !QUARANTINED };
        if flags != member.flags {
            *member = Arc::new(MemberRecord { flags, ..(**member).clone() });
        }
    }
    plan.changes.retain(|change| match change {
        Change::PutMember(member) => view.members.get(&member.user).as_ref() != Some(member),
        _ => true,
    });
    Ok(())
}

/// The account of someone who may be in one more guild.
pub(crate) async fn admit(shared: &Shared, user: UserId) -> Result<Arc<UserRecord>, ChangeError> {
    let record = shared.users.user(user).await?;
    let record = record.ok_or(Denied::Code(ErrorCode::UnknownUser))?;
    if !record.bot && shared.index.membership_count(user) >= limits::GUILDS {
        return Err(Denied::Code(ErrorCode::MaximumGuilds).into());
    }
    Ok(record)
}

/// The clock, for the timeouts of those who ask for changes.
#[expect(clippy::disallowed_methods, reason = "the store is the shell of the pure guild")]
pub(crate) fn unix_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}

/// How often a change is planned before its guild counts as busy.
const PLANS: usize = 8;
/// Pause after a conflict, so that who was faster can apply.
const CONFLICT_WAIT: Duration = Duration::from_millis(10);

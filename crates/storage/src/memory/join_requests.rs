//! Join requests in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use model::id::GuildId;
use model::id::JoinRequestId;
use model::id::UserId;
use state::screening;
use state::screening::JoinRequest;
use state::screening::JoinRequestQuery;
use state::screening::JoinRequestStatus;

use super::lock;

/// See the module.
#[derive(Default)]
pub(super) struct MemoryJoinRequests {
    rows: Mutex<BTreeMap<(GuildId, JoinRequestId), JoinRequest>>,
}

impl MemoryJoinRequests {
    /// Keeps a request, and none of its guild that are decided and too old by its time.
    pub(super) fn put(&self, guild: GuildId, request: &JoinRequest) {
        let mut rows = lock(&self.rows);
        rows.insert((guild, request.id), request.clone());
        let expired = screening::expired(request.last_ms());
        rows.retain(|(of, id), request| {
            *of != guild || id.get() > expired || request.status.is_open()
        });
    }

    /// Forgets the request of a member of which nothing came yet.
    pub(super) fn withdraw(&self, guild: GuildId, user: UserId) {
        lock(&self.rows).retain(|(of, _), request| {
            *of != guild || request.user != user || !request.status.is_open()
        });
    }

    /// Forgets those of a guild.
    pub(super) fn forget_guild(&self, guild: GuildId) {
        lock(&self.rows).retain(|(of, _), _| *of != guild);
    }

    /// What a query asks for, and how many there are in all.
    pub(super) fn page(&self, guild: GuildId, query: &JoinRequestQuery) -> (Vec<JoinRequest>, u64) {
        let rows = lock(&self.rows);
        let wanted = |(of, _): &(GuildId, JoinRequestId), request: &JoinRequest| {
            *of == guild
                && query.status.is_none_or(|status| request.status == status)
                && match query.user {
                    Some(user) => request.user == user,
                    None => request.status != JoinRequestStatus::Started,
                }
        };
        let all: Vec<_> = rows.iter().filter(|(id, request)| wanted(id, request)).collect();
        let total = all.len();
        let within = |request: &JoinRequest| {
            request.id.get() > query.after && request.id.get() < query.before
        };
        let mut found: Vec<_> =
            all.into_iter().map(|(_, request)| request.clone()).filter(within).collect();
        if !query.ascending {
            found.reverse();
        }
        found.truncate(query.limit.into());
        (found, u64::try_from(total).unwrap_or(u64::MAX))
    }
}

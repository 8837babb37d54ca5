//! Audit logs in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use model::id::AuditId;
use model::id::GuildId;
use model::snowflake;
use state::audit;
use state::audit::AuditEntry;
use state::audit::AuditQuery;

use super::lock;

/// See the module.
#[derive(Default)]
pub(super) struct MemoryAudit {
    rows: Mutex<BTreeMap<(GuildId, AuditId), AuditEntry>>,
}

impl MemoryAudit {
    /// Keeps an entry, and none of its guild that are too old by its time.
    pub(super) fn put(&self, entry: &AuditEntry) {
        let mut rows = lock(&self.rows);
        rows.entry((entry.guild, entry.id)).or_insert_with(|| entry.clone());
        let expired = audit::expired(snowflake::unix_ms(entry.id.get()));
        rows.retain(|(guild, id), _| *guild != entry.guild || id.get() > expired);
    }

    /// Forgets the log of a guild.
    pub(super) fn forget_guild(&self, guild: GuildId) {
        lock(&self.rows).retain(|(of, _), _| *of != guild);
    }

    /// What a query asks for.
    pub(super) fn page(&self, guild: GuildId, query: &AuditQuery) -> Vec<AuditEntry> {
        let rows = lock(&self.rows);
        let wanted = |entry: &&AuditEntry| {
            let id = entry.id.get();
            entry.guild == guild
                && (id > query.after && id < query.before)
                && query.user.is_none_or(|user| entry.what.user == Some(user))
                && query.action.is_none_or(|action| u16::from(entry.what.action) == action)
        };
        let mut found: Vec<_> = rows.values().filter(wanted).cloned().collect();
        if !query.ascending {
            found.reverse();
        }
        found.truncate(query.limit.into());
        found
    }
}

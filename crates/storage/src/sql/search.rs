//! Searching messages: FTS5 for the words, a table of small columns for all else. Both are written a little
//! after a message ([`super::unsearched`]), as [`is_searched`] and [`mentions`] say, and at the latest when
//! somebody searches; triggers (migration 0005) keep them from then on, so nothing that changes a message can
//! forget them.

use async_trait::async_trait;
use sqlx::QueryBuilder;
use sqlx::Sqlite;
use state::record::MessageRecord;
use state::repo::MessageRepo as _;
use state::repo::RepoError;
use state::repo::SearchRepo;
use state::search::Contents;
use state::search::Found;
use state::search::MOST;
use state::search::Order;
use state::search::SearchQuery;
use state::search::Term;

use super::Database;
use super::row;
use super::row::failed;
use super::row::key;
use super::row::keys;

#[async_trait]
impl SearchRepo for Database {
    async fn search(&self, query: &SearchQuery) -> Result<Found, RepoError> {
        self.writer.searched().await?;
        let matches = expression(query);
        let mut count = QueryBuilder::new("SELECT count(*) FROM (SELECT 1 ");
        conditions(&mut count, query, matches.as_deref());
        count.push(" LIMIT ").push_bind(MOST).push(")");
        let total: i64 =
            count.build_query_scalar().fetch_one(&self.readers).await.map_err(failed)?;
        let mut page = QueryBuilder::new("SELECT searched.channel, searched.id ");
        conditions(&mut page, query, matches.as_deref());
        page.push(match query.order {
            Order::Relevance if matches.is_some() => " ORDER BY rank, searched.id DESC",
            Order::Newest | Order::Relevance => " ORDER BY searched.id DESC",
            Order::Oldest => " ORDER BY searched.id",
        });
        page.push(" LIMIT ").push_bind(query.limit).push(" OFFSET ").push_bind(query.offset);
        let hits: Vec<(i64, i64)> =
            page.build_query_as().fetch_all(&self.readers).await.map_err(failed)?;
        let mut messages = Vec::with_capacity(hits.len());
        for (channel, id) in hits {
            // One that was deleted meanwhile is not found any more.
            messages.extend(self.message(row::id(channel)?, row::id(id)?).await?);
        }
        Ok(Found { total: u32::try_from(total).unwrap_or(u32::MAX), messages })
    }
}

/// Whether a message can be found: only what somebody said (Discord: Message Types).
pub(super) const fn is_searched(message: &MessageRecord) -> bool {
    matches!(message.kind, 0 | 19 | 20 | 23)
}

/// Whom a message mentions, as words. The view `searchable` says the same in SQL.
pub(super) fn mentions(message: &MessageRecord) -> String {
    let users = message.mentions.iter().map(|id| format!("u{id}"));
    let roles = message.mention_roles.iter().map(|id| format!("r{id}"));
    let everyone = message.mention_everyone.then(|| "everyone".to_owned());
    users.chain(roles).chain(everyone).collect::<Vec<_>>().join(" ")
}

/// Everything after the columns.
fn conditions(sql: &mut QueryBuilder<Sqlite>, query: &SearchQuery, matches: Option<&str>) {
    match matches {
        Some(matches) => {
            sql.push("FROM searched_words JOIN searched ON searched.row = searched_words.rowid ");
            sql.push("WHERE searched_words MATCH ").push_bind(matches.to_owned());
        }
        None => {
            sql.push("FROM searched WHERE TRUE");
        }
    }
    sql.push(" AND searched.channel IN (SELECT value FROM json_each(");
    sql.push_bind(keys(&query.channels)).push("))");
    if !query.authors.is_empty() {
        sql.push(" AND searched.author IN (SELECT value FROM json_each(");
        sql.push_bind(keys(&query.authors)).push("))");
    }
    let Contents(has) = query.has;
    if has != 0 {
        sql.push(" AND searched.has & ").push_bind(has).push(" = ").push_bind(has);
    }
    let Contents(has_not) = query.has_not;
    if has_not != 0 {
        sql.push(" AND searched.has & ").push_bind(has_not).push(" = 0");
    }
    if let Some(pinned) = query.pinned {
        sql.push(" AND searched.pinned = ").push_bind(pinned);
    }
    if let Some(min) = query.min {
        sql.push(" AND searched.id > ").push_bind(key(min));
    }
    if let Some(max) = query.max {
        sql.push(" AND searched.id < ").push_bind(key(max));
    }
    if query.mention_everyone == Some(false) {
        sql.push(" AND searched.row NOT IN (SELECT rowid FROM searched_words ");
        sql.push("WHERE searched_words MATCH 'mentions : everyone')");
    }
}

/// The words in FTS5's language; none when no words are asked for. Words are letters and digits
/// alone, and quoted, so that none is an operator.
fn expression(query: &SearchQuery) -> Option<String> {
    let mut all = Vec::new();
    for term in &query.terms {
        all.push(match term {
            Term::Beginning(word) => format!("content : \"{word}\" *"),
            Term::Phrase(words) => format!("content : \"{}\"", words.join(" ")),
        });
    }
    let any = |words: Vec<String>| {
        let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
        format!("mentions : ({})", quoted.join(" OR "))
    };
    if !query.mentions.is_empty() {
        all.push(any(query.mentions.iter().map(|id| format!("u{id}")).collect()));
    }
    if !query.mention_roles.is_empty() {
        all.push(any(query.mention_roles.iter().map(|id| format!("r{id}")).collect()));
    }
    if query.mention_everyone == Some(true) {
        all.push(any(vec!["everyone".to_owned()]));
    }
    (!all.is_empty()).then(|| all.join(" AND "))
}

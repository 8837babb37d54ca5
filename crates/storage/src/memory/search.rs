//! Searching messages in memory: every message is looked at.

use std::cmp::Reverse;

use async_trait::async_trait;
use state::record::MessageRecord;
use state::repo::RepoError;
use state::repo::SearchRepo;
use state::search::Contents;
use state::search::Found;
use state::search::MOST;
use state::search::Order;
use state::search::SearchQuery;
use state::search::Term;
use state::search::is_searched;
use state::search::words;

use super::lock;
use super::messages::MemoryMessages;

#[async_trait]
impl SearchRepo for MemoryMessages {
    async fn search(&self, query: &SearchQuery) -> Result<Found, RepoError> {
        let rows = lock(&self.rows);
        let channels = query.channels.iter().filter_map(|channel| rows.get(channel));
        let all = channels.flat_map(|rows| rows.messages.values());
        let mut found: Vec<_> = all.filter(|message| fits(message, query)).collect();
        // A model has no weights: what fits best is what fits.
        found.sort_unstable_by_key(|message| Reverse(message.id));
        if query.order == Order::Oldest {
            found.reverse();
        }
        let total = u32::try_from(found.len()).unwrap_or(u32::MAX).min(MOST);
        let page = found.into_iter().skip(query.offset as usize).take(query.limit as usize);
        Ok(Found { total, messages: page.cloned().collect() })
    }
}

fn fits(message: &MessageRecord, query: &SearchQuery) -> bool {
    let said = words(&message.content);
    let term = |term: &Term| match term {
        Term::Beginning(word) => said.iter().any(|one| one.starts_with(word)),
        Term::Phrase(phrase) => said.windows(phrase.len()).any(|window| window == phrase),
    };
    let Contents(has) = Contents::of(message);
    let any = |wanted: bool, found: bool| !wanted || found;
    is_searched(message.kind)
        && query.terms.iter().all(term)
        && any(!query.authors.is_empty(), query.authors.contains(&message.author))
        && any(
            !query.mentions.is_empty(),
            query.mentions.iter().any(|user| message.mentions.contains(user)),
        )
        && any(
            !query.mention_roles.is_empty(),
            query.mention_roles.iter().any(|role| message.mention_roles.contains(role)),
        )
        && query.mention_everyone.is_none_or(|wanted| wanted == message.mention_everyone)
        && has & query.has.0 == query.has.0
        && has & query.has_not.0 == 0
        && query.pinned.is_none_or(|wanted| wanted == message.pinned)
        && query.min.is_none_or(|min| message.id > min)
        && query.max.is_none_or(|max| message.id < max)
}

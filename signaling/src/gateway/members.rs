//! Answers to Request Guild Members: GUILD_MEMBERS_CHUNK, a thousand at a time.

use model::gateway::Intents;
use model::id::UserId;
use model::limits;
use model::wire::id::Id;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::users::Users;

use super::incoming::MembersRequest;
use crate::wire;

/// Most ids that one request may name (Discord: Request Guild Members).
const IDS: usize = 100;

/// The chunks that answer a request; at least one, even when it is empty.
pub(super) fn chunks(
    view: &Guild,
    users: &Users,
    request: &MembersRequest,
    intents: Intents,
) -> Vec<Value> {
    let mut not_found = Vec::new();
    let mut found: Vec<UserId> = Vec::new();
    if request.user_ids.is_empty() {
        let query = request.query.as_deref().unwrap_or_default().to_lowercase();
        let begins =
            |name: Option<&str>| name.is_some_and(|name| name.to_lowercase().starts_with(&query));
        let most = match request.limit.unwrap_or(0) {
            // Everyone: only with the privileged intent, and only without a query.
            0 if query.is_empty() && intents.contains(Intents::GUILD_MEMBERS) => usize::MAX,
            0 => 100,
            limit => usize::try_from(limit).unwrap_or(100).min(100),
        };
        let matching = view.members.values().filter(|member| {
            query.is_empty()
                || begins(member.nick.as_deref())
                || users.cached(member.user).is_some_and(|user| {
                    begins(Some(&user.username)) || begins(user.global_name.as_deref())
                })
        });
        found.extend(matching.take(most).map(|member| member.user));
    } else {
        for id in request.user_ids.iter().take(IDS) {
            match Id::new_checked(*id).filter(|id| view.members.contains_key(id)) {
                Some(id) => found.push(id),
                None => not_found.push(id.to_string()),
            }
        }
    }
    let pages: Vec<&[UserId]> =
        if found.is_empty() { vec![&[]] } else { found.chunks(limits::MEMBERS_CHUNK).collect() };
    let count = pages.len();
    let nonce = request.nonce.as_ref().filter(|nonce| nonce.len() <= 32);
    let shown = pages.into_iter().enumerate().map(|(index, page)| {
        let members: Vec<_> = page
            .iter()
            .filter_map(|id| Some(wire::member(view.members.get(id)?, &*users.cached(*id)?)))
            .collect();
        let mut chunk = json!({
            "guild_id": view.id,
            "members": members,
            "chunk_index": index,
            "chunk_count": count,
            "not_found": if index == 0 { not_found.as_slice() } else { &[] },
        });
        if request.presences == Some(true) && intents.contains(Intents::GUILD_PRESENCES) {
            let presences = page.iter().filter_map(|id| view.presences.get(id));
            chunk["presences"] =
                presences.map(|presence| wire::presence(presence, view.id)).collect();
        }
        if let Some(nonce) = nonce {
            chunk["nonce"] = json!(nonce);
        }
        chunk
    });
    shown.collect()
}

//! Answers to Request Guild Members: GUILD_MEMBERS_CHUNK, a thousand at a time. Pure.
//!
//! Chunks are made one by one as the socket takes them: a large guild whole would be more than a
//! session may hold.

use model::gateway::Intents;
use model::id::UserId;
use model::limits;
use model::wire::id::Id;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::GuildView;
use state::users::Users;

use super::filter::Viewer;
use super::incoming::MembersRequest;
use crate::wire;

/// One request's answer, on its way.
#[derive(Debug)]
pub(super) struct MembersAnswer {
    view: GuildView,
    found: Vec<UserId>,
    not_found: Vec<String>,
    presences: bool,
    nonce: Option<String>,
    sent: usize,
    /// Asked by a person's client rather than a bot.
    person: bool,
}

impl MembersAnswer {
    /// The answer to `request`; `None` when the viewer is no member.
    pub(super) fn new(
        view: GuildView,
        users: &Users,
        request: &MembersRequest,
        viewer: &Viewer,
    ) -> Option<Self> {
        if !view.members.contains_key(&viewer.user) {
            return None;
        }
        let (found, not_found) = if request.user_ids.is_empty() {
            (by_name(&view, users, request, viewer), Vec::new())
        } else {
            by_id(&view, request)
        };
        Some(Self {
            found,
            not_found,
            presences: request.presences == Some(true) && viewer.wants(Intents::GUILD_PRESENCES),
            // A longer one is ignored (Discord: Request Guild Members).
            nonce: request.nonce.clone().filter(|nonce| nonce.len() <= NONCE),
            sent: 0,
            person: !viewer.bot,
            view,
        })
    }

    /// The next chunk; `None` after the last. The first comes even when nobody was found.
    pub(super) fn next_chunk(&mut self, users: &Users) -> Option<Value> {
        let count = self.found.len().div_ceil(limits::MEMBERS_CHUNK).max(1);
        if self.sent == count {
            return None;
        }
        let index = self.sent;
        self.sent += 1;
        let page = self.found.chunks(limits::MEMBERS_CHUNK).nth(index).unwrap_or_default();
        let members: Vec<_> = page
            .iter()
            .filter_map(|&id| {
                let mut member = wire::member(&*self.view.members.get(&id)?, &*users.cached(id)?);
                if self.person {
                    name_as_spacebar(&mut member, id);
                }
                Some(member)
            })
            .collect();
        let mut chunk = json!({
            "guild_id": self.view.id,
            "members": members,
            "chunk_index": index,
            "chunk_count": count,
        });
        if index == 0 && !self.not_found.is_empty() {
            chunk["not_found"] = json!(self.not_found);
        }
        if self.presences {
            let presences = page.iter().filter_map(|id| self.view.presences.get(id));
            chunk["presences"] =
                presences.map(|presence| wire::presence(presence, self.view.id)).collect();
        }
        if let Some(nonce) = &self.nonce {
            chunk["nonce"] = json!(nonce);
        }
        Some(chunk)
    }
}

/// Gives a member the id of its user, by which Spacebar's clients know it; Discord's read past it.
pub(super) fn name_as_spacebar(member: &mut Value, user: UserId) {
    member["id"] = json!(user);
}

fn by_id(view: &Guild, request: &MembersRequest) -> (Vec<UserId>, Vec<String>) {
    let mut found = Vec::new();
    let mut not_found = Vec::new();
    for &id in request.user_ids.iter().take(MOST) {
        match Id::new_checked(id).filter(|id| view.members.contains_key(id)) {
            Some(id) if found.contains(&id) => {}
            Some(id) => found.push(id),
            None => not_found.push(id.to_string()),
        }
    }
    (found, not_found)
}

fn by_name(view: &Guild, users: &Users, request: &MembersRequest, viewer: &Viewer) -> Vec<UserId> {
    let query = request.query.as_deref().unwrap_or_default().to_lowercase();
    let limit = usize::try_from(request.limit.unwrap_or(0)).unwrap_or(usize::MAX);
    if query.is_empty() {
        // The whole list needs the privileged intent.
        let most = match limit {
            _ if !viewer.wants(Intents::GUILD_MEMBERS) => 0,
            0 => usize::MAX,
            limit => limit,
        };
        return view.members.keys().take(most).collect();
    }
    let most = if limit == 0 { MOST } else { limit.min(MOST) };
    view.called(users, &query, most)
}

/// Members that a query returns, and ids that a request may name, at most (Discord: Request Guild
/// Members).
const MOST: usize = 100;
/// Longest nonce, in bytes (Discord: Request Guild Members).
const NONCE: usize = 32;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use state::record::MemberRecord;

    use super::super::testing;
    use super::super::testing::ANA;
    use super::super::testing::BEN;
    use super::super::testing::CAI;
    use super::*;

    fn request(json: Value) -> MembersRequest {
        serde_json::from_value(json).unwrap()
    }

    /// A guild with so many more members than Ana, Ben and Cai.
    fn crowd(users: &Users, more: u64) -> GuildView {
        let mut guild = testing::guild();
        let ana = guild.members.get(&ANA).expect("a member");
        for (user, name) in [(ANA, "ana"), (BEN, "ben"), (CAI, "cai")] {
            users.put(testing::user(user, name));
        }
        for number in 0..more {
            let user = UserId::new(1_000 + number);
            users.put(testing::user(user, &format!("Guest{number}")));
            guild.members.insert(user, Arc::new(MemberRecord { user, ..(*ana).clone() }));
        }
        Arc::new(guild)
    }

    fn chunks(answer: &mut MembersAnswer, users: &Users) -> Vec<Value> {
        std::iter::from_fn(|| answer.next_chunk(users)).collect()
    }

    #[test]
    fn everyone_comes_in_numbered_chunks_of_a_thousand() {
        let users = testing::users();
        let view = crowd(&users, 2_300);
        let all = request(json!({ "guild_id": "10", "query": "", "limit": 0, "nonce": "n" }));
        let viewer = testing::viewer(ANA, Intents::all());

        let mut answer = MembersAnswer::new(view, &users, &all, &viewer).unwrap();

        let chunks = chunks(&mut answer, &users);
        let sizes: Vec<_> =
            chunks.iter().map(|chunk| chunk["members"].as_array().unwrap().len()).collect();
        assert_eq!(sizes, [1_000, 1_000, 303]);
        for (index, chunk) in chunks.iter().enumerate() {
            assert_eq!(chunk["chunk_index"], index);
            assert_eq!(chunk["chunk_count"], 3);
            assert_eq!(chunk["nonce"], "n");
        }
    }

    #[test]
    fn members_are_known_by_their_own_id_to_people_alone() {
        for bot in [true, false] {
            let users = testing::users();
            let view = crowd(&users, 0);
            let viewer = Viewer { bot, ..testing::viewer(ANA, Intents::all()) };
            let all = request(json!({ "guild_id": "10", "query": "", "limit": 0 }));
            let mut answer = MembersAnswer::new(view, &users, &all, &viewer).unwrap();

            let first = &chunks(&mut answer, &users)[0]["members"][0];

            let wanted = if bot { &Value::Null } else { &first["user"]["id"] };
            assert_eq!(&first["id"], wanted);
        }
    }

    #[test]
    fn the_whole_list_needs_the_privileged_intent() {
        let users = testing::users();
        let view = crowd(&users, 5);
        let all = request(json!({ "guild_id": "10", "query": "", "limit": 0 }));
        let viewer = testing::viewer(ANA, Intents::GUILDS);

        let mut answer = MembersAnswer::new(view, &users, &all, &viewer).unwrap();

        assert_eq!(chunks(&mut answer, &users)[0]["members"], json!([]));
    }

    #[test]
    fn a_prefix_is_matched_without_case_and_finds_a_hundred_at_most() {
        let users = testing::users();
        let view = crowd(&users, 150);
        let viewer = testing::viewer(ANA, Intents::GUILDS);
        let query = |query: &str| {
            let request = request(json!({ "guild_id": "10", "query": query, "limit": 1_000 }));
            let mut answer =
                MembersAnswer::new(Arc::clone(&view), &users, &request, &viewer).unwrap();
            chunks(&mut answer, &users)[0]["members"].as_array().unwrap().len()
        };

        assert_eq!(query("gUEST14"), 11);
        assert_eq!(query("guest"), 100);
        assert_eq!(query("uest"), 0);
    }

    #[test]
    fn ids_that_are_no_members_are_named() {
        let users = testing::users();
        let view = crowd(&users, 1);
        let viewer = testing::viewer(ANA, Intents::GUILDS);
        let ids = request(json!({ "guild_id": "10", "user_ids": ["1000", 77, "0"] }));

        let mut answer = MembersAnswer::new(view, &users, &ids, &viewer).unwrap();

        let chunks = chunks(&mut answer, &users);
        assert_eq!(chunks[0]["members"][0]["user"]["id"], "1000");
        assert_eq!(chunks[0]["not_found"], json!(["77", "0"]));
        assert_eq!(chunks[0]["chunk_count"], 1);
    }

    #[test]
    fn strangers_are_told_nothing() {
        let users = testing::users();
        let view = crowd(&users, 1);
        let all = request(json!({ "guild_id": "10", "query": "", "limit": 0 }));
        let stranger = testing::viewer(UserId::new(5), Intents::all());

        assert!(MembersAnswer::new(view, &users, &all, &stranger).is_none());
    }
}

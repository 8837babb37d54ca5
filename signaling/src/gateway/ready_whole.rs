//! READY of people's full clients: with their guilds in it, and READY_SUPPLEMENTAL after it
//! (userdoccers: Ready). Pure.
//!
//! Guilds are looked up one by one; what happens to them until the last is there is in its newest
//! snapshot, and everything else waits.

use std::collections::BTreeMap;

use model::id::GuildId;
use model::id::UserId;
use model::limits;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use state::GuildEvent;
use state::GuildView;
use state::UserEvent;
use state::users::Users;

use super::members;
use crate::wire;

/// See the module.
#[derive(Debug)]
pub(super) struct Pending {
    ready: Value,
    /// How many guilds are not looked up yet.
    missing: usize,
    views: BTreeMap<GuildId, Option<GuildView>>,
    held: Vec<UserEvent>,
}

impl Pending {
    /// READY without its guilds, of which there will be so many.
    pub(super) const fn new(ready: Value, guilds: usize) -> Self {
        Self { ready, missing: guilds, views: BTreeMap::new(), held: Vec::new() }
    }

    /// Whether all guilds are there.
    pub(super) const fn is_complete(&self) -> bool {
        self.missing == 0
    }

    /// A guild was looked up.
    pub(super) fn handle_guild(&mut self, guild: GuildId, view: Option<&GuildView>) {
        self.missing = self.missing.saturating_sub(1);
        self.views.insert(guild, view.cloned());
    }

    /// Something happened; the guild that it ended for `user`, if it did.
    pub(super) fn handle_event(&mut self, event: &UserEvent, user: UserId) -> Option<GuildId> {
        let UserEvent::Guild(publication) = event else {
            // As many as wait for a session at all.
            if self.held.len() < limits::SESSION_MAILBOX {
                self.held.push(event.clone());
            }
            return None;
        };
        let guild = &publication.guild;
        let view = self.views.get_mut(&guild.id)?;
        let ended = matches!(publication.event, GuildEvent::GuildDeleted)
            || !guild.members.contains_key(&user);
        *view = if ended { None } else { Some(guild.clone()) };
        ended.then_some(guild.id)
    }

    /// The guilds, by id.
    pub(super) fn views(&self) -> impl Iterator<Item = &GuildView> {
        self.views.values().flatten()
    }

    /// What waited.
    pub(super) fn take_held(&mut self) -> Vec<UserEvent> {
        std::mem::take(&mut self.held)
    }

    /// READY and its supplement of someone who is in no guild.
    pub(super) fn without_guilds(self) -> [Value; 2] {
        self.assemble(Vec::new(), &[])
    }

    /// READY and its supplement; `shown` are the guilds in the order of [`views`](Self::views).
    pub(super) fn with_guilds(self, shown: Vec<Value>, user: UserId, users: &Users) -> [Value; 2] {
        let account = users.cached(user);
        let own = self.views().map(|view| {
            let member = view.members.get(&user).zip(account.as_deref());
            let member = member.map(|(member, account)| {
                let mut value = wire::member(&member, account);
                value["guild_id"] = json!(view.id);
                value["user_id"] = json!(user);
                members::name_as_spacebar(&mut value, user);
                value
            });
            member.into_iter().collect::<Vec<_>>()
        });
        let own: Vec<_> = own.collect();
        self.assemble(shown, &own)
    }

    fn assemble(self, shown: Vec<Value>, own: &[Vec<Value>]) -> [Value; 2] {
        let mut ready = self.ready;
        let supplement = shown.iter().map(|guild| {
            json!({
                "id": guild["id"],
                "voice_states": guild["voice_states"],
                "activity_instances": [],
            })
        });
        let supplement: Vec<_> = supplement.collect();
        let presences: Vec<_> = shown.iter().map(|guild| guild["presences"].clone()).collect();
        let supplement = json!({
            "guilds": supplement,
            "merged_members": own,
            "merged_presences": { "guilds": presences, "friends": ready["presences"] },
            "lazy_private_channels": [],
            "disclose": [],
            "game_invites": [],
        });
        ready["merged_members"] = json!(own);
        ready["guilds"] = Value::Array(shown);
        [ready, supplement]
    }
}

/// What the guild itself is, apart from what is in it, as newer clients read it.
pub(super) fn with_properties(guild: &mut Value) {
    const PARTS: [&str; 15] = [
        "roles",
        "emojis",
        "stickers",
        "channels",
        "threads",
        "members",
        "presences",
        "voice_states",
        "stage_instances",
        "guild_scheduled_events",
        "soundboard_sounds",
        "member_count",
        "large",
        "joined_at",
        "unavailable",
    ];
    let Value::Object(map) = guild else { return };
    let properties: Map<_, _> = map
        .iter()
        .filter(|(key, _)| !PARTS.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    map.insert("properties".to_owned(), Value::Object(properties));
    map.insert("data_mode".to_owned(), json!("full"));
    map.insert("version".to_owned(), json!(0));
}

/// Fields of READY that people's clients index and that tell nothing here; and everyone whom it names.
pub(super) fn complete(ready: &mut Value) {
    let mut users = BTreeMap::new();
    let recipients = ready["private_channels"].as_array().into_iter().flatten();
    let recipients = recipients.filter_map(|channel| channel["recipients"].as_array());
    let others = ready["relationships"].as_array().into_iter().flatten();
    let others = others.map(|one| &one["user"]);
    for user in recipients.flatten().chain(others) {
        if let Some(id) = user["id"].as_str() {
            users.insert(id.to_owned(), user.clone());
        }
    }
    ready["users"] = users.into_values().collect();
    for (key, value) in [
        ("merged_members", json!([])),
        ("experiments", json!([])),
        ("guild_experiments", json!([])),
        ("connected_accounts", json!([])),
        ("geo_ordered_rtc_regions", json!([])),
        ("consents", json!({ "personalization": { "consented": false } })),
        ("notification_settings", json!({ "flags": 0 })),
        ("friend_suggestion_count", json!(0)),
        ("api_code_version", json!(1)),
        ("country_code", Value::Null),
        ("analytics_token", Value::Null),
        ("tutorial", Value::Null),
        ("auth_session_id_hash", Value::Null),
    ] {
        ready[key] = value;
    }
}

//! READY and what an Identify must have for it.

use model::gateway::CloseCode;
use model::gateway::Intents;
use model::id::GuildId;
use serde_json::Value;
use serde_json::json;
use state::presence::Client;
use state::presence::SessionPresence;
use state::record::AccountRecord;
use state::repo::RepoError;

use super::incoming::Identify;
use crate::auth::Identity;
use crate::parts::Parts;
use crate::wire;

/// An Identify that may go on.
pub(super) struct Wanted {
    pub intents: Intents,
    pub shard: Option<[u64; 2]>,
    pub large_threshold: usize,
    pub presence: SessionPresence,
}

/// Checks an Identify against its account.
///
/// # Errors
///
/// The code that the socket is to be closed with.
pub(super) fn check(
    identify: &Identify,
    identity: &Identity,
    now_ms: u64,
) -> Result<Wanted, CloseCode> {
    let intents = match (identity.application.as_deref(), identify.intents) {
        (None, _) => Intents::all(),
        (Some(_), None) => return Err(CloseCode::InvalidIntents),
        (Some(application), Some(bits)) => {
            if bits & !KNOWN_INTENTS != 0 {
                return Err(CloseCode::InvalidIntents);
            }
            let intents = Intents::from_bits_truncate(bits);
            for (intent, switches) in PRIVILEGED {
                if intents.contains(intent) && application.flags & switches == 0 {
                    return Err(CloseCode::DisallowedIntents);
                }
            }
            intents
        }
    };
    if let Some([id, count]) = identify.shard
        && (count == 0 || id >= count)
    {
        return Err(CloseCode::InvalidShard);
    }
    let client = client(&identify.properties);
    let presence = identify
        .presence
        .as_ref()
        .filter(|presence| !presence.is_null())
        .and_then(|presence| wire::session_presence(presence, client, now_ms))
        .or_else(|| wire::session_presence(&json!({}), client, now_ms))
        .ok_or(CloseCode::DecodeError)?;
    let large_threshold = identify.large_threshold.unwrap_or(50).clamp(50, 250);
    Ok(Wanted {
        intents,
        shard: identify.shard,
        large_threshold: usize::try_from(large_threshold).unwrap_or(250),
        presence,
    })
}

/// Intents that exist (Discord: List of Intents): bits 0 to 16, 20, 21, 24, 25 and reserved ones
/// that libraries' "all" includes.
const KNOWN_INTENTS: u64 = (1 << 30) - 1;

/// Which intents need a switch of the application, and the flags that are its switch: the full
/// one and the one of small bots (Discord: Application Flags).
const PRIVILEGED: [(Intents, u64); 3] = [
    (Intents::GUILD_PRESENCES, 1 << 12 | 1 << 13),
    (Intents::GUILD_MEMBERS, 1 << 14 | 1 << 15),
    (Intents::MESSAGE_CONTENT, 1 << 18 | 1 << 19),
];

/// The kind of client that the properties of Identify describe.
fn client(properties: &Value) -> Client {
    let text = |key: &str| {
        properties
            .get(key)
            .or_else(|| properties.get(format!("${key}")))
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    let (os, browser) = (text("os"), text("browser"));
    if ["android", "ios"].iter().any(|mobile| os.contains(mobile) || browser.contains(mobile)) {
        Client::Mobile
    } else if browser.contains("client") {
        Client::Desktop
    } else {
        Client::Web
    }
}

/// Whether a guild belongs to a gateway shard (Discord: Sharding).
pub(super) fn on_shard(guild: GuildId, shard: Option<[u64; 2]>) -> bool {
    shard.is_none_or(|[id, count]| (guild.get() >> 22) % count.max(1) == id)
}

/// The payload of READY.
///
/// # Errors
///
/// Storage errors.
pub(super) async fn payload(
    parts: &Parts,
    identity: &Identity,
    account: &AccountRecord,
    wanted: &Wanted,
    session: &str,
    resume_url: &str,
    version: u64,
) -> Result<Value, RepoError> {
    let guilds: Vec<_> = parts
        .store
        .guilds_of(identity.id())
        .iter()
        .filter(|guild| on_shard(guild.id(), wanted.shard))
        .map(|guild| json!({ "id": guild.id(), "unavailable": true }))
        .collect();
    let mut ready = json!({
        "v": version,
        "user": wire::private_user(account),
        "guilds": guilds,
        "session_id": session,
        "resume_gateway_url": resume_url,
        "shard": wanted.shard.unwrap_or([0, 1]),
        "session_type": "normal",
        "private_channels": [],
        "relationships": [],
        "presences": [],
        "guild_join_requests": [],
        "_trace": [],
    });
    if let Some(application) = &identity.application {
        ready["application"] = json!({ "id": application.id, "flags": application.flags });
    } else {
        let mut channels = Vec::new();
        for channel in parts.store.private_of(identity.id()).await? {
            let people = parts.store.users().load(&channel.recipients).await?;
            channels.push(wire::private_channel(&channel, identity.id(), &people));
        }
        ready["private_channels"] = Value::Array(channels);
        ready["user_settings"] = json!({});
        ready["user_guild_settings"] = json!({ "entries": [], "partial": false, "version": 0 });
        ready["read_state"] = json!({ "entries": [], "partial": false, "version": 0 });
        ready["instance_owner"] = json!(identity.owner);
    }
    Ok(ready)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use state::record::ApplicationRecord;
    use state::record::UserRecord;

    use super::*;

    fn bot(flags: u64) -> Identity {
        let user = UserRecord {
            id: model::id::UserId::new(5),
            username: "bot".to_owned(),
            global_name: None,
            avatar: None,
            bot: true,
            flags: 0,
        };
        let application =
            ApplicationRecord { id: user.id.cast(), name: "bot".to_owned(), owner: None, flags };
        Identity { user: Arc::new(user), application: Some(Arc::new(application)), owner: false }
    }

    fn identify(json: Value) -> Identify {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn privileged_intents_need_their_switch() {
        let wanted = identify(json!({ "token": "t", "intents": 1 << 15 }));

        assert_eq!(check(&wanted, &bot(0), 0).err(), Some(CloseCode::DisallowedIntents));
        assert!(check(&wanted, &bot(1 << 18), 0).is_ok());
        assert!(check(&wanted, &bot(1 << 19), 0).is_ok());
    }

    #[test]
    fn intents_that_do_not_exist_and_shards_that_cannot_be_are_refused() {
        let intents = identify(json!({ "token": "t", "intents": 1_u64 << 40 }));
        let none = identify(json!({ "token": "t" }));
        let shard = identify(json!({ "token": "t", "intents": 1, "shard": [2, 2] }));

        assert_eq!(check(&intents, &bot(0), 0).err(), Some(CloseCode::InvalidIntents));
        assert_eq!(check(&none, &bot(0), 0).err(), Some(CloseCode::InvalidIntents));
        assert_eq!(check(&shard, &bot(0), 0).err(), Some(CloseCode::InvalidShard));
    }
}

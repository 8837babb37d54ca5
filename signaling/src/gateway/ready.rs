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

use super::filter::GatewayShard;
use super::filter::Viewer;
use super::friends;
use super::incoming::Identify;
use super::own;
use super::ready_whole;
use super::session::PassiveForm;
use crate::auth::Identity;
use crate::cdn::Origin;
use crate::parts::Parts;
use crate::rest::screening;
use crate::rest::settings;
use crate::wire;

/// An Identify that may go on.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Who hears what.
    pub viewer: Viewer,
    /// What the session says of its user.
    pub presence: SessionPresence,
    /// The parts of the guilds as the client counts them, if it does.
    pub shard: Option<[u64; 2]>,
    /// Whether guilds are wanted in READY itself, as people's full clients do.
    pub whole: bool,
    /// Whether calls that go on are told after it (userdoccers: Gateway Capabilities). Clients that name
    /// no capabilities could not ask for it, and are told.
    pub calls: bool,
    /// How little it wants to be told of guilds that it does not look at.
    pub passive: Option<PassiveForm>,
}

/// Checks an Identify against its account; `origin` is where its client finds our files, `now_ms`
/// Unix milliseconds.
///
/// # Errors
///
/// The code that the socket is to be closed with.
pub(super) fn check(
    identify: &Identify,
    identity: &Identity,
    origin: Origin,
    now_ms: u64,
) -> Result<Wanted, CloseCode> {
    let shard = match identify.shard {
        None => GatewayShard::WHOLE,
        Some([id, count]) if id < count => GatewayShard { id, count },
        Some(_) => return Err(CloseCode::InvalidShard),
    };
    let client = client(&identify.properties);
    let said = identify.presence.as_ref().filter(|presence| !presence.is_null());
    let presence = said
        .and_then(|presence| wire::session_presence(presence, client, now_ms))
        .or_else(|| wire::session_presence(&json!({}), client, now_ms))
        .ok_or(CloseCode::DecodeError)?;
    let large_threshold = identify.large_threshold.unwrap_or(50).clamp(50, 250);
    let viewer = Viewer {
        user: identity.id(),
        bot: identity.user.bot,
        intents: intents(identify.intents, identity)?,
        shard,
        large_threshold: usize::try_from(large_threshold).unwrap_or(250),
        origin,
    };
    let whole = identify.capabilities.is_some() && !identity.user.bot;
    let calls = identify.capabilities.is_none_or(|bits| bits & AUTO_CALL_CONNECT != 0);
    let calls = calls && !identity.user.bot;
    let passive = identify.capabilities.filter(|_| whole).and_then(PassiveForm::asked);
    Ok(Wanted { viewer, presence, shard: identify.shard, whole, calls, passive })
}

/// The capability of a client that does not ask for calls by op 13.
const AUTO_CALL_CONNECT: u64 = 1 << 12;

/// What was asked for and may be granted. People's clients know no intents and hear everything.
fn intents(asked: Option<u64>, identity: &Identity) -> Result<Intents, CloseCode> {
    let Some(bits) = asked else {
        return if identity.user.bot { Err(CloseCode::InvalidIntents) } else { Ok(Intents::all()) };
    };
    let intents = Intents::from_bits(bits).ok_or(CloseCode::InvalidIntents)?;
    if identity.user.bot {
        let flags = identity.application.as_ref().map_or(0, |application| application.flags);
        for (intent, switches) in PRIVILEGED {
            if intents.contains(intent) && flags & switches == 0 {
                return Err(CloseCode::DisallowedIntents);
            }
        }
    }
    Ok(intents)
}

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

/// What sessions call a kind of client.
const fn client_name(client: Client) -> &'static str {
    match client {
        Client::Desktop => "desktop",
        Client::Mobile => "mobile",
        Client::Web => "web",
    }
}

/// What READY tells beside the account and its guilds.
#[derive(Debug, Clone)]
pub(super) struct Greeting {
    /// Version of the API.
    pub version: u64,
    /// The session's id.
    pub session: String,
    /// `ws[s]://host`, without path and query: clients append theirs.
    pub resume_url: String,
}

/// The payload of READY, for a user who is in `guilds`.
///
/// # Errors
///
/// Storage errors.
pub(super) async fn payload(
    parts: &Parts,
    identity: &Identity,
    account: &AccountRecord,
    wanted: &Wanted,
    guilds: &[GuildId],
    greeting: &Greeting,
) -> Result<Value, RepoError> {
    let guilds: Vec<_> = guilds.iter().map(|id| json!({ "id": id, "unavailable": true })).collect();
    let mut ready = json!({
        "v": greeting.version,
        "user": wire::private_user(account),
        "guilds": guilds,
        "session_id": greeting.session,
        "resume_gateway_url": greeting.resume_url,
        "session_type": "normal",
        "private_channels": [],
        "relationships": [],
        "presences": [],
        "guild_join_requests": screening::open(&parts.store, identity.id()),
        "_trace": [],
    });
    if let Some(shard) = wanted.shard {
        ready["shard"] = json!(shard);
    } else if identity.user.bot {
        ready["shard"] = json!([0, 1]);
    }
    if let Some(application) = &identity.application {
        ready["application"] = json!({ "id": application.id, "flags": application.flags });
    }
    if !identity.user.bot {
        let mut channels = Vec::new();
        let privates = parts.store.private_of(identity.id()).await?;
        friends::greet(parts, identity.id(), &mut ready).await?;
        own::read(parts, identity.id(), &privates, &mut ready).await?;
        for channel in privates {
            let people = parts.store.users().load(&channel.recipients).await?;
            channels.push(wire::private_channel(&channel, identity.id(), &people));
        }
        ready["private_channels"] = Value::Array(channels);
        ready["user_settings"] = settings::shown(parts, identity.id()).await?;
        ready["user_settings_proto"] = json!(settings::preloaded(parts, identity.id()).await?);
        let profile = parts.settings.profile(identity.id()).await?;
        ready["user"]["bio"] = json!(profile.bio);
        ready["user"]["accent_color"] = json!(profile.accent_color);
        let session = json!({
            "session_id": greeting.session,
            "status": wanted.presence.status,
            "activities": wanted.presence.activities,
            "client_info": { "client": client_name(wanted.presence.client), "os": "unknown", "version": 0 },
            "active": true,
        });
        ready["sessions"] = json!([session]);
        ready_whole::complete(&mut ready);
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
        let application = ApplicationRecord::new(user.id.cast(), "bot".to_owned(), None, flags);
        Identity { user: Arc::new(user), application: Some(Arc::new(application)), owner: false }
    }

    fn person() -> Identity {
        let user = UserRecord { bot: false, ..(*bot(0).user).clone() };
        Identity { user: Arc::new(user), application: None, owner: false }
    }

    fn check(identify: &Identify, identity: &Identity) -> Result<Wanted, CloseCode> {
        let config = crate::config::SignalingConfig::default();
        super::check(identify, identity, Origin::new(&config, "localhost", true), 0)
    }

    fn identify(json: Value) -> Identify {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn privileged_intents_need_their_switch() {
        for (bit, limited, full) in [(8, 13, 12), (1, 15, 14), (15, 19, 18)] {
            let wanted = identify(json!({ "token": "t", "intents": 1 << bit }));

            assert_eq!(check(&wanted, &bot(0)).err(), Some(CloseCode::DisallowedIntents));
            assert!(check(&wanted, &bot(1 << limited)).is_ok());
            assert!(check(&wanted, &bot(1 << full)).is_ok());
            assert_eq!(check(&wanted, &bot(1 << 20)).err(), Some(CloseCode::DisallowedIntents));
        }
    }

    #[test]
    fn a_bot_must_name_intents_and_only_such_as_exist() {
        for intents in [None, Some(1_u64 << 17), Some(1 << 40)] {
            let wanted = identify(json!({ "token": "t", "intents": intents }));

            assert_eq!(check(&wanted, &bot(u64::MAX)).err(), Some(CloseCode::InvalidIntents));
        }
        let every = identify(json!({ "token": "t", "intents": 53_608_447 }));
        assert_eq!(check(&every, &bot(u64::MAX)).unwrap().viewer.intents, Intents::all());
    }

    #[test]
    fn people_hear_everything_unless_they_ask_for_less() {
        let silent = check(&identify(json!({ "token": "t" })), &person()).unwrap();
        let modest = identify(json!({ "token": "t", "intents": 1 << 15 | 1 }));

        assert_eq!(silent.viewer.intents, Intents::all());
        let modest = check(&modest, &person()).unwrap().viewer.intents;
        assert_eq!(modest, Intents::GUILDS | Intents::MESSAGE_CONTENT);
    }

    #[test]
    fn a_shard_that_cannot_be_closes_with_4010() {
        for shard in [[2, 2], [0, 0], [9, 3]] {
            let wanted = identify(json!({ "token": "t", "intents": 1, "shard": shard }));

            assert_eq!(check(&wanted, &bot(0)).err(), Some(CloseCode::InvalidShard));
        }
        let wanted = identify(json!({ "token": "t", "intents": 1, "shard": [1, 2] }));
        let shard = check(&wanted, &bot(0)).unwrap().viewer.shard;
        assert_eq!(shard, GatewayShard { id: 1, count: 2 });
    }

    #[test]
    fn the_kind_of_client_is_told_by_its_properties() {
        for (properties, kind) in [
            (
                json!({ "os": "linux", "browser": "discord.py", "device": "discord.py" }),
                Client::Web,
            ),
            (json!({ "$os": "android", "$browser": "Discord Android" }), Client::Mobile),
            (json!({ "os": "ios", "browser": "x" }), Client::Mobile),
            (json!({ "os": "Windows", "browser": "Discord Client" }), Client::Desktop),
            (json!(7), Client::Web),
        ] {
            let wanted = identify(json!({
                "token": "t", "intents": 1, "properties": properties,
                "presence": { "status": "dnd", "activities": [], "afk": false, "since": null },
            }));

            let presence = check(&wanted, &bot(0)).unwrap().presence;

            assert_eq!(presence.client, kind, "{properties}");
            assert_eq!(presence.status, model::wire::gateway::presence::Status::DoNotDisturb);
        }
    }
}

//! Friends hear how present one is, whatever guilds they share (userdoccers: Presence Update).

use model::gateway::DispatchName;
use model::id::UserId;
use serde_json::Value;
use serde_json::json;
use state::UserEvent;
use state::event::Personal;
use state::presence::Presence;
use state::relationship::Bond;
use state::repo::RepoError;
use std::sync::Arc;

use crate::parts::Parts;
use crate::wire;

/// The presence of someone outside any guild.
fn shown(parts: &Parts, user: UserId) -> Value {
    let presence = parts.store.presence_of(user);
    let presence = presence.unwrap_or_else(|| Arc::new(Presence::offline(user)));
    let mut value = wire::presence_of_friend(&presence);
    // With the name: it may be what changed.
    if let Some(user) = parts.store.users().cached(user) {
        value["user"] = wire::user(&user);
    }
    value
}

fn tell(parts: &Parts, to: UserId, body: Value) {
    let (messages, files) = (Vec::new(), Vec::new());
    let personal =
        Personal { name: DispatchName::PresenceUpdate, guild: None, body, messages, files };
    parts.store.notify(to, UserEvent::Personal(Arc::new(personal)));
}

/// Tells the connected friends of `user` of a changed presence, name or picture.
pub(crate) async fn announce(parts: &Parts, user: UserId) {
    if parts.store.users().cached(user).is_some_and(|user| user.bot) {
        return;
    }
    let all = match parts.relationships.of_user(user).await {
        Ok(all) => all,
        Err(error) => return tracing::warn!(%error, "friends are not told of a presence"),
    };
    let mut friends = all
        .iter()
        .filter(|one| one.bond == Bond::Friend && parts.store.is_connected(one.other))
        .peekable();
    if friends.peek().is_some() {
        let body = shown(parts, user);
        friends.for_each(|friend| tell(parts, friend.other, body.clone()));
    }
}

/// Shows two people each other, as they became friends.
pub(crate) fn introduce(parts: &Parts, [one, other]: [UserId; 2]) {
    tell(parts, one, shown(parts, other));
    tell(parts, other, shown(parts, one));
}

/// What READY tells of friends: relationships, and who of them is not offline.
///
/// # Errors
///
/// Storage errors.
pub(super) async fn greet(parts: &Parts, me: UserId, ready: &mut Value) -> Result<(), RepoError> {
    let all = crate::rest::relationships::shown(parts, me).await?;
    let friends = all.iter().filter(|one| one["type"] == json!(Bond::Friend as u8));
    let ids = friends.filter_map(|one| one["id"].as_str()?.parse::<UserId>().ok());
    let present = ids.filter_map(|id| parts.store.presence_of(id));
    ready["presences"] = present.map(|presence| wire::presence_of_friend(&presence)).collect();
    ready["relationships"] = Value::Array(all);
    Ok(())
}

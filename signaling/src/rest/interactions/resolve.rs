//! What the values of an interaction name, in full: its `resolved` data (Discord: Interaction Data).

use model::id::ChannelId;
use model::id::RoleId;
use model::id::UserId;
use model::wire::channel::Attachment;
use model::wire::guild::Permissions;
use model::wire::id::Id;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::options::Names;
use crate::auth::Identity;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::error::FormErrors;
use crate::rest::messages::place::Place;
use crate::wire;

/// Resolves names as `me` sees them in `place`. Files are left for whoever knows how their URLs look.
///
/// # Errors
///
/// 50035 for whom or what is not there, or not to be seen.
pub(super) async fn resolve(
    parts: &Parts,
    me: &Identity,
    place: &Place,
    names: &Names,
) -> Result<Map<String, Value>, ApiError> {
    let view = place.view.as_deref();
    let now_ms = parts.now_ms();
    let role = |id: u64| view?.roles.get(&RoleId::new_checked(id)?);
    let mut users = names.users.clone();
    let mut roles = names.roles.clone();
    for &id in &names.mentionables {
        if role(id).is_some() { roles.push(id) } else { users.push(id) }
    }
    let mut resolved = Resolved::default();
    let ids: Vec<UserId> = users.iter().filter_map(|&id| Id::new_checked(id)).collect();
    for user in parts.store.users().load(&ids).await? {
        let id = user.id.to_string();
        if let Some(member) = view.and_then(|view| view.members.get(&user.id)) {
            let mut value = wire::member_without_user(&member);
            value["permissions"] = json!(
                view.map(|view| view.permissions_in(user.id, place.channel, now_ms).0)
                    .unwrap_or_else(Permissions::empty)
                    .bits()
                    .to_string()
            );
            resolved.put("members", &id, value);
        }
        resolved.put("users", &id, wire::user(&user));
    }
    let mut errors = FormErrors::default();
    for id in users {
        if !resolved.has("users", id) {
            errors.push("data", "BASE_TYPE_CHOICES", format!("There is no user {id}."));
        }
    }
    for id in roles {
        match role(id) {
            Some(role) => resolved.put("roles", &id.to_string(), wire::role(role)),
            None => errors.push("data", "BASE_TYPE_CHOICES", format!("There is no role {id}.")),
        }
    }
    for (id, path, kinds) in &names.channels {
        let channel = view.and_then(|view| view.channels.get(&ChannelId::new_checked(*id)?));
        let allowed = |channel| view.map(|view| view.permissions_in(me.id(), channel, now_ms).0);
        let seen = channel.and_then(|channel| Some((channel, allowed(channel.id)?)));
        match seen.filter(|(_, allowed)| allowed.contains(Permissions::VIEW_CHANNEL)) {
            Some((channel, allowed)) => {
                if !kinds.is_empty() && !kinds.contains(&u8::from(channel.kind)) {
                    errors.push(path, "BASE_TYPE_CHOICES", "This is no channel of that type.");
                }
                let mut value = wire::channel(channel);
                value["permissions"] = json!(allowed.bits().to_string());
                resolved.put("channels", &id.to_string(), value);
            }
            None => errors.push(path, "BASE_TYPE_CHOICES", "There is no such channel."),
        }
    }
    errors.finish()?;
    Ok(resolved.0)
}

/// Where files stand in an interaction, by their ids.
pub(super) fn files(attachments: &[Attachment]) -> Vec<(String, Attachment)> {
    let place = |id| format!("/data/resolved/attachments/{id}");
    attachments.iter().map(|file| (place(file.id), file.clone())).collect()
}

#[derive(Default)]
struct Resolved(Map<String, Value>);

impl Resolved {
    fn put(&mut self, kind: &str, id: &str, value: Value) {
        let kind = self.0.entry(kind).or_insert_with(|| json!({}));
        kind[id] = value;
    }

    fn has(&self, kind: &str, id: u64) -> bool {
        self.0.get(kind).is_some_and(|kind| kind.get(id.to_string()).is_some())
    }
}

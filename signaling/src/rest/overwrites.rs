//! Overwrites of a channel, one at a time.

use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::ChannelId;
use model::permissions;
use model::wire::channel::permission_overwrite::PermissionOverwrite;
use model::wire::channel::permission_overwrite::PermissionOverwriteType;
use model::wire::guild::Permissions;
use model::wire::id::Id;
use model::wire::id::marker::GenericMarker;
use serde::Deserialize;
use state::GuildCommand;
use state::audit::AuditAction;
use state::store::ChannelHome;

use super::ApiError;
use super::channels;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::Reason;
use super::route::Needs;
use super::route::Routes;
use super::route::effects;
use super::route::put;
use crate::auth::Identity;
use crate::parts::Parts;

pub(super) fn routes() -> Routes {
    Routes::new().route(
        "/channels/{channel}/permissions/{overwrite}",
        put(set)
            .needs(Needs::All(Permissions::MANAGE_ROLES))
            .may_log(&[AuditAction::ChannelOverwriteCreate, AuditAction::ChannelOverwriteUpdate])
            .tells(&[DispatchName::ChannelUpdate])
            .may_tell(effects::SIGHT)
            .delete(remove)
            .needs(Needs::All(Permissions::MANAGE_ROLES))
            .logs(&[AuditAction::ChannelOverwriteDelete])
            .tells(&[DispatchName::ChannelUpdate])
            .may_tell(effects::SIGHT),
    )
}

/// An overwrite in a request: what is left out or null is nothing, and the kind may be a word (as
/// old libraries write it).
#[derive(Debug, Deserialize)]
pub(super) struct Overwrite {
    #[serde(default)]
    pub(super) id: Option<Id<GenericMarker>>,
    #[serde(rename = "type", default)]
    kind: Kind,
    #[serde(default, deserialize_with = "permissions::read")]
    allow: Option<Permissions>,
    #[serde(default, deserialize_with = "permissions::read")]
    deny: Option<Permissions>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
enum Kind {
    #[default]
    Role,
    Number(u8),
    Word(KindWord),
}

#[derive(Debug, Deserialize)]
enum KindWord {
    #[serde(rename = "role", alias = "0")]
    Role,
    #[serde(rename = "member", alias = "1")]
    Member,
}

impl Overwrite {
    /// The overwrite of `id`.
    pub(super) fn of(self, id: Id<GenericMarker>) -> PermissionOverwrite {
        PermissionOverwrite {
            id,
            kind: match self.kind {
                Kind::Role | Kind::Word(KindWord::Role) => PermissionOverwriteType::Role,
                Kind::Word(KindWord::Member) => PermissionOverwriteType::Member,
                Kind::Number(number) => number.into(),
            },
            allow: self.allow.unwrap_or(Permissions::empty()),
            deny: self.deny.unwrap_or(Permissions::empty()),
        }
    }
}

/// The overwrites of a new or changed channel, each of which must say whose it is.
pub(super) fn all(overwrites: Vec<Overwrite>) -> Result<Vec<PermissionOverwrite>, ApiError> {
    let mut errors = super::error::FormErrors::default();
    let mut known = Vec::with_capacity(overwrites.len());
    for (at, overwrite) in overwrites.into_iter().enumerate() {
        match overwrite.id {
            Some(id) => known.push(overwrite.of(id)),
            None => errors.push(
                &format!("permission_overwrites.{at}.id"),
                "BASE_TYPE_REQUIRED",
                "This field is required",
            ),
        }
    }
    errors.finish()?;
    Ok(known)
}

/// `PUT /channels/{channel.id}/permissions/{overwrite.id}`
async fn set(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, id)): Path<(ChannelId, Id<GenericMarker>)>,
    reason: Reason,
    Json(body): Json<Overwrite>,
) -> Result<StatusCode, ApiError> {
    let command = GuildCommand::SetOverwrite(channel, body.of(id));
    execute(&parts, &me, reason, channel, command).await
}

/// `DELETE /channels/{channel.id}/permissions/{overwrite.id}`
async fn remove(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path((channel, id)): Path<(ChannelId, Id<GenericMarker>)>,
    reason: Reason,
) -> Result<StatusCode, ApiError> {
    let command = GuildCommand::RemoveOverwrite(channel, id.get());
    execute(&parts, &me, reason, channel, command).await
}

async fn execute(
    parts: &Parts,
    me: &Identity,
    reason: Reason,
    channel: ChannelId,
    command: GuildCommand,
) -> Result<StatusCode, ApiError> {
    let ChannelHome::Guild(guild) =
        channels::open(parts, me, channel, Permissions::empty()).await?
    else {
        return Err(ErrorCode::CannotExecuteOnPrivateChannel.into());
    };
    parts.store.execute(guild.id(), reason.by(me.id()), command).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::extract::parse;

    #[test]
    fn overwrites_are_read_as_libraries_write_them() {
        let read = |text: &str| parse::<Overwrite>(text.as_bytes()).unwrap().of(Id::new(5));

        let plain = read(r#"{"type":1,"allow":"1024","deny":"2048"}"#);
        assert_eq!(plain.kind, PermissionOverwriteType::Member);
        assert_eq!(plain.allow, Permissions::VIEW_CHANNEL);
        assert_eq!(plain.deny, Permissions::SEND_MESSAGES);

        let numbers = read(r#"{"type":"member","allow":1024,"deny":null}"#);
        assert_eq!(numbers, PermissionOverwrite { deny: Permissions::empty(), ..plain });

        let bare = read("{}");
        assert_eq!(bare.kind, PermissionOverwriteType::Role);
        assert_eq!(bare.allow, Permissions::empty());
    }
}

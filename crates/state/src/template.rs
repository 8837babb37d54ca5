//! Templates: a guild's structure as it was, and new guilds that are founded like it. Pure.
//!
//! What is kept has the source's ids; the new guild has ids of its own, and clients are shown
//! numbers that mean nothing elsewhere.

use std::collections::HashMap;
use std::sync::Arc;

use model::id::ChannelId;
use model::id::GuildId;
use model::id::RoleId;
use model::id::UserId;
use model::limits;
use model::permissions::Kept;
use model::permissions::Restore;
use model::wire::channel::Channel;
use model::wire::channel::permission_overwrite::PermissionOverwrite;
use model::wire::channel::permission_overwrite::PermissionOverwriteType;
use model::wire::guild::Role;
use model::wire::id::Id;
use model::wire::util::Timestamp;
use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;

use crate::guild::Guild;
use crate::guild::GuildSettings;
use crate::guild::command::is_creatable;
use crate::guild::plan::Denied;
use crate::guild::plan::field;
use crate::record::MemberRecord;
use crate::screening::Screening;

/// A template as storage keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TemplateRecord {
    /// Names it; whoever knows it may found a guild of it.
    pub code: String,
    /// The guild that it is of.
    pub guild: GuildId,
    /// 1 to 100 characters.
    pub name: String,
    /// Up to 120 characters.
    #[serde(default)]
    pub description: Option<String>,
    /// Who made it.
    pub creator: UserId,
    /// Unix milliseconds of its making.
    pub created_ms: u64,
    /// Unix milliseconds at which it was last brought up to date.
    pub updated_ms: u64,
    /// How many guilds were founded of it. A column of its own.
    #[serde(skip)]
    pub uses: u32,
    /// What it makes.
    pub snapshot: Snapshot,
}

/// A guild's structure: its settings, roles and channels, no people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its settings; the owner means nothing.
    pub settings: Arc<GuildSettings>,
    /// `@everyone` first, then by position.
    #[serde(deserialize_with = "kept")]
    pub roles: Vec<Arc<Role>>,
    /// Categories first, then by position.
    #[serde(deserialize_with = "kept")]
    pub channels: Vec<Arc<Channel>>,
}

/// Reads shapes with all their permissions.
fn kept<'de, D: Deserializer<'de>, T: Restore>(from: D) -> Result<Vec<Arc<T>>, D::Error> {
    let kept = Vec::<Kept<T>>::deserialize(from)?;
    Ok(kept.into_iter().map(|kept| Arc::new(kept.0)).collect())
}

impl Snapshot {
    /// The structure of `guild` now: without what bots manage, and without rules for single people.
    #[must_use]
    pub fn of(guild: &Guild) -> Self {
        let everyone = guild.id.cast();
        let kept = guild.roles.values().filter(|role| role.id == everyone || !role.managed);
        let mut roles: Vec<_> = kept.cloned().collect();
        roles.sort_by_key(|role| (role.id != everyone, role.position, role.id));
        let known = |overwrite: &PermissionOverwrite| {
            overwrite.kind == PermissionOverwriteType::Role
                && roles.iter().any(|role| role.id == overwrite.id.cast())
        };
        let channels = guild.channels.values().filter(|channel| is_creatable(channel.kind));
        let mut channels: Vec<_> = channels
            .map(|channel| {
                let mut channel = (**channel).clone();
                channel.last_message_id = None;
                channel.last_pin_timestamp = None;
                if let Some(overwrites) = &mut channel.permission_overwrites {
                    overwrites.retain(known);
                }
                Arc::new(channel)
            })
            .collect();
        channels.sort_by_key(|channel| {
            (channel.parent_id.is_some(), channel.position.unwrap_or(0), channel.id)
        });
        let settings = GuildSettings {
            icon: None,
            owner: UserId::new(1),
            afk_channel: guild.settings.afk_channel,
            // Its channels are not there.
            new_members: None,
            screening: Screening::default(),
            ..(*guild.settings).clone()
        };
        Self { settings: Arc::new(settings), roles, channels }
    }

    /// The number by which clients are shown a role: 0 is `@everyone`.
    #[must_use]
    pub fn role_number(&self, role: RoleId) -> Option<usize> {
        self.roles.iter().position(|known| known.id == role)
    }

    /// The number by which clients are shown a channel, from 1.
    #[must_use]
    pub fn channel_number(&self, channel: ChannelId) -> Option<usize> {
        Some(self.channels.iter().position(|known| known.id == channel)? + 1)
    }
}

/// Who founds a guild of a template, and what it is called.
#[derive(Debug, Clone, PartialEq)]
pub struct Founding {
    /// Its id.
    pub id: GuildId,
    /// 2 to 100 characters.
    pub name: String,
    /// The first member.
    pub owner: UserId,
    /// Hash of the icon.
    pub icon: Option<String>,
    /// When.
    pub now: Timestamp,
}

impl Guild {
    /// A new guild with its owner in it, at version 1, structured as `snapshot` says. `fresh` makes
    /// ids that nothing has.
    ///
    /// # Errors
    ///
    /// [`Denied::Field`] when the name is too short or too long.
    pub fn found_like(
        snapshot: &Snapshot,
        founding: Founding,
        mut fresh: impl FnMut() -> u64,
    ) -> Result<Self, Denied> {
        let name = founding.name.trim();
        field::length("name", name, limits::GUILD_NAME)?;
        let everyone: RoleId = founding.id.cast();
        let roles: HashMap<RoleId, RoleId> = snapshot
            .roles
            .iter()
            .enumerate()
            .map(|(at, role)| (role.id, if at == 0 { everyone } else { Id::new(fresh()) }))
            .collect();
        let channels: HashMap<ChannelId, ChannelId> =
            snapshot.channels.iter().map(|channel| (channel.id, Id::new(fresh()))).collect();
        let known = |channel: Option<ChannelId>| channels.get(&channel?).copied();
        let settings = GuildSettings {
            name: name.to_owned(),
            icon: founding.icon,
            owner: founding.owner,
            afk_channel: known(snapshot.settings.afk_channel),
            system_channel: known(snapshot.settings.system_channel),
            ..(*snapshot.settings).clone()
        };
        let mut guild = Self {
            id: founding.id,
            version: 1,
            settings: Arc::new(settings),
            roles: imbl::OrdMap::new(),
            channels: imbl::OrdMap::new(),
            threads: imbl::OrdMap::new(),
            members: crate::members::Members::new(),
            bans: imbl::OrdMap::new(),
            rules: imbl::OrdMap::new(),
            newest: imbl::HashMap::new(),
            emojis: imbl::OrdMap::new(),
            stickers: imbl::OrdMap::new(),
            sounds: imbl::OrdMap::new(),
            scheduled: imbl::OrdMap::new(),
            requests: imbl::OrdMap::new(),
            voice: imbl::HashMap::new(),
            live: imbl::HashMap::new(),
            stages: imbl::HashMap::new(),
            presences: imbl::HashMap::new(),
        };
        for role in &snapshot.roles {
            let id = roles.get(&role.id).copied().unwrap_or(everyone);
            guild.roles.insert(id, Arc::new(Role { id, ..(**role).clone() }));
        }
        for channel in &snapshot.channels {
            let Some(&id) = channels.get(&channel.id) else { continue };
            let mut new = (**channel).clone();
            (new.id, new.guild_id) = (id, Some(founding.id));
            new.parent_id = known(channel.parent_id);
            for overwrite in new.permission_overwrites.iter_mut().flatten() {
                if let Some(role) = roles.get(&overwrite.id.cast()) {
                    overwrite.id = role.cast();
                }
            }
            for tag in new.available_tags.iter_mut().flatten() {
                tag.id = Id::new(fresh());
                // Its emoji is the other guild's.
                tag.emoji_id = None;
            }
            guild.channels.insert(id, Arc::new(new));
        }
        let owner = MemberRecord::joined(founding.owner, founding.now);
        guild.members.insert(owner.user, Arc::new(owner));
        Ok(guild)
    }
}

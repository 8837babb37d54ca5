//! What events look like to clients (Discord: Gateway Events): made once, shared as bytes.

use std::any::Any;
use std::sync::Arc;
use std::sync::OnceLock;

use axum::body::Bytes;
use model::gateway::Intents;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::GuildEvent;
use state::Publication;
use state::event::ChatEvent;
use state::private::PrivatePublication;
use state::record::MessageRecord;
use state::users::Users;

use super::filter::Heard;
use super::filter::Viewer;
use crate::cdn::Signer;
use crate::cdn::Urls;
use crate::wire;

/// A dispatch without its number.
pub(super) type Dispatch = (&'static str, Bytes);

/// The shapes of one event that have been made so far.
#[derive(Default)]
struct Shapes {
    whole: OnceLock<Bytes>,
    stripped: OnceLock<Bytes>,
}

fn shapes(slot: &OnceLock<Arc<dyn Any + Send + Sync>>) -> Option<&Shapes> {
    slot.get_or_init(|| Arc::new(Shapes::default())).downcast_ref()
}

/// What shaping looks things up in.
#[derive(Clone, Copy)]
pub(super) struct Shaper<'a> {
    pub users: &'a Users,
    pub signer: &'a Signer,
    pub now_ms: u64,
}

impl Shaper<'_> {
    /// What a viewer is sent of a guild event.
    pub(super) fn guild_event(self, publication: &Publication, viewer: &Viewer) -> Vec<Dispatch> {
        let guild = &publication.guild;
        let mut out = Vec::new();
        match viewer.hears(publication, self.now_ms) {
            Heard::No => {}
            Heard::GuildGone => {
                out.push(("GUILD_DELETE", encode(&json!({ "id": guild.id }))));
                return out;
            }
            Heard::ChannelAppeared | Heard::ChannelVanished => {
                if let GuildEvent::ChannelUpdated(channel) = &publication.event {
                    let appeared = viewer.hears(publication, self.now_ms) == Heard::ChannelAppeared;
                    let name = if appeared { "CHANNEL_CREATE" } else { "CHANNEL_DELETE" };
                    out.push((name, encode(&wire::channel(channel))));
                }
            }
            heard @ (Heard::Whole | Heard::Stripped) => {
                let stripped = heard == Heard::Stripped;
                out.extend(self.shared(publication, viewer, stripped));
            }
        }
        // A change of roles opens and closes channels without an event of theirs.
        let own_roles = match &publication.event {
            GuildEvent::MemberUpdated(member) => member.user == viewer.user,
            GuildEvent::RoleUpdated(role) => {
                guild.members.get(&viewer.user).is_some_and(|member| {
                    role.id == guild.id.cast() || member.roles.contains(&role.id)
                })
            }
            _ => false,
        };
        if own_roles && viewer.intents.contains(Intents::GUILDS) {
            let (appeared, vanished) = viewer.view_changes(&publication.before, guild, self.now_ms);
            let changes = appeared
                .into_iter()
                .map(|id| ("CHANNEL_CREATE", id))
                .chain(vanished.into_iter().map(|id| ("CHANNEL_DELETE", id)));
            for (name, id) in changes {
                if let Some(channel) = guild.channels.get(&id) {
                    out.push((name, encode(&wire::channel(channel))));
                }
            }
        }
        out
    }

    /// The event's own dispatch, encoded once for all who hear it alike.
    fn shared(
        self,
        publication: &Publication,
        viewer: &Viewer,
        stripped: bool,
    ) -> Option<Dispatch> {
        let guild = &*publication.guild;
        let name = name(&publication.event);
        let make = || self.payload(&publication.event, guild, viewer, stripped).map(|v| encode(&v));
        if personal(&publication.event) {
            return Some((name, make()?));
        }
        let shapes = shapes(&publication.shaped)?;
        let slot = if stripped { &shapes.stripped } else { &shapes.whole };
        if let Some(bytes) = slot.get() {
            return Some((name, bytes.clone()));
        }
        let bytes = make()?;
        Some((name, slot.get_or_init(|| bytes).clone()))
    }

    fn payload(
        self,
        event: &GuildEvent,
        guild: &Guild,
        viewer: &Viewer,
        stripped: bool,
    ) -> Option<Value> {
        let id = guild.id;
        Some(match event {
            GuildEvent::GuildUpdated => wire::guild(guild),
            GuildEvent::GuildDeleted => json!({ "id": id }),
            GuildEvent::ChannelCreated(channel)
            | GuildEvent::ChannelUpdated(channel)
            | GuildEvent::ChannelDeleted(channel) => wire::channel(channel),
            GuildEvent::RoleCreated(role) | GuildEvent::RoleUpdated(role) => {
                json!({ "guild_id": id, "role": wire::role(role) })
            }
            GuildEvent::RoleDeleted(role) => json!({ "guild_id": id, "role_id": role }),
            GuildEvent::MemberAdded(member) | GuildEvent::MemberUpdated(member) => {
                let mut value = wire::member(member, &*self.users.cached(member.user)?);
                value["guild_id"] = json!(id);
                value
            }
            GuildEvent::UserUpdated(user) => {
                let mut value = wire::member(guild.members.get(&user.id)?, user);
                value["guild_id"] = json!(id);
                value
            }
            GuildEvent::MemberRemoved(user)
            | GuildEvent::BanAdded(user)
            | GuildEvent::BanRemoved(user) => {
                let user = self.users.cached(*user).map_or_else(
                    || json!({ "id": user, "username": "", "discriminator": "0", "avatar": null }),
                    |user| wire::user(&user),
                );
                json!({ "guild_id": id, "user": user })
            }
            GuildEvent::InviteCreated(invite) => json!({
                "channel_id": invite.channel,
                "code": invite.code,
                "created_at": crate::parts::timestamp(invite.created_ms),
                "guild_id": id,
                "inviter": invite
                    .inviter
                    .and_then(|inviter| self.users.cached(inviter))
                    .map(|inviter| wire::user(&inviter)),
                "max_age": invite.max_age,
                "max_uses": invite.max_uses,
                "temporary": invite.temporary,
                "uses": invite.uses,
            }),
            GuildEvent::InviteDeleted { code, channel } => {
                json!({ "channel_id": channel, "guild_id": id, "code": code })
            }
            GuildEvent::PresenceUpdated { presence, .. } => wire::presence(presence, id),
            GuildEvent::VoiceStateUpdated(state) => {
                let member = guild.members.get(&state.user).and_then(|member| {
                    Some(wire::member(member, &*self.users.cached(state.user)?))
                });
                wire::voice_state(state, member)
            }
            GuildEvent::Chat(chat) => self.chat(chat, Some(guild), viewer, stripped)?,
        })
    }

    /// What a viewer is sent of an event in a private channel.
    pub(super) fn private_event(
        self,
        publication: &PrivatePublication,
        viewer: &Viewer,
    ) -> Option<Dispatch> {
        if viewer.hears_chat(&publication.event, true) == Heard::No {
            return None;
        }
        let value = self.chat(&publication.event, None, viewer, false)?;
        Some((chat_name(&publication.event), encode(&value)))
    }

    fn chat(
        self,
        chat: &ChatEvent,
        guild: Option<&Guild>,
        viewer: &Viewer,
        stripped: bool,
    ) -> Option<Value> {
        let mut value = match chat {
            ChatEvent::MessageCreated(message) | ChatEvent::MessageUpdated(message) => {
                let urls =
                    Urls { signer: self.signer, origin: &viewer.origin, now_ms: self.now_ms };
                let context = wire::MessageContext {
                    users: self.users,
                    guild,
                    reactions: &[],
                    referenced: None,
                    urls,
                };
                let mut value = wire::message(message, context);
                if stripped {
                    strip(&mut value);
                }
                value
            }
            ChatEvent::MessagesDeleted { channel, ids, bulk: false } => {
                json!({ "id": ids.first()?, "channel_id": channel })
            }
            ChatEvent::MessagesDeleted { channel, ids, bulk: true } => {
                json!({ "ids": ids, "channel_id": channel })
            }
            ChatEvent::Reaction { channel, message, author, user, emoji, added } => {
                let mut value = json!({
                    "user_id": user,
                    "channel_id": channel,
                    "message_id": message,
                    "emoji": wire::emoji(emoji),
                    "burst": false,
                    "type": 0,
                });
                if *added {
                    value["message_author_id"] = json!(author);
                    let member = guild.and_then(|guild| guild.members.get(user));
                    if let (Some(member), Some(user)) = (member, self.users.cached(*user)) {
                        value["member"] = wire::member(member, &user);
                    }
                }
                value
            }
            ChatEvent::ReactionsCleared { channel, message, emoji } => {
                let mut value = json!({ "channel_id": channel, "message_id": message });
                if let Some(emoji) = emoji {
                    value["emoji"] = wire::emoji(emoji);
                }
                value
            }
            ChatEvent::Typing { channel, user, since } => {
                let mut value =
                    json!({ "channel_id": channel, "user_id": user, "timestamp": since });
                let member = guild.and_then(|guild| guild.members.get(user));
                if let (Some(member), Some(user)) = (member, self.users.cached(*user)) {
                    value["member"] = wire::member(member, &user);
                }
                value
            }
            ChatEvent::PinsUpdated { channel, last_pin_ms } => json!({
                "channel_id": channel,
                "last_pin_timestamp": last_pin_ms.map(crate::parts::timestamp),
            }),
        };
        if let Some(guild) = guild {
            value["guild_id"] = json!(guild.id);
        }
        Some(value)
    }
}

/// Messages whose files have URLs are shaped for each reader: hosts differ.
fn personal(event: &GuildEvent) -> bool {
    matches!(
        event,
        GuildEvent::Chat(
            ChatEvent::MessageCreated(message) | ChatEvent::MessageUpdated(message)
        ) if !message.attachments.is_empty()
    )
}

/// The message whose users must be in memory before the event is shaped.
pub(super) fn message_of(event: &GuildEvent) -> Option<&MessageRecord> {
    match event {
        GuildEvent::Chat(chat) => message_of_chat(chat),
        _ => None,
    }
}

/// As [`message_of`], for an event of a text channel.
pub(super) fn message_of_chat(chat: &ChatEvent) -> Option<&MessageRecord> {
    match chat {
        ChatEvent::MessageCreated(message) | ChatEvent::MessageUpdated(message) => Some(message),
        _ => None,
    }
}

fn strip(value: &mut Value) {
    value["content"] = json!("");
    for key in ["embeds", "attachments", "components"] {
        value[key] = json!([]);
    }
}

fn name(event: &GuildEvent) -> &'static str {
    match event {
        GuildEvent::GuildUpdated => "GUILD_UPDATE",
        GuildEvent::GuildDeleted => "GUILD_DELETE",
        GuildEvent::ChannelCreated(_) => "CHANNEL_CREATE",
        GuildEvent::ChannelUpdated(_) => "CHANNEL_UPDATE",
        GuildEvent::ChannelDeleted(_) => "CHANNEL_DELETE",
        GuildEvent::RoleCreated(_) => "GUILD_ROLE_CREATE",
        GuildEvent::RoleUpdated(_) => "GUILD_ROLE_UPDATE",
        GuildEvent::RoleDeleted(_) => "GUILD_ROLE_DELETE",
        GuildEvent::MemberAdded(_) => "GUILD_MEMBER_ADD",
        GuildEvent::MemberUpdated(_) | GuildEvent::UserUpdated(_) => "GUILD_MEMBER_UPDATE",
        GuildEvent::MemberRemoved(_) => "GUILD_MEMBER_REMOVE",
        GuildEvent::BanAdded(_) => "GUILD_BAN_ADD",
        GuildEvent::BanRemoved(_) => "GUILD_BAN_REMOVE",
        GuildEvent::InviteCreated(_) => "INVITE_CREATE",
        GuildEvent::InviteDeleted { .. } => "INVITE_DELETE",
        GuildEvent::PresenceUpdated { .. } => "PRESENCE_UPDATE",
        GuildEvent::VoiceStateUpdated(_) => "VOICE_STATE_UPDATE",
        GuildEvent::Chat(chat) => chat_name(chat),
    }
}

const fn chat_name(chat: &ChatEvent) -> &'static str {
    match chat {
        ChatEvent::MessageCreated(_) => "MESSAGE_CREATE",
        ChatEvent::MessageUpdated(_) => "MESSAGE_UPDATE",
        ChatEvent::MessagesDeleted { bulk: false, .. } => "MESSAGE_DELETE",
        ChatEvent::MessagesDeleted { bulk: true, .. } => "MESSAGE_DELETE_BULK",
        ChatEvent::Reaction { added: true, .. } => "MESSAGE_REACTION_ADD",
        ChatEvent::Reaction { added: false, .. } => "MESSAGE_REACTION_REMOVE",
        ChatEvent::ReactionsCleared { emoji: None, .. } => "MESSAGE_REACTION_REMOVE_ALL",
        ChatEvent::ReactionsCleared { emoji: Some(_), .. } => "MESSAGE_REACTION_REMOVE_EMOJI",
        ChatEvent::Typing { .. } => "TYPING_START",
        ChatEvent::PinsUpdated { .. } => "CHANNEL_PINS_UPDATE",
    }
}

/// JSON bytes of a payload.
pub(super) fn encode(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}

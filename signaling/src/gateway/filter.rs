//! Who hears a guild event: intents, and the permissions of the moment. Pure.

use model::gateway::Intents;
use model::id::ChannelId;
use model::id::UserId;
use model::wire::guild::Permissions;
use state::Guild;
use state::GuildEvent;
use state::Publication;
use state::event::ChatEvent;

use crate::cdn::Origin;

/// Whoever a session belongs to, as far as it decides what the session hears.
#[derive(Debug, Clone)]
pub(super) struct Viewer {
    pub user: UserId,
    /// What was asked for and granted; people's sessions have all.
    pub intents: Intents,
    /// Where this client finds our files.
    pub origin: Origin,
}

/// How a session hears an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// Not at all.
    No,
    /// As it is.
    Whole,
    /// A message without its content (Discord: Message Content Intent).
    Stripped,
    /// The guild is gone for this session: no later event of it may be heard.
    GuildGone,
    /// A channel came into view with this event.
    ChannelAppeared,
    /// A channel went out of view with this event.
    ChannelVanished,
}

impl Viewer {
    fn sees(&self, guild: &Guild, channel: ChannelId, now_ms: u64) -> bool {
        guild.permissions_in(self.user, channel, now_ms).has(Permissions::VIEW_CHANNEL)
    }

    fn wants(&self, intent: Intents) -> Heard {
        if self.intents.contains(intent) { Heard::Whole } else { Heard::No }
    }

    /// Decides for one event.
    pub(super) fn hears(&self, publication: &Publication, now_ms: u64) -> Heard {
        let Publication { event, before, guild, .. } = publication;
        match event {
            GuildEvent::GuildDeleted => Heard::GuildGone,
            GuildEvent::MemberRemoved(user) if *user == self.user => Heard::GuildGone,
            _ if !guild.members.contains_key(&self.user) => Heard::No,
            GuildEvent::GuildUpdated
            | GuildEvent::RoleCreated(_)
            | GuildEvent::RoleUpdated(_)
            | GuildEvent::RoleDeleted(_) => self.wants(Intents::GUILDS),
            GuildEvent::ChannelCreated(channel) => {
                if self.sees(guild, channel.id, now_ms) {
                    self.wants(Intents::GUILDS)
                } else {
                    Heard::No
                }
            }
            GuildEvent::ChannelDeleted(channel) => {
                if self.sees(before, channel.id, now_ms) {
                    self.wants(Intents::GUILDS)
                } else {
                    Heard::No
                }
            }
            GuildEvent::ChannelUpdated(channel) => {
                let was = self.sees(before, channel.id, now_ms);
                let is = self.sees(guild, channel.id, now_ms);
                match (was, is, self.intents.contains(Intents::GUILDS)) {
                    (_, _, false) | (false, false, _) => Heard::No,
                    (true, true, _) => Heard::Whole,
                    (false, true, _) => Heard::ChannelAppeared,
                    (true, false, _) => Heard::ChannelVanished,
                }
            }
            GuildEvent::MemberUpdated(member) if member.user == self.user => Heard::Whole,
            GuildEvent::MemberAdded(_)
            | GuildEvent::MemberUpdated(_)
            | GuildEvent::MemberRemoved(_)
            | GuildEvent::UserUpdated(_) => self.wants(Intents::GUILD_MEMBERS),
            GuildEvent::BanAdded(_) | GuildEvent::BanRemoved(_) => {
                if guild.permissions(self.user, now_ms).has(Permissions::BAN_MEMBERS) {
                    self.wants(Intents::GUILD_MODERATION)
                } else {
                    Heard::No
                }
            }
            GuildEvent::InviteCreated(_) | GuildEvent::InviteDeleted { .. } => {
                if guild.permissions(self.user, now_ms).has(Permissions::MANAGE_CHANNELS) {
                    self.wants(Intents::GUILD_INVITES)
                } else {
                    Heard::No
                }
            }
            GuildEvent::PresenceUpdated { .. } => self.wants(Intents::GUILD_PRESENCES),
            GuildEvent::VoiceStateUpdated(state) => {
                let left = before.voice.get(&state.user).and_then(|state| state.channel);
                let visible = state.user == self.user
                    || state.channel.is_some_and(|channel| self.sees(guild, channel, now_ms))
                    || left.is_some_and(|channel| self.sees(before, channel, now_ms));
                if visible { self.wants(Intents::GUILD_VOICE_STATES) } else { Heard::No }
            }
            GuildEvent::Chat(chat) => {
                if self.sees(guild, chat.channel(), now_ms) {
                    self.hears_chat(chat, false)
                } else {
                    Heard::No
                }
            }
        }
    }

    /// Decides for an event of a text channel that the session may see.
    pub(super) fn hears_chat(&self, chat: &ChatEvent, private: bool) -> Heard {
        let (messages, reactions, typing) = if private {
            (
                Intents::DIRECT_MESSAGES,
                Intents::DIRECT_MESSAGE_REACTIONS,
                Intents::DIRECT_MESSAGE_TYPING,
            )
        } else {
            (
                Intents::GUILD_MESSAGES,
                Intents::GUILD_MESSAGE_REACTIONS,
                Intents::GUILD_MESSAGE_TYPING,
            )
        };
        match chat {
            ChatEvent::MessageCreated(message) | ChatEvent::MessageUpdated(message) => {
                let open = private
                    || message.author == self.user
                    || message.mentions.contains(&self.user)
                    || self.intents.contains(Intents::MESSAGE_CONTENT);
                match self.wants(messages) {
                    Heard::Whole if !open => Heard::Stripped,
                    heard => heard,
                }
            }
            ChatEvent::MessagesDeleted { .. } => self.wants(messages),
            ChatEvent::Reaction { .. } | ChatEvent::ReactionsCleared { .. } => {
                self.wants(reactions)
            }
            ChatEvent::Typing { .. } => self.wants(typing),
            ChatEvent::PinsUpdated { .. } => {
                self.wants(if private { Intents::DIRECT_MESSAGES } else { Intents::GUILDS })
            }
        }
    }

    /// Channels that came into view and went out of it between two snapshots, by a change of
    /// roles: `(appeared, vanished)`.
    pub(super) fn view_changes(
        &self,
        before: &Guild,
        after: &Guild,
        now_ms: u64,
    ) -> (Vec<ChannelId>, Vec<ChannelId>) {
        let (mut appeared, mut vanished) = (Vec::new(), Vec::new());
        for channel in after.channels.keys().filter(|id| before.channels.contains_key(*id)) {
            match (self.sees(before, *channel, now_ms), self.sees(after, *channel, now_ms)) {
                (false, true) => appeared.push(*channel),
                (true, false) => vanished.push(*channel),
                _ => {}
            }
        }
        (appeared, vanished)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::id::GuildId;
    use model::wire::channel::permission_overwrite::PermissionOverwrite;
    use model::wire::channel::permission_overwrite::PermissionOverwriteType;
    use model::wire::util::Timestamp;
    use state::GuildCommand;
    use state::guild::command::GuildDraft;
    use state::record::MessageRecord;

    use super::*;
    use crate::config::SignalingConfig;

    const ANA: UserId = UserId::new(1);
    const BEN: UserId = UserId::new(2);

    fn guild() -> Guild {
        let draft = GuildDraft {
            id: GuildId::new(10),
            name: "Hall".to_owned(),
            owner: ANA,
            icon: None,
            now: Timestamp::from_secs(1_700_000_000).unwrap(),
            channel_ids: [11, 12, 13, 14].map(ChannelId::new),
        };
        let now = Timestamp::from_secs(1_700_000_000).unwrap();
        apply(
            &Guild::found(draft).unwrap(),
            BEN,
            &GuildCommand::Join { user: BEN, now, roles: vec![] },
        )
    }

    fn apply(guild: &Guild, actor: UserId, command: &GuildCommand) -> Guild {
        let plan = guild.plan(actor, command, 0).unwrap();
        guild.apply(&plan).0
    }

    fn text(guild: &Guild) -> ChannelId {
        guild.settings.system_channel.unwrap()
    }

    fn hide(guild: &Guild) -> Guild {
        let overwrite = PermissionOverwrite {
            allow: Permissions::empty(),
            deny: Permissions::VIEW_CHANNEL,
            id: model::wire::id::Id::new(10),
            kind: PermissionOverwriteType::Role,
        };
        apply(guild, ANA, &GuildCommand::SetOverwrite(text(guild), overwrite))
    }

    fn viewer(user: UserId, intents: Intents) -> Viewer {
        let origin = Origin::new(&SignalingConfig::default(), "localhost", true);
        Viewer { user, intents, origin }
    }

    fn message(guild: &Guild) -> GuildEvent {
        let message: MessageRecord = serde_json::from_value(serde_json::json!({
            "id": "99", "channel": text(guild), "guild": "10", "author": "1",
            "kind": 0, "content": "hail",
        }))
        .unwrap();
        GuildEvent::Chat(ChatEvent::MessageCreated(Arc::new(message)))
    }

    fn publish(event: GuildEvent, before: &Guild, after: &Guild) -> Publication {
        Publication::new(event, Arc::new(before.clone()), Arc::new(after.clone()))
    }

    #[test]
    fn a_blinded_member_hears_nothing_more_from_that_event_on() {
        let open = guild();
        let hidden = hide(&open);
        let ben = viewer(BEN, Intents::all());
        let channel = Arc::clone(&hidden.channels[&text(&hidden)]);

        let update = publish(GuildEvent::ChannelUpdated(channel), &open, &hidden);

        assert_eq!(ben.hears(&publish(message(&open), &open, &open), 0), Heard::Whole);
        assert_eq!(ben.hears(&update, 0), Heard::ChannelVanished);
        assert_eq!(ben.hears(&publish(message(&hidden), &hidden, &hidden), 0), Heard::No);
    }

    #[test]
    fn a_removed_member_is_told_that_the_guild_is_gone() {
        let before = guild();
        let after = apply(&before, ANA, &GuildCommand::Kick(BEN));
        let removed = publish(GuildEvent::MemberRemoved(BEN), &before, &after);

        assert_eq!(viewer(BEN, Intents::empty()).hears(&removed, 0), Heard::GuildGone);
        assert_eq!(viewer(ANA, Intents::all()).hears(&removed, 0), Heard::Whole);
        let later = publish(message(&after), &after, &after);
        assert_eq!(viewer(BEN, Intents::all()).hears(&later, 0), Heard::No);
    }

    #[test]
    fn content_is_stripped_without_its_intent() {
        let guild = guild();
        let said = publish(message(&guild), &guild, &guild);

        assert_eq!(viewer(BEN, Intents::GUILD_MESSAGES).hears(&said, 0), Heard::Stripped);
        assert_eq!(viewer(ANA, Intents::GUILD_MESSAGES).hears(&said, 0), Heard::Whole);
        assert_eq!(viewer(BEN, Intents::GUILDS).hears(&said, 0), Heard::No);
    }
}

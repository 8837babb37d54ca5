//! Who hears an event: intents, gateway shard, and the permissions of the moment. Pure.

use model::gateway::Intents;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;
use model::wire::guild::Permissions;
use state::Guild;
use state::GuildEvent;
use state::Publication;
use state::event::ChatEvent;
use state::record::MessageRecord;
use state::screening::JoinRequestStatus;

use crate::cdn::Origin;

/// Whoever a session belongs to, as far as it decides what the session hears and how it looks.
#[derive(Debug, Clone)]
pub(super) struct Viewer {
    /// Whose session it is.
    pub user: UserId,
    /// Belongs to an application.
    pub bot: bool,
    /// What was asked for and granted.
    pub intents: Intents,
    /// Which part of the guilds it hears.
    pub shard: GatewayShard,
    /// Members above which a guild counts as large, 50 to 250 (Discord: Identify).
    pub large_threshold: usize,
    /// Where this client finds our files.
    pub origin: Origin,
}

/// A part of a bot's guilds (Discord: Gateway/Sharding). `id < count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GatewayShard {
    /// Which part, from 0.
    pub id: u64,
    /// Of how many.
    pub count: u64,
}

impl GatewayShard {
    /// The whole.
    pub(super) const WHOLE: Self = Self { id: 0, count: 1 };

    /// Whether the guild is in this part.
    pub(super) const fn has_guild(self, guild: GuildId) -> bool {
        (guild.get() >> 22) % self.count == self.id
    }

    /// Whether events without a guild go to this part.
    pub(super) const fn has_private(self) -> bool {
        self.id == 0
    }
}

/// How a session hears an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// Not at all.
    No,
    /// As it is; of messages see [`Viewer::reads`].
    Yes,
    /// Someone went where the session cannot see: it hears that they left.
    VoiceLeft,
    /// The guild is gone for this session, which hears nothing more of it. Told only with the
    /// GUILDS intent.
    GuildGone,
}

/// A channel that a session sees from now on, or no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flip {
    /// Which.
    pub channel: ChannelId,
    /// Came into view, not went out of it.
    pub appeared: bool,
}

impl Viewer {
    pub(super) fn sees(&self, guild: &Guild, channel: ChannelId, now_ms: u64) -> bool {
        guild.permissions_in(self.user, channel, now_ms).has(Permissions::VIEW_CHANNEL)
    }

    /// Whether it asked for events of that group.
    pub(super) const fn wants(&self, intent: Intents) -> bool {
        self.intents.contains(intent)
    }

    /// Decides for one event of a guild that the session hears.
    ///
    /// A change of a channel that flips its visibility is not heard here: see
    /// [`flips`](Self::flips).
    pub(super) fn hears(&self, publication: &Publication, now_ms: u64) -> Heard {
        let Publication { event, before, guild, .. } = publication;
        let heard = match event {
            GuildEvent::GuildDeleted => return Heard::GuildGone,
            GuildEvent::MemberRemoved(user) if *user == self.user => return Heard::GuildGone,
            // Whoever is rejected hears of it as they go.
            GuildEvent::JoinRequestCreated(request)
            | GuildEvent::JoinRequestUpdated(request)
            | GuildEvent::JoinRequestDeleted(request)
                if request.user == self.user =>
            {
                return if self.bot { Heard::No } else { Heard::Yes };
            }
            // Asked first: to look for oneself among very many costs more than all the rest.
            GuildEvent::MemberAdded(member) | GuildEvent::MemberUpdated(member)
                if member.user != self.user && !self.wants(Intents::GUILD_MEMBERS) =>
            {
                false
            }
            GuildEvent::PresenceUpdated { .. } if !self.wants(Intents::GUILD_PRESENCES) => false,
            _ if !guild.members.contains_key(&self.user) => false,
            // Of others once there is something to decide (userdoccers: Guild Join Request Create).
            GuildEvent::JoinRequestCreated(request)
            | GuildEvent::JoinRequestUpdated(request)
            | GuildEvent::JoinRequestDeleted(request) => {
                self.wants(Intents::GUILD_MEMBERS)
                    && request.status != JoinRequestStatus::Started
                    && guild.permissions(self.user, now_ms).has(Permissions::KICK_MEMBERS)
            }
            GuildEvent::GuildUpdated
            | GuildEvent::RoleCreated(_)
            | GuildEvent::RoleUpdated(_)
            | GuildEvent::RoleDeleted(_) => self.wants(Intents::GUILDS),
            GuildEvent::ChannelCreated(channel) => {
                self.wants(Intents::GUILDS) && self.sees(guild, channel.id, now_ms)
            }
            GuildEvent::ChannelDeleted(channel) => {
                self.wants(Intents::GUILDS) && self.sees(before, channel.id, now_ms)
            }
            GuildEvent::ChannelUpdated(channel) => {
                self.wants(Intents::GUILDS)
                    && self.sees(before, channel.id, now_ms)
                    && self.sees(guild, channel.id, now_ms)
            }
            GuildEvent::ThreadCreated(thread) | GuildEvent::ThreadUpdated(thread) => {
                self.wants(Intents::GUILDS) && self.sees(guild, thread.id, now_ms)
            }
            GuildEvent::ThreadDeleted(thread) => {
                self.wants(Intents::GUILDS) && self.sees(before, thread.id, now_ms)
            }
            // Of others, only with GUILD_MEMBERS (Discord: Gateway Events/Thread Members Update).
            GuildEvent::ThreadMembersUpdated { thread, added, removed } => {
                let own = added.iter().any(|member| member.user == self.user)
                    || removed.contains(&self.user);
                let others =
                    self.wants(Intents::GUILD_MEMBERS) && self.sees(guild, *thread, now_ms);
                self.wants(Intents::GUILDS) && (own || others)
            }
            GuildEvent::ThreadMemberUpdated { member, .. } => {
                self.wants(Intents::GUILDS) && member.user == self.user
            }
            // Sent whatever was asked for (Discord: Gateway/Intents, Caveats).
            GuildEvent::MemberUpdated(member) if member.user == self.user => true,
            GuildEvent::UserUpdated(user) if user.id == self.user => true,
            GuildEvent::MemberAdded(_)
            | GuildEvent::MemberUpdated(_)
            | GuildEvent::MemberRemoved(_)
            | GuildEvent::UserUpdated(_) => self.wants(Intents::GUILD_MEMBERS),
            GuildEvent::BanAdded(_) | GuildEvent::BanRemoved(_) => {
                let allowed = guild.permissions(self.user, now_ms);
                self.wants(Intents::GUILD_MODERATION)
                    && (allowed.has(Permissions::BAN_MEMBERS)
                        || allowed.has(Permissions::VIEW_AUDIT_LOG))
            }
            GuildEvent::InviteCreated(invite) => self.hears_invites(guild, invite.channel, now_ms),
            GuildEvent::InviteDeleted { channel, .. } => {
                self.hears_invites(guild, *channel, now_ms)
            }
            GuildEvent::PresenceUpdated { .. } => true,
            GuildEvent::VoiceStateUpdated(state) => {
                if !self.wants(Intents::GUILD_VOICE_STATES) {
                    return Heard::No;
                }
                let own = state.user == self.user;
                let there = state.channel.is_some_and(|id| self.sees(guild, id, now_ms));
                let was = before.voice.get(&state.user).and_then(|state| state.channel);
                let left = was.is_some_and(|id| self.sees(before, id, now_ms));
                match (own || there, left, state.channel) {
                    (false, true, Some(_)) => return Heard::VoiceLeft,
                    (shown, left, _) => shown || left,
                }
            }
            GuildEvent::VoiceStatusChanged { channel, .. }
            | GuildEvent::VoiceStarted { channel, .. } => {
                self.wants(Intents::GUILDS) && self.sees(guild, *channel, now_ms)
            }
            GuildEvent::WebhooksUpdated(channel) => {
                self.wants(Intents::GUILD_WEBHOOKS) && self.sees(guild, *channel, now_ms)
            }
            // Discord: Gateway Events/Auto Moderation.
            GuildEvent::RuleCreated(_)
            | GuildEvent::RuleUpdated(_)
            | GuildEvent::RuleDeleted(_) => {
                self.wants(Intents::AUTO_MODERATION_CONFIGURATION)
                    && guild.permissions(self.user, now_ms).has(Permissions::MANAGE_GUILD)
            }
            GuildEvent::RuleExecuted(_) => {
                self.wants(Intents::AUTO_MODERATION_EXECUTION)
                    && guild.permissions(self.user, now_ms).has(Permissions::MANAGE_GUILD)
            }
            GuildEvent::IntegrationCreated(_)
            | GuildEvent::IntegrationUpdated(_)
            | GuildEvent::IntegrationDeleted(_)
            | GuildEvent::IntegrationsUpdated => self.wants(Intents::GUILD_INTEGRATIONS),
            GuildEvent::EmojisUpdated
            | GuildEvent::StickersUpdated
            | GuildEvent::SoundCreated(_)
            | GuildEvent::SoundChanged(_)
            | GuildEvent::SoundDeleted(_) => self.wants(Intents::GUILD_EMOJIS_AND_STICKERS),
            GuildEvent::SoundPlayed(played) => {
                let here = guild.voice.get(&self.user).and_then(|state| state.channel);
                self.wants(Intents::GUILD_VOICE_STATES) && here == Some(played.channel)
            }
            GuildEvent::EventScheduled(event)
            | GuildEvent::EventChanged(event)
            | GuildEvent::EventExcepted { event, .. }
            | GuildEvent::EventInterest { event, .. } => {
                self.wants(Intents::GUILD_SCHEDULED_EVENTS)
                    && guild.sees_scheduled(self.user, event, now_ms)
            }
            // With its channel it may be gone.
            GuildEvent::EventRemoved(event) => {
                self.wants(Intents::GUILD_SCHEDULED_EVENTS)
                    && before.sees_scheduled(self.user, event, now_ms)
            }
            GuildEvent::AuditLogged(_) => {
                self.wants(Intents::GUILD_MODERATION)
                    && guild.permissions(self.user, now_ms).has(Permissions::VIEW_AUDIT_LOG)
            }
            // Bots know their own commands.
            GuildEvent::CommandsUpdated => !self.bot,
            GuildEvent::StageOpened(stage) | GuildEvent::StageChanged(stage) => {
                self.wants(Intents::GUILDS) && self.sees(guild, stage.channel, now_ms)
            }
            // With its channel it may be gone.
            GuildEvent::StageClosed(stage) => {
                self.wants(Intents::GUILDS) && self.sees(before, stage.channel, now_ms)
            }
            GuildEvent::Chat(chat) => {
                self.hears_chat(chat, ChatPlace::Guild) && self.sees(guild, chat.channel(), now_ms)
            }
        };
        if heard { Heard::Yes } else { Heard::No }
    }

    fn hears_invites(&self, guild: &Guild, channel: Option<ChannelId>, now_ms: u64) -> bool {
        self.wants(Intents::GUILD_INVITES)
            && channel.is_some_and(|channel| {
                let allowed = guild.permissions_in(self.user, channel, now_ms);
                allowed.has(Permissions::MANAGE_CHANNELS)
            })
    }

    /// Whether it asked for such an event of a text channel. Says nothing of permissions.
    pub(super) const fn hears_chat(&self, chat: &ChatEvent, place: ChatPlace) -> bool {
        let (messages, reactions, typing, polls, pins) = match place {
            ChatPlace::Guild => (
                Intents::GUILD_MESSAGES,
                Intents::GUILD_MESSAGE_REACTIONS,
                Intents::GUILD_MESSAGE_TYPING,
                Intents::GUILD_MESSAGE_POLLS,
                Intents::GUILDS,
            ),
            ChatPlace::Private => (
                Intents::DIRECT_MESSAGES,
                Intents::DIRECT_MESSAGE_REACTIONS,
                Intents::DIRECT_MESSAGE_TYPING,
                Intents::DIRECT_MESSAGE_POLLS,
                Intents::DIRECT_MESSAGES,
            ),
        };
        self.wants(match chat {
            ChatEvent::MessageCreated(_)
            | ChatEvent::MessageUpdated(_)
            | ChatEvent::MessagesDeleted { .. } => messages,
            ChatEvent::Reaction { .. } | ChatEvent::ReactionsCleared { .. } => reactions,
            ChatEvent::Typing { .. } => typing,
            ChatEvent::PollVote { .. } => polls,
            ChatEvent::PinsUpdated { .. } => pins,
        })
    }

    /// Whether the content of a message is shown (Discord: Gateway/Message Content Intent): always
    /// to people, in direct messages, to its author and to those whom it mentions.
    pub(super) fn reads(&self, message: &MessageRecord) -> bool {
        self.wants(Intents::MESSAGE_CONTENT)
            || message.guild.is_none()
            || message.author == self.user
            || message.mentions.contains(&self.user)
    }

    /// Whether roles or ownership changed so that any channel of the guild may have come into
    /// this session's view or gone out of it.
    pub(super) fn standing_changed(&self, publication: &Publication) -> bool {
        let Publication { event, before, guild, .. } = publication;
        if before.version == guild.version {
            return false;
        }
        let owner_changed = before.settings.owner != guild.settings.owner;
        // Most changes are of one member, and looking for oneself among a million costs every session
        // more than all the rest. What changes one's own roles tells so by an event of one's own.
        if !owner_changed && before.roles.ptr_eq(&guild.roles) {
            match event {
                GuildEvent::MemberUpdated(member) if member.user == self.user => {}
                _ => return false,
            }
        }
        let (Some(was), Some(is)) = (before.members.peek(self.user), guild.members.peek(self.user))
        else {
            return false;
        };
        let grants = |guild: &Guild, role| guild.roles.get(&role).map(|role| role.permissions);
        let changed = |role| grants(before, role) != grants(guild, role);
        owner_changed
            || !was.roles().eq(is.roles())
            || is.roles().any(changed)
            || changed(guild.id.cast())
    }

    /// The channels whose visibility the publication flips: the one that was changed, or after a
    /// change of [standing](Self::standing_changed) any. Channels that it creates or deletes are
    /// not among them, they have events of their own.
    pub(super) fn flips(&self, publication: &Publication, now_ms: u64) -> Vec<Flip> {
        let Publication { event, before, guild, .. } = publication;
        if !self.wants(Intents::GUILDS) {
            return Vec::new();
        }
        let flip = |channel: ChannelId| {
            let is = self.sees(guild, channel, now_ms);
            (self.sees(before, channel, now_ms) != is).then_some(Flip { channel, appeared: is })
        };
        if self.standing_changed(publication) {
            let both = guild.channels.keys().filter(|id| before.channels.contains_key(*id));
            return both.filter_map(|id| flip(*id)).collect();
        }
        match event {
            GuildEvent::ChannelUpdated(channel) => flip(channel.id).into_iter().collect(),
            _ => Vec::new(),
        }
    }
}

/// What a session found out of the channels that it saw or did not see: nearly all that it hears is
/// said in a few of them, and who may see a channel changes with the guild's version alone.
#[derive(Debug, Default)]
pub(super) struct Sight {
    known: [Known; KNOWN],
}

/// Whether a channel is in view, in one version of its guild.
#[derive(Debug, Default, Clone, Copy)]
struct Known {
    /// 0: nothing is known.
    channel: u64,
    version: u64,
    seen: bool,
}

/// Channels that a session knows at once. More cost every session more of what it holds.
const KNOWN: usize = 4;

impl Sight {
    /// As [`Viewer::hears`], of one viewer all the time.
    pub(super) fn hears(
        &mut self,
        viewer: &Viewer,
        publication: &Publication,
        now_ms: u64,
    ) -> Heard {
        let GuildEvent::Chat(chat) = &publication.event else {
            return viewer.hears(publication, now_ms);
        };
        let (guild, channel) = (&publication.guild, chat.channel());
        if !viewer.hears_chat(chat, ChatPlace::Guild) {
            return Heard::No;
        }
        // Ids count up in their low bits within a millisecond, and by time above 22.
        let mixed = channel.get() ^ channel.get() >> 22;
        let known = &mut self.known[mixed as usize % KNOWN];
        if (known.channel, known.version) != (channel.get(), guild.version) {
            let seen = viewer.sees(guild, channel, now_ms);
            // Who is in a thread changes without the guild's version.
            if !guild.channels.contains_key(&channel) {
                return if seen { Heard::Yes } else { Heard::No };
            }
            *known = Known { channel: channel.get(), version: guild.version, seen };
        }
        if known.seen { Heard::Yes } else { Heard::No }
    }
}

/// Where a text channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChatPlace {
    Guild,
    Private,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use state::GuildCommand;
    use state::event::SoundPlayed;
    use state::guild::command::MemberPatch;
    use state::presence::Presence;
    use state::record::InviteRecord;
    use state::voice::VoiceCommand;

    use super::super::testing::*;
    use super::*;

    fn said(guild: &Guild) -> GuildEvent {
        GuildEvent::Chat(ChatEvent::MessageCreated(Arc::new(message(guild))))
    }

    #[test]
    fn who_loses_sight_of_a_channel_is_told_that_and_nothing_more_of_it() {
        let open = guild();
        let ben = viewer(BEN, Intents::all());
        assert_eq!(ben.hears(&publish(said(&open), &open, &open), 0), Heard::Yes);

        let hidden = publications(&open, ANA, &hide(text(&open))).remove(0);

        assert_eq!(ben.hears(&hidden, 0), Heard::No);
        assert_eq!(ben.flips(&hidden, 0), [Flip { channel: text(&open), appeared: false }]);
        let after = &hidden.guild;
        assert_eq!(ben.hears(&publish(said(after), after, after), 0), Heard::No);
        assert_eq!(viewer(ANA, Intents::all()).hears(&hidden, 0), Heard::Yes);
        assert!(viewer(ANA, Intents::all()).flips(&hidden, 0).is_empty());
    }

    #[test]
    fn what_was_seen_before_is_not_seen_once_it_is_hidden() {
        let open = guild();
        let ben = viewer(BEN, Intents::all());
        let hidden = apply(&open, ANA, &hide(text(&open)));
        let shown = apply(&hidden, ANA, &GuildCommand::RemoveOverwrite(text(&open), 10));
        let gone = apply(&shown, ANA, &GuildCommand::Kick(BEN));
        let mut sight = Sight::default();
        let mut heard = |guild: &Guild| {
            let publication = publish(said(guild), guild, guild);
            let once = sight.hears(&ben, &publication, 0);
            assert_eq!(sight.hears(&ben, &publication, 0), once);
            assert_eq!(ben.hears(&publication, 0), once);
            once
        };

        assert_eq!(heard(&open), Heard::Yes);
        assert_eq!(heard(&hidden), Heard::No);
        assert_eq!(heard(&shown), Heard::Yes);
        assert_eq!(heard(&gone), Heard::No);
    }

    #[test]
    fn a_role_given_opens_its_channels_to_its_holder_alone() {
        let hidden = apply(&guild(), ANA, &hide(text(&guild())));
        let view = Permissions::VIEW_CHANNEL;
        let hidden =
            apply(&hidden, ANA, &overwrite(text(&hidden), SCRIBES, view, Permissions::empty()));
        let patch = MemberPatch { roles: Some(vec![SCRIBES]), ..MemberPatch::default() };

        let given = publications(&hidden, ANA, &GuildCommand::UpdateMember(BEN, patch)).remove(0);

        let flips = viewer(BEN, Intents::all()).flips(&given, 0);
        assert_eq!(flips, [Flip { channel: text(&hidden), appeared: true }]);
        assert!(viewer(CAI, Intents::all()).flips(&given, 0).is_empty());
        assert!(viewer(BEN, Intents::GUILD_MEMBERS).flips(&given, 0).is_empty());
    }

    #[test]
    fn a_role_that_is_deleted_closes_its_channels() {
        let guild = apply(&guild(), ANA, &hide(text(&guild())));
        let view = Permissions::VIEW_CHANNEL;
        let guild =
            apply(&guild, ANA, &overwrite(text(&guild), SCRIBES, view, Permissions::empty()));
        let patch = MemberPatch { roles: Some(vec![SCRIBES]), ..MemberPatch::default() };
        let guild = apply(&guild, ANA, &GuildCommand::UpdateMember(BEN, patch));

        let gone = publications(&guild, ANA, &GuildCommand::DeleteRole(SCRIBES));

        for publication in &gone {
            let flips = viewer(BEN, Intents::all()).flips(publication, 0);
            assert_eq!(flips, [Flip { channel: text(&guild), appeared: false }]);
        }
    }

    #[test]
    fn a_removed_member_is_told_that_the_guild_is_gone_and_nothing_more() {
        let before = guild();
        let removed = publications(&before, ANA, &GuildCommand::Kick(BEN)).remove(0);
        let after = &removed.guild;
        let later = publish(said(after), after, after);

        for intents in [Intents::all(), Intents::empty()] {
            assert_eq!(viewer(BEN, intents).hears(&removed, 0), Heard::GuildGone);
            assert_eq!(viewer(BEN, intents).hears(&later, 0), Heard::No);
        }
        assert_eq!(viewer(ANA, Intents::all()).hears(&removed, 0), Heard::Yes);
        assert_eq!(viewer(ANA, Intents::GUILDS).hears(&removed, 0), Heard::No);
    }

    #[test]
    fn every_event_is_heard_with_its_intent_and_only_with_it() {
        let guild = guild();
        let member = guild.members.get(&BEN).expect("a member");
        let channel = Arc::clone(&guild.channels[&text(&guild)]);
        let invite = Arc::new(InviteRecord {
            code: "c".to_owned(),
            guild: Some(guild.id),
            channel: Some(text(&guild)),
            inviter: Some(ANA),
            max_uses: 0,
            uses: 0,
            max_age: 0,
            created_ms: 0,
            owner: false,
            temporary: false,
            roles: Vec::new(),
            targets: None,
        });
        let presence = Arc::new(Presence {
            user: BEN,
            status: model::wire::gateway::presence::Status::Online,
            activities: Vec::new(),
            desktop: None,
            mobile: None,
            web: None,
        });
        let join = VoiceCommand::Update {
            user: BEN,
            session: "s".to_owned(),
            channel: Some(voice(&guild)),
            self_mute: false,
            self_deaf: false,
            self_video: false,
        };
        let (talking, voice_events, _) = guild.voice_command(&join, 0).unwrap();
        let at = text(&guild);
        let id = model::id::MessageId::new(99);
        let emoji = state::record::ReactionEmoji { id: None, name: "x".to_owned() };
        let chat = |event| GuildEvent::Chat(event);
        let cases = [
            (GuildEvent::GuildUpdated, Intents::GUILDS),
            (GuildEvent::ChannelCreated(Arc::clone(&channel)), Intents::GUILDS),
            (GuildEvent::ChannelUpdated(Arc::clone(&channel)), Intents::GUILDS),
            (GuildEvent::ChannelDeleted(channel), Intents::GUILDS),
            (GuildEvent::RoleCreated(Arc::clone(&guild.roles[&SCRIBES])), Intents::GUILDS),
            (GuildEvent::RoleUpdated(Arc::clone(&guild.roles[&SCRIBES])), Intents::GUILDS),
            (GuildEvent::RoleDeleted(SCRIBES), Intents::GUILDS),
            (GuildEvent::MemberAdded(Arc::clone(&member)), Intents::GUILD_MEMBERS),
            (GuildEvent::MemberUpdated(Arc::clone(&member)), Intents::GUILD_MEMBERS),
            (GuildEvent::MemberRemoved(CAI), Intents::GUILD_MEMBERS),
            (GuildEvent::BanAdded(CAI), Intents::GUILD_MODERATION),
            (GuildEvent::BanRemoved(CAI), Intents::GUILD_MODERATION),
            (GuildEvent::InviteCreated(invite), Intents::GUILD_INVITES),
            (
                GuildEvent::InviteDeleted { code: "c".to_owned(), channel: Some(at) },
                Intents::GUILD_INVITES,
            ),
            (GuildEvent::PresenceUpdated { user: BEN, presence }, Intents::GUILD_PRESENCES),
            (voice_events[0].clone(), Intents::GUILD_VOICE_STATES),
            (said(&guild), Intents::GUILD_MESSAGES),
            (chat(ChatEvent::MessageUpdated(Arc::new(message(&guild)))), Intents::GUILD_MESSAGES),
            (
                chat(ChatEvent::MessagesDeleted { channel: at, ids: vec![id], bulk: false }),
                Intents::GUILD_MESSAGES,
            ),
            (
                chat(ChatEvent::Reaction {
                    channel: at,
                    message: id,
                    author: ANA,
                    user: BEN,
                    emoji,
                    added: true,
                }),
                Intents::GUILD_MESSAGE_REACTIONS,
            ),
            (
                chat(ChatEvent::ReactionsCleared { channel: at, message: id, emoji: None }),
                Intents::GUILD_MESSAGE_REACTIONS,
            ),
            (
                chat(ChatEvent::Typing { channel: at, user: BEN, since: 0 }),
                Intents::GUILD_MESSAGE_TYPING,
            ),
            (chat(ChatEvent::PinsUpdated { channel: at, last_pin_ms: None }), Intents::GUILDS),
            (GuildEvent::WebhooksUpdated(at), Intents::GUILD_WEBHOOKS),
            (GuildEvent::IntegrationCreated(Arc::clone(&member)), Intents::GUILD_INTEGRATIONS),
            (GuildEvent::IntegrationDeleted(CAI), Intents::GUILD_INTEGRATIONS),
            (GuildEvent::IntegrationsUpdated, Intents::GUILD_INTEGRATIONS),
            (GuildEvent::EmojisUpdated, Intents::GUILD_EMOJIS_AND_STICKERS),
            (GuildEvent::StickersUpdated, Intents::GUILD_EMOJIS_AND_STICKERS),
            (GuildEvent::SoundCreated(quack()), Intents::GUILD_EMOJIS_AND_STICKERS),
            (GuildEvent::SoundChanged(quack()), Intents::GUILD_EMOJIS_AND_STICKERS),
            (GuildEvent::SoundDeleted(quack().id), Intents::GUILD_EMOJIS_AND_STICKERS),
            (GuildEvent::EventScheduled(planned(text(&guild))), Intents::GUILD_SCHEDULED_EVENTS),
            (GuildEvent::EventChanged(planned(text(&guild))), Intents::GUILD_SCHEDULED_EVENTS),
            (GuildEvent::EventRemoved(planned(text(&guild))), Intents::GUILD_SCHEDULED_EVENTS),
            (
                GuildEvent::EventInterest { event: planned(text(&guild)), user: BEN, added: true },
                Intents::GUILD_SCHEDULED_EVENTS,
            ),
            (GuildEvent::AuditLogged(entry(&guild)), Intents::GUILD_MODERATION),
        ];

        for (event, intent) in cases {
            let publication = publish(event, &guild, &talking);
            let with = viewer(ANA, intent).hears(&publication, 0);
            let without = viewer(ANA, Intents::all() - intent).hears(&publication, 0);
            assert_eq!((with, without), (Heard::Yes, Heard::No), "{publication:?}");
        }
    }

    #[test]
    fn bans_and_invites_are_told_to_those_who_may_manage_them() {
        let guild = guild();
        let ban = publish(GuildEvent::BanAdded(CAI), &guild, &guild);
        let noted = publish(GuildEvent::AuditLogged(entry(&guild)), &guild, &guild);
        let code = "c".to_owned();
        let event = GuildEvent::InviteDeleted { code, channel: Some(text(&guild)) };
        let invite = publish(event, &guild, &guild);

        for publication in [ban, noted, invite] {
            assert_eq!(viewer(ANA, Intents::all()).hears(&publication, 0), Heard::Yes);
            assert_eq!(viewer(BEN, Intents::all()).hears(&publication, 0), Heard::No);
        }
    }

    #[test]
    fn a_sound_is_heard_by_those_who_are_in_the_channel() {
        let guild = guild();
        let join = VoiceCommand::Update {
            user: BEN,
            session: "s".to_owned(),
            channel: Some(voice(&guild)),
            self_mute: false,
            self_deaf: false,
            self_video: false,
        };
        let (talking, ..) = guild.voice_command(&join, 0).unwrap();
        let played = SoundPlayed { channel: voice(&guild), user: BEN, sound: quack() };
        let played = GuildEvent::SoundPlayed(Arc::new(played));
        let told = publish(played, &talking, &talking);

        assert_eq!(viewer(BEN, Intents::GUILD_VOICE_STATES).hears(&told, 0), Heard::Yes);
        assert_eq!(viewer(BEN, Intents::GUILDS).hears(&told, 0), Heard::No);
        assert_eq!(viewer(ANA, Intents::all()).hears(&told, 0), Heard::No);
    }

    #[test]
    fn what_is_planned_in_a_hidden_channel_is_told_to_those_who_see_it() {
        let hidden = apply(&guild(), ANA, &hide(text(&guild())));
        let event = planned(text(&hidden));
        let interest = GuildEvent::EventInterest { event: event.clone(), user: ANA, added: true };

        for event in [
            GuildEvent::EventScheduled(event.clone()),
            GuildEvent::EventChanged(event.clone()),
            GuildEvent::EventRemoved(event),
            interest,
        ] {
            let told = publish(event, &hidden, &hidden);
            assert_eq!(viewer(ANA, Intents::all()).hears(&told, 0), Heard::Yes);
            assert_eq!(viewer(BEN, Intents::all()).hears(&told, 0), Heard::No);
        }
    }

    #[test]
    fn one_hears_of_ones_own_member_whatever_one_asked_for() {
        let guild = guild();
        let own = GuildEvent::MemberUpdated(guild.members.get(&BEN).expect("a member"));

        let publication = publish(own, &guild, &guild);

        assert_eq!(viewer(BEN, Intents::empty()).hears(&publication, 0), Heard::Yes);
        assert_eq!(viewer(CAI, Intents::GUILDS).hears(&publication, 0), Heard::No);
    }

    #[test]
    fn voice_in_a_hidden_channel_is_told_to_nobody_who_cannot_see_it() {
        let open = guild();
        let hidden = apply(&open, ANA, &hide(voice(&open)));
        let join = VoiceCommand::Update {
            user: ANA,
            session: "s".to_owned(),
            channel: Some(voice(&hidden)),
            self_mute: false,
            self_deaf: false,
            self_video: false,
        };

        let (after, events, _) = hidden.voice_command(&join, 0).unwrap();
        let joined = publish(events[0].clone(), &hidden, &after);

        assert_eq!(viewer(ANA, Intents::all()).hears(&joined, 0), Heard::Yes);
        assert_eq!(viewer(BEN, Intents::all()).hears(&joined, 0), Heard::No);
    }

    #[test]
    fn content_is_read_with_its_intent_by_its_author_by_those_mentioned_and_in_private() {
        let guild = guild();
        let plain = message(&guild);
        let to_ben = MessageRecord { mentions: vec![BEN], ..plain.clone() };
        let private = MessageRecord { guild: None, ..plain.clone() };
        let without = Intents::GUILD_MESSAGES;

        assert!(!viewer(BEN, without).reads(&plain));
        assert!(viewer(BEN, Intents::MESSAGE_CONTENT).reads(&plain));
        assert!(viewer(ANA, without).reads(&plain));
        assert!(viewer(BEN, without).reads(&to_ben));
        assert!(!viewer(CAI, without).reads(&to_ben));
        assert!(viewer(CAI, without).reads(&private));
    }

    #[test]
    fn each_guild_is_on_exactly_one_gateway_shard() {
        for guild in [1, 1 << 22, 81_384_788_765_712_384, u64::MAX].map(GuildId::new) {
            let shards = (0..3).map(|id| GatewayShard { id, count: 3 });
            assert_eq!(shards.filter(|shard| shard.has_guild(guild)).count(), 1);
            assert!(GatewayShard::WHOLE.has_guild(guild));
        }
    }
}

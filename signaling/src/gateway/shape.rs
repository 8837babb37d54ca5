//! What events look like to clients (Discord: Gateway Events): encoded once per form, then shared.

use std::any::Any;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::RwLock;

use model::gateway::DispatchName;
use model::gateway::Intents;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::GuildEvent;
use state::Publication;
use state::UserEvent;
use state::event::ChatEvent;
use state::event::Personal;
use state::private::PrivatePublication;
use state::record::MessageRecord;
use state::record::UserRecord;
use state::repo::MessageRepo;
use state::repo::RepoError;
use state::screening::JoinRequest;
use state::thread::Thread;
use state::users::Users;
use state::voice::VoiceState;
use tokio::sync::OnceCell;

use super::encode::Dispatch;
use super::filter::Flip;
use super::filter::Heard;
use super::filter::Viewer;
use super::names::chat_name;
use super::names::name;
use crate::cdn::Origin;
use crate::cdn::Signer;
use crate::cdn::Urls;
use crate::wire;

/// What shaping looks things up in.
#[derive(Clone, Copy)]
pub(super) struct Shaper<'a> {
    /// Names. Those of an event were loaded by [`prepare`].
    pub users: &'a Users,
    /// Signs URLs of files.
    pub signer: &'a Signer,
    /// Unix milliseconds.
    pub now_ms: u64,
}

/// One way in which an event is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// To everyone alike.
    Whole,
    /// A voice state of someone who went out of sight.
    VoiceLeft,
    /// A channel that came into view or went out of it.
    Channel(Flip),
    /// A message, with or without its content and that of the message it answers.
    Message { content: bool, reference: bool },
    /// What a rule did, without the text that triggered it.
    Unread,
}

impl Form {
    /// Its place among those that need no lock: all but the rare ones.
    const fn place(self) -> Option<usize> {
        match self {
            Self::Whole => Some(0),
            Self::VoiceLeft => Some(1),
            Self::Message { content, reference } => {
                Some(2 + content as usize + 2 * reference as usize)
            }
            Self::Unread => Some(6),
            Self::Channel(_) => None,
        }
    }
}

/// Forms that have a place.
const PLACES: usize = 7;

/// A form, the host that it is for where that matters, and what is sent.
type Shape = (Form, Option<Origin>, Dispatch);

/// The forms of one event that were needed so far.
#[derive(Default)]
struct Shapes {
    /// Each session of each lane looks here.
    common: [OnceLock<Dispatch>; PLACES],
    /// Few: hosts by which clients reach us count only for messages with files.
    rare: RwLock<Vec<Shape>>,
    /// The answered message, looked up once for all; empty when there is none to show.
    reference: OnceCell<Option<Option<MessageRecord>>>,
}

impl Shapes {
    /// The shapes kept with an event.
    fn of(slot: &OnceLock<Arc<dyn Any + Send + Sync>>) -> Option<&Self> {
        slot.get_or_init(|| Arc::new(Self::default())).downcast_ref()
    }

    /// What is sent in a form, made now if nobody needed it before.
    fn dispatch(
        &self,
        name: DispatchName,
        form: (Form, Option<&Origin>),
        make: impl FnOnce() -> Option<Value>,
    ) -> Option<Dispatch> {
        self.kept(form, || Some(Dispatch::new(name, &make()?)))
    }

    /// The same of what is made as a dispatch.
    fn kept(
        &self,
        (form, origin): (Form, Option<&Origin>),
        make: impl FnOnce() -> Option<Dispatch>,
    ) -> Option<Dispatch> {
        let common = form.place().filter(|_| origin.is_none()).map(|place| &self.common[place]);
        if let Some(slot) = common {
            if let Some(dispatch) = slot.get() {
                return Some(dispatch.clone());
            }
            let dispatch = make()?;
            // Another lane may have been first.
            return Some(slot.get_or_init(|| dispatch).clone());
        }
        let find = |made: &[Shape]| {
            made.iter()
                .find(|(known, of, _)| *known == form && of.as_ref() == origin)
                .map(|(.., dispatch)| dispatch.clone())
        };
        if let Some(dispatch) = find(&self.rare.read().unwrap_or_else(PoisonError::into_inner)) {
            return Some(dispatch);
        }
        let mut made = self.rare.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(dispatch) = find(&made) {
            return Some(dispatch);
        }
        let dispatch = make()?;
        made.push((form, origin.cloned(), dispatch.clone()));
        Some(dispatch)
    }

    fn reference(&self) -> Option<Option<&MessageRecord>> {
        self.reference.get()?.as_ref().map(Option::as_ref)
    }
}

/// Brings everything into memory that [`Shaper`] will look up for an event; the first session
/// that hears it pays, the others find it done.
///
/// # Errors
///
/// Storage errors; the event is then shown without what is missing.
pub(super) async fn prepare(
    event: &UserEvent,
    users: &Arc<Users>,
    messages: &dyn MessageRepo,
) -> Result<(), RepoError> {
    let (slot, chat) = match event {
        UserEvent::Guild(publication) => match &publication.event {
            GuildEvent::Chat(chat) => (&publication.shaped, chat),
            GuildEvent::BanAdded(user)
            | GuildEvent::BanRemoved(user)
            | GuildEvent::MemberRemoved(user) => return users.user(*user).await.map(drop),
            GuildEvent::JoinRequestUpdated(request) => {
                let named: Vec<_> = [request.user].into_iter().chain(request.reviewer).collect();
                return users.load(&named).await.map(drop);
            }
            _ => return Ok(()),
        },
        UserEvent::Private(publication) => {
            users.load(&publication.channel.recipients).await?;
            (&publication.shaped, &publication.event)
        }
        UserEvent::PrivateChannelOpened(channel) => {
            return users.load(&channel.recipients).await.map(drop);
        }
        UserEvent::Personal(personal) => {
            return wire::load_users(users, personal.messages.iter().map(|(_, said)| &**said))
                .await;
        }
        _ => return Ok(()),
    };
    let (ChatEvent::MessageCreated(message) | ChatEvent::MessageUpdated(message)) = chat else {
        return Ok(());
    };
    let Some(shapes) = Shapes::of(slot) else { return Ok(()) };
    let load = || async {
        let reference = match answered(message) {
            Some((channel, id)) => Some(messages.message(channel, id).await?),
            None => None,
        };
        let answered = reference.iter().flatten();
        wire::load_users(users, answered.chain([&**message])).await?;
        Ok(reference)
    };
    shapes.reference.get_or_try_init(load).await.map(drop)
}

/// The message that another one answers, in the same channel, or that a thread was started from.
fn answered(message: &MessageRecord) -> Option<(ChannelId, model::id::MessageId)> {
    let reference = message.reference.as_ref()?;
    let channel = reference.channel_id.unwrap_or(message.channel);
    let shows = channel == message.channel || message.kind == state::thread::STARTER;
    Some((channel, reference.message_id.filter(|_| shows)?))
}

impl Shaper<'_> {
    /// What a viewer is sent of a guild event that it [hears](Viewer::hears).
    pub(super) fn guild_event(
        self,
        publication: &Publication,
        viewer: &Viewer,
        heard: Heard,
    ) -> Option<Dispatch> {
        let guild = &*publication.guild;
        let shapes = Shapes::of(&publication.shaped)?;
        let name = name(&publication.event);
        match (heard, &publication.event) {
            (Heard::No, _) => None,
            (Heard::GuildGone, _) => {
                Some(Dispatch::new(DispatchName::GuildDelete, &json!({ "id": guild.id })))
            }
            (Heard::VoiceLeft, GuildEvent::VoiceStateUpdated(state)) => {
                let left = VoiceState { channel: None, ..(**state).clone() };
                let make = || Some(self.voice_state(&left, guild));
                shapes.dispatch(name, (Form::VoiceLeft, None), make)
            }
            (_, GuildEvent::Chat(chat)) => self.chat(chat, shapes, Some(guild), viewer),
            (_, GuildEvent::ThreadCreated(thread) | GuildEvent::ThreadUpdated(thread)) => {
                let thread = guild.threads.get(&thread.id)?;
                let new = matches!(publication.event, GuildEvent::ThreadCreated(_));
                // Whoever is in it is shown their own membership.
                if thread.members.contains_key(&viewer.user) {
                    let shown = wire::thread(thread, guild.id, Some(viewer.user));
                    return Some(Dispatch::new(name, &newly(shown, new)));
                }
                let make = || Some(newly(wire::thread(thread, guild.id, None), new));
                shapes.dispatch(name, (Form::Whole, None), make)
            }
            (
                _,
                GuildEvent::JoinRequestCreated(request) | GuildEvent::JoinRequestUpdated(request),
            ) if request.user == viewer.user => {
                let shown = wire::own_join_request(guild.id, request);
                Some(Dispatch::new(name, &told(guild.id, request, shown)))
            }
            (_, GuildEvent::RuleExecuted(done)) if !viewer.wants(Intents::MESSAGE_CONTENT) => {
                let make = || Some(wire::rule_executed(done, guild.id, false));
                shapes.dispatch(name, (Form::Unread, None), make)
            }
            (_, event) => shapes.dispatch(name, (Form::Whole, None), || self.payload(event, guild)),
        }
    }

    /// What a viewer is sent of a channel that came into view or went out of it: the channel, and
    /// who is in voice there.
    pub(super) fn flip(
        self,
        publication: &Publication,
        flip: Flip,
        viewer: &Viewer,
    ) -> Vec<Dispatch> {
        let guild = &*publication.guild;
        let channel = guild.channels.get(&flip.channel);
        let shapes = Shapes::of(&publication.shaped);
        let (Some(channel), Some(shapes)) = (channel, shapes) else { return Vec::new() };
        let name =
            if flip.appeared { DispatchName::ChannelCreate } else { DispatchName::ChannelDelete };
        let make = || Some(wire::channel_in(guild, channel));
        let dispatch = shapes.dispatch(name, (Form::Channel(flip), None), make);
        let mut dispatches: Vec<_> = dispatch.into_iter().collect();
        if flip.appeared {
            let there = guild.voice.values().filter(|state| state.channel == Some(flip.channel));
            dispatches.extend(there.map(|state| {
                Dispatch::new(DispatchName::VoiceStateUpdate, &self.voice_state(state, guild))
            }));
            let here = |parent| parent == flip.channel;
            let threads: Vec<_> =
                wire::active_threads(guild, viewer.user, self.now_ms, here).collect();
            if !threads.is_empty() {
                dispatches.push(thread_list(guild, viewer, flip.channel, &threads));
            }
        }
        dispatches
    }

    /// What a viewer is sent before it hears that it was added to a thread: the thread, which it may
    /// not have seen before.
    pub(super) fn added(self, publication: &Publication, viewer: &Viewer) -> Option<Dispatch> {
        let GuildEvent::ThreadMembersUpdated { thread, added, .. } = &publication.event else {
            return None;
        };
        let own = added.iter().any(|member| member.user == viewer.user);
        if !own || !publication.before.threads.contains_key(thread) {
            return None;
        }
        let guild = &*publication.guild;
        let shown = wire::thread(guild.threads.get(thread)?, guild.id, Some(viewer.user));
        Some(Dispatch::new(DispatchName::ThreadCreate, &shown))
    }

    /// What a viewer is sent of an event in one of its private channels.
    pub(super) fn private_event(
        self,
        publication: &PrivatePublication,
        viewer: &Viewer,
    ) -> Option<Dispatch> {
        let shapes = Shapes::of(&publication.shaped)?;
        self.chat(&publication.event, shapes, None, viewer)
    }

    fn payload(self, event: &GuildEvent, guild: &Guild) -> Option<Value> {
        let id = guild.id;
        Some(match event {
            GuildEvent::GuildUpdated => wire::guild(guild),
            GuildEvent::GuildDeleted => json!({ "id": id }),
            GuildEvent::ChannelCreated(channel)
            | GuildEvent::ChannelUpdated(channel)
            | GuildEvent::ChannelDeleted(channel) => wire::channel_in(guild, channel),
            // Have forms of their own, as every event of a text channel.
            GuildEvent::ThreadCreated(_) | GuildEvent::ThreadUpdated(_) => return None,
            GuildEvent::ThreadDeleted(thread) => json!({
                "id": thread.id,
                "guild_id": id,
                "parent_id": thread.parent,
                "type": thread.kind,
            }),
            GuildEvent::ThreadMembersUpdated { thread, added, removed } => {
                let shown = added.iter().map(|joined| {
                    let mut value = wire::thread_member(*thread, joined);
                    if let Some(member) = guild.members.get(&joined.user) {
                        value["member"] = wire::member(&member, &self.user(joined.user));
                    }
                    let presence = guild.presences.get(&joined.user);
                    value["presence"] = json!(presence.map(|is| wire::presence(is, id)));
                    value
                });
                json!({
                    "id": thread,
                    "guild_id": id,
                    "member_count": guild.threads.get(thread).map_or(0, |thread| thread.members.len()),
                    "added_members": shown.collect::<Vec<_>>(),
                    "removed_member_ids": removed,
                })
            }
            GuildEvent::ThreadMemberUpdated { thread, member } => {
                let mut value = wire::thread_member(*thread, member);
                value["guild_id"] = json!(id);
                value
            }
            GuildEvent::RoleCreated(role) | GuildEvent::RoleUpdated(role) => {
                json!({ "guild_id": id, "role": wire::role(role) })
            }
            GuildEvent::RoleDeleted(role) => json!({ "guild_id": id, "role_id": role }),
            GuildEvent::MemberAdded(member) | GuildEvent::MemberUpdated(member) => {
                let mut value = wire::member(member, &self.user(member.user));
                value["guild_id"] = json!(id);
                value
            }
            GuildEvent::JoinRequestCreated(request) | GuildEvent::JoinRequestUpdated(request) => {
                let shown = wire::join_request(id, request, |user| Some(self.user(user)));
                told(id, request, shown)
            }
            GuildEvent::JoinRequestDeleted(request) => {
                json!({ "guild_id": id, "id": request.id, "user_id": request.user })
            }
            GuildEvent::UserUpdated(user) => {
                let mut value = wire::member(&*guild.members.get(&user.id)?, user);
                value["guild_id"] = json!(id);
                value
            }
            GuildEvent::MemberRemoved(user)
            | GuildEvent::BanAdded(user)
            | GuildEvent::BanRemoved(user) => {
                json!({ "guild_id": id, "user": wire::user(&self.user(*user)) })
            }
            GuildEvent::InviteCreated(invite) => json!({
                "channel_id": invite.channel,
                "code": invite.code,
                "created_at": crate::parts::timestamp(invite.created_ms),
                "guild_id": id,
                "inviter": invite.inviter.map(|inviter| wire::user(&self.user(inviter))),
                "max_age": invite.max_age,
                "max_uses": invite.max_uses,
                "temporary": invite.temporary,
                "uses": invite.uses,
                "role_ids": invite.roles,
            }),
            GuildEvent::InviteDeleted { code, channel } => {
                json!({ "channel_id": channel, "guild_id": id, "code": code })
            }
            GuildEvent::PresenceUpdated { presence, .. } => wire::presence(presence, id),
            GuildEvent::VoiceStateUpdated(state) => self.voice_state(state, guild),
            GuildEvent::VoiceStatusChanged { channel, status } => {
                json!({ "id": channel, "guild_id": id, "status": status })
            }
            GuildEvent::VoiceStarted { channel, since } => {
                json!({ "id": channel, "guild_id": id, "voice_start_time": since })
            }
            GuildEvent::WebhooksUpdated(channel) => {
                json!({ "guild_id": id, "channel_id": channel })
            }
            GuildEvent::CommandsUpdated => json!({ "guild_id": id }),
            GuildEvent::IntegrationCreated(member) | GuildEvent::IntegrationUpdated(member) => {
                let integration = member.integration.as_ref()?;
                let mut value = wire::integration(&self.user(member.user), integration);
                value["guild_id"] = json!(id);
                value["user"] = wire::user(&self.user(integration.user));
                value
            }
            GuildEvent::IntegrationDeleted(bot) => {
                json!({ "id": bot, "guild_id": id, "application_id": bot })
            }
            GuildEvent::IntegrationsUpdated => json!({ "guild_id": id }),
            GuildEvent::EmojisUpdated => {
                json!({ "guild_id": id, "emojis": wire::guild_emojis(guild) })
            }
            GuildEvent::StickersUpdated => {
                json!({ "guild_id": id, "stickers": wire::stickers(guild) })
            }
            GuildEvent::SoundCreated(sound) | GuildEvent::SoundChanged(sound) => {
                wire::sound(id, sound)
            }
            GuildEvent::SoundDeleted(sound) => json!({ "guild_id": id, "sound_id": sound }),
            GuildEvent::SoundPlayed(played) => wire::sound_played(id, played),
            GuildEvent::EventScheduled(event)
            | GuildEvent::EventChanged(event)
            | GuildEvent::EventRemoved(event) => wire::scheduled_event(id, event),
            GuildEvent::EventExcepted { event, regular_ms, exception, .. } => {
                wire::event_exception(event.id, *regular_ms, *exception)
            }
            GuildEvent::EventInterest { event, user, .. } => json!({
                "guild_scheduled_event_id": event.id,
                "user_id": user,
                "guild_id": id,
            }),
            GuildEvent::AuditLogged(entry) => {
                let mut value = wire::audit_entry(entry);
                value["guild_id"] = json!(id);
                value
            }
            GuildEvent::RuleCreated(rule)
            | GuildEvent::RuleUpdated(rule)
            | GuildEvent::RuleDeleted(rule) => wire::rule(&rule.record, id),
            GuildEvent::RuleExecuted(done) => wire::rule_executed(done, id, true),
            GuildEvent::StageOpened(stage)
            | GuildEvent::StageChanged(stage)
            | GuildEvent::StageClosed(stage) => wire::stage_instance(stage),
            // Has forms of its own.
            GuildEvent::Chat(_) => return None,
        })
    }

    fn voice_state(self, state: &VoiceState, guild: &Guild) -> Value {
        let member = guild.members.get(&state.user);
        let member = member.map(|member| wire::member(&member, &self.user(state.user)));
        wire::voice_state(state, member)
    }

    fn chat(
        self,
        chat: &ChatEvent,
        shapes: &Shapes,
        guild: Option<&Guild>,
        viewer: &Viewer,
    ) -> Option<Dispatch> {
        let name = chat_name(chat);
        let (ChatEvent::MessageCreated(message) | ChatEvent::MessageUpdated(message)) = chat else {
            return shapes.dispatch(name, (Form::Whole, None), || self.small_talk(chat, guild));
        };
        let reference = shapes.reference();
        let content = viewer.reads(message);
        let reads_reference = reference.flatten().is_none_or(|answered| viewer.reads(answered));
        let form = Form::Message { content, reference: reads_reference };
        // Only URLs of files tell hosts apart.
        let files = |message: &MessageRecord| {
            let mut forwarded = message.snapshots.iter();
            !message.attachments.is_empty()
                || forwarded.any(|snapshot| !snapshot.attachments.is_empty())
        };
        let has_files = files(message) || reference.flatten().is_some_and(files);
        let origin = has_files.then_some(&viewer.origin);
        shapes.kept((form, origin), || {
            let context = wire::MessageContext {
                users: self.users,
                guild,
                threads: guild,
                // Nobody voted on what was said just now.
                poll: matches!(chat, ChatEvent::MessageCreated(_)).then_some(&[]),
                reactions: &[],
                referenced: reference,
                urls: Urls { signer: self.signer, origin: &viewer.origin, now_ms: self.now_ms },
            };
            let mut shown = wire::Message::new(message, context);
            if !content {
                shown.strip();
            }
            if !reads_reference && let Some(answered) = shown.answered() {
                answered.strip();
            }
            Some(Dispatch::written(name, &shown))
        })
    }

    /// What a viewer is sent of what nobody else hears.
    pub(super) fn personal(self, personal: &Personal, viewer: &Viewer) -> Dispatch {
        let urls = Urls { signer: self.signer, origin: &viewer.origin, now_ms: self.now_ms };
        Dispatch::new(personal.name, &wire::personal(personal, self.users, urls))
    }

    /// Everything in a text channel that is no message.
    fn small_talk(self, chat: &ChatEvent, guild: Option<&Guild>) -> Option<Value> {
        let member = |user: &UserId| {
            let member = guild?.members.get(user)?;
            Some(wire::member(&member, &self.user(*user)))
        };
        let mut value = match chat {
            ChatEvent::MessageCreated(_) | ChatEvent::MessageUpdated(_) => return None,
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
                    if let Some(member) = member(user) {
                        value["member"] = member;
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
                if let Some(member) = member(user) {
                    value["member"] = member;
                }
                value
            }
            ChatEvent::PollVote { channel, message, user, answer, .. } => json!({
                "user_id": user,
                "channel_id": channel,
                "message_id": message,
                "answer_id": answer,
            }),
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

    /// An account; one that is nowhere any more is shown by its id alone.
    fn user(self, id: UserId) -> Arc<UserRecord> {
        self.users.cached(id).unwrap_or_else(|| {
            Arc::new(UserRecord {
                id,
                username: "deleted-user".to_owned(),
                global_name: None,
                avatar: None,
                bot: false,
                flags: 0,
            })
        })
    }
}

/// What is told of a join request, which is shown so.
fn told(guild: GuildId, request: &JoinRequest, shown: Value) -> Value {
    json!({ "guild_id": guild, "status": request.status, "request": shown })
}

/// Marks a thread that was started just now.
fn newly(mut thread: Value, new: bool) -> Value {
    if new {
        thread["newly_created"] = json!(true);
    }
    thread
}

/// The active threads of a channel that came into view.
fn thread_list(
    guild: &Guild,
    viewer: &Viewer,
    channel: ChannelId,
    threads: &[&Thread],
) -> Dispatch {
    let shown = threads.iter().map(|thread| wire::thread(thread, guild.id, None));
    let members = threads.iter().filter_map(|thread| {
        let member = thread.members.get(&viewer.user)?;
        Some(wire::thread_member(thread.record.id, member))
    });
    let payload = json!({
        "guild_id": guild.id,
        "channel_ids": [channel],
        "threads": shown.collect::<Vec<_>>(),
        "members": members.collect::<Vec<_>>(),
    });
    Dispatch::new(DispatchName::ThreadListSync, &payload)
}

#[cfg(test)]
mod tests {
    use model::id::MessageId;
    use model::wire::gateway::event::DispatchEvent;
    use model::wire::gateway::event::DispatchEventWithTypeDeserializer;
    use model::wire::gateway::presence::Status;
    use serde::de::DeserializeSeed as _;
    use state::presence::Presence;
    use state::record::InviteRecord;
    use state::record::ReactionEmoji;
    use state::voice::StageInstance;
    use state::voice::VoiceCommand;

    use super::super::testing::*;
    use super::*;

    /// What a client makes of a dispatch; fails when it cannot read it.
    fn read(dispatch: &Dispatch) -> DispatchEvent {
        let mut json = serde_json::Deserializer::from_str(&dispatch.payload);
        let seed = DispatchEventWithTypeDeserializer::new(dispatch.name.as_str());
        match seed.deserialize(&mut json) {
            Ok(event) => event,
            Err(error) => panic!("{}: {error}: {}", dispatch.name, &*dispatch.payload),
        }
    }

    fn known_users() -> Arc<Users> {
        let users = users();
        for (id, name) in [(ANA, "ana"), (BEN, "ben"), (CAI, "cai")] {
            users.put(user(id, name));
        }
        users
    }

    fn shape(publication: &Publication, viewer: &Viewer, users: &Users) -> Option<Dispatch> {
        let signer = Signer::new(&[7; 32]);
        let shaper = Shaper { users, signer: &signer, now_ms: 0 };
        shaper.guild_event(publication, viewer, viewer.hears(publication, 0))
    }

    fn json(dispatch: &Dispatch) -> Value {
        serde_json::from_str(&dispatch.payload).unwrap()
    }

    #[test]
    fn every_guild_event_is_readable_to_a_client() {
        let users = known_users();
        let guild = guild();
        let at = text(&guild);
        let id = MessageId::new(99);
        let channel = Arc::clone(&guild.channels[&at]);
        let role = Arc::clone(&guild.roles[&SCRIBES]);
        let member = guild.members.get(&BEN).expect("a member");
        let invite = Arc::new(InviteRecord {
            code: "code".to_owned(),
            guild: Some(guild.id),
            channel: Some(at),
            inviter: Some(ANA),
            max_uses: 1,
            uses: 0,
            max_age: 60,
            created_ms: 1_700_000_000_000,
            owner: false,
            temporary: false,
            roles: Vec::new(),
            targets: None,
        });
        let presence = Arc::new(Presence {
            user: BEN,
            status: Status::Online,
            activities: Vec::new(),
            desktop: None,
            mobile: None,
            web: Some(Status::Online),
        });
        let join = VoiceCommand::Update {
            user: BEN,
            session: "s".to_owned(),
            channel: Some(voice(&guild)),
            self_mute: false,
            self_deaf: false,
            self_video: false,
        };
        let (_, voice_events, _) = guild.voice_command(&join, 0).unwrap();
        let stage = Arc::new(StageInstance {
            id: model::id::StageId::new(900),
            guild: guild.id,
            channel: voice(&guild),
            topic: "Boats".to_owned(),
            event: None,
        });
        let mut brought = (*member).clone();
        brought.integration = Some(Arc::new(state::record::IntegrationRecord {
            name: "Dicer".to_owned(),
            description: "rolls dice".to_owned(),
            user: ANA,
            scopes: vec!["bot".to_owned()],
        }));
        let brought = Arc::new(brought);
        let planned = planned(voice(&guild));
        let emoji = || ReactionEmoji { id: None, name: "👋".to_owned() };
        let custom =
            ReactionEmoji { id: Some(model::id::EmojiId::new(5)), name: "wave".to_owned() };
        let reaction = |emoji, added| ChatEvent::Reaction {
            channel: at,
            message: id,
            author: ANA,
            user: BEN,
            emoji,
            added,
        };
        let mut events = vec![
            GuildEvent::GuildUpdated,
            GuildEvent::GuildDeleted,
            GuildEvent::ChannelCreated(Arc::clone(&channel)),
            GuildEvent::ChannelUpdated(Arc::clone(&channel)),
            GuildEvent::ChannelDeleted(channel),
            GuildEvent::RoleCreated(Arc::clone(&role)),
            GuildEvent::RoleUpdated(role),
            GuildEvent::RoleDeleted(SCRIBES),
            GuildEvent::IntegrationCreated(Arc::clone(&brought)),
            GuildEvent::IntegrationUpdated(brought),
            GuildEvent::IntegrationDeleted(CAI),
            GuildEvent::IntegrationsUpdated,
            GuildEvent::MemberAdded(Arc::clone(&member)),
            GuildEvent::MemberUpdated(member),
            GuildEvent::MemberRemoved(CAI),
            GuildEvent::UserUpdated(user(BEN, "benedict")),
            GuildEvent::BanAdded(UserId::new(77)),
            GuildEvent::BanRemoved(CAI),
            GuildEvent::InviteCreated(invite),
            GuildEvent::InviteDeleted { code: "code".to_owned(), channel: Some(at) },
            GuildEvent::PresenceUpdated { user: BEN, presence },
            voice_events[0].clone(),
            GuildEvent::WebhooksUpdated(at),
            GuildEvent::EmojisUpdated,
            GuildEvent::RuleCreated(rule()),
            GuildEvent::RuleUpdated(rule()),
            GuildEvent::RuleDeleted(rule()),
            GuildEvent::RuleExecuted(executed(&guild)),
            GuildEvent::StickersUpdated,
            GuildEvent::EventScheduled(Arc::clone(&planned)),
            GuildEvent::EventChanged(Arc::clone(&planned)),
            GuildEvent::EventRemoved(Arc::clone(&planned)),
            GuildEvent::EventInterest { event: Arc::clone(&planned), user: BEN, added: true },
            GuildEvent::EventInterest { event: planned, user: BEN, added: false },
            GuildEvent::AuditLogged(entry(&guild)),
            GuildEvent::StageOpened(Arc::clone(&stage)),
            GuildEvent::StageChanged(Arc::clone(&stage)),
            GuildEvent::StageClosed(stage),
        ];
        let chats = [
            ChatEvent::MessageCreated(Arc::new(message(&guild))),
            ChatEvent::MessageUpdated(Arc::new(message(&guild))),
            ChatEvent::MessagesDeleted { channel: at, ids: vec![id], bulk: false },
            ChatEvent::MessagesDeleted { channel: at, ids: vec![id], bulk: true },
            reaction(emoji(), true),
            reaction(custom, true),
            reaction(emoji(), false),
            ChatEvent::ReactionsCleared { channel: at, message: id, emoji: None },
            ChatEvent::ReactionsCleared { channel: at, message: id, emoji: Some(emoji()) },
            ChatEvent::Typing { channel: at, user: BEN, since: 1_700_000_000 },
            ChatEvent::PinsUpdated { channel: at, last_pin_ms: Some(1_700_000_000_000) },
            ChatEvent::PinsUpdated { channel: at, last_pin_ms: None },
        ];
        events.extend(chats.map(GuildEvent::Chat));

        let viewer = viewer(ANA, Intents::all());
        for event in events {
            let publication = publish(event, &guild, &guild);
            let dispatch = shape(&publication, &viewer, &users);
            read(&dispatch.unwrap_or_else(|| panic!("nothing of {publication:?}")));
        }
    }

    #[test]
    fn a_shown_guild_is_readable_to_a_client() {
        let users = known_users();
        let shown = wire::MembersShown { large_threshold: 50, all: true, presences: true };

        let payload = wire::guild_create(&guild(), BEN, &users, shown, 0);

        let event = read(&Dispatch::new(DispatchName::GuildCreate, &payload));
        let DispatchEvent::GuildCreate(created) = event else { panic!("{event:?}") };
        let model::wire::gateway::payload::incoming::GuildCreate::Available(created) = *created
        else {
            panic!("unavailable")
        };
        assert_eq!(created.members.len(), 3);
        assert_eq!(created.channels.len(), 4);
    }

    #[test]
    fn sessions_that_hear_alike_share_the_same_bytes() {
        let users = known_users();
        let guild = guild();
        let said = GuildEvent::Chat(ChatEvent::MessageCreated(Arc::new(message(&guild))));
        let publication = publish(said, &guild, &guild);
        let full = |user| shape(&publication, &viewer(user, Intents::all()), &users).unwrap();

        let (ben, cai) = (full(BEN), full(CAI));
        let stripped = shape(&publication, &viewer(BEN, Intents::GUILD_MESSAGES), &users);

        assert_eq!(ben.payload.as_ptr(), cai.payload.as_ptr());
        let stripped = json(&stripped.unwrap());
        assert_eq!(stripped["content"], "");
        assert_eq!(json(&ben)["content"], "hail");
    }

    #[tokio::test]
    async fn the_answered_message_is_looked_up_once_and_stripped_by_itself() {
        let repos = storage::memory();
        let users = known_users();
        let guild = guild();
        let answered = message(&guild);
        repos.messages.insert(&answered).await.unwrap();
        let answer: MessageRecord = serde_json::from_value(json!({
            "id": "100", "channel": text(&guild), "guild": "10", "author": "3", "kind": 19,
            "content": "hail to you", "mentions": ["2"],
            "reference": { "message_id": "99", "channel_id": text(&guild), "guild_id": "10" },
        }))
        .unwrap();
        let said = GuildEvent::Chat(ChatEvent::MessageCreated(Arc::new(answer)));
        let publication = Arc::new(publish(said, &guild, &guild));

        let event = UserEvent::Guild(Arc::clone(&publication));
        prepare(&event, &users, &*repos.messages).await.unwrap();

        let full = shape(&publication, &viewer(BEN, Intents::all()), &users).unwrap();
        read(&full);
        assert_eq!(json(&full)["referenced_message"]["content"], "hail");
        // Ben is mentioned by the answer, not by what it answers.
        let mentioned = shape(&publication, &viewer(BEN, Intents::GUILD_MESSAGES), &users);
        let mentioned = json(&mentioned.unwrap());
        assert_eq!(mentioned["content"], "hail to you");
        assert_eq!(mentioned["referenced_message"]["content"], "");
    }

    #[test]
    fn files_are_found_where_each_reader_came_from() {
        let users = known_users();
        let guild = guild();
        let with_file = MessageRecord {
            attachments: vec![
                serde_json::from_value(json!({
                    "id": "5", "filename": "a.txt", "size": 1,
                    "url": "/attachments/12/5/a.txt", "proxy_url": "/attachments/12/5/a.txt",
                }))
                .unwrap(),
            ],
            ..message(&guild)
        };
        let said = GuildEvent::Chat(ChatEvent::MessageCreated(Arc::new(with_file)));
        let publication = publish(said, &guild, &guild);
        let url = |host: &str| {
            let config = crate::config::SignalingConfig::default();
            let origin = Origin::new(&config, host, true);
            let viewer = Viewer { origin, ..viewer(BEN, Intents::all()) };
            let dispatch = shape(&publication, &viewer, &users).unwrap();
            json(&dispatch)["attachments"][0]["url"].as_str().unwrap().to_owned()
        };

        assert!(url("a.example").starts_with("https://a.example/attachments/12/5/a.txt?"));
        assert!(url("b.example").starts_with("https://b.example/attachments/12/5/a.txt?"));
    }

    #[test]
    fn who_goes_out_of_sight_is_shown_as_having_left() {
        let users = known_users();
        let open = guild();
        let join = |channel, user| VoiceCommand::Update {
            user,
            session: "s".to_owned(),
            channel,
            self_mute: false,
            self_deaf: false,
            self_video: false,
        };
        let (talking, ..) = open.voice_command(&join(Some(voice(&open)), ANA), 0).unwrap();
        let draft = state::guild::command::ChannelDraft {
            id: ChannelId::new(15),
            kind: model::wire::channel::ChannelType::GuildVoice,
            name: "den".to_owned(),
            parent: None,
            topic: None,
            position: None,
            bitrate: None,
            user_limit: None,
            rate_limit_per_user: None,
            nsfw: false,
            overwrites: Vec::new(),
            forum: state::guild::command::ForumPatch::default(),
        };
        let den = draft.id;
        let guild = apply(&talking, ANA, &state::GuildCommand::CreateChannel(draft));
        let guild = apply(&guild, ANA, &hide(den));

        let (after, events, _) = guild.voice_command(&join(Some(den), ANA), 0).unwrap();
        let moved = publish(events[0].clone(), &guild, &after);

        let seen = shape(&moved, &viewer(ANA, Intents::all()), &users).unwrap();
        assert_eq!(json(&seen)["channel_id"], "15");
        let left = shape(&moved, &viewer(BEN, Intents::all()), &users).unwrap();
        assert_eq!(json(&left)["channel_id"], Value::Null);
        read(&left);
    }
}

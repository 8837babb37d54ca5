//! What a person's client is told of large guilds that it does not look at: now and then what came of the
//! events there, in place of each of them (userdoccers: Gateway Events/Passive Update). Pure.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;
use std::time::Duration;
use std::time::Instant;

use model::gateway::DispatchName;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::RoleId;
use model::id::UserId;
use model::limits;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::GuildEvent;
use state::Publication;
use state::event::ChatEvent;
use state::record::MessageRecord;

use super::super::encode::Dispatch;
use super::super::filter::Viewer;
use super::super::shape::Shaper;
use super::GatewaySession;
use super::Output;
use crate::wire;

/// The two forms of Passive Update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gateway) enum PassiveForm {
    /// What changed of channels, and everybody in voice.
    V1,
    /// What changed.
    V2,
}

impl PassiveForm {
    /// The form that a client's capabilities ask for, if any (userdoccers: Gateway Capabilities).
    pub(in crate::gateway) const fn asked(capabilities: u64) -> Option<Self> {
        match (capabilities >> 14 & 1, capabilities >> 11 & 1) {
            (1, _) => Some(Self::V2),
            (0, 1) => Some(Self::V1),
            _ => None,
        }
    }
}

/// Which guilds a client looks at, and what happened in the others since it was told.
#[derive(Debug)]
pub(super) struct Passive {
    form: PassiveForm,
    looked_at: HashSet<GuildId>,
    changed: HashMap<GuildId, Changed>,
    due: Option<Instant>,
}

#[derive(Debug, Default)]
struct Changed {
    /// Channels with something new, and the newest pin of those where pins changed, in Unix milliseconds.
    channels: BTreeMap<ChannelId, Option<Option<u64>>>,
    /// Who came into voice, left it, or is there otherwise than before.
    voice: BTreeSet<UserId>,
}

impl Passive {
    /// Of a client that looks at nothing yet.
    pub(super) fn new(form: PassiveForm) -> Self {
        Self { form, looked_at: HashSet::new(), changed: HashMap::new(), due: None }
    }

    /// Whether an event is one that the client is not told by itself; then what comes of it is noted.
    pub(super) fn withholds(&mut self, now: Instant, event: &Publication, viewer: &Viewer) -> bool {
        let guild = &event.guild;
        if guild.members.len() < limits::PASSIVE_FROM_MEMBERS || self.looked_at.contains(&guild.id)
        {
            return false;
        }
        match &event.event {
            GuildEvent::PresenceUpdated { user, .. } => *user != viewer.user,
            GuildEvent::VoiceStateUpdated(state) if state.user != viewer.user => {
                self.note(now, guild.id).voice.insert(state.user);
                true
            }
            GuildEvent::Chat(chat) => {
                match chat {
                    ChatEvent::MessageCreated(message) if concerns(message, guild, viewer) => {
                        return false;
                    }
                    ChatEvent::MessageCreated(message) => {
                        self.note(now, guild.id).channels.entry(message.channel).or_default();
                    }
                    ChatEvent::PinsUpdated { channel, last_pin_ms } => {
                        self.note(now, guild.id).channels.insert(*channel, Some(*last_pin_ms));
                    }
                    _ => {}
                }
                true
            }
            _ => false,
        }
    }

    fn note(&mut self, now: Instant, guild: GuildId) -> &mut Changed {
        self.due.get_or_insert(now + EVERY);
        self.changed.entry(guild).or_default()
    }

    /// When [`take_due`](Self::take_due) has something, if nothing comes first.
    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// The guilds of which something is to be told at `now`.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<GuildId> {
        if self.due.is_none_or(|due| now < due) {
            return Vec::new();
        }
        self.due = None;
        self.changed.keys().copied().collect()
    }

    /// The client looks at a guild, or does no more. Whether something is to be told of it first.
    pub(super) fn look(&mut self, guild: GuildId, looks: bool) -> bool {
        if looks {
            self.looked_at.insert(guild) && self.changed.contains_key(&guild)
        } else {
            self.looked_at.remove(&guild);
            false
        }
    }

    /// The session hears nothing more of a guild.
    pub(super) fn forget(&mut self, guild: GuildId) {
        self.looked_at.remove(&guild);
        self.changed.remove(&guild);
    }

    /// What is told of a guild, as it is now and as far as `viewer` sees it; none when nothing of what
    /// happened is to be seen any more.
    fn payload(&mut self, guild: &Guild, viewer: &Viewer, shaper: Shaper<'_>) -> Option<Dispatch> {
        let changed = self.changed.remove(&guild.id)?;
        let sees = |channel| viewer.sees(guild, channel, shaper.now_ms);
        let unread = |(channel, pinned): (&ChannelId, &Option<Option<u64>>)| {
            let thread = || guild.threads.get(channel)?.counts.last_message;
            let newest = guild.newest.get(channel).copied().or_else(thread);
            let mut told = json!({ "id": channel, "last_message_id": newest });
            if let Some(pinned) = pinned {
                told["last_pin_timestamp"] = json!(pinned.map(crate::parts::timestamp));
            }
            told
        };
        let channels: Vec<_> =
            changed.channels.iter().filter(|(channel, _)| sees(**channel)).map(unread).collect();
        let seen = |user: &UserId| {
            let state = guild.voice.get(user)?;
            state.channel.is_some_and(sees).then_some(state)
        };
        let states: Vec<_> = match self.form {
            PassiveForm::V1 => guild.voice.keys().filter_map(seen).collect(),
            PassiveForm::V2 => changed.voice.iter().filter_map(seen).collect(),
        };
        let members = states.iter().filter_map(|state| {
            let member = guild.members.get(&state.user)?;
            Some(wire::member(&member, &*shaper.users.cached(state.user)?))
        });
        let members: Vec<_> = members.collect();
        let removed: Vec<_> = changed.voice.iter().filter(|user| seen(user).is_none()).collect();
        if channels.is_empty() && changed.voice.is_empty() {
            return None;
        }
        let states: Vec<Value> =
            states.iter().map(|state| wire::voice_state(state, None)).collect();
        Some(match self.form {
            PassiveForm::V1 => Dispatch::new(
                DispatchName::PassiveUpdateV1,
                &json!({
                    "guild_id": guild.id,
                    "channels": channels,
                    "voice_states": states,
                    "members": members,
                }),
            ),
            PassiveForm::V2 => Dispatch::new(
                DispatchName::PassiveUpdateV2,
                &json!({
                    "guild_id": guild.id,
                    "updated_channels": channels,
                    "updated_voice_states": states,
                    "removed_voice_states": removed,
                    "updated_members": members,
                }),
            ),
        })
    }
}

/// Whether a message is told wherever a client looks: its own, and those that mention it.
fn concerns(message: &MessageRecord, guild: &Guild, viewer: &Viewer) -> bool {
    let own = guild.members.peek(viewer.user);
    let has = |role: &RoleId| own.is_some_and(|own| own.roles().any(|own| own == *role));
    message.author == viewer.user
        || message.mention_everyone
        || message.mentions.contains(&viewer.user)
        || message.mention_roles.iter().any(has)
}

impl GatewaySession {
    /// From here on the client is told of large guilds that it does not look at in this form.
    pub(in crate::gateway) fn stay_passive(&mut self, form: PassiveForm) {
        self.passive = Some(Box::new(Passive::new(form)));
    }

    /// The client looks at a guild, or does no more: what it was not told comes before what it hears of it.
    pub(super) fn look_at(&mut self, guild: GuildId, looks: bool) {
        if let Some(passive) = &mut self.passive
            && passive.look(guild, looks)
        {
            self.ask(Output::Passive(guild));
        }
    }

    /// Asks for what is to be told of guilds by now.
    pub(super) fn tell_passive(&mut self, now: Instant) {
        let due = self.passive.as_mut().map(|passive| passive.take_due(now));
        for guild in due.into_iter().flatten() {
            self.ask(Output::Passive(guild));
        }
    }

    /// The snapshot of one guild that came of [`Output::Passive`].
    pub(in crate::gateway) fn handle_passive(&mut self, view: &Guild, shaper: Shaper<'_>) {
        let Some(passive) = &mut self.passive else { return };
        if !self.rest.guilds.contains(&view.id) {
            return passive.forget(view.id);
        }
        if let Some(dispatch) = passive.payload(view, &self.viewer, shaper) {
            self.push(dispatch);
        }
    }
}

/// How long what happens in a guild that nobody looks at waits to be told. Lower tells more often of guilds
/// that are in the background; higher shows late that there is something to read.
const EVERY: Duration = Duration::from_secs(15);

//! What is known of interactions: which were answered, what was said in private, which forms are open.
//!
//! Pure: times are Unix milliseconds, as arguments. Everything ends by itself, the oldest first, and
//! everything is bounded. It is memory alone: an interaction does not outlive the process.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;

use model::id::ApplicationId;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::InteractionId;
use model::id::MessageId;
use model::id::UserId;
use model::limits;
use model::wire::channel::Attachment;
use serde_json::Value;
use state::apps::InteractionMetadata;
use state::record::MessageRecord;

use crate::auth::token;

/// What someone did (Discord: Interaction Type).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Used a command.
    Command = 2,
    /// Used a button or a menu of a message.
    Component = 3,
    /// Typed where the bot suggests.
    Autocomplete = 4,
    /// Sent a form.
    Modal = 5,
}

/// Something that someone did to a bot.
#[derive(Debug, Clone)]
pub(crate) struct Interaction {
    pub id: InteractionId,
    /// Whoever knows it may answer: 384 random bits.
    pub token: String,
    pub application: ApplicationId,
    pub kind: Kind,
    /// Of a command: its type.
    pub command: Option<u8>,
    pub user: UserId,
    pub guild: Option<GuildId>,
    pub channel: ChannelId,
    /// By which the person's client recognises it.
    pub nonce: Option<Value>,
    pub metadata: InteractionMetadata,
    /// The message whose component it was, or that of the form's button.
    pub source: Option<Arc<MessageRecord>>,
    /// Files that were given to a command; they end with it.
    pub files: Vec<Attachment>,
    pub made_ms: u64,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The bot was told.
    Open,
    /// Its answer is being carried out.
    Claimed,
    /// It was answered.
    Answered(Answer),
    /// Nobody answered in time.
    Failed,
}

/// How it was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Answer {
    /// `@original`: the message of the answer, or the one whose component it was.
    pub original: Option<MessageId>,
    /// The answer is still to come: the original shows that the bot thinks.
    pub loading: bool,
}

/// Why an interaction cannot be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is none of that number and token, or no longer (10062).
    Unknown,
    /// It was answered (40060).
    Answered,
}

/// A form that was shown to someone.
#[derive(Debug, Clone)]
pub(crate) struct Modal {
    pub application: ApplicationId,
    pub user: UserId,
    pub guild: Option<GuildId>,
    pub channel: ChannelId,
    pub custom_id: String,
    pub components: Vec<Value>,
    /// The message whose button opened it.
    pub source: Option<Arc<MessageRecord>>,
    /// The interaction that opened it.
    pub trigger: InteractionMetadata,
}

struct Entry {
    interaction: Arc<Interaction>,
    stage: Stage,
}

/// Something kept for one person, with what it weighs.
struct Kept<T> {
    value: T,
    user: UserId,
    weight: usize,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Board {
    entries: BTreeMap<InteractionId, Entry>,
    by_token: HashMap<[u8; 32], InteractionId>,
    private: BTreeMap<MessageId, Kept<Arc<MessageRecord>>>,
    modals: BTreeMap<InteractionId, Kept<Arc<Modal>>>,
    weight: usize,
    /// Files that nothing shows any more.
    orphans: Vec<Attachment>,
}

impl Board {
    /// Remembers an interaction; `false` when there are too many.
    pub(crate) fn open(&mut self, interaction: Interaction, now_ms: u64) -> bool {
        self.sweep(now_ms);
        if self.entries.len() >= limits::INTERACTIONS {
            self.orphans.extend(interaction.files);
            return false;
        }
        let id = interaction.id;
        self.by_token.insert(token::hash(&interaction.token), id);
        let entry = Entry { interaction: Arc::new(interaction), stage: Stage::Open };
        self.entries.insert(id, entry);
        true
    }

    /// Begins an answer; it must be settled or released.
    pub(crate) fn claim(
        &mut self,
        id: InteractionId,
        secret: &str,
        now_ms: u64,
    ) -> Result<Arc<Interaction>, Refused> {
        self.sweep(now_ms);
        let entry = self.entries.get_mut(&id).ok_or(Refused::Unknown)?;
        if token::hash(&entry.interaction.token) != token::hash(secret) {
            return Err(Refused::Unknown);
        }
        match entry.stage {
            Stage::Open => {
                entry.stage = Stage::Claimed;
                Ok(Arc::clone(&entry.interaction))
            }
            Stage::Claimed | Stage::Answered(_) => Err(Refused::Answered),
            Stage::Failed => Err(Refused::Unknown),
        }
    }

    /// The claimed answer stands.
    pub(crate) fn settle(&mut self, id: InteractionId, answer: Answer) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.stage = Stage::Answered(answer);
        }
    }

    /// The message that was to come has come.
    pub(crate) fn said(&mut self, id: InteractionId, message: MessageId) {
        if let Some(entry) = self.entries.get_mut(&id)
            && let Stage::Answered(answer) = &mut entry.stage
            && answer.original == Some(message)
        {
            answer.loading = false;
        }
    }

    /// The claimed answer was none: another may be tried while there is time.
    pub(crate) fn release(&mut self, id: InteractionId) {
        if let Some(entry) = self.entries.get_mut(&id)
            && entry.stage == Stage::Claimed
        {
            entry.stage = Stage::Open;
        }
    }

    /// Time is up; whether nobody has answered. An answer under way still counts.
    pub(crate) fn fail(&mut self, id: InteractionId) -> bool {
        let Some(entry) = self.entries.get_mut(&id) else { return false };
        let open = entry.stage == Stage::Open;
        if open {
            entry.stage = Stage::Failed;
        }
        open
    }

    /// The answered interaction of that application and token.
    pub(crate) fn answered(
        &mut self,
        application: ApplicationId,
        secret: &str,
        now_ms: u64,
    ) -> Option<(Arc<Interaction>, Answer)> {
        self.sweep(now_ms);
        let entry = self.entries.get(self.by_token.get(&token::hash(secret))?)?;
        match entry.stage {
            Stage::Answered(answer) if entry.interaction.application == application => {
                Some((Arc::clone(&entry.interaction), answer))
            }
            _ => None,
        }
    }

    /// Keeps a message that only `user` sees, or what it became.
    pub(crate) fn whisper(&mut self, user: UserId, message: Arc<MessageRecord>) {
        let weight = weight(&message);
        let id = message.id;
        if let Some(old) = self.private.insert(id, Kept { value: message, user, weight }) {
            self.weight -= old.weight;
        }
        self.weight += weight;
        self.lighten();
    }

    /// The message that only `user` sees.
    pub(crate) fn whispered(&self, user: UserId, id: MessageId) -> Option<Arc<MessageRecord>> {
        let kept = self.private.get(&id)?;
        (kept.user == user).then(|| Arc::clone(&kept.value))
    }

    /// Forgets a message that only `user` saw.
    pub(crate) fn unsay(&mut self, user: UserId, id: MessageId) -> Option<Arc<MessageRecord>> {
        self.whispered(user, id)?;
        let kept = self.private.remove(&id)?;
        self.weight -= kept.weight;
        Some(kept.value)
    }

    /// Keeps a form that the interaction `id` opened.
    pub(crate) fn show(&mut self, id: InteractionId, modal: Modal) {
        let weight = serde_json::to_string(&modal.components).map_or(0, |text| text.len());
        let kept = Kept { user: modal.user, value: Arc::new(modal), weight };
        if let Some(old) = self.modals.insert(id, kept) {
            self.weight -= old.weight;
        }
        self.weight += weight;
        self.lighten();
    }

    /// The form that the interaction `id` opened for `user`.
    pub(crate) fn shown(&self, user: UserId, id: InteractionId) -> Option<Arc<Modal>> {
        let kept = self.modals.get(&id)?;
        (kept.user == user).then(|| Arc::clone(&kept.value))
    }

    /// Forgets a form that was sent.
    pub(crate) fn sent(&mut self, id: InteractionId) {
        if let Some(kept) = self.modals.remove(&id) {
            self.weight -= kept.weight;
        }
    }

    /// Files that nothing shows any more, to be removed by the caller.
    pub(crate) fn orphans(&mut self) -> Vec<Attachment> {
        std::mem::take(&mut self.orphans)
    }

    fn sweep(&mut self, now_ms: u64) {
        let life = u64::try_from(limits::INTERACTION_LIFE.as_millis()).unwrap_or(u64::MAX);
        while let Some(first) = self.entries.first_entry() {
            if first.get().interaction.made_ms.saturating_add(life) > now_ms {
                break;
            }
            let interaction = first.remove().interaction;
            self.by_token.remove(&token::hash(&interaction.token));
            self.orphans.extend(interaction.files.iter().cloned());
        }
        // People read on, and press buttons, after the bot may no longer follow up.
        let old = |id: u64| model::snowflake::unix_ms(id).saturating_add(READING_MS) <= now_ms;
        while let Some(first) = self.private.first_entry()
            && old(first.key().get())
        {
            let kept = first.remove();
            self.weight -= kept.weight;
            self.orphans.extend(kept.value.attachments.iter().cloned());
        }
        while let Some(first) = self.modals.first_entry()
            && old(first.key().get())
        {
            self.weight -= first.remove().weight;
        }
    }

    /// Forgets the oldest until the rest is light enough.
    fn lighten(&mut self) {
        while self.weight > limits::EPHEMERAL_BYTES {
            let message = self.private.first_key_value().map(|(id, _)| id.get());
            let modal = self.modals.first_key_value().map(|(id, _)| id.get());
            if modal.is_none() || message.is_some() && message < modal {
                let Some((_, kept)) = self.private.pop_first() else { break };
                self.weight -= kept.weight;
                self.orphans.extend(kept.value.attachments.iter().cloned());
            } else if let Some((_, kept)) = self.modals.pop_first() {
                self.weight -= kept.weight;
            }
        }
    }
}

fn weight(message: &MessageRecord) -> usize {
    serde_json::to_string(message).map_or(0, |text| text.len())
}

/// How long a private message or a form is kept: people look at them as long as their client shows
/// them; longer costs memory.
const READING_MS: u64 = 60 * 60 * 1_000;

#[cfg(test)]
mod tests {
    use model::wire::id::Id;

    use super::*;

    const NOW: u64 = 1_790_000_000_000;
    const ANA: UserId = Id::new(1);
    const BEN: UserId = Id::new(2);
    const APP: ApplicationId = Id::new(3);

    fn id<T>(at_ms: u64, n: u64) -> Id<T> {
        Id::new(((at_ms - model::snowflake::EPOCH) << 22) | n)
    }

    fn interaction(n: u64, made_ms: u64) -> Interaction {
        let id: InteractionId = id(made_ms, n);
        Interaction {
            id,
            token: format!("token {n}"),
            application: APP,
            kind: Kind::Command,
            command: Some(1),
            user: ANA,
            guild: None,
            channel: Id::new(9),
            nonce: None,
            metadata: InteractionMetadata {
                id,
                kind: 2,
                user: ANA,
                name: None,
                guild: None,
                original: None,
                target_user: None,
                target_message: None,
                interacted: None,
                trigger: None,
            },
            source: None,
            files: Vec::new(),
            made_ms,
        }
    }

    fn message(at_ms: u64, n: u64, text: usize) -> Arc<MessageRecord> {
        Arc::new(MessageRecord::said(id(at_ms, n), Id::new(9), APP.cast(), "x".repeat(text)))
    }

    #[test]
    fn an_interaction_is_answered_once_and_by_its_token_alone() {
        let mut board = Board::default();
        let one = interaction(1, NOW);
        let id = one.id;
        assert!(board.open(one, NOW));

        assert_eq!(board.claim(id, "guess", NOW).unwrap_err(), Refused::Unknown);
        assert!(board.claim(id, "token 1", NOW).is_ok());
        assert_eq!(board.claim(id, "token 1", NOW).unwrap_err(), Refused::Answered);
        assert!(board.answered(APP, "token 1", NOW).is_none());
        board.release(id);
        assert!(board.claim(id, "token 1", NOW).is_ok());
        board.settle(id, Answer { original: None, loading: true });
        board.release(id);

        assert_eq!(board.claim(id, "token 1", NOW).unwrap_err(), Refused::Answered);
        assert!(board.answered(APP, "token 1", NOW).unwrap().1.loading);
        assert!(board.answered(Id::new(4), "token 1", NOW).is_none());
        assert!(!board.fail(id));
    }

    #[test]
    fn whom_nobody_answered_in_time_nobody_answers_later() {
        let mut board = Board::default();
        let (one, two) = (interaction(1, NOW), interaction(2, NOW));
        let (first, second) = (one.id, two.id);
        board.open(one, NOW);
        board.open(two, NOW);
        board.claim(second, "token 2", NOW).unwrap();

        assert!(board.fail(first));
        assert!(!board.fail(second), "its answer is under way");

        assert_eq!(board.claim(first, "token 1", NOW).unwrap_err(), Refused::Unknown);
    }

    #[test]
    fn after_a_quarter_of_an_hour_a_token_is_nothing() {
        let mut board = Board::default();
        let one = interaction(1, NOW);
        let id = one.id;
        board.open(one, NOW);
        board.claim(id, "token 1", NOW).unwrap();
        board.settle(id, Answer::default());

        assert!(board.answered(APP, "token 1", NOW + 899_999).is_some());
        assert!(board.answered(APP, "token 1", NOW + 900_000).is_none());
        assert!(board.entries.is_empty() && board.by_token.is_empty());
    }

    #[test]
    fn a_whisper_is_for_one_person_and_ends() {
        let mut board = Board::default();
        let whisper = message(NOW, 1, 5);
        board.whisper(ANA, Arc::clone(&whisper));

        assert!(board.whispered(ANA, whisper.id).is_some());
        assert!(board.whispered(BEN, whisper.id).is_none());
        assert!(board.unsay(BEN, whisper.id).is_none());
        board.sweep(NOW + READING_MS);

        assert!(board.whispered(ANA, whisper.id).is_none());
        assert_eq!(board.weight, 0);
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let mut board = Board::default();
        for n in 0..200 {
            board.whisper(ANA, message(NOW, n, 1_000_000));
        }

        assert!(board.weight <= limits::EPHEMERAL_BYTES);
        assert!(board.whispered(ANA, id(NOW, 0)).is_none());
        assert!(board.whispered(ANA, id(NOW, 199)).is_some());
    }
}

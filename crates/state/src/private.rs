//! Direct messages: channels between people, with one mailbox that keeps their order and their calls.

use std::any::Any;
use std::sync::Arc;
use std::sync::OnceLock;

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::MessageId;
use model::id::UserId;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;

use crate::actor::Shared;
use crate::call::CallCommand;
use crate::call::CallEvent;
use crate::call::CallOutcome;
use crate::call::CallView;
use crate::call::Switchboard;
use crate::event::ChatEvent;
use crate::event::UserEvent;
use crate::group::GroupChange;
use crate::group::GroupOutcome;
use crate::record::PrivateChannel;
use crate::repo::PrivateRepo;
use crate::repo::RepoError;

/// Something that happened in a private channel, shared by all who hear it.
pub struct PrivatePublication {
    /// Where.
    pub channel: Arc<PrivateChannel>,
    /// What.
    pub event: ChatEvent,
    /// Wire shapes, made once.
    pub shaped: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl std::fmt::Debug for PrivatePublication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PrivatePublication").field("event", &self.event).finish_non_exhaustive()
    }
}

/// The private channels that were asked for lately.
pub(crate) struct Privates {
    repo: Arc<dyn PrivateRepo>,
    known: papaya::HashMap<ChannelId, Arc<PrivateChannel>>,
    /// The calls that go on.
    calls: papaya::HashMap<ChannelId, CallView>,
}

impl Privates {
    pub(crate) fn new(repo: Arc<dyn PrivateRepo>) -> Self {
        Self { repo, known: papaya::HashMap::new(), calls: papaya::HashMap::new() }
    }

    /// The call of a channel, if one goes on.
    pub(crate) fn call(&self, channel: ChannelId) -> Option<CallView> {
        self.calls.pin().get(&channel).cloned()
    }

    /// The calls in the channels that someone is in.
    pub(crate) fn calls_of(&self, user: UserId) -> Vec<CallView> {
        let calls = self.calls.pin();
        let theirs = |call: &&CallView| call.channel.recipients.contains(&user);
        calls.values().filter(theirs).cloned().collect()
    }

    /// Takes what happened to the calls: readers see it before anybody is told.
    fn follow(&self, events: &[CallEvent]) {
        let calls = self.calls.pin();
        for event in events {
            let call = event.call();
            if matches!(event, CallEvent::Deleted { .. }) {
                calls.remove(&call.channel.id);
            } else {
                calls.insert(call.channel.id, Arc::clone(call));
            }
        }
    }

    /// The channel of two people, and whether it was made just now, with `id`.
    pub(crate) async fn open(
        &self,
        id: ChannelId,
        pair: [UserId; 2],
    ) -> Result<(Arc<PrivateChannel>, bool), RepoError> {
        let channel = self.repo.open(id, pair).await?;
        let is_new = channel.id == id;
        Ok((self.remember(channel), is_new))
    }

    pub(crate) async fn channel(
        &self,
        id: ChannelId,
    ) -> Result<Option<Arc<PrivateChannel>>, RepoError> {
        if let Some(known) = self.known.pin().get(&id) {
            return Ok(Some(Arc::clone(known)));
        }
        Ok(self.repo.channel(id).await?.map(|channel| self.remember(channel)))
    }

    pub(crate) async fn of_user(
        &self,
        user: UserId,
    ) -> Result<Vec<Arc<PrivateChannel>>, RepoError> {
        let channels = self.repo.of_user(user).await?;
        Ok(channels.into_iter().map(|channel| self.remember(channel)).collect())
    }

    /// Stores a new group.
    pub(crate) async fn open_group(
        &self,
        channel: PrivateChannel,
    ) -> Result<Arc<PrivateChannel>, RepoError> {
        self.repo.create_group(&channel).await?;
        Ok(self.remember(channel))
    }

    /// Changes a group.
    pub(crate) async fn change_group(
        &self,
        id: ChannelId,
        change: &GroupChange,
    ) -> Result<GroupOutcome, RepoError> {
        let outcome = self.repo.change_group(id, change).await?;
        match &outcome {
            GroupOutcome::Changed { after: Some(after), .. } => drop(self.remember(after.clone())),
            GroupOutcome::Changed { after: None, .. } => drop(self.known.pin().remove(&id)),
            GroupOutcome::Refused(_) => {}
        }
        Ok(outcome)
    }

    /// Keeps a channel: the newer people and name, and the newer message.
    fn remember(&self, channel: PrivateChannel) -> Arc<PrivateChannel> {
        let known = self.known.pin();
        if known.len() >= KNOWN {
            known.clear();
        }
        let channel = Arc::new(channel);
        let version = |channel: &PrivateChannel| channel.group.as_ref().map(|group| group.version);
        let newer = |known: &Arc<PrivateChannel>| {
            let (newest, older) = if version(known) > version(&channel) {
                (known, &channel)
            } else if version(known) < version(&channel)
                || known.last_message < channel.last_message
            {
                (&channel, known)
            } else {
                return Arc::clone(known);
            };
            if newest.last_message >= older.last_message {
                return Arc::clone(newest);
            }
            Arc::new(PrivateChannel { last_message: older.last_message, ..(**newest).clone() })
        };
        Arc::clone(known.update_or_insert_with(channel.id, newer, || Arc::clone(&channel)))
    }

    fn said(&self, channel: &PrivateChannel, message: MessageId) -> Arc<PrivateChannel> {
        let last_message = channel.last_message.max(Some(message));
        self.newest(PrivateChannel { last_message, ..channel.clone() })
    }

    /// The channel as it is known by now. A group that is not known may be gone, and stays so.
    fn newest(&self, channel: PrivateChannel) -> Arc<PrivateChannel> {
        let known = self.known.pin().contains_key(&channel.id);
        if known || channel.group.is_none() { self.remember(channel) } else { Arc::new(channel) }
    }
}

/// What goes into the mailbox of all private channels.
pub(crate) enum PrivateRequest {
    /// A channel was made.
    Opened(Arc<PrivateChannel>),
    /// Something that is stored already happened in one.
    Publish(Arc<PrivateChannel>, ChatEvent),
    /// Something for these people.
    Tell(Vec<UserId>, UserEvent),
    /// Something is wanted of a call. Nobody waits for an answer to what follows of another change.
    Call(CallCommand, Option<oneshot::Sender<Result<CallOutcome, ErrorCode>>>),
}

/// Tells everyone concerned, in the order of the mailbox, until the store stops; then what is
/// already in it is still told.
pub(crate) async fn run(
    mut requests: mpsc::Receiver<PrivateRequest>,
    shared: Arc<Shared>,
    privates: Arc<Privates>,
    mut stop: watch::Receiver<bool>,
) {
    let mut stopping = false;
    let mut switchboard = Switchboard::default();
    loop {
        let due = switchboard.poll_timeout();
        let over = async {
            match due {
                Some(due) => tokio::time::sleep_until(due.into()).await,
                None => std::future::pending().await,
            }
        };
        // All arms are cancel-safe: none loses a request when another wins.
        let request = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop), if !stopping => {
                stopping = true;
                requests.close();
                continue;
            }
            () = over => {
                if let Some(due) = due {
                    switchboard.handle_timeout(due);
                    tell_of_calls(&mut switchboard, &shared, &privates);
                }
                continue;
            }
            request = requests.recv() => request,
        };
        let Some(request) = request else { break };
        match request {
            PrivateRequest::Opened(channel) => {
                let people = channel.recipients.clone();
                tell(&shared, people, &UserEvent::PrivateChannelOpened(channel));
            }
            PrivateRequest::Tell(people, event) => tell(&shared, people, &event),
            PrivateRequest::Publish(channel, event) => {
                let channel = match &event {
                    ChatEvent::MessageCreated(message) => privates.said(&channel, message.id),
                    // Of those who are in it now: who was removed meanwhile hears nothing more.
                    _ => privates.newest((*channel).clone()),
                };
                let people = channel.recipients.clone();
                let publication = PrivatePublication { channel, event, shaped: OnceLock::new() };
                tell(&shared, people, &UserEvent::Private(Arc::new(publication)));
            }
            PrivateRequest::Call(mut command, reply) => {
                if let CallCommand::Join { channel, .. } = &mut command {
                    *channel = privates.newest((**channel).clone());
                }
                let outcome = switchboard.handle(command);
                tell_of_calls(&mut switchboard, &shared, &privates);
                if let Some(reply) = reply {
                    // Whoever asked may have hung up.
                    let _ = reply.send(outcome);
                }
            }
        }
    }
}

fn tell(shared: &Shared, mut people: Vec<UserId>, event: &UserEvent) {
    people.sort_unstable();
    people.dedup();
    for user in people {
        shared.sessions.notify(user, event);
    }
}

/// Tells people and the server's observers what happened to calls.
fn tell_of_calls(switchboard: &mut Switchboard, shared: &Shared, privates: &Privates) {
    let events: Vec<_> = std::iter::from_fn(|| switchboard.poll_event()).collect();
    privates.follow(&events);
    for event in events {
        let people = event.people().collect();
        let event = UserEvent::Call(Arc::new(event));
        shared.tell_observers(&event);
        tell(shared, people, &event);
    }
}

/// Channels kept in memory; beyond, all are forgotten and read again when asked for.
const KNOWN: usize = 65_536;
/// Requests that wait at most.
pub(crate) const MAILBOX: usize = 4_096;

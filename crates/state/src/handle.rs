//! The door to a guild, and what a channel can belong to.

use std::sync::Arc;
use std::time::Duration;

use model::id::GuildId;
use model::id::UserId;
use tokio::sync::oneshot;

use crate::GuildView;
use crate::actor::Door;
use crate::actor::Request;
use crate::event::GuildEvent;
use crate::event::UserEvent;
use crate::record::PrivateChannel;
use crate::store::ChangeError;
use crate::voice::VoiceCommand;
use crate::voice::VoiceOutcome;

/// What a channel belongs to.
#[derive(Clone)]
pub enum ChannelHome {
    /// A guild.
    Guild(GuildHandle),
    /// People.
    Private(Arc<PrivateChannel>),
}

/// A clone-cheap door to one guild's mailbox and snapshot.
#[derive(Clone)]
pub struct GuildHandle {
    pub(crate) door: Arc<Door>,
}

impl GuildHandle {
    /// The guild's id.
    #[must_use]
    pub fn id(&self) -> GuildId {
        self.door.id
    }

    /// The snapshot of this moment.
    #[must_use]
    pub fn view(&self) -> GuildView {
        self.door.view.load_full()
    }

    /// Publishes what was stored already (messages, reactions, typing, invites), in order.
    ///
    /// # Errors
    ///
    /// [`ChangeError::Busy`] when the mailbox stays full for a second.
    pub async fn publish(&self, event: GuildEvent) -> Result<(), ChangeError> {
        self.send(Request::Publish(event)).await
    }

    /// Tells the sessions of one member something, behind all that was published before. `false` when
    /// the mailbox is full: then nobody was told.
    #[must_use]
    pub fn tell(&self, user: UserId, event: UserEvent) -> bool {
        self.door.mailbox.try_send(Request::Tell(user, event)).is_ok()
    }

    /// Carries out a voice command in the mailbox. `now_ms`: Unix milliseconds.
    ///
    /// # Errors
    ///
    /// [`ChangeError::Denied`] as of [`Guild::voice_command`](crate::Guild::voice_command);
    /// [`ChangeError::Busy`].
    pub async fn voice(
        &self,
        command: VoiceCommand,
        now_ms: u64,
    ) -> Result<VoiceOutcome, ChangeError> {
        let (reply, outcome) = oneshot::channel();
        self.send(Request::Voice { command, now_ms, reply }).await?;
        Ok(outcome.await.map_err(|_| ChangeError::Busy)??)
    }

    async fn send(&self, request: Request) -> Result<(), ChangeError> {
        let sent = self.door.mailbox.send_timeout(request, MAILBOX_WAIT).await;
        sent.map_err(|_| ChangeError::Busy)
    }
}

/// How long a sender waits for room in a mailbox: longer keeps clients waiting, shorter refuses
/// them in bursts.
pub(crate) const MAILBOX_WAIT: Duration = Duration::from_secs(1);

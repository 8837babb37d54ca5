//! Gateway op 4 for the calls of private channels. Who may be in one is decided here; the rest is the
//! switchboard's (`state::call`).

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::UserId;
use state::call::CallCommand;
use state::call::CallOutcome;
use state::guild::plan::Denied;
use state::record::PrivateChannel;
use state::relationship::Bond;
use state::store::ChangeError;
use state::store::ChannelHome;
use state::voice::VoiceCommand;

use super::calls::Calls;
use super::calls::VoiceRequest;
use super::calls::Why;
use super::home::Server;
use super::socket::now;
use crate::parts::now_ms;

impl Calls {
    /// Joins, changes flags in, or without a channel leaves what the session is in.
    pub(super) async fn request_private(
        self: &Arc<Self>,
        request: VoiceRequest,
    ) -> Result<(), ChangeError> {
        let VoiceRequest { user, session, channel, host, .. } = request;
        if self.closing.is_cancelled() {
            return Err(ChangeError::Busy);
        }
        let account = self.store.users().user(user).await?;
        if account.is_none_or(|account| account.bot) {
            return Err(denied(ErrorCode::BotsCannotUse));
        }
        let Some(channel) = channel else {
            // People's clients say so when they leave, wherever they are, and when they begin.
            self.leave_guilds(user, Some(&session)).await;
            return self.leave_calls(user, Some(session)).await;
        };
        let Some(ChannelHome::Private(private)) = self.store.of_channel(channel).await? else {
            return Err(denied(ErrorCode::UnknownChannel));
        };
        self.require_may_call(&private, user).await?;
        self.leave_guilds(user, None).await;
        let message = self.papers.ids.next();
        let command = CallCommand::Join {
            channel: private,
            user,
            session,
            self_mute: request.self_mute,
            self_deaf: request.self_deaf,
            self_video: request.self_video,
            message,
        };
        let server = Server::Call(channel);
        let wants = |again| self.needs_ticket((server, user), again);
        let why = match self.store.call(command).await? {
            CallOutcome::Joined => Some(Why::Joined),
            CallOutcome::Updated => wants(false).then_some(Why::Told),
            CallOutcome::Unchanged => wants(true).then_some(Why::Untold),
            CallOutcome::Left => None,
        };
        if let Some(why) = why {
            self.invite(server, user, Some(host), why);
        }
        Ok(())
    }

    /// Demands that someone may be in a call there: they are one of its people, and of two neither has
    /// blocked the other nor is a bot.
    ///
    /// # Errors
    ///
    /// 50001, 50007.
    pub(crate) async fn require_may_call(
        &self,
        private: &PrivateChannel,
        user: UserId,
    ) -> Result<(), ChangeError> {
        if !private.recipients.contains(&user) {
            return Err(denied(ErrorCode::MissingAccess));
        }
        let partner = private.recipients.iter().copied().find(|other| *other != user);
        let Some(partner) = partner.filter(|_| private.group.is_none()) else { return Ok(()) };
        let bonds = self.papers.relationships.between([user, partner]).await?;
        let is_bot = self.store.users().user(partner).await?.is_none_or(|partner| partner.bot);
        if is_bot || bonds.contains(&Some(Bond::Blocked)) {
            return Err(denied(ErrorCode::CannotMessageUser));
        }
        Ok(())
    }

    /// Rings people of a channel, by someone in its call.
    ///
    /// # Errors
    ///
    /// 40032; [`ChangeError::Busy`].
    pub(crate) async fn ring(
        &self,
        channel: ChannelId,
        by: UserId,
        people: Vec<UserId>,
    ) -> Result<(), ChangeError> {
        let command = CallCommand::Ring { channel, by, people, now: now() };
        self.store.call(command).await?;
        Ok(())
    }

    /// Leaves whatever call someone is in; of one session, if it is said.
    ///
    /// # Errors
    ///
    /// [`ChangeError::Busy`].
    pub(super) async fn leave_calls(
        &self,
        user: UserId,
        session: Option<String>,
    ) -> Result<(), ChangeError> {
        // Mostly nobody calls anybody.
        if self.store.calls_of(user).iter().any(|call| call.voice.contains_key(&user)) {
            self.store.call(CallCommand::Leave { user, session }).await?;
        }
        Ok(())
    }

    /// Leaves the voice channels of guilds; of one session, if it is said. What streams by itself (WHIP,
    /// WHEP) goes on.
    async fn leave_guilds(&self, user: UserId, session: Option<&str>) {
        for guild in self.store.guilds_of(user) {
            let Some(state) = guild.view().voice.get(&user).cloned() else { continue };
            let theirs = session.is_none_or(|session| state.session == session);
            if !theirs || self.is_visit(user, &state.session) {
                continue;
            }
            let command = VoiceCommand::SessionEnded { user, session: state.session.clone() };
            if let Err(error) = guild.voice(command, now_ms()).await {
                tracing::debug!(%error, %user, "a voice channel was not left for a call");
            }
        }
    }
}

fn denied(code: ErrorCode) -> ChangeError {
    Denied::from(code).into()
}

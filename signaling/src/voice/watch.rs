//! The watch: keeps the media wing and the voice sockets true to the guilds and calls, and those free
//! of ghosts. One task; the deciding is the board's.

use std::sync::Arc;
use std::time::Duration;

use model::id::GuildId;
use model::id::UserId;
use model::media::MediaEvent;
use state::GuildEvent;
use state::GuildStore;
use state::Overflow;
use state::Subscriber;
use state::SubscriberId;
use state::UserEvent;
use state::call::CallEvent;
use tokio::sync::mpsc;

use super::calls::Calls;
use super::calls::Kept;
use super::calls::moment;
use super::home::Server;
use super::socket::now;
use crate::parts::now_ms;

/// Where guild events come in.
pub(super) struct Observed {
    events: mpsc::Receiver<UserEvent>,
    overflow: Arc<Overflow>,
}

/// Asks the store for the events of every guild.
pub(super) fn observe(store: &GuildStore) -> Observed {
    let (queue, events) = mpsc::channel(EVENTS);
    let overflow = Arc::new(Overflow::default());
    store.observe(Subscriber {
        id: OBSERVER,
        user: NOBODY,
        queue,
        overflow: Arc::clone(&overflow),
        hearer: None,
    });
    Observed { events, overflow }
}

/// Runs until the server goes down.
pub(super) async fn run(
    calls: Arc<Calls>,
    mut observed: Observed,
    mut media: mpsc::Receiver<MediaEvent>,
) {
    let mut round = now() + ROUND;
    let mut retry = None;
    loop {
        let due = retry.map_or(round, |retry| round.min(retry));
        // All arms are cancel-safe: none loses an event when another wins.
        tokio::select! {
            biased;
            () = calls.closing.cancelled() => break,
            () = observed.overflow.tripped() => {
                // Events are lost: listen anew first, then see how everything stands.
                observed = observe(&calls.store);
                look_at_everyone(&calls);
            }
            Some(event) = observed.events.recv() => {
                match event {
                    UserEvent::Guild(publication) => {
                        handle_guild(&calls, publication.guild.id, &publication.event);
                    }
                    UserEvent::Call(event) => handle_call(&calls, &event),
                    _ => {}
                }
            }
            Some(event) = media.recv() => calls.with(|board| board.handle_media(now(), event)),
            () = calls.busy.notified(), if retry.is_none() => retry = Some(now() + RETRY),
            () = tokio::time::sleep_until(due.into()) => {
                if retry.is_some_and(|retry| now() >= retry) {
                    retry = None;
                    calls.with(|board| board.retry());
                }
                if now() >= round {
                    round = now() + ROUND;
                    handle_timeout(&calls);
                }
            }
        }
    }
    // Calls that ended with the server are still written down.
    while let Ok(event) = observed.events.try_recv() {
        if let UserEvent::Call(event) = event {
            calls.ledger.follow(&event, now_ms());
        }
    }
    calls.ledger.close();
}

/// Acts on what happened in the call of a private channel.
fn handle_call(calls: &Calls, event: &CallEvent) {
    calls.ledger.follow(event, now_ms());
    let only = match event {
        CallEvent::Voice(_, state) => Some(state.user),
        CallEvent::Deleted { .. } => None,
        CallEvent::Created(_) | CallEvent::Shown(..) | CallEvent::Updated(_) => return,
    };
    look_at(calls, Server::Call(event.call().channel.id), only);
}

/// Acts on whatever may change who may be where, speak and hear.
fn handle_guild(calls: &Calls, guild: GuildId, event: &GuildEvent) {
    let guild = Server::Guild(guild);
    match event {
        GuildEvent::MemberUpdated(member) => look_at(calls, guild, Some(member.user)),
        GuildEvent::MemberRemoved(user) => look_at(calls, guild, Some(*user)),
        GuildEvent::VoiceStateUpdated(state) => look_at(calls, guild, Some(state.user)),
        // The owner may have changed, who may do everything.
        GuildEvent::GuildUpdated
        | GuildEvent::GuildDeleted
        | GuildEvent::ChannelUpdated(_)
        | GuildEvent::ChannelDeleted(_)
        | GuildEvent::RoleUpdated(_)
        | GuildEvent::RoleDeleted(_) => look_at(calls, guild, None),
        GuildEvent::ChannelCreated(_)
        | GuildEvent::ThreadCreated(_)
        | GuildEvent::ThreadUpdated(_)
        | GuildEvent::ThreadDeleted(_)
        | GuildEvent::ThreadMembersUpdated { .. }
        | GuildEvent::ThreadMemberUpdated { .. }
        | GuildEvent::RoleCreated(_)
        | GuildEvent::MemberAdded(_)
        | GuildEvent::UserUpdated(_)
        | GuildEvent::BanAdded(_)
        | GuildEvent::BanRemoved(_)
        | GuildEvent::InviteCreated(_)
        | GuildEvent::InviteDeleted { .. }
        | GuildEvent::PresenceUpdated { .. }
        | GuildEvent::VoiceStatusChanged { .. }
        | GuildEvent::VoiceStarted { .. }
        | GuildEvent::WebhooksUpdated(_)
        | GuildEvent::CommandsUpdated
        | GuildEvent::AuditLogged(_)
        | GuildEvent::IntegrationCreated(_)
        | GuildEvent::IntegrationUpdated(_)
        | GuildEvent::IntegrationDeleted(_)
        | GuildEvent::IntegrationsUpdated
        | GuildEvent::EmojisUpdated
        | GuildEvent::RuleCreated(_)
        | GuildEvent::RuleUpdated(_)
        | GuildEvent::RuleDeleted(_)
        | GuildEvent::RuleExecuted(_)
        | GuildEvent::StickersUpdated
        | GuildEvent::SoundCreated(_)
        | GuildEvent::SoundChanged(_)
        | GuildEvent::SoundDeleted(_)
        | GuildEvent::SoundPlayed(_)
        | GuildEvent::EventScheduled(_)
        | GuildEvent::EventChanged(_)
        | GuildEvent::EventRemoved(_)
        | GuildEvent::EventExcepted { .. }
        | GuildEvent::EventInterest { .. }
        | GuildEvent::StageOpened(_)
        | GuildEvent::StageChanged(_)
        | GuildEvent::StageClosed(_)
        | GuildEvent::JoinRequestCreated(_)
        | GuildEvent::JoinRequestUpdated(_)
        | GuildEvent::JoinRequestDeleted(_)
        | GuildEvent::Chat(_) => {}
    }
}

/// Looks at the newest snapshot, not at the event's: someone may have joined since.
fn look_at(calls: &Calls, server: Server, only: Option<UserId>) {
    calls.with(|board| {
        let kept = calls.kept(server);
        board.look_at(moment(), server, kept.as_ref().map(Kept::home), only);
    });
}

fn look_at_everyone(calls: &Calls) {
    for server in calls.with(|board| board.servers()) {
        look_at(calls, server, None);
    }
    calls.ledger.settle(&calls.store, now_ms());
}

fn handle_timeout(calls: &Arc<Calls>) {
    for (server, user) in calls.with(|board| board.handle_timeout(moment())) {
        look_at(calls, server, Some(user));
    }
    for departure in calls.with(|board| board.poll_departures()) {
        // In a task of its own, because a full guild mailbox takes a second to refuse, and the
        // watch must not stand still.
        let departing = Arc::clone(calls);
        calls.tasks.spawn(async move { departing.depart(departure).await });
    }
}

/// Guild events waiting for the watch. When more come, everyone is looked at anew.
const EVENTS: usize = 8_192;
/// How often time is looked at: tickets, ghosts, the ends of members' timeouts.
const ROUND: Duration = Duration::from_secs(1);
/// How long a command waits that the media wing was too busy for.
const RETRY: Duration = Duration::from_millis(10);
/// Gateway sessions have higher ones.
const OBSERVER: SubscriberId = SubscriberId(1);
/// An observer has no user; the id is never looked up.
const NOBODY: UserId = UserId::new(1);

//! The watch: keeps the media wing and the voice sockets true to the guilds, and the guilds free
//! of ghosts.

use std::sync::Arc;
use std::time::Duration;

use model::id::GuildId;
use model::id::UserId;
use model::media::LeaveReason;
use model::media::MediaCommand;
use model::media::MediaEvent;
use model::voice::CloseCode;
use state::Guild;
use state::GuildEvent;
use state::Overflow;
use state::Subscriber;
use state::SubscriberId;
use state::UserEvent;
use state::voice::VoiceCommand;
use tokio::sync::mpsc;

use super::calls::Calls;
use super::calls::Order;
use super::socket::now;
use crate::parts::now_ms;

/// Guild events waiting for the watch; if they ever do not fit, everyone is looked at anew.
const EVENTS: usize = 8_192;
/// How often everyone is looked at although nothing happened: timeouts of members end by time.
const ROUND: Duration = Duration::from_secs(1);

/// Runs until the server goes down.
pub(super) async fn run(calls: Arc<Calls>, mut media: mpsc::Receiver<MediaEvent>) {
    let mut number = 1;
    let (mut events, mut overflow) = observe(&calls, number);
    let mut round = tokio::time::interval(ROUND);
    loop {
        tokio::select! {
            () = calls.closing.cancelled() => return,
            Some(event) = media.recv() => handle_media(&calls, event),
            () = overflow.tripped() => {
                number += 1;
                (events, overflow) = observe(&calls, number);
                look_at_everyone(&calls);
            }
            Some(event) = events.recv() => {
                if let UserEvent::Guild(publication) = event {
                    handle_guild(&calls, &publication.guild, &publication.event);
                }
            }
            _ = round.tick() => {
                calls.retry();
                look_at_everyone(&calls);
                end_ghosts(&calls).await;
            }
        }
    }
}

fn observe(calls: &Calls, number: u64) -> (mpsc::Receiver<UserEvent>, Arc<Overflow>) {
    let (queue, events) = mpsc::channel(EVENTS);
    let overflow = Arc::new(Overflow::default());
    calls.store.observe(Subscriber {
        id: SubscriberId(number),
        // An observer has no user; the id is never looked up.
        user: UserId::new(number),
        queue,
        overflow: Arc::clone(&overflow),
    });
    (events, overflow)
}

/// Acts on whatever may change who may be where and speak.
fn handle_guild(calls: &Calls, guild: &Guild, event: &GuildEvent) {
    match event {
        GuildEvent::Chat(_)
        | GuildEvent::PresenceUpdated { .. }
        | GuildEvent::UserUpdated(_)
        | GuildEvent::InviteCreated(_)
        | GuildEvent::InviteDeleted { .. } => {}
        GuildEvent::GuildDeleted => look_at(calls, guild.id, None),
        _ => look_at(calls, guild.id, Some(guild)),
    }
}

fn look_at_everyone(calls: &Calls) {
    let mut guilds: Vec<_> = calls.inner().live.values().map(|live| live.guild).collect();
    guilds.sort_unstable();
    guilds.dedup();
    for guild in guilds {
        let view = calls.store.guild(guild).map(|handle| handle.view());
        look_at(calls, guild, view.as_deref());
    }
}

/// Tells the media wing what each peer of a guild may do now, and ends those who may not stay.
fn look_at(calls: &Calls, guild: GuildId, view: Option<&Guild>) {
    let now_ms = now_ms();
    let mut inner = calls.inner();
    let peers: Vec<_> =
        inner.live.iter().filter(|(_, live)| live.guild == guild).map(|(peer, _)| *peer).collect();
    for peer in peers {
        let Some(live) = inner.live.get_mut(&peer) else { continue };
        let same_session = |view: &Guild| {
            view.voice.get(&live.user).is_some_and(|state| state.session == live.session)
        };
        let place = view
            .filter(|view| same_session(view))
            .and_then(|view| view.voice_grants(live.user, now_ms))
            .filter(|(channel, _)| *channel == live.channel);
        match place {
            Some((_, grants)) if grants == live.grants => {}
            Some((_, grants)) => {
                live.grants = grants;
                calls.command(&mut inner, MediaCommand::Update { peer, grants });
            }
            None => calls.remove(&mut inner, peer, Some(CloseCode::Disconnected)),
        }
    }
}

fn handle_media(calls: &Calls, event: MediaEvent) {
    let peer = match &event {
        MediaEvent::Joined { peer }
        | MediaEvent::Answer { peer, .. }
        | MediaEvent::Refused { peer, .. }
        | MediaEvent::Connected { peer, .. }
        | MediaEvent::Speaking { peer, .. }
        | MediaEvent::Left { peer, .. }
        | MediaEvent::Stats { peer, .. } => *peer,
    };
    if let MediaEvent::Speaking { speaking, .. } = event {
        calls.heard(peer, speaking);
        return;
    }
    let mut inner = calls.inner();
    let Some(live) = inner.live.get(&peer) else { return };
    if let MediaEvent::Left { reason, .. } = event {
        let code = match reason {
            LeaveReason::Shutdown | LeaveReason::Fault => CloseCode::VoiceServerCrashed,
            LeaveReason::Silent | LeaveReason::HandshakeFailed => CloseCode::SessionNoLongerValid,
        };
        calls.remove(&mut inner, peer, Some(code));
        return;
    }
    let _ = live.orders.try_send(Order::Media(event));
}

/// Ends voice states whose client took a ticket and never came.
async fn end_ghosts(calls: &Calls) {
    let dead = calls.inner().tickets.expire(now());
    for ticket in dead {
        let Some(handle) = calls.store.guild(ticket.guild) else { continue };
        let is_live = calls
            .inner()
            .live
            .values()
            .any(|live| live.guild == ticket.guild && live.user == ticket.user);
        if is_live {
            continue;
        }
        let command = VoiceCommand::SessionEnded { user: ticket.user, session: ticket.session };
        if let Err(error) = handle.voice(command, now_ms()).await {
            tracing::warn!(%error, user = %ticket.user, "a ghost could not be ended");
        }
    }
}

//! What READY tells a person beside their account and guilds: what they read, what they want to be
//! notified of.

use std::collections::HashMap;

use model::id::ChannelId;
use model::id::UserId;
use serde_json::Value;
use serde_json::json;
use state::read::Ack;
use state::read::CHANNEL;
use state::read::Resource;
use state::read::unread_in_guild;
use state::read::unread_in_private;
use state::record::PrivateChannel;
use state::repo::RepoError;
use std::sync::Arc;

use crate::parts::Parts;
use crate::wire;

/// Read states with their unread mentions, and notification settings. `privates`: the person's channels
/// outside guilds.
///
/// # Errors
///
/// Storage errors.
pub(super) async fn read(
    parts: &Parts,
    me: UserId,
    privates: &[Arc<PrivateChannel>],
    ready: &mut Value,
) -> Result<(), RepoError> {
    let now_ms = parts.now_ms();
    let states = parts.reads.of_user(me).await?;
    let settings: HashMap<_, _> = parts.reads.notifications(me).await?.into_iter().collect();
    let of_channels = states.iter().filter(|state| state.of.kind == CHANNEL);
    let last: HashMap<u64, u64> = of_channels.map(|state| (state.of.id, state.last)).collect();
    let last = |channel: ChannelId| last.get(&channel.get()).copied();
    let mut unread = Vec::new();
    for guild in parts.store.guilds_of(me) {
        let view = guild.view();
        unread.extend(unread_in_guild(&view, me, settings.get(&Some(view.id)), last, now_ms));
    }
    let own = settings.get(&None);
    let waiting = privates.iter();
    unread.extend(
        waiting.filter_map(|channel| unread_in_private(channel, own, last(channel.id), now_ms)),
    );
    let counts = parts.reads.count(me, &unread).await?;
    let mut counts: HashMap<_, _> =
        counts.into_iter().map(|(channel, count)| (Resource::channel(channel), count)).collect();
    let mut entries: Vec<_> = states
        .iter()
        .map(|state| wire::read_state(state, counts.remove(&state.of).unwrap_or(0)))
        .collect();
    // Channels that were never read.
    entries.extend(
        counts.iter().map(|(of, count)| wire::read_state(&Ack::of(*of, 0).apply(None), *count)),
    );
    ready["read_state"] = json!({ "entries": entries, "partial": false, "version": now_ms });
    let settings: Vec<_> =
        settings.iter().map(|(guild, settings)| wire::notifications(*guild, settings)).collect();
    ready["user_guild_settings"] =
        json!({ "entries": settings, "partial": false, "version": now_ms });
    Ok(())
}

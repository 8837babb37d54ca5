//! A thread as a channel object, and its members (Discord: Channel, Thread Member).

use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;
use model::wire::channel::ChannelType;
use model::wire::guild::Permissions;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::thread::Thread;
use state::thread::ThreadMember;

use crate::parts::timestamp;

/// A thread; with `viewer`'s own membership, if there is one.
#[must_use]
pub fn thread(thread: &Thread, guild: GuildId, viewer: Option<UserId>) -> Value {
    let record = &thread.record;
    let mut metadata = json!({
        "archived": record.archived,
        "archive_timestamp": timestamp(record.archive_ms),
        "auto_archive_duration": record.auto_archive_minutes,
        "locked": record.locked,
        "create_timestamp": timestamp(record.created_ms),
    });
    if record.is_private() {
        metadata["invitable"] = json!(record.invitable);
    }
    let mut value = json!({
        "id": record.id,
        "type": record.kind,
        "guild_id": guild,
        "parent_id": record.parent,
        "owner_id": record.owner,
        "name": record.name,
        "last_message_id": thread.counts.last_message,
        "message_count": thread.counts.messages,
        "total_message_sent": thread.counts.sent,
        "member_count": thread.members.len(),
        "rate_limit_per_user": record.rate_limit_per_user,
        "flags": record.flags,
        "thread_metadata": metadata,
    });
    if !record.tags.is_empty() || record.kind == ChannelType::PublicThread {
        value["applied_tags"] = json!(record.tags);
    }
    let member = viewer.and_then(|viewer| thread.members.get(&viewer));
    if let Some(member) = member {
        value["member"] = thread_member(record.id, member);
    }
    value
}

/// Someone in a thread.
#[must_use]
pub fn thread_member(thread: ChannelId, member: &ThreadMember) -> Value {
    json!({
        "id": thread,
        "user_id": member.user,
        "join_timestamp": timestamp(member.joined_ms),
        "flags": member.flags,
    })
}

/// The active threads that `viewer` sees, of the channels that `of` chooses.
pub fn active_threads<'a>(
    view: &'a Guild,
    viewer: UserId,
    now_ms: u64,
    of: impl Fn(ChannelId) -> bool + 'a,
) -> impl Iterator<Item = &'a Thread> {
    let active = view.threads.values().filter(|thread| !thread.record.archived);
    let sees =
        move |channel| view.permissions_in(viewer, channel, now_ms).has(Permissions::VIEW_CHANNEL);
    active
        .filter(move |thread| of(thread.record.parent) && sees(thread.record.id))
        .map(AsRef::as_ref)
}

//! Threads: who may start, change and end them, and which of them time archives.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::TagId;
use model::limits;
use model::wire::channel::Channel;
use model::wire::channel::ChannelFlags;
use model::wire::channel::ChannelType;
use model::wire::guild::Permissions;

use super::Asked;
use super::Change;
use super::Denied;
use super::field;
use super::forums::auto_archive;
use super::forums::has_threads;
use crate::guild::Guild;
use crate::guild::command::ThreadDraft;
use crate::guild::command::ThreadPatch;
use crate::guild::command::is_forum;
use crate::thread::PINNED;
use crate::thread::Thread;
use crate::thread::ThreadMember;
use crate::thread::ThreadRecord;

impl Asked<'_> {
    pub(super) fn create_thread(self, draft: &ThreadDraft) -> Result<Vec<Change>, Denied> {
        let parent = self.guild.channels.get(&draft.parent).ok_or(ErrorCode::UnknownChannel)?;
        self.require_in(draft.parent, Permissions::empty())?;
        if !has_threads(parent.kind) {
            return Err(ErrorCode::CannotExecuteOnChannelType.into());
        }
        let announced = parent.kind == ChannelType::GuildAnnouncement;
        let needed = match draft.kind {
            ChannelType::PublicThread if is_forum(parent.kind) => Permissions::SEND_MESSAGES,
            ChannelType::PublicThread if !announced => Permissions::CREATE_PUBLIC_THREADS,
            ChannelType::AnnouncementThread if announced => Permissions::CREATE_PUBLIC_THREADS,
            ChannelType::PrivateThread if parent.kind == ChannelType::GuildText => {
                Permissions::CREATE_PRIVATE_THREADS
            }
            _ => return Err(ErrorCode::CannotExecuteOnChannelType.into()),
        };
        self.require_in(draft.parent, needed)?;
        let record = self.new_thread(parent, draft)?;
        let starter = ThreadMember { user: self.actor, joined_ms: self.now_ms, flags: 1 };
        Ok(vec![Change::PutThread(Arc::new(record)), Change::PutThreadMember(draft.id, starter)])
    }

    pub(super) fn post_by_webhook(self, draft: &ThreadDraft) -> Result<Vec<Change>, Denied> {
        let parent = self.guild.channels.get(&draft.parent).ok_or(ErrorCode::UnknownChannel)?;
        if draft.kind != ChannelType::PublicThread || !is_forum(parent.kind) {
            return Err(ErrorCode::WebhookNeedsForum.into());
        }
        Ok(vec![Change::PutThread(Arc::new(self.new_thread(parent, draft)?))])
    }

    /// A thread that there is room for, as its parent has threads.
    fn new_thread(self, parent: &Channel, draft: &ThreadDraft) -> Result<ThreadRecord, Denied> {
        if self.guild.threads.contains_key(&draft.id) {
            return Err(ErrorCode::ThreadExists.into());
        }
        self.require_room_for_active()?;
        if self.guild.threads.len() >= limits::THREADS {
            return Err(ErrorCode::MaximumChannels.into());
        }
        let default_minutes = parent.default_auto_archive_duration.map(u16::from);
        let minutes = draft.auto_archive_minutes.or(default_minutes).unwrap_or(DEFAULT_MINUTES);
        auto_archive("auto_archive_duration", minutes)?;
        let slowmode = draft.rate_limit_per_user.or(parent.default_thread_rate_limit_per_user);
        Ok(ThreadRecord {
            id: draft.id,
            parent: draft.parent,
            kind: draft.kind,
            owner: self.actor,
            name: thread_name(&draft.name)?,
            auto_archive_minutes: minutes,
            rate_limit_per_user: checked_slowmode(slowmode.unwrap_or(0))?,
            archived: false,
            locked: false,
            invitable: draft.invitable.unwrap_or(true),
            created_ms: self.now_ms,
            archive_ms: self.now_ms,
            flags: 0,
            tags: self.checked_tags(parent, &[], &draft.tags)?,
        })
    }

    pub(super) fn update_thread(
        self,
        id: ChannelId,
        patch: &ThreadPatch,
    ) -> Result<Vec<Change>, Denied> {
        let thread = self.thread(id)?;
        let old = &thread.record;
        let parent = self.guild.channels.get(&old.parent).ok_or(ErrorCode::UnknownChannel)?;
        self.require_change(id, old, patch)?;
        let mut record = (**old).clone();
        if let Some(archived) = patch.archived
            && archived != old.archived
        {
            if !archived {
                self.require_room_for_active()?;
            }
            record.archived = archived;
            record.archive_ms = self.now_ms;
        }
        if let Some(locked) = patch.locked {
            record.locked = locked;
        }
        if let Some(name) = &patch.name {
            record.name = thread_name(name)?;
        }
        if let Some(minutes) = patch.auto_archive_minutes {
            auto_archive("auto_archive_duration", minutes)?;
            record.auto_archive_minutes = minutes;
        }
        if let Some(seconds) = patch.rate_limit_per_user {
            record.rate_limit_per_user = checked_slowmode(seconds)?;
        }
        if let Some(invitable) = patch.invitable
            && old.is_private()
        {
            record.invitable = invitable;
        }
        if let Some(tags) = &patch.tags {
            record.tags = self.checked_tags(parent, &old.tags, tags)?;
        }
        if let Some(flags) = patch.flags
            && is_forum(parent.kind)
        {
            record.flags = flags & PINNED;
            if record.flags != 0 && self.other_pinned(old) {
                return Err(ErrorCode::MaximumPinnedThreads.into());
            }
        }
        if record == **old {
            return Ok(Vec::new());
        }
        Ok(vec![Change::PutThread(Arc::new(record))])
    }

    pub(super) fn delete_thread(self, id: ChannelId) -> Result<Vec<Change>, Denied> {
        self.thread(id)?;
        self.require_in(id, Permissions::MANAGE_THREADS)?;
        Ok(vec![Change::DeleteThread(id)])
    }

    /// A thread that the actor may see.
    pub(super) fn thread(&self, id: ChannelId) -> Result<&Arc<Thread>, Denied> {
        let thread = self.guild.threads.get(&id).ok_or(ErrorCode::UnknownChannel)?;
        self.require_in(id, Permissions::empty())?;
        Ok(thread)
    }

    /// Whether the actor manages the threads where `id` is.
    pub(super) fn manages(self, id: ChannelId) -> bool {
        let allowed = self.guild.permissions_in(self.actor, id, self.now_ms);
        allowed.has(Permissions::MANAGE_THREADS)
    }

    /// Demands that one more thread may be active.
    pub(super) fn require_room_for_active(self) -> Result<(), Denied> {
        let active = self.guild.threads.values().filter(|thread| !thread.record.archived);
        if active.count() >= limits::ACTIVE_THREADS {
            return Err(ErrorCode::MaximumActiveThreads.into());
        }
        Ok(())
    }

    /// What a change needs (Discord: Modify Channel/Thread): bringing back a thread that is not
    /// locked, a voice in threads; the starter's own choices, being them; all else MANAGE_THREADS.
    fn require_change(
        self,
        id: ChannelId,
        old: &ThreadRecord,
        patch: &ThreadPatch,
    ) -> Result<(), Denied> {
        if self.manages(id) {
            return self.require_not_archived(old, patch);
        }
        let moderated = patch.locked.is_some_and(|locked| locked != old.locked)
            || patch.rate_limit_per_user.is_some_and(|s| s != old.rate_limit_per_user)
            || patch.flags.is_some_and(|flags| flags & PINNED != old.flags);
        let owned = patch.name.is_some()
            || patch.auto_archive_minutes.is_some()
            || patch.invitable.is_some()
            || patch.tags.is_some()
            || patch.archived == Some(true);
        let starter = old.owner == self.actor;
        if moderated || (owned && !starter) || old.locked {
            return Err(ErrorCode::MissingPermissions.into());
        }
        self.require_in(id, Permissions::SEND_MESSAGES)?;
        self.require_not_archived(old, patch)
    }

    /// What is archived is brought back before it is changed.
    fn require_not_archived(self, old: &ThreadRecord, patch: &ThreadPatch) -> Result<(), Denied> {
        let changes = patch.name.is_some()
            || patch.auto_archive_minutes.is_some()
            || patch.rate_limit_per_user.is_some()
            || patch.invitable.is_some();
        if old.archived && patch.archived != Some(false) && changes {
            return Err(ErrorCode::ThreadArchived.into());
        }
        Ok(())
    }

    fn other_pinned(self, thread: &ThreadRecord) -> bool {
        let mut others = self.guild.threads.values().map(|other| &other.record);
        others.any(|other| {
            other.parent == thread.parent && other.id != thread.id && other.flags & PINNED != 0
        })
    }

    /// The tags of a post, if the forum has them and the actor may set and take away those that
    /// change.
    fn checked_tags(
        self,
        forum: &Channel,
        old: &[TagId],
        new: &[TagId],
    ) -> Result<Vec<TagId>, Denied> {
        if !is_forum(forum.kind) {
            return Ok(Vec::new());
        }
        let mut tags: Vec<TagId> = Vec::new();
        for tag in new {
            if !tags.contains(tag) {
                tags.push(*tag);
            }
        }
        if tags.len() > limits::APPLIED_TAGS {
            let message = format!("Must be {} or fewer in length.", limits::APPLIED_TAGS);
            return Err(field::bad("applied_tags", "BASE_TYPE_MAX_LENGTH", message));
        }
        let required = forum.flags.is_some_and(|flags| flags.contains(ChannelFlags::REQUIRE_TAG));
        let manages = self.manages(forum.id);
        if required && tags.is_empty() && !manages {
            return Err(ErrorCode::TagRequired.into());
        }
        let available = forum.available_tags.as_deref().unwrap_or_default();
        for (number, tag) in tags.iter().enumerate() {
            if !available.iter().any(|known| known.id == *tag) {
                let name = format!("applied_tags.{number}");
                return Err(field::bad(&name, "INVALID_FORUM_TAG", "Unknown tag."));
            }
        }
        let given = tags.iter().filter(|tag| !old.contains(tag));
        let taken = old.iter().filter(|tag| !tags.contains(tag));
        let moderated =
            |tag: &TagId| available.iter().any(|known| known.id == *tag && known.moderated);
        if !manages && given.chain(taken).any(moderated) {
            return Err(ErrorCode::MissingPermissions.into());
        }
        Ok(tags)
    }
}

impl Guild {
    /// Whether any thread is to be archived at `now_ms`, Unix milliseconds.
    #[must_use]
    pub fn has_idle_threads(&self, now_ms: u64) -> bool {
        self.idle_threads(now_ms).next().is_some()
    }

    fn idle_threads(&self, now_ms: u64) -> impl Iterator<Item = &Arc<Thread>> {
        let threads = self.threads.values();
        threads.filter(move |thread| thread.idles_at().is_some_and(|at_ms| at_ms <= now_ms))
    }

    /// The plan of [`GuildCommand::ArchiveIdle`](crate::GuildCommand::ArchiveIdle).
    pub(super) fn archive_idle(&self, now_ms: u64) -> Vec<Change> {
        let archived = |thread: &Arc<Thread>| {
            let archived =
                ThreadRecord { archived: true, archive_ms: now_ms, ..(*thread.record).clone() };
            Change::PutThread(Arc::new(archived))
        };
        self.idle_threads(now_ms).map(archived).collect()
    }
}

fn thread_name(name: &str) -> Result<String, Denied> {
    let name = name.trim();
    field::length("name", name, limits::NAME)?;
    Ok(name.to_owned())
}

fn checked_slowmode(seconds: u16) -> Result<u16, Denied> {
    field::number("rate_limit_per_user", seconds.into(), &(0..=u32::from(limits::SLOWMODE)))?;
    Ok(seconds)
}

/// Minutes after which threads are archived where nobody said (Discord: three days).
const DEFAULT_MINUTES: u16 = 4_320;

//! Forums and what a channel says of its threads: tags, defaults, how posts are shown.

use model::error_code::ErrorCode;
use model::limits;
use model::wire::channel::Channel;
use model::wire::channel::ChannelFlags;
use model::wire::channel::ChannelType;
use model::wire::channel::forum::DefaultReaction;
use model::wire::channel::forum::ForumTag;

use super::Asked;
use super::Denied;
use super::field;
use crate::guild::command::ForumPatch;
use crate::guild::command::is_forum;

impl Asked<'_> {
    /// Fields that a kind of channel does not have are left out of it.
    pub(super) fn patch_forum(
        self,
        channel: &mut Channel,
        patch: &ForumPatch,
    ) -> Result<(), Denied> {
        if !has_threads(channel.kind) {
            return Ok(());
        }
        if let Some(minutes) = patch.auto_archive_minutes {
            if let Some(minutes) = minutes {
                auto_archive("default_auto_archive_duration", minutes)?;
            }
            channel.default_auto_archive_duration = minutes.map(Into::into);
        }
        if let Some(seconds) = patch.thread_rate_limit {
            let longest = u32::from(limits::SLOWMODE);
            let name = "default_thread_rate_limit_per_user";
            field::number(name, seconds.into(), &(0..=longest))?;
            channel.default_thread_rate_limit_per_user = Some(seconds);
        }
        if !is_forum(channel.kind) {
            return Ok(());
        }
        if let Some(tags) = &patch.tags {
            channel.available_tags = Some(checked_tags(tags)?);
        }
        if let Some(reaction) = &patch.reaction {
            channel.default_reaction_emoji = reaction.as_ref().map(checked_reaction).transpose()?;
        }
        if let Some(order) = patch.sort_order {
            if let Some(order) = order {
                field::choice("default_sort_order", order.into(), &[0, 1])?;
            }
            channel.default_sort_order = order.map(Into::into);
        }
        if let Some(layout) = patch.layout {
            field::choice("default_forum_layout", layout.into(), &[0, 1, 2])?;
            channel.default_forum_layout = Some(layout.into());
        }
        if let Some(flags) = patch.flags {
            let kept = ChannelFlags::REQUIRE_TAG | ChannelFlags::HIDE_MEDIA_DOWNLOAD_OPTIONS;
            channel.flags = Some(ChannelFlags::from_bits_truncate(flags) & kept);
        }
        Ok(())
    }
}

/// Whether threads can hang on a channel of that kind.
pub(super) const fn has_threads(kind: ChannelType) -> bool {
    matches!(kind, ChannelType::GuildText | ChannelType::GuildAnnouncement) || is_forum(kind)
}

/// Demands a time after which threads are archived that clients know.
pub(super) fn auto_archive(name: &str, minutes: u16) -> Result<(), Denied> {
    field::choice(name, minutes.into(), &[60, 1_440, 4_320, 10_080])
}

fn checked_tags(tags: &[ForumTag]) -> Result<Vec<ForumTag>, Denied> {
    if tags.len() > limits::FORUM_TAGS {
        let message = format!("Must be {} or fewer in length.", limits::FORUM_TAGS);
        return Err(field::bad("available_tags", "BASE_TYPE_MAX_LENGTH", message));
    }
    for (number, tag) in tags.iter().enumerate() {
        field::length(&format!("available_tags.{number}.name"), &tag.name, limits::TAG_NAME)?;
        let before = &tags[..number];
        if before.iter().any(|other| other.name.eq_ignore_ascii_case(&tag.name)) {
            return Err(ErrorCode::TagNamesUnique.into());
        }
        if before.iter().any(|other| other.id == tag.id) {
            let name = format!("available_tags.{number}.id");
            return Err(field::bad(&name, "BASE_TYPE_ALREADY_EXISTS", "The id is taken."));
        }
        one_emoji(
            &format!("available_tags.{number}"),
            tag.emoji_id.is_some(),
            tag.emoji_name.as_ref(),
        )?;
    }
    Ok(tags.to_vec())
}

fn checked_reaction(reaction: &DefaultReaction) -> Result<DefaultReaction, Denied> {
    one_emoji("default_reaction_emoji", reaction.emoji_id.is_some(), reaction.emoji_name.as_ref())?;
    Ok(reaction.clone())
}

/// An emoji is custom or Unicode's, not both (Discord: Forum Tag Object).
fn one_emoji(path: &str, custom: bool, name: Option<&String>) -> Result<(), Denied> {
    if custom && name.is_some() {
        let message = "Only one of emoji_id and emoji_name may be set.";
        return Err(field::bad(path, "BASE_TYPE_BAD_VALUE", message));
    }
    match name {
        Some(name) => field::length(&format!("{path}.emoji_name"), name, 1..=100),
        None => Ok(()),
    }
}

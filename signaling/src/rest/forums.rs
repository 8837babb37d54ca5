//! What requests say of a channel's threads: a forum's tags, defaults, how posts are shown.

use model::id::EmojiId;
use model::id::TagId;
use model::wire::channel::forum::DefaultReaction;
use model::wire::channel::forum::ForumTag;
use serde::Deserialize;
use state::guild::command::ForumPatch;

use super::ApiError;
use super::extract::some;
use crate::parts::Parts;

/// These fields of a channel's request; null is as good as the default.
#[derive(Deserialize, Default)]
pub(super) struct Forum {
    #[serde(default, deserialize_with = "some")]
    default_auto_archive_duration: Option<Option<u16>>,
    #[serde(default, deserialize_with = "some")]
    default_thread_rate_limit_per_user: Option<Option<u16>>,
    #[serde(default, deserialize_with = "some")]
    available_tags: Option<Option<Vec<Tag>>>,
    #[serde(default, deserialize_with = "some")]
    default_reaction_emoji: Option<Option<DefaultReaction>>,
    #[serde(default, deserialize_with = "some")]
    default_sort_order: Option<Option<u8>>,
    #[serde(default, deserialize_with = "some")]
    default_forum_layout: Option<Option<u8>>,
    pub(super) flags: Option<u64>,
}

/// A tag: a new one has no id, or one that its client made up.
#[derive(Deserialize)]
struct Tag {
    id: Option<TagId>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    moderated: Option<bool>,
    emoji_id: Option<EmojiId>,
    emoji_name: Option<String>,
}

impl Forum {
    /// The change that they describe; tags that are not among those `before` get ids.
    pub(super) fn patch(self, parts: &Parts, before: &[ForumTag]) -> Result<ForumPatch, ApiError> {
        let known = |id: &TagId| before.iter().any(|tag| tag.id == *id);
        let tags = self.available_tags.map(|tags| {
            let tags = tags.unwrap_or_default().into_iter();
            tags.map(|tag| ForumTag {
                id: tag.id.filter(known).unwrap_or_else(|| parts.ids.next()),
                name: tag.name.trim().to_owned(),
                moderated: tag.moderated.unwrap_or_default(),
                emoji_id: tag.emoji_id,
                emoji_name: tag.emoji_name.filter(|name| !name.is_empty()),
            })
            .collect()
        });
        Ok(ForumPatch {
            auto_archive_minutes: self.default_auto_archive_duration,
            thread_rate_limit: self
                .default_thread_rate_limit_per_user
                .map(Option::unwrap_or_default),
            tags,
            reaction: self.default_reaction_emoji,
            sort_order: self.default_sort_order,
            layout: self.default_forum_layout.map(Option::unwrap_or_default),
            flags: self.flags,
        })
    }
}

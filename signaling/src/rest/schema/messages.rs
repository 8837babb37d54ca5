//! Messages and what hangs on them.

use super::ANY;
use super::BOOL;
use super::ID;
use super::ID_OR_NULL;
use super::INT;
use super::INT_OR_NULL;
use super::Kind::List;
use super::Kind::Map;
use super::Kind::Nullable;
use super::Kind::Number;
use super::Kind::Of;
use super::TEXT;
use super::TEXT_OR_NULL;
use super::TIME;
use super::TIME_OR_NULL;
use super::channels::CHANNEL;
use super::channels::THREAD_MEMBER;
use super::objects;
use super::people::MEMBER_ALONE;
use super::people::MENTIONED;
use super::people::USER;

objects! {
    /// An emoji as reactions and polls name it: of a guild by its id, others by their text.
    PARTIAL_EMOJI "PartialEmoji" { id: ID_OR_NULL, name: TEXT_OR_NULL } may { animated: BOOL }

    /// A file of a message (Discord: Attachment Object).
    ATTACHMENT "Attachment" {
        id: ID, filename: TEXT, size: INT, url: TEXT, proxy_url: TEXT, content_type: TEXT_OR_NULL,
    } may {
        title: TEXT, description: TEXT, height: INT, width: INT, ephemeral: BOOL,
        duration_secs: Number, waveform: TEXT, flags: INT, placeholder: TEXT,
        placeholder_version: INT,
    }

    /// A picture or a film of an embed.
    EMBED_MEDIA "EmbedMedia" {} may {
        url: TEXT, proxy_url: TEXT, height: INT, width: INT, content_type: TEXT, placeholder: TEXT,
        placeholder_version: INT, description: TEXT, flags: INT,
    }

    /// Who an embed is by.
    EMBED_AUTHOR "EmbedAuthor" { name: TEXT } may {
        url: TEXT, icon_url: TEXT, proxy_icon_url: TEXT,
    }

    /// Where an embed is from.
    EMBED_PROVIDER "EmbedProvider" {} may { name: TEXT, url: TEXT }

    /// What stands below an embed.
    EMBED_FOOTER "EmbedFooter" { text: TEXT } may { icon_url: TEXT, proxy_icon_url: TEXT }

    /// A name and what stands below it.
    EMBED_FIELD "EmbedField" { name: TEXT, value: TEXT, inline: BOOL }

    /// A framed part of a message (Discord: Embed Object).
    EMBED "Embed" { type: TEXT } may {
        title: TEXT, description: TEXT, url: TEXT, timestamp: TIME, color: INT,
        footer: Of(&EMBED_FOOTER), image: Of(&EMBED_MEDIA), thumbnail: Of(&EMBED_MEDIA),
        video: Of(&EMBED_MEDIA), provider: Of(&EMBED_PROVIDER), author: Of(&EMBED_AUTHOR),
        fields: List(&Of(&EMBED_FIELD)), flags: INT,
    }

    /// A button, a menu, or what holds such (Discord: Component Reference); its other fields depend
    /// on its type.
    COMPONENT "Component" { type: INT } may { id: INT, components: List(&Of(&COMPONENT)) } .. true

    /// Reactions with one emoji, of which sort.
    REACTION_COUNTS "ReactionCountDetails" { burst: INT, normal: INT }

    /// How many reacted with one emoji (Discord: Reaction Object).
    REACTION "Reaction" {
        emoji: Of(&PARTIAL_EMOJI), count: INT, count_details: Of(&REACTION_COUNTS), me: BOOL,
        me_burst: BOOL, burst_colors: List(&TEXT),
    }

    /// What a question or an answer of a poll says.
    POLL_MEDIA "PollMedia" {} may { text: TEXT_OR_NULL, emoji: Of(&PARTIAL_EMOJI) }

    /// An answer that may be chosen.
    POLL_ANSWER "PollAnswer" { answer_id: INT, poll_media: Of(&POLL_MEDIA) }

    /// How many chose one answer.
    POLL_COUNT "PollAnswerCount" { id: INT, count: INT, me_voted: BOOL }

    /// What was chosen so far, or in the end.
    POLL_RESULTS "PollResults" { is_finalized: BOOL, answer_counts: List(&Of(&POLL_COUNT)) }

    /// A poll (Discord: Poll Object).
    POLL "Poll" {
        question: Of(&POLL_MEDIA), answers: List(&Of(&POLL_ANSWER)), expiry: TIME_OR_NULL,
        allow_multiselect: BOOL, layout_type: INT,
    } may {
        results: Of(&POLL_RESULTS),
    }

    /// Those who chose an answer.
    VOTERS "PollVoters" { users: List(&Of(&USER)) }

    /// A sticker as a message carries it.
    STICKER_ITEM "StickerItem" { id: ID, name: TEXT, format_type: INT }

    /// Which message is answered, forwarded or told of (Discord: Message Reference Object).
    REFERENCE "MessageReference" { type: INT } may {
        message_id: ID, channel_id: ID, guild_id: ID, fail_if_not_exists: BOOL,
    }

    /// The interaction that a message answers (Discord: Message Interaction Metadata Object).
    INTERACTION_METADATA "MessageInteractionMetadata" {
        id: ID, type: INT, user: Of(&USER), authorizing_integration_owners: Map(&TEXT),
    } may {
        original_response_message_id: ID, target_user: Of(&USER), target_message_id: ID,
        interacted_message_id: ID, triggering_interaction_metadata: Of(&INTERACTION_METADATA),
    }

    /// The same, as it was told before there was metadata.
    MESSAGE_INTERACTION "MessageInteraction" { id: ID, type: INT, name: TEXT, user: Of(&USER) }

    /// What a forwarded message said.
    SNAPSHOT_MESSAGE "MessageSnapshotMessage" {
        type: INT, content: TEXT, timestamp: TIME, edited_timestamp: TIME_OR_NULL,
        mentions: List(&Of(&USER)), mention_roles: List(&ID), embeds: List(&Of(&EMBED)),
        attachments: List(&Of(&ATTACHMENT)), components: List(&Of(&COMPONENT)),
        sticker_items: List(&Of(&STICKER_ITEM)), flags: INT,
    }

    /// A message that was forwarded (Discord: Message Snapshot Object).
    SNAPSHOT "MessageSnapshot" { message: Of(&SNAPSHOT_MESSAGE) }

    /// What a message tells of a call (userdoccers: Message Call Object).
    CALL "MessageCall" { participants: List(&ID), ended_timestamp: TIME_OR_NULL }

    /// A message (Discord: Message Object).
    MESSAGE "Message" {
        id: ID, channel_id: ID, type: INT, author: Of(&USER), content: TEXT, timestamp: TIME,
        edited_timestamp: TIME_OR_NULL, tts: BOOL, mention_everyone: BOOL,
        mentions: List(&Of(&MENTIONED)), mention_roles: List(&ID), mention_channels: List(&ANY),
        attachments: List(&Of(&ATTACHMENT)), embeds: List(&Of(&EMBED)),
        components: List(&Of(&COMPONENT)), pinned: BOOL, flags: INT,
    } may {
        nonce: ANY, application_id: ID, webhook_id: ID, interaction: Of(&MESSAGE_INTERACTION),
        interaction_metadata: Of(&INTERACTION_METADATA), reactions: List(&Of(&REACTION)),
        poll: Of(&POLL), call: Of(&CALL), sticker_items: List(&Of(&STICKER_ITEM)),
        message_snapshots: List(&Of(&SNAPSHOT)), message_reference: Of(&REFERENCE),
        referenced_message: Nullable(&Of(&MESSAGE)), thread: Of(&CHANNEL), guild_id: ID,
        member: Of(&MEMBER_ALONE), hit: BOOL, position: INT_OR_NULL,
    }

    /// A pinned message, and since when it is pinned.
    PIN "MessagePin" { pinned_at: TIME, message: Of(&MESSAGE) }

    /// A page of pinned messages, newest first.
    PINS "MessagePins" { items: List(&Of(&PIN)), has_more: BOOL }

    /// What messages are looked for.
    SEARCH "SearchQuery" {} may {
        content: TEXT, author_id: ID, mentions: ID, mentions_role_id: ID, mention_everyone: BOOL,
        channel_id: ID, min_id: ID, max_id: ID, pinned: BOOL, has: TEXT, limit: INT, offset: INT,
        sort_by: TEXT, sort_order: TEXT,
    }

    /// What a search found, each message in a list of its own.
    FOUND "SearchResult" {
        total_results: INT, messages: List(&List(&Of(&MESSAGE))), threads: List(&Of(&CHANNEL)),
        members: List(&Of(&THREAD_MEMBER)), doing_deep_historical_index: BOOL,
    }
}

//! A channel object (Discord: Channel).

use model::id::UserId;
use model::wire::channel::Channel;
use model::wire::channel::ChannelType;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::record::PrivateChannel;
use state::record::UserRecord;

/// A guild's channel. twilight leaves out what is `None`; some libraries index these keys, so
/// they are written as null.
#[must_use]
pub fn channel(channel: &Channel) -> Value {
    let mut value = serde_json::to_value(channel).unwrap_or_default();
    if let Value::Object(map) = &mut value {
        let mut default = |key: &str, value: Value| {
            map.entry(key).or_insert(value);
        };
        default("parent_id", Value::Null);
        default("permission_overwrites", json!([]));
        default("position", json!(0));
        default("nsfw", json!(false));
        default("flags", json!(0));
        match channel.kind {
            ChannelType::GuildText | ChannelType::GuildAnnouncement => {
                default("topic", Value::Null);
                default("last_message_id", Value::Null);
                default("rate_limit_per_user", json!(0));
            }
            ChannelType::GuildForum | ChannelType::GuildMedia => {
                default("topic", Value::Null);
                default("last_message_id", Value::Null);
                default("rate_limit_per_user", json!(0));
                default("available_tags", json!([]));
                default("default_reaction_emoji", Value::Null);
                default("default_sort_order", Value::Null);
                default("default_forum_layout", json!(0));
            }
            ChannelType::GuildVoice | ChannelType::GuildStageVoice => {
                default("topic", Value::Null);
                default("last_message_id", Value::Null);
                default("rate_limit_per_user", json!(0));
                default("bitrate", json!(64_000));
                default("user_limit", json!(0));
                default("rtc_region", Value::Null);
            }
            _ => {}
        }
    }
    value
}

/// A channel of this guild, with its newest message.
#[must_use]
pub fn channel_in(guild: &Guild, channel: &Channel) -> Value {
    let mut value = self::channel(channel);
    if let Some(newest) = guild.newest.get(&channel.id) {
        value["last_message_id"] = json!(newest);
    }
    value
}

/// A private channel as `viewer` sees it: the others are its recipients.
#[must_use]
pub fn private_channel(
    channel: &PrivateChannel,
    viewer: UserId,
    recipients: &[std::sync::Arc<UserRecord>],
) -> Value {
    let others: Vec<_> = recipients
        .iter()
        .filter(|user| user.id != viewer)
        .map(|recipient| super::user(recipient))
        .collect();
    let mut value = json!({
        "id": channel.id,
        "type": ChannelType::Private,
        "last_message_id": channel.last_message,
        "recipients": others,
        "flags": 0,
    });
    if let Some(group) = &channel.group {
        value["type"] = json!(ChannelType::Group);
        value["name"] = json!(group.name);
        value["icon"] = json!(group.icon);
        value["owner_id"] = json!(group.owner);
        value["nicks"] = json!([]);
    }
    value
}

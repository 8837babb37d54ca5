//! A message object (Discord: Message).

use std::sync::Arc;

use model::id::ApplicationId;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::MessageId;
use model::id::RoleId;
use model::id::UserId;
use model::id::WebhookId;
use model::wire::channel::Attachment;
use model::wire::channel::message::Embed;
use model::wire::channel::message::MessageReference;
use model::wire::util::Timestamp;
use serde::Serialize;
use serde::Serializer;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::apps::InteractionMetadata;
use state::event::Personal;
use state::poll::PollCount;
use state::record::MemberRecord;
use state::record::MessageRecord;
use state::record::ReactionCount;
use state::record::ReactionEmoji;
use state::record::Snapshot;
use state::record::UserRecord;
use state::users::Users;

use super::member::Member;
use super::user::User;
use crate::cdn::Urls;

/// What a message needs to be shown beside itself.
#[derive(Clone, Copy)]
pub struct MessageContext<'a> {
    /// Names; authors and mentioned users were loaded into it before.
    pub users: &'a Users,
    /// The guild, where the message is an event: adds `guild_id`, `member` and the members of
    /// mentions. REST leaves them out.
    pub guild: Option<&'a Guild>,
    /// The guild whose threads are shown with the messages that they were started from.
    pub threads: Option<&'a Guild>,
    /// Votes of its poll, if it has one and they were looked up.
    pub poll: Option<&'a [PollCount]>,
    /// Reactions; events of new messages have none.
    pub reactions: &'a [ReactionCount],
    /// The message that it answers; `Some(None)` when that one was deleted.
    pub referenced: Option<Option<&'a MessageRecord>>,
    /// Makes URLs of the stored paths of files, for whoever reads this.
    pub urls: Urls<'a>,
}

impl<'a> MessageContext<'a> {
    /// Of a message that stands by itself: nobody reacted, voted or answered.
    #[must_use]
    pub const fn alone(users: &'a Users, urls: Urls<'a>) -> Self {
        Self {
            users,
            guild: None,
            threads: None,
            poll: None,
            reactions: &[],
            referenced: None,
            urls,
        }
    }
}

/// A [`MessageRecord`] as it is read, to be written without making a tree of values of what most messages
/// are.
#[derive(Serialize)]
pub(crate) struct Message<'a> {
    id: MessageId,
    channel_id: ChannelId,
    #[serde(rename = "type")]
    kind: u8,
    author: Author,
    pub(crate) content: &'a str,
    timestamp: Timestamp,
    edited_timestamp: Option<Timestamp>,
    tts: bool,
    mention_everyone: bool,
    mentions: Vec<Mention>,
    mention_roles: &'a [RoleId],
    mention_channels: [(); 0],
    attachments: Vec<Value>,
    embeds: Value,
    components: Value,
    pinned: bool,
    flags: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_id: Option<ApplicationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_id: Option<WebhookId>,
    /// What came before the metadata, and what older libraries still read.
    #[serde(skip_serializing_if = "Option::is_none")]
    interaction: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interaction_metadata: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reactions: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    poll: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sticker_items: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    message_snapshots: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_reference: Option<&'a MessageReference>,
    /// `null` when it was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    referenced_message: Option<Option<Box<Self>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    guild_id: Option<GuildId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<Membership>,
}

/// Who said it.
#[derive(Serialize)]
#[serde(untagged)]
enum Author {
    Known(Account),
    /// A webhook by a name of its own, or someone whose account was deleted.
    Else(Value),
}

/// An account that was looked up.
struct Account(Arc<UserRecord>);

impl Serialize for Account {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        User::from(&*self.0).serialize(serializer)
    }
}

/// A member who was looked up, beside their user.
struct Membership(Arc<MemberRecord>);

impl Serialize for Membership {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Member::new(&self.0, None).serialize(serializer)
    }
}

#[derive(Serialize)]
struct Mention {
    #[serde(flatten)]
    user: Account,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<Membership>,
}

impl<'a> Message<'a> {
    /// A message, as far as `context` shows it.
    pub(crate) fn new(message: &'a MessageRecord, context: MessageContext<'a>) -> Self {
        let membership = |user: &UserId| context.guild?.members.get(user).map(Membership);
        let mention = |id: &UserId| {
            let user = Account(context.users.cached(*id)?);
            Some(Mention { user, member: membership(id) })
        };
        let author = match (spoken(message), context.users.cached(message.author)) {
            (Some(spoken), _) => Author::Else(spoken),
            (None, Some(author)) => Author::Known(Account(author)),
            (None, None) => Author::Else(unknown(message)),
        };
        let attachments = attachments(&message.attachments, context.urls);
        let origin = message.origin.as_ref();
        let metadata = origin.and_then(|origin| origin.interaction.as_ref());
        let shown = metadata.map(|metadata| interaction(metadata, context.users));
        let older = metadata.zip(shown.as_ref()).and_then(|(metadata, shown)| {
            let name = metadata.name.as_ref()?;
            Some(json!({
                "id": metadata.id, "type": metadata.kind, "name": name, "user": shown["user"],
            }))
        });
        let answered = |answered: &'a MessageRecord| {
            let (guild, poll, referenced) = (None, None, None);
            let context = MessageContext { guild, poll, reactions: &[], referenced, ..context };
            Box::new(Self::new(answered, context))
        };
        let reference = message.reference.as_ref();
        let call = message.call.as_ref().map(|call| {
            let ended = call.ended_ms.map(crate::parts::timestamp);
            json!({ "participants": call.participants, "ended_timestamp": ended })
        });
        let thread = context.threads.and_then(|guild| {
            let thread = guild.threads.get(&message.id.cast())?;
            let its = thread.record.parent == message.channel;
            its.then(|| super::thread(thread, guild.id, None))
        });
        Self {
            id: message.id,
            channel_id: message.channel,
            kind: message.kind,
            author,
            content: &message.content,
            timestamp: crate::parts::timestamp(model::snowflake::unix_ms(message.id.get())),
            edited_timestamp: message.edited_at,
            tts: message.tts,
            mention_everyone: message.mention_everyone,
            mentions: message.mentions.iter().filter_map(mention).collect(),
            mention_roles: &message.mention_roles,
            mention_channels: [],
            embeds: embeds(&message.embeds, &attachments),
            components: components(message, &attachments),
            attachments,
            pinned: message.pinned,
            flags: message.flags,
            nonce: message.nonce.as_deref(),
            application_id: origin.and_then(|origin| origin.application),
            webhook_id: origin.and_then(|origin| origin.webhook),
            interaction: older,
            interaction_metadata: shown,
            reactions: context.reactions.iter().map(reaction).collect(),
            poll: message.poll.as_ref().map(|poll| super::poll(poll, context.poll)),
            call,
            sticker_items: message.stickers.iter().map(super::sticker_item).collect(),
            message_snapshots: message.snapshots.iter().map(|one| snapshot(one, context)).collect(),
            message_reference: reference,
            referenced_message: reference
                .and(context.referenced)
                .map(|referenced| referenced.map(answered)),
            thread,
            guild_id: context.guild.map(|guild| guild.id),
            member: membership(&message.author),
        }
    }

    /// Takes out what one may not read without the intent for it (Discord: Message Content Intent).
    pub(crate) fn strip(&mut self) {
        self.content = "";
        self.attachments.clear();
        self.embeds = Value::Array(Vec::new());
        self.components = Value::Array(Vec::new());
        self.poll = None;
        let forwarded = self.message_snapshots.iter_mut();
        forwarded.filter_map(|snapshot| snapshot.get_mut("message")).for_each(strip);
    }

    /// The message that it answers, if that is shown.
    pub(crate) fn answered(&mut self) -> Option<&mut Self> {
        self.referenced_message.as_mut()?.as_deref_mut()
    }
}

/// As [`Message::strip`], of a message that was forwarded.
fn strip(forwarded: &mut Value) {
    let Value::Object(forwarded) = forwarded else { return };
    forwarded.insert("content".to_owned(), json!(""));
    for key in ["embeds", "attachments", "components"] {
        forwarded.insert(key.to_owned(), json!([]));
    }
}

/// A message.
#[must_use]
pub fn message(message: &MessageRecord, context: MessageContext<'_>) -> Value {
    json!(Message::new(message, context))
}

/// What a forwarded message said: no author, no channel (Discord: Message Snapshot Object).
fn snapshot(snapshot: &Snapshot, context: MessageContext<'_>) -> Value {
    let attachments = attachments(&snapshot.attachments, context.urls);
    let mentions: Vec<_> = snapshot
        .mentions
        .iter()
        .filter_map(|id| Some(super::user(&*context.users.cached(*id)?)))
        .collect();
    json!({ "message": {
        "type": snapshot.kind,
        "content": snapshot.content,
        "timestamp": crate::parts::timestamp(snapshot.said_ms),
        "edited_timestamp": snapshot.edited_at,
        "mentions": mentions,
        "mention_roles": snapshot.mention_roles,
        "embeds": embeds(&snapshot.embeds, &attachments),
        "attachments": attachments,
        "components": snapshot.components,
        "sticker_items": snapshot.stickers.iter().map(super::sticker_item).collect::<Vec<_>>(),
        "flags": snapshot.flags,
    }})
}

/// Files with URLs that this reader can fetch; the record has paths.
fn attachments(files: &[Attachment], urls: Urls<'_>) -> Vec<Value> {
    files.iter().map(|file| attachment(file, urls)).collect()
}

/// What only one user hears, with its messages and files as this reader sees them. The users of the
/// messages were loaded before.
#[must_use]
pub fn personal(personal: &Personal, users: &Users, urls: Urls<'_>) -> Value {
    let mut body = personal.body.clone();
    let mut put = |pointer: &str, value: Value| {
        let (parent, key) = pointer.rsplit_once('/').unwrap_or_default();
        if let Some(Value::Object(parent)) = body.pointer_mut(parent) {
            parent.insert(key.to_owned(), value);
        }
    };
    for (pointer, attachment) in &personal.files {
        put(pointer, self::attachment(attachment, urls));
    }
    let mut root = None;
    for (pointer, message) in &personal.messages {
        let shown = self::message(message, MessageContext::alone(users, urls));
        if pointer.is_empty() { root = Some(shown) } else { put(pointer, shown) }
    }
    match (root, body) {
        (Some(Value::Object(mut message)), Value::Object(fields)) => {
            message.extend(fields);
            Value::Object(message)
        }
        (Some(message), _) => message,
        (None, body) => body,
    }
}

fn attachment(attachment: &Attachment, urls: Urls<'_>) -> Value {
    let mut value = json!(attachment);
    let url = Value::from(urls.signed(&attachment.url));
    value["proxy_url"] = url.clone();
    value["url"] = url;
    value
}

/// The author that a webhook's message shows: a name and a picture that are of no account.
fn spoken(message: &MessageRecord) -> Option<Value> {
    let origin = message.origin.as_ref()?;
    let name = origin.name.as_ref()?;
    Some(json!({
        "id": origin.webhook,
        "username": name,
        "discriminator": "0000",
        "global_name": null,
        "avatar": origin.avatar,
        "avatar_decoration_data": null,
        "bot": true,
        "public_flags": 0,
        "flags": 0,
    }))
}

/// The interaction that a message answers (Discord: Message Interaction Metadata).
fn interaction(metadata: &InteractionMetadata, users: &Users) -> Value {
    let user = |id| match users.cached(id) {
        Some(user) => super::user(&user),
        None => json!({ "id": id, "username": "deleted-user", "discriminator": "0",
            "avatar": null, "global_name": null }),
    };
    let owners = match metadata.guild {
        Some(guild) => json!({ "0": guild }),
        None => json!({ "0": "0" }),
    };
    let mut value = json!({
        "id": metadata.id,
        "type": metadata.kind,
        "user": user(metadata.user),
        "authorizing_integration_owners": owners,
    });
    if let Some(original) = metadata.original {
        value["original_response_message_id"] = json!(original);
    }
    if let Some(target) = metadata.target_user {
        value["target_user"] = user(target);
    }
    if let Some(target) = metadata.target_message {
        value["target_message_id"] = json!(target);
    }
    if let Some(interacted) = metadata.interacted {
        value["interacted_message_id"] = json!(interacted);
    }
    if let Some(trigger) = &metadata.trigger {
        value["triggering_interaction_metadata"] = interaction(trigger, users);
    }
    value
}

/// Components, with `attachment://name` replaced by the URL of the file of that name, and what else
/// clients read of media.
fn components(message: &MessageRecord, attachments: &[Value]) -> Value {
    fn show(value: &mut Value, attachments: &[Value]) {
        match value {
            Value::Array(list) => list.iter_mut().for_each(|one| show(one, attachments)),
            Value::Object(map) => {
                for media in ["media", "file"] {
                    let Some(Value::Object(media)) = map.get_mut(media) else { continue };
                    let url = media.get("url").and_then(Value::as_str).unwrap_or_default();
                    let name = url.strip_prefix("attachment://");
                    let file = attachments.iter().find(|file| {
                        Some(&file["filename"]).and_then(Value::as_str) == name && name.is_some()
                    });
                    if let Some(file) = file {
                        for field in ["url", "proxy_url", "width", "height", "content_type"] {
                            media.insert(field.to_owned(), file[field].clone());
                        }
                        media.insert("attachment_id".to_owned(), file["id"].clone());
                    } else {
                        let url = json!(url);
                        media.entry("proxy_url").or_insert(url);
                    }
                }
                map.values_mut().for_each(|inner| show(inner, attachments));
            }
            _ => {}
        }
    }
    let mut components = json!(message.components);
    show(&mut components, attachments);
    components
}

/// Embeds, with `attachment://name` replaced by the URL of the file of that name
/// (Discord: Uploading Files/Using Attachments within Embeds).
fn embeds(embeds: &[Embed], attachments: &[Value]) -> Value {
    let mut embeds = json!(embeds);
    for embed in embeds.as_array_mut().into_iter().flatten() {
        for (part, key) in EMBED_FILES {
            let Some(url) = embed.get_mut(part).and_then(|part| part.get_mut(key)) else {
                continue;
            };
            let Some(name) = url.as_str().and_then(|url| url.strip_prefix("attachment://")) else {
                continue;
            };
            if let Some(file) = attachments.iter().find(|file| file["filename"] == name) {
                *url = file["url"].clone();
            }
        }
    }
    embeds
}

/// Where an embed may name a file.
const EMBED_FILES: [(&str, &str); 5] = [
    ("image", "url"),
    ("thumbnail", "url"),
    ("video", "url"),
    ("author", "icon_url"),
    ("footer", "icon_url"),
];

/// The emoji of a reaction.
#[must_use]
pub fn emoji(emoji: &ReactionEmoji) -> Value {
    json!({ "id": emoji.id, "name": emoji.name, "animated": false })
}

fn reaction(count: &ReactionCount) -> Value {
    json!({
        "emoji": emoji(&count.emoji),
        "count": count.count,
        "count_details": { "burst": 0, "normal": count.count },
        "me": count.me,
        "me_burst": false,
        "burst_colors": [],
    })
}

/// An author whose account was deleted: the message stays readable.
fn unknown(message: &MessageRecord) -> Value {
    super::user(&UserRecord {
        id: message.author,
        username: "deleted-user".to_owned(),
        global_name: None,
        avatar: None,
        bot: false,
        flags: 0,
    })
}

/// Ids of all users that `messages` name, for one load before they are shown.
fn users_of<'a>(messages: impl IntoIterator<Item = &'a MessageRecord>) -> Vec<UserId> {
    let mut ids: Vec<_> = messages
        .into_iter()
        .flat_map(|message| {
            let forwarded = message.snapshots.iter().flat_map(|snapshot| &snapshot.mentions);
            let origin = message.origin.as_ref();
            let metadata = origin.and_then(|origin| origin.interaction.as_ref());
            let named = metadata.into_iter().flat_map(|one| {
                let trigger = one.trigger.as_ref();
                let trigger = trigger.into_iter().flat_map(|one| [Some(one.user), one.target_user]);
                [Some(one.user), one.target_user].into_iter().chain(trigger).flatten()
            });
            let mentions = message.mentions.iter().chain(forwarded).copied();
            mentions.chain([message.author]).chain(named)
        })
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Loads what [`message`] will look up.
///
/// # Errors
///
/// Storage errors.
pub async fn load_users<'a>(
    users: &Arc<Users>,
    messages: impl IntoIterator<Item = &'a MessageRecord>,
) -> Result<(), state::repo::RepoError> {
    users.load(&users_of(messages)).await.map(drop)
}

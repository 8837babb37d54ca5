//! A request body, checked: what was wrong is told by field, what is right cannot be wrong later.
//!
//! Pure. [`Body`] is what clients send, [`MessageDraft`] and [`MessagePatch`] are what it means.

use model::error_code::ErrorCode;
use model::id::AttachmentId;
use model::id::ChannelId;
use model::id::MessageId;
use model::id::StickerId;
use model::id::TagId;
use model::limits;
use model::validate::message::ATTACHMENT_DESCIPTION_LENGTH_MAX;
use model::validate::message::ATTACHMENT_TITLE_LENGTH_MAX;
use model::wire::channel::message::Embed;
use model::wire::id::Id;
use serde::Deserialize;
use serde_json::Value;

use super::components;
use super::embeds;
use super::forward::Forward;
use super::mentions::AllowedMentions;
use super::multipart::File;
use super::poll_draft::PollDraft;
use crate::cdn::upload::NewFile;
use crate::rest::ApiError;
use crate::rest::error::FormErrors;
use crate::rest::extract::some;

/// The body of Create Message and Edit Message (Discord: Create Message).
#[derive(Deserialize, Default)]
pub(in crate::rest) struct Body {
    #[serde(default, deserialize_with = "some")]
    pub content: Option<Option<String>>,
    tts: Option<bool>,
    nonce: Option<Value>,
    enforce_nonce: Option<bool>,
    #[serde(default, deserialize_with = "some")]
    embeds: Option<Option<Vec<Value>>>,
    /// An old form that some libraries still send.
    embed: Option<Value>,
    allowed_mentions: Option<AllowedMentions>,
    message_reference: Option<Reference>,
    poll: Option<PollDraft>,
    #[serde(default, deserialize_with = "some")]
    components: Option<Option<Vec<Value>>>,
    flags: Option<u64>,
    sticker_ids: Option<Vec<StickerId>>,
    #[serde(default, deserialize_with = "some")]
    attachments: Option<Option<Vec<AttachmentMeta>>>,
    /// Under which name a webhook speaks this once.
    #[serde(default)]
    pub username: Option<String>,
    /// Where the picture is that it shows this once.
    #[serde(default)]
    pub avatar_url: Option<String>,
    /// The post that a webhook makes of it in a forum.
    #[serde(default)]
    pub thread_name: Option<String>,
    /// Tags of that post.
    #[serde(default)]
    pub applied_tags: Option<Vec<TagId>>,
}

/// The message that one answers.
#[derive(Deserialize, Debug, Clone)]
struct Reference {
    message_id: Option<MessageId>,
    channel_id: Option<ChannelId>,
    fail_if_not_exists: Option<bool>,
    #[serde(rename = "type", default)]
    kind: Option<u8>,
}

/// What a client says of a file: of a new one by its number in the form, of a kept one by its id.
#[derive(Deserialize, Debug, Clone)]
struct AttachmentMeta {
    id: Value,
    filename: Option<String>,
    #[serde(default, deserialize_with = "some")]
    description: Option<Option<String>>,
    title: Option<String>,
    is_spoiler: Option<bool>,
    /// Of voice messages.
    duration_secs: Option<f64>,
    waveform: Option<String>,
}

/// A message that may be said, if its sender may say it.
#[derive(Default)]
pub(in crate::rest) struct MessageDraft {
    pub content: String,
    pub embeds: Vec<Embed>,
    pub components: Vec<Value>,
    /// Of those flags that a sender may set.
    pub flags: u64,
    /// To be seen by one person alone; answers of bots may be.
    pub ephemeral: bool,
    pub tts: bool,
    pub nonce: Option<Nonce>,
    pub reply: Option<Reply>,
    pub forward: Option<Forward>,
    pub poll: Option<PollDraft>,
    pub stickers: Vec<StickerId>,
    pub allowed_mentions: Option<AllowedMentions>,
    pub files: Vec<NewFile>,
}

/// How a client recognises its own message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rest) struct Nonce {
    pub text: String,
    /// The same nonce again is answered with the earlier message.
    pub enforced: bool,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rest) struct Reply {
    pub message: MessageId,
    /// Whether it must still be there; else the message is sent as no reply.
    pub must_exist: bool,
}

/// A change of a message; what is absent stays.
#[derive(Default)]
pub(in crate::rest) struct MessagePatch {
    pub content: Option<String>,
    pub embeds: Option<Vec<Embed>>,
    pub components: Option<Vec<Value>>,
    /// SUPPRESS_EMBEDS, as it is to be.
    pub suppress_embeds: Option<bool>,
    /// Becomes a message of components of version 2.
    pub modern: bool,
    pub allowed_mentions: Option<AllowedMentions>,
    /// Which files stay, and their new descriptions; all stay when absent.
    pub kept: Option<Vec<Kept>>,
    pub files: Vec<NewFile>,
}

/// A file that stays on an edited message.
pub(in crate::rest) struct Kept {
    pub id: AttachmentId,
    /// Its new description, if it is to change.
    pub description: Option<Option<String>>,
}

impl MessagePatch {
    /// Whether nothing but SUPPRESS_EMBEDS changes: a moderator may do that.
    pub(in crate::rest) const fn is_only_flags(&self) -> bool {
        self.content.is_none()
            && self.embeds.is_none()
            && self.components.is_none()
            && self.kept.is_none()
            && self.files.is_empty()
            && self.suppress_embeds.is_some()
    }
}

/// Collapse of link previews (Discord: Message Flags).
pub(in crate::rest) const SUPPRESS_EMBEDS: u64 = 1 << 2;
/// A recording is all that it is.
pub(in crate::rest) const VOICE_MESSAGE: u64 = 1 << 13;
/// No push notification.
const SUPPRESS_NOTIFICATIONS: u64 = 1 << 12;
/// Seen by one person alone.
pub(in crate::rest) const EPHEMERAL: u64 = 1 << 6;
/// The bot thinks; what it says is still to come.
pub(in crate::rest) const LOADING: u64 = 1 << 7;
/// Components replace text and embeds.
pub(in crate::rest) const COMPONENTS_V2: u64 = 1 << 15;

impl Body {
    /// The message that the body describes, in `channel`.
    ///
    /// # Errors
    ///
    /// 50035 with all faults, 50006 when there is nothing in it.
    pub(in crate::rest) fn draft(
        self,
        files: Vec<File>,
        channel: ChannelId,
    ) -> Result<MessageDraft, ApiError> {
        let mut errors = FormErrors::default();
        let metas = self.attachments.flatten().unwrap_or_default();
        check_metas(&metas, &mut errors);
        for (number, meta) in metas.iter().enumerate() {
            if !files.iter().any(|file| meta.number() == Some(file.number)) {
                errors.push(
                    &format!("attachments.{number}.id"),
                    "MESSAGE_ATTACHMENT_NOT_FOUND",
                    "There is no file of that number.",
                );
            }
        }
        let own = SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS | COMPONENTS_V2 | VOICE_MESSAGE;
        let flags = self.flags.unwrap_or(0) & own;
        let forward = self.message_reference.as_ref().and_then(|one| forward(one, channel));
        let reference = self.message_reference.filter(|_| forward.is_none());
        let mut draft = MessageDraft {
            content: text(self.content.flatten(), &mut errors),
            embeds: embed_list(self.embeds, self.embed, &mut errors).unwrap_or_default(),
            components: self.components.flatten().unwrap_or_default(),
            flags,
            ephemeral: self.flags.unwrap_or(0) & EPHEMERAL != 0,
            tts: self.tts.unwrap_or(false),
            nonce: nonce(self.nonce, self.enforce_nonce.unwrap_or(false), &mut errors),
            reply: reply(reference, channel, &mut errors),
            forward,
            poll: self.poll,
            stickers: self.sticker_ids.unwrap_or_default(),
            allowed_mentions: self.allowed_mentions,
            files: files.into_iter().map(|file| described(file, &metas)).collect(),
        };
        let modern = flags & COMPONENTS_V2 != 0;
        components::check(&draft.components, modern, &mut errors);
        components::number(&mut draft.components);
        if modern && !(draft.content.is_empty() && draft.embeds.is_empty()) {
            errors.push(
                "content",
                "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                "The 'content' and 'embeds' fields cannot be used with components of version 2.",
            );
        }
        if let Some(allowed) = &draft.allowed_mentions {
            allowed.check(&mut errors);
        }
        if let Some(poll) = &draft.poll {
            poll.check(&mut errors);
        }
        if draft.stickers.len() > limits::MESSAGE_STICKERS {
            let message = format!("Must be {} or fewer in length.", limits::MESSAGE_STICKERS);
            errors.push("sticker_ids", "BASE_TYPE_MAX_LENGTH", message);
        }
        if draft.forward.is_some() && !draft.is_bare() {
            errors.push(
                "message_reference",
                "MESSAGE_FORWARD_CANNOT_HAVE_CONTENT",
                "A forward carries nothing of its own.",
            );
        }
        errors.finish()?;
        if flags & VOICE_MESSAGE != 0 {
            draft.check_voice()?;
        }
        if draft.is_empty() { Err(ErrorCode::EmptyMessage.into()) } else { Ok(draft) }
    }

    /// The change that the body describes.
    ///
    /// # Errors
    ///
    /// 50035 with all faults.
    pub(in crate::rest) fn patch(self, files: Vec<File>) -> Result<MessagePatch, ApiError> {
        let mut errors = FormErrors::default();
        let metas = self.attachments.flatten();
        check_metas(metas.as_deref().unwrap_or_default(), &mut errors);
        let given = metas.as_deref().unwrap_or_default();
        let new =
            |meta: &AttachmentMeta| files.iter().any(|file| meta.number() == Some(file.number));
        let kept = metas.as_ref().map(|metas| {
            let kept = metas.iter().filter(|meta| !new(meta));
            kept.filter_map(|meta| {
                let id = meta.number().and_then(Id::new_checked)?;
                Some(Kept { id, description: meta.description.clone() })
            })
            .collect()
        });
        let modern = self.flags.is_some_and(|flags| flags & COMPONENTS_V2 != 0);
        let mut patch = MessagePatch {
            content: self.content.map(|content| text(content, &mut errors)),
            embeds: embed_list(self.embeds, self.embed, &mut errors),
            components: self.components.map(Option::unwrap_or_default),
            suppress_embeds: self.flags.map(|flags| flags & SUPPRESS_EMBEDS != 0),
            modern,
            allowed_mentions: self.allowed_mentions,
            kept,
            files: files.iter().map(|file| described(file.clone(), given)).collect(),
        };
        if let Some(list) = &mut patch.components {
            // Rows alone fit in both kinds of messages.
            let rows = |list: &[Value]| list.iter().all(|one| one["type"] == components::kind::ROW);
            components::check(list, modern || !rows(list), &mut errors);
            components::number(list);
        }
        if let Some(allowed) = &patch.allowed_mentions {
            allowed.check(&mut errors);
        }
        errors.finish()?;
        Ok(patch)
    }
}

impl MessageDraft {
    /// Refuses a forward: what is said through a webhook, or in answer to an interaction, is its own.
    /// Nor does it carry stickers.
    pub(in crate::rest) fn unforwarded(mut self) -> Result<Self, ApiError> {
        if self.forward.is_none() {
            self.stickers.clear();
            return if self.is_empty() { Err(ErrorCode::EmptyMessage.into()) } else { Ok(self) };
        }
        Err(ApiError::Form(FormErrors::one(
            "message_reference.type",
            "BASE_TYPE_CHOICES",
            "Value must be one of (0,): nothing is forwarded so.",
        )))
    }

    /// Whether there is nothing to be said.
    fn is_empty(&self) -> bool {
        is_blank(&self.content)
            && self.embeds.is_empty()
            && self.components.is_empty()
            && self.files.is_empty()
            && self.poll.is_none()
            && self.stickers.is_empty()
            && self.forward.is_none()
    }

    /// Whether it has no text, embeds, components, poll, stickers and files.
    fn is_bare(&self) -> bool {
        self.content.is_empty()
            && self.embeds.is_empty()
            && self.components.is_empty()
            && self.poll.is_none()
            && self.stickers.is_empty()
            && self.files.is_empty()
    }

    /// A voice message is one recording, of which its client says how it looks, and nothing else
    /// (Discord: Voice Messages).
    fn check_voice(&self) -> Result<(), ErrorCode> {
        let alone = self.content.is_empty()
            && self.embeds.is_empty()
            && self.components.is_empty()
            && self.stickers.is_empty()
            && self.poll.is_none();
        if !alone {
            return Err(ErrorCode::VoiceMessageAlone);
        }
        let [file] = &self.files[..] else { return Err(ErrorCode::VoiceMessageFile) };
        if !file.claimed.as_deref().is_some_and(|claimed| claimed.starts_with("audio/")) {
            return Err(ErrorCode::VoiceMessageFile);
        }
        let described =
            file.duration_secs.is_some_and(|seconds| (0.0..=MAX_SECONDS).contains(&seconds))
                && file.waveform.as_ref().is_some_and(|shape| shape.len() <= WAVEFORM);
        if described { Ok(()) } else { Err(ErrorCode::VoiceMessageMetadata) }
    }
}

impl AttachmentMeta {
    /// The number or snowflake, which clients send as either.
    fn number(&self) -> Option<u64> {
        self.id.as_u64().or_else(|| self.id.as_str()?.parse().ok())
    }
}

/// Whether a text shows nothing. Discord trims what it stores; we store every byte as it came.
pub(in crate::rest) fn is_blank(content: &str) -> bool {
    content.trim().is_empty()
}

fn text(content: Option<String>, errors: &mut FormErrors) -> String {
    let content = content.unwrap_or_default();
    if content.chars().count() > limits::CONTENT_LENGTH {
        too_long("content", limits::CONTENT_LENGTH, errors);
    }
    content
}

fn embed_list(
    list: Option<Option<Vec<Value>>>,
    single: Option<Value>,
    errors: &mut FormErrors,
) -> Option<Vec<Embed>> {
    let list = match (list, single) {
        (Some(list), _) => list.unwrap_or_default(),
        (None, single) => vec![single?],
    };
    Some(embeds::parse(&list, errors))
}

fn nonce(nonce: Option<Value>, enforced: bool, errors: &mut FormErrors) -> Option<Nonce> {
    let text = match nonce? {
        Value::String(text) => text,
        Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
        _ => {
            errors.push("nonce", "NONCE_TYPE_INVALID", "Must be a string or an integer.");
            return None;
        }
    };
    if text.chars().count() > limits::NONCE_LENGTH {
        too_long("nonce", limits::NONCE_LENGTH, errors);
    }
    Some(Nonce { text, enforced }).filter(|nonce| !nonce.text.is_empty())
}

/// The message that a reference of type 1 is to forward.
fn forward(reference: &Reference, here: ChannelId) -> Option<Forward> {
    let message = reference.message_id.filter(|_| reference.kind == Some(1))?;
    Some(Forward { channel: reference.channel_id.unwrap_or(here), message })
}

fn reply(
    reference: Option<Reference>,
    channel: ChannelId,
    errors: &mut FormErrors,
) -> Option<Reply> {
    let reference = reference?;
    if reference.kind.unwrap_or(0) > 1 {
        let message = "Value must be one of (0, 1).";
        errors.push("message_reference.type", "BASE_TYPE_CHOICES", message);
    }
    if reference.channel_id.is_some_and(|other| other != channel) {
        errors.push(
            "message_reference",
            "REPLIES_CANNOT_REPLY_TO_OTHER_CHANNEL",
            "Cannot reply to a message in a different channel",
        );
    }
    let message = reference.message_id?;
    Some(Reply { message, must_exist: reference.fail_if_not_exists.unwrap_or(true) })
}

fn check_metas(metas: &[AttachmentMeta], errors: &mut FormErrors) {
    if metas.len() > limits::ATTACHMENTS {
        too_long("attachments", limits::ATTACHMENTS, errors);
    }
    for (number, meta) in metas.iter().enumerate().take(limits::ATTACHMENTS) {
        let texts = [
            ("filename", meta.filename.as_deref(), FILENAME_LENGTH),
            ("title", meta.title.as_deref(), ATTACHMENT_TITLE_LENGTH_MAX),
            (
                "description",
                meta.description.as_ref().and_then(Option::as_deref),
                ATTACHMENT_DESCIPTION_LENGTH_MAX,
            ),
        ];
        for (field, text, most) in texts {
            if text.is_some_and(|text| text.chars().count() > most) {
                too_long(&format!("attachments.{number}.{field}"), most, errors);
            }
        }
    }
}

fn described(file: File, metas: &[AttachmentMeta]) -> NewFile {
    let number = file.number;
    let mut file = NewFile::from(file);
    let Some(meta) = metas.iter().find(|meta| meta.number() == Some(number)) else { return file };
    if let Some(name) = meta.filename.clone().filter(|name| !name.is_empty()) {
        file.name = name;
    }
    if meta.is_spoiler == Some(true) && !file.name.starts_with(SPOILER) {
        file.name.insert_str(0, SPOILER);
    }
    file.description = meta.description.clone().flatten().filter(|text| !text.is_empty());
    file.title = meta.title.clone().filter(|title| !title.is_empty());
    file.duration_secs = meta.duration_secs;
    file.waveform.clone_from(&meta.waveform);
    file
}

fn too_long(path: &str, most: usize, errors: &mut FormErrors) {
    errors.push(path, "BASE_TYPE_MAX_LENGTH", format!("Must be {most} or fewer in length."));
}

/// Longest file name of a client, in characters (OpenAPI: MessageAttachmentRequest).
const FILENAME_LENGTH: usize = 1_024;
/// Longest recording of a voice message, in seconds: a day.
const MAX_SECONDS: f64 = 86_400.0;
/// Longest waveform, in characters: 256 bytes in base64 (Discord: Voice Messages).
const WAVEFORM: usize = 400;
/// What clients blur (Discord: Uploading Files).
const SPOILER: &str = "SPOILER_";

impl std::fmt::Debug for MessageDraft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What people say is nobody's business in a log.
        f.debug_struct("MessageDraft").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use serde_json::json;

    use super::*;

    const HERE: ChannelId = ChannelId::new(5);

    fn body(json: Value) -> Body {
        serde_json::from_value(json).unwrap()
    }

    fn file(number: u64, name: &str) -> File {
        File { number, name: name.to_owned(), content_type: None, bytes: Bytes::from_static(b"x") }
    }

    fn draft(json: Value) -> Result<MessageDraft, ApiError> {
        body(json).draft(Vec::new(), HERE)
    }

    fn faults(result: Result<MessageDraft, ApiError>) -> Value {
        match result {
            Err(ApiError::Form(errors)) => errors.tree(),
            other => panic!("expected 50035, got {other:?}"),
        }
    }

    #[test]
    fn content_of_2000_characters_passes_and_one_more_does_not() {
        assert!(draft(json!({ "content": "é".repeat(2_000) })).is_ok());

        let faults = faults(draft(json!({ "content": "é".repeat(2_001) })));

        assert_eq!(
            faults["content"]["_errors"][0],
            json!({
                "code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 2000 or fewer in length."
            })
        );
    }

    #[test]
    fn a_message_without_anything_in_it_is_empty() {
        for body in [
            json!({}),
            json!({ "content": "" }),
            json!({ "content": null, "embeds": null, "components": null, "attachments": null }),
            json!({ "content": " \n\t\u{3000}" }),
            json!({ "content": "", "embeds": [], "sticker_ids": [] }),
        ] {
            let result = draft(body.clone());
            assert!(matches!(result, Err(ApiError::Code(ErrorCode::EmptyMessage))), "{body}");
        }
        assert!(draft(json!({ "embeds": [{ "title": "t" }] })).is_ok());
        assert!(draft(json!({ "embed": { "title": "t" } })).is_ok());
        assert!(body(json!({})).draft(vec![file(0, "a")], HERE).is_ok());
    }

    #[test]
    fn content_is_kept_byte_for_byte() {
        let content = " \u{202e}a\0b\r\n\u{feff} ";

        assert_eq!(draft(json!({ "content": content })).unwrap().content, content);
    }

    #[test]
    fn a_nonce_is_a_short_string_or_an_integer() {
        let nonce = |value: Value| {
            let draft = draft(json!({ "content": "x", "nonce": value }));
            draft.map(|draft| draft.nonce.map(|nonce| nonce.text))
        };

        assert_eq!(nonce(json!("n".repeat(25))).unwrap().as_deref(), Some(&*"n".repeat(25)));
        assert_eq!(nonce(json!(-12)).unwrap().as_deref(), Some("-12"));
        assert_eq!(nonce(json!(u64::MAX)).unwrap().as_deref(), Some("18446744073709551615"));
        assert_eq!(nonce(Value::Null).unwrap(), None);
        for bad in [json!("n".repeat(26)), json!({}), json!(1.5), json!(true), json!([])] {
            assert!(nonce(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn senders_set_only_their_flags() {
        let draft =
            draft(json!({ "content": "x", "flags": u64::MAX ^ COMPONENTS_V2 ^ VOICE_MESSAGE }))
                .unwrap();

        assert_eq!(draft.flags, SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS);
    }

    #[test]
    fn only_messages_of_the_same_channel_are_answered() {
        let reference = |reference: Value| {
            draft(json!({
                "content": "x", "message_reference": reference
            }))
        };

        let reply = reference(json!({ "message_id": 9, "channel_id": "5" })).unwrap().reply;
        assert_eq!(reply, Some(Reply { message: MessageId::new(9), must_exist: true }));
        let loose = reference(json!({ "message_id": "9", "fail_if_not_exists": false })).unwrap();
        assert!(!loose.reply.unwrap().must_exist);
        let elsewhere = faults(reference(json!({ "message_id": "9", "channel_id": "6" })));
        assert!(elsewhere["message_reference"]["_errors"].is_array());
        let other = faults(reference(json!({ "message_id": "9", "type": 2 })));
        assert!(other["message_reference"]["type"]["_errors"].is_array());
        let mixed = faults(reference(json!({ "message_id": "9", "channel_id": "6", "type": 1 })));
        assert!(mixed["message_reference"]["_errors"].is_array(), "a forward has no content");
    }

    #[test]
    fn files_are_described_by_their_number() {
        let body = body(json!({ "attachments": [
            { "id": "1", "filename": "b.txt", "description": "two", "is_spoiler": true },
            { "id": 0, "title": "One" },
        ]}));

        let draft = body.draft(vec![file(0, "a"), file(1, "b")], HERE).unwrap();

        assert_eq!(draft.files[0].name, "a");
        assert_eq!(draft.files[0].title.as_deref(), Some("One"));
        assert_eq!(draft.files[1].name, "SPOILER_b.txt");
        assert_eq!(draft.files[1].description.as_deref(), Some("two"));
    }

    #[test]
    fn a_description_without_its_file_is_a_fault() {
        let body = body(json!({ "content": "x", "attachments": [{ "id": 3 }] }));

        let faults = faults(body.draft(vec![file(0, "a")], HERE));

        assert!(faults["attachments"]["0"]["id"]["_errors"].is_array());
    }

    #[test]
    fn components_of_version_2_stand_alone() {
        let text = json!([{ "type": 10, "content": "t" }]);
        let flags = COMPONENTS_V2;

        assert!(draft(json!({ "flags": flags, "components": text })).is_ok());
        let mixed = draft(json!({ "flags": flags, "components": text, "content": "x" }));
        assert!(faults(mixed)["content"]["_errors"].is_array());
    }

    #[test]
    fn a_patch_tells_what_is_absent_from_what_is_null() {
        let patch = |json| body(json).patch(vec![file(0, "new")]).unwrap();

        let nothing = body(json!({ "flags": 4 })).patch(Vec::new()).unwrap();
        assert!(nothing.is_only_flags() && nothing.suppress_embeds == Some(true));
        assert!(nothing.content.is_none() && nothing.kept.is_none());
        let cleared = patch(json!({ "content": null, "embeds": null, "components": null }));
        assert_eq!(cleared.content.as_deref(), Some(""));
        assert_eq!(cleared.embeds.map(|embeds| embeds.len()), Some(0));
        let kept = patch(json!({ "attachments": [{ "id": "77" }, { "id": 0, "filename": "n" }] }));
        assert_eq!(kept.kept.unwrap().iter().map(|kept| kept.id.get()).collect::<Vec<_>>(), [77]);
        assert_eq!(kept.files[0].name, "n");
        for other in
            [json!({ "flags": 4, "attachments": [] }), json!({ "flags": 4, "components": [] })]
        {
            assert!(!body(other.clone()).patch(Vec::new()).unwrap().is_only_flags(), "{other}");
        }
    }
}

//! Pictures of guilds and people: out of a data URI, checked by their bytes, kept under a hash.
//!
//! Nothing is decoded or made smaller: what is served is what was given, up to where the picture
//! ends. Who may change which picture is the caller's business.

use std::sync::LazyLock;

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::id::ChannelId;
use model::id::EmojiId;
use model::id::GuildId;
use model::id::ScheduledEventId;
use model::id::UserId;
use model::limits;
use sha2::Digest as _;
use sha2::Sha256;
use tokio::sync::Mutex;
use tokio::sync::MutexGuard;

use super::image;
use super::whole;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::error::FormErrors;

/// Whose picture it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A guild: its icon.
    Guild(GuildId),
    /// A person or a bot: their avatar.
    User(UserId),
    /// A scheduled event: its cover.
    Event(ScheduledEventId),
    /// A group of people: its icon.
    Group(ChannelId),
    /// An emoji, whose picture never changes.
    Emoji(EmojiId),
}

/// An id whose pictures are found by it and their hash.
macro_rules! owners {
    ($($id:ident => $owner:ident),*) => {
        $(impl From<$id> for Owner {
            fn from(id: $id) -> Self {
                Self::$owner(id)
            }
        })*
    };
}

owners!(GuildId => Guild, UserId => User, ScheduledEventId => Event, ChannelId => Group);

impl Owner {
    /// Where the picture of that hash is kept.
    pub(super) fn key(self, hash: &str) -> String {
        match self {
            Self::Guild(guild) => format!("icons/{guild}/{hash}"),
            Self::User(user) => format!("avatars/{user}/{hash}"),
            Self::Event(event) => format!("guild-events/{event}/{hash}"),
            Self::Group(channel) => format!("channel-icons/{channel}/{hash}"),
            Self::Emoji(emoji) => format!("emojis/{emoji}"),
        }
    }
}

/// A picture that may be shown, not yet kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    /// Names it for ever: 32 hexadecimal digits of its SHA-256, after `a_` when it moves.
    pub hash: String,
    bytes: Bytes,
}

impl Picture {
    /// Reads what a client sends (Discord: Reference/Image Data). The type that it claims is
    /// passed over.
    ///
    /// # Errors
    ///
    /// [`ApiError::Form`] at `field`: no data URI, no whole PNG, JPEG, GIF or WebP, too many bytes
    /// or pixels.
    pub(crate) fn read(field: &str, uri: &str) -> Result<Self, ApiError> {
        Self::parse(uri).map_err(|(code, message)| {
            ApiError::Form(FormErrors::one(field, code, message.to_owned()))
        })
    }

    /// The picture of a whole file; `None` as [`read`](Self::read) fails.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        Self::whole(bytes.to_vec()).ok()
    }

    /// Whether it moves.
    pub(crate) fn moves(&self) -> bool {
        self.hash.starts_with("a_")
    }

    /// Its size in bytes.
    pub(crate) const fn len(&self) -> usize {
        self.bytes.len()
    }

    fn parse(uri: &str) -> Result<Self, (&'static str, String)> {
        let invalid = || ("IMAGE_INVALID", "Invalid image data".to_owned());
        Self::whole(data(uri).ok_or_else(invalid)?)
    }

    fn whole(mut bytes: Vec<u8>) -> Result<Self, (&'static str, String)> {
        let invalid = || ("IMAGE_INVALID", "Invalid image data".to_owned());
        if bytes.len() > limits::PICTURE {
            let most = limits::PICTURE / 1_024;
            let message = format!("File cannot be larger than {most}.0 kb.");
            return Err(("BINARY_TYPE_MAX_SIZE", message));
        }
        let outline = whole::outline(&bytes).ok_or_else(invalid)?;
        let (width, height) = image::dimensions(&bytes).ok_or_else(invalid)?;
        if (width * height).max(outline.reach) > limits::PICTURE_PIXELS {
            return Err(("IMAGE_INVALID", "Image has too many pixels".to_owned()));
        }
        // Some files go on as something else: an archive, a page, the film of a phone's photo.
        bytes.truncate(outline.end);
        let digest = hex::encode(&Sha256::digest(&bytes)[..16]);
        let moves = if outline.moves { "a_" } else { "" };
        Ok(Self { hash: format!("{moves}{digest}"), bytes: bytes.into() })
    }

    /// Stores the picture, whole or not at all.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub(crate) async fn keep(&self, parts: &Parts, owner: Owner) -> Result<(), ApiError> {
        parts.objects.put(&owner.key(&self.hash), self.bytes.clone()).await?;
        Ok(())
    }
}

/// The bytes of a data URI in base64, whatever type it claims.
pub(super) fn data(uri: &str) -> Option<Vec<u8>> {
    let head = uri.get(..5).filter(|head| head.eq_ignore_ascii_case("data:"));
    let (about, data) = head.and_then(|_| uri[5..].split_once(','))?;
    let base64 = about.to_ascii_lowercase().ends_with(";base64");
    STANDARD.decode(data.trim_ascii()).ok().filter(|_| base64)
}

/// What is to become of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// It stays as it is.
    Keep,
    /// There is to be none.
    Remove,
    /// Another one.
    Set(Picture),
}

impl Wish {
    /// Reads the field of a request: not there, null or empty, or a data URI. The hash that the
    /// picture has now is how clients say that it stays.
    ///
    /// # Errors
    ///
    /// As [`Picture::read`].
    pub(crate) fn read(
        field: &str,
        sent: Option<Option<String>>,
        now: Option<&str>,
    ) -> Result<Self, ApiError> {
        Ok(match sent {
            None => Self::Keep,
            Some(None) => Self::Remove,
            Some(Some(text)) if text.is_empty() => Self::Remove,
            Some(Some(text)) if Some(text.as_str()) == now => Self::Keep,
            Some(Some(uri)) => Self::Set(Picture::read(field, &uri)?),
        })
    }

    /// Stores the new picture, if there is one, and tells the hash to note: `None` when nothing
    /// is to change.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub(crate) async fn keep(
        &self,
        parts: &Parts,
        owner: Owner,
    ) -> Result<Option<Option<String>>, ApiError> {
        match self {
            Self::Keep => Ok(None),
            Self::Remove => Ok(Some(None)),
            Self::Set(picture) => {
                picture.keep(parts, owner).await?;
                Ok(Some(Some(picture.hash.clone())))
            }
        }
    }
}

/// Keeps the picture of `from` of that hash as one of `to` too; its hash, if it could be had: nothing
/// fails for want of a picture.
pub(crate) async fn copy(parts: &Parts, from: Owner, hash: &str, to: Owner) -> Option<String> {
    let size = parts.objects.size(&from.key(hash)).await.ok()??;
    let bytes = parts.objects.read(&from.key(hash), 0..size).await.ok()?;
    parts.objects.put(&to.key(hash), bytes).await.ok()?;
    Some(hash.to_owned())
}

/// Removes the picture `old` if it is not the one that is shown now. What fails is logged.
pub(crate) async fn forget(parts: &Parts, owner: Owner, old: Option<&str>, now: Option<&str>) {
    let Some(old) = old.filter(|_| old != now) else { return };
    let key = owner.key(old);
    if let Err(error) = parts.objects.remove(&key).await {
        tracing::warn!(%error, key, "a picture that nothing shows stays in the store");
    }
}

/// Held from keeping a new picture to removing the old one: of two changes at once, the second
/// must not find its picture removed as the first one's old.
pub(crate) async fn changing() -> MutexGuard<'static, ()> {
    static CHANGING: LazyLock<Mutex<()>> = LazyLock::new(Mutex::default);
    CHANGING.lock().await
}

/// Whether a name of the CDN's can be a hash of ours.
pub(super) fn is_hash(name: &str) -> bool {
    let plain = name.strip_prefix("a_").unwrap_or(name);
    plain.len() == 32 && plain.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A GIF of one pixel.
    const GIF: &[u8] = b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0;";

    fn uri(kind: &str, bytes: &[u8]) -> String {
        format!("data:{kind};base64,{}", STANDARD.encode(bytes))
    }

    fn refusal(uri: &str) -> &'static str {
        Picture::parse(uri).expect_err("it is no picture").0
    }

    #[test]
    fn the_bytes_say_what_it_is_and_the_claim_does_not() {
        let picture = Picture::parse(&uri("image/png", GIF)).unwrap();

        assert_eq!(picture.bytes, GIF);
        assert!(is_hash(&picture.hash) && !picture.hash.starts_with("a_"), "{}", picture.hash);
        assert_eq!(Picture::parse(&uri("text/html", GIF)).unwrap(), picture);
        assert_eq!(refusal(&uri("image/gif", b"<svg/>")), "IMAGE_INVALID");
    }

    #[test]
    fn what_comes_after_a_picture_is_cut_off() {
        let longer = [GIF, b"PK\x03\x04<script>"].concat();

        assert_eq!(Picture::parse(&uri("image/gif", &longer)).unwrap().bytes, GIF);
    }

    #[test]
    fn more_bytes_or_pixels_than_the_limit_are_refused() {
        let mut wide = GIF.to_vec();
        wide[6..10].copy_from_slice(&[0xff; 4]);
        let heavy = vec![0; limits::PICTURE + 1];

        assert_eq!(refusal(&uri("image/gif", &wide)), "IMAGE_INVALID");
        assert_eq!(refusal(&uri("image/gif", &heavy)), "BINARY_TYPE_MAX_SIZE");
    }

    #[test]
    fn what_is_no_data_uri_is_refused() {
        for text in
            ["", "data", "data:", "data:,", "data:image/gif,R0lG", "https://a.example/x.png", "é"]
        {
            assert_eq!(refusal(text), "IMAGE_INVALID", "{text:?}");
        }
        assert_eq!(refusal("data:image/gif;base64,R0l*"), "IMAGE_INVALID");
    }
}

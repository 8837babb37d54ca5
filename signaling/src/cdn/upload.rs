//! What a message brings: named safely, typed by its bytes, stored whole; and taken away again.

use axum::body::Bytes;
use model::id::AttachmentId;
use model::id::ChannelId;
use model::wire::channel::Attachment;

use super::image;
use super::kind;
use crate::parts::Parts;
use crate::rest::ApiError;

/// A file that is to become an attachment.
pub(crate) struct NewFile {
    /// The name that the client gave it.
    pub name: String,
    /// Alternative text.
    pub description: Option<String>,
    /// A name to show, free of the rules of file names.
    pub title: Option<String>,
    /// The type that the client says it has.
    pub claimed: Option<String>,
    /// How long a recording is, as its client says.
    pub duration_secs: Option<f64>,
    /// How loud it is over its time, in base64, as its client says.
    pub waveform: Option<String>,
    /// Its bytes.
    pub bytes: Bytes,
}

/// Stores files, all or none. The `url` of the answer is a path: whoever shows it signs it.
///
/// # Errors
///
/// Storage errors.
pub(crate) async fn store(
    parts: &Parts,
    channel: ChannelId,
    files: Vec<NewFile>,
) -> Result<Vec<Attachment>, ApiError> {
    let mut stored = Vec::with_capacity(files.len());
    for file in files {
        let id = parts.ids.next();
        let bytes = file.bytes.clone();
        stored.push(describe(channel, id, file));
        if let Err(error) = parts.objects.put(&key(channel, id), bytes).await {
            remove(parts, &stored).await;
            return Err(error.into());
        }
    }
    Ok(stored)
}

/// Removes the files of a message that is gone or was never there. What fails is logged: nothing
/// shows it any more.
pub(crate) async fn remove(parts: &Parts, attachments: &[Attachment]) {
    for attachment in attachments {
        let Some(key) = key_of(attachment) else { continue };
        if let Err(error) = parts.objects.remove(&key).await {
            tracing::warn!(%error, key, "a file that nothing shows stays in the store");
        }
    }
}

fn describe(channel: ChannelId, id: AttachmentId, file: NewFile) -> Attachment {
    let filename = safe_name(&file.name);
    let (width, height) = image::dimensions(&file.bytes).unzip();
    let path = format!("/attachments/{channel}/{id}/{filename}");
    // A name that could not be kept is still told to people (Discord does so too).
    let told = || (filename != file.name && !file.name.is_empty()).then(|| file.name.clone());
    Attachment {
        content_type: kind::of_upload(&file.bytes, file.claimed.as_deref()),
        ephemeral: false,
        duration_secs: file.duration_secs,
        flags: None,
        description: file.description,
        height,
        id,
        placeholder: None,
        placeholder_version: None,
        proxy_url: path.clone(),
        size: file.bytes.len() as u64,
        title: file.title.or_else(told),
        url: path,
        waveform: file.waveform,
        width,
        filename,
    }
}

/// Where a file is kept; its name is no part of it, so no name can lead elsewhere.
pub(super) fn key(channel: ChannelId, id: AttachmentId) -> String {
    format!("attachments/{channel}/{id}")
}

/// Where an attachment of a record is kept.
fn key_of(attachment: &Attachment) -> Option<String> {
    let mut path = attachment.url.strip_prefix("/attachments/")?.split('/');
    let channel = path.next()?.parse().ok()?;
    Some(key(channel, attachment.id))
}

/// A name of letters, digits, dots, dashes and underscores, as Discord makes them.
fn safe_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' };
    let safe: String = name.chars().map(plain).collect();
    let safe = safe.trim_start_matches('.');
    if safe.is_empty() {
        return "file".to_owned();
    }
    if safe.len() <= NAME_LENGTH {
        return safe.to_owned();
    }
    // The end tells programs what it is.
    let extension = safe.rfind('.').map(|dot| &safe[dot..]).filter(|end| end.len() <= 16);
    let extension = extension.unwrap_or_default();
    format!("{}{extension}", &safe[..NAME_LENGTH - extension.len()])
}

/// Longest name kept, in bytes; file systems of clients hold 255.
const NAME_LENGTH: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> NewFile {
        let bytes = Bytes::from_static(b"x");
        NewFile {
            name: name.to_owned(),
            description: None,
            title: None,
            claimed: None,
            duration_secs: None,
            waveform: None,
            bytes,
        }
    }

    #[test]
    fn no_name_leads_out_of_its_folder() {
        for (name, safe) in [
            ("../../etc/passwd", "_.._etc_passwd"),
            ("..\\..\\win.ini", "_.._win.ini"),
            ("map of the road.bin", "map_of_the_road.bin"),
            ("...", "file"),
            ("", "file"),
            ("a\0\r\n\"b", "a____b"),
            ("%2e%2e%2fx", "_2e_2e_2fx"),
            ("フォト.png", "___.png"),
        ] {
            assert_eq!(safe_name(name), safe, "{name:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_end() {
        let name = safe_name(&format!("{}.tar.gz", "x".repeat(2_000)));

        assert_eq!(name.len(), NAME_LENGTH);
        assert!(name.ends_with("x.gz"));
        assert_eq!(safe_name(&format!("a.{}", "x".repeat(2_000))).len(), NAME_LENGTH);
    }

    #[test]
    fn a_name_that_cannot_be_kept_is_told_as_the_title() {
        let shown = |name| describe(ChannelId::new(1), AttachmentId::new(2), file(name));

        assert_eq!(shown("a b.txt").title.as_deref(), Some("a b.txt"));
        assert_eq!(shown("ab.txt").title, None);
        assert_eq!(shown("").title, None);
    }

    #[test]
    fn a_record_knows_where_its_file_is() {
        let attachment = describe(ChannelId::new(1), AttachmentId::new(2), file("../x"));

        assert_eq!(key_of(&attachment).as_deref(), Some("attachments/1/2"));
    }
}

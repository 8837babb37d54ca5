//! What a message brings: named safely, typed by its bytes, stored whole.

use axum::body::Bytes;
use model::id::AttachmentId;
use model::id::ChannelId;
use model::wire::channel::Attachment;
use state::repo::ObjectRepo;
use state::repo::RepoError;

use super::kind;

/// A file that is to become an attachment.
pub(crate) struct NewFile {
    /// In which channel.
    pub channel: ChannelId,
    /// Its id.
    pub id: AttachmentId,
    /// The name that the client gave it.
    pub name: String,
    /// Alternative text.
    pub description: Option<String>,
    /// Its bytes.
    pub bytes: Bytes,
}

/// Stores the file. The `url` of the answer is a path: whoever shows it signs it.
pub(crate) async fn store(
    objects: &dyn ObjectRepo,
    file: NewFile,
    claimed: Option<String>,
) -> Result<Attachment, RepoError> {
    let filename = safe_name(&file.name);
    let size = file.bytes.len() as u64;
    let (width, height) = kind::dimensions(&file.bytes).unzip();
    let content_type = kind::of_upload(&file.bytes, claimed.as_deref());
    objects.put(&key(file.channel, file.id), file.bytes).await?;
    let path = format!("/attachments/{}/{}/{filename}", file.channel, file.id);
    Ok(Attachment {
        content_type,
        ephemeral: false,
        duration_secs: None,
        filename,
        flags: None,
        description: file.description.map(|text| text.chars().take(1_024).collect()),
        height,
        id: file.id,
        placeholder: None,
        placeholder_version: None,
        proxy_url: path.clone(),
        size,
        title: None,
        url: path,
        waveform: None,
        width,
    })
}

/// Where the file is kept; the name is no part of it, so no name can lead elsewhere.
pub(super) fn key(channel: ChannelId, id: AttachmentId) -> String {
    format!("attachments/{channel}/{id}")
}

/// A name of letters, digits, dots, dashes and underscores, as Discord makes them.
fn safe_name(name: &str) -> String {
    let safe: String = name
        .chars()
        .take(200)
        .map(|c| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' })
        .collect();
    let safe = safe.trim_start_matches('.');
    if safe.is_empty() { "file".to_owned() } else { safe.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_its_folder() {
        assert_eq!(safe_name("../../etc/passwd"), "_.._etc_passwd");
        assert_eq!(safe_name("map of the road.bin"), "map_of_the_road.bin");
        assert_eq!(safe_name("..."), "file");
        assert_eq!(safe_name("a\0\r\n\"b"), "a____b");
    }
}

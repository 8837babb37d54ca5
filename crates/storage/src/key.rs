//! Which names an object may have. The only guard between a key and the file system.

use state::repo::RepoError;

/// Longest key, in bytes: well under every file system's path limit.
const KEY: usize = 512;
/// Longest segment, in bytes (ext4, APFS and NTFS hold 255).
const SEGMENT: usize = 200;

/// Whether `key` is a relative path of `[A-Za-z0-9._-]` segments that cannot leave its root.
pub(crate) fn is_valid(key: &str) -> bool {
    key.len() <= KEY && key.split('/').all(is_segment)
}

/// What an object is refused with whose key is not valid.
pub(crate) fn invalid() -> RepoError {
    RepoError::Unavailable("the key of the object is not a valid one".to_owned())
}

fn is_segment(segment: &str) -> bool {
    !segment.is_empty()
        && segment.len() <= SEGMENT
        && segment != "."
        && segment != ".."
        && segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_are_keys() {
        for key in ["a", "attachments/1/2/photo.png", "avatars/1/.hidden", "a/...", "A-b_c.0"] {
            assert!(is_valid(key), "{key}");
        }
    }

    #[test]
    fn whatever_could_leave_the_root_is_no_key() {
        for key in [
            "",
            "/",
            "/etc/passwd",
            "a//b",
            "a/",
            "..",
            "../a",
            "a/../b",
            "a/..",
            ".",
            "a/./b",
            "a\\..\\b",
            "a\0b",
            "C:",
            "~tmp/1",
            "a b",
            "é",
            "%2e%2e/a",
        ] {
            assert!(!is_valid(key), "{key:?}");
        }
        assert!(!is_valid(&"a".repeat(SEGMENT + 1)));
        assert!(!is_valid(&"a/".repeat(KEY)));
    }
}

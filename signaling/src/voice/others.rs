//! The others in a session's channel, and op 5 and op 12, which tell of them. Pure.

use model::id::UserId;
use serde_json::Value;
use serde_json::json;

/// Someone else in the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Other {
    pub user: UserId,
    pub ssrc: u32,
    /// The speaking flags that they announced last.
    pub speaking: Option<u64>,
}

/// What happened to someone else in the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// They came, or announced speaking flags.
    Is(Other),
    /// They announced their SSRCs.
    Video(UserId),
    /// They left.
    Left(UserId),
}

impl Other {
    /// Op 5: the flags that they speak with.
    pub(super) fn speaking_payload(&self, flags: u64) -> Value {
        json!({ "user_id": self.user, "ssrc": self.ssrc, "speaking": flags })
    }

    /// Op 12: which SSRC their audio has. Nobody's video is forwarded yet.
    pub(super) fn video_payload(&self) -> Value {
        json!({
            "user_id": self.user,
            "audio_ssrc": self.ssrc,
            "video_ssrc": 0,
            "rtx_ssrc": 0,
            "streams": [],
        })
    }
}

//! The others in a session's channel, and op 5 and op 12, which tell of them. Pure.

use model::id::UserId;
use model::media::Tracks;
use serde_json::Value;
use serde_json::json;

/// Someone else in the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Other {
    pub user: UserId,
    pub ssrc: u32,
    /// The speaking flags that they announced last.
    pub speaking: Option<u64>,
    /// What they show besides.
    pub tracks: Tracks,
}

/// What happened to someone else in the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// They came, or announced speaking flags.
    Is(Other),
    /// They announced what they show.
    Video(Other),
    /// They left.
    Left(UserId),
}

impl Other {
    /// Op 5: the flags that they speak with.
    pub(super) fn speaking_payload(&self, flags: u64) -> Value {
        json!({ "user_id": self.user, "ssrc": self.ssrc, "speaking": flags })
    }

    /// Op 12: under which SSRCs they are heard and seen. The sound of a screen is a stream of its own.
    pub(super) fn video_payload(&self) -> Value {
        let Tracks { camera, screen } = self.tracks;
        let video = if camera { self.ssrc + CAMERA } else { 0 };
        let shown =
            [(camera, "video", CAMERA), (screen, "screen", SCREEN), (screen, "audio", SOUND)];
        let streams = shown.iter().filter(|(is_shown, ..)| *is_shown);
        let streams: Vec<_> = streams
            .map(|(_, kind, number)| {
                let ssrc = self.ssrc + number;
                json!({
                    "type": kind,
                    "rid": "100",
                    "ssrc": ssrc,
                    "rtx_ssrc": ssrc + 1,
                    "quality": 100,
                    "active": true,
                })
            })
            .collect();
        json!({
            "user_id": self.user,
            "audio_ssrc": self.ssrc,
            "video_ssrc": video,
            "rtx_ssrc": if camera { video + 1 } else { 0 },
            "streams": streams,
        })
    }
}

/// Op 15 for whoever shows something: how well anybody wants it. They need not send better.
pub(super) fn wanted_payload(ssrc: u32, camera: u8, screen: u8) -> Value {
    let mut wanted = serde_json::Map::new();
    wanted.insert("any".to_owned(), json!(0));
    wanted.insert((ssrc + CAMERA).to_string(), json!(camera));
    wanted.insert((ssrc + SCREEN).to_string(), json!(screen));
    Value::Object(wanted)
}

/// The streams of a peer, counted from its audio; each is followed by its retransmission. The media
/// wing counts the same way.
const CAMERA: u32 = 1;
const SCREEN: u32 = 3;
const SOUND: u32 = 5;

//! What may be a sticker: PNG, APNG and GIF by their blocks, Lottie by its JSON; nothing is drawn.
//!
//! Pure; any bytes may come in.

use axum::body::Bytes;
use model::error_code::ErrorCode;
use model::id::StickerId;
use model::limits;
use serde_json::Value;
use state::record::StickerFormat;

use super::image;
use super::kind;
use super::whole;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::error::FormErrors;

/// Where a sticker's file is kept.
pub(crate) fn key(id: StickerId, format: StickerFormat) -> String {
    match format {
        StickerFormat::Lottie => format!("stickers/{id}.json"),
        StickerFormat::Png | StickerFormat::Apng | StickerFormat::Gif => format!("stickers/{id}"),
    }
}

/// A sticker's file, checked and not yet kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StickerFile {
    /// What it is.
    pub format: StickerFormat,
    bytes: Bytes,
}

impl StickerFile {
    /// Checks an uploaded file.
    ///
    /// # Errors
    ///
    /// 50035 at `file` when it has too many bytes or pixels, 50046 when it is none of the formats,
    /// Discord's 17000x for what it does not take of Lottie and of time.
    pub(crate) fn read(bytes: Vec<u8>) -> Result<Self, ApiError> {
        if bytes.len() > limits::STICKER {
            let message = "File cannot be larger than 512.0 kb.";
            return Err(ApiError::Form(FormErrors::one("file", "BINARY_TYPE_MAX_SIZE", message)));
        }
        if bytes.trim_ascii_start().first() == Some(&b'{') {
            check_lottie(&bytes)?;
            return Ok(Self { format: StickerFormat::Lottie, bytes: bytes.into() });
        }
        let moving = match kind::sniff(&bytes) {
            Some("image/png") => StickerFormat::Apng,
            Some("image/gif") => StickerFormat::Gif,
            _ => return Err(ErrorCode::InvalidFile.into()),
        };
        let outline = whole::outline(&bytes).ok_or(ErrorCode::InvalidFile)?;
        let (width, height) = image::dimensions(&bytes).ok_or(ErrorCode::InvalidFile)?;
        let side = u64::from(limits::STICKER_SIDE);
        if width > side || height > side || outline.reach > side * side {
            let message = "Must be 320 by 320 pixels or smaller.";
            return Err(ApiError::Form(FormErrors::one("file", "IMAGE_INVALID", message)));
        }
        if u128::from(outline.length_ms) > limits::STICKER_LENGTH.as_millis() {
            return Err(ErrorCode::StickerTooLong.into());
        }
        let format = match moving {
            StickerFormat::Apng if !outline.moves => StickerFormat::Png,
            format => format,
        };
        // As of pictures: what comes behind is no part of it.
        Ok(Self { format, bytes: Bytes::from(bytes).slice(..outline.end) })
    }

    /// Stores the file, whole or not at all.
    ///
    /// # Errors
    ///
    /// Storage errors.
    pub(crate) async fn keep(&self, parts: &Parts, key: &str) -> Result<(), ApiError> {
        parts.objects.put(key, self.bytes.clone()).await?;
        Ok(())
    }
}

/// An animation of shapes alone, which ends and runs no code.
fn check_lottie(bytes: &[u8]) -> Result<(), ErrorCode> {
    let file: Value = serde_json::from_slice(bytes).map_err(|_| ErrorCode::LottieJson)?;
    let number = |field: &str| file[field].as_f64().ok_or(ErrorCode::LottieJson);
    if !file["layers"].is_array() {
        return Err(ErrorCode::LottieJson);
    }
    let (rate, frames) = (number("fr")?, number("op")? - number("ip")?);
    let side = f64::from(limits::STICKER_SIDE);
    let sides = [number("w")?, number("h")?];
    if sides.iter().any(|length| !(1.0..=side).contains(length)) {
        return Err(ErrorCode::LottieSize);
    }
    if rate > LOTTIE_RATE {
        return Err(ErrorCode::StickerTooFast);
    }
    if rate < 1.0 || frames <= 0.0 {
        return Err(ErrorCode::StickerRate);
    }
    if frames > LOTTIE_FRAMES {
        return Err(ErrorCode::StickerFrames);
    }
    if frames / rate > limits::STICKER_LENGTH.as_secs_f64() {
        return Err(ErrorCode::StickerTooLong);
    }
    let rasters = file["assets"].as_array().into_iter().flatten();
    if rasters.into_iter().any(|asset| asset["p"].is_string() || asset["u"].is_string()) {
        return Err(ErrorCode::LottieRaster);
    }
    if has_code(&file) { Err(ErrorCode::LottieJson) } else { Ok(()) }
}

/// Whether any property is an expression: players run those as scripts.
fn has_code(value: &Value) -> bool {
    match value {
        Value::Object(fields) => {
            fields.get("x").is_some_and(Value::is_string) || fields.values().any(has_code)
        }
        Value::Array(list) => list.iter().any(has_code),
        _ => false,
    }
}

/// Most frames a second of a Lottie (Discord error 170003).
const LOTTIE_RATE: f64 = 60.0;
/// Most frames of a Lottie (Discord error 170004).
const LOTTIE_FRAMES: f64 = 1_000.0;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lottie(fields: &Value) -> Result<(), ErrorCode> {
        let mut file = json!({
            "v": "5.5.2", "fr": 60, "ip": 0, "op": 120, "w": 320, "h": 320, "assets": [],
            "layers": [{ "ty": 4, "ks": { "p": { "k": [1, 2] }, "x": { "k": 3 } } }],
        });
        for (field, value) in fields.as_object().into_iter().flatten() {
            file[field] = value.clone();
        }
        check_lottie(file.to_string().as_bytes())
    }

    #[test]
    fn a_lottie_of_shapes_is_taken_and_what_discord_refuses_is_not() {
        for (fields, outcome) in [
            (json!({}), Ok(())),
            (json!({ "layers": null }), Err(ErrorCode::LottieJson)),
            (json!({ "fr": "60" }), Err(ErrorCode::LottieJson)),
            (json!({ "assets": [{ "id": "a", "layers": [] }] }), Ok(())),
            (json!({ "assets": [{ "p": "a.png" }] }), Err(ErrorCode::LottieRaster)),
            (json!({ "w": 321 }), Err(ErrorCode::LottieSize)),
            (json!({ "h": 0 }), Err(ErrorCode::LottieSize)),
            (json!({ "fr": 61 }), Err(ErrorCode::StickerTooFast)),
            (json!({ "fr": 0.5 }), Err(ErrorCode::StickerRate)),
            (json!({ "ip": 120 }), Err(ErrorCode::StickerRate)),
            (json!({ "op": 1_001 }), Err(ErrorCode::StickerFrames)),
            (json!({ "op": 301 }), Err(ErrorCode::StickerTooLong)),
            (
                json!({ "layers": [{ "ks": { "r": { "k": 0, "x": "var $bm_rt = 1" } } }] }),
                Err(ErrorCode::LottieJson),
            ),
        ] {
            assert_eq!(lottie(&fields), outcome, "{fields}");
        }
        assert_eq!(check_lottie(b"{"), Err(ErrorCode::LottieJson));
    }
}

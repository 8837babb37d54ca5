//! The pictures of those who have none: six colours, drawn once.
//!
//! Libraries build `/embed/avatars/{index}.png` themselves and some decode it, so it is a real PNG.

use std::io::Write as _;
use std::sync::LazyLock;

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse as _;
use axum::response::Response;
use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::png::chunk;
use super::serve;
use crate::rest::ApiError;

/// `GET /embed/avatars/{index}.png`
pub(super) async fn avatar(Path(file): Path<String>) -> Result<Response, ApiError> {
    let index = file.strip_suffix(".png").unwrap_or(&file).parse::<usize>();
    let picture = index.ok().and_then(|index| PICTURES.get(index));
    let picture = picture.ok_or(ApiError::Status(StatusCode::NOT_FOUND))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/png"));
    let cache = HeaderValue::from_static("public, max-age=604800");
    headers.insert(header::CACHE_CONTROL, cache);
    serve::secure(&mut headers);
    Ok((headers, picture.clone()).into_response())
}

static PICTURES: LazyLock<[Bytes; 6]> = LazyLock::new(|| COLORS.map(|color| draw(color).into()));

/// Backgrounds, as red, green, blue.
const COLORS: [[u8; 3]; 6] = [
    [0xb4, 0x55, 0x2d],
    [0x3d, 0x7a, 0x6b],
    [0x8a, 0x6d, 0x1f],
    [0x54, 0x59, 0x9c],
    [0x8c, 0x3f, 0x5e],
    [0x4c, 0x6b, 0x2f],
];
/// Pixels on each side.
const SIDE: u32 = 128;

/// A gabled hall in white on `color`, as a PNG of two palette colours (PNG specification §11).
fn draw(color: [u8; 3]) -> Vec<u8> {
    let mut rows = ZlibEncoder::new(Vec::new(), Compression::best());
    for y in 0..SIDE {
        // Each row begins with its filter: none.
        let mut row = vec![0_u8; 1 + SIDE as usize / 8];
        for x in (0..SIDE).filter(|&x| is_hall(x, y)) {
            row[1 + x as usize / 8] |= 0x80 >> (x % 8);
        }
        rows.write_all(&row).expect("a vector takes all bytes");
    }
    let rows = rows.finish().expect("a vector takes all bytes");
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::new();
    header.extend_from_slice(&SIDE.to_be_bytes());
    header.extend_from_slice(&SIDE.to_be_bytes());
    // One bit per pixel, palette, deflate, adaptive filters, not interlaced.
    header.extend_from_slice(&[1, 3, 0, 0, 0]);
    chunk(&mut png, b"IHDR", &header);
    chunk(&mut png, b"PLTE", &[&color[..], &[0xf4, 0xf1, 0xea]].concat());
    chunk(&mut png, b"IDAT", &rows);
    chunk(&mut png, b"IEND", &[]);
    png
}

/// Whether the pixel is part of the hall: a gable, walls, and a door between them.
fn is_hall(x: u32, y: u32) -> bool {
    let gable = (28..60).contains(&y) && x.abs_diff(SIDE / 2) <= y - 24;
    let walls = (60..102).contains(&y) && x.abs_diff(SIDE / 2) <= 30;
    let door = y >= 72 && x.abs_diff(SIDE / 2) <= 9;
    (gable || walls) && !door
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::cdn::image;

    #[test]
    fn each_placeholder_is_a_whole_png() {
        for picture in PICTURES.iter() {
            assert_eq!(image::dimensions(picture), Some((128, 128)));
            let data = picture.windows(4).position(|kind| kind == b"IDAT").unwrap();
            let mut pixels = Vec::new();
            flate2::read::ZlibDecoder::new(&picture[data + 4..]).read_to_end(&mut pixels).unwrap();
            assert_eq!(pixels.len(), 128 * (1 + 128 / 8));
            assert!(picture.ends_with(b"IEND\xae\x42\x60\x82"));
        }
    }
}

//! Writes a PNG of a few colours, a byte a dot (PNG specification §11).

use std::io::Write as _;

use flate2::Compression;
use flate2::Crc;
use flate2::write::ZlibEncoder;

/// A picture of rows of `width` dots, each the number of a colour of the palette.
///
/// # Panics
///
/// When a side has no dot, or more than 2^32.
#[must_use]
pub(crate) fn palette(width: usize, palette: &[[u8; 3]], dots: &[u8]) -> Vec<u8> {
    let side = |dots: usize| u32::try_from(dots).expect("a picture of ours is small").to_be_bytes();
    let mut rows = ZlibEncoder::new(Vec::new(), Compression::best());
    for row in dots.chunks(width) {
        // Each row begins with its filter: none.
        rows.write_all(&[0]).expect("a vector takes all bytes");
        rows.write_all(row).expect("a vector takes all bytes");
    }
    let rows = rows.finish().expect("a vector takes all bytes");
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let sides = [side(width), side(dots.len() / width)].concat();
    // Eight bits per dot, palette, deflate, adaptive filters, not interlaced.
    chunk(&mut png, b"IHDR", &[&sides[..], &[8, 3, 0, 0, 0]].concat());
    chunk(&mut png, b"PLTE", &palette.concat());
    chunk(&mut png, b"IDAT", &rows);
    chunk(&mut png, b"IEND", &[]);
    png
}

/// Adds a chunk with its length and checksum.
pub(super) fn chunk(png: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    let length = u32::try_from(data.len()).expect("a picture of ours is small");
    png.extend_from_slice(&length.to_be_bytes());
    png.extend_from_slice(kind);
    png.extend_from_slice(data);
    let mut crc = Crc::new();
    crc.update(kind);
    crc.update(data);
    png.extend_from_slice(&crc.sum().to_be_bytes());
}

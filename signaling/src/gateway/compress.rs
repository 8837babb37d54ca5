//! How frames travel: plain, one zlib or zstd stream a connection, or zlib a payload.
//!
//! Discord: Gateway/Encoding and Compression.

use flate2::Compress;
use flate2::Compression;
use flate2::FlushCompress;
use zstd::stream::raw::Encoder as ZstdEncoder;
use zstd::stream::raw::Operation as _;
use zstd::stream::raw::OutBuffer;

use super::encode::Frame;
use crate::websocket::frame;

/// What a socket asked for.
pub(super) enum Encoder {
    /// Text frames.
    Plain,
    /// Each payload a zlib stream of its own, in a binary frame (`compress: true` of Identify).
    Payload,
    /// `zlib-stream`: one stream, flushed after each message.
    Zlib(Box<Compress>),
    /// `zstd-stream`: one endless frame, flushed after each message.
    Zstd(Box<ZstdEncoder<'static>>),
}

impl Encoder {
    /// The encoder of a query's `compress`; `None` for a name that is not offered.
    pub(super) fn new(name: Option<&str>) -> Option<Self> {
        Some(match name {
            None | Some("") => Self::Plain,
            Some("zlib-stream") => {
                Self::Zlib(Box::new(Compress::new(Compression::new(LEVEL), true)))
            }
            Some("zstd-stream") => Self::Zstd(Box::new(ZstdEncoder::new(1).ok()?)),
            Some(_) => return None,
        })
    }

    /// Payload compression was asked for at Identify; it only counts without a stream.
    pub(super) fn compress_payloads(&mut self) {
        if matches!(self, Self::Plain) {
            *self = Self::Payload;
        }
    }

    /// Puts the WebSocket frame of a message behind what is there; `None` only if the compressor broke,
    /// and then the stream is of no use any more.
    pub(super) fn encode(&mut self, message: &Frame, out: &mut Vec<u8>) -> Option<()> {
        let length = message.len();
        if matches!(self, Self::Plain) || matches!(self, Self::Payload) && length < WORTHWHILE {
            frame::put_head(out, frame::TEXT, length);
            message.put(out);
            return Some(());
        }
        let mut json = Vec::with_capacity(length);
        message.put(&mut json);
        let packed = match self {
            Self::Plain => return None,
            Self::Payload => {
                let mut one = Compress::new(Compression::new(LEVEL), true);
                zlib(&mut one, &json, FlushCompress::Finish)?
            }
            Self::Zlib(stream) => zlib(stream, &json, FlushCompress::Sync)?,
            Self::Zstd(stream) => zstd(stream, &json)?,
        };
        frame::put_head(out, frame::BINARY, packed.len());
        out.extend_from_slice(&packed);
        Some(())
    }
}

/// Bytes from which a payload is compressed by itself (Discord: "not all payloads will be"). Below,
/// a compressor's 256 KiB are set up for nearly nothing.
const WORTHWHILE: usize = 1_024;

/// Level of zlib: 1 costs a fifth of the default's time for a quarter more bytes.
const LEVEL: u32 = 1;

fn zlib(stream: &mut Compress, json: &[u8], flush: FlushCompress) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(json.len() / 2 + 64);
    let began = stream.total_in();
    loop {
        let taken = usize::try_from(stream.total_in() - began).ok()?;
        stream.compress_vec(json.get(taken..)?, &mut out, flush).ok()?;
        let all = stream.total_in() - began == json.len() as u64;
        // Room left over means that everything was written, the end of the flush too.
        if all && out.len() < out.capacity() {
            return Some(out);
        }
        out.reserve(out.capacity().max(64));
    }
}

fn zstd(stream: &mut ZstdEncoder<'static>, json: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(json.len() / 2 + 128);
    let mut taken = 0;
    while taken < json.len() {
        if out.len() == out.capacity() {
            out.reserve(out.capacity());
        }
        let at = out.len();
        let mut buffer = OutBuffer::around_pos(&mut out, at);
        let mut input = zstd::stream::raw::InBuffer::around(&json[taken..]);
        stream.run(&mut input, &mut buffer).ok()?;
        taken += input.pos();
    }
    loop {
        if out.len() == out.capacity() {
            out.reserve(out.capacity());
        }
        let at = out.len();
        let mut buffer = OutBuffer::around_pos(&mut out, at);
        if stream.flush(&mut buffer).ok()? == 0 {
            return Some(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn frames() -> Vec<String> {
        (0..200).map(|n| format!(r#"{{"n":{n},"x":"{}"}}"#, "ab".repeat(n * 7))).collect()
    }

    /// The opcode and the payload of the frame that a text becomes.
    fn encode(encoder: &mut Encoder, text: &str) -> (u8, Vec<u8>) {
        let mut out = Vec::new();
        encoder.encode(&Frame::Control(text.to_owned()), &mut out).unwrap();
        let head = match out[1] {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        (out[0] & 0x0F, out[head..].to_vec())
    }

    #[test]
    fn one_inflater_reads_the_whole_zlib_stream_message_by_message() {
        let mut encoder = Encoder::new(Some("zlib-stream")).unwrap();
        let mut inflate = flate2::Decompress::new(true);

        for text in frames() {
            let (opcode, bytes) = encode(&mut encoder, &text);
            assert_eq!(opcode, frame::BINARY);
            assert!(bytes.ends_with(&[0, 0, 0xff, 0xff]));
            let mut out = Vec::with_capacity(text.len() + 64);
            inflate.decompress_vec(&bytes, &mut out, flate2::FlushDecompress::Sync).unwrap();
            assert_eq!(out, text.as_bytes());
        }
    }

    #[test]
    fn one_decoder_reads_the_whole_zstd_stream_message_by_message() {
        let mut encoder = Encoder::new(Some("zstd-stream")).unwrap();
        let mut decoder = zstd::stream::raw::Decoder::new().unwrap();

        for text in frames() {
            let (opcode, bytes) = encode(&mut encoder, &text);
            assert_eq!(opcode, frame::BINARY);
            let mut out = vec![0; text.len() + 64];
            let status = decoder.run_on_buffers(&bytes, &mut out).unwrap();
            assert_eq!(&out[..status.bytes_written], text.as_bytes());
        }
    }

    #[test]
    fn a_large_payload_is_a_whole_zlib_stream_and_a_small_one_stays_text() {
        let mut encoder = Encoder::Plain;
        encoder.compress_payloads();

        for text in frames() {
            match encode(&mut encoder, &text) {
                (frame::TEXT, bytes) => {
                    assert!(text.len() < WORTHWHILE);
                    assert_eq!(bytes, text.as_bytes());
                }
                (_, bytes) => {
                    let mut out = Vec::new();
                    flate2::read::ZlibDecoder::new(&bytes[..]).read_to_end(&mut out).unwrap();
                    assert_eq!(out, text.as_bytes());
                }
            }
        }
    }
}

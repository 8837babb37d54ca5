//! How frames travel: plain, one zlib or zstd stream a connection, or zlib a payload.
//!
//! A `zlib-stream` is made of pieces that know nothing of what came before them, so that what many
//! hear is compressed once for all, and a socket that waits holds no compressor: only the envelope,
//! with its number, is each session's own, and travels as it is. A fresh compressor's output, flushed
//! to a whole byte, may be put anywhere between whole bytes of a deflate stream (RFC 1951 §3.2.3), and
//! what an endless stream would end with, its checksum, never comes.
//!
//! Discord: Gateway/Encoding and Compression.

use std::cell::RefCell;

use flate2::Compress;
use flate2::Compression;
use flate2::FlushCompress;
use zstd::stream::raw::Encoder as ZstdEncoder;
use zstd::stream::raw::Operation as _;
use zstd::stream::raw::OutBuffer;

use super::encode::Encoding;
use super::encode::Frame;
use super::encode::put_opening;
use crate::websocket::frame;

/// How a socket is sent messages.
pub(super) struct Encoder {
    encoding: Encoding,
    packing: Packing,
}

enum Packing {
    Plain,
    /// Each payload a zlib stream of its own, in a binary frame (`compress: true` of Identify).
    Payload,
    /// `zlib-stream`: one stream, each message to its last byte. Whether it began.
    Zlib(bool),
    /// `zstd-stream`: one endless frame, flushed after each message.
    Zstd(Box<ZstdEncoder<'static>>),
}

thread_local! {
    /// For what one session hears alone, and for what many do.
    static OWN: RefCell<Compress> = RefCell::new(raw(OWN_LEVEL));
    static SHARED: RefCell<Compress> = RefCell::new(raw(SHARED_LEVEL));
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fn raw(level: u32) -> Compress {
    Compress::new(Compression::new(level), false)
}

impl Encoder {
    /// The encoder of a query's `encoding` and `compress`; `None` when `compress` is not offered.
    pub(super) fn new(encoding: Encoding, compress: Option<&str>) -> Option<Self> {
        let packing = match compress {
            None | Some("") => Packing::Plain,
            Some("zlib-stream") => Packing::Zlib(false),
            Some("zstd-stream") => Packing::Zstd(Box::new(ZstdEncoder::new(1).ok()?)),
            Some(_) => return None,
        };
        Some(Self { encoding, packing })
    }

    /// How values are written, both ways.
    pub(super) const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Payload compression was asked for at Identify; it only counts without a stream.
    pub(super) fn compress_payloads(&mut self) {
        if matches!(self.packing, Packing::Plain) {
            self.packing = Packing::Payload;
        }
    }

    /// Puts the WebSocket frame of a message behind what is there; `None` only if the compressor broke,
    /// and then the stream is of no use any more.
    pub(super) fn encode(&mut self, message: &Frame, out: &mut Vec<u8>) -> Option<()> {
        let encoding = self.encoding;
        match &mut self.packing {
            Packing::Plain => put_plain(message, encoding, out),
            Packing::Payload if message.len() < WORTHWHILE => put_plain(message, encoding, out),
            Packing::Payload => {
                let mut one = Compress::new(Compression::new(OWN_LEVEL), true);
                let packed = SCRATCH.with_borrow_mut(|whole| {
                    fill(whole, message, encoding);
                    zlib(&mut one, &[whole], FlushCompress::Finish)
                })?;
                put(&[&packed], out);
            }
            Packing::Zlib(begun) => {
                let header: &[u8] = if *begun { &[] } else { &ZLIB };
                *begun = true;
                put_pieces(header, message, encoding, out)?;
            }
            Packing::Zstd(stream) => {
                let packed = SCRATCH.with_borrow_mut(|whole| {
                    fill(whole, message, encoding);
                    zstd(stream, whole)
                })?;
                put(&[&packed], out);
            }
        }
        Some(())
    }
}

fn put_plain(message: &Frame, encoding: Encoding, out: &mut Vec<u8>) {
    match encoding {
        // Its length is known before it is written.
        Encoding::Json => {
            frame::put_head(out, frame::TEXT, message.len());
            message.put(encoding, out);
        }
        Encoding::Etf => SCRATCH.with_borrow_mut(|whole| {
            fill(whole, message, encoding);
            put(&[whole], out);
        }),
    }
}

/// Puts a message into an emptied buffer.
fn fill(buffer: &mut Vec<u8>, message: &Frame, encoding: Encoding) {
    buffer.clear();
    if buffer.capacity() > KEPT {
        *buffer = Vec::new();
    }
    message.put(encoding, buffer);
}

/// Puts a binary frame of these parts behind what is there.
fn put(parts: &[&[u8]], out: &mut Vec<u8>) {
    frame::put_head(out, frame::BINARY, parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

/// Puts a message of a zlib stream behind what is there.
fn put_pieces(header: &[u8], message: &Frame, encoding: Encoding, out: &mut Vec<u8>) -> Option<()> {
    SCRATCH.with_borrow_mut(|scratch| {
        if let Frame::Dispatch(dispatch, seq) = message
            && dispatch.holders() > ALONE
        {
            let body = dispatch.payload.deflated(encoding, |body, ending| {
                SHARED.with_borrow_mut(|stream| piece(stream, &[body, ending]))
            })?;
            scratch.clear();
            put_opening(dispatch.name.as_str(), *seq, encoding, scratch);
            put(&[header, &stored(scratch.len())?, scratch, body], out);
            return Some(());
        }
        fill(scratch, message, encoding);
        if scratch.len() < SHORT {
            put(&[header, &stored(scratch.len())?, scratch, &END], out);
        } else {
            let piece = OWN.with_borrow_mut(|stream| piece(stream, &[scratch]))?;
            put(&[header, &piece], out);
        }
        Some(())
    })
}

/// Who has a dispatch of one session while it is sent: what is kept for Resume, and the message.
const ALONE: usize = 2;
/// What a zlib stream begins with: a window of 32 KiB, the default level (RFC 1950 §2.2).
const ZLIB: [u8; 2] = [0x78, 0x9C];
/// What each message of a stream ends with, by which clients tell it is whole: an empty stored block.
const END: [u8; 5] = [0, 0, 0, 0xFF, 0xFF];

/// The head of a stored block of so many bytes, between whole bytes (RFC 1951 §3.2.4).
fn stored(length: usize) -> Option<[u8; 5]> {
    let [low, high] = u16::try_from(length).ok()?.to_le_bytes();
    Some([0, low, high, !low, !high])
}

/// Compresses a piece of a stream that needs nothing of what came before, to a whole byte.
fn piece(stream: &mut Compress, parts: &[&[u8]]) -> Option<Vec<u8>> {
    stream.reset();
    zlib(stream, parts, FlushCompress::Sync)
}

/// Bytes from which a payload is compressed by itself (Discord: "not all payloads will be"). Below,
/// a compressor's 256 KiB are set up for nearly nothing.
const WORTHWHILE: usize = 1_024;
/// Bytes below which a message of a stream travels as it is: it would hardly shrink.
const SHORT: usize = 128;
/// Bytes that a thread's buffer keeps room for.
const KEPT: usize = 256 * 1_024;
/// Level of zlib for one session: it costs a fifth of the default's time for a quarter more bytes.
const OWN_LEVEL: u32 = 1;
/// Level for what is compressed once and sent to many.
const SHARED_LEVEL: u32 = 6;

/// Compresses the parts in a row, then flushes so.
fn zlib(stream: &mut Compress, parts: &[&[u8]], flush: FlushCompress) -> Option<Vec<u8>> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length / 2 + 64);
    for (index, part) in parts.iter().enumerate() {
        let flush = if index + 1 == parts.len() { flush } else { FlushCompress::None };
        let began = stream.total_in();
        loop {
            let taken = usize::try_from(stream.total_in() - began).ok()?;
            stream.compress_vec(part.get(taken..)?, &mut out, flush).ok()?;
            let all = stream.total_in() - began == part.len() as u64;
            // Room left over means that everything was written, the end of the flush too.
            if all && out.len() < out.capacity() {
                break;
            }
            out.reserve(out.capacity().max(64));
        }
    }
    Some(out)
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

    use model::gateway::DispatchName;

    use super::super::encode::Dispatch;
    use super::*;

    fn frames() -> Vec<String> {
        (0..200).map(|n| format!(r#"{{"n":{n},"x":"{}"}}"#, "ab".repeat(n * 7))).collect()
    }

    /// The opcode and the payload of the frame that a text becomes.
    fn encode(encoder: &mut Encoder, text: &str) -> (u8, Vec<u8>) {
        encode_frame(encoder, &Frame::Control(text.to_owned()))
    }

    fn encode_frame(encoder: &mut Encoder, message: &Frame) -> (u8, Vec<u8>) {
        let mut out = Vec::new();
        encoder.encode(message, &mut out).unwrap();
        let head = match out[1] {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        (out[0] & 0x0F, out[head..].to_vec())
    }

    #[test]
    fn one_inflater_reads_the_whole_zlib_stream_message_by_message() {
        let mut encoder = Encoder::new(Encoding::Json, Some("zlib-stream")).unwrap();
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
    fn what_many_hear_is_compressed_once_and_fits_into_the_stream_of_each() {
        let shared: Vec<_> = frames()
            .into_iter()
            .map(|text| {
                let dispatch = Dispatch::of(DispatchName::MessageCreate, text);
                // As the event and what is kept for Resume have it too.
                (dispatch.clone(), dispatch.clone(), dispatch)
            })
            .collect();
        for encoding in [Encoding::Json, Encoding::Etf] {
            for session in 0..3 {
                let mut encoder = Encoder::new(encoding, Some("zlib-stream")).unwrap();
                let mut inflate = flate2::Decompress::new(true);
                for (index, (dispatch, ..)) in shared.iter().enumerate() {
                    let number = session * 90 + index as u64;
                    let own = Dispatch::new(
                        DispatchName::Ready,
                        &serde_json::json!({ "v": "10 ".repeat(index) }),
                    );
                    let ack = Frame::Control(r#"{"op":11,"d":null}"#.to_owned());
                    for message in [
                        Frame::Dispatch(dispatch.clone(), number),
                        Frame::Dispatch(own, number + 1),
                        ack,
                    ] {
                        let (opcode, bytes) = encode_frame(&mut encoder, &message);
                        assert_eq!(opcode, frame::BINARY);
                        assert!(bytes.ends_with(&[0, 0, 0xff, 0xff]));
                        let mut plain = Vec::new();
                        message.put(encoding, &mut plain);
                        let mut out = Vec::with_capacity(plain.len() + 64);
                        inflate
                            .decompress_vec(&bytes, &mut out, flate2::FlushDecompress::Sync)
                            .unwrap();
                        assert_eq!(out, plain);
                    }
                }
            }
        }
        let (dispatch, ..) = &shared[0];
        let again = |_: &[u8], _: &[u8]| panic!("it was compressed twice");
        assert!(dispatch.payload.deflated(Encoding::Json, again).is_some());
    }

    #[test]
    fn a_stream_keeps_nothing_between_messages() {
        assert!(size_of::<Encoder>() <= 24, "{}", size_of::<Encoder>());
    }

    #[test]
    fn one_decoder_reads_the_whole_zstd_stream_message_by_message() {
        let mut encoder = Encoder::new(Encoding::Json, Some("zstd-stream")).unwrap();
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
        let mut encoder = Encoder::new(Encoding::Json, None).unwrap();
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

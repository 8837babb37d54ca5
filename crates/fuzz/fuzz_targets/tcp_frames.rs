//! Fuzzes how a TCP stream is cut into datagrams. Seeds are in `seeds/tcp_frames`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| media::fuzzing::tcp_frames(bytes));

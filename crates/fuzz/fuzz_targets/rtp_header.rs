//! Fuzzes the reading of RTP headers. Seeds are in `seeds/rtp_header`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| media::fuzzing::rtp_header(bytes));

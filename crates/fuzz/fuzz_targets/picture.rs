//! Fuzzes what a router reads of VP8, VP9 and H264. Seeds are in `seeds/picture`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| media::fuzzing::picture(bytes));

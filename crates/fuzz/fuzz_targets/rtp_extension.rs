//! Fuzzes the search for an audio level in header extensions. Seeds are in `seeds/rtp_extension`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| media::fuzzing::rtp_extension(bytes));

//! Fuzzes the reading of SRTP and SRTCP packets. Seeds are in `seeds/srtp_open`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| media::fuzzing::srtp_open(bytes));

//! Fuzzes the reading of RTCP compounds. Seeds are in `seeds/rtcp`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| media::fuzzing::rtcp(bytes));

//! Fuzzes the reading of redundant audio. Seeds are in `seeds/red`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| media::fuzzing::red(bytes));

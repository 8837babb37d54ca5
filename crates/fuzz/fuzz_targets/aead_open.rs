//! Fuzzes the reading of packets of Discord's UDP transport. Seeds are in `seeds/aead_open`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| media::fuzzing::aead_open(bytes));

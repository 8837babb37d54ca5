//! Fuzzes what is read of STUN before anything is authenticated. Seeds are in `seeds/stun`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| media::fuzzing::stun(bytes));

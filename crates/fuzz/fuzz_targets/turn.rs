//! Fuzzes what is read of TURN before anything is authenticated. Seeds are in `seeds/turn`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| media::fuzzing::turn(bytes));

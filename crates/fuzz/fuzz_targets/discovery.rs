//! Fuzzes the reading of the demultiplexer and IP discovery. Seeds are in `seeds/discovery`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| media::fuzzing::discovery(bytes));

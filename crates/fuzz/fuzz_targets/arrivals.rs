//! Fuzzes the feedback of arrivals that publishers of pictures get. Seeds are in `seeds/arrivals`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| media::fuzzing::arrivals(bytes));

//! Fuzzes the reading of SDP offers. Seeds are in `seeds/sdp_offer`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| media::fuzzing::sdp_offer(bytes));

//! Fuzzes the answering of WHIP and WHEP offers. Seeds are in `seeds/whip_offer`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| signaling::fuzzing::whip_offer(bytes));

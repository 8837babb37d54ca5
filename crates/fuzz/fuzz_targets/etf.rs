//! Fuzzes the reading of gateway messages in Erlang's terms. Seeds are in `seeds/etf`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| signaling::fuzzing::etf(bytes));

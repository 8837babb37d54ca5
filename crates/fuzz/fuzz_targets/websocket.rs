//! Fuzzes the reading of clients' WebSockets. Seeds are in `seeds/websocket`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| signaling::fuzzing::websocket(bytes));

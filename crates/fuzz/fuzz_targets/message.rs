//! Fuzzes the reading of messages, components and what Slack's senders write. Seeds are in
//! `seeds/message`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| signaling::fuzzing::message(bytes));

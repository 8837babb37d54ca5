//! Passwords: argon2id, off the runtime threads.

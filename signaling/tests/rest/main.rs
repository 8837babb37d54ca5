//! The API from outside the crate: HTTP in, HTTP and events out, a family in each file.
//!
//! The router runs without sockets, on the in-memory store; each test has a world of its own.

mod accounts;
mod applications;
mod around;
mod audit_log;
mod automod;
mod commands;
mod effects;
mod emojis;
mod endpoint;
mod errors;
mod event_exceptions;
mod followers;
mod guilds;
mod hot_pages;
mod interactions;
mod invite_targets;
mod json;
mod limits;
mod new_members;
mod oauth2;
mod onboarding;
mod openapi;
mod operations;
mod pages;
mod permission_matrix;
mod pictures;
mod scheduled_events;
mod screening;
mod soundboard;
mod stages;
mod stickers;
#[path = "../support/mod.rs"]
mod support;
mod templates;
mod webhooks;
mod whip;

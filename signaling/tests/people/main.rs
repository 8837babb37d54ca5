//! What people's own clients need beside what bots do, from outside: REST, and what the gateway tells.

mod calls;
mod groups;
mod member_list;
#[path = "../support/parts.rs"]
#[allow(dead_code, reason = "shared with the gateway's tests")]
mod parts;
mod passive;
mod read_states;
mod relationships;
mod rest;
mod screening;
mod settings;
#[path = "../gateway/stage.rs"]
#[allow(dead_code, reason = "shared with the gateway's tests")]
mod stage;
#[path = "../gateway/terms.rs"]
mod terms;
mod voice_status;

/// How these clients connect.
const JSON: &str = "v=9&encoding=json";

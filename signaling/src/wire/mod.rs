//! Our records in the shapes that clients read: one file per thing, the same for REST and Gateway.

mod channel;
mod command;
mod guild;
mod invite;
mod member;
mod message;
mod poll;
mod presence;
mod thread;
mod user;
mod voice_state;

pub use channel::channel;
pub use channel::private_channel;
pub use command::command;
pub use guild::MembersShown;
pub use guild::guild;
pub use guild::guild_create;
pub use guild::role;
pub use invite::invite;
pub use member::member;
pub use member::member_without_user;
pub use message::MessageContext;
pub use message::emoji;
pub use message::load_users;
pub use message::message;
pub use message::personal;
pub use poll::poll;
pub use presence::presence;
pub use presence::session_presence;
pub use thread::active_threads;
pub use thread::thread;
pub use thread::thread_member;
pub use user::own_user;
pub use user::private_user;
pub use user::user;
pub use voice_state::voice_state;

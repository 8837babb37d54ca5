//! The one guild state store: who is where and may do what, in memory, with SQL as the arbiter.
//!
//! Pure state machines ([`Guild`], permissions, presence) with thin mailboxes around them. It
//! defines the ports of storage and knows neither SQL nor HTTP nor packets.

pub mod actor;
pub mod apps;
pub mod audit;
pub mod automod;
pub mod call;
mod called;
mod change;
pub mod due;
pub mod event;
mod fanout;
pub mod group;
pub mod guild;
mod handle;
pub mod hierarchy;
mod index;
pub mod member_list;
pub mod members;
pub mod oauth;
mod packed;
pub mod pages;
pub mod permissions;
pub mod poll;
pub mod presence;
pub mod private;
pub mod read;
pub mod record;
pub mod recurrence;
pub mod relationship;
pub mod repo;
pub mod scheduled;
pub mod screening;
pub mod search;
mod sessions;
pub mod settings;
pub mod store;
pub mod template;
pub mod thread;
pub mod users;
pub mod voice;

pub use actor::Overflow;
pub use actor::Subscriber;
pub use actor::SubscriberId;
pub use event::GuildEvent;
pub use event::Publication;
pub use event::UserEvent;
pub use fanout::Hearer;
pub use fanout::TOGETHER;
pub use guild::Guild;
pub use guild::command::GuildCommand;
pub use guild::plan::Change;
pub use guild::plan::Denied;
pub use guild::plan::Plan;
pub use store::GuildHandle;
pub use store::GuildStore;

/// An immutable snapshot of a guild: what every reader holds. Cheap to clone, never locked.
pub type GuildView = std::sync::Arc<Guild>;

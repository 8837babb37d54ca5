//! Where the wing touches the world: sockets, threads, the clock. The only `unsafe` of the project
//! is here, around the calls that move many datagrams at once.

#[allow(unsafe_code, reason = "the kernel's address structures have no safe reading here")]
pub(crate) mod address;
#[allow(unsafe_code, reason = "control data is laid out by macros over raw pointers")]
pub(crate) mod control;
#[allow(unsafe_code, reason = "an allocator is unsafe by its nature")]
pub(crate) mod counting;
pub(crate) mod directory;
pub(crate) mod link;
#[cfg(feature = "measuring")]
#[allow(unsafe_code, reason = "the time of one thread has no safe wrapper here")]
pub mod measuring;
pub(crate) mod pairing;
mod replies;
pub(crate) mod run;
#[allow(unsafe_code, reason = "recvmmsg and sendmmsg have no safe wrapper here")]
pub(crate) mod socket;
#[allow(unsafe_code, reason = "attaching a program has no safe wrapper here")]
pub(crate) mod steering;
#[allow(unsafe_code, reason = "ppoll and eventfd have no safe wrapper here")]
pub(crate) mod waker;
pub(crate) mod window;

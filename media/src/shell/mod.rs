//! Where the wing touches the world: sockets, threads, the clock. The only `unsafe` of the project
//! is here, around the calls that move many datagrams at once.

#[allow(unsafe_code, reason = "an allocator is unsafe by its nature")]
pub(crate) mod counting;
pub(crate) mod directory;
#[cfg(feature = "measuring")]
#[allow(unsafe_code, reason = "the time of one thread has no safe wrapper here")]
pub mod measuring;
pub(crate) mod pairing;
pub(crate) mod run;
#[allow(unsafe_code, reason = "recvmmsg, sendmmsg, poll and eventfd have no safe wrapper here")]
pub(crate) mod socket;

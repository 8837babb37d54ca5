//! The `guildhall` binary: reads the command line and hands over to the library.

use clap::Parser as _;
use server::cli::Cli;

/// Faster than the system's under many small allocations on many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    // A session is tens of KiB; with huge pages 2 MiB are zeroed where the first of them are touched.
    // That was a fifth of what a join cost, and of the memory. Without it all works the same.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    // Before the first TLS object: with two providers in the graph rustls would not choose.
    server::tls::provider();
    server::cli::run(Cli::parse())
}

//! The `guildhall` binary: reads the command line and hands over to the library.

use clap::Parser as _;
use server::cli::Cli;

/// Faster than the system's under many small allocations on many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    // Before the first TLS object: with two providers in the graph rustls would not choose.
    server::tls::provider();
    server::cli::run(Cli::parse())
}

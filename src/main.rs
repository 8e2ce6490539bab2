//! The `hookward` program: reads the command line and does what it says.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Bodies come and go in pieces of up to 256 KiB. The system's allocator gives such memory back at once and
/// takes it again for the next body, page by page; this one keeps it a moment.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    hookward::cli::main()
}

//! The `shipwright` program: arguments in, exit status out.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Planning makes many small texts on all threads at once, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[expect(clippy::disallowed_methods, reason = "arguments come in here")]
fn main() -> ExitCode {
    shipwright::cli::run(std::env::args_os())
}

//! The `shipwright` program: arguments in, exit status out.

use std::process::ExitCode;

#[expect(clippy::disallowed_methods, reason = "arguments come in here")]
fn main() -> ExitCode {
    shipwright::cli::run(std::env::args_os())
}

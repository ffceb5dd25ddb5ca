//! Everything that tests the whole program or reads data from `tests/`: one binary, a module a subject.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests read their data, run programs and say what they skip"
)]

mod conformance_ast;
mod dockerfile_cases;
mod dockerfile_laws;
mod shared;

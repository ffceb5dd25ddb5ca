//! Everything that tests the whole program or reads data from `tests/`: one binary, a module a subject.
#![allow(
    clippy::disallowed_methods,
    reason = "tests read and write files and run processes"
)]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod emit;
mod engine;
mod exec;
#[allow(dead_code, reason = "helpers are for whoever comes to need them")]
mod support;

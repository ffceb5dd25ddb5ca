//! Everything that tests the whole program or reads data from `tests/`: one binary, a module a subject.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests read their data, run programs and say what they skip"
)]

mod conformance_ast;
mod conformance_dockerignore;
mod conformance_expansion;
mod conformance_git_ref;
mod conformance_graph;
mod conformance_platform;
mod conformance_reference;
mod dockerfile_cases;
mod dockerfile_laws;
mod expansion_laws;
mod ignore_laws;
mod rows;
mod shared;
mod stage_laws;

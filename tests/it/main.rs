//! Everything that tests the whole program or reads data from `tests/`: one binary, a module a subject.

mod conformance_dockerignore;
mod conformance_expansion;
mod conformance_git_ref;
mod conformance_platform;
mod conformance_reference;
mod laws_ignore;
mod rows;

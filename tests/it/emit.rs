//! Plans compiled for make, sh, bake and GitHub, and by templates from outside.
//!
//! The goldens in `snapshots/` are real files: the very text that people get is also read here by
//! make, dash, busybox, shellcheck and bake.

mod bake;
mod deployment;
mod fixture;
mod github;
mod gitlab;
pub(crate) mod goldens;
mod hostile;
mod interpreter;
mod large;
mod noting_docker;
mod other_ci;
mod pages;
mod refused;
mod revision;
mod runs;
mod tools;
mod workflows;

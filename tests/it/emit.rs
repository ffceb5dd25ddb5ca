//! Plans compiled for make, sh, bake and GitHub, and by templates from outside.
//!
//! The goldens in `snapshots/` are real files: the very text that people get is also read here by
//! make, dash, busybox, shellcheck and bake.

pub(crate) mod bake;
mod deployment;
pub(crate) mod fixture;
mod github;
pub(crate) mod gitlab;
pub(crate) mod goldens;
mod hostile;
pub(crate) mod interpreter;
mod large;
mod makespan;
mod noting_docker;
pub(crate) mod other_ci;
mod pages;
mod refused;
mod revision;
mod runs;
mod stable;
mod tools;
pub(crate) mod workflows;

//! Shipwright compiles a git checkout full of Dockerfiles to a deterministic build plan.
//!
//! The modules are layers, the lowest first: each uses those above it in this list, and none below
//! (`tests/it/layers.rs` holds this). `docs/architecture.md` shows the way of the data through them.

// Everybody's words.
pub mod diagnostics;
mod os;
mod paths;

pub mod lang;

pub mod tree;

pub mod config;

pub mod plan;

pub mod planner;

pub mod run;

pub mod init;

pub mod cli;

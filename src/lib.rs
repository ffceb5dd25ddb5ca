//! Shipwright compiles a git checkout full of Dockerfiles to a deterministic build plan.
//!
//! The modules are listed as the data flows: a repository becomes a snapshot, its Dockerfiles are
//! parsed and resolved to images and edges, these are ordered and fingerprinted, and the plan is
//! compiled for a runner or run.

mod buildx;
pub mod diagnostics;
pub mod emit;
pub mod exec;
pub mod plan;

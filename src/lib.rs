//! Shipwright compiles a git checkout full of Dockerfiles to a deterministic build plan.
//!
//! The modules are listed as the data flows: a repository becomes a snapshot, its Dockerfiles are
//! parsed and resolved to images and edges, these are ordered and fingerprinted, and the plan is
//! compiled for a runner or run. Everything between `source` and `plan` is a pure function.

// The vocabulary: plain data and grammars that the rest speaks.
pub mod attributes;
pub mod diagnostics;
pub mod git_source;
pub mod links;
pub mod paths;
mod percent;
pub mod platform;
pub mod reference;
pub mod snapshot;
pub mod wildcard;

// A repository and its configuration.
pub mod config;
pub mod source;
pub mod template;

// Which images there are, and what their Dockerfiles say.
pub mod discover;
pub mod dockerfile;
pub mod images;
pub mod names;

// What needs what.
pub mod graph;
pub mod resolve;
pub mod selection;

// What goes into each, and what it is tagged.
pub mod contents;
pub mod fingerprint;
pub mod generated;
pub mod ignore;
pub mod inputs;
pub mod publish;
pub mod tags;

// All of it in order, to a plan.
pub mod assemble;
pub mod compile;
pub mod decide;
pub mod diff;
pub mod init;
pub mod plan;

// What becomes of a plan, and the program around it all.
mod buildx;
pub mod cli;
pub mod emit;
pub mod exec;
pub mod picture;

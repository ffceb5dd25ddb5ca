//! Everything that tests the whole program or reads data from `tests/`: one binary, a module a subject.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests read and write files, run processes and say what they skip"
)]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod branches;
mod bug_report;
mod conformance_ast;
mod conformance_bake;
mod conformance_dockerignore;
mod conformance_expansion;
mod conformance_files;
mod conformance_git_ref;
mod conformance_graph;
mod conformance_inputs;
mod conformance_links;
mod conformance_platform;
mod conformance_reference;
mod corpus;
mod credentials;
mod determinism;
mod dockerfile_cases;
mod dockerfile_laws;
mod docs;
mod emit;
mod engine;
mod exec;
mod expansion_laws;
mod fingerprints;
mod ignore_laws;
mod init_laws;
mod init_layouts;
mod input_laws;
mod installer;
mod layers;
mod lock_registry;
mod lock_unreliable;
mod lock_workflows;
mod locked;
mod parse_command;
mod pictures;
mod plan_laws;
mod promote;
mod registry;
mod rows;
mod sarif;
mod schema;
mod screens;
mod settings;
mod shared;
mod shells;
mod signals;
mod stage_laws;
mod transcripts;
mod what_counts;
mod working_tree_laws;
mod workspace;

#[allow(dead_code, reason = "helpers are for whoever comes to need them")]
mod support;

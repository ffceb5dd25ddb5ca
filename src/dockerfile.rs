//! Dockerfiles.

pub mod expand;

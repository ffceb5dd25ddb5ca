//! What several subjects need: a temporary repository, a real engine.

pub(crate) mod engine;
pub(crate) mod fake_docker;
pub(crate) mod repo;

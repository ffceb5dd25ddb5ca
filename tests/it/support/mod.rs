//! What several subjects need: temporary repositories, plans, engines.

pub(crate) mod browser;
pub(crate) mod corpus;
pub(crate) mod counting_proxy;
pub(crate) mod edits;
pub(crate) mod engine;
pub(crate) mod fake_docker;
pub(crate) mod files;
pub(crate) mod fixed_registry;
pub(crate) mod generate;
pub(crate) mod own_engine;
pub(crate) mod own_registry;
pub(crate) mod plans;
pub(crate) mod program;
pub(crate) mod raw_registry;
pub(crate) mod repo;
pub(crate) mod request;
pub(crate) mod skip;
pub(crate) mod trees;
pub(crate) mod unreliable_registry;

//! The files of a repository: what the planner sees of them, and the only reading of git.

pub(crate) mod attributes;
pub(crate) mod links;
pub(crate) mod snapshot;
pub(crate) mod source;

pub use snapshot::{File, Snapshot};
pub use source::Checkout;

//! The files of a repository: what the planner sees of them, and the only reading of git.

pub(crate) mod attributes;
pub(crate) mod links;
pub(crate) mod snapshot;
pub(crate) mod source;
pub(crate) mod view;

pub use snapshot::{File, Folder, Node, Snapshot};
pub use source::Checkout;

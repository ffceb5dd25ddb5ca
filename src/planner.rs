//! From the files of a repository to a plan: a pure function, its phases in the order of the data.

// Which images there are.
pub(crate) mod align;
pub(crate) mod discover;
pub(crate) mod images;
pub(crate) mod names;
pub(crate) mod texts;
mod unreadable;

// What needs what.
pub(crate) mod external;
pub(crate) mod graph;
mod image_index;
pub(crate) mod resolve;
pub(crate) mod selection;

// What goes into each, and what it is tagged.
pub(crate) mod contents;
pub(crate) mod fingerprint;
pub(crate) mod generated;
pub(crate) mod inputs;
pub(crate) mod publish;

// What is asked for; all of it in order, to a plan; and what differs between two.
mod assemble;
pub mod compile;
pub(crate) mod decide;
pub(crate) mod diff;
mod options;

// Which tree all of it reads.
pub(crate) mod workspace;

pub use compile::{Compiled, compile};
pub use decide::{Earlier, reasons};
pub use external::{External, Kind as ExternalKind, Taker};
pub(crate) use image_index::ImageIndex;
pub use inputs::{InputSpec, Inputs, Source};
pub use options::Options;
pub use workspace::{Planned, Purpose, Request, Sends, Workspace};

//! Pure languages: Dockerfiles, ignore files, references, platforms, wildcards, git's URLs, and the
//! rules of Go's that decide what some texts mean. Nothing here knows a repository or a plan.

pub(crate) mod digest;
pub mod dockerfile;
pub(crate) mod fingerprint;
pub(crate) mod git_source;
pub(crate) mod go;
pub(crate) mod ignore;
pub(crate) mod percent;
pub(crate) mod platform;
pub(crate) mod reference;
pub(crate) mod tags;
pub(crate) mod wildcard;

pub use crate::paths::clean;
pub use git_source::GitSource;
pub use ignore::{BadExpression, Folder, IgnoreFile, Sent, Verdict, read_lines};
pub use platform::Platform;
pub use reference::Reference;

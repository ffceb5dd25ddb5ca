//! Where the builds of make and the shell script take their files from.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// The files of a plan's builds: those of its revision, and what else there is.
///
/// Paths of the plan are as the plan says them, from its root. The default is that of a plan at the
/// top of its repository, all of whose files are in the revision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Files {
    /// The root of the plan from the top of the repository; empty for the top itself.
    pub root: String,
    /// Folders of the plan that are more than a part of the revision.
    pub folders: BTreeMap<String, Folder>,
    /// Dockerfiles outside their contexts that need the folder that they stand in, not only
    /// themselves: links lead on to other files of it.
    pub linked: BTreeSet<String>,
}

/// A folder that builds read, where it is not just the same path of the revision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Folder {
    /// Its path from the top of the repository, links resolved; none where the revision has nothing
    /// there.
    pub path: Option<String>,
    /// Paths below it that the revision has and the working tree has not.
    pub gone: Vec<String>,
    /// Files that are taken from the working tree.
    pub added: Vec<Added>,
    /// Submodules below it, or the one that it is in, outer ones first.
    pub submodules: Vec<Submodule>,
    /// Paths below it whose contents git-lfs keeps.
    pub large: Vec<String>,
}

/// A file of the working tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Added {
    /// As git writes it: `100644`, `100755`, or `120000` for a link.
    pub mode: &'static str,
    /// Id of the blob that it was planned as, 40 hexadecimal digits.
    pub id: String,
    /// Below the folder.
    pub path: String,
}

/// The files of a submodule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Submodule {
    /// Below the folder; empty where the folder is in the submodule.
    pub path: String,
    /// Id of the git tree that holds them, 40 hexadecimal digits.
    pub tree: String,
    /// Its folder of objects: from the git directory, or from the root of the plan, or absolute.
    pub objects: String,
}

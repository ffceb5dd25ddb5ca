//! Where Docker, reading the folders of the checkout, would read something else than was planned. The
//! bytes of the disk decide, whatever git says of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use git2::{ObjectType, Oid};
use rayon::prelude::*;

use super::checked_out::Taken;
use super::lfs::Pointer;
use super::tree::Tree;
use crate::os;
use crate::paths::join;
use crate::tree::attributes::LFS;
use crate::tree::snapshot::{Folder, Node, NodeRef, blob_id, object_id};

/// Paths from the root of the plan that a build from the checkout would read otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Otherwise {
    /// Files with other bytes, and what is no file or link where the plan has one.
    pub(crate) contents: BTreeSet<String>,
    /// Files and folders with other modes.
    pub(crate) modes: BTreeSet<String>,
    /// Ignore files that the plan does not know.
    pub(crate) unknown: BTreeSet<String>,
}

/// The files that decide over a build beside its inputs: a Dockerfile, and a context's folder.
pub(crate) type Deciding<'a> = (Option<&'a str>, &'a str);

impl Tree<'_> {
    /// Compares inputs, Dockerfiles and ignore files with the disk. `filter` gives the filter of a
    /// file. What is not checked out at all is passed over.
    pub(crate) fn read_otherwise<'f>(
        &self,
        taken: &[Taken<'_>],
        deciding: &[Deciding<'_>],
        filter: &dyn Fn(&str) -> Option<&'f str>,
    ) -> Otherwise {
        let mut found = Otherwise::default();
        let Some(disk) = self.root_on_disk() else {
            return found;
        };
        let mut comparison = Comparison {
            tree: self,
            disk: &disk,
            filter,
            found: &mut found,
        };
        let mut files = Vec::new();
        for (path, folder) in taken {
            comparison.folder(path, folder, &mut files);
        }
        let compared: Vec<Compared> = files
            .par_iter()
            .map(|(path, node)| compare(&disk.join(path), *node))
            .collect();
        for ((path, node), compared) in files.iter().zip(compared) {
            comparison.note(path, *node, &compared);
        }
        for (dockerfile, context) in deciding {
            let own = dockerfile.map(|path| format!("{path}.dockerignore"));
            if let Some(path) = dockerfile {
                comparison.deciding(path);
            }
            let is_own = own.is_some_and(|path| comparison.deciding(&path));
            if !is_own {
                comparison.deciding(&join(context, ".dockerignore"));
            }
        }
        found
    }
}

struct Comparison<'a, 'f> {
    tree: &'a Tree<'a>,
    disk: &'a Path,
    filter: &'a dyn Fn(&str) -> Option<&'f str>,
    found: &'a mut Otherwise,
}

impl Comparison<'_, '_> {
    /// Compares folders, and lists the files and links in them.
    fn folder<'t>(
        &mut self,
        path: &str,
        folder: &'t Folder,
        files: &mut Vec<(String, NodeRef<'t>)>,
    ) {
        for entry in folder.entries() {
            let path = join(path, &entry.name());
            match entry.node {
                Node::Folder(inner) => {
                    let metadata = fs::metadata(self.disk.join(&path));
                    if metadata.is_ok_and(|metadata| os::mode(&metadata) != 0o755) {
                        self.found.modes.insert(path.clone());
                    }
                    self.folder(&path, inner, files);
                }
                Node::Submodule { .. } => {}
                node => files.push((path, node)),
            }
        }
    }

    fn note(&mut self, path: &str, node: NodeRef<'_>, compared: &Compared) {
        if compared.has_other_mode {
            self.found.modes.insert(path.to_owned());
        }
        let file = self.disk.join(path);
        if compared.has_other_content && !self.is_large(path, node, &file) {
            self.found.contents.insert(path.to_owned());
        }
    }

    /// Whether a file is what git-lfs keeps for it.
    fn is_large(&self, path: &str, node: NodeRef<'_>, file: &Path) -> bool {
        if (self.filter)(path) != Some(LFS) {
            return false;
        }
        let id = Oid::from_bytes(&node.id().0);
        let blob = id.and_then(|id| self.tree.repository.find_blob(id));
        let pointer = blob.ok().and_then(|blob| Pointer::parse(blob.content()));
        pointer.is_some_and(|pointer| pointer.is_of(file))
    }

    /// Compares a file that decides over a build; answers whether there is one.
    fn deciding(&mut self, path: &str) -> bool {
        let planned = self.tree.added.sources.node(path);
        if let Some(node @ (Node::File { .. } | Node::Link { .. })) = planned {
            let compared = Compared {
                // Whether it is an input too is another question.
                has_other_mode: false,
                ..compare(&self.disk.join(path), node)
            };
            self.note(path, node, &compared);
            return true;
        }
        let is_there = fs::symlink_metadata(self.disk.join(path)).is_ok();
        if is_there && planned.is_none() {
            self.found.unknown.insert(path.to_owned());
        }
        is_there
    }
}

/// What of a file on the disk is not as planned.
struct Compared {
    has_other_mode: bool,
    has_other_content: bool,
}

/// Compares a file or link with what was planned; one that is not there has nothing else.
fn compare(file: &Path, node: NodeRef<'_>) -> Compared {
    let mut compared = Compared {
        has_other_mode: false,
        has_other_content: false,
    };
    let Ok(metadata) = fs::symlink_metadata(file) else {
        return compared;
    };
    match node {
        Node::Link { id } => {
            let is_same = os::read_link(file).is_ok_and(|target| blob_id(&target) == id);
            compared.has_other_content = !is_same;
        }
        Node::File { executable, id } => {
            let planned = if executable { 0o755 } else { 0o644 };
            let there = metadata
                .is_file()
                .then(|| Oid::hash_file(ObjectType::Blob, file));
            compared.has_other_mode = metadata.is_file() && os::mode(&metadata) != planned;
            compared.has_other_content =
                !there.is_some_and(|there| there.is_ok_and(|there| object_id(there) == id));
        }
        Node::Folder(_) | Node::Submodule { .. } => {}
    }
    compared
}

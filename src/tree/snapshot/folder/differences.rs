//! The paths at which two folders differ.

use std::collections::BTreeSet;

use super::{Entry, Folder, Node, NodeRef};
use crate::paths::join;

impl Folder {
    /// Paths of what is no folder, or an empty one, and stands in only one of two folders, or
    /// differently in both.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let mut paths = BTreeSet::new();
        self.differ(other, "", &mut paths);
        paths.into_iter().collect()
    }

    fn differ(&self, other: &Self, path: &str, paths: &mut BTreeSet<String>) {
        if self.id == other.id {
            return;
        }
        for Entry { name, node } in self.entries() {
            let path = join(path, &String::from_utf8_lossy(name));
            match (node, other.entry(name).map(|entry| entry.node)) {
                (node, Some(same)) if node == same => {}
                (Node::Folder(ours), Some(Node::Folder(theirs)))
                    if !ours.is_empty() && !theirs.is_empty() =>
                {
                    ours.differ(theirs, &path, paths);
                }
                (ours, theirs) => {
                    ours.add_paths(&path, paths);
                    if let Some(theirs) = theirs {
                        theirs.add_paths(&path, paths);
                    }
                }
            }
        }
        for entry in other.entries() {
            if self.entry(entry.name).is_none() {
                entry.node.add_paths(&join(path, &entry.name()), paths);
            }
        }
    }
}

impl NodeRef<'_> {
    /// Adds the paths of what it holds, it standing at one itself: of what is no folder, or an empty one.
    fn add_paths(self, path: &str, paths: &mut BTreeSet<String>) {
        match self {
            Node::Folder(folder) if !folder.is_empty() => {
                folder.walk(&mut |below, _| {
                    paths.insert(join(path, below));
                });
            }
            _ => {
                paths.insert(path.to_owned());
            }
        }
    }
}

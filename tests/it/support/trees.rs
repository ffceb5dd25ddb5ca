//! Trees of the conformance data, as texts: a path, a folder with a final `/`, `link -> target`.

use std::collections::BTreeSet;

use serde_json::Value;
use shipwright::tree::{File, Folder, Node, Snapshot};

/// A snapshot of a tree whose files hold their own paths.
pub(crate) fn snapshot(tree: &Value) -> Snapshot {
    let entries = tree
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry.as_str().unwrap());
    let files = entries.map(|entry| match entry.split_once(" -> ") {
        Some((link, target)) => (link, File::Link(target.into())),
        None => match entry.strip_suffix('/') {
            Some(folder) => (folder, File::EmptyFolder),
            None => (entry, File::Plain(entry.into())),
        },
    });
    Snapshot::of_files(None, files)
}

/// All that is in a folder, folders with a final `/`.
pub(crate) fn listed(folder: &Folder) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    folder.walk(&mut |path, node| {
        for (at, _) in path.match_indices('/') {
            paths.insert(path[..=at].to_owned());
        }
        let slash = if matches!(node, Node::Folder(_)) {
            "/"
        } else {
            ""
        };
        paths.insert(format!("{path}{slash}"));
    });
    paths
}

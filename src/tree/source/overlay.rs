//! A folder with something else at some of its paths.

use std::collections::BTreeMap;
use std::path::Path;

use crate::tree::snapshot::{Folder, Node};

/// The folder, with these nodes at these paths. What is on the way to one and no folder gives way.
pub(super) fn overlay(folder: &Folder, nodes: &BTreeMap<&Path, Node>) -> Folder {
    let mut entries: BTreeMap<Vec<u8>, Node> = folder
        .entries()
        .map(|entry| (entry.name.to_vec(), entry.node.to_owned()))
        .collect();
    let mut deeper: BTreeMap<Vec<u8>, BTreeMap<&Path, Node>> = BTreeMap::new();
    for (path, node) in nodes {
        let mut parts = path.components();
        let Some(first) = parts.next() else { continue };
        let name = first.as_os_str().as_encoded_bytes().to_vec();
        let rest = parts.as_path();
        if rest.as_os_str().is_empty() {
            entries.insert(name, node.clone());
        } else {
            deeper.entry(name).or_default().insert(rest, node.clone());
        }
    }
    for (name, nodes) in deeper {
        let inner = match entries.get(&name) {
            Some(Node::Folder(inner)) => overlay(inner, &nodes),
            _ => overlay(&Folder::empty(), &nodes),
        };
        entries.insert(name, Node::Folder(inner.into()));
    }
    Folder::new(entries)
}

//! Symbolic links within a tree: where a path leads, and which links are on the way.

use std::collections::VecDeque;

use crate::tree::snapshot::{Folder, Node};

/// Symbolic links that are followed on the way to one place, as the kernel does.
const MAX_LINKS: usize = 40;

/// A place in a tree: the names from its root down.
pub(crate) type Place = Vec<Vec<u8>>;

/// Where a path leads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Way {
    /// The place, with no link in it or at its end; none where the path leads nowhere.
    pub end: Option<Place>,
    /// The links that are passed, in order.
    pub links: Vec<Place>,
}

/// Follows a path from the root of a tree. Nothing leads out of it: `..` at the root stays there,
/// and absolute targets start from it. `target` gives the target of the link at a place.
pub(crate) fn follow(
    root: &Folder,
    names: impl IntoIterator<Item = Vec<u8>>,
    target: &dyn Fn(&Place) -> Option<Vec<u8>>,
) -> Way {
    let mut links = Vec::new();
    let end = walk(root, names.into_iter().collect(), target, &mut links);
    Way { end, links }
}

fn walk(
    root: &Folder,
    mut ahead: VecDeque<Vec<u8>>,
    target: &dyn Fn(&Place) -> Option<Vec<u8>>,
    links: &mut Vec<Place>,
) -> Option<Place> {
    let mut place = Place::new();
    while let Some(name) = ahead.pop_front() {
        match name.as_slice() {
            b"" | b"." => continue,
            b".." => {
                place.pop();
                continue;
            }
            _ => {}
        }
        let node = folder_at(root, &place)?.entry(&name)?.node;
        place.push(name);
        if !matches!(node, Node::Link { .. }) {
            continue;
        }
        links.push(place.clone());
        if links.len() > MAX_LINKS {
            return None;
        }
        let target = target(&place)?;
        place.pop();
        if target.starts_with(b"/") {
            place.clear();
        }
        for part in target.split(|byte| *byte == b'/').rev() {
            ahead.push_front(part.to_vec());
        }
    }
    Some(place)
}

/// The folder at a place, which has no links in it.
pub(crate) fn folder_at<'f>(root: &'f Folder, place: &[Vec<u8>]) -> Option<&'f Folder> {
    let mut folder = root;
    for name in place {
        match folder.entry(name)?.node {
            Node::Folder(inner) => folder = inner,
            _ => return None,
        }
    }
    Some(folder)
}

/// A place as a path, for people and for looking up texts.
pub(crate) fn path(place: &[Vec<u8>]) -> String {
    String::from_utf8_lossy(&place.join(&b'/')).into_owned()
}

/// The names of a path.
pub(crate) fn names(path: &str) -> impl Iterator<Item = Vec<u8>> + '_ {
    path.split('/').map(|name| name.as_bytes().to_vec())
}

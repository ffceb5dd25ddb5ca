//! Symbolic links within a folder: where a path leads, as BuildKit resolves it.
//!
//! The folder is a root of its own (semantics §15.4a): a link's text is joined to the folder that it
//! is in and cleaned as text, so that `d/../t` is `t` whatever `d` links to, and `..` stops at the root.

use std::collections::{BTreeMap, VecDeque};

use crate::paths;
use crate::tree::snapshot::{Folder, Node};

/// Symbolic links that are followed on the way to one place, as BuildKit does.
pub(crate) const MAX_LINKS: usize = 255;

/// A place in a tree: the names from its root down.
pub(crate) type Place = Vec<Vec<u8>>;

/// Where a path from the root of a tree leads, with no link in it or at its end; none where it leads
/// nowhere. `target` gives the target of the link at a place.
pub(crate) fn follow(
    root: &Folder,
    names: impl IntoIterator<Item = Vec<u8>>,
    target: &dyn Fn(&Place) -> Option<Vec<u8>>,
) -> Option<Place> {
    let mut ahead: VecDeque<Vec<u8>> = cleaned(names).into();
    let mut place = Place::new();
    let mut passed = 0;
    while let Some(name) = ahead.pop_front() {
        let node = folder_at(root, &place)?.entry(&name)?.node;
        place.push(name);
        if matches!(node, Node::Link { .. }) {
            passed += 1;
            if passed > MAX_LINKS {
                return None;
            }
            let way = through(&place, &target(&place)?);
            ahead = way.into_iter().chain(ahead).collect();
            place.clear();
        }
    }
    Some(place)
}

/// The folder that a path stands for, as an operating system opens it: each link is followed from where
/// it stands. None where there is no folder, and where a link leads out of the root or in a circle.
/// `links` has the targets of links by path.
pub(crate) fn folder_path(
    root: &Folder,
    links: &BTreeMap<String, Vec<u8>>,
    folder: &str,
) -> Option<String> {
    if root.folder(folder).is_some() {
        return Some(folder.to_owned());
    }
    let mut ahead: VecDeque<Vec<u8>> = names(folder).collect();
    let mut place = Place::new();
    let mut passed = 0;
    while let Some(name) = ahead.pop_front() {
        match name.as_slice() {
            b"" | b"." => continue,
            b".." => {
                place.pop()?;
                continue;
            }
            _ => {}
        }
        let node = folder_at(root, &place)?.entry(&name)?.node;
        place.push(name);
        if matches!(node, Node::Link { .. }) {
            passed += 1;
            let target = links.get(&path(&place))?;
            if passed > MAX_LINKS || target.starts_with(b"/") {
                return None;
            }
            place.pop();
            let way = target.split(|byte| *byte == b'/').map(<[u8]>::to_vec);
            ahead = way.chain(ahead).collect();
        }
    }
    folder_at(root, &place)?;
    Some(paths::clean(&path(&place)))
}

/// The names, from the root, that the link at a place stands for.
pub(crate) fn through(link: &[Vec<u8>], target: &[u8]) -> Place {
    let folder = match target.first() {
        Some(b'/') => &[],
        _ => &link[..link.len().saturating_sub(1)],
    };
    let names = target.split(|byte| *byte == b'/').map(<[u8]>::to_vec);
    cleaned(folder.iter().cloned().chain(names))
}

/// Names without those that stand for no folder: `..` takes the one before it away.
fn cleaned(names: impl IntoIterator<Item = Vec<u8>>) -> Place {
    let mut kept = Place::new();
    for name in names {
        match name.as_slice() {
            b"" | b"." => {}
            b".." => {
                kept.pop();
            }
            _ => kept.push(name),
        }
    }
    kept
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
    let names = path.split('/').filter(|name| !name.is_empty());
    names.map(|name| name.as_bytes().to_vec())
}

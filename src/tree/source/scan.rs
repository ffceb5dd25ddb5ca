//! The working tree, folder by folder: what the commit, the index and the disk say, side by side.
//!
//! Folders are looked at by all processors; what is found does not depend on which looks where.

use std::collections::BTreeMap;
use std::fs::{self, DirEntry};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use git2::Repository;
use rayon::prelude::*;

use super::folders;
use super::index::Index;
use super::tracked::Rules;
use super::tree;
use super::working_tree::{FileIdentity, folder_on_disk, gone, unreadable};
use crate::diagnostics::{Code, Diagnostic};
use crate::os;
use crate::tree::snapshot::{Folder, Node};

/// A folder of the working tree.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    /// What is in it; none where nothing is.
    pub(super) folder: Option<Arc<Folder>>,
    /// Paths from the top that are not as in the commit: of files and links, and of repositories
    /// that stand in this one without belonging to it.
    pub(super) changed: Vec<Vec<u8>>,
    /// Folders, by path from the top, in which the disk has something that is not in the tree, or may
    /// have: what git ignores, or what was not looked at.
    pub(super) beside: Vec<Vec<u8>>,
}

/// Looks at the working tree of a repository. `head` is the commit that it stands on; files in
/// `without` are as they are there, whatever they hold.
///
/// # Errors
/// When the index, a folder or a file that has to be read cannot be.
pub(super) fn scan(
    repository: &Repository,
    top: &Path,
    head: Option<&Arc<Folder>>,
    without: &[FileIdentity],
) -> Result<Scanned, Diagnostic> {
    let index = Index::read(&repository.path().join("index"))?;
    let scanner = Scanner {
        rules: Rules::of(repository, index.written)
            .map_err(|error| tree::not_read(&error.into()))?,
        sparse: sparse_folders(repository, &index)?,
        index: &index,
        without,
    };
    let all = Work {
        path: Vec::new(),
        disk: Some(top.to_owned()),
        head,
        tracked: 0..index.len(),
    };
    scanner.folder(&all)
}

/// The folders of a sparse index, which stand in it as one entry, by its place.
type Sparse = BTreeMap<usize, Arc<Folder>>;

fn sparse_folders(repository: &Repository, index: &Index) -> Result<Sparse, Diagnostic> {
    let is_folder = |at: &usize| index.entry(*at).path.ends_with(b"/");
    let folders = (0..index.len()).filter(is_folder).map(|at| {
        let id = index.entry(at).id();
        let id = git2::Oid::from_bytes(&id.0).expect("an object id has 20 bytes");
        let folder = folders::read_folder(repository, id);
        Ok((at, folder.map_err(|error| tree::not_read(&error))?))
    });
    folders.collect()
}

struct Scanner<'s> {
    index: &'s Index,
    sparse: Sparse,
    rules: Rules,
    without: &'s [FileIdentity],
}

/// A folder to look at.
struct Work<'h> {
    /// From the top, with a final `/`; empty for the top.
    path: Vec<u8>,
    /// Where it is on the disk; none where it is not.
    disk: Option<PathBuf>,
    /// What the commit has there.
    head: Option<&'h Arc<Folder>>,
    /// The entries of the index that are below it.
    tracked: Range<usize>,
}

impl Work<'_> {
    /// From the top, without the final `/`.
    fn folder(&self) -> &[u8] {
        self.path.strip_suffix(b"/").unwrap_or(&self.path)
    }
}

/// What the index has at a name in a folder.
struct Tracked<'i> {
    name: &'i [u8],
    /// The place of the entry of that very path.
    entry: Option<usize>,
    /// The entries below it.
    below: Range<usize>,
}

/// What became of a name in a folder.
enum Found<'h> {
    Node(Node),
    /// It is a folder on the disk, which was not looked at.
    Unseen(Node),
    /// It is on the disk alone.
    Ignored,
    /// A folder that is still to be looked at.
    Folder(Work<'h>),
}

impl Scanner<'_> {
    fn folder(&self, work: &Work<'_>) -> Result<Scanned, Diagnostic> {
        let listed = match &work.disk {
            Some(disk) => list(disk)?,
            None => Vec::new(),
        };
        let is_top = work.path.is_empty();
        if let Some(disk) = &work.disk
            && !is_top
            && work.tracked.is_empty()
            && listed.iter().any(|(name, _)| name == b".git")
        {
            return self.foreign(work, disk);
        }
        let mut nodes: Vec<(&[u8], Node)> = Vec::new();
        let mut folders: Vec<(&[u8], Work<'_>)> = Vec::new();
        let tracked = self.tracked(work);
        let mut beside = Vec::new();
        let mut put = |name, found| match found {
            Some(Found::Node(node)) => nodes.push((name, node)),
            Some(Found::Unseen(node)) => {
                beside.push([&work.path, name].concat());
                nodes.push((name, node));
            }
            Some(Found::Folder(work)) => folders.push((name, work)),
            Some(Found::Ignored) => beside.push(work.folder().to_vec()),
            None => {}
        };
        let mut rest = tracked.iter().peekable();
        for (name, entry) in &listed {
            while let Some(absent) = rest.next_if(|tracked| tracked.name < &**name) {
                put(absent.name, self.absent(work, absent));
            }
            let known = rest.next_if(|tracked| tracked.name == &**name);
            if name != b".git" {
                put(name, self.present(work, name, entry, known)?);
            }
        }
        for absent in rest {
            put(absent.name, self.absent(work, absent));
        }
        let below: Vec<Scanned> = folders
            .par_iter()
            .map(|(_, work)| self.folder(work))
            .collect::<Result<_, _>>()?;

        let mut changed = changes(work, &nodes, &folders);
        for ((name, inner), scanned) in folders.iter().zip(below) {
            changed.extend(scanned.changed);
            beside.extend(scanned.beside);
            if scanned.folder.is_none() && inner.disk.is_some() {
                beside.push(work.folder().to_vec());
            }
            nodes.extend(scanned.folder.map(|folder| (*name, Node::Folder(folder))));
        }
        let folder = match work.head {
            Some(head) if changed.is_empty() => Some(Arc::clone(head)),
            _ if nodes.is_empty() => None,
            _ => Some(Arc::new(Folder::new(nodes))),
        };
        Ok(Scanned {
            folder,
            changed,
            beside,
        })
    }

    /// The names that the index has in a folder, in byte order.
    fn tracked(&self, work: &Work<'_>) -> Vec<Tracked<'_>> {
        let mut names: Vec<Tracked<'_>> = Vec::new();
        let mut at = work.tracked.start;
        while at < work.tracked.end {
            let path = self.index.entry(at).path;
            let start = at;
            at += 1;
            // Only an index that is damaged has others here.
            let Some(rest) = path.strip_prefix(&*work.path) else {
                continue;
            };
            let length = memchr::memchr(b'/', rest).unwrap_or(rest.len());
            let mut tracked = Tracked {
                name: &rest[..length],
                entry: Some(start),
                below: 0..0,
            };
            // A folder of a sparse index ends in `/` itself.
            if length + 1 < rest.len() {
                let folder = &path[..=work.path.len() + length];
                at = self.index.end_of(folder, at..work.tracked.end);
                tracked.entry = None;
                tracked.below = start..at;
            }
            names.push(tracked);
        }
        // In the index, `a-b` stands between `a` and `a/b`.
        names.sort_by_key(|tracked| tracked.name);
        names.dedup_by(|next, kept| {
            let same = next.name == kept.name;
            if same && kept.below.is_empty() {
                // Sides of a conflict, or a file and a folder.
                kept.below = next.below.clone();
            }
            same
        });
        names
    }

    /// What stands at a name that is on the disk.
    fn present<'h>(
        &self,
        work: &Work<'h>,
        name: &[u8],
        item: &DirEntry,
        tracked: Option<&Tracked<'_>>,
    ) -> Result<Option<Found<'h>>, Diagnostic> {
        let disk = || item.path();
        let kind = item
            .file_type()
            .map_err(|error| unreadable(&disk(), &error))?;
        let entry = tracked.and_then(|tracked| tracked.entry);
        if kind.is_dir() {
            if let Some(folder) = entry.and_then(|at| self.sparse.get(&at)) {
                return Ok(Some(Found::Unseen(Node::Folder(Arc::clone(folder)))));
            }
            let below = tracked.map_or(0..0, |tracked| tracked.below.clone());
            if let Some(at) = entry
                && below.is_empty()
                && let submodule @ Node::Submodule { .. } = Rules::indexed(&self.index.entry(at))
            {
                return Ok(Some(Found::Unseen(submodule)));
            }
            let path = [&work.path, name, b"/"].concat();
            if below.is_empty() && self.ignores(&path)? {
                return Ok(Some(Found::Ignored));
            }
            return Ok(Some(Found::Folder(Work {
                head: head_folder(work, name),
                path,
                disk: Some(disk()),
                tracked: below,
            })));
        }
        if !kind.is_file() && !kind.is_symlink() {
            return Ok(None);
        }
        if entry.is_none() && self.ignores(&[&work.path, name].concat())? {
            return Ok(Some(Found::Ignored));
        }
        let metadata = match item.metadata() {
            Ok(metadata) => metadata,
            Err(error) if gone(&error) => return Ok(None),
            Err(error) => return Err(unreadable(&disk(), &error)),
        };
        if self.without.contains(&FileIdentity::of(&metadata)) {
            let head = work.head.and_then(|head| head.entry(name));
            return Ok(head.map(|entry| Found::Node(entry.node.to_owned())));
        }
        let node = match entry {
            Some(at) => self.rules.node(&self.index.entry(at), &disk(), &metadata)?,
            None => self.rules.untracked(&disk(), &metadata)?,
        };
        Ok(node.map(Found::Node))
    }

    /// What a name stands for that is in the index and not on the disk: what a sparse checkout leaves
    /// out, and submodules that are not here.
    fn absent<'h>(&self, work: &Work<'h>, tracked: &Tracked<'_>) -> Option<Found<'h>> {
        if let Some(at) = tracked.entry {
            if let Some(folder) = self.sparse.get(&at) {
                return Some(Found::Node(Node::Folder(Arc::clone(folder))));
            }
            let entry = self.index.entry(at);
            let node = Rules::indexed(&entry);
            let is_there = entry.is_skipped() || matches!(node, Node::Submodule { .. });
            return is_there.then_some(Found::Node(node));
        }
        let mut below = tracked.below.clone();
        let is_left_out = below.any(|at| {
            let entry = self.index.entry(at);
            entry.is_skipped() || matches!(Rules::indexed(&entry), Node::Submodule { .. })
        });
        is_left_out.then(|| {
            Found::Folder(Work {
                path: [&work.path, tracked.name, b"/"].concat(),
                disk: None,
                head: head_folder(work, tracked.name),
                tracked: tracked.below.clone(),
            })
        })
    }

    /// A repository of its own: all that it holds, as a builder would be sent it.
    fn foreign(&self, work: &Work<'_>, disk: &Path) -> Result<Scanned, Diagnostic> {
        let folder = Arc::new(folder_on_disk(disk, self.without)?);
        let is_same = work.head.is_some_and(|head| **head == *folder);
        let path = work.folder().to_vec();
        Ok(Scanned {
            folder: Some(folder),
            changed: if is_same { Vec::new() } else { vec![path] },
            beside: Vec::new(),
        })
    }

    fn ignores(&self, path: &[u8]) -> Result<bool, Diagnostic> {
        let path = Path::new(os::name(path));
        self.rules.ignores(path).map_err(|error| {
            Diagnostic::new(
                Code::UnreadableRepository,
                format!("the working tree cannot be read: {}", error.message()),
            )
        })
    }
}

fn head_folder<'h>(work: &Work<'h>, name: &[u8]) -> Option<&'h Arc<Folder>> {
    match work.head?.entry(name)?.node {
        Node::Folder(folder) => Some(folder),
        _ => None,
    }
}

/// Paths of what stands in a folder itself and not as in the commit, and of all that was in folders
/// of the commit in whose place there is none.
fn changes(
    work: &Work<'_>,
    nodes: &[(&[u8], Node)],
    folders: &[(&[u8], Work<'_>)],
) -> Vec<Vec<u8>> {
    let mut changed = Vec::new();
    let path = |name: &[u8]| [&work.path, name].concat();
    let mut unchanged = 0;
    for (name, node) in nodes {
        let head = work.head.and_then(|head| head.entry(name));
        if head.is_some_and(|head| head.node.to_owned() == *node) {
            unchanged += 1;
        } else {
            changed.push(path(name));
        }
    }
    let Some(head) = work.head else {
        return changed;
    };
    let met = folders
        .iter()
        .filter(|(_, work)| work.head.is_some())
        .count();
    if unchanged + met == head.entries().len() {
        return changed;
    }
    for entry in head.entries() {
        match entry.node {
            Node::Folder(folder) if !is_among(folders, entry.name) => {
                folder.walk(&mut |below, _| {
                    changed.push([&path(entry.name), b"/" as &[u8], below.as_bytes()].concat());
                });
            }
            Node::Folder(_) => {}
            _ if is_among(nodes, entry.name) => {}
            _ => changed.push(path(entry.name)),
        }
    }
    changed
}

/// Whether a name is in a list, which is in the order of names.
fn is_among<T>(list: &[(&[u8], T)], name: &[u8]) -> bool {
    list.binary_search_by_key(&name, |(name, _)| name).is_ok()
}

/// What is in a folder, in byte order of the names; nothing where it is gone.
fn list(disk: &Path) -> Result<Vec<(Vec<u8>, DirEntry)>, Diagnostic> {
    let mut listed = Vec::new();
    let items = match fs::read_dir(disk) {
        Ok(items) => items,
        Err(error) if gone(&error) => return Ok(listed),
        Err(error) => return Err(unreadable(disk, &error)),
    };
    for item in items {
        let item = item.map_err(|error| unreadable(disk, &error))?;
        listed.push((os::into_bytes(item.file_name()), item));
    }
    listed.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(listed)
}

//! Files of the disk that a build would be sent and that are in no tree: what git ignores.
//!
//! The walk goes where some image takes something, and asks git nothing: what stands there on the
//! disk and not in the tree of the working tree, where untracked files are, git ignores. A folder
//! that is in no tree is one find; what is in it is looked at only where that decides something.

use std::collections::BTreeMap;
use std::fs::{self, DirEntry, FileType};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};

use super::working_tree::{FileIdentity, gone, unreadable};
use crate::diagnostics::Diagnostic;
use crate::lang::ignore::Verdict;
use crate::paths::join;
use crate::planner::inputs::Walk;
use crate::tree::snapshot::{Folder, Node, NodeRef};

/// Git's own folder, or in a submodule or a linked worktree its own file. Never an input.
const GIT_FOLDER: &[u8] = b".git";

/// What a walk asks and tells. Paths are from the root of the plan.
pub(super) trait Visitor {
    /// Whether to look into a folder of which something may be taken.
    fn enters(&mut self, folder: &str) -> bool;

    /// A file or link in no tree that images take: where it stands on the disk, and the numbers of
    /// those.
    fn file(&mut self, path: &str, disk: &Path, images: &[usize]);

    /// A folder in no tree, with something in it that images take: the numbers of those. Answers
    /// whether to walk through all that they take of it, too.
    fn folder(&mut self, path: &str, images: &[usize]) -> bool;
}

/// A walk over the disk below the root of a plan.
pub(super) struct Beside<'v> {
    /// Files that this process writes.
    pub(super) without: &'v [FileIdentity],
    pub(super) visitor: &'v mut dyn Visitor,
}

/// What images, by number, take of a folder.
type Active<'r> = Vec<(usize, Walk<'r>)>;

impl Beside<'_> {
    /// Walks a folder of the disk that the tree holds as `known`.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub(super) fn known(
        &mut self,
        disk: &Path,
        path: &str,
        known: &Folder,
        active: Active<'_>,
    ) -> Result<(), Diagnostic> {
        let (inside, above): (Active<'_>, Active<'_>) = active
            .into_iter()
            .partition(|(_, walk)| walk.next().is_none());
        let mut on_the_way: BTreeMap<&[u8], Active<'_>> = BTreeMap::new();
        for (image, walk) in above {
            let below = walk.next().and_then(|name| Some((name, walk.enter(name)?)));
            if let Some((name, below)) = below {
                let there = on_the_way.entry(name.as_bytes()).or_default();
                there.push((image, below));
            }
        }
        if inside.is_empty() {
            for (name, active) in on_the_way {
                if let Some(Node::Folder(folder)) = node(known, name) {
                    let (disk, path) = at(disk, path, name);
                    self.known(&disk, &path, folder, active)?;
                }
            }
            return Ok(());
        }
        for (name, kind, entry) in list(disk)? {
            let (disk, path) = at(disk, path, &name);
            let Some(node) = node(known, &name) else {
                if !kind.is_dir() && !self.is_written(&entry) {
                    self.file(&path, &disk, &inside);
                } else if kind.is_dir() {
                    self.unknown(&disk, &path, &inside)?;
                }
                continue;
            };
            if let (Node::Folder(folder), true) = (node, kind.is_dir()) {
                let mut active = entered(&inside, &path);
                active.extend(on_the_way.remove(name.as_slice()).unwrap_or_default());
                if !active.is_empty() && self.visitor.enters(&path) {
                    self.known(&disk, &path, folder, active)?;
                }
            }
        }
        Ok(())
    }

    /// A folder that is in no tree, in one that is.
    fn unknown(&mut self, disk: &Path, path: &str, above: &Active<'_>) -> Result<(), Diagnostic> {
        let active = entered(above, path);
        if active.is_empty() || !self.visitor.enters(path) {
            return Ok(());
        }
        let takers = active.iter().filter(|(_, walk)| any_below(disk, walk));
        let takers: Vec<usize> = takers.map(|(image, _)| *image).collect();
        if takers.is_empty() || !self.visitor.folder(path, &takers) {
            return Ok(());
        }
        self.through(disk, path, &active)
    }

    /// All that is taken of a folder that is in no tree.
    fn through(&mut self, disk: &Path, path: &str, active: &Active<'_>) -> Result<(), Diagnostic> {
        for (name, kind, _) in list(disk)? {
            let (disk, path) = at(disk, path, &name);
            if !kind.is_dir() {
                self.file(&path, &disk, active);
                continue;
            }
            let active = entered(active, &path);
            if !active.is_empty() && self.visitor.enters(&path) {
                self.through(&disk, &path, &active)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &str, disk: &Path, active: &Active<'_>) {
        let name = last(path);
        let takers = active.iter().filter(|(_, walk)| walk.takes(name));
        let takers: Vec<usize> = takers.map(|(image, _)| *image).collect();
        if !takers.is_empty() {
            self.visitor.file(path, disk, &takers);
        }
    }

    fn is_written(&self, entry: &DirEntry) -> bool {
        let mut written = self.without.iter().filter(|file| file.inode == entry.ino());
        written.any(|file| {
            let metadata = entry.metadata();
            metadata.is_ok_and(|metadata| FileIdentity::of(&metadata) == *file)
        })
    }
}

/// Whether a folder holds, at any depth, a file that is taken. One that cannot be read might.
fn any_below(disk: &Path, walk: &Walk<'_>) -> bool {
    let Ok(entries) = list(disk) else {
        return true;
    };
    entries.iter().any(|(name, kind, _)| {
        let text = String::from_utf8_lossy(name);
        if !kind.is_dir() {
            return walk.takes(&text);
        }
        let below = walk.enter(&text);
        below.is_some_and(|below| {
            below.verdict() != Verdict::Ignored && any_below(&at(disk, "", name).0, &below)
        })
    })
}

/// What is still taken of something in a folder of the next name.
fn entered<'r>(active: &Active<'r>, path: &str) -> Active<'r> {
    let name = last(path);
    let entered = active.iter().filter_map(|(image, walk)| {
        let below = walk.enter(name)?;
        (below.verdict() != Verdict::Ignored).then_some((*image, below))
    });
    entered.collect()
}

/// The files, links and folders in a folder, by name; without sockets and the like, which no builder
/// is sent, and without git's own.
fn list(disk: &Path) -> Result<Vec<(Vec<u8>, FileType, DirEntry)>, Diagnostic> {
    let mut entries = Vec::new();
    let read = match fs::read_dir(disk) {
        Ok(read) => read,
        // A sparse checkout leaves folders out, and others may be deleted.
        Err(error) if gone(&error) => return Ok(entries),
        Err(error) => return Err(unreadable(disk, &error)),
    };
    for entry in read {
        let entry = entry.map_err(|error| unreadable(disk, &error))?;
        let kind = entry
            .file_type()
            .map_err(|error| unreadable(disk, &error))?;
        let name = entry.file_name().as_bytes().to_vec();
        let is_sent = kind.is_file() || kind.is_dir() || kind.is_symlink();
        if is_sent && name != GIT_FOLDER {
            entries.push((name, kind, entry));
        }
    }
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(entries)
}

fn at(disk: &Path, path: &str, name: &[u8]) -> (PathBuf, String) {
    let text = String::from_utf8_lossy(name);
    (
        disk.join(std::ffi::OsStr::from_bytes(name)),
        join(path, &text),
    )
}

fn node<'f>(folder: &'f Folder, name: &[u8]) -> Option<NodeRef<'f>> {
    folder.entry(name).map(|entry| entry.node)
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

//! The working tree: the files on the disk that git tracks or does not ignore.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use git2::Repository;

use super::scan::scan;
use super::tracked;
use super::tree::{Tree, WorkingTree};
use crate::diagnostics::{Code, Diagnostic};
use crate::os::{self, Known};
use crate::tree::snapshot::{Folder, Node};

/// A file by what it is rather than by its name: the one that standard output goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileIdentity {
    /// The device that it is on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
}

impl FileIdentity {
    /// The identity of an open file.
    pub(crate) fn of(metadata: &fs::Metadata) -> Self {
        let Known { device, inode, .. } = Known::of(metadata);
        Self { device, inode }
    }
}

/// Reads the working tree of a repository over its HEAD.
pub(super) fn read<'r>(
    repository: &'r Repository,
    start: &[String],
    head: Option<Tree<'r>>,
    without: &[FileIdentity],
) -> Result<Tree<'r>, Diagnostic> {
    let Some(top) = repository.workdir() else {
        return Err(Diagnostic::new(
            Code::NoWorkingTree,
            "this repository is bare: it has no working tree",
        )
        .help("plan a commit with `--rev REV`"));
    };
    let base = head.as_ref().map(Tree::top);
    let scanned = scan(repository, top, base, without)?;
    let mut changed: Vec<String> = scanned
        .changed
        .iter()
        .map(|path| String::from_utf8_lossy(path).into_owned())
        .collect();
    changed.sort();
    let is_new = |path: &&String| base.is_none_or(|base| base.node(path).is_none());
    let new = changed.iter().filter(is_new).cloned().collect();
    let folder = scanned.folder.unwrap_or_else(|| Arc::new(Folder::empty()));
    let working_tree = WorkingTree {
        top: top.to_owned(),
        changed,
        new,
        without: without.to_vec(),
        beside: scanned.beside.into_iter().collect(),
    };
    let revision = head.and_then(|tree| tree.revision().cloned());
    Ok(Tree::with_changes(
        repository,
        start,
        revision,
        &folder,
        Some(working_tree),
    ))
}

/// The bytes of a file on the disk; of a link, its target.
pub(super) fn content(path: &Path) -> Result<Vec<u8>, Diagnostic> {
    let read = || {
        if fs::symlink_metadata(path)?.is_symlink() {
            return os::read_link(path);
        }
        fs::read(path)
    };
    read().map_err(|error| unreadable(path, &error))
}

/// What stands at a path of the disk.
pub(super) enum OnDisk {
    Nothing,
    /// The file that this process writes: whatever it holds, it is not part of the tree.
    Written,
    Node(Node),
}

/// Looks at a path; a folder (a repository of its own inside this one) is read with all it holds.
pub(super) fn on_disk(path: &Path, without: &[FileIdentity]) -> Result<OnDisk, Diagnostic> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if gone(&error) => return Ok(OnDisk::Nothing),
        Err(error) => return Err(unreadable(path, &error)),
    };
    if without.contains(&FileIdentity::of(&metadata)) {
        return Ok(OnDisk::Written);
    }
    if metadata.is_dir() {
        let folder = folder_on_disk(path, without)?;
        return Ok(OnDisk::Node(Node::Folder(Arc::new(folder))));
    }
    let node = tracked::read(path, &metadata)?;
    Ok(node.map_or(OnDisk::Nothing, OnDisk::Node))
}

/// Reads a folder with all that it holds, git's own left out.
pub(super) fn folder_on_disk(path: &Path, without: &[FileIdentity]) -> Result<Folder, Diagnostic> {
    let mut entries = Vec::new();
    let list = fs::read_dir(path).map_err(|error| unreadable(path, &error))?;
    for item in list {
        let item = item.map_err(|error| unreadable(path, &error))?;
        if item.file_name() == ".git" {
            continue;
        }
        if let OnDisk::Node(node) = on_disk(&item.path(), without)? {
            entries.push((os::into_bytes(item.file_name()), node));
        }
    }
    Ok(Folder::new(entries))
}

/// Whether nothing stands at the path.
pub(super) fn gone(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

/// The error for a file of the disk that cannot be read.
pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::new(
        Code::Unreadable,
        format!("`{}` cannot be read: {error}", path.display()),
    )
}

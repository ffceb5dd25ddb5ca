//! The working tree: the commit it stands on, with what git says has changed over it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use git2::{ObjectType, Oid, Repository, StatusOptions};

use super::tree::{Tree, WorkingTree, overlay};
use crate::diagnostics::Diagnostic;
use crate::snapshot::{Folder, Node, NodeRef, blob_id, object_id};

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
    pub fn of(metadata: &fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
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
        return Err(Diagnostic::error(
            "no-working-tree",
            "this repository is bare: it has no working tree",
        )
        .help("plan a commit with `--rev REV`"));
    };
    let base = match &head {
        Some(tree) => commit_folder(repository, tree)?,
        None => Arc::new(Folder::empty()),
    };
    let overlaid = changes(repository, top, &base, without)?;
    let by_path: BTreeMap<&Path, Option<Node>> = overlaid
        .iter()
        .map(|(path, node)| (path.as_path(), node.clone()))
        .collect();
    let folder = Arc::new(overlay(&base, &by_path));
    let mut changed: Vec<String> = overlaid
        .keys()
        .map(|path| path.to_string_lossy().trim_end_matches('/').to_owned())
        .collect();
    changed.sort();
    let working_tree = WorkingTree {
        top: top.to_owned(),
        changed,
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
            return Ok(fs::read_link(path)?.as_os_str().as_bytes().to_vec());
        }
        fs::read(path)
    };
    read().map_err(|error| unreadable(path, &error))
}

/// The whole tree of the commit, from the top rather than from the root of the plan.
fn commit_folder(repository: &Repository, tree: &Tree<'_>) -> Result<Arc<Folder>, Diagnostic> {
    let revision = tree.revision().expect("a commit's tree has a revision");
    let id = Oid::from_bytes(&revision.id.0).expect("an object id has 20 bytes");
    let read = || super::tree::read_folder(repository, repository.find_commit(id)?.tree_id());
    read().map_err(|error| super::tree::not_read(&error))
}

/// What stands at each path that is not as in the commit; none where nothing does.
fn changes(
    repository: &Repository,
    top: &Path,
    base: &Folder,
    without: &[FileIdentity],
) -> Result<BTreeMap<PathBuf, Option<Node>>, Diagnostic> {
    let mut options = StatusOptions::new();
    options
        .include_untracked(true)
        .recurse_untracked_dirs(true)
        .include_ignored(false)
        .renames_head_to_index(false)
        .renames_index_to_workdir(false)
        .no_refresh(true);
    let statuses = repository.statuses(Some(&mut options)).map_err(|error| {
        Diagnostic::error(
            "unreadable-repository",
            format!("the working tree cannot be read: {}", error.message()),
        )
    })?;
    let keep_mode = !repository
        .config()
        .and_then(|config| config.get_bool("core.fileMode"))
        .unwrap_or(true);
    let mut changes = BTreeMap::new();
    for status in statuses.iter() {
        let path = PathBuf::from(std::ffi::OsStr::from_bytes(status.path_bytes()));
        let before = path
            .to_str()
            .and_then(|path| base.node(path.trim_end_matches('/')));
        if let Some(Node::Submodule { .. }) = before {
            continue;
        }
        let mut node = match on_disk(&top.join(&path), without)? {
            OnDisk::Written => continue,
            OnDisk::Node(node) => Some(node),
            OnDisk::Nothing => None,
        };
        if let (true, Some(Node::File { executable, .. })) = (keep_mode, &mut node) {
            *executable = matches!(
                before,
                Some(Node::File {
                    executable: true,
                    ..
                })
            );
        }
        // Staged and then put back, or the very file that is being written.
        if node != before.map(NodeRef::to_owned) {
            changes.insert(path, node);
        }
    }
    Ok(changes)
}

/// What stands at a path of the disk.
enum OnDisk {
    Nothing,
    /// The file that this process writes: whatever it holds, it is not part of the tree.
    Written,
    Node(Node),
}

/// Looks at a path; a folder (a repository of its own inside this one) is read with all it holds.
fn on_disk(path: &Path, without: &[FileIdentity]) -> Result<OnDisk, Diagnostic> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if gone(&error) => return Ok(OnDisk::Nothing),
        Err(error) => return Err(unreadable(path, &error)),
    };
    if without.contains(&FileIdentity::of(&metadata)) {
        return Ok(OnDisk::Written);
    }
    let kind = metadata.file_type();
    if kind.is_dir() {
        let folder = folder_on_disk(path, without)?;
        return Ok(OnDisk::Node(Node::Folder(Arc::new(folder))));
    }
    if kind.is_symlink() {
        let target = content(path)?;
        return Ok(OnDisk::Node(Node::Link {
            id: blob_id(&target),
        }));
    }
    if !kind.is_file() {
        // A socket or a pipe: no builder sends it.
        return Ok(OnDisk::Nothing);
    }
    let id = Oid::hash_file(ObjectType::Blob, path).map_err(|error| {
        Diagnostic::error(
            "unreadable",
            format!("`{}` cannot be read: {}", path.display(), error.message()),
        )
    })?;
    Ok(OnDisk::Node(Node::File {
        executable: metadata.permissions().mode() & 0o100 != 0,
        id: object_id(id),
    }))
}

fn folder_on_disk(path: &Path, without: &[FileIdentity]) -> Result<Folder, Diagnostic> {
    let mut entries = Vec::new();
    let list = fs::read_dir(path).map_err(|error| unreadable(path, &error))?;
    for item in list {
        let item = item.map_err(|error| unreadable(path, &error))?;
        if item.file_name() == ".git" {
            continue;
        }
        if let OnDisk::Node(node) = on_disk(&item.path(), without)? {
            entries.push((item.file_name().as_bytes().to_vec(), node));
        }
    }
    Ok(Folder::new(entries))
}

fn gone(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(
        "unreadable",
        format!("`{}` cannot be read: {error}", path.display()),
    )
}

//! Sealed build contexts: folders that hold exactly the input files of an image.
//!
//! They are written from git (where the working tree is planned: from its files, checked against
//! the planned ids) into the git directory, at a path that names the content. So a build reads what
//! its fingerprint counts and nothing else, the working tree may change meanwhile, and an equal
//! context is written once. The path must differ where the content does: BuildKit compares a local
//! context with what it was sent before from the same path by size and time alone.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use git2::{Oid, Repository};

use super::Checkout;
use super::kept::{self, Kept, UNFINISHED};
use super::lfs::{self, Pointer};
use super::tree::Tree;
use crate::diagnostics::{Code, Diagnostic};
use crate::paths::join;
use crate::tree::snapshot::{Folder, Missing, Node, ObjectId, blob_id};

/// Within the git directory.
const KNOWN_IMAGES: &str = "shipwright/images";
/// Modification time of sealed files: 1980-01-01 00:00 UTC, the earliest that a zip archive can
/// hold. One time for all, as builds are to depend on contents alone.
const TIME: Duration = Duration::from_secs(315_532_800);

/// Writes sealed contexts of one tree. Shared between threads; each call opens the repository.
#[derive(Debug, Clone)]
pub(crate) struct Sealer {
    git_directory: PathBuf,
    kept: Kept,
    /// Whether this one has written anything.
    wrote: Arc<AtomicBool>,
    /// Folders of the objects of submodules.
    objects: Vec<PathBuf>,
    /// Whom to ask for what a partial clone lacks.
    missing: Missing,
    /// Files below the root of the plan that git has pointers for, and where git-lfs keeps contents.
    lfs: BTreeSet<String>,
    lfs_stores: Vec<PathBuf>,
    /// The working tree's root of the plan, and paths below it that are not as in the commit.
    disk: Option<(PathBuf, BTreeSet<String>)>,
}

impl Sealer {
    /// A sealer for a tree of a checkout; `lfs` are the files, by path from the root of the plan,
    /// whose contents git-lfs keeps.
    pub(crate) fn new(checkout: &Checkout, tree: &Tree<'_>, lfs: BTreeSet<String>) -> Self {
        let changed = tree.changed().into_iter().map(str::to_owned);
        let changed = changed.chain(tree.added.files.keys().cloned()).collect();
        let submodules = tree.added.submodules.iter();
        let objects: Vec<PathBuf> = submodules
            .filter_map(|submodule| submodule.objects.clone())
            .collect();
        let git_directory = checkout.repository.commondir().to_owned();
        Self {
            kept: Kept::of(&git_directory),
            wrote: Arc::default(),
            missing: tree.nothing_missing(),
            lfs_stores: if lfs.is_empty() {
                Vec::new()
            } else {
                let inner = objects.iter().filter_map(|objects| objects.parent());
                let all = [&*git_directory].into_iter().chain(inner);
                all.map(lfs::store).collect()
            },
            lfs,
            objects,
            git_directory,
            disk: checkout.folder(tree).map(|root| (root, changed)),
        }
    }

    /// The folder that holds exactly `inputs`, which stand below `context` in the tree. Written
    /// where it is not there yet.
    ///
    /// # Errors
    /// When a file cannot be read or written, or is not what was planned.
    pub(crate) fn context(&self, context: &str, inputs: &Folder) -> Result<PathBuf, Diagnostic> {
        let kept = self.kept.at(self.content_id(context, inputs));
        self.write_once(&kept, |writer, folder| {
            writer.refuse_missing(context, inputs)?;
            writer.folder(context, inputs, folder)
        })
    }

    /// The id of all that a context holds. Its tree has pointers for what git-lfs keeps.
    fn content_id(&self, context: &str, inputs: &Folder) -> ObjectId {
        let mut paths = Vec::new();
        if !self.lfs.is_empty() {
            inputs.walk(&mut |path, _| {
                if self.lfs.contains(&join(context, path)) {
                    paths.push(path.to_owned());
                }
            });
        }
        if paths.is_empty() {
            return inputs.id();
        }
        let id = inputs.id();
        blob_id(format!("{id} with the contents of\0{}", paths.join("\0")).as_bytes())
    }

    /// A file that holds a Dockerfile's text. Beside it stands an ignore file of its own that
    /// ignores nothing: what is ignored is left out of the context already.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn dockerfile(&self, text: &[u8]) -> Result<PathBuf, Diagnostic> {
        let kept = self.kept.at(blob_id(text));
        let folder = self.write_once(&kept, |_, folder| {
            for (name, content) in [("Dockerfile", text), ("Dockerfile.dockerignore", b"!*\n")] {
                let file = folder.join(name);
                fs::write(&file, content).map_err(|error| unwritable(&file, &error))?;
            }
            Ok(())
        })?;
        Ok(folder.join("Dockerfile"))
    }

    /// The git directory, which is there in a bare repository too.
    pub(crate) fn git_directory(&self) -> &Path {
        &self.git_directory
    }

    /// The file, beside the contexts, for what `exec` learns of images.
    pub(crate) fn known_images(&self) -> PathBuf {
        self.git_directory.join(KNOWN_IMAGES)
    }

    /// Removes contexts that have not been used for a while. Gives where the others are, how many,
    /// and their bytes, if this sealer has written any.
    pub(crate) fn tidy(&self) -> Option<(&Path, usize, u64)> {
        self.kept.remove_unused();
        if !self.wrote.load(Ordering::Relaxed) {
            return None;
        }
        let (count, bytes) = self.kept.size();
        Some((self.kept.folder(), count, bytes))
    }

    /// Writes a folder under a temporary name and renames it, so that it is there whole or not at
    /// all, whoever else writes the same one.
    fn write_once(
        &self,
        kept: &Path,
        write: impl FnOnce(&Writer<'_>, &Path) -> Result<(), Diagnostic>,
    ) -> Result<PathBuf, Diagnostic> {
        if kept::take(kept) {
            return Ok(kept.to_owned());
        }
        self.wrote.store(true, Ordering::Relaxed);
        let parent = self.kept.folder();
        fs::create_dir_all(parent).map_err(|error| unwritable(parent, &error))?;
        let temporary = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempdir_in(parent)
            .map_err(|error| unwritable(parent, &error))?;
        let repository = self.repository().map_err(|error| {
            Diagnostic::new(
                Code::UnreadableRepository,
                format!("the repository cannot be read: {}", error.message()),
            )
        })?;
        let writer = Writer {
            repository: &repository,
            sealer: self,
        };
        write(&writer, temporary.path())?;
        set_mode(temporary.path(), 0o755)?;
        match fs::rename(temporary.path(), kept) {
            Ok(()) => {
                // Renamed away: there is nothing left to remove.
                let _ = temporary.keep();
            }
            Err(_) if kept.is_dir() => {}
            Err(error) => return Err(unwritable(kept, &error)),
        }
        Ok(kept.to_owned())
    }

    /// The repository, with the objects of submodules.
    fn repository(&self) -> Result<Repository, git2::Error> {
        let repository = Repository::open(&self.git_directory)?;
        for objects in &self.objects {
            let odb = repository.odb()?;
            odb.add_disk_alternate(&objects.to_string_lossy())?;
        }
        Ok(repository)
    }
}

struct Writer<'a> {
    repository: &'a Repository,
    sealer: &'a Sealer,
}

impl Writer<'_> {
    /// One error for all contents that a partial clone lacks.
    fn refuse_missing(&self, context: &str, inputs: &Folder) -> Result<(), Diagnostic> {
        let mut missing = self.sealer.missing.clone();
        let Ok(objects) = self.repository.odb() else {
            return Ok(());
        };
        inputs.walk(&mut |path, node| {
            let (Node::File { id, .. } | Node::Link { id }) = node else {
                return;
            };
            let path = join(context, path);
            let is_there = Oid::from_bytes(&id.0).is_ok_and(|id| objects.exists(id));
            if !is_there && self.on_disk(&path).is_none() {
                missing.blobs.insert(path, id);
            }
        });
        missing
            .error(missing.blobs.keys().map(String::as_str))
            .map_or(Ok(()), Err)
    }

    /// Where a file stands on the disk, if it is read from there.
    fn on_disk(&self, path: &str) -> Option<PathBuf> {
        let (root, changed) = self.sealer.disk.as_ref()?;
        let ends = path.match_indices('/').map(|(at, _)| at);
        let mut ends = ends.chain([path.len()]);
        ends.any(|end| changed.contains(&path[..end]))
            .then(|| root.join(path))
    }

    /// Writes what a folder of the plan holds into one of the disk.
    fn folder(&self, path: &str, folder: &Folder, to: &Path) -> Result<(), Diagnostic> {
        use std::os::unix::ffi::OsStrExt;
        for entry in folder.entries() {
            let to = to.join(std::ffi::OsStr::from_bytes(entry.name));
            let path = match path {
                "." | "" => entry.name().into_owned(),
                folder => format!("{folder}/{}", entry.name()),
            };
            match entry.node {
                Node::Folder(inner) => {
                    fs::create_dir(&to).map_err(|error| unwritable(&to, &error))?;
                    self.folder(&path, inner, &to)?;
                    set_mode(&to, 0o755)?;
                    set_time(&to)?;
                }
                Node::File { executable, id } => {
                    let content = self.content(&path, id)?;
                    match Pointer::parse(&content).filter(|_| self.sealer.lfs.contains(&path)) {
                        Some(pointer) => self.large(&path, &pointer, &to)?,
                        None => write_new(&to, &content)?,
                    }
                    set_mode(&to, if executable { 0o755 } else { 0o644 })?;
                    set_time(&to)?;
                }
                Node::Link { id } => {
                    let target = self.content(&path, id)?;
                    symlink(std::ffi::OsStr::from_bytes(&target), &to)
                        .map_err(|error| unwritable(&to, &error))?;
                }
                // As in a checkout whose submodules are not initialised.
                Node::Submodule { .. } => {
                    fs::create_dir(&to).map_err(|error| unwritable(&to, &error))?;
                    set_mode(&to, 0o755)?;
                    set_time(&to)?;
                }
            }
        }
        Ok(())
    }

    /// Writes what git-lfs keeps.
    fn large(&self, path: &str, pointer: &Pointer, to: &Path) -> Result<(), Diagnostic> {
        let file = self.sealer.disk.as_ref().map(|(root, _)| root.join(path));
        let content = pointer.content(&self.sealer.lfs_stores, file.as_deref());
        let Some(content) = content else {
            let message = format!("what git-lfs keeps for `{path}` is not here");
            return Err(Diagnostic::new(Code::LfsMissing, message).help(
                "fetch it: `git lfs fetch` (of another revision: `git lfs fetch origin REV`)",
            ));
        };
        fs::copy(&content, to).map_err(|error| unwritable(to, &error))?;
        Ok(())
    }

    /// The bytes with that id: from git, else from the working tree's file if it still is what was
    /// planned.
    fn content(&self, path: &str, id: ObjectId) -> Result<Vec<u8>, Diagnostic> {
        let wanted = Oid::from_bytes(&id.0).expect("an object id has 20 bytes");
        if let Ok(blob) = self.repository.find_blob(wanted) {
            return Ok(blob.content().to_vec());
        }
        if let Some(file) = self.on_disk(path) {
            let content = super::working_tree::content(&file)?;
            if blob_id(&content) == id {
                return Ok(content);
            }
            return Err(super::stable::changed(path));
        }
        Err(super::tree::missing_object(path, "its object is not there"))
    }
}

/// Writes a file that must not be there: on some file systems two names are one.
fn write_new(to: &Path, content: &[u8]) -> Result<(), Diagnostic> {
    use std::io::Write;
    let write = || fs::File::create_new(to)?.write_all(content);
    write().map_err(|error| unwritable(to, &error))
}

fn set_mode(path: &Path, mode: u32) -> Result<(), Diagnostic> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(|error| unwritable(path, &error))
}

fn set_time(path: &Path) -> Result<(), Diagnostic> {
    let time = SystemTime::UNIX_EPOCH + TIME;
    let set = || fs::File::open(path)?.set_modified(time);
    set().map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::new(
        Code::Unwritable,
        format!("`{}` cannot be written: {error}", path.display()),
    )
}

//! Sealed build contexts: folders that hold exactly the input files of an image.
//!
//! They are written from git (where the working tree is planned: from its files, checked against
//! the planned ids) into the git directory, at a path that names the content. So a build reads what
//! its fingerprint counts and nothing else, the working tree may change meanwhile, and an equal
//! context is written once. The path must differ where the content does: BuildKit compares a local
//! context with what it was sent before from the same path by size and time alone.
//!
//! A context is on the disk before its name is, and what is found under a name is held against what
//! the name says before a build is given it: neither a power loss nor another program can put other
//! files into an image.

#[cfg(test)]
mod tests;
mod verify;
mod writer;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use git2::Repository;

use super::Checkout;
use super::context_store::{self, ContextStore, UNFINISHED};
use super::lfs;
use super::tree::Tree;
use crate::diagnostics::{Code, Diagnostic};
use crate::os;
use crate::paths::join;
use crate::tree::snapshot::{Folder, Missing, Node, ObjectId, blob_id};
use writer::{Writer, set_mode};

/// Within the git directory.
const KNOWN_IMAGES: &str = "shipwright/images";
/// Within a git directory: the entries of lock files that registries were found to agree with.
const KNOWN_BASES: &str = "shipwright/bases";
/// Beside a Dockerfile: ignores nothing, for what is ignored is left out of the context already.
const IGNORE_NOTHING: &[u8] = b"!*\n";

/// Writes sealed contexts of one tree. Shared between threads; each call opens the repository.
#[derive(Debug, Clone)]
pub(crate) struct Sealer {
    git_directory: PathBuf,
    kept: ContextStore,
    /// Whether this one has written anything.
    wrote: Arc<AtomicBool>,
    /// The contents that were written or held against their ids: once a run is enough.
    verified: Arc<Mutex<BTreeSet<ObjectId>>>,
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
            kept: ContextStore::of(&git_directory),
            wrote: Arc::default(),
            verified: Arc::default(),
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

    /// One that writes into that folder, and not to where the contexts of `exec` are kept.
    pub(crate) fn into_folder(self, folder: PathBuf) -> Self {
        Self {
            kept: ContextStore::at_folder(folder),
            ..self
        }
    }

    /// The folder that holds exactly `inputs`, which stand below `context` in the tree. Written
    /// where it is not there yet, or not as it was written.
    ///
    /// # Errors
    /// When a file cannot be read or written, or is not what was planned.
    pub(crate) fn context(&self, context: &str, inputs: &Folder) -> Result<PathBuf, Diagnostic> {
        let id = self.content_id(context, inputs);
        self.provide(id, context, inputs, |writer, folder| {
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
    /// ignores nothing.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn dockerfile(&self, text: &[u8]) -> Result<PathBuf, Diagnostic> {
        let files = [
            ("Dockerfile", text),
            ("Dockerfile.dockerignore", IGNORE_NOTHING),
        ];
        let expected = Folder::new(files.map(|(name, text)| {
            let (executable, id) = (false, blob_id(text));
            (name, Node::File { executable, id })
        }));
        // No path that git-lfs keeps is below this folder.
        let folder = self.provide(blob_id(text), ".git", &expected, |_, folder| {
            for (name, text) in files {
                writer::file(&folder.join(name), false, text)?;
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

    /// The file, beside the contexts, for what `exec` found right of locked bases.
    pub(crate) fn known_bases(&self) -> PathBuf {
        self.git_directory.join(KNOWN_BASES)
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

    /// The folder that is kept under an id: as it is there, if it holds `expected` and nothing else;
    /// else written under a temporary name and renamed, so that it is there whole or not at all,
    /// whoever else writes the same one.
    fn provide(
        &self,
        id: ObjectId,
        path: &str,
        expected: &Folder,
        write: impl FnOnce(&Writer<'_>, &Path) -> Result<(), Diagnostic>,
    ) -> Result<PathBuf, Diagnostic> {
        let kept = self.kept.at(id);
        if self.verified().contains(&id) && context_store::take(&kept) {
            return Ok(kept);
        }
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
        if writer.holds(path, expected, &kept) && context_store::take(&kept) {
            self.verified().insert(id);
            return Ok(kept);
        }
        self.kept
            .remove(&kept)
            .map_err(|error| unwritable(&kept, &error))?;
        self.wrote.store(true, Ordering::Relaxed);
        let parent = self.kept.folder();
        fs::create_dir_all(parent).map_err(|error| unwritable(parent, &error))?;
        let temporary = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempdir_in(parent)
            .map_err(|error| unwritable(parent, &error))?;
        write(&writer, temporary.path())?;
        set_mode(temporary.path(), 0o755)?;
        os::sync_all(temporary.path()).map_err(|error| unwritable(temporary.path(), &error))?;
        match fs::rename(temporary.path(), &kept) {
            Ok(()) => {
                // Renamed away: there is nothing left to remove.
                let _ = temporary.keep();
                os::sync_names(parent).map_err(|error| unwritable(parent, &error))?;
            }
            // Another run was faster.
            Err(_) if writer.holds(path, expected, &kept) => {}
            Err(error) => return Err(unwritable(&kept, &error)),
        }
        self.verified().insert(id);
        Ok(kept)
    }

    fn verified(&self) -> std::sync::MutexGuard<'_, BTreeSet<ObjectId>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
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

fn unwritable(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::new(
        Code::Unwritable,
        format!("`{}` cannot be written: {error}", path.display()),
    )
}

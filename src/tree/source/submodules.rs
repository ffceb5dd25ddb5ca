//! Submodules: the files that they have at the commit which the repository records for them.
//!
//! Only those that an image takes from are looked at. The objects of a submodule are in a repository
//! of its own, in its folder or below the git directory; they are read as if they were ours.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use git2::{Oid, Repository, StatusOptions};

use super::tree::{Unread, not_read, read_folder};
use crate::diagnostics::{Code, Diagnostic, listed};
use crate::paths::join;
use crate::planner::inputs::Reach;
use crate::tree::snapshot::{Folder, Node, ObjectId, object_id};

/// A submodule that some image takes from.
#[derive(Debug, Clone)]
pub(super) struct Submodule {
    /// From the root of the plan.
    pub(super) path: String,
    /// The commit that the repository records.
    pub(super) recorded: ObjectId,
    /// Its files; none where its commit is not there.
    pub(super) files: Option<Arc<Folder>>,
    /// Its folder of objects; none where it has no repository here.
    pub(super) objects: Option<PathBuf>,
}

/// Finds submodules and reads those that are reached.
pub(super) struct Reader<'a> {
    pub(super) reach: &'a [Arc<Reach>],
    /// Whether what is checked out counts rather than what is recorded.
    pub(super) checked_out: bool,
    /// What was found, nested ones after those that hold them.
    pub(super) found: Vec<Submodule>,
}

impl Reader<'_> {
    /// Reads the submodules below a folder of a repository, which stands at `path` from the root of
    /// the plan and at `from_top` from the top of that repository.
    ///
    /// # Errors
    /// When a tree of one is malformed.
    pub(super) fn below(
        &mut self,
        repository: &Repository,
        folder: &Folder,
        path: &str,
        from_top: &str,
    ) -> Result<(), Diagnostic> {
        for entry in folder.entries() {
            let (Node::Folder(_) | Node::Submodule { .. }) = entry.node else {
                continue;
            };
            let path = join(path, &entry.name());
            let from_top = join(from_top, &entry.name());
            match &entry.node {
                Node::Folder(inner) => self.below(repository, inner, &path, &from_top)?,
                _ if self.reach.iter().any(|reach| reach.reaches(&path)) => {
                    self.read(repository, &path, &from_top, entry.node.id())?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn read(
        &mut self,
        parent: &Repository,
        path: &str,
        from_top: &str,
        recorded: ObjectId,
    ) -> Result<(), Diagnostic> {
        let mut submodule = Submodule {
            path: path.to_owned(),
            recorded,
            files: None,
            objects: None,
        };
        let Some(repository) = open(parent, from_top) else {
            self.found.push(submodule);
            return Ok(());
        };
        submodule.objects = Some(repository.commondir().join("objects"));
        let checked_out = head(&repository).filter(|_| self.checked_out);
        let commit = checked_out.unwrap_or(recorded);
        let id = Oid::from_bytes(&commit.0).expect("an object id has 20 bytes");
        let commit = repository.find_commit(id);
        let files = commit.map(|commit| read_folder(&repository, commit.tree_id()));
        submodule.files = match files {
            Ok(Err(error @ Unread::Tree(..))) => return Err(not_read(&error)),
            files => files.ok().and_then(Result::ok),
        };
        let inner = submodule.files.clone();
        self.found.push(submodule);
        match inner {
            Some(inner) => self.below(&repository, &inner, path, ""),
            None => Ok(()),
        }
    }
}

/// The repository of a submodule: in its folder, or where git keeps it in ours.
pub(super) fn open(parent: &Repository, from_top: &str) -> Option<Repository> {
    if let Some(top) = parent.workdir() {
        let folder = top.join(from_top);
        // Without a `.git` of its own the folder would lead to the repository that it is in.
        if folder.join(".git").exists()
            && let Ok(repository) = Repository::open(folder)
        {
            return Some(repository);
        }
    }
    let submodule = parent.find_submodule(from_top).ok();
    let name = submodule.and_then(|submodule| submodule.name().ok().map(str::to_owned));
    let name = name.unwrap_or_else(|| from_top.to_owned());
    let kept = Path::new("modules").join(name);
    let folders = [parent.path(), parent.commondir()];
    folders
        .iter()
        .find_map(|folder| Repository::open(folder.join(&kept)).ok())
}

/// The commit that is checked out.
pub(super) fn head(repository: &Repository) -> Option<ObjectId> {
    let commit = repository.head().ok()?.peel_to_commit().ok()?;
    Some(object_id(commit.id()))
}

/// Paths in a submodule that are not as in the commit that is checked out.
fn modified(repository: &Repository) -> Result<Vec<String>, Diagnostic> {
    let mut options = StatusOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(true);
    let statuses = repository.statuses(Some(&mut options)).map_err(|error| {
        let message = format!("a submodule cannot be read: {}", error.message());
        Diagnostic::new(Code::UnreadableRepository, message)
    })?;
    let paths = statuses.iter();
    Ok(paths
        .map(|status| String::from_utf8_lossy(status.path_bytes()).into_owned())
        .collect())
}

impl Submodule {
    /// A warning where images take git's own file of the submodule.
    pub(super) fn git_file(&self, images: &[(&str, &[Arc<Reach>])]) -> Option<Diagnostic> {
        let file = join(&self.path, ".git");
        let takes = |reach: &Arc<Reach>| reach.takes(&file);
        let takers = images.iter().filter(|(_, reach)| reach.iter().any(takes));
        let takers: Vec<&str> = takers.map(|(name, _)| *name).collect();
        if takers.is_empty() {
            return None;
        }
        let message = format!(
            "{} would take `{file}` too, which does not count",
            listed(takers)
        );
        let help = "add the line `**/.git` to `.dockerignore` in the build context";
        Some(Diagnostic::new(Code::GitFolder, message).help(help))
    }

    /// Why images cannot be built from the submodule as it is here, if they cannot. `folder` is where
    /// its files should stand on the disk; none where these do not matter.
    ///
    /// # Errors
    /// When its working tree cannot be read.
    pub(super) fn problem(
        &self,
        folder: Option<&Path>,
        checked_out: bool,
        images: &[(&str, &[Arc<Reach>])],
    ) -> Result<Option<Diagnostic>, Diagnostic> {
        let path = &self.path;
        let takers = |path: &str| {
            let reaching = |reach: &Arc<Reach>| reach.reaches(path);
            let takers = images
                .iter()
                .filter(|(_, reach)| reach.iter().any(reaching));
            takers.map(|(name, _)| *name).collect::<Vec<_>>()
        };
        let images = takers(path);
        if images.is_empty() {
            return Ok(None);
        }
        let images = listed(images);
        let missing = |help: String| {
            let message =
                format!("the submodule `{path}`, of which {images} would take files, is not here");
            let error = Diagnostic::new(Code::SubmoduleMissing, message);
            Ok(Some(error.help(format!("fetch it: `{help}`"))))
        };
        let init = format!("git submodule update --init -- {path}");
        if self.files.is_none() {
            return missing(match (&self.objects, folder) {
                (Some(_), None) => format!("git -C {path} fetch origin {}", self.recorded),
                _ => init,
            });
        }
        let Some(folder) = folder else {
            return Ok(None);
        };
        if !folder.join(".git").exists() {
            return missing(init);
        }
        let Ok(repository) = Repository::open(folder) else {
            return missing(init);
        };
        if !checked_out && head(&repository) != Some(self.recorded) {
            let message = format!(
                "another commit of the submodule `{path}`, of which {images} would take files, is checked out"
            );
            let error = Diagnostic::new(Code::SubmoduleDirty, message)
                .help(format!(
                    "go back to the one that is recorded: `git submodule update -- {path}`"
                ))
                .help(format!("or record the other: `git add {path}`, and commit"));
            return Ok(Some(error));
        }
        let mut changed = modified(&repository)?;
        changed.retain(|changed| !takers(&join(path, changed.trim_end_matches('/'))).is_empty());
        if changed.is_empty() {
            return Ok(None);
        }
        let message =
            format!("the submodule `{path}`, of which {images} would take files, has changes");
        let changed = listed(changed.iter().map(String::as_str));
        let error = Diagnostic::new(Code::SubmoduleDirty, message)
            .help(format!("changed: {changed}"))
            .help(format!(
                "commit them there, or put them away: `git -C {path} stash -u`"
            ));
        Ok(Some(error))
    }
}

//! Submodules: the files that they have at the commit which the repository records for them.
//!
//! Only those that an image takes from are looked at. The objects of a submodule are in a repository
//! of its own, in its folder or below the git directory; they are read as if they were ours.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use git2::{Oid, Repository, StatusOptions};

use super::folders::{Unread, read_folder};
use super::tree::{Tree, not_read};
use crate::diagnostics::{Code, Diagnostic, listed};
use crate::paths::join;
use crate::tree::snapshot::{Entry, Folder, Node, ObjectId, object_id};

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
    /// Its git directory; none where it has none here.
    git_folder: Option<PathBuf>,
}

/// Who takes what: asked of the planner, which alone knows.
pub(crate) trait Takers {
    /// The names of the images that take something at or below a path from the root of the plan.
    ///
    /// # Errors
    /// When a folder of the disk cannot be read.
    fn of(&self, path: &str) -> Result<Vec<&str>, Diagnostic>;

    /// The names of those that would take the file at a path if it were there.
    ///
    /// # Errors
    /// As for [`Takers::of`].
    fn would_be(&self, file: &str) -> Result<Vec<&str>, Diagnostic>;
}

impl Tree<'_> {
    /// The paths, from the root of the plan, of all submodules whose files are not added yet.
    pub(crate) fn unread_submodules(&self) -> Vec<String> {
        let mut paths = Vec::new();
        let is_submodule = |entry: Entry<'_>| matches!(entry.node, Node::Submodule { .. });
        self.added
            .sources
            .walk_where(&is_submodule, &mut |path, node| {
                if matches!(node, Node::Submodule { .. }) {
                    paths.push(path.to_owned());
                }
            });
        let read = |path: &String| self.added.submodules.iter().any(|read| read.path == *path);
        paths.retain(|path| !read(path));
        paths
    }

    /// Adds the files that submodules have at their commits, where these are here.
    ///
    /// # Errors
    /// When a tree of one is malformed.
    pub(crate) fn add_submodules(&mut self, paths: &[String]) -> Result<(), Diagnostic> {
        for path in paths {
            let Some(Node::Submodule { id }) = self.added.sources.node(path) else {
                continue;
            };
            let above = self.added.submodules.iter().filter_map(|above| {
                let below = path.strip_prefix(&above.path)?.strip_prefix('/')?;
                Some((Repository::open(above.git_folder.as_ref()?).ok()?, below))
            });
            let nearest = above.max_by_key(|(_, below)| std::cmp::Reverse(below.len()));
            let submodule = if let Some((parent, below)) = nearest {
                self.submodule(&parent, path, below, id)?
            } else {
                let from_top = join(self.root_path(), path);
                self.submodule(self.repository, path, &from_top, id)?
            };
            if let (Ok(odb), Some(objects)) = (self.repository.odb(), &submodule.objects) {
                odb.add_disk_alternate(&objects.to_string_lossy())
                    .map_err(|error| not_read(&error.into()))?;
            }
            if let Some(files) = &submodule.files {
                let node = Node::Folder(Arc::clone(files));
                let change = BTreeMap::from([(PathBuf::from(path), node)]);
                self.added.sources = self.added.sources.with(&change);
            }
            // Submodules have attributes of their own.
            self.attributes.take();
            self.added.submodules.push(submodule);
        }
        Ok(())
    }

    /// A submodule of a repository, which stands at `from_top` from the top of that.
    fn submodule(
        &self,
        parent: &Repository,
        path: &str,
        from_top: &str,
        recorded: ObjectId,
    ) -> Result<Submodule, Diagnostic> {
        let mut submodule = Submodule {
            path: path.to_owned(),
            recorded,
            files: None,
            objects: None,
            git_folder: None,
        };
        let Some(repository) = open(parent, from_top) else {
            return Ok(submodule);
        };
        submodule.objects = Some(repository.commondir().join("objects"));
        submodule.git_folder = Some(repository.path().to_owned());
        let checked_out = head(&repository).filter(|_| self.disk.is_some());
        let commit = checked_out.unwrap_or(recorded);
        let id = Oid::from_bytes(&commit.0).expect("an object id has 20 bytes");
        let files = repository.find_commit(id);
        let files = files.map(|commit| read_folder(&repository, commit.tree_id()));
        submodule.files = match files {
            Ok(Err(error @ Unread::Tree(..))) => return Err(not_read(&error)),
            files => files.ok().and_then(Result::ok),
        };
        Ok(submodule)
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
    ///
    /// # Errors
    /// When a folder of the disk cannot be read.
    pub(super) fn git_file(&self, takers: &dyn Takers) -> Result<Option<Diagnostic>, Diagnostic> {
        let file = join(&self.path, ".git");
        let takers = takers.would_be(&file)?;
        if takers.is_empty() {
            return Ok(None);
        }
        let message = format!(
            "{} would also copy `{file}`, which does not affect the fingerprint",
            listed(takers)
        );
        let help = "add the line `**/.git` to `.dockerignore` in the build context";
        Ok(Some(Diagnostic::new(Code::GitFolder, message).help(help)))
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
        takers: &dyn Takers,
    ) -> Result<Option<Diagnostic>, Diagnostic> {
        let path = &self.path;
        let images = takers.of(path)?;
        if images.is_empty() {
            return Ok(None);
        }
        let images = listed(images);
        let missing = |help: String| {
            let message =
                format!("the submodule `{path}`, which {images} would copy files from, is missing");
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
                "another commit is checked out in the submodule `{path}`, which {images} would copy files from"
            );
            let error = Diagnostic::new(Code::SubmoduleDirty, message)
                .help(format!(
                    "check out the recorded commit: `git submodule update -- {path}`"
                ))
                .help(format!(
                    "or record the new one: `git add {path}`, and commit"
                ));
            return Ok(Some(error));
        }
        let mut changed = Vec::new();
        for file in modified(&repository)? {
            if !takers
                .of(&join(path, file.trim_end_matches('/')))?
                .is_empty()
            {
                changed.push(file);
            }
        }
        if changed.is_empty() {
            return Ok(None);
        }
        let message = format!(
            "the submodule `{path}`, which {images} would copy files from, has uncommitted changes"
        );
        let changed = listed(changed.iter().map(String::as_str));
        let error = Diagnostic::new(Code::SubmoduleDirty, message)
            .help(format!("changed: {changed}"))
            .help(format!(
                "commit them there, or stash them: `git -C {path} stash -u`"
            ));
        Ok(Some(error))
    }
}

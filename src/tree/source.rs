//! The only reading of a repository: a commit or the working tree becomes a `Snapshot`.
//!
//! ```text
//! Checkout::open ─▶ commit(…) | working_tree(…) ─▶ Tree ─▶ read(".shipwright.json"), snapshot(…)
//! ```
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this module is the one that reads a repository"
)]

mod additions;
mod changing;
mod checked_out;
mod context_store;
mod converted;
mod disk;
mod folders;
mod index;
mod lfs;
mod open;
mod origins;
mod partial;
mod read_otherwise;
mod scan;
mod sealed;
mod submodules;
mod tracked;
mod tree;
mod working_tree;

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use git2::{ErrorCode, Repository};

use crate::diagnostics::{Code, Diagnostic};
use crate::tree::snapshot::{Revision, object_id};

pub(crate) use additions::DiskFiles;
pub(crate) use checked_out::Taken;
pub(crate) use disk::{DiskFolder, DiskView, Seen};
pub(crate) use origins::Origins;
pub(crate) use sealed::Sealer;
pub(crate) use submodules::Takers;
pub(crate) use tree::Tree;
pub(crate) use working_tree::FileIdentity;

use folders::Folders;

/// Name of the configuration file; the nearest one upward marks the root of the plan.
pub(crate) const CONFIG_FILE: &str = ".shipwright.json";

/// An opened repository and the folder in it that the program was started from.
pub struct Checkout {
    repository: Repository,
    /// Names of the folders from the top of the checkout down to where the program was started.
    start: Vec<String>,
    /// The folders of the commits that were read.
    read: RefCell<Folders>,
}

impl Checkout {
    /// Finds the repository that `folder` belongs to; the empty path is the current one.
    ///
    /// # Errors
    /// When there is none, or libgit2 cannot or may not read it.
    pub fn open(folder: &Path) -> Result<Self, Diagnostic> {
        let folder = match folder.as_os_str() {
            path if path.is_empty() => Path::new("."),
            _ => folder,
        };
        // As git does: the hash of an object is not computed again whenever it is read, and objects
        // are not kept: each is read once.
        git2::opts::strict_hash_verification(false);
        git2::opts::enable_caching(false);
        let repository = open::discover(folder)?;
        let start = match repository.workdir() {
            Some(top) => start_folders(top, folder)?,
            None => Vec::new(),
        };
        Ok(Self {
            repository,
            start,
            read: RefCell::default(),
        })
    }

    /// The top of the working tree; none for a bare repository.
    pub(crate) fn top(&self) -> Option<&Path> {
        self.repository.workdir()
    }

    /// Where the repository was cloned from: the URL of `origin`, where there is one.
    pub(crate) fn origin(&self) -> Option<String> {
        let remote = self.repository.find_remote("origin").ok()?;
        remote.url().ok().map(str::to_owned)
    }

    /// The git directory; of a worktree, the one that all share.
    pub(crate) fn git_directory(&self) -> &Path {
        self.repository.commondir()
    }

    /// The folder that emitted files run in, for a root of the plan that a `Tree` names.
    pub(crate) fn folder(&self, tree: &Tree<'_>) -> Option<PathBuf> {
        self.top().map(|top| top.join(tree.root_path()))
    }

    /// The path of the plan's root from the top of the checkout, as the files on the disk say it; empty
    /// for the top itself, and in a bare repository.
    pub(crate) fn root_path(&self) -> String {
        let Some(top) = self.top() else {
            return String::new();
        };
        let mut paths = (1..=self.start.len())
            .rev()
            .map(|length| self.start[..length].join("/"));
        let marked = paths.find(|path| top.join(path).join(CONFIG_FILE).is_file());
        marked.unwrap_or_default()
    }

    /// The path from the plan's root to where this was opened, as the files on the disk say it; empty for
    /// the root itself.
    pub(crate) fn below_root(&self) -> String {
        let root = self.root_path();
        let here = self.start.join("/");
        let below = here.strip_prefix(&root).unwrap_or_default();
        below.trim_start_matches('/').to_owned()
    }

    /// Whether git ignores a file at a path from the plan's root, and does not track it.
    pub(crate) fn ignores(&self, path: &str) -> bool {
        let path = Path::new(&self.root_path()).join(path);
        let index = self.repository.index();
        let is_tracked = index.is_ok_and(|index| index.get_path(&path, 0).is_some());
        !is_tracked && self.repository.is_path_ignored(&path).unwrap_or(false)
    }

    /// The id of the commit that is checked out; none where there is no commit.
    pub(crate) fn head(&self) -> Option<String> {
        let commit = self.repository.head().ok()?.peel_to_commit().ok()?;
        Some(commit.id().to_string())
    }

    /// The full names of all local branches and tags (`refs/heads/…`, `refs/tags/…`), sorted; those
    /// that are not UTF-8 left out.
    ///
    /// # Errors
    /// When the references cannot be read.
    pub(crate) fn branches_and_tags(&self) -> Result<Vec<String>, Diagnostic> {
        let unreadable = |error: git2::Error| {
            let message = format!("the references cannot be read: {}", error.message());
            Diagnostic::new(Code::UnreadableRepository, message)
        };
        let references = self.repository.references().map_err(unreadable)?;
        let mut names = Vec::new();
        for reference in references {
            let reference = reference.map_err(unreadable)?;
            if reference.is_branch() || reference.is_tag() {
                names.extend(reference.name().ok().map(str::to_owned));
            }
        }
        names.sort();
        Ok(names)
    }

    /// Whether there is no working tree.
    pub(crate) fn is_bare(&self) -> bool {
        self.repository.is_bare()
    }

    /// The files of a commit, straight from the object database. `revision` is anything that
    /// `git rev-parse` understands.
    ///
    /// # Errors
    /// When there is no such commit, or its objects are not all there.
    pub(crate) fn commit(&self, revision: &str) -> Result<Tree<'_>, Diagnostic> {
        let (commit, branch) = self.resolve(revision)?;
        let revision = Revision {
            id: object_id(commit.id()),
            timestamp: commit.committer().when().seconds(),
            branch,
        };
        let mut read = self.read.borrow_mut();
        let top = folders::read_further(&self.repository, commit.tree_id(), &mut read)
            .map_err(|error| tree::not_read(&error))?;
        Ok(Tree::new(&self.repository, &self.start, revision, &top))
    }

    /// The working tree as it is: tracked files as modified, and untracked ones that git does not
    /// ignore. The file that the program itself writes is named in `without`.
    ///
    /// # Errors
    /// When the repository is bare, or a file cannot be read.
    pub fn working_tree(&self, without: &[FileIdentity]) -> Result<Tree<'_>, Diagnostic> {
        let head = if self.has_commits()? {
            Some(self.commit("HEAD")?)
        } else {
            None
        };
        working_tree::read(&self.repository, &self.start, head, without)
    }

    /// Id of the commit that two revisions have in common and that is nearest to both.
    ///
    /// # Errors
    /// When one of them is not there, or they have none in common as far as this clone goes.
    pub(crate) fn merge_base(&self, a: &str, b: &str) -> Result<String, Diagnostic> {
        let (first, second) = (self.resolve(a)?.0, self.resolve(b)?.0);
        let base = self.repository.merge_base(first.id(), second.id());
        base.map(|id| id.to_string()).map_err(|_| {
            let message = format!("`{a}` and `{b}` have no common commit in this clone");
            let diagnostic = Diagnostic::new(Code::NoMergeBase, message);
            if self.repository.is_shallow() {
                diagnostic.help("this clone is shallow: `git fetch --unshallow`")
            } else {
                diagnostic.help("compare with a revision of the same history")
            }
        })
    }

    /// Whether HEAD names a commit.
    fn has_commits(&self) -> Result<bool, Diagnostic> {
        match self.repository.head() {
            Ok(_) => Ok(true),
            Err(error) if error.code() == ErrorCode::UnbornBranch => Ok(false),
            Err(error) => Err(Diagnostic::new(
                Code::UnreadableRepository,
                format!("HEAD cannot be read: {}", error.message()),
            )),
        }
    }

    /// The command that brings a revision that is not there.
    fn how_to_fetch(&self, revision: &str) -> String {
        let is_relative = revision.contains(['~', '^', '@']);
        if is_relative && self.repository.is_shallow() {
            return "this clone is shallow: `git fetch --unshallow` fetches the rest".to_owned();
        }
        let end = revision.find(['~', '^', '@']).unwrap_or(revision.len());
        let name = &revision[..end];
        let (remote, name, kept_as) = match name.split_once('/') {
            Some((remote, branch)) if self.repository.find_remote(remote).is_ok() => {
                (remote, branch, format!("refs/remotes/{name}"))
            }
            _ => ("origin", name, name.to_owned()),
        };
        let is_id = name.len() >= 7 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let command = if is_id || name.is_empty() {
            format!("git fetch {remote} {name}")
        } else {
            format!("git fetch {remote} {name}:{kept_as}")
        };
        format!(
            "if it exists elsewhere, fetch it first: `{}`",
            command.trim_end()
        )
    }

    /// The commit that a revision names, and the branch if the revision is one.
    fn resolve(&self, revision: &str) -> Result<(git2::Commit<'_>, Option<String>), Diagnostic> {
        if revision == "HEAD" && !self.has_commits()? {
            return Err(
                Diagnostic::new(Code::NoCommit, "this repository has no commit yet")
                    .help("commit something first: tags and labels name the revision")
                    .help("`shipwright list`, `check` and `init` work without a commit"),
            );
        }
        let missing = |error: git2::Error| {
            Diagnostic::new(
                Code::UnknownRevision,
                format!(
                    "`{revision}` is not a commit in this clone: {}",
                    error.message()
                ),
            )
            .help(self.how_to_fetch(revision))
        };
        let (object, reference) = self.repository.revparse_ext(revision).map_err(missing)?;
        let commit = object.peel_to_commit().map_err(missing)?;
        let reference = if revision == "HEAD" {
            self.repository.head().ok()
        } else {
            reference
        };
        let branch = match reference.filter(git2::Reference::is_branch) {
            Some(reference) => Some(branch_name(&reference)?),
            None => None,
        };
        Ok((commit, branch))
    }
}

/// The branch's name without `refs/heads/`.
fn branch_name(reference: &git2::Reference<'_>) -> Result<String, Diagnostic> {
    let name = String::from_utf8(reference.shorthand_bytes().to_vec());
    name.map_err(|error| {
        let shown = String::from_utf8_lossy(error.as_bytes()).into_owned();
        Diagnostic::new(
            Code::BranchNotUtf8,
            format!("the name of branch `{shown}` is not UTF-8"),
        )
        .help("set the branch name for tags with `--branch`")
    })
}

/// Names of the folders from `top` to `folder`; none where it lies elsewhere (inside `.git`).
fn start_folders(top: &Path, folder: &Path) -> Result<Vec<String>, Diagnostic> {
    let canonical = |path: &Path| {
        path.canonicalize().map_err(|error| {
            Diagnostic::new(Code::Unreadable, format!("`{}`: {error}", path.display()))
        })
    };
    let (top, folder) = (canonical(top)?, canonical(folder)?);
    let below = folder.strip_prefix(&top).unwrap_or(Path::new(""));
    let names = below.components().map(|c| c.as_os_str().to_string_lossy());
    Ok(names.map(std::borrow::Cow::into_owned).collect())
}

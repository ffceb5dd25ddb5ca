//! Finding a repository, and the folder that is its working tree.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use git2::{ErrorClass, ErrorCode, Repository, RepositoryOpenFlags};

use crate::diagnostics::{Code, Diagnostic};

/// Git's own folder or link in a checkout, or the file that names where it is.
const GIT: &str = ".git";

/// Finds the repository that a folder belongs to.
///
/// # Errors
/// When there is none, or libgit2 cannot or may not read it.
pub(super) fn discover(folder: &Path) -> Result<Repository, Diagnostic> {
    // Unlike libgit2's `discover`, this keeps in mind the `.git` that it came through.
    let flags = RepositoryOpenFlags::CROSS_FS;
    let repository = Repository::open_ext(folder, flags, &[] as &[&OsStr]);
    let repository = repository.map_err(|error| not_opened(folder, &error))?;
    // libgit2 takes the folder of what a link leads to for the working tree, git that of the link.
    if let (false, Some(top)) = (repository.is_bare(), top_of_link(&repository, folder)) {
        let set = repository.set_workdir(&top, false);
        set.map_err(|error| not_opened(folder, &error))?;
    }
    Ok(repository)
}

/// The same repository once more, for another thread.
///
/// # Errors
/// When it cannot be opened any more.
pub(super) fn reopen(repository: &Repository) -> Result<Repository, git2::Error> {
    let reopened = Repository::open(repository.path())?;
    if let Some(top) = repository.workdir() {
        reopened.set_workdir(top, false)?;
    }
    Ok(reopened)
}

/// The folder whose `.git` is a link to this repository's, unless its configuration names another.
fn top_of_link(repository: &Repository, folder: &Path) -> Option<PathBuf> {
    let top = top(folder)?;
    let git = top.join(GIT);
    let is_this =
        git.is_symlink() && git.canonicalize().ok()? == repository.path().canonicalize().ok()?;
    let config = repository.config().ok()?;
    (is_this && config.get_path("core.worktree").is_err()).then_some(top)
}

/// The nearest folder upward that has a `.git`.
fn top(folder: &Path) -> Option<PathBuf> {
    let folder = folder.canonicalize().ok()?;
    let mut folders = folder.ancestors();
    let top = folders.find(|folder| folder.join(GIT).symlink_metadata().is_ok());
    top.map(Path::to_owned)
}

/// Why a repository could not be opened, and what to do.
fn not_opened(folder: &Path, error: &git2::Error) -> Diagnostic {
    if error.code() == ErrorCode::Owner {
        // What is trusted is compared with the whole path, as git writes it.
        let top = top(folder).or_else(|| folder.canonicalize().ok());
        let top = top.unwrap_or_else(|| folder.to_owned());
        return Diagnostic::new(
            Code::ForeignRepository,
            format!(
                "the repository at `{}` belongs to another user",
                top.display()
            ),
        )
        .help(format!(
            "if you trust it: `git config --global --add safe.directory {}`",
            quoted(&top.to_string_lossy())
        ));
    }
    if !folder.is_dir() {
        let message = format!("there is no folder `{}`", folder.display());
        return Diagnostic::new(Code::NoRepository, message)
            .help("select the folder of a checkout with `-C DIR`");
    }
    let folder = folder.display();
    if error.code() == ErrorCode::NotFound && error.class() == ErrorClass::Repository {
        return Diagnostic::new(
            Code::NoRepository,
            format!("`{folder}` is in no git repository"),
        )
        .help("run inside a checkout, or select one with `-C DIR`")
        .help("to create one: `git init && git add . && git commit`");
    }
    Diagnostic::new(
        Code::UnreadableRepository,
        format!(
            "the repository at `{folder}` cannot be read: {}",
            error.message()
        ),
    )
    .help("repositories with reftable references or SHA-256 objects are not supported")
}

/// A path as a shell takes it.
fn quoted(path: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,".contains(c);
    if path.chars().all(is_plain) {
        return path.to_owned();
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_a_shell_would_split_are_quoted() {
        assert_eq!(quoted("/srv/a-b.c"), "/srv/a-b.c");
        assert_eq!(quoted("/srv/a b"), "'/srv/a b'");
        assert_eq!(quoted("/srv/it's"), r"'/srv/it'\''s'");
    }
}

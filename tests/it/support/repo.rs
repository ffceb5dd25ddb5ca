//! A temporary git repository, written from a literal fixture.
//!
//! ```text
//! //- python/Dockerfile
//! FROM scratch
//! COPY run.sh /
//! //- python/run.sh +x
//! echo hello
//! //- python/link -> run.sh
//! ```
//!
//! Authors and dates are fixed and the machine's git configuration is shut out, so that the same
//! fixture gives the same revisions everywhere.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use shipwright::tree;
use tempfile::TempDir;

/// A git repository on branch `main`, deleted when dropped.
pub(crate) struct Repo {
    folder: TempDir,
}

impl Repo {
    /// The files of the fixture in one commit.
    #[track_caller]
    pub(crate) fn new(fixture: &str) -> Self {
        let repo = Self::empty();
        repo.write(fixture);
        repo.commit("Start");
        repo
    }

    /// No file and no commit.
    #[track_caller]
    pub(crate) fn empty() -> Self {
        let folder = TempDir::with_prefix("shipwright-test-").expect("a temporary folder");
        let repo = Self { folder };
        repo.git(&["init", "--quiet", "--initial-branch=main"]);
        repo
    }

    /// The top of the checkout.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the files of the fixture over those that are there, without a commit.
    #[track_caller]
    pub(crate) fn write(&self, fixture: &str) {
        for file in files(fixture) {
            let path = self.path().join(file.path);
            fs::create_dir_all(path.parent().expect("a path below the top")).unwrap();
            let _ = fs::remove_file(&path);
            if let Some(target) = file.link {
                symlink(target, &path).unwrap();
                continue;
            }
            fs::write(&path, file.text).unwrap();
            let mode = if file.executable { 0o755 } else { 0o644 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
    }

    /// Commits everything as it stands; gives the revision.
    #[track_caller]
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all", "--force"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Starts a branch at the current revision and changes to it.
    #[track_caller]
    pub(crate) fn branch(&self, name: &str) {
        self.git(&["switch", "--quiet", "--create", name]);
    }

    /// Changes to a branch.
    #[track_caller]
    pub(crate) fn switch(&self, name: &str) {
        self.git(&["switch", "--quiet", name]);
    }

    /// What keeps the machine's git configuration out and dates fixed.
    pub(crate) fn environment() -> [(&'static str, &'static str); 8] {
        [
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_AUTHOR_NAME", "Test"),
            ("GIT_AUTHOR_EMAIL", "test@example.com"),
            ("GIT_AUTHOR_DATE", "2024-01-02T03:04:05Z"),
            ("GIT_COMMITTER_NAME", "Test"),
            ("GIT_COMMITTER_EMAIL", "test@example.com"),
            ("GIT_COMMITTER_DATE", "2024-01-02T03:04:05Z"),
        ]
    }

    /// Runs git; gives what it printed, without the final newline.
    #[track_caller]
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(arguments)
            .current_dir(self.path())
            .envs(Self::environment())
            .output()
            .expect("git is installed");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {stderr}");
        let stdout = String::from_utf8(output.stdout).expect("git prints UTF-8");
        stdout.trim_end_matches('\n').to_owned()
    }

    /// A path below the top.
    pub(crate) fn join(&self, path: &str) -> PathBuf {
        self.path().join(path)
    }
}

/// Copies what is in a folder, modes and all.
#[track_caller]
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

/// The files of a fixture, for a snapshot that needs no repository.
#[track_caller]
pub(crate) fn snapshot_files(fixture: &str) -> BTreeMap<String, tree::File> {
    let files = files(fixture).into_iter().map(|file| {
        let bytes = file.text.into_bytes();
        let content = match file.link {
            Some(target) => tree::File::Link(target.into()),
            None if file.executable => tree::File::Executable(bytes),
            None => tree::File::Plain(bytes),
        };
        (file.path.to_owned(), content)
    });
    files.collect()
}

/// A file of a fixture.
struct File<'a> {
    path: &'a str,
    link: Option<&'a str>,
    executable: bool,
    text: String,
}

#[track_caller]
fn files(fixture: &str) -> Vec<File<'_>> {
    let mut files: Vec<File<'_>> = Vec::new();
    for line in fixture.split_inclusive('\n') {
        if let Some(header) = line.strip_prefix("//- ") {
            let header = header.trim_end();
            let (header, link) = match header.split_once(" -> ") {
                Some((path, target)) => (path, Some(target)),
                None => (header, None),
            };
            let (path, executable) = match header.strip_suffix(" +x") {
                Some(path) => (path, true),
                None => (header, false),
            };
            files.push(File {
                path,
                link,
                executable,
                text: String::new(),
            });
        } else if let Some(file) = files.last_mut() {
            file.text.push_str(line);
        } else {
            assert!(line.trim().is_empty(), "text before the first `//- path`");
        }
    }
    files
}

#[test]
fn a_fixture_has_the_same_revision_everywhere() {
    let repo = Repo::new("//- a/run +x\necho\n//- a/link -> run\n//- b\n");
    let listed = repo.git(&["ls-files", "--stage"]);
    let modes: Vec<&str> = listed.lines().map(|line| &line[..6]).collect();
    assert_eq!(modes, ["120000", "100755", "100644"]);
    let first = repo.git(&["rev-parse", "HEAD"]);
    assert_eq!(first, "baa1f53dcf7b297deda6d31f2f24615c1cea13f4");
}

//! A `docker` that builds nothing: it notes its exact arguments, whatever they hold.
//!
//! It answers `image inspect` from what was built, tagged or put there before, so that what runs
//! it takes the same way as with an engine.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use regex::Regex;
use tempfile::TempDir;

/// A `docker` on the PATH of commands.
pub(crate) struct NotingDocker {
    folder: TempDir,
}

impl NotingDocker {
    /// One that holds no image.
    #[track_caller]
    pub(crate) fn new() -> Self {
        let folder = TempDir::with_prefix("shipwright-docker-").expect("a temporary folder");
        // A link: a program that was just written may be "busy", where another test forks.
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/it/emit/noting_docker.sh"
        );
        symlink(script, folder.path().join("docker")).unwrap();
        fs::create_dir(folder.path().join("store")).unwrap();
        fs::write(folder.path().join("registry"), "").unwrap();
        Self { folder }
    }

    /// A command that finds this `docker` before any other.
    pub(crate) fn command(&self, program: &str, folder: &Path) -> Command {
        let rest = std::env::var("PATH").expect("a PATH");
        let path = format!("{}:{rest}", self.folder.path().display());
        let mut command = Command::new(program);
        command.current_dir(folder).env("PATH", path);
        command
    }

    /// Puts an image into the local store.
    pub(crate) fn holds(&self, reference: &str, fingerprint: &str) {
        let file = self
            .folder
            .path()
            .join("store")
            .join(reference.replace('/', "%"));
        fs::write(file, format!("{fingerprint}\n")).unwrap();
    }

    /// Removes every image from the local store.
    pub(crate) fn forgets(&self) {
        let store = self.folder.path().join("store");
        fs::remove_dir_all(&store).unwrap();
        fs::create_dir(&store).unwrap();
    }

    /// What the build of a reference was sent: by path each file of its context with its mode and
    /// text, a link with its target; the Dockerfile, and the ignore file beside it, below `-f`. It is
    /// forgotten then.
    #[track_caller]
    pub(crate) fn sent(&self, reference: &str) -> BTreeMap<String, String> {
        let folder = self
            .folder
            .path()
            .join("sent")
            .join(reference.replace('/', "%"));
        let mut sent = BTreeMap::new();
        list(&folder.join("context"), "", &mut sent);
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{reference}: {error}")) {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if name.starts_with("Dockerfile") || name.ends_with(".dockerignore") {
                let suffix = name.ends_with(".dockerignore").then_some(".dockerignore");
                let text = fs::read_to_string(entry.path()).unwrap();
                sent.insert(format!("-f{}", suffix.unwrap_or_default()), text);
            }
        }
        fs::remove_dir_all(&folder).unwrap();
        sent
    }

    /// The source policy that the build of a reference was given; empty where there was none.
    #[track_caller]
    pub(crate) fn policy(&self, reference: &str) -> String {
        let sent = self.folder.path().join("sent");
        let file = sent.join(reference.replace('/', "%")).join("policy.json");
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{reference}: {error}"))
    }

    /// The arguments of each invocation since the last call, in order; the folder of a run is `RUN`.
    #[track_caller]
    pub(crate) fn calls(&self) -> Vec<Vec<String>> {
        let log = self.folder.path().join("log");
        let text = fs::read(&log).unwrap_or_default();
        let _ = fs::remove_file(log);
        let text = String::from_utf8(text).expect("arguments are UTF-8");
        let run = Regex::new(r"[^=\x00]*/shipwright/run\.\w{10}").unwrap();
        let text = run.replace_all(&text, "RUN");
        let mut words = text.split_terminator('\0').map(str::to_owned);
        let mut calls = Vec::new();
        while let Some(count) = words.next() {
            let count = count.parse().expect("a count before each invocation");
            calls.push(words.by_ref().take(count).collect());
        }
        calls
    }

    /// What a registry was given, in order.
    pub(crate) fn registry(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("registry")).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

fn list(folder: &Path, path: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{path}: {error}")) {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if path.is_empty() {
            name
        } else {
            format!("{path}/{name}")
        };
        let kind = entry.file_type().unwrap();
        if kind.is_symlink() {
            let target = fs::read_link(entry.path()).unwrap();
            found.insert(path, format!("-> {}", target.display()));
        } else if kind.is_dir() {
            list(&entry.path(), &path, found);
        } else {
            let mode = entry.metadata().unwrap().permissions().mode() & 0o7777;
            let text = fs::read(entry.path()).unwrap();
            found.insert(path, format!("{mode:o} {}", String::from_utf8_lossy(&text)));
        }
    }
}

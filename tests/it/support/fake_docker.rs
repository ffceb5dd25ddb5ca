//! A docker client that builds nothing, for exact arguments and exact order.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A folder with a program `docker` and what it remembers; see the script for the files.
pub(crate) struct FakeDocker {
    folder: TempDir,
}

impl FakeDocker {
    /// An engine of version 28 that holds nothing and where every build succeeds.
    #[track_caller]
    pub(crate) fn new() -> Self {
        let folder = TempDir::with_prefix("shipwright-docker-").expect("a temporary folder");
        let fake = Self { folder };
        // A link, for a program that was just written may be "busy": another test that starts a
        // process at that moment holds it open.
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/it/support/fake_docker.sh"
        );
        symlink(script, fake.program()).unwrap();
        fs::create_dir(fake.bin().join("running")).unwrap();
        for (file, text) in [
            ("log", ""),
            ("references", ""),
            ("version", "28.2.2"),
            ("failing", ""),
            ("together", "0"),
            ("peak", "0\n"),
        ] {
            fake.set(file, text);
        }
        fake
    }

    /// The folder to put before others in `PATH`.
    pub(crate) fn bin(&self) -> &Path {
        self.folder.path()
    }

    /// The program itself.
    pub(crate) fn program(&self) -> PathBuf {
        self.bin().join("docker")
    }

    /// What bake and compose say is in that folder.
    #[track_caller]
    pub(crate) fn answer_from(&self, folder: &Path) {
        self.set("answers", &folder.to_string_lossy());
    }

    /// Asks the real client where bake and compose have no answer yet.
    #[track_caller]
    pub(crate) fn record(&self) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut programs = std::env::split_paths(&path).map(|folder| folder.join("docker"));
        let docker = programs.find(|program| program.is_file());
        self.set(
            "record",
            &docker.expect("docker is installed").to_string_lossy(),
        );
    }

    /// Writes one of the files that the script reads.
    #[track_caller]
    pub(crate) fn set(&self, file: &str, text: &str) {
        fs::write(self.bin().join(file), text).unwrap();
    }

    /// One of the files that the script reads or writes.
    #[track_caller]
    pub(crate) fn get(&self, file: &str) -> String {
        fs::read_to_string(self.bin().join(file)).unwrap()
    }

    /// The calls since the last time that begin with one of these words, joined by a space each.
    #[track_caller]
    pub(crate) fn take_calls(&self, beginnings: &[&str]) -> Vec<String> {
        let log = self.get("log");
        self.set("log", "");
        log.lines()
            .filter(|line| beginnings.iter().any(|words| line.starts_with(words)))
            .map(str::to_owned)
            .collect()
    }

    /// Every reference with its id.
    #[track_caller]
    pub(crate) fn references(&self) -> BTreeMap<String, String> {
        let pairs = self.get("references");
        let pairs = pairs.lines().filter_map(|line| line.split_once(' '));
        pairs
            .map(|(name, id)| (name.to_owned(), id.to_owned()))
            .collect()
    }
}

//! Where the logs of a run lie.
#![allow(
    clippy::disallowed_methods,
    reason = "each run's logs are kept in a folder"
)]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use time::OffsetDateTime;

use crate::diagnostics::{Code, Diagnostic};
use crate::os;

/// Within a git directory.
const KEPT: &str = "shipwright/logs";
/// How many runs' logs are kept.
const RUNS: usize = 10;
/// For the owner alone: what a build prints may be nobody else's business.
const PRIVATE: u32 = 0o700;

/// The folder of a run's logs, made when the first is written.
#[derive(Debug, Clone)]
pub struct Logs {
    place: Place,
    folder: Arc<OnceLock<Result<PathBuf, Diagnostic>>>,
}

#[derive(Debug, Clone)]
enum Place {
    /// This folder, whatever is in it.
    At(PathBuf),
    /// A new folder in a git directory, beside those of the last runs; among the temporary files where
    /// that cannot be written.
    InGitDirectory(PathBuf),
}

impl Logs {
    /// In that folder.
    pub fn at(folder: PathBuf) -> Self {
        Self::of(Place::At(folder))
    }

    /// In a private folder of a git directory, where the last ten runs have theirs.
    pub(crate) fn in_git_directory(git_directory: &Path) -> Self {
        Self::of(Place::InGitDirectory(git_directory.join(KEPT)))
    }

    fn of(place: Place) -> Self {
        let folder = Arc::default();
        Self { place, folder }
    }

    /// The folder.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn folder(&self) -> Result<&Path, Diagnostic> {
        let made = self.folder.get_or_init(|| self.make());
        made.as_deref().map_err(Clone::clone)
    }

    fn make(&self) -> Result<PathBuf, Diagnostic> {
        let (made, place) = match &self.place {
            Place::At(folder) => (at(folder), folder.clone()),
            Place::InGitDirectory(runs) => {
                let elsewhere = std::env::temp_dir();
                let made = new_run(runs).or_else(|_| private_in(&elsewhere, "shipwright-logs-"));
                (made, elsewhere)
            }
        };
        made.map_err(|error| {
            let place = place.display();
            let message = format!("logs cannot be written to `{place}`: {error}");
            Diagnostic::new(Code::LogUnwritable, message)
                .help("use another folder with `--logs DIR`")
        })
    }
}

fn at(folder: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    Ok(folder.to_owned())
}

/// A folder for a run that begins now; the oldest ones go.
fn new_run(runs: &Path) -> io::Result<PathBuf> {
    os::make_folder(runs, PRIVATE)?;
    let now = OffsetDateTime::from(SystemTime::now());
    let (year, month, day) = now.to_calendar_date();
    let (hour, minute, second) = now.to_hms();
    let month = u8::from(month);
    let name = format!("{year}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z-");
    let folder = private_in(runs, &name)?;
    let entries = fs::read_dir(runs)?.flatten();
    // Names begin with the time.
    let mut old: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    old.sort();
    old.truncate(old.len().saturating_sub(RUNS));
    for old in old {
        let _ = fs::remove_dir_all(old);
    }
    Ok(folder)
}

/// A new folder of a name that nobody can foresee, for the owner alone.
fn private_in(parent: &Path, prefix: &str) -> io::Result<PathBuf> {
    let folder = tempfile::Builder::new()
        .prefix(prefix)
        .permissions(os::permissions(PRIVATE))
        .tempdir_in(parent)?;
    Ok(folder.keep())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ten_runs_have_a_private_folder_each() {
        let git = tempfile::tempdir().expect("a temporary folder");
        let runs = git.path().join(KEPT);
        fs::create_dir_all(runs.join("19990101T000000Z-old")).expect("a folder");
        let folders: Vec<PathBuf> = (0..RUNS)
            .map(|_| {
                let logs = Logs::in_git_directory(git.path());
                let folder = logs.folder().expect("it can be made").to_owned();
                assert_eq!(logs.folder().expect("it was made"), folder);
                folder
            })
            .collect();
        let mode = |path: &Path| {
            let metadata = fs::metadata(path).expect("it is there");
            os::mode(&metadata) & 0o777
        };
        assert_eq!(mode(&runs), PRIVATE);
        for folder in &folders {
            assert_eq!(mode(folder), PRIVATE);
        }
        let left = fs::read_dir(&runs).expect("it is there").count();
        assert_eq!(left, RUNS, "the oldest one is gone");
    }
}

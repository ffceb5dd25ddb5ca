//! Where sealed contexts are kept: a folder in the git directory, each by the id of its content.
//!
//! What has a name is whole, whenever the machine stops: a content is on the disk before it gets its
//! name, and loses its name before anything of it is removed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::tree::snapshot::ObjectId;

/// Within the git directory.
const FOLDER: &str = "shipwright/contexts";
/// How names of folders begin that are still being written.
pub(super) const UNFINISHED: &str = "new-";
/// How long a folder may go unused before it is removed.
const UNUSED: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// How long a folder may be unfinished before its writer counts as dead.
const DEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// The folder that holds them all.
#[derive(Debug, Clone)]
pub(super) struct ContextStore {
    folder: PathBuf,
}

impl ContextStore {
    /// That of a git directory; it need not exist yet.
    pub(super) fn of(git_directory: &Path) -> Self {
        Self {
            folder: git_directory.join(FOLDER),
        }
    }

    /// Another folder than that of `exec`.
    pub(super) fn at_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder itself.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the content of that id is kept.
    pub(super) fn at(&self, id: ObjectId) -> PathBuf {
        self.folder.join(id.to_string())
    }

    /// Removes what has not been used for two weeks, and what killed runs left unfinished. Whatever
    /// cannot be removed stays for the next time.
    pub(super) fn remove_unused(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        for entry in entries.flatten() {
            let unfinished = entry.file_name().to_string_lossy().starts_with(UNFINISHED);
            let limit = if unfinished { DEAD } else { UNUSED };
            let used = entry.metadata().and_then(|metadata| metadata.modified());
            let idle = used.ok().and_then(|used| used.elapsed().ok());
            if idle.is_some_and(|idle| idle > limit) {
                let _ = self.remove(&entry.path());
            }
        }
    }

    /// Removes whatever stands at the place of a content: takes its name away, then its files.
    ///
    /// # Errors
    /// When the name cannot be taken away.
    pub(super) fn remove(&self, kept: &Path) -> io::Result<()> {
        let found = match fs::symlink_metadata(kept) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        if !found.is_dir() {
            return fs::remove_file(kept);
        }
        let unnamed = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempdir_in(&self.folder)?;
        // A folder takes the place of an empty one; what is left of it goes with the next start.
        fs::rename(kept, unnamed.path())
    }

    /// How many contents there are, and the bytes of all their files.
    pub(super) fn size(&self) -> (usize, u64) {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return (0, 0);
        };
        let sizes: Vec<u64> = entries.flatten().map(|entry| size(&entry.path())).collect();
        (sizes.len(), sizes.iter().sum())
    }
}

/// Whether a content is there; if so, it counts as used now.
pub(super) fn take(kept: &Path) -> bool {
    // Not what a build sees: it is sent what is in the folder, not the folder itself.
    let touched = File::open(kept).and_then(|file| file.set_modified(SystemTime::now()));
    match touched {
        Ok(()) => true,
        Err(error) => error.kind() != io::ErrorKind::NotFound && kept.is_dir(),
    }
}

/// The bytes of all files below a folder.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let kept = ContextStore::of(folder.path());
        assert_eq!(kept.size(), (0, 0), "nothing was ever kept");
        kept.remove_unused();

        let days = |days: u64| SystemTime::now() - Duration::from_secs(days * 24 * 60 * 60);
        for (name, age) in [
            ("new", 1),
            ("old", 15),
            ("taken", 15),
            ("new-1", 0),
            ("new-2", 2),
        ] {
            let path = kept.folder().join(name);
            fs::create_dir_all(path.join("inner")).expect("a folder");
            fs::write(path.join("inner/file"), "1234").expect("a file");
            let folder = fs::File::open(path).expect("it was made");
            folder.set_modified(days(age)).expect("a time");
        }
        assert!(take(&kept.folder().join("taken")));
        assert!(!take(&kept.folder().join("gone")));
        kept.remove_unused();
        let entries = fs::read_dir(kept.folder()).expect("it is there");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["new", "new-1", "taken"]);
        assert_eq!(kept.size(), (3, 12));
    }
}

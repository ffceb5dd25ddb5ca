//! Files and folders of the checkout, always in the same order.

use std::fs;
use std::path::{Path, PathBuf};

/// A path from the root of the checkout.
pub(crate) fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What stands in a folder.
#[track_caller]
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut entries: Vec<PathBuf> = read.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

/// The cases of a test: what stands in a folder of `tests/cases`, at least one.
#[track_caller]
pub(crate) fn cases(folder: &str) -> Vec<PathBuf> {
    let cases = entries(&checkout("tests/cases").join(folder));
    assert!(!cases.is_empty(), "tests/cases/{folder} is empty");
    cases
}

/// All files below a folder.
#[track_caller]
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in entries(folder) {
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// Those of them with an extension.
#[track_caller]
pub(crate) fn files_with(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files = files_below(folder);
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    files
}

//! Data that is not part of this repository, conformance cases and a corpus of real repositories: it
//! is read where it lies.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::skip::skip;

/// The data under `conformance/`.
pub(crate) fn conformance(path: &str) -> Option<PathBuf> {
    find(&format!("conformance/{path}"))
}

/// The data at a path in the folder `$SHIPWRIGHT_SHARED`, or in `shared` beside the checkout.
/// `None`, and a line that says so, where it is not there.
pub(crate) fn find(path: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("SHIPWRIGHT_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        PathBuf::from,
    );
    let found = shared.join(path);
    if found.exists() {
        return Some(found);
    }
    eprintln!("SKIPPED: {} is not there", found.display());
    None
}

/// The text of a file under `conformance/`, unpacked if its name ends in `.xz`.
pub(crate) fn read(path: &str) -> Option<String> {
    text(&conformance(path)?)
}

/// The text of a file, unpacked if its name ends in `.xz`.
pub(crate) fn text(file: &Path) -> Option<String> {
    let bytes = if file.extension().is_some_and(|extension| extension == "xz") {
        let Ok(unpacked) = Command::new("xz").arg("-dc").arg(file).output() else {
            skip("xz");
            return None;
        };
        assert!(unpacked.status.success(), "xz: {}", file.display());
        unpacked.stdout
    } else {
        fs::read(file).expect("the data can be read")
    };
    Some(String::from_utf8(bytes).expect("the data is UTF-8"))
}

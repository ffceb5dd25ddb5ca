//! Files that change while they are read.

use std::fs::{self, Metadata};
use std::path::Path;

use super::working_tree::{gone, unreadable};
use crate::diagnostics::{Code, Diagnostic};
use crate::os::Known;

/// How often a file is read before it is given up.
const ATTEMPTS: usize = 3;

/// What `read` makes of a file, which looked like `before` at the start: again if it looks otherwise
/// afterwards.
///
/// # Errors
/// When it cannot be read, or never stays as it is for so long.
pub(super) fn unchanged<T>(
    disk: &Path,
    before: &Metadata,
    mut read: impl FnMut() -> Result<T, Diagnostic>,
) -> Result<T, Diagnostic> {
    let mut before = Known::of(before);
    for _ in 0..ATTEMPTS {
        let content = read()?;
        let after = match fs::symlink_metadata(disk) {
            Ok(metadata) => Known::of(&metadata),
            Err(error) if gone(&error) => break,
            Err(error) => return Err(unreadable(disk, &error)),
        };
        if after == before {
            return Ok(content);
        }
        before = after;
    }
    Err(changed(&disk.display().to_string()))
}

/// The error for a file that is not what it was.
pub(super) fn changed(path: &str) -> Diagnostic {
    let message = format!("`{path}` changed during or after planning");
    Diagnostic::new(Code::ChangedMeanwhile, message)
        .help("run again, and do not change the file until its build has started")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_until_it_stays_the_same() {
        #[track_caller]
        fn check(changes: usize, expected: Option<&str>) {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let file = folder.path().join("file");
            fs::write(&file, "").expect("it can be written");
            let before = fs::symlink_metadata(&file).expect("it is there");
            let mut reads = 0;
            let read = unchanged(&file, &before, || {
                let content = fs::read_to_string(&file).expect("it can be read");
                if reads < changes {
                    fs::write(&file, format!("{content}x")).expect("it can be written");
                }
                reads += 1;
                Ok(content)
            });
            assert_eq!(read.as_deref().ok(), expected, "{changes}");
        }
        check(0, Some(""));
        check(1, Some("x"));
        check(2, Some("xx"));
        check(3, None);
    }

    #[test]
    fn a_file_that_goes_away_is_told() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("file");
        fs::write(&file, "").expect("it can be written");
        let before = fs::symlink_metadata(&file).expect("it is there");
        let read = unchanged(&file, &before, || {
            fs::remove_file(&file).expect("it is there");
            Ok(())
        });
        assert_eq!(read.expect_err("it is gone").code, Code::ChangedMeanwhile);
    }
}

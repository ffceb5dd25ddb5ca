//! The log of one image.
#![allow(
    clippy::disallowed_methods,
    reason = "each image's log is kept in a file"
)]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::failure::Tail;
use crate::diagnostics::{Code, Diagnostic};

/// Where the lines of one image go: all to its file, the last to memory, each to the progress.
pub(super) struct Log<'a> {
    /// The file's path.
    pub(super) path: PathBuf,
    /// The last lines.
    pub(super) tail: Tail,
    file: File,
    show: &'a mut (dyn FnMut(&str) + Send),
}

impl<'a> Log<'a> {
    /// An empty file at that path.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn create(
        path: PathBuf,
        show: &'a mut (dyn FnMut(&str) + Send),
    ) -> Result<Self, Diagnostic> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let create = || {
            fs::create_dir_all(folder)?;
            // A file of its own, never one that a link leads to.
            if fs::symlink_metadata(&path).is_ok() {
                fs::remove_file(&path)?;
            }
            File::create_new(&path)
        };
        let file = create().map_err(|error| {
            let message = format!("cannot write the log `{}`: {error}", path.display());
            Diagnostic::new(Code::LogUnwritable, message)
        })?;
        Ok(Self {
            path,
            tail: Tail::default(),
            file,
            show,
        })
    }

    /// A line that the engine printed.
    pub(super) fn line(&mut self, line: &str) {
        self.note(line);
        self.tail.push(line);
        (self.show)(line);
    }

    /// A line for the file alone.
    pub(super) fn note(&mut self, line: &str) {
        // A full disk must not fail a build that succeeds.
        let _ = writeln!(self.file, "{line}");
    }
}

/// A file of its own for each name: `us/app` is `us+app.log`; what no image name holds is in
/// hexadecimal.
pub(super) fn path(folder: &Path, name: &str) -> PathBuf {
    let mut file = String::new();
    for byte in name.bytes() {
        match byte {
            b'/' => file.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => file.push(byte.into()),
            _ => {
                let _ = write!(file, "%{byte:02x}");
            }
        }
    }
    folder.join(file + ".log")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_a_log_of_its_own() {
        for (name, file) in [
            ("app", "app.log"),
            ("us/app", "us+app.log"),
            ("us+app", "us%2bapp.log"),
            ("us/app:1.2", "us+app%3a1.2.log"),
            ("../../etc/x", "..+..+etc+x.log"),
        ] {
            assert_eq!(path(Path::new("logs"), name), Path::new("logs").join(file));
        }
    }
}

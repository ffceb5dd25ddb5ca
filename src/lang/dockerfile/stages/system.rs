//! Paths in an image as the image's own system writes them: backslashes, and the drive `C:`, on
//! Windows (semantics §13.1).

use crate::lang::go::text::quote;
use crate::lang::platform::Platform;
use crate::paths;

/// How a system writes paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum System {
    /// With slashes.
    Unix,
    /// With either, and a drive.
    Windows,
}

/// What becomes of a slash or backslash at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trailing {
    Kept,
    Cut,
}

impl System {
    /// The system of a platform: all but Windows are like Unix.
    pub(super) fn of(platform: &Platform) -> Self {
        if platform.os == "windows" {
            Self::Windows
        } else {
            Self::Unix
        }
    }

    /// A path with slashes alone.
    pub(super) fn with_slashes(self, path: &str) -> String {
        match self {
            Self::Unix => path.to_owned(),
            Self::Windows => path.replace('\\', "/"),
        }
    }

    /// Whether a path starts at the root, its drive aside. One that cannot be does not.
    pub(super) fn is_absolute(self, path: &str) -> bool {
        let path = self.without_drive(path, Trailing::Cut);
        path.is_ok_and(|path| path.starts_with('/'))
    }

    /// The folder that `WORKDIR path` leads to, from another, as the configuration of the image has
    /// it.
    ///
    /// # Errors
    /// When the path cannot be one of the image, in BuildKit's words.
    pub(super) fn working_directory(self, current: &str, path: &str) -> Result<String, String> {
        let folder = self
            .join(current, path)
            .map_err(|why| format!("normalizing workdir: normalizing working directory: {why}"))?;
        Ok(match self {
            Self::Unix => folder,
            Self::Windows => folder.replace('/', "\\"),
        })
    }

    /// Checks the destination of a `COPY` or `ADD`.
    ///
    /// # Errors
    /// When it cannot be a path of the image, in BuildKit's words.
    pub(super) fn check_destination(self, path: &str) -> Result<(), String> {
        let path = self
            .without_drive(path, Trailing::Kept)
            .map_err(|why| format!("removing drive letter: {why}"))?;
        // The rest is read once more, where a second drive shows.
        self.join("/", &path).map(drop)
    }

    /// The source of a `COPY` or `ADD`, from the root of what it is taken from.
    ///
    /// # Errors
    /// When it cannot be a path, in BuildKit's words.
    pub(super) fn source(self, path: &str) -> Result<String, String> {
        match self {
            Self::Unix => Ok(paths::within_root(path)),
            Self::Windows => self
                .join("/", path)
                .map(|path| paths::within_root(&path))
                .map_err(|why| format!("removing drive letter: {why}")),
        }
    }

    /// Checks the name of a heredoc.
    ///
    /// # Errors
    /// When it cannot be that of a file, in BuildKit's words.
    pub(super) fn check_name(self, name: &str) -> Result<(), String> {
        self.without_drive(name, Trailing::Cut)
            .map(drop)
            .map_err(|why| format!("removing drive letter: {why}"))
    }

    /// A path from the root, by way of a folder where it is relative; the folder where it is empty.
    fn join(self, folder: &str, path: &str) -> Result<String, String> {
        let without_drive = |path: &str| {
            self.without_drive(path, Trailing::Cut)
                .map_err(|why| format!("removing drive letter: {why}"))
        };
        let folder = without_drive(if folder.is_empty() { "/" } else { folder })?;
        let folder = if folder.starts_with('/') {
            folder
        } else {
            paths::clean(&format!("/{folder}"))
        };
        if path.is_empty() {
            return Ok(folder);
        }
        let path = without_drive(path)?;
        Ok(if self.is_absolute(&path) {
            path
        } else {
            paths::clean(&format!("{folder}/{path}"))
        })
    }

    /// A path without the drive, which must be `C:`, cleaned; on Unix as it is.
    fn without_drive(self, path: &str, trailing: Trailing) -> Result<String, String> {
        if self == Self::Unix {
            return Ok(path.to_owned());
        }
        let written = path;
        let path = self.with_slashes(path);
        let mut characters = written.bytes();
        if characters.len() == 2 && characters.nth(1) == Some(b':') {
            return Err(format!("No relative path specified in {}", quote(written)));
        }
        if path.starts_with("//") {
            return Err("UNC paths are not supported".to_owned());
        }
        let path = match path.split_once(':') {
            None => path.as_str(),
            Some((drive, rest)) if drive.eq_ignore_ascii_case("c") => rest,
            Some(_) => {
                return Err("The specified path is not on the system drive (C:)".to_owned());
            }
        };
        let cleaned = paths::clean(path);
        let keeps = trailing == Trailing::Kept && path.ends_with('/') && cleaned.len() > 1;
        Ok(if keeps { cleaned + "/" } else { cleaned })
    }
}

#[cfg(test)]
mod tests {
    use super::System;

    #[test]
    fn sources_on_windows() {
        for (path, expected) in [
            (r"src\app\x.exe", Ok("src/app/x.exe")),
            (r"C:\src\f\", Ok("src/f")),
            ("c:src", Ok("src")),
            (r"..\b", Ok("b")),
            (r"C:C:\x", Ok("C:/x")),
            ("", Ok("")),
            (
                "D:/x",
                Err("The specified path is not on the system drive (C:)"),
            ),
            (
                "x:y",
                Err("The specified path is not on the system drive (C:)"),
            ),
            (r"\\host\share", Err("UNC paths are not supported")),
            ("c:", Err("No relative path specified in \"c:\"")),
        ] {
            let expected = expected
                .map(str::to_owned)
                .map_err(|why| format!("removing drive letter: removing drive letter: {why}"));
            assert_eq!(System::Windows.source(path), expected, "{path}");
        }
        assert_eq!(System::Unix.source(r"a\b").as_deref(), Ok(r"a\b"));
    }

    #[test]
    fn working_directories() {
        for (current, path, expected) in [
            ("/", r"C:\w", r"\w"),
            (r"\w", "sub", r"\w\sub"),
            (r"\w", r"\abs", r"\abs"),
            (r"\w", "", r"\w"),
            ("", "w", r"\w"),
            ("work", "work", r"\work\work"),
            ("/", "/", r"\"),
        ] {
            let folder = System::Windows.working_directory(current, path);
            assert_eq!(folder.as_deref(), Ok(expected), "{current} {path}");
        }
        let unix = |current, path| System::Unix.working_directory(current, path).unwrap();
        assert_eq!(unix("/w", "../x"), "/x");
        assert_eq!(unix("/w", "/a/../b"), "/a/../b");
        assert_eq!(unix("work", "work"), "/work/work");
    }
}

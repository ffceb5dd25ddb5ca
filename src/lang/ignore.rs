//! `.dockerignore`: which paths of a context are not sent (semantics §16).
//!
//! Read and matched as moby/patternmatcher does, with its surprises: unlike in `.gitignore`,
//! patterns are anchored at the root of the context, an exception reaches into ignored folders, and
//! some characters act as operators of a regular expression.

mod pattern;

use std::ops::Range;
use std::sync::Arc;

use pattern::Pattern;

use crate::paths;

/// The longest line that can be read, in bytes.
const MAX_LINE: usize = 64 * 1024 - 1;

/// The patterns of an ignore file, in order. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct IgnoreFile {
    patterns: Arc<[Pattern]>,
}

/// A line that makes the ignore file invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where the line is, in bytes.
    pub span: Range<usize>,
    /// What is wrong, as the matcher words it.
    pub message: String,
}

impl IgnoreFile {
    /// Reads an ignore file. Lines with a problem are left out; with one, a build fails.
    pub fn parse(text: &str) -> (Self, Vec<Problem>) {
        let mut patterns = Vec::new();
        let mut problems = Vec::new();
        for (span, line) in read_lines(text) {
            let compiled = if span.len() > MAX_LINE {
                Err("the line is longer than 65535 bytes")
            } else {
                Pattern::new(&line)
            };
            match compiled {
                Ok(pattern) => patterns.extend(pattern),
                Err(message) => problems.push(Problem {
                    span,
                    message: message.to_owned(),
                }),
            }
        }
        let patterns = patterns.into();
        (Self { patterns }, problems)
    }

    /// Makes a matcher of patterns that do not come from a file, such as those of `--exclude`.
    ///
    /// # Errors
    /// The first pattern that is malformed, and why.
    pub fn from_patterns<'a>(
        texts: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, (String, &'static str)> {
        let mut patterns = Vec::new();
        for text in texts {
            let pattern = Pattern::new(text).map_err(|message| (text.to_owned(), message))?;
            patterns.extend(pattern);
        }
        let patterns = patterns.into();
        Ok(Self { patterns })
    }

    /// Whether there is no pattern, so that nothing is ignored.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether some pattern takes back what others ignore.
    pub fn has_exceptions(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.exception)
    }

    /// Whether a path, clean and relative to the root of the context, is ignored.
    ///
    /// The last pattern counts that matches the path or a folder that it is in.
    pub fn ignores(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| at);
        let ends: Vec<usize> = ends.chain([path.len()]).collect();
        let last = self
            .patterns
            .iter()
            .rfind(|pattern| ends.iter().any(|&end| pattern.matches(&path[..end])));
        last.is_some_and(|pattern| !pattern.exception)
    }

    /// A folder of the context, by its clean path; empty for the root.
    pub fn folder(&self, path: &str) -> Folder<'_> {
        let names = path.split('/').filter(|name| !name.is_empty());
        names.fold(self.root(), |folder, name| folder.enter(name))
    }

    /// Starts a walk at the root of the context.
    pub fn root(&self) -> Folder<'_> {
        Folder {
            file: self,
            path: String::new(),
            hits: vec![false; self.patterns.len()],
        }
    }
}

/// The patterns as the file has them, read but not compiled: with `!`, cleaned, each with the place
/// of its line.
pub fn read_lines(text: &str) -> Vec<(Range<usize>, String)> {
    let mut lines = Vec::new();
    let mut start = 0;
    for (index, line) in text.split('\n').enumerate() {
        let span = start..start + line.len();
        start = span.end + 1;
        let line = match index {
            0 => line.strip_prefix('\u{feff}').unwrap_or(line),
            _ => line,
        };
        // A comment starts in the first column.
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        let line = line.trim();
        let (sign, pattern) = match line.strip_prefix('!') {
            Some(pattern) => ("!", pattern.trim()),
            None => ("", line),
        };
        let cleaned = if pattern.is_empty() {
            String::new()
        } else {
            paths::clean(pattern)
        };
        let relative = match cleaned.strip_prefix('/') {
            Some(relative) if !relative.is_empty() => relative,
            _ => &cleaned,
        };
        lines.push((span, format!("{sign}{relative}")));
    }
    lines
}

/// A folder on a walk through a context: what is known of everything below it.
#[derive(Debug, Clone)]
pub struct Folder<'f> {
    file: &'f IgnoreFile,
    path: String,
    /// For each pattern, whether it matches this folder or one above it.
    hits: Vec<bool>,
}

/// What an ignore file says of all that is below a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing of it is ignored.
    Taken,
    /// All of it is ignored.
    Ignored,
    /// It depends: look into the folder.
    Mixed,
}

impl<'f> Folder<'f> {
    /// The folder of that name in this one.
    #[must_use]
    pub fn enter(&self, name: &str) -> Folder<'f> {
        let path = self.join(name);
        let hits = self.file.patterns.iter().zip(&self.hits);
        let hits = hits.map(|(pattern, &hit)| hit || pattern.matches(&path));
        Folder {
            hits: hits.collect(),
            file: self.file,
            path,
        }
    }

    /// Whether the file or folder of that name in this one is itself ignored.
    pub fn ignores(&self, name: &str) -> bool {
        let path = self.join(name);
        let mut patterns = self.file.patterns.iter().zip(&self.hits);
        let last = patterns.rfind(|&(pattern, &hit)| hit || pattern.matches(&path));
        last.is_some_and(|(pattern, _)| !pattern.exception)
    }

    /// Whether this folder is itself ignored. The root is not.
    pub fn is_ignored(&self) -> bool {
        self.last_hit()
            .is_some_and(|index| !self.file.patterns[index].exception)
    }

    /// What holds for everything below this folder, the folder itself left aside.
    pub fn verdict(&self) -> Verdict {
        let ignored = self.is_ignored();
        // Only what comes after the last hit could overrule it.
        let later = self.last_hit().map_or(0, |index| index + 1);
        let overruled = self.file.patterns[later..].iter().any(|pattern| {
            pattern.exception == ignored
                && (self.path.is_empty() || pattern.reaches_below(&self.path))
        });
        match (overruled, ignored) {
            (true, _) => Verdict::Mixed,
            (false, true) => Verdict::Ignored,
            (false, false) => Verdict::Taken,
        }
    }

    fn last_hit(&self) -> Option<usize> {
        self.hits.iter().rposition(|&hit| hit)
    }

    fn join(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", self.path)
        }
    }
}

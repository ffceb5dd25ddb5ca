//! `.dockerignore`: which paths of a context are not sent (semantics §16).
//!
//! Read and matched as moby/patternmatcher does, with its surprises: unlike in `.gitignore`,
//! patterns are anchored at the root of the context, an exception reaches into ignored folders, and
//! some characters act as operators of a regular expression. There are two decisions: what a walk
//! lists ([`Folder`]), and whether a file that is listed can be opened ([`IgnoreFile::ignores`]).

mod lookup;
mod pattern;
mod walk;

use std::ops::Range;
use std::sync::Arc;

use lookup::Lookup;
use pattern::Pattern;

pub use pattern::BadExpression;
pub use walk::{Folder, Sent, Verdict};

use crate::lang::wildcard::MALFORMED;
use crate::paths;

/// The longest line that can be read, in bytes.
const MAX_LINE: usize = 64 * 1024 - 1;

/// The patterns of an ignore file, in order. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct IgnoreFile {
    patterns: Arc<[Pattern]>,
    lookup: Arc<Lookup>,
    /// Where the line of each pattern is, in bytes; empty where they come from no file.
    lines: Arc<[Range<usize>]>,
}

/// A line that makes the ignore file invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where the line is, in bytes.
    pub span: Range<usize>,
    /// What is wrong, as the matcher words it.
    pub message: String,
}

/// The lines whose patterns cannot be sent, although they are patterns. A client sends all patterns in
/// a header of the session. It takes no ASCII control characters; where some pattern is not ASCII, all
/// of them are encoded, and these pass. Seen on an engine of version 26.
pub(crate) fn unsendable_lines(text: &str) -> Vec<Range<usize>> {
    let patterns = read_lines(text);
    if !patterns.iter().all(|(_, pattern)| pattern.is_ascii()) {
        return Vec::new();
    }
    let unsendable = patterns.into_iter().filter(|(_, pattern)| {
        let mut bytes = pattern.bytes();
        bytes.any(|byte| byte.is_ascii_control())
    });
    unsendable.map(|(span, _)| span).collect()
}

impl IgnoreFile {
    /// Reads an ignore file. Lines with a problem are left out; with one, a build fails.
    pub fn parse(text: &str) -> (Self, Vec<Problem>) {
        let (mut patterns, mut lines) = (Vec::new(), Vec::new());
        let mut problems = Vec::new();
        for (span, line) in read_lines(text) {
            let compiled = if span.len() > MAX_LINE {
                Err("the line is longer than 65535 bytes")
            } else {
                Pattern::new(&line)
            };
            match compiled {
                Ok(pattern) => {
                    lines.extend(pattern.is_some().then(|| span.clone()));
                    patterns.extend(pattern);
                }
                Err(message) => problems.push(Problem {
                    span,
                    message: message.to_owned(),
                }),
            }
        }
        (Self::of(patterns, lines), problems)
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
        Ok(Self::of(patterns, Vec::new()))
    }

    fn of(patterns: Vec<Pattern>, lines: Vec<Range<usize>>) -> Self {
        Self {
            lookup: Arc::new(Lookup::new(&patterns)),
            patterns: patterns.into(),
            lines: lines.into(),
        }
    }

    /// Whether there is no pattern, so that nothing is ignored.
    pub(crate) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// What clones have in common, and no other.
    pub(crate) fn identity(&self) -> usize {
        self.patterns.as_ptr() as usize
    }

    /// Whether some pattern takes back what others ignore.
    pub fn has_exceptions(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.exception)
    }

    /// Whether a file, by its path, clean and relative to the root of the context, cannot be opened.
    ///
    /// The last pattern counts that matches the path or a folder that it is in. Of what a walk lists
    /// this is not the same: a regular file that is listed and ignored arrives empty.
    pub fn ignores(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| at);
        let ends: Vec<usize> = ends.chain([path.len()]).collect();
        let last = self
            .patterns
            .iter()
            .rfind(|pattern| ends.iter().any(|&end| pattern.matches(&path[..end])));
        last.is_some_and(|pattern| !pattern.exception)
    }

    /// Whether the expression of some pattern is none.
    pub fn has_bad_expression(&self) -> bool {
        self.patterns.iter().any(Pattern::is_bad)
    }

    /// The line of the first pattern whose expression is none.
    pub(crate) fn bad_line(&self) -> Option<Range<usize>> {
        let at = self.patterns.iter().position(Pattern::is_bad)?;
        self.lines.get(at).cloned()
    }

    /// Starts a walk at the root of the context.
    pub fn root(&self) -> Folder<'_> {
        Folder::root(self, self.has_exceptions())
    }

    /// Starts a walk that only lists, as the patterns of `--exclude` do: nothing is opened after it, so
    /// that what is listed keeps its content.
    pub(crate) fn list(&self) -> Folder<'_> {
        Folder::root(self, false)
    }
}

/// Why a builder refuses a pattern that does not come from a file.
pub(crate) fn pattern_error(text: &str) -> Option<&'static str> {
    match IgnoreFile::from_patterns([text]) {
        Ok(pattern) => pattern.has_bad_expression().then_some(MALFORMED),
        Err((_, message)) => Some(message),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_cannot_be_sent() {
        let rows: [(&str, usize); 7] = [
            ("a\tb", 1),
            ("a\u{1}b\n!x\ty\nplain", 2),
            ("a\u{7f}b", 1),
            ("# a\tb", 0),
            (" a\t", 0),
            ("café\na\tb", 0),
            ("a b", 0),
        ];
        for (text, expected) in rows {
            assert_eq!(unsendable_lines(text).len(), expected, "{text:?}");
        }
    }
}

//! What a run has to say to people: every problem with its code, its place and the way out.
//!
//! Plain data. Modules make a [`Diagnostic`] where a problem occurs and collect them in
//! [`Diagnostics`]; [`render`] alone turns them into text. A run reports all of its problems at
//! once, so functions that can fail in more than one place take or return a collection rather than
//! stopping at the first.

pub(crate) mod annotations;
mod causes;
mod code;
pub(crate) mod escape;
mod outcome;
pub mod render;

use std::ops::Range;
use std::sync::Arc;

pub use code::Code;
pub(crate) use outcome::Outcome;

/// How much a diagnostic weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The plan cannot be made.
    Error,
    /// The plan is made, and somebody should look.
    Warning,
    /// A fact worth knowing; never a problem.
    Note,
}

impl Severity {
    /// The word for it in files for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// A text that diagnostics can point into: a file of the repository, under the name people know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceText {
    /// Path relative to the root of the plan, with `/`; `-` for standard input.
    pub path: String,
    /// Whether the path is not relative to the root, but was typed on the command line.
    pub typed: bool,
    /// The whole text.
    pub text: Arc<str>,
}

impl SourceText {
    /// A text and the path that it stands at.
    pub fn new(path: impl Into<String>, text: impl Into<Arc<str>>) -> Self {
        Self {
            path: path.into(),
            typed: false,
            text: text.into(),
        }
    }

    /// The same, of a file that was named on the command line.
    #[must_use]
    pub fn typed(self) -> Self {
        Self {
            typed: true,
            ..self
        }
    }
}

/// A marked place in a text, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Where the place is.
    pub source: SourceText,
    /// Byte range within the text; may be empty (a point).
    pub span: Range<usize>,
    /// What stands there, in a few words; may be empty.
    pub message: String,
}

impl Label {
    /// Line and column of the first marked character, both from 1; columns are counted in characters.
    pub fn start(&self) -> (usize, usize) {
        self.position(self.span.start)
    }

    /// Line and column after the last marked character.
    pub fn end(&self) -> (usize, usize) {
        self.position(self.span.end)
    }

    fn position(&self, at: usize) -> (usize, usize) {
        let before = self.source.text.get(..at).unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or_default();
        (before.matches('\n').count() + 1, line.chars().count() + 1)
    }
}

/// One problem, warning or note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it weighs.
    pub severity: Severity,
    /// What it is about.
    pub code: Code,
    /// One line, lower case, names in backticks.
    pub message: String,
    /// The places, the most important first. Empty where the problem has no place in a file.
    pub labels: Vec<Label>,
    /// What to do, one entry a line.
    pub help: Vec<String>,
    /// What those have in common that one change mends; none where each is a case of its own.
    pub cause: Option<String>,
}

impl Diagnostic {
    /// One without a place yet; it weighs what its code does.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            severity: code.severity(),
            code,
            message: message.into(),
            labels: Vec::new(),
            help: Vec::new(),
            cause: None,
        }
    }

    /// The same, where it stops nothing.
    #[must_use]
    pub fn as_warning(mut self) -> Self {
        self.severity = self.severity.max(Severity::Warning);
        self
    }

    /// Adds a marked place.
    #[must_use]
    pub fn at(
        mut self,
        source: &SourceText,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        self.labels.push(Label {
            source: source.clone(),
            span,
            message: message.into(),
        });
        self
    }

    /// Says what it has in common with others of its code that one change mends.
    #[must_use]
    pub fn because_of(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Adds a line that says what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }
}

/// The diagnostics of a run, in the order in which they were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
}

impl Diagnostics {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, unless the very same one is there already.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if !self.items.contains(&diagnostic) {
            self.items.push(diagnostic);
        }
    }

    /// Adds all of another collection.
    pub fn extend(&mut self, other: impl IntoIterator<Item = Diagnostic>) {
        for diagnostic in other {
            self.push(diagnostic);
        }
    }

    /// All but the notes.
    #[must_use]
    pub fn without_notes(mut self) -> Self {
        self.items.retain(|d| d.severity != Severity::Note);
        self
    }

    /// The errors, and all others.
    pub fn into_errors_and_others(self) -> (Self, Self) {
        let is_error = |d: &Diagnostic| d.severity == Severity::Error;
        let (errors, others) = self.items.into_iter().partition(is_error);
        (Self { items: errors }, Self { items: others })
    }

    /// Whether one of them is an error.
    pub fn has_errors(&self) -> bool {
        self.items.iter().any(|d| d.severity == Severity::Error)
    }

    /// Stops a function that has found an error.
    ///
    /// # Errors
    /// All of them, where one is an error. Warnings and notes alone are dropped.
    pub fn fail_on_errors(self) -> Result<(), Self> {
        if self.has_errors() { Err(self) } else { Ok(()) }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.items.iter()
    }

    /// How many errors and how many warnings there are.
    pub fn counts(&self) -> (usize, usize) {
        let count = |s| self.items.iter().filter(|d| d.severity == s).count();
        (count(Severity::Error), count(Severity::Warning))
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self {
            items: vec![diagnostic],
        }
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(diagnostics: I) -> Self {
        let mut all = Self::new();
        all.extend(diagnostics);
        all
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

/// The name among `known` that the user most likely meant by `unknown`, if one is near enough.
pub(crate) fn nearest<'a>(
    unknown: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wanted = unknown.to_lowercase();
    let length = wanted.chars().count();
    let limit = (length / 3).max(1);
    known
        .into_iter()
        .map(|name| (name.to_lowercase(), name))
        // What is longer or shorter by more is as far away at the least.
        .filter(|(known, _)| known.chars().count().abs_diff(length) <= limit)
        .map(|(known, name)| (strsim::damerau_levenshtein(&wanted, &known), name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
}

/// A number with what it counts: `1 image`, `2 images`.
pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    let what = if count == 1 { one } else { many };
    format!("{count} {what}")
}

/// The first of many names, for a message.
pub(crate) fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    const SHOWN: usize = 10;
    let names: Vec<String> = names
        .into_iter()
        .map(|name| format!("`{}`", escape::name(name)))
        .collect();
    let more = match names.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", names[..names.len().min(SHOWN)].join(", "))
}

//! What is wrong with a Dockerfile as a graph of stages, or shows only after expansion.

use crate::diagnostics::{Code, Diagnostic, SourceText};
use crate::lang::dockerfile::{Instruction, LineRange, Span};

/// A place in the Dockerfile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The instruction, without heredoc bodies.
    pub span: Span,
    /// The lines that BuildKit names.
    pub lines: LineRange,
}

impl From<&Instruction<'_>> for Place {
    fn from(instruction: &Instruction<'_>) -> Self {
        Self {
            span: instruction.node.line,
            lines: instruction.node.lines,
        }
    }
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageError {
    /// What is wrong, as BuildKit words it, but for suggestions.
    pub message: String,
    /// Where, the most important place first; none for the file as a whole.
    pub places: Vec<Place>,
    /// Whether BuildKit says where. It does not for some problems.
    pub located: bool,
    /// What to do, where the message does not say it.
    pub help: Option<String>,
    /// Variables that would settle it with another value.
    pub variables: Vec<String>,
}

impl StageError {
    /// A problem at a place.
    pub(super) fn at(place: Place, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            places: vec![place],
            located: true,
            help: None,
            variables: Vec::new(),
        }
    }

    /// A problem at a place that BuildKit keeps to itself.
    pub(super) fn near(place: Place, message: impl Into<String>) -> Self {
        Self {
            located: false,
            ..Self::at(place, message)
        }
    }

    /// The same problem, for which BuildKit names the place two times.
    pub(super) fn twice(mut self) -> Self {
        self.places.extend_from_within(..);
        self
    }

    /// A problem of the file as a whole.
    pub(super) fn of_file(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            places: Vec::new(),
            located: false,
            help: None,
            variables: Vec::new(),
        }
    }

    /// Adds what to do.
    pub(super) fn help(self, text: impl Into<String>) -> Self {
        Self {
            help: Some(text.into()),
            ..self
        }
    }

    /// Adds variables that would settle it with another value.
    pub(super) fn depends_on<'v>(self, variables: impl IntoIterator<Item = &'v String>) -> Self {
        Self {
            variables: variables.into_iter().cloned().collect(),
            ..self
        }
    }

    /// The lines that BuildKit names.
    pub fn lines(&self) -> Vec<LineRange> {
        let places = self.places.iter().filter(|_| self.located);
        places.map(|place| place.lines).collect()
    }

    /// For people: with the places in `source` marked.
    pub fn diagnostic(&self, source: &SourceText) -> Diagnostic {
        let mut diagnostic = Diagnostic::new(Code::DockerfileStage, self.message.as_str());
        for (index, place) in self.places.iter().enumerate() {
            if !self.places[..index].contains(place) {
                diagnostic = diagnostic.at(source, place.span.range(), "");
            }
        }
        match &self.help {
            Some(help) => diagnostic.help(help.as_str()),
            None => diagnostic,
        }
    }
}

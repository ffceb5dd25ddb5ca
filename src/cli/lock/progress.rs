//! How many references were asked for, on a terminal.

use std::io::IsTerminal;

use crate::cli::output;

/// How many references were asked for, on a terminal.
pub(super) struct Progress(bool);

impl Progress {
    pub(super) fn new() -> Self {
        Self(std::io::stderr().is_terminal() && !output::is_quiet())
    }

    pub(super) fn show(&self, done: usize, total: usize) {
        if self.0 {
            output::eprint(&format!("\rresolved {done} of {total} references\u{1b}[K"));
        }
    }

    pub(super) fn clear(&self) {
        if self.0 {
            output::eprint("\r\u{1b}[K");
        }
    }
}

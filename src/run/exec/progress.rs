//! What people see of a run while it goes on.

mod echo;
mod github;
mod plain;
mod step;
mod terminal;

use std::io::{self, IsTerminal};
use std::time::Duration;

use crate::diagnostics::escape;

pub(crate) use github::GitHub;
pub(crate) use plain::Plain;
pub(in crate::run) use step::said;
pub(crate) use terminal::Terminal;

/// Hears of a run's steps, one after the other, from one thread.
pub trait Progress {
    /// Something about the run as a whole.
    fn note(&mut self, text: &str);
    /// These images are to be built, fetched or pushed.
    fn planned(&mut self, _images: &[&str]) {}
    /// The image's build or push starts.
    fn started(&mut self, image: &str);
    /// A line of the image's log.
    fn line(&mut self, image: &str, line: &str);
    /// The image's build and push ended, after that time.
    fn ended(&mut self, image: &str, ending: Ending, time: Duration);
    /// So many images more are not built, since they need one that failed.
    fn given_up(&mut self, _count: usize) {}
    /// Nothing more is started; what runs is waited for.
    fn closing(&mut self) {}
}

/// How an image's build and push ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With success.
    Done,
    /// Without.
    Failed,
    /// Because the run was stopped.
    Stopped,
}

impl Ending {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// Shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn note(&mut self, _: &str) {}
    fn started(&mut self, _: &str) {}
    fn line(&mut self, _: &str, _: &str) {}
    fn ended(&mut self, _: &str, _: Ending, _: Duration) {}
}

/// The form for this process's standard error: a live display where a person watches on a terminal
/// that can, groups in a job of GitHub Actions, plain lines elsewhere. `term` is the value of `TERM`.
pub(crate) fn for_stderr(
    term: Option<&str>,
    github_actions: bool,
    colour: bool,
) -> Box<dyn Progress> {
    #[expect(clippy::disallowed_methods, reason = "progress goes to standard error")]
    let stderr = io::stderr();
    if github_actions {
        Box::new(GitHub::new(stderr))
    } else if stderr.is_terminal() && term.is_some_and(|term| term != "dumb") {
        Box::new(Terminal::new(colour))
    } else {
        Box::new(Plain::new(stderr))
    }
}

/// A line of a build as it may be shown: without characters that a terminal would obey or that turn text
/// around, and nothing in it that a CI runner takes for a command of the workflow (`::` after blanks, `##[`
/// anywhere).
pub(in crate::run) fn printable(line: &str) -> String {
    let text = without_commands(&without_orders(line));
    match text.trim_start().strip_prefix("::") {
        Some(rest) => format!(": :{rest}"),
        None => text,
    }
}

/// The text without what GitHub Actions takes for a command of the workflow wherever it stands.
pub(super) fn without_commands(text: &str) -> String {
    text.replace("##[", "## [")
}

fn without_orders(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' && characters.next_if_eq(&'[').is_some() {
            // A CSI sequence, which sets colours or moves: parameters up to one final byte.
            while characters.next_if(|c| matches!(c, ' '..='?')).is_some() {}
            characters.next_if(|c| matches!(c, '@'..='~'));
        } else if character == '\t' {
            text.push(' ');
        } else if !escape::is_unsafe(character) {
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn a_terminal_is_not_given_orders() {
        for (line, expected) in [
            ("plain ü", "plain ü"),
            ("\u{1b}[1;31mred\u{1b}[0m", "red"),
            ("a\tb\rc\u{7}", "a bc"),
            ("\u{1b}]0;title\u{7}x", "]0;titlex"),
            ("\u{1b}[2J\u{1b}[", ""),
            ("a\u{202e}b\u{2066}c", "abc"),
            ("x ##[add-mask]y", "x ## [add-mask]y"),
            ("#\u{7}#[add-mask]y", "## [add-mask]y"),
            (" \t::set-output name=x::y", ": :set-output name=x::y"),
            ("a ::b", "a ::b"),
        ] {
            assert_eq!(printable(line), expected, "{line:?}");
        }
    }
}

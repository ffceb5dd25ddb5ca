//! Lines for a log or a pipe, each with the name of its image before it.

use std::io::Write;
use std::time::Duration;

use super::{Ending, Progress, printable};

/// Writes every line of every image to `out`, as `name | line`.
#[derive(Debug)]
pub(crate) struct Plain<W> {
    out: W,
}

impl<W: Write> Plain<W> {
    /// Writes to `out`; what cannot be written is not worth failing a build for.
    pub(crate) fn new(out: W) -> Self {
        Self { out }
    }

    fn write(&mut self, image: &str, text: &str) {
        let _ = writeln!(self.out, "{image} | {}", printable(text));
    }
}

impl<W: Write> Progress for Plain<W> {
    fn note(&mut self, text: &str) {
        let _ = writeln!(self.out, "{text}");
    }

    fn started(&mut self, image: &str) {
        self.write(image, "started");
    }

    fn line(&mut self, image: &str, line: &str) {
        if !line.trim().is_empty() {
            self.write(image, line);
        }
    }

    fn ended(&mut self, image: &str, ending: Ending, time: Duration) {
        let word = ending.word();
        self.write(image, &format!("{word} in {:.1}s", time.as_secs_f64()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_names_its_image() {
        let mut plain = Plain::new(Vec::new());
        plain.note("building 1 image");
        plain.started("us/app");
        plain.line("us/app", "#1 \u{1b}[1mload\u{1b}[0m");
        plain.line("us/app", " ");
        plain.ended("us/app", Ending::Failed, Duration::from_millis(1_240));
        let text = String::from_utf8(plain.out).expect("names and lines are text");
        insta::assert_snapshot!(text, @"
        building 1 image
        us/app | started
        us/app | #1 load
        us/app | failed in 1.2s
        ");
    }
}

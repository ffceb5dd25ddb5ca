//! Groups for the log of a GitHub Actions job: each image's lines together, folded.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use super::{Ending, Progress, printable};

/// Keeps each image's lines until it has ended, and writes them then as a group.
#[derive(Debug)]
pub(crate) struct GitHub<W> {
    out: W,
    lines: BTreeMap<String, Vec<String>>,
}

impl<W: Write> GitHub<W> {
    /// Writes to `out`; what cannot be written is not worth failing a build for.
    pub(crate) fn new(out: W) -> Self {
        Self {
            out,
            lines: BTreeMap::new(),
        }
    }
}

impl<W: Write> Progress for GitHub<W> {
    fn note(&mut self, text: &str) {
        let _ = writeln!(self.out, "{text}");
    }

    fn started(&mut self, image: &str) {
        let _ = writeln!(self.out, "{image} started");
        self.lines.insert(image.to_owned(), Vec::new());
    }

    fn line(&mut self, image: &str, line: &str) {
        if let Some(lines) = self.lines.get_mut(image)
            && !line.trim().is_empty()
        {
            lines.push(printable(line));
        }
    }

    fn ended(&mut self, image: &str, ending: Ending, time: Duration) {
        let word = ending.word();
        let mut text = format!("::group::{image} {word} in {:.1}s\n", time.as_secs_f64());
        for line in self.lines.remove(image).unwrap_or_default() {
            // With something before it, no line of a build is taken for a command of the workflow.
            text.push_str("| ");
            text.push_str(&line);
            text.push('\n');
        }
        let _ = writeln!(self.out, "{text}::endgroup::");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_image_is_a_group() {
        let mut github = GitHub::new(Vec::new());
        github.note("building 2 of 2 images");
        github.started("us/a");
        github.started("us/b");
        github.line("us/a", "#1 load");
        github.line("us/b", "::error::not ours");
        github.ended("us/b", Ending::Failed, Duration::from_millis(1_240));
        github.ended("us/a", Ending::Done, Duration::from_secs(2));
        let text = String::from_utf8(github.out).expect("names and lines are text");
        insta::assert_snapshot!(text, @"
        building 2 of 2 images
        us/a started
        us/b started
        ::group::us/b failed in 1.2s
        | : :error::not ours
        ::endgroup::
        ::group::us/a done in 2.0s
        | #1 load
        ::endgroup::
        ");
    }
}

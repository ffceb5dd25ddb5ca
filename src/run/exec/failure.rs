//! A failed build as a diagnostic: the place in the Dockerfile, the end of the log, the way to repeat it.

use std::collections::VecDeque;
use std::path::Path;

use super::progress::{printable, without_commands};
use crate::diagnostics::{Code, Diagnostic, SourceText};
use crate::plan::Image;

/// How many of a log's last lines are worth showing.
const SHOWN: usize = 12;

/// The last lines of a log.
#[derive(Debug, Clone, Default)]
pub(super) struct Tail(VecDeque<String>);

impl Tail {
    /// Adds a line.
    pub(super) fn push(&mut self, line: &str) {
        // BuildKit shows the place in the Dockerfile within about twenty lines.
        if self.0.len() == 4 * SHOWN {
            self.0.pop_front();
        }
        self.0.push_back(printable(line));
    }

    /// The few lines worth showing.
    pub(super) fn last(&self) -> String {
        let start = self.0.len().saturating_sub(SHOWN);
        let lines: Vec<&str> = self.0.range(start..).map(String::as_str).collect();
        lines.join("\n")
    }

    /// Whether a registry said that permission is missing, which no second attempt changes.
    pub(super) fn says_denied(&self) -> bool {
        let words = [
            "denied",
            "unauthorized",
            "authentication required",
            "no basic auth",
        ];
        let mut lines = self.0.iter();
        lines.any(|line| words.iter().any(|word| line.contains(word)))
    }

    /// Whether a builder built the image and could not push it, which may be otherwise the next time.
    pub(super) fn says_not_pushed(&self) -> bool {
        let mut lines = self.0.iter();
        lines.any(|line| line.contains("failed to push")) && !self.says_denied()
    }

    /// Whether a registry does not have what the image is locked to.
    fn says_gone(&self, image: &Image) -> bool {
        let bound = image.bases.values().chain(image.sources.values());
        let digests: Vec<&str> = bound
            .chain(image.contexts.values())
            .filter_map(|place| Some(place.split_once('@')?.1))
            .collect();
        let mut lines = self.0.iter();
        lines.any(|line| {
            line.contains("not found") && digests.iter().any(|digest| line.contains(digest))
        })
    }

    /// The line of the Dockerfile that BuildKit blames: `Dockerfile:3` above a ruler.
    fn blamed_line(&self) -> Option<usize> {
        let pairs = self.0.iter().zip(self.0.iter().skip(1)).rev();
        pairs
            .filter(|(_, ruler)| ruler.len() >= 10 && ruler.bytes().all(|byte| byte == b'-'))
            .find_map(|(place, _)| place.rsplit_once(':')?.1.parse().ok())
    }
}

/// A reference that a registry did not take.
pub(super) fn push_failed(reference: &str, status: &str, tail: &Tail) -> Diagnostic {
    let message = format!("cannot push `{reference}` ({status})");
    Diagnostic::new(Code::PushFailed, message).help(last_lines(tail))
}

/// A reference that did not come from a registry.
pub(super) fn fetch_failed(reference: &str, status: &str, tail: &Tail) -> Diagnostic {
    let message = format!("cannot fetch `{reference}` ({status})");
    Diagnostic::new(Code::FetchFailed, message)
        .help(last_lines(tail))
        .help("`--from-registry=false` builds it instead")
}

fn last_lines(tail: &Tail) -> String {
    format!("docker's last lines:\n{}", tail.last())
}

/// A build that failed, whose whole log is at `log`, and that `command` repeats.
pub(super) fn build_failed(
    image: &Image,
    status: &str,
    tail: &Tail,
    log: &Path,
    command: &str,
    dockerfile: Option<&str>,
) -> Diagnostic {
    let message = format!("`{}` failed to build ({status})", image.name);
    let mut diagnostic = Diagnostic::new(Code::BuildFailed, message);
    if let (Some(line), Some(text)) = (tail.blamed_line(), dockerfile) {
        let text = without_commands(text);
        let span = line_span(&text, line);
        let source = SourceText::new(image.dockerfile.as_str(), text);
        diagnostic = diagnostic.at(&source, span, "");
    }
    let last = tail.last();
    if !last.is_empty() {
        diagnostic = diagnostic.help(format!("the log ends with:\n{last}"));
    }
    if tail.says_gone(image) {
        diagnostic = diagnostic.help(
            "a registry no longer has a locked image: `shipwright lock --update REF` locks what there is now; \
             `\"mirror\"` in the configuration names a registry that has it",
        );
    }
    diagnostic
        .help(format!("the whole log is in {}", log.display()))
        .help(format!(
            "to repeat the build, run at the root of the plan:\n{command}"
        ))
}

/// The bytes of a line, counted from 1, without its line end; the end of the text if there is none.
fn line_span(text: &str, line: usize) -> std::ops::Range<usize> {
    let mut start = 0;
    for (index, content) in text.split_inclusive('\n').enumerate() {
        if index + 1 == line {
            return start..start + content.trim_end().len();
        }
        start += content.len();
    }
    text.len()..text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::render::{Style, render_one};
    use crate::run::exec::tests::image;

    #[test]
    fn the_place_is_the_one_that_buildkit_blames() {
        let mut tail = Tail::default();
        for line in [
            "#5 ERROR: process \"/bin/sh -c false\" did not complete successfully",
            "Dockerfile:2",
            "--------------------",
            "   2 | >>> RUN false",
            "--------------------",
            "ERROR: failed to solve",
        ] {
            tail.push(line);
        }
        let diagnostic = build_failed(
            &image("app", &[]),
            "exit status: 1",
            &tail,
            Path::new("logs/app.log"),
            "docker buildx build app",
            Some("FROM scratch\nRUN false ##[add-mask]x\n"),
        );
        insta::assert_snapshot!(render_one(&diagnostic, Style::default()), @r#"
        error[build-failed]: `app` failed to build (exit status: 1)
         --> app/Dockerfile:2:1
          |
        2 | RUN false ## [add-mask]x
          | ^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: the log ends with:
                  #5 ERROR: process "/bin/sh -c false" did not complete successfully
                  Dockerfile:2
                  --------------------
                     2 | >>> RUN false
                  --------------------
                  ERROR: failed to solve
          = help: the whole log is in logs/app.log
          = help: to repeat the build, run at the root of the plan:
                  docker buildx build app
        "#);
    }

    #[test]
    fn without_a_place_nothing_is_marked() {
        for lines in [
            &["ERROR: no space"][..],
            &[],
            &["----------", "x:y", "----------"],
        ] {
            let mut tail = Tail::default();
            for line in lines {
                tail.push(line);
            }
            assert_eq!(tail.blamed_line(), None, "{lines:?}");
        }
        assert_eq!(line_span("a\nbc\n", 2), 2..4);
        assert_eq!(line_span("a\nbc\n", 9), 5..5);
    }
}

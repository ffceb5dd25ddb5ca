//! A failed build as a diagnostic: the place in the Dockerfile, the end of the log, the way to repeat it.

use std::collections::VecDeque;
use std::path::Path;

use super::progress::{printable, said, without_commands};
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
    fn last(&self) -> String {
        let end = self.0.len();
        self.lines(end.saturating_sub(SHOWN), end)
    }

    /// The few lines worth showing around the place in the Dockerfile that BuildKit shows: those between rulers
    /// before it, which repeat what the instruction printed, and the error after it.
    fn last_around(&self, place: usize) -> String {
        let mut rulers = (0..place).rev().filter(|&index| is_ruler(&self.0[index]));
        let end = rulers
            .next()
            .filter(|&end| end + 1 == place)
            .unwrap_or(place);
        let start = rulers.next().map_or(0, |ruler| ruler + 1);
        let printed = self.lines(start.max(end.saturating_sub(SHOWN)), end);
        let after = self.0.range(place..).map(String::as_str);
        let errors = after.filter(|line| line.starts_with("ERROR: "));
        std::iter::once(&*printed)
            .chain(errors)
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn lines(&self, start: usize, end: usize) -> String {
        let lines: Vec<&str> = self.0.range(start..end).map(String::as_str).collect();
        lines.join("\n")
    }

    /// The last thing that an instruction of the Dockerfile printed, or else BuildKit.
    pub(super) fn last_words(&self) -> Option<String> {
        let mut lines = self.0.iter().rev();
        let printed = lines.find_map(|line| said(line));
        let mut lines = self.0.iter().rev();
        let error = || lines.find_map(|line| line.strip_prefix("ERROR: "));
        printed.or_else(error).map(str::to_owned)
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

    /// Where BuildKit blames a line of the Dockerfile, `Dockerfile:3` above a ruler, and which.
    fn blamed_line(&self) -> Option<(usize, usize)> {
        let pairs = self.0.iter().zip(self.0.iter().skip(1)).enumerate().rev();
        pairs
            .filter(|(_, (_, ruler))| ruler.len() >= 10 && is_ruler(ruler))
            .find_map(|(index, (place, _))| Some((index, place.rsplit_once(':')?.1.parse().ok()?)))
    }
}

fn is_ruler(line: &str) -> bool {
    !line.is_empty() && line.bytes().all(|byte| byte == b'-')
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
    let mut last = tail.last();
    if let (Some((index, line)), Some(text)) = (tail.blamed_line(), dockerfile) {
        last = tail.last_around(index);
        let text = without_commands(text);
        let span = line_span(&text, line);
        let source = SourceText::new(image.dockerfile.as_str(), text);
        diagnostic = diagnostic.at(&source, span, "");
    }
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
            "------",
            " > [2/2] RUN false:",
            "0.1 no",
            "------",
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
                   > [2/2] RUN false:
                  0.1 no
                  ERROR: failed to solve
          = help: the whole log is in logs/app.log
          = help: to repeat the build, run at the root of the plan:
                  docker buildx build app
        "#);
    }

    #[test]
    fn the_last_words_are_those_of_the_instruction() {
        for (lines, expected) in [
            (
                &[
                    "#5 0.1 compiling",
                    "#5 0.2 no such file",
                    "#5 0.2 ",
                    "#5 ERROR: exit code: 2",
                    "ERROR: failed to solve",
                ][..],
                Some("no such file"),
            ),
            (
                &["#4 [1/2] COPY x /", "ERROR: failed to solve: not found"],
                Some("failed to solve: not found"),
            ),
            (&["#4 [1/2] COPY x /"], None),
        ] {
            let mut tail = Tail::default();
            for line in lines {
                tail.push(line);
            }
            assert_eq!(tail.last_words().as_deref(), expected);
        }
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

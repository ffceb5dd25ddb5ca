//! Differences between plans for people, for programs and for a pull request.

use crate::diagnostics::{counted, escape};
use std::fmt::Write;

use super::{Diff, Kind};
use crate::plan::Reason;

/// Reasons of one cause that are written out.
const REASONS_SHOWN: usize = 5;
/// Images that a comment shows before it folds the list.
const IMAGES_SHOWN: usize = 10;

impl Diff {
    /// For people: a line of numbers, then each cause with the images that it reaches.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!(
            "{} → {}: {}\n",
            short(&self.from),
            short(&self.to),
            self.summary()
        );
        for cause in &self.causes {
            let reasons = shown(&cause.reasons, str::to_owned).join("\n");
            let _ = writeln!(text, "\n{reasons} → {}", images(cause.images.len()));
            list(&mut text, "  ", cause.images.iter().cloned());
        }
        for (heading, lines) in self.others(str::to_owned) {
            let _ = writeln!(text, "\n{heading}");
            list(&mut text, "  ", lines.into_iter());
        }
        text
    }

    /// For programs: the fields of [`Diff`] as JSON, two-space indent, one final newline.
    pub(crate) fn to_json(&self) -> String {
        let mut text =
            serde_json::to_string_pretty(self).expect("a diff holds nothing that JSON cannot");
        text.push('\n');
        escape::json(&text).into_owned()
    }

    /// For a comment on a pull request: long lists are folded.
    pub(crate) fn to_markdown(&self) -> String {
        let (from, to) = (short(&self.from), short(&self.to));
        let mut text = format!("### Images: {}\n\n`{from}` → `{to}`\n", self.summary());
        for cause in &self.causes {
            let reasons = shown(&cause.reasons, code).join("<br>\n");
            let _ = writeln!(text, "\n{reasons} → **{}**\n", images(cause.images.len()));
            folded(
                &mut text,
                cause.images.iter().map(|image| code(image)).collect(),
            );
        }
        for (heading, lines) in self.others(code) {
            let _ = writeln!(text, "\n**{heading}**\n");
            folded(&mut text, lines);
        }
        text
    }

    /// How many images change in which way.
    fn summary(&self) -> String {
        let kinds = [
            (Kind::Changed, "changed"),
            (Kind::New, "new"),
            (Kind::Gone, "gone"),
            (Kind::Moved, "moved"),
        ];
        let counted = kinds.map(|(kind, word)| (self.of_kind(kind).count(), word));
        let mut parts: Vec<String> = counted
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        parts.push(format!("{} unchanged", self.unchanged));
        parts.join(", ")
    }

    /// The images without a cause, by how they change; `name` marks up a name.
    fn others(&self, name: impl Fn(&str) -> String) -> Vec<(&'static str, Vec<String>)> {
        let kinds = [
            (Kind::New, "new"),
            (Kind::Gone, "gone"),
            (Kind::Moved, "moved"),
        ];
        let lists = kinds.map(|(kind, heading)| {
            let lines = self.of_kind(kind).map(|image| match &image.was {
                Some(was) if was.name != image.name => {
                    format!("{} → {}", name(&was.name), name(&image.name))
                }
                Some(was) => format!("{}, from {}", name(&image.name), name(&was.dockerfile)),
                None => name(&image.name),
            });
            (heading, lines.collect::<Vec<_>>())
        });
        lists
            .into_iter()
            .filter(|(_, lines)| !lines.is_empty())
            .collect()
    }
}

/// The first reasons, a line each; `mark` marks up what they name.
fn shown(reasons: &[Reason], mark: impl Fn(&str) -> String) -> Vec<String> {
    let lines = reasons.iter().take(REASONS_SHOWN);
    let mut lines: Vec<String> = lines
        .map(|reason| {
            format!(
                "{} {}",
                reason.kind,
                mark(&escape::name(&reason.detail).replace('`', ""))
            )
        })
        .collect();
    if reasons.len() > REASONS_SHOWN {
        lines.push(format!("and {} more", reasons.len() - REASONS_SHOWN));
    }
    lines
}

fn list(text: &mut String, before: &str, lines: impl Iterator<Item = String>) {
    for line in lines {
        let _ = writeln!(text, "{before}{line}");
    }
}

/// A list that is folded where it is long.
fn folded(text: &mut String, lines: Vec<String>) {
    let long = lines.len() > IMAGES_SHOWN;
    if long {
        let _ = writeln!(
            text,
            "<details><summary>{}</summary>\n",
            images(lines.len())
        );
    }
    list(text, "- ", lines.into_iter());
    if long {
        text.push_str("\n</details>\n");
    }
}

/// A text as code in Markdown, whatever it holds.
fn code(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ");
    let runs = text.split(|c| c != '`').map(str::len);
    match runs.max().unwrap_or(0) {
        0 => format!("`{text}`"),
        longest => {
            let fence = "`".repeat(longest + 1);
            format!("{fence} {text} {fence}")
        }
    }
}

fn images(count: usize) -> String {
    counted(count, "image", "images")
}

/// The first 12 digits of a revision, and `-dirty` where it has that.
fn short(revision: &str) -> String {
    let (digits, dirty) = match revision.strip_suffix("-dirty") {
        Some(digits) => (digits, "-dirty"),
        None => (revision, ""),
    };
    format!("{}{dirty}", digits.get(..12).unwrap_or(digits))
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn code_keeps_its_backticks() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a``b\n"), "``` a``b  ```");
    }
}

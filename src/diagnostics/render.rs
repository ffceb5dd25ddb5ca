//! Diagnostics as text for people: the one renderer of the program.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Diagnostic, Diagnostics, Label, Severity, escape};

/// How to render.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether to write ANSI colours.
    pub colour: bool,
}

/// All diagnostics, each followed by an empty line; errors last, nearest to the prompt.
pub fn render(diagnostics: &Diagnostics, style: Style) -> String {
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|d| std::cmp::Reverse(d.severity));
    let mut text = String::new();
    for diagnostic in sorted {
        text.push_str(&render_one(diagnostic, style));
        text.push_str("\n\n");
    }
    text
}

/// One diagnostic, without a final newline. What it says of a repository is escaped.
pub(crate) fn render_one(diagnostic: &Diagnostic, style: Style) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let message = escape::name(&diagnostic.message);
    let mut main = Group::with_title(level.primary_title(&*message).id(diagnostic.code.as_str()));
    for labels in by_file(&diagnostic.labels) {
        let source = &labels[0].source;
        let mut snippet = Snippet::source(&*source.text).path(escape::name(&source.path));
        for label in labels {
            let kind = if std::ptr::eq(label, &raw const diagnostic.labels[0]) {
                AnnotationKind::Primary
            } else {
                AnnotationKind::Context
            };
            let span = clamp(&label.source.text, label.span.start, label.span.end);
            let mut annotation = kind.span(span);
            if !label.message.is_empty() {
                annotation = annotation.label(escape::name(&label.message));
            }
            snippet = snippet.annotation(annotation);
        }
        main = main.element(snippet);
    }
    for line in &diagnostic.help {
        main = main.element(Level::HELP.message(escape::lines(line)));
    }
    let renderer = if style.colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let text = renderer.decor_style(DecorStyle::Ascii).render(&[main]);
    escape::rendered(&text)
}

/// The labels grouped by file, the files in order of first appearance.
fn by_file(labels: &[Label]) -> Vec<Vec<&Label>> {
    let mut groups: Vec<Vec<&Label>> = Vec::new();
    for label in labels {
        match groups
            .iter_mut()
            .find(|group| group[0].source.path == label.source.path)
        {
            Some(group) => group.push(label),
            None => groups.push(vec![label]),
        }
    }
    groups
}

/// The span moved onto character borders inside the text.
fn clamp(text: &str, start: usize, end: usize) -> std::ops::Range<usize> {
    let mut start = start.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = end.clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Code;
    use crate::diagnostics::SourceText;

    #[test]
    fn marks_the_place_and_says_what_to_do() {
        let source = SourceText::new("a/Dockerfile", "FROM scratch\nCPOY a b\n");
        let diagnostic = Diagnostic::new(Code::DockerfileSyntax, "unknown instruction: CPOY")
            .at(&source, 13..17, "did you mean COPY?")
            .help("see the list of instructions");
        insta::assert_snapshot!(render_one(&diagnostic, Style::default()), @r"
        error[dockerfile-syntax]: unknown instruction: CPOY
         --> a/Dockerfile:2:1
          |
        2 | CPOY a b
          | ^^^^ did you mean COPY?
          |
          = help: see the list of instructions
        ");
    }

    #[test]
    fn nothing_of_a_repository_is_a_command() {
        let evil = "a\u{1b}[2J\n::set-output x\u{202e}";
        let text = "CPOY \u{1b}[2J\u{9b}##[x]\u{202e}\r\n  ::error::x\n";
        let source = SourceText::new(evil, text);
        let diagnostic = Diagnostic::new(Code::DockerfileSyntax, evil)
            .at(&source, 0..4, evil)
            .at(&source, 30..31, "")
            .help(evil);
        for colour in [false, true] {
            let text = render_one(&diagnostic, Style { colour });
            let own = text.replace("\u{1b}[0m", "").replace("\u{1b}[1m", "");
            assert!(!own.contains("\u{1b}[2J"), "{text:?}");
            assert!(!text.contains(['\u{202e}', '\u{9b}', '\r']), "{text:?}");
            assert!(!text.contains("##["), "{text:?}");
            assert!(
                !text.lines().any(|line| line.trim().starts_with("::")),
                "{text:?}"
            );
        }
    }
}

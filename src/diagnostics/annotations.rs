//! Diagnostics as workflow commands of GitHub Actions, which shows them beside the changed lines.

use std::fmt::Write as _;

use super::{Diagnostic, Diagnostics, Severity, escape};

/// A command for each diagnostic, a line each. Paths in diagnostics are relative to the root of the
/// plan; `root` is where that is, from the top of the checkout, empty where it is the top.
pub(crate) fn annotations(diagnostics: &Diagnostics, root: &str) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        annotate(diagnostic, root, &mut text);
    }
    text
}

fn annotate(diagnostic: &Diagnostic, root: &str, text: &mut String) {
    let command = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let _ = write!(text, "::{command} ");
    if let Some(label) = diagnostic.labels.first() {
        let separator = if root.is_empty() { "" } else { "/" };
        let path = property(&format!("{root}{separator}{}", label.source.path));
        let (line, _) = label.start();
        let _ = write!(text, "file={path},line={line},");
    }
    let _ = write!(text, "title={}::", property(diagnostic.code.as_str()));
    text.push_str(&data(&escape::name(&diagnostic.message)));
    for help in &diagnostic.help {
        text.push_str(&data(&format!("\n{help}")));
    }
    text.push('\n');
}

/// The text after the colons.
fn data(text: &str) -> String {
    let text = escape::lines(text);
    let text = escape::without_commands(&text);
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The value of a property, which ends at a comma or at the colons.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Code;
    use crate::diagnostics::SourceText;

    #[test]
    fn a_diagnostic_is_one_line() {
        let source = SourceText::new("app/Docker,file", "FROM a\nRUN false\n");
        let mut diagnostics = Diagnostics::new();
        diagnostics.push(
            Diagnostic::new(Code::BuildFailed, "`us/app` failed: 100%")
                .at(&source, 7..16, "")
                .help("the log ends with\nthis: x"),
        );
        diagnostics.push(Diagnostic::new(Code::RegistryUnreadable, "no"));
        insta::assert_snapshot!(annotations(&diagnostics, "deep"), @"
        ::error file=deep/app/Docker%2Cfile,line=2,title=build-failed::`us/app` failed: 100%25%0Athe log ends with%0Athis: x
        ::warning title=registry-unreadable::no
        ");
        let top = annotations(&diagnostics, "");
        assert!(top.starts_with("::error file=app/Docker%2Cfile,line=2,"));
    }
}

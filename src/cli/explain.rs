//! `shipwright explain`: what a diagnostic means and what to do.

use super::output;
use crate::diagnostics::{Code, Diagnostic, nearest};

/// Prints the page of a code.
pub(super) fn run(code: Code) -> Result<(), Diagnostic> {
    output::write(code.page(), None)
}

/// The code that somebody typed, with or without the brackets around it.
pub(super) fn code(text: &str) -> Result<Code, String> {
    let name = text
        .rsplit('[')
        .next()
        .unwrap_or(text)
        .trim_end_matches(']');
    let all = || Code::ALL.iter().copied();
    all().find(|code| code.as_str() == name).ok_or_else(|| {
        nearest(name, all().map(Code::as_str)).map_or_else(
            || "no diagnostic has this code; docs/diagnostics.md lists them".to_owned(),
            |near| format!("did you mean `{near}`?"),
        )
    })
}

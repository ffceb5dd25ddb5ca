//! Finds the marks that a stopped merge leaves in a lock file.

use crate::diagnostics::{Code, Diagnostic, SourceText};

/// The error for the first mark of a merge that stopped, with the entry that it stands in.
pub(super) fn conflict(source: &SourceText) -> Option<Diagnostic> {
    let mut entry = None;
    let mut start = 0;
    let mut mark = None;
    for line in source.text.split_inclusive('\n') {
        let line = line.trim_end();
        if line.starts_with("    \"") && line.ends_with('{') && !line.starts_with("     ") {
            let key = line.trim().trim_end_matches(['{', ' ', ':']);
            entry = Some(key.trim_matches('"'));
            if mark.is_some() {
                break;
            }
        }
        let is_mark = ["<<<<<<<", "|||||||", ">>>>>>>"]
            .iter()
            .any(|mark| line.starts_with(mark));
        if is_mark && mark.is_none() {
            mark = Some(start..start + line.len());
            if entry.is_some() {
                break;
            }
        }
        start += source.text[start..].find('\n').map_or(0, |end| end + 1);
    }
    let entry = entry.unwrap_or("REF");
    Some(
        Diagnostic::new(Code::LockSyntax, "a merge stopped here")
            .at(source, mark?, "")
            .help(format!(
                "keep either side, then `shipwright lock --update {entry}`"
            )),
    )
}

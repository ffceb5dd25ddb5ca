//! Diagnostics as GitLab's code quality report: an array of entries of which GitLab shows those that a
//! merge request adds.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{from_top, pretty};
use crate::config;
use crate::diagnostics::{Diagnostic, Diagnostics, Severity};
use crate::lang::tags::hex;

/// The report; an entry needs a place, so what has none stands at the configuration.
pub(super) fn write(diagnostics: &Diagnostics, root: &str) -> String {
    let entries: Vec<Value> = diagnostics.iter().map(|one| entry(one, root)).collect();
    pretty(&entries)
}

fn entry(diagnostic: &Diagnostic, root: &str) -> Value {
    let label = diagnostic.labels.first();
    let path = from_top(root, label.map_or(config::PATH, |label| &label.source.path));
    let line = label.map_or(1, |label| label.start().0);
    let code = diagnostic.code.as_str();
    json!({
        "description": diagnostic.message,
        "check_name": code,
        "fingerprint": fingerprint(&[code, &path, &diagnostic.message]),
        "severity": match diagnostic.severity {
            Severity::Error => "major",
            Severity::Warning => "minor",
            Severity::Note => "info",
        },
        "location": {"path": path, "lines": {"begin": line}},
    })
}

/// The same for the same problem of another commit: lines move, so they do not count.
fn fingerprint(texts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    }
    let mut digits = hex(&hash.finalize());
    digits.truncate(32);
    digits
}

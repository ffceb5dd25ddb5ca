//! The texts of the Dockerfiles that are planned, and what they say.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText};
use crate::lang::dockerfile::{self, Ast, Dockerfile};
use crate::planner::discover::{Found, patterns};
use crate::planner::resolve::Parsed;
use crate::planner::unreadable;
use crate::tree::snapshot::Snapshot;

/// The texts of all Dockerfiles, by path. One that is not UTF-8 is remarked on.
///
/// # Errors
/// When no builder would read one of them because of its size, or there is none.
pub(super) fn texts(
    snapshot: &Snapshot,
    found: Found,
    diagnostics: &mut Diagnostics,
) -> Result<BTreeMap<String, SourceText>, Diagnostics> {
    let mut texts = BTreeMap::new();
    let mut problems = Diagnostics::new();
    for path in found.dockerfiles {
        let bytes = snapshot.text(&path).unwrap_or_default();
        // Nothing else is done with a file that no builder reads.
        if let Some(error) = dockerfile::Error::too_large(bytes.len()) {
            let source = SourceText::new(&*path, "");
            let excluded = [patterns::literal(&path)];
            problems.push(unreadable::excluding(error.diagnostic(&source), &excluded));
            continue;
        }
        let text = String::from_utf8_lossy(bytes);
        let source = SourceText::new(&*path, &*text);
        if let Err(error) = std::str::from_utf8(bytes) {
            let at = error.valid_up_to();
            let message = format!("`{path}` is not UTF-8");
            diagnostics.push(
                Diagnostic::new(Code::NotUtf8, message)
                    .at(&source, at..at + 1, "")
                    .help(
                        "convert it; other bytes are read as U+FFFD, but all bytes affect the fingerprint",
                    ),
            );
        }
        texts.insert(path, source);
    }
    problems.fail_on_errors()?;
    if texts.is_empty() {
        return Err(unreadable::no_dockerfile(&found.templates).into());
    }
    Ok(texts)
}

/// Reads Dockerfiles, and does something with what they say, by path.
pub(crate) fn read<'t, T>(
    texts: impl Iterator<Item = (&'t String, &'t SourceText)>,
    with: impl FnOnce(BTreeMap<&str, Parsed<'_>>) -> T,
) -> T {
    let texts: Vec<(&str, &SourceText)> = texts.map(|(path, text)| (path.as_str(), text)).collect();
    let asts: Vec<Ast<'_>> = texts
        .par_iter()
        .map(|(_, source)| dockerfile::parse(&source.text))
        .collect();
    let dockerfiles: Vec<Dockerfile<'_>> = asts.par_iter().map(Dockerfile::new).collect();
    let parsed = texts.iter().zip(&dockerfiles);
    with(
        parsed
            .map(|((path, source), dockerfile)| (*path, Parsed { source, dockerfile }))
            .collect(),
    )
}

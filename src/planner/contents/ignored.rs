//! The ignore files of a snapshot, and which of them is in force (semantics §16.1).

use std::collections::BTreeMap;

use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText};
use crate::lang::ignore::{IgnoreFile, Problem};
use crate::paths::join;
use crate::tree::snapshot::Snapshot;

/// Name of the ignore file of a context, and end of the name of a Dockerfile's own.
const IGNORE_FILE: &str = ".dockerignore";

/// The files of a snapshot, with its ignore files read: each text once, as many folders have the same.
pub(super) struct Files<'s> {
    pub(super) snapshot: &'s Snapshot,
    ignore_files: BTreeMap<&'s [u8], (IgnoreFile, Vec<Problem>)>,
}

impl<'s> Files<'s> {
    pub(super) fn new(snapshot: &'s Snapshot) -> Self {
        let texts = snapshot.texts.iter();
        let texts = texts.filter(|(path, _)| path.ends_with(IGNORE_FILE));
        let mut ignore_files = BTreeMap::new();
        for (_, text) in texts {
            let read = || IgnoreFile::parse(&String::from_utf8_lossy(text));
            ignore_files.entry(text.as_slice()).or_insert_with(read);
        }
        Self {
            snapshot,
            ignore_files,
        }
    }

    /// The ignore file in force: the Dockerfile's own, else the one of the context.
    pub(super) fn ignored(
        &self,
        own: Option<String>,
        context: &str,
        diagnostics: &mut Diagnostics,
    ) -> IgnoreFile {
        let of_context = join(context, IGNORE_FILE);
        let mut paths = own.into_iter().chain([of_context]);
        let found = paths.find_map(|path| {
            let text = self.snapshot.text(&path)?;
            Some((path, text, self.ignore_files.get(text)?))
        });
        let Some((path, text, (ignore, problems))) = found else {
            return IgnoreFile::default();
        };
        if !problems.is_empty() {
            let source = SourceText::new(path, String::from_utf8_lossy(text));
            for problem in problems {
                let diagnostic =
                    Diagnostic::new(Code::DockerignoreSyntax, problem.message.as_str())
                        .at(&source, problem.span.clone(), "")
                        .help("correct or remove the line: a build would refuse the whole file");
                diagnostics.push(diagnostic);
            }
        }
        ignore.clone()
    }
}

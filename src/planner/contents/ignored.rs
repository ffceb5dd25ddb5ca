//! The ignore files of a snapshot, and which of them is in force (semantics §16.1).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText};
use crate::lang::ignore::{IgnoreFile, Problem, unsendable_lines};
use crate::lang::wildcard::MALFORMED;
use crate::paths::join;
use crate::planner::inputs::{InputSpec, Inputs, Source};
use crate::tree::snapshot::{File, Folder, Snapshot};

/// Name of the ignore file of a context, and end of the name of a Dockerfile's own.
const IGNORE_FILE: &str = ".dockerignore";

/// Something that is in every git folder.
const GIT_FILE: &str = ".git/HEAD";

/// The files of a snapshot, with its ignore files read: each text once, as many folders have the same.
pub(super) struct Files<'s> {
    pub(super) snapshot: &'s Snapshot,
    ignore_files: BTreeMap<&'s [u8], (IgnoreFile, Vec<Problem>)>,
}

/// The ignore file that a builder obeys for a context.
pub(super) struct InForce<'s> {
    pub(super) ignore: IgnoreFile,
    /// Its path and its text, where there is one.
    source: Option<(String, &'s [u8])>,
    /// Where another would be obeyed in its place.
    before: Vec<String>,
}

impl InForce<'_> {
    /// Whether a source takes git's folder, which stands in the working tree alone.
    pub(super) fn takes_git_folder(&self, source: &Source<'_>) -> bool {
        let tree = Snapshot::of_files(None, [(GIT_FILE, File::Plain(Vec::new()))]);
        let spec = InputSpec::new("", std::slice::from_ref(source), &self.ignore);
        let inputs = spec.inputs(&tree.root, &tree.links);
        inputs.tree.node(GIT_FILE).is_some()
    }
}

impl<'s> Files<'s> {
    /// The ignore files among the texts of a snapshot.
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
    pub(super) fn in_force(
        &self,
        own: Option<String>,
        context: &str,
        diagnostics: &mut Diagnostics,
    ) -> InForce<'s> {
        let of_context = join(context, IGNORE_FILE);
        let mut before = Vec::new();
        for path in own.into_iter().chain([of_context]) {
            let text = self.snapshot.texts.get(&path);
            let Some((ignore, problems)) = text.and_then(|text| self.ignore_files.get(&**text))
            else {
                before.push(path);
                continue;
            };
            let text = text.map(Vec::as_slice).unwrap_or_default();
            for problem in problems {
                diagnostics.push(malformed(
                    &path,
                    text,
                    problem.span.clone(),
                    &problem.message,
                ));
            }
            for line in unsendable_lines(&String::from_utf8_lossy(text)) {
                let message = "a pattern holds a control character, which cannot be sent";
                diagnostics.push(malformed(&path, text, line, message));
            }
            return InForce {
                ignore: ignore.clone(),
                source: Some((path, text)),
                before,
            };
        }
        InForce {
            ignore: IgnoreFile::default(),
            source: None,
            before,
        }
    }

    /// What sources take of a context, and the spec that says so.
    pub(super) fn inputs(
        &self,
        context: &str,
        sources: &[Source<'_>],
        in_force: InForce<'_>,
        diagnostics: &mut Diagnostics,
    ) -> (Inputs, InputSpec) {
        let none = Arc::new(Folder::empty());
        let folder = Folder::shared(&self.snapshot.sources, context).unwrap_or(&none);
        let spec = InputSpec::new(context, sources, &in_force.ignore);
        let inputs = spec.inputs(folder, &self.snapshot.links);
        if inputs.is_refused
            && let Some((path, text)) = in_force.source
            && let Some(line) = in_force.ignore.bad_line()
        {
            diagnostics.push(malformed(&path, text, line, MALFORMED));
        }
        (inputs, spec.ignored_by(in_force.before))
    }
}

fn malformed(path: &str, text: &[u8], line: std::ops::Range<usize>, message: &str) -> Diagnostic {
    let source = SourceText::new(path, String::from_utf8_lossy(text));
    Diagnostic::new(Code::DockerignoreSyntax, message)
        .at(&source, line, "")
        .help("correct or remove the line; a build would reject the whole file")
}

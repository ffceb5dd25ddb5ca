//! What is to be said of what an image takes, or would take, from its contexts.

use crate::diagnostics::{Code, Diagnostic};
use crate::lang::dockerfile::stages::{ContextSource, Malformed, Place};
use crate::paths;
use crate::planner::inputs::Inputs;
use crate::planner::resolve::Resolved;
use crate::tree::snapshot::{Folder, Snapshot};

/// What is not there of what an image reads from a context.
pub(super) struct Lacking<'l> {
    pub(super) inputs: &'l Inputs,
    /// What instructions read, in the order of the sources that were selected; these may be more.
    pub(super) read: &'l [(&'l ContextSource, Place)],
    /// Folder of the context, from the root of the plan.
    pub(super) context: &'l str,
    /// The root, where another folder may be what the context should be.
    pub(super) root: Option<&'l Folder>,
}

impl Lacking<'_> {
    /// The error for links that lead to inputs and that a partial clone lacks; without it, a warning for
    /// each path that an instruction names and that is not there.
    pub(super) fn problems(&self, image: &Resolved<'_>, snapshot: &Snapshot) -> Vec<Diagnostic> {
        if !self.inputs.unread.is_empty() {
            let unread = self.inputs.unread.iter().map(String::as_str);
            return snapshot.missing.error(unread).into_iter().collect();
        }
        // What `inputs` in the configuration names may be there or not.
        let read = self
            .inputs
            .missing
            .iter()
            .filter_map(|&index| self.read.get(index));
        // A pattern that is none has been told of.
        let read = read.filter(|(source, _)| source.wildcard_error().is_none());
        read.map(|(source, place)| missing(image, source, *place, self.context, self.root))
            .collect()
    }
}

/// A build would be sent `.git`, which is never an input.
pub(super) fn git_folder(image: &Resolved<'_>, place: Place) -> Diagnostic {
    let message = "this also copies `.git`, which changes with every git command and does not affect the fingerprint";
    let own = format!("{}.dockerignore", image.definition.dockerfile);
    Diagnostic::new(Code::GitFolder, message)
        .at(image.source, place.span.range(), "")
        .help(format!(
            "add the line `.git` to `.dockerignore` at the root, or to `{own}` if there is one"
        ))
        .help("`shipwright exec` leaves it out anyway")
}

fn missing(
    image: &Resolved<'_>,
    source: &ContextSource,
    place: Place,
    context: &str,
    root: Option<&Folder>,
) -> Diagnostic {
    let path = source.path.as_deref().unwrap_or_default();
    let place_in = if context == "." { "the root" } else { context };
    let message = match folder_of_pattern(source, path) {
        None => format!("`{path}` is not in the build context, {place_in}, or is ignored there"),
        Some(".") => format!(
            "`{path}` matches a symbolic link that leads to nothing in the build context, {place_in}"
        ),
        Some(folder) => format!(
            "nothing in `{folder}`, where `{path}` looks for files, is sent from the build context, {place_in}"
        ),
    };
    let path = folder_of_pattern(source, path).unwrap_or(path);
    let diagnostic = Diagnostic::new(Code::MissingSource, message)
        .at(image.source, place.span.range(), "")
        .help("the build will fail here unless the file is created first");
    // The folder above that has it, if it is a file or folder at all.
    let above = context
        .match_indices('/')
        .rev()
        .map(|(at, _)| &context[..at])
        .chain(["."]);
    let has_it = |folder: &&str| {
        let folder = root.and_then(|root| root.folder(folder));
        context != "." && folder.is_some_and(|folder| folder.node(path).is_some())
    };
    match above.into_iter().find(has_it) {
        Some(folder) => diagnostic.help(format!(
            r#"or use `{folder}` as the context, which has it: `{{"version": 2, "images": {{"{}": {{"context": "{folder}"}}}}}}` in .shipwright.json"#,
            image.definition.name
        )),
        None => diagnostic,
    }
}

/// For a pattern, the folder before its first wildcard; `.` for the context itself.
fn folder_of_pattern<'p>(source: &ContextSource, path: &'p str) -> Option<&'p str> {
    let wildcard = source.is_wildcard && source.parents.is_none();
    let at = wildcard.then(|| path.find(['*', '?', '['])).flatten()?;
    Some(paths::folder_of(&path[..at]))
}

/// A pattern that a build would refuse.
pub(super) fn malformed(image: &Resolved<'_>, malformed: &Malformed) -> Diagnostic {
    let Malformed {
        span,
        pattern,
        message,
    } = malformed;
    Diagnostic::new(
        Code::CopyPattern,
        format!("`{pattern}` is not a pattern: {message}"),
    )
    .at(image.source, span.range(), "")
    .help(
        "correct it; a build would fail here. To match a character such as `[` itself, write `[[]`",
    )
}

/// What a source takes depends on what only the base image could tell.
pub(super) fn unknown(image: &Resolved<'_>, place: Place) -> Diagnostic {
    let message = "the files copied here depend on a variable that the base image may set; the whole build context affects the fingerprint";
    Diagnostic::new(Code::UnknownSource, message)
        .at(image.source, place.span.range(), "")
        .help("to narrow this down, set the variable in the stage (`ENV`, or `ARG` with a default)")
}

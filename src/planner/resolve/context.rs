//! The build context where the configuration does not say it: the Dockerfile's folder, or the root
//! of the plan if only that has what the Dockerfile copies.

use super::Resolved;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::lang::dockerfile::stages::Place;
use crate::tree::snapshot::Folder;

/// Moves contexts to the root where a source of `COPY`, `ADD` or a bind mount is missing in the
/// Dockerfile's folder and all of them are there at the root. Notes of each.
pub(crate) fn infer_contexts(
    resolved: &mut [Resolved<'_>],
    root: &Folder,
    diagnostics: &mut Diagnostics,
) {
    for image in resolved {
        if image.definition.build.context.is_some() || image.context == "." {
            continue;
        }
        let Some((missing, place)) = missing_but_at_root(image, root) else {
            continue;
        };
        let name = &image.definition.name;
        let message = format!(
            "`{missing}` is not in `{}` but at the root, which is used as the context of `{name}`",
            image.context
        );
        let note = Diagnostic::new(Code::ContextInferred, message)
            .at(image.source, place.span.range(), "")
            .because_of("root")
            .help(format!(
                r#"to make this explicit: `{{"version": 2, "images": {{"{name}": {{"context": "."}}}}}}` in .shipwright.json"#
            ));
        diagnostics.push(note);
        ".".clone_into(&mut image.context);
    }
}

/// The first source that the folder lacks, if the root has all sources.
fn missing_but_at_root(image: &Resolved<'_>, root: &Folder) -> Option<(String, Place)> {
    let folder = root.folder(&image.context)?;
    let stages = image.views.iter().flat_map(|view| view.stages.reachable());
    let mut missing = None;
    for step in stages.flat_map(|stage| &stage.steps) {
        for source in &step.sources {
            let Some(path) = source.path.as_deref() else {
                continue;
            };
            if path.is_empty() || source.is_wildcard {
                continue;
            }
            root.node(path)?;
            if folder.node(path).is_none() && missing.is_none() {
                missing = Some((path.to_owned(), step.place));
            }
        }
    }
    missing
}

//! Stamp arguments that are no stamps: what an image takes depends on them.

use std::collections::BTreeMap;

use super::{Parsed, uses_of};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::dockerfile::stages::{ContextSource, Request, StageGraph};
use crate::images::Definition;

/// A value that no default has by chance: only whether something changes is asked.
const OTHER: &str = "0.0.0-stamp";

/// Refuses stamp arguments by which references or the files that are copied differ: they are not
/// counted, so the plan would be of another image than the build. `stages` are without them.
pub(super) fn check(
    definition: &Definition,
    parsed: &Parsed<'_>,
    request: &Request<'_>,
    stages: &StageGraph<'_>,
) -> Result<(), Diagnostics> {
    let mut problems = Diagnostics::new();
    for (name, template) in &definition.settings.stamp_args {
        if !stages.declared.contains(name) {
            continue;
        }
        let mut build_args: BTreeMap<String, String> = request.build_args.clone();
        build_args.insert(name.clone(), OTHER.to_owned());
        let stamped = StageGraph::new(
            parsed.dockerfile,
            &Request {
                build_args: &build_args,
                ..*request
            },
        );
        let same = stamped.is_ok_and(|stamped| taken(&stamped) == taken(stages));
        if !same {
            let message = format!(
                "`{name}` is a stamp of `{}`, and what that takes depends on it",
                definition.name
            );
            let what = format!(r#"`"build_args": {{"{name}": "{}"}}`"#, template.text);
            problems.push(
                Diagnostic::error("stamp-counts", message)
                    .at(parsed.source, 0..0, "")
                    .help(format!("make it a build argument that counts: {what}")),
            );
        }
    }
    if problems.has_errors() {
        return Err(problems);
    }
    Ok(())
}

/// What reachable stages take: images by their full names, and files of the context.
fn taken<'s>(stages: &'s StageGraph<'_>) -> (Vec<String>, Vec<&'s ContextSource>) {
    let images = stages.reachable().flat_map(uses_of);
    let steps = stages.reachable().flat_map(|stage| &stage.steps);
    (
        images.map(|(_, _, image)| image.full_name()).collect(),
        steps.flat_map(|step| &step.sources).collect(),
    )
}

//! Which images of a plan exist, without running anything.

use std::collections::BTreeSet;
use std::path::Path;

use super::docker::Docker;
use super::engine::Engine;
use super::held::labelled_as_planned;
use super::registry::{self, HttpRegistry};
use super::{Host, Place};
use crate::diagnostics::Diagnostics;
use crate::plan::Plan;

/// The content references of the plan under which the engine or the registries hold the planned
/// image, and a warning for each registry that cannot be read.
///
/// # Errors
/// When the engine does not answer, if it is the engine that is asked.
pub fn existing(plan: &Plan, place: Place) -> Result<(BTreeSet<&str>, Diagnostics), Diagnostics> {
    let references: BTreeSet<&str> = plan.images.iter().map(|image| &*image.reference).collect();
    let mut problems = Diagnostics::new();
    let mut host: Option<Host> = None;
    let found = match place {
        Place::Engine => {
            let engine = Docker::at(Path::new("."));
            host = Some(engine.host(None)?);
            engine.look(&references)?
        }
        Place::Registry => {
            let (found, warnings) = registry::look(&HttpRegistry::new(), &references);
            problems.extend(warnings);
            found
        }
    };
    let planned = plan.images.iter().filter(|image| {
        let held = found.get(&image.reference);
        held.is_some_and(|held| labelled_as_planned(image, held, host.as_ref()))
    });
    Ok((planned.map(|image| &*image.reference).collect(), problems))
}

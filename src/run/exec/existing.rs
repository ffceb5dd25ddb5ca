//! Which images of a plan exist, without running anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::docker::Docker;
use super::engine::Engine;
use super::inventory::labelled_as_planned;
use super::{Host, Place, Stop};
use crate::diagnostics::Diagnostics;
use crate::plan::{Image, Plan};
use crate::run::registry::{self, HttpRegistry};

/// The content references of the plan under which the engine or the registries hold the planned
/// image, and those of parts of images for several platforms.
///
/// # Errors
/// When the engine does not answer, or a registry does not say of every reference whether it is there:
/// a list that lacks some would have them built again.
pub(crate) fn existing(plan: &Plan, place: Place) -> Result<BTreeSet<String>, Diagnostics> {
    let mut planned: BTreeMap<String, &Image> = BTreeMap::new();
    for image in &plan.images {
        planned.insert(image.reference.clone(), image);
        let parts = image.parts().into_iter();
        planned.extend(parts.map(|(_, part)| (part, image)));
    }
    let references: BTreeSet<&str> = planned.keys().map(String::as_str).collect();
    let mut host: Option<Host> = None;
    let found = match place {
        Place::Engine => {
            let engine = Docker::at(Path::new("."));
            host = Some(engine.host(None)?);
            engine.look(&references)?
        }
        Place::Registry => {
            let (registry, stop) = (HttpRegistry::new(), Stop::new());
            let mut answers = registry::look(&registry, &references, Some(&stop));
            answers.settle_denied(&registry, &stop);
            let mut problems = Diagnostics::new();
            problems.extend(answers.errors());
            if !problems.is_empty() {
                return Err(problems);
            }
            answers.found
        }
    };
    planned.retain(|reference, image| {
        let held = found.get(reference);
        held.is_some_and(|held| labelled_as_planned(image, held, host.as_ref()))
    });
    Ok(planned.into_keys().collect())
}

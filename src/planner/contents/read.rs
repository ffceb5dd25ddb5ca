//! What the instructions of an image read from its build context and from named ones.

use std::collections::BTreeSet;

use crate::lang::dockerfile::stages::{Base, ContextSource, Place, Source as From, Step};
use crate::planner::resolve::Resolved;

/// Whether a reachable stage is built on a named context, which then is all taken.
pub(super) fn is_base(image: &Resolved<'_>, name: &str) -> bool {
    let mut stages = image.views.iter().flat_map(|view| view.stages.reachable());
    stages.any(|stage| matches!(&stage.base, Base::Context(context) if context == name))
}

/// What instructions of reachable stages read from a named context, each once.
pub(super) fn read_of<'r>(image: &'r Resolved<'_>, name: &str) -> Vec<(&'r ContextSource, Place)> {
    let steps = steps(image);
    let uses = steps.flat_map(|step| step.uses.iter().map(|taken| (taken, step.place)));
    let uses = uses
        .filter(|(taken, _)| matches!(&taken.source, From::Context(context) if context == name));
    distinct(uses.flat_map(|(taken, place)| taken.reads.iter().map(move |read| (read, place))))
}

/// What reachable stages read from the context, each once.
pub(super) fn sources<'r>(image: &'r Resolved<'_>) -> Vec<(&'r ContextSource, Place)> {
    let steps = steps(image);
    distinct(steps.flat_map(|step| step.sources.iter().map(|source| (source, step.place))))
}

/// The instructions of reachable stages, for each platform.
pub(super) fn steps<'r>(image: &'r Resolved<'_>) -> impl Iterator<Item = &'r Step<'r>> {
    let stages = image.views.iter().flat_map(|view| view.stages.reachable());
    stages.flat_map(|stage| &stage.steps)
}

/// Each source once, though several platforms have it.
pub(super) fn distinct<'r>(
    sources: impl Iterator<Item = (&'r ContextSource, Place)>,
) -> Vec<(&'r ContextSource, Place)> {
    let mut seen = BTreeSet::new();
    sources
        .filter(|(source, place)| seen.insert((place.span, *source)))
        .collect()
}

//! What images take from each other: every reference of their reachable stages, ours or external.

mod arguments;
mod bases;
mod context;
mod elsewhere;
mod hints;
mod image;
mod internal;
mod platforms;
mod stamps;
mod syntax;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use crate::config::{Config, NamedContext};
use crate::diagnostics::{Diagnostics, SourceText};
use crate::lang::dockerfile::stages::{Base, Source, StageGraph, Step};
use crate::lang::dockerfile::{Dockerfile, Span};
use crate::lang::platform::Platform;
use crate::plan::Via;
use crate::planner::ImageIndex;
use crate::planner::external::Locks;
use crate::planner::graph::Order;
use crate::planner::images::Definition;
use bases::Known;
use image::resolve_image;
use internal::Internal;

pub(crate) use arguments::unused_arguments;
pub(crate) use context::infer_contexts;
pub(crate) use elsewhere::triggers as external_triggers;
pub(crate) use image::{hides, uses_of};

/// A Dockerfile that was read, with its text for diagnostics.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parsed<'a> {
    /// The file.
    pub source: &'a SourceText,
    /// What it says.
    pub dockerfile: &'a Dockerfile<'a>,
}

/// How references are resolved.
#[derive(Debug, Clone)]
pub(crate) struct Settings<'s> {
    /// What the configuration says of references.
    pub config: &'s Config,
    /// First part of default names.
    pub namespace: Option<&'s str>,
    /// What is known of images from elsewhere.
    pub locks: &'s Locks<'s>,
    /// Whether nobody reads hints at images here that references may mean.
    pub without_hints: bool,
}

/// An image with what its Dockerfile says, resolved.
#[derive(Debug)]
pub(crate) struct Resolved<'a> {
    /// Its definition.
    pub definition: &'a Definition,
    /// The text of its Dockerfile.
    pub source: &'a SourceText,
    /// Its Dockerfile.
    pub dockerfile: &'a Dockerfile<'a>,
    /// Folder of its build context; `.` for the root.
    pub context: String,
    /// Its further named contexts, but those that mean images of the plan.
    pub contexts: BTreeMap<String, NamedContext>,
    /// Its stages, for each platform that they are resolved for; at least one.
    pub views: Vec<PlatformStages<'a>>,
    /// The images that it takes from.
    pub needs: BTreeMap<Need, BTreeMap<Via, Span>>,
    /// The platforms asked for whose builds may take one of them on another platform.
    pub across: BTreeMap<Need, BTreeSet<Platform>>,
    /// The external images that it takes from, normalised.
    pub base_images: BTreeSet<String>,
    /// Those of them that look like images of this repository.
    pub unmatched: BTreeSet<String>,
}

/// An image that is needed, under the named context that a builder looks it up by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Need {
    /// The image.
    pub image: ImageIndex,
    /// The named context.
    pub context: String,
}

/// The stages of an image for one platform.
#[derive(Debug)]
pub(crate) struct PlatformStages<'a> {
    /// The platform.
    pub platform: Platform,
    /// What the build itself runs on.
    pub build_platform: Platform,
    /// The stages. Of the variables of its configuration, those that depend on stamps are unknown.
    pub stages: StageGraph<'a>,
    /// The variables of its configuration that depend on stamps.
    pub stamped: BTreeSet<String>,
    /// What the references of reachable stages mean, by their full names: the index of one of
    /// ours, or none.
    pub meanings: BTreeMap<String, Option<ImageIndex>>,
}

/// Resolves all images; what base images of the plan say of themselves is not used yet.
///
/// # Errors
/// Everything that is wrong with the stages of any of them.
pub(crate) fn resolve<'a>(
    definitions: &'a [Definition],
    parsed: &BTreeMap<&str, Parsed<'a>>,
    settings: &Settings<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<Resolved<'a>>, Diagnostics> {
    let internal = Internal::new(definitions, settings.config);
    let mut problems = Diagnostics::new();
    let mut resolved = Vec::new();
    let each: Vec<_> = definitions
        .par_iter()
        .enumerate()
        .map(|(position, definition)| {
            let index = ImageIndex::new(position);
            let parsed = &parsed[definition.dockerfile.as_str()];
            let known = Known::of(settings.locks);
            resolve_image((index, definition), parsed, &internal, &known)
        })
        .collect();
    for image in each {
        match image {
            Ok(image) => resolved.push(image),
            Err(errors) => problems.extend(errors),
        }
    }
    problems.fail_on_errors()?;
    let unmatched = hints::hints(&resolved, &internal, settings, diagnostics);
    for (index, name) in unmatched {
        resolved[index].unmatched.insert(name);
    }
    syntax::foreign(&resolved, diagnostics);
    Ok(resolved)
}

/// Resolves again, in build order, the images that learn something from base images of the plan:
/// triggers that fire in them (`ONBUILD`), values of variables, that these depend on the platform.
/// Then remarks on what does not count of what they do.
///
/// # Errors
/// Everything that is wrong with the stages of any of them.
pub(crate) fn refine(
    resolved: &mut [Resolved<'_>],
    order: &Order,
    settings: &Settings<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<(), Diagnostics> {
    let internal = Internal::new(
        resolved.iter().map(|image| image.definition),
        settings.config,
    );
    let mut problems = Diagnostics::new();
    let curious = curious(resolved, order);
    for &index in &order.sequence {
        let image = &resolved[index];
        let mut bases = image.needs.keys().map(|need| &resolved[need.image]);
        let inherits = bases.any(Resolved::varies);
        if image.needs.is_empty() || !inherits && !curious.contains(&index) {
            continue;
        }
        let (definition, parsed) = (
            image.definition,
            Parsed {
                source: image.source,
                dockerfile: image.dockerfile,
            },
        );
        let known = Known {
            meanings: image.views.iter().map(|view| &view.meanings).collect(),
            resolved,
            inherits,
            locks: settings.locks,
            internal: BTreeSet::new(),
        };
        match resolve_image((index, definition), &parsed, &internal, &known) {
            Ok(mut image) => {
                image.unmatched = std::mem::take(&mut resolved[index].unmatched);
                resolved[index] = image;
            }
            Err(errors) => problems.extend(errors),
        }
    }
    problems.fail_on_errors()?;
    stamps::in_runs(resolved, diagnostics);
    elsewhere::downloads(resolved, settings.locks, diagnostics);
    Ok(())
}

/// The images that have something to learn from others, and all that these are built on: they may
/// have it from further below.
fn curious(resolved: &[Resolved<'_>], order: &Order) -> BTreeSet<ImageIndex> {
    let mut curious = BTreeSet::new();
    for &index in order.sequence.iter().rev() {
        let image = &resolved[index];
        if curious.contains(&index) || learns(image, resolved) {
            curious.insert(index);
            curious.extend(image.needs.keys().map(|need| need.image));
        }
    }
    curious
}

/// Whether an image is built on one of the plan that has triggers, or has a path or an argument whose
/// value it could not know.
fn learns(image: &Resolved<'_>, all: &[Resolved<'_>]) -> bool {
    let mut needed = image.needs.keys().map(|need| &all[need.image]);
    needed.any(|base| !base.triggers().is_empty())
        || !image.needs.is_empty()
            && image.steps().any(|step| {
                let named = step.uses.iter().flat_map(|taken| &taken.reads);
                let mut reads = step.sources.iter().chain(named);
                let mut arguments = step.arguments.iter();
                reads.any(|source| source.path.is_none())
                    || arguments.any(|argument| argument.value.is_none())
            })
}

impl Resolved<'_> {
    /// Of some build arguments, those that the Dockerfile declares, or that steer the builder.
    pub(crate) fn declared(
        &self,
        mut arguments: BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        arguments.retain(|name, _| self.declares(name));
        arguments
    }

    /// Whether a build argument of that name reaches the build.
    pub(crate) fn declares(&self, name: &str) -> bool {
        name.starts_with("BUILDKIT_")
            || name == "SOURCE_DATE_EPOCH"
            || self
                .views
                .iter()
                .any(|view| view.stages.declared.contains(name))
    }

    /// The named contexts, of those that mean no image of the plan, that reachable stages take from.
    pub(crate) fn used_contexts(&self) -> BTreeSet<&str> {
        let mut used = BTreeSet::new();
        for stage in self.views.iter().flat_map(|view| view.stages.reachable()) {
            if let Base::Context(name) = &stage.base {
                used.insert(name.as_str());
            }
            for taken in stage.steps.iter().flat_map(|step| &step.uses) {
                if let Source::Context(name) = &taken.source {
                    used.insert(name);
                }
            }
        }
        used
    }

    /// The instructions of needed stages, for each platform.
    pub(crate) fn steps(&self) -> impl Iterator<Item = &Step<'_>> {
        let stages = self.views.iter().flat_map(|view| view.stages.reachable());
        stages.flat_map(|stage| &stage.steps)
    }

    /// The instructions that run in a build on top of this image (`ONBUILD`).
    pub(crate) fn triggers(&self) -> &[String] {
        &self.views[0].stages.config.triggers
    }
}

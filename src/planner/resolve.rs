//! What images take from each other: every reference of their reachable stages, ours or external.

mod arguments;
mod context;
mod hints;
mod ours;
mod stamps;
mod syntax;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use crate::config::NamedContext;
use crate::config::Pinned;
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText};
use crate::lang::dockerfile::stages::{
    Base, Bases, ImageConfig, ImageUse, Place, Request, Source, Stage, StageGraph,
};
use crate::lang::dockerfile::{Dockerfile, Span};
use crate::lang::platform::Platform;
use crate::lang::reference::Reference;
use crate::paths;
use crate::plan::Via;
use crate::planner::graph::Order;
use crate::planner::images::Definition;
use ours::{Meaning, Ours};

pub(crate) use arguments::unused_arguments;
pub(crate) use context::infer_contexts;

/// A Dockerfile that was read, with its text for diagnostics.
#[derive(Debug)]
pub(crate) struct Parsed<'a> {
    /// The file.
    pub source: &'a SourceText,
    /// What it says.
    pub dockerfile: &'a Dockerfile<'a>,
}

/// How references are resolved.
#[derive(Debug, Clone)]
pub(crate) struct Settings<'s> {
    /// What a literal tag of one of our repositories means.
    pub pinned: Pinned,
    /// First part of default names.
    pub namespace: Option<&'s str>,
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
    pub views: Vec<View<'a>>,
    /// The images that it takes from.
    pub needs: BTreeMap<Need, BTreeMap<Via, Span>>,
    /// The external images that it takes from, normalised.
    pub base_images: BTreeSet<String>,
}

/// An image that is needed, under the named context that a builder looks it up by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Need {
    /// Index of the image.
    pub image: usize,
    /// The named context.
    pub context: String,
}

/// The stages of an image for one platform.
#[derive(Debug)]
pub(crate) struct View<'a> {
    /// The platform.
    pub platform: Platform,
    /// The stages.
    pub stages: StageGraph<'a>,
    /// What the references of reachable stages mean, by their full names: the index of one of
    /// ours, or none.
    pub meanings: BTreeMap<String, Option<usize>>,
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
    let ours = Ours::new(definitions, settings.pinned);
    let mut problems = Diagnostics::new();
    let mut resolved = Vec::new();
    let each: Vec<_> = definitions
        .par_iter()
        .enumerate()
        .map(|(index, definition)| {
            let parsed = &parsed[definition.dockerfile.as_str()];
            one((index, definition), parsed, &ours, &NothingYet)
        })
        .collect();
    for image in each {
        match image {
            Ok(image) => resolved.push(image),
            Err(errors) => problems.extend(errors),
        }
    }
    if problems.has_errors() {
        return Err(problems);
    }
    hints::hints(&resolved, &ours, settings.namespace, diagnostics);
    stamps::in_runs(&resolved, diagnostics);
    syntax::foreign(&resolved, diagnostics);
    Ok(resolved)
}

/// Resolves again, in build order, the images that learn something from base images of the plan:
/// triggers that fire in them (`ONBUILD`), values of variables.
///
/// # Errors
/// Everything that is wrong with the stages of any of them.
pub(crate) fn refine(
    resolved: &mut [Resolved<'_>],
    order: &Order,
    settings: &Settings<'_>,
) -> Result<(), Diagnostics> {
    let ours = Ours::new(
        resolved.iter().map(|image| image.definition),
        settings.pinned,
    );
    let mut problems = Diagnostics::new();
    for &index in &order.sequence {
        if !learns(&resolved[index], resolved) {
            continue;
        }
        let image = &resolved[index];
        let (definition, parsed) = (
            image.definition,
            Parsed {
                source: image.source,
                dockerfile: image.dockerfile,
            },
        );
        let bases = PlannedBases {
            meanings: image.views.iter().map(|view| &view.meanings).collect(),
            resolved,
        };
        match one((index, definition), &parsed, &ours, &bases) {
            Ok(image) => resolved[index] = image,
            Err(errors) => problems.extend(errors),
        }
    }
    if problems.has_errors() {
        return Err(problems);
    }
    Ok(())
}

/// Whether an image is built on one of the plan that has triggers, or reads a path that it could
/// not know.
fn learns(image: &Resolved<'_>, all: &[Resolved<'_>]) -> bool {
    let mut needed = image.needs.keys().map(|need| &all[need.image]);
    let mut views = image.views.iter();
    needed.any(|base| !base.triggers().is_empty())
        || !image.needs.is_empty()
            && views.any(|view| {
                let mut steps = view.stages.reachable().flat_map(|stage| &stage.steps);
                steps.any(|step| {
                    let named = step.uses.iter().flat_map(|taken| &taken.reads);
                    let mut reads = step.sources.iter().chain(named);
                    reads.any(|source| source.path.is_none())
                })
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

    /// The instructions that run in a build on top of this image (`ONBUILD`).
    pub(crate) fn triggers(&self) -> &[String] {
        &self.views[0].stages.config.triggers
    }
}

/// First pass: of images nothing is known.
struct NothingYet;

impl Bases for NothingYet {
    fn config(&self, _: &Reference, _: &Platform) -> ImageConfig {
        ImageConfig::unknown()
    }
}

/// Second pass: images of the plan say what they are.
struct PlannedBases<'r, 'a> {
    /// What the references of the image mean by the first pass.
    meanings: Vec<&'r BTreeMap<String, Option<usize>>>,
    resolved: &'r [Resolved<'a>],
}

impl Bases for PlannedBases<'_, '_> {
    fn config(&self, image: &Reference, platform: &Platform) -> ImageConfig {
        let name = image.clone().with_default_tag().to_string();
        let mut meanings = self.meanings.iter();
        let Some(index) = meanings.find_map(|meanings| meanings.get(&name).copied().flatten())
        else {
            return ImageConfig::unknown();
        };
        let views = &self.resolved[index].views;
        let view = views.iter().find(|view| view.platform == *platform);
        view.unwrap_or(&views[0]).stages.config.clone()
    }
}

fn one<'a>(
    (index, definition): (usize, &'a Definition),
    parsed: &Parsed<'a>,
    ours: &Ours,
    bases: &dyn Bases,
) -> Result<Resolved<'a>, Diagnostics> {
    let mut image = Resolved {
        definition,
        source: parsed.source,
        dockerfile: parsed.dockerfile,
        context: definition.build.context.clone().unwrap_or_else(|| {
            let folder = paths::folder_of(&definition.dockerfile);
            folder.to_owned()
        }),
        contexts: ours.other_contexts(definition, index),
        views: Vec::new(),
        needs: BTreeMap::new(),
        base_images: BTreeSet::new(),
    };
    let contexts = image.contexts.keys().cloned().collect();
    let asked = &definition.build.platforms;
    for platform in platforms(asked, &parsed.source.text) {
        let request = Request {
            target: definition.build.target.as_deref(),
            build_args: &definition.build.build_args,
            platform: &platform,
            build_platform: &Platform::default(),
            contexts: &contexts,
            bases,
        };
        match StageGraph::new(parsed.dockerfile, &request) {
            Ok(stages) => {
                stamps::check(definition, parsed, &request, &stages)?;
                image.add(index, platform, stages, ours)?;
            }
            // Asked for by nobody: what the other platform has is enough.
            Err(_) if asked.is_empty() && !image.views.is_empty() => {}
            Err(errors) => {
                let mut problems = Diagnostics::new();
                for error in &errors {
                    let mut diagnostic = error.diagnostic(parsed.source);
                    if let Some(line) = argument_line(definition, &error.variables) {
                        let cause = error.variables.join(", ");
                        diagnostic = diagnostic.help(line).because_of(cause);
                    }
                    // What is wrong with no line, such as a target that is not there.
                    if diagnostic.labels.is_empty() {
                        diagnostic = diagnostic.at(parsed.source, 0..0, "");
                    }
                    problems.push(diagnostic);
                }
                return Err(problems);
            }
        }
    }
    Ok(image)
}

/// The line of the configuration that gives variables a value.
fn argument_line(definition: &Definition, variables: &[String]) -> Option<String> {
    let first = variables.first()?;
    let others = variables[1..]
        .iter()
        .map(|name| format!(r#", "{name}": "…""#));
    let name = &definition.name;
    Some(format!(
        r#"in .shipwright.json: `{{"version": 2, "images": {{"{name}": {{"build_args": {{"{first}": "…"{}}}}}}}}}`"#,
        others.collect::<String>()
    ))
}

/// What to resolve an image for: the platforms asked for. Where none is, the engine's own will be
/// built, so a Dockerfile that asks which that is gets resolved for the common ones.
fn platforms(asked: &[Platform], text: &str) -> Vec<Platform> {
    if !asked.is_empty() {
        return asked.to_vec();
    }
    let mut platforms = vec![Platform::default()];
    let variables = [
        "TARGETPLATFORM",
        "TARGETARCH",
        "TARGETVARIANT",
        "BUILDPLATFORM",
        "BUILDARCH",
    ];
    if variables.iter().any(|name| text.contains(name)) {
        platforms.extend(Platform::parse("linux/arm64").ok());
    }
    platforms
}

impl<'a> Resolved<'a> {
    /// Adds the stages for a platform, and what they take from other images.
    fn add(
        &mut self,
        own_index: usize,
        platform: Platform,
        stages: StageGraph<'a>,
        ours: &Ours,
    ) -> Result<(), Diagnostics> {
        let mut meanings = BTreeMap::new();
        let mut hidden = Diagnostics::new();
        let mut bound = BTreeSet::new();
        let uses: Vec<_> = stages.reachable().flat_map(uses_of).collect();
        for (instruction, place, image) in uses {
            // A name that is bound once is bound wherever it stands.
            let meaning = meanings.entry(image.full_name()).or_insert(None);
            if let Meaning::Ours(index) = ours.meaning(image, own_index) {
                *meaning = Some(index);
            }
            let Some(index) = *meaning else { continue };
            let need = Need {
                image: index,
                context: image.reference.context_key(),
            };
            if let Some(stage) = hides(&stages, &need.context) {
                hidden.push(self.context_hides_stage(stage, place));
            }
            let via = Via {
                instruction: instruction.to_owned(),
                line: place.lines.start,
            };
            self.needs.entry(need).or_default().insert(via, place.span);
        }
        let external = meanings.iter().filter(|(_, meaning)| meaning.is_none());
        self.base_images
            .extend(external.map(|(name, _)| name.clone()));
        self.views.push(View {
            platform,
            stages,
            meanings,
        });
        for name in self.used_contexts() {
            if let Some(NamedContext::Image(image)) = self.contexts.get(name) {
                bound.insert(image.clone().with_default_tag().to_string());
            }
        }
        self.base_images.append(&mut bound);
        if hidden.has_errors() {
            Err(hidden)
        } else {
            Ok(())
        }
    }

    fn context_hides_stage(&self, stage: &str, place: Place) -> Diagnostic {
        let message = format!(
            "the image of this repository that is bound as `{stage}` would replace the stage `{stage}`"
        );
        Diagnostic::new(Code::ContextHidesStage, message)
            .at(self.source, place.span.range(), "")
            .help("a builder takes a named context in place of a stage with its name: rename the stage")
    }
}

/// The name of a stage that a named context would replace.
fn hides<'s>(stages: &'s StageGraph<'_>, context: &str) -> Option<&'s str> {
    let names = stages
        .stages
        .iter()
        .filter_map(|stage| stage.name.as_deref());
    let key = |name: &str| Reference::parse(name).map(|reference| reference.context_key());
    names
        .into_iter()
        .find(|name| key(name).as_deref() == Ok(context))
}

/// The images that a stage takes from: the instruction, where it stands, and the image.
pub(crate) fn uses_of<'s>(stage: &'s Stage<'_>) -> Vec<(&'static str, Place, &'s ImageUse)> {
    let mut uses = Vec::new();
    if let Base::Image(image) = &stage.base {
        uses.push(("FROM", Place::from(stage.from), image));
    }
    for step in &stage.steps {
        for used in &step.uses {
            if let Source::Image(image) = &used.source {
                uses.push((used.kind.name(), step.place, image));
            }
        }
    }
    uses
}

//! What images take from each other: every reference of their reachable stages, ours or external.

mod arguments;
mod context;
mod elsewhere;
mod hints;
mod internal;
mod platforms;
mod stamps;
mod syntax;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use crate::config::lock::LockedImage;
use crate::config::{NamedContext, Pinned};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText};
use crate::lang::dockerfile::stages::{
    Base, Bases, ImageConfig, ImageUse, Place, Request, Source, Stage, StageGraph, Step,
};
use crate::lang::dockerfile::{Dockerfile, Span};
use crate::lang::platform::Platform;
use crate::lang::reference::Reference;
use crate::paths;
use crate::plan::Via;
use crate::planner::external::Locks;
use crate::planner::graph::Order;
use crate::planner::images::Definition;
use internal::{Internal, Meaning};

pub(crate) use arguments::unused_arguments;
pub(crate) use context::infer_contexts;
pub(crate) use elsewhere::triggers as external_triggers;

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
    /// What is known of images from elsewhere.
    pub locks: &'s Locks<'s>,
    /// Whether nobody reads hints that references name images here in another way.
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
    /// Index of the image.
    pub image: usize,
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
    let internal = Internal::new(definitions, settings.pinned);
    let mut problems = Diagnostics::new();
    let mut resolved = Vec::new();
    let each: Vec<_> = definitions
        .par_iter()
        .enumerate()
        .map(|(index, definition)| {
            let parsed = &parsed[definition.dockerfile.as_str()];
            let known = Known::of(settings.locks);
            one((index, definition), parsed, &internal, &known)
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
        settings.pinned,
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
        match one((index, definition), &parsed, &internal, &known) {
            Ok(mut image) => {
                image.unmatched = std::mem::take(&mut resolved[index].unmatched);
                resolved[index] = image;
            }
            Err(errors) => problems.extend(errors),
        }
    }
    if problems.has_errors() {
        return Err(problems);
    }
    stamps::in_runs(resolved, diagnostics);
    elsewhere::downloads(resolved, settings.locks, diagnostics);
    Ok(())
}

/// The images that have something to learn from others, and all that these are built on: they may
/// have it from further below.
fn curious(resolved: &[Resolved<'_>], order: &Order) -> BTreeSet<usize> {
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

/// What is known of the images that one is built on: in the first pass only those from elsewhere.
#[derive(Clone)]
struct Known<'r, 'a> {
    /// What the references of the image mean by the first pass.
    meanings: Vec<&'r BTreeMap<String, Option<usize>>>,
    resolved: &'r [Resolved<'a>],
    /// Whether they depend on the platform.
    inherits: bool,
    /// What is known of those from elsewhere.
    locks: &'r Locks<'r>,
    /// Names of the lock file that mean images of the plan here.
    internal: BTreeSet<String>,
}

impl<'r> Known<'r, '_> {
    fn of(locks: &'r Locks<'r>) -> Self {
        Self {
            meanings: Vec::new(),
            resolved: &[],
            inherits: false,
            locks,
            internal: BTreeSet::new(),
        }
    }
}

/// The same for a build on one platform: images of the plan say what they are.
struct PlannedBases<'r, 'a> {
    known: &'r Known<'r, 'a>,
    contexts: &'r BTreeMap<String, NamedContext>,
    build_platform: &'r Platform,
}

impl Bases for PlannedBases<'_, '_> {
    fn config(&self, image: &Reference, platform: &Platform) -> ImageConfig {
        let name = image.clone().with_default_tag().to_string();
        let mut meanings = self.known.meanings.iter();
        let Some(index) = meanings.find_map(|meanings| meanings.get(&name).copied().flatten())
        else {
            return self.locked(&name, platform);
        };
        let views = &self.known.resolved[index].views;
        let of_platform = || views.iter().filter(|view| view.platform == *platform);
        let view = of_platform()
            .find(|view| view.build_platform == *self.build_platform)
            .or_else(|| of_platform().next());
        view.unwrap_or(&views[0]).stages.config.clone()
    }

    fn context(&self, name: &str, platform: &Platform) -> ImageConfig {
        match self.contexts.get(name) {
            Some(NamedContext::Image(image)) => {
                self.locked(&image.clone().with_default_tag().to_string(), platform)
            }
            _ => ImageConfig::unknown(),
        }
    }
}

impl PlannedBases<'_, '_> {
    /// What the lock file says of an image from elsewhere.
    fn locked(&self, name: &str, platform: &Platform) -> ImageConfig {
        let is_internal = self.known.internal.contains(name);
        let image = self.known.locks.image(name).filter(|_| !is_internal);
        match image.and_then(|image| image.on(platform)) {
            Some(locked) => {
                let env = locked.env.iter();
                ImageConfig {
                    env: env.map(|(name, value)| (&**name, &**value)).collect(),
                    triggers: locked.onbuild.clone(),
                    ..ImageConfig::unknown()
                }
            }
            None => ImageConfig::unknown(),
        }
    }
}

/// Resolves an image; again where it turns out that a name of the lock file means an image of the plan,
/// or that what an image from elsewhere says of itself depends on the platform.
fn one<'a>(
    (index, definition): (usize, &'a Definition),
    parsed: &Parsed<'a>,
    internal: &Internal,
    known: &Known<'_, '_>,
) -> Result<Resolved<'a>, Diagnostics> {
    let image = once((index, definition), parsed, internal, known)?;
    let locked = |name: &str| known.locks.image(name);
    let mut mistaken = BTreeSet::new();
    for (name, meaning) in image.views.iter().flat_map(|view| &view.meanings) {
        if meaning.is_some() && locked(name).is_some() && !known.internal.contains(name) {
            mistaken.insert(name.clone());
        }
    }
    let mut external = image.base_images.iter().filter_map(|name| locked(name));
    let varies = !known.inherits && external.any(LockedImage::varies);
    if mistaken.is_empty() && !varies {
        return Ok(image);
    }
    let mut known = known.clone();
    known.internal.append(&mut mistaken);
    known.inherits |= varies;
    one((index, definition), parsed, internal, &known)
}

fn once<'a>(
    (index, definition): (usize, &'a Definition),
    parsed: &Parsed<'a>,
    internal: &Internal,
    known: &Known<'_, '_>,
) -> Result<Resolved<'a>, Diagnostics> {
    let mut image = Resolved {
        definition,
        source: parsed.source,
        dockerfile: parsed.dockerfile,
        context: definition.build.context.clone().unwrap_or_else(|| {
            let folder = paths::folder_of(&definition.dockerfile);
            folder.to_owned()
        }),
        contexts: internal.other_contexts(definition, index),
        views: Vec::new(),
        needs: BTreeMap::new(),
        across: BTreeMap::new(),
        base_images: BTreeSet::new(),
        unmatched: BTreeSet::new(),
    };
    let bound = image.contexts.clone();
    let contexts = bound.keys().cloned().collect();
    let asked = &definition.build.platforms;
    for pair in platforms::pairs(asked, &parsed.source.text, known.inherits) {
        let request = Request {
            target: definition.build.target.as_deref(),
            build_args: &definition.build.build_args,
            platform: &pair.target,
            build_platform: &pair.build,
            contexts: &contexts,
            bases: &PlannedBases {
                known,
                contexts: &bound,
                build_platform: &pair.build,
            },
        };
        let is_asked = !asked.is_empty() && !pair.is_further;
        let stages = StageGraph::new(parsed.dockerfile, &request);
        if let Ok(stages) = &stages {
            image.note_across(index, &pair.target, stages, internal);
        }
        match stages {
            Ok(stages) if pair.is_further && !image.differs(&pair.target, &stages) => {}
            Ok(mut stages) => {
                let stamped = stamps::check(definition, parsed, &request, &stages)?;
                for name in &stamped {
                    stages.config.env.set(name, None);
                }
                let view = PlatformStages {
                    platform: pair.target.clone(),
                    build_platform: pair.build.clone(),
                    stages,
                    stamped,
                    meanings: BTreeMap::new(),
                };
                image.add(index, view, internal)?;
            }
            // Asked for by nobody: what the other platform has is enough.
            Err(_) if !is_asked && !image.views.is_empty() => {}
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

impl<'a> Resolved<'a> {
    /// Adds the stages for a platform, and what they take from other images.
    fn add(
        &mut self,
        own_index: usize,
        mut view: PlatformStages<'a>,
        internal: &Internal,
    ) -> Result<(), Diagnostics> {
        let mut meanings = BTreeMap::new();
        let mut hidden = Diagnostics::new();
        let mut bound = BTreeSet::new();
        let stages = &view.stages;
        let uses: Vec<_> = stages.reachable().flat_map(uses_of).collect();
        for (instruction, place, image) in uses {
            // A name that is bound once is bound wherever it stands.
            let meaning = meanings.entry(image.full_name()).or_insert(None);
            if let Meaning::Internal(index) = internal.meaning(image, own_index) {
                *meaning = Some(index);
            }
            let Some(index) = *meaning else { continue };
            let need = Need {
                image: index,
                context: image.reference.context_key(),
            };
            if let Some(stage) = hides(stages, &need.context) {
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
        view.meanings = meanings;
        self.views.push(view);
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

    /// Notes which images of the plan stages are built on that are for another platform than the target.
    fn note_across(
        &mut self,
        own_index: usize,
        target: &Platform,
        stages: &StageGraph<'_>,
        internal: &Internal,
    ) {
        for stage in stages.reachable() {
            if let Base::Image(image) = &stage.base
                && stage.platform.normalized() != target.normalized()
                && let Meaning::Internal(needed) = internal.meaning(image, own_index)
            {
                let need = Need {
                    image: needed,
                    context: image.reference.context_key(),
                };
                self.across.entry(need).or_default().insert(target.clone());
            }
        }
    }

    /// Whether stages take something that those for the same platform do not, or leave other variables.
    fn differs(&self, platform: &Platform, stages: &StageGraph<'_>) -> bool {
        let mut same = self.views.iter().filter(|view| view.platform == *platform);
        !same.any(|view| {
            stamps::taken(&view.stages) == stamps::taken(stages)
                && view.stages.config.env == stages.config.env
        })
    }

    fn context_hides_stage(&self, stage: &str, place: Place) -> Diagnostic {
        let message = format!(
            "the image of this repository that is bound as `{stage}` would replace the stage `{stage}`"
        );
        Diagnostic::new(Code::ContextHidesStage, message)
            .at(self.source, place.span.range(), "")
            .help("a builder uses a named context instead of a stage with the same name: rename the stage")
    }
}

/// The name of a stage that a named context would replace, and that is not just what it is bound to.
pub(crate) fn hides<'s>(stages: &'s StageGraph<'_>, context: &str) -> Option<&'s str> {
    let is_context = |reference: &Reference| reference.context_key() == context;
    let is_replaced = |stage: &&Stage<'_>| {
        let name = stage.name.as_deref().unwrap_or_default();
        let is_same = stage.steps.is_empty()
            && stage
                .image()
                .is_some_and(|image| is_context(&image.reference));
        // The key is a part of each text that means it.
        !is_same
            && name.contains(context)
            && Reference::parse(name).is_ok_and(|name| is_context(&name))
    };
    stages.stages.iter().find(is_replaced)?.name.as_deref()
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

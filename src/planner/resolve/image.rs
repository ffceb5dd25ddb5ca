//! Resolves one image: its stages for each platform, and what they take from other images.

use std::collections::{BTreeMap, BTreeSet};

use super::bases::{Known, PlannedBases};
use super::internal::{Internal, Meaning};
use super::{Need, Parsed, PlatformStages, Resolved, platforms, stamps};
use crate::config::NamedContext;
use crate::config::lock::LockedImage;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::lang::dockerfile::stages::{Base, ImageUse, Place, Request, Source, Stage, StageGraph};
use crate::lang::platform::Platform;
use crate::lang::reference::Reference;
use crate::paths;
use crate::plan::Via;
use crate::planner::ImageIndex;
use crate::planner::images::Definition;

/// Resolves an image; again where it turns out that a name of the lock file means an image of the plan,
/// or that what an image from elsewhere says of itself depends on the platform.
pub(super) fn resolve_image<'a>(
    (index, definition): (ImageIndex, &'a Definition),
    parsed: &Parsed<'a>,
    internal: &Internal,
    known: &Known<'_, '_>,
) -> Result<Resolved<'a>, Diagnostics> {
    let image = resolve_with((index, definition), parsed, internal, known)?;
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
    resolve_image((index, definition), parsed, internal, &known)
}

/// Resolves an image with what is known of its bases.
fn resolve_with<'a>(
    (index, definition): (ImageIndex, &'a Definition),
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
        own_index: ImageIndex,
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
        hidden.fail_on_errors()
    }

    /// Notes which images of the plan stages are built on that are for another platform than the target.
    fn note_across(
        &mut self,
        own_index: ImageIndex,
        target: &Platform,
        stages: &StageGraph<'_>,
        internal: &Internal,
    ) {
        let normalized = target.normalized();
        for stage in stages.reachable() {
            if let Base::Image(image) = &stage.base
                && stage.platform != *target
                && stage.platform.normalized() != normalized
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

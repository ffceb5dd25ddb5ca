//! Writes the manifest of an image: what enters, and in which order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Manifest;
use super::fact::{ContextContent, Fact, Taken, Value};
use crate::config::NamedContext;
use crate::lang::dockerfile::stages::{
    Argument, ArgumentOrigin, Base, ImageUse, Origin, Source, Stage, StageIndex, Step,
};
use crate::lang::dockerfile::{Instruction, Kind};
use crate::lang::fingerprint::Fingerprint;
use crate::lang::platform::Platform;
use crate::planner::ImageIndex;
use crate::planner::external::{Locks, base_platform, fetched, frontend, platform, uses};
use crate::planner::resolve::{PlatformStages, Resolved};
use crate::tree::snapshot::{Folder, ObjectId};

/// What enters beside the Dockerfile.
#[derive(Debug)]
pub(crate) struct Facts<'f> {
    /// All images.
    pub images: &'f [Resolved<'f>],
    /// The fingerprints of the images that are needed.
    pub fingerprints: &'f BTreeMap<ImageIndex, Fingerprint>,
    /// The tree of the input files.
    pub inputs: ObjectId,
    /// The files of named contexts that are folders, by the contexts' names.
    pub contexts: &'f BTreeMap<String, Arc<Folder>>,
    /// Inputs whose contents git-lfs keeps, by their paths in the context; after the name of the
    /// context and a blank in a named one.
    pub lfs: Vec<String>,
    /// What the lock file says.
    pub locks: &'f Locks<'f>,
    /// SHA-256 of the Dockerfile's bytes where they are not UTF-8, and so were not all read.
    pub raw_dockerfile: Option<String>,
}

/// The manifest of an image.
pub(crate) fn manifest(image: &Resolved<'_>, facts: &Facts<'_>) -> Manifest {
    let mut manifest = Manifest::new();
    directives(&mut manifest, image);
    if let Some(hash) = &facts.raw_dockerfile {
        manifest.add(Fact::DockerfileBytes(hash.clone()));
    }
    for platform in &image.definition.build.platforms {
        manifest.add(Fact::Platform(platform.to_string()));
    }
    if let Some(network) = &image.definition.build.network
        && !network.is_empty()
    {
        manifest.add(Fact::Network(network.clone()));
    }
    if let Some(epoch) = &image.definition.build.epoch
        && !epoch.is_empty()
    {
        manifest.add(Fact::Epoch(epoch.clone()));
    }
    for (name, value) in &image.definition.build.build_args {
        if name.starts_with("BUILDKIT_") || name == "SOURCE_DATE_EPOCH" {
            let (name, value) = (name.clone(), value.clone());
            manifest.add(Fact::BuilderArg { name, value });
        }
    }
    manifest.add(Fact::Inputs(facts.inputs));
    // The tree has what git has for them, which says what they hold only where git-lfs is asked.
    for path in &facts.lfs {
        manifest.add(Fact::Lfs(path.clone()));
    }
    contexts(&mut manifest, image, facts);
    if let Some((name, _)) = frontend(image)
        && let Some(held) = facts.locks.held_image(&name, None)
    {
        manifest.add(Fact::Frontend(held));
    }
    // The image holds their text as it is written.
    for trigger in image.triggers() {
        manifest.add(Fact::Onbuild(trigger.clone()));
    }
    for view in &image.views {
        let writer = Writer {
            manifest: &mut manifest,
            resolved: image,
            view,
            facts,
            numbers: numbers(view),
        };
        writer.view();
    }
    // They are kept for all images until the end.
    manifest.facts.shrink_to_fit();
    manifest
}

/// The named contexts that reachable stages take from.
fn contexts(manifest: &mut Manifest, image: &Resolved<'_>, facts: &Facts<'_>) {
    let used = image.used_contexts();
    let contexts = image.contexts.iter();
    for (name, context) in contexts.filter(|(name, _)| used.contains(name.as_str())) {
        let content = match context {
            NamedContext::Image(reference) => {
                let full = reference.clone().with_default_tag().to_string();
                let held = uses(image).into_iter().filter(|used| used.key == full);
                let held: BTreeSet<_> = held.filter_map(|used| facts.locks.held(&used)).collect();
                if held.is_empty() {
                    ContextContent::Image(full)
                } else {
                    ContextContent::Locked(held)
                }
            }
            // Each folder has its tree.
            NamedContext::Folder(folder) => {
                let tree = facts.contexts.get(name);
                ContextContent::Files(
                    tree.map_or_else(|| folder.clone(), |tree| tree.id().to_string()),
                )
            }
        };
        let name = name.clone();
        manifest.add(Fact::Context { name, content });
    }
}

fn directives(manifest: &mut Manifest, image: &Resolved<'_>) {
    let ast = image.dockerfile.ast;
    manifest.add(Fact::Escape(ast.escape));
    if let Some(syntax) = &ast.syntax {
        manifest.add(Fact::Syntax(syntax.full.clone().into_owned()));
    }
    if let Some(check) = &ast.check {
        manifest.add(Fact::Check(check.full.clone().into_owned()));
    }
}

/// The reachable stages numbered from 0, so that unreachable ones do not count.
fn numbers(view: &PlatformStages<'_>) -> BTreeMap<StageIndex, usize> {
    let reachable = view.stages.reachable().enumerate();
    reachable
        .map(|(number, stage)| (stage.index, number))
        .collect()
}

struct Writer<'m, 'a> {
    manifest: &'m mut Manifest,
    resolved: &'m Resolved<'a>,
    view: &'m PlatformStages<'a>,
    facts: &'m Facts<'m>,
    numbers: BTreeMap<StageIndex, usize>,
}

impl Writer<'_, '_> {
    fn view(mut self) {
        let stages = &self.view.stages;
        self.add(Fact::View(self.view.platform.to_string()));
        self.add(Fact::Target(self.number(stages.target)));
        for stage in stages.reachable() {
            self.stage(stage);
        }
    }

    fn add(&mut self, fact: Fact) {
        self.manifest.add(fact);
    }

    fn stage(&mut self, stage: &Stage<'_>) {
        self.add(Fact::Stage(stage.platform.to_string()));
        let base = match &stage.base {
            Base::Scratch => Taken::Scratch,
            Base::Stage(index) => Taken::Stage(self.number(*index)),
            Base::Image(image) => self.image(image, base_platform(self.resolved, stage).as_ref()),
            Base::Context(name) => Taken::Context(name.clone()),
        };
        self.add(Fact::From(base));
        for step in &stage.steps {
            self.step(step);
        }
    }

    fn step(&mut self, step: &Step<'_>) {
        match &step.origin {
            Origin::Own(instruction) => self.instruction(instruction, step.place.lines.start),
            Origin::Trigger(text) => self.add(Fact::Trigger(text.clone())),
        }
        for argument in &step.arguments {
            self.argument(argument);
        }
        for used in &step.uses {
            let source = match &used.source {
                Source::Scratch => Taken::Scratch,
                Source::Stage(index) => Taken::Stage(self.number(*index)),
                Source::Image(image) => {
                    let platform = platform(self.resolved, self.view);
                    self.image(image, platform.as_ref())
                }
                Source::Context(name) => Taken::Context(name.clone()),
            };
            self.add(Fact::TakesFrom(source));
        }
        let fetched = step.downloads.iter().filter_map(fetched);
        for (kind, key) in fetched {
            if let Some(held) = self.facts.locks.held_fetch(kind, &key) {
                self.add(Fact::Fetches(held));
            }
        }
    }

    fn number(&self, index: StageIndex) -> usize {
        // What a reachable stage takes from is reachable, so it has a number.
        self.numbers[&index]
    }

    /// What a reference resolves to: our image by its fingerprint, another by what the lock file
    /// has of it for the platform, else by its full name.
    fn image(&self, image: &ImageUse, platform: Option<&Platform>) -> Taken {
        let name = image.full_name();
        match self.view.meanings.get(&name) {
            Some(Some(index)) => Taken::Image {
                fingerprint: self.facts.fingerprints[index].clone(),
                name: self.facts.images[*index].definition.name.clone(),
            },
            _ => match self.facts.locks.held_image(&name, platform) {
                Some(held) => Taken::Locked(held),
                None => Taken::External(name),
            },
        }
    }

    /// The name of an argument and the value that it has, wherever that came from; the text that
    /// decides it where nobody knows the value.
    fn argument(&mut self, argument: &Argument) {
        let value = match &argument.value {
            _ if argument.origin == ArgumentOrigin::Unset => Value::Unset,
            Some(value) => Value::Known(value.clone()),
            None => Value::Unknown(argument.unknown_default.clone().unwrap_or_default()),
        };
        let name = argument.name.clone();
        self.add(Fact::Argument { name, value });
    }

    /// An instruction as parsed, without the references that it takes from and the arguments that
    /// it declares: [`Fact::TakesFrom`] and [`Fact::Argument`] say what these come to.
    /// `line` is where it begins.
    fn instruction(&mut self, instruction: &Instruction<'_>, line: usize) {
        let kind = &instruction.kind;
        let is_argument = matches!(kind, Kind::Arg(_));
        let manifest = &mut *self.manifest;
        instruction.node.parts(&mut |tag, text| {
            let said_elsewhere = match (tag, kind) {
                ("flag", Kind::Copy(_)) => text.starts_with("--from"),
                ("flag", Kind::Run(_)) => text.starts_with("--mount"),
                _ => is_argument,
            };
            let text = text.to_owned();
            if tag == "instruction" {
                manifest.add(Fact::Instruction {
                    keyword: text,
                    line,
                });
            } else if !said_elsewhere {
                manifest.add(Fact::Part { tag, text });
            }
        });
        let Kind::Run(run) = kind else { return };
        let mut part = |tag, text: &str| {
            let text = text.to_owned();
            self.manifest.add(Fact::Part { tag, text });
        };
        for mount in &run.mounts {
            part("mount", "");
            for field in &mount.fields {
                // That there is a source counts here; which one it is, `takes-from` says.
                let is_source = field.key == "from";
                part("mount-field", if is_source { "from" } else { &field.text });
            }
        }
    }
}

//! Writes the manifest of an image: what enters, and in which order.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Manifest;
use crate::config::NamedContext;
use crate::lang::dockerfile::stages::{
    Argument, ArgumentOrigin, Base, ImageUse, Origin, Source, Stage, Step,
};
use crate::lang::dockerfile::{Instruction, Kind};
use crate::planner::resolve::{Resolved, View};
use crate::tree::snapshot::{Folder, ObjectId};

/// What enters beside the Dockerfile.
#[derive(Debug)]
pub(crate) struct Facts<'f> {
    /// All images.
    pub images: &'f [Resolved<'f>],
    /// The fingerprints of the images that are needed, by index.
    pub fingerprints: &'f BTreeMap<usize, String>,
    /// The tree of the input files.
    pub inputs: ObjectId,
    /// The files of named contexts that are folders, by the contexts' names.
    pub contexts: &'f BTreeMap<String, Arc<Folder>>,
    /// Inputs whose contents git-lfs keeps, by their paths in the context; after the name of the
    /// context and a blank in a named one.
    pub lfs: Vec<String>,
    /// SHA-256 of the Dockerfile's bytes where they are not UTF-8, and so were not all read.
    pub raw_dockerfile: Option<String>,
}

/// The manifest of an image.
pub(crate) fn manifest(image: &Resolved<'_>, facts: &Facts<'_>) -> Manifest {
    let mut manifest = Manifest::new();
    directives(&mut manifest, image);
    if let Some(hash) = &facts.raw_dockerfile {
        manifest.add("dockerfile-bytes", hash.as_str());
    }
    for platform in &image.definition.build.platforms {
        manifest.add("platform", platform.to_string());
    }
    if let Some(network) = image.definition.build.network.as_deref()
        && !network.is_empty()
    {
        manifest.add("network", network);
    }
    if let Some(epoch) = image.definition.build.epoch.as_deref()
        && !epoch.is_empty()
    {
        manifest.add("epoch", epoch);
    }
    for (name, value) in &image.definition.build.build_args {
        if name.starts_with("BUILDKIT_") || name == "SOURCE_DATE_EPOCH" {
            manifest.add("builder-arg", name.as_str());
            manifest.add("builder-arg-value", value.as_str());
        }
    }
    manifest.add("inputs", facts.inputs.to_string());
    // The tree has what git has for them, which says what they hold only where git-lfs is asked.
    for path in &facts.lfs {
        manifest.add("lfs", path.as_str());
    }
    contexts(&mut manifest, image, facts);
    // The image holds their text as it is written.
    for trigger in image.triggers() {
        manifest.add("onbuild", trigger.as_str());
    }
    for view in &image.views {
        let writer = Writer {
            manifest: &mut manifest,
            view,
            facts,
            numbers: numbers(view),
        };
        writer.view();
    }
    manifest
}

/// The named contexts that reachable stages take from.
fn contexts(manifest: &mut Manifest, image: &Resolved<'_>, facts: &Facts<'_>) {
    let used = image.used_contexts();
    let contexts = image.contexts.iter();
    for (name, context) in contexts.filter(|(name, _)| used.contains(name.as_str())) {
        let value = match context {
            NamedContext::Image(image) => {
                format!("external {}", image.clone().with_default_tag())
            }
            // Each folder has its tree.
            NamedContext::Folder(folder) => facts
                .contexts
                .get(name)
                .map_or_else(|| folder.clone(), |tree| tree.id().to_string()),
        };
        manifest.add("context", name.as_str());
        manifest.add("context-value", value);
    }
}

fn directives(manifest: &mut Manifest, image: &Resolved<'_>) {
    let ast = image.dockerfile.ast;
    manifest.add("escape", ast.escape);
    if let Some(syntax) = &ast.syntax {
        manifest.add("syntax", &*syntax.full);
    }
    if let Some(check) = &ast.check {
        manifest.add("check", &*check.full);
    }
}

/// The reachable stages numbered from 0, so that unreachable ones do not count.
fn numbers(view: &View<'_>) -> BTreeMap<usize, usize> {
    let reachable = view.stages.reachable().enumerate();
    reachable
        .map(|(number, stage)| (stage.index, number))
        .collect()
}

/// What a reference resolves to.
struct Taken {
    value: String,
    /// The name of the image, where it is one of ours.
    image: String,
}

impl Taken {
    /// What is not one of our images.
    fn of(value: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            image: String::new(),
        }
    }
}

struct Writer<'m, 'a> {
    manifest: &'m mut Manifest,
    view: &'m View<'a>,
    facts: &'m Facts<'m>,
    numbers: BTreeMap<usize, usize>,
}

impl Writer<'_, '_> {
    fn view(mut self) {
        let stages = &self.view.stages;
        self.manifest.add("view", self.view.platform.to_string());
        let target = self.stage_number(stages.target);
        self.manifest.add("target", target);
        for stage in stages.reachable() {
            self.stage(stage);
        }
    }

    fn stage(&mut self, stage: &Stage<'_>) {
        self.manifest.add("stage", stage.platform.to_string());
        let base = match &stage.base {
            Base::Scratch => Taken::of("scratch"),
            Base::Stage(index) => Taken::of(self.stage_number(*index)),
            Base::Image(image) => self.image(image),
            Base::Context(name) => Taken::of(format!("context {name}")),
        };
        self.manifest.add_noted("from", base.value, base.image);
        for step in &stage.steps {
            self.step(step);
        }
    }

    fn step(&mut self, step: &Step<'_>) {
        match &step.origin {
            Origin::Own(instruction) => self.instruction(instruction, step.place.lines.start),
            Origin::Trigger(text) => self.manifest.add("trigger", text.as_str()),
        }
        for argument in &step.arguments {
            self.argument(argument);
        }
        for used in &step.uses {
            let source = match &used.source {
                Source::Scratch => Taken::of("scratch"),
                Source::Stage(index) => Taken::of(self.stage_number(*index)),
                Source::Image(image) => self.image(image),
                Source::Context(name) => Taken::of(format!("context {name}")),
            };
            self.manifest
                .add_noted("takes-from", source.value, source.image);
        }
    }

    fn stage_number(&self, index: usize) -> String {
        // What a reachable stage takes from is reachable, so it has a number.
        let number = self.numbers.get(&index).copied().unwrap_or(index);
        format!("stage {number}")
    }

    /// What a reference resolves to: our image by its fingerprint, another by its full name.
    fn image(&self, image: &ImageUse) -> Taken {
        let name = image.full_name();
        match self.view.meanings.get(&name) {
            Some(Some(index)) => Taken {
                value: format!("image {}", self.facts.fingerprints[index]),
                image: self.facts.images[*index].definition.name.clone(),
            },
            _ => Taken::of(format!("external {name}")),
        }
    }

    /// The name of an argument and the value that it has, wherever that came from.
    fn argument(&mut self, argument: &Argument) {
        self.manifest.add("arg", argument.name.as_str());
        match &argument.value {
            // Not the same as empty: a `RUN` sees no such variable.
            _ if argument.origin == ArgumentOrigin::Unset => self.manifest.add("arg-unset", ""),
            Some(value) => self.manifest.add("arg-value", value.as_str()),
            None => self.manifest.add("arg-unknown", ""),
        }
    }

    /// An instruction as parsed, without the references that it takes from and the arguments that
    /// it declares: `takes-from` and `arg` say what these come to.
    /// `line` is where it begins.
    fn instruction(&mut self, instruction: &Instruction<'_>, line: usize) {
        let kind = &instruction.kind;
        let is_argument = matches!(kind, Kind::Arg(_));
        instruction.node.parts(&mut |part, text| {
            let said_elsewhere = match (part, kind) {
                ("flag", Kind::Copy(_)) => text.starts_with("--from"),
                ("flag", Kind::Run(_)) => text.starts_with("--mount"),
                _ => is_argument && part != "instruction",
            };
            if part == "instruction" {
                self.manifest.add_noted(part, text, line.to_string());
            } else if !said_elsewhere {
                self.manifest.add(part, text);
            }
        });
        let Kind::Run(run) = kind else { return };
        for mount in &run.mounts {
            self.manifest.add("mount", "");
            for field in &mount.fields {
                // That there is a source counts here; which one it is, `takes-from` says.
                let is_source = field.key == "from";
                let text = if is_source { "from" } else { &*field.text };
                self.manifest.add("mount-field", text);
            }
        }
    }
}

//! Writes the manifest of an image: what enters, and in which order.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Manifest;
use crate::dockerfile::node::{Arguments, Heredoc, Node, Token};
use crate::dockerfile::stages::{Argument, Base, ImageUse, Origin, Source, Stage, Step};
use crate::dockerfile::{Instruction, Keyword, Kind};
use crate::images::NamedContext;
use crate::resolve::{Resolved, View};
use crate::snapshot::{Folder, ObjectId};

/// What enters beside the Dockerfile.
#[derive(Debug)]
pub struct Facts<'f> {
    /// The fingerprints of the images that are needed, by index.
    pub fingerprints: &'f BTreeMap<usize, String>,
    /// The tree of the input files.
    pub inputs: ObjectId,
    /// The files of named contexts that are folders, by the contexts' names.
    pub contexts: &'f BTreeMap<String, Arc<Folder>>,
    /// The epoch.
    pub epoch: &'f str,
    /// SHA-256 of the Dockerfile's bytes where they are not UTF-8, and so were not all read.
    pub raw_dockerfile: Option<String>,
}

/// The manifest of an image.
pub fn manifest(image: &Resolved<'_>, facts: &Facts<'_>) -> Manifest {
    let mut manifest = Manifest::new();
    directives(&mut manifest, image);
    if let Some(hash) = &facts.raw_dockerfile {
        manifest.add("dockerfile-bytes", hash.as_str());
    }
    for platform in &image.definition.platforms {
        manifest.add("platform", platform.to_string());
    }
    if let Some(network) = image.definition.settings.network.as_deref()
        && !network.is_empty()
    {
        manifest.add("network", network);
    }
    if !facts.epoch.is_empty() {
        manifest.add("epoch", facts.epoch);
    }
    for (name, value) in &image.definition.build_args {
        if name.starts_with("BUILDKIT_") || name == "SOURCE_DATE_EPOCH" {
            manifest.add("builder-arg", name.as_str());
            manifest.add("builder-arg-value", value.as_str());
        }
    }
    manifest.add("inputs", facts.inputs.to_string());
    for (name, context) in &image.contexts {
        let value = match context {
            NamedContext::Image(image) => {
                format!("external {}", image.clone().with_default_tag())
            }
            NamedContext::Folder(_) => facts.contexts[name].id.to_string(),
        };
        manifest.add("context", name.as_str());
        manifest.add("context-value", value);
    }
    for view in &image.views {
        let writer = Writer {
            manifest: &mut manifest,
            view,
            fingerprints: facts.fingerprints,
            numbers: numbers(view),
        };
        writer.view();
    }
    manifest
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

struct Writer<'m, 'a> {
    manifest: &'m mut Manifest,
    view: &'m View<'a>,
    fingerprints: &'m BTreeMap<usize, String>,
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
            Base::Scratch => "scratch".to_owned(),
            Base::Stage(index) => self.stage_number(*index),
            Base::Image(image) => self.image(image),
            Base::Context(name) => format!("context {name}"),
        };
        self.manifest.add("from", base);
        for step in &stage.steps {
            self.step(step);
        }
    }

    fn step(&mut self, step: &Step<'_>) {
        match &step.origin {
            Origin::Own(instruction) => self.node(instruction.node, Some(instruction)),
            Origin::Trigger(text) => self.manifest.add("trigger", text.as_str()),
        }
        for argument in &step.arguments {
            self.argument(argument);
        }
        for used in &step.uses {
            let source = match &used.source {
                Source::Scratch => "scratch".to_owned(),
                Source::Stage(index) => self.stage_number(*index),
                Source::Image(image) => self.image(image),
                Source::Context(name) => format!("context {name}"),
            };
            self.manifest.add("takes-from", source);
        }
    }

    fn stage_number(&self, index: usize) -> String {
        // What a reachable stage takes from is reachable, so it has a number.
        let number = self.numbers.get(&index).copied().unwrap_or(index);
        format!("stage {number}")
    }

    /// What a reference resolves to: our image by its fingerprint, another by its full name.
    fn image(&self, image: &ImageUse) -> String {
        let name = image.full_name();
        match self.view.meanings.get(&name) {
            Some(Some(index)) => format!("image {}", self.fingerprints[index]),
            _ => format!("external {name}"),
        }
    }

    /// The name of an argument and the value that it has, wherever that came from.
    fn argument(&mut self, argument: &Argument) {
        self.manifest.add("arg", argument.name.as_str());
        match &argument.value {
            Some(value) => self.manifest.add("arg-value", value.as_str()),
            None => self.manifest.add("arg-unknown", ""),
        }
    }

    /// An instruction as parsed, without the references that it takes from: `takes-from` says what
    /// these resolve to. `instruction` is it again, checked; none within a trigger, where
    /// references are text.
    fn node(&mut self, node: &Node<'_>, instruction: Option<&Instruction<'_>>) {
        let keyword = node.keyword.map(|keyword| keyword.name().to_uppercase());
        let keyword = keyword.unwrap_or_else(|| node.word.text.to_string());
        self.manifest.add("instruction", keyword);
        let is_copy = instruction.is_some() && node.keyword == Some(Keyword::Copy);
        let run = match instruction.map(|instruction| &instruction.kind) {
            Some(Kind::Run(run)) => Some(run),
            _ => None,
        };
        for flag in &node.flags {
            let from = is_copy && flag.text.starts_with("--from");
            let mount = run.is_some() && flag.text.starts_with("--mount");
            if !from && !mount {
                self.manifest.add("flag", &*flag.text);
            }
        }
        for mount in run.iter().flat_map(|run| &run.mounts) {
            self.manifest.add("mount", "");
            for field in mount.fields.iter().filter(|field| field.key != "from") {
                self.manifest.add("mount-field", &*field.text);
            }
        }
        if node.keyword != Some(Keyword::Arg) || instruction.is_none() {
            self.arguments_of(&node.arguments);
        }
        for heredoc in &node.heredocs {
            self.heredoc(heredoc);
        }
    }

    fn arguments_of(&mut self, arguments: &Arguments<'_>) {
        match arguments {
            Arguments::None | Arguments::Unknown => {}
            Arguments::Text(text) => self.manifest.add("text", &*text.text),
            Arguments::Words(words) => self.words("word", words),
            Arguments::Json(words) => {
                self.manifest.add("exec", "");
                self.words("exec-word", words);
            }
            Arguments::Pairs(pairs) => {
                for pair in pairs {
                    self.manifest.add("key", &*pair.name.text);
                    self.manifest.add("value", &*pair.value.text);
                }
            }
            Arguments::Health { kind, command } => {
                self.manifest.add("health", kind.text.to_uppercase());
                self.arguments_of(command);
            }
            Arguments::Trigger(node) => self.node(node, None),
        }
    }

    fn words(&mut self, tag: &'static str, words: &[Token<'_>]) {
        for word in words {
            self.manifest.add(tag, &*word.text);
        }
    }

    fn heredoc(&mut self, heredoc: &Heredoc<'_>) {
        let flags = format!(
            "{} {} {}",
            heredoc.descriptor, heredoc.expand, heredoc.chomp
        );
        self.manifest.add("heredoc", heredoc.name.as_str());
        self.manifest.add("heredoc-flags", flags);
        self.manifest.add("heredoc-body", heredoc.content);
    }
}

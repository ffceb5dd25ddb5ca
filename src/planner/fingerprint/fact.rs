//! The facts of a manifest, and the one place that says what each is to its two readers: what is
//! hashed of it, and what a change of it is called.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::VERSION;
use crate::lang::fingerprint::Fingerprint;
use crate::plan::ReasonKind;
use crate::planner::external::Held;
use crate::tree::snapshot::ObjectId;

/// One thing that can change an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fact {
    /// The version of the manifest.
    Version,
    /// The escape character.
    Escape(char),
    /// The value of `# syntax=`.
    Syntax(String),
    /// The value of `# check=`.
    Check(String),
    /// SHA-256 of a Dockerfile that is not UTF-8.
    DockerfileBytes(String),
    /// A platform that is asked for.
    Platform(String),
    /// The network mode.
    Network(String),
    /// The epoch.
    Epoch(String),
    /// An argument that steers the builder.
    BuilderArg { name: String, value: String },
    /// The tree of the input files.
    Inputs(ObjectId),
    /// An input whose content git-lfs keeps.
    Lfs(String),
    /// A named context.
    Context {
        name: String,
        content: ContextContent,
    },
    /// A trigger that the image leaves to those built on it.
    Onbuild(String),
    /// From here on, what the image is on this platform.
    View(String),
    /// The stage that is built, among the needed ones.
    Target(usize),
    /// A stage, by the platform that it runs on.
    Stage(String),
    /// What a stage is built on.
    From(Taken),
    /// A trigger of the base.
    Trigger(String),
    /// An instruction, by its keyword, and the line that it begins on, which does not count.
    Instruction { keyword: String, line: usize },
    /// A part of an instruction.
    Part { tag: &'static str, text: String },
    /// An argument that an instruction declares.
    Argument { name: String, value: Value },
    /// What an instruction takes from.
    TakesFrom(Taken),
    /// What reads the Dockerfile, where the lock file has it.
    Frontend(Held),
    /// What an instruction fetches, where the lock file has it.
    Fetches(Held),
}

/// The value of an argument where it is declared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    /// This.
    Known(String),
    /// There is none, which is not the same as empty: a `RUN` sees no such variable.
    Unset,
    /// Nobody knows it, so the text of the default stands for it; empty where there is none.
    Unknown(String),
}

/// What a reference resolves to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Nothing.
    Scratch,
    /// A needed stage, by its number among these.
    Stage(usize),
    /// An image of the plan. Its name does not count.
    Image {
        fingerprint: Fingerprint,
        name: String,
    },
    /// Another image, by its full name.
    External(String),
    /// Another image, by what the lock file holds it to.
    Locked(Held),
    /// A named context.
    Context(String),
}

/// What a named context holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ContextContent {
    /// An image, by its full name.
    Image(String),
    /// An image, by what the lock file holds it to.
    Locked(BTreeSet<Held>),
    /// Files, by the id of their tree.
    Files(String),
}

/// A reader of facts.
pub(super) trait Sink<'m> {
    /// What is hashed: a tag and a value.
    fn field(&mut self, tag: &'static str, value: &str);

    /// What a change is called.
    fn told(&mut self, told: Told<'m>);
}

/// What two manifests are compared by.
#[derive(Debug)]
pub(super) enum Told<'m> {
    /// A text that stands for itself; all of one tag together.
    Setting(ReasonKind, &'static str, Cow<'m, str>),
    /// A value of an argument, which has one for each place that declares it.
    Argument(&'m str, Shown<'m>),
    /// What a named context holds.
    Context(&'m str, &'m ContextContent),
    /// An image or context that is taken.
    Taken(&'m Taken),
    /// What the lock file holds something from elsewhere to.
    Held(&'m Held),
    /// An instruction: its keyword, and the line it begins on where there is one. Its text follows.
    Instruction(&'m str, Option<usize>),
    /// A part of the instruction's text.
    Text(&'static str, &'m str),
    /// How the parts lie: what only another order would change.
    Structure(&'static str, Cow<'m, str>),
}

/// The value of an argument, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shown<'m> {
    /// None.
    Unset,
    /// This.
    Value(&'m str),
    /// What this text comes to.
    Text(&'m str),
}

impl Fact {
    /// Says what this is.
    pub(super) fn say<'m>(&'m self, to: &mut impl Sink<'m>) {
        use ReasonKind::{Dockerfile, Epoch, Lfs, Network, Onbuild, Platform};
        match self {
            Self::Version => to.field("version", VERSION),
            Self::Escape(escape) => setting(to, Dockerfile, "escape", escape.to_string()),
            Self::Syntax(value) => setting(to, Dockerfile, "syntax", value),
            Self::Check(value) => setting(to, Dockerfile, "check", value),
            Self::DockerfileBytes(hash) => setting(to, Dockerfile, "dockerfile-bytes", hash),
            Self::Platform(platform) => setting(to, Platform, "platform", platform),
            Self::Network(mode) => setting(to, Network, "network", mode),
            Self::Epoch(text) => setting(to, Epoch, "epoch", text),
            Self::Lfs(path) => setting(to, Lfs, "lfs", path),
            Self::Onbuild(trigger) => setting(to, Onbuild, "onbuild", trigger),
            Self::BuilderArg { name, value } => {
                to.field("builder-arg", name);
                to.field("builder-arg-value", value);
                to.told(Told::Argument(name, Shown::Value(value)));
            }
            // What differs in the files is told from the trees.
            Self::Inputs(tree) => to.field("inputs", &tree.to_string()),
            Self::Context { name, content } => {
                to.field("context", name);
                match content {
                    ContextContent::Image(image) => {
                        to.field("context-value", &format!("external {image}"));
                    }
                    ContextContent::Locked(all) => {
                        for held in all {
                            to.field("context-value", &held.value());
                            to.told(Told::Held(held));
                        }
                    }
                    ContextContent::Files(tree) => to.field("context-value", tree),
                }
                to.told(Told::Context(name, content));
            }
            Self::View(platform) => structure(to, "view", platform),
            Self::Target(stage) => structure(to, "target", format!("stage {stage}")),
            Self::Stage(platform) => structure(to, "stage", platform),
            Self::From(taken) => taken.say("from", to),
            Self::TakesFrom(taken) => taken.say("takes-from", to),
            Self::Frontend(held) => {
                to.field("frontend", &held.value());
                to.told(Told::Held(held));
            }
            Self::Fetches(held) => {
                to.field("fetches", &held.value());
                to.told(Told::Held(held));
            }
            Self::Trigger(text) => {
                to.field("trigger", text);
                to.told(Told::Instruction("ONBUILD", None));
                to.told(Told::Text("trigger", text));
            }
            Self::Instruction { keyword, line } => {
                to.field("instruction", keyword);
                to.told(Told::Instruction(keyword, Some(*line)));
                to.told(Told::Text("instruction", keyword));
            }
            Self::Part { tag, text } => {
                to.field(tag, text);
                to.told(Told::Text(tag, text));
            }
            Self::Argument { name, value } => {
                to.field("arg", name);
                let shown = match value {
                    Value::Known(value) => {
                        to.field("arg-value", value);
                        Shown::Value(value)
                    }
                    Value::Unset => {
                        to.field("arg-unset", "");
                        Shown::Unset
                    }
                    Value::Unknown(text) => {
                        to.field("arg-unknown", text);
                        Shown::Text(text)
                    }
                };
                to.told(Told::Argument(name, shown));
                to.told(Told::Structure("arg", name.into()));
            }
        }
    }
}

impl Taken {
    fn say<'m>(&'m self, tag: &'static str, to: &mut impl Sink<'m>) {
        let value = match self {
            Self::Scratch => "scratch".to_owned(),
            Self::Stage(number) => format!("stage {number}"),
            Self::Image { fingerprint, .. } => format!("image {fingerprint}"),
            Self::External(name) => format!("external {name}"),
            Self::Locked(held) => held.value(),
            Self::Context(name) => format!("context {name}"),
        };
        to.field(tag, &value);
        to.told(Told::Taken(self));
        if let Self::Locked(held) = self {
            to.told(Told::Held(held));
        }
        // Which image it is, is told by itself.
        let lies = match self {
            Self::Scratch | Self::Stage(_) => value,
            Self::Image { .. } | Self::External(_) | Self::Locked(_) | Self::Context(_) => {
                String::new()
            }
        };
        to.told(Told::Structure(tag, lies.into()));
    }
}

impl Held {
    /// What is hashed: the name, and each part that counts.
    fn value(&self) -> String {
        let mut value = format!("locked {}", self.name);
        for (platform, content) in &self.parts {
            value = match platform.as_str() {
                "" => format!("{value} {content}"),
                platform => format!("{value} {platform}={content}"),
            };
        }
        value
    }
}

fn setting<'m>(
    to: &mut impl Sink<'m>,
    kind: ReasonKind,
    tag: &'static str,
    value: impl Into<Cow<'m, str>>,
) {
    let value = value.into();
    to.field(tag, &value);
    to.told(Told::Setting(kind, tag, value));
}

fn structure<'m>(to: &mut impl Sink<'m>, tag: &'static str, value: impl Into<Cow<'m, str>>) {
    let value = value.into();
    to.field(tag, &value);
    to.told(Told::Structure(tag, value));
}

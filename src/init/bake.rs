//! The builds of bake files, of what `docker buildx bake --print` prints.

mod blocks;
mod conversation;
mod refusal;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::build::{Build, Checker, SAY_IT, Written, row, setting, texts};
use super::evidence::Reader;
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText, listed};
use crate::paths;
use blocks::Block;
use conversation::Conversation;

pub(super) use conversation::variables;

/// The names that bake looks for, in the order in which it merges them.
pub(super) const NAMES: [&str; 4] = [
    "docker-bake.json",
    "docker-bake.override.json",
    "docker-bake.hcl",
    "docker-bake.override.hcl",
];

/// Attributes that say nothing of what is built.
const SILENT: [&str; 3] = ["name", "matrix", "inherits"];

/// Attributes that are part of the build itself.
const TAKEN: [&str; 9] = [
    "context",
    "contexts",
    "dockerfile",
    "dockerfile-inline",
    "args",
    "tags",
    "target",
    "platforms",
    "output",
];

/// Attributes that the configuration has too, with its word for them.
const SETTINGS: [(&str, &str); 7] = [
    ("secret", "secrets"),
    ("ssh", "ssh"),
    ("network", "network"),
    ("labels", "labels"),
    ("cache-from", "cache_from"),
    ("cache-to", "cache_to"),
    ("attest", "attest"),
];

/// The builds of the targets of bake files, evaluated together: those of the default group first.
pub(super) fn builds(
    reader: &mut Reader<'_>,
    files: &[String],
    diagnostics: &mut Diagnostics,
) -> Vec<Build> {
    let mut conversation = Conversation::new(reader, files);
    let Some(print) = conversation.print(diagnostics) else {
        return Vec::new();
    };
    let default = conversation.default();
    let Some(last) = conversation.sources.last().cloned() else {
        return Vec::new();
    };
    let evaluated = Evaluated {
        blocks: conversation.blocks(),
        print,
        default,
        last,
    };
    let found = evaluated.written(diagnostics);
    evaluated.report_keys(&found, diagnostics);
    let mut bases = vec![".".to_owned()];
    bases.extend(files.iter().map(|file| paths::folder_of(file).to_owned()));
    let checker = Checker {
        bases,
        scheme: "target:",
        set: files[0].clone(),
        snapshot: reader.snapshot,
    };
    let (mut builds, mut further): (Vec<Build>, Vec<Build>) = checker
        .check_all(found, diagnostics)
        .into_iter()
        .partition(|build| evaluated.is_default(build.label()));
    // What the default group builds already, it builds in the way that is meant.
    let mut left = Vec::new();
    further.retain(|build| {
        let stage = (&build.dockerfile, &build.target);
        let of_stage = || {
            let builds = builds.iter();
            builds.filter(|known| (&known.dockerfile, &known.target) == stage)
        };
        let is_built = of_stage().next().is_some() && !of_stage().any(|b| b.makes_what(build));
        left.extend(is_built.then(|| build.label().to_owned()));
        !is_built
    });
    evaluated.report_further(&left, diagnostics);
    builds.append(&mut further);
    builds
}

/// What bake says of its files.
struct Evaluated {
    blocks: Vec<(SourceText, Block)>,
    print: Value,
    /// The targets of the default group and those that they take from; none where there is no such group.
    default: Option<BTreeSet<String>>,
    /// The last of the files.
    last: SourceText,
}

impl Evaluated {
    fn targets(&self) -> impl Iterator<Item = (&String, &Map<String, Value>)> {
        let targets = self.print["target"].as_object();
        let targets = targets.into_iter().flatten();
        targets.filter_map(|(name, values)| Some((name, values.as_object()?)))
    }

    fn is_default(&self, target: &str) -> bool {
        let default = self.default.as_ref();
        default.is_none_or(|targets| targets.contains(target))
    }

    /// The targets of a group, or of the matrix that a block is.
    fn members(&self, group: &str) -> impl Iterator<Item = &str> {
        let members = self.print["group"][group]["targets"].as_array();
        members.into_iter().flatten().filter_map(Value::as_str)
    }

    /// The block that defines a target.
    fn block(&self, target: &str) -> Option<&(SourceText, Block)> {
        let mut blocks = self.blocks.iter();
        let blocks = blocks.by_ref().filter(|(_, block)| block.kind == "target");
        let mut matrix = None;
        for found in blocks {
            if found.1.label == target {
                return Some(found);
            }
            if self.members(&found.1.label).any(|name| name == target) {
                matrix = Some(found);
            }
        }
        matrix
    }

    /// Whether a target is there for others to inherit from: somebody does, no group and no context names it,
    /// and it does not say itself both what it builds and what that is called.
    fn is_parent_only(&self, target: &str) -> bool {
        let says = |keys: &[&str]| {
            let own = self.block(target).filter(|(_, own)| own.label == target);
            own.is_some_and(|(_, block)| block.attributes.iter().any(|a| keys.contains(&&*a.key)))
        };
        if says(&["tags"]) && says(&["context", "dockerfile", "target"]) {
            return false;
        }
        let named = self.default.as_ref();
        // The print calls `default` what was asked for.
        let mut groups = self
            .blocks
            .iter()
            .filter(|(_, block)| block.kind == "group" && block.label != "default");
        let mut values = self.targets();
        let is_context = |values: &Map<String, Value>| {
            let contexts = values.get("contexts").and_then(Value::as_object);
            let mut contexts = contexts.into_iter().flatten();
            contexts.any(|(_, value)| {
                value
                    .as_str()
                    .and_then(|value| value.strip_prefix("target:"))
                    == Some(target)
            })
        };
        if named.is_some_and(|named| named.contains(target))
            || groups.any(|(_, group)| self.members(&group.label).any(|name| name == target))
            || values.any(|(_, values)| is_context(values))
        {
            return false;
        }
        self.blocks.iter().any(|(source, block)| {
            let parents = blocks::parents(source, std::slice::from_ref(block));
            parents.iter().any(|parent| parent.is_match(target))
        })
    }

    /// The targets as they are written, unless they make no image.
    fn written(&self, diagnostics: &mut Diagnostics) -> Vec<Written> {
        let mut found = Vec::new();
        for (name, values) in self.targets() {
            if self.is_parent_only(name) {
                continue;
            }
            let block = self.block(name);
            let (source, span) = match block {
                Some((source, block)) => (source.clone(), block.span.clone()),
                None => (self.last.clone(), 0..0),
            };
            let mut refuse = |why: &str, help: &str| {
                let message = format!("target `{name}` is skipped: {why}");
                let diagnostic = Diagnostic::new(Code::BuildLeftOut, message)
                    .at(&source, span.clone(), "")
                    .because_of(why)
                    .help(help);
                diagnostics.push(diagnostic);
            };
            if values.contains_key("dockerfile-inline") {
                let help = "move it to a file that git tracks";
                refuse("its Dockerfile is inline", help);
                continue;
            }
            let call = block.and_then(|(source, block)| block.text(source, "call"));
            if let Some(call) = call.filter(|call| call != "build") {
                let help = "run it with bake: a plan builds images";
                refuse(&format!("its `call` is `{call}`, not `build`"), help);
                continue;
            }
            let outputs = values.get("output").map(rows).unwrap_or_default();
            if !outputs.is_empty() && !outputs.iter().any(|output| makes_image(output)) {
                let help = r#"to keep its Dockerfile out of the plan: `"dockerfiles": {"exclude": ["…"]}`"#;
                refuse("its output is not an image", help);
                continue;
            }
            let text = |key: &str| Some(values.get(key)?.as_str()?.to_owned());
            let map = |key: &str| pairs(values.get(key));
            let mut settings = BTreeMap::new();
            for (key, word) in SETTINGS {
                let value = values.get(key).map(|value| match key {
                    "secret" => rows(value).iter().map(|row| secret(row)).collect(),
                    "ssh" | "cache-from" | "cache-to" | "attest" => Value::from(rows(value)),
                    _ => value.clone(),
                });
                if let Some(value) = value.filter(setting) {
                    settings.insert(word, value);
                }
            }
            found.push(Written {
                source,
                span,
                label: name.to_owned(),
                kind: "target",
                arguments: map("args"),
                contexts: map("contexts"),
                context: text("context"),
                dockerfile: text("dockerfile"),
                target: text("target").filter(|target| !target.is_empty()),
                references: texts(values.get("tags")),
                platforms: texts(values.get("platforms")),
                settings,
                project: None,
            });
        }
        found
    }

    /// Tells of the attributes that are not carried over: those that the configuration lacks, and those
    /// that the files have and the print lacks.
    fn report_keys(&self, found: &[Written], diagnostics: &mut Diagnostics) {
        let is_carried = |key: &str| SETTINGS.iter().any(|(known, _)| *known == key);
        for (source, block) in self.blocks.iter().filter(|(_, b)| b.kind == "target") {
            for attribute in &block.attributes {
                let key = attribute.key.as_str();
                if SILENT.contains(&key) || TAKEN.contains(&key) && key != "output" {
                    continue;
                }
                let written = &source.text[attribute.span.clone()];
                let is_empty = ["[]", "{}", "null", "\"\"", "false"]
                    .iter()
                    .any(|nothing| written.ends_with(nothing));
                let name = &block.label;
                let members: Vec<&str> = self.members(name).collect();
                let is_printed = |target: &str| {
                    let value = &self.print["target"][target][key];
                    !value.is_null() && setting(value)
                };
                let is_printed =
                    is_printed(name) || members.iter().any(|member| is_printed(member));
                let is_output = key == "output";
                let is_taken = |label: &str| found.iter().any(|written| written.label == label);
                if is_output && !is_taken(name) && !members.iter().any(|name| is_taken(name)) {
                    continue;
                }
                if is_empty || is_carried(key) && (is_printed || !self.is_read(name)) {
                    continue;
                }
                let why = if is_carried(key) {
                    ": `bake --print` omits it"
                } else {
                    ""
                };
                let help = if is_output {
                    "an image is published by `shipwright exec --push`"
                } else {
                    SAY_IT
                };
                let message = format!("`{key}` of target `{name}` is not carried over{why}");
                let diagnostic = Diagnostic::new(Code::ValueLeftOut, message)
                    .at(source, attribute.span.clone(), "")
                    .because_of(format!("{key} of a target"))
                    .help(help);
                diagnostics.push(diagnostic);
            }
        }
    }

    /// Whether the print has a target, or one that inherits from it.
    fn is_read(&self, block: &str) -> bool {
        !self.print["target"][block].is_null()
            || self.members(block).next().is_some()
            || self.is_parent_only(block)
    }

    /// Tells of the targets that are left out because the default group builds the same otherwise.
    fn report_further(&self, left: &[String], diagnostics: &mut Diagnostics) {
        let Some((source, block)) = left.first().and_then(|name| self.block(name)) else {
            return;
        };
        let (s, are) = if left.len() == 1 {
            ("", "is")
        } else {
            ("s", "are")
        };
        let message = format!(
            "target{s} {} {are} skipped: the default group builds the same stages differently",
            listed(left.iter().map(String::as_str))
        );
        diagnostics.push(
            Diagnostic::new(Code::BuildLeftOut, message)
                .at(source, block.span.clone(), "")
                .help("to build such an image too, add it under `images` in .shipwright.json"),
        );
    }
}

/// The items of a list as texts: objects are the fields of a row.
fn rows(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items
        .filter_map(row)
        .filter(|text| !text.is_empty())
        .collect()
}

fn pairs(value: Option<&Value>) -> BTreeMap<String, String> {
    let pairs = value.and_then(Value::as_object);
    let pairs = pairs.into_iter().flatten();
    pairs
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// Whether an output of a build is an image: not a folder, an archive or nothing.
fn makes_image(output: &str) -> bool {
    let kinds = ["type=registry", "type=image", "type=docker", "type=oci"];
    kinds.iter().any(|kind| output.contains(kind))
}

/// A secret, as the configuration has it: a row of fields in bake.
fn secret(row: &str) -> Value {
    let mut secret = Map::new();
    let fields = row.split(',').filter_map(|field| field.split_once('='));
    for (key, value) in fields {
        let key = match key.trim() {
            "source" => "src",
            key => key,
        };
        if ["id", "env", "src"].contains(&key) {
            secret.insert(key.to_owned(), Value::from(value));
        }
    }
    Value::Object(secret)
}

/// Whether a file defines targets.
pub(super) fn has_targets(source: &SourceText) -> bool {
    let blocks = blocks::blocks(source);
    blocks.iter().any(|block| block.kind == "target")
}

//! The builds of bake files: `docker-bake.json` and `docker-bake.hcl`.

mod definitions;
mod evaluate;
mod functions;

use std::collections::{BTreeMap, BTreeSet};

use hcl::{Map, Value};

use super::build::{Build, Checker, Written};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText};
use crate::paths;
use crate::tree::snapshot::Snapshot;
use definitions::{Attribute, Block, Definitions};
use evaluate::{Evaluator, Problem};
use functions::scalar;

/// The names that bake looks for; it reads all that are there.
pub(super) const NAMES: [&str; 2] = ["docker-bake.json", "docker-bake.hcl"];

/// The names of files that bake merges into those.
pub(super) const OVERRIDES: [&str; 2] = ["docker-bake.override.json", "docker-bake.override.hcl"];

/// Attributes that say nothing of what is built.
const SILENT: [&str; 3] = ["name", "matrix", "description"];

/// Attributes of targets that a build is made of.
const TAKEN: [&str; 11] = [
    "context",
    "contexts",
    "dockerfile",
    "dockerfile-inline",
    "args",
    "tags",
    "target",
    "platforms",
    "inherits",
    "output",
    "remote",
];

/// How long a chain of `inherits` may be.
const MAX_PARENTS: usize = 16;

/// How many targets a matrix may make.
const MAX_MATRIX: usize = 1024;

/// The builds of the targets of a bake file, sorted by name.
pub(super) fn builds(
    source: &SourceText,
    snapshot: &Snapshot,
    diagnostics: &mut Diagnostics,
) -> Vec<Build> {
    let definitions = match Definitions::parse(source) {
        Ok(definitions) => definitions,
        Err(problem) => {
            diagnostics.push(problem);
            return Vec::new();
        }
    };
    let (evaluator, problems) = Evaluator::new(&definitions);
    let mut reader = Reader {
        source,
        definitions: &definitions,
        targets: BTreeMap::new(),
        diagnostics,
    };
    for problem in problems {
        reader.left_out("a variable", problem);
    }
    reader.read_targets(&evaluator);
    let parents = reader.parents_only(&evaluator);
    let names: Vec<String> = reader.targets.keys().cloned().collect();
    let mut written = Vec::new();
    for name in names.iter().filter(|name| !parents.contains(*name)) {
        written.extend(reader.written(name));
    }
    let mut bases = vec![".".to_owned()];
    let own = paths::folder_of(&source.path);
    if own != "." {
        bases.push(own.to_owned());
    }
    let checker = Checker {
        source,
        bases,
        scheme: "target:",
        snapshot,
    };
    checker.check_all(written, diagnostics)
}

/// A target with its values, parents not merged in.
struct Target<'f> {
    block: &'f Block,
    values: BTreeMap<&'f str, Value>,
}

struct Reader<'f, 'd> {
    source: &'f SourceText,
    definitions: &'f Definitions,
    targets: BTreeMap<String, Target<'f>>,
    diagnostics: &'d mut Diagnostics,
}

impl<'f> Reader<'f, '_> {
    /// Evaluates all targets, those of a matrix one by one.
    fn read_targets(&mut self, evaluator: &Evaluator) {
        let definitions = self.definitions;
        for (name, block) in definitions.blocks("target") {
            let Some(matrix) = block.attributes.get("matrix") else {
                let values = self.values(name, block, evaluator);
                self.targets
                    .insert(name.to_owned(), Target { block, values });
                continue;
            };
            let combinations = match evaluator.evaluate(matrix) {
                Ok(value) => combinations(&value),
                Err(problem) => {
                    self.left_out(&format!("the matrix of target `{name}`"), problem);
                    continue;
                }
            };
            for combination in combinations {
                let mut evaluator = evaluator.clone();
                for (key, value) in combination {
                    evaluator.declare(&key, value);
                }
                let own = self.value("name", block.attributes.get("name"), &evaluator);
                let Some(own) = own.as_ref().and_then(scalar) else {
                    continue;
                };
                let values = self.values(&own, block, &evaluator);
                self.targets.insert(own, Target { block, values });
            }
        }
    }

    fn values(
        &mut self,
        name: &str,
        block: &'f Block,
        evaluator: &Evaluator,
    ) -> BTreeMap<&'f str, Value> {
        let mut values = BTreeMap::new();
        for (key, attribute) in &block.attributes {
            if !TAKEN.contains(&key.as_str()) {
                if !SILENT.contains(&key.as_str()) {
                    let message = format!("`{key}` of target `{name}` is not carried over");
                    let diagnostic = Diagnostic::new(Code::ValueLeftOut, message)
                        .at(self.source, attribute.span.clone(), "")
                        .help("add it to .shipwright.json if it matters");
                    self.diagnostics.push(diagnostic);
                }
                continue;
            }
            let what = format!("`{key}` of target `{name}`");
            // What is not known is not what a parent says either.
            let value = self.value(&what, Some(attribute), evaluator);
            values.insert(key.as_str(), value.unwrap_or(Value::Null));
        }
        values
    }

    fn value(
        &mut self,
        what: &str,
        attribute: Option<&Attribute>,
        evaluator: &Evaluator,
    ) -> Option<Value> {
        match evaluator.evaluate(attribute?) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.left_out(what, problem);
                None
            }
        }
    }

    fn left_out(&mut self, what: &str, problem: Problem) {
        let message = format!("{what} is skipped: {}", problem.message);
        let diagnostic = Diagnostic::new(Code::ValueLeftOut, message)
            .at(self.source, problem.span, "")
            .help("add it to .shipwright.json if it matters");
        self.diagnostics.push(diagnostic);
    }

    /// The targets that are there for others to inherit from: those that somebody inherits from, and
    /// that no group and no context names.
    fn parents_only(&mut self, evaluator: &Evaluator) -> BTreeSet<String> {
        let mut named = BTreeSet::new();
        let definitions = self.definitions;
        for (name, group) in definitions.blocks("group") {
            let what = format!("`targets` of group `{name}`");
            let targets = self.value(&what, group.attributes.get("targets"), evaluator);
            named.extend(targets.iter().flat_map(texts));
        }
        let mut parents = BTreeSet::new();
        for target in self.targets.values() {
            let inherits = target.values.get("inherits");
            parents.extend(inherits.into_iter().flat_map(texts));
            if let Some(Value::Object(contexts)) = target.values.get("contexts") {
                let values = contexts.values().filter_map(scalar);
                named.extend(
                    values.filter_map(|value| Some(value.strip_prefix("target:")?.to_owned())),
                );
            }
        }
        parents.retain(|name| !named.contains(name));
        parents
    }

    /// The values of a target with those of its parents: maps merged, the rest replaced.
    fn merged(&self, name: &str, depth: usize) -> BTreeMap<&'f str, Value> {
        let mut merged: BTreeMap<&'f str, Value> = BTreeMap::new();
        let Some(target) = self.targets.get(name).filter(|_| depth < MAX_PARENTS) else {
            return merged;
        };
        let mut add = |values: BTreeMap<&'f str, Value>| {
            for (key, value) in values {
                match (merged.get_mut(key), value) {
                    (Some(Value::Object(known)), Value::Object(more)) => {
                        let more = more.into_iter().filter(|(_, value)| *value != Value::Null);
                        known.extend(more);
                    }
                    (_, value) => {
                        merged.insert(key, value);
                    }
                }
            }
        };
        for parent in target.values.get("inherits").into_iter().flat_map(texts) {
            add(self.merged(&parent, depth + 1));
        }
        add(target.values.clone());
        merged
    }

    /// A target as it is written, unless it makes no image.
    fn written(&mut self, name: &str) -> Option<Written> {
        let block = self.targets.get(name)?.block;
        let mut values = self.merged(name, 0);
        let mut refuse = |why: &str, help: &str| {
            let message = format!("target `{name}` is skipped: {why}");
            let diagnostic = Diagnostic::new(Code::BuildLeftOut, message)
                .at(self.source, block.span.clone(), "")
                .help(help);
            self.diagnostics.push(diagnostic);
        };
        if values.contains_key("dockerfile-inline") {
            let help = "move it to a file that git tracks";
            refuse("its Dockerfile is inline", help);
            return None;
        }
        let outputs: Vec<String> = values.get("output").into_iter().flat_map(texts).collect();
        if !outputs.is_empty() && !outputs.iter().any(|output| makes_image(output)) {
            let help =
                r#"to keep its Dockerfile out of the plan: `"dockerfiles": {"exclude": ["…"]}`"#;
            refuse("its output is not an image", help);
            return None;
        }
        let text = |values: &BTreeMap<&str, Value>, key: &str| values.get(key).and_then(scalar);
        let mut map = |key: &str| match values.remove(key) {
            Some(Value::Object(object)) => pairs(object),
            _ => BTreeMap::new(),
        };
        Some(Written {
            span: block.span.clone(),
            label: name.to_owned(),
            kind: "target",
            arguments: map("args"),
            contexts: map("contexts"),
            context: text(&values, "context"),
            dockerfile: text(&values, "dockerfile"),
            target: text(&values, "target").filter(|target| !target.is_empty()),
            references: values.get("tags").into_iter().flat_map(texts).collect(),
            platforms: values
                .get("platforms")
                .into_iter()
                .flat_map(texts)
                .collect(),
        })
    }
}

/// Whether an output of a build is an image: not a folder, an archive or nothing.
fn makes_image(output: &str) -> bool {
    let kinds = ["type=registry", "type=image", "type=docker", "type=oci"];
    kinds.iter().any(|kind| output.contains(kind))
}

/// The texts of a list, or of a text alone; several in one text have commas between them. Empty ones
/// are none.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items
            .iter()
            .filter_map(scalar)
            .filter(|text| !text.is_empty())
            .collect(),
        other => scalar(other)
            .filter(|text| !text.is_empty())
            .into_iter()
            .collect(),
    }
}

fn pairs(object: Map<String, Value>) -> BTreeMap<String, String> {
    let pairs = object.into_iter();
    pairs
        .filter_map(|(key, value)| Some((key, scalar(&value)?)))
        .collect()
}

/// Every choice of one value of each list of a matrix.
fn combinations(matrix: &Value) -> Vec<BTreeMap<String, Value>> {
    let mut all = vec![BTreeMap::new()];
    let Value::Object(lists) = matrix else {
        return all;
    };
    for (name, values) in lists {
        let Value::Array(values) = values else {
            continue;
        };
        let mut longer = Vec::new();
        for chosen in &all {
            for value in values {
                if longer.len() < MAX_MATRIX {
                    let mut chosen: BTreeMap<String, Value> = chosen.clone();
                    chosen.insert(name.clone(), value.clone());
                    longer.push(chosen);
                }
            }
        }
        all = longer;
    }
    all
}

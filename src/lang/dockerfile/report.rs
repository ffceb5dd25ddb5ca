//! What `shipwright parse` prints: a Dockerfile as JSON, for tools.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::node::Ast;
use super::stages::{Base, Bases, ImageConfig, ImageUse, Request, Source, StageError, StageGraph};
use super::{Dockerfile, LineRange, dump};
use crate::lang::platform::Platform;
use crate::lang::reference::Reference;

/// Base images of which nothing is known but the folder that they work in. BuildKit refuses mounts
/// onto `/`, so it matters to what is an error.
struct AtRoot;

impl Bases for AtRoot {
    fn config(&self, _: &Reference, _: &Platform) -> ImageConfig {
        ImageConfig {
            workdir: Some("/".to_owned()),
            ..ImageConfig::unknown()
        }
    }

    fn fetches(&self) -> bool {
        false
    }
}

/// A Dockerfile as JSON: `syntax`, `escape` and `check` as its directives say, `nodes` wherever
/// layers 1 to 3 pass, `stages` for one target, set of build arguments and platform, and `error`
/// exactly where BuildKit refuses the build.
///
/// Of base images it is assumed that they work in `/`, as nearly all do. Nothing else is known of
/// them: what depends on their variables is taken as unknown, and they have no triggers.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    syntax: Option<&'a str>,
    escape: char,
    check: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<Nodes<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stages: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
}

/// Nodes that become JSON one at a time: a file may have millions.
#[derive(Debug)]
struct Nodes<'a>(&'a Ast<'a>);

impl Serialize for Nodes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let nodes = &self.0.nodes;
        serializer.collect_seq(nodes.iter().map(|node| dump::node(self.0, node)))
    }
}

impl<'a> Report<'a> {
    /// What there is to say of a Dockerfile.
    pub fn new(
        dockerfile: &'a Dockerfile<'a>,
        target: Option<&str>,
        build_args: &BTreeMap<String, String>,
        platform: &Platform,
    ) -> Self {
        let ast = dockerfile.ast;
        let mut report = Self {
            syntax: ast.syntax.as_ref().map(|syntax| &*syntax.value),
            escape: ast.escape,
            check: ast.check.as_ref().map(|check| &*check.value),
            nodes: None,
            stages: None,
            error: dockerfile.first_error().map(dump::error),
        };
        if report.is_refused() {
            return report;
        }
        report.nodes = Some(Nodes(ast));
        let request = Request {
            target,
            build_args,
            platform: &platform.normalized(),
            build_platform: &Platform::default(),
            contexts: &BTreeSet::new(),
            bases: &AtRoot,
        };
        match StageGraph::new(dockerfile, &request) {
            Ok(graph) => report.stages = Some(stages(&graph)),
            Err(errors) => report.error = errors.first().map(error),
        }
        report
    }

    /// Whether BuildKit refuses the build.
    pub fn is_refused(&self) -> bool {
        self.error.is_some()
    }
}

/// An error of the stages: its message, and the ranges of lines that BuildKit names.
pub fn error(error: &StageError) -> Value {
    let lines: Vec<Value> = error
        .lines()
        .into_iter()
        .map(|LineRange { start, end }| json!([start, end]))
        .collect();
    if lines.is_empty() {
        json!({"message": error.message})
    } else {
        json!({"message": error.message, "lines": lines})
    }
}

/// The stages, and after them what instructions take from elsewhere, numbered as BuildKit does.
pub fn stages(graph: &StageGraph<'_>) -> Value {
    let mut rows: Vec<Value> = Vec::with_capacity(graph.stages.len());
    let mut externals: BTreeMap<usize, (String, bool)> = BTreeMap::new();
    for stage in &graph.stages {
        let mut deps = BTreeSet::new();
        let mut paths = BTreeSet::new();
        for step in &stage.steps {
            for taken in &step.uses {
                if let Some(name) = external_name(&taken.source) {
                    let entry = externals.entry(taken.number).or_insert((name, false));
                    entry.1 |= stage.reachable;
                }
                deps.insert(taken.number);
            }
            paths.extend(step.recorded_paths.iter().map(String::as_str));
        }
        let mut row = json!({
            "index": stage.index.get(),
            "name": stage.name.as_deref().unwrap_or_default(),
            "base_name": base_name(graph, &stage.base),
            "deps": deps,
            "reachable": stage.reachable,
            "external_only": false,
            "context_paths": paths,
        });
        if let Base::Stage(base) = stage.base {
            row["base_stage"] = base.get().into();
        }
        rows.push(row);
    }
    rows.extend(externals.into_iter().map(|(index, (name, reachable))| {
        json!({
            "index": index,
            "name": "",
            "base_name": name,
            "deps": [],
            "reachable": reachable,
            "external_only": true,
            "context_paths": [],
        })
    }));
    rows.into()
}

fn external_name(source: &Source) -> Option<String> {
    match source {
        Source::Stage(_) => None,
        Source::Scratch => Some("scratch".to_owned()),
        Source::Image(image) => Some(image.full_name()),
        Source::Context(name) => Some(name.clone()),
    }
}

fn base_name(graph: &StageGraph<'_>, base: &Base) -> String {
    match base {
        Base::Scratch => "scratch".to_owned(),
        Base::Stage(index) => graph.stages[*index].name.clone().unwrap_or_default(),
        Base::Image(image) => ImageUse::full_name(image),
        Base::Context(name) => name.clone(),
    }
}

//! What is sent of a context, and what `COPY` and `ADD` take of it, as BuildKit answers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use shipwright::lang::dockerfile::stages::{NoBases, Request, StageGraph};
use shipwright::lang::dockerfile::{Dockerfile, parse};
use shipwright::lang::{IgnoreFile, Platform};
use shipwright::planner::{InputSpec, Inputs, Source};
use shipwright::tree::{Node, Snapshot};

use crate::rows::{check_all, own, same};
use crate::support::trees::{listed, snapshot};

fn texts(value: &Value) -> BTreeSet<String> {
    let texts = value.as_array().into_iter().flatten();
    texts.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn check_walk(row: &Value) -> Result<(), String> {
    let (ignore, problems) = IgnoreFile::parse(row["dockerignore"].as_str().unwrap());
    let tree = snapshot(&row["tree"]);
    let spec = InputSpec::new("", &[Source::ALL], &ignore);
    let inputs = spec.inputs(&tree.root, &tree.links);
    let is_refused = !problems.is_empty() || inputs.is_refused;
    same("refused", is_refused, row["error"].is_string())?;
    if is_refused {
        return Ok(());
    }
    same("sent", listed(&inputs.tree), texts(&row["sent"]))?;
    let mut empty = BTreeSet::new();
    inputs.tree.walk(&mut |path, node| {
        let was = tree.root.node(path).map(|was| was.id());
        if matches!(node, Node::File { .. }) && was != Some(node.id()) {
            empty.insert(path.to_owned());
        }
    });
    same("empty", empty, texts(&row["empty"]))
}

/// What an instruction takes; none where it is refused before anything is read.
fn inputs(instruction: &str, tree: &Snapshot, ignore: &IgnoreFile) -> Option<Inputs> {
    let text = format!("FROM scratch\n{instruction}\n");
    let ast = parse(&text);
    let file = Dockerfile::new(&ast);
    let platform = Platform::parse("linux/amd64").unwrap();
    let request = Request {
        target: None,
        build_args: &BTreeMap::new(),
        platform: &platform,
        build_platform: &platform,
        contexts: &BTreeSet::new(),
        bases: &NoBases,
    };
    let stages = StageGraph::new(&file, &request).ok()?;
    let steps = stages.reachable().flat_map(|stage| &stage.steps);
    let sources: Vec<Source<'_>> = steps
        .flat_map(|step| &step.sources)
        .map(Source::from)
        .collect();
    let spec = InputSpec::new("", &sources, ignore);
    Some(spec.inputs(&tree.root, &tree.links))
}

/// The destination of each thing that is copied is the builder's affair: what has the name of something
/// else that was copied may have been replaced by it, and links on the way are not copied at all.
fn check_copy(row: &Value) -> Result<(), String> {
    let tree = snapshot(&row["tree"]);
    let (ignore, _) = IgnoreFile::parse(row["dockerignore"].as_str().unwrap_or_default());
    let inputs = inputs(row["instruction"].as_str().unwrap(), &tree, &ignore);
    if let Some(error) = row["error"].as_str() {
        let lacks = ["lstat", "\"/", "too many links"];
        let is_lacking = lacks.iter().any(|start| error.starts_with(start));
        return match inputs {
            Some(inputs) if is_lacking => same("missing", inputs.missing.is_empty(), false),
            _ => Ok(()),
        };
    }
    let inputs = inputs.ok_or("the instruction is refused")?;
    same("missing", inputs.missing, Vec::new())?;
    let copied = row["copied"].as_object().unwrap();
    let name = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    let names: BTreeSet<String> = copied.keys().map(|path| name(path)).collect();
    let taken = listed(&inputs.tree);
    let is_link = |path: &str| tree.links.contains_key(path);
    let files = taken
        .iter()
        .filter(|path| !path.ends_with('/') && !is_link(path));
    let files: BTreeSet<String> = files.cloned().collect();
    let values = copied.values().filter_map(Value::as_str);
    let values = values.filter(|value| *value != "folder");
    let (links, sources): (Vec<&str>, Vec<&str>) =
        values.partition(|value| value.starts_with("-> "));
    let sources: BTreeSet<String> = sources.into_iter().map(str::to_owned).collect();
    let replaced = |path: &String| names.contains(&name(path));
    let missing: Vec<&String> = sources.difference(&files).collect();
    let extra: Vec<&String> = files
        .difference(&sources)
        .filter(|path| !replaced(path))
        .collect();
    same("copied and not taken", missing, Vec::new())?;
    same("taken and not copied", extra, Vec::new())?;
    for link in links {
        let target = link.trim_start_matches("-> ").as_bytes();
        let mut all = tree.links.iter().filter(|(path, _)| taken.contains(*path));
        if !all.any(|(_, known)| known == target) {
            return Err(format!("no link {link} is taken"));
        }
    }
    let folders = copied
        .iter()
        .filter(|(_, value)| *value == "folder")
        .map(|(path, _)| path);
    for folder in folders.map(|path| name(path.trim_end_matches('/'))) {
        let suffix = format!("/{folder}/");
        let is_taken = taken
            .iter()
            .any(|path| format!("/{path}").ends_with(&suffix));
        // The destination itself is a folder of its own.
        let is_destination = row["instruction"]
            .as_str()
            .unwrap()
            .contains(&format!("/{folder}"));
        if !is_destination && !is_taken {
            return Err(format!("no folder {folder} is taken"));
        }
    }
    Ok(())
}

#[test]
fn what_is_sent() {
    let rows = own("dockerignore/walk-cases.jsonl");
    check_all("ignore files, walked", &rows, check_walk);
}

#[test]
fn what_flags_leave() {
    let rows = own("dockerignore/exclude-cases.jsonl");
    check_all("--exclude and --parents", &rows, check_copy);
}

#[test]
fn what_wildcards_match() {
    check_all("wildcards", &own("wildcard/cases.jsonl"), check_copy);
}

//! Stages, as BuildKit answers with a registry in which every image exists.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shipwright::lang::Platform;
use shipwright::lang::Reference;
use shipwright::lang::dockerfile::report;
use shipwright::lang::dockerfile::stages::{Bases, ImageConfig, Request, StageGraph, Variables};
use shipwright::lang::dockerfile::{Dockerfile, parse};

use crate::rows::{check_all, own, same};

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// All images exist and set nothing but `PATH`, but for three.
struct Registry;

impl Bases for Registry {
    fn config(&self, image: &Reference, _: &Platform) -> ImageConfig {
        let mut config = ImageConfig::empty();
        config.env = [("PATH", PATH)].into_iter().collect();
        match image.familiar().as_str() {
            "withenv" => {
                config.env = [("PATH", "/bin"), ("BASEVAR", "frombase")]
                    .into_iter()
                    .collect();
            }
            "onbuild-copy" => config.triggers = vec!["COPY fromonbuild /".to_owned()],
            "onbuild-copyfrom" => {
                config.triggers = vec!["COPY --from=helper /x /y".to_owned()];
            }
            _ => {}
        }
        config
    }
}

fn text_map(value: &Value) -> BTreeMap<String, String> {
    let pairs = value.as_object().into_iter().flatten();
    pairs
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect()
}

/// BuildKit notes an empty image for every mount without a source; they are no part of the answer.
pub(crate) fn without_mount_artefacts(mut stages: Value) -> Value {
    let rows = stages.as_array_mut().expect("a list");
    let is_artefact = |row: &Value| row["external_only"] == true && row["base_name"] == "scratch";
    let dropped: BTreeSet<u64> = rows
        .iter()
        .filter(|row| is_artefact(row))
        .filter_map(|row| row["index"].as_u64())
        .collect();
    rows.retain(|row| !is_artefact(row));
    for row in rows {
        if let Some(deps) = row["deps"].as_array_mut() {
            deps.retain(|dep| !dep.as_u64().is_some_and(|dep| dropped.contains(&dep)));
        }
    }
    stages
}

fn env(variables: &Variables) -> Value {
    let pairs = variables.iter();
    pairs
        .map(|(name, value)| format!("{name}={}", value.unwrap_or("?")))
        .collect()
}

/// The fields that a row has of an image's configuration; those that say nothing are left out.
fn config(config: &ImageConfig) -> BTreeMap<&'static str, Value> {
    let fields = [
        ("env", env(&config.env)),
        ("labels", json!(config.labels)),
        ("workdir", json!(config.workdir)),
        ("cmd", json!(config.cmd)),
        ("entrypoint", json!(config.entrypoint)),
        ("exposed_ports", json!(config.exposed_ports.names())),
        ("volumes", json!(config.volumes)),
        ("stopsignal", json!(config.stopsignal)),
    ];
    let says_something =
        |value: &Value| !matches!(value.to_string().as_str(), "[]" | "{}" | "\"\"");
    fields
        .into_iter()
        .filter(|(_, value)| says_something(value))
        .collect()
}

fn check(row: &Value) -> Result<(), String> {
    let text = row["dockerfile"].as_str().ok_or("no dockerfile")?;
    let platform = Platform::parse(row["platform"].as_str().unwrap_or("linux/amd64"))
        .map_err(|error| error.to_string())?;
    let ast = parse(text);
    let dockerfile = Dockerfile::new(&ast);
    let request = Request {
        target: row["target"].as_str(),
        build_args: &text_map(&row["build_args"]),
        platform: &platform.normalized(),
        build_platform: &Platform::default(),
        contexts: &BTreeSet::new(),
        bases: &Registry,
    };
    let result = match dockerfile.first_error() {
        Some(error) => Err(shipwright::lang::dockerfile::dump::error(error)),
        None => StageGraph::new(&dockerfile, &request).map_err(|all| report::error(&all[0])),
    };
    match result {
        Err(error) => {
            let mut expected = row["error"].clone();
            if let Some(message) = expected["message"].as_str() {
                let end = message.find(" (did you mean").unwrap_or(message.len());
                expected["message"] = message[..end].into();
            }
            same("error", error, expected)
        }
        Ok(graph) => {
            same("error", &Value::Null, &row["error"])?;
            let expected = &row["expect"];
            same("target", json!(graph.target), expected["target"].clone())?;
            same(
                "stages",
                report::stages(&graph),
                without_mount_artefacts(expected["stages"].clone()),
            )?;
            let mut fields: BTreeMap<&str, Value> = expected
                .as_object()
                .ok_or("no expectation")?
                .iter()
                .map(|(name, value)| (name.as_str(), value.clone()))
                .collect();
            for name in ["stages", "target", "follow_paths"] {
                fields.remove(name);
            }
            same("config", config(&graph.config), fields)
        }
    }
}

#[test]
fn own_rows() {
    check_all("graph", &own("graph/cases.jsonl"), check);
}

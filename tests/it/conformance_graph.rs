//! Stages, as BuildKit answers with a registry in which every image exists.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shipwright::lang::Platform;
use shipwright::lang::Reference;
use shipwright::lang::dockerfile::report;
use shipwright::lang::dockerfile::stages::{
    Bases, ImageConfig, Parents, ReadKind, Request, StageGraph, Variables,
};
use shipwright::lang::dockerfile::{Dockerfile, parse};

use crate::rows::{check_all, own, same};

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// All images exist and set nothing but `PATH`, but for three, and those of the row.
struct Registry<'r> {
    /// By full name, what the row says of images.
    images: &'r Value,
}

impl Bases for Registry<'_> {
    fn config(&self, image: &Reference, platform: &Platform) -> ImageConfig {
        let mut config = ImageConfig::empty();
        if platform.os != "windows" {
            config.env = [("PATH", PATH)].into_iter().collect();
        }
        if let Some(said) = self
            .images
            .get(image.clone().with_default_tag().to_string())
        {
            let texts = |key: &str| -> Vec<&str> {
                let texts = said[key].as_array().into_iter().flatten();
                texts.filter_map(Value::as_str).collect()
            };
            let pairs = texts("env")
                .into_iter()
                .filter_map(|pair| pair.split_once('='));
            config.env = pairs.collect();
            config.triggers = texts("onbuild").into_iter().map(str::to_owned).collect();
            config.workdir = Some(said["workdir"].as_str().unwrap_or_default().to_owned());
            config.user = Some(said["user"].as_str().unwrap_or_default().to_owned());
        }
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

    fn fetches(&self) -> bool {
        false
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
        ("user", json!(config.user)),
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
        bases: &Registry {
            images: &row["images"],
        },
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
            same(
                "target",
                json!(graph.target.get()),
                expected["target"].clone(),
            )?;
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
            // What instructions do with what they read is no matter of a plan.
            for name in ["stages", "target", "follow_paths", "mounts", "run_env"] {
                fields.remove(name);
            }
            // Images for Windows have no variables at all.
            fields.retain(|_, value| !value.is_null());
            if let Some(expected) = fields.remove("copies") {
                same("copies", copies(&graph), sources(&expected))?;
            }
            if let Some(expected) = fields.remove("downloads") {
                same("downloads", downloads(&graph), sorted(&expected))?;
            }
            same("config", config(&graph.config), fields)
        }
    }
}

/// The paths of the context that are copied, each with the patterns of `--parents` and `--exclude`.
fn copies(graph: &StageGraph<'_>) -> BTreeSet<String> {
    let steps = graph.reachable().flat_map(|stage| &stage.steps);
    let sources = steps.flat_map(|step| &step.sources);
    let copied = sources.filter(|source| source.kind != ReadKind::Mount);
    copied
        .map(|source| {
            let excludes: Vec<&str> = source.excludes.iter().map(String::as_str).collect();
            match &source.parents {
                Some(Parents { base, pattern }) => copy(base, &[pattern], &excludes),
                None => copy(source.path.as_deref().unwrap_or("?"), &[], &excludes),
            }
        })
        .collect()
}

fn copy(path: &str, include: &[&str], exclude: &[&str]) -> String {
    format!("{} {include:?} {exclude:?}", path.trim_matches('/'))
}

/// The same of a row. What comes from elsewhere is left out.
fn sources(copies: &Value) -> BTreeSet<String> {
    let texts = |value: &Value| -> Vec<String> {
        let texts = value.as_array().into_iter().flatten();
        texts
            .filter_map(|text| Some(text.as_str()?.to_owned()))
            .collect()
    };
    let copies = copies.as_array().into_iter().flatten();
    copies
        .filter(|copy| copy.get("from").is_none())
        .map(|row| {
            let (include, exclude) = (texts(&row["include"]), texts(&row["exclude"]));
            let path = row["src"].as_str().unwrap_or_default();
            copy(
                path,
                &include.iter().map(String::as_str).collect::<Vec<_>>(),
                &exclude.iter().map(String::as_str).collect::<Vec<_>>(),
            )
        })
        .collect()
}

/// What is fetched, and what it must be, but for where git's folders stay.
fn downloads(graph: &StageGraph<'_>) -> BTreeSet<String> {
    let steps = graph.reachable().flat_map(|stage| &stage.steps);
    let downloads = steps.flat_map(|step| &step.downloads);
    downloads
        .map(|download| {
            let checksum = download.checksum.as_ref();
            let checksum = checksum.map_or_else(String::new, |sum| format!(" checksum={sum}"));
            let text = download.text.split(['?', '#']).next().unwrap_or_default();
            let text = match text.strip_prefix("https://") {
                Some(rest) if download.is_git => format!("git://{rest}"),
                _ => text.to_owned(),
            };
            text + &checksum
        })
        .collect()
}

fn sorted(texts: &Value) -> BTreeSet<String> {
    let texts = texts
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    texts
        .map(|text| text.replace(" keep-git-dir=true", ""))
        .collect()
}

#[test]
fn own_rows() {
    check_all("graph", &own("graph/cases.jsonl"), check);
}

/// Variables, platforms and directives in the corners, as the newest front end has them.
#[test]
fn own_rows_of_variables() {
    let rows = own("graph/env-arg-cases.jsonl");
    check_all("graph, variables", &rows, check);
}

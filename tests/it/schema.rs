//! The schemas that `shipwright schema` prints agree with the program: what it accepts and prints is
//! valid, what it refuses is not, and every key is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use regex::Regex;
use serde_json::{Value, json};
use shipwright::config::Config;
use shipwright::config::lock::Lock;
use shipwright::plan::{Plan, Secret};
use shipwright::planner::{Options, compile};
use shipwright::tree::{File, Snapshot};

use crate::support::files::{checkout, files_below, files_with};
use crate::support::{plans, program, repo};

#[track_caller]
fn schema(which: &str) -> Value {
    let folder = repo::Repo::empty();
    serde_json::from_str(&program::run(&folder, &["schema", which])).unwrap()
}

#[track_caller]
pub(crate) fn validator(which: &str) -> Validator {
    let schema = schema(which);
    jsonschema::meta::validate(&schema).unwrap_or_else(|error| panic!("{which}: {error}"));
    jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{which}: {error}"))
}

#[track_caller]
pub(crate) fn check_valid(validator: &Validator, text: &str, what: &str) {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{what}: {e}"));
    let errors: Vec<String> = validator
        .iter_errors(&value)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}\n{text}");
}

/// The fixtures of all test cases, by path.
pub(crate) fn fixtures() -> Vec<(PathBuf, String)> {
    let mut files = files_below(&checkout("tests/cases"));
    files.retain(|path| path.ends_with("repo.txt"));
    assert!(!files.is_empty());
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path, text)
    };
    files.into_iter().map(read).collect()
}

#[test]
fn lock_files_that_are_accepted_are_valid() {
    let validator = validator("--lock");
    let digest = format!("sha256:{}", "a".repeat(64));
    let platform = json!({"digest": digest, "env": {"PATH": "/bin"}, "onbuild": ["COPY . /x"]});
    let lock = json!({
        "version": 1,
        "images": {"docker.io/library/x:1": {
            "digest": digest,
            "platforms": {"linux/arm/v7": platform, "windows/amd64:10.0.20348": platform},
        }},
        "downloads": {"https://example.com/x": {"checksum": digest, "etag": "x"}},
        "git": {"https://example.com/x.git#v1": {"commit": "b".repeat(40)}},
    });
    let written = Lock::parse(&lock.to_string()).unwrap().lock.to_json();
    check_valid(&validator, &written, "a lock file");
    for (pointer, value) in [
        ("/version", json!(2)),
        ("/images/docker.io~1library~1x:1/digest", json!("sha256:a")),
        ("/git/https:~1~1example.com~1x.git#v1/commit", json!("main")),
        ("/downloads/https:~1~1example.com~1x/etag", json!(1)),
    ] {
        let mut wrong = lock.clone();
        *wrong.pointer_mut(pointer).unwrap() = value;
        assert!(Lock::parse(&wrong.to_string()).is_err(), "{pointer}");
        assert!(!validator.is_valid(&wrong), "{pointer}");
    }
}

#[test]
fn configurations_that_are_accepted_are_valid() {
    let validator = validator("--config");
    let mut count = 0;
    for path in files_with(&checkout("docs/examples"), "json") {
        let text = fs::read_to_string(&path).unwrap();
        check_valid(&validator, &text, &path.to_string_lossy());
        count += 1;
    }
    for (path, fixture) in fixtures() {
        for (name, file) in repo::snapshot_files(&fixture) {
            let File::Plain(bytes) = file else { continue };
            let text = String::from_utf8_lossy(&bytes);
            // With comments it is no JSON for others.
            let is_json = serde_json::from_str::<Value>(&text).is_ok();
            if name.ends_with(".shipwright.json") && is_json && Config::parse(&text).is_ok() {
                check_valid(&validator, &text, &path.to_string_lossy());
                count += 1;
            }
        }
    }
    assert!(count > 10, "{count}");
}

/// Everything that a configuration may say is accepted and valid.
#[test]
fn a_configuration_of_everything() {
    let shared = json!({
        "build_args": {"A": "1"}, "stamp_args": {"V": "{{ revision }}"}, "platforms": ["linux/amd64"],
        "repository": "x/{{ name }}", "tags": ["{{ branch }}"], "labels": {"a": "b"},
        "secrets": [{"id": "a", "env": "A"}, {"id": "b", "src": "b"}, {"id": "c"}], "ssh": ["default"],
        "network": "none", "inputs": ["a/**"], "epoch": "1", "vars": {"a": "1"}, "runners": {"linux/arm64": "a", "linux/amd64": ["a", "b"]},
        "cache_from": ["x"], "cache_to": ["x"], "attest": ["type=sbom"]
    });
    let own = json!({
        "context": ".", "target": "x", "aliases": ["a"], "contexts": {"a": "b"}, "push": false
    });
    let with = |mut object: Value, more: &[&Value]| {
        for more in more {
            let more = more.as_object().unwrap().clone();
            object.as_object_mut().unwrap().extend(more);
        }
        object
    };
    let top = json!({
        "$schema": "./schema.json", "version": 2, "namespace": "a", "names": {"/": "b"},
        "dockerfiles": {"only": ["a"], "also": ["b"], "exclude": ["c"]},
        "rules": [with(json!({"match": "(?<g>.)", "name": "{{ a }}", "for": {"b": ["1", "2"]}, "except": [{"b": "1"}]}), &[&shared, &own])],
        "images": {"x": with(json!({"dockerfile": "a", "for": [{"b": "1"}, {"b": "2"}], "except": [{"b": "1"}]}), &[&shared, &own])},
        "generated": [], "pinned": "internal", "external": ["b/*"], "mirror": "m.example.com", "unlocked": ["local/**"], "default_branch": "trunk",
        "diagnostics": {"pinned": "off", "missing-source": "error", "context-inferred": "warning"}
    });
    let all = with(top, &[&shared]);
    let text = all.to_string();
    Config::parse(&text).unwrap();
    check_valid(&validator("--config"), &text, "everything");
    // And there is nothing else: a wrong key makes the program list the right ones.
    let schema = schema("--config");
    let top = &schema["then"];
    check_keys(&json!({}), "", &all, top);
    check_keys(
        &json!({"rules": [{"match": "."}]}),
        "/rules/0",
        &all,
        &top["properties"]["rules"]["items"],
    );
    check_keys(
        &json!({"images": {"x": {}}}),
        "/images/x",
        &all,
        &top["properties"]["images"]["additionalProperties"],
    );
    check_keys(
        &json!({"secrets": [{"id": "x"}]}),
        "/secrets/0",
        &all,
        &top["properties"]["secrets"]["items"],
    );
}

/// The program, the schema and `all` know the same keys of the object at that place.
#[track_caller]
fn check_keys(config: &Value, place: &str, all: &Value, schema: &Value) {
    let mut config = config.clone();
    config["version"] = json!(2);
    config.pointer_mut(place).unwrap()["ßßßßßßßßßßßß"] = json!(1);
    let errors = Config::parse(&config.to_string()).unwrap_err();
    let help = errors.iter().flat_map(|error| &error.help);
    let listed = Regex::new("^known keys: (.*)$").unwrap();
    let listed = help.filter_map(|line| Some(listed.captures(line)?[1].to_owned()));
    let known: String = listed.collect();
    let mut known: BTreeSet<&str> = known.split(", ").collect();
    let keys = |value: &Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    if place.is_empty() {
        known.insert("$schema");
    }
    let known: BTreeSet<String> = known.into_iter().map(str::to_owned).collect();
    assert_eq!(keys(&schema["properties"]), known, "{place}");
    if place != "/secrets/0" {
        assert_eq!(keys(all.pointer(place).unwrap()), known, "{place}");
    }
}

/// What the program refuses for its form is not valid either.
#[test]
fn configurations_that_are_refused_are_not_valid() {
    let validator = validator("--config");
    for text in [
        "[]",
        r#"{"version": 3}"#,
        r#"{"version": "2"}"#,
        r#"{"platforms": []}"#,
        r#"{"version": 1, "images": {}}"#,
        r#"{"names": {"a": 1}}"#,
        r#"{"version": 2, "namspace": "a"}"#,
        r#"{"version": 2, "namespace": 1}"#,
        r#"{"version": 2, "rules": [{"name": "x"}]}"#,
        r#"{"version": 2, "rules": [{"match": ".", "dockerfile": "x"}]}"#,
        r#"{"version": 2, "rules": {}}"#,
        r#"{"version": 2, "images": {"x": {"match": "x"}}}"#,
        r#"{"version": 2, "images": {"x": {"push": "no"}}}"#,
        r#"{"version": 2, "images": {"x": {"$schema": "x"}}}"#,
        r#"{"version": 2, "images": []}"#,
        r#"{"version": 2, "push": false}"#,
        r#"{"version": 2, "vars": {"dotnet": 8.10}}"#,
        r#"{"version": 2, "rules": [{"match": ".", "for": {"a": "b"}}]}"#,
        r#"{"version": 2, "rules": [{"match": ".", "for": [["b"]]}]}"#,
        r#"{"version": 2, "images": {"x": {"push": "tags"}}}"#,
        r#"{"version": 2, "runners": {"linux/arm64": 1}}"#,
        r#"{"version": 2, "diagnostics": {"cycle": "warning"}}"#,
        r#"{"version": 2, "diagnostics": {"pinned": "loud"}}"#,
        r#"{"version": 2, "pinned": "no"}"#,
        r#"{"version": 2, "dockerfiles": ["a"]}"#,
        r#"{"version": 2, "dockerfiles": {"onyl": ["a"]}}"#,
        r#"{"version": 2, "secrets": [{"env": "A"}]}"#,
        r#"{"version": 2, "secrets": [{"id": "a", "env": "A", "src": "a"}]}"#,
        r#"{"version": 2, "tags": "latest"}"#,
        r#"{"version": 2, "build_args": {"A": 1}}"#,
        r#"{"version": 2, "platforms": ["linux/amd64", 1]}"#,
    ] {
        assert!(Config::parse(text).is_err(), "{text}");
        let value = serde_json::from_str(text).unwrap();
        assert!(!validator.is_valid(&value), "{text}");
    }
}

#[test]
fn plans_are_valid() {
    let validator = validator("--plan");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/6sense/plan.json");
    check_valid(&validator, &fs::read_to_string(golden).unwrap(), "6sense");
    let mut count = 0;
    for (path, fixture) in fixtures() {
        let files = repo::snapshot_files(&fixture);
        let config = match files.get(".shipwright.json") {
            Some(File::Plain(bytes)) => {
                Config::parse(&String::from_utf8_lossy(bytes)).unwrap_or_default()
            }
            _ => Config::default(),
        };
        let files = files
            .iter()
            .map(|(path, file)| (path.as_str(), file.clone()));
        let snapshot = Snapshot::of_files(None, files);
        let outcome = compile(&snapshot, &config, &Options::default(), None);
        if let Some(compiled) = outcome.value() {
            check_valid(
                &validator,
                &compiled.plan.to_json(),
                &path.to_string_lossy(),
            );
            count += 1;
        }
    }
    assert!(count > 5, "{count}");
}

/// A plan in which nothing is at its default has every key of the schema, and no other.
#[test]
fn a_plan_of_everything() {
    let mut plan: Plan = plans::plan("x", "python app<python");
    plan.source.epoch = "one".to_owned();
    plan.source.options.no_default_tags = true;
    let image = plan.images.last_mut().unwrap();
    let one = || vec!["a".to_owned()];
    image.contexts.insert("a".to_owned(), "b".to_owned());
    image.bases.insert("a".to_owned(), "b".to_owned());
    image.sources.insert("a".to_owned(), "b".to_owned());
    image.secrets = vec![Secret {
        id: "a".to_owned(),
        env: Some("A".to_owned()),
        src: None,
    }];
    (image.ssh, image.cache_from, image.cache_to, image.attest) = (one(), one(), one(), one());
    image.network = "none".to_owned();
    image.runners.insert("linux/arm64".to_owned(), one());
    (image.no_cache, image.push, image.dirty, image.onbuild) = (true, false, true, true);
    image.push_content = true;
    image.inputs = "0".repeat(40);
    image.dependencies[0].content = Some("x".to_owned());
    image.dependencies[0]
        .across
        .insert("linux/amd64".to_owned(), one());
    let text = plan.to_json();
    let mut value: Value = serde_json::from_str(&text).unwrap();
    value["images"][0]["inputs"] = json!("0".repeat(40));
    check_valid(&validator("--plan"), &value.to_string(), "everything");
    let schema = schema("--plan");
    check_all_keys(&value, &schema);
    check_all_keys(&value["source"], &schema["properties"]["source"]);
    check_all_keys(&value["images"][1], &schema["$defs"]["image"]);
    check_all_keys(
        &value["images"][1]["dependencies"][0],
        &schema["$defs"]["dependency"],
    );
}

/// What was written has the keys of an object's schema, all of them and no other.
#[track_caller]
fn check_all_keys(written: &Value, schema: &Value) {
    let keys = |value: &Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(keys(written), keys(&schema["properties"]));
}

/// What is valid no longer is with this value at that place.
#[track_caller]
fn check_refused(validator: &Validator, valid: &Value, place: &str, value: Value) {
    let mut wrong = valid.clone();
    *wrong.pointer_mut(place).unwrap() = value;
    assert!(!validator.is_valid(&wrong), "{place}");
}

#[test]
fn what_is_no_plan_is_not_valid() {
    let validator = validator("--plan");
    let plan: Value =
        serde_json::from_str(&plans::plan("x", "python app<python").to_json()).unwrap();
    for (place, value) in [
        ("/version", json!(2)),
        ("/source/revision", json!("main")),
        ("/source/timestamp", json!("now")),
        ("/images", json!({})),
        ("/images/0/fingerprint", json!("0123")),
        ("/images/0/reference", json!("x:latest")),
        ("/images/0/wave", json!(-1)),
        ("/images/0/action", json!("skip")),
        ("/images/1/dependencies/0/via", json!(null)),
    ] {
        check_refused(&validator, &plan, place, value);
    }
}

/// The example in the documentation is valid and has every key of the schema, and no other.
#[test]
fn the_report_that_the_documentation_shows() {
    let page = fs::read_to_string(checkout("docs/running.md")).unwrap();
    let example = page.split("```json\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let validator = validator("--report");
    check_valid(&validator, example, "docs/running.md");
    let report: Value = serde_json::from_str(example).unwrap();
    let schema = schema("--report");
    check_all_keys(&report, &schema);
    check_all_keys(&report["images"][0], &schema["$defs"]["image"]);
    check_all_keys(&report["problems"][0], &schema["$defs"]["problem"]);
    for (place, value) in [
        ("/version", json!(2)),
        ("/revision", json!("main")),
        ("/start", json!("yesterday")),
        ("/images/0/outcome", json!("re-tagged")),
        ("/images/0/reference", json!("x:latest")),
        ("/images/0/time", json!("1 s")),
        ("/images/0/tags", json!(null)),
        ("/problems/0/severity", json!("fatal")),
    ] {
        check_refused(&validator, &report, place, value);
    }
}

/// Each schema has an identity of its own.
#[test]
fn schemas_have_different_ids() {
    let all = ["--config", "--plan", "--lock", "--report"];
    let ids: BTreeSet<String> = all
        .into_iter()
        .map(|which| schema(which)["$id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), all.len());
}

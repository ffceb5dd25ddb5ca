//! What `check --format sarif` writes, against the schema that OASIS published.

use std::fs;
use std::path::Path;
use std::process::Command;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::schema::{check_valid, fixtures};
use crate::support::files::checkout;
use crate::support::program::shipwright;
use crate::support::repo::Repo;
use crate::support::skip::skip;

/// The published schema, from a crate that is fetched for it, or nothing but a loud line.
fn published() -> Option<Value> {
    let manifest = checkout("tools/schemas/Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--locked", "--format-version=1"])
        .arg("--manifest-path")
        .arg(&manifest)
        .output()
        .expect("cargo runs this test");
    if !output.status.success() {
        skip("the schema of SARIF (`cargo fetch --manifest-path tools/schemas/Cargo.toml`)");
        return None;
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut packages = metadata["packages"].as_array().unwrap().iter();
    let package = packages.find(|package| package["name"] == "serde-sarif");
    let package = Path::new(package.unwrap()["manifest_path"].as_str().unwrap());
    let schema = fs::read_to_string(package.with_file_name("src/schema.json")).unwrap();
    Some(serde_json::from_str(&schema).unwrap())
}

fn validator() -> Option<Validator> {
    let mut schema = published()?;
    // The published pattern of languages has a bracket too many. No log of ours names a language.
    for definition in ["run", "toolComponent"] {
        let language = format!("/definitions/{definition}/properties/language");
        let language = schema.pointer_mut(&language).unwrap();
        let pattern = language.as_object_mut().unwrap().remove("pattern");
        assert_eq!(
            pattern,
            Some(json!("^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$"))
        );
    }
    Some(jsonschema::validator_for(&schema).unwrap())
}

/// The log of a repository in its working tree, seen from a folder.
#[track_caller]
fn log(repo: &Repo, folder: &str) -> String {
    let mut command = shipwright(repo, folder);
    let output = command.args(["check", "--format", "sarif"]).output();
    let output = output.expect("the program was built");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Every repository of the test cases, whatever is wrong with it.
#[test]
fn logs_are_valid() {
    let Some(validator) = validator() else {
        return;
    };
    let (mut results, mut places) = (0, 0);
    for (path, fixture) in fixtures() {
        let repo = Repo::empty();
        repo.write(&fixture);
        let text = log(&repo, ".");
        check_valid(&validator, &text, &path.to_string_lossy());
        let log: Value = serde_json::from_str(&text).unwrap();
        let all = log["runs"][0]["results"].as_array().unwrap();
        results += all.len();
        places += all
            .iter()
            .filter(|one| one["locations"] != json!([]))
            .count();
    }
    assert!(results > 50 && places > 30, "{results}, {places}");
}

#[test]
fn what_the_standard_forbids_is_not_valid() {
    let Some(validator) = validator() else {
        return;
    };
    let repo = Repo::new("//- a b/Dockerfile\nFROM x\nWORKDR /x\n");
    let text = log(&repo, ".");
    check_valid(&validator, &text, "a syntax error");
    let log: Value = serde_json::from_str(&text).unwrap();
    let place = "/runs/0/results/0/locations/0/physicalLocation";
    for (pointer, value) in [
        ("/version", json!("2.2.0")),
        ("/runs/0/tool/driver/name", json!(null)),
        ("/runs/0/tool/driver/rules/0/id", json!(1)),
        ("/runs/0/results/0/level", json!("fatal")),
        ("/runs/0/results/0/ruleIndex", json!(-2)),
        ("/runs/0/results/0/message", json!("text")),
        (&format!("{place}/region/startLine"), json!(0)),
        (&format!("{place}/artifactLocation/uri"), json!("a b")),
    ] {
        let mut wrong = log.clone();
        let at = wrong.pointer_mut(pointer);
        *at.unwrap_or_else(|| panic!("{pointer}: {text}")) = value;
        assert!(!validator.is_valid(&wrong), "{pointer}");
    }
}

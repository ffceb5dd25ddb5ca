//! What is emitted for real and for large repositories is what the tools read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;

use serde_json::Value;
use shipwright::plan::{Image, Plan};
use shipwright::run::emit::{Files, Format, emit};
use tempfile::TempDir;

use super::bake;
use super::fixture::{image, plan};
use super::tools::reads;
use crate::support::corpus::Corpus;
use crate::support::program;

const DRY_RUN: [&str; 4] = ["make", "--dry-run", "--warn-undefined-variables", "-f"];

#[test]
fn docker_selenium() {
    check("SeleniumHQ+docker-selenium");
}

#[test]
fn oss_fuzz() {
    check("google+oss-fuzz");
}

#[test]
fn docker_stacks() {
    check("jupyter+docker-stacks");
}

#[test]
fn notebooks() {
    check("kubeflow+notebooks");
}

#[test]
fn lagoon_images() {
    check("uselagoon+lagoon-images");
}

/// make, two shells, shellcheck and bake accept what is emitted for a repository of the corpus, and
/// see every image of it; each line for GitHub is a name and JSON.
#[track_caller]
fn check(name: &str) {
    let Some(Corpus { repo, .. }) = Corpus::new(name) else {
        return;
    };
    let text = program::run(&repo, &["plan"]);
    let plan = Plan::from_json(&text).expect("a plan");
    let folder = TempDir::with_prefix("shipwright-emit-").expect("a temporary folder");
    for (format, file) in [(Format::Make, "Makefile"), (Format::Sh, "build.sh")] {
        fs::write(
            folder.path().join(file),
            emit(&plan, &Files::default(), format).unwrap(),
        )
        .unwrap();
    }
    for words in [
        &["dash", "-n"][..],
        &["busybox", "sh", "-n"],
        &["shellcheck"],
    ] {
        reads(words, folder.path(), "build.sh");
    }
    if let Some(printed) = reads(&DRY_RUN, folder.path(), "Makefile") {
        check_commands(&printed, &plan.images);
    }

    if let Some(printed) = bake::print(&emit(&plan, &Files::default(), Format::Bake).unwrap(), &[])
    {
        let targets = printed["target"].as_object().expect("targets");
        let tags = targets
            .values()
            .filter_map(|target| target["tags"].as_array());
        let tags: Vec<&str> = tags.flatten().filter_map(Value::as_str).collect();
        for image in &plan.images {
            assert!(tags.contains(&&*image.reference), "{}", image.reference);
        }
    }

    let github = emit(&plan, &Files::default(), Format::Github).unwrap();
    let outputs: BTreeMap<&str, Value> = github
        .lines()
        .map(|line| {
            let (name, value) = line.split_once('=').expect("a name and a value");
            (name, serde_json::from_str(value).expect("JSON"))
        })
        .collect();
    let matrices = outputs
        .values()
        .filter_map(|value| value["include"].as_array());
    let jobs = matrices
        .flatten()
        .filter_map(|job| job["reference"].as_str());
    let mut built: Vec<&str> = jobs.flat_map(|references| references.split(' ')).collect();
    built.sort_unstable();
    // Two names of one content have one job.
    let references = plan.images.iter().map(|image| &*image.reference);
    let references: BTreeSet<&str> = references.collect();
    assert_eq!(built, references.into_iter().collect::<Vec<_>>());
}

/// Every image is built by a command, and no command is longer than Linux lets an argument be: make
/// passes each to `sh -c`.
#[track_caller]
fn check_commands(printed: &str, images: &[Image]) {
    const LONGEST: usize = 128 * 1024;
    let commands = printed.replace("\\\n", "");
    for command in commands.lines() {
        let start: String = command.chars().take(100).collect();
        assert!(command.len() < LONGEST, "{} bytes: {start}", command.len());
    }
    for image in images {
        let tag = format!("--tag {}", image.reference);
        assert!(commands.contains(&tag), "{}", image.reference);
    }
}

#[test]
fn thousands_of_images_fit_the_command_lines_of_make() {
    let images = (0..3000).map(|number| {
        let mut folder = String::new();
        for depth in 0..4 {
            let _ = write!(folder, "a-folder-of-some-depth-{depth}/");
        }
        image(&format!("x/i{number}"), &format!("{folder}{number}"), &[])
    });
    let plan = plan(&"0".repeat(40), images.collect());
    let folder = TempDir::with_prefix("shipwright-emit-").expect("a temporary folder");
    let text = emit(&plan, &Files::default(), Format::Make).unwrap();
    fs::write(folder.path().join("Makefile"), text).unwrap();
    if let Some(printed) = reads(&DRY_RUN, folder.path(), "Makefile") {
        check_commands(&printed, &plan.images);
    }
}

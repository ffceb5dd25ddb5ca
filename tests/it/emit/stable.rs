//! Bake files to commit, beside the bake files that real repositories keep by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::corpus::Corpus;
use crate::support::engine::try_docker;
use crate::support::program;
use crate::support::skip::skip;

/// An image as a bake file has it: its Dockerfile and stage.
type Target = (PathBuf, Option<String>);

/// A path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(normal.pop()),
            part => normal.push(part),
        }
    }
    normal
}

/// The targets of a bake file, each with those that it is linked to, as bake itself reads the file.
#[track_caller]
fn links(folder: &Path, file: &str) -> BTreeMap<Target, BTreeSet<Target>> {
    let output = Command::new("docker")
        .args(["buildx", "bake", "-f", file, "--print"])
        .current_dir(folder)
        .output()
        .expect("docker was there");
    program::succeeded(&["bake", file], &output);
    let printed: Value = serde_json::from_slice(&output.stdout).expect("bake prints JSON");
    let targets = printed["target"].as_object().expect("targets");
    let target = |name: &str| -> Target {
        let target = &targets[name];
        let text = |key: &str, otherwise| target[key].as_str().unwrap_or(otherwise);
        let dockerfile = Path::new(text("context", ".")).join(text("dockerfile", "Dockerfile"));
        let stage = target["target"].as_str().map(str::to_owned);
        (normal(&dockerfile), stage)
    };
    let linked = |(name, value): (&String, &Value)| {
        let contexts = value["contexts"].as_object().into_iter().flatten();
        let linked = contexts.filter_map(|(_, value)| value.as_str()?.strip_prefix("target:"));
        (target(name), linked.map(target).collect())
    };
    targets.iter().map(linked).collect()
}

#[track_caller]
fn check(name: &str, file: &str, expected: usize) {
    if try_docker(&["buildx", "version"]).is_err() {
        return skip("docker buildx");
    }
    let Some(Corpus { repo, .. }) = Corpus::new(name) else {
        return;
    };
    let committed = ["emit", "bake", "--stable", "-q", "-o", "stable.hcl"];
    program::run(&repo, &committed);
    let (theirs, ours) = (links(repo.path(), file), links(repo.path(), "stable.hcl"));
    assert_eq!(ours, theirs, "{name}");
    assert_eq!(ours.values().map(BTreeSet::len).sum::<usize>(), expected);
}

#[test]
fn isle_buildkit_links_as_its_own_bake_file_does() {
    check("Islandora-Devops+isle-buildkit", "docker-bake.hcl", 32);
}

#[test]
fn mailu_links_as_its_own_bake_file_does() {
    check("Mailu+Mailu", "tests/build.hcl", 12);
}

#[test]
fn lagoon_images_link_as_their_own_bake_file_does() {
    check("uselagoon+lagoon-images", "docker-bake.hcl", 76);
}

//! The bake and Compose files below `tests/cases/evidence`, one repository a file: each key of each target and service is in what
//! `init` writes, or it is told of; and what `emit bake` makes of that is printed by bake as the original is, but for tags and for
//! what was told of.
//!
//! ```text
//! # what is special
//! # files: those that `init` is given, where it does not find them by itself
//! //- the files of the repository
//! ```

mod printed;
mod told;
mod written;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::evaluate::tools;
use crate::support::program;
use crate::support::repo::Repo;
use printed::Printed;
use told::Told;
use written::{Block, Written};

/// How many repositories there are at least.
const MANY: usize = 30;

/// Keys that say nothing of a build: what they mean is in the targets themselves, and tags are names.
const NO_PART: [&str; 6] = [
    "name",
    "matrix",
    "inherits",
    "tags",
    "context",
    "dockerfile",
];

struct Case {
    name: String,
    repo: Repo,
    /// The files that `init` is given.
    given: Vec<String>,
}

impl Case {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let (head, fixture) = text.split_at(text.find("//- ").expect("a file"));
        let given = head
            .lines()
            .filter_map(|line| line.strip_prefix("# files: "));
        Self {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            repo: Repo::new(fixture),
            given: given
                .flat_map(str::split_whitespace)
                .map(str::to_owned)
                .collect(),
        }
    }

    /// The files that are evidence, in the order in which their tool merges them.
    fn files(&self) -> Vec<String> {
        if !self.given.is_empty() {
            return self.given.clone();
        }
        let usual = [
            "docker-bake.json",
            "docker-bake.hcl",
            "docker-bake.override.hcl",
            "compose.yaml",
            "compose.yml",
            "docker-compose.yml",
            "docker-compose.override.yml",
        ];
        let there = usual
            .into_iter()
            .filter(|name| self.repo.join(name).is_file());
        there.map(str::to_owned).collect()
    }

    /// What is wrong, a line each.
    fn check(&self) -> Vec<String> {
        let files = self.files();
        let written = Written::read(&self.repo, &files);
        let original = Printed::of_files(&self.repo, &files, &written);
        let told = Told::by_init(&self.repo, &self.given);
        self.repo.commit("Configure");
        let emitted = program::run(&self.repo, &["emit", "bake"]);
        let plan = program::run(&self.repo, &["plan", "--format", "json"]);
        let plan: Value = serde_json::from_str(&plan).unwrap();
        fs::write(self.repo.join("emitted.hcl"), emitted).unwrap();
        let emitted = Printed::of_plan(&self.repo, "emitted.hcl");

        let mut wrong = Vec::new();
        for block in &written.blocks {
            let lineage = written.lineage(&block.label);
            let lost = |key: &str, of: &str| {
                (!told.of_key(key, &lineage))
                    .then(|| format!("`{key}` of `{of}` is neither carried over nor told of"))
            };
            let targets = original.members(&block.label);
            assert!(!targets.is_empty(), "{}: {}", self.name, block.label);
            let mut built = Vec::new();
            for target in targets {
                if told.is_skipped(&target) || told.is_skipped(&block.label) {
                    continue;
                }
                let Some(image) = told.image(&target) else {
                    let says = |keys: &[&str]| keys.iter().any(|key| block.has(key));
                    let is_own = says(&["tags"]) && says(&["context", "dockerfile", "target"]);
                    if is_own || !written.is_parent(block) {
                        wrong.push(format!("`{target}` is neither an image nor told of"));
                    }
                    continue;
                };
                let image = image_of(&plan, image);
                let made = emitted.made_of(image);
                let (before, after) = (original.target(&target), emitted.target(&made));
                let missing = before.missing_in(&after, &self.repo, &told, &target);
                wrong.extend(missing.iter().filter_map(|key| lost(key, &target)));
                let invented = after.inventions(&before).into_iter();
                wrong.extend(invented.map(|what| format!("{what} of `{target}` is invented")));
                built.push((before, image));
            }
            if built.is_empty() {
                continue;
            }
            wrong.extend(
                unprinted(block, &built)
                    .iter()
                    .filter_map(|key| lost(key, &block.label)),
            );
        }
        wrong
    }
}

/// The keys of a block that the print of none of its targets has, and that no image has either.
fn unprinted<'b>(block: &'b Block, built: &[(printed::Target<'_>, &Value)]) -> Vec<&'b str> {
    let keys = block.keys.iter().map(String::as_str);
    let keys = keys.filter(|key| !NO_PART.contains(key));
    keys.filter(|key| {
        !built.iter().any(|(target, image)| {
            let word = if *key == "secret" { "secrets" } else { key };
            let is_in_plan = matches!(*key, "network" | "ssh" | "secret" | "secrets" | "platforms")
                && !image[word].is_null();
            target.has(key) || is_in_plan
        })
    })
    .collect()
}

#[track_caller]
fn image_of<'p>(plan: &'p Value, name: &str) -> &'p Value {
    let images = plan["images"].as_array().expect("a plan has images");
    let found = images.iter().find(|image| image["name"] == name);
    found.unwrap_or_else(|| panic!("the plan has no image `{name}`"))
}

fn check_all(begin: &str) -> usize {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/evidence");
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut wrong = String::new();
    for path in paths.iter().map(PathBuf::as_path) {
        let case = Case::read(path);
        if !case.name.starts_with(begin) {
            continue;
        }
        for line in case.check() {
            let _ = writeln!(wrong, "{}: {line}", case.name);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    paths.len()
}

#[test]
fn bake_files_are_carried_over_or_told_of() {
    if tools() {
        assert!(check_all("bake-") >= MANY);
    }
}

#[test]
fn compose_files_are_carried_over_or_told_of() {
    if tools() {
        assert!(check_all("compose-") >= MANY);
    }
}

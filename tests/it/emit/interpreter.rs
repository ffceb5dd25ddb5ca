//! Pipelines of CI systems, whatever their files look like: jobs with what each needs, and an interpreter that
//! runs them in the orders that a system may take.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use shipwright::plan::{Action, Image, Plan};

use super::fixture::{image, plan};
use crate::support::generate::Random;
use crate::support::skip::skip;

pub(super) const PLATFORMS: [&str; 2] = ["linux/amd64", "linux/arm64/v8"];

/// The jobs of a pipeline, as GitLab sees them.
pub(crate) struct Pipeline {
    pub(crate) stages: Vec<String>,
    pub(crate) jobs: BTreeMap<String, Job>,
}

pub(crate) struct Job {
    pub(crate) stage: usize,
    /// None where it waits for all stages before its own.
    pub(crate) needs: Option<BTreeSet<String>>,
    pub(crate) tags: Value,
    pub(crate) script: String,
}

impl Pipeline {
    /// The jobs that must have ended before another begins.
    pub(crate) fn before(&self, name: &str) -> BTreeSet<&str> {
        let job = &self.jobs[name];
        let earlier = || {
            let earlier = self
                .jobs
                .iter()
                .filter(|(_, other)| other.stage < job.stage);
            earlier.map(|(name, _)| name.as_str()).collect()
        };
        job.needs
            .as_ref()
            .map_or_else(earlier, |needs| needs.iter().map(String::as_str).collect())
    }
}

/// The words that a shell makes of a script's only line.
#[track_caller]
pub(super) fn words(script: &str) -> Vec<String> {
    let output = Command::new("sh")
        .args([
            "-c",
            &format!("shipwright() {{ printf '%s\\0' \"$@\"; }}; {script}"),
        ])
        .output()
        .expect("there is a shell");
    assert!(output.status.success(), "{script}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// A random plan of images for one platform or two.
pub(super) fn random_plan(random: &mut Random) -> Plan {
    let count = 2 + random.below(13);
    let mut images: Vec<Image> = Vec::new();
    for number in 0..count {
        let needed: BTreeSet<usize> = (0..random.below(4).min(number))
            .map(|_| random.below(number))
            .collect();
        let names: Vec<String> = needed.iter().map(|&at| images[at].name.clone()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut made = image(&format!("x/{number}"), "a", &names);
        for dependency in &mut made.dependencies {
            if random.one_in(4) {
                let all = PLATFORMS.map(str::to_owned);
                dependency.across = BTreeMap::from([(all[0].clone(), all.to_vec())]);
            }
        }
        made.wave = needed
            .iter()
            .map(|&at| images[at].wave + 1)
            .max()
            .unwrap_or(0);
        let platforms = &PLATFORMS[..random.below(3)];
        made.platforms = platforms
            .iter()
            .map(|&platform| platform.to_owned())
            .collect();
        if random.one_in(5) {
            made.action = Action::Retag;
        }
        images.push(made);
    }
    images.sort_by(|a, b| (a.wave, &a.name).cmp(&(b.wave, &b.name)));
    plan(&"0".repeat(40), images)
}

/// Runs the jobs in an order that the pipeline allows, each for a random time, as many at once as there may
/// be; some fail, and are run again. At its start, all that a job takes must have been built. Gives how long
/// it took, and how long the longest chain of bases takes.
#[track_caller]
pub(super) fn run(plan: &Plan, pipeline: &Pipeline, random: &mut Random) -> (u64, u64) {
    let mut ends: BTreeMap<&str, u64> = BTreeMap::new();
    let mut built: BTreeMap<Part, u64> = BTreeMap::new();
    let mut chains: BTreeMap<Part, u64> = BTreeMap::new();
    while ends.len() < pipeline.jobs.len() {
        let ready: Vec<&str> = pipeline
            .jobs
            .keys()
            .map(String::as_str)
            .filter(|name| !ends.contains_key(name))
            .filter(|name| {
                pipeline
                    .before(name)
                    .iter()
                    .all(|need| ends.contains_key(need))
            })
            .collect();
        assert!(!ready.is_empty(), "the pipeline does not end");
        let name = ready[random.below(ready.len())];
        let start = pipeline.before(name).iter().map(|need| ends[need]).max();
        let start = start.unwrap_or(0);
        // A job that fails is run again, after the same jobs.
        let duration = 1 + random.next() % 100 * if random.one_in(4) { 2 } else { 1 };
        ends.insert(name, start + duration);
        if name == "tags" {
            let all = plan
                .images
                .iter()
                .filter(|image| image.action != Action::Retag);
            let parts: usize = all.map(|image| image.platforms.len().max(1)).sum();
            assert_eq!(built.len(), parts, "each part is built once");
            continue;
        }
        let part = part_of(&pipeline.jobs[name].script);
        let image = plan.images.iter().find(|image| image.reference == part.0);
        let image = image.expect("an image of the plan");
        let mut longest = 0;
        for part in needed(plan, image, part.1.as_deref()) {
            let end = built
                .get(&part)
                .unwrap_or_else(|| panic!("{name} lacks {part:?}"));
            assert!(*end <= start, "{name} begins before {part:?} is there");
            longest = longest.max(chains[&part]);
        }
        chains.insert(part.clone(), longest + duration);
        assert!(
            built.insert(part, start + duration).is_none(),
            "{name} twice"
        );
    }
    let builds = ends.iter().filter(|(name, _)| **name != "tags");
    let makespan = builds.map(|(_, end)| *end).max().unwrap_or(0);
    (makespan, chains.values().copied().max().unwrap_or(0))
}

/// What a job builds: the content reference of an image, and a platform where it has several.
pub(super) type Part = (String, Option<String>);

/// What a job with that script builds. Nothing in the script is quoted.
#[track_caller]
pub(super) fn part_of(script: &str) -> Part {
    let mut words = script.split(' ');
    let platform = words
        .clone()
        .find_map(|word| word.strip_prefix("--only-platform="));
    let reference = words.next_back().expect("a reference");
    (reference.to_owned(), platform.map(str::to_owned))
}

/// The parts that must be there before an image is built for a platform.
#[track_caller]
pub(super) fn needed(plan: &Plan, image: &Image, platform: Option<&str>) -> Vec<Part> {
    let mut parts = Vec::new();
    for dependency in &image.dependencies {
        let base = plan.image(&dependency.image).expect("in the plan");
        if base.action == Action::Retag {
            continue;
        }
        let own = base
            .platforms
            .iter()
            .find(|asked| Some(asked.as_str()) == platform)
            .filter(|asked| !dependency.across.contains_key(*asked));
        let platforms: Vec<Option<String>> = match own {
            Some(own) => vec![Some(own.clone())],
            None if base.platforms.is_empty() => vec![None],
            None => base.platforms.iter().cloned().map(Some).collect(),
        };
        parts.extend(
            platforms
                .into_iter()
                .map(|one| (base.reference.clone(), one)),
        );
    }
    parts
}

/// Every file is what the JSON Schema of a CI system describes. The schemas are those of the package
/// check-jsonschema.
#[track_caller]
pub(super) fn check_schema(name: &str, texts: &[String]) {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/lib");
    let schema = fs::read_dir(&programs).ok().and_then(|mut entries| {
        let python = entries.next()?.ok()?.path();
        let vendor = "site-packages/check_jsonschema/builtin_schemas/vendor";
        fs::read_to_string(python.join(vendor).join(format!("{name}.json"))).ok()
    });
    let Some(schema) = schema else {
        return skip(
            "the schemas of CI systems: the package check-jsonschema in target/tools, as .ci/run installs it",
        );
    };
    let schema = serde_json::from_str(&schema).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for text in texts {
        let file: Value = serde_norway::from_str(text).unwrap();
        let problems: Vec<String> = validator
            .iter_errors(&file)
            .map(|e| e.to_string())
            .collect();
        assert_eq!(problems, Vec::<String>::new(), "{text}");
    }
}

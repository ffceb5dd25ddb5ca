//! How long the jobs of real repositories take by what is emitted, with random durations and a machine for each
//! job: those of GitLab, Buildkite and `CircleCI`, which need exactly the jobs of their bases, and the waves of
//! GitHub. `docs/performance.md` has the figures.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use shipwright::plan::Plan;
use shipwright::run::emit::{Files, Format, Gitlab, emit, emit_gitlab};

use super::github::{self, groups};
use super::gitlab;
use super::interpreter::{Part, Pipeline, needed, part_of};
use crate::support::corpus::Corpus;
use crate::support::generate::Random;
use crate::support::program;

const REPOSITORIES: [&str; 12] = [
    "Islandora-Devops+isle-buildkit",
    "Mailu+Mailu",
    "SeleniumHQ+docker-selenium",
    "confluentinc+cp-docker-images",
    "dotnet+dotnet-buildtools-prereqs-docker",
    "google+oss-fuzz",
    "jupyter+docker-stacks",
    "kubeflow+notebooks",
    "osrf+docker_images",
    "runpod+containers",
    "trinodb+docker-images",
    "uselagoon+lagoon-images",
];

/// How often durations are drawn for each repository.
const ROUNDS: u64 = 100;

/// The most that exact needs may take, as a multiple of the critical path.
const MOST: f64 = 1.05;

/// How long each part takes, in seconds.
type Durations = BTreeMap<Part, u64>;

/// From ten seconds to eleven minutes, short ones as likely as long ones.
fn durations(plan: &Plan, random: &mut Random) -> Durations {
    let parts = plan.images.iter().flat_map(parts);
    parts
        .map(|part| {
            let least = 10 << random.below(6);
            (part, least + random.next() % least)
        })
        .collect()
}

fn parts(image: &shipwright::plan::Image) -> Vec<Part> {
    let of = |platform| (image.reference.clone(), platform);
    match &image.platforms[..] {
        [] => vec![of(None)],
        several => several.iter().cloned().map(Some).map(of).collect(),
    }
}

/// The longest chain of bases, from the plan alone.
fn critical_path(plan: &Plan, durations: &Durations) -> u64 {
    let mut chains: BTreeMap<Part, u64> = BTreeMap::new();
    for image in &plan.images {
        for part in parts(image) {
            let needed = needed(plan, image, part.1.as_deref());
            let longest = needed.iter().map(|part| chains[part]).max();
            chains.insert(part.clone(), longest.unwrap_or(0) + durations[&part]);
        }
    }
    chains.values().copied().max().unwrap_or(0)
}

/// When the last job that builds ends, each one started when those that it needs have ended.
fn makespan(pipeline: &Pipeline, durations: &Durations) -> u64 {
    let mut ends: BTreeMap<&str, u64> = BTreeMap::new();
    let jobs: Vec<&str> = pipeline.jobs.keys().map(String::as_str).collect();
    let before: BTreeMap<&str, _> = jobs
        .iter()
        .map(|job| (*job, pipeline.before(job)))
        .collect();
    let mut waiting: Vec<&str> = jobs.into_iter().filter(|job| *job != "tags").collect();
    while !waiting.is_empty() {
        let count = waiting.len();
        waiting.retain(|job| {
            let needs: Option<Vec<u64>> = before[job]
                .iter()
                .map(|need| ends.get(need).copied())
                .collect();
            let Some(needs) = needs else { return true };
            let duration = durations[&part_of(&pipeline.jobs[*job].script)];
            let start = needs.into_iter().max().unwrap_or(0);
            ends.insert(job, start + duration);
            false
        });
        assert!(waiting.len() < count, "the pipeline does not end");
    }
    ends.values().copied().max().unwrap_or(0)
}

/// When the last wave ends, each one started when the wave before has ended. The images of a job are built one
/// after the other.
fn waves(plan: &Plan) -> impl Fn(&Durations) -> u64 {
    let text = emit(plan, &Files::default(), Format::Github).expect("matrices");
    let outputs = github::read(&text);
    let waves = outputs.iter().filter(|(_, value)| value.is_object());
    let waves: Vec<Vec<Vec<Part>>> = waves
        .map(|(_, wave)| {
            let jobs = groups(wave).into_iter();
            let jobs = jobs.map(|(platform, _, references)| {
                let platform = Some(platform).filter(|platform| !platform.is_empty());
                let of = |reference| (reference, platform.clone());
                references.into_iter().map(of).collect()
            });
            jobs.collect()
        })
        .collect();
    move |durations| {
        let job = |parts: &Vec<Part>| parts.iter().map(|part| durations[part]).sum::<u64>();
        let wave = |jobs: &Vec<Vec<Part>>| jobs.iter().map(job).max().unwrap_or(0);
        waves.iter().map(wave).sum()
    }
}

/// The mean and the greatest.
#[expect(clippy::cast_precision_loss, reason = "a hundred ratios of seconds")]
fn summed(ratios: &[f64]) -> (f64, f64) {
    let greatest = ratios.iter().copied().fold(0.0, f64::max);
    (ratios.iter().sum::<f64>() / ratios.len() as f64, greatest)
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "they are seconds of some hours")]
fn exact_needs_take_no_longer_than_the_longest_chain_of_bases() {
    let mut table =
        String::from("repository, jobs, waves | exact: mean, greatest | waves: mean, greatest\n");
    for name in REPOSITORIES {
        let Some(Corpus { repo, .. }) = Corpus::new(name) else {
            return;
        };
        let plan = program::run(&repo, &["plan", "--format", "json"]);
        let plan = Plan::from_json(&plan).expect("a plan");
        let pipeline = gitlab::read(&emit_gitlab(&plan, &Gitlab::default()).expect("a pipeline"));
        let by_waves = waves(&plan);
        let (mut exact, mut in_waves) = (Vec::new(), Vec::new());
        for seed in 0..ROUNDS {
            let durations = durations(&plan, &mut Random::new(seed));
            let critical_path = critical_path(&plan, &durations) as f64;
            let ratio = makespan(&pipeline, &durations) as f64 / critical_path;
            assert!(ratio <= MOST, "{name}, seed {seed}: {ratio}");
            exact.push(ratio);
            in_waves.push(by_waves(&durations) as f64 / critical_path);
        }
        let count = pipeline.jobs.len() - 1;
        let depth = plan.images.iter().map(|image| image.wave + 1).max();
        let depth = depth.unwrap_or(0);
        let (mean, greatest) = summed(&exact);
        let _ = write!(table, "{name}, {count}, {depth} | {mean:.2}, {greatest:.2}");
        let (mean, greatest) = summed(&in_waves);
        let _ = writeln!(table, " | {mean:.2}, {greatest:.2}");
    }
    let _ = std::io::stderr().write_all(table.as_bytes());
}

//! What a GitHub workflow takes to build wave by wave: a job for each image and platform, the jobs of a wave
//! at once.

use serde::Serialize;

use super::jobs::{Job, Jobs};
use crate::plan::Plan;

/// The most jobs that GitHub starts from one matrix.
const MOST_JOBS: usize = 256;

/// The machine of a job for which the configuration names none.
const RUNNER: &str = "ubuntu-latest";

/// The data of `github.json.j2`.
#[derive(Debug, Serialize)]
pub(super) struct Outputs<'a> {
    /// In the order in which they must run: at most [`MOST_JOBS`] jobs each.
    waves: Vec<Matrix<'a>>,
}

/// The `matrix` of a job's `strategy`; GitHub refuses one with no job.
#[derive(Debug, Serialize)]
struct Matrix<'a> {
    include: Vec<Entry<'a>>,
}

#[derive(Debug, Clone, Serialize)]
struct Entry<'a> {
    image: &'a str,
    reference: &'a str,
    /// The platform that the job builds for; empty for the machine's own.
    platform: &'a str,
    runner: Runner<'a>,
}

/// What `runs-on` takes.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
enum Runner<'a> {
    One(&'a str),
    Labels(&'a [String]),
}

/// The waves of a plan. What is only re-tagged needs no job, but its wave keeps its number; a wave of
/// too many jobs becomes several, one after the other.
pub(super) fn outputs(plan: &Plan) -> Outputs<'_> {
    let last = plan.images.iter().map(|image| image.wave).max();
    let mut waves = vec![Vec::new(); last.map_or(0, |last| last + 1)];
    for job in Jobs::of(plan).all {
        waves[job.image.wave].push(entry(&job));
    }
    Outputs {
        waves: waves.into_iter().flat_map(split).collect(),
    }
}

fn entry<'p>(job: &Job<'p>) -> Entry<'p> {
    Entry {
        image: &job.image.name,
        reference: &job.image.reference,
        platform: job.platform.unwrap_or_default(),
        runner: match job.runner() {
            None => Runner::One(RUNNER),
            Some([one]) => Runner::One(one),
            Some(labels) => Runner::Labels(labels),
        },
    }
}

fn split(mut jobs: Vec<Entry<'_>>) -> Vec<Matrix<'_>> {
    let mut parts = Vec::new();
    while jobs.len() > MOST_JOBS {
        let rest = jobs.split_off(MOST_JOBS);
        parts.push(Matrix { include: jobs });
        jobs = rest;
    }
    parts.push(Matrix { include: jobs });
    parts
}

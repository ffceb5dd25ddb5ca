//! What a GitHub workflow takes to build wave by wave: a job an image, the jobs of a wave at once.

use serde::Serialize;

use crate::plan::{self, Action, Plan};

/// The most jobs that GitHub starts from one matrix.
const MOST_JOBS: usize = 256;

/// The data of `github.json.j2`.
#[derive(Debug, Serialize)]
pub(super) struct Outputs<'a> {
    /// In the order in which they must run: at most [`MOST_JOBS`] jobs each.
    waves: Vec<Matrix<'a>>,
}

/// The `matrix` of a job's `strategy`; GitHub refuses one with no job.
#[derive(Debug, Serialize)]
struct Matrix<'a> {
    include: Vec<Job<'a>>,
}

#[derive(Debug, Serialize)]
struct Job<'a> {
    image: &'a str,
    reference: &'a str,
    /// As `docker buildx build --platform` takes them; empty for the builder's own.
    platforms: String,
}

/// The waves of a plan. What is only re-tagged needs no job, but its wave keeps its number; a wave of
/// too many jobs becomes several, one after the other.
pub(super) fn outputs(plan: &Plan) -> Outputs<'_> {
    let last = plan.images.iter().map(|image| image.wave).max();
    let mut waves = Vec::new();
    for wave in 0..last.map_or(0, |last| last + 1) {
        let images = plan.images.iter().filter(|image| image.wave == wave);
        let jobs: Vec<Job<'_>> = images
            .filter(|image| image.action != Action::Retag)
            .map(job)
            .collect();
        waves.extend(split(jobs));
    }
    Outputs { waves }
}

fn job(image: &plan::Image) -> Job<'_> {
    Job {
        image: &image.name,
        reference: &image.reference,
        platforms: image.platforms.join(","),
    }
}

fn split(mut jobs: Vec<Job<'_>>) -> Vec<Matrix<'_>> {
    let mut parts = Vec::new();
    while jobs.len() > MOST_JOBS {
        let rest = jobs.split_off(MOST_JOBS);
        parts.push(Matrix { include: jobs });
        jobs = rest;
    }
    parts.push(Matrix { include: jobs });
    parts
}

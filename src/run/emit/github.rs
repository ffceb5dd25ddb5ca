//! What a GitHub workflow takes to build wave by wave: a job for each image and platform, the jobs of a wave
//! at once.

use std::collections::BTreeMap;

use serde::Serialize;

use super::jobs::{Job, Jobs};
use crate::diagnostics::{Code, Diagnostic};
use crate::plan::Plan;

/// The most jobs that GitHub starts from one matrix.
pub(super) const MOST_JOBS: usize = 256;

/// The most bytes of UTF-16 that the outputs of one job may have ("Workflow syntax", `jobs.<job_id>.outputs`).
const LARGEST: usize = 1024 * 1024;

/// The machine of a job for which the configuration names none.
const RUNNER: &str = "ubuntu-latest";

/// How the waves are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Github {
    /// The most jobs of a wave, from 1 to 256. Where there is more to build, a job takes several images.
    pub jobs: usize,
}

impl Default for Github {
    fn default() -> Self {
        Self { jobs: MOST_JOBS }
    }
}

/// The data of `github.json.j2`.
#[derive(Debug, Serialize)]
pub(super) struct Outputs {
    /// In the order in which they must run.
    waves: Vec<Matrix>,
}

/// The `matrix` of a job's `strategy`; GitHub refuses one with no job.
#[derive(Debug, Serialize)]
struct Matrix {
    include: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    /// The image; of several the first, and how many more there are.
    image: String,
    /// The content references, with blanks between them.
    reference: String,
    /// The platform that the job builds for; empty for the machine's own.
    platform: String,
    runner: Runner,
}

/// What `runs-on` takes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
enum Runner {
    One(String),
    Labels(Vec<String>),
}

/// The waves of a plan, as many as its graph is deep. What is only re-tagged needs no job, but its wave keeps its
/// number.
///
/// # Errors
/// When a wave has machines and platforms of more kinds than there may be jobs.
pub(super) fn outputs(plan: &Plan, how: Github) -> Result<Outputs, Diagnostic> {
    let last = plan.images.iter().map(|image| image.wave).max();
    let mut waves = vec![Vec::new(); last.map_or(0, |last| last + 1)];
    for job in Jobs::of(plan).all {
        waves[job.image.wave].push(job);
    }
    let matrix = |jobs| {
        let groups = grouped(jobs, how.jobs)?;
        let include = groups.iter().map(|jobs| entry(jobs)).collect();
        Ok(Matrix { include })
    };
    let waves = waves.into_iter().map(matrix).collect::<Result<_, _>>()?;
    Ok(Outputs { waves })
}

/// The jobs of a wave in at most so many groups: each for itself if there are few enough, else as even as can be.
/// A group has one platform and one machine; images of one base are next to each other, so that they share its
/// layers.
fn grouped(jobs: Vec<Job<'_>>, most: usize) -> Result<Vec<Vec<Job<'_>>>, Diagnostic> {
    if jobs.len() <= most {
        return Ok(jobs.into_iter().map(|job| vec![job]).collect());
    }
    let mut alike: BTreeMap<(Option<&str>, Runner), Vec<Job<'_>>> = BTreeMap::new();
    for job in jobs {
        let machine = (job.platform, runner(&job));
        alike.entry(machine).or_default().push(job);
    }
    if alike.len() > most {
        let message = format!(
            "a wave needs {} kinds of machines and platforms, and at most {most} jobs are allowed",
            alike.len()
        );
        let help = "allow more with `--jobs N`, up to 256, or emit fewer images at a time";
        return Err(Diagnostic::new(Code::PipelineTooLarge, message).help(help));
    }
    for jobs in alike.values_mut() {
        // Stable, so that the rest of the order is the plan's.
        jobs.sort_by_key(|job| base(job));
    }
    let groups = |size: usize| -> usize {
        let counts = alike.values().map(|jobs| jobs.len().div_ceil(size));
        counts.sum()
    };
    // The largest makes one group of each kind, which is few enough.
    let largest = alike.values().map(Vec::len).max().unwrap_or(1);
    let size = (1..largest)
        .find(|&size| groups(size) <= most)
        .unwrap_or(largest);
    let parts = alike.values().flat_map(|jobs| jobs.chunks(size));
    Ok(parts.map(<[Job<'_>]>::to_vec).collect())
}

/// The first of the bases in the plan.
fn base<'p>(job: &Job<'p>) -> Option<&'p str> {
    let bases = &job.image.dependencies;
    bases.first().map(|base| base.image.as_str())
}

fn entry(jobs: &[Job<'_>]) -> Entry {
    let first = &jobs[0];
    let references: Vec<&str> = jobs.iter().map(|job| &*job.image.reference).collect();
    Entry {
        image: match jobs.len() - 1 {
            0 => first.image.name.clone(),
            more => format!("{} and {more} more", first.image.name),
        },
        reference: references.join(" "),
        platform: first.platform.unwrap_or_default().to_owned(),
        runner: runner(first),
    }
}

fn runner(job: &Job<'_>) -> Runner {
    match job.runner() {
        None => Runner::One(RUNNER.to_owned()),
        Some([one]) => Runner::One(one.clone()),
        Some(labels) => Runner::Labels(labels.to_vec()),
    }
}

/// Refuses what GitHub does not take as the outputs of a job.
pub(super) fn check(text: &str) -> Result<(), Diagnostic> {
    let size: usize = text.chars().map(|c| 2 * c.len_utf16()).sum();
    if size <= LARGEST {
        return Ok(());
    }
    let message = format!(
        "the matrices have {size} bytes, and GitHub accepts at most {LARGEST} from one job"
    );
    Err(Diagnostic::new(Code::PipelineTooLarge, message)
        .help("leave out what exists: `shipwright built > FILE`, then `--built FILE`")
        .help("or build several selections of images, one after the other"))
}

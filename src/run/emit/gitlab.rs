//! A child pipeline for GitLab: a job for each image and platform, which begins as soon as the jobs that it
//! needs have ended, and a last one that joins the parts and moves the tags.

use serde::Serialize;

use super::header::{Header, header};
use super::jobs::{Job, Jobs, command, last_command};
use crate::diagnostics::{Code, Diagnostic};
use crate::plan::Plan;

/// The most jobs that a job may name in `needs`. GitLab's default (application limits,
/// `ci_needs_size_limit`).
const MOST_NEEDS: usize = 50;

/// The most memory that a pipeline may take in GitLab, in bytes: its default (`max_yaml_size_bytes`). What counts is
/// not the file but the objects that Ruby makes of it (`Gitlab::Utils::DeepSize`), see [`memory`].
const LARGEST: usize = 2 * 1024 * 1024;

/// The stage and the job that move the tags.
const LAST: &str = "tags";

/// How a pipeline is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gitlab {
    /// A file of the project that the pipeline includes: images, tags, `before_script`.
    pub include: Option<String>,
    /// Whether the plan is of selected images, so that the last job names them.
    pub is_selection: bool,
}

/// The data of `gitlab.yml.j2`.
#[derive(Debug, Serialize)]
pub(super) struct Pipeline {
    header: Header,
    include: Option<String>,
    /// One for each wave that has a job, then that of the last job.
    stages: Vec<String>,
    jobs: Vec<Entry>,
    last: String,
}

#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    stage: String,
    /// The labels of the runner, where the configuration has some.
    tags: Option<Vec<String>>,
    /// None where it waits for all stages before its own.
    needs: Option<Vec<String>>,
    script: String,
}

/// The pipeline of a plan.
pub(super) fn pipeline(plan: &Plan, how: &Gitlab) -> Pipeline {
    let jobs = Jobs::of(plan);
    let mut stages: Vec<String> = Vec::new();
    let mut entries = Vec::new();
    for job in &jobs.all {
        let stage = format!("wave {}", job.image.wave + 1);
        if stages.last() != Some(&stage) {
            stages.push(stage.clone());
        }
        let needs = jobs.needs(job);
        let has_few_needs = needs.len() <= MOST_NEEDS;
        entries.push(Entry {
            name: name(job),
            stage,
            tags: job.runner().map(<[String]>::to_vec),
            needs: has_few_needs.then(|| needs.into_iter().map(|at| name(&jobs.all[at])).collect()),
            script: command(plan, job.platform, &[&job.image.reference]),
        });
    }
    stages.push(LAST.to_owned());
    Pipeline {
        header: header(plan),
        include: how.include.clone(),
        stages,
        jobs: entries,
        last: last_command(plan, how.is_selection),
    }
}

/// A name that no keyword of GitLab has, since it has a space.
fn name(job: &Job<'_>) -> String {
    format!("build {}", job.title())
}

/// Refuses what GitLab does not read.
pub(super) fn check(pipeline: &Pipeline) -> Result<(), Diagnostic> {
    let needed = memory(pipeline);
    if needed <= LARGEST {
        return Ok(());
    }
    let message = format!(
        "the pipeline has {} jobs, which take {needed} bytes in GitLab's memory, and GitLab accepts at most {LARGEST}",
        pipeline.jobs.len() + 1
    );
    Err(Diagnostic::new(Code::PipelineTooLarge, message)
        .help("leave out what exists: `shipwright built > FILE`, then `--built FILE`")
        .help("or emit several pipelines of selected images"))
}

/// How many bytes the objects take that Ruby makes of a pipeline, by the sizes of `ObjectSpace.memsize_of` in Ruby 3.1
/// to 3.3, the larger where they differ. A text of a list or a map counts wherever it stands.
fn memory(pipeline: &Pipeline) -> usize {
    let job = |job: &Entry| {
        let labels = job
            .tags
            .as_deref()
            .map_or(0, |tags| text("tags") + list(tags));
        let needs = job.needs.as_deref();
        let needs = needs.map_or(0, |needs| text("needs") + list(needs));
        let stage = text("stage") + text(&job.stage);
        let script = text("script") + list(std::slice::from_ref(&job.script));
        ENTRY + text(&job.name) + MAP + labels + needs + stage + script
    };
    let last = ENTRY + MAP + list(std::slice::from_ref(&pipeline.last)) + list(&[]) * 4;
    let jobs: usize = pipeline.jobs.iter().map(job).sum();
    MAP + list(&pipeline.stages) + last + jobs
}

/// A map of up to eight entries.
const MAP: usize = 168;

/// What an entry adds to a larger map, which may have twice as much room as it needs.
const ENTRY: usize = 64;

/// A text: within its object where it is short, else in a slot of twice the size or in memory of its own.
fn text(text: &str) -> usize {
    if text.len() <= 23 {
        return 40;
    }
    let own = 41 + text.len();
    let slots = [(55, 80), (135, 160), (295, 320), (615, 640)];
    let slot = slots.iter().find(|(longest, _)| text.len() <= *longest);
    slot.map_or(own, |(_, size)| own.max(*size))
}

/// A list and its texts: up to three within its object, else in memory of which half may be unused.
fn list(texts: &[String]) -> usize {
    let room = if texts.len() <= 3 {
        0
    } else {
        16.max(2 * texts.len()) * 8
    };
    40 + room + texts.iter().map(|one| text(one)).sum::<usize>()
}

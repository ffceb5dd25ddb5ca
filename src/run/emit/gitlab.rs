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

/// The largest file that GitLab reads as a pipeline, in bytes: its default
/// (`max_yaml_size_bytes`).
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
pub(super) fn check(text: &str) -> Result<(), Diagnostic> {
    if text.len() <= LARGEST {
        return Ok(());
    }
    let message = format!(
        "the pipeline has {} bytes, and GitLab reads {LARGEST} at most",
        text.len()
    );
    Err(Diagnostic::new(Code::PipelineTooLarge, message)
        .help("leave out what exists: `shipwright built > FILE`, then `--built FILE`")
        .help("or emit several pipelines of selected images"))
}

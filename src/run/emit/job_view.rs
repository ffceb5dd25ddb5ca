//! The jobs of a plan as templates from outside see them.

use serde::Serialize;

use super::jobs::{Job, Jobs, command, last_command};
use super::slug::slugs;
use crate::plan::Plan;

/// The names of the keys of a [`View`].
pub(super) const KEYS: [&str; 2] = ["jobs", "last_command"];

/// What a template is told, beside the plan.
#[derive(Debug, Serialize)]
pub(super) struct View {
    /// In build order.
    jobs: Vec<Entry>,
    /// The line of a shell that joins the parts and moves the tags.
    last_command: String,
}

#[derive(Debug, Serialize)]
struct Entry {
    /// Letters, digits, `-` and `_`: an identifier in any system, no two alike.
    key: String,
    /// For people.
    title: String,
    image: String,
    reference: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runner: Option<Vec<String>>,
    wave: usize,
    /// The keys of the jobs that must have ended before.
    needs: Vec<String>,
    /// The line of a shell that builds it.
    command: String,
}

/// The jobs of a plan, as [`View`] has them. The last command names the images where they are a selection.
pub(super) fn view(plan: &Plan, is_selection: bool) -> View {
    let jobs = Jobs::of(plan);
    let titles: Vec<String> = jobs.all.iter().map(Job::title).collect();
    // A prefix, so that no key is a word that a system or a template gives a meaning to.
    let names: Vec<String> = titles
        .iter()
        .map(|title| format!("build {title}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let keys = slugs(&names, is_allowed, &[]);
    let entry = |(at, job): (usize, &Job<'_>)| Entry {
        key: keys[at].clone(),
        title: titles[at].clone(),
        image: job.image.name.clone(),
        reference: job.image.reference.clone(),
        platform: job.platform.map(str::to_owned),
        runner: job.runner().map(<[String]>::to_vec),
        wave: job.image.wave,
        needs: jobs
            .needs(job)
            .into_iter()
            .map(|at| keys[at].clone())
            .collect(),
        command: command(plan, job.platform, &[&job.image.reference]),
    };
    View {
        jobs: jobs.all.iter().enumerate().map(entry).collect(),
        last_command: last_command(plan, is_selection),
    }
}

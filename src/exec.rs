//! Runs a plan against a container engine.
//!
//! One look at the engine tells which content references exist; what does not is built, in
//! parallel, each image as soon as all that it needs is there. Every build binds its dependencies by
//! content reference, so nothing that another branch or person tagged meanwhile can get in. Readable
//! tags move at the end, all of them, and only if every image of the plan exists.
//!
//! Knows the types of the plan alone. A run that is killed leaves whole content references and no
//! moved tag behind; the next one goes on from there.

mod child;
mod command;
mod contexts;
mod docker;
mod engine;
mod failure;
mod log;
mod parallel;
pub mod progress;
mod publish;
mod queue;
mod report;
mod socket;
mod stop;
mod tasks;
#[cfg(test)]
mod tests;
mod work;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

pub use contexts::{Contexts, Sources, WorkingTree};
pub use docker::Docker;
pub use engine::{Engine, Failed, Found, Host};
pub use progress::Progress;
pub use report::{ImageReport, Outcome, Report};
pub use stop::Stop;

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::plan::{Image, Plan};
use publish::Move;
use tasks::{End, Ran, Runner, Task};
use work::Work;

/// How to run a plan.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct Options {
    /// How many images are built at the same time; at least one is.
    pub jobs: usize,
    /// Whether to build what does not exist; a missing image is an error where not.
    pub build: bool,
    /// Whether to move the readable tags at the end.
    pub tags: bool,
    /// Whether a failure blocks only what needs the failed image.
    pub keep_going: bool,
    /// Whether to look and report only.
    pub dry_run: bool,
    /// Whether to push content references as built and readable tags at the end.
    pub push: Option<Push>,
    /// The folder for the images' logs; made when the first is written.
    pub logs: PathBuf,
    /// Asks the run to stop: running builds end, nothing is tagged.
    pub stop: Stop,
}

/// Which images may be pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Push {
    /// Those of a revision; a dirty one is an error.
    Clean,
    /// Dirty ones too.
    Dirty,
}

/// What a run works with, beside the plan.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// The root of the plan.
    pub root: &'a Path,
    /// Builds, tags and pushes.
    pub engine: &'a dyn Engine,
    /// Provides the files of each build.
    pub contexts: &'a dyn Contexts,
    /// How to run.
    pub options: &'a Options,
}

/// How many images to build at once where nothing else is asked for: the processors, at most 4.
pub fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, |processors| processors.get().min(4))
}

/// Runs the plan with the `docker` on `PATH`.
///
/// # Errors
/// Those of [`run_on`].
pub fn run(
    plan: &Plan,
    options: &Options,
    root: &Path,
    contexts: &dyn Contexts,
    progress: &mut dyn Progress,
) -> Result<Report, Diagnostics> {
    let engine = Docker::at(root);
    let setting = Setting {
        root,
        engine: &engine,
        contexts,
        options,
    };
    run_on(plan, setting, progress)
}

/// Runs the plan on any engine.
///
/// # Errors
/// When the run cannot start. What fails later is in the report's `problems`.
#[expect(clippy::disallowed_methods, reason = "a report tells how long it took")]
pub fn run_on(
    plan: &Plan,
    setting: Setting<'_>,
    progress: &mut dyn Progress,
) -> Result<Report, Diagnostics> {
    let started = Instant::now();
    let (engine, options) = (setting.engine, setting.options);
    refuse_dirty(plan, options)?;
    let host = engine.host()?;
    let references = work::references(plan);
    let mut found = engine.look(&references)?;
    let work = Work::new(plan, &host, &found)?;
    check_builds(&work, setting)?;

    let tasks = tasks(&work, options);
    let mut ran = BTreeMap::new();
    let mut problems = Diagnostics::new();
    if !options.dry_run && !tasks.is_empty() {
        announce(&tasks, plan, progress);
        let runner = Runner {
            setting,
            work: &work,
            host: &host,
        };
        ran = runner.run_all(&tasks, progress);
        found = engine.look(&references)?;
    }
    if !options.dry_run {
        problems.extend(unfinished(&ran, &tasks, options));
        if !problems.has_errors() {
            // Somebody may have removed one meanwhile.
            let absent = |image: &&Image| !found.contains_key(&image.reference);
            problems.extend(plan.images.iter().filter(absent).map(publish::missing));
        }
    }

    let mut moves = Vec::new();
    if options.tags && !problems.has_errors() {
        moves = publish::moves(plan, &found);
        if !options.dry_run {
            moves = publish::publish(&setting, plan, moves, &mut problems, progress);
        }
    }
    Ok(Report {
        dry_run: options.dry_run,
        images: outcomes(&work, &ran, &moves, &found, options.dry_run),
        time: started.elapsed(),
        problems,
    })
}

/// A dirty image is of no revision: pushing one by accident would publish unreviewed files.
fn refuse_dirty(plan: &Plan, options: &Options) -> Result<(), Diagnostics> {
    let mut dirty = Diagnostics::new();
    for image in plan.images.iter().filter(|image| image.dirty) {
        let message = format!("`{}` is dirty and would be pushed", image.name);
        dirty.push(
            Diagnostic::error("dirty-push", message)
                .help("commit first, or push it all the same with `--push-dirty`"),
        );
    }
    if options.push == Some(Push::Clean) && !dirty.is_empty() {
        return Err(dirty);
    }
    Ok(())
}

/// Whether what must be built may be and can be.
fn check_builds(work: &Work<'_>, setting: Setting<'_>) -> Result<(), Diagnostics> {
    let builds = || {
        work.builds
            .iter()
            .map(|position| &work.plan.images[*position])
    };
    if work.builds.is_empty() {
        return Ok(());
    }
    if !setting.options.build {
        let mut missing = Diagnostics::new();
        missing.extend(builds().map(publish::missing));
        return Err(missing);
    }
    let multi_platform = builds().any(|image| image.platforms.len() > 1);
    Ok(setting.engine.check_builds(multi_platform)?)
}

/// What is to be done with each image before the readable tags move.
fn tasks(work: &Work<'_>, options: &Options) -> BTreeMap<usize, Task> {
    let mut tasks: BTreeMap<usize, Task> = BTreeMap::new();
    let build = |position: &usize| {
        (
            *position,
            Task {
                build: true,
                push: false,
            },
        )
    };
    tasks.extend(work.builds.iter().map(build));
    if options.push.is_some() {
        for position in work.pushed() {
            let task = tasks.entry(position).or_default();
            task.push = true;
        }
    }
    tasks
}

fn announce(tasks: &BTreeMap<usize, Task>, plan: &Plan, progress: &mut dyn Progress) {
    let builds = tasks.values().filter(|task| task.build).count();
    let pushes = tasks.values().filter(|task| task.push).count();
    let pushing = if pushes > 0 {
        format!(", pushing {pushes}")
    } else {
        String::new()
    };
    let total = plan.images.len();
    progress.note(&format!("building {builds} of {total} images{pushing}"));
}

/// Why not all tasks succeeded: each failure, in the order of the plan, and the wish to stop.
fn unfinished(
    ran: &BTreeMap<usize, Ran>,
    tasks: &BTreeMap<usize, Task>,
    options: &Options,
) -> Diagnostics {
    let mut problems = Diagnostics::new();
    for task in ran.values() {
        if let End::Failed(diagnostic) = &task.end {
            problems.push(diagnostic.clone());
        }
    }
    if options.stop.requested() {
        let succeeded = ran.values().filter(|task| task.succeeded()).count();
        let message = format!("stopped with {succeeded} of {} images done", tasks.len());
        problems.push(
            Diagnostic::error("stopped", message)
                .help("no tag was moved; what is done stays, and the next run goes on from there"),
        );
    }
    problems
}

/// What became of each image of the plan.
fn outcomes(
    work: &Work<'_>,
    ran: &BTreeMap<usize, Ran>,
    moves: &[Move<'_>],
    found: &BTreeMap<String, Found>,
    dry_run: bool,
) -> Vec<ImageReport> {
    let mut tags: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for step in moves {
        tags.entry(step.position)
            .or_default()
            .push(step.target.to_owned());
    }
    let report = |(position, image): (usize, &Image)| {
        let tags = tags.remove(&position).unwrap_or_default();
        let ran = ran.get(&position);
        let outcome = match ran.map(|ran| &ran.end) {
            Some(End::Failed(_)) => Outcome::Failed,
            Some(End::Stopped) => Outcome::NotBuilt,
            Some(End::Succeeded) if work.builds.contains(&position) => Outcome::Built,
            None if work.builds.contains(&position) && dry_run => Outcome::Built,
            None if work.builds.contains(&position) => Outcome::NotBuilt,
            _ if tags.is_empty() => Outcome::Skipped,
            _ => Outcome::Retagged,
        };
        ImageReport {
            name: image.name.clone(),
            reference: image.reference.clone(),
            outcome,
            time: ran.map(|ran| ran.time).unwrap_or_default(),
            id: found.get(&image.reference).map(|found| found.id.clone()),
            tags,
            log: ran.map(|ran| ran.log.clone()),
        }
    };
    work.plan.images.iter().enumerate().map(report).collect()
}

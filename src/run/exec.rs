//! Runs a plan against a container engine.
//!
//! One look at the engine tells which content references exist; what does not is built, in
//! parallel, each image as soon as all that it needs is there. Every build binds its dependencies by
//! content reference, so nothing that another branch or person tagged meanwhile can get in. Readable
//! tags move at the end, all of them, and only if every image of the plan exists.
//!
//! Knows the types of the plan alone. A run that is killed leaves whole content references and no
//! moved tag behind; the next one goes on from there.

mod builder;
mod command;
mod content;
mod contexts;
mod docker;
mod engine;
mod existing;
mod failure;
mod held;
mod inventory;
mod known;
mod local_images;
mod locked;
mod log;
mod logs;
mod options;
mod other_repositories;
mod parts;
pub mod progress;
pub(crate) mod prune;
mod publish;
mod queue;
pub(in crate::run) mod report;
mod socket;
mod tasks;
#[cfg(test)]
pub(super) mod tests;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Instant, SystemTime};

pub use crate::run::found::Found;
pub use crate::run::stop::Stop;
pub(super) use command::shell_word;
pub use contexts::{Contexts, Sources, WorkingTree};
pub use docker::Docker;
pub use engine::{Engine, Failed, Host};
pub(crate) use existing::existing;
pub(crate) use locked::Locked;
pub use logs::Logs;
pub use options::{Options, Push};
pub use progress::{Ending, Progress};
use report::PROGRAM;
pub use report::{ImageReport, Moment, Outcome, Report};

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::plan::{Image, Plan};
use crate::run::registry::{self, HttpRegistry, Registry};
use held::Held;
use inventory::Inventory;
use publish::Move;
use tasks::{End, Ran, Runner, Task};
use work::Work;

/// Where an image may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the engine.
    Engine,
    /// In the registry that its repository names.
    Registry,
}

/// What a run works with, beside the plan.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// The root of the plan.
    pub root: &'a Path,
    /// Builds, tags and pushes.
    pub engine: &'a dyn Engine,
    /// Looks and tags where images are published.
    pub registry: &'a dyn Registry,
    /// Provides the files of each build.
    pub contexts: &'a dyn Contexts,
    /// How to run.
    pub options: &'a Options,
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
    let engine = Docker::at(root)
        .remembering(options.known.clone())
        .holding(Held::of(plan, root, &options.logs)?);
    let registry = HttpRegistry::new();
    let setting = Setting {
        root,
        engine: &engine,
        registry: &registry,
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
    let (start, started) = (SystemTime::now(), Instant::now());
    let options = setting.options;
    refuse_dirty(plan, options)?;
    let host = setting.engine.host(options.builder.as_deref())?;
    let mut problems = Diagnostics::new();
    let mut inventory = take_stock(&setting, plan, &host, &mut problems)?;
    let narrowed = parts::plan_of_parts(&setting, plan, &host, &mut inventory)?;
    let mut plan = plan;
    let mut joined = BTreeSet::new();
    if let Some(narrowed) = &narrowed {
        plan = narrowed;
        inventory = take_stock(&setting, plan, &host, &mut problems)?;
    } else if options.push.is_some() {
        joined = parts::join(&setting, plan, &mut inventory)?;
    }
    let work = Work::new(plan, &host, &inventory, options)?;
    problems.extend(work.done_without());
    check_builds(&work, &host, setting)?;
    problems.extend(not_held(&work, &host));
    if !options.dry_run {
        problems.extend(locked::check(&work, options)?);
    }

    let tasks = work.tasks();
    let mut ran = BTreeMap::new();
    if !options.dry_run && !tasks.is_empty() {
        refuse_if_not_writable(&setting, &work)?;
        announce(&tasks, plan, progress);
        let runner = Runner {
            setting,
            work: &work,
            host: &host,
        };
        ran = runner.run_all(&tasks, progress);
        problems.extend(look_again(&setting, &work, &ran, &mut inventory));
    }
    if !options.dry_run {
        problems.extend(unfinished(&ran, &tasks, options));
        if !problems.has_errors() {
            // Somebody may have removed one meanwhile.
            let absent = work
                .required()
                .filter(|image| !inventory.has(&image.reference));
            problems.extend(absent.map(publish::missing));
        }
    }

    let mut moves = Vec::new();
    if options.tags && !problems.has_errors() {
        moves = publish::moves(&setting, &work, &inventory, &mut problems);
        if !options.dry_run {
            let was_tried = !tasks.is_empty();
            moves = publish::publish(&setting, plan, (moves, was_tried), &mut problems, progress);
        }
    }
    let time = started.elapsed();
    Ok(Report {
        program: PROGRAM,
        dry_run: options.dry_run,
        revision: Some(plan.source.revision.clone()),
        branch: plan.source.branch.clone(),
        start: Some(Moment(start)),
        end: Some(Moment(start + time)),
        images: outcomes(&work, &ran, &moves, &inventory, &joined, options.dry_run),
        time,
        problems,
    })
}

/// What the engine and the registries hold of a plan.
///
/// # Errors
/// When the engine does not answer; a registry too, where the run pushes and is not to keep going.
fn take_stock(
    setting: &Setting<'_>,
    plan: &Plan,
    host: &Host,
    problems: &mut Diagnostics,
) -> Result<Inventory, Diagnostics> {
    let options = setting.options;
    let mut inventory = Inventory {
        local: setting.engine.look(&inventory::references(plan))?,
        ..Inventory::default()
    };
    other_repositories::take(plan, *setting, host, &mut inventory)?;
    let asked = inventory::asked_remotely(plan, &inventory.local, host, options);
    let unknown = ask_registries(setting, &asked, &mut inventory, problems);
    let is_end = unknown.has_errors() && !options.keep_going;
    problems.extend(unknown);
    if is_end {
        return Err(std::mem::take(problems));
    }
    Ok(inventory)
}

/// Asks the registries what they hold. Gives an error for each reference of which that is not known,
/// where the run pushes: what is there must not be built a second time and moved. Else what is not
/// known counts as missing, a warning says so, and what is built stays here.
fn ask_registries(
    setting: &Setting<'_>,
    asked: &BTreeSet<&str>,
    inventory: &mut Inventory,
    problems: &mut Diagnostics,
) -> Diagnostics {
    let options = setting.options;
    let pushing = options.push.is_some();
    let mut answers = registry::look(setting.registry, asked, pushing.then_some(&options.stop));
    let mut unknown = Diagnostics::new();
    if pushing {
        answers.settle_denied(setting.registry, &options.stop);
        unknown.extend(answers.errors());
        inventory.unknown = answers.unknown.into_keys().collect();
    } else {
        problems.extend(answers.warnings());
    }
    inventory.remote = answers.found;
    unknown
}

/// Before anything is built: whether what will be pushed may be.
fn refuse_if_not_writable(setting: &Setting<'_>, work: &Work<'_>) -> Result<(), Diagnostics> {
    let options = setting.options;
    if options.push.is_none() {
        return Ok(());
    }
    let images = &work.plan.images;
    let contents = work.pushes.iter().map(|position| &images[*position]);
    let tagged = images
        .iter()
        .filter(|image| options.tags && image.push && !image.tags.is_empty());
    let repositories = contents.chain(tagged).map(|image| &*image.repository);
    let refused =
        registry::refused_writes(setting.registry, &repositories.collect(), &options.stop);
    let refused = refused.iter();
    let problems = refused.map(|(repository, refused)| {
        registry::push_refused(repository, refused, "nothing was built")
    });
    problems.collect::<Diagnostics>().fail_on_errors()
}

/// What the engine and the registries hold after the tasks; gives the errors of those that do not say.
fn look_again(
    setting: &Setting<'_>,
    work: &Work<'_>,
    ran: &BTreeMap<usize, Ran>,
    inventory: &mut Inventory,
) -> Vec<Diagnostic> {
    let gone = match setting.engine.look(&inventory::references(work.plan)) {
        Ok(local) => {
            inventory.local = local;
            None
        }
        Err(gone) => Some(gone),
    };
    let pushed = work.pushes.iter().filter(|position| {
        let ran = ran.get(position);
        ran.is_some_and(Ran::succeeded)
    });
    let pushed = pushed.map(|position| work.plan.images[*position].reference.as_str());
    let stop = Some(&setting.options.stop);
    let answers = registry::look(setting.registry, &pushed.collect(), stop);
    // What is not known to be there must not be called missing.
    let unknown = answers.errors();
    inventory.remote.extend(answers.found);
    unknown.into_iter().chain(gone).collect()
}

/// A dirty image is of no revision: pushing one by accident would publish unreviewed files.
fn refuse_dirty(plan: &Plan, options: &Options) -> Result<(), Diagnostics> {
    let mut dirty = Diagnostics::new();
    for image in plan.images.iter().filter(|image| image.dirty) {
        let message = format!("`{}` is dirty and would be pushed", image.name);
        dirty.push(
            Diagnostic::new(Code::DirtyPush, message)
                .help("commit first, or push it anyway with `--push-dirty`"),
        );
    }
    if options.push == Some(Push::Clean) && !dirty.is_empty() {
        return Err(dirty);
    }
    Ok(())
}

/// Whether what must be built may be and can be.
fn check_builds(work: &Work<'_>, host: &Host, setting: Setting<'_>) -> Result<(), Diagnostics> {
    if work.builds.is_empty() {
        return Ok(());
    }
    if !setting.options.build {
        let mut missing = Diagnostics::new();
        let builds = work.builds.iter();
        missing.extend(builds.map(|position| publish::missing(&work.plan.images[*position])));
        return Err(missing);
    }
    let multi_platform = work.builds.iter().any(|position| {
        let pushed_at_once = !host.shares_images && work.pushes.contains(position);
        work.plan.images[*position].platforms.len() > 1 && !pushed_at_once
    });
    Ok(setting.engine.check_builds(multi_platform)?)
}

/// A warning where what the lock file says cannot be enforced.
fn not_held(work: &Work<'_>, host: &Host) -> Option<Diagnostic> {
    let builds = work.builds.iter();
    let mut builds = builds.map(|position| &work.plan.images[*position]);
    if host.holds_sources || builds.all(|image| image.sources.is_empty()) {
        return None;
    }
    let message = format!(
        "the builder `{}` is too old to take a source policy: it may use other downloads, git sources and \
         `# syntax=` images than the lock file says",
        host.builder
    );
    Some(
        Diagnostic::new(Code::SourcesNotHeld, message)
            .help("engines of version 24 or later and BuildKit 0.11 or later accept one"),
    )
}

fn announce(tasks: &BTreeMap<usize, Task>, plan: &Plan, progress: &mut dyn Progress) {
    let count = |kind: fn(&Task) -> bool| tasks.values().filter(|task| kind(task)).count();
    let mut text = format!(
        "building {} of {} images",
        count(|task| task.build),
        plan.images.len()
    );
    for (word, number) in [
        ("fetching", count(|task| task.pull)),
        ("pushing", count(|task| task.push)),
    ] {
        if number > 0 {
            text = format!("{text}, {word} {number}");
        }
    }
    progress.note(&text);
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
        problems.push(Diagnostic::new(Code::Stopped, message).help(
            "no tag was moved; finished images are kept, and the next run continues from there",
        ));
    }
    problems
}

/// What became of each image of the plan.
fn outcomes(
    work: &Work<'_>,
    ran: &BTreeMap<usize, Ran>,
    moves: &[Move<'_>],
    inventory: &Inventory,
    joined: &BTreeSet<usize>,
    dry_run: bool,
) -> Vec<ImageReport> {
    let mut tags: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for step in moves {
        let tags = tags.entry(step.position).or_default();
        // One that moves in the engine and in the registry is one tag.
        if !tags.iter().any(|tag| tag == step.target) {
            tags.push(step.target.to_owned());
        }
    }
    let report = |(position, image): (usize, &Image)| {
        let tags = tags.remove(&position).unwrap_or_default();
        let ran = ran.get(&position);
        let id = |images: &BTreeMap<String, Found>| Some(images.get(&image.reference)?.id.clone());
        let built = work.builds.contains(&position);
        let pulled = work.pulls.contains(&position);
        let outcome = match ran.map(|ran| &ran.end) {
            Some(End::Failed(_)) => Outcome::Failed,
            Some(End::Stopped) => Outcome::Stopped,
            None if inventory.unknown.contains(&image.reference) => Outcome::Failed,
            None if work.blocked.contains(&work.builder_of(image)) => Outcome::NotBuilt,
            None if (built || pulled) && !dry_run => Outcome::NotBuilt,
            _ if built => Outcome::Built,
            _ if pulled => Outcome::Fetched,
            _ if joined.contains(&position) => Outcome::Joined,
            _ if tags.is_empty() => Outcome::Skipped,
            _ => Outcome::Retagged,
        };
        ImageReport {
            name: image.name.clone(),
            reference: image.reference.clone(),
            outcome,
            reasons: image.reasons.clone(),
            platforms: image.platforms.clone(),
            start: ran.map(|ran| Moment(ran.start)),
            end: ran.map(|ran| Moment(ran.start + ran.time)),
            time: ran.map(|ran| ran.time).unwrap_or_default(),
            size: inventory
                .local
                .get(&image.reference)
                .and_then(|found| found.size),
            id: id(&inventory.local),
            digest: id(&inventory.remote),
            tags,
            log: ran.and_then(|ran| ran.log.clone()),
        }
    };
    work.plan.images.iter().enumerate().map(report).collect()
}

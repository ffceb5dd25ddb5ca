//! `shipwright exec`: runs the plan against Docker.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use super::args::{Planning, Stored};
use super::complete::builders;
use super::{allow, output, planning, screen, stored};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::lang::platform::Platform;
use crate::lang::tags::split_tag;
use crate::plan::{Image, Plan};
use crate::planner::{Planned, Sends};
use crate::run::exec::progress::{self, Plain, Progress, Quiet, Terminal};
use crate::run::exec::{
    self, Contexts, ImageReport, Locked, Logs, Options, Outcome, Push, Report, Sources, Stop,
    WorkingTree,
};
use crate::run::review::review_of_run;
use crate::run::summary::{megabytes, summary};
use crate::run::trust::Grant;
use crate::tree::source::Sealer;

/// How many bytes of sealed contexts are worth a line.
const WORTH_SAYING: u64 = 100_000_000;

/// How a plan is run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Running")]
#[expect(
    clippy::struct_excessive_bools,
    clippy::struct_field_names,
    reason = "each is a flag of the command line"
)]
pub(super) struct Run {
    /// Number of parallel builds; default: the number of processors, at most 4
    #[arg(short, long, value_name = "N", value_parser = number_of_jobs)]
    pub(super) jobs: Option<NonZeroUsize>,
    /// After a failure, build the images that do not depend on the failed one
    #[arg(short, long, conflicts_with_all = ["no_build", "dry_run"])]
    pub(super) keep_going: bool,
    /// Print what would be done, and do nothing
    #[arg(short = 'n', long)]
    pub(super) dry_run: bool,
    /// How to show progress
    #[arg(
        long,
        value_name = "KIND",
        default_value = "auto",
        hide_default_value = true,
        conflicts_with = "quiet"
    )]
    pub(super) progress: ProgressKind,
    /// Build without the builder's cache; images that exist are not built again: use `--epoch` for that
    #[arg(long, conflicts_with = "no_build")]
    pub(super) no_cache: bool,
    /// Query registries for the current digests of external base images, and build on them. The digests are part of
    /// fingerprints, so images whose base has moved are rebuilt; an error if there is a lock file
    #[arg(long, conflicts_with_all = ["no_build", "plan"])]
    pub(super) pull: bool,
    /// Do not move the readable tags
    #[arg(long)]
    pub(super) no_tags: bool,
    /// Only join the parts of images and move the readable tags; a missing image or part is an error
    #[arg(long, conflicts_with = "no_tags")]
    pub(super) no_build: bool,
    /// Build only the parts for platform P, such as linux/arm64, of images for several platforms; a later
    /// `exec --push --no-build` joins the parts and moves the tags
    #[arg(
        long,
        value_name = "P",
        value_parser = Platform::parse,
        conflicts_with = "no_build"
    )]
    pub(super) only_platform: Option<Platform>,
    /// Push each content reference as soon as it is built, and the readable tags at the end
    #[arg(long)]
    pub(super) push: bool,
    /// Also push images with uncommitted changes
    #[arg(long)]
    pub(super) push_dirty: bool,
    /// Fetch an image from its registry instead of building it; default: if its repository names the
    /// registry's host
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub(super) from_registry: Option<bool>,
    /// Use another buildx builder, which gets bases from registries; default: `BUILDX_BUILDER`, else the
    /// engine itself
    #[arg(long, value_name = "NAME", add = ArgValueCompleter::new(builders))]
    pub(super) builder: Option<String>,
    /// Allow access beyond the checkout: fs=PATH (a file or a folder), network.host, security.insecure or
    /// ssh; also in `SHIPWRIGHT_ALLOW`, separated by commas
    #[arg(long, value_name = "WHAT")]
    pub(super) allow: Vec<Grant>,
    /// Build from the folders of the working tree instead of exactly the planned files
    #[arg(long, conflicts_with = "no_build")]
    pub(super) unsealed: bool,
    /// Write a report of the run to FILE, as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// Keep each image's log in DIR
    #[arg(long, value_name = "DIR")]
    pub(super) logs: Option<PathBuf>,
}

/// How the progress of a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ProgressKind {
    /// `tty` on a terminal, groups in GitHub Actions, else `plain`
    Auto,
    /// One line per step, for logs
    Plain,
    /// A live display
    Tty,
    /// Nothing
    Quiet,
}

impl Run {
    /// Whether readable tags move when all is well. Those of a platform's part never do.
    fn moves_tags(&self) -> bool {
        !self.no_tags && self.only_platform.is_none()
    }
}

fn number_of_jobs(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse()
        .map_err(|_| "expected a whole number, 1 or more")
}

/// Makes or reads the plan, and runs it.
pub(super) fn run(
    directory: &Path,
    planning: &Planning,
    stored: &Stored,
    run: &Run,
) -> Result<ExitCode, Diagnostics> {
    let file = run.report.as_ref().map(|file| directory.join(file));
    if let Some(file) = &file {
        output::check_writable(file)?;
    }
    // The report first: nothing that goes wrong afterwards takes it away.
    let write = |plan: Option<&Plan>, report: &Report| {
        output::add_to_job_summary(|room| summary(plan, report, room));
        match &file {
            Some(file) => output::write(&report.to_json(), Some(file)),
            None => Ok(()),
        }
    };
    let mut made = None;
    let result = make(directory, planning, stored, run)
        .and_then(|plan| run_plan(directory, made.insert(plan), planning, run));
    let report = match result {
        Ok(report) => report,
        Err(mut problems) => {
            let plan = made.as_ref().map(|made| &made.plan);
            let report = Report::not_started(plan, &problems, run.dry_run);
            problems.extend(write(plan, &report).err());
            return Err(problems);
        }
    };
    let written = write(made.as_ref().map(|made| &made.plan), &report);
    output::report(directory, &report.problems);
    let shown = match &made {
        Some(made) if report.dry_run => {
            let text = review_of_run(&made.plan, &report, screen::stdout());
            output::write_text(&text, None)
        }
        _ => output::write(&report.table_within(screen::width()), None),
    };
    if run.no_cache {
        note_existing(&report);
    }
    let mut unwritten = Diagnostics::new();
    unwritten.extend([written, shown].into_iter().filter_map(Result::err));
    if !unwritten.is_empty() {
        return Err(unwritten);
    }
    Ok(if report.succeeded() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Says where an option had no effect.
fn note_existing(report: &Report) {
    let exists = |image: &&ImageReport| {
        matches!(
            image.outcome,
            Outcome::Skipped | Outcome::Retagged | Outcome::Fetched | Outcome::Joined
        )
    };
    let count = report.images.iter().filter(exists).count();
    if count > 0 && !output::is_quiet() {
        output::eprint(&format!(
            "`--no-cache` has no effect on images that exist already ({count}); to build them again, use `--epoch TEXT`\n"
        ));
    }
}

/// The plan that is run, and the files of its images; a stored one is held against the repository.
fn make(
    directory: &Path,
    planning: &Planning,
    stored: &Stored,
    run: &Run,
) -> Result<Planned, Diagnostics> {
    let sends = if run.unsealed && !run.no_build {
        Sends::Folders
    } else {
        Sends::Sealed
    };
    if let Some(file) = stored.file(directory) {
        return stored::held(directory, &file, sends);
    }
    let execution = planning::Execution {
        sends,
        moves_tags: run.moves_tags(),
        pulls: run.pull,
    };
    planning::make_to_run(directory, planning, execution)
}

fn run_plan(
    directory: &Path,
    made: &Planned,
    planning: &Planning,
    run: &Run,
) -> Result<Report, Diagnostics> {
    let granted = allow::granted(directory, &run.allow)?;
    if !run.no_build {
        allow::check(directory, made, &granted, run.dry_run)?;
    }
    let mut options = options(directory, made, planning, run)?;
    if options.tags {
        output::report(directory, &kept_tags(&made.plan).into_iter().collect());
    }
    options.entitlements = granted.iter().filter_map(Grant::entitlement).collect();
    let sealer = (!run.unsealed).then_some(&made.sealer);
    let sealed = sealer.map(|sealer| Sealed { sealer, made });
    let contexts: &dyn Contexts = match &sealed {
        Some(sealed) => sealed,
        None => &WorkingTree,
    };
    // Sealed contexts need no checkout, and tags nothing: any folder does for docker to start in.
    let elsewhere = match sealer {
        Some(sealer) => Some(sealer.git_directory()),
        None => run.no_build.then(|| Path::new(".")),
    };
    let Some(root) = made.root.as_deref().or(elsewhere) else {
        return Err(Diagnostic::new(
            Code::NoWorkingTree,
            "a bare repository has no working tree to build in",
        )
        .help("run `exec` in a checkout, or in a worktree: `git worktree add`")
        .into());
    };
    let mut progress = shown(run.progress);
    let report = exec::run(&made.plan, &options, root, contexts, &mut *progress)?;
    drop(progress);
    if let Some(sealer) = sealer.filter(|_| !run.dry_run) {
        tidy(sealer);
    }
    Ok(report)
}

/// The note of tags that are part of a name and stay where they are, since they move only on the default
/// branch.
fn kept_tags(plan: &Plan) -> Option<Diagnostic> {
    let is_kept = |image: &&Image| {
        split_tag(&image.name).1.is_some_and(|tag| {
            let itself = format!("{}:{tag}", image.repository);
            !image.dirty && !image.tags.is_empty() && !image.tags.contains(&itself)
        })
    };
    let mut kept = plan.images.iter().filter(is_kept);
    let first = &kept.next()?.name;
    let names = match kept.count() {
        0 => format!("`{first}` itself does not move: a tag that is part of a name moves"),
        more => format!(
            "`{first}` and {more} more names do not move: tags that are part of a name move"
        ),
    };
    let message = format!("{names} only on the default branch");
    let help = "to set the default branch: `\"default_branch\": \"…\"` in .shipwright.json";
    Some(Diagnostic::new(Code::KeptTag, message).help(help))
}

/// How the run is shown while it goes on.
fn shown(kind: ProgressKind) -> Box<dyn Progress> {
    let colour = screen::shows_colour(&std::io::stderr());
    match kind {
        _ if output::is_quiet() => Box::new(Quiet),
        ProgressKind::Quiet => Box::new(Quiet),
        ProgressKind::Plain => Box::new(Plain::new(std::io::stderr())),
        ProgressKind::Tty => Box::new(Terminal::new(colour)),
        ProgressKind::Auto => {
            let term = std::env::var("TERM").ok();
            progress::for_stderr(term.as_deref(), output::in_github_actions(), colour)
        }
    }
}

/// Removes sealed contexts that nobody used for a while, and says where the others take much room.
fn tidy(sealer: &Sealer) {
    let Some((folder, count, bytes)) = sealer.tidy() else {
        return;
    };
    if bytes >= WORTH_SAYING && !output::is_quiet() || output::is_verbose() {
        let (size, folder) = (megabytes(bytes), folder.display());
        output::eprint(&format!(
            "{count} sealed contexts take {size} in {folder}\n"
        ));
    }
}

fn options(
    directory: &Path,
    made: &Planned,
    planning: &Planning,
    run: &Run,
) -> Result<Options, Diagnostics> {
    let stop = Stop::on_signals().map_err(|error| {
        Diagnostic::new(Code::Signals, format!("signals cannot be handled: {error}"))
    })?;
    let logs = match &run.logs {
        Some(folder) => Logs::at(directory.join(folder)),
        None => Logs::in_git_directory(made.sealer.git_directory()),
    };
    let defaults = Options::new(logs);
    let from_environment = std::env::var("BUILDX_BUILDER").ok();
    Ok(Options {
        jobs: run.jobs.map_or(defaults.jobs, std::num::NonZeroUsize::get),
        build: !run.no_build,
        // Parts are no whole images.
        tags: run.moves_tags(),
        keep_going: run.keep_going,
        dry_run: run.dry_run,
        no_cache: run.no_cache,
        push: match (run.push, run.push_dirty) {
            (_, true) => Some(Push::Dirty),
            (true, false) => Some(Push::Clean),
            (false, false) => None,
        },
        from_registry: run.from_registry,
        only_platform: run
            .only_platform
            .as_ref()
            .map(|platform| platform.normalized().to_string()),
        wanted: planning::options(directory, planning)?
            .selection
            .named_in(&made.plan),
        builder: run
            .builder
            .clone()
            .or(from_environment)
            .filter(|name| !name.is_empty()),
        known: Some(made.sealer.known_images()),
        locked: locked(made),
        stop,
        ..defaults
    })
}

/// What the plan relies on of the lock file, where there is one.
fn locked(made: &Planned) -> Option<Locked> {
    let file = made.lock.clone()?;
    let mut taken: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for external in &made.externals {
        for taker in &external.takers {
            let names = taken.entry(taker.image.clone()).or_default();
            names.insert(external.key.clone());
        }
    }
    Some(Locked {
        file,
        taken,
        mirror: made.mirror.clone(),
        known: made.sealer.known_bases(),
    })
}

/// Contexts that hold exactly the planned input files.
struct Sealed<'a> {
    sealer: &'a Sealer,
    made: &'a Planned,
}

impl Contexts for Sealed<'_> {
    fn sources(&self, image: &Image) -> Result<Sources, Diagnostic> {
        let files = &self.made.files[&image.name];
        let text = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
        let mut named = image.contexts.clone();
        for (name, inputs) in &files.contexts {
            if let Some(place) = named.get_mut(name) {
                *place = text(self.sealer.context(place, inputs)?);
            }
        }
        Ok(Sources {
            dockerfile: text(self.sealer.dockerfile(&files.dockerfile)?),
            context: text(self.sealer.context(&image.context, &files.inputs)?),
            named,
        })
    }
}

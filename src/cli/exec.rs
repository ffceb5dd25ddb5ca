//! `shipwright exec`: runs the plan against Docker.

use std::path::Path;
use std::process::ExitCode;

use super::args::{Planning, Run, Stored};
use super::checks::Sends;
use super::output;
use super::planning::{self, Made};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::exec::progress::{self, Progress, Quiet};
use crate::exec::{self, Contexts, Options, Push, Sources, Stop, WorkingTree};
use crate::plan::Image;
use crate::source::{Checkout, Sealer};

pub(super) fn run(
    directory: &Path,
    planning: &Planning,
    stored: &Stored,
    run: &Run,
) -> Result<ExitCode, Diagnostics> {
    let made = planning::stored_or(directory, stored, || {
        let sends = if run.unsealed {
            Sends::Folders
        } else {
            Sends::Sealed
        };
        planning::make(directory, planning, None, sends)
    })?;
    let sealer = made.sealer.as_ref().filter(|_| !run.unsealed);
    let git_directory = sealer.map(Sealer::git_directory);
    // Sealed contexts need no checkout: any folder does for docker to start in.
    let Some(root) = made.root.as_deref().or(git_directory) else {
        return Err(Diagnostic::error(
            "no-working-tree",
            "a bare repository has no folder to build in",
        )
        .help("run `exec` in a checkout, or in a worktree: `git worktree add`")
        .into());
    };
    let options = options(directory, run)?;
    let sealed = sealer.map(|sealer| Sealed {
        sealer,
        made: &made,
    });
    let contexts: &dyn Contexts = if let Some(sealed) = &sealed {
        sealed
    } else {
        planning::check_stored(directory, &made.plan)?;
        &WorkingTree
    };
    let mut progress: Box<dyn Progress> = if run.quiet {
        Box::new(Quiet)
    } else {
        let term = std::env::var("TERM").ok();
        progress::for_stderr(term.as_deref(), output::in_github_actions())
    };
    let report = exec::run(&made.plan, &options, root, contexts, &mut *progress)?;
    drop(progress);
    if let Some(sealer) = sealer.filter(|_| !run.dry_run) {
        tidy(sealer, run.quiet);
    }
    output::report_below(&below_top(directory, root), &report.problems);
    if let Some(file) = &run.report {
        output::write(&report.to_json(), Some(&directory.join(file)))?;
    }
    output::write(&report.table(), None)?;
    Ok(if report.succeeded() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Removes sealed contexts that nobody used for a while, and says what the others take.
fn tidy(sealer: &Sealer, quiet: bool) {
    let Some((folder, count, bytes)) = sealer.tidy() else {
        return;
    };
    if !quiet {
        let (whole, tenth) = (bytes / 1_000_000, bytes / 100_000 % 10);
        let folder = folder.display();
        output::eprint(&format!(
            "{count} sealed contexts take {whole}.{tenth} MB in {folder}\n"
        ));
    }
}

/// The root of the plan from the top of the checkout; empty where it is the top, or unknown.
fn below_top(directory: &Path, root: &Path) -> String {
    let checkout = Checkout::open(directory).ok();
    let top = checkout.as_ref().and_then(Checkout::top);
    let below = top.and_then(|top| root.strip_prefix(top).ok());
    below
        .map(|path| path.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn options(directory: &Path, run: &Run) -> Result<Options, Diagnostics> {
    let stop = Stop::on_signals().map_err(|error| {
        Diagnostic::error("signals", format!("signals cannot be handled: {error}"))
    })?;
    Ok(Options {
        jobs: run
            .jobs
            .map_or_else(exec::default_jobs, std::num::NonZeroUsize::get),
        build: !run.no_build,
        tags: !run.no_tags,
        keep_going: run.keep_going,
        dry_run: run.dry_run,
        push: match (run.push, run.push_dirty) {
            (_, true) => Some(Push::Dirty),
            (true, false) => Some(Push::Clean),
            (false, false) => None,
        },
        from_registry: run.from_registry,
        logs: match &run.logs {
            Some(folder) => directory.join(folder),
            None => std::env::temp_dir().join(format!("shipwright-logs-{}", std::process::id())),
        },
        stop,
    })
}

/// Contexts that hold exactly the planned input files.
struct Sealed<'a> {
    sealer: &'a Sealer,
    made: &'a Made,
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

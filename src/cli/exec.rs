//! `shipwright exec`: runs the plan against Docker.

use std::path::Path;
use std::process::ExitCode;

use super::args::{Planning, Run, Stored};
use super::output;
use super::planning::{self, Made};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::exec::progress::{self, Progress, Quiet};
use crate::exec::{self, Contexts, Options, Push, Sources, Stop, WorkingTree};
use crate::plan::Image;
use crate::source::Sealer;

pub(super) fn run(
    directory: &Path,
    planning: &Planning,
    stored: &Stored,
    run: &Run,
) -> Result<ExitCode, Diagnostics> {
    let made = planning::stored_or(directory, stored, || {
        planning::make(directory, planning, None)
    })?;
    let Some(root) = &made.root else {
        return Err(Diagnostic::error(
            "no-working-tree",
            "a bare repository has no folder to build in",
        )
        .help("run `exec` in a checkout, or in a worktree: `git worktree add`")
        .into());
    };
    let options = options(run)?;
    let sealed;
    let contexts: &dyn Contexts = match &made.sealer {
        Some(sealer) if !run.unsealed => {
            sealed = Sealed {
                sealer,
                made: &made,
            };
            &sealed
        }
        _ => {
            planning::check_stored(directory, &made.plan)?;
            &WorkingTree
        }
    };
    let mut progress: Box<dyn Progress> = if run.quiet {
        Box::new(Quiet)
    } else {
        progress::for_stderr(std::env::var("TERM").ok().as_deref())
    };
    let report = exec::run(&made.plan, &options, root, contexts, &mut *progress)?;
    drop(progress);
    output::report(&report.problems);
    if let Some(file) = &run.report {
        output::write(&report.to_json(), Some(file))?;
    }
    output::write(&report.table(), None)?;
    Ok(if report.succeeded() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn options(run: &Run) -> Result<Options, Diagnostics> {
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
        logs: run.logs.clone().unwrap_or_else(|| {
            std::env::temp_dir().join(format!("shipwright-logs-{}", std::process::id()))
        }),
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

//! `shipwright prune`: removes local images that no kept plan names.

use std::path::Path;
use std::time::{Duration, SystemTime};

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::args::Settings;
use super::complete::revisions;
use super::{output, planning};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::planner::Options;
use crate::planner::workspace::{State, Workspace};
use crate::run::exec::prune::{self, Needed};

/// Which local images go.
#[derive(Debug, Args)]
pub(super) struct Pruning {
    /// Also keep the images of a revision
    #[arg(long, value_name = "REV", add = ArgValueCompleter::new(revisions))]
    pub(super) keep: Vec<String>,
    /// Only images built before this: 30m, 12h, 14d, 2w
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(super) older_than: Option<Duration>,
    /// Remove the images
    #[arg(long)]
    pub(super) yes: bool,
    /// Remove nothing, even with `--yes`
    #[arg(short = 'n', long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) settings: Settings,
}

/// Prints the references that would go, and with `--yes` takes them away.
pub(super) fn run(directory: &Path, pruning: &Pruning) -> Result<(), Diagnostics> {
    let kept = kept(directory, pruning)?;
    let labelled = prune::labelled()?;
    let unneeded = kept.unneeded(&labelled, pruning.older_than.map(ago));
    let mut lines = String::new();
    let mut problems = Diagnostics::new();
    let removes = pruning.yes && !pruning.dry_run;
    for image in &unneeded {
        if removes && let Err(problem) = prune::remove(&image.reference) {
            problems.push(problem);
            continue;
        }
        lines.push_str(&image.reference);
        lines.push('\n');
    }
    output::write(&lines, None)?;
    if !removes && !unneeded.is_empty() && !output::is_quiet() {
        output::eprint("nothing was removed; `--yes` removes these images\n");
    }
    problems.fail_on_errors()
}

/// That long before now, in seconds since 1970-01-01 00:00 UTC.
fn ago(age: Duration) -> i64 {
    let moment = SystemTime::now().checked_sub(age);
    let since = moment.and_then(|moment| moment.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

/// The images of the working tree, of HEAD, of every local branch and tag, and of what is kept by
/// name.
fn kept(directory: &Path, pruning: &Pruning) -> Result<Needed, Diagnostics> {
    let workspace = planning::open(directory, None)?;
    let checkout = workspace.checkout();
    let mut states = Vec::new();
    if !checkout.is_bare() {
        // What `--dirty` counts, and what a plan of HEAD does.
        states.push(("the working tree".to_owned(), State::Dirty));
    }
    states.push(("HEAD".to_owned(), State::head()));
    for revision in &pruning.keep {
        // One that was asked for by name must be there.
        checkout.commit(revision)?;
    }
    let revisions = checkout.branches_and_tags()?.into_iter();
    // A tag may name something that is no commit.
    let revisions = revisions.filter(|revision| checkout.commit(revision).is_ok());
    for revision in revisions.chain(pruning.keep.iter().cloned()) {
        states.push((revision.clone(), State::Commit(revision)));
    }
    let options = planning::options_of(directory, &pruning.settings)?;
    let mut kept = Needed::default();
    let mut problems = Diagnostics::new();
    for (name, state) in states {
        keep(
            &workspace,
            &state,
            &name,
            &options,
            &mut kept,
            &mut problems,
        );
    }
    output::report(directory, &problems);
    Ok(kept)
}

fn keep(
    workspace: &Workspace,
    state: &State,
    name: &str,
    options: &Options,
    kept: &mut Needed,
    problems: &mut Diagnostics,
) {
    match workspace.everything(state, options).value() {
        Some(compiled) => kept.add(&compiled.plan),
        None => problems.push(
            Diagnostic::new(
                Code::NotPlanned,
                format!("{name} cannot be planned, so it keeps no images"),
            )
            .help(format!("`shipwright check --rev {name}` shows why")),
        ),
    }
}

/// A number of minutes, hours, days or weeks.
fn age(text: &str) -> Result<Duration, String> {
    let seconds = match text.chars().last() {
        Some('m') => 60,
        Some('h') => 60 * 60,
        Some('d') => 24 * 60 * 60,
        Some('w') => 7 * 24 * 60 * 60,
        _ => 0,
    };
    let number: Option<u64> = text
        .get(..text.len().saturating_sub(1))
        .and_then(|n| n.parse().ok());
    match number.and_then(|number| number.checked_mul(seconds)) {
        Some(age) if seconds > 0 => Ok(Duration::from_secs(age)),
        _ => Err("expected a number and `m`, `h`, `d` or `w`, such as 14d".to_owned()),
    }
}

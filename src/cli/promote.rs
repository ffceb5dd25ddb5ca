//! `shipwright promote`: copies what is built to other repositories.

use std::path::{Path, PathBuf};

use clap::Args;

use super::args::Planning;
use super::graph::read_report;
use super::{output, planning};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::plan::Plan;
use crate::planner::Sends;
use crate::run::exec::Stop;
use crate::run::promote::{Promoted, Promotion, promote};
use crate::run::registry::HttpRegistry;

/// What is promoted, and where to.
#[derive(Debug, Args)]
pub(super) struct Promote {
    /// Target repository of each image; may be repeated
    #[arg(long, value_name = "TEMPLATE", required = true)]
    to: Vec<String>,
    /// Copy only the digests in FILE, a report written by `exec --push --report`
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Print what would be copied and tagged, and write nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    #[command(flatten)]
    pub(super) planning: Planning,
}

/// Promotes, and prints a line for each image and target.
pub(super) fn run(directory: &Path, arguments: &Promote) -> Result<(), Diagnostics> {
    let report = arguments.report.as_ref();
    let report = report.map(|file| read_report(&directory.join(file)));
    let tested = report.transpose()?.map(|report| report.digests());
    let source = planning::make(directory, &arguments.planning, None, Sends::Sealed)?.plan;
    let targets: Vec<Plan> = arguments
        .to
        .iter()
        .map(|to| planning::elsewhere(directory, &arguments.planning, to))
        .collect::<Result<_, _>>()?;
    let stop = Stop::on_signals().map_err(|error| {
        Diagnostic::new(Code::Signals, format!("signals cannot be handled: {error}"))
    })?;
    let promotion = Promotion {
        source: &source,
        targets: &targets,
        tested,
        dry_run: arguments.dry_run,
    };
    let mut note = |text: &str| {
        if !output::is_quiet() {
            output::eprint(&format!("{text}\n"));
        }
    };
    let promoted = promote(&promotion, &HttpRegistry::new(), &stop, &mut note)?;
    Ok(output::write(&table(&promoted, arguments.dry_run), None)?)
}

/// A line for each image and target, then a line with counts.
fn table(promoted: &[Promoted], dry_run: bool) -> String {
    let copied = if dry_run { "copy" } else { "copied" };
    let mut text = String::new();
    let outcome = |one: &Promoted| if one.copied { copied } else { "there" };
    let width = promoted
        .iter()
        .map(|one| outcome(one).len())
        .max()
        .unwrap_or_default();
    for one in promoted {
        let tags: Vec<&str> = one
            .tags
            .iter()
            .map(|tag| tag.rsplit(':').next().unwrap_or(tag))
            .collect();
        let line = format!(
            "{:width$}  {}  {}",
            outcome(one),
            one.reference,
            tags.join(" ")
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let count = promoted.iter().filter(|one| one.copied).count();
    let tags: usize = promoted.iter().map(|one| one.tags.len()).sum();
    let there = promoted.len() - count;
    let counts = if dry_run {
        format!("dry run: {count} to copy, {there} already there, {tags} tags to move\n")
    } else {
        format!("{count} copied, {there} already there, {tags} tags moved\n")
    };
    text + &counts
}

//! Facts that decisions rest on: an earlier revision, and what is known to exist.

use std::collections::BTreeSet;
use std::path::Path;

use super::args::Planning;
use super::output;
use super::planning::{self, Made};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Severity};
use crate::planner::compile::Options;
use crate::planner::decide::{Earlier, decide};
use crate::tree::source::{Checkout, DiskFiles};

/// Decides for every image of a plan, as `--since` and `--built` ask for.
pub(super) fn apply(
    made: &mut Made,
    directory: &Path,
    checkout: &Checkout,
    planning: &Planning,
    options: &Options,
) -> Result<(), Diagnostics> {
    let since = match &planning.since {
        Some(since) => {
            let now = planning.rev.as_deref().unwrap_or("HEAD");
            Some(earlier(checkout, since, now, options, DiskFiles::None)?)
        }
        None => None,
    };
    let built = match &planning.built {
        Some(file) => Some(references(&directory.join(file))?),
        None => None,
    };
    decide(&mut made.plan, &made.files, since.as_ref(), built.as_ref());
    Ok(())
}

/// What all images were at a revision, with these files of the disk; at the merge base with `now`
/// for one that ends in `...`.
pub(super) fn earlier(
    checkout: &Checkout,
    since: &str,
    now: &str,
    options: &Options,
    counts: DiskFiles,
) -> Result<Earlier, Diagnostics> {
    let tree = match since.strip_suffix("...") {
        Some(since) => checkout.commit(&checkout.merge_base(since, now)?)?,
        None => checkout.commit(since)?,
    };
    let mut tree = tree.counting(counts);
    let id = tree.revision().map(|revision| revision.id.to_string());
    let (compiled, problems) = match planning::everything(&mut tree, options) {
        Ok((compiled, problems)) => (compiled, problems),
        Err(problems) => (None, problems),
    };
    // It can be planned, once what a partial clone lacks is fetched.
    if problems
        .iter()
        .any(|problem| problem.code == Code::MissingObject)
    {
        return Err(problems);
    }
    if compiled.is_none() {
        let mut warning = Diagnostic::new(
            Code::SinceNotPlanned,
            format!("`{since}` cannot be planned, so every image counts as new"),
        );
        for problem in problems
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
        {
            warning = warning.help(format!("there: {}", problem.message));
        }
        output::remark(checkout, &warning.into());
    }
    Ok(Earlier {
        revision: id.unwrap_or_default(),
        compiled,
    })
}

/// The lines of a file, without blank ones.
fn references(file: &Path) -> Result<BTreeSet<String>, Diagnostic> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        let name = file.display();
        Diagnostic::new(
            Code::Unreadable,
            format!("`{name}` cannot be read: {error}"),
        )
    })?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.map(str::to_owned).collect())
}

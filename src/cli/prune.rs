//! `shipwright prune`: removes local images that no kept plan names.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::args::Pruning;
use super::{output, planning};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::run::exec::dispose::{self, Kept};
use crate::tree::source::{Checkout, DiskFiles, Tree};

/// Prints the references that would go, and with `--yes` takes them away.
pub(super) fn run(directory: &Path, pruning: &Pruning) -> Result<(), Diagnostics> {
    let kept = kept(directory, pruning)?;
    let labelled = dispose::labelled()?;
    let unneeded = kept.unneeded(&labelled, pruning.older_than.map(ago));
    let mut lines = String::new();
    let mut problems = Diagnostics::new();
    for image in &unneeded {
        if pruning.yes
            && let Err(problem) = dispose::remove(&image.reference)
        {
            problems.push(problem);
            continue;
        }
        lines.push_str(&image.reference);
        lines.push('\n');
    }
    output::write(&lines, None)?;
    if !pruning.yes && !unneeded.is_empty() {
        output::eprint("nothing was removed: `--yes` removes these\n");
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
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
fn kept(directory: &Path, pruning: &Pruning) -> Result<Kept, Diagnostics> {
    let checkout = Checkout::open(directory)?;
    let mut revisions = vec!["HEAD".to_owned()];
    revisions.extend(checkout.branches_and_tags()?);
    let mut kept = Kept::default();
    let mut problems = Diagnostics::new();
    if !checkout.is_bare() {
        // What `--dirty` counts, and what a plan of HEAD does.
        let dirty = checkout.working_tree(&[])?.counting(DiskFiles::All);
        keep(dirty, "the working tree", pruning, &mut kept, &mut problems);
    }
    for revision in &pruning.keep {
        // One that was asked for by name must be there.
        checkout.commit(revision)?;
        revisions.push(revision.clone());
    }
    for revision in revisions {
        // A tag may name something that is no commit.
        if let Ok(tree) = checkout.commit(&revision) {
            let counts = if revision == "HEAD" {
                DiskFiles::Generated
            } else {
                DiskFiles::None
            };
            keep(
                tree.counting(counts),
                &revision,
                pruning,
                &mut kept,
                &mut problems,
            );
        }
    }
    output::report(directory, &problems);
    Ok(kept)
}

fn keep(
    mut tree: Tree<'_>,
    name: &str,
    pruning: &Pruning,
    kept: &mut Kept,
    problems: &mut Diagnostics,
) {
    let options = planning::options_of(&pruning.settings);
    match planning::everything(&mut tree, &options) {
        Ok((Some(compiled), _)) => kept.add(&compiled.plan),
        Ok((None, _)) | Err(_) => problems.push(
            Diagnostic::new(
                Code::NotPlanned,
                format!("{name} cannot be planned, and keeps no image"),
            )
            .help(format!("`shipwright check --rev {name}` says why")),
        ),
    }
}

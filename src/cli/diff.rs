//! `shipwright diff`: what changes between two revisions or plans.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use super::args::{DiffFormat, Diffing};
use super::{output, planning, stored};
use crate::diagnostics::Diagnostics;
use crate::plan::Plan;
use crate::planner::compile::{Compiled, Files, Options};
use crate::planner::decide::Earlier;
use crate::planner::diff::Diff;
use crate::tree::source::{Checkout, DiskFiles};

/// One side of the comparison.
struct Side {
    plan: Plan,
    /// What the plan was compiled with; none for one that was stored.
    files: Option<BTreeMap<String, Files>>,
}

/// Compares; exits with 1 where something changes and that was asked for.
pub(super) fn run(directory: &Path, diffing: &Diffing) -> Result<ExitCode, Diagnostics> {
    let options = planning::options_of(&diffing.settings);
    let (old, new) = match (&diffing.a, &diffing.b) {
        (None, _) => (
            of_head(directory, &options)?,
            of_working_tree(directory, &options)?,
        ),
        (Some(a), None) => match a.split_once("...") {
            Some((a, b)) => {
                let [a, b] = [a, b].map(|text| if text.is_empty() { "HEAD" } else { text });
                let base = Checkout::open(directory)?.merge_base(a, b)?;
                (
                    of_revision(directory, &base, &options)?,
                    of_revision(directory, b, &options)?,
                )
            }
            None => (
                side(directory, a, &options)?,
                of_revision(directory, "HEAD", &options)?,
            ),
        },
        (Some(a), Some(b)) => (side(directory, a, &options)?, side(directory, b, &options)?),
    };
    let diff = compare(old, &new);
    let text = match diffing.format {
        DiffFormat::Text => diff.to_text(),
        DiffFormat::Json => diff.to_json(),
        DiffFormat::Markdown => diff.to_markdown(),
    };
    output::write(&text, diffing.output.file(directory).as_deref())?;
    let differs = diffing.exit_code && !diff.is_empty();
    Ok(if differs {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn compare(old: Side, new: &Side) -> Diff {
    let (Some(old_files), Some(new_files)) = (old.files, &new.files) else {
        return Diff::new(&old.plan, &new.plan, None);
    };
    let plan = old.plan.clone();
    let earlier = Earlier {
        revision: old.plan.source.revision.clone(),
        compiled: Some(Compiled {
            plan: old.plan,
            files: old_files,
            reach: Vec::new(),
        }),
    };
    Diff::new(&plan, &new.plan, Some((&earlier, new_files)))
}

/// The plan in a file of that name, else of a revision.
fn side(directory: &Path, text: &str, options: &Options) -> Result<Side, Diagnostics> {
    let file = directory.join(text);
    if text != "-" && !file.is_file() {
        return of_revision(directory, text, options);
    }
    let file = if text == "-" { Path::new("-") } else { &file };
    let plan = stored::read(file)?;
    Ok(Side { plan, files: None })
}

/// HEAD as it would be run here, with the generated files that the working tree has too.
fn of_head(directory: &Path, options: &Options) -> Result<Side, Diagnostics> {
    let checkout = Checkout::open(directory)?;
    let mut tree = checkout.commit("HEAD")?.counting(DiskFiles::Generated);
    planned(planning::everything(&mut tree, options)?)
}

fn of_revision(directory: &Path, revision: &str, options: &Options) -> Result<Side, Diagnostics> {
    let checkout = Checkout::open(directory)?;
    let mut tree = checkout.commit(revision)?;
    planned(planning::everything(&mut tree, options)?)
}

fn of_working_tree(directory: &Path, options: &Options) -> Result<Side, Diagnostics> {
    let checkout = Checkout::open(directory)?;
    let mut tree = checkout.working_tree(&output::written(None))?;
    let mut head = checkout.commit("HEAD")?.counting(DiskFiles::Generated);
    let clean = planning::fingerprints(&mut head, options);
    planned(planning::compile(&mut tree, options, Some(&clean))?)
}

fn planned((compiled, diagnostics): (Option<Compiled>, Diagnostics)) -> Result<Side, Diagnostics> {
    let Some(compiled) = compiled else {
        return Err(diagnostics);
    };
    Ok(Side {
        plan: compiled.plan,
        files: Some(compiled.files),
    })
}

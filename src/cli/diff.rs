//! `shipwright diff`: what changes between two revisions or plans.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use super::args::{Output, Settings};
use super::complete::revisions;
use super::{output, planning, stored};
use crate::diagnostics::Diagnostics;
use crate::plan::Plan;
use crate::planner::Options;
use crate::planner::compile::{Compiled, Files};
use crate::planner::decide::Earlier;
use crate::planner::diff::Diff;
use crate::planner::workspace::{State, Workspace};

/// What is compared, and how that is shown.
#[derive(Debug, Args)]
pub(super) struct Diffing {
    /// A revision, the file of a plan, or A...B: from the merge base of A and B to B
    #[arg(add = ArgValueCompleter::new(revisions))]
    pub(super) a: Option<String>,
    /// A revision or the file of a plan; default: HEAD
    #[arg(add = ArgValueCompleter::new(revisions))]
    pub(super) b: Option<String>,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: DiffFormat,
    /// Exit with 1 if there are differences, with 2 if they cannot be determined
    #[arg(long)]
    pub(super) exit_code: bool,
    #[command(flatten)]
    pub(super) settings: Settings,
    #[command(flatten)]
    pub(super) output: Output,
}

/// How differences are shown.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum DiffFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// For a comment on a pull request
    Markdown,
}

/// One side of the comparison.
struct Side {
    plan: Plan,
    /// What the plan was compiled with; none for one that was stored.
    files: Option<BTreeMap<String, Files>>,
}

/// Compares; exits with 1 where something changes and that was asked for.
pub(super) fn run(directory: &Path, diffing: &Diffing) -> Result<ExitCode, Diagnostics> {
    let workspace = planning::open(directory, None)?;
    let options = planning::options_of(directory, &diffing.settings)?;
    let of = |state| side_of(&workspace, &state, &options);
    let typed = |text: &str| match stored_side(directory, text)? {
        Some(side) => Ok(side),
        None => of(State::Commit(text.to_owned())),
    };
    let head = || of(State::Commit("HEAD".to_owned()));
    let (old, new) = match (&diffing.a, &diffing.b) {
        (None, _) => (of(State::head())?, of(State::WorkingTree)?),
        (Some(a), None) => match a.split_once("...") {
            Some((a, b)) => {
                let [a, b] = [a, b].map(|text| if text.is_empty() { "HEAD" } else { text });
                let base = workspace.checkout().merge_base(a, b)?;
                (of(State::Commit(base))?, of(State::Commit(b.to_owned()))?)
            }
            None => (typed(a)?, head()?),
        },
        (Some(a), Some(b)) => (typed(a)?, typed(b)?),
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
            specs: Vec::new(),
            externals: Vec::new(),
            needed: BTreeSet::new(),
            lock: None,
            mirror: None,
        }),
    };
    Diff::new(&plan, &new.plan, Some((&earlier, new_files)))
}

/// The plan in a file of that name, where there is one.
fn stored_side(directory: &Path, text: &str) -> Result<Option<Side>, Diagnostics> {
    let file = directory.join(text);
    if text != "-" && !file.is_file() {
        return Ok(None);
    }
    let file = if text == "-" { Path::new("-") } else { &file };
    let plan = stored::read(file)?;
    Ok(Some(Side { plan, files: None }))
}

fn side_of(workspace: &Workspace, state: &State, options: &Options) -> Result<Side, Diagnostics> {
    let (compiled, _) = workspace.everything(state, options).into_result()?;
    Ok(Side {
        plan: compiled.plan,
        files: Some(compiled.files),
    })
}

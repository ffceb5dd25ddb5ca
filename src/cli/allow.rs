//! `--allow`: what a plan may reach beyond the checkout, and the question where nothing is said.

use std::io::{BufRead, IsTerminal};
use std::path::Path;

use super::output;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::planner::Planned;
use crate::run::trust::{self, Grant, Ground, Reach};
use crate::tree::source::Checkout;

/// Holds the same as `--allow`, with commas between.
const VARIABLE: &str = "SHIPWRIGHT_ALLOW";

/// What the command line and the environment grant.
///
/// # Errors
/// When the environment's is not understood.
pub(super) fn granted(directory: &Path, flags: &[Grant]) -> Result<Vec<Grant>, Diagnostics> {
    let variable = std::env::var(VARIABLE).unwrap_or_default();
    let mut granted = flags.to_vec();
    for text in variable.split(',').filter(|text| !text.is_empty()) {
        granted.push(text.parse().map_err(|error| {
            let message = format!("`{text}` in {VARIABLE} is invalid");
            Diagnostic::new(Code::NotAllowed, message).help(error)
        })?);
    }
    let here = directory.canonicalize().unwrap_or(directory.to_owned());
    let granted = granted.into_iter();
    Ok(granted.map(|grant| grant.seen_from(&here)).collect())
}

/// Refuses a plan that reaches further than is granted, unless somebody at a terminal lets it.
pub(super) fn check(
    directory: &Path,
    made: &Planned,
    granted: &[Grant],
    dry_run: bool,
) -> Result<(), Diagnostics> {
    let ground = ground(&Checkout::open(directory)?, made);
    let reached = trust::reached(&made.plan, &ground);
    let refused = trust::refused(&reached, granted);
    if refused.is_empty() || (!dry_run && is_let(&reached, granted)) {
        return Ok(());
    }
    let mut problems = Diagnostics::new();
    problems.extend(refused);
    Err(problems)
}

/// Asks whoever sits at the terminal, if somebody does.
fn is_let(reached: &[Reach], granted: &[Grant]) -> bool {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() || !std::io::stderr().is_terminal() {
        return false;
    }
    let question = trust::question(reached, granted);
    output::eprint(&format!("{question}allow it this time? [y/N] "));
    let mut answer = String::new();
    let read = stdin.lock().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

/// The places of the checkout that a plan is of.
pub(super) fn ground(checkout: &Checkout, planned: &Planned) -> Ground {
    let git_directory = checkout.git_directory();
    let root = planned.root.as_deref().unwrap_or(git_directory);
    Ground {
        root: root.to_owned(),
        top: checkout.top().map(Path::to_owned),
        git_directory: git_directory.to_owned(),
    }
}

//! `shipwright check`: the diagnostics alone, for people and for programs.

mod code_quality;
mod json;
mod sarif;

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::args::{Output, Planning};
use super::{output, planning};
use crate::diagnostics::{Diagnostics, escape};
use crate::tree::source::Checkout;

/// What is checked, and how the result is shown.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Exit with 1 if there are warnings
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    pub(super) planning: Planning,
    #[command(flatten)]
    output: Output,
}

/// How diagnostics are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, on standard error
    Text,
    /// For programs
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// A code quality report for GitLab
    Gitlab,
}

/// Prints the diagnostics; exits with 1 where one is an error, or with `--strict` a warning.
pub(super) fn run(directory: &Path, check: &Check) -> Result<ExitCode, Diagnostics> {
    let file = check.output.file(directory);
    if let Some(file) = &file {
        output::check_writable(file)?;
    }
    let checked = planning::check(directory, &check.planning, file.as_deref());
    let diagnostics = checked.unwrap_or_else(|problems| problems);
    // Programs that show a repository's files know them by their paths from its top.
    let root = Checkout::open(directory).map_or_else(|_| String::new(), |at| at.root_path());
    let text = match check.format {
        Format::Text => None,
        Format::Json => Some(json::write(&diagnostics)),
        Format::Sarif => Some(sarif::write(&diagnostics, &root)),
        Format::Gitlab => Some(code_quality::write(&diagnostics, &root)),
    };
    match &text {
        Some(text) => output::write(&escape::json(text), file.as_deref())?,
        None => output::report(directory, &diagnostics),
    }
    let (errors, warnings) = diagnostics.counts();
    Ok(if errors > 0 || check.strict && warnings > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// A path from the top of the checkout; `root` is that of the plan's root.
fn from_top(root: &str, path: &str) -> String {
    if root.is_empty() {
        path.to_owned()
    } else {
        format!("{root}/{path}")
    }
}

/// A document as text: two-space indent, one final newline.
fn pretty(document: &impl serde::Serialize) -> String {
    let mut text =
        serde_json::to_string_pretty(document).expect("diagnostics hold nothing that JSON cannot");
    text.push('\n');
    text
}

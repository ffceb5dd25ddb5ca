//! `shipwright plan`: the plan as JSON, or as text for people.

use std::io::IsTerminal;
use std::path::Path;

use clap::{Args, ValueEnum};

use super::args::{Output, Planning};
use super::{output, planning, screen};
use crate::diagnostics::Diagnostics;
use crate::planner::Sends;
use crate::run::review::review;

#[derive(Debug, Args)]
pub(super) struct Plan {
    #[command(flatten)]
    planning: Planning,
    #[command(flatten)]
    output: Output,
    /// Output format; default: `text` on a terminal, else `json`
    #[arg(long, value_enum, value_name = "FORMAT", help_heading = "Output")]
    format: Option<Format>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A summary: what is built, grouped by first cause
    Text,
    /// The whole plan
    Json,
}

pub(super) fn run(directory: &Path, arguments: &Plan) -> Result<(), Diagnostics> {
    let file = arguments.output.file(directory);
    let on_terminal = file.is_none() && std::io::stdout().is_terminal();
    let format = arguments.format.unwrap_or(if on_terminal {
        Format::Text
    } else {
        Format::Json
    });
    let made = planning::make(
        directory,
        &arguments.planning,
        file.as_deref(),
        Sends::Sealed,
    )?;
    let file = file.as_deref();
    match format {
        Format::Text => output::write_text(&review(&made.plan, screen::stdout()), file)?,
        Format::Json => output::write(&made.plan.to_json(), file)?,
    }
    // The process ends: nobody needs what it holds to be freed piece by piece.
    std::mem::forget(made);
    Ok(())
}

//! `shipwright graph`: pictures of what the images take from each other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::args::{Output, Planning, Stored};
use super::{output, planning, screen, stored};
use crate::config::lock::LockFile;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::run::picture::{self, Locked, Options, Report, draw};

/// What to draw, and how.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    shipwright graph                            a tree, bases first\n  \
    shipwright graph -d python --external       what depends on an image; bases\n  \
    shipwright graph --since main...            what this branch rebuilds, and why\n  \
    shipwright graph --format html --since main... -o images.html\n  \
    shipwright graph --format svg --report report.json -o images.svg\n  \
    shipwright graph --format mermaid           for a Markdown page")]
pub(super) struct Graph {
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Tree)]
    format: Format,
    /// Also draw external base images, with their digests and dates from the lock file
    #[arg(long)]
    external: bool,
    /// Draw every image, instead of grouping those that are alike
    #[arg(long)]
    all: bool,
    /// Show the results of a run, from a report written by `exec --report`
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    planning: Planning,
    #[command(flatten)]
    stored: Stored,
    #[command(flatten)]
    output: Output,
}

/// How a picture is written down.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// A tree for the terminal
    Tree,
    /// For Graphviz
    Dot,
    /// A flowchart for Markdown
    Mermaid,
    /// An SVG drawing
    Svg,
    /// One HTML file for a browser, with search, causes, and the timeline of a run
    Html,
}

pub(super) fn run(directory: &Path, graph: &Graph) -> Result<(), Diagnostics> {
    let file = graph.output.file(directory);
    let report = graph
        .report
        .as_ref()
        .map(|file| read_report(&directory.join(file)));
    let report = report.transpose()?;
    let mut locked = BTreeMap::new();
    let look = || {
        let made = planning::look(directory, &graph.planning)?;
        locked = made.lock.as_ref().map(of_bases).unwrap_or_default();
        Ok(made)
    };
    let plan = stored::or_made(directory, &graph.stored, look)?;
    let format = match graph.format {
        Format::Tree => picture::Format::Tree,
        Format::Dot => picture::Format::Dot,
        Format::Mermaid => picture::Format::Mermaid,
        Format::Svg => picture::Format::Svg,
        Format::Html => picture::Format::Html,
    };
    let options = Options {
        external: graph.external,
        locked,
        all: graph.all,
        colour: file.is_none() && screen::stdout().colour,
    };
    let text = draw(&plan, report.as_ref(), format, &options)?;
    Ok(output::write(&text, file.as_deref())?)
}

/// What a lock file says of each base image.
fn of_bases(file: &LockFile) -> BTreeMap<String, Locked> {
    let images = file.lock.images.iter();
    let locked = images.map(|(name, image)| {
        let locked = Locked {
            digest: image.digest.clone(),
            created: image.created().map(str::to_owned),
        };
        (name.clone(), locked)
    });
    locked.collect()
}

/// The report in a file.
pub(super) fn read_report(file: &Path) -> Result<Report, Diagnostic> {
    let name = file.display().to_string();
    Report::from_json(&name, &output::read(file)?)
}

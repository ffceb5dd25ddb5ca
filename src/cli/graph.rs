//! `shipwright graph`: pictures of what the images take from each other.

use std::path::Path;

use clap::{Args, ValueEnum};

use super::args::{Output, Planning, Stored};
use super::{output, planning, stored};
use crate::diagnostics::Diagnostics;
use crate::run::picture::{self, Options, draw};

/// What to draw, and how.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    shipwright graph                            a tree, bases first\n  \
    shipwright graph -d python --external       what takes from an image, and what is outside\n  \
    shipwright graph --format dot | dot -Tsvg > images.svg\n  \
    shipwright graph --format mermaid           for a Markdown page")]
pub(super) struct Graph {
    /// What to write
    #[arg(long, value_enum, default_value_t = Format::Tree)]
    format: Format,
    /// Draw external base images too
    #[arg(long)]
    external: bool,
    /// Draw every image, even where more than 32 take the same from the same
    #[arg(long)]
    all: bool,
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
    /// Lines for a terminal
    Tree,
    /// For Graphviz
    Dot,
    /// A flowchart for Markdown
    Mermaid,
}

pub(super) fn run(directory: &Path, graph: &Graph) -> Result<(), Diagnostics> {
    let look = || planning::look(directory, &graph.planning);
    let plan = stored::or_made(directory, &graph.stored, look)?;
    let format = match graph.format {
        Format::Tree => picture::Format::Tree,
        Format::Dot => picture::Format::Dot,
        Format::Mermaid => picture::Format::Mermaid,
    };
    let options = Options {
        external: graph.external,
        all: graph.all,
    };
    let text = draw(&plan, format, options);
    Ok(output::write(
        &text,
        graph.output.file(directory).as_deref(),
    )?)
}

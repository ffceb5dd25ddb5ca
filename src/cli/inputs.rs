//! `shipwright inputs`: the files that go into images.

use std::collections::BTreeSet;
use std::path::Path;

use clap::Args;

use super::args::Planning;
use super::{output, planning};
use crate::diagnostics::{Diagnostics, escape};
use crate::paths;

/// Of which images, and how lines end.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    shipwright inputs service1\n  \
    shipwright inputs --rev v1.2 service1\n  \
    shipwright inputs -z service1 | tr '\\0' '\\n'")]
pub(super) struct Inputs {
    #[command(flatten)]
    planning: Planning,
    /// End lines with a zero byte and do not quote paths
    #[arg(short = 'z')]
    zero: bool,
}

impl Inputs {
    pub(super) fn planning(&self) -> &Planning {
        &self.planning
    }
}

/// Lists mode, blob and path of every input of the images, those from named contexts included, each
/// file once, in byte order of the paths, which are quoted as git quotes them. Images that are only
/// needed by those named are left out.
pub(super) fn run(directory: &Path, arguments: Inputs) -> Result<(), Diagnostics> {
    let Inputs { mut planning, zero } = arguments;
    let selection = &mut planning.selection;
    selection.exact.append(&mut selection.images);
    let made = planning::look(directory, &planning)?;
    let mut lines = BTreeSet::new();
    for image in &made.plan.images {
        let files = &made.files[&image.name];
        let named = files.contexts.iter();
        let named = named.filter_map(|(name, files)| Some((image.contexts.get(name)?, files)));
        for (context, files) in named.chain([(&image.context, &files.inputs)]) {
            files.walk(&mut |path, node| {
                let path = paths::join(context, path);
                lines.insert((path, format!("{:0>6} {}", node.mode(), node.id())));
            });
        }
    }
    let lines = lines.into_iter();
    if zero {
        let lines = lines.map(|(path, object)| format!("{object} {path}\0"));
        return Ok(output::write(&lines.collect::<String>(), None)?);
    }
    let lines = lines.map(|(path, object)| format!("{object} {}\n", escape::quoted(&path)));
    Ok(output::write_text(&lines.collect::<String>(), None)?)
}

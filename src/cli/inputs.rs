//! `shipwright inputs`: the files that go into images.

use std::collections::BTreeSet;
use std::path::Path;

use super::args::Planning;
use super::{output, planning};
use crate::diagnostics::Diagnostics;
use crate::paths;

/// Lists mode, blob and path of every input of the images, those from named contexts included, each
/// file once, in byte order of the paths. Images that are only needed by those named are left out.
pub(super) fn run(directory: &Path, mut planning: Planning) -> Result<(), Diagnostics> {
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
    let lines = lines
        .into_iter()
        .map(|(path, object)| format!("{object} {path}\n"));
    Ok(output::write(&lines.collect::<String>(), None)?)
}

//! `shipwright inputs`: the files that go into images.

use std::collections::BTreeSet;
use std::path::Path;

use super::args::Planning;
use super::{output, planning};
use crate::diagnostics::Diagnostics;
use crate::paths;

/// Lists mode, blob and path of every input of the images, each file once, in byte order of the
/// paths. Images that are only needed by those named are left out.
pub(super) fn run(directory: &Path, mut planning: Planning) -> Result<(), Diagnostics> {
    let selection = &mut planning.selection;
    selection.exact.append(&mut selection.images);
    let made = planning::look(directory, &planning)?;
    let mut lines = BTreeSet::new();
    for image in &made.plan.images {
        made.files[&image.name].inputs.walk(&mut |path, node| {
            let path = paths::join(&image.context, path);
            lines.insert((path, format!("{:0>6} {}", node.mode(), node.id())));
        });
    }
    let lines = lines
        .into_iter()
        .map(|(path, object)| format!("{object} {path}\n"));
    Ok(output::write(&lines.collect::<String>(), None)?)
}

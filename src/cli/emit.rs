//! `shipwright emit`: the plan compiled for a runner.

use std::path::Path;

use super::args::{EmitFormat, Output, Planning, Stored};
use super::{output, planning};
use crate::diagnostics::Diagnostics;
use crate::emit::{Format, emit};

pub(super) fn run(
    directory: &Path,
    format: EmitFormat,
    planning: &Planning,
    stored: &Stored,
    output: &Output,
) -> Result<(), Diagnostics> {
    let file = output.file(directory);
    let file = file.as_deref();
    let made = planning::stored_or(directory, stored, || {
        planning::make(directory, planning, file)
    })?;
    let format = match format {
        EmitFormat::Make => Format::Make,
        EmitFormat::Sh => Format::Sh,
        EmitFormat::Bake => Format::Bake,
    };
    let text = emit(&made.plan, format)?;
    Ok(output::write(&text, file)?)
}

//! Plans that were stored: read, and taken instead of one that is made.

use std::path::Path;

use super::args::Stored;
use super::{output, planning};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::plan::Plan;
use crate::planner::{Planned, Sends};

/// A plan that was stored, held against the repository for a runner that sends this.
pub(super) fn held(directory: &Path, file: &Path, sends: Sends) -> Result<Planned, Diagnostics> {
    let plan = read(file)?;
    // The plan's own file was not there when it was made; a builder would be sent it all the same.
    let own = (sends == Sends::Sealed).then_some(file);
    let workspace = planning::open(directory, own)?;
    output::settle(&workspace, workspace.stored(plan, sends))
}

/// A plan that was stored, or one that is made now, to look at.
pub(super) fn or_made(
    directory: &Path,
    stored: &Stored,
    make: impl FnOnce() -> Result<Planned, Diagnostics>,
) -> Result<Plan, Diagnostics> {
    match stored.file(directory) {
        Some(file) => Ok(read(&file)?),
        None => Ok(make()?.plan),
    }
}

/// A plan in a file; `-` is standard input.
pub(super) fn read(file: &Path) -> Result<Plan, Diagnostic> {
    let text = if file.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(file)
    };
    let name = file.display();
    let text = text.map_err(|error| output::unreadable(&name, &error))?;
    Plan::from_json(&text).map_err(|error| {
        Diagnostic::new(Code::BadPlan, format!("`{name}`: {error}"))
            .help("make a new one with `shipwright plan`")
    })
}

//! `shipwright built`: which images of a plan exist.

use std::path::Path;

use super::args::{Planning, Stored};
use super::{output, planning, stored};
use crate::diagnostics::Diagnostics;
use crate::planner::Sends;
use crate::run::exec::{self, Place};

/// Lists the content references of the plan that exist, one a line: in their registries, or in the
/// engine if `local`.
pub(super) fn run(
    directory: &Path,
    planning: &Planning,
    stored: &Stored,
    local: bool,
) -> Result<(), Diagnostics> {
    let plan = stored::or_made(directory, stored, || {
        planning::make_to_run(
            directory,
            planning,
            planning::Execution {
                sends: Sends::Sealed,
                moves_tags: false,
                pulls: false,
            },
        )
    })?;
    let place = if local {
        Place::Engine
    } else {
        Place::Registry
    };
    let references = exec::existing(&plan, place)?;
    let lines = references.iter().map(|reference| format!("{reference}\n"));
    Ok(output::write(&lines.collect::<String>(), None)?)
}

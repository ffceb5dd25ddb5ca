//! `shipwright schema`: the formats as JSON Schema, for editors and other programs.

use clap::Args;

use super::output;
use crate::config;
use crate::diagnostics::Diagnostic;

/// Which format.
#[derive(Debug, Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is an option of the command line; the group allows one"
)]
#[group(required = true, multiple = false)]
pub(super) struct Schema {
    /// The schema of `.shipwright.json`
    #[arg(long)]
    config: bool,
    /// The schema of the plan
    #[arg(long)]
    plan: bool,
    /// The schema of `shipwright.lock`
    #[arg(long)]
    lock: bool,
    /// The schema of the report that `exec --report` writes
    #[arg(long)]
    report: bool,
}

/// Prints a schema.
pub(super) fn run(schema: &Schema) -> Result<(), Diagnostic> {
    if schema.config {
        return output::write_json(&config::schema());
    }
    let text = if schema.lock {
        include_str!("../../docs/schema/lock.schema.json")
    } else if schema.report {
        include_str!("../../docs/schema/report.schema.json")
    } else {
        include_str!("../../docs/schema/plan.schema.json")
    };
    output::write(text, None)
}

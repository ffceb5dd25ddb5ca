//! `shipwright schema`: the formats as JSON Schema, for editors and other programs.

use clap::Args;

use super::output;
use crate::config;
use crate::diagnostics::Diagnostic;

/// Which format.
#[derive(Debug, Args)]
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
}

/// Prints a schema.
pub(super) fn run(schema: &Schema) -> Result<(), Diagnostic> {
    if schema.config {
        return output::write_json(&config::schema());
    }
    if schema.lock {
        return output::write(include_str!("../../docs/schema/lock.schema.json"), None);
    }
    output::write(include_str!("../../docs/schema/plan.schema.json"), None)
}

//! Diagnostics as JSON, a format of our own: everything that people are shown.

use serde::Serialize;

use super::pretty;
use crate::diagnostics::{Diagnostic, Diagnostics, Label};

/// The version of the format.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'d> {
    version: u32,
    errors: usize,
    warnings: usize,
    diagnostics: Vec<Entry<'d>>,
}

#[derive(Serialize)]
struct Entry<'d> {
    severity: &'static str,
    code: &'static str,
    message: &'d str,
    locations: Vec<Location<'d>>,
    help: &'d [String],
}

/// A marked place: lines and columns from 1, the end excluded, columns in characters.
#[derive(Serialize)]
struct Location<'d> {
    path: &'d str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    message: &'d str,
}

/// The diagnostics, in the order in which people see them. Paths are from the root of the plan.
pub(super) fn write(diagnostics: &Diagnostics) -> String {
    let (errors, warnings) = diagnostics.counts();
    pretty(&Document {
        version: VERSION,
        errors,
        warnings,
        diagnostics: diagnostics.iter().map(entry).collect(),
    })
}

fn entry(diagnostic: &Diagnostic) -> Entry<'_> {
    Entry {
        severity: diagnostic.severity.as_str(),
        code: diagnostic.code.as_str(),
        message: &diagnostic.message,
        locations: diagnostic.labels.iter().map(location).collect(),
        help: &diagnostic.help,
    }
}

fn location(label: &Label) -> Location<'_> {
    let ((line, column), (end_line, end_column)) = (label.start(), label.end());
    Location {
        path: &label.source.path,
        line,
        column,
        end_line,
        end_column,
        message: &label.message,
    }
}

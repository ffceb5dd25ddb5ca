//! `diagnostics`: how much warnings weigh in this repository.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::json::At;
use super::table::Value;
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Severity, nearest};

/// What a warning is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Off,
    Warning,
    Error,
}

/// How much warnings weigh, where the configuration says so.
#[derive(Debug, Clone, Default)]
pub(crate) struct Levels(BTreeMap<Code, Level>);

impl Levels {
    /// Gives diagnostics the weight that they have here; leaves out those that are off.
    pub(crate) fn apply(&self, diagnostics: &mut Diagnostics) {
        if self.0.is_empty() {
            return;
        }
        let all = std::mem::take(diagnostics).into_iter();
        diagnostics.extend(all.filter_map(|one| self.weigh(one)));
    }

    fn weigh(&self, mut diagnostic: Diagnostic) -> Option<Diagnostic> {
        if diagnostic.severity == Severity::Error {
            return Some(diagnostic);
        }
        match self.0.get(&diagnostic.code) {
            Some(Level::Off) => return None,
            Some(Level::Warning) => diagnostic.severity = Severity::Warning,
            Some(Level::Error) => diagnostic.severity = Severity::Error,
            None => {}
        }
        Some(diagnostic)
    }
}

impl Value for Levels {
    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        let levels = at.entries(|name, span, value| {
            let Some(code) = code(name) else {
                let known = changeable().map(Code::as_str);
                let help = nearest(name, known).map_or_else(
                    || "`shipwright check` prints the codes in brackets".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                value.refuse(span, format!("no diagnostic has the code `{name}`"), &help);
                return None;
            };
            if code.severity() == Severity::Error {
                let help = "without it there would be no plan; only warnings can be changed";
                value.refuse(
                    span,
                    format!("`{name}` is an error and cannot be changed"),
                    help,
                );
                return None;
            }
            let level = value.one_of(&[
                ("off", Level::Off),
                ("warning", Level::Warning),
                ("error", Level::Error),
            ])?;
            Some((code, level))
        });
        Some(Self(levels.into_iter().collect()))
    }

    fn schema() -> Json {
        let codes: serde_json::Map<String, Json> = changeable()
            .map(|code| {
                (
                    code.to_string(),
                    json!({"enum": ["off", "warning", "error"]}),
                )
            })
            .collect();
        json!({"type": "object", "properties": codes, "additionalProperties": false})
    }
}

fn code(name: &str) -> Option<Code> {
    Code::ALL.iter().copied().find(|code| code.as_str() == name)
}

/// The codes whose weight may be said.
fn changeable() -> impl Iterator<Item = Code> {
    let all = Code::ALL.iter().copied();
    all.filter(|code| code.severity() != Severity::Error)
}

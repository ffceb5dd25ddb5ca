//! What `${name…}` stands for, once the parts between the braces are expanded (semantics §7.4).

use std::fmt;

use super::Value;
use super::pattern;

/// The operator after a name in braces.
#[derive(Clone, Copy)]
pub(super) struct Modifier {
    /// Whether a `:` stands before it: then empty counts as unset.
    pub(super) colon: bool,
    /// The character itself; not necessarily one that exists.
    pub(super) operator: char,
}

/// A part between the braces, expanded.
#[derive(Clone, Copy)]
pub(super) struct Operand<'a> {
    /// Its text; of no meaning where it is unknown.
    pub(super) text: &'a str,
    /// Whether it depends on an unknown value.
    pub(super) unknown: bool,
}

/// The result of a substitution.
pub(super) enum Outcome {
    /// The operand as it is, known or not.
    Operand,
    /// This text.
    Text(String),
    /// Nobody can tell.
    Unknown,
}

impl fmt::Display for Modifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colon = if self.colon { ":" } else { "" };
        write!(f, "{colon}{}", self.operator)
    }
}

impl Modifier {
    /// The message for an operator that does not exist.
    pub(super) fn unsupported(self) -> String {
        format!("unsupported modifier ({self}) in substitution")
    }

    /// `${name` + modifier + `operand}`.
    pub(super) fn apply(
        self,
        name: &str,
        value: Value<'_>,
        operand: Operand<'_>,
    ) -> Result<Outcome, String> {
        let is_unset = value == Value::Unset || (self.colon && value == Value::Set(""));
        match self.operator {
            '-' if is_unset => Ok(Outcome::Operand),
            '+' if is_unset => Ok(Outcome::Text(String::new())),
            '?' if is_unset => {
                let message = match (operand.text, value) {
                    ("", Value::Unset) => "is not allowed to be unset",
                    ("", _) => "is not allowed to be empty",
                    (message, _) => message,
                };
                Err(format!("{name}: {message}"))
            }
            // With nothing to put there, it does not matter whether the name has a value.
            '+' if matches!(value, Value::Set(_))
                || (operand.text.is_empty() && !operand.unknown) =>
            {
                Ok(Outcome::Operand)
            }
            '+' => Ok(Outcome::Unknown),
            '-' | '?' => Ok(match value {
                Value::Set(text) => Outcome::Text(text.to_owned()),
                _ => Outcome::Unknown,
            }),
            '#' | '%' => self.strip(value, operand),
            _ => Err(self.unsupported()),
        }
    }

    fn strip(self, value: Value<'_>, operand: Operand<'_>) -> Result<Outcome, String> {
        if operand.unknown {
            return Ok(Outcome::Unknown);
        }
        let (pattern, greedy) = match operand.text.strip_prefix(self.operator) {
            Some(pattern) => (pattern, true),
            None => (operand.text, false),
        };
        let strip = if self.operator == '#' {
            pattern::strip_prefix
        } else {
            pattern::strip_suffix
        };
        known_if(value, |text| strip(pattern, text, greedy))
    }
}

/// `${name/pattern/replacement}`; of all matches, or of the first.
pub(super) fn replace(
    value: Value<'_>,
    pattern: Operand<'_>,
    replacement: Operand<'_>,
    all: bool,
) -> Result<Outcome, String> {
    if pattern.unknown || replacement.unknown {
        return Ok(Outcome::Unknown);
    }
    known_if(value, |text| {
        pattern::replace(pattern.text, replacement.text, text, all)
    })
}

/// Transforms a value; an unknown one too, because the transformation may be malformed.
fn known_if(
    value: Value<'_>,
    transform: impl Fn(&str) -> Result<String, String>,
) -> Result<Outcome, String> {
    match value {
        Value::Set(text) => transform(text).map(Outcome::Text),
        Value::Unset => transform("").map(Outcome::Text),
        Value::Unknown => transform("").map(|_| Outcome::Unknown),
    }
}

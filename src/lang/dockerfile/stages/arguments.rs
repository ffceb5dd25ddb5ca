//! Build arguments: those that a build sets by itself, those before the first stage, and where the
//! value of each comes from (semantics §12).

use std::collections::BTreeMap;
use std::ops::Range;

use super::Request;
use super::budget::Budget;
use super::error::{Place, StageError};
use super::variables::Variables;
use crate::lang::dockerfile::expand::{Environment, Expansion, FromVariable, Lexer, Value};
use crate::lang::dockerfile::instruction::Argument as Declaration;

/// The value of an argument where it is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// Its value; `None` where that is unknown. Empty where it has none.
    pub value: Option<String>,
    /// Where the value comes from.
    pub origin: Origin,
    /// The default as it is written, where its value is unknown: what decides the value.
    pub unknown_default: Option<String>,
}

/// Where an argument's value comes from, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// It is given to the build.
    Given,
    /// It is the default of this declaration.
    Default,
    /// It is that of the argument of this name before the first stage, or one that the build sets.
    Global,
    /// There is none: whatever the name meant before, it still means.
    Unset,
}

/// The arguments that a build sets by itself, for a target of this name (semantics §12.7).
pub(super) fn automatic(request: &Request<'_>, target_name: &str) -> Variables {
    let build = request.build_platform;
    let target = request.platform;
    let stage = if target_name.is_empty() {
        "default"
    } else {
        target_name
    };
    let values = [
        ("BUILDPLATFORM", &*build.without_os_version()),
        ("BUILDOS", &build.os),
        ("BUILDOSVERSION", &build.os_version),
        ("BUILDARCH", &build.architecture),
        ("BUILDVARIANT", &build.variant),
        ("TARGETPLATFORM", &target.to_string()),
        ("TARGETOS", &target.os),
        ("TARGETOSVERSION", &target.os_version),
        ("TARGETARCH", &target.architecture),
        ("TARGETVARIANT", &target.variant),
        ("TARGETSTAGE", stage),
    ];
    values
        .map(|(name, value)| {
            let given = request.build_args.get(name);
            (name, given.map_or(value, String::as_str))
        })
        .into_iter()
        .collect()
}

/// What is written together in the values of arguments before the first stage: the pieces, in bytes,
/// that their defaults are put together from.
#[derive(Debug, Default)]
pub(super) struct Pieces(BTreeMap<String, Vec<Range<usize>>>);

impl Pieces {
    /// The pieces of an expanded word that come from variables: those of a variable's value where it
    /// has some.
    pub(super) fn of(&self, expansion: &Expansion<String>, scope: &Variables) -> Vec<Range<usize>> {
        let text = expansion.value.as_deref().unwrap_or_default();
        let mut pieces = Vec::new();
        for FromVariable { range, name } in &expansion.variables {
            let is_value = scope.get(name) == Value::Set(&text[range.clone()]);
            match self.0.get(name).filter(|_| is_value) {
                Some(inner) => pieces.extend(
                    inner
                        .iter()
                        .map(|inner| range.start + inner.start..range.start + inner.end),
                ),
                None => pieces.push(range.clone()),
            }
        }
        pieces
    }

    /// Notes those of a default: what comes from variables, and what stands between.
    fn note(&mut self, name: &str, expansion: &Expansion<String>, scope: &Variables) {
        let mut pieces = Vec::new();
        let mut end = 0;
        for piece in self.of(expansion, scope) {
            pieces.push(end..piece.start);
            end = piece.end;
            pieces.push(piece);
        }
        pieces.push(end..expansion.value.as_ref().map_or(end, String::len));
        pieces.retain(|piece| !piece.is_empty());
        self.0.insert(name.to_owned(), pieces);
    }
}

/// Declares an argument before the first stage.
pub(super) fn declare_global(
    declaration: &Declaration<'_>,
    place: Place,
    build_args: &BTreeMap<String, String>,
    lexer: Lexer,
    scope: &mut Variables,
    pieces: &mut Pieces,
    budget: &Budget,
) -> Result<Argument, StageError> {
    let name = declaration.name.text;
    let (value, origin) = if let Some(given) = build_args.get(name) {
        (Some(given.clone()), Origin::Given)
    } else if let Some(default) = declaration.default
        && !budget.is_spent()
    {
        let expansion = lexer.word(default.text, scope);
        let expansion = expansion.map_err(|e| StageError::at(place, e.to_string()))?;
        let length = expansion.value.as_ref().map_or(0, String::len);
        let taken = budget.take(length.saturating_sub(default.text.len()), expansion.steps);
        taken.map_err(|message| StageError::at(place, message))?;
        pieces.note(name, &expansion, scope);
        (expansion.value, Origin::Default)
    } else {
        (Some(String::new()), Origin::Unset)
    };
    if origin != Origin::Unset {
        scope.set(name, value.as_deref());
    }
    Ok(Argument {
        name: name.to_owned(),
        value,
        origin,
        unknown_default: None,
    })
}

/// The value that an argument without a default takes over in a stage.
pub(super) fn inherited(name: &str, globals: &Variables) -> (Option<String>, Origin) {
    match globals.get(name) {
        Value::Set(value) => (Some(value.to_owned()), Origin::Global),
        Value::Unknown => (None, Origin::Global),
        Value::Unset => (Some(String::new()), Origin::Unset),
    }
}

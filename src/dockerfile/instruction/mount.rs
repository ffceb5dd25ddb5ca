//! `RUN --mount=type=…,source=…`.

use std::borrow::Cow;

use super::Word;
use crate::dockerfile::span::Span;

/// One `--mount`: its fields as written. Their values may hold variables, so most of what can be
/// wrong with them shows only after expansion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount<'n> {
    /// The flag's value.
    pub word: Word<'n>,
    /// Its fields, in order; later ones win.
    pub fields: Vec<MountField<'n>>,
}

/// A field of a mount: `key=value`, or `key` alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountField<'n> {
    /// The key, lower-cased.
    pub key: Cow<'n, str>,
    /// What follows the first `=`, if there is one.
    pub value: Option<Cow<'n, str>>,
    /// Where the field is.
    pub span: Span,
    /// Where its value is; that of the field where there is none.
    pub value_span: Span,
}

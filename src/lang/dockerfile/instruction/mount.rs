//! `RUN --mount=type=…,source=…`.

use std::borrow::Cow;

use super::{Word, fields};
use crate::lang::dockerfile::error::ErrorKind;
use crate::lang::dockerfile::node::Token;
use crate::lang::dockerfile::span::Span;
use crate::lang::go::text::lower;

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
    /// The field as written.
    pub text: Cow<'n, str>,
    /// The key, lower-cased.
    pub key: String,
    /// What follows the first `=`, if there is one.
    pub value: Option<Cow<'n, str>>,
    /// Where the field is.
    pub span: Span,
    /// Where its value is; that of the field where there is none.
    pub value_span: Span,
}

impl<'n> Mount<'n> {
    /// Reads the value of a `--mount`, which is part of the flag `token`.
    pub(super) fn parse(token: &'n Token<'n>, word: Word<'n>) -> Result<Self, (ErrorKind, Span)> {
        let fields = fields::split(word.text, "mounts").map_err(|kind| (kind, word.span))?;
        let fields: Vec<_> = fields
            .into_iter()
            .map(|text| MountField::new(token, text))
            .collect();
        // A lone `$` at the end is no variable.
        let has_variable = |value: &str| value.find('$').is_some_and(|at| at + 1 < value.len());
        let mut sources = fields.iter().filter(|field| field.key == "from");
        if let Some(field) = sources.find(|field| field.value.as_deref().is_some_and(has_variable))
        {
            return Err((ErrorKind::MountFromVariable, field.value_span));
        }
        Ok(Self { word, fields })
    }

    /// The stage or image that is mounted, which holds no variables. Empty or missing, it is the
    /// build context or nothing, by type. The last field that has a value wins.
    pub fn from(&self) -> Option<&MountField<'n>> {
        let mut fields = self.fields.iter().rev();
        fields.find(|field| field.key == "from" && field.value.is_some())
    }
}

impl<'n> MountField<'n> {
    fn new(token: &'n Token<'n>, text: Cow<'n, str>) -> Self {
        let (key, value) = match &text {
            Cow::Borrowed(text) => match text.split_once('=') {
                Some((key, value)) => (key, Some(Cow::Borrowed(value))),
                None => (*text, None),
            },
            Cow::Owned(text) => match text.split_once('=') {
                Some((key, value)) => (key, Some(Cow::Owned(value.to_owned()))),
                None => (&**text, None),
            },
        };
        let place = |part: &Cow<'n, str>| match part {
            Cow::Borrowed(part) => token.span_of(part),
            Cow::Owned(_) => token.span,
        };
        let span = place(&text);
        Self {
            key: lower(key).into_owned(),
            span,
            value_span: value.as_ref().map_or(span, place),
            value,
            text,
        }
    }
}

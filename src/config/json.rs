//! JSON with places: reads typed values out of an object and reports all that is wrong with it.

use std::collections::BTreeSet;
use std::ops::Range;

use jsonc_parser::ast::{ObjectProp, Value as Json};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::Spanned;
use super::template::{Engine, Template};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText, nearest};

/// Why a text is not JSON.
pub(crate) struct SyntaxError {
    /// What is wrong.
    pub(crate) message: String,
    /// Where, in bytes.
    pub(crate) span: Range<usize>,
}

/// Parses JSON that may hold comments and trailing commas.
///
/// # Errors
/// Where and why it is not JSON.
pub(super) fn parse_relaxed(text: &str) -> Result<Json<'_>, SyntaxError> {
    parse_with(text, true)
}

/// Parses JSON as the standard has it: no comments, no trailing commas.
///
/// # Errors
/// Where and why it is not JSON.
pub(crate) fn parse(text: &str) -> Result<Json<'_>, SyntaxError> {
    parse_with(text, false)
}

fn parse_with(text: &str, relaxed: bool) -> Result<Json<'_>, SyntaxError> {
    let options = ParseOptions {
        allow_comments: relaxed,
        allow_loose_object_property_names: false,
        allow_trailing_commas: relaxed,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    match parse_to_ast(text, &CollectOptions::default(), &options) {
        Ok(result) => result.value.ok_or_else(|| SyntaxError {
            message: "the file is empty".to_owned(),
            span: 0..0,
        }),
        Err(error) => Err(SyntaxError {
            message: error.kind().to_string(),
            span: error.range().start..error.range().end,
        }),
    }
}

/// Where problems of the file are collected.
struct Problems<'a> {
    source: &'a SourceText,
    diagnostics: &'a mut Diagnostics,
}

impl Problems<'_> {
    fn reborrow(&mut self) -> Problems<'_> {
        Problems {
            source: self.source,
            diagnostics: self.diagnostics,
        }
    }

    fn push(&mut self, code: Code, message: String, span: Range<usize>, label: &str, help: &str) {
        let mut diagnostic = Diagnostic::new(code, message).at(self.source, span, label);
        if !help.is_empty() {
            diagnostic = diagnostic.help(help);
        }
        self.diagnostics.push(diagnostic);
    }
}

/// A value of the file, with the name that messages call it by.
pub(super) struct At<'a, 't> {
    value: &'a Json<'t>,
    name: String,
    literal: bool,
    problems: Problems<'a>,
}

impl<'a, 't> At<'a, 't> {
    /// What the whole file holds.
    pub(super) fn top(
        value: &'a Json<'t>,
        source: &'a SourceText,
        diagnostics: &'a mut Diagnostics,
    ) -> Self {
        Self {
            value,
            name: String::new(),
            literal: false,
            problems: Problems {
                source,
                diagnostics,
            },
        }
    }

    /// Where it stands.
    pub(super) fn span(&self) -> Range<usize> {
        span(self.value)
    }

    /// An object.
    pub(super) fn object(&mut self) -> Option<Object<'_, 't>> {
        let Json::Object(object) = self.value else {
            self.wrong_type("an object");
            return None;
        };
        let separator = if self.name.is_empty() { "" } else { "." };
        Some(Object {
            properties: &object.properties,
            span: span(self.value),
            path: format!("{}{separator}", self.name),
            literal: self.literal,
            problems: self.problems.reborrow(),
        })
    }

    /// What `read` makes of each entry of an object of any keys: the key, where it stands, its value.
    pub(super) fn entries<T>(
        &mut self,
        mut read: impl FnMut(&str, Range<usize>, &mut At<'_, 't>) -> Option<T>,
    ) -> Vec<T> {
        let Json::Object(object) = self.value else {
            self.wrong_type("an object");
            return Vec::new();
        };
        repeated(
            &object.properties,
            &format!("{}.", self.name),
            &mut self.problems,
        );
        let mut entries = Vec::with_capacity(object.properties.len());
        for property in &object.properties {
            let key = property.name.as_str();
            let mut value = self.inner(format!("{}.{key}", self.name), &property.value);
            entries.extend(read(key, key_span(property), &mut value));
        }
        entries
    }

    /// What `read` makes of each element of a list; messages say that it is a list of `what`.
    pub(super) fn elements<T>(
        &mut self,
        what: &str,
        mut read: impl FnMut(&mut At<'_, 't>) -> Option<T>,
    ) -> Vec<T> {
        let Json::Array(array) = self.value else {
            self.wrong_type(&format!("a list of {what}"));
            return Vec::new();
        };
        let mut elements = Vec::with_capacity(array.elements.len());
        for (index, element) in array.elements.iter().enumerate() {
            let mut element = self.inner(format!("{}[{index}]", self.name), element);
            elements.extend(read(&mut element));
        }
        elements
    }

    fn inner<'b>(&'b mut self, name: String, value: &'b Json<'t>) -> At<'b, 't> {
        At {
            value,
            name,
            literal: self.literal,
            problems: self.problems.reborrow(),
        }
    }

    /// Whether it is a list.
    pub(super) fn is_list(&self) -> bool {
        matches!(self.value, Json::Array(_))
    }

    /// A text.
    pub(super) fn string(&mut self) -> Option<Spanned<String>> {
        if let Json::StringLit(string) = self.value {
            return Some(Spanned {
                value: string.value.to_string(),
                span: self.span(),
            });
        }
        self.wrong_type("a string");
        None
    }

    /// `true` or `false`, if it is one of them.
    pub(super) fn as_boolean(&self) -> Option<bool> {
        match self.value {
            Json::BooleanLit(literal) => Some(literal.value),
            _ => None,
        }
    }

    /// A number, if it is one.
    pub(super) fn number(&self) -> Option<f64> {
        match self.value {
            Json::NumberLit(number) => number.value.parse().ok(),
            _ => None,
        }
    }

    /// A text, if it is one.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self.value {
            Json::StringLit(text) => Some(&text.value),
            _ => None,
        }
    }

    /// A text as a template, or as it stands where values mean themselves.
    pub(super) fn template(&mut self) -> Option<Template> {
        let text = self.string()?;
        let template = Template {
            text: text.value,
            span: Some(text.span),
            literal: self.literal,
        };
        if let Err(diagnostic) = Engine::new(Some(self.problems.source)).check(&template) {
            self.problems.diagnostics.push(diagnostic);
        }
        Some(template)
    }

    /// One of a few words.
    pub(super) fn one_of<T: Copy>(&mut self, words: &[(&str, T)]) -> Option<T> {
        let text = self.string()?;
        let found = words.iter().find(|(word, _)| *word == text.value);
        if found.is_none() {
            let list: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            let message = format!("`{}` must be {}", self.name, list.join(" or "));
            self.problems
                .push(Code::ConfigValue, message, text.span, "", "");
        }
        found.map(|(_, value)| *value)
    }

    /// The version of the format.
    pub(super) fn version(&mut self) -> Option<u32> {
        let text = match self.value {
            Json::NumberLit(number) => number.value.to_owned(),
            other => type_name(other).to_owned(),
        };
        match text.parse::<f64>() {
            Ok(1.0) => Some(1),
            Ok(2.0) => Some(2),
            _ => {
                let message = format!("unknown version `{text}`");
                let help = "supported versions: 1 and 2";
                let span = self.span();
                self.problems
                    .push(Code::ConfigVersion, message, span, "", help);
                None
            }
        }
    }

    /// Reports a value that has the right type and is wrong all the same.
    pub(super) fn refuse(&mut self, span: Range<usize>, message: String, help: &str) {
        self.problems
            .push(Code::ConfigValue, message, span, "", help);
    }

    /// Reports a value of the wrong type.
    pub(super) fn wrong_type(&mut self, wanted: &str) {
        let message = if self.name.is_empty() {
            format!("the configuration must be {wanted}")
        } else {
            format!("`{}` must be {wanted}", self.name)
        };
        let found = format!("this is {}", type_name(self.value));
        let help = match self.value {
            Json::NumberLit(number) if wanted == "a string" => {
                format!(
                    "write it as a string, since every digit counts: `\"{}\"`",
                    number.value
                )
            }
            _ => String::new(),
        };
        let span = self.span();
        self.problems
            .push(Code::ConfigType, message, span, &found, &help);
    }
}

/// An object of the file whose keys are known.
pub(super) struct Object<'a, 't> {
    properties: &'a [ObjectProp<'t>],
    /// Where it stands.
    pub(super) span: Range<usize>,
    /// Path of keys down to this object, with a final `.`; empty for the top.
    path: String,
    literal: bool,
    problems: Problems<'a>,
}

impl<'t> Object<'_, 't> {
    /// Takes values that may be templates as they stand, from here on.
    pub(super) fn literal(&mut self) {
        self.literal = true;
    }

    /// Reads with values that are templates, whatever they are elsewhere in the object.
    pub(super) fn with_templates<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let literal = std::mem::replace(&mut self.literal, false);
        let value = read(self);
        self.literal = literal;
        value
    }

    /// Whether the key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.properties.iter().any(|p| p.name.as_str() == key)
    }

    /// The value at a key.
    pub(super) fn get(&mut self, key: &str) -> Option<At<'_, 't>> {
        let property = self.properties.iter().find(|p| p.name.as_str() == key)?;
        Some(At {
            value: &property.value,
            name: format!("{}{key}", self.path),
            literal: self.literal,
            problems: self.problems.reborrow(),
        })
    }

    /// Reports keys that are not in `known`, and keys that stand twice. `help` says of an unknown key
    /// what is better than a list of those that are known.
    pub(super) fn check_keys(
        &mut self,
        known: &[&str],
        help: impl Fn(&str) -> Option<&'static str>,
    ) {
        repeated(self.properties, &self.path, &mut self.problems);
        for property in self.properties {
            let key = property.name.as_str();
            if known.contains(&key) || key == "$schema" && self.path.is_empty() {
                continue;
            }
            let message = format!("unknown key `{}{key}`", self.path);
            let help = match nearest(key, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => help(key).map_or_else(
                    || format!("known keys: {}", known.join(", ")),
                    str::to_owned,
                ),
            };
            let span = key_span(property);
            self.problems
                .push(Code::ConfigUnknownKey, message, span, "", &help);
        }
    }

    /// Reports that a key has to be there and is not.
    pub(super) fn missing(&mut self, key: &str) {
        let message = format!("`{}` has no `{key}`", self.path.trim_end_matches('.'));
        let span = self.span.clone();
        self.problems
            .push(Code::ConfigMissingKey, message, span, "", "");
    }

    /// Reports a value that has the right type and is wrong all the same.
    pub(super) fn refuse(&mut self, span: Range<usize>, message: String, help: &str) {
        self.problems
            .push(Code::ConfigValue, message, span, "", help);
    }
}

/// Reports keys that stand twice.
fn repeated(properties: &[ObjectProp<'_>], path: &str, problems: &mut Problems<'_>) {
    let mut seen = BTreeSet::new();
    for property in properties {
        let key = property.name.as_str();
        if !seen.insert(key) {
            let message = format!("the key `{path}{key}` appears twice");
            let help = "keep one of them";
            problems.push(
                Code::ConfigDuplicateKey,
                message,
                key_span(property),
                "",
                help,
            );
        }
    }
}

fn key_span(property: &ObjectProp<'_>) -> Range<usize> {
    let range = property.name.range();
    range.start..range.end
}

fn span(value: &Json<'_>) -> Range<usize> {
    value.range().start..value.range().end
}

fn type_name(value: &Json<'_>) -> &'static str {
    match value {
        Json::StringLit(_) => "a string",
        Json::NumberLit(_) => "a number",
        Json::BooleanLit(_) => "a boolean",
        Json::Object(_) => "an object",
        Json::Array(_) => "a list",
        Json::NullKeyword(_) => "null",
    }
}

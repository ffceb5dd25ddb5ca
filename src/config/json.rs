//! JSON with places: reads typed values out of an object and reports all that is wrong with it.

use std::collections::BTreeMap;
use std::ops::Range;

use jsonc_parser::ast::{ObjectProp, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::Spanned;
use crate::config::template::{Engine, Template};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText, nearest};

/// Why a text is not JSON.
pub(crate) struct SyntaxError {
    /// What is wrong.
    pub(crate) message: String,
    /// Where, in bytes.
    pub(crate) span: Range<usize>,
}

/// Parses strict JSON: no comments, trailing commas or single quotes.
///
/// # Errors
/// Where and why it is not JSON.
pub(crate) fn parse(text: &str) -> Result<Value<'_>, SyntaxError> {
    let strict = ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    match parse_to_ast(text, &CollectOptions::default(), &strict) {
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

/// An object of the file, with the name that messages call it by.
pub(super) struct Object<'a, 't> {
    properties: &'a [ObjectProp<'t>],
    /// Where it stands.
    span: Range<usize>,
    /// Path of keys down to this object, with a final `.`; empty for the top.
    path: String,
    source: &'a SourceText,
    diagnostics: &'a mut Diagnostics,
}

impl<'a, 't> Object<'a, 't> {
    /// The object that the file consists of.
    pub(super) fn top(
        value: &'a Value<'t>,
        source: &'a SourceText,
        diagnostics: &'a mut Diagnostics,
    ) -> Option<Self> {
        let Value::Object(object) = value else {
            diagnostics.push(
                Diagnostic::new(Code::ConfigType, "the configuration must be an object").at(
                    source,
                    span(value),
                    "",
                ),
            );
            return None;
        };
        Some(Self {
            properties: &object.properties,
            span: span(value),
            path: String::new(),
            source,
            diagnostics,
        })
    }

    /// The object at a key.
    pub(super) fn object(&mut self, key: &str) -> Option<Object<'_, 't>> {
        let value = self.value(key)?;
        let name = self.name(key);
        self.inner(&name, value)
    }

    /// Reads every object of an object of objects: its key, where that stands, and what it holds.
    pub(super) fn each_by_key(
        &mut self,
        key: &str,
        mut read: impl FnMut(&str, Range<usize>, &mut Object<'_, 't>),
    ) {
        let Some(value) = self.value(key) else { return };
        let Value::Object(object) = value else {
            self.wrong_type(&self.name(key), "an object", value);
            return;
        };
        for property in &object.properties {
            let inner = property.name.as_str();
            let at = property.name.range();
            let name = format!("{}.{inner}", self.name(key));
            if let Some(mut object) = self.inner(&name, &property.value) {
                read(inner, at.start..at.end, &mut object);
            }
        }
    }

    /// Reads every object of a list.
    pub(super) fn each(&mut self, key: &str, mut read: impl FnMut(&mut Object<'_, 't>)) {
        let Some(value) = self.value(key) else { return };
        let Value::Array(array) = value else {
            self.wrong_type(&self.name(key), "a list of objects", value);
            return;
        };
        for (index, element) in array.elements.iter().enumerate() {
            let name = format!("{}[{index}]", self.name(key));
            if let Some(mut object) = self.inner(&name, element) {
                read(&mut object);
            }
        }
    }

    fn inner(&mut self, name: &str, value: &'a Value<'t>) -> Option<Object<'_, 't>> {
        let Value::Object(object) = value else {
            self.wrong_type(name, "an object", value);
            return None;
        };
        Some(Object {
            properties: &object.properties,
            span: span(value),
            path: format!("{name}."),
            source: self.source,
            diagnostics: self.diagnostics,
        })
    }

    /// Whether the key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// Reports a value that has the right type and is wrong all the same.
    pub(super) fn refuse(&mut self, span: Range<usize>, message: String, help: &str) {
        let diagnostic = Diagnostic::new(Code::ConfigValue, message)
            .at(self.source, span, "")
            .help(help);
        self.diagnostics.push(diagnostic);
    }

    /// A boolean.
    pub(super) fn boolean(&mut self, key: &str) -> Option<bool> {
        match self.value(key)? {
            Value::BooleanLit(literal) => Some(literal.value),
            other => {
                self.wrong_type(&self.name(key), "`true` or `false`", other);
                None
            }
        }
    }

    /// A string as a template, or as it stands.
    pub(super) fn template(&mut self, key: &str, literal: bool) -> Option<Template> {
        let text = self.string(key)?;
        Some(self.checked(text, literal))
    }

    /// The templates of a list.
    pub(super) fn templates(&mut self, key: &str, literal: bool) -> Option<Vec<Template>> {
        self.has(key).then(|| {
            let texts = self.list_of_strings(key);
            let checked = texts.into_iter().map(|text| self.checked(text, literal));
            checked.collect()
        })
    }

    /// The templates of an object.
    pub(super) fn templates_by_key(
        &mut self,
        key: &str,
        literal: bool,
    ) -> BTreeMap<String, Template> {
        let entries = self.strings_by_key(key).into_iter();
        entries
            .map(|(key, _, text)| (key, self.checked(text, literal)))
            .collect()
    }

    fn checked(&mut self, text: Spanned<String>, literal: bool) -> Template {
        let template = Template {
            text: text.value,
            span: Some(text.span),
            literal,
        };
        if let Err(diagnostic) = Engine::new(Some(self.source)).check(&template) {
            self.diagnostics.push(diagnostic);
        }
        template
    }

    /// The version of the format, 1 where the file does not say.
    pub(super) fn version(&mut self) -> Option<u32> {
        let Some(value) = self.value("version") else {
            return Some(1);
        };
        let (text, span) = match value {
            Value::NumberLit(number) => (number.value.to_owned(), span(value)),
            other => (type_name(other).to_owned(), span(other)),
        };
        match text.parse::<f64>() {
            Ok(1.0) => Some(1),
            Ok(2.0) => Some(2),
            _ => {
                let diagnostic =
                    Diagnostic::new(Code::ConfigVersion, format!("unknown version `{text}`"))
                        .at(self.source, span, "")
                        .help("versions 1 and 2 are known");
                self.diagnostics.push(diagnostic);
                None
            }
        }
    }

    /// Reports keys that are not in `known`, and keys that stand twice.
    pub(super) fn check_keys(&mut self, known: &[&str]) {
        for (index, property) in self.properties.iter().enumerate() {
            let key = property.name.as_str();
            let at = property.name.range();
            let at = at.start..at.end;
            if self.properties[..index]
                .iter()
                .any(|other| other.name.as_str() == key)
            {
                let message = format!("the key `{}{key}` stands twice", self.path);
                let diagnostic = Diagnostic::new(Code::ConfigDuplicateKey, message)
                    .at(self.source, at.clone(), "")
                    .help("keep one of them");
                self.diagnostics.push(diagnostic);
            }
            if known.contains(&key) || key == "$schema" && self.path.is_empty() {
                continue;
            }
            let mut diagnostic = Diagnostic::new(
                Code::ConfigUnknownKey,
                format!("unknown key `{}{key}`", self.path),
            )
            .at(self.source, at, "");
            diagnostic = if let Some(near) = nearest(key, known.iter().copied()) {
                diagnostic.help(format!("did you mean `{near}`?"))
            } else if super::keys_2().contains(&key) {
                diagnostic.help("this key needs `\"version\": 2`")
            } else {
                diagnostic.help(format!("known keys: {}", known.join(", ")))
            };
            self.diagnostics.push(diagnostic);
        }
    }

    /// A string, where the key is there.
    pub(super) fn string(&mut self, key: &str) -> Option<Spanned<String>> {
        let value = self.value(key)?;
        self.expect_string(&self.name(key), value)
    }

    /// A string that has to be there.
    pub(super) fn required(&mut self, key: &str) -> Option<Spanned<String>> {
        if self.has(key) {
            return self.string(key);
        }
        let name = self.path.trim_end_matches('.');
        let diagnostic = Diagnostic::new(
            Code::ConfigMissingKey,
            format!("`{name}` has no `{key}`"),
        )
        .at(self.source, self.span.clone(), "");
        self.diagnostics.push(diagnostic);
        None
    }

    /// The entries of an object of strings, with the places of their keys.
    pub(super) fn strings_by_key(
        &mut self,
        key: &str,
    ) -> Vec<(String, Range<usize>, Spanned<String>)> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let Value::Object(object) = value else {
            self.wrong_type(&self.name(key), "an object", value);
            return Vec::new();
        };
        let mut entries = Vec::new();
        for property in &object.properties {
            let inner = property.name.as_str();
            let name = format!("{}.{inner}", self.name(key));
            if let Some(value) = self.expect_string(&name, &property.value) {
                let at = property.name.range();
                entries.push((inner.to_owned(), at.start..at.end, value));
            }
        }
        entries
    }

    /// The strings of a list.
    pub(super) fn list_of_strings(&mut self, key: &str) -> Vec<Spanned<String>> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let Value::Array(array) = value else {
            self.wrong_type(&self.name(key), "a list of strings", value);
            return Vec::new();
        };
        let elements = array.elements.iter().enumerate();
        elements
            .filter_map(|(index, element)| {
                self.expect_string(&format!("{}[{index}]", self.name(key)), element)
            })
            .collect()
    }

    /// One of a few words.
    pub(super) fn one_of<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.string(key)?;
        let found = words.iter().find(|(word, _)| *word == text.value);
        if found.is_none() {
            let list: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            let message = format!("`{}` must be {}", self.name(key), list.join(" or "));
            let diagnostic =
                Diagnostic::new(Code::ConfigValue, message).at(self.source, text.span, "");
            self.diagnostics.push(diagnostic);
        }
        found.map(|(_, value)| *value)
    }

    fn value(&self, key: &str) -> Option<&'a Value<'t>> {
        let property = self.properties.iter().find(|p| p.name.as_str() == key);
        property.map(|property| &property.value)
    }

    fn name(&self, key: &str) -> String {
        format!("{}{key}", self.path)
    }

    fn expect_string(&mut self, name: &str, value: &Value<'_>) -> Option<Spanned<String>> {
        if let Value::StringLit(string) = value {
            return Some(Spanned {
                value: string.value.to_string(),
                span: span(value),
            });
        }
        self.wrong_type(name, "a string", value);
        None
    }

    fn wrong_type(&mut self, name: &str, wanted: &str, value: &Value<'_>) {
        let message = format!("`{name}` must be {wanted}");
        let found = format!("this is {}", type_name(value));
        let diagnostic =
            Diagnostic::new(Code::ConfigType, message).at(self.source, span(value), found);
        self.diagnostics.push(diagnostic);
    }
}

fn span(value: &Value<'_>) -> Range<usize> {
    value.range().start..value.range().end
}

fn type_name(value: &Value<'_>) -> &'static str {
    match value {
        Value::StringLit(_) => "a string",
        Value::NumberLit(_) => "a number",
        Value::BooleanLit(_) => "a boolean",
        Value::Object(_) => "an object",
        Value::Array(_) => "a list",
        Value::NullKeyword(_) => "null",
    }
}

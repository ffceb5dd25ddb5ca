//! What a bake file defines, before anything is evaluated: variables, functions, targets, groups.

use std::collections::BTreeMap;
use std::ops::Range;

use hcl::edit::expr::{Array, Expression, Object, ObjectKey};
use hcl::edit::parser::{parse_body, parse_template};
use hcl::edit::structure::{Body, Structure};
use hcl::edit::template::StringTemplate;
use hcl::edit::{Number, Span};
use jsonc_parser::ast::Value as Json;
use jsonc_parser::common::Ranged;

use super::super::build::extension;
use crate::config::json;
use crate::diagnostics::{Code, Diagnostic, SourceText};

/// An attribute, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Attribute {
    pub(super) value: Expression,
    pub(super) span: Range<usize>,
}

/// A block, of one or more of its name: later ones add attributes and change those that are there.
#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    /// Where the first of them begins.
    pub(super) span: Range<usize>,
    pub(super) attributes: BTreeMap<String, Attribute>,
}

/// A file's definitions, by kind (`target`, `group`, `variable`, `function`) and name.
#[derive(Debug, Clone, Default)]
pub(super) struct Definitions {
    blocks: BTreeMap<String, BTreeMap<String, Block>>,
    /// Attributes outside of blocks, which are variables too.
    pub(super) globals: BTreeMap<String, Attribute>,
}

impl Definitions {
    /// Reads a file: JSON where its name says so, else HCL.
    ///
    /// # Errors
    /// Where and why it is neither.
    pub(super) fn parse(source: &SourceText) -> Result<Self, Diagnostic> {
        let mut definitions = Self::default();
        let problem = if extension(&source.path) == "json" {
            definitions.read_json(&source.text).err()
        } else {
            match parse_body(&source.text) {
                Ok(body) => {
                    definitions.read_hcl(&body);
                    None
                }
                Err(error) => {
                    let at = error.location().offset();
                    Some((format!("this is not HCL: {}", error.message()), at..at))
                }
            }
        };
        match problem {
            None => Ok(definitions),
            Some((message, span)) => Err(Diagnostic::new(Code::UnreadableEvidence, message)
                .at(source, span, "")
                .help("`init` goes on without this file")),
        }
    }

    /// The blocks of a kind, by name.
    pub(super) fn blocks(&self, kind: &str) -> impl Iterator<Item = (&str, &Block)> {
        let blocks = self.blocks.get(kind).into_iter().flatten();
        blocks.map(|(name, block)| (name.as_str(), block))
    }

    fn add(&mut self, kind: &str, name: &str, span: Range<usize>) -> &mut Block {
        let blocks = self.blocks.entry(kind.to_owned()).or_default();
        blocks.entry(name.to_owned()).or_insert_with(|| Block {
            span,
            ..Block::default()
        })
    }

    fn read_hcl(&mut self, body: &Body) {
        for structure in body {
            let block = match structure {
                Structure::Attribute(attribute) => {
                    self.globals
                        .insert(attribute.key.to_string(), of_hcl(attribute));
                    continue;
                }
                Structure::Block(block) => block,
            };
            let Some(label) = block.labels.first() else {
                continue;
            };
            let start = block.ident.span().unwrap_or_default().start;
            let end = label_end(block).max(start);
            let into = self.add(block.ident.as_str(), label.as_str(), start..end);
            let attributes = block.body.attributes();
            into.attributes
                .extend(attributes.map(|attribute| (attribute.key.to_string(), of_hcl(attribute))));
        }
    }

    fn read_json(&mut self, text: &str) -> Result<(), (String, Range<usize>)> {
        let value = json::parse(text)
            .map_err(|error| (format!("this is not JSON: {}", error.message), error.span))?;
        let Json::Object(top) = value else {
            return Err(("a bake file is an object".to_owned(), range(&value)));
        };
        for kind in &top.properties {
            let Json::Object(named) = &kind.value else {
                continue;
            };
            for property in &named.properties {
                let at = property.name.range();
                let into = self.add(kind.name.as_str(), property.name.as_str(), at.start..at.end);
                let Json::Object(object) = &property.value else {
                    continue;
                };
                for attribute in &object.properties {
                    let value = Attribute {
                        value: of_json(&attribute.value)?,
                        span: range(&attribute.value),
                    };
                    into.attributes
                        .insert(attribute.name.as_str().to_owned(), value);
                }
            }
        }
        Ok(())
    }
}

fn of_hcl(attribute: &hcl::edit::structure::Attribute) -> Attribute {
    Attribute {
        value: attribute.value.clone(),
        span: attribute.value.span().unwrap_or_default(),
    }
}

/// Where the first label of a block ends.
fn label_end(block: &hcl::edit::structure::Block) -> usize {
    let span = block.labels.first().and_then(Span::span);
    span.unwrap_or_default().end
}

fn range(value: &Json<'_>) -> Range<usize> {
    value.range().start..value.range().end
}

/// A JSON value as an expression: strings are templates, those of keys too.
fn of_json(value: &Json<'_>) -> Result<Expression, (String, Range<usize>)> {
    let template = |text: &str, span: Range<usize>| match parse_template(text) {
        Ok(template) => Ok(Expression::from(StringTemplate::from(template))),
        Err(error) => Err((
            format!("this is not a valid template: {}", error.message()),
            span,
        )),
    };
    Ok(match value {
        Json::StringLit(text) => template(&text.value, range(value))?,
        Json::NumberLit(number) => match (number.value.parse::<i64>(), number.value.parse()) {
            (Ok(number), _) => Expression::from(number),
            (_, Ok(number)) => {
                Number::from_f64(number).map_or_else(Expression::null, Expression::from)
            }
            _ => Expression::null(),
        },
        Json::BooleanLit(literal) => Expression::from(literal.value),
        Json::NullKeyword(_) => Expression::null(),
        Json::Array(array) => {
            let items: Result<Vec<_>, _> = array.elements.iter().map(of_json).collect();
            Expression::from(Array::from_iter(items?))
        }
        Json::Object(object) => {
            let mut expression = Object::new();
            for property in &object.properties {
                let at = property.name.range();
                let key = template(property.name.as_str(), at.start..at.end)?;
                expression.insert(ObjectKey::from(key), of_json(&property.value)?);
            }
            Expression::from(expression)
        }
    })
}

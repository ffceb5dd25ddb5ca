//! The blocks of a bake file and their attributes, without values: bake cannot list them, and its print
//! leaves some attributes out.

use std::collections::BTreeSet;
use std::ops::Range;

use jsonc_parser::ast::Value as Json;
use jsonc_parser::common::Ranged;
use regex::Regex;

use super::super::build::extension;
use super::tokens::{Kind, Token, tokens};
use crate::config::json;
use crate::diagnostics::SourceText;

/// A block: `target "app" { … }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// `target`, `group`, `variable`, `function`.
    pub(super) kind: String,
    pub(super) label: String,
    /// From its kind to its label.
    pub(super) span: Range<usize>,
    pub(super) attributes: Vec<Attribute>,
}

/// An attribute of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attribute {
    pub(super) key: String,
    pub(super) span: Range<usize>,
}

impl Block {
    /// The text that an attribute is, where it is a literal one.
    pub(super) fn text(&self, source: &SourceText, key: &str) -> Option<String> {
        let attribute = self.attributes.iter().find(|a| a.key == key)?;
        let (_, value) = source.text[attribute.span.clone()].split_once(['=', ':'])?;
        let text = value.trim().strip_prefix('"')?.strip_suffix('"')?;
        Some(text.to_owned())
    }
}

/// The blocks of a file, in order. Of a file that is neither HCL nor JSON: what looks like blocks.
pub(super) fn blocks(source: &SourceText) -> Vec<Block> {
    if extension(&source.path) == "json" {
        return of_json(&source.text);
    }
    let tokens = tokens(&source.text);
    let mut blocks = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let head: Vec<&Token> = tokens[at..]
            .iter()
            .take_while(|token| matches!(token.kind, Kind::Word | Kind::Text))
            .collect();
        let opened = at + head.len();
        let is_block = tokens.get(opened).map(|token| token.kind) == Some(Kind::Open('{'));
        let (Some(kind), Some(label), true) = (head.first(), head.get(1), is_block) else {
            at = past(&tokens, at);
            continue;
        };
        let end = past(&tokens, opened);
        let text = |token: &Token| source.text[token.span.clone()].to_owned();
        blocks.push(Block {
            kind: text(kind),
            label: text(label).trim_matches('"').to_owned(),
            span: kind.span.start..label.span.end,
            attributes: attributes(&source.text, &tokens[opened + 1..end.max(opened + 1)]),
        });
        at = end;
    }
    blocks
}

/// The token after one, or after the bracket that it opens.
fn past(tokens: &[Token], from: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(from) {
        match token.kind {
            Kind::Open(_) => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    tokens.len()
}

/// The attributes of a block with these tokens inside.
fn attributes(text: &str, tokens: &[Token]) -> Vec<Attribute> {
    let mut attributes = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_key = tokens[at].kind == Kind::Word
            && tokens.get(at + 1).map(|token| token.kind) == Some(Kind::Other('='));
        if !is_key {
            at = past(tokens, at);
            continue;
        }
        let mut end = at + 1;
        while end < tokens.len() && tokens[end].kind != Kind::Newline {
            end = past(tokens, end);
        }
        attributes.push(Attribute {
            key: text[tokens[at].span.clone()].to_owned(),
            span: tokens[at].span.start..tokens[end.min(tokens.len()) - 1].span.end,
        });
        at = end;
    }
    attributes
}

fn of_json(text: &str) -> Vec<Block> {
    let Ok(Json::Object(top)) = json::parse(text) else {
        return Vec::new();
    };
    let mut blocks = Vec::new();
    for kind in &top.properties {
        let Json::Object(named) = &kind.value else {
            continue;
        };
        for property in &named.properties {
            let attributes = match &property.value {
                Json::Object(object) => &object.properties[..],
                _ => &[],
            };
            let attributes = attributes.iter().map(|attribute| Attribute {
                key: attribute.name.as_str().to_owned(),
                span: attribute.range().start..attribute.range().end,
            });
            let name = property.name.range();
            blocks.push(Block {
                kind: kind.name.as_str().to_owned(),
                label: property.name.as_str().to_owned(),
                span: name.start..name.end,
                attributes: attributes.collect(),
            });
        }
    }
    blocks
}

/// Targets that others inherit from: an expression for each text in `inherits`, in which `${…}` stands for
/// anything.
pub(super) fn parents(source: &SourceText, blocks: &[Block]) -> Vec<Regex> {
    let attributes = blocks.iter().flat_map(|block| &block.attributes);
    let inherits = attributes.filter(|attribute| attribute.key == "inherits");
    let mut texts: BTreeSet<String> = BTreeSet::new();
    for attribute in inherits {
        let value = &source.text[attribute.span.clone()];
        let value = value.split_once(['=', ':']).map_or("", |(_, value)| value);
        let found = tokens(value);
        let found = found.into_iter().filter(|token| token.kind == Kind::Text);
        texts.extend(found.map(|token| value[token.span].trim_matches('"').to_owned()));
    }
    let expressions = texts.iter().filter_map(|text| {
        let mut expression = String::from("^");
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            expression.push_str(&regex::escape(before));
            expression.push_str(".+");
            rest = after.split_once('}').map_or("", |(_, after)| after);
        }
        expression.push_str(&regex::escape(rest));
        Regex::new(&(expression + "$")).ok()
    });
    expressions.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, text: &str, expected: &[(&str, &str, &[&str])]) {
        let found = blocks(&SourceText::new(path, text));
        let found: Vec<(&str, &str, Vec<&str>)> = found
            .iter()
            .map(|block| {
                let keys = block.attributes.iter().map(|key| key.key.as_str());
                (block.kind.as_str(), block.label.as_str(), keys.collect())
            })
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(kind, label, keys)| (*kind, *label, keys.to_vec()))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn blocks_with_their_keys() {
        let text = r#"
            # target "no" {}
            A = { x = 1 }
            variable "B" { default = "${A}}" }
            target "c" {
              args = {
                D = "e"
              }
              tags = [for x in y :
                "z"]
              network = "host"
            }
            target f {}
            group "g" { targets = ["c"] }
        "#;
        let expected: &[(&str, &str, &[&str])] = &[
            ("variable", "B", &["default"]),
            ("target", "c", &["args", "tags", "network"]),
            ("target", "f", &[]),
            ("group", "g", &["targets"]),
        ];
        check("x.hcl", text, expected);
        let text = r#"{"target": {"c": {"args": {"D": "e"}, "ssh": []}}, "A": 1}"#;
        check("x.json", text, &[("target", "c", &["args", "ssh"])]);
        check("x.json", "{", &[]);
        check(
            "x.hcl",
            "target \"a\" {\n tags = [",
            &[("target", "a", &["tags"])],
        );
        check("x.hcl", "}}} {{{ \"", &[]);
    }

    #[test]
    fn parents_by_name() {
        let text = "target \"a\" {\n inherits = [\"b\", \"c-${v}-d\"]\n}";
        let source = SourceText::new("x.hcl", text);
        let parents = parents(&source, &blocks(&source));
        let is_parent = |name| parents.iter().any(|parent| parent.is_match(name));
        assert!(is_parent("b") && is_parent("c-1-d"));
        assert!(!is_parent("bb") && !is_parent("c-1") && !is_parent("a"));
    }
}

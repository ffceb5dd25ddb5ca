//! An [`Ast`] as JSON, for tools: the fields of BuildKit's own nodes.

use serde_json::{Map, Value, json};

use super::error::Error;
use super::instruction::Kind;
use super::node::{Arguments, Ast, Heredoc, Node, Token};
use super::{Dockerfile, LineRange};

/// The whole file: its settings and nodes, and what BuildKit makes of them. With an error of layers
/// 1 or 2 there are no nodes.
pub fn file(file: &Dockerfile<'_>) -> Value {
    let ast = file.ast;
    let mut map = Map::new();
    let syntax_error = ast.errors.first();
    let is_read = !ast.nodes.is_empty() && ast.errors.iter().all(Error::is_too_long);
    if let (Some(error), false) = (syntax_error, is_read) {
        map.insert("error".into(), self::error(error));
        return Value::Object(map);
    }
    if let Some(error) = syntax_error {
        map.insert("parse_error".into(), self::error(error));
    }
    map.insert("escape".into(), ast.escape.to_string().into());
    if let Some(syntax) = &ast.syntax {
        map.insert("syntax".into(), (*syntax.value).into());
        map.insert("syntax_cmdline".into(), (*syntax.full).into());
    }
    if let Some(check) = &ast.check {
        map.insert("check".into(), (*check.value).into());
    }
    map.insert("nodes".into(), nodes(ast));
    if !ast.warnings.is_empty() {
        let warnings = ast.warnings.iter();
        let warnings = warnings.map(|w| format!("{}: {}", w.line, w.message));
        map.insert("warnings".into(), warnings.collect());
    }
    if let Some(error) = file.errors.first() {
        map.insert("instr_error".into(), self::error(error));
    } else {
        stages(file, &mut map);
    }
    Value::Object(map)
}

/// An error: its message, and the ranges of lines it names, if BuildKit says where it is.
pub fn error(error: &Error) -> Value {
    let LineRange { start, end } = error.lines;
    if !error.is_located() {
        return json!({"message": error.message()});
    }
    json!({"message": error.message(), "lines": [[start, end]]})
}

/// All nodes of a file.
pub fn nodes(ast: &Ast<'_>) -> Value {
    ast.nodes.iter().map(|node| self::node(ast, node)).collect()
}

/// How many `ARG` stand before the first stage, and how the stages are called.
fn stages(file: &Dockerfile<'_>, map: &mut Map<String, Value>) {
    let kinds = || {
        file.instructions
            .iter()
            .map(|instruction| &instruction.kind)
    };
    let names: Vec<&str> = kinds()
        .filter_map(|kind| match kind {
            Kind::From(from) => Some(from.alias.as_ref().map_or("", |alias| &alias.name)),
            _ => None,
        })
        .collect();
    let before = kinds().take_while(|kind| !matches!(kind, Kind::From(_)));
    map.insert("n_meta_args".into(), before.count().into());
    map.insert("n_stages".into(), names.len().into());
    if !names.is_empty() {
        map.insert("stage_names".into(), names.into());
    }
}

/// A node of a file.
pub fn node(ast: &Ast<'_>, node: &Node<'_>) -> Value {
    let mut map = inner(ast, node);
    map.insert("original".into(), ast.original(node).into());
    map.insert("start_line".into(), node.lines.start.into());
    map.insert("end_line".into(), node.lines.end.into());
    let comments: Vec<Value> = ast.description(node).map(Value::from).collect();
    if !comments.is_empty() {
        map.insert("comments".into(), comments.into());
    }
    if !node.heredocs.is_empty() {
        map.insert(
            "heredocs".into(),
            node.heredocs.iter().map(heredoc).collect(),
        );
    }
    map.into()
}

/// What a trigger has too.
fn inner(ast: &Ast<'_>, node: &Node<'_>) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("cmd".into(), (*node.word.text).into());
    if !node.flags.is_empty() {
        map.insert("flags".into(), node.flags.iter().map(text).collect());
    }
    if node.is_json() {
        map.insert("json".into(), true.into());
    }
    map.insert("args".into(), arguments(&node.arguments).into());
    if let Some(trigger) = node.trigger() {
        let mut sub = inner(ast, trigger);
        // BuildKit gives a trigger no lines.
        sub.insert("original".into(), ast.original(trigger).trim().into());
        sub.insert("start_line".into(), 0.into());
        sub.insert("end_line".into(), 0.into());
        map.insert("sub".into(), sub.into());
    }
    map
}

fn text(token: &Token<'_>) -> Value {
    (*token.text).into()
}

fn arguments(arguments: &Arguments<'_>) -> Vec<Value> {
    match arguments {
        Arguments::None | Arguments::Trigger(_) => Vec::new(),
        Arguments::Unknown => vec!["".into()],
        Arguments::Text(token) => vec![text(token)],
        Arguments::Words(tokens) | Arguments::Json(tokens) => tokens.iter().map(text).collect(),
        Arguments::Pairs(pairs) => pairs
            .iter()
            .flat_map(|pair| {
                let separator = if pair.legacy { "" } else { "=" };
                [text(&pair.name), text(&pair.value), separator.into()]
            })
            .collect(),
        Arguments::Health { kind, command } => {
            let mut all = vec![text(kind)];
            all.extend(self::arguments(command));
            all
        }
    }
}

fn heredoc(heredoc: &Heredoc<'_>) -> Value {
    json!({
        "name": heredoc.name,
        "fd": heredoc.descriptor,
        "expand": heredoc.expand,
        "chomp": heredoc.chomp,
        "content": heredoc.content,
    })
}

//! What BuildKit's parser answers, case by case: layers 1 to 3.

use std::fs;

use serde_json::{Value, json};
use shipwright::lang::dockerfile::{Dockerfile, dump, parse};

use crate::shared;
use crate::support::files::entries;

fn answer(dockerfile: &str) -> Value {
    dump::file(&Dockerfile::new(&parse(dockerfile)))
}

/// BuildKit's suggestions depend on the order of a hash map.
pub(crate) fn without_suggestions(mut value: Value) -> Value {
    for error in ["error", "instr_error", "parse_error"] {
        let message = value.get_mut(error).and_then(|e| e.get_mut("message"));
        if let Some(Value::String(message)) = message {
            let end = message.find(" (did you mean").unwrap_or(message.len());
            message.truncate(end);
        }
    }
    value
}

/// What the program answers where a row expects something else, fields that the rows do not have
/// left out.
fn difference(row: &Value, absent: &[&str]) -> Option<Value> {
    let mut expected = without_suggestions(row["expect"].clone());
    let dockerfile = match row.get("dockerfile") {
        Some(text) => text.as_str().expect("a text").to_owned(),
        None => described(row["dockerfile_gen"].as_str().expect("a name")),
    };
    let mut found = without_suggestions(answer(&dockerfile));
    let fields = found.as_object_mut().expect("an object");
    if expected.get("n_nodes").is_some() {
        let nodes = fields["nodes"].as_array().map_or(0, Vec::len);
        let error = fields.get("error").cloned();
        found = json!({"n_nodes": nodes, "error": error});
    } else if expected.get("panic").is_some() {
        // The linter crashed, which was given no configuration: only what comes before it counts.
        fields.retain(|name, _| expected.get(name).is_some());
        expected.as_object_mut().expect("an object").remove("panic");
    } else {
        fields.retain(|name, _| !absent.contains(&name.as_str()));
    }
    (found != expected).then_some(found)
}

/// The files that the data describes rather than holds.
pub(crate) fn described(name: &str) -> String {
    let length: usize = name
        .strip_prefix("limit-")
        .and_then(|length| length.parse().ok())
        .expect("a limit");
    let command = "RUN ";
    format!(
        "FROM a\n{command}{}\n",
        "x".repeat(length - command.len() - 1)
    )
}

#[track_caller]
fn check_rows(name: &str, text: &str, absent: &[&str]) {
    let mut right = 0;
    let mut wrong = Vec::new();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).expect("a row is JSON");
        let id = row["id"].as_str().expect("a row has an id");
        match difference(&row, absent) {
            Some(found) => wrong.push(format!(
                "{id}: expected {}\n{id}: found    {found}",
                row["expect"]
            )),
            None => right += 1,
        }
    }
    println!("{name}: {right} of {}", right + wrong.len());
    assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
    assert!(right > 0, "{name}: no rows");
}

/// Rows that are part of this repository.
#[track_caller]
fn check_own(name: &str) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/ast");
    let text = fs::read_to_string(format!("{folder}/{name}.jsonl")).expect("it is here");
    check_rows(name, &text, &[]);
}

#[test]
fn edge_cases() {
    check_own("edge-cases");
}

#[test]
fn generated_files() {
    check_own("generated");
}

#[test]
fn corpus() {
    if let Some(text) = shared::read("ast/corpus.jsonl") {
        check_rows("corpus", &text, &[]);
    }
}

#[test]
fn real_dockerfiles() {
    if let Some(text) = shared::read("real/dockerfiles.jsonl.xz") {
        check_rows("real Dockerfiles", &text, &["warnings"]);
    }
}

/// BuildKit's own dump of a node, as in its golden files.
fn s_expression(node: &Value) -> String {
    let text = |value: &Value| go_quoted(value.as_str().expect("a text"));
    let command = node["cmd"].as_str().expect("a text").to_lowercase();
    let mut parts = vec![command];
    if let Some(flags) = node["flags"].as_array() {
        let flags: Vec<String> = flags.iter().map(text).collect();
        parts.push(format!("[{}]", flags.join(" ")));
    }
    if let Some(sub) = node.get("sub") {
        parts.push(format!("({})", s_expression(sub)));
    }
    parts.extend(node["args"].as_array().expect("a list").iter().map(text));
    parts.join(" ")
}

fn go_quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '\0' => quoted.push_str("\\x00"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            c if c.is_ascii() && c != '\'' => quoted.extend(c.escape_default()),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[test]
fn golden_nodes() {
    let Some(folder) = shared::conformance("buildkit-parser") else {
        return;
    };
    let mut count = 0;
    for case in entries(folder.as_ref()) {
        let dockerfile = fs::read_to_string(case.join("Dockerfile")).expect("a text");
        let result = fs::read_to_string(case.join("result")).expect("a text");
        let nodes = dump::nodes(&parse(&dockerfile));
        let nodes = nodes.as_array().expect("a list").iter();
        let found: Vec<String> = nodes
            .map(|node| format!("({})", s_expression(node)))
            .collect();
        let expected: Vec<&str> = result.trim().lines().collect();
        assert_eq!(found, expected, "{}", case.display());
        count += 1;
    }
    assert!(count > 0, "no case in {}", folder.display());
    println!("golden nodes: {count} of {count}");
}

#[test]
fn golden_errors() {
    let Some(folder) = shared::conformance("buildkit-parser-negative") else {
        return;
    };
    let mut count = 0;
    for case in entries(folder.as_ref()) {
        let dockerfile = fs::read_to_string(case.join("Dockerfile")).expect("a text");
        let error = fs::read_to_string(case.join("error.json")).expect("a text");
        let expected: Value = serde_json::from_str(&error).expect("JSON");
        assert_eq!(answer(&dockerfile)["error"], expected, "{}", case.display());
        count += 1;
    }
    assert!(count > 0, "no case in {}", folder.display());
    println!("golden errors: {count} of {count}");
}

#[test]
fn golden_lines() {
    let Some(dockerfile) = shared::read("buildkit-parser-line/Dockerfile") else {
        return;
    };
    let ast = parse(&dockerfile);
    let lines: Vec<(usize, usize)> = ast
        .nodes
        .iter()
        .map(|node| (node.lines.start, node.lines.end))
        .collect();
    assert_eq!(lines, [(5, 5), (11, 12), (17, 31)]);
}

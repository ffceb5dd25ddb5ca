//! `shipwright parse` on the conformance data, field by field: all rows within this process, some
//! through the program itself, which has to fail exactly where there is an `error`.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use shipwright::lang::Platform;

use crate::conformance_ast::{described, without_suggestions};
use crate::conformance_graph::without_mount_artefacts;
use crate::rows::{check_all, own, report_of, same, shared};
use crate::support::repo::Repo;

/// Graph rows that build on an image which has triggers or variables of its own. What it holds
/// cannot be known offline: the command takes it for unknown, where the data says what it is.
const UNKNOWN_BASES: [&str; 3] = ["withenv", "onbuild-copy", "onbuild-copyfrom"];

/// Of how many rows one goes through the program.
const SAMPLED: usize = 40;

fn dockerfile(row: &Value) -> String {
    match row["dockerfile"].as_str() {
        Some(text) => text.to_owned(),
        None => described(row["dockerfile_gen"].as_str().expect("a name")),
    }
}

fn text_map(value: &Value) -> BTreeMap<String, String> {
    let pairs = value.as_object().into_iter().flatten();
    pairs
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect()
}

/// What the command would print for a row.
fn report(row: &Value) -> Value {
    let platform = row["platform"].as_str().unwrap_or("linux/amd64");
    report_of(
        &dockerfile(row),
        row["target"].as_str(),
        &text_map(&row["build_args"]),
        &Platform::parse(platform).expect("a platform"),
    )
}

/// Layers 1 to 3: settings, nodes, errors. What layers 4 and 5 refuse is not in these rows.
fn check_nodes(row: &Value) -> Result<(), String> {
    let expected = without_suggestions(row["expect"].clone());
    let found = without_suggestions(report(row));
    let kinds = ["error", "parse_error", "instr_error"];
    let mut errors = kinds.iter().filter_map(|kind| expected.get(kind));
    if let Some(error) = errors.find(|error| !error.is_null()) {
        same("error", &found["error"], error)?;
        return same("nodes beside an error", found.get("nodes"), None);
    }
    if let Some(count) = expected.get("n_nodes") {
        let nodes = found["nodes"].as_array().map(Vec::len);
        return same("nodes", json!(nodes), count.clone());
    }
    for field in ["syntax", "escape", "check"] {
        // Where BuildKit's linter crashed, not all settings were written down.
        let is_known = expected.get("panic").is_none() || expected.get(field).is_some();
        if is_known {
            same(field, &found[field], &expected[field])?;
        }
    }
    same("nodes", &found["nodes"], &expected["nodes"])?;
    let has_either = found.get("error").is_some() != found.get("stages").is_some();
    same("either stages or an error", has_either, true)
}

/// Stages, as far as nothing is known of base images.
fn check_stages(row: &Value) -> Result<(), String> {
    let mut found = report(row);
    if let Some(error) = row.get("error") {
        let error = without_suggestions(json!({"error": error}));
        return same(
            "error",
            &without_suggestions(found)["error"],
            &error["error"],
        );
    }
    same("error", found.get("error"), None)?;
    same(
        "stages",
        found["stages"].take(),
        without_mount_artefacts(row["expect"]["stages"].clone()),
    )
}

fn is_known(row: &Value) -> bool {
    let text = row["dockerfile"].as_str().unwrap_or_default();
    !UNKNOWN_BASES.iter().any(|base| text.contains(base))
}

#[test]
fn nodes_of_own_rows() {
    for file in ["ast/edge-cases.jsonl", "ast/generated.jsonl"] {
        check_all(&format!("parse {file}"), &own(file), check_nodes);
    }
}

#[test]
fn nodes_of_public_files() {
    for file in ["ast/corpus.jsonl", "real/dockerfiles.jsonl.xz"] {
        if let Some(rows) = shared(file) {
            check_all(&format!("parse {file}"), &rows, check_nodes);
        }
    }
}

#[test]
fn stages_of_own_rows() {
    let (known, unknown): (Vec<Value>, Vec<Value>) =
        own("graph/cases.jsonl").into_iter().partition(is_known);
    check_all("parse graph/cases.jsonl", &known, check_stages);
    println!(
        "parse graph/cases.jsonl: {} rows build on unknown images",
        unknown.len()
    );
}

/// Runs the program with a text as its standard input.
fn run(arguments: &[&str], text: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_shipwright"))
        .arg("parse")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text).unwrap();
    child.wait_with_output().unwrap()
}

fn printed(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}

fn check_program(row: &Value) -> Result<(), String> {
    let mut arguments = vec!["-".to_owned()];
    for option in ["target", "platform"] {
        if let Some(value) = row[option].as_str() {
            arguments.push(format!("--{option}={value}"));
        }
    }
    for (name, value) in text_map(&row["build_args"]) {
        arguments.push(format!("--build-arg={name}={value}"));
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = run(&arguments, dockerfile(row).as_bytes());
    let expected = report(row);
    let status = i32::from(expected.get("error").is_some());
    same("exit status", output.status.code(), Some(status))?;
    same("stderr", String::from_utf8_lossy(&output.stderr), "".into())?;
    same("stdout", printed(&output), expected)
}

#[test]
fn the_program_says_the_same() {
    let graph = own("graph/cases.jsonl");
    let edges = own("ast/edge-cases.jsonl");
    let public = ["ast/corpus.jsonl", "real/dockerfiles.jsonl.xz"];
    let public = public.into_iter().filter_map(shared).flatten();
    let sampled = public.chain(edges).step_by(SAMPLED);
    let rows: Vec<Value> = sampled.chain(graph.into_iter().step_by(4)).collect();
    check_all("parse, through the program", &rows, check_program);
}

#[track_caller]
fn check_bytes(text: &[u8], status: i32, error: &Value) {
    let output = run(&["-"], text);
    assert_eq!(output.status.code(), Some(status));
    assert_eq!(output.stderr, b"");
    assert_eq!(&printed(&output)["error"], error);
}

#[test]
fn any_bytes_have_an_answer() {
    let nothing = |line: usize| {
        let lines = json!([[line, line]]);
        json!({"message": "file with no instructions", "lines": lines})
    };
    check_bytes(b"", 1, &nothing(0));
    check_bytes(b"\n", 1, &nothing(1));
    check_bytes(b"# a\n\n# b", 1, &nothing(3));
    check_bytes(
        b"\0",
        1,
        &json!({"message": "dockerfile parse error on line 1: unknown instruction: \0", "lines": [[1, 1]]}),
    );
    let utf16 =
        "dockerfile parse error on line 1: unknown instruction: \u{fffd}\u{fffd}F\0R\0O\0M\0";
    check_bytes(
        b"\xff\xfeF\0R\0O\0M\0",
        1,
        &json!({"message": utf16, "lines": [[1, 1]]}),
    );
    check_bytes(b"FROM a\nRUN \xff\xfe\n", 0, &Value::Null);
    check_bytes(b"FROM a\nRUN a\0b\n", 0, &Value::Null);
}

#[test]
fn a_file_that_is_not_there() {
    let repo = Repo::new("//- sub/Dockerfile\nFROM scratch\n");
    let parse = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_shipwright"))
            .args(arguments)
            .current_dir(repo.path())
            .output()
            .unwrap()
    };
    for (arguments, status) in [
        (["-C", "sub", "parse", "Dockerfile"], 0),
        (["-C", ".", "parse", "sub/Dockerfile"], 0),
        (["-C", "sub", "parse", "nothing"], 1),
        (["-C", ".", "parse", "sub"], 1),
    ] {
        let output = parse(&arguments);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}");
        assert_eq!(output.stdout.is_empty(), status != 0);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            stderr.starts_with("error[unreadable]"),
            status != 0,
            "{stderr}"
        );
    }
}

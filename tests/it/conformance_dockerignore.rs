//! Ignore files, as moby/patternmatcher answers.

use serde_json::{Value, json};
use shipwright::lang::clean;
use shipwright::lang::{IgnoreFile, read_lines};

use crate::rows::{check_all, own, same, shared};

fn text<'a>(row: &'a Value, key: &str) -> Result<&'a str, String> {
    row[key].as_str().ok_or_else(|| format!("no {key}"))
}

fn check_read(row: &Value) -> Result<(), String> {
    let lines = read_lines(text(row, "content")?);
    let patterns: Vec<String> = lines.into_iter().map(|(_, pattern)| pattern).collect();
    same("patterns", json!(patterns), row["patterns"].clone())
}

fn check_file(row: &Value) -> Result<(), String> {
    let (file, problems) = IgnoreFile::parse(text(row, "dockerignore")?);
    let path = text(row, "path")?;
    let messages: Vec<&str> = problems.iter().map(|p| &*p.message).collect();
    let expected: Vec<&str> = row["error"].as_str().into_iter().collect();
    same("error", messages, expected)?;
    same(
        "ignored",
        Some(file.ignores(path)),
        row["ignored"].as_bool(),
    )
}

fn check_patterns(row: &Value) -> Result<(), String> {
    let patterns = row["patterns"].as_array().ok_or("no patterns")?;
    let path = clean(text(row, "path")?);
    match IgnoreFile::from_patterns(patterns.iter().filter_map(Value::as_str)) {
        Err(_) => same("error", Some(true), row["error"].as_bool()),
        // Whatever the path, this fails on the first that it is tried on.
        Ok(file) if file.has_bad_expression() => same("error", Some(true), row["error"].as_bool()),
        Ok(file) => {
            same("error", None, row["error"].as_bool())?;
            same(
                "ignored",
                Some(file.ignores(&path)),
                row["ignored"].as_bool(),
            )
        }
    }
}

#[test]
fn own_rows() {
    check_all(
        "dockerignore, read",
        &own("dockerignore/read-cases.jsonl"),
        check_read,
    );
    check_all(
        "dockerignore, files",
        &own("dockerignore/file-cases.jsonl"),
        check_file,
    );
}

#[test]
fn shared_rows() {
    if let Some(rows) = shared("dockerignore/read-cases.jsonl") {
        check_all("dockerignore, read (shared)", &rows, check_read);
    }
    if let Some(rows) = shared("dockerignore/cases.jsonl") {
        check_all("dockerignore, patterns (shared)", &rows, check_patterns);
    }
}

//! Every file of conformance data is run: one that no test names fails here.

use std::fs;
use std::path::Path;

use crate::shared;
use crate::support::files::{checkout, files_below, files_with};

/// Fails with the files of rows in a folder whose path from there no test has as a text.
#[track_caller]
fn check(data: &Path) {
    let tests: Vec<String> = files_with(&checkout("tests/it"), "rs")
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let rows: Vec<String> = files_below(data)
        .iter()
        .map(|file| file.strip_prefix(data).unwrap().display().to_string())
        .filter(|name| name.contains(".jsonl"))
        .collect();
    assert!(!rows.is_empty(), "{}: no rows", data.display());
    let named = |name: &String| {
        tests
            .iter()
            .any(|test| test.contains(&format!("\"{name}\"")))
    };
    let missing: Vec<&String> = rows.iter().filter(|name| !named(name)).collect();
    assert!(missing.is_empty(), "no test runs {missing:?}");
}

#[test]
fn own_files_are_run() {
    check(&checkout("tests/conformance"));
}

#[test]
fn shared_files_are_run() {
    if let Some(data) = shared::conformance("") {
        check(&data);
    }
}

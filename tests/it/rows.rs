//! Conformance data: rows of JSON, each a case with the answer of the real program.
//!
//! Rows written for this project are in `tests/conformance`; those that come from other projects'
//! test suites are read where they lie.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shipwright::lang::Platform;
use shipwright::lang::dockerfile::report::Report;
use shipwright::lang::dockerfile::{self, Dockerfile};

use crate::shared;

/// The rows of a file in `tests/conformance`.
#[track_caller]
pub(crate) fn own(file: &str) -> Vec<Value> {
    let path = format!("{}/tests/conformance/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    parse(&text)
}

/// The rows of a file of the shared data, if it is there.
#[track_caller]
pub(crate) fn shared(file: &str) -> Option<Vec<Value>> {
    shared::read(file).map(|text| parse(&text))
}

/// Runs `check` over all rows, at least one; it says what differs, or nothing. Fails with every difference.
#[track_caller]
pub(crate) fn check_all(name: &str, rows: &[Value], check: impl Fn(&Value) -> Result<(), String>) {
    assert!(!rows.is_empty(), "{name}: no rows");
    let failures: Vec<String> = rows
        .iter()
        .filter_map(|row| check(row).err().map(|why| format!("{row}\n    {why}")))
        .collect();
    let passed = rows.len() - failures.len();
    println!("{name}: {passed} of {}", rows.len());
    assert!(failures.is_empty(), "{name}:\n{}", failures.join("\n"));
}

/// Says how two values differ.
#[expect(
    clippy::needless_pass_by_value,
    reason = "calls are rows and read better without `&`"
)]
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(
    what: &str,
    actual: T,
    expected: T,
) -> Result<(), String> {
    if actual == expected {
        Ok(())
    } else {
        Err(format!("{what}: {actual:?}, expected {expected:?}"))
    }
}

/// What `shipwright parse` prints of a text.
pub(crate) fn report_of(
    text: &str,
    target: Option<&str>,
    build_args: &BTreeMap<String, String>,
    platform: &Platform,
) -> Value {
    let ast = dockerfile::parse(text);
    let file = Dockerfile::new(&ast);
    json!(Report::new(&file, target, build_args, platform))
}

#[track_caller]
fn parse(text: &str) -> Vec<Value> {
    text.lines()
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str(line).expect("a row is JSON"))
        .collect()
}

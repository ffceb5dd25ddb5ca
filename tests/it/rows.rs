//! Conformance data: rows of JSON, each a case with the answer of the real program.
//!
//! Rows written for this project are in `tests/conformance`. Rows that come from other projects'
//! test suites are read where they are: in the folder that `SHIPWRIGHT_SHARED` names, else in
//! `shared` beside the checkout; where there is neither, their test says so and passes.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests read their data"
)]

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The checkout.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The rows of a file in `tests/conformance`.
#[track_caller]
pub(crate) fn own(file: &str) -> Vec<Value> {
    parse(&read(&root().join("tests/conformance").join(file)))
}

/// The rows of a file of the shared data, if it is there.
#[track_caller]
pub(crate) fn shared(file: &str) -> Option<Vec<Value>> {
    shared_text(file).map(|text| parse(&text))
}

/// A file of the shared data, if it is there.
#[track_caller]
pub(crate) fn shared_text(file: &str) -> Option<String> {
    let folder = std::env::var_os("SHIPWRIGHT_SHARED").map(PathBuf::from);
    let path = folder
        .into_iter()
        .chain(root().parent().map(|parent| parent.join("shared")))
        .map(|folder| folder.join("conformance").join(file))
        .find(|path| path.exists());
    if path.is_none() {
        eprintln!("SKIPPED: no shared conformance data, so nothing of {file} was checked");
    }
    path.map(|path| read(&path))
}

/// Runs `check` over all rows; it says what differs, or nothing. Fails with every difference.
#[track_caller]
pub(crate) fn check_all(name: &str, rows: &[Value], check: impl Fn(&Value) -> Result<(), String>) {
    let failures: Vec<String> = rows
        .iter()
        .filter_map(|row| check(row).err().map(|why| format!("{row}\n    {why}")))
        .collect();
    let passed = rows.len() - failures.len();
    eprintln!("{name}: {passed} of {}", rows.len());
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

#[track_caller]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[track_caller]
fn parse(text: &str) -> Vec<Value> {
    text.lines()
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str(line).expect("a row is JSON"))
        .collect()
}

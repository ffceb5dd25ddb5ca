//! Dockerfiles as people write them: the good ones with their nodes, the bad ones with what is said
//! about them. With `BLESS=1` in the environment, the answers are written anew.

use std::fs;
use std::path::Path;

use shipwright::diagnostics::render::{Style, render};
use shipwright::diagnostics::{Diagnostics, SourceText};
use shipwright::lang::dockerfile::{Dockerfile, dump, parse};

use crate::support::files::cases;

/// The name of the file with the answer, and the answer.
fn answer(dockerfile: &str) -> (&'static str, String) {
    let ast = parse(dockerfile);
    let file = Dockerfile::new(&ast);
    let source = SourceText::new("Dockerfile", dockerfile);
    let mut diagnostics = Diagnostics::new();
    diagnostics.extend(file.all_errors().map(|error| error.diagnostic(&source)));
    if diagnostics.is_empty() {
        let nodes = serde_json::to_string_pretty(&dump::file(&file));
        ("ast.json", nodes.expect("JSON can be written") + "\n")
    } else {
        ("diagnostics.txt", render(&diagnostics, Style::default()))
    }
}

#[track_caller]
fn check(case: &Path) {
    let dockerfile = fs::read_to_string(case.join("Dockerfile")).expect("a case has a Dockerfile");
    let (name, found) = answer(&dockerfile);
    if std::env::var_os("BLESS").is_some() {
        fs::write(case.join(name), found).expect("the answer can be written");
        return;
    }
    let expected = fs::read_to_string(case.join(name))
        .unwrap_or_else(|_| panic!("{} has no {name}:\n{found}", case.display()));
    assert_eq!(found, expected, "{}/{name}", case.display());
}

#[test]
fn all() {
    let cases = cases("dockerfile");
    let count = cases.len();
    for case in cases {
        check(&case);
    }
    println!("Dockerfile cases: {count} of {count}");
}

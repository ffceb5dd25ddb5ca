//! Golden fingerprints: each folder of `tests/cases/fingerprint` has a repository (`repo.txt`, a
//! fixture) and the manifests of its images as they are hashed (`manifest.txt`).
//!
//! A difference here means that every image of every user is built again: raise
//! [`shipwright::planner::fingerprint::VERSION`] and take what is seen with `UPDATE=1`.

use std::fmt::Write;
use std::fs;

use shipwright::config::Config;
use shipwright::planner::{Options, compile};

use crate::support::files::cases;
use crate::support::generate::snapshot;
use crate::support::repo;

#[test]
fn fingerprints_stay_as_they_are() {
    for case in cases("fingerprint") {
        let seen = manifests(&fs::read_to_string(case.join("repo.txt")).unwrap());
        let file = case.join("manifest.txt");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&file, seen).unwrap();
        } else {
            let written = fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(seen, written, "{}: is the version raised?", file.display());
        }
    }
}

/// Every image with its fingerprint, and a line for each field: its tag, and its value in quotes.
fn manifests(fixture: &str) -> String {
    let files = repo::snapshot_files(fixture);
    let config = files.get(".shipwright.json").map(|file| {
        let text = crate::support::generate::text_of(Some(file));
        Config::parse(&text).unwrap_or_else(|_| panic!("a valid configuration"))
    });
    let config = config.unwrap_or_default();
    let outcome = compile(&snapshot(&files), &config, &Options::default(), None);
    let (compiled, _) = outcome.into_result().unwrap();
    let mut text = String::new();
    for image in &compiled.plan.images {
        writeln!(text, "{} {}", image.name, image.fingerprint).unwrap();
        for (tag, value) in compiled.files[&image.name].manifest.fields() {
            writeln!(text, "    {tag} {value:?}").unwrap();
        }
    }
    text
}

//! No configuration and no lock file makes reading or planning panic, and every problem that is found
//! has a place in the text it speaks of.
//!
//! The input is a `.shipwright.json` and, after a line `---`, a `shipwright.lock`. Both are planned with
//! a small repository of three Dockerfiles that build on each other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shipwright::config::Config;
use shipwright::config::lock::Lock;
use shipwright::diagnostics::Diagnostics;
use shipwright::plan::Plan;
use shipwright::planner::{Options, compile};
use shipwright::tree::{File, Snapshot};

const FILES: [(&str, &str); 5] = [
    (
        "base/Dockerfile",
        "ARG V=1\nFROM debian:$V\nADD https://example.com/a /a\n",
    ),
    ("base/.dockerignore", "*.md\n"),
    ("app/Dockerfile", "FROM acme/base\nARG A\nCOPY . /app\n"),
    (
        "app/api.dockerfile",
        "FROM acme/app AS build\nFROM scratch\nCOPY --from=build / /\n",
    ),
    ("app/main.c", "int main;\n"),
];

fuzz_target!(|text: &str| {
    let (configuration, lock) = text.split_once("\n---\n").unwrap_or((text, ""));
    if let Err(problems) = Lock::parse(lock) {
        placed(&problems);
    }
    let config = match Config::parse(configuration) {
        Ok(config) => config,
        Err(problems) => {
            assert!(problems.has_errors());
            return placed(&problems);
        }
    };
    let mut files = FILES.map(|(path, text)| (path, text.to_owned())).to_vec();
    if !lock.is_empty() {
        files.push(("shipwright.lock", lock.to_owned()));
    }
    let plain = |(path, text): (&'static str, String)| (path, File::Plain(text.into_bytes()));
    let snapshot = Snapshot::of_files(None, files.into_iter().map(plain));
    let outcome = compile(&snapshot, &config, &Options::default(), None);
    placed(outcome.diagnostics());
    let has_errors = outcome.diagnostics().has_errors();
    match outcome.value() {
        None => assert!(has_errors),
        Some(compiled) => {
            let json = compiled.plan.to_json();
            assert_eq!(
                Plan::from_json(&json).expect("our own plan").to_json(),
                json
            );
        }
    }
});

fn placed(problems: &Diagnostics) {
    for label in problems.iter().flat_map(|problem| &problem.labels) {
        assert!(label.source.text.get(label.span.clone()).is_some());
    }
}

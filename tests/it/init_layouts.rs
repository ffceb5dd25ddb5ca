//! Ways in which people lay out repositories of images, one a file below `tests/cases/layouts`: what `init`
//! writes without any other evidence than the Dockerfiles gives exactly the edges that the layout means.
//!
//! ```text
//! # what is special
//! path of a Dockerfile: base COPY=reference ARG=NAME=default -> Dockerfiles that these mean
//! = what `init` writes on one line, where that counts as well
//! ```

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use serde_json::Value;
use shipwright::config::Config;
use shipwright::diagnostics::render::{Style, render};
use shipwright::init::{Request, evidence, init};
use shipwright::planner::{Options, compile};
use shipwright::tree::{File, Snapshot};

/// From a Dockerfile to one whose image it takes.
type Edge = (String, String);

/// A repository, its edges, and the configuration where that counts.
struct Layout {
    snapshot: Snapshot,
    edges: BTreeSet<Edge>,
    config: Option<Value>,
}

impl Layout {
    fn parse(text: &str) -> Self {
        let mut files = Vec::new();
        let mut edges = BTreeSet::new();
        let mut config = None;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some(text) = line.strip_prefix("= ") {
                config = Some(serde_json::from_str(text).expect(line));
                continue;
            }
            let (path, says) = line.split_once(": ").expect(line);
            let (says, means) = says.split_once(" -> ").unwrap_or((says, ""));
            files.push((path, File::Plain(dockerfile(says).into_bytes())));
            let bases = means.split_whitespace();
            edges.extend(bases.map(|base| (path.to_owned(), base.to_owned())));
        }
        let snapshot = Snapshot::of_files(None, files);
        Self {
            snapshot,
            edges,
            config,
        }
    }
}

/// A Dockerfile of words: arguments first, then a stage for each base, then what is copied.
fn dockerfile(says: &str) -> String {
    let mut text = String::new();
    for kind in ["ARG=", "", "COPY="] {
        for word in says.split(' ') {
            let value = word.strip_prefix(kind);
            let _ = match (kind, value) {
                ("ARG=", Some(value)) => writeln!(text, "ARG {value}"),
                ("COPY=", Some(value)) => writeln!(text, "COPY --from={value} /x /x"),
                ("", _) if !word.starts_with(|c: char| c.is_ascii_uppercase()) => {
                    writeln!(text, "FROM {word}")
                }
                _ => Ok(()),
            };
        }
    }
    // Each stage is needed.
    for stage in 0..text.matches("FROM ").count().saturating_sub(1) {
        let _ = writeln!(text, "COPY --from={stage} /y /y");
    }
    text
}

/// The edges by the configuration that `init` writes, and that configuration.
fn found(snapshot: &Snapshot) -> (BTreeSet<Edge>, String) {
    let request = Request {
        project: "shop".to_owned(),
        ..Request::default()
    };
    let known = evidence(snapshot, &request, &mut |question| {
        panic!("there is nothing to ask {:?}", question.tool)
    });
    let start = init(snapshot, &request, &known);
    let start = start.unwrap_or_else(|errors| panic!("{}", render(&errors, Style::default())));
    let config = Config::parse(&start.config).expect("what init writes is read");
    let outcome = compile(snapshot, &config, &Options::default(), None).into_result();
    let (compiled, _) =
        outcome.unwrap_or_else(|errors| panic!("{}", render(&errors, Style::default())));
    let plan = compiled.plan;
    let dockerfile = |name: &str| plan.image(name).expect(name).dockerfile.clone();
    let edges = plan.images.iter().flat_map(|image| {
        let needs = image.dependencies.iter();
        needs.map(|need| (image.dockerfile.clone(), dockerfile(&need.image)))
    });
    (edges.collect(), start.config)
}

#[test]
fn two_ways_that_explain_as_much_are_both_told() {
    let layout = Layout::parse(
        "one/two/a/Dockerfile: debian\ntwo/one/b/Dockerfile: debian COPY=nginx\napp/Dockerfile: acme/one acme/two\n",
    );
    let request = Request::default();
    let known = evidence(&layout.snapshot, &request, &mut |_| unreachable!());
    let start = init(&layout.snapshot, &request, &known);
    let start = start.unwrap_or_else(|errors| panic!("{}", render(&errors, Style::default())));
    let told = start
        .taken
        .iter()
        .find(|line| line.contains(" explains "))
        .expect("both");
    assert!(
        told.contains("one/two/a/Dockerfile") && told.contains("two/one/b/Dockerfile"),
        "{told}"
    );
}

#[test]
fn every_layout_is_understood() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/layouts");
    let mut wrong = String::new();
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(paths.len() > 20, "{paths:?}");
    for path in paths {
        let layout = Layout::parse(&fs::read_to_string(&path).unwrap());
        let (edges, config) = found(&layout.snapshot);
        let written: Value = serde_json::from_str(&config).unwrap();
        if edges != layout.edges || layout.config.is_some_and(|wanted| wanted != written) {
            let missing: Vec<_> = layout.edges.difference(&edges).collect();
            let further: Vec<_> = edges.difference(&layout.edges).collect();
            let _ = writeln!(
                wrong,
                "{}\n{config}missing: {missing:?}\nfurther: {further:?}\n",
                path.display()
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

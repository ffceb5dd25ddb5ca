//! Whole runs against an engine and a registry in memory, and the plans that the unit tests of `exec` share.

mod builders;
mod content;
mod local;
mod memory;
mod parts;
mod registry;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::progress::Quiet;
use super::*;
use crate::lang::fingerprint::Fingerprint;
use crate::plan::{Dependency, Source};
use memory::Memory;

/// An image `us/<name>` of the folder `<name>` with the tag `main`; its fingerprint is its name.
pub(in crate::run) fn image(name: &str, needs: &[&str]) -> Image {
    let dependency = |needed: &&str| Dependency {
        image: (*needed).to_owned(),
        reference: format!("us/{needed}"),
        content: None,
        across: BTreeMap::new(),
        via: Vec::new(),
    };
    Image {
        name: name.to_owned(),
        repository: format!("us/{name}"),
        dockerfile: format!("{name}/Dockerfile"),
        context: name.to_owned(),
        labels: BTreeMap::from([(Fingerprint::LABEL.to_owned(), name.to_owned())]),
        dependencies: needs.iter().map(dependency).collect(),
        fingerprint: name.into(),
        reference: format!("us/{name}:sw-{name}"),
        tags: vec![format!("us/{name}:main")],
        ..Image::default()
    }
}

/// An engine of this machine that builds itself.
pub(super) fn host() -> Host {
    Host {
        architecture: "amd64".to_owned(),
        builder: "default".to_owned(),
        shares_images: true,
        holds_sources: true,
    }
}

/// An image that is there, with that label and of that architecture.
pub(super) fn found(fingerprint: Option<&str>, architecture: &str) -> Found {
    Found {
        id: "sha256:1".to_owned(),
        fingerprint: fingerprint.map(Fingerprint::from),
        architecture: architecture.to_owned(),
        size: None,
    }
}

/// A plan of these images.
pub(in crate::run) fn plan(images: Vec<Image>) -> Plan {
    let source = Source {
        revision: "0".repeat(40),
        branch: Some("main".to_owned()),
        ..Source::default()
    };
    Plan::new(source, images)
}

/// One run with one worker on `memory`: the steps it took, and `name:outcome` for each image.
fn steps(
    memory: &Memory,
    plan: &Plan,
    change: impl FnOnce(&mut Options),
) -> (Vec<String>, Result<String, Vec<&'static str>>) {
    let logs = tempfile::tempdir().expect("a temporary folder");
    let mut options = Options::new(Logs::at(logs.path().to_owned()));
    options.jobs = 1;
    change(&mut options);
    let setting = Setting {
        root: Path::new("."),
        engine: memory,
        registry: memory,
        contexts: &WorkingTree,
        options: &options,
    };
    let result = run_on(plan, setting, &mut Quiet);
    let mut asked = std::mem::take(&mut *memory.asked.lock().unwrap());
    // Registries move the tags of several images at once, in any order; those of one image in its order.
    let is_move = |step: &str| step.starts_with("publish ") && !step.contains(":sw-");
    for together in asked.chunk_by_mut(|one, next| is_move(one) && is_move(next)) {
        together.sort_by(|one, next| one.split(':').next().cmp(&next.split(':').next()));
    }
    let codes =
        |problems: &Diagnostics| problems.iter().map(|d| d.code.as_str()).collect::<Vec<_>>();
    let result = match result {
        Err(problems) => Err(codes(&problems)),
        Ok(report) => {
            let word = |image: &ImageReport| format!("{} {}", image.outcome.word(), image.name);
            let mut words: Vec<String> = report.images.iter().map(word).collect();
            words.extend(
                codes(&report.problems)
                    .iter()
                    .map(|code| format!("[{code}]")),
            );
            Ok(words.join(", "))
        }
    };
    (asked, result)
}

/// A run on an engine that fails at `failing`: its steps and outcomes.
#[track_caller]
fn check(
    failing: &str,
    change: impl FnOnce(&mut Options),
    expected_steps: &str,
    expected_outcomes: &str,
) {
    let plan = plan(vec![image("a", &[]), image("b", &["a"]), image("c", &[])]);
    let memory = Memory {
        failing: BTreeSet::from([failing.to_owned()]),
        ..Memory::default()
    };
    let (asked, result) = steps(&memory, &plan, change);
    let asked = asked.join(", ").replace("us/", "");
    assert_eq!(asked, expected_steps);
    assert_eq!(result.as_deref(), Ok(expected_outcomes));
}

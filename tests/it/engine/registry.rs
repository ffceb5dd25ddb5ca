//! Images that live in a registry, through the program itself.

use std::collections::BTreeMap;

use shipwright::run::registry::{HttpRegistry, Registry};

use super::five_images::{WITH_BASE, checkout};
use crate::support::engine::{self, Engine};
use crate::support::program::{self, shipwright};
use crate::support::repo::Repo;

/// Runs `exec`; gives its last line without the time, and its report.
#[track_caller]
pub(super) fn exec(repo: &Repo, arguments: &[&str]) -> (String, serde_json::Value) {
    let fixed = ["exec", "--quiet", "--report", ".git/report.json"];
    let printed = program::run(repo, &[&fixed, &WITH_BASE[..], arguments].concat());
    let counts = printed
        .lines()
        .last()
        .and_then(|line| line.split(" in ").next());
    let report = std::fs::read_to_string(repo.join(".git/report.json")).expect("it was written");
    let report = serde_json::from_str(&report).expect("it is JSON");
    (counts.unwrap_or_default().to_owned(), report)
}

/// The digest of each image of the report under a tag, as the registry says.
#[track_caller]
pub(super) fn digests(
    engine: &Engine,
    report: &serde_json::Value,
    tag: &str,
) -> BTreeMap<String, String> {
    let registry = HttpRegistry::new();
    let images = report["images"].as_array().expect("a list");
    let digest = |image: &serde_json::Value| {
        let name = image["name"].as_str().expect("a name");
        let digest = registry
            .digest(&format!("{name}:{tag}"))
            .expect("it can be read");
        let digest = digest.unwrap_or_else(|| panic!("{name}:{tag} is not there"));
        assert_eq!(image["digest"], *digest, "the report says the same");
        (name[engine.prefix().len() + 1..].to_owned(), digest)
    };
    images.iter().map(digest).collect()
}

#[test]
fn what_is_published_moves_in_the_registry_alone() {
    let Some(engine) = engine::published() else {
        return;
    };
    let repo = checkout(&engine);
    let (counts, report) = exec(&repo, &["--push"]);
    assert_eq!(counts, "5 built");
    let first = digests(&engine, &report, "main");
    assert_eq!(exec(&repo, &["--push"]).0, "5 skipped");
    let built = program::run(&repo, &[&["built"], &WITH_BASE[..]].concat());
    assert_eq!(built.lines().count(), 5);

    engine.clear();
    repo.write("//- README\nNo image reads this.\n");
    let revision = repo.commit("Say something");
    let (counts, report) = exec(&repo, &["--push"]);
    assert_eq!(counts, "5 re-tagged");
    assert_eq!(engine.tags().len(), 0, "nothing was pulled");
    assert_eq!(digests(&engine, &report, &revision[..12]), first);
    assert_eq!(digests(&engine, &report, "main"), first);

    // On a machine that has none of the images, a change builds on the published ones.
    repo.write("//- service1/src/main.py\nprint('changed')\n");
    repo.commit("Change service1");
    let (counts, report) = exec(&repo, &["--push"]);
    assert_eq!(counts, "2 built, 3 re-tagged");
    let second = digests(&engine, &report, "main");
    let changed: Vec<&String> = second
        .iter()
        .filter(|(name, digest)| first.get(*name) != Some(digest))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(changed, ["admin", "service1"]);
}

#[test]
fn what_is_published_is_fetched_rather_than_built() {
    let Some(engine) = engine::published() else {
        return;
    };
    let repo = checkout(&engine);
    let (_, report) = exec(&repo, &["--push", "--no-tags"]);
    let published = &report["images"][0]["digest"];
    assert!(
        published
            .as_str()
            .is_some_and(|digest| digest.starts_with("sha256:"))
    );
    engine.clear();
    for (option, expected) in [
        ("true", "5 images: 5 to fetch ("),
        ("false", "5 images: 5 to build ("),
    ] {
        let option = format!("--from-registry={option}");
        let dry = ["exec", "--quiet", "--dry-run", &option];
        let said = program::run(&repo, &[&dry[..], &WITH_BASE[..]].concat());
        assert!(said.starts_with(expected), "{said}");
    }
    assert_eq!(exec(&repo, &[]).0, "5 fetched");
    assert_eq!(engine.tags().len(), 15);
    assert_eq!(exec(&repo, &[]).0, "5 skipped");
}

#[test]
fn a_registry_that_does_not_answer_is_a_warning_unless_it_is_needed() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let ours = format!("127.0.0.1:9/{}", engine.prefix());
    let repo = Repo::new(&format!(
        "//- app/Dockerfile\nFROM local/busybox:1\n//- .shipwright.json\n\
         {{\"version\": 2, \"namespace\": \"{ours}\"}}\n"
    ));
    let output = shipwright(&repo, ".").args(["exec", "--quiet"]).output();
    let output = output.expect("the program was built");
    program::succeeded(&["exec"], &output);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let expected = "warning[registry-unreadable]: the registry `127.0.0.1:9` cannot be read";
    assert!(stderr.starts_with(expected), "{stderr}");
    for tag in ["main", &repo.git(&["rev-parse", "HEAD"])[..12]] {
        engine::docker(&["image", "rm", &format!("{ours}/app:{tag}")]);
    }
    let listed = program::run(&repo, &["list", "--refs"]);
    engine::docker(&[
        "image",
        "rm",
        listed.lines().next().expect("a content reference"),
    ]);
}

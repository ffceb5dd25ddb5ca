//! What exists and what may go, through the program itself.

use std::collections::BTreeSet;

use super::five_images::{WITH_BASE, checkout};
use crate::support::engine::{self, BASE, docker};
use crate::support::program;

#[test]
fn what_no_branch_needs_is_removed() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let repo = checkout(&engine);
    let run = |arguments: &[&str]| program::run(&repo, &[arguments, &WITH_BASE[..]].concat());
    assert_eq!(run(&["built", "--local"]), "");
    run(&["exec", "--quiet"]);
    assert_eq!(run(&["built", "--local"]).lines().count(), 5);
    let first = engine.tags();

    repo.branch("feature");
    repo.write("//- service1/src/main.py\nprint('changed')\n");
    repo.commit("Change service1");
    run(&["exec", "--quiet"]);
    docker(&["tag", BASE, &engine.repository("python:not-labelled")]);
    assert_eq!(run(&["prune"]), "", "both branches are kept");

    repo.switch("main");
    repo.git(&["branch", "--delete", "--force", "feature"]);
    let second = engine.tags();
    let printed = run(&["prune"]);
    let named: BTreeSet<&str> = printed
        .lines()
        .map(|line| &line[engine.prefix().len() + 1..])
        .collect();
    let images: BTreeSet<&str> = named
        .iter()
        .filter_map(|name| Some(name.split_once(':')?.0))
        .collect();
    assert_eq!(images, BTreeSet::from(["admin", "service1"]));
    assert_eq!(run(&["prune", "--yes", "--dry-run"]), printed);
    assert_eq!(engine.tags(), second, "only printed");
    assert_eq!(run(&["prune", "--yes", "--older-than", "1w"]), "");
    assert_eq!(run(&["prune", "--yes"]), printed);
    let left = engine.tags();
    assert!(first.is_subset(&left) && left.is_subset(&second));
    assert!(named.iter().all(|name| !left.contains(*name)));
    assert!(left.contains("python:not-labelled"));
    assert_eq!(run(&["prune", "--yes"]), "");
}

//! The five images of the example through the program itself: what the documentation promises.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::support::engine::{self, BASE, Contents, Engine, contents, docker};
use crate::support::program::{self, fixture_of};
use crate::support::repo::Repo;

/// The external base that the example leaves to a build argument.
pub(super) const WITH_BASE: [&str; 2] = ["--build-arg", "BASE=local/busybox:1"];

/// The ways to run a plan: a format and what runs its file; neither is `exec`.
const WAYS: [(&str, &[&str]); 4] = [
    ("exec", &[]),
    ("make", &["make", "-j4", "-f"]),
    ("sh", &["dash"]),
    ("bake", &["docker", "buildx", "bake", "-f"]),
];

/// The example in a checkout, its images below the engine's prefix, and their contents no other test's.
#[track_caller]
pub(super) fn checkout(engine: &Engine) -> Repo {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/6sense");
    let prefix = engine.prefix();
    let language = "ENV LANG=C.UTF-8\n";
    let fixture = fixture_of(&folder)
        .replace("6sense/", &format!("{prefix}/"))
        .replace("\"6sense\"", &format!("\"{prefix}\""))
        .replace(language, &format!("{language}LABEL test={prefix}\n"));
    Repo::new(&fixture)
}

/// Plans HEAD and runs the plan in that way; gives what `exec` prints.
#[track_caller]
fn go(repo: &Repo, (format, words): (&str, &[&str])) -> String {
    if words.is_empty() {
        return program::run(repo, &[&["exec", "--quiet"], &WITH_BASE[..]].concat());
    }
    let arguments = [&["emit", format, "-o", "emitted"], &WITH_BASE[..]].concat();
    program::run(repo, &arguments);
    let output = Command::new(words[0])
        .args(&words[1..])
        .arg("emitted")
        .current_dir(repo.path())
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .output()
        .expect("the runner is installed");
    program::succeeded(words, &output);
    String::new()
}

/// Ids by `name:tag`, without what others tagged.
fn ids(engine: &Engine) -> BTreeMap<String, String> {
    let mut ids = engine.references();
    ids.remove("python:latest");
    ids
}

/// What every image of the run holds.
#[track_caller]
fn held(engine: &Engine) -> BTreeMap<String, Contents> {
    let names = ids(engine).into_keys();
    names
        .map(|name| (name.clone(), contents(&engine.repository(&name))))
        .collect()
}

/// The id of each image's tag of a revision.
#[track_caller]
fn at(ids: &BTreeMap<String, String>, revision: &str) -> BTreeMap<String, String> {
    let tag = format!(":{}", &revision[..12]);
    let tagged = ids.iter().filter_map(|(name, id)| {
        let name = name.strip_suffix(&tag)?;
        Some((name.to_owned(), id.clone()))
    });
    tagged.collect()
}

#[test]
fn four_ways_lead_to_the_same_images() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let repo = checkout(&engine);
    let mut expected: Option<BTreeMap<String, Contents>> = None;
    for way in WAYS {
        docker(&["tag", BASE, &engine.repository("python:latest")]);
        go(&repo, way);
        let held = held(&engine);
        assert_eq!(
            held.len(),
            15,
            "five images, each with content, branch and revision"
        );
        match &expected {
            None => expected = Some(held),
            Some(expected) => assert_eq!(&held, expected, "{}", way.0),
        }
        engine.clear();
    }
    let held = expected.expect("at least one way");
    assert!(
        held["admin:main"]
            .files
            .contains_key("/usr/local/bin/python"),
        "built on this python, not on what `latest` happened to be"
    );
}

#[test]
fn a_committed_bake_file_builds_the_same_files() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let repo = checkout(&engine);
    go(&repo, WAYS[0]);
    let arguments = [
        &["emit", "bake", "--stable", "-o", "docker-bake.hcl"],
        &WITH_BASE[..],
    ]
    .concat();
    program::run(&repo, &arguments);
    let bake = Command::new("docker")
        .args(["buildx", "bake", "--load", "-f", "docker-bake.hcl"])
        .current_dir(repo.path())
        .env("TAG", "baked")
        .output()
        .expect("docker was there");
    program::succeeded(&["bake"], &bake);
    for name in ["python", "shared", "service1", "service2", "admin"] {
        let [planned, baked] = ["main", "baked"].map(|tag| {
            let mut held = contents(&engine.repository(&format!("{name}:{tag}")));
            // The label with the fingerprint and the like are the plan's alone.
            held.config["Labels"].take();
            held
        });
        assert_eq!(planned.differences(&baked), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn what_did_not_change_is_not_built() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let repo = checkout(&engine);
    // bake cannot look at what exists: there it is BuildKit's cache that makes a build cheap.
    for way in WAYS.into_iter().filter(|way| way.0 != "bake") {
        let first = repo.git(&["rev-parse", "HEAD"]);
        go(&repo, way);
        let before = ids(&engine);
        let printed = go(&repo, way);
        assert_eq!(ids(&engine), before, "{}: again", way.0);
        if way.1.is_empty() {
            assert!(printed.contains("5 skipped in"), "{printed}");
        }

        repo.write(&format!("//- service1/src/main.py\nprint('{}')\n", way.0));
        let second = repo.commit("Change service1");
        let printed = go(&repo, way);
        let after = ids(&engine);
        let (old, new) = (at(&after, &first), at(&after, &second));
        let changed: Vec<&String> = new
            .iter()
            .filter(|(name, id)| old.get(*name) != Some(id))
            .map(|(name, _)| name)
            .collect();
        assert_eq!(changed, ["admin", "service1"], "{}", way.0);
        assert_eq!(
            new.len(),
            5,
            "{}: every image has the new revision's tag",
            way.0
        );
        for (name, id) in &new {
            assert_eq!(after.get(&format!("{name}:main")), Some(id), "{}", way.0);
        }
        if way.1.is_empty() {
            assert!(printed.contains("2 built, 3 re-tagged in"), "{printed}");
        }
    }
}

//! `exec --pull` on a real engine, while an external base image moves in its registry.

use std::collections::BTreeSet;

use super::locked::put;
use crate::support::engine::{self, docker};
use crate::support::program::{self, shipwright};
use crate::support::repo::Repo;

/// Runs `exec --pull`; gives the counts of the last line, without the time.
#[track_caller]
fn pull(repo: &Repo) -> String {
    let printed = program::run(repo, &["exec", "--pull", "--quiet"]);
    let last = printed.lines().last().unwrap_or_default();
    last.split(" in ").next().unwrap_or_default().to_owned()
}

#[test]
fn builds_use_the_base_that_the_registry_has_now() {
    let Some(engine) = engine::published() else {
        return;
    };
    let base = engine.repository("outside/base:1");
    let ours = engine.repository("ours");
    put(&base, "first");
    let repo = Repo::new(&format!(
        "//- app/Dockerfile\nFROM {base}\nRUN cp /version /built-on\n\
         //- on-app/Dockerfile\nFROM {ours}/app\nRUN cp /version /on\n\
         //- .shipwright.json\n{{\"version\": 2, \"namespace\": \"{ours}\"}}\n"
    ));
    let holds = |name: &str| {
        let image = format!("{ours}/{name}:main");
        docker(&["run", "--rm", "--network=none", &image, "cat", "/built-on"])
    };
    let contents = || {
        let tags = engine.tags().into_iter();
        tags.filter(|tag| tag.contains(":sw-"))
            .collect::<BTreeSet<_>>()
    };

    assert_eq!(pull(&repo), "2 built");
    assert_eq!(holds("app"), "first\n");
    assert_eq!(pull(&repo), "2 skipped", "nothing has moved");
    let first = contents();

    // The engine still holds the earlier base under its tag.
    docker(&["pull", "--quiet", &base]);
    let earlier = engine.repository("outside/base:earlier");
    docker(&["tag", &base, &earlier]);
    put(&base, "second");
    docker(&["tag", &earlier, &base]);
    assert_eq!(pull(&repo), "2 built");
    assert_eq!(
        (&*holds("app"), &*holds("on-app")),
        ("second\n", "second\n")
    );
    let both = contents();
    assert!(first.is_subset(&both));

    // Readable tags name the images of the last run: these are kept, although no plan has their digests.
    let unneeded = program::run(&repo, &["prune", "--yes", "--quiet"]);
    let unneeded: BTreeSet<&str> = unneeded
        .lines()
        .map(|line| &line[engine.prefix().len() + 1..])
        .collect();
    assert_eq!(unneeded, first.iter().map(String::as_str).collect());
    assert_eq!(
        pull(&repo),
        "2 skipped",
        "all that is needed is still there"
    );

    program::run(&repo, &["lock"]);
    repo.commit("Lock");
    let output = shipwright(&repo, ".").args(["exec", "--pull"]).output();
    let output = output.expect("the program was built");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("error[pull-locked]: "), "{said}");
    // The lock file has what `--pull` has found: the same images.
    let built = program::run(&repo, &["exec", "--quiet"]);
    assert!(built.contains("2 re-tagged"), "{built}");
}

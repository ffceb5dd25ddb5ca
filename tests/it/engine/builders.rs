//! A builder that does not share the engine's images: BuildKit behind a socket, as on another machine.

use super::five_images::checkout;
use super::registry::digests;
use crate::schema::{check_valid, validator};
use crate::support::engine::{self, BASE, docker, try_docker};
use crate::support::own_engine::OwnEngine;
use crate::support::program::{self, shipwright};

/// A builder of the client, taken away at the end.
pub(super) struct Builder(pub(super) String);

impl Builder {
    #[track_caller]
    pub(super) fn new(name: String, endpoint: &str) -> Self {
        let create = ["buildx", "create", "--driver", "remote", "--name"];
        docker(&[&create[..], &[&name, endpoint]].concat());
        Self(name)
    }
}

impl Drop for Builder {
    fn drop(&mut self) {
        let _ = try_docker(&["buildx", "rm", &self.0]);
    }
}

#[test]
fn another_builder_builds_into_the_registry_and_what_is_named_comes_from_there() {
    let Some(engine) = engine::published() else {
        return;
    };
    let Some(elsewhere) = OwnEngine::start() else {
        return;
    };
    let name = format!("shipwright-test-{}", std::process::id());
    let builder = Builder::new(name, &elsewhere.buildkit());
    let base = engine.repository("busybox:1");
    docker(&["tag", BASE, &base]);
    docker(&["push", "--quiet", &base]);
    docker(&["image", "rm", &base]);
    let with_base = format!("BASE={base}");
    let repo = checkout(&engine);
    let exec = |arguments: &[&str], builder: &str| {
        let fixed = [
            "exec",
            "--quiet",
            "--report",
            ".git/report.json",
            "--build-arg",
            &with_base,
        ];
        let output = shipwright(&repo, ".")
            .args([&fixed, arguments].concat())
            .env("BUILDX_BUILDER", builder)
            .output();
        let output = output.expect("the program was built");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let counts = printed.lines().last().unwrap_or_default();
        let counts = counts.split(" in ").next().unwrap_or_default().to_owned();
        (counts, output)
    };

    let (_, refused) = exec(&["--builder", &builder.0], "");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("error[builder-needs-push]: "), "{said}");
    assert_eq!(refused.status.code(), Some(1));

    let (counts, output) = exec(&["--push", "--builder", &builder.0], "");
    program::succeeded(&["exec", "--push", "--builder"], &output);
    assert_eq!(counts, "5 built");
    assert_eq!(engine.tags().len(), 0, "nothing went through this engine");
    let report = std::fs::read_to_string(repo.join(".git/report.json")).expect("it was written");
    check_valid(&validator("--report"), &report, "a report with digests");
    let report = serde_json::from_str(&report).expect("it is JSON");
    assert_eq!(digests(&engine, &report, "main").len(), 5);

    repo.write("//- service1/src/main.py\nprint('changed')\n");
    repo.commit("Change service1");
    let (counts, output) = exec(&["--push"], &builder.0);
    program::succeeded(&["exec", "--push"], &output);
    assert_eq!(counts, "2 built, 3 re-tagged");

    // Here the engine builds on what is published, and fetches only what is asked for.
    repo.write("//- service2/src/main.py\nprint('changed')\n");
    repo.commit("Change service2");
    let (counts, output) = exec(&["service1", "service2"], "");
    program::succeeded(&["exec", "service1", "service2"], &output);
    assert_eq!(counts, "1 built, 1 fetched, 2 skipped");
    let tags = engine.tags();
    let images: std::collections::BTreeSet<&str> = tags
        .iter()
        .filter_map(|tag| tag.split(':').next())
        .collect();
    assert_eq!(Vec::from_iter(images), ["service1", "service2"]);
}

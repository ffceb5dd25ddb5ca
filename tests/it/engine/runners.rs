//! One plan, one result: make, sh, bake and exec leave the same tags on the same contents.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use shipwright::plan::{Action, Plan};
use shipwright::run::emit::{Files, Format, emit};

use super::exec::{FIVE, Poisoned, WAVES, exec};
use crate::support::engine::{self, Contents, Engine, contents, docker, try_docker};
use crate::support::plans::plan;
use crate::support::repo::Repo;

/// A way to run a plan: the words before the emitted file; none is `exec`.
const RUNNERS: [(Format, &[&str]); 4] = [
    (Format::Make, &["make", "-j4", "-f"]),
    (Format::Sh, &["dash"]),
    (Format::Sh, &["busybox", "sh"]),
    (Format::Bake, &["docker", "buildx", "bake", "-f"]),
];

/// Runs the plan in the checkout; `push` is what asks the runner to push.
#[track_caller]
pub(super) fn run(repo: &Repo, plan: &Plan, format: Format, words: &[&str], push: Option<&str>) {
    let text = emit(plan, &Files::default(), format).expect("a plan that can be emitted");
    fs::write(repo.join("emitted"), text).unwrap();
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        .arg("emitted")
        .current_dir(repo.path());
    match push {
        Some(push) if format == Format::Bake => command.env(push, "true"),
        push => command.args(push),
    };
    command.env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{words:?}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {stderr}");
}

/// Every tag below the engine's prefix with what its image holds. The fingerprints are the plan's, which each
/// prefix has of its own: they stand as words here.
#[track_caller]
fn all(engine: &Engine, plan: &Plan) -> BTreeMap<String, Contents> {
    let mut found = BTreeMap::new();
    for tag in engine.tags() {
        let image = plan
            .images
            .iter()
            .find(|image| tag.starts_with(&*image.name));
        let image = image.unwrap_or_else(|| panic!("{tag} is not in the plan"));
        let mut held = contents(&engine.repository(&tag));
        let label = &mut held.config["Labels"]["dev.shipwright.fingerprint"];
        assert_eq!(label.as_str(), Some(&*image.fingerprint), "{tag}");
        *label = "of the plan".into();
        let (name, tag) = tag.split_once(':').expect("it has a tag");
        let tag = if image.reference.ends_with(tag) {
            "content"
        } else {
            tag
        };
        found.insert(format!("{name}:{tag}"), held);
    }
    found
}

#[test]
fn all_ways_to_run_a_plan_leave_the_same() {
    let Some(reference) = engine::engine() else {
        return;
    };
    let poisoned = Poisoned::new(&["us/python:latest", "us/shared:latest", "us/node:latest"]);
    let repo = Repo::new(FIVE);
    let revision = repo.git(&["rev-parse", "HEAD"]);
    let first = plan(reference.prefix(), WAVES);
    exec(&repo, &first, |_| {});
    let expected = all(&reference, &first);
    assert_eq!(expected.len(), 10);
    for (format, words) in RUNNERS {
        let engine = engine::engine().expect("it was there");
        let mut plan = plan(engine.prefix(), WAVES);
        plan.source.revision.clone_from(&revision);
        run(&repo, &plan, format, words, None);
        assert_eq!(all(&engine, &plan), expected, "{words:?}");

        // Unchanged, on another branch: the same images under new tags.
        let before = engine.references();
        for image in &mut plan.images {
            image.action = Action::Retag;
            image.tags = vec![format!("{}:next", image.repository)];
        }
        run(&repo, &plan, format, words, None);
        let after = engine.references();
        assert_eq!(after.len(), 15, "{words:?}");
        for (tag, id) in &after {
            assert_eq!(
                before.get(&tag.replace(":next", ":main")),
                Some(id),
                "{words:?} {tag}"
            );
        }
    }
    drop(poisoned);
}

#[test]
fn every_runner_pushes_contents_and_readable_tags() {
    let (Some(_), Some(registry)) = (engine::engine(), engine::registry()) else {
        return;
    };
    let repo = Repo::new(FIVE);
    let revision = repo.git(&["rev-parse", "HEAD"]);
    let pushes = ["push", "--push", "--push", "PUSH"];
    for ((format, words), push) in RUNNERS.into_iter().zip(pushes) {
        let engine = engine::engine().expect("it was there");
        let mut plan = plan(&format!("{registry}/{}", engine.prefix()), WAVES);
        plan.source.revision.clone_from(&revision);
        run(&repo, &plan, format, words, Some(push));
        for image in &plan.images {
            for reference in [&image.reference, &image.tags[0]] {
                docker(&["manifest", "inspect", "--insecure", reference]);
                let _ = try_docker(&["image", "rm", reference]);
            }
        }
    }
}

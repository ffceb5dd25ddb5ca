//! `exec` on a real engine: order, nothing twice, no foreign base, no tag moved too early.

use std::collections::BTreeSet;

use shipwright::plan::Plan;
use shipwright::run::exec::progress::Quiet;
use shipwright::run::exec::{Logs, Options, Outcome, Push, Report, Stop, WorkingTree, run};
use tempfile::TempDir;

use crate::schema::{check_valid, validator};
use crate::support::engine::{self, BASE, Engine, contents, docker, registry, try_docker};
use crate::support::plans::{plan, set_fingerprint};
use crate::support::repo::Repo;

/// Five images in three waves; each leaves a file that says which version of it was built.
pub(super) const FIVE: &str = "\
//- python/Dockerfile
FROM local/busybox:1
COPY version /python
//- python/version
1
//- node/Dockerfile
FROM local/busybox:1
COPY version /node
//- node/version
1
//- shared/Dockerfile
FROM us/python
RUN cp /python /built-on
//- app/Dockerfile
FROM us/shared
COPY --from=us/node /node /node
//- worker/Dockerfile
FROM us/shared AS base
RUN --mount=type=bind,from=us/python,target=/other cp /other/python /mounted
";
pub(super) const WAVES: &str = "node python shared<python app<shared,node worker<shared,python";

/// Runs the plan in the repository, two builds at once.
#[track_caller]
pub(super) fn exec(repo: &Repo, plan: &Plan, change: impl FnOnce(&mut Options)) -> Report {
    let logs = TempDir::new().unwrap();
    let mut options = Options {
        jobs: 2,
        ..Options::new(Logs::at(logs.path().to_owned()))
    };
    change(&mut options);
    match run(plan, &options, repo.path(), &WorkingTree, &mut Quiet) {
        Ok(report) => {
            check_valid(&validator("--report"), &report.to_json(), "a report");
            report
        }
        Err(problems) => panic!("{problems:?}"),
    }
}

/// A repository of the fixture and its plan below the engine's prefix.
#[track_caller]
fn set_up(engine: &Engine, fixture: &str, images: &str) -> (Repo, Plan) {
    (Repo::new(fixture), plan(engine.prefix(), images))
}

/// Each outcome, in the order of the plan.
fn outcomes(report: &Report) -> Vec<&'static str> {
    report
        .images
        .iter()
        .map(|image| image.outcome.word())
        .collect()
}

/// The text of a file in the image `us/<name>:main`, by its digest.
#[track_caller]
fn sha_of(engine: &Engine, name: &str, path: &str) -> String {
    let reference = engine.repository(&format!("us/{name}:main"));
    contents(&reference).files[path].sha256.clone()
}

#[test]
fn five_images_build_in_order_and_only_once() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let (repo, plan) = set_up(&engine, FIVE, WAVES);
    let report = exec(&repo, &plan, |_| {});
    assert!(report.succeeded(), "{:?}", report.problems);
    assert_eq!(outcomes(&report), ["built"; 5]);
    let expected: BTreeSet<String> = plan
        .images
        .iter()
        .flat_map(|image| image.tags.iter().chain([&image.reference]))
        .map(|reference| reference[engine.prefix().len() + 1..].to_owned())
        .collect();
    assert_eq!(engine.tags(), expected);
    let version = sha_of(&engine, "python", "/python");
    assert_eq!(sha_of(&engine, "shared", "/built-on"), version);
    assert_eq!(sha_of(&engine, "worker", "/mounted"), version);
    assert_eq!(
        sha_of(&engine, "app", "/node"),
        sha_of(&engine, "node", "/node")
    );

    let before = engine.references();
    let report = exec(&repo, &plan, |_| {});
    assert_eq!(outcomes(&report), ["skipped"; 5]);
    assert_eq!(engine.references(), before);
}

#[test]
fn what_others_tag_does_not_get_in() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let (repo, mut plan) = set_up(&engine, FIVE, WAVES);
    // Somebody's `us/python` and `us/shared`, by the very names that the Dockerfiles say.
    let poisoned = Poisoned::new(&["us/python:latest", "us/shared:latest", "us/node:latest"]);
    let report = exec(&repo, &plan, |_| {});
    assert!(report.succeeded(), "{:?}", report.problems);
    let version = sha_of(&engine, "python", "/python");
    assert_eq!(sha_of(&engine, "shared", "/built-on"), version);

    // Another revision changes python alone: what is built on it follows, node stays.
    repo.write("//- python/version\n2\n");
    for image in plan
        .images
        .iter_mut()
        .filter(|image| image.name != "us/node")
    {
        set_fingerprint(image, 2);
    }
    let report = exec(&repo, &plan, |_| {});
    assert_eq!(
        outcomes(&report),
        ["skipped", "built", "built", "built", "built"]
    );
    assert_ne!(sha_of(&engine, "worker", "/mounted"), version);
    drop(poisoned);
}

#[test]
fn a_failure_moves_no_tag() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let (repo, mut plan) = set_up(&engine, FIVE, WAVES);
    exec(&repo, &plan, |_| {});
    let before = engine.references();

    repo.write("//- app/Dockerfile\nFROM us/shared\nRUN echo so not && false\n");
    for image in &mut plan.images {
        set_fingerprint(image, 2);
    }
    let report = exec(&repo, &plan, |options| options.keep_going = true);
    assert_eq!(
        outcomes(&report),
        ["built", "built", "built", "failed", "built"]
    );
    let mut after = engine.references();
    after.retain(|name, _| before.contains_key(name));
    assert_eq!(after, before);
    let problem = report.problems.iter().next().expect("a failed build");
    assert_eq!(problem.code.as_str(), "build-failed");
    assert_eq!(problem.labels[0].source.path, "app/Dockerfile");
    assert_eq!(
        &problem.labels[0].source.text[problem.labels[0].span.clone()],
        "RUN echo so not && false"
    );
    assert!(problem.help[0].contains("so not"), "{:?}", problem.help);

    repo.write("//- app/Dockerfile\nFROM us/shared\n");
    let report = exec(&repo, &plan, |_| {});
    assert_eq!(
        outcomes(&report),
        ["re-tagged", "re-tagged", "re-tagged", "built", "re-tagged"]
    );
}

#[test]
fn an_image_under_a_content_reference_must_say_what_it_is() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let (repo, plan) = set_up(&engine, FIVE, "python shared<python");
    docker(&["tag", BASE, &plan.images[0].reference]);
    let report = exec(&repo, &plan, |_| {});
    assert_eq!(outcomes(&report), ["built", "built"]);
    assert!(report.succeeded());
}

#[test]
fn a_dependency_left_out_is_taken_by_its_content() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let (repo, all) = set_up(&engine, FIVE, "python shared<python");
    exec(&repo, &all, |options| options.tags = false);
    let mut part = all.clone();
    let python = part.images.remove(0);
    set_fingerprint(&mut part.images[0], 2);
    part.images[0].dependencies[0].content = Some(python.reference);
    let report = exec(&repo, &part, |_| {});
    assert_eq!(outcomes(&report), ["built"]);
    assert!(
        contents(&part.images[0].reference)
            .files
            .contains_key("/built-on")
    );
}

#[test]
fn a_stop_ends_the_builds_at_once() {
    let Some(engine) = engine::engine() else {
        return;
    };
    // A step of its own, which no cache can hold.
    let step = format!("RUN : {}; sleep 300", engine.prefix());
    let fixture = format!("//- slow/Dockerfile\nFROM local/busybox:1\n{step}\n");
    let (repo, plan) = set_up(&engine, &fixture, "slow");
    let stop = Stop::new();
    let asked = stop.clone();
    let report = std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(std::time::Duration::from_secs(2));
            asked.request();
        });
        exec(&repo, &plan, |options| options.stop = stop)
    });
    assert_eq!(report.images[0].outcome, Outcome::Stopped);
    assert!(report.time.as_secs() < 60);
    assert_eq!(engine.tags(), BTreeSet::new());
}

#[test]
fn a_push_takes_along_what_it_needs_and_tags_at_the_end() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let Some(registry) = registry() else { return };
    let repo = Repo::new(FIVE);
    let mut plan = plan(
        &format!("{registry}/{}", engine.prefix()),
        "node python shared<python",
    );
    // Their readable tags stay at home; the content of `python` is what `shared` stands on.
    plan.images[0].push = false;
    plan.images[1].push = false;
    let report = exec(&repo, &plan, |options| options.push = Some(Push::Clean));
    assert!(report.succeeded(), "{:?}", report.problems);
    let there =
        |reference: &str| try_docker(&["manifest", "inspect", "--insecure", reference]).is_ok();
    let there: Vec<(bool, bool)> = plan
        .images
        .iter()
        .map(|image| (there(&image.reference), there(&image.tags[0])))
        .collect();
    assert_eq!(
        there,
        [(false, false), (true, false), (true, true)],
        "content, then tag"
    );
    for image in &plan.images {
        docker(&["image", "rm", &image.reference, &image.tags[0]]);
    }
}

/// Images under names that are not the test's own, taken away again at the end.
pub(super) struct Poisoned(Vec<String>);

impl Poisoned {
    #[track_caller]
    pub(super) fn new(references: &[&str]) -> Self {
        for reference in references {
            docker(&["tag", BASE, reference]);
        }
        Self(references.iter().map(|text| (*text).to_owned()).collect())
    }
}

impl Drop for Poisoned {
    fn drop(&mut self) {
        for reference in &self.0 {
            // Another process that runs this test may have taken it away.
            let _ = try_docker(&["image", "rm", reference]);
        }
    }
}

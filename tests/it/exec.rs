//! Running a plan, seen from the docker client: which calls, in which order, with which arguments.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use shipwright::diagnostics::Diagnostics;
use shipwright::diagnostics::render::{Style, render};
use shipwright::plan::{Image, Plan};
use shipwright::run::exec::{
    Docker, Ending, Found, Logs, Options, Outcome, Progress, Push, Report, Setting, Stop,
    WorkingTree, run_on,
};
use shipwright::run::registry::{Refused, Registry, Why};
use tempfile::TempDir;

use crate::schema::{check_valid, validator};
use crate::support::fake_docker::FakeDocker;
use crate::support::plans::{plan, set_fingerprint};

/// A fake docker, a root with the Dockerfiles of a plan, and a folder for logs.
struct Bench {
    docker: FakeDocker,
    root: TempDir,
    logs: TempDir,
    registry: Empty,
    seen: Seen,
}

/// Keeps what a run tells, and stops it at the first line of a build if asked to.
#[derive(Default)]
struct Seen {
    lines: Vec<String>,
    stop_at_first_line: Option<Stop>,
}

impl Progress for Seen {
    fn note(&mut self, text: &str) {
        self.lines.push(text.to_owned());
    }
    fn started(&mut self, image: &str) {
        self.lines.push(format!("start {image}"));
    }
    fn line(&mut self, _: &str, _: &str) {
        if let Some(stop) = &self.stop_at_first_line {
            stop.request();
        }
    }
    fn ended(&mut self, image: &str, ending: Ending, _: Duration) {
        self.lines.push(format!("{} {image}", ending.word()));
    }
}

/// A registry in which nothing is ever found.
#[derive(Default)]
struct Empty {
    /// What it says against every tag.
    refused: Option<String>,
}

impl Registry for Empty {
    fn look(&self, _: &str) -> Result<Option<Found>, Refused> {
        Ok(None)
    }
    fn digest(&self, _: &str) -> Result<Option<String>, Refused> {
        Ok(None)
    }
    fn tag(&self, _: &str, targets: &[&str]) -> Vec<Result<(), Refused>> {
        let refused = self.refused.clone();
        let result = refused.map_or(Ok(()), |message| Err(Refused::new(Why::Final, message)));
        vec![result; targets.len()]
    }
    fn join(&self, _: &[(&str, &str)], _: Option<&str>) -> Result<String, Refused> {
        unreachable!("there are no parts")
    }
    fn may_write(&self, _: &str) -> Result<(), Refused> {
        Ok(())
    }
}

impl Bench {
    fn new() -> Self {
        Self {
            docker: FakeDocker::new(),
            root: TempDir::new().unwrap(),
            logs: TempDir::new().unwrap(),
            registry: Empty::default(),
            seen: Seen::default(),
        }
    }

    fn options(&self, jobs: usize) -> Options {
        Options {
            jobs,
            ..Options::new(Logs::at(self.logs.path().to_owned()))
        }
    }

    fn run(&mut self, plan: &Plan, options: &Options) -> Result<Report, Diagnostics> {
        let engine = Docker::new(self.docker.program(), self.root.path());
        let setting = Setting {
            root: self.root.path(),
            engine: &engine,
            registry: &self.registry,
            contexts: &WorkingTree,
            options,
        };
        let report = run_on(plan, setting, &mut self.seen)?;
        check_valid(&validator("--report"), &report.to_json(), "a report");
        Ok(report)
    }

    /// The names of the images with that outcome.
    fn with(report: &Report, outcome: Outcome) -> String {
        let images = report
            .images
            .iter()
            .filter(|image| image.outcome == outcome);
        let names: Vec<&str> = images.map(|image| image.name.as_str()).collect();
        names.join(" ")
    }
}

/// The problems as people see them, with what differs from run to run replaced.
fn text(problems: &Diagnostics, logs: &Path) -> String {
    let text = render(problems, Style::default());
    text.replace(&logs.display().to_string(), "LOGS")
        .trim_end()
        .to_owned()
}

#[test]
fn a_build_is_asked_for_in_these_words() {
    let mut bench = Bench::new();
    let plan = plan("r", "python app<python");
    let report = bench.run(&plan, &bench.options(1)).unwrap();
    assert!(report.succeeded());
    let [python, app] = &plan.images[..] else {
        panic!("two images")
    };
    let build = |image: &Image, folder: &str, contexts: &str| {
        format!(
            "buildx build --load --progress=plain --builder default --file {folder}/Dockerfile\
             {contexts} --label dev.shipwright.fingerprint={} --tag {} --provenance=false {folder}",
            image.fingerprint, image.reference
        )
    };
    let base = format!(
        " --build-context us/python=docker-image://{}",
        python.reference
    );
    let expected = [
        "context inspect --format {{.Name}} {{.Endpoints.docker.Host}}".to_owned(),
        "version --format {{json .Server}}".to_owned(),
        "image ls --no-trunc --format {{.ID}} {{.Repository}}:{{.Tag}}".to_owned(),
        "image ls --no-trunc --format {{.ID}} {{.Repository}}:{{.Tag}}".to_owned(),
        "buildx version".to_owned(),
        build(python, "python", ""),
        build(app, "app", &base),
        "image ls --no-trunc --format {{.ID}} {{.Repository}}:{{.Tag}}".to_owned(),
        "image inspect".to_owned(),
        format!("tag {} r/us/python:main", python.reference),
        format!("tag {} r/us/app:main", app.reference),
    ];
    let mut calls = bench.docker.take_calls(&[""]);
    calls[8].truncate("image inspect".len());
    assert_eq!(calls, expected);
}

#[test]
fn a_builder_of_its_own_pushes_what_it_builds() {
    let mut bench = Bench::new();
    let container =
        "Name: team\nDriver: docker-container\n\nNodes:\nName: team0\nPlatforms: linux/amd64\n";
    bench.docker.set("builder-team", container);
    let mut plan = plan("r", "python app<python");
    for image in &mut plan.images {
        image.platforms = vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()];
    }
    let mut options = bench.options(1);
    options.builder = Some("team".to_owned());
    options.push = Some(Push::Clean);
    // The registry of this test finds nothing: not even what was pushed.
    let report = bench.run(&plan, &options).unwrap();
    let code = report
        .problems
        .iter()
        .next()
        .map(|problem| problem.code.as_str());
    assert_eq!(code, Some("image-missing"));
    let [python, app] = &plan.images[..] else {
        panic!("two images")
    };
    let logs = bench.logs.path().display().to_string();
    let build = |image: &Image, folder: &str, contexts: &str| {
        format!(
            "buildx build --output=type=image,name={},push-by-digest=true,name-canonical=true,push=true \
             --metadata-file={logs}/us+{folder}.json --progress=plain --builder team \
             --file {folder}/Dockerfile --platform linux/amd64,linux/arm64{contexts} \
             --label dev.shipwright.fingerprint={} --provenance=false {folder}",
            image.repository, image.fingerprint
        )
    };
    let base = format!(
        " --build-context us/python=docker-image://{}",
        python.reference
    );
    let expected = [
        "buildx inspect team".to_owned(),
        "buildx version".to_owned(),
        build(python, "python", ""),
        build(app, "app", &base),
    ];
    assert_eq!(bench.docker.take_calls(&["buildx", "push"]), expected);
}

/// The first line of what is said of a run of `b`, which needs `a`, with that builder.
#[track_caller]
fn refused(builder: &str, inspected: Option<&str>, platforms: &[&str]) -> String {
    let mut bench = Bench::new();
    if let Some(inspected) = inspected {
        bench.docker.set(&format!("builder-{builder}"), inspected);
    }
    let mut plan = plan("r", "a b<a");
    plan.images[0].platforms = platforms.iter().map(|text| (*text).to_owned()).collect();
    let mut options = bench.options(1);
    options.builder = Some(builder.to_owned());
    let problems = bench.run(&plan, &options).unwrap_err();
    assert_eq!(
        bench.docker.take_calls(&["buildx build", "push", "tag"]),
        Vec::<String>::new(),
        "said before anything is done"
    );
    let said = text(&problems, bench.logs.path());
    said.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_builder_that_will_not_do_is_named_before_anything_is_built() {
    let two = ["linux/amd64", "linux/arm64"];
    for (builder, inspected, platforms, expected) in [
        (
            "team",
            Some("Driver: remote\n"),
            &[][..],
            "error[builder-needs-push]: the builder `team` cannot see the engine's images",
        ),
        (
            "east",
            Some("Driver: docker\n"),
            &[],
            "error[builder-elsewhere]: the builder `east` is another engine",
        ),
        (
            "gone",
            None,
            &[],
            "error[builder-unknown]: the builder `gone` cannot be used",
        ),
        (
            "default",
            None,
            &two,
            "error[multi-platform]: the engine's image store cannot hold an image of several platforms",
        ),
    ] {
        assert_eq!(
            refused(builder, inspected, platforms),
            expected,
            "{builder}"
        );
    }
}

#[test]
fn a_second_run_asks_twice_and_does_nothing() {
    let mut bench = Bench::new();
    let mut plan = plan("r", "python app<python");
    bench.run(&plan, &bench.options(2)).unwrap();
    bench.docker.take_calls(&[]);

    let report = bench.run(&plan, &bench.options(2)).unwrap();
    assert_eq!(Bench::with(&report, Outcome::Skipped), "us/python us/app");
    assert_eq!(
        bench.docker.take_calls(&[""]).len(),
        4,
        "context, version, list, inspect"
    );

    plan.images[1].tags.push("r/us/app:other".to_owned());
    let report = bench.run(&plan, &bench.options(2)).unwrap();
    assert_eq!(Bench::with(&report, Outcome::Retagged), "us/app");
    assert_eq!(bench.docker.take_calls(&["buildx", "tag"]).len(), 1);
}

#[test]
fn a_content_reference_that_lies_is_built_again() {
    let mut bench = Bench::new();
    let plan = plan("r", "python");
    let forged = format!("{} sha256:f00d\n", plan.images[0].reference);
    bench.docker.set("references", &forged);
    let report = bench.run(&plan, &bench.options(1)).unwrap();
    assert_eq!(Bench::with(&report, Outcome::Built), "us/python");
}

#[test]
fn as_many_builds_run_at_once_as_asked_for() {
    for (jobs, together) in [(1, 1), (2, 2), (3, 3)] {
        let mut bench = Bench::new();
        bench.docker.set("together", &together.to_string());
        let plan = plan("r", "a b c d e f");
        let report = bench.run(&plan, &bench.options(jobs)).unwrap();
        assert!(report.succeeded());
        let peak = bench.docker.get("peak");
        let peak = peak.lines().map(|line| line.trim().parse().unwrap()).max();
        assert_eq!(peak, Some(together), "-j{jobs}");
    }
}

#[test]
fn a_failure_moves_no_tag_and_says_where_it_was() {
    let mut bench = Bench::new();
    let mut plan = plan("r", "python app<python top<app");
    bench.run(&plan, &bench.options(1)).unwrap();
    let before = bench.docker.references();
    for image in &mut plan.images {
        set_fingerprint(image, 1);
    }
    std::fs::create_dir(bench.root.path().join("app")).unwrap();
    std::fs::write(
        bench.root.path().join("app/Dockerfile"),
        "FROM us/python\nRUN false\n",
    )
    .unwrap();
    bench.docker.set("failing", &plan.images[1].reference);
    bench.seen.lines.clear();
    let report = bench.run(&plan, &bench.options(1)).unwrap();
    assert_eq!(
        bench
            .seen
            .lines
            .join(", ")
            .replace(&plan.images[1].reference, "APP"),
        "building 3 of 3 images, start us/python, done us/python, start us/app, failed us/app, \
         app/Dockerfile:2: failed to solve APP"
    );
    assert_eq!(Bench::with(&report, Outcome::Built), "us/python");
    assert_eq!(Bench::with(&report, Outcome::Failed), "us/app");
    assert_eq!(Bench::with(&report, Outcome::NotBuilt), "us/top");
    let moved: BTreeSet<_> = bench
        .docker
        .references()
        .into_iter()
        .filter(|(name, id)| before.get(name) != Some(id))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(moved, BTreeSet::from([plan.images[0].reference.clone()]));

    let said = text(&report.problems, bench.logs.path());
    let said = said.replace(&bench.docker.program().display().to_string(), "docker");
    let said = said
        .replace(&plan.images[0].reference, "PYTHON")
        .replace(&plan.images[1].reference, "APP")
        .replace(&*plan.images[1].fingerprint, "FINGERPRINT");
    insta::assert_snapshot!(said, @r#"
    error[build-failed]: `us/app` failed to build (exit status: 1)
     --> app/Dockerfile:2:1
      |
    2 | RUN false
      | ^^^^^^^^^
      |
      = help: the log ends with:
              #1 building APP
              #5 ERROR: process "/bin/sh -c false" did not complete successfully
              ERROR: failed to solve APP
      = help: the whole log is in LOGS/us+app.log
      = help: to repeat the build, run at the root of the plan:
              docker buildx build --load --progress=plain --builder default --file app/Dockerfile --build-context us/python=docker-image://PYTHON --label dev.shipwright.fingerprint=FINGERPRINT --tag APP --provenance=false app
    "#);
    let log = std::fs::read_to_string(bench.logs.path().join("us+app.log")).unwrap();
    assert_eq!(
        log.lines().count(),
        8,
        "the command and what docker printed: {log}"
    );
}

#[test]
fn what_a_failure_does_not_touch_goes_on_if_asked_to() {
    let mut bench = Bench::new();
    let plan = plan("r", "a b<a c<b d e<d");
    bench.docker.set("failing", &plan.images[1].reference);
    let mut options = bench.options(1);
    options.keep_going = true;
    let report = bench.run(&plan, &options).unwrap();
    assert_eq!(Bench::with(&report, Outcome::Built), "us/a us/d us/e");
    assert_eq!(Bench::with(&report, Outcome::NotBuilt), "us/c");
    assert_eq!(bench.docker.take_calls(&["tag"]), Vec::<String>::new());
    let counted = report.table();
    let counts = counted.lines().last().unwrap();
    assert!(
        counts.starts_with("3 built, 1 failed, 1 not built in "),
        "{counts}"
    );
    assert!(counts.ends_with("; no tag moved"), "{counts}");
}

#[test]
fn a_stopped_run_ends_its_builds_and_moves_no_tag() {
    let mut bench = Bench::new();
    bench.docker.set("hanging", "");
    let options = bench.options(2);
    bench.seen.stop_at_first_line = Some(options.stop.clone());
    let report = bench.run(&plan("r", "a b c"), &options).unwrap();
    assert_eq!(Bench::with(&report, Outcome::Stopped), "us/a us/b");
    assert_eq!(Bench::with(&report, Outcome::NotBuilt), "us/c");
    assert_eq!(bench.docker.take_calls(&["tag"]), Vec::<String>::new());
    insta::assert_snapshot!(text(&report.problems, bench.logs.path()), @"
    error[stopped]: stopped with 0 of 3 images done
     |
     = help: no tag was moved; finished images are kept, and the next run continues from there
    ");
}

#[test]
fn a_dry_run_only_looks() {
    let mut bench = Bench::new();
    let plan = plan("r", "a b<a");
    let mut options = bench.options(1);
    options.dry_run = true;
    let report = bench.run(&plan, &options).unwrap();
    assert_eq!(Bench::with(&report, Outcome::Built), "us/a us/b");
    assert!(report.table().ends_with("dry run: 2 to build\n"));
    assert_eq!(
        bench.docker.take_calls(&["buildx build", "tag", "push"]),
        Vec::<String>::new()
    );
}

#[test]
fn what_a_registry_refuses_is_an_error() {
    let mut bench = Bench::new();
    let plan = plan("r", "a");
    let reference = &plan.images[0].reference;
    bench.registry.refused = Some("no".to_owned());
    let mut options = bench.options(1);
    options.push = Some(Push::Clean);
    let report = bench.run(&plan, &options).unwrap();
    assert_eq!(
        bench.docker.take_calls(&["push"]),
        [format!("push {reference}")]
    );
    let said = text(&report.problems, bench.logs.path());
    let first =
        format!("error[tag-failed]: cannot tag `{reference}` as `r/us/a:main` in the registry: no");
    assert_eq!(said.lines().next(), Some(&*first));

    bench.docker.set("failing", &format!("{reference}\n"));
    let report = bench.run(&plan, &options).unwrap();
    let said = text(&report.problems, bench.logs.path());
    let first = format!("error[push-failed]: cannot push `{reference}` (exit status: 1)");
    assert_eq!(said.lines().next(), Some(&*first), "{said}");
    assert_eq!(
        bench.docker.take_calls(&["push"]),
        [format!("push {reference}")],
        "permission that is missing is not asked for again"
    );
}

#[test]
fn an_engine_that_will_not_do_is_named() {
    for (version, expected) in [
        (
            "20.10.24+dfsg1",
            Some("error[engine-too-old]: the Docker engine has version 20.10.24+dfsg1"),
        ),
        ("23.0.0", None),
        ("dev", None),
    ] {
        let mut bench = Bench::new();
        bench.docker.set("version", version);
        let result = bench.run(&plan("r", "a"), &bench.options(1));
        let said = result
            .err()
            .map(|problems| text(&problems, bench.logs.path()));
        let first = said.as_deref().and_then(|said| said.lines().next());
        assert_eq!(first, expected, "{version}");
    }
    let mut bench = Bench::new();
    std::fs::remove_file(bench.docker.program()).unwrap();
    let problems = bench.run(&plan("r", "a"), &bench.options(1)).unwrap_err();
    let code = problems.iter().next().map(|problem| problem.code.as_str());
    assert_eq!(code, Some("docker-missing"));
}

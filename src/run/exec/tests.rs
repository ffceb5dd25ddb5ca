//! Whole runs against an engine in memory, and the plans that the unit tests of `exec` share.
#![allow(
    clippy::disallowed_methods,
    reason = "the engine writes a file as a builder does"
)]

mod content;
mod parts;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;

use super::progress::Quiet;
use super::*;
use crate::plan::{Dependency, Source};
use crate::run::found::FINGERPRINT_LABEL;
use crate::run::registry::{Refused, Why};

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
        labels: BTreeMap::from([(FINGERPRINT_LABEL.to_owned(), name.to_owned())]),
        dependencies: needs.iter().map(dependency).collect(),
        fingerprint: name.to_owned(),
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
        fingerprint: fingerprint.map(str::to_owned),
        architecture: architecture.to_owned(),
        size: None,
    }
}

/// A plan of these images.
pub(in crate::run) fn plan(images: Vec<Image>) -> Plan {
    let source = Source {
        revision: "0".repeat(40),
        branch: Some("main".to_owned()),
        dirty: false,
        timestamp: 0,
        since: None,
        epoch: String::new(),
        options: crate::plan::SourceOptions::default(),
    };
    Plan::new(source, images)
}

/// An engine that holds references only, and remembers what it was asked to do.
#[derive(Default)]
struct Memory {
    images: Mutex<BTreeMap<String, Found>>,
    /// What is in the registries.
    published: Mutex<BTreeMap<String, Found>>,
    asked: Mutex<Vec<String>>,
    /// Steps that fail, and words in whose presence a step fails.
    failing: BTreeSet<String>,
    /// The content reference that another run publishes during a step.
    meanwhile: BTreeMap<String, String>,
}

impl Memory {
    fn do_step(&self, step: &str) -> Result<(), Failed> {
        self.asked.lock().unwrap().push(step.to_owned());
        if let Some(reference) = self.meanwhile.get(step) {
            let (_, fingerprint) = reference.split_once(":sw-").expect("it is one");
            let image = found(Some(fingerprint), "amd64");
            let mut published = self.published.lock().unwrap();
            published.insert(reference.clone(), image);
        }
        let mut words = step.split(' ');
        if self.failing.contains(step) || words.any(|word| self.failing.contains(word)) {
            return Err(Failed::Status("refused".to_owned()));
        }
        Ok(())
    }

    fn put(&self, reference: &str, found: Found) {
        self.images
            .lock()
            .unwrap()
            .insert(reference.to_owned(), found);
    }
}

impl Engine for Memory {
    fn host(&self, builder: Option<&str>) -> Result<Host, Diagnostic> {
        Ok(Host {
            builder: builder.unwrap_or("default").to_owned(),
            shares_images: builder.is_none(),
            ..host()
        })
    }

    fn check_builds(&self, _: bool) -> Result<(), Diagnostic> {
        Ok(())
    }

    fn look(&self, references: &BTreeSet<&str>) -> Result<BTreeMap<String, Found>, Diagnostic> {
        let mut images = self.images.lock().unwrap().clone();
        images.retain(|reference, _| references.contains(reference.as_str()));
        Ok(images)
    }

    fn tagged(&self, tags: &BTreeSet<&str>) -> Result<BTreeSet<String>, Diagnostic> {
        let images = self.images.lock().unwrap();
        let has_tag = |reference: &&String| tags.contains(reference.rsplit(':').next().unwrap());
        Ok(images.keys().filter(has_tag).cloned().collect())
    }

    fn command_line(&self, arguments: &[String]) -> String {
        arguments.join(" ")
    }

    fn build(
        &self,
        arguments: &[String],
        _: &Stop,
        line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), Failed> {
        let after = |name: &str| {
            let position = arguments.iter().position(|word| word == name)?;
            arguments.get(position + 1)
        };
        let within = |start: &str, end| {
            let word = arguments.iter().find_map(|word| word.strip_prefix(start));
            word.map(|word| word.split(end).next().expect("a part"))
        };
        let label = after("--label").expect("every build is labelled");
        let fingerprint = label.split_once('=').map(|(_, value)| value.to_owned());
        line("building");
        if let Some(repository) = within("--output=type=image,name=", ',') {
            self.do_step(&format!("build {repository}"))?;
            let digest = format!("sha256:{:064}", repository.len());
            let pushed = serde_json::json!({"containerimage.digest": digest});
            let file = within("--metadata-file=", '\n').expect("it says what it pushes");
            std::fs::write(file, pushed.to_string()).unwrap();
            let image = Found {
                id: digest.clone(),
                fingerprint,
                architecture: "amd64".to_owned(),
                size: None,
            };
            let mut published = self.published.lock().unwrap();
            published.insert(format!("{repository}@{digest}"), image);
            return Ok(());
        }
        let reference = after("--tag").expect("every build is named");
        self.do_step(&format!("build {reference}"))?;
        let image = Found {
            id: format!("id of {reference}"),
            fingerprint,
            architecture: "amd64".to_owned(),
            size: None,
        };
        self.put(reference, image);
        Ok(())
    }

    fn push(
        &self,
        reference: &str,
        _: &Stop,
        _: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), Failed> {
        self.do_step(&format!("push {reference}"))?;
        let image = self.images.lock().unwrap()[reference].clone();
        let image = Found {
            id: format!("digest of {}", image.id),
            ..image
        };
        let mut published = self.published.lock().unwrap();
        published.insert(reference.to_owned(), image);
        Ok(())
    }

    fn pull(
        &self,
        reference: &str,
        _: &Stop,
        _: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), Failed> {
        self.do_step(&format!("pull {reference}"))?;
        let image = self.published.lock().unwrap()[reference].clone();
        self.put(reference, image);
        Ok(())
    }

    fn tag(&self, pairs: &[(&str, &str)], _: usize) -> Vec<Result<(), String>> {
        let tag = |(source, target): &(&str, &str)| {
            let step = self.do_step(&format!("tag {target}"));
            step.map_err(|_| "refused".to_owned())?;
            let found = self.images.lock().unwrap()[*source].clone();
            self.put(target, found);
            Ok(())
        };
        pairs.iter().map(tag).collect()
    }
}

impl Registry for Memory {
    fn look(&self, reference: &str) -> Result<Option<Found>, Refused> {
        let alone = format!("registry of {reference}");
        if self.failing.contains("registry") || self.failing.contains(&alone) {
            return Err(Refused::new(Why::Final, "no"));
        }
        Ok(self.published.lock().unwrap().get(reference).cloned())
    }

    fn digest(&self, reference: &str) -> Result<Option<String>, Refused> {
        Ok(Registry::look(self, reference)?.map(|found| found.id))
    }

    fn join(&self, parts: &[(&str, &str)], target: Option<&str>) -> Result<String, Refused> {
        let mut published = self.published.lock().unwrap();
        let found: Vec<Found> = parts.iter().map(|(_, p)| published[*p].clone()).collect();
        let ids: Vec<&str> = found.iter().map(|found| &*found.id).collect();
        let id = ids.join(" + ");
        if let Some(target) = target {
            self.do_step(&format!("join {target}"))
                .map_err(|_| Refused::new(Why::Final, "refused"))?;
            let index = Found {
                id: id.clone(),
                ..found[0].clone()
            };
            published.entry(target.to_owned()).or_insert(index);
        }
        Ok(id)
    }

    fn may_write(&self, repository: &str) -> Result<(), Refused> {
        if self.failing.contains(repository) {
            return Err(Refused::new(Why::Denied, "no"));
        }
        Ok(())
    }

    fn tag(&self, source: &str, targets: &[&str]) -> Result<(), Refused> {
        for target in targets {
            let step = self.do_step(&format!("publish {target}"));
            step.map_err(|_| Refused::new(Why::Final, "refused"))?;
            let mut published = self.published.lock().unwrap();
            let found = published[source].clone();
            published.insert((*target).to_owned(), found);
        }
        Ok(())
    }
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

#[test]
fn everything_is_built_then_every_tag_moves() {
    check(
        "",
        |_| {},
        "build a:sw-a, build b:sw-b, build c:sw-c, tag a:main, tag b:main, tag c:main",
        "built a, built b, built c",
    );
}

#[test]
fn a_failure_moves_no_tag() {
    let nothing_new = "build a:sw-a";
    check(
        "us/a:sw-a",
        |_| {},
        nothing_new,
        "failed a, not built b, not built c, [build-failed]",
    );
    check(
        "us/a:sw-a",
        |options| options.keep_going = true,
        "build a:sw-a, build c:sw-c",
        "failed a, not built b, built c, [build-failed]",
    );
}

#[test]
fn each_flag_leaves_out_its_part() {
    check(
        "",
        |options| options.tags = false,
        "build a:sw-a, build b:sw-b, build c:sw-c",
        "built a, built b, built c",
    );
    check(
        "",
        |options| options.dry_run = true,
        "",
        "built a, built b, built c",
    );
    check(
        "",
        |options| options.stop.request(),
        "",
        "not built a, not built b, not built c, [stopped]",
    );
}

#[test]
fn a_second_run_does_only_what_is_left() {
    let mut plan = plan(vec![image("a", &[]), image("b", &["a"])]);
    let memory = Memory::default();
    let (_, result) = steps(&memory, &plan, |_| {});
    assert_eq!(result.as_deref(), Ok("built a, built b"));
    let (asked, result) = steps(&memory, &plan, |_| {});
    assert_eq!(asked, Vec::<String>::new());
    assert_eq!(result.as_deref(), Ok("skipped a, skipped b"));

    plan.images[0].tags.push("us/a:other".to_owned());
    let (asked, result) = steps(&memory, &plan, |options| options.build = false);
    assert_eq!(asked, ["tag us/a:other"]);
    assert_eq!(result.as_deref(), Ok("re-tagged a, skipped b"));

    plan.images[1].fingerprint = "changed".to_owned();
    let (asked, _) = steps(&memory, &plan, |options| options.tags = false);
    assert_eq!(
        asked,
        ["build us/b:sw-b"],
        "its content reference names another image"
    );
    let (asked, result) = steps(&memory, &plan, |options| options.build = false);
    assert_eq!((asked, result), (Vec::new(), Err(vec!["image-missing"])));
}

#[test]
fn content_is_pushed_as_built_and_tags_at_the_end() {
    let push = |options: &mut Options| options.push = Some(Push::Clean);
    check(
        "",
        push,
        "build a:sw-a, push a:sw-a, build b:sw-b, push b:sw-b, build c:sw-c, push c:sw-c, \
         tag a:main, tag b:main, tag c:main, publish a:main, publish b:main, publish c:main",
        "built a, built b, built c",
    );
    let mut plan = plan(vec![image("a", &[]), image("b", &["a"]), image("c", &[])]);
    plan.images[0].push = false;
    plan.images[2].push = false;
    let memory = Memory::default();
    let (_, result) = steps(&memory, &plan, |_| {});
    assert_eq!(result.as_deref(), Ok("built a, built b, built c"));
    let (asked, result) = steps(&memory, &plan, push);
    assert_eq!(
        asked,
        ["push us/a:sw-a", "push us/b:sw-b", "publish us/b:main"]
    );
    assert_eq!(result.as_deref(), Ok("skipped a, re-tagged b, skipped c"));

    plan.images[0].dirty = true;
    let (asked, result) = steps(&memory, &plan, push);
    assert_eq!((asked, result), (Vec::new(), Err(vec!["dirty-push"])));
    let (_, result) = steps(&memory, &plan, |options| options.push = Some(Push::Dirty));
    assert!(result.is_ok());
}

/// A plan of three images, published from a machine that then lost all of them.
fn published() -> (Plan, Memory) {
    let plan = plan(vec![image("a", &[]), image("b", &["a"]), image("c", &[])]);
    let memory = Memory::default();
    let (_, result) = steps(&memory, &plan, |options| options.push = Some(Push::Clean));
    assert!(result.is_ok());
    memory.images.lock().unwrap().clear();
    (plan, memory)
}

#[test]
fn what_is_published_is_neither_fetched_nor_built_to_be_published_again() {
    let (mut plan, memory) = published();
    let push = |options: &mut Options| options.push = Some(Push::Clean);
    let (asked, result) = steps(&memory, &plan, push);
    assert_eq!(asked, Vec::<String>::new());
    assert_eq!(result.as_deref(), Ok("skipped a, skipped b, skipped c"));

    for image in &mut plan.images {
        image.tags = vec![format!("{}:next", image.repository)];
    }
    let (asked, result) = steps(&memory, &plan, push);
    let expected = [
        "publish us/a:next",
        "publish us/b:next",
        "publish us/c:next",
    ];
    assert_eq!(asked.len(), 3);
    assert!(
        expected
            .iter()
            .all(|step| asked.contains(&(*step).to_owned()))
    );
    assert_eq!(
        result.as_deref(),
        Ok("re-tagged a, re-tagged b, re-tagged c")
    );
    let published = memory.published.lock().unwrap();
    assert_eq!(published["us/a:next"], published["us/a:sw-a"]);
}

#[test]
fn a_published_image_that_says_something_else_is_built() {
    let (plan, memory) = published();
    let mut images = memory.published.lock().unwrap();
    images.get_mut("us/b:sw-b").unwrap().fingerprint = Some("other".to_owned());
    drop(images);
    let (asked, result) = steps(&memory, &plan, |options| options.push = Some(Push::Clean));
    let expected = ["build us/b:sw-b", "push us/b:sw-b", "tag us/b:main"];
    assert_eq!(
        asked, expected,
        "the tag in the registry names the same digest"
    );
    assert_eq!(result.as_deref(), Ok("skipped a, built b, skipped c"));
}

#[test]
fn what_the_engine_lacks_is_fetched_if_asked_for() {
    let fetch = |options: &mut Options| options.from_registry = Some(true);
    let (plan, memory) = published();
    let (asked, result) = steps(&memory, &plan, |_| {});
    assert!(asked[0].starts_with("build"), "no repository names a host");
    assert_eq!(result.as_deref(), Ok("built a, built b, built c"));

    memory.images.lock().unwrap().clear();
    let (asked, result) = steps(&memory, &plan, fetch);
    assert_eq!(
        asked.join(", ").replace("us/", ""),
        "pull a:sw-a, pull b:sw-b, pull c:sw-c, tag a:main, tag b:main, tag c:main"
    );
    assert_eq!(result.as_deref(), Ok("fetched a, fetched b, fetched c"));

    let memory = Memory {
        failing: BTreeSet::from(["registry".to_owned()]),
        ..Memory::default()
    };
    let (_, result) = steps(&memory, &plan, fetch);
    assert_eq!(
        result.as_deref(),
        Ok("built a, built b, built c, [registry-unreadable]"),
        "a warning, and everything is built"
    );
}

#[test]
fn only_what_is_asked_for_is_fetched() {
    let (mut plan, memory) = published();
    let fetch = |wanted: &[&str]| {
        let wanted = wanted.iter().map(|name| (*name).to_owned()).collect();
        move |options: &mut Options| {
            options.from_registry = Some(true);
            options.wanted = Some(wanted);
        }
    };
    let (asked, result) = steps(&memory, &plan, fetch(&["b"]));
    assert_eq!(asked, ["pull us/b:sw-b", "tag us/b:main"]);
    assert_eq!(result.as_deref(), Ok("skipped a, fetched b, skipped c"));

    // What must be built finds its base in the registry.
    plan.images[1].fingerprint = "new".to_owned();
    plan.images[1].reference = "us/b:sw-new".to_owned();
    let label = FINGERPRINT_LABEL.to_owned();
    plan.images[1].labels.insert(label, "new".to_owned());
    let (asked, result) = steps(&memory, &plan, fetch(&["b"]));
    assert_eq!(asked, ["build us/b:sw-new", "tag us/b:main"]);
    assert_eq!(result.as_deref(), Ok("skipped a, built b, skipped c"));
}

#[test]
fn a_builder_that_sees_no_local_image_builds_into_the_registry() {
    let team = |options: &mut Options| options.builder = Some("team".to_owned());
    let push = |options: &mut Options| {
        options.builder = Some("team".to_owned());
        options.push = Some(Push::Clean);
    };
    let mut plan = plan(vec![image("a", &[]), image("b", &["a"]), image("c", &[])]);
    let memory = Memory::default();
    let (asked, result) = steps(&memory, &plan, team);
    assert_eq!(
        (asked, result),
        (Vec::new(), Err(vec!["builder-needs-push"]))
    );

    // What nothing else needs may go to the engine.
    plan.images[0].push = false;
    plan.images[2].push = false;
    let (asked, result) = steps(&memory, &plan, push);
    let expected = [
        "build us/a",
        "publish us/a:sw-a",
        "build us/b",
        "publish us/b:sw-b",
        "build us/c:sw-c",
        "tag us/c:main",
        "publish us/b:main",
    ];
    assert_eq!(asked, expected);
    assert_eq!(result.as_deref(), Ok("built a, built b, built c"));
    let published = memory.published.lock().unwrap().clone().into_keys();
    let tagged: Vec<String> = published.filter(|name| !name.contains('@')).collect();
    assert_eq!(tagged, ["us/a:sw-a", "us/b:main", "us/b:sw-b"]);

    // What it needs is there by now.
    plan.images[1].push = false;
    memory.published.lock().unwrap().remove("us/b:sw-b");
    let (asked, result) = steps(&memory, &plan, |options| {
        team(options);
        options.from_registry = Some(true);
        options.wanted = Some(BTreeSet::from(["b".to_owned()]));
    });
    assert_eq!(asked, ["build us/b:sw-b", "tag us/b:main"]);
    assert_eq!(result.as_deref(), Ok("skipped a, built b, skipped c"));
}

#[test]
fn an_image_of_another_engine_is_pushed_for_a_builder_that_needs_it() {
    let mut plan = plan(vec![image("a", &[]), image("b", &["a"])]);
    plan.images[0].push = false;
    plan.images[1].push = false;
    let memory = Memory::default();
    memory.put("us/a:sw-a", found(Some("a"), "amd64"));
    let (asked, result) = steps(&memory, &plan, |options| {
        options.builder = Some("team".to_owned());
        options.push = Some(Push::Clean);
        options.tags = false;
    });
    assert_eq!(asked, ["push us/a:sw-a", "build us/b:sw-b"]);
    assert_eq!(result.as_deref(), Ok("skipped a, built b"));
}

#[test]
fn what_another_machine_kept_is_done_without_where_only_tags_move() {
    let (mut plan, memory) = published();
    plan.images[2].push = false;
    plan.images[2].reference = "us/c:sw-other".to_owned();
    let (asked, result) = steps(&memory, &plan, |options| {
        options.push = Some(Push::Clean);
        options.build = false;
    });
    assert_eq!(asked, Vec::<String>::new());
    assert_eq!(
        result.as_deref(),
        Ok("skipped a, skipped b, skipped c, [not-published]")
    );
}

#[test]
fn what_a_registry_does_not_say_is_not_built_over() {
    let plan = plan(vec![image("a", &[]), image("b", &["a"]), image("c", &[])]);
    let refusing = |what: &str| Memory {
        failing: BTreeSet::from([what.to_owned()]),
        ..Memory::default()
    };
    let push = |options: &mut Options| options.push = Some(Push::Clean);
    let memory = refusing("registry of us/a:sw-a");
    let (asked, result) = steps(&memory, &plan, push);
    assert_eq!(asked, Vec::<String>::new());
    assert_eq!(result, Err(vec!["registry-no-answer"]));

    let (asked, result) = steps(&memory, &plan, |options| {
        push(options);
        options.keep_going = true;
    });
    assert_eq!(asked, ["build us/c:sw-c", "push us/c:sw-c"]);
    let outcomes = "failed a, not built b, built c, [registry-no-answer]";
    assert_eq!(result.as_deref(), Ok(outcomes));

    let (asked, result) = steps(&refusing("us/c"), &plan, push);
    assert_eq!(asked, Vec::<String>::new());
    assert_eq!(result, Err(vec!["push-refused"]));
}

#[test]
fn what_another_repository_holds_is_tagged_instead_of_built() {
    for (reference, fingerprint, expected) in [
        ("stage/a:sw-a", Some("a"), "tag us/a:sw-a, tag us/a:main"),
        ("stage/a:sw-a", Some("b"), "build us/a:sw-a, tag us/a:main"),
        ("stage/a:sw-a", None, "build us/a:sw-a, tag us/a:main"),
        ("stage/a:main", Some("a"), "build us/a:sw-a, tag us/a:main"),
    ] {
        let memory = Memory::default();
        memory.put(reference, found(fingerprint, "amd64"));
        let plan = plan(vec![image("a", &[])]);
        let (asked, _) = steps(&memory, &plan, |_| {});
        assert_eq!(asked.join(", "), expected, "{reference} {fingerprint:?}");
    }
}

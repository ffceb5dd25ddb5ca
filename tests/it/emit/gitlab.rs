//! The pipeline that GitLab gets, read as YAML and run here: by its schema, by an interpreter of `needs` and
//! stages, and by a shell.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use shipwright::plan::{Action, Plan};
use shipwright::run::emit::{Gitlab, emit_gitlab};

use super::fixture::{image, plan, waves};
use crate::support::engine::skip;
use crate::support::generate::Random;

const PLATFORMS: [&str; 2] = ["linux/amd64", "linux/arm64/v8"];

/// The jobs of a pipeline, as GitLab sees them.
struct Pipeline {
    stages: Vec<String>,
    jobs: BTreeMap<String, Job>,
}

struct Job {
    stage: usize,
    /// None where it waits for all stages before its own.
    needs: Option<BTreeSet<String>>,
    tags: Value,
    script: String,
}

#[track_caller]
fn written(plan: &Plan) -> Pipeline {
    let text = emit_gitlab(plan, &Gitlab::default()).expect("a plan that GitLab can run");
    read(&text)
}

#[track_caller]
fn read(text: &str) -> Pipeline {
    let file: Value =
        serde_norway::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let texts = |value: &Value| -> Option<Vec<String>> {
        let list = value.as_array()?.iter();
        Some(
            list.map(|text| text.as_str().expect("a text").to_owned())
                .collect(),
        )
    };
    let stages = texts(&file["stages"]).expect("stages");
    let keys = file.as_object().expect("a map").iter();
    let jobs = keys.filter(|(key, _)| !["stages", "include"].contains(&key.as_str()));
    let job = |(name, job): (&String, &Value)| {
        let stage = job["stage"].as_str().expect("a stage");
        let job = Job {
            stage: stages
                .iter()
                .position(|one| one == stage)
                .expect("one of the stages"),
            needs: texts(&job["needs"]).map(|needs| needs.into_iter().collect()),
            tags: job["tags"].clone(),
            script: texts(&job["script"]).expect("a script").join("\n"),
        };
        (name.clone(), job)
    };
    Pipeline {
        jobs: jobs.map(job).collect(),
        stages,
    }
}

impl Pipeline {
    /// The jobs that must have ended before another begins.
    fn before(&self, name: &str) -> BTreeSet<&str> {
        let job = &self.jobs[name];
        let earlier = || {
            let earlier = self
                .jobs
                .iter()
                .filter(|(_, other)| other.stage < job.stage);
            earlier.map(|(name, _)| name.as_str()).collect()
        };
        job.needs
            .as_ref()
            .map_or_else(earlier, |needs| needs.iter().map(String::as_str).collect())
    }
}

/// The words that a shell makes of a script's only line.
#[track_caller]
fn words(script: &str) -> Vec<String> {
    let output = Command::new("sh")
        .args([
            "-c",
            &format!("shipwright() {{ printf '%s\\0' \"$@\"; }}; {script}"),
        ])
        .output()
        .expect("there is a shell");
    assert!(output.status.success(), "{script}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// Job names with their needs, in short.
#[track_caller]
fn check(plan: &Plan, expected: &[(&str, Option<&[&str]>)]) {
    let pipeline = written(plan);
    let jobs = pipeline.jobs.iter();
    let needs: BTreeMap<&str, Option<Vec<&str>>> = jobs
        .map(|(name, job)| {
            let needs = job.needs.as_ref();
            let needs = needs.map(|needs| needs.iter().map(String::as_str).collect());
            (name.as_str(), needs)
        })
        .collect();
    let expected = expected
        .iter()
        .map(|(name, needs)| (*name, needs.map(<[&str]>::to_vec)))
        .collect();
    assert_eq!(needs, expected);
}

#[test]
fn each_job_needs_the_jobs_of_its_bases() {
    let mut plan = waves();
    let (service1, shared) = ("build x/service1", "build x/shared");
    check(
        &plan,
        &[
            ("build x/python", Some(&[])),
            (shared, Some(&["build x/python"])),
            (service1, Some(&[shared])),
            ("build x/service2", Some(&[shared])),
            ("build x/admin", Some(&[service1, shared])),
            ("tags", None),
        ],
    );
    // What is only re-tagged has no job. A base for other platforms is needed whole.
    for number in [0, 3, 4] {
        plan.images[number].action = Action::Retag;
    }
    plan.images[1].platforms = PLATFORMS.map(str::to_owned).to_vec();
    plan.images[2].platforms = vec!["linux/arm64".to_owned()];
    let (amd64, arm64) = (
        "build x/shared linux/amd64",
        "build x/shared linux/arm64/v8",
    );
    let own = [
        (amd64, Some(&[][..])),
        (arm64, Some(&[])),
        ("build x/service1 linux/arm64", Some(&[arm64])),
        ("tags", None),
    ];
    check(&plan, &own);
    plan.images[2].platforms.clear();
    check(
        &plan,
        &[own[0], own[1], (service1, Some(&[amd64, arm64])), own[3]],
    );
}

#[test]
fn a_base_taken_on_another_platform_is_needed_whole() {
    let mut plan = waves();
    plan.images.truncate(3);
    for image in &mut plan.images[1..] {
        image.platforms = PLATFORMS.map(str::to_owned).to_vec();
    }
    // The plan and the job may spell one platform in two ways.
    plan.images[2].dependencies[0].across =
        BTreeMap::from([("linux/arm64".to_owned(), plan.images[1].platforms.clone())]);
    let [amd64, arm64] = [
        "build x/shared linux/amd64",
        "build x/shared linux/arm64/v8",
    ];
    let python: Option<&[&str]> = Some(&["build x/python"]);
    check(
        &plan,
        &[
            ("build x/python", Some(&[])),
            (amd64, python),
            (arm64, python),
            ("build x/service1 linux/amd64", Some(&[amd64])),
            ("build x/service1 linux/arm64/v8", Some(&[amd64, arm64])),
            ("tags", None),
        ],
    );
}

#[test]
fn too_many_needs_become_stages() {
    let names: Vec<String> = (0..51).map(|number| format!("x/{number:02}")).collect();
    let mut images: Vec<_> = names.iter().map(|name| image(name, "a", &[])).collect();
    for count in [50, 51] {
        let needs: Vec<&str> = names[..count].iter().map(String::as_str).collect();
        let mut last = image(&format!("x/last{count}"), "a", &needs);
        last.wave = 1;
        images.push(last);
    }
    let pipeline = written(&plan(&"0".repeat(40), images));
    assert_eq!(pipeline.stages, ["wave 1", "wave 2", "tags"]);
    assert_eq!(pipeline.before("build x/last50").len(), 50);
    assert!(pipeline.jobs["build x/last51"].needs.is_none());
    assert_eq!(pipeline.before("build x/last51").len(), 51);
}

#[test]
fn two_names_of_one_content_have_one_job() {
    let mut plan = waves();
    plan.images[3].reference = plan.images[2].reference.clone();
    plan.images[4].dependencies[0].image = plan.images[3].name.clone();
    let pipeline = written(&plan);
    assert!(!pipeline.jobs.contains_key("build x/service2"));
    assert!(
        pipeline
            .before("build x/admin")
            .contains("build x/service1")
    );
}

#[test]
fn jobs_say_what_they_build_and_where() {
    let mut plan = waves();
    plan.images.truncate(1);
    let base = "it's $(all) ${right}\n- \"a\\\": #\u{85}\u{2028}##[error]\u{1b}";
    let options = &mut plan.source.options;
    options
        .build_args
        .insert("BASE".to_owned(), base.to_owned());
    options.namespace = Some("x".to_owned());
    options.branch = Some("a branch".to_owned());
    options.tags = vec!["v1".to_owned()];
    options.no_default_tags = true;
    plan.source.epoch = "2".to_owned();
    let python = &mut plan.images[0];
    python.platforms = PLATFORMS.map(str::to_owned).to_vec();
    let labels = |labels: &[&str]| labels.iter().map(|&label| label.to_owned()).collect();
    python.runners = BTreeMap::from([
        ("linux/arm64".to_owned(), labels(&["arm"])),
        ("*".to_owned(), labels(&["docker", "big"])),
    ]);
    let reference = python.reference.clone();
    let pipeline = written(&plan);
    let [amd64, arm64] =
        PLATFORMS.map(|platform| &pipeline.jobs[&format!("build x/python {platform}")]);
    assert_eq!(amd64.tags, serde_json::json!(["docker", "big"]));
    assert_eq!(arm64.tags, serde_json::json!(["arm"]));
    let base = format!("--build-arg=BASE={base}");
    let building = ["--namespace=x", &base, "--epoch=2"];
    let start = ["exec", "--push", "--no-tags"];
    let end = ["--only-platform=linux/arm64/v8", "-e", &reference];
    assert_eq!(words(&arm64.script), [&start[..], &building, &end].concat());
    let start = ["exec", "--push", "--no-build"];
    let end = ["--branch=a branch", "--tag=v1", "--no-default-tags"];
    let last = &pipeline.jobs["tags"].script;
    assert_eq!(words(last), [&start[..], &building, &end].concat());

    let how = Gitlab {
        include: Some("ci/a \"b\": c.yml".to_owned()),
        is_selection: true,
    };
    let text = emit_gitlab(&plan, &how).unwrap();
    assert!(words(&read(&text).jobs["tags"].script).ends_with(&["-e".to_owned(), reference]));
    let file: Value = serde_norway::from_str(&text).unwrap();
    assert_eq!(file["include"][0]["local"], "ci/a \"b\": c.yml");
}

#[test]
fn what_gitlab_does_not_read_is_refused() {
    let images = |count: usize| {
        let images = (0..count).map(|number| image(&format!("x/{number:05}"), "a", &[]));
        plan(&"0".repeat(40), images.collect())
    };
    assert!(emit_gitlab(&images(5_000), &Gitlab::default()).is_ok());
    let problems = emit_gitlab(&images(20_000), &Gitlab::default()).expect_err("more than 2 MiB");
    let codes: Vec<&str> = problems
        .iter()
        .map(|problem| problem.code.as_str())
        .collect();
    assert_eq!(codes, ["pipeline-too-large"]);

    let mut dirty = waves();
    dirty.images[0].dirty = true;
    let problems = emit_gitlab(&dirty, &Gitlab::default()).expect_err("no job sees it");
    assert_eq!(problems.iter().next().unwrap().code.as_str(), "dirty-jobs");
}

/// A random plan of images for one platform or two.
fn random_plan(random: &mut Random) -> Plan {
    let count = 2 + random.below(13);
    let mut images: Vec<shipwright::plan::Image> = Vec::new();
    for number in 0..count {
        let needed: BTreeSet<usize> = (0..random.below(4).min(number))
            .map(|_| random.below(number))
            .collect();
        let names: Vec<String> = needed.iter().map(|&at| images[at].name.clone()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut made = image(&format!("x/{number}"), "a", &names);
        for dependency in &mut made.dependencies {
            if random.one_in(4) {
                let all = PLATFORMS.map(str::to_owned);
                dependency.across = BTreeMap::from([(all[0].clone(), all.to_vec())]);
            }
        }
        made.wave = needed
            .iter()
            .map(|&at| images[at].wave + 1)
            .max()
            .unwrap_or(0);
        let platforms = &PLATFORMS[..random.below(3)];
        made.platforms = platforms
            .iter()
            .map(|&platform| platform.to_owned())
            .collect();
        if random.one_in(5) {
            made.action = Action::Retag;
        }
        images.push(made);
    }
    images.sort_by(|a, b| (a.wave, &a.name).cmp(&(b.wave, &b.name)));
    plan(&"0".repeat(40), images)
}

/// Runs the jobs in an order that the pipeline allows, each for a random time, as many at once as there may
/// be; some fail, and are run again. At its start, all that a job takes must have been built. Gives how long
/// it took, and how long the longest chain of bases takes.
#[track_caller]
fn run(plan: &Plan, random: &mut Random) -> (u64, u64) {
    let pipeline = written(plan);
    let mut ends: BTreeMap<&str, u64> = BTreeMap::new();
    let mut built: BTreeMap<(String, Option<String>), u64> = BTreeMap::new();
    let mut chains: BTreeMap<(String, Option<String>), u64> = BTreeMap::new();
    while ends.len() < pipeline.jobs.len() {
        let ready: Vec<&str> = pipeline
            .jobs
            .keys()
            .map(String::as_str)
            .filter(|name| !ends.contains_key(name))
            .filter(|name| {
                pipeline
                    .before(name)
                    .iter()
                    .all(|need| ends.contains_key(need))
            })
            .collect();
        assert!(!ready.is_empty(), "the pipeline does not end");
        let name = ready[random.below(ready.len())];
        let start = pipeline.before(name).iter().map(|need| ends[need]).max();
        let start = start.unwrap_or(0);
        // A job that fails is run again, after the same jobs.
        let duration = 1 + random.next() % 100 * if random.one_in(4) { 2 } else { 1 };
        ends.insert(name, start + duration);
        let words = words_of(&pipeline.jobs[name].script);
        if name == "tags" {
            let all = plan
                .images
                .iter()
                .filter(|image| image.action != Action::Retag);
            let parts: usize = all.map(|image| image.platforms.len().max(1)).sum();
            assert_eq!(built.len(), parts, "each part is built once");
            continue;
        }
        let reference = words.last().expect("a reference");
        let platform = words
            .iter()
            .find_map(|word| word.strip_prefix("--only-platform="));
        let image = plan
            .images
            .iter()
            .find(|image| image.reference == *reference);
        let image = image.expect("an image of the plan");
        let mut longest = 0;
        for dependency in &image.dependencies {
            let needed = plan.image(&dependency.image).expect("in the plan");
            if needed.action == Action::Retag {
                continue;
            }
            let own = needed
                .platforms
                .iter()
                .find(|asked| Some(asked.as_str()) == platform)
                .filter(|asked| !dependency.across.contains_key(*asked));
            let parts: Vec<Option<String>> = match own {
                Some(own) => vec![Some(own.clone())],
                None if needed.platforms.is_empty() => vec![None],
                None => needed.platforms.iter().cloned().map(Some).collect(),
            };
            for part in parts {
                let part = (needed.reference.clone(), part);
                let end = built
                    .get(&part)
                    .unwrap_or_else(|| panic!("{name} lacks {part:?}"));
                assert!(*end <= start, "{name} begins before {part:?} is there");
                longest = longest.max(chains[&part]);
            }
        }
        let part = (reference.clone(), platform.map(str::to_owned));
        chains.insert(part.clone(), longest + duration);
        assert!(
            built.insert(part, start + duration).is_none(),
            "{name} twice"
        );
    }
    let builds = ends.iter().filter(|(name, _)| **name != "tags");
    let makespan = builds.map(|(_, end)| *end).max().unwrap_or(0);
    (makespan, chains.values().copied().max().unwrap_or(0))
}

/// The words of a line without anything to quote.
fn words_of(script: &str) -> Vec<String> {
    script.split(' ').map(str::to_owned).collect()
}

#[test]
fn in_every_order_bases_are_built_before_and_nothing_waits_for_more() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let plan = random_plan(&mut random);
        let (makespan, critical_path) = run(&plan, &mut random);
        assert_eq!(makespan, critical_path, "seed {seed}");
    }
}

#[test]
fn gitlabs_schema_accepts_it() {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/lib");
    let schema = fs::read_dir(&programs).ok().and_then(|mut entries| {
        let python = entries.next()?.ok()?.path();
        let vendor = "site-packages/check_jsonschema/builtin_schemas/vendor/gitlab-ci.json";
        fs::read_to_string(python.join(vendor)).ok()
    });
    let Some(schema) = schema else {
        return skip(
            "GitLab's schema: the package check-jsonschema in target/tools, as .ci/run installs it",
        );
    };
    let schema = serde_json::from_str(&schema).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let mut random = Random::new(1);
    let mut texts: Vec<String> = (0..20)
        .map(|_| emit_gitlab(&random_plan(&mut random), &Gitlab::default()).unwrap())
        .collect();
    let how = Gitlab {
        include: Some("ci/defaults.yml".to_owned()),
        is_selection: true,
    };
    let mut plan = waves();
    plan.images[0].runners = BTreeMap::from([("*".to_owned(), vec!["docker".to_owned()])]);
    texts.push(emit_gitlab(&plan, &how).unwrap());
    for text in texts {
        let file: Value = serde_norway::from_str(&text).unwrap();
        let problems: Vec<String> = validator
            .iter_errors(&file)
            .map(|e| e.to_string())
            .collect();
        assert_eq!(problems, Vec::<String>::new(), "{text}");
    }
}

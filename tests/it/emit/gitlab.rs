//! The pipeline that GitLab gets, read as YAML and run here: by its schema, by an interpreter of `needs` and
//! stages, and by a shell.

use std::collections::BTreeMap;

use serde_json::Value;
use shipwright::plan::{Action, Plan};
use shipwright::run::emit::{Gitlab, emit_gitlab};

use super::fixture::{image, plan, waves};
use super::interpreter::{Job, PLATFORMS, Pipeline, check_schema, random_plan, run, words};
use crate::support::generate::Random;

#[track_caller]
fn written(plan: &Plan) -> Pipeline {
    let text = emit_gitlab(plan, &Gitlab::default()).expect("a plan that GitLab can run");
    read(&text)
}

#[track_caller]
pub(crate) fn read(text: &str) -> Pipeline {
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
    assert!(emit_gitlab(&images(2_000), &Gitlab::default()).is_ok());
    let problems = emit_gitlab(&images(5_000), &Gitlab::default()).expect_err("more than 2 MiB");
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

#[test]
fn in_every_order_bases_are_built_before_and_nothing_waits_for_more() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let plan = random_plan(&mut random);
        let (makespan, critical_path) = run(&plan, &written(&plan), &mut random);
        assert_eq!(makespan, critical_path, "seed {seed}");
    }
}

#[test]
fn gitlabs_schema_accepts_it() {
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
    check_schema("gitlab-ci", &texts);
}

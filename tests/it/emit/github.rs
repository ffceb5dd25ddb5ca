//! The waves of a plan as a workflow on GitHub takes them.

use std::collections::BTreeMap;

use serde_json::Value;
use shipwright::plan::{Action, Image, Plan};
use shipwright::run::emit::{Files, Format, Github, emit, emit_github};

use super::fixture::{image, plan, waves};

/// What `$GITHUB_OUTPUT` is given: a name and a value a line.
#[track_caller]
fn outputs(plan: &Plan) -> BTreeMap<String, Value> {
    read(&emit(plan, &Files::default(), Format::Github).expect("a plan that can be emitted"))
}

#[track_caller]
pub(super) fn read(text: &str) -> BTreeMap<String, Value> {
    let output = |line: &str| {
        let (name, value) = line.split_once('=').expect("`name=value`");
        let value = serde_json::from_str(value).expect("the value is JSON");
        (name.to_owned(), value)
    };
    text.lines().map(output).collect()
}

/// The images of each wave, in short.
#[track_caller]
fn check(plan: &Plan, expected: &[&[&str]]) {
    let outputs = outputs(plan);
    assert_eq!(outputs["waves"], expected.len());
    assert_eq!(outputs.len(), 1 + 2 * expected.len());
    for (number, names) in (1..).zip(expected) {
        let jobs = outputs[&format!("wave_{number}")]["include"].clone();
        let jobs = jobs.as_array().expect("a list of jobs");
        let images: Vec<&str> = jobs
            .iter()
            .filter_map(|job| job["image"].as_str())
            .collect();
        assert_eq!(&images, names, "wave {number}");
        assert_eq!(outputs[&format!("wave_{number}_any")], !names.is_empty());
    }
}

#[test]
fn a_job_for_each_image_that_may_be_built() {
    let mut plan = waves();
    let services: &[&str] = &["x/service1", "x/service2"];
    let all = [&["x/python"], &["x/shared"], services, &["x/admin"]];
    check(&plan, &all);
    plan.images[0].action = Action::Retag;
    plan.images[2].action = Action::Build;
    plan.images[3].action = Action::Retag;
    check(&plan, &[&[], &["x/shared"], &["x/service1"], &["x/admin"]]);
    plan.images.clear();
    check(&plan, &[]);
}

#[test]
fn a_job_says_what_a_workflow_may_ask() {
    let mut plan = waves();
    plan.images[0].platforms = vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()];
    let labels = |labels: &[&str]| labels.iter().map(|&label| label.to_owned()).collect();
    let reference = plan.images[0].reference.clone();
    let entry = |platform: &str, runner: Value| {
        serde_json::json!({
            "image": "x/python",
            "reference": reference,
            "platform": platform,
            "runner": runner,
        })
    };
    let [amd64, arm64] = ["linux/amd64", "linux/arm64"];
    let usual = || Value::from("ubuntu-latest");
    let include = |plan: &Plan| outputs(plan)["wave_1"]["include"].clone();
    let expected = [entry(amd64, usual()), entry(arm64, usual())];
    assert_eq!(include(&plan), Value::from(expected.to_vec()));

    let runners = &mut plan.images[0].runners;
    runners.insert("*".to_owned(), labels(&["self-hosted", "big"]));
    runners.insert("linux/arm64/v8".to_owned(), labels(&["arm"]));
    let big = Value::from(vec!["self-hosted", "big"]);
    let expected = [entry(amd64, big.clone()), entry(arm64, Value::from("arm"))];
    assert_eq!(include(&plan), Value::from(expected.to_vec()));
    plan.images[0].platforms.clear();
    assert_eq!(include(&plan), Value::from(vec![entry("", big)]));
}

/// The groups of a wave: platform, runner, and content references.
#[track_caller]
pub(super) fn groups(wave: &Value) -> Vec<(String, String, Vec<String>)> {
    let jobs = wave["include"].as_array().expect("a list of jobs").iter();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let groups = jobs.map(|job| {
        let references = text(&job["reference"]);
        let references = references.split(' ').map(str::to_owned).collect();
        (
            text(&job["platform"]),
            job["runner"].to_string(),
            references,
        )
    });
    groups.collect()
}

/// Images on two bases, for two platforms each.
fn wide(count: usize) -> Plan {
    let mut images: Vec<Image> = ["x/left", "x/right"]
        .map(|name| image(name, "a", &[]))
        .to_vec();
    images.extend((0..count).map(|number| {
        let base = ["x/left", "x/right"][number % 2];
        let mut image = image(&format!("x/{number:05}"), "a", &[base]);
        image.wave = 1;
        image
    }));
    for image in &mut images {
        image.platforms = vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()];
        let arm = vec!["arm".to_owned()];
        image.runners = BTreeMap::from([("linux/arm64".to_owned(), arm)]);
    }
    plan(&"0".repeat(40), images)
}

#[test]
fn beyond_the_limit_a_job_takes_images_of_one_base() {
    for (count, most) in [
        (300, 256),
        (128, 256),
        (129, 256),
        (50, 8),
        (7, 4),
        (300, 2),
    ] {
        let plan = wide(count);
        let text = emit_github(&plan, Github { jobs: most }).expect("matrices");
        let outputs = read(&text);
        assert_eq!(outputs["waves"], 2, "as many waves as the graph is deep");
        let groups = groups(&outputs["wave_2"]);
        assert!(groups.len() <= most, "{count}: {} jobs", groups.len());
        let mut found: Vec<(String, String)> = Vec::new();
        let mut mixed = 0;
        for (platform, runner, references) in groups {
            let arm = platform == "linux/arm64";
            assert_eq!(runner == "\"arm\"", arm, "one machine a job");
            let of = |reference: &String| {
                let images = plan.images.iter();
                let mut images = images.filter(|image| image.reference == *reference);
                images.next().expect("an image of the plan")
            };
            let bases: Vec<&str> = references
                .iter()
                .map(|reference| of(reference).dependencies[0].image.as_str())
                .collect();
            mixed += usize::from(bases.windows(2).any(|pair| pair[0] != pair[1]));
            found.extend(references.into_iter().map(|one| (platform.clone(), one)));
        }
        // Where one base ends and the other begins, once for each platform.
        assert!(mixed <= 2, "{count}: {mixed} jobs of several bases");
        let all = plan.images[2..].iter().flat_map(|image| {
            let platforms = image.platforms.iter();
            platforms.map(|platform| (platform.clone(), image.reference.clone()))
        });
        let mut all: Vec<(String, String)> = all.collect();
        all.sort();
        found.sort();
        assert_eq!(found, all, "each part in one job");
    }
}

#[test]
fn what_github_does_not_take_is_refused() {
    let refused = |plan: &Plan, jobs: usize| {
        let problems = emit_github(plan, Github { jobs }).expect_err("above a limit");
        problems.iter().next().unwrap().code.as_str()
    };
    assert_eq!(refused(&wide(10), 1), "pipeline-too-large");
    assert_eq!(refused(&wide(10_000), 256), "pipeline-too-large");
    // Ten thousand that are few enough bytes.
    let images = (0..10_000).map(|number| image(&format!("x/{number:05}"), "a", &[]));
    let text = emit_github(&plan(&"0".repeat(40), images.collect()), Github::default());
    let text = text.expect("below the limits");
    assert!(2 * text.len() <= 1024 * 1024, "{}", text.len());
    let outputs = read(&text);
    let jobs = groups(&outputs["wave_1"]);
    let references: usize = jobs.iter().map(|(_, _, references)| references.len()).sum();
    assert_eq!(
        (outputs["waves"].as_u64(), jobs.len() <= 256, references),
        (Some(1), true, 10_000)
    );
}

#[test]
fn what_is_not_in_the_revision_has_no_job() {
    let mut plan = waves();
    plan.images[1].dirty = true;
    let problems =
        emit(&plan, &Files::default(), Format::Github).expect_err("a job could not build it");
    let codes: Vec<&str> = problems
        .iter()
        .map(|problem| problem.code.as_str())
        .collect();
    assert_eq!(codes, ["dirty-jobs"]);
}

//! The waves of a plan as a workflow on GitHub takes them.

use std::collections::BTreeMap;

use serde_json::Value;
use shipwright::plan::{Action, Image, Plan};
use shipwright::run::emit::{Files, Format, emit};

use super::fixture::{image, plan, waves};

/// What `$GITHUB_OUTPUT` is given: a name and a value a line.
#[track_caller]
fn outputs(plan: &Plan) -> BTreeMap<String, Value> {
    let text = emit(plan, &Files::default(), Format::Github).expect("a plan that can be emitted");
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

#[test]
fn a_wave_of_too_many_jobs_is_several() {
    let mut images: Vec<Image> = (0..600)
        .map(|number| image(&format!("x/{number:03}"), "a", &[]))
        .collect();
    let mut last = image("x/last", "a", &["x/599"]);
    last.wave = 1;
    images.push(last);
    let plan = plan(&"0".repeat(40), images);
    let names: Vec<&str> = plan
        .images
        .iter()
        .map(|image| image.name.as_str())
        .collect();
    let expected = [
        &names[..256],
        &names[256..512],
        &names[512..600],
        &names[600..],
    ];
    check(&plan, &expected);
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

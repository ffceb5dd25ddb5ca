//! The workflows of `docs/scale.md`: YAML whose parts fit together and to this program.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use regex::Regex;
use serde_norway::Value;
use shipwright::run::emit::{Files, Format, emit};

use super::fixture::{image, plan};

/// The workflows by their file, which their first line names.
pub(crate) fn workflows() -> BTreeMap<String, Vec<Value>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scale.md");
    let page = fs::read_to_string(page).unwrap();
    let mut workflows: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for block in page.split("```yaml\n").skip(1) {
        let (text, _) = block.split_once("```").expect("the block ends");
        let (first, _) = text.split_once('\n').expect("several lines");
        let file = first.strip_prefix("# ").expect("a file's name").to_owned();
        let workflow = serde_norway::from_str(text).unwrap_or_else(|e| panic!("{file}: {e}"));
        workflows.entry(file).or_default().push(workflow);
    }
    workflows
}

fn all(text: &str, pattern: &str) -> BTreeSet<String> {
    let pattern = Regex::new(pattern).unwrap();
    let found = pattern.captures_iter(text);
    found.map(|groups| groups[1].to_owned()).collect()
}

fn text(value: &Value) -> String {
    serde_norway::to_string(value).unwrap()
}

/// The jobs that a job waits for.
fn needs(job: &Value) -> BTreeSet<String> {
    match job.get("needs") {
        Some(Value::String(one)) => BTreeSet::from([one.clone()]),
        Some(Value::Sequence(several)) => several
            .iter()
            .filter_map(|need| need.as_str().map(str::to_owned))
            .collect(),
        _ => BTreeSet::new(),
    }
}

#[test]
fn workflows_fit_together() {
    let workflows = workflows();
    assert_eq!(workflows.values().map(Vec::len).sum::<usize>(), 4);
    for workflow in workflows.values().flatten() {
        let jobs = workflow["jobs"].as_mapping().expect("jobs");
        for (name, job) in jobs {
            let needed = needs(job);
            for need in &needed {
                assert!(jobs.contains_key(need.as_str()), "{name:?} needs {need}");
            }
            let text = text(job);
            for output in all(&text, r"needs\.(\w+\.outputs\.\w+)") {
                let (of, output) = output.split_once(".outputs.").unwrap();
                assert!(needed.contains(of), "{name:?} does not wait for {of}");
                assert!(jobs[of]["outputs"].get(output).is_some(), "{output}");
            }
            if let Some(called) = job.get("uses").and_then(Value::as_str) {
                let called = &workflows[called.trim_start_matches("./")][0];
                let inputs = &called["on"]["workflow_call"]["inputs"];
                let given = job["with"].as_mapping().unwrap();
                assert_eq!(given.len(), inputs.as_mapping().unwrap().len());
                assert!(given.keys().all(|key| inputs.get(key).is_some()));
            }
        }
    }
}

#[test]
fn every_output_that_a_workflow_takes_is_printed() {
    let images = (0..10).map(|wave| {
        let mut image = image(&format!("x/{wave}"), "a", &[]);
        image.wave = wave;
        image
    });
    let printed = emit(
        &plan(&"0".repeat(40), images.collect()),
        &Files::default(),
        Format::Github,
    )
    .unwrap();
    let printed = all(&printed, r"(?m)^(\w+)=");
    let waves = &workflows()[".github/workflows/images.yml"][1];
    let taken = all(&text(waves), r"steps\.emit\.outputs\.(\w+)");
    assert_eq!(taken, printed);
    let built = all(&text(waves), r"outputs\.(wave_\d+)\b");
    assert_eq!(built.len(), 10);
}

#[test]
fn every_command_of_a_workflow_is_one() {
    let mut count = 0;
    for workflow in workflows().values().flatten() {
        for command in all(&text(workflow), r"run: (shipwright [^>\n]*)") {
            let words = command.split_whitespace().skip(1);
            let status = Command::new(env!("CARGO_BIN_EXE_shipwright"))
                .args(words.map(|word| word.trim_matches('"')))
                .arg("--help")
                .output()
                .expect("the program starts");
            assert!(status.status.success(), "{command}");
            count += 1;
        }
    }
    assert_eq!(count, 7);
}

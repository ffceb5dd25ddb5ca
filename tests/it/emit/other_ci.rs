//! The templates for Buildkite and `CircleCI`, run as the pipeline of GitLab is: by their schemas, by the interpreter,
//! and by a shell.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use shipwright::diagnostics::{Diagnostics, SourceText};
use shipwright::plan::Plan;
use shipwright::run::emit::{Known, emit_template};

use super::fixture::{image, plan, waves};
use super::interpreter::{Job, PLATFORMS, Pipeline, check_schema, random_plan, run, words};
use crate::support::generate::Random;

/// A system: its template, its schema, and how its file is read.
pub(crate) struct System {
    pub(crate) template: &'static str,
    pub(crate) schema: &'static str,
    pub(crate) read: fn(&Value) -> Pipeline,
}

pub(crate) const SYSTEMS: [System; 2] = [
    System {
        template: "buildkite.yml.j2",
        schema: "buildkite",
        read: buildkite,
    },
    System {
        template: "circleci.yml.j2",
        schema: "circle-ci",
        read: circleci,
    },
];

impl System {
    fn rendered(&self, plan: &Plan, known: &Known) -> Result<String, Diagnostics> {
        let text = fs::read_to_string(folder().join(self.template)).expect("a template");
        emit_template(plan, known, &SourceText::new(self.template, text))
    }

    #[track_caller]
    fn written(&self, plan: &Plan) -> Pipeline {
        let text = self.rendered(plan, &Known::default());
        let text = text.expect("a plan that the system can run");
        let file = serde_norway::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        (self.read)(&file)
    }
}

/// Where the templates are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/templates")
}

fn texts(list: &Value) -> BTreeSet<String> {
    let list = list.as_array().into_iter().flatten();
    list.map(|text| text.as_str().expect("a text").to_owned())
        .collect()
}

fn job(needs: &Value, runner: &Value, script: &Value) -> Job {
    Job {
        stage: 0,
        needs: Some(texts(needs)),
        tags: runner.clone(),
        script: script.as_str().expect("a line").to_owned(),
    }
}

/// The jobs by their keys.
fn buildkite(file: &Value) -> Pipeline {
    let steps = file["steps"].as_array().expect("steps").iter();
    let jobs = steps.map(|step| {
        let key = step["key"].as_str().expect("a key").to_owned();
        let queue = &step["agents"]["queue"];
        (key, job(&step["depends_on"], queue, &step["command"]))
    });
    Pipeline {
        stages: Vec::new(),
        jobs: jobs.collect(),
    }
}

/// The jobs by their names.
fn circleci(file: &Value) -> Pipeline {
    let jobs = file["workflows"]["images"]["jobs"]
        .as_array()
        .expect("jobs");
    let jobs = jobs.iter().map(|entry| {
        let (name, how) = entry.as_object().expect("a map").iter().next().unwrap();
        let defined = &file["jobs"][name];
        let script = &defined["steps"][1]["run"]["command"];
        let runner = &defined["resource_class"];
        (name.clone(), job(&how["requires"], runner, script))
    });
    Pipeline {
        stages: Vec::new(),
        jobs: jobs.collect(),
    }
}

#[test]
fn in_every_order_bases_are_built_before_and_nothing_waits_for_more() {
    for system in &SYSTEMS {
        for seed in 0..100 {
            let mut random = Random::new(seed);
            let plan = random_plan(&mut random);
            let (makespan, critical_path) = run(&plan, &system.written(&plan), &mut random);
            assert_eq!(makespan, critical_path, "{} {seed}", system.template);
        }
    }
}

#[test]
fn their_schemas_accept_them() {
    for system in &SYSTEMS {
        let mut random = Random::new(2);
        let mut plans: Vec<Plan> = (0..20).map(|_| random_plan(&mut random)).collect();
        let mut on_runners = waves();
        let big = BTreeMap::from([("*".to_owned(), vec!["big".to_owned()])]);
        on_runners.images[0].runners = big;
        plans.push(on_runners);
        plans.push(plan(&"0".repeat(40), Vec::new()));
        let texts = plans
            .iter()
            .map(|plan| system.rendered(plan, &Known::default()).unwrap());
        check_schema(system.schema, &texts.collect::<Vec<_>>());
    }
}

#[test]
fn jobs_say_what_they_build_and_where() {
    let mut plan = waves();
    plan.images.truncate(1);
    let python = &mut plan.images[0];
    python.platforms = PLATFORMS.map(str::to_owned).to_vec();
    let arm = ("linux/arm64".to_owned(), vec!["arm".to_owned()]);
    python.runners = BTreeMap::from([arm]);
    let reference = python.reference.clone();
    for system in &SYSTEMS {
        let pipeline = system.written(&plan);
        let names: Vec<&str> = pipeline.jobs.keys().map(String::as_str).collect();
        let [amd64, arm64] = [
            "build-x-python-linux-amd64",
            "build-x-python-linux-arm64-v8",
        ];
        assert_eq!(names, [amd64, arm64, "tags"]);
        assert_eq!(pipeline.jobs[amd64].tags, Value::Null);
        assert_eq!(pipeline.jobs[arm64].tags, "arm");
        let start = ["shipwright", "exec", "--push", "--no-tags"];
        let end = ["--only-platform=linux/arm64/v8", "-e", &reference];
        let script = [&start[..], &end].concat().join(" ");
        assert_eq!(pipeline.jobs[arm64].script, script);
        let known = Known {
            is_selection: true,
            ..Known::default()
        };
        let selected = system.rendered(&plan, &known).unwrap();
        let last = format!("--no-build -e {reference}");
        assert!(selected.contains(&last), "{selected}");
    }
}

/// Values that a system or a shell could take for more than text arrive as they are.
#[test]
fn no_option_becomes_code() {
    let mut plan = waves();
    plan.images.truncate(1);
    let value = "it's $(all) ${right} \\$HOME $$\n<<pipeline.id>> <<<- \"a\\\": #\u{85}\u{2028}##[error]\u{1b}`x`";
    plan.source
        .options
        .build_args
        .insert("BASE".to_owned(), value.to_owned());
    plan.source.options.branch = Some("$(reboot)<<x>>'".to_owned());
    for system in &SYSTEMS {
        let text = system.rendered(&plan, &Known::default()).unwrap();
        match system.schema {
            // Buildkite replaces variables before it reads YAML or after, by the agent's version.
            "buildkite" => assert!(!text.contains('$') && !text.contains("\\u0024"), "{text}"),
            _ => assert!(!text.contains("<<") && !text.contains("\\u003c"), "{text}"),
        }
        let pipeline = system.written(&plan);
        let building = words(&pipeline.jobs["build-x-python"].script);
        assert!(
            building.contains(&format!("--build-arg=BASE={value}")),
            "{building:?}"
        );
        let last = words(&pipeline.jobs["tags"].script);
        assert_eq!(last.last().unwrap(), "--branch=$(reboot)<<x>>'");
    }
}

#[test]
fn what_a_system_cannot_run_is_refused() {
    let images = |count: usize| {
        let images = (0..count).map(|number| image(&format!("x/{number:05}"), "a", &[]));
        plan(&"0".repeat(40), images.collect())
    };
    let [buildkite, circleci] = &SYSTEMS;
    let known = Known::default();
    assert!(buildkite.rendered(&images(499), &known).is_ok());
    let problems = buildkite.rendered(&images(10_000), &known).unwrap_err();
    let problem = problems.iter().next().unwrap();
    assert_eq!(problem.code.as_str(), "template");
    assert!(
        problem.message.contains("there are 10001"),
        "{}",
        problem.message
    );
    assert!(circleci.rendered(&images(600), &known).is_ok());
    let mut dirty = waves();
    dirty.images[0].dirty = true;
    for system in &SYSTEMS {
        let problems = system.rendered(&dirty, &known).unwrap_err();
        assert_eq!(problems.iter().next().unwrap().code.as_str(), "dirty-jobs");
    }
}

/// The branch that a script of the page gives to `emit`, in a job with these variables.
#[track_caller]
fn branch_of(script: &str, variables: &[(&str, &str)]) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/other-ci.md");
    let page = fs::read_to_string(page).unwrap();
    let start = format!("```sh\n# ci/{script}.sh\n");
    let (_, text) = page.split_once(&start).expect("a script of the page");
    let (text, _) = text.split_once("```").unwrap();
    let stubs = "shipwright() { [ \"$1\" = built ] || printf '%s\\n' \"$@\" >&3; }
        buildkite-agent() { :; }\ndocker() { cat; }\n"
        .replace("buildkite-agent()", "buildkite_agent()");
    let text = text.replace("buildkite-agent ", "buildkite_agent ");
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec 3>&1 >/dev/null\n{stubs}{text}")]);
    shell
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap());
    for name in ["REGISTRY", "REGISTRY_USER", "REGISTRY_PASSWORD"] {
        shell.env(name, "x");
    }
    let output = shell
        .envs(variables.iter().copied())
        .current_dir(folder.path())
        .output()
        .expect("there is a shell");
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    let mut words = said.lines().skip_while(|word| *word != "--branch");
    words.nth(1).expect("a branch, or none").to_owned()
}

#[test]
fn scripts_pass_a_branch_of_this_repository() {
    let buildkite = |branch, number, tag| {
        let [pull, name] = ["BUILDKITE_PULL_REQUEST", "BUILDKITE_BRANCH"];
        let variables = [(name, branch), (pull, number), ("BUILDKITE_TAG", tag)];
        branch_of("buildkite", &variables)
    };
    assert_eq!(buildkite("a/$(b)", "false", ""), "a/$(b)");
    assert_eq!(buildkite("main", "12", ""), "pull-12");
    assert_eq!(buildkite("v1", "false", "v1"), "");
    let circleci = |variables: &[(&str, &str)]| branch_of("circleci", variables);
    assert_eq!(circleci(&[("CIRCLE_BRANCH", "main")]), "main");
    let fork = [("CIRCLE_BRANCH", "main"), ("CIRCLE_PR_NUMBER", "12")];
    assert_eq!(circleci(&fork), "pull-12");
    assert_eq!(circleci(&[("CIRCLE_TAG", "v1")]), "");
}

//! Laws of `init`: whatever bake and compose print, and whatever their files hold, it does not panic, and
//! what it writes can be planned and says nothing that the defaults give.

use std::fmt::Write;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use shipwright::config::Config;
use shipwright::diagnostics::render::{Style, render};
use shipwright::init::{Request, evidence, init};
use shipwright::planner::{Options, compile};
use shipwright::run::evaluate::{Answer, Tool};
use shipwright::tree::{File, Snapshot};

const DOCKERFILES: [(&str, &str); 5] = [
    ("Dockerfile", "ARG A=1\nFROM base\nCOPY web/x /\n"),
    (
        "base/Dockerfile",
        "FROM debian:12 AS prod\nFROM prod AS dev\n",
    ),
    ("base/Dockerfile.debug", "ARG A\nFROM acme/base:$A\n"),
    (
        "web/Dockerfile",
        "FROM ghcr.io/acme/base\nFROM acme/base AS prod\nCOPY x /\n",
    ),
    ("web/x", "x"),
];

/// A file of evidence: its path, its text and what its tool answers.
type Described = (&'static str, String, Answer);

/// The configuration that `init` writes for these files beside the Dockerfiles.
fn config_for(files: &[Described]) -> (Snapshot, String) {
    let texts = files.iter().map(|(path, text, _)| (*path, text.as_str()));
    let all = DOCKERFILES.into_iter().chain(texts);
    let all = all.map(|(path, text)| (path, File::Plain(text.as_bytes().to_vec())));
    let snapshot = Snapshot::of_files(None, all);
    let request = Request {
        project: "shop".to_owned(),
        ..Request::default()
    };
    let found = evidence(&snapshot, &request, &mut |question| {
        let mut files = files.iter();
        let of_tool = |path: &str| path.contains("bake") == (question.tool == Tool::Bake);
        let file = files
            .find(|(path, _, _)| of_tool(path))
            .expect("a file of the tool");
        file.2.clone()
    });
    let start = init(&snapshot, &request, &found);
    let start = start.unwrap_or_else(|errors| panic!("{}", render(&errors, Style::default())));
    (snapshot, start.config)
}

fn is_planned(files: &[Described]) {
    let (snapshot, text) = config_for(files);
    let config = Config::parse(&text).unwrap();
    let outcome = compile(&snapshot, &config, &Options::default(), None);
    let diagnostics = outcome.into_result().map(|(_, remarks)| remarks);
    let diagnostics = diagnostics.unwrap_or_else(|problems| panic!("{text}{problems:?}"));
    let in_config = diagnostics.iter().filter(|diagnostic| {
        let mut labels = diagnostic.labels.iter();
        diagnostic.code.as_str().starts_with("unused")
            && labels.any(|label| label.source.path == ".shipwright.json")
    });
    assert_eq!(in_config.count(), 0, "{text}");
}

/// A build by small choices, so that builds meet: the same Dockerfile, name or target.
#[derive(Debug, Clone)]
struct Build {
    folder: &'static str,
    file: &'static str,
    target: Option<&'static str>,
    image: Option<&'static str>,
    argument: Option<&'static str>,
    bound: Option<(&'static str, usize)>,
    network: Option<&'static str>,
}

fn build() -> impl Strategy<Value = Build> {
    let optional = |texts: &'static [&'static str]| prop::option::of(prop::sample::select(texts));
    (
        prop::sample::select(&[".", "base", "web", "nowhere"][..]),
        prop::sample::select(&["Dockerfile", "Dockerfile.debug", "../base/Dockerfile"][..]),
        optional(&["prod", "dev", "none"]),
        optional(&[
            "acme/base",
            "ghcr.io/acme/base:1",
            "base",
            "acme/web:$A",
            "acme/web:2",
            "Bad Name",
        ]),
        optional(&["1", "2", ""]),
        prop::option::of((
            prop::sample::select(&["base", "acme/base", "prod", "debian:12"][..]),
            0..4usize,
        )),
        optional(&["host", "none"]),
    )
        .prop_map(
            |(folder, file, target, image, argument, bound, network)| Build {
                folder,
                file,
                target,
                image,
                argument,
                bound,
                network,
            },
        )
}

/// What all tools print of a build, with the words of bake.
fn printed(build: &Build, scheme: &str, label: &str) -> Map<String, Value> {
    let mut values = Map::new();
    let mut put = |key: &str, value: Value| values.insert(key.to_owned(), value);
    put("context", json!(build.folder));
    put("dockerfile", json!(build.file));
    if let Some(target) = build.target {
        put("target", json!(target));
    }
    if let Some(argument) = build.argument {
        put("args", json!({"A": argument}));
    }
    if let Some((name, other)) = build.bound {
        put(scheme, json!({name: format!("{label}{other}")}));
    }
    if let Some(network) = build.network {
        put("network", json!(network));
        put("labels", json!({"org.example.network": network}));
    }
    values
}

fn compose(builds: &[Build]) -> Described {
    let services = builds.iter().enumerate().map(|(index, build)| {
        let built = printed(build, "additional_contexts", "service:s");
        let mut service = json!({"build": built});
        if let Some(image) = build.image {
            service["image"] = json!(image);
        }
        (format!("s{index}"), service)
    });
    let print = json!({"services": services.collect::<Map<_, _>>()});
    (
        "compose.yaml",
        String::new(),
        Answer::Print(print, Vec::new()),
    )
}

fn bake(builds: &[Build]) -> Described {
    let mut text = String::new();
    let targets = builds.iter().enumerate().map(|(index, build)| {
        writeln!(text, "target \"t{index}\" {{\n  network = \"x\"\n}}").unwrap();
        let mut values = printed(build, "contexts", "target:t");
        if let Some(image) = build.image {
            values.insert("tags".to_owned(), json!([image]));
        }
        (format!("t{index}"), Value::Object(values))
    });
    let print = json!({"target": targets.collect::<Map<_, _>>()});
    ("docker-bake.hcl", text, Answer::Print(print, Vec::new()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_builds_say_can_be_planned(
        services in prop::collection::vec(build(), 0..4),
        targets in prop::collection::vec(build(), 0..4),
    ) {
        is_planned(&[compose(&services), bake(&targets)]);
    }

    /// Files that nobody can read, and whatever the tools say of them.
    #[test]
    fn any_text_will_do(
        text in "\\PC*",
        said in "(ERROR: (docker-bake.(hcl|json):[0-9]{1,2},[0-9]{1,2}-[0-9]: )?)?\\PC*",
        name in prop::sample::select(&["compose.yml", "docker-bake.hcl", "docker-bake.json"][..]),
    ) {
        let refused = Answer::Refused(said.clone());
        is_planned(&[(name, text.clone(), refused)]);
        is_planned(&[(name, text.clone(), Answer::NotAsked(said))]);
        let print = serde_json::from_str(&text).unwrap_or(Value::Null);
        is_planned(&[(name, text, Answer::Print(print, Vec::new()))]);
    }

    /// Whole files with a piece taken out, of which bake complains anywhere.
    #[test]
    fn damaged_files_will_do(targets in prop::collection::vec(build(), 1..3), from in 0..100usize, length in 1..40usize, line in 1..9usize, column in 1..30usize) {
        let (name, mut text, _) = bake(&targets);
        let (start, end) = (from.min(text.len()), (from + length).min(text.len()));
        text.replace_range(start..end, "");
        let said = format!("ERROR: docker-bake.hcl:{line},{column}-{column}: no");
        is_planned(&[(name, text, Answer::Refused(said))]);
    }
}

fn print_of(build: &Value) -> Answer {
    Answer::Print(json!({"target": {"a": build}}), Vec::new())
}

#[test]
fn a_folder_is_no_dockerfile() {
    for build in [json!({"dockerfile": "base"}), json!({"context": "web/x"})] {
        is_planned(&[("docker-bake.hcl", String::new(), print_of(&build))]);
    }
}

/// Names and images that no builder could look up are left out, with all else kept.
#[test]
fn a_context_that_is_no_reference_is_left_out() {
    for (name, bound) in [
        ("acme/", "target:s"),
        ("Base", "."),
        ("x", "docker-image://Acme"),
        ("x", "docker-image://"),
    ] {
        let build = json!({"context": "base", "contexts": {name: bound}});
        is_planned(&[("docker-bake.hcl", String::new(), print_of(&build))]);
    }
}

/// Values that are no texts, lists or objects where the tools print these.
#[test]
fn odd_values_will_do() {
    for odd in [
        json!(null),
        json!(1),
        json!([1, null]),
        json!({"a": 1}),
        json!("{{ x }}"),
        json!([{}]),
    ] {
        let keys = [
            "args",
            "tags",
            "contexts",
            "labels",
            "secret",
            "ssh",
            "platforms",
            "output",
        ];
        let values: Map<String, Value> = keys
            .iter()
            .map(|key| ((*key).to_owned(), odd.clone()))
            .collect();
        let build = Value::Object(values);
        is_planned(&[("docker-bake.hcl", String::new(), print_of(&build))]);
        let print = json!({"services": {"a": {"image": odd, "build": build}}, "secrets": odd});
        is_planned(&[(
            "compose.yaml",
            String::new(),
            Answer::Print(print, Vec::new()),
        )]);
    }
}

/// Nesting deeper than any real file's is not followed to the end of the stack.
#[test]
fn deep_nesting_will_do() {
    let deep = 100_000;
    for (name, text) in [
        (
            "docker-bake.json",
            format!("{{\"target\": {}", "[".repeat(deep)),
        ),
        (
            "docker-bake.hcl",
            format!("target \"a\" {{\n  context = {}\n}}", "[".repeat(deep)),
        ),
        (
            "docker-bake.hcl",
            format!("target \"a\" {{\n  context = {}\n}}", "\"${".repeat(deep)),
        ),
        ("compose.yaml", format!("services: {}", "{a: ".repeat(deep))),
    ] {
        let said = format!("ERROR: {name}:2,40-41: no");
        is_planned(&[(name, text, Answer::Refused(said))]);
    }
}

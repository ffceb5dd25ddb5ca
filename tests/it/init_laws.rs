//! Laws of `init`: whatever bake and compose files say, it does not panic, and what it writes can be
//! planned and says nothing that the defaults give.

use std::fmt::Write;

use proptest::prelude::*;
use shipwright::config::Config;
use shipwright::diagnostics::render::{Style, render};
use shipwright::init::{Request, init};
use shipwright::planner::{Options, compile};
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

/// The configuration that `init` writes for these files beside the Dockerfiles.
fn config_for(evidence: &[(&str, &str)]) -> (Snapshot, String) {
    let files = DOCKERFILES.iter().chain(evidence);
    let files = files.map(|(path, text)| (*path, File::Plain(text.as_bytes().to_vec())));
    let snapshot = Snapshot::of_files(None, files);
    let request = Request {
        project: "shop".to_owned(),
        ..Request::default()
    };
    let start = init(&snapshot, &request);
    let start = start.unwrap_or_else(|errors| panic!("{}", render(&errors, Style::default())));
    (snapshot, start.config)
}

fn is_planned(evidence: &[(&str, &str)]) {
    let (snapshot, text) = config_for(evidence);
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
    )
        .prop_map(|(folder, file, target, image, argument, bound)| Build {
            folder,
            file,
            target,
            image,
            argument,
            bound,
        })
}

fn compose(builds: &[Build]) -> String {
    let mut text = "services:\n".to_owned();
    for (index, build) in builds.iter().enumerate() {
        let Build { folder, file, .. } = build;
        write!(
            text,
            "  s{index}:\n    build:\n      context: {folder}\n      dockerfile: {file}\n"
        )
        .unwrap();
        if let Some(target) = build.target {
            writeln!(text, "      target: {target}").unwrap();
        }
        if let Some(argument) = build.argument {
            writeln!(text, "      args: [\"A={argument}\"]").unwrap();
        }
        if let Some((name, other)) = build.bound {
            writeln!(
                text,
                "      additional_contexts: [\"{name}=service:s{other}\"]"
            )
            .unwrap();
        }
        if let Some(image) = build.image {
            writeln!(text, "    image: {image}").unwrap();
        }
    }
    text
}

fn bake(builds: &[Build]) -> String {
    let mut text = "variable \"A\" { default = \"3\" }\n".to_owned();
    for (index, build) in builds.iter().enumerate() {
        let Build { folder, file, .. } = build;
        write!(
            text,
            "target \"t{index}\" {{\n  context = \"{folder}\"\n  dockerfile = \"{file}\"\n"
        )
        .unwrap();
        if let Some(target) = build.target {
            writeln!(text, "  target = \"{target}\"").unwrap();
        }
        if let Some(argument) = build.argument {
            writeln!(text, "  args = {{ A = \"{argument}\" }}").unwrap();
        }
        if let Some((name, other)) = build.bound {
            writeln!(text, "  contexts = {{ \"{name}\" = \"target:t{other}\" }}").unwrap();
        }
        if let Some(image) = build.image {
            writeln!(text, "  tags = [\"{}\"]", image.replace("$A", "${A}")).unwrap();
        }
        text.push_str("}\n");
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_builds_say_can_be_planned(
        services in prop::collection::vec(build(), 0..4),
        targets in prop::collection::vec(build(), 0..4),
    ) {
        is_planned(&[("compose.yaml", &compose(&services)), ("docker-bake.hcl", &bake(&targets))]);
    }

    #[test]
    fn any_text_will_do(text in "\\PC*", name in prop::sample::select(&["compose.yml", "docker-bake.hcl", "docker-bake.json"][..])) {
        is_planned(&[(name, &text)]);
    }

    /// Whole files, cut off at any byte or with a piece taken out.
    #[test]
    fn damaged_files_will_do(services in prop::collection::vec(build(), 1..3), from in 0..300usize, length in 1..40usize) {
        for (name, mut text) in [("compose.yml", compose(&services)), ("docker-bake.hcl", bake(&services))] {
            let (start, end) = (from.min(text.len()), (from + length).min(text.len()));
            text.replace_range(start..end, "");
            is_planned(&[(name, &text)]);
        }
    }
}

#[test]
fn a_folder_is_no_dockerfile() {
    let bake =
        "target \"a\" {\n  dockerfile = \"base\"\n}\ntarget \"b\" {\n  context = \"web/x\"\n}\n";
    is_planned(&[("docker-bake.hcl", bake)]);
    let compose = "services:\n  s:\n    build:\n      context: .\n      dockerfile: base\n";
    is_planned(&[("compose.yml", compose)]);
}

/// Names and images that no builder could look up are left out, with all else kept.
#[test]
fn a_context_that_is_no_reference_is_left_out() {
    for bound in [
        "acme/=service:s",
        "Base=.",
        "x=docker-image://Acme",
        "x=docker-image://",
    ] {
        let text = format!(
            "services:\n  s:\n    build:\n      context: base\n      additional_contexts: [\"{bound}\"]\n"
        );
        is_planned(&[("compose.yml", &text)]);
    }
}

/// Nesting deeper than any real file's is refused, not followed to the end of the stack.
#[test]
fn deep_nesting_will_do() {
    let deep = 100_000;
    let calls = "f(".repeat(deep);
    for (name, text) in [
        ("compose.yaml", format!("services: {}", "[".repeat(deep))),
        ("compose.yaml", format!("services: {}", "{a: ".repeat(deep))),
        ("compose.yaml", "- ".repeat(deep)),
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
            format!("target \"a\" {{\n  context = {calls}\n}}"),
        ),
        ("docker-bake.hcl", format!("a = {}1", "!".repeat(deep))),
    ] {
        is_planned(&[(name, &text)]);
    }
}

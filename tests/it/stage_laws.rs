//! What must hold for the stages of every Dockerfile.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::sample::select;
use shipwright::lang::Platform;
use shipwright::lang::Reference;
use shipwright::lang::dockerfile::stages::{
    Base, Bases, ImageConfig, NoBases, Request, Source, StageError, StageGraph, StageIndex,
};
use shipwright::lang::dockerfile::{Dockerfile, parse};

use crate::rows::report_of;
use crate::shared;

/// Asks for the stages of a text that layers 1 to 3 accept, and hands the answer on.
fn with_stages<T>(
    text: &str,
    target: Option<&str>,
    contexts: &[&str],
    bases: &dyn Bases,
    then: impl FnOnce(Result<StageGraph<'_>, Vec<StageError>>) -> T,
) -> Option<T> {
    let ast = parse(text);
    let dockerfile = Dockerfile::new(&ast);
    if dockerfile.first_error().is_some() {
        return None;
    }
    let request = Request {
        target,
        build_args: &BTreeMap::new(),
        platform: &Platform::default(),
        build_platform: &Platform::default(),
        contexts: &contexts.iter().copied().map(str::to_owned).collect(),
        bases,
    };
    Some(then(StageGraph::new(&dockerfile, &request)))
}

/// Images with triggers that take from stages.
struct Triggers;

impl Bases for Triggers {
    fn config(&self, image: &Reference, _: &Platform) -> ImageConfig {
        let mut config = ImageConfig::unknown();
        if image.path.ends_with('t') {
            config.triggers = vec![
                "COPY --from=a / /".to_owned(),
                "RUN --mount=from=1,target=/x true".to_owned(),
                "COPY $V /".to_owned(),
            ];
        }
        config
    }
}

const LINES: [&str; 30] = [
    "FROM x AS a",
    "FROM a AS b",
    "FROM b AS c",
    "FROM t",
    "FROM a",
    "FROM scratch AS a",
    "FROM $V",
    "FROM --platform=$BUILDPLATFORM ${V:-t} AS b",
    "ARG V=a",
    "ARG V",
    "ARG W=$V$V$V",
    "ENV V=$W W=$V",
    "ENV $V=1",
    "LABEL $V=$W",
    "COPY --from=a / /",
    "COPY --from=b x /",
    "COPY --from=0 / /",
    "COPY --from=1 / /",
    "COPY --from=image:tag / /",
    "COPY $V ${W:-.} /",
    "COPY --parents a/./b* /",
    "COPY --chmod=$V a /",
    "ADD https://e/x git@h:r $V /",
    "RUN --mount=from=c,target=/x --mount=source=$V,target=/y true",
    "RUN --mount=type=$V,target=/x true",
    "EXPOSE $V 80",
    "WORKDIR $V",
    "STOPSIGNAL 9",
    "ONBUILD COPY --from=c $V /",
    "ONBUILD ARG V=b",
];

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(select(&LINES[..]), 1..16)
        .prop_map(|lines| format!("ARG V=b\nFROM y AS c\n{}\n", lines.join("\n")))
}

proptest! {
    #[test]
    fn every_file_has_stages_or_errors(text in text(), target in select(&[None, Some("a"), Some("B")][..])) {
        for bases in [&NoBases as &dyn Bases, &Triggers] {
            for contexts in [&[][..], &["a", "x"]] {
                with_stages(&text, target, contexts, bases, |result| match result {
                    Err(errors) => assert!(!errors.is_empty()),
                    Ok(graph) => check_graph(&graph),
                });
            }
        }
    }

    #[test]
    fn stages_that_are_not_needed_do_not_matter(text in text(), extra in select(&LINES[9..])) {
        let longer = format!("{text}FROM nobody AS needs-this\n{extra}\n");
        // Numbers of stages that the file does not have mean images, until it has them.
        prop_assume!(!text.contains("--from=1"));
        let shown = |text: &str| {
            with_stages(text, Some("c"), &[], &NoBases, |result| {
                let graph = result.ok()?;
                let steps = graph.reachable().flat_map(|stage| &stage.steps);
                let brought: Vec<_> = steps
                    .map(|step| {
                        let uses: Vec<Source> = step.uses.iter().map(|u| u.source.clone()).collect();
                        (uses, step.sources.clone(), step.arguments.clone())
                    })
                    .collect();
                Some((brought, graph.config.clone()))
            })
        };
        if let (Some(Some(before)), Some(Some(after))) = (shown(&text), shown(&longer)) {
            prop_assert_eq!(before, after);
        }
    }
}

/// What every graph promises.
fn check_graph(graph: &StageGraph<'_>) {
    assert!(graph.stages[graph.target].reachable);
    for (index, stage) in graph.stages.iter().enumerate() {
        assert_eq!(stage.index.get(), index);
        if !stage.reachable {
            continue;
        }
        if let Base::Stage(base) = stage.base {
            assert!(base < stage.index && graph.stages[base].reachable);
        }
        for taken in stage.steps.iter().flat_map(|step| &step.uses) {
            if let Source::Stage(source) = taken.source {
                // A stage that a context replaces is there from the beginning.
                let replaced = matches!(graph.stages[source].base, Base::Context(_));
                assert!(source < stage.index || replaced);
                assert!(graph.stages[source].reachable);
            }
        }
        for source in stage.steps.iter().flat_map(|step| &step.sources) {
            let path = source.path.as_deref().unwrap_or_default();
            assert!(!path.starts_with('/') && !path.split('/').any(|part| part == ".."));
        }
    }
}

#[test]
fn cycles_and_forward_references() {
    let rows = [
        (
            "FROM x AS a\nCOPY --from=b / /\nFROM x AS b\nCOPY --from=c / /\nFROM x AS c\nCOPY --from=a / /\n",
            None,
            "circular dependency detected on stage: a",
            vec![2, 4, 6],
        ),
        (
            "FROM x AS a\nCOPY --from=b / /\nFROM x AS b\nRUN --mount=from=b,target=/x true\n",
            None,
            "circular dependency detected on stage: a",
            vec![2, 4],
        ),
        (
            "FROM x AS a\nCOPY --from=b / /\nFROM x AS b\n",
            Some("a"),
            "cannot copy from stage \"b\", it needs to be defined before current stage \"a\"",
            vec![2],
        ),
        (
            "FROM x AS a\nRUN --mount=from=b,target=/m true\nFROM x AS b\n",
            Some("a"),
            "cannot mount from stage \"b\" to \"/m\", stage needs to be defined before current command",
            vec![2],
        ),
        (
            "FROM x AS a\nONBUILD COPY --from=c / /\nFROM a AS b\nFROM x AS c\n",
            Some("b"),
            "cannot copy from stage \"c\", it needs to be defined before current stage \"b\"",
            vec![3],
        ),
    ];
    for (text, target, message, lines) in rows {
        let found = with_stages(text, target, &[], &NoBases, |result| {
            let error = result.expect_err(text).remove(0);
            let lines: Vec<usize> = error.lines().iter().map(|range| range.start).collect();
            (error.message, lines)
        });
        assert_eq!(found, Some((message.to_owned(), lines)), "{text}");
    }
}

#[test]
fn all_errors_of_a_file_are_reported() {
    let text = "FROM x AS a\nCOPY --from=9 / /\nCOPY --from=$V / /\nFROM Bad\nFROM ${V?none}\nFROM x\n\
                RUN --mount=from=Worse:Bad,target=/ true\n";
    let messages = with_stages(text, Some("nope"), &[], &NoBases, |result| {
        let errors = result.expect_err("much is wrong");
        errors
            .into_iter()
            .map(|error| error.message)
            .collect::<Vec<_>>()
    });
    let expected = [
        "failed to process \"${V?none}\": V: none",
        "target stage \"nope\" could not be found",
        "invalid stage index 9",
        "variable expansion is not supported for --from, define a new stage with FROM using ARG \
         from global scope as a workaround",
        "failed to parse stage name \"Bad\": invalid reference format: repository name \
         (library/Bad) must be lowercase",
        "failed to parse stage name \"Worse:Bad\": invalid reference format: repository name \
         (library/Worse) must be lowercase",
    ];
    assert_eq!(messages.as_deref(), Some(&expected.map(str::to_owned)[..]));
}

#[test]
fn where_a_reference_comes_from() {
    let text = "ARG TAG=1\nARG NONE\nFROM r:$TAG\nFROM r:1\nFROM r$NONE\nFROM r:1@sha256:\
                aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nFROM ${NONE:-r}:2\n";
    let found = with_stages(text, None, &[], &NoBases, |result| {
        let graph = result.expect("nothing is wrong");
        let images = graph.stages.iter().filter_map(|stage| stage.image());
        images
            .map(|image| (image.tag_from_variable, image.unset.len()))
            .collect::<Vec<_>>()
    });
    let expected = vec![(true, 0), (false, 0), (false, 1), (false, 0), (false, 0)];
    assert_eq!(found, Some(expected));
}

#[test]
fn contexts_replace_stages_and_images() {
    let text = "FROM x:1 AS a\nCOPY f /\nFROM y\nCOPY --from=a / /\nCOPY --from=z / /\n";
    let found = with_stages(text, None, &["a", "y", "z"], &NoBases, |result| {
        let graph = result.expect("nothing is wrong");
        let bases: Vec<Base> = graph
            .stages
            .iter()
            .map(|stage| stage.base.clone())
            .collect();
        let uses: Vec<Source> = graph.stages[1]
            .steps
            .iter()
            .flat_map(|step| step.uses.iter().map(|taken| taken.source.clone()))
            .collect();
        assert!(graph.stages[0].steps.is_empty());
        (bases, uses)
    });
    let context = |name: &str| Base::Context(name.to_owned());
    let uses = vec![
        Source::Stage(StageIndex::new(0)),
        Source::Context("z".to_owned()),
    ];
    assert_eq!(found, Some((vec![context("a"), context("y")], uses)));
}

#[test]
fn unknown_environments_are_not_guessed() {
    let text =
        "FROM x\nARG A=$B\nCOPY $A /\nCOPY ${C:+} /\nCOPY lit /\nENV $D=1\nARG E\nCOPY $E /\n";
    let paths = with_stages(text, None, &[], &NoBases, |result| {
        let graph = result.expect("nothing is wrong");
        let steps = graph.stages[0].steps.iter();
        steps
            .flat_map(|step| step.sources.iter().map(|source| source.path.clone()))
            .collect::<Vec<_>>()
    });
    let some = |path: &str| Some(path.to_owned());
    assert_eq!(paths, Some(vec![None, some(""), some("lit"), None]));
}

#[test]
fn large_files_take_time_in_proportion() {
    let mut chain = "FROM x AS s0\n".to_owned();
    let mut wide = "FROM x AS s\nENV A=1\n".to_owned();
    let mut forward = String::new();
    let mut onbuild = "FROM x AS s0\nONBUILD COPY a /\n".to_owned();
    for n in 1..3000 {
        let before = n - 1;
        write!(
            chain,
            "FROM s{before} AS s{n}\nENV V{n}=$V{before}x\nCOPY --from=s{before} a /\n"
        )
        .expect("writing to a text");
        write!(
            wide,
            "ARG V{n}=$A\nCOPY $V{n} --x /\nRUN --mount=target=/{n} true\n"
        )
        .expect("text");
        write!(forward, "FROM x AS s{n}\nCOPY --from=s{} a /\n", n + 1).expect("text");
        write!(
            onbuild,
            "FROM s{before} AS s{n}\nONBUILD COPY --from=s{before} a /\n"
        )
        .expect("text");
    }
    let start = Instant::now();
    for text in [chain, wide, forward, onbuild] {
        with_stages(&text, None, &[], &NoBases, |result| drop(result));
    }
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn doubling_values_are_refused() {
    let mut text = "FROM x\nARG A=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n".to_owned();
    for _ in 0..64 {
        text.push_str("ARG A=$A$A\n");
    }
    with_stages(&text, None, &[], &NoBases, |result| {
        let errors = result.expect_err("it is too long");
        assert!(
            errors[0].message.contains("longer than"),
            "{}",
            errors[0].message
        );
    });
}

#[test]
fn a_report_has_what_tools_need() {
    let report = |text: &str, target: Option<&str>| {
        report_of(text, target, &BTreeMap::new(), &Platform::default())
    };
    let good = report(
        "# syntax=docker/dockerfile:1\nFROM a AS b\nCOPY x /\n",
        Some("b"),
    );
    assert_eq!(good["syntax"], "docker/dockerfile:1");
    assert_eq!(good["escape"], "\\");
    assert!(good["check"].is_null());
    assert_eq!(good["nodes"].as_array().map(Vec::len), Some(2));
    assert_eq!(good["stages"][0]["context_paths"][0], "/x");
    assert!(good.get("error").is_none());

    let no_target = report("FROM a\n", Some("b"));
    assert_eq!(
        no_target["error"]["message"],
        "target stage \"b\" could not be found"
    );
    assert_eq!(no_target["nodes"].as_array().map(Vec::len), Some(1));
    assert!(no_target.get("stages").is_none());

    let bad = report("FROM a\nFOO\n", None);
    assert!(bad.get("nodes").is_none());
    assert_eq!(bad["error"]["lines"][0][0], 2);
    assert_eq!(
        report("", None)["error"]["message"],
        "file with no instructions"
    );
}

/// Real files are refused only where they need a build argument, or are templates of Dockerfiles.
#[test]
fn real_dockerfiles() {
    let Some(text) = shared::read("real/dockerfiles.jsonl.xz") else {
        return;
    };
    let reasons = [
        "base name (",
        "failed to parse stage name",
        "failed to parse platform",
        "failed to process \"${templateOption:",
        "failed to process \"\\\"${templateOption:",
    ];
    let (mut count, mut refused) = (0, 0);
    for line in text.lines() {
        let row: serde_json::Value = serde_json::from_str(line).expect("a row is JSON");
        let text = row["dockerfile"].as_str().expect("a text");
        let result = with_stages(text, None, &[], &NoBases, |result| result.map(drop));
        if let Some(Err(errors)) = result {
            refused += 1;
            for error in errors {
                let message = error.message;
                let known = reasons.iter().any(|reason| message.starts_with(reason));
                assert!(known, "{}: {message}", row["id"]);
            }
        }
        count += 1;
    }
    assert!(count > refused, "{refused} of {count} refused");
    println!("real Dockerfiles: {refused} of {count} refused");
    assert!(refused * 50 < count);
}

#[test]
fn expansions_are_bounded_together() {
    let long = "a".repeat(60_000);
    let value = format!("ARG V={long}\nARG W=$V$V$V$V\n");
    let many = |line: &str| line.repeat(400);
    let pattern = "*a".repeat(4000);
    for text in [
        // Before the first stage, and in one.
        format!("{value}{}FROM scratch\n", many("ARG X=$W\n")),
        format!("FROM scratch\n{value}{}", many("ARG X=$W\n")),
        format!("{value}FROM scratch\nARG W\n{}", many("LABEL x=$W\n")),
        // What patterns compare.
        format!("FROM scratch\n{value}ARG X=${{W#{pattern}}}\n"),
        format!(
            "FROM scratch\nARG V={long}\nARG P={}\n{}",
            "b".repeat(200),
            many("ARG X=${V#$P}\n")
        ),
        format!(
            "ARG V={long}\nARG P={}\n{}FROM scratch\n",
            "b".repeat(200),
            many("ARG X=${V##$P}\n")
        ),
    ] {
        let errors = with_stages(&text, None, &[], &NoBases, |graph| {
            graph.err().unwrap_or_default()
        });
        let errors = errors.expect("a Dockerfile");
        let first = errors.first().map_or("", |error| &error.message);
        let is_said = first.contains("too long") || first.contains("are longer than");
        assert!(is_said, "{first:.200} of {text:.90}");
    }
}

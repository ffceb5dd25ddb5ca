//! No text makes the stages, the expansion of variables or the matching of ignore files panic; a
//! graph keeps its promises, and a walk through a context sees what every path alone would show.
//!
//! The input is a Dockerfile and, after a line `---`, an ignore file. Paths to ask for are taken
//! from the lines of both.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};

use libfuzzer_sys::fuzz_target;
use shipwright::lang::dockerfile::expand::Lexer;
use shipwright::lang::dockerfile::stages::{Base, Bases, ImageConfig, NoBases, Request, StageGraph};
use shipwright::lang::dockerfile::{Dockerfile, parse};
use shipwright::lang::{IgnoreFile, Sent, Verdict};
use shipwright::lang::Platform;
use shipwright::lang::Reference;

/// Every image has triggers that take from everywhere, and no variables.
struct Triggers;

impl Bases for Triggers {
    fn config(&self, _: &Reference, _: &Platform) -> ImageConfig {
        let mut config = ImageConfig::empty();
        config.triggers = vec![
            "COPY --from=a / /".to_owned(),
            "RUN --mount=from=1,target=/x true".to_owned(),
            "COPY $V /".to_owned(),
        ];
        config
    }
}

fuzz_target!(|text: &str| {
    let (dockerfile, ignore) = text.split_once("\n---\n").unwrap_or((text, text));
    stages(dockerfile);
    expansion(dockerfile);
    matching(ignore, text);
});

fn stages(text: &str) {
    let ast = parse(text);
    let file = Dockerfile::new(&ast);
    if file.first_error().is_some() {
        return;
    }
    let contexts = BTreeSet::from(["a".to_owned(), "alpine".to_owned()]);
    let build_args = BTreeMap::from([("V".to_owned(), "a".to_owned())]);
    let platform = Platform::default();
    for (bases, contexts) in [
        (&NoBases as &dyn Bases, &BTreeSet::new()),
        (&Triggers, &contexts),
    ] {
        for target in [None, Some("0"), Some("a")] {
            let request = Request {
                target,
                build_args: &build_args,
                platform: &platform,
                build_platform: &platform,
                contexts,
                bases,
            };
            match StageGraph::new(&file, &request) {
                Ok(graph) => promises(&graph),
                Err(errors) => assert!(!errors.is_empty()),
            }
        }
    }
}

fn promises(graph: &StageGraph<'_>) {
    assert!(graph.stages[graph.target].reachable);
    for stage in graph.reachable() {
        if let Base::Stage(base) = stage.base {
            assert!(base < stage.index && graph.stages[base].reachable);
        }
        for source in stage.steps.iter().flat_map(|step| &step.sources) {
            let path = source.path.as_deref().unwrap_or_default();
            assert!(!path.starts_with('/') && !path.split('/').any(|part| part == ".."));
        }
    }
}

fn expansion(text: &str) {
    let env = BTreeMap::from([("A".to_owned(), "v w".to_owned())]);
    for line in text.lines().take(16) {
        for lexer in [Lexer::new('\\'), Lexer::new('`'), Lexer::heredoc_body()] {
            let Ok(word) = lexer.word(line, &env) else {
                continue;
            };
            let value = word.value.unwrap_or_default();
            for range in word.variables {
                assert!(value.get(range).is_some());
            }
            assert!(lexer.words(line, &env).is_ok());
        }
    }
}

fn matching(ignore: &str, paths: &str) {
    let (file, _) = IgnoreFile::parse(ignore);
    for path in paths.lines().take(16) {
        let parts: Vec<&str> = path.split('/').collect();
        // What is asked for is clean, and of this many folders at most.
        if parts.len() > 8 || parts.iter().any(|part| ["", ".", ".."].contains(part)) {
            continue;
        }
        walk(&file, &parts);
    }
}

/// Walks down a path. What a folder says of all below it holds, and without exceptions what is listed is
/// what can be opened.
fn walk(file: &IgnoreFile, parts: &[&str]) {
    let mut folder = file.root();
    let mut verdicts: Vec<Verdict> = Vec::new();
    for (index, name) in parts.iter().enumerate() {
        verdicts.push(folder.verdict());
        let (Ok(sent), Ok(inner)) = (folder.sends(name), folder.enter(name)) else {
            assert!(file.has_bad_expression());
            return;
        };
        assert_eq!(inner.is_ignored(), sent == Sent::Nothing);
        if !file.has_exceptions() {
            let path = parts[..=index].join("/");
            assert_eq!(file.ignores(&path), sent == Sent::Nothing);
        }
        for verdict in &verdicts {
            match verdict {
                Verdict::Taken => assert_eq!(sent, Sent::Whole),
                Verdict::Ignored => assert_eq!(sent, Sent::Nothing),
                Verdict::Mixed => {}
            }
        }
        folder = inner;
    }
}

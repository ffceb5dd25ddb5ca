//! No text makes the stages or the expansion of variables panic, and a graph keeps its promises.
//!
//! The input is a Dockerfile.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};

use libfuzzer_sys::fuzz_target;
use shipwright::lang::Platform;
use shipwright::lang::Reference;
use shipwright::lang::dockerfile::expand::Lexer;
use shipwright::lang::dockerfile::stages::{
    Base, Bases, ImageConfig, NoBases, Request, StageGraph,
};
use shipwright::lang::dockerfile::{Dockerfile, parse};

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
    stages(text);
    expansion(text);
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
            for variable in word.variables {
                assert!(value.get(variable.range).is_some());
            }
            assert!(lexer.words(line, &env).is_ok());
        }
    }
}

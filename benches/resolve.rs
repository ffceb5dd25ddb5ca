//! How fast ten thousand Dockerfiles become stages: from text to what each takes from where, with the
//! values of all variables, for one platform on one thread.

mod files;

use std::collections::{BTreeMap, BTreeSet};

use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher, black_box};
use shipwright::lang::Platform;
use shipwright::lang::dockerfile::stages::{NoBases, Request, StageGraph};
use shipwright::lang::dockerfile::{Ast, Dockerfile, parse};

use files::FILES;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

/// How many files a run resolves.
const MANY: usize = 10_000;

fn main() {
    divan::main();
}

fn many() -> Vec<&'static str> {
    FILES
        .iter()
        .map(String::as_str)
        .cycle()
        .take(MANY)
        .collect()
}

/// The stages of the last target; none of a file that BuildKit refuses.
fn resolve(dockerfile: &Dockerfile<'_>) -> usize {
    let request = Request {
        target: None,
        build_args: &BTreeMap::new(),
        platform: &Platform::default(),
        build_platform: &Platform::default(),
        contexts: &BTreeSet::new(),
        bases: &NoBases,
    };
    if dockerfile.first_error().is_some() {
        return 0;
    }
    StageGraph::new(dockerfile, &request).map_or(0, |graph| graph.stages.len())
}

/// From text to stages.
#[divan::bench(sample_count = 10)]
fn text_to_stages(bencher: Bencher<'_, '_>) {
    let files = many();
    let bytes = files.iter().map(|file| file.len()).sum::<usize>();
    bencher
        .counter(BytesCount::new(bytes))
        .counter(ItemsCount::new(MANY))
        .bench(|| {
            for file in &files {
                let ast = parse(black_box(file));
                black_box(resolve(&Dockerfile::new(&ast)));
            }
        });
}

/// The last part alone: from instructions to stages.
#[divan::bench(sample_count = 10)]
fn instructions_to_stages(bencher: Bencher<'_, '_>) {
    let files = many();
    let asts: Vec<Ast<'_>> = files.iter().map(|file| parse(file)).collect();
    let dockerfiles: Vec<Dockerfile<'_>> = asts.iter().map(Dockerfile::new).collect();
    bencher.counter(ItemsCount::new(MANY)).bench(|| {
        for dockerfile in &dockerfiles {
            black_box(resolve(black_box(dockerfile)));
        }
    });
}

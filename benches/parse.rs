//! How fast a Dockerfile becomes typed instructions, and how often memory is allocated for it.

mod files;

use divan::counter::BytesCount;
use divan::{AllocProfiler, Bencher, black_box};
use shipwright::lang::dockerfile::{Dockerfile, parse};

use files::FILES;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

fn size(files: &[String]) -> BytesCount {
    BytesCount::new(files.iter().map(String::len).sum::<usize>())
}

/// Lines and nodes alone.
#[divan::bench]
fn nodes(bencher: Bencher<'_, '_>) {
    let bencher = bencher.counter(size(&FILES));
    bencher.bench(|| {
        for file in FILES.iter() {
            black_box(parse(black_box(file)));
        }
    });
}

/// All the way to typed instructions.
#[divan::bench]
fn instructions(bencher: Bencher<'_, '_>) {
    let bencher = bencher.counter(size(&FILES));
    bencher.bench(|| {
        for file in FILES.iter() {
            let ast = parse(black_box(file));
            black_box(Dockerfile::new(&ast));
        }
    });
}

/// One instruction of a million lines.
#[divan::bench(sample_count = 10)]
fn continuations(bencher: Bencher<'_, '_>) {
    let file = format!("FROM a\nRUN x{}\n", " \\\n  && y".repeat(1_000_000));
    let bencher = bencher.counter(BytesCount::of_str(&file));
    bencher.bench(|| {
        let ast = parse(black_box(&file));
        black_box(Dockerfile::new(&ast));
    });
}

/// Ten thousand stages.
#[divan::bench(sample_count = 10)]
fn stages(bencher: Bencher<'_, '_>) {
    let stages = (0..10_000).map(|n| format!("FROM a AS s{n}\nCOPY --from=s{n} a b\n\n"));
    let file: String = stages.collect();
    let bencher = bencher.counter(BytesCount::of_str(&file));
    bencher.bench(|| {
        let ast = parse(black_box(&file));
        black_box(Dockerfile::new(&ast));
    });
}

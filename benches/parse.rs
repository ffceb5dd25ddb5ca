//! How fast a Dockerfile becomes typed instructions, and how often memory is allocated for it.
//!
//! Takes the real Dockerfiles of the conformance data where they are there (`$SHIPWRIGHT_SHARED`, or
//! `shared` beside the checkout), else files like them.
#![allow(
    clippy::disallowed_methods,
    reason = "a benchmark reads its data and runs a program"
)]

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use divan::counter::BytesCount;
use divan::{AllocProfiler, Bencher, black_box};
use shipwright::dockerfile::{Dockerfile, parse};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

static FILES: LazyLock<Vec<String>> = LazyLock::new(|| real().unwrap_or_else(generated));

fn main() {
    divan::main();
}

fn real() -> Option<Vec<String>> {
    let shared = std::env::var_os("SHIPWRIGHT_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        PathBuf::from,
    );
    let packed = shared.join("conformance/real/dockerfiles.jsonl.xz");
    let unpacked = Command::new("xz").arg("-dc").arg(packed).output().ok()?;
    let rows = String::from_utf8(unpacked.stdout).ok()?;
    let files = rows.lines().map(|line| {
        let row: serde_json::Value = serde_json::from_str(line).ok()?;
        row["dockerfile"].as_str().map(str::to_owned)
    });
    files
        .collect::<Option<Vec<_>>>()
        .filter(|files| !files.is_empty())
}

fn generated() -> Vec<String> {
    let stage = "# builds it\nFROM --platform=$BUILDPLATFORM golang:1.26 AS build\nWORKDIR /src\n\
                 COPY go.mod go.sum ./\nRUN apt-get update \\\n    && apt-get install -y git \\\n    \
                 && rm -rf /var/lib/apt/lists/*\nENV A=1 B=\"two words\"\nCMD [\"serve\"]\n\n";
    (1..50).map(|count| stage.repeat(count)).collect()
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

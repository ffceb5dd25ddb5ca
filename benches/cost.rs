//! What planning costs beside git, and what other commands cost beside planning, on generated
//! repositories.
//!
//! Both sides of a pair run in turn, round after round, so that whatever else the machine does hits
//! both; what is printed is the median of the rounds' ratios, with the lowest and the highest. Files are
//! in the page cache on both sides. `docs/performance.md` has figures.
//!
//! ```text
//! cargo bench --bench cost
//! cargo bench --bench cost -- --images 10000 --files 1000000 --rounds 7
//! cargo bench --bench cost -- --unpacked
//! cargo bench --bench cost -- --repository /some/checkout
//! ```
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark runs processes, takes times, prints them and may fail"
)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use shipwright::plan::Plan;

/// What planning costs beside git, and other commands beside planning.
#[derive(Parser)]
struct Arguments {
    /// Images of the generated repository.
    #[arg(long, default_value_t = 2_000)]
    images: usize,
    /// Its files, about.
    #[arg(long, default_value_t = 200_000)]
    files: usize,
    /// Leave its objects outside of a pack.
    #[arg(long)]
    unpacked: bool,
    /// How often each side runs.
    #[arg(long, default_value_t = 11)]
    rounds: usize,
    /// A checkout to take instead.
    #[arg(long)]
    repository: Option<PathBuf>,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// The programs of a pair.
const SHIPWRIGHT: &str = env!("CARGO_BIN_EXE_shipwright");
const GIT: &str = "git";

/// What `init` writes.
const CONFIGURATION: &str = ".shipwright.json";

/// The plan of a commit, which most others are compared with.
const PLAN: &str = "plan --rev HEAD";

fn main() {
    let arguments = Arguments::parse();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let rounds = arguments.rounds;
    let repository = arguments
        .repository
        .clone()
        .unwrap_or_else(|| generated(folder, &arguments));
    println!("{}, {rounds} rounds", repository.display());
    let pair = |ours: &str, other: (&str, &str)| compare(&repository, rounds, ours, other);
    pair(PLAN, (GIT, "ls-tree -r HEAD"));
    pair("plan", (GIT, "status --porcelain"));
    pair("plan --since HEAD~1", (SHIPWRIGHT, "plan"));
    pair("check", (SHIPWRIGHT, "plan"));

    let stored = folder.join("plan.json");
    run(&repository, SHIPWRIGHT, PLAN, Some(&stored));
    let plan = Plan::from_json(&fs::read_to_string(&stored).unwrap()).unwrap();
    let image = &plan.images[plan.images.len() / 2].name;
    let stored = stored.display();
    let compared = (SHIPWRIGHT, PLAN);
    pair(&format!("emit bake --plan {stored}"), compared);
    pair(&format!("emit sh --plan {stored}"), compared);
    pair(&format!("list --plan {stored}"), compared);
    let compared = (SHIPWRIGHT, "plan");
    pair(&format!("inputs {image}"), compared);
    pair(&format!("list --exact {image}"), compared);
    pair(&format!("why {image} --since HEAD~1"), compared);
    if !repository.join(CONFIGURATION).exists() {
        pair("init", compared);
    }
    if arguments.repository.is_none() {
        let images = Arguments {
            images: 2,
            files: 20,
            ..arguments
        };
        let repository = generated(folder, &images);
        compare(&repository, rounds.max(31), PLAN, (GIT, "rev-parse HEAD"));
    }
}

/// The repository that is asked for; made where it is not there yet.
fn generated(folder: &Path, asked: &Arguments) -> PathBuf {
    let packed = if asked.unpacked { "-unpacked" } else { "" };
    let name = format!("monorepo-{}-{}{packed}", asked.images, asked.files);
    let (repository, made) = (folder.join(&name), folder.join(name + ".made"));
    if made.exists() {
        return repository;
    }
    let _ = fs::remove_dir_all(&repository);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/monorepo");
    let mut script = Command::new(script);
    script.arg(&repository);
    script.args([asked.images.to_string(), asked.files.to_string()]);
    assert!(script.status().unwrap().success(), "tools/monorepo");
    if asked.unpacked {
        unpack(&repository);
    }
    fs::write(made, "").unwrap();
    repository
}

/// Takes a repository's objects out of its packs.
fn unpack(repository: &Path) {
    let aside = repository.join(".git/packs");
    let packs = repository.join(".git/objects/pack");
    fs::rename(&packs, &aside).unwrap();
    fs::create_dir(packs).unwrap();
    for file in fs::read_dir(&aside).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|end| end == "pack") {
            let mut unpack = Command::new(GIT);
            unpack.args(["unpack-objects", "-q"]);
            let unpack = unpack.current_dir(repository);
            let status = unpack.stdin(File::open(path).unwrap()).status();
            assert!(status.unwrap().success(), "git unpack-objects");
        }
    }
    fs::remove_dir_all(aside).unwrap();
}

/// Runs both sides in turn and prints how long the first takes beside the second.
fn compare(repository: &Path, rounds: usize, ours: &str, (program, other): (&str, &str)) {
    let mut times: Vec<(Duration, Duration)> = Vec::new();
    // The first round fills caches and does not count.
    for _ in 0..=rounds {
        let ours = run(repository, SHIPWRIGHT, ours, None);
        times.push((ours, run(repository, program, other, None)));
    }
    let times = &times[1..];
    let ratios = times
        .iter()
        .map(|(ours, other)| ours.div_duration_f64(*other));
    let mut ratios: Vec<f64> = ratios.collect();
    ratios.sort_by(f64::total_cmp);
    let median = |side: fn(&(Duration, Duration)) -> Duration| {
        let mut times: Vec<Duration> = times.iter().map(side).collect();
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1_000.0
    };
    let program = Path::new(program).file_name().unwrap_or_default();
    println!(
        "{:>5.2} ({:.2} to {:.2})  {ours}: {:.1} ms; {} {other}: {:.1} ms",
        ratios[ratios.len() / 2],
        ratios[0],
        ratios[ratios.len() - 1],
        median(|round| round.0),
        program.to_string_lossy(),
        median(|round| round.1),
    );
}

/// How long a command takes, whose output goes to a file or nowhere.
fn run(repository: &Path, program: &str, arguments: &str, output: Option<&Path>) -> Duration {
    let output = match output {
        Some(path) => Stdio::from(File::create(path).unwrap()),
        None => Stdio::null(),
    };
    let start = Instant::now();
    let status = Command::new(program)
        .args(arguments.split(' '))
        .current_dir(repository)
        .stdout(output)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    let taken = start.elapsed();
    assert!(status.success(), "{program} {arguments}");
    if arguments == "init" {
        fs::remove_file(repository.join(CONFIGURATION)).unwrap();
    }
    taken
}

//! What planning costs beside git: `plan --rev HEAD` against `git ls-tree -r HEAD`, and `plan`
//! against `git status --porcelain`, on a generated repository.
//!
//! Both sides run in turn, round after round, so that whatever else the machine does hits both; what
//! is printed is the median of the rounds' ratios. Files are in the page cache on both sides.
//!
//! ```text
//! cargo bench --bench cost
//! cargo bench --bench cost -- --images 10000 --files 1000000 --rounds 5
//! cargo bench --bench cost -- --repository /some/checkout
//! ```
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark runs processes, takes times, prints them and may fail"
)]

mod monorepo;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;

/// What is compared: Shipwright's arguments and git's.
const PAIRS: [(&[&str], &[&str]); 2] = [
    (&["plan", "--rev", "HEAD"], &["ls-tree", "-r", "HEAD"]),
    (&["plan"], &["status", "--porcelain"]),
];

/// What planning costs beside git.
#[derive(Parser)]
struct Arguments {
    /// Images of the generated repository.
    #[arg(long, default_value_t = 2_000)]
    images: usize,
    /// Its files, about.
    #[arg(long, default_value_t = 200_000)]
    files: usize,
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

fn main() {
    let arguments = Arguments::parse();
    let repository = arguments.repository.unwrap_or_else(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        monorepo::generated(folder, arguments.images, arguments.files)
    });
    println!("{}, {} rounds", repository.display(), arguments.rounds);
    for (ours, git) in PAIRS {
        let program = env!("CARGO_BIN_EXE_shipwright");
        let mut rounds: Vec<(Duration, Duration)> = Vec::new();
        // The first round fills caches and does not count.
        for _ in 0..=arguments.rounds {
            let ours = run(&repository, program, ours);
            let git = run(&repository, "git", git);
            rounds.push((ours, git));
        }
        let rounds = &rounds[1..];
        let ratios = rounds.iter().map(|(ours, git)| ours.div_duration_f64(*git));
        let mut ratios: Vec<f64> = ratios.collect();
        ratios.sort_by(f64::total_cmp);
        let milliseconds = |side: fn(&(Duration, Duration)) -> Duration| {
            let mut times: Vec<Duration> = rounds.iter().map(side).collect();
            times.sort();
            times[times.len() / 2].as_millis()
        };
        println!(
            "{:>4.2} ({:.2} to {:.2})  shipwright {} {} ms, git {} {} ms",
            ratios[ratios.len() / 2],
            ratios[0],
            ratios[ratios.len() - 1],
            ours.join(" "),
            milliseconds(|round| round.0),
            git.join(" "),
            milliseconds(|round| round.1),
        );
    }
}

/// How long a command takes, whose output goes nowhere.
fn run(repository: &Path, program: &str, arguments: &[&str]) -> Duration {
    let start = Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .current_dir(repository)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{program} {arguments:?}");
    start.elapsed()
}

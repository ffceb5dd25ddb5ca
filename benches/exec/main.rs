//! What `exec` takes beside the builds themselves, each figure beside what it is measured against.
//!
//! `cargo bench --bench exec` needs a Docker engine of this machine for the first two, says so where
//! there is none, and leaves nothing behind in it. `cargo bench --bench exec -- --images 100` for a
//! quick look.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark runs programs, reads the clock and prints what it found"
)]

mod real;
mod scheduler;

use std::time::Duration;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let images = words.iter().position(|word| word == "--images");
    let images = images.and_then(|at| words.get(at + 1)?.parse().ok());
    let images = images.unwrap_or(1000);
    scheduler::overhead(images);
    scheduler::critical_path();
    if let Err(reason) = real::engine(images) {
        eprintln!("SKIPPED: needs a Docker engine on this machine: {reason}");
    }
}

/// The middle one, and the extremes behind it.
fn shown(times: &mut [Duration]) -> String {
    times.sort();
    let (first, last) = (times[0], times[times.len() - 1]);
    let middle = times[times.len() / 2];
    format!("{middle:8.1?}  ({first:.1?} to {last:.1?})")
}

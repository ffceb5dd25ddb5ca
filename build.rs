//! Tells the program its version: that of the package, with the commit where one is known.
#![allow(
    clippy::disallowed_methods,
    reason = "a build script reads its surroundings and talks to cargo"
)]

use std::path::Path;
use std::process::Command;

/// The commit, for builds outside a checkout.
const COMMIT: &str = "SHIPWRIGHT_COMMIT";

/// Digits of a commit that are shown.
const DIGITS: usize = 12;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed={COMMIT}");
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let version = match commit() {
        Some(commit) => format!("{version} ({commit})"),
        None => version,
    };
    println!("cargo:rustc-env=SHIPWRIGHT_VERSION={version}");
}

fn commit() -> Option<String> {
    let given = std::env::var(COMMIT)
        .ok()
        .filter(|commit| !commit.is_empty());
    // Where people develop, a commit would compile everything again.
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = given
        .or_else(packaged)
        .or_else(|| is_release.then(checked_out).flatten())?;
    let is_commit = commit.len() >= DIGITS && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_commit.then(|| commit[..DIGITS].to_owned())
}

/// The commit that `cargo package` wrote down.
fn packaged() -> Option<String> {
    let text = std::fs::read_to_string(".cargo_vcs_info.json").ok()?;
    let (_, rest) = text.split_once("\"sha1\": \"")?;
    Some(rest.split('"').next()?.to_owned())
}

/// HEAD of the checkout whose top is this package; not of one that merely contains it.
fn checked_out() -> Option<String> {
    if !Path::new(".git").exists() {
        return None;
    }
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    println!("cargo:rerun-if-changed={log}");
    git(&["rev-parse", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

//! Transcripts of a terminal: each folder of `tests/cases/transcripts` has a repository (`repo.txt`, a
//! fixture) and what somebody typed and saw in it (`transcript.txt`).
//!
//! ```text
//! $ shipwright list
//! WAVE  IMAGE …
//! [exit 1]            only where it is not 0
//! ```
//!
//! Lines after `$ ` go to a POSIX shell; standard error is shown after standard output. With
//! `UPDATE=1` in the environment what is seen is written to the file instead of compared; what bake and
//! compose say of files of the repository is recorded in the folder `answers`.
//!
//! The `console` blocks of pages in `docs/` are transcripts too; [`page`] has their rules.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::fake_docker::FakeDocker;
use crate::support::files::cases;
use crate::support::repo::Repo;

mod page;
mod page_images;

#[test]
fn transcripts_go_as_written() {
    let cases = cases("transcripts");
    let failed: Vec<String> = cases.iter().filter_map(|case| replay(case).err()).collect();
    assert!(
        failed.is_empty(),
        "{}\nUPDATE=1 takes what is seen as right",
        failed.join("\n")
    );
}

/// Runs a transcript; an error shows what was seen where it differs from what is written.
fn replay(case: &Path) -> Result<(), String> {
    let repo = Repo::empty();
    // What is written holds on machines without an engine too.
    let docker = FakeDocker::new();
    docker.answer_from(&case.join("answers"));
    let fixture = fs::read_to_string(case.join("repo.txt")).unwrap();
    repo.write(&fixture);
    let file = case.join("transcript.txt");
    if std::env::var_os("UPDATE").is_some() {
        let _ = fs::remove_dir_all(case.join("answers"));
        docker.record();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    let mut seen = String::new();
    for line in written.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            seen.push_str(&type_in(&repo, &docker, command));
        }
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, seen).unwrap();
        return Ok(());
    }
    if seen == written {
        return Ok(());
    }
    Err(format!(
        "--- {} was written\n{written}\n--- seen\n{seen}",
        file.display()
    ))
}

/// What a command shows on a machine with that docker.
fn type_in(repo: &Repo, docker: &FakeDocker, command: &str) -> String {
    shown(repo, command, |shell| {
        let path = format!("{}:{}", docker.bin().display(), path());
        shell
            .env_clear()
            .envs(Repo::environment())
            .env("PATH", path)
    })
}

/// The same on this machine, with its engine.
fn type_in_for_real(repo: &Repo, command: &str) -> String {
    shown(repo, command, |shell| {
        shell.envs(Repo::environment()).env("PATH", path())
    })
}

/// The program's folder before those of this machine.
fn path() -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_shipwright"));
    let path = std::env::var("PATH").unwrap();
    format!("{}:{path}", program.parent().unwrap().display())
}

fn shown(
    repo: &Repo,
    command: &str,
    environment: impl FnOnce(&mut Command) -> &mut Command,
) -> String {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(repo.path());
    let output = environment(&mut shell).output().unwrap();
    let mut seen = format!("$ {command}\n");
    for stream in [output.stdout, output.stderr] {
        let text = String::from_utf8(stream).unwrap();
        seen.push_str(&text.replace(&*repo.path().to_string_lossy(), "[REPO]"));
        if !seen.ends_with('\n') {
            seen.push_str("[no newline]\n");
        }
    }
    match output.status.code() {
        Some(0) => {}
        code => writeln!(seen, "[exit {}]", code.unwrap_or(-1)).unwrap(),
    }
    seen
}

//! What people see on a terminal, 80 and 120 columns wide: commands run on a real pseudo-terminal, which
//! `script` opens. The screens lie in `snapshots/screens`, an escape character written as `␛`; with `UPDATE=1`
//! in the environment they are written anew.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::repo::Repo;

/// Twelve services on two bases, whose names are long enough for 80 columns.
fn repo() -> Repo {
    let mut fixture = String::from(
        "//- .shipwright.json\n{\"version\": 2, \"namespace\": \"team\"}\n\
         //- platform/runtime-base/Dockerfile\nFROM scratch\nCOPY motd /\n//- platform/runtime-base/motd\nhello\n\
         //- platform/runtime-debug/Dockerfile\nFROM team/runtime-base\n",
    );
    for number in 1..=12 {
        let name = format!("customer-facing-service-{number:02}");
        let base = if number % 3 == 0 { "debug" } else { "base" };
        let service = format!(
            "//- services/{name}/Dockerfile\nFROM team/runtime-{base}\nCOPY --from=team/runtime-base /motd /\n"
        );
        fixture += &service;
    }
    let repo = Repo::empty();
    repo.write(&fixture);
    repo.commit("Start");
    repo.write("//- platform/runtime-debug/Dockerfile\nFROM team/runtime-base\nENV DEBUG=1\n");
    repo.commit("Debug");
    repo
}

/// What a command shows on a terminal so wide.
fn screen(repo: &Repo, command: &str, columns: usize) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_shipwright"));
    let path = std::env::var("PATH").unwrap();
    let typed = format!("stty cols {columns} rows 50 && {command}");
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &typed, "/dev/null"])
        .current_dir(repo.path())
        .env_clear()
        .envs(Repo::environment())
        .env(
            "PATH",
            format!("{}:{path}", program.parent().unwrap().display()),
        )
        .env("TERM", "xterm-256color")
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let seen = String::from_utf8(output.stdout).unwrap();
    seen.replace("\r\n", "\n").replace('\u{1b}', "␛")
}

/// The columns that a line takes, without its colours.
fn columns_of(line: &str) -> usize {
    let mut parts = line.split("␛[");
    let first = parts.next().unwrap_or_default().chars().count();
    let rest = parts.map(|part| part.split_once('m').map_or("", |(_, text)| text));
    first + rest.map(|text| text.chars().count()).sum::<usize>()
}

#[test]
fn screens_are_as_recorded() {
    let repo = repo();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/screens");
    let mut wrong = Vec::new();
    for (name, command) in [
        ("plan", "shipwright plan --since HEAD~1"),
        ("list", "shipwright list --since HEAD~1"),
        ("graph", "shipwright graph --since HEAD~1"),
        (
            "why",
            "shipwright why customer-facing-service-03 --since HEAD~1",
        ),
        ("unknown-image", "shipwright plan custmer-facing-service-03"),
        ("unknown-command", "shipwright ls"),
    ] {
        for columns in [80, 120] {
            let file = folder.join(format!("{name}-{columns}.txt"));
            let seen = screen(&repo, command, columns);
            if std::env::var_os("UPDATE").is_some() {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(&file, &seen).unwrap();
            }
            if std::fs::read_to_string(&file).unwrap_or_default() != seen {
                wrong.push(format!("--- {} is now\n{seen}", file.display()));
            }
            let fits = matches!(name, "plan" | "list");
            let wide = seen
                .lines()
                .filter(|line| fits && columns_of(line) > columns);
            wrong.extend(wide.map(|line| format!("wider than {columns}: {line}")));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\nUPDATE=1 takes what is seen as right",
        wrong.join("\n")
    );
}

//! What people see on a terminal, 80 and 120 columns wide: commands run on a real pseudo-terminal, which
//! `script` opens. The screens lie in `snapshots/screens`, an escape character written as `␛`; with `UPDATE=1`
//! in the environment they are written anew.

use std::path::Path;
use std::process::{Command, Stdio};

use regex::Regex;

use crate::support::fake_docker::FakeDocker;
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

/// Two services of which one is on a locked base, with a warning.
pub(crate) fn locked() -> Repo {
    let digest = |digit: &str| format!("sha256:{}", digit.repeat(64));
    let (index, image, download) = (digest("1"), digest("2"), digest("3"));
    let platform = format!(
        r#"{{"created": "2024-05-01T10:00:00Z", "digest": "{image}", "env": {{}}, "onbuild": []}}"#
    );
    Repo::new(&format!(
        "//- .shipwright.json\n{{\"version\": 2, \"namespace\": \"team\"}}\n\
         //- services/customer-facing-service-01/Dockerfile\nFROM debian:12-slim\n\
         ADD https://downloads.example.com/releases/v1.22.333/tool-linux-amd64.tar.gz /opt/\n\
         COPY misspelled /srv/\n\
         //- services/customer-facing-service-02/Dockerfile\nFROM team/customer-facing-service-01\n\
         //- shipwright.lock\n{{\"version\": 1, \"images\": {{\"docker.io/library/debian:12-slim\": \
         {{\"digest\": \"{index}\", \"platforms\": {{\"linux/amd64\": {platform}, \"linux/arm64\": {platform}}}}}}}, \
         \"downloads\": {{\"https://downloads.example.com/releases/v1.22.333/tool-linux-amd64.tar.gz\": \
         {{\"checksum\": \"{download}\", \"etag\": \"\\\"7\\\"\"}}}}, \"git\": {{}}}}\n"
    ))
}

/// What a command shows on a terminal so wide; how long something took is not told apart.
fn screen(repo: &Repo, docker: &FakeDocker, command: &str, columns: usize) -> String {
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
            format!(
                "{}:{}:{path}",
                program.parent().unwrap().display(),
                docker.bin().display()
            ),
        )
        .env("TERM", "xterm-256color")
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let seen = String::from_utf8(output.stdout).unwrap();
    let seen = seen.replace("\r\n", "\n").replace('\u{1b}', "␛");
    let time = Regex::new(r"\b\d+\.\ds\b").unwrap();
    time.replace_all(&seen, "0.0s").into_owned()
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
    let (repo, locked, docker) = (repo(), locked(), FakeDocker::new());
    // The images of the first commit exist.
    screen(&repo, &docker, "shipwright exec -q --rev HEAD~1", 80);
    let built = docker.get("references");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/screens");
    let mut wrong = Vec::new();
    for (name, repo, command) in [
        ("plan", &repo, "shipwright plan --since HEAD~1"),
        (
            "exec-dry-run",
            &repo,
            "shipwright exec --dry-run --since HEAD~1",
        ),
        (
            "exec",
            &repo,
            "shipwright exec --progress quiet --since HEAD~1",
        ),
        ("list", &repo, "shipwright list --since HEAD~1"),
        ("graph", &repo, "shipwright graph --since HEAD~1"),
        (
            "why",
            &repo,
            "shipwright why customer-facing-service-03 --since HEAD~1",
        ),
        ("diff", &repo, "shipwright diff HEAD~1"),
        ("check", &locked, "shipwright check"),
        ("lock-list", &locked, "shipwright lock --list"),
        (
            "unknown-image",
            &repo,
            "shipwright plan custmer-facing-service-03",
        ),
        ("unknown-command", &repo, "shipwright ls"),
    ] {
        for columns in [80, 120] {
            docker.set("references", &built);
            let file = folder.join(format!("{name}-{columns}.txt"));
            let seen = screen(repo, &docker, command, columns);
            if std::env::var_os("UPDATE").is_some() {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(&file, &seen).unwrap();
            }
            if std::fs::read_to_string(&file).unwrap_or_default() != seen {
                wrong.push(format!("--- {} is now\n{seen}", file.display()));
            }
            let fits = matches!(name, "plan" | "list" | "exec" | "exec-dry-run");
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

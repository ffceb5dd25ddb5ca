//! What shells and the docker client make of the program: completion in bash, zsh and fish, and the plugin
//! `docker shipwright`. The test of a shell that is not installed is skipped.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::program::succeeded;
use crate::support::repo::Repo;
use crate::support::skip::skip;

const REPO: &str = "\
//- .shipwright.json
{\"version\": 2, \"namespace\": \"us\"}
//- base/Dockerfile
FROM scratch
//- batch/Dockerfile
FROM us/base
//- web/Dockerfile
FROM us/base
";

fn repo() -> Repo {
    let repo = Repo::empty();
    repo.write(REPO);
    repo.commit("Start");
    repo
}

/// A program in the checkout, which finds `shipwright`; none where it is not installed.
fn start(repo: &Repo, program: &str) -> Option<Command> {
    let found = Command::new(program).arg("--version").output();
    if found.is_err() {
        skip(program);
        return None;
    }
    let shipwright = Path::new(env!("CARGO_BIN_EXE_shipwright"));
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new(program);
    command
        .current_dir(repo.path())
        .envs(Repo::environment())
        .env_remove("GITHUB_ACTIONS")
        .env(
            "PATH",
            format!("{}:{path}", shipwright.parent().unwrap().display()),
        );
    Some(command)
}

#[track_caller]
fn text(what: &str, output: &Output) -> String {
    succeeded(&[what], output);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What is typed, up to the cursor, and what a shell offers.
const TYPED: [(&str, &[&str]); 6] = [
    ("shipwright plan us/ba", &["us/base", "us/batch"]),
    ("shipwright why web", &["web"]),
    ("shipwright plan --since ma", &["main"]),
    ("shipwright exec --builder def", &["default"]),
    ("shipwright list --format j", &["json"]),
    ("shipwright explain duplicate-n", &["duplicate-name"]),
];

/// Asks a shell for each; `script` makes of what is typed what the shell is to run.
#[track_caller]
fn check_shell(shell: &str, arguments: &[&str], script: impl Fn(&str) -> String) {
    let repo = repo();
    for (typed, expected) in TYPED {
        let Some(mut command) = start(&repo, shell) else {
            return;
        };
        let output = command.args(arguments).arg(script(typed)).output().unwrap();
        let offered = text(typed, &output);
        // What follows is the description.
        let offered: Vec<&str> = offered
            .lines()
            .filter_map(|line| line.split(['\t', ':']).next())
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .collect();
        assert_eq!(offered, expected, "{shell}: {typed}");
    }
}

#[test]
fn bash_completes() {
    check_shell("bash", &["--norc", "--noprofile", "-c"], |typed| {
        let (_, last) = typed.rsplit_once(' ').unwrap();
        format!(
            "source <(shipwright completions bash); COMP_WORDS=({typed}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             COMP_TYPE=9; _clap_complete_shipwright shipwright {last} x; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        )
    });
}

#[test]
fn zsh_completes() {
    check_shell("zsh", &["-f", "-c"], |typed| {
        format!(
            "autoload -U compinit && compinit -u -D; source <(shipwright completions zsh); \
             _describe() {{ local last=${{@[-1]}}; print -l -- ${{(P)last}}; }}; \
             words=({typed}); CURRENT=${{#words}}; _clap_dynamic_completer_shipwright"
        )
    });
}

#[test]
fn fish_completes() {
    check_shell("fish", &["--no-config", "-c"], |typed| {
        format!("shipwright completions fish | source; complete -C '{typed}'")
    });
}

#[test]
fn docker_has_a_plugin() {
    let repo = repo();
    let config = Repo::empty();
    let plugins = config.join("cli-plugins");
    std::fs::create_dir_all(&plugins).unwrap();
    symlink(
        env!("CARGO_BIN_EXE_shipwright"),
        plugins.join("docker-shipwright"),
    )
    .unwrap();
    let run = |arguments: &[&str]| {
        let mut docker = start(&repo, "docker")?;
        docker
            .env("DOCKER_CONFIG", config.path())
            .env_remove("DOCKER_HOST")
            .env_remove("DOCKER_CONTEXT");
        Some(docker.args(arguments).output().unwrap())
    };
    let Some(listed) = run(&["shipwright", "list", "--refs"]) else {
        return;
    };
    let listed = text("list", &listed);
    assert!(listed.starts_with("us/base:sw-"), "{listed}");

    let help = text("help", &run(&["help", "shipwright"]).unwrap());
    assert!(help.contains("Usage: shipwright"), "{help}");
    let help = text("--help", &run(&["shipwright", "plan", "--help"]).unwrap());
    assert!(help.contains("--since"), "{help}");

    let offered = run(&["__complete", "shipwright", "plan", "us/ba"]).unwrap();
    let offered = text("__complete", &offered);
    assert!(
        offered.starts_with("us/base\t\nus/batch\t\n:4"),
        "{offered}"
    );

    let nowhere = "host=unix:///nowhere.sock";
    let created = run(&["context", "create", "nowhere", "--docker", nowhere]);
    succeeded(&["context"], &created.unwrap());
    let refused = run(&["--context", "nowhere", "shipwright", "exec"]).unwrap();
    let problem = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{problem}");
    assert!(problem.contains("nowhere"), "{problem}");

    let wrong = run(&["shipwright", "ls"]).unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

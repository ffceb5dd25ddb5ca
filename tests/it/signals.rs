//! Signals: the first stops a run, the second ends it at once.

use std::io::Read;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::fake_docker::FakeDocker;
use crate::support::program::shipwright;
use crate::support::repo::Repo;

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A run of `exec` on a fake engine, with nothing of the machine's own docker.
fn exec(repo: &Repo, docker: &FakeDocker, arguments: &[&str]) -> Command {
    repo.commit("Start");
    let path = std::env::var("PATH").unwrap();
    let mut command = shipwright(repo, ".");
    command
        .env("PATH", format!("{}:{path}", docker.bin().display()))
        .args(["exec", "--namespace", "us"])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

#[track_caller]
fn ended(child: &mut Child) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(started.elapsed() < PATIENCE, "it does not end");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_second_signal_ends_a_wait_for_a_registry() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = silent.local_addr().unwrap();
    let (repo, docker) = (
        Repo::new("//- app/Dockerfile\nFROM scratch\n"),
        FakeDocker::new(),
    );
    let repository = format!("{host}/{{{{ name }}}}");
    let run = exec(&repo, &docker, &["--push", "--repository", &repository]).spawn();
    let mut child = run.unwrap();
    let (_asked, _) = silent.accept().unwrap();
    send("-INT", &child);
    thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "the first is a wish");
    send("-TERM", &child);
    let status = ended(&mut child);
    assert_eq!((status.code(), status.signal()), (Some(128 + 15), None));
}

#[test]
fn what_the_first_signal_ends_is_stopped() {
    let (repo, docker) = (
        Repo::new("//- app/Dockerfile\nFROM scratch\n"),
        FakeDocker::new(),
    );
    docker.set("hanging", "");
    let mut child = exec(&repo, &docker, &["--report", "report.json"])
        .spawn()
        .unwrap();
    let started = Instant::now();
    while std::fs::read_dir(docker.bin().join("running"))
        .unwrap()
        .count()
        == 0
    {
        assert!(started.elapsed() < PATIENCE, "nothing is built");
        thread::sleep(Duration::from_millis(20));
    }
    send("-INT", &child);
    assert_eq!(ended(&mut child).code(), Some(1));
    let mut said = String::new();
    child.stderr.unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("us/app | stopped in "), "{said}");
    assert!(!said.contains("failed"), "{said}");
    let mut table = String::new();
    child.stdout.unwrap().read_to_string(&mut table).unwrap();
    assert!(table.starts_with("stopped  us/app"), "{table}");
    let report = std::fs::read_to_string(repo.join("report.json")).unwrap();
    assert!(report.contains("\"outcome\": \"stopped\""), "{report}");
}

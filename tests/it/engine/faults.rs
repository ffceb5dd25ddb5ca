//! What fails outside: each time a clear error and exit status 1, no readable tag moved, and a second
//! run that completes.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use super::five_images::{WITH_BASE, checkout};
use crate::support::engine::{self, Engine, contents};
use crate::support::own_engine::OwnEngine;
use crate::support::own_registry::OwnRegistry;
use crate::support::program::{self, shipwright};
use crate::support::repo::Repo;
use crate::support::skip::skip;

/// `exec` with these arguments and that environment.
fn exec(repo: &Repo, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = shipwright(repo, ".");
    command.arg("exec").args(arguments);
    command.envs(environment.iter().copied());
    command
}

/// A run that fails: its exit status is 1, and it says each of `expected`.
#[track_caller]
fn fails(mut command: Command, expected: &[&str]) {
    let output = command.output().expect("the program was built");
    failed(&output, expected);
}

#[track_caller]
fn failed(output: &Output, expected: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for text in expected {
        assert!(said.contains(text), "no `{text}` in: {said}");
    }
}

/// A run that succeeds; gives its last line without the time.
#[track_caller]
fn succeeds(mut command: Command) -> String {
    let output = command.output().expect("the program was built");
    program::succeeded(&["exec"], &output);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let counts = printed.lines().last().unwrap_or_default();
    counts.split(" in ").next().unwrap_or_default().to_owned()
}

/// Starts the command, calls `then` at the first line of standard error that holds `text`, and waits
/// for the end.
#[track_caller]
fn at_line(mut command: Command, text: &str, then: impl FnOnce()) -> Output {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program was built");
    let mut stderr = BufReader::new(child.stderr.take().expect("it is piped"));
    let (mut said, mut then) = (Vec::new(), Some(then));
    while stderr.read_until(b'\n', &mut said).expect("it can be read") > 0 {
        let seen = String::from_utf8_lossy(&said).contains(text);
        if seen && let Some(then) = then.take() {
            then();
        }
    }
    assert!(
        then.is_none(),
        "no `{text}` in: {}",
        String::from_utf8_lossy(&said)
    );
    let mut output = child.wait_with_output().expect("it ends");
    output.stderr = said;
    output
}

/// The readable tags below the engine's prefix.
fn moved(engine: &Engine) -> usize {
    let tags = engine.tags().into_iter();
    tags.filter(|tag| !tag.contains(":sw-")).count()
}

#[test]
fn a_registry_that_is_down_and_comes_back() {
    let Some(mut engine) = engine::engine() else {
        return;
    };
    let Some(mut registry) = OwnRegistry::new() else {
        return;
    };
    engine.move_below(registry.host());
    let repo = checkout(&engine);
    let arguments = [&["--push", "-j2"], &WITH_BASE[..]].concat();
    fails(
        exec(&repo, &arguments, &[]),
        &["error[registry-no-answer]", "onnection refused"],
    );
    assert_eq!(engine.tags(), BTreeSet::new(), "nothing was built");

    // It is back before it is asked for the last time.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_secs(2));
            registry.start();
        });
        succeeds(exec(&repo, &arguments, &[]));
    });
    engine.clear();
    assert_eq!(succeeds(exec(&repo, &arguments, &[])), "5 skipped");
    registry.stop();
    fails(
        exec(&repo, &[&arguments[..], &["--no-build"]].concat(), &[]),
        &["error[registry-no-answer]"],
    );
}

/// A file system of its own over a folder, taken away again when dropped.
struct Mounted(PathBuf);

impl Mounted {
    /// Nothing but a loud line where this may not be done.
    fn over(folder: &Path, options: &str) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(folder)
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder.to_owned()));
        }
        skip("to mount a file system: root");
        None
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_is_full_or_may_not_be_written() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let repo = checkout(&engine);
    let large = "x".repeat(200_000);
    repo.write(&format!("//- service1/src/large\n{large}\n"));
    repo.commit("Add something large");
    let contexts = repo.join(".git/shipwright");
    for (options, reason) in [
        ("size=64k", "No space left on device"),
        ("ro", "Read-only file system"),
    ] {
        let Some(mounted) = Mounted::over(&contexts, options) else {
            return;
        };
        fails(
            exec(&repo, &WITH_BASE, &[]),
            &["error[unwritable]", "shipwright/contexts", reason],
        );
        assert_eq!(moved(&engine), 0);
        drop(mounted);
    }
    // A log is no reason to fail.
    let logs = repo.join(".git/logs-of-images");
    let Some(mounted) = Mounted::over(&logs, "size=4k") else {
        return;
    };
    std::fs::write(logs.join("full"), [0; 4096]).unwrap();
    let arguments = [&["--logs", ".git/logs-of-images"], &WITH_BASE[..]].concat();
    let counts = succeeds(exec(&repo, &arguments, &[]));
    assert!(counts.contains(" built"), "{counts}");
    drop(mounted);
    assert_eq!(succeeds(exec(&repo, &WITH_BASE, &[])), "5 skipped");
}

#[test]
fn a_step_that_fails_and_then_does_not() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let ours = engine.repository("us");
    let repo = Repo::new(&format!(
        "\
//- .shipwright.json
{{\"version\": 2, \"namespace\": \"{ours}\", \"secrets\": [{{\"id\": \"token\", \"env\": \"SW_TEST_TOKEN\"}}]}}
//- base/Dockerfile
FROM local/busybox:1
RUN echo {ours}
//- app/Dockerfile
FROM {ours}/base
RUN --mount=type=secret,id=token : {ours}; test \"$(cat /run/secrets/token)\" = right
"
    ));
    let wrong = [("SW_TEST_TOKEN", "wrong")];
    fails(
        exec(&repo, &[], &wrong),
        &[
            "error[build-failed]",
            "app/Dockerfile:2",
            "docker buildx build",
        ],
    );
    assert_eq!(moved(&engine), 0);
    let right = [("SW_TEST_TOKEN", "right")];
    assert_eq!(succeeds(exec(&repo, &[], &right)), "1 built, 1 re-tagged");
}

#[test]
fn an_engine_that_stops_during_a_build() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let Some(mut own) = OwnEngine::start() else {
        return;
    };
    let ours = engine.repository("us");
    let repo = Repo::new(&format!(
        "\
//- .shipwright.json
{{\"version\": 2, \"namespace\": \"{ours}\"}}
//- first/Dockerfile
FROM local/busybox:1
RUN echo first
//- second/Dockerfile
FROM {ours}/first
RUN echo now; sleep 5
"
    ));
    let host = own.host();
    let there = [("DOCKER_HOST", host.as_str())];
    let output = at_line(exec(&repo, &[], &there), "] RUN echo now", || own.stop());
    failed(
        &output,
        &["error[build-failed]", "error[engine-unreachable]"],
    );
    fails(exec(&repo, &[], &there), &["error[engine-unreachable]"]);
    own.resume();
    assert_eq!(succeeds(exec(&repo, &[], &there)), "1 built, 1 re-tagged");
}

#[test]
fn an_engine_that_may_not_be_asked() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let repo = checkout(&engine);
    let nobody = "65534";
    let owned = Command::new("chown")
        .args(["-R", nobody])
        .arg(repo.path())
        .status();
    if !owned.is_ok_and(|status| status.success()) {
        skip("to give a file away: root");
        return;
    }
    // Where that user may not go, the program cannot be either.
    let program = repo.join(".git/shipwright-program");
    std::fs::copy(env!("CARGO_BIN_EXE_shipwright"), &program).unwrap();
    let script = "exec setpriv --reuid \"$0\" --regid \"$0\" --clear-groups \"$@\"";
    let output = Command::new("sh")
        .args(["-c", script, nobody])
        .arg(&program)
        .args([&["exec"], &WITH_BASE[..]].concat())
        .current_dir(repo.path())
        .envs(Repo::environment())
        .env("HOME", repo.path())
        .output()
        .expect("sh is there");
    failed(&output, &["error[engine-unreachable]", "permission denied"]);
}

#[test]
fn two_runs_at_once_on_two_branches() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let repo = checkout(&engine);
    let python = "shared/python/bin/python";
    let text = std::fs::read_to_string(repo.join(python)).unwrap();
    repo.branch("other");
    repo.write(&format!("//- {python} +x\n{text}# other\n"));
    repo.commit("Change python");
    repo.switch("main");
    let other = repo.join(".git/other");
    repo.git(&["worktree", "add", "--quiet", ".git/other", "other"]);
    // Not from the cache, so that they run side by side.
    let arguments = [&["--quiet", "-j2", "--epoch", "1"], &WITH_BASE[..]].concat();
    let mut runs = [repo.path(), &other].map(|folder| {
        let mut command = exec(&repo, &arguments, &[]);
        command
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command.spawn().expect("the program was built")
    });
    for run in &mut runs {
        let status = run.wait().expect("it ends");
        let mut said = String::new();
        if let Some(stderr) = &mut run.stderr {
            stderr.read_to_string(&mut said).expect("it prints UTF-8");
        }
        assert!(status.success(), "{said}");
    }
    let python = |name: &str, branch: &str| {
        let held = contents(&engine.repository(&format!("{name}:{branch}")));
        held.files["/usr/local/bin/python"].sha256.clone()
    };
    assert_ne!(python("python", "main"), python("python", "other"));
    for branch in ["main", "other"] {
        for name in ["shared", "service1", "service2", "admin"] {
            assert_eq!(
                python(name, branch),
                python("python", branch),
                "{name}:{branch}"
            );
        }
    }
}

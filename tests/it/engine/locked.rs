//! Builds that are held to a lock file, after everything outside has moved.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::builders::Builder;
use crate::support::counting_proxy::CountingProxy;
use crate::support::engine::{self, BASE, Engine, docker, registry, try_docker};
use crate::support::own_engine::OwnEngine;
use crate::support::program::{self, shipwright};
use crate::support::repo::Repo;

/// Builds an image that says which version of itself it is, and pushes it.
#[track_caller]
pub(super) fn put(reference: &str, version: &str) {
    let dockerfile = format!("FROM {BASE}\nRUN echo {version} > /version\nENV VERSION={version}\n");
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("Dockerfile"), dockerfile).unwrap();
    let folder = folder.path().display().to_string();
    docker(&[
        "buildx",
        "build",
        "--quiet",
        "--provenance=false",
        "--tag",
        reference,
        &folder,
    ]);
    docker(&["push", "--quiet", reference]);
    docker(&["image", "rm", reference]);
}

/// A server on this machine that has one file.
struct Download {
    host: String,
    text: Arc<Mutex<String>>,
}

impl Download {
    fn of(text: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let text = Arc::new(Mutex::new(text.to_owned()));
        let shared = Arc::clone(&text);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let head = lines
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty());
                assert!(head.count() > 0, "a request has a header");
                let text = shared.lock().unwrap().clone();
                let length = text.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
                );
            }
        });
        Self { host, text }
    }

    fn becomes(&self, text: &str) {
        text.clone_into(&mut self.text.lock().unwrap());
    }
}

/// A repository that a git daemon on this machine serves.
struct GitHost {
    repo: Repo,
    host: String,
    daemon: Child,
}

impl GitHost {
    #[track_caller]
    fn of(fixture: &str) -> Self {
        let repo = Repo::new(fixture);
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let host = port.expect("a free port").to_string();
        let (_, port) = host.rsplit_once(':').expect("a port");
        // Not `git daemon`: that is a parent of the daemon, which would outlive it.
        let programs = Command::new("git").arg("--exec-path").output();
        let programs = programs.expect("git is installed").stdout;
        let programs = String::from_utf8(programs).expect("a path");
        let daemon = Command::new(Path::new(programs.trim_end()).join("git-daemon"))
            .args(["--export-all", "--listen=127.0.0.1"])
            .args([
                &format!("--port={port}"),
                &format!("--base-path={}", repo.path().display()),
            ])
            .envs(Repo::environment())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("git has a daemon");
        let started = Instant::now();
        while std::net::TcpStream::connect(&host).is_err() {
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "git serves nothing"
            );
            thread::sleep(Duration::from_millis(20));
        }
        Self { repo, host, daemon }
    }
}

impl Drop for GitHost {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// A locked repository, all of whose sources have moved since.
struct Moved {
    repo: Repo,
    dockerfile: String,
    download: Download,
    /// Serves as long as it is kept.
    _git: GitHost,
    mirror: String,
}

impl Moved {
    #[track_caller]
    fn new(engine: &Engine) -> Self {
        let mirror = engine.repository("mirror");
        let bases = ["docker.io/library/tool:latest", "docker.io/us/base:1"];
        let download = Download::of("first\n");
        let git = GitHost::of("//- folder/file\nfirst\n");
        for base in bases {
            put(&format!("{mirror}/{base}"), "first");
        }
        let dockerfile = format!(
            "FROM tool AS tool\nRUN cp /version /self\nFROM us/base:1\nCOPY --from=tool /self /self\n\
             RUN cp /version /built-on && test $VERSION = first\nADD http://{}/file /download\n\
             ADD git://{}/.git#main:folder /git/\n",
            download.host, git.host
        );
        let repo = Repo::new(&format!(
            "//- app/Dockerfile\n{dockerfile}//- .shipwright.json\n\
             {{\"version\": 2, \"namespace\": \"{}\", \"mirror\": \"{mirror}\"}}\n",
            engine.prefix()
        ));
        program::run(&repo, &["lock"]);
        for base in bases {
            put(&format!("{mirror}/{base}"), "second");
        }
        git.repo.write("//- folder/file\nsecond\n");
        git.repo.commit("Move");
        Self {
            repo,
            dockerfile,
            download,
            _git: git,
            mirror,
        }
    }

    /// Another image of the same sources; gives its content reference.
    #[track_caller]
    fn next(&self, way: &str) -> String {
        let dockerfile = &self.dockerfile;
        self.repo.write(&format!(
            "//- app/Dockerfile\n{dockerfile}LABEL way={way}\n"
        ));
        self.repo.commit(way);
        let listed = program::run(&self.repo, &["list", "--refs"]);
        let reference = listed.lines().find(|line| line.contains(":sw-"));
        reference.expect("a content reference").trim().to_owned()
    }

    /// Runs `exec`; gives its standard error where it fails.
    fn exec(&self, host: Option<&str>, arguments: &[&str]) -> Result<(), String> {
        let mut command = shipwright(&self.repo, ".");
        command
            .args(["exec", "--quiet", "--no-tags"])
            .args(arguments);
        command.envs(host.map(|host| ("DOCKER_HOST", host)));
        let output = command.output().expect("the program was built");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            Ok(())
        } else {
            Err(said)
        }
    }
}

/// The image holds what was locked.
#[track_caller]
fn holds_the_first(host: Option<&str>, reference: &str) {
    let mut command = Command::new("docker");
    command.args(["run", "--rm", "--network=none", reference]);
    command.args(["cat", "/self", "/built-on", "/download", "/git/file"]);
    command.envs(host.map(|host| ("DOCKER_HOST", host)));
    let output = command.output().expect("docker was there");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "first\n".repeat(4),
        "{said}"
    );
}

#[test]
fn every_runner_builds_what_is_locked_after_it_has_moved() {
    let Some(engine) = engine::published() else {
        return;
    };
    let moved = Moved::new(&engine);
    let reference = moved.next("exec");
    moved.exec(None, &[]).unwrap();
    holds_the_first(None, &reference);
    for (format, line) in [
        ("make", "make -f emitted"),
        ("sh", "dash emitted"),
        (
            "bake",
            "sed -n 's/^#policy //p' emitted > policy.json && \
             EXPERIMENTAL_BUILDKIT_SOURCE_POLICY=policy.json docker buildx bake -f emitted",
        ),
    ] {
        let reference = moved.next(format);
        let emitted = program::run(&moved.repo, &["emit", format]);
        fs::write(moved.repo.join("emitted"), emitted).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(moved.repo.path());
        command.env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
        let output = command.output().expect("sh is there");
        program::succeeded(&[line], &output);
        holds_the_first(None, &reference);
        fs::remove_file(moved.repo.join("emitted")).unwrap();
        let _ = fs::remove_file(moved.repo.join("policy.json"));
    }
}

#[test]
fn other_stores_and_other_builders_are_held_too() {
    let Some(engine) = engine::published() else {
        return;
    };
    let Some(elsewhere) = OwnEngine::start() else {
        return;
    };
    let moved = Moved::new(&engine);
    let host = elsewhere.host();
    // The containerd store, which has nothing of this yet.
    let reference = moved.next("containerd");
    moved.download.becomes("second\n");
    let said = moved
        .exec(Some(&host), &[])
        .expect_err("the download has moved");
    assert!(said.contains("digest mismatch"), "{said}");
    let repeat = said
        .lines()
        .find(|line| line.contains("docker buildx build"));
    let repeat = repeat.expect("the command that repeats it");
    assert!(
        repeat.contains("EXPERIMENTAL_BUILDKIT_SOURCE_POLICY=/"),
        "{repeat}"
    );
    // A git that BuildKit stopped with that build may have left its lock in the cache.
    docker(&["--host", &host, "builder", "prune", "--all", "--force"]);
    moved.download.becomes("first\n");
    moved.exec(Some(&host), &[]).unwrap();
    holds_the_first(Some(&host), &reference);

    // A rule of the user's own is merged; one that contradicts the lock file is refused.
    let policy = |identifier: &str| {
        let text = format!(
            "{{\"rules\": [{{\"action\": \"DENY\", \"selector\": {{\"identifier\": \"{identifier}\"}}}}]}}"
        );
        fs::write(moved.repo.join(".git/users.json"), text).unwrap();
        let mut command = shipwright(&moved.repo, ".");
        command
            .args(["exec", "--quiet", "--no-tags"])
            .env("DOCKER_HOST", &host);
        let file = moved.repo.join(".git/users.json");
        command.env("EXPERIMENTAL_BUILDKIT_SOURCE_POLICY", file);
        let output = command.output().expect("the program was built");
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    moved.next("policy");
    let said = policy("docker-image://docker.io/library/tool:latest");
    assert!(said.contains("error[source-policy]: "), "{said}");
    let said = policy(&format!("docker-image://{}/*", moved.mirror));
    assert!(
        said.contains("error[build-failed]: ") && said.contains("denied by policy"),
        "{said}"
    );

    // BuildKit as on another machine.
    let name = format!("shipwright-locked-{}", std::process::id());
    let builder = Builder::new(name, &elsewhere.buildkit());
    let reference = moved.next("remote");
    moved
        .exec(None, &["--push", "--builder", &builder.0])
        .unwrap();
    holds_the_first(None, &reference);
    let _ = try_docker(&["image", "rm", &reference]);
}

#[test]
fn what_is_locked_is_what_a_build_asks_for() {
    let (Some(engine), Some(registry)) = (engine::published(), registry()) else {
        return;
    };
    let Some(empty) = OwnEngine::start() else {
        return;
    };
    let proxy = CountingProxy::before(registry);
    let below = engine.prefix().strip_prefix(registry).expect("it is there");
    let ours = format!("{}{below}", proxy.host());
    for name in [
        "base:1",
        "copied:1",
        "mounted:latest",
        "argument:2",
        "never:1",
    ] {
        put(&engine.repository(name), "first");
    }
    let repo = Repo::new(&format!(
        "//- app/Dockerfile\nARG TAG=1\nFROM {ours}/never:1 AS never\nRUN true\n\
         FROM {ours}/argument:$TAG AS argument\nFROM {ours}/base:1 AS app\n\
         COPY --from={ours}/copied:1 /version /copied\n\
         RUN --mount=from={ours}/mounted,target=/m cat /m/version\nCOPY --from=argument /version /argued\n\
         //- .shipwright.json\n{{\"version\": 2, \"build_args\": {{\"TAG\": \"2\"}}}}\n"
    ));
    program::run(&repo, &["lock"]);
    let lock = fs::read_to_string(repo.join("shipwright.lock")).expect("it was written");
    let lock: Value = serde_json::from_str(&lock).expect("it is JSON");
    let locked = lock["images"].as_object().expect("images").keys();
    let locked: BTreeSet<String> = locked.cloned().collect();
    assert_eq!(locked.len(), 4);
    proxy.take();
    let output = Command::new("docker")
        .args([
            "buildx",
            "build",
            "--build-arg=TAG=2",
            "--provenance=false",
            "app",
        ])
        .current_dir(repo.path())
        .env("DOCKER_HOST", empty.host())
        .output()
        .expect("docker was there");
    program::succeeded(&["docker", "buildx", "build"], &output);
    let asked = proxy.take().into_iter().filter_map(|request| {
        let (_, path) = request.split_once(" /v2/")?;
        let (repository, name) = path.split_once("/manifests/")?;
        let is_tag = !name.starts_with("sha256:");
        is_tag.then(|| format!("{}/{repository}:{name}", proxy.host()))
    });
    assert_eq!(asked.collect::<BTreeSet<_>>(), locked);
}

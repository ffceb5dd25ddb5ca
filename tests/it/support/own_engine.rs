//! A Docker engine of a test's own, which it may stop: another socket, another store.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::engine::BASE;
use super::skip::skip;

/// How long an engine may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// An engine with the containerd image store that holds the base image; ends when dropped.
pub(crate) struct OwnEngine {
    folder: TempDir,
    program: PathBuf,
    process: Option<Child>,
}

impl OwnEngine {
    /// Starts one with the programs that `tools/engine` installs, or gives nothing but a loud line.
    ///
    /// # Panics
    /// Where there are none and `SHIPWRIGHT_REQUIRE_ENGINE` is set, or it does not start.
    #[track_caller]
    pub(crate) fn start() -> Option<Self> {
        let installed = std::env::var_os("SHIPWRIGHT_ENGINE");
        let installed = installed.map_or("/opt/shipwright-engine".into(), PathBuf::from);
        let program = installed.join("root/usr/sbin/dockerd");
        if !program.is_file() {
            skip("an engine of the test's own (see tools/engine)");
            return None;
        }
        let folder = TempDir::with_prefix("shipwright-engine-").expect("a temporary folder");
        let features = r#"{"features": {"containerd-snapshotter": true}}"#;
        fs::write(folder.path().join("config.json"), features).unwrap();
        let mut engine = Self {
            folder,
            program,
            process: None,
        };
        engine.resume();
        let load = "docker --host \"$0\" save \"$2\" | docker --host \"$1\" load --quiet";
        let shared = std::env::var("DOCKER_HOST");
        let shared = shared.unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
        let loaded = Command::new("sh")
            .args(["-c", load, &shared, &engine.host(), BASE])
            .output()
            .expect("sh is there");
        assert!(loaded.status.success(), "{loaded:?}");
        Some(engine)
    }

    /// What `DOCKER_HOST` says to reach it.
    pub(crate) fn host(&self) -> String {
        format!(
            "unix://{}",
            self.folder.path().join("docker.sock").display()
        )
    }

    /// Starts it, with what it held when it was stopped.
    #[track_caller]
    pub(crate) fn resume(&mut self) {
        let path = |name: &str| self.folder.path().join(name);
        let sbin = self.program.parent().expect("it is a file");
        let bin = sbin.with_file_name("bin");
        let search = std::env::var("PATH").unwrap_or_default();
        let log = fs::File::create(path("log")).unwrap();
        let mut command = Command::new(&self.program);
        command
            .env(
                "PATH",
                format!("{}:{}:{search}", sbin.display(), bin.display()),
            )
            .arg("--config-file")
            .arg(path("config.json"))
            .arg("--data-root")
            .arg(path("data"))
            .arg("--exec-root")
            .arg(path("exec"))
            .arg("--pidfile")
            .arg(path("pid"))
            .args(["--host", &self.host(), "--insecure-registry", "127.0.0.0/8"]);
        if Path::new("/sys/class/net/docker0").exists() {
            // Two engines cannot each make it.
            command.args(["--bridge", "docker0"]);
        }
        let process = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.process = Some(process.expect("it is installed"));
        let started = Instant::now();
        while !self.answers() {
            let log = fs::read_to_string(path("log")).unwrap_or_default();
            assert!(
                started.elapsed() < PATIENCE,
                "the engine does not start: {log}"
            );
            thread::sleep(Duration::from_millis(200));
        }
    }

    fn answers(&self) -> bool {
        let asked = Command::new("docker")
            .args(["--host", &self.host(), "version"])
            .output();
        asked.is_ok_and(|output| output.status.success())
    }

    /// Ends it as its host's shutdown would.
    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = Command::new("kill").arg(process.id().to_string()).status();
            let _ = process.wait();
        }
    }

    /// A socket on which its BuildKit speaks as one that runs by itself; served while the test runs.
    #[track_caller]
    pub(crate) fn buildkit(&self) -> String {
        let path = self.folder.path().join("buildkit.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let host = self.host();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let stream = OwnedFd::from(stream);
                let Ok(second) = stream.try_clone() else {
                    continue;
                };
                let _ = Command::new("docker")
                    .args(["buildx", "dial-stdio", "--builder", "default"])
                    .envs([("DOCKER_HOST", &*host), ("BUILDX_EXPERIMENTAL", "1")])
                    .stdin(stream)
                    .stdout(second)
                    .stderr(Stdio::null())
                    .spawn();
            }
        });
        format!("unix://{}", path.display())
    }
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        self.stop();
        // What containers left mounted cannot be removed otherwise.
        let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
        let below = self.folder.path().display().to_string();
        for line in mounts.lines() {
            if let Some(place) = line
                .split(' ')
                .nth(1)
                .filter(|place| place.starts_with(&below))
            {
                let _ = Command::new("umount").args(["--lazy", place]).status();
            }
        }
    }
}

//! A registry of a test's own, which it may stop.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::skip::skip;

/// How long a registry may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// A registry on this machine that takes anything; ends when dropped.
pub(crate) struct OwnRegistry {
    folder: TempDir,
    host: String,
    process: Option<Child>,
}

impl OwnRegistry {
    /// One that does not run yet, on a port that nobody uses; or nothing but a loud line.
    ///
    /// # Panics
    /// Where the program is not installed and `SHIPWRIGHT_REQUIRE_ENGINE` is set.
    #[track_caller]
    pub(crate) fn new() -> Option<Self> {
        let asked = Command::new("docker-registry")
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if asked.is_err() {
            skip("the program `docker-registry` (see tools/engine)");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let host = port.expect("a free port").to_string();
        let folder = TempDir::with_prefix("shipwright-registry-").expect("a temporary folder");
        let config = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{host}\"}}\n",
            folder.path().join("data").display()
        );
        fs::write(folder.path().join("config.yml"), config).unwrap();
        Some(Self {
            folder,
            host,
            process: None,
        })
    }

    /// Its host and port, which references name.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Starts it, with what it held when it was stopped.
    #[track_caller]
    pub(crate) fn start(&mut self) {
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(self.folder.path().join("config.yml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.process = Some(process.expect("it is installed"));
        let started = Instant::now();
        while TcpStream::connect(&self.host).is_err() {
            assert!(started.elapsed() < PATIENCE, "the registry does not start");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Removes what it holds, while it is stopped.
    pub(crate) fn empty(&self) {
        let _ = fs::remove_dir_all(self.folder.path().join("data"));
    }

    /// Ends it at once.
    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Drop for OwnRegistry {
    fn drop(&mut self) {
        self.stop();
    }
}

//! A real Docker engine, where there is one.
//!
//! Several people and processes may share the engine, so each test works below a repository prefix
//! of its own and looks at nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::skip::skip;

/// The image that fixtures build `FROM`; holds `/bin/sh` and busybox's commands.
pub(crate) const BASE: &str = "local/busybox:1";

/// A usable engine, and a part of it that is the test's own.
pub(crate) struct Engine {
    prefix: String,
}

/// What an image holds, without times.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Every file, by absolute path, without those that the engine adds to a container.
    pub(crate) files: BTreeMap<String, File>,
    /// The image's configuration: `Env`, `Cmd`, `Labels` and so on.
    pub(crate) config: serde_json::Value,
}

impl Contents {
    /// The paths of files and the names of settings that differ.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let paths: BTreeSet<&String> = self.files.keys().chain(other.files.keys()).collect();
        let differ = |path: &&String| self.files.get(*path) != other.files.get(*path);
        let mut differences: Vec<String> = paths.into_iter().filter(differ).cloned().collect();
        if self.config != other.config {
            differences.push(format!("{} instead of {}", self.config, other.config));
        }
        differences
    }
}

/// One entry of an image's file system.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// `Regular`, `Directory`, `Symlink`, …
    pub(crate) kind: String,
    pub(crate) mode: u32,
    pub(crate) owner: (u64, u64),
    /// Where a link points.
    pub(crate) link: Option<String>,
    /// SHA-256 of the bytes, in hexadecimal.
    pub(crate) sha256: String,
}

/// The engine, with the base image there, or nothing but a loud line on standard error.
///
/// # Panics
/// Where there is none and `SHIPWRIGHT_REQUIRE_ENGINE` is set.
#[track_caller]
pub(crate) fn engine() -> Option<Engine> {
    static USABLE: OnceLock<Result<(), String>> = OnceLock::new();
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    if let Err(reason) = USABLE.get_or_init(usable) {
        skip(&format!("a Docker engine with named contexts: {reason}"));
        return None;
    }
    let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let moment = started.map_or(0, |since| since.as_micros());
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    Some(Engine {
        prefix: format!("shipwright-test/{moment}-{}-{count}", std::process::id()),
    })
}

/// The engine, and a part of the local registry that is the test's own; or nothing but a loud line.
///
/// # Panics
/// As [`engine`].
#[track_caller]
pub(crate) fn published() -> Option<Engine> {
    let (mut engine, host) = (engine()?, registry()?);
    engine.move_below(host);
    Some(engine)
}

/// The host of a local registry that takes anything, or nothing but a loud line.
///
/// # Panics
/// As [`engine`].
#[track_caller]
pub(crate) fn registry() -> Option<&'static str> {
    const HOST: &str = "127.0.0.1:5000";
    if TcpStream::connect(HOST).is_ok() {
        return Some(HOST);
    }
    skip("a registry at 127.0.0.1:5000 (see tools/engine)");
    None
}

/// Whether the engine is there and new enough, and the base image is, or can be made.
fn usable() -> Result<(), String> {
    let version = try_docker(&["version", "--format", "{{.Server.Version}}"])?;
    let major: Option<u32> = version.split('.').next().and_then(|text| text.parse().ok());
    if major.is_none_or(|major| major < 23) {
        return Err(format!("this one is of version {}", version.trim()));
    }
    let help = try_docker(&["buildx", "build", "--help"])?;
    if !help.contains("--build-context") {
        return Err("its buildx knows no --build-context".to_owned());
    }
    let shell = ["run", "--rm", "--network", "none", BASE, "sh", "-c", "true"];
    if try_docker(&shell).is_err() {
        import_base()?;
        try_docker(&shell).map_err(|error| format!("its base image does not start: {error}"))?;
    }
    Ok(())
}

/// Makes the base image from the machine's static busybox: no registry is asked.
fn import_base() -> Result<(), String> {
    let busybox = ["/bin/busybox", "/usr/bin/busybox"]
        .iter()
        .find_map(|path| fs::read(path).ok())
        .ok_or("no static busybox to make a base image from (Debian: busybox-static)")?;
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_size(busybox.len() as u64);
    archive
        .append_data(&mut header, "bin/busybox", busybox.as_slice())
        .map_err(|error| error.to_string())?;
    for command in
        "cat cp echo env false find id ls mkdir sh sha256sum sleep sort test true".split(' ')
    {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_mode(0o777);
        header.set_size(0);
        archive
            .append_link(&mut header, format!("bin/{command}"), "busybox")
            .map_err(|error| error.to_string())?;
    }
    let bytes = archive.into_inner().map_err(|error| error.to_string())?;
    let mut import = Command::new("docker")
        .args(["import", "-", BASE])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut stdin = import.stdin.take().expect("standard input is piped");
    stdin.write_all(&bytes).map_err(|error| error.to_string())?;
    drop(stdin);
    match import.wait() {
        Ok(status) if status.success() => Ok(()),
        other => Err(format!("docker import: {other:?}")),
    }
}

impl Engine {
    /// The repository prefix that is the test's own, without a final `/`.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Puts the prefix into that registry.
    pub(crate) fn move_below(&mut self, host: &str) {
        self.prefix = format!("{host}/{}", self.prefix);
    }

    /// A repository below the prefix.
    pub(crate) fn repository(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    /// Every `repository:tag` below the prefix with the id of its image, the prefix and its `/` cut.
    #[track_caller]
    pub(crate) fn references(&self) -> BTreeMap<String, String> {
        let below = format!("{}/", self.prefix);
        list("{{.Repository}}:{{.Tag}} {{.ID}}")
            .unwrap_or_else(|error| panic!("docker image ls: {error}"))
            .lines()
            .filter_map(|line| line.strip_prefix(&below)?.split_once(' '))
            .map(|(reference, id)| (reference.to_owned(), id.to_owned()))
            .collect()
    }

    /// Every `repository:tag` below the prefix, the prefix and its `/` cut.
    #[track_caller]
    pub(crate) fn tags(&self) -> BTreeSet<String> {
        self.references().into_keys().collect()
    }

    /// Removes every image below the prefix.
    pub(crate) fn clear(&self) {
        let Ok(listed) = list("{{.Repository}}:{{.Tag}}") else {
            return;
        };
        let below = format!("{}/", self.prefix);
        let ours = listed.lines().filter(|line| line.starts_with(&below));
        let mut arguments = vec!["image", "rm", "--force"];
        arguments.extend(ours);
        if arguments.len() > 3 {
            let _ = try_docker(&arguments);
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.clear();
    }
}

/// All images of the engine in that format. The containerd image store lists the images first and
/// reads each of them then: the whole command fails where another test removes one in between.
fn list(format: &str) -> Result<String, String> {
    let list = || try_docker(&["image", "ls", "--no-trunc", "--format", format]);
    let again = |_| {
        std::thread::sleep(Duration::from_millis(100));
        list()
    };
    (0..20).fold(list(), |listed, _| listed.or_else(again))
}

/// Runs docker; gives what it printed.
#[track_caller]
pub(crate) fn docker(arguments: &[&str]) -> String {
    match try_docker(arguments) {
        Ok(printed) => printed,
        Err(error) => panic!("docker {arguments:?}: {error}"),
    }
}

/// What the image of that full reference holds.
#[track_caller]
pub(crate) fn contents(reference: &str) -> Contents {
    let config = docker(&[
        "image",
        "inspect",
        "--format",
        "{{json .Config}}",
        reference,
    ]);
    let container = docker(&["create", reference, "none"]);
    let container = container.trim();
    let exported = Command::new("docker")
        .args(["export", container])
        .output()
        .expect("docker was there");
    docker(&["rm", "--force", container]);
    assert!(exported.status.success(), "docker export {reference}");
    Contents {
        files: entries(&exported.stdout),
        config: serde_json::from_str(&config).expect("docker prints JSON"),
    }
}

/// The entries of a tar archive, without those that the engine adds to every container.
fn entries(archive: &[u8]) -> BTreeMap<String, File> {
    const ADDED: [&str; 7] = [
        "/.dockerenv",
        "/dev",
        "/proc",
        "/sys",
        "/etc/hostname",
        "/etc/hosts",
        "/etc/resolv.conf",
    ];
    let mut files = BTreeMap::new();
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries().expect("docker exports a tar archive") {
        let mut entry = entry.expect("docker exports whole entries");
        let header = entry.header().clone();
        let mut bytes = Vec::new();
        entry
            .read_to_end(&mut bytes)
            .expect("the archive is in memory");
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let path = format!("/{}", path.trim_matches('/'));
        let added = ADDED
            .iter()
            .any(|added| path == *added || path.starts_with(&format!("{added}/")));
        if added || path == "/etc/mtab" {
            continue;
        }
        let link = entry.link_name_bytes();
        let file = File {
            kind: format!("{:?}", header.entry_type()),
            mode: header.mode().expect("a mode"),
            owner: (
                header.uid().expect("an owner"),
                header.gid().expect("a group"),
            ),
            link: link.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
            sha256: sha256(&bytes),
        };
        files.insert(path, file);
    }
    files
}

/// The SHA-256 of these bytes, as hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// Runs docker; gives what it printed, or what it said against it.
pub(crate) fn try_docker(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("docker")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

#[test]
fn an_image_is_seen_as_it_was_built() {
    let Some(engine) = engine() else { return };
    let reference = engine.repository("seen:1");
    docker(&["tag", BASE, &reference]);
    assert_eq!(engine.tags(), BTreeSet::from(["seen:1".to_owned()]));
    let contents = contents(&reference);
    assert_eq!(contents.files["/bin/sh"].link.as_deref(), Some("busybox"));
    assert_eq!(contents.files["/bin/busybox"].mode & 0o777, 0o755);
    assert!(!contents.files.contains_key("/etc/hosts"));
}

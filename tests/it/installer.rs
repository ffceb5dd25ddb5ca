//! `install.sh`, against a server of files on this machine.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const ARCHIVE: &str = "shipwright-9.9.9-x86_64-unknown-linux-gnu.tar.gz";

/// A release in a folder, and where it is served. The server ends with the process.
struct Release {
    folder: TempDir,
    address: String,
}

impl Release {
    /// Of a program that prints a version.
    fn new() -> Self {
        let folder = TempDir::with_prefix("shipwright-release-").expect("a temporary folder");
        let script = "name=${1%.tar.gz}; mkdir \"$name\"; printf '#!/bin/sh\\necho shipwright 9.9.9\\n' >\"$name/shipwright\"
            tar -czf \"$1\" \"$name\"; sha256sum \"$1\" >SHA256SUMS";
        let made = Command::new("sh")
            .args(["-ec", script, "sh", ARCHIVE])
            .current_dir(folder.path())
            .status();
        assert!(made.expect("a shell").success());
        let address = serve(folder.path());
        Self { folder, address }
    }

    fn install(&self, to: &Path, options: &[&str]) -> Output {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/install.sh");
        let to = to.to_str().expect("a path in UTF-8");
        Command::new("sh")
            .args([script, "--from", &self.address, "--to", to])
            .args(options)
            .output()
            .expect("a shell")
    }
}

/// Serves the files of a folder over HTTP on a free port; the address.
fn serve(folder: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let folder = folder.to_owned();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else {
                continue;
            };
            let mut lines = BufReader::new(&connection).lines().map_while(Result::ok);
            let request = lines.next().unwrap_or_default();
            let _ = lines.find(String::is_empty);
            let path = request.split(' ').nth(1).unwrap_or_default();
            let (status, body) = match fs::read(folder.join(path.trim_start_matches('/'))) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let length = body.len();
            let head = format!("HTTP/1.0 {status}\r\nContent-Length: {length}\r\n\r\n");
            let _ = connection.write_all(head.as_bytes());
            let _ = connection.write_all(&body);
        }
    });
    address
}

fn check(alter: impl Fn(&Release), options: &[&str], expected: Result<&str, &str>) {
    let release = Release::new();
    alter(&release);
    let to = release.folder.path().join("bin");
    let output = release.install(&to, options);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).expect("UTF-8");
    let (succeeds, text) = match expected {
        Ok(text) => (true, text),
        Err(text) => (false, text),
    };
    assert!(said.contains(text), "{said}");
    assert_eq!(output.status.success(), succeeds, "{said}");
    assert_eq!(to.join("shipwright").exists(), succeeds, "{said}");
}

#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn only_what_was_published_is_installed() {
    let version = ["--version", "9.9.9"];
    check(|_| {}, &version, Ok("installed shipwright 9.9.9 to "));
    let altered = |release: &Release| {
        let archive = release.folder.path().join(ARCHIVE);
        let mut bytes = fs::read(&archive).unwrap();
        bytes.push(0);
        fs::write(archive, bytes).unwrap();
    };
    check(altered, &version, Err("nothing was installed"));
    let gone = |release: &Release| fs::remove_file(release.folder.path().join(ARCHIVE)).unwrap();
    check(gone, &version, Err("cannot fetch"));
    let unlisted =
        |release: &Release| fs::write(release.folder.path().join("SHA256SUMS"), "").unwrap();
    check(unlisted, &version, Err("has no shipwright-9.9.9"));
    check(
        |_| {},
        &["--version", "1.0.0"],
        Err("has no shipwright-1.0.0"),
    );
    check(|_| {}, &[], Err("--version"));
    check(|_| {}, &["--version", "../x"], Err("is not a version"));
    check(|_| {}, &["--what", "x"], Err("unknown option --what"));
}

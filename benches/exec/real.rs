//! The whole program on a real engine that holds all images already.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use shipwright::plan::Plan;
use tempfile::TempDir;

/// How often each thing is timed, in turn.
const ROUNDS: usize = 7;
/// How often all tags are moved; even, as the two ways take turns to be first.
const TAG_ROUNDS: usize = 4;

/// A checkout of many small images, all of them in the engine.
struct Bench {
    repository: TempDir,
    prefix: String,
    images: usize,
}

/// Times a run with nothing to do, and one in which every image gets a tag.
///
/// # Errors
/// Where there is no engine, or it is not on this machine.
pub(super) fn engine(images: usize) -> Result<(), String> {
    output("docker", &["version"], Path::new("."))?;
    let format = "{{.Endpoints.docker.Host}}";
    let endpoint = output(
        "docker",
        &["context", "inspect", "--format", format],
        Path::new("."),
    )?;
    let socket = endpoint
        .trim()
        .strip_prefix("unix://")
        .ok_or("it is reached by network")?;
    let bench = Bench {
        repository: TempDir::new().map_err(|error| error.to_string())?,
        prefix: format!("shipwright-bench/{}", std::process::id()),
        images,
    };
    bench.write()?;
    Bench::load(&bench.plan()?)?;
    bench.nothing_to_do()?;
    bench.tags(socket)
}

impl Bench {
    /// The repository: chains of ten.
    fn write(&self) -> Result<(), String> {
        let root = self.repository.path();
        let write = |path: String, text: String| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap_or(root))
                .and_then(|()| fs::write(path, text))
                .map_err(|error| error.to_string())
        };
        let config = format!(r#"{{"version": 2, "namespace": "{}"}}"#, self.prefix);
        write(".shipwright.json".to_owned(), config)?;
        for number in 0..self.images {
            let base = match number % 10 {
                0 => "scratch".to_owned(),
                _ => format!("{}/i{}", self.prefix, number - 1),
            };
            write(
                format!("i{number}/Dockerfile"),
                format!("FROM {base}\nCOPY file /\n"),
            )?;
            write(format!("i{number}/file"), number.to_string())?;
        }
        self.git(&["init", "--quiet", "--initial-branch=main"])?;
        self.commit()
    }

    fn git(&self, arguments: &[&str]) -> Result<String, String> {
        output("git", arguments, self.repository.path())
    }

    fn commit(&self) -> Result<(), String> {
        self.git(&["add", "--all"])?;
        let who = [
            "-c",
            "user.name=Bench",
            "-c",
            "user.email=bench@example.com",
        ];
        let commit = ["commit", "--quiet", "--allow-empty", "-m", "Go on"];
        self.git(&[&who[..], &commit].concat()).map(|_| ())
    }

    fn plan(&self) -> Result<Plan, String> {
        let text = self.shipwright(&["plan"])?;
        Plan::from_json(&text).map_err(|error| error.to_string())
    }

    fn shipwright(&self, arguments: &[&str]) -> Result<String, String> {
        output(
            env!("CARGO_BIN_EXE_shipwright"),
            arguments,
            self.repository.path(),
        )
    }

    /// Puts all images of the plan into the engine without building: one empty layer, and a
    /// configuration of its own for each.
    fn load(plan: &Plan) -> Result<(), String> {
        let mut layer = tar::Builder::new(Vec::new());
        add(&mut layer, "file", b"");
        let layer = layer.into_inner().map_err(|error| error.to_string())?;
        let mut archive = tar::Builder::new(Vec::new());
        add(&mut archive, "layer.tar", &layer);
        let format = "{{.Server.Arch}}";
        let architecture = output("docker", &["version", "--format", format], Path::new("."))?;
        let mut manifest = Vec::new();
        for image in &plan.images {
            let config = serde_json::json!({
                "architecture": architecture.trim(), "os": "linux",
                "config": {"Labels": image.labels},
                "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", hex(&layer))]},
            });
            let config = config.to_string();
            let name = format!("{}.json", hex(config.as_bytes()));
            add(&mut archive, &name, config.as_bytes());
            let tags: Vec<&String> = image.tags.iter().chain([&image.reference]).collect();
            manifest.push(serde_json::json!(
                {"Config": name, "RepoTags": tags, "Layers": ["layer.tar"]}
            ));
        }
        let manifest = serde_json::Value::from(manifest).to_string();
        add(&mut archive, "manifest.json", manifest.as_bytes());
        let archive = archive.into_inner().map_err(|error| error.to_string())?;
        let mut load = Command::new("docker")
            .args(["load", "--quiet"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut stdin = load.stdin.take().ok_or("no pipe")?;
        stdin
            .write_all(&archive)
            .map_err(|error| error.to_string())?;
        drop(stdin);
        let status = load.wait().map_err(|error| error.to_string())?;
        status
            .success()
            .then_some(())
            .ok_or_else(|| format!("docker load: {status}"))
    }

    /// A run that finds everything as it should be, beside one `docker images`.
    fn nothing_to_do(&self) -> Result<(), String> {
        let count = self.images;
        let (_, first) = timed(|| self.shipwright(&["exec", "--quiet"]))?;
        let (mut exec, mut plan, mut listed) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            listed.push(timed(|| output("docker", &["images"], Path::new(".")))?.1);
            plan.push(timed(|| self.shipwright(&["plan"]))?.1);
            let (printed, time) = timed(|| self.shipwright(&["exec", "--quiet"]))?;
            if !printed.contains(&format!("{count} skipped")) {
                return Err(format!("something was done: {printed}"));
            }
            exec.push(time);
        }
        println!(
            "nothing to do for {count} images       {}",
            super::shown(&mut exec)
        );
        println!("  the first time                   {first:8.1?}");
        println!(
            "  of this, `shipwright plan`       {}",
            super::shown(&mut plan)
        );
        println!(
            "  one `docker images`              {}",
            super::shown(&mut listed)
        );
        let more = exec[0].saturating_sub(listed[0]);
        println!("  more than that, least by least   {more:8.1?}");
        Ok(())
    }

    /// A commit that changes nothing: every image gets the new revision's tag, beside the same
    /// number of bare calls.
    fn tags(&self, socket: &str) -> Result<(), String> {
        let count = self.images;
        let (mut exec, mut bare) = (Vec::new(), Vec::new());
        let references = self.plan()?.images.into_iter().map(|image| image.reference);
        let references: Vec<String> = references.collect();
        for round in 0..TAG_ROUNDS {
            // Each tag makes the next one dearer, so neither may always be second.
            if round % 2 == 0 {
                bare.push(timed(|| call(socket, &references, round))?.1);
            }
            self.commit()?;
            let (printed, time) = timed(|| self.shipwright(&["exec", "--quiet"]))?;
            if !printed.contains(&format!("{count} re-tagged")) {
                return Err(format!("not all were re-tagged: {printed}"));
            }
            exec.push(time);
            if round % 2 == 1 {
                bare.push(timed(|| call(socket, &references, round))?.1);
            }
        }
        println!(
            "a new revision tag for {count} images  {}",
            super::shown(&mut exec)
        );
        println!(
            "  {count} bare calls                  {}",
            super::shown(&mut bare)
        );
        let all = |times: &[Duration]| times.iter().sum::<Duration>().as_secs_f64();
        let ratio = all(&exec) / all(&bare);
        println!("  times as long, all rounds        {ratio:8.2}");
        Ok(())
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let below = format!("reference={}/*", self.prefix);
        let format = [
            "image",
            "ls",
            "--format",
            "{{.Repository}}:{{.Tag}}",
            "--filter",
            &below,
        ];
        let listed = output("docker", &format, Path::new(".")).unwrap_or_default();
        let references: Vec<&str> = listed.lines().collect();
        for batch in references.chunks(500) {
            let _ = output(
                "docker",
                &[&["image", "rm"], batch].concat(),
                Path::new("."),
            );
        }
    }
}

/// Bare calls of the engine's API over one connection: the least that any program needs.
fn call(socket: &str, references: &[String], round: usize) -> Result<(), String> {
    let stream = UnixStream::connect(socket).map_err(|error| error.to_string())?;
    let mut stream = BufReader::new(stream);
    for reference in references {
        let repository = reference.split(':').next().unwrap_or_default();
        let mut request = String::new();
        let _ = write!(
            request,
            "POST /images/{reference}/tag?repo={repository}&tag=bare{round} HTTP/1.1\r\n\
             Host: docker\r\nContent-Length: 0\r\n\r\n"
        );
        let mut ask = || {
            stream.get_mut().write_all(request.as_bytes())?;
            let (mut answer, mut line) = (String::new(), String::new());
            stream.read_line(&mut answer)?;
            while stream.read_line(&mut line)? > 2 {
                line.clear();
            }
            Ok::<String, std::io::Error>(answer)
        };
        let answer = ask().map_err(|error| error.to_string())?;
        if !answer.contains(" 201 ") {
            let mut rest = String::new();
            let _ = stream.by_ref().take(1000).read_to_string(&mut rest);
            return Err(format!("{answer}{rest}"));
        }
    }
    Ok(())
}

fn add(archive: &mut tar::Builder<Vec<u8>>, name: &str, bytes: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(bytes.len() as u64);
    archive
        .append_data(&mut header, name, bytes)
        .expect("it is written to memory");
}

fn hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// What a program prints, which must succeed.
fn output(program: &str, arguments: &[&str], folder: &Path) -> Result<String, String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!(
            "{program}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ))
    }
}

fn timed<T>(step: impl FnOnce() -> Result<T, String>) -> Result<(T, Duration), String> {
    let started = Instant::now();
    let result = step()?;
    Ok((result, started.elapsed()))
}

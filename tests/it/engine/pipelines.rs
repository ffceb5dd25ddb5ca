//! What is emitted for CI systems, run: each job a process on a builder that shares nothing with the others but
//! the registry, in an order that the file allows, some killed at any moment and run again. At the end the
//! registry holds what one `exec` leaves.
//!
//! `SHIPWRIGHT_PIPELINES` is the number of repositories, `SHIPWRIGHT_PIPELINES_SEED` the first seed; each
//! repository is built in four ways. Where neither is set, one of few images is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::parts::{Held, held, tags};
use crate::emit::interpreter::{Job, Pipeline};
use crate::emit::{gitlab, other_ci, workflows};
use crate::support::engine;
use crate::support::generate::Random;
use crate::support::own_engine::OwnEngine;
use crate::support::own_registry::OwnRegistry;
use crate::support::program;
use crate::support::repo::Repo;

/// How many jobs run at once, at most.
const RUNNERS: usize = 3;

/// How long a job may take.
const PATIENCE: Duration = Duration::from_secs(300);

#[test]
fn jobs_in_any_order_leave_what_one_run_does() {
    if engine::engine().is_none() {
        return;
    }
    let number = |name| match std::env::var(name) {
        Ok(text) => Some(text.parse().expect("a number")),
        Err(_) => None,
    };
    let asked: Option<u64> = number("SHIPWRIGHT_PIPELINES");
    let first = number("SHIPWRIGHT_PIPELINES_SEED").unwrap_or(0);
    let images = if asked.is_some() { 14 } else { 3 };
    let Some(mut registry) = OwnRegistry::new() else {
        return;
    };
    let Some(builder) = Builder::start() else {
        return;
    };
    registry.start();
    for seed in first..first + asked.unwrap_or(1) {
        let mut random = Random::new(seed);
        let repo = repository(&mut random, registry.host(), images);
        builder.exec(&repo);
        let expected = state(registry.host(), images);
        for (system, pipeline) in pipelines(&repo, &mut random) {
            registry.stop();
            registry.empty();
            registry.start();
            let what = format!("{system}, seed {seed}");
            let mut round = Round {
                what: &what,
                repo: &repo,
                builder: &builder,
                host: registry.host(),
                images,
                random: &mut random,
                counts: BTreeMap::new(),
                failing: BTreeSet::new(),
                logs: TempDir::new().expect("a temporary folder"),
            };
            round.run(&pipeline);
            let counts = round.counts;
            assert_eq!(state(registry.host(), images), expected, "{what}");
            let _ = writeln!(std::io::stderr(), "{what}: {counts:?}");
        }
        registry.stop();
        registry.empty();
        registry.start();
    }
}

/// A BuildKit without an image store, which takes bases from registries alone.
struct Builder {
    name: String,
    _engine: OwnEngine,
}

impl Builder {
    fn start() -> Option<Self> {
        let engine = OwnEngine::start()?;
        let name = format!("shipwright-pipelines-{}", std::process::id());
        let create = ["buildx", "create", "--driver", "remote", "--name", &name];
        engine::docker(&[&create[..], &[&*engine.buildkit()]].concat());
        // buildx 0.13 crashes in a build where the builder does not answer at once.
        let answers = || {
            let said = engine::try_docker(&["buildx", "inspect", &name]);
            said.is_ok_and(|said| said.contains("running"))
        };
        let started = Instant::now();
        while !answers() && started.elapsed() < PATIENCE {
            sleep(Duration::from_millis(200));
        }
        Some(Self {
            name,
            _engine: engine,
        })
    }

    /// Builds everything in one run.
    #[track_caller]
    fn exec(&self, repo: &Repo) {
        program::run(repo, &["exec", "-q", "--push", "--builder", &self.name]);
    }
}

impl Drop for Builder {
    fn drop(&mut self) {
        let _ = engine::try_docker(&["buildx", "rm", &self.name]);
    }
}

/// Images for two platforms that take from each other, some on another platform than their own. Their builds
/// run nothing: no platform is emulated.
fn repository(random: &mut Random, host: &str, images: usize) -> Repo {
    let mut text = format!(
        "//- .shipwright.json\n{{\"version\": 2, \"namespace\": \"{host}\",\n\
         \"platforms\": [\"linux/amd64\", \"linux/arm64\"]}}\n"
    );
    for number in 0..images {
        let salt = random.next();
        let base = |random: &mut Random| format!("{host}/i{}", random.below(number));
        let _ = writeln!(text, "//- i{number}/Dockerfile");
        let mut from = "scratch".to_owned();
        if number > 0 && random.one_in(4) {
            let platform = random.one_of(&["linux/amd64", "$BUILDPLATFORM"]);
            let tools = base(random);
            let _ = writeln!(text, "FROM --platform={platform} {tools} AS tools");
        } else if number > 0 && !random.one_in(4) {
            from = base(random);
        }
        let has_tools = text.ends_with("AS tools\n");
        let _ = writeln!(text, "FROM {from}\nARG TARGETARCH");
        let _ = writeln!(text, "COPY $TARGETARCH.txt /{number}.txt");
        if has_tools {
            let _ = writeln!(text, "COPY --from=tools / /tools{number}/");
        }
        for _ in 0..random.below(3).min(number) {
            let taken = base(random);
            let _ = writeln!(text, "COPY --from={taken} / /copied{number}/");
        }
        for architecture in ["amd64", "arm64"] {
            let _ = writeln!(
                text,
                "//- i{number}/{architecture}.txt\n{salt} {architecture}"
            );
        }
    }
    Repo::new(&text)
}

/// What is emitted for each system.
#[track_caller]
fn pipelines(repo: &Repo, random: &mut Random) -> Vec<(&'static str, Pipeline)> {
    let mut all = vec![(
        "gitlab",
        gitlab::read(&program::run(repo, &["emit", "gitlab"])),
    )];
    for system in &other_ci::SYSTEMS {
        let template = other_ci::folder().join(system.template);
        let template = template.to_str().expect("UTF-8");
        let text = program::run(repo, &["emit", "--template", template]);
        let file = serde_norway::from_str(&text).expect("YAML");
        all.push((system.schema, (system.read)(&file)));
    }
    let jobs = (4 + random.below(20)).to_string();
    let text = program::run(repo, &["emit", "github", "--jobs", &jobs]);
    all.push(("waves", waves(&text)));
    all
}

/// The outputs of `emit github` as the workflows of `docs/scale.md` take them.
#[track_caller]
fn waves(outputs: &str) -> Pipeline {
    let workflows = workflows::workflows();
    let command = |file: &str, at: usize, job: &str| {
        let steps = &workflows[&format!(".github/workflows/{file}")][at]["jobs"][job]["steps"];
        let last = steps.as_sequence().and_then(|steps| steps.last());
        let run = last.and_then(|step| step["run"].as_str());
        run.expect("a command").to_owned()
    };
    let build = command("wave.yml", 0, "build");
    let mut jobs = BTreeMap::new();
    let mut last = 0;
    for line in outputs.lines() {
        let (name, value) = line.split_once('=').expect("`name=value`");
        let wave = name
            .strip_prefix("wave_")
            .and_then(|wave| wave.parse().ok());
        let Some(wave) = wave else { continue };
        last = last.max(wave);
        let matrix: Value = serde_json::from_str(value).expect("JSON");
        for entry in matrix["include"].as_array().expect("a list") {
            let text = |key: &str| entry[key].as_str().expect("a text");
            let [platform, reference] = [text("platform"), text("reference")];
            let script = format!("PLATFORM='{platform}' REFERENCE='{reference}'\n{build}");
            let job = Job {
                stage: wave,
                needs: None,
                tags: Value::Null,
                script,
            };
            jobs.insert(format!("{reference} {platform}"), job);
        }
    }
    let script = format!("BRANCH=main\n{}", command("images.yml", 1, "tags"));
    let tags = Job {
        stage: last + 1,
        needs: None,
        tags: Value::Null,
        script,
    };
    jobs.insert("tags".to_owned(), tags);
    Pipeline {
        stages: Vec::new(),
        jobs,
    }
}

/// The tags of each image in the registry, without the parts, and what is in the index that they name.
fn state(host: &str, images: usize) -> BTreeMap<String, (Vec<String>, Held)> {
    let image = |number| {
        let name = format!("i{number}");
        let mut tags = tags(host, &name);
        tags.retain(|tag| !tag.ends_with("64"));
        let mut held: Vec<Held> = tags.iter().map(|tag| held(host, &name, tag)).collect();
        held.dedup();
        assert_eq!(held.len(), 1, "{name}: all tags name one image: {tags:?}");
        (name, (tags, held.remove(0)))
    };
    (0..images).map(image).collect()
}

/// How a job ends that does not do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mishap {
    Killed,
    Cancelled,
    NoBuilder,
}

/// A job that runs.
struct Running<'p> {
    name: &'p str,
    child: Child,
    started: Instant,
    mishap: Option<(Mishap, Duration)>,
}

/// One pipeline, run once.
struct Round<'t> {
    what: &'t str,
    repo: &'t Repo,
    builder: &'t Builder,
    host: &'t str,
    images: usize,
    random: &'t mut Random,
    counts: BTreeMap<&'static str, usize>,
    /// The jobs that failed by themselves when they last ran.
    failing: BTreeSet<String>,
    logs: TempDir,
}

impl Round<'_> {
    #[track_caller]
    fn run(&mut self, pipeline: &Pipeline) {
        let mut done: BTreeSet<&str> = BTreeSet::new();
        let mut running: Vec<Running<'_>> = Vec::new();
        while !done.contains("tags") || !running.is_empty() {
            let is_ready = |name: &str| {
                !done.contains(name)
                    && running.iter().all(|job| job.name != name)
                    && pipeline.before(name).iter().all(|need| done.contains(need))
            };
            let names = pipeline.jobs.keys().map(String::as_str);
            let ready: Vec<&str> = names.filter(|name| is_ready(name)).collect();
            if running.len() < RUNNERS && !ready.is_empty() {
                let name = ready[self.random.below(ready.len())];
                let mishap = self.mishap();
                running.push(self.start(pipeline, name, mishap));
                // Somebody starts the last job too early, or one again that has gone well.
                if name != "tags" && self.random.one_in(12) {
                    self.too_early(pipeline);
                    if let Some(name) = done.first() {
                        running.push(self.start(pipeline, name, None));
                    }
                }
                continue;
            }
            sleep(Duration::from_millis(10));
            running.retain_mut(|job| !self.has_ended(job, &mut done));
        }
        assert_eq!(done.len(), pipeline.jobs.len(), "{}", self.what);
    }

    fn mishap(&mut self) -> Option<(Mishap, Duration)> {
        if !self.random.one_in(6) {
            return None;
        }
        let all = [Mishap::Killed, Mishap::Cancelled, Mishap::NoBuilder];
        let moment = Duration::from_millis(self.random.next() % 1_500);
        Some((all[self.random.below(3)], moment))
    }

    fn start<'p>(
        &mut self,
        pipeline: &'p Pipeline,
        name: &'p str,
        mishap: Option<(Mishap, Duration)>,
    ) -> Running<'p> {
        *self.counts.entry("jobs").or_default() += 1;
        let no_builder = mishap.is_some_and(|(mishap, _)| mishap == Mishap::NoBuilder);
        let builder = if no_builder {
            "no-such-builder"
        } else {
            &self.builder.name
        };
        let programs = Path::new(env!("CARGO_BIN_EXE_shipwright"));
        let programs = programs.parent().expect("a file").display();
        let rest = std::env::var("PATH").expect("a PATH");
        let log = File::create(self.log(name)).expect("a log");
        let child = Command::new("bash")
            .args(["-ec", &pipeline.jobs[name].script])
            .current_dir(self.repo.path())
            .envs(Repo::environment())
            .env_remove("SW_NAMESPACE")
            .env_remove("GITHUB_ACTIONS")
            .env("PATH", format!("{programs}:{rest}"))
            .env("BUILDX_BUILDER", builder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("there is a shell");
        Running {
            name,
            child,
            started: Instant::now(),
            mishap,
        }
    }

    fn log(&self, name: &str) -> std::path::PathBuf {
        let name: String = name
            .chars()
            .map(|c| if c.is_alphanumeric() { c } else { '-' })
            .collect();
        self.logs
            .path()
            .join(&name[name.len().saturating_sub(200)..])
    }

    /// Whether the job has ended; notes how.
    #[track_caller]
    fn has_ended<'p>(&mut self, job: &mut Running<'p>, done: &mut BTreeSet<&'p str>) -> bool {
        if let Some((mishap, moment)) = job.mishap
            && mishap != Mishap::NoBuilder
            && job.started.elapsed() >= moment
        {
            let signal = if mishap == Mishap::Killed {
                "-KILL"
            } else {
                "-TERM"
            };
            let group = format!("-{}", job.child.id());
            let _ = Command::new("kill").args([signal, "--", &group]).status();
            // Nothing is sent twice: the program ends at the first.
            job.mishap = Some((Mishap::NoBuilder, moment));
        }
        let Some(status) = job.child.try_wait().expect("it was started") else {
            assert!(job.started.elapsed() < PATIENCE, "{} hangs", job.name);
            return false;
        };
        let log = self.log(job.name);
        if status.success() {
            done.insert(job.name);
            self.failing.remove(job.name);
        } else {
            // Where a machine has much to do, buildx itself may give up its builder: run again, as CI systems do.
            let is_known = job.mishap.is_some() || self.failing.insert(job.name.to_owned());
            let said = fs::read_to_string(log).unwrap_or_default();
            assert!(is_known, "{}, {}: {said}", self.what, job.name);
            *self.counts.entry("failed, run again").or_default() += 1;
            if job.name != "tags" {
                self.no_tag_has_moved();
            }
        }
        true
    }

    /// Runs the last job before the others have ended: it refuses.
    #[track_caller]
    fn too_early(&mut self, pipeline: &Pipeline) {
        *self.counts.entry("tags too early").or_default() += 1;
        let mut job = self.start(pipeline, "tags", None);
        let status = job.child.wait().expect("it was started");
        // The job that was still missing may have ended in between.
        if !status.success() {
            let said = fs::read_to_string(self.log("tags")).unwrap_or_default();
            let codes = ["error[part-missing]", "error[image-missing]"];
            let is_known = codes.iter().any(|code| said.contains(code));
            assert!(is_known, "{}: {said}", self.what);
            self.no_tag_has_moved();
        }
    }

    #[track_caller]
    fn no_tag_has_moved(&self) {
        for number in 0..self.images {
            let tags = tags(self.host, &format!("i{number}"));
            let is_content = tags.iter().all(|tag| tag.starts_with("sw-"));
            assert!(is_content, "{}: {tags:?}", self.what);
        }
    }
}

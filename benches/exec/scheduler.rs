//! The scheduler alone, on an engine that builds nothing or sleeps.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use shipwright::diagnostics::Diagnostic;
use shipwright::plan::Plan;
use shipwright::run::exec::progress::Quiet;
use shipwright::run::exec::{
    Engine, Failed, Found, Host, Logs, Options, Setting, Stop, WorkingTree, run_on,
};
use shipwright::run::registry::{Refused, Registry};

/// An engine whose builds sleep.
#[derive(Default)]
struct Sleeping {
    /// How long the build of a content reference takes; no time where it is not there.
    times: BTreeMap<String, Duration>,
    images: Mutex<BTreeMap<String, Found>>,
}

impl Engine for Sleeping {
    fn host(&self, _: Option<&str>) -> Result<Host, Diagnostic> {
        Ok(Host {
            architecture: "amd64".to_owned(),
            builder: "default".to_owned(),
            shares_images: true,
            holds_sources: true,
        })
    }
    fn check_builds(&self, _: bool) -> Result<(), Diagnostic> {
        Ok(())
    }
    fn look(&self, _: &BTreeSet<&str>) -> Result<BTreeMap<String, Found>, Diagnostic> {
        Ok(self.images.lock().expect("no build panics").clone())
    }
    fn tagged(&self, _: &BTreeSet<&str>) -> Result<BTreeSet<String>, Diagnostic> {
        Ok(BTreeSet::new())
    }
    fn command_line(&self, arguments: &[String]) -> String {
        arguments.join(" ")
    }
    fn build(
        &self,
        arguments: &[String],
        _: &Stop,
        _: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), Failed> {
        let after = |name: &str| {
            let at = arguments.iter().position(|word| word == name);
            at.and_then(|at| arguments.get(at + 1))
                .expect("every build has one")
        };
        let reference = after("--tag");
        if let Some(time) = self.times.get(reference) {
            thread::sleep(*time);
        }
        let label = after("--label").split_once('=');
        let image = Found {
            id: reference.clone(),
            fingerprint: label.map(|(_, value)| value.into()),
            architecture: "amd64".to_owned(),
            size: None,
        };
        let mut images = self.images.lock().expect("no build panics");
        images.insert(reference.clone(), image);
        Ok(())
    }
    fn push(&self, _: &str, _: &Stop, _: &mut (dyn FnMut(&str) + Send)) -> Result<(), Failed> {
        Ok(())
    }
    fn pull(&self, _: &str, _: &Stop, _: &mut (dyn FnMut(&str) + Send)) -> Result<(), Failed> {
        Ok(())
    }
    fn tag(&self, pairs: &[(&str, &str)], _: usize) -> Vec<Result<(), String>> {
        pairs.iter().map(|_| Ok(())).collect()
    }
}

impl Registry for Sleeping {
    fn look(&self, _: &str) -> Result<Option<Found>, Refused> {
        Ok(None)
    }
    fn digest(&self, _: &str) -> Result<Option<String>, Refused> {
        Ok(None)
    }
    fn join(&self, _: &[(&str, &str)], _: Option<&str>) -> Result<String, Refused> {
        unreachable!("no image has parts")
    }
    fn may_write(&self, _: &str) -> Result<(), Refused> {
        Ok(())
    }

    fn tag(&self, _: &str, targets: &[&str]) -> Vec<Result<(), Refused>> {
        vec![Ok(()); targets.len()]
    }
}

/// A plan of images that need those of the positions given, all before them.
fn plan(needs: &[Vec<usize>]) -> Plan {
    let images: Vec<serde_json::Value> = needs.iter().enumerate().map(image).collect();
    let source = serde_json::json!({
        "revision": "0".repeat(40), "branch": "main", "dirty": false, "timestamp": 0, "since": null
    });
    let plan = serde_json::json!({"version": 1, "source": source, "images": images});
    Plan::from_json(&plan.to_string()).expect("a plan of the format")
}

fn image((number, needs): (usize, &Vec<usize>)) -> serde_json::Value {
    let name = |number: usize| format!("us/i{number:05}");
    let fingerprint = format!("{number:064x}");
    let needed = needs.iter().map(
        |&needed| serde_json::json!({"image": name(needed), "reference": name(needed), "via": []}),
    );
    serde_json::json!({
        "name": name(number), "repository": name(number), "dockerfile": "Dockerfile",
        "context": ".", "target": null, "build_args": {}, "stamp_args": {}, "platforms": [],
        "labels": {"dev.shipwright.fingerprint": fingerprint}, "wave": 0,
        "dependencies": needed.collect::<Vec<_>>(), "base_images": [],
        "inputs": "0".repeat(40), "fingerprint": fingerprint,
        "reference": format!("{}:sw-{}", name(number), &fingerprint[32..]),
        "tags": [format!("{}:main", name(number))], "action": "ensure", "reasons": []
    })
}

/// How long a run of the plan takes.
fn run(plan: &Plan, engine: &Sleeping, jobs: usize) -> Duration {
    let logs = tempfile::tempdir().expect("a temporary folder");
    let mut options = Options::new(Logs::at(logs.path().to_owned()));
    options.jobs = jobs;
    let setting = Setting {
        root: Path::new("."),
        engine,
        registry: engine,
        contexts: &WorkingTree,
        options: &options,
    };
    let started = Instant::now();
    let report = run_on(plan, setting, &mut Quiet).expect("it starts");
    let time = started.elapsed();
    assert!(report.succeeded(), "{:?}", report.problems);
    time
}

/// What the scheduler takes for each image, in chains of ten: threads, logs and bookkeeping.
pub(super) fn overhead(images: usize) {
    let chain = |number: usize| match number % 10 {
        0 => Vec::new(),
        _ => vec![number - 1],
    };
    let plan = plan(&(0..images).map(chain).collect::<Vec<_>>());
    let mut times: Vec<Duration> = (0..5)
        .map(|_| run(&plan, &Sleeping::default(), 4))
        .collect();
    let each = times
        .iter()
        .min()
        .map(|time| *time / u32::try_from(images).unwrap_or(1));
    println!(
        "{images} builds that take no time      {}",
        super::shown(&mut times)
    );
    println!(
        "  for each image                   {:8.1?}",
        each.unwrap_or_default()
    );
}

/// Builds that sleep, against the least that any order could take.
pub(super) fn critical_path() {
    const JOBS: usize = 4;
    // One long chain that must start first, and much that can wait, by name before it.
    let needs: Vec<Vec<usize>> = (0..60)
        .map(|number| match number {
            0..=40 => Vec::new(),
            _ => vec![number - 1],
        })
        .collect();
    let plan = plan(&needs);
    let time = |number: usize| Duration::from_millis(if number < 40 { 90 } else { 50 });
    let times = (0..60).map(|number| (plan.images[number].reference.clone(), time(number)));
    let engine = |times: &BTreeMap<String, Duration>| Sleeping {
        times: times.clone(),
        ..Sleeping::default()
    };
    let times: BTreeMap<String, Duration> = times.collect();
    let chain: Duration = (40..60).map(time).sum();
    let work: Duration = (0..60).map(time).sum();
    let least = chain.max(work / u32::try_from(JOBS).unwrap_or(1));
    let mut taken: Vec<Duration> = (0..3).map(|_| run(&plan, &engine(&times), JOBS)).collect();
    println!(
        "60 builds that sleep, 4 at a time    {}",
        super::shown(&mut taken)
    );
    println!("  the least possible               {least:8.1?}");
}

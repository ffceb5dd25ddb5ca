//! Fingerprints against the builder: whatever changes what it produces must change the fingerprint.
//!
//! Random repositories, some random edits of each. Before and after an edit, every image is planned
//! and built with plain `docker build`, and what the builds produce is compared with what the plans
//! say. Every other repository builds on an image that sets variables and has triggers, which a lock file
//! knows. `SHIPWRIGHT_EDITS` is the least number of edits, `SHIPWRIGHT_SEED` says where to begin, and
//! `SHIPWRIGHT_SHOW` asks for the edits that changed a fingerprint and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use shipwright::config::lock::{Lock, LockedImage, LockedPlatform};
use shipwright::plan::{Image, Plan};
use shipwright::planner::{Options, compile};
use shipwright::tree::File;

use crate::support::edits::edit;
use crate::support::engine::{BASE, Contents, Engine, contents, docker, engine, try_docker};
use crate::support::generate::{Files, Random, config, odd_repository, plain, snapshot, text_of};

/// What became of a build: what it produced, or nothing where it failed.
type Built = BTreeMap<String, Option<Rc<Contents>>>;

/// What images hold, by their ids.
type Seen = BTreeMap<String, Rc<Contents>>;

/// How often one repository is edited.
const EDITS_OF_ONE: u64 = 10;

/// How often plan and builder agree.
#[derive(Default)]
struct Tally {
    edits: u64,
    /// Images that the builder makes otherwise than before.
    changed: u64,
    /// Images that the builder makes as before.
    same: u64,
    /// Of those, the ones whose fingerprint is as before too.
    precise: u64,
}

/// An image that sets variables and has triggers, and a lock file that knows it.
struct LockedBase {
    reference: String,
    lock: Arc<Lock>,
}

impl LockedBase {
    const DOCKERFILE: &str = "
FROM local/busybox:1
ENV SOURCE=sub A=base EVERYWHERE=base
ONBUILD COPY a.tx[t] /trigger/
ONBUILD ARG B=trigger
ONBUILD RUN echo \"$A $B $TARGETARCH\" > /trigger-values
";

    fn new(engine: &Engine) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Dockerfile"), Self::DOCKERFILE).unwrap();
        let reference = engine.repository("base:1");
        docker(&[
            "buildx",
            "build",
            "--quiet",
            "--tag",
            &reference,
            folder.path().to_str().unwrap(),
        ]);
        let inspected = docker(&["image", "inspect", "--format={{json .Config}}", &reference]);
        let inspected: serde_json::Value = serde_json::from_str(&inspected).unwrap();
        let texts = |key: &str| -> Vec<String> {
            let list = inspected[key].as_array().expect("a list").iter();
            list.map(|text| text.as_str().expect("a text").to_owned())
                .collect()
        };
        let env = texts("Env").into_iter().map(|pair| {
            let (name, value) = pair.split_once('=').expect("a value");
            (name.to_owned(), value.to_owned())
        });
        let digest = format!("sha256:{}", "1".repeat(64));
        let platform = LockedPlatform {
            digest: digest.clone(),
            env: env.collect(),
            onbuild: texts("OnBuild"),
            ..LockedPlatform::default()
        };
        let image = LockedImage {
            digest,
            platforms: ["linux/amd64", "linux/arm64"]
                .iter()
                .map(|name| ((*name).to_owned(), platform.clone()))
                .collect(),
        };
        let images = BTreeMap::from([(format!("docker.io/{reference}"), image)]);
        Self {
            reference,
            lock: Arc::new(Lock {
                images,
                ..Lock::default()
            }),
        }
    }

    /// Every other repository builds on it.
    fn for_seed(&self, seed: u64) -> Option<&Self> {
        (seed % 2 == 1).then_some(self)
    }

    /// Puts it in the place of the image that all others build on.
    fn put_below(&self, files: &mut Files) {
        for file in files.values_mut() {
            if matches!(file, File::Plain(_)) {
                let from = format!("FROM {BASE} ");
                let text = text_of(Some(file));
                *file = plain(&text.replace(&from, &format!("FROM {} ", self.reference)));
            }
        }
    }
}

#[test]
fn what_changes_an_image_changes_its_fingerprint() {
    let Some(engine) = engine() else { return };
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let edits: u64 = number("SHIPWRIGHT_EDITS").unwrap_or(40);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let first = number("SHIPWRIGHT_SEED").unwrap_or_else(|| now.unwrap().as_secs() * 10_000);
    let base = LockedBase::new(&engine);
    let mut tally = Tally::default();
    let mut seed = first;
    while tally.edits < edits {
        edit_often(&engine, base.for_seed(seed), seed, &mut tally);
        seed += 1;
    }
    let Tally {
        edits,
        changed,
        same,
        precise,
    } = tally;
    say(&format!(
        "builder: from seed {first}: {edits} edits, {changed} images changed, none unnoticed; \
         {same} did not, {precise} of them by their fingerprint too"
    ));
}

/// Not `println!`, whose output the test harness keeps back.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// One repository, planned and built after each of some edits. Repositories that cannot be built,
/// and edits after which they cannot be planned, do not count; an edit that breaks a build counts,
/// and is taken back.
fn edit_often(engine: &Engine, base: Option<&LockedBase>, seed: u64, tally: &mut Tally) {
    let mut random = Random::new(seed);
    let mut files = odd_repository(&mut random);
    if let Some(base) = base {
        base.put_below(&mut files);
    }
    let options = Options {
        lock: base.map(|base| Arc::clone(&base.lock)),
        ..Options::default()
    };
    let planned = |files: &Files| {
        let outcome = compile(&snapshot(files), &config(files), &options, None);
        outcome.value().map(|compiled| compiled.plan)
    };
    let Some(mut before) = planned(&files) else {
        return;
    };
    let mut seen = Seen::new();
    let mut built_before = build(engine, &format!("{seed}-0"), &files, &before, &mut seen);
    if built_before.values().any(Option::is_none) {
        return;
    }
    for count in 1..=EDITS_OF_ONE {
        let mut edited = files.clone();
        let what = edit(&mut random, &mut edited);
        let Some(after) = planned(&edited) else {
            continue;
        };
        let name = format!("{seed}-{count}");
        let built_after = build(engine, &name, &edited, &after, &mut seen);
        tally.edits += 1;
        for image in &after.images {
            let (old, new) = (built_before.get(&image.name), &built_after[&image.name]);
            let (Some(then), Some(old)) = (before.image(&image.name), old) else {
                continue;
            };
            let is_same = then.fingerprint == image.fingerprint;
            let place = format!("seed {seed}, edit {count}: {what}: `{}`", image.name);
            if old != new {
                tally.changed += 1;
                assert!(!is_same, "{place} changes unnoticed");
                continue;
            }
            tally.same += 1;
            tally.precise += u64::from(is_same);
            if !is_same && std::env::var_os("SHIPWRIGHT_SHOW").is_some() {
                say(&format!("imprecise: {place}"));
            }
        }
        if built_after.values().all(Option::is_some) {
            (files, before, built_before) = (edited, after, built_after);
        }
    }
}

/// Builds all images of a plan, each on those that it needs. `name` is not used for anything else:
/// a builder takes what it was sent before from the same path for the same.
fn build(engine: &Engine, name: &str, files: &Files, plan: &Plan, seen: &mut Seen) -> Built {
    let folder = tempfile::Builder::new()
        .prefix(&format!("shipwright-{name}-"))
        .tempdir()
        .unwrap();
    write(folder.path(), files);
    let mut built = Built::new();
    let mut remove = vec!["rmi".to_owned(), "--force".to_owned()];
    for image in &plan.images {
        let reference = engine.repository(&format!("{name}-{}", image.name));
        let contents = build_one(engine, name, folder.path(), image, &reference).map(|id| {
            let known = seen.entry(id);
            Rc::clone(known.or_insert_with(|| Rc::new(contents(&reference))))
        });
        built.insert(image.name.clone(), contents);
        remove.push(reference);
    }
    let remove: Vec<&str> = remove.iter().map(String::as_str).collect();
    let _ = try_docker(&remove);
    built
}

/// Builds one image; gives its id.
fn build_one(
    engine: &Engine,
    name: &str,
    root: &Path,
    image: &Image,
    reference: &str,
) -> Option<String> {
    let mut build = Command::new("docker");
    build.args([
        "buildx",
        "build",
        "--quiet",
        "--provenance=false",
        "--network=none",
    ]);
    build.args(["--tag", reference, "--file"]);
    build.arg(root.join(&image.dockerfile));
    for (name, value) in image.build_args.iter().chain(&image.stamp_args) {
        build.arg(format!("--build-arg={name}={value}"));
    }
    for dependency in &image.dependencies {
        let needed = engine.repository(&format!("{name}-{}", dependency.image));
        build.arg(format!(
            "--build-context={}=docker-image://{needed}",
            dependency.reference
        ));
    }
    for (key, folder) in &image.contexts {
        let folder = root.join(folder);
        build.arg(format!("--build-context={key}={}", folder.display()));
    }
    build.arg(root.join(&image.context));
    let output = build
        .stdin(Stdio::null())
        .output()
        .expect("docker was there");
    let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(id)
}

fn write(root: &Path, files: &Files) {
    for (path, file) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mode = match file {
            File::Link(target) => {
                symlink(String::from_utf8(target.clone()).unwrap(), &path).unwrap();
                continue;
            }
            File::Plain(_) => 0o644,
            File::Executable(_) => 0o755,
            File::EmptyFolder => {
                fs::create_dir_all(&path).unwrap();
                continue;
            }
        };
        if let File::Plain(bytes) | File::Executable(bytes) = file {
            fs::write(&path, bytes).unwrap();
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

//! Fingerprints against the builder: whatever changes what it produces must change the fingerprint.
//!
//! Random repositories, one random edit each. Before and after, every image is planned and built
//! with plain `docker build`, and what the builds produce is compared with what the plans say.
//! `SHIPWRIGHT_EDITS` says how many edits (25), `SHIPWRIGHT_SEED` where to begin, and
//! `SHIPWRIGHT_SHOW` asks for the edits that changed a fingerprint and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use shipwright::compile::{Options, compile};
use shipwright::config::Config;
use shipwright::plan::{Image, Plan};
use shipwright::snapshot::File;

use crate::support::engine::{Contents, Engine, contents, engine, try_docker};
use crate::support::generate::{Files, Random, edit, repository, snapshot};

/// What became of a build: what it produced, or nothing where it failed.
type Built = BTreeMap<String, Option<Contents>>;

/// How often plan and builder agree.
#[derive(Default)]
struct Tally {
    edits: usize,
    /// Images that the builder makes otherwise than before.
    changed: usize,
    /// Images that the builder makes as before.
    same: usize,
    /// Of those, the ones whose fingerprint is as before too.
    precise: usize,
}

#[test]
fn what_changes_an_image_changes_its_fingerprint() {
    let Some(engine) = engine() else { return };
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let edits = number("SHIPWRIGHT_EDITS").unwrap_or(25);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let first = number("SHIPWRIGHT_SEED").unwrap_or_else(|| now.unwrap().as_secs() * 10_000);
    let mut tally = Tally::default();
    let mut seed = first;
    while tally.edits < usize::try_from(edits).unwrap() {
        try_edit(&engine, seed, &mut tally);
        seed += 1;
    }
    let Tally {
        edits,
        changed,
        same,
        precise,
    } = tally;
    // Not `println!`, whose output the test harness keeps back.
    let _ = writeln!(
        std::io::stderr(),
        "builder: from seed {first}: {edits} edits, {changed} images changed, none unnoticed; \
         {same} did not, {precise} of them by their fingerprint too"
    );
}

/// Plans and builds before and after an edit. Repositories that cannot be planned do not count.
fn try_edit(engine: &Engine, seed: u64, tally: &mut Tally) {
    let mut random = Random::new(seed);
    let mut files = repository(&mut random);
    let Some(before) = planned(&files) else {
        return;
    };
    let built_before = build(engine, &format!("{seed}a"), &files, &before);
    let what = edit(&mut random, &mut files);
    let Some(after) = planned(&files) else { return };
    let built_after = build(engine, &format!("{seed}b"), &files, &after);
    tally.edits += 1;
    for image in &after.images {
        let (old, new) = (built_before.get(&image.name), &built_after[&image.name]);
        let (Some(then), Some(old)) = (before.image(&image.name), old) else {
            continue;
        };
        if old.is_none() && new.is_none() {
            continue;
        }
        let is_same = then.fingerprint == image.fingerprint;
        if old == new {
            tally.same += 1;
            tally.precise += usize::from(is_same);
            if !is_same && std::env::var_os("SHIPWRIGHT_SHOW").is_some() {
                let name = &image.name;
                let _ = writeln!(std::io::stderr(), "imprecise: seed {seed}: {what}: {name}");
            }
        } else {
            tally.changed += 1;
            let name = &image.name;
            assert!(!is_same, "seed {seed}: {what}: `{name}` changes unnoticed");
        }
    }
}

fn planned(files: &Files) -> Option<Plan> {
    let snapshot = snapshot(files);
    let (compiled, _) = compile(&snapshot, &Config::default(), &Options::default(), None);
    compiled.map(|compiled| compiled.plan)
}

/// Builds all images of a plan, each on those that it needs. `name` is not used for anything else:
/// a builder takes what it was sent before from the same path for the same.
fn build(engine: &Engine, name: &str, files: &Files, plan: &Plan) -> Built {
    let folder = tempfile::Builder::new()
        .prefix(&format!("shipwright-{name}-"))
        .tempdir()
        .unwrap();
    write(folder.path(), files);
    let mut built = Built::new();
    for image in &plan.images {
        let reference = engine.repository(&format!("{name}-{}", image.name));
        let done = build_one(engine, name, folder.path(), image, &reference);
        built.insert(image.name.clone(), done.then(|| contents(&reference)));
    }
    for image in &plan.images {
        let _ = try_docker(&[
            "rmi",
            "--force",
            &engine.repository(&format!("{name}-{}", image.name)),
        ]);
    }
    built
}

fn build_one(engine: &Engine, name: &str, root: &Path, image: &Image, reference: &str) -> bool {
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
    for dependency in &image.dependencies {
        let needed = engine.repository(&format!("{name}-{}", dependency.image));
        build.arg(format!(
            "--build-context={}=docker-image://{needed}",
            dependency.reference
        ));
    }
    build.arg(root.join(&image.context));
    let status = build
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.expect("docker was there").success()
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
        };
        if let File::Plain(bytes) | File::Executable(bytes) = file {
            fs::write(&path, bytes).unwrap();
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

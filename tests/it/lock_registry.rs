//! `lock` against real registries behind a proxy that counts: what is asked, what moves, what follows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::counting_proxy::CountingProxy;
use crate::support::fake_docker::FakeDocker;
use crate::support::generate::Random;
use crate::support::own_registry::OwnRegistry;
use crate::support::program::{self, shipwright};
use crate::support::raw_registry::{INDEX, Raw};
use crate::support::repo::Repo;
use crate::support::skip::skip;

/// A registry of the test's own and the proxy before it.
struct World {
    registry: OwnRegistry,
    proxy: CountingProxy,
}

impl World {
    #[track_caller]
    fn new() -> Option<Self> {
        let mut registry = OwnRegistry::new()?;
        registry.start();
        let proxy = CountingProxy::before(registry.host());
        Some(Self { registry, proxy })
    }

    fn raw(&self) -> Raw<'_> {
        Raw {
            host: self.registry.host(),
        }
    }

    /// Lets the tag `1` name an index of two platforms, of that content.
    fn put_index(&self, repository: &str, content: &str) -> [String; 3] {
        let raw = self.raw();
        let env = variables(content);
        let images =
            ["amd64", "arm64"].map(|name| raw.base(repository, None, name, &env, &[], None));
        let index = raw.index(repository, Some("1"), &images);
        [&index, &images[0], &images[1]].map(digest_of)
    }

    /// Lets the tag `1` name a single image of that content.
    fn put_single(&self, repository: &str, content: &str, onbuild: &[&str]) -> String {
        let raw = self.raw();
        digest_of(&raw.base(
            repository,
            Some("1"),
            "amd64",
            &variables(content),
            onbuild,
            None,
        ))
    }
}

fn variables(content: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("CONTENT".to_owned(), content.to_owned())])
}

fn digest_of(descriptor: &Value) -> String {
    descriptor["digest"].as_str().expect("a digest").to_owned()
}

#[track_caller]
fn run(repo: &Repo, arguments: &[&str]) -> Output {
    let output = shipwright(repo, ".").args(arguments).output();
    output.expect("the program was built")
}

/// The program ends with that status; gives what it printed and what it said.
#[track_caller]
fn ends(repo: &Repo, arguments: &[&str], status: i32) -> (String, String) {
    let output = run(repo, arguments);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        output.status.code(),
        Some(status),
        "{arguments:?}: {stderr}"
    );
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    (stdout, stderr)
}

fn lock_file(repo: &Repo) -> String {
    std::fs::read_to_string(repo.join("shipwright.lock")).expect("it was written")
}

#[test]
fn what_has_not_moved_costs_one_request_that_nobody_counts() {
    let Some(world) = World::new() else { return };
    let host = world.proxy.host();
    let [index, amd64, arm64] = world.put_index("base/index", "first");
    let single = world.put_single("base/single", "first", &["RUN true"]);
    let repo = Repo::new(&format!(
        "//- a/Dockerfile\nFROM {host}/base/index:1\n//- b/Dockerfile\nFROM {host}/base/single:1\n\
         //- c/Dockerfile\nFROM {host}/base/index:1\nCOPY --from={host}/base/single:1 /x /x\n"
    ));
    let get = |repository: &str, what: &str| format!("GET /v2/base/{repository}/{what}");
    let head = |repository: &str| format!("HEAD /v2/base/{repository}/manifests/1");
    let configs = |requests: &[String]| {
        let of_configs = requests
            .iter()
            .filter(|request| request.contains("/blobs/"));
        of_configs.count()
    };
    let manifests = |requests: Vec<String>| -> Vec<String> {
        let all = requests.into_iter();
        all.filter(|request| !request.contains("/blobs/")).collect()
    };

    ends(&repo, &["lock"], 0);
    let requests = world.proxy.take();
    assert_eq!(configs(&requests), 3, "{requests:?}");
    let mut expected = vec![
        get("index", "manifests/1"),
        get("index", &format!("manifests/{amd64}")),
        get("index", &format!("manifests/{arm64}")),
        get("single", "manifests/1"),
        // A single manifest is read once more for its configuration.
        get("single", &format!("manifests/{single}")),
    ];
    expected.sort();
    assert_eq!(manifests(requests), expected);
    let first = lock_file(&repo);
    let read: Value = serde_json::from_str(&first).expect("it is JSON");
    assert_eq!(
        read["images"][format!("{host}/base/index:1")]["digest"],
        index
    );

    ends(&repo, &["lock"], 0);
    assert_eq!(world.proxy.take(), [""; 0], "everything is there");
    for arguments in [&["lock", "--update"][..], &["lock", "--outdated"]] {
        ends(&repo, arguments, 0);
        assert_eq!(world.proxy.take(), [head("index"), head("single")]);
        assert_eq!(lock_file(&repo), first);
    }

    // The index moves for a platform that nobody builds for: its images are known.
    let raw = world.raw();
    let env = variables("first");
    let images =
        ["amd64", "arm64", "s390x"].map(|name| raw.base("base/index", None, name, &env, &[], None));
    raw.index("base/index", Some("1"), &images);
    let (printed, _) = ends(&repo, &["lock", "--update", "--format", "json"], 0);
    let expected = [get("index", "manifests/1"), head("index"), head("single")];
    assert_eq!(world.proxy.take(), expected);
    let changes: Value = serde_json::from_str(&printed).expect("it is JSON");
    assert_eq!(
        changes["images"],
        serde_json::json!([]),
        "nothing is rebuilt"
    );
    assert!(!lock_file(&repo).contains("s390x"));
}

#[test]
fn a_registry_that_is_busy_is_waited_for_and_one_that_stays_busy_keeps_its_entry() {
    let Some(world) = World::new() else { return };
    let host = world.proxy.host();
    world.put_single("base/a", "first", &[]);
    world.put_single("base/b", "first", &[]);
    let repo = Repo::new(&format!(
        "//- a/Dockerfile\nFROM {host}/base/a:1\nCOPY --from={host}/base/b:1 /x /x\n"
    ));
    world.proxy.be_busy("/v2/base/a/manifests/1", 1);
    let started = Instant::now();
    ends(&repo, &["lock"], 0);
    assert!(
        started.elapsed() >= Duration::from_secs(1),
        "it waits as long as it was asked to"
    );
    let first = lock_file(&repo);
    assert!(first.contains("base/a:1") && first.contains("base/b:1"));

    // A tag that is gone keeps its entry; the others are renewed.
    world.proxy.hide("/v2/base/a/manifests/1", true);
    let second = world.put_single("base/b", "second", &[]);
    let (printed, said) = ends(&repo, &["lock", "--update"], 1);
    assert!(
        said.contains("error[lock-gone]") && printed.contains("no longer exists; was"),
        "{printed}{said}"
    );
    let renewed = lock_file(&repo);
    assert!(renewed.contains(&second));
    let of_a = |text: &str| {
        let file: Value = serde_json::from_str(text).expect("it is JSON");
        file["images"][format!("{host}/base/a:1")].clone()
    };
    assert_eq!(of_a(&renewed), of_a(&first));
}

#[test]
fn an_entry_stays_where_the_new_index_lacks_a_platform() {
    let Some(world) = World::new() else { return };
    let host = world.proxy.host();
    world.put_index("base/a", "first");
    world.put_index("base/b", "first");
    let repo = Repo::new(&format!(
        "//- a/Dockerfile\nFROM {host}/base/a:1\nCOPY --from={host}/base/b:1 /x /x\n\
         //- .shipwright.json\n{{\"version\": 2, \"platforms\": [\"linux/amd64\", \"linux/arm64\"]}}\n"
    ));
    ends(&repo, &["lock"], 0);
    let first = lock_file(&repo);
    let entry = |text: &str, name: &str| {
        let file: Value = serde_json::from_str(text).expect("it is JSON");
        file["images"][format!("{host}/base/{name}:1")].clone()
    };

    let raw = world.raw();
    let amd64 = raw.base("base/a", None, "amd64", &variables("second"), &[], None);
    raw.index("base/a", Some("1"), &[amd64]);
    let [moved, ..] = world.put_index("base/b", "second");
    let lacks = format!("error[lock-platform]: `{host}/base/a:1` has no image for linux/arm64");
    let (_, said) = ends(&repo, &["lock", "--update"], 1);
    assert!(said.contains(&lacks), "{said}");
    assert!(said.contains("its entry is unchanged"), "{said}");
    let renewed = lock_file(&repo);
    assert_eq!(entry(&renewed, "a"), entry(&first, "a"));
    assert_eq!(entry(&renewed, "b")["digest"], moved);
    let (_, said) = ends(&repo, &["lock", "--outdated"], 2);
    assert!(said.contains(&lacks), "{said}");

    // Without an entry, what there is is locked: an image for the other platform can be built.
    std::fs::remove_file(repo.join("shipwright.lock")).unwrap();
    let (_, said) = ends(&repo, &["lock"], 1);
    assert!(
        said.contains(&lacks) && !said.contains("unchanged"),
        "{said}"
    );
    let written = lock_file(&repo);
    assert!(entry(&written, "a")["platforms"]["linux/amd64"].is_object());
}

#[test]
fn what_is_no_image_is_refused_with_the_lines_that_take_it() {
    let Some(world) = World::new() else { return };
    let host = world.proxy.host();
    let good = world.put_single("base/good", "first", &[]);
    let other = format!("sha256:{}", "a".repeat(64));
    let attested = serde_json::json!({"schemaVersion": 2, "manifests": [
        {"digest": other, "platform": {"os": "unknown", "architecture": "unknown"}},
    ]});
    let neither = "what it sent is neither the manifest of an image nor an index of images";
    for (text, message) in [
        // A manifest of schema 1.
        (
            r#"{"schemaVersion": 1, "fsLayers": [], "history": []}"#,
            neither,
        ),
        (r#"{"schemaVersion": 2, "manifests": []}"#, neither),
        (
            r#"{"schemaVersion": 2, "mediaType": "text/x", "blobs": []}"#,
            neither,
        ),
        (
            &attested.to_string(),
            "its index has no image for any platform",
        ),
    ] {
        world.proxy.replace("/v2/base/bad/manifests/1", text);
        let repo = Repo::new(&format!(
            "//- a/Dockerfile\nARG X\nFROM {host}/base/bad:1\n"
        ));
        let (_, said) = ends(&repo, &["lock"], 2);
        assert!(said.contains("error[lock-unanswered]"), "{said}");
        assert!(said.contains(message), "{said}");
        assert!(said.contains("it is used by a/Dockerfile:2 FROM"), "{said}");
        assert!(!repo.join("shipwright.lock").exists(), "{text}");

        // What can be locked is, and nothing stands for the other.
        repo.write(&format!("//- b/Dockerfile\nFROM {host}/base/good:1\n"));
        ends(&repo, &["lock"], 1);
        let written = lock_file(&repo);
        assert!(
            written.contains(&good) && !written.contains("base/bad"),
            "{written}"
        );
    }
}

/// Images, each on a base and some on another image, and what each needs.
struct Landscape {
    repo: Repo,
    /// For each base, the images that it reaches.
    closures: Vec<BTreeSet<String>>,
}

fn landscape(host: &str, bases: usize, images: usize, random: &mut Random) -> Landscape {
    let mut closures = vec![BTreeSet::new(); bases];
    let mut fixture = String::new();
    for image in 0..images {
        let name = format!("ns/i{image}");
        let base = if image < bases {
            image
        } else {
            random.below(bases)
        };
        let _ = writeln!(
            fixture,
            "//- i{image}/Dockerfile\nFROM {host}/base/b{base}:1"
        );
        let mut reached = BTreeSet::from([base]);
        if image > 0 && random.one_in(2) {
            let other = random.below(image);
            let _ = writeln!(fixture, "COPY --from=ns/i{other} /x /x");
            let below = format!("ns/i{other}");
            reached.extend((0..bases).filter(|base| closures[*base].contains(&below)));
        }
        for base in reached {
            closures[base].insert(name.clone());
        }
    }
    fixture.push_str("//- .shipwright.json\n{\"version\": 2, \"namespace\": \"ns\"}\n");
    let repo = Repo::new(&fixture);
    Landscape { repo, closures }
}

fn fingerprints(repo: &Repo) -> BTreeMap<String, String> {
    let plan: Value = serde_json::from_str(&program::run(repo, &["plan", "--dirty"])).unwrap();
    let images = plan["images"].as_array().expect("images").iter();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    images
        .map(|image| (text(&image["name"]), text(&image["fingerprint"])))
        .collect()
}

/// `SHIPWRIGHT_MOVES=1000` makes so many moves.
#[test]
fn exactly_what_depends_on_a_moved_base_is_rebuilt() {
    const BASES: usize = 12;
    let Some(world) = World::new() else { return };
    let moves = std::env::var("SHIPWRIGHT_MOVES").ok();
    let moves = moves.and_then(|text| text.parse().ok()).unwrap_or(40);
    let mut random = Random::new(7);
    let host = world.proxy.host().to_owned();
    let mut contents: Vec<String> = (0..BASES).map(|base| format!("b{base}")).collect();
    for (base, content) in contents.iter().enumerate() {
        world.put_index(&format!("base/b{base}"), content);
    }
    let Landscape { repo, closures } = landscape(&host, BASES, 40, &mut random);
    ends(&repo, &["lock"], 0);
    let mut before = fingerprints(&repo);
    for step in 0..moves {
        let base = random.below(BASES);
        let repository = format!("base/b{base}");
        let tag = format!("/v2/{repository}/manifests/1");
        let (mut status, mut expected) = (0, BTreeSet::new());
        match random.below(4) {
            0 => {
                contents[base] = format!("b{base} {step}");
                world.put_index(&repository, &contents[base]);
                expected = closures[base].clone();
            }
            1 => drop(world.put_index(&repository, &contents[base])),
            2 => {
                let raw = world.raw();
                let env = variables(&contents[base]);
                let mut images = Vec::from(
                    ["amd64", "arm64"]
                        .map(|name| raw.base(&repository, None, name, &env, &[], None)),
                );
                let further = variables(&step.to_string());
                images.push(raw.base(&repository, None, "s390x", &further, &[], None));
                raw.index(&repository, Some("1"), &images);
            }
            _ => {
                world.proxy.hide(&tag, true);
                status = 1;
            }
        }
        let (printed, _) = ends(&repo, &["lock", "--update", "--format", "json"], status);
        world.proxy.hide(&tag, false);
        let changes: Value = serde_json::from_str(&printed).expect("it is JSON");
        let told = changes["images"].as_array().expect("images").iter();
        let told: BTreeSet<String> = told
            .map(|name| name.as_str().expect("a name").to_owned())
            .collect();
        assert_eq!(told, expected, "move {step}");
        let after = fingerprints(&repo);
        let changed = after
            .iter()
            .filter(|(name, print)| before.get(*name) != Some(print));
        let changed: BTreeSet<String> = changed.map(|(name, _)| name.clone()).collect();
        assert_eq!(changed, expected, "move {step}");
        before = after;
    }
}

#[test]
fn planning_asks_nobody() {
    let usable = Command::new("unshare").args(["--net", "true"]).status();
    if !usable.is_ok_and(|status| status.success()) {
        skip("a user that may cut off a process from the network (unshare --net)");
        return;
    }
    let Some(world) = World::new() else { return };
    world.put_index("base/a", "first");
    let host = world.proxy.host();
    let repo = Repo::new(&format!("//- a/Dockerfile\nFROM {host}/base/a:1\n"));
    ends(&repo, &["lock"], 0);
    repo.commit("Lock");
    world.proxy.take();
    let plan = program::run(&repo, &["plan"]);
    let mut cut = Command::new("unshare");
    cut.args(["--net", "--", env!("CARGO_BIN_EXE_shipwright"), "plan"]);
    cut.current_dir(repo.path()).envs(Repo::environment());
    let output = cut.output().expect("it was there");
    program::succeeded(&["plan"], &output);
    assert_eq!(String::from_utf8_lossy(&output.stdout), plan);
    assert_eq!(world.proxy.take(), [""; 0]);
}

/// Runs `exec` with a docker that builds nothing.
#[track_caller]
fn exec(repo: &Repo, docker: &FakeDocker, status: i32) -> String {
    exec_with(repo, docker, &[], status)
}

#[track_caller]
fn exec_with(repo: &Repo, docker: &FakeDocker, arguments: &[&str], status: i32) -> String {
    let rest = std::env::var("PATH").expect("a PATH");
    let output = shipwright(repo, ".")
        .args(["exec", "--quiet", "--dirty", "--no-tags"])
        .args(arguments)
        .env("PATH", format!("{}:{rest}", docker.bin().display()))
        .env_remove("DOCKER_HOST")
        .output();
    let output = output.expect("the program was built");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{stderr}");
    stderr
}

#[test]
fn a_lock_file_is_held_against_registries_before_the_first_build() {
    let Some(world) = World::new() else { return };
    let host = world.proxy.host().to_owned();
    let name = format!("{host}/base/a:1");
    let [index, amd64, _] = world.put_index("base/a", "first");
    let repo = Repo::new(&format!("//- a/Dockerfile\nFROM {name}\n"));
    ends(&repo, &["lock"], 0);
    let right = lock_file(&repo);
    world.proxy.take();
    let docker = FakeDocker::new();
    let builds = || docker.take_calls(&["buildx build"]).len();
    let write = |from: &str, to: &str| {
        assert!(right.contains(from), "{from}");
        std::fs::write(repo.join("shipwright.lock"), right.replace(from, to)).unwrap();
    };
    let none = format!("sha256:{}", "7".repeat(64));

    // By hand, or by a merge.
    for (from, to, says) in [
        (
            "\"CONTENT\": \"first\"",
            "\"CONTENT\": \"second\"",
            "for linux/amd64 the registry has `ENV CONTENT=first`",
        ),
        (
            "\"onbuild\": []",
            "\"onbuild\": [\"COPY . /\"]",
            "for linux/amd64 the registry has no `ONBUILD` triggers",
        ),
        (&*amd64, &*none, "does not have sha256:7777777"),
    ] {
        write(from, to);
        let said = exec(&repo, &docker, 1);
        let expected = format!(
            "error[lock-differs]: the entry of `{name}` in the lock file differs from its registry: "
        );
        assert!(said.contains(&expected) && said.contains(says), "{said}");
        assert!(said.contains("--> shipwright.lock:4:"), "{said}");
        assert_eq!(builds(), 0);
    }
    write(&index, &none);
    let said = exec(&repo, &docker, 1);
    assert!(said.contains("error[lock-gone]: "), "{said}");
    assert!(
        said.contains("`\"mirror\"`") && said.contains("--update"),
        "{said}"
    );
    assert_eq!(builds(), 0);

    // What a registry does not answer stops no build; what it said once is not asked again.
    write("", "");
    for path in [&index, &amd64] {
        world
            .proxy
            .be_busy(&format!("/v2/base/a/manifests/{path}"), 4);
    }
    let said = exec(&repo, &docker, 0);
    assert!(said.contains("warning[lock-unchecked]: "), "{said}");
    assert_eq!(builds(), 1);
    for path in [&index, &amd64] {
        world
            .proxy
            .be_busy(&format!("/v2/base/a/manifests/{path}"), 0);
    }
    world.proxy.take();
    for asked in [5, 0] {
        repo.write(&format!(
            "//- a/Dockerfile\nFROM {name}\nLABEL asked={asked}\n"
        ));
        assert_eq!(exec(&repo, &docker, 0), "");
        assert_eq!(world.proxy.take().len(), asked);
    }
}

#[test]
fn a_run_that_pulls_rebuilds_exactly_what_moved_and_records_nothing() {
    let Some(world) = World::new() else { return };
    let host = world.proxy.host().to_owned();
    for repository in ["base/a", "base/b", "base/c"] {
        world.put_index(repository, "first");
    }
    let repo = Repo::new(&format!(
        "//- a/Dockerfile\nFROM {host}/base/a:1\n//- b/Dockerfile\nFROM {host}/base/b:1\n\
         //- on-a/Dockerfile\nFROM a\n//- c/Dockerfile\nFROM {host}/base/c:1\n\
         //- lost/Dockerfile\nFROM {host}/base/lost:1\n"
    ));
    let docker = FakeDocker::new();
    let pull = |arguments: &[&str], status: i32| {
        let mut all = vec!["--pull"];
        all.extend(arguments);
        let said = exec_with(&repo, &docker, &all, status);
        (said, docker.take_calls(&["buildx build"]))
    };
    let whole = ["a", "b", "c", "on-a"];

    let (_, builds) = pull(&whole, 0);
    assert_eq!(builds.len(), 4, "{builds:?}");
    let asked = world.proxy.take().join("\n");
    assert!(!asked.contains("/base/lost/"), "no image needs it: {asked}");
    let (_, builds) = pull(&whole, 0);
    assert_eq!(builds, [] as [&str; 0], "nothing has moved");

    let [index, ..] = world.put_index("base/a", "second");
    let (_, builds) = pull(&whole, 0);
    let bound = format!("{host}/base/a:1=docker-image://{host}/base/a:1@{index}");
    assert_eq!(builds.len(), 2, "{builds:?}");
    assert!(
        builds.iter().any(|build| build.contains(&bound)),
        "{builds:?}"
    );
    // Alone, an image has the same identity as among others.
    let (_, builds) = pull(&["-e", "on-a"], 0);
    assert_eq!(builds, [] as [&str; 0]);

    // What cannot be bound is not built on whatever is here.
    let (said, builds) = pull(&["lost"], 1);
    assert!(said.contains("error[lock-gone]: "), "{said}");
    assert!(said.contains("`\"unlocked\"`"), "{said}");
    assert_eq!(builds, [] as [&str; 0]);
    assert!(!repo.join("shipwright.lock").exists());

    ends(&repo, &["lock"], 1);
    let (said, builds) = pull(&["a"], 1);
    assert!(said.contains("error[pull-locked]: "), "{said}");
    assert_eq!(builds, [] as [&str; 0]);
}

#[test]
fn a_mirror_is_asked_first_and_builds_take_bases_from_it() {
    let (Some(mut world), Some(cache)) = (World::new(), World::new()) else {
        return;
    };
    let host = world.proxy.host().to_owned();
    let mirrored = format!("{}/base/a", host.replace(':', "-"));
    let digests = world.put_index("base/a", "first");
    assert_eq!(cache.put_index(&mirrored, "first"), digests);
    world.put_index("base/b", "first");
    let mirror = cache.proxy.host();
    let repo = Repo::new(&format!(
        "//- a/Dockerfile\nFROM {host}/base/a:1\nCOPY --from={host}/base/b:1 /x /x\n\
         //- .shipwright.json\n{{\"version\": 2, \"mirror\": \"{mirror}\"}}\n"
    ));
    ends(&repo, &["lock"], 0);
    let asked = |world: &World| world.proxy.take();
    assert!(asked(&cache).contains(&format!("GET /v2/{mirrored}/manifests/1")));
    let at_home = asked(&world);
    assert!(
        at_home
            .iter()
            .all(|request| request.contains("/v2/base/b/")),
        "{at_home:?}"
    );
    let plan = program::run(&repo, &["plan", "--dirty"]);
    let bound = format!("docker-image://{mirror}/{mirrored}:1@{}", digests[0]);
    assert!(plan.contains(&bound), "{plan}");

    // Without its own registry, the mirror is enough.
    world.registry.stop();
    ends(&repo, &["lock", "--update", &format!("{host}/base/a:1")], 0);
}

/// Prints the times for `docs/lock.md`: of a machine that does something else, they say nothing.
#[test]
fn two_hundred_bases_take_a_request_each() {
    const BASES: usize = 200;
    const AT_A_TIME: usize = 8;
    let Some(world) = World::new() else { return };
    let host = world.proxy.host();
    let raw = world.raw();
    let images =
        ["amd64", "arm64"].map(|name| raw.base("base", None, name, &variables(""), &[], None));
    let mut fixture = String::new();
    for base in 0..BASES {
        raw.index("base", Some(&format!("t{base}")), &images);
        let _ = writeln!(fixture, "//- i{base}/Dockerfile\nFROM {host}/base:t{base}");
    }
    let repo = Repo::new(&fixture);
    ends(&repo, &["lock"], 0);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for first in 0..AT_A_TIME {
            scope.spawn(move || {
                for base in (first..BASES).step_by(AT_A_TIME) {
                    let address = format!("http://{host}/v2/base/manifests/t{base}");
                    let head = ureq::head(address).header("Accept", INDEX).call();
                    assert!(head.is_ok(), "{head:?}");
                }
            });
        }
    });
    let own = started.elapsed();
    world.proxy.take();
    let started = Instant::now();
    ends(&repo, &["lock", "--outdated"], 0);
    let all = started.elapsed();
    assert_eq!(world.proxy.take().len(), BASES);
    println!("{BASES} bases are checked in {all:?}; the registry alone takes {own:?}");
}

//! Each platform built by itself and joined in the registry: the same as one build of all platforms.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::engine::{self, Engine};
use crate::support::own_engine::OwnEngine;
use crate::support::program::{self, shipwright};
use crate::support::raw_registry::Raw;
use crate::support::repo::Repo;

const PLATFORMS: [&str; 2] = ["linux/amd64", "linux/arm64"];

/// A chain of three images for two platforms, whose builds run nothing: no platform is emulated. The last
/// one takes from the first, too. `text` is in their files, for an engine tags what it holds of other tests.
pub(super) fn chain(engine: &Engine, text: &str) -> Repo {
    let name = |name: &str| engine.repository(name);
    Repo::new(&format!(
        "//- .shipwright.json\n{{\"version\": 2, \"namespace\": \"{}\",\n\
         \"platforms\": [\"linux/amd64\", \"linux/arm64\"]}}\n\
         //- a/Dockerfile\nFROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH.txt /a.txt\n\
         //- a/amd64.txt\n{text} for amd64\n//- a/arm64.txt\n{text} for arm64\n\
         //- b/Dockerfile\nFROM {}\nCOPY b.txt /\n//- b/b.txt\n{text}\n\
         //- c/Dockerfile\nFROM {}\nCOPY --from={} /a.txt /again.txt\nCOPY c.txt /\n//- c/c.txt\nc\n",
        engine.prefix(),
        name("a"),
        name("b"),
        name("a")
    ))
}

/// Runs `exec`; gives the counts of its last line, or its errors.
fn exec(repo: &Repo, arguments: &[&str]) -> Result<String, String> {
    let output = shipwright(repo, ".")
        .args(["exec", "--quiet"])
        .args(arguments)
        .output()
        .expect("the program was built");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let counts = printed.lines().last().unwrap_or_default();
    Ok(counts.split(" in ").next().unwrap_or_default().to_owned())
}

/// Builds the parts for a platform as a job does, on a machine that has no image.
#[track_caller]
pub(super) fn build_part(engine: &Engine, repo: &Repo, name: &str, platform: &str) -> String {
    engine.clear();
    let fixed = ["--push", "--no-tags", "--only-platform", platform];
    let built = exec(repo, &[&fixed[..], &["-e", name]].concat());
    built.unwrap_or_else(|said| panic!("{name} for {platform}: {said}"))
}

/// What an index holds: of each image the platform, the layers before they were compressed, and the fingerprint.
pub(super) type Held = Vec<(String, Value, Value)>;

/// What is in a registry under a tag: for each platform the layers, before they were compressed, and the
/// fingerprint. Digests would say more than is meant: a configuration holds the time of its build.
#[track_caller]
pub(super) fn held(host: &str, path: &str, tag: &str) -> Held {
    let raw = Raw { host };
    let json = |text: Option<String>| -> Value {
        let text = text.unwrap_or_else(|| panic!("{path}:{tag} is not there"));
        serde_json::from_str(&text).expect("JSON")
    };
    let index = json(raw.manifest_text(path, tag));
    let entries = index["manifests"].as_array().expect("an index").iter();
    let image = |entry: &Value| {
        let platform = &entry["platform"];
        let words = [&platform["os"], &platform["architecture"]];
        let words = words.map(|word| word.as_str().unwrap_or_default());
        let manifest = json(raw.manifest_text(path, entry["digest"].as_str().expect("a digest")));
        let config = json(raw.blob_text(path, manifest["config"]["digest"].as_str().expect("one")));
        let layers = config["rootfs"]["diff_ids"].clone();
        let label = &config["config"]["Labels"]["dev.shipwright.fingerprint"];
        (words.join("/"), layers, label.clone())
    };
    entries.map(image).collect()
}

/// The tags of a repository in the registry, sorted.
pub(super) fn tags(host: &str, path: &str) -> Vec<String> {
    let listed = ureq::get(format!("http://{host}/v2/{path}/tags/list")).call();
    let listed = listed
        .ok()
        .and_then(|r| r.into_body().read_to_string().ok());
    let listed: Value = listed.map_or(Value::Null, |t| serde_json::from_str(&t).unwrap());
    let tags = listed["tags"].as_array().into_iter().flatten();
    let mut tags: Vec<String> = tags.map(|t| t.as_str().unwrap().to_owned()).collect();
    tags.sort();
    tags
}

/// The tags below the prefix that are in the registry, by image.
fn all_tags(engine: &Engine) -> BTreeMap<&'static str, Vec<String>> {
    let of = |name| {
        let (host, path) = place(engine, name);
        (name, tags(&host, &path))
    };
    ["a", "b", "c"].map(of).into()
}

/// The host of a repository below the prefix, and its path there.
fn place(engine: &Engine, name: &str) -> (String, String) {
    let repository = engine.repository(name);
    let (host, path) = repository.split_once('/').expect("it names a host");
    (host.to_owned(), path.to_owned())
}

fn held_as_main(engine: &Engine, name: &str) -> Held {
    let (host, path) = place(engine, name);
    held(&host, &path, "main")
}

/// The index of each image, built at once for all platforms by a store that holds indexes, or by a builder.
#[test]
fn parts_that_are_joined_are_what_one_build_makes() {
    let (Some(apart), Some(at_once)) = (engine::published(), engine::published()) else {
        return;
    };
    let Some(elsewhere) = OwnEngine::start() else {
        return;
    };
    let repo = chain(&apart, "joined");
    for name in ["a", "b", "c"] {
        for platform in PLATFORMS {
            assert_eq!(build_part(&apart, &repo, name, platform), "1 built");
        }
        // The job runs again.
        assert_eq!(build_part(&apart, &repo, name, PLATFORMS[1]), "1 skipped");
    }
    let built = program::run(&repo, &["built"]);
    assert_eq!(built.lines().count(), 6, "six parts: {built}");
    assert!(
        all_tags(&apart)["c"]
            .iter()
            .all(|tag| tag.starts_with("sw-"))
    );
    let dry = program::run(&repo, &["exec", "--push", "--no-build", "-n"]);
    assert!(dry.starts_with("3 images: 3 to join ("), "{dry}");
    let joined = exec(&repo, &["--push", "--no-build"]);
    assert_eq!(joined.as_deref(), Ok("3 joined"));
    let joined = exec(&repo, &["--push", "--no-build"]);
    assert_eq!(joined.as_deref(), Ok("3 skipped"));

    let name = format!("shipwright-parts-{}", std::process::id());
    let create = ["buildx", "create", "--driver", "remote", "--name", &name];
    engine::docker(&[&create[..], &[&*elsewhere.buildkit()]].concat());
    let again = chain(&at_once, "joined");
    let whole = exec(&again, &["--push", "--builder", &name]);
    let _ = engine::try_docker(&["buildx", "rm", &name]);
    assert_eq!(whole.as_deref(), Ok("3 built"));
    let (left, right) = (all_tags(&apart), all_tags(&at_once));
    for name in ["a", "b", "c"] {
        let is_part = |tag: &&String| tag.starts_with("sw-") && tag.ends_with("64");
        // The names of the images are in the files: the two repositories have commits of their own.
        let (here, there) = (
            repo.git(&["rev-parse", "HEAD"]),
            again.git(&["rev-parse", "HEAD"]),
        );
        let tags: Vec<String> = left[name]
            .iter()
            .filter(|tag| !is_part(tag))
            .map(|tag| tag.replace(&here[..12], "commit"))
            .collect();
        let expected = right[name]
            .iter()
            .map(|tag| tag.replace(&there[..12], "commit"));
        assert_eq!(tags, expected.collect::<Vec<_>>(), "{name}");
        let held = (held_as_main(&apart, name), held_as_main(&at_once, name));
        let platforms: Vec<&str> = held.0.iter().map(|(platform, ..)| &**platform).collect();
        assert_eq!(platforms, PLATFORMS);
        assert_eq!(held.0, held.1, "{name}");
        assert_ne!(
            held.0[0].1, held.0[1].1,
            "{name} takes another file for each platform"
        );
    }
}

#[test]
fn nothing_moves_while_a_part_is_missing_or_another_image() {
    let Some(engine) = engine::published() else {
        return;
    };
    let repo = chain(&engine, "missing");
    for platform in PLATFORMS {
        build_part(&engine, &repo, "a", platform);
        build_part(&engine, &repo, "b", platform);
    }
    build_part(&engine, &repo, "c", PLATFORMS[0]);
    let refused = exec(&repo, &["--push", "--no-build"]).expect_err("a part is missing");
    let listed = program::run(&repo, &["list", "--refs"]);
    let name = engine.repository("c");
    let content = listed
        .lines()
        .find(|line| line.starts_with(&format!("{name}:sw-")));
    let part = format!("{}-linux-arm64", content.expect("it is planned"));
    let expected = format!(
        "error[part-missing]: the part of `{name}` for linux/arm64 does not exist: `{part}`\n"
    );
    assert!(refused.starts_with(&expected), "{refused}");
    let command = format!("shipwright exec --push --no-tags --only-platform linux/arm64 -e {name}");
    assert!(refused.contains(&command), "{refused}");

    // Somebody pushes another image there.
    let base = format!("{}:{}", engine.repository("other"), "1");
    engine::docker(&["tag", engine::BASE, &base]);
    engine::docker(&["tag", &base, &part]);
    engine::docker(&["push", "--quiet", &part]);
    let refused = exec(&repo, &["--push", "--no-build"]).expect_err("it is another image");
    assert!(
        refused.starts_with("error[part-differs]: the part `"),
        "{refused}"
    );
    for (name, tags) in all_tags(&engine) {
        assert!(
            tags.iter().all(|tag| tag.ends_with("64")),
            "{name}: {tags:?}"
        );
    }
}

/// `FROM --platform=` takes a base on another platform than the target's: one part of it, bound alone, would
/// be taken for all of it.
#[test]
fn a_base_that_is_taken_on_another_platform_is_joined_first() {
    let Some(engine) = engine::published() else {
        return;
    };
    let (a, b) = (engine.repository("a"), engine.repository("b"));
    let repo = chain(&engine, "across");
    repo.write(&format!(
        "//- b/Dockerfile\nFROM --platform=linux/amd64 {a} AS tools\n\
         FROM scratch\nCOPY --from=tools /a.txt /tools.txt\nCOPY b.txt /\n"
    ));
    repo.commit("Take tools for the platform that builds");
    build_part(&engine, &repo, "a", PLATFORMS[1]);
    let part = ["--push", "--only-platform", PLATFORMS[1], "-e", &b];
    let refused = exec(&repo, &part).expect_err("a part of the base is missing");
    let expected = format!("error[part-missing]: the part of `{a}` for linux/amd64 does not exist");
    assert!(refused.starts_with(&expected), "{refused}");
    build_part(&engine, &repo, "a", PLATFORMS[0]);
    assert_eq!(build_part(&engine, &repo, "b", PLATFORMS[1]), "1 built");
    assert_eq!(build_part(&engine, &repo, "b", PLATFORMS[0]), "1 built");
    let joined = exec(&repo, &["--push", "--no-build", "-e", &a, "-e", &b]);
    assert_eq!(joined.as_deref(), Ok("1 joined, 1 re-tagged"));
    let layers: Vec<Value> = held_as_main(&engine, "b")
        .into_iter()
        .map(|i| i.1)
        .collect();
    assert_eq!(
        layers[0], layers[1],
        "both platforms hold the file for amd64"
    );
}

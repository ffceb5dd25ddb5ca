//! `promote` between two registries: everything arrives under its digest, tags last and together.

mod interrupted;
mod present;

use serde_json::{Value, json};

use crate::support::own_registry::OwnRegistry;
use crate::support::program::{self, shipwright};
use crate::support::raw_registry::{INDEX, MANIFEST, Raw, digest};
use crate::support::repo::Repo;

/// An image of one layer with that fingerprint.
fn image(raw: &Raw<'_>, repository: &str, fingerprint: &str, architecture: &str) -> Value {
    let config = json!({
        "architecture": architecture, "os": "linux",
        "config": {"Labels": {"dev.shipwright.fingerprint": fingerprint}},
        "rootfs": {"type": "layers", "diff_ids": []},
    });
    let config = raw.blob(repository, &serde_json::to_vec(&config).unwrap());
    let layer = raw.blob(
        repository,
        format!("{repository} {architecture}").as_bytes(),
    );
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
    });
    let mut descriptor = raw.manifest(repository, None, MANIFEST, &manifest);
    descriptor["platform"] = json!({"os": "linux", "architecture": architecture});
    descriptor
}

/// What refers to a digest.
fn referrer(raw: &Raw<'_>, repository: &str, tag: Option<&str>, subject: &Value) -> Value {
    let config = raw.blob(repository, b"{}");
    let layer = raw.blob(
        repository,
        format!("about {}", subject["digest"]).as_bytes(),
    );
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
        "subject": subject,
    });
    raw.manifest(repository, tag, MANIFEST, &manifest)
}

/// A repository of two images, with what its plan names in the registry: a single image, and an index of
/// two platforms and an attestation, signed in the ways that tools sign.
struct Published {
    repo: Repo,
    plan: Value,
    index: Value,
    /// The digest of what refers to the index by the tag schema.
    referrer: String,
}

fn published(host: &str) -> Published {
    let repo = Repo::new(&format!(
        "//- .shipwright.json\n{{\"version\": 2, \"namespace\": \"{host}/dev\"}}\n\
         //- one/Dockerfile\nFROM scratch\nCOPY Dockerfile /\n\
         //- many/Dockerfile\nFROM scratch\nCOPY Dockerfile /\n"
    ));
    publish(repo, host)
}

/// Puts into the registry what the plan of the repository names.
fn publish(repo: Repo, host: &str) -> Published {
    let plan: Value = serde_json::from_str(&program::run(&repo, &["plan"])).unwrap();
    let raw = Raw { host };
    let of = |name: &str| {
        let images = plan["images"].as_array().unwrap();
        let image = images
            .iter()
            .find(|image| image["name"] == format!("{host}/dev/{name}"));
        let image = image.expect("it is planned");
        let tag = image["reference"]
            .as_str()
            .unwrap()
            .rsplit(':')
            .next()
            .unwrap();
        (image["fingerprint"].as_str().unwrap(), tag)
    };
    let (fingerprint, tag) = of("one");
    let config = json!({"config": {"Labels": {"dev.shipwright.fingerprint": fingerprint}}});
    let config = raw.blob("dev/one", &serde_json::to_vec(&config).unwrap());
    let layer = raw.blob("dev/one", &vec![7; 3_000_000]);
    let manifest =
        json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]});
    raw.manifest("dev/one", Some(tag), MANIFEST, &manifest);

    let (fingerprint, tag) = of("many");
    let mut manifests: Vec<Value> = ["amd64", "arm64"]
        .map(|architecture| image(&raw, "dev/many", fingerprint, architecture))
        .into();
    let mut attestation = image(&raw, "dev/many", "none", "unknown");
    attestation["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
    manifests.push(attestation);
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
    let index = raw.manifest("dev/many", Some(tag), INDEX, &index);
    let schema = index["digest"].as_str().unwrap().replace(':', "-");
    referrer(&raw, "dev/many", Some(&format!("{schema}.sig")), &index);
    let referrer = referrer(&raw, "dev/many", None, &index);
    let list = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [referrer]});
    raw.manifest("dev/many", Some(&schema), INDEX, &list);
    let referrer = referrer["digest"].as_str().unwrap().to_owned();
    Published {
        repo,
        plan,
        index,
        referrer,
    }
}

fn registries() -> Option<(OwnRegistry, OwnRegistry)> {
    let (mut source, mut target) = (OwnRegistry::new()?, OwnRegistry::new()?);
    source.start();
    target.start();
    Some((source, target))
}

#[test]
fn everything_arrives_under_its_digest() {
    let Some((source, target)) = registries() else {
        return;
    };
    let Published {
        repo,
        plan,
        index,
        referrer,
    } = published(source.host());
    let (from, to) = (
        Raw {
            host: source.host(),
        },
        Raw {
            host: target.host(),
        },
    );
    let same = format!("{}/prod/{{{{ short }}}}", source.host());
    let other = format!("{}/prod/{{{{ short }}}}", target.host());
    let arguments = ["promote", "-q", "--to", &same, "--to", &other];
    let dry = program::run(&repo, &[&arguments[..], &["-n"]].concat());
    assert!(
        dry.ends_with("dry run: 4 to copy, 0 already there, 8 tags to move\n"),
        "{dry}"
    );
    assert_eq!(to.digest_of("prod/one", "main"), None);

    let printed = program::run(&repo, &arguments);
    assert!(
        printed.ends_with("4 copied, 0 already there, 8 tags moved\n"),
        "{printed}"
    );
    let schema = index["digest"].as_str().unwrap().replace(':', "-");
    for place in [&from, &to] {
        for image in plan["images"].as_array().unwrap() {
            let reference = image["reference"].as_str().unwrap();
            let (name, tag) = reference.rsplit_once(':').unwrap();
            let short = name.rsplit('/').next().unwrap();
            let expected = from.digest_of(&format!("dev/{short}"), tag);
            assert!(expected.is_some());
            let readable = image["tags"].as_array().unwrap().iter();
            let readable = readable.map(|tag| tag.as_str().unwrap().rsplit(':').next().unwrap());
            for tag in [tag].into_iter().chain(readable) {
                assert_eq!(
                    place.digest_of(&format!("prod/{short}"), tag),
                    expected,
                    "{short} {tag}"
                );
            }
        }
        let signature = format!("{schema}.sig");
        let expected = from.digest_of("dev/many", &signature);
        assert!(expected.is_some());
        assert_eq!(place.digest_of("prod/many", &signature), expected);
        assert!(place.digest_of("prod/many", &referrer).is_some());
        let list = place
            .manifest_text("prod/many", &schema)
            .expect("the list of referrers");
        assert!(list.contains(&referrer), "{list}");
        assert!(place.has_blob("prod/one", &digest(&vec![7; 3_000_000])));
        assert!(place.has_blob("prod/many", &digest(b"dev/many unknown")));
    }
    let again = program::run(&repo, &arguments);
    assert!(
        again.ends_with("0 copied, 4 already there, 0 tags moved\n"),
        "{again}"
    );
}

#[test]
fn what_is_missing_or_was_not_tested_stops_everything() {
    let Some((source, target)) = registries() else {
        return;
    };
    let Published { repo, plan, .. } = published(source.host());
    let to = Raw {
        host: target.host(),
    };
    let other = format!("{}/prod/{{{{ short }}}}", target.host());
    let report = |digest: &dyn Fn(&str) -> Value| {
        let images = plan["images"].as_array().unwrap().iter();
        let images: Vec<Value> = images
            .map(|image| {
                let reference = image["reference"].as_str().unwrap();
                json!({
                    "name": image["name"], "reference": reference, "outcome": "built",
                    "digest": digest(reference),
                })
            })
            .collect();
        let text = json!({"version": 1, "images": images}).to_string();
        std::fs::write(repo.join(".git/report.json"), text).unwrap();
    };
    let fails = |arguments: &[&str], code: &str| {
        let fixed = ["promote", "--to", &other];
        let output = shipwright(&repo, ".")
            .args(fixed)
            .args(arguments)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.code() == Some(1) && stderr.contains(code),
            "{stderr}"
        );
        assert_eq!(to.digest_of("prod/one", "main"), None);
        assert_eq!(to.digest_of("prod/many", "main"), None);
    };
    let with_report = ["--report", ".git/report.json"];
    report(&|_| Value::Null);
    fails(
        &with_report,
        "error[not-tested]: the report has no digest of",
    );
    report(&|_| digest(b"another").into());
    fails(&with_report, "but sha256:");
    repo.write("//- one/Dockerfile\nFROM scratch\nCOPY Dockerfile /x\n");
    repo.commit("Never built");
    fails(&[], "error[image-missing]");
    let raw = Raw {
        host: source.host(),
    };
    let right = |reference: &str| {
        let (name, tag) = reference.rsplit_once(':').unwrap();
        let repository = name.split_once('/').unwrap().1;
        raw.digest_of(repository, tag).expect("it is there").into()
    };
    report(&right);
    repo.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    let arguments = [
        "promote",
        "-q",
        "--to",
        &other,
        "--report",
        ".git/report.json",
    ];
    let printed = program::run(&repo, &arguments);
    assert!(
        printed.ends_with("2 copied, 0 already there, 4 tags moved\n"),
        "{printed}"
    );
}

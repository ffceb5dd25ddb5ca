//! Plans with a lock file: what must be in it, what of it counts, and what moves with a base.

use std::collections::{BTreeMap, BTreeSet};

use shipwright::config::Config;
use shipwright::config::lock::{
    self, Lock, LockedDownload, LockedGit, LockedImage, LockedPlatform,
};
use shipwright::diagnostics::{Code, Diagnostics};
use shipwright::plan::Fingerprint;
use shipwright::planner::{Compiled, ExternalKind, Options, compile};
use shipwright::tree::Node;

use crate::support::generate::{Files, Random, config, plain, repository, snapshot};
use crate::support::repo;

fn digest(number: u64) -> String {
    format!("sha256:{number:064x}")
}

/// The parts of an image on two platforms, both without variables and triggers.
fn image(index: u64, amd64: u64, arm64: u64) -> LockedImage {
    let platform = |number| LockedPlatform {
        digest: digest(number),
        ..LockedPlatform::default()
    };
    LockedImage {
        digest: digest(index),
        platforms: [("linux/amd64", amd64), ("linux/arm64", arm64)]
            .map(|(name, number)| (name.to_owned(), platform(number)))
            .into(),
    }
}

fn images(images: &[(&str, LockedImage)]) -> Lock {
    let images = images.iter();
    Lock {
        images: images
            .map(|(name, image)| ((*name).to_owned(), image.clone()))
            .collect(),
        ..Lock::default()
    }
}

fn compiled(fixture: &str, lock: Option<&Lock>) -> Result<(Compiled, Diagnostics), Diagnostics> {
    let mut files = repo::snapshot_files(fixture);
    if let Some(lock) = lock {
        files.insert(lock::PATH.to_owned(), plain(&lock.to_json()));
    }
    compile(
        &snapshot(&files),
        &config(&files),
        &Options::default(),
        None,
    )
    .into_result()
}

#[track_caller]
fn fingerprint(fixture: &str, lock: &Lock) -> Fingerprint {
    let (compiled, _) = compiled(fixture, Some(lock)).unwrap_or_else(|e| panic!("{e:?}"));
    compiled.plan.images[0].fingerprint.clone()
}

/// The messages of some codes.
fn messages(diagnostics: &Diagnostics, code: Code) -> Vec<String> {
    let found = diagnostics.iter().filter(|problem| problem.code == code);
    found.map(|problem| problem.message.clone()).collect()
}

const ONE: &str = "//- a/Dockerfile\nFROM debian:12\n";
const DEBIAN: &str = "docker.io/library/debian:12";

#[test]
fn what_a_lock_file_lacks_is_an_error_and_what_it_has_too_much_a_warning() {
    #[track_caller]
    fn check(fixture: &str, lock: &Lock, missing: &[&str], unused: &[&str]) {
        let (lacking, warned) = match compiled(fixture, Some(lock)) {
            Ok((_, remarks)) => (Vec::new(), messages(&remarks, Code::LockUnused)),
            Err(problems) => (messages(&problems, Code::LockMissing), Vec::new()),
        };
        assert_eq!(lacking, missing, "{fixture}");
        assert_eq!(warned, unused, "{fixture}");
    }
    let debian = images(&[(DEBIAN, image(1, 2, 3))]);
    check(ONE, &debian, &[], &[]);
    check(
        ONE,
        &Lock::default(),
        &["`shipwright.lock` has no entry of `docker.io/library/debian:12`"],
        &[],
    );
    check(
        "//- a/Dockerfile\nFROM scratch\n",
        &debian,
        &[],
        &["no image uses `docker.io/library/debian:12`"],
    );
    // All that a builder asks others for, and nothing else.
    check(
        "//- a/Dockerfile\n# syntax=docker/dockerfile:1\nARG V=1\nFROM a:$V AS a\nFROM unreached\nFROM b\n\
         COPY --from=a /x /x\nCOPY --from=c:2 /x /x\nRUN --mount=from=d true\n\
         ADD https://example.com/x.tgz https://example.com/x.git#v1:sub /x/\n\
         ADD --checksum=sha256:0000000000000000000000000000000000000000000000000000000000000000 https://example.com/y /y\n\
         //- c/Dockerfile\nFROM a@sha256:0000000000000000000000000000000000000000000000000000000000000000\n",
        &Lock::default(),
        &[
            "`shipwright.lock` has no entry of `docker.io/docker/dockerfile:1`",
            "`shipwright.lock` has no entry of `docker.io/library/a:1`",
            "`shipwright.lock` has no entry of `docker.io/library/b:latest`",
            "`shipwright.lock` has no entry of `docker.io/library/c:2`",
            "`shipwright.lock` has no entry of `docker.io/library/d:latest`",
            "`shipwright.lock` has no entry of `https://example.com/x.tgz`",
            "`shipwright.lock` has no entry of `https://example.com/x.git#v1`",
            "`shipwright.lock` has no entry of `docker.io/library/a@sha256:0000000000000000000000000000000000000000000000000000000000000000`",
        ],
        &[],
    );
    let kept_out =
        format!("{ONE}//- .shipwright.json\n{{\"version\": 2, \"unlocked\": [\"debian:*\"]}}\n");
    check(&kept_out, &Lock::default(), &[], &[]);
    check(
        &kept_out,
        &debian,
        &[],
        &["no image uses `docker.io/library/debian:12`"],
    );
    let s390x = format!(
        "{ONE}//- .shipwright.json\n{{\"version\": 2, \"platforms\": [\"linux/s390x\"]}}\n"
    );
    check(
        &s390x,
        &debian,
        &["`shipwright.lock` has no entry of `docker.io/library/debian:12` for linux/s390x"],
        &[],
    );
}

#[test]
fn an_image_counts_by_the_platforms_that_are_built() {
    let lock = |index, amd64, arm64| images(&[(DEBIAN, image(index, amd64, arm64))]);
    let arm64 = format!(
        "{ONE}//- .shipwright.json\n{{\"version\": 2, \"platforms\": [\"linux/arm64\"]}}\n"
    );
    let first = fingerprint(ONE, &lock(1, 2, 3));
    assert_eq!(fingerprint(ONE, &lock(9, 2, 3)), first, "the index alone");
    assert_ne!(fingerprint(ONE, &lock(1, 9, 3)), first);
    assert_ne!(fingerprint(ONE, &lock(1, 2, 9)), first);
    let first = fingerprint(&arm64, &lock(1, 2, 3));
    assert_eq!(fingerprint(&arm64, &lock(1, 9, 3)), first);
    assert_ne!(fingerprint(&arm64, &lock(1, 2, 9)), first);
    let build = "//- a/Dockerfile\nFROM --platform=linux/arm64 debian:12\n";
    let first = fingerprint(build, &lock(1, 2, 3));
    assert_eq!(fingerprint(build, &lock(1, 9, 3)), first);
}

#[test]
fn variables_and_triggers_of_locked_bases_are_known() {
    let mut debian = image(1, 2, 3);
    for platform in debian.platforms.values_mut() {
        platform.env.insert("APP".to_owned(), "src".to_owned());
        platform.onbuild.push("COPY conf /conf".to_owned());
    }
    let lock = images(&[(DEBIAN, debian.clone())]);
    let fixture = "//- a/Dockerfile\nFROM debian:12\nCOPY $APP /x\n\
        //- a/src/x\n//- a/conf/y\n//- a/other/z\n";
    let (with, remarks) = compiled(fixture, Some(&lock)).expect("a plan");
    assert_eq!(messages(&remarks, Code::UnknownSource), [""; 0]);
    let paths = |compiled: &Compiled| -> Vec<String> {
        let mut paths = Vec::new();
        compiled.files["a"].inputs.walk(&mut |path, node| {
            if !matches!(node, Node::Folder(_)) {
                paths.push(path.to_owned());
            }
        });
        paths
    };
    assert_eq!(paths(&with), ["conf/y", "src/x"]);
    let (without, remarks) = compiled(fixture, None).expect("a plan");
    assert_eq!(messages(&remarks, Code::UnknownSource).len(), 1);
    assert_eq!(paths(&without).len(), 4);
    // The same of a named context, also where it takes the place of a stage.
    let configuration = "//- .shipwright.json\n{\"version\": 2, \"images\": {\"a\": {\"contexts\": {\"tools\": \"docker-image://debian:12\"}}}}\n";
    for lines in ["FROM tools", "FROM scratch AS tools\nRUN never\nFROM tools"] {
        let fixture = format!(
            "{}{configuration}",
            fixture.replace("FROM debian:12", lines)
        );
        let (with, remarks) = compiled(&fixture, Some(&lock)).expect("a plan");
        assert_eq!(messages(&remarks, Code::UnknownSource), [""; 0], "{lines}");
        assert_eq!(paths(&with), ["conf/y", "src/x"], "{lines}");
    }
    // What a base says of itself may differ from platform to platform: then all of it counts.
    let arm64 = debian
        .platforms
        .get_mut("linux/arm64")
        .expect("it is there");
    arm64.env.insert("APP".to_owned(), "other".to_owned());
    let lock = images(&[(DEBIAN, debian)]);
    let (with, _) = compiled(fixture, Some(&lock)).expect("a plan");
    assert_eq!(paths(&with), ["conf/y", "other/z", "src/x"]);
}

#[test]
fn builds_are_bound_by_digest() {
    let lock = Lock {
        downloads: [(
            "https://example.com/x".to_owned(),
            LockedDownload {
                checksum: digest(7),
                ..LockedDownload::default()
            },
        )]
        .into(),
        git: [(
            "https://example.com/x.git#v1".to_owned(),
            LockedGit {
                commit: "d".repeat(40),
            },
        )]
        .into(),
        ..images(&[
            (DEBIAN, image(1, 2, 3)),
            ("docker.io/library/self:latest", image(4, 5, 6)),
            ("docker.io/docker/dockerfile:1", image(10, 11, 12)),
            ("localhost:5000/tools:1", image(13, 14, 15)),
        ])
    };
    let fixture = "//- a/Dockerfile\n# syntax=docker/dockerfile:1\nFROM self AS self\nRUN true\nFROM debian:12\n\
        COPY --from=self / /\nCOPY --from=tools /x /y\nADD https://example.com/x https://example.com/x.git#v1:s /z/\n\
        //- .shipwright.json\n{\"version\": 2, \"images\": {\"a\": {\"contexts\": {\"tools\": \"docker-image://localhost:5000/tools:1\"}}}@}\n";
    let plan = |mirror: &str| {
        let (compiled, _) = compiled(&fixture.replace('@', mirror), Some(&lock)).expect("a plan");
        compiled.plan.images[0].clone()
    };
    let pairs = |map: &BTreeMap<String, String>| -> Vec<String> {
        map.iter()
            .map(|(key, value)| format!("{key} {value}"))
            .collect()
    };
    let image = plan("");
    assert_eq!(
        pairs(&image.bases),
        [format!(
            "debian:12 docker-image://docker.io/library/debian:12@{}",
            digest(1)
        )]
    );
    assert_eq!(
        pairs(&image.contexts),
        [format!(
            "tools docker-image://localhost:5000/tools:1@{}",
            digest(13)
        )]
    );
    // A named context would replace the stage that is called like the image.
    assert_eq!(
        pairs(&image.sources),
        [
            format!(
                "docker-image://docker.io/docker/dockerfile:1 docker-image://docker.io/docker/dockerfile:1@{}",
                digest(10)
            ),
            format!(
                "docker-image://docker.io/library/self:latest docker-image://docker.io/library/self:latest@{}",
                digest(4)
            ),
            format!(
                "git://example.com/x.git#v1:s git://example.com/x.git#{}:s",
                "d".repeat(40)
            ),
            format!("https://example.com/x {}", digest(7)),
        ]
    );
    let mirrored = plan(", \"mirror\": \"mirror.example.com/cache\"");
    assert_eq!(mirrored.fingerprint, image.fingerprint);
    assert_eq!(
        pairs(&mirrored.bases),
        [format!(
            "debian:12 docker-image://mirror.example.com/cache/docker.io/library/debian:12@{}",
            digest(1)
        )]
    );
    assert_eq!(
        mirrored.contexts["tools"],
        format!(
            "docker-image://mirror.example.com/cache/localhost-5000/tools:1@{}",
            digest(13)
        )
    );
}

/// A lock file of all that a repository takes from elsewhere, of random content.
fn lock_of(compiled: &Compiled, random: &mut Random) -> Lock {
    let mut lock = Lock::default();
    for external in &compiled.externals {
        let key = external.key.clone();
        match external.kind {
            ExternalKind::Image | ExternalKind::Frontend => {
                let mut entry = image(random.next(), random.next(), random.next());
                for platform in &external.platforms {
                    let digest = digest(random.next());
                    let found = entry.platforms.entry(platform.clone()).or_default();
                    found.digest = digest;
                }
                lock.images.insert(key, entry);
            }
            ExternalKind::Download => {
                let checksum = digest(random.next());
                let download = LockedDownload {
                    checksum,
                    ..LockedDownload::default()
                };
                lock.downloads.insert(key, download);
            }
            ExternalKind::Git => {
                let commit = format!("{:040x}", random.next());
                lock.git.insert(key, LockedGit { commit });
            }
        }
    }
    lock
}

/// Names of the images that take something, and of all that depend on these.
fn closure<'p>(compiled: &'p Compiled, key: &str) -> BTreeSet<&'p str> {
    let external = compiled
        .externals
        .iter()
        .find(|external| external.key == key);
    let takers = external.into_iter().flat_map(|external| &external.takers);
    let mut reached: BTreeSet<&str> = takers.map(|taker| &*taker.image).collect();
    for image in &compiled.plan.images {
        let mut needed = image.dependencies.iter();
        if needed.any(|dependency| reached.contains(&*dependency.image)) {
            reached.insert(&image.name);
        }
    }
    reached
}

#[test]
fn what_moves_with_a_base_is_exactly_what_depends_on_it() {
    let mut moves = 0;
    for seed in 0..400 {
        let mut random = Random::new(seed);
        let mut files: Files = repository(&mut random);
        let plan = |files: &Files| {
            compile(&snapshot(files), &config(files), &Options::default(), None).value()
        };
        let Some(unlocked) = plan(&files) else {
            continue;
        };
        if unlocked.externals.is_empty() {
            continue;
        }
        let lock = lock_of(&unlocked, &mut random);
        files.insert(lock::PATH.to_owned(), plain(&lock.to_json()));
        let before = plan(&files).expect("a plan with a lock file");
        assert_eq!(before.externals, unlocked.externals, "seed {seed}");
        for _ in 0..4 {
            let external = &unlocked.externals[random.below(unlocked.externals.len())];
            let key = &external.key;
            let mut moved = lock.clone();
            let mut expected = closure(&before, key);
            match external.kind {
                ExternalKind::Image | ExternalKind::Frontend => {
                    let entry = moved.images.get_mut(key).expect("it is locked");
                    entry.digest = digest(random.next());
                    match random.below(3) {
                        // The index moved for another platform or an attestation.
                        0 => expected.clear(),
                        _ => entry
                            .platforms
                            .values_mut()
                            .for_each(|platform| platform.digest = digest(random.next())),
                    }
                }
                ExternalKind::Download => {
                    moved.downloads.get_mut(key).expect("it is locked").checksum =
                        digest(random.next());
                }
                ExternalKind::Git => {
                    moved.git.get_mut(key).expect("it is locked").commit =
                        format!("{:040x}", random.next());
                }
            }
            files.insert(lock::PATH.to_owned(), plain(&moved.to_json()));
            let after = plan(&files).expect("a plan with a lock file");
            let changed: BTreeSet<&str> = before
                .plan
                .images
                .iter()
                .zip(&after.plan.images)
                .filter(|(before, after)| before.fingerprint != after.fingerprint)
                .map(|(before, _)| &*before.name)
                .collect();
            assert_eq!(changed, expected, "seed {seed}: {key}");
            moves += 1;
        }
    }
    assert!(moves > 1000, "only {moves} moves");
}

#[test]
fn an_empty_configuration_keeps_nothing_out() {
    let config = Config::default();
    let files = repo::snapshot_files(ONE);
    let compiled = compile(&snapshot(&files), &config, &Options::default(), None).value();
    let compiled = compiled.expect("a plan");
    assert!(compiled.lock.is_none());
    let external = &compiled.externals[0];
    assert_eq!(
        (external.kind, external.any_platform),
        (ExternalKind::Image, true)
    );
    assert_eq!(external.takers[0].line, 1);
}

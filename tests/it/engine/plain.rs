//! What make, sh, a sealed bake file and `exec` leave is what `docker buildx build` makes of the same
//! commit, whatever becomes of the checkout.
//!
//! `SHIPWRIGHT_PLAIN` is the number of repositories, 1 where it is not set; `SHIPWRIGHT_PLAIN_SEED` is
//! the first seed, 0 where it is not set.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use shipwright::plan::Plan;
use tempfile::TempDir;

use super::generated::{Generated, repository};
use crate::support::engine::{self, Contents, Engine, contents, docker};
use crate::support::generate::Random;
use crate::support::program;
use crate::support::repo::Repo;

/// What may happen to a checkout between the plan and the builds.
const ODDITIES: [&str; 12] = [
    ":",
    "for f in i*; do echo changed > $f/version; done",
    "git update-index --assume-unchanged i0/version; echo changed > i0/version",
    "git update-index --skip-worktree i1/version; rm i1/version",
    "for f in i*; do echo leak > $f/leak.log; echo '*' > $f/.dockerignore; done; echo '*.log' > .git/info/exclude",
    "git config core.fileMode false; chmod -R go-rwx i*",
    "git config core.autocrlf true; rm -r i*; git checkout -q .",
    "git config filter.x.smudge 'cat; echo smudged'; echo '* filter=x ident' > .git/info/attributes; rm -r i*; git checkout -q .",
    "git checkout -q -b other; rm -r i1; echo x > i0/version; git add -A; git commit -qm other",
    "rm -rf i* extra outside",
    "git config core.symlinks false; rm -r i*; git checkout -q .",
    "git gc -q",
];

#[test]
fn plain_builds_of_the_commit_give_the_same() {
    if engine::engine().is_none() {
        return;
    }
    let number = |name, otherwise| match std::env::var(name) {
        Ok(text) => text.parse().expect("a number"),
        Err(_) => otherwise,
    };
    let first = number("SHIPWRIGHT_PLAIN_SEED", 0);
    let count = number("SHIPWRIGHT_PLAIN", 1);
    let mut compared = 0;
    for seed in first..first + count {
        compared += check(seed);
    }
    let _ = writeln!(
        std::io::stderr(),
        "{count} repositories: {compared} images of make, sh, sealed bake and exec are as those of plain builds"
    );
}

/// Builds a repository in all ways; gives how many images were compared.
#[track_caller]
fn check(seed: u64) -> usize {
    let mut dice = Random::new(seed);
    let Generated {
        mut fixture,
        folders,
    } = repository(&mut dice);
    further(&mut dice, folders, &mut fixture);
    let engines: Vec<Engine> = (0..5)
        .map(|_| engine::engine().expect("it was there"))
        .collect();
    let [plain, make, sh, bake, exec] = &engines[..] else {
        panic!("five engines");
    };
    let repo = Repo::new(&fixture);
    let expected = built_plainly(&repo, plain);

    let work = TempDir::with_prefix("shipwright-plain-").expect("a temporary folder");
    let file = |name: &str| work.path().join(name).display().to_string();
    let (makefile, script, sealed) = (file("build.mk"), file("build.sh"), file("sealed"));
    emit(&repo, make, &["make", "-o", &makefile]);
    emit(&repo, sh, &["sh", "-o", &script]);
    emit(&repo, bake, &["bake", "--sealed", "-o", &sealed]);
    let stored = file("plan.json");
    fs::write(&stored, planned(&repo, exec)).unwrap();

    let odd = dice.one_of(&ODDITIES);
    run(repo.path(), &["sh", "-ec", odd]);
    run(repo.path(), &["make", "-j4", "-f", &makefile]);
    run(repo.path(), &["dash", &script]);
    run(
        Path::new(&sealed),
        &["docker", "buildx", "bake", "-f", "docker-bake.hcl"],
    );
    program::run(&repo, &["exec", "-q", "--plan", &stored]);

    let mut compared = 0;
    for (name, engine) in [("make", make), ("sh", sh), ("bake", bake), ("exec", exec)] {
        let plan = Plan::from_json(&planned_again(&stored, exec, engine)).expect("a plan");
        for image in &plan.images {
            let seen = contents(&image.reference);
            let differences = seen.differences(&expected[&image.name]);
            assert!(
                differences.is_empty(),
                "seed {seed}, {odd:?}: {name} leaves other {differences:?} as {} of\n{fixture}",
                image.name
            );
            compared += 1;
        }
    }
    compared
}

/// Files that git may convert, links, odd names, and a Dockerfile outside its context.
fn further(dice: &mut Random, folders: usize, fixture: &mut String) {
    let attributes = [
        "* text=auto",
        "*.txt text eol=crlf",
        "*.txt ident",
        "* -text",
    ];
    let _ = writeln!(fixture, "//- .gitattributes\n{}", dice.one_of(&attributes));
    for number in 0..folders {
        let names = [
            "$Id$.txt", "a b.txt", "-x.txt", "ü.txt", "#.txt", "it's.txt",
        ];
        let name = dice.one_of(&names);
        let _ = write!(
            fixture,
            "//- i{number}/odd/{name}\n$Id$ one\ntwo\n//- i{number}/odd/dangling -> ../../nothing\n\
             //- i{number}/odd/folder -> ../bin\n//- i{number}/odd/deep/run +x\n#!/bin/sh\n"
        );
    }
    let _ = write!(
        fixture,
        "//- outside/own.Dockerfile\nFROM local/busybox:1\nCOPY . /d\n\
         //- outside/own.Dockerfile.dockerignore\nDockerfile\n*.md\n"
    );
    // The image of that Dockerfile has another folder as its context.
    let entry = "\"images\": {\n    \"us/outside\": {\"dockerfile\": \"outside/own.Dockerfile\", \"context\": \"i0\"},";
    *fixture = fixture.replacen("\"images\": {", entry, 1);
}

/// The contents of each image, by its name, as `docker buildx build` makes it of a folder that holds what
/// git has for the commit.
#[track_caller]
fn built_plainly(repo: &Repo, engine: &Engine) -> BTreeMap<String, Contents> {
    let folder = TempDir::with_prefix("shipwright-plain-").expect("a temporary folder");
    extract(repo, folder.path());
    let plan = Plan::from_json(&planned(repo, engine)).expect("a plan");
    let mut built = BTreeMap::new();
    for image in &plan.images {
        let mut words: Vec<String> = [
            "docker",
            "buildx",
            "build",
            "--load",
            "--provenance=false",
            "-f",
        ]
        .map(str::to_owned)
        .into();
        words.push(image.dockerfile.clone());
        let mut add = |flag: &str, value: String| words.extend([flag.to_owned(), value]);
        for (name, place) in &image.contexts {
            add("--build-context", format!("{name}={place}"));
        }
        for dependency in &image.dependencies {
            let content = plan
                .content_reference(dependency)
                .expect("it is in the plan");
            add(
                "--build-context",
                format!("{}=docker-image://{content}", dependency.reference),
            );
        }
        for (name, value) in image.build_args.iter().chain(&image.stamp_args) {
            add("--build-arg", format!("{name}={value}"));
        }
        for (name, value) in &image.labels {
            add("--label", format!("{name}={value}"));
        }
        if let Some(target) = &image.target {
            add("--target", target.clone());
        }
        add("--tag", image.reference.clone());
        words.push(image.context.clone());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        run(folder.path(), &words);
        built.insert(image.name.clone(), contents(&image.reference));
    }
    built
}

/// Writes what git has for HEAD, byte by byte.
#[track_caller]
fn extract(repo: &Repo, to: &Path) {
    let listed = repo.git(&["ls-tree", "-r", "-z", "HEAD"]);
    for line in listed.split_terminator('\0') {
        let (fields, path) = line.split_once('\t').expect("a path");
        let fields: Vec<&str> = fields.split(' ').collect();
        let blob = Command::new("git")
            .args(["cat-file", "blob", fields[2]])
            .current_dir(repo.path())
            .output()
            .expect("git is installed");
        let path = to.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).unwrap();
        if fields[0] == "120000" {
            let target = String::from_utf8(blob.stdout).unwrap();
            symlink(target, path).unwrap();
            continue;
        }
        fs::write(&path, blob.stdout).unwrap();
        let mode = if fields[0] == "100755" { 0o755 } else { 0o644 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

#[track_caller]
fn planned(repo: &Repo, engine: &Engine) -> String {
    let repository = format!("{}/{{{{ name }}}}", engine.prefix());
    program::run(repo, &["plan", "--repository", &repository])
}

/// The same plan below the prefix of another engine.
fn planned_again(stored: &str, of: &Engine, engine: &Engine) -> String {
    let text = fs::read_to_string(stored).unwrap();
    text.replace(of.prefix(), engine.prefix())
}

#[track_caller]
fn emit(repo: &Repo, engine: &Engine, words: &[&str]) {
    let repository = format!("{}/{{{{ name }}}}", engine.prefix());
    let start = ["emit", "--repository", &repository];
    let words: Vec<&str> = start.into_iter().chain(words.iter().copied()).collect();
    program::run(repo, &words);
}

#[track_caller]
fn run(folder: &Path, words: &[&str]) {
    let output = Command::new(words[0])
        .args(&words[1..])
        .current_dir(folder)
        .envs(Repo::environment())
        .env("DOCKER_DEFAULT_PLATFORM", "")
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .output()
        .unwrap_or_else(|error| panic!("{words:?}: {error}"));
    program::succeeded(words, &output);
}

#[test]
fn the_environment_alters_no_build() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let repo = Repo::new(
        "//- a/Dockerfile\nFROM scratch\nARG TARGETARCH\nARG SOURCE_DATE_EPOCH=1\n\
         LABEL epoch=$SOURCE_DATE_EPOCH\nCOPY bin-$TARGETARCH /x\n\
         //- a/bin-amd64\namd64\n//- a/bin-arm64\narm64\n",
    );
    let architecture = docker(&["version", "--format", "{{.Server.Arch}}"]);
    let other = if architecture.trim() == "arm64" {
        "amd64"
    } else {
        "arm64"
    };
    let platform = format!("linux/{other}");
    let file = repo.join(".git/emitted");
    let name = file.display().to_string();
    for (format, words) in [("make", &["make", "-f"][..]), ("sh", &["dash"])] {
        engine.clear();
        emit(&repo, &engine, &[format, "-o", &name]);
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .arg(&name)
            .current_dir(repo.path());
        command.env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
        for (variable, value) in [
            ("DOCKER_DEFAULT_PLATFORM", platform.as_str()),
            ("SOURCE_DATE_EPOCH", "7"),
            ("BUILDX_GIT_LABELS", "full"),
            ("BUILDX_NO_DEFAULT_ATTESTATIONS", "1"),
        ] {
            command.env(variable, value);
        }
        program::succeeded(words, &command.output().expect("it starts"));
        let image = contents(&engine.repository("a:main"));
        assert_eq!(image.config["Labels"]["epoch"], "1", "{format}");
        assert_eq!(
            image.config["Labels"]["com.docker.image.source.entrypoint"],
            serde_json::Value::Null
        );
        let text = docker(&[
            "image",
            "inspect",
            "--format",
            "{{.Architecture}}",
            &engine.repository("a:main"),
        ]);
        assert_eq!(text.trim(), architecture.trim(), "{format}");
    }
}

#[test]
fn other_contents_of_the_same_size_and_time_are_built() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let repo = Repo::new("//- d/Dockerfile\nFROM local/busybox:1\nCOPY f /f\n//- d/f\n111\n");
    for (number, text) in ["111\n", "222\n"].into_iter().enumerate() {
        fs::write(repo.join("d/f"), text).unwrap();
        run(repo.path(), &["touch", "-d", "@1700000000", "d/f"]);
        repo.git(&["update-index", "-q", "--refresh"]);
        for (format, words) in [("make", &["make", "-f"][..]), ("sh", &["dash"])] {
            engine.clear();
            let name = repo.join(".git/emitted").display().to_string();
            let how: &[&str] = if number == 0 { &[] } else { &["--dirty"] };
            emit(
                &repo,
                &engine,
                &[
                    &[format, "--no-default-tags", "--tag", "t", "-o", &name],
                    how,
                ]
                .concat(),
            );
            run(repo.path(), &[words, &[name.as_str()]].concat());
            let seen = contents(&engine.repository("d:t"));
            let other = TempDir::new().unwrap();
            fs::write(
                other.path().join("Dockerfile"),
                format!(
                    "FROM local/busybox:1\nRUN printf '{}\\n' > /f\n",
                    text.trim()
                ),
            )
            .unwrap();
            let reference = engine.repository("expected:1");
            run(
                other.path(),
                &[
                    "docker",
                    "buildx",
                    "build",
                    "-q",
                    "--load",
                    "--provenance=false",
                    "-t",
                    &reference,
                    ".",
                ],
            );
            assert_eq!(
                seen.files["/f"].sha256,
                contents(&reference).files["/f"].sha256,
                "{format}"
            );
        }
    }
}

//! One plan, one result, for generated repositories: what make, sh and bake leave is what exec leaves.
//!
//! `SHIPWRIGHT_EQUALITY` is the number of repositories, 2 where it is not set;
//! `SHIPWRIGHT_EQUALITY_SEED` is the first seed, 0 where it is not set.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use shipwright::plan::{Action, Plan};
use shipwright::run::emit::Format;

use super::generated::{Generated, repository};
use super::runners::run;
use crate::support::engine::{self, Contents, Engine, contents, docker};
use crate::support::generate::Random;
use crate::support::program;
use crate::support::repo::Repo;

/// The ways to run an emitted plan: the words before the file.
const EMITTED: [(Format, &[&str]); 3] = [
    (Format::Make, &["make", "-j4", "-f"]),
    (Format::Sh, &["dash"]),
    (Format::Bake, &["docker", "buildx", "bake", "-f"]),
];

#[test]
fn every_way_leaves_the_same() {
    if engine::engine().is_none() {
        return;
    }
    let number = |name, otherwise| match std::env::var(name) {
        Ok(text) => text.parse().expect("a number"),
        Err(_) => otherwise,
    };
    let first = number("SHIPWRIGHT_EQUALITY_SEED", 0);
    for seed in first..first + number("SHIPWRIGHT_EQUALITY", 2) {
        check(seed);
    }
}

/// Three steps, each run in all ways: the whole plan; the same under new tags; one changed image alone.
#[track_caller]
fn check(seed: u64) {
    let mut dice = Random::new(seed);
    let Generated { fixture, folders } = repository(&mut dice);
    let repo = Repo::new(&fixture);
    let reference = engine::engine().expect("it was there");
    let mut options = options(&mut dice);
    // exec takes images of the same content that a run which was ended has left in the engine.
    options.push(format!("--epoch={}", reference.prefix()));
    let ways: Vec<Engine> = EMITTED
        .iter()
        .map(|_| engine::engine().expect("it was there"))
        .collect();

    let all = |step: &str, further: &[&str]| {
        let options = options.iter().map(String::as_str);
        let options: Vec<&str> = options.chain(further.iter().copied()).collect();
        let arguments = below(&reference, "exec", &options);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        program::run(&repo, &arguments);
        for ((format, words), engine) in EMITTED.iter().zip(&ways) {
            run(
                &repo,
                &planned(&repo, engine, &options),
                *format,
                words,
                None,
            );
            assert_eq!(
                engine.tags(),
                reference.tags(),
                "seed {seed}, {step}: {words:?}"
            );
        }
    };
    all("the whole plan", &[]);
    repo.write("//- README.md\nread by no image\n");
    repo.commit("Add a README");
    all("the same under new tags", &["--since", "HEAD~1"]);
    for engine in ways.iter().chain([&reference]) {
        let options = options.iter().map(String::as_str);
        let options: Vec<&str> = options.chain(["--since", "HEAD~1"]).collect();
        let plan = planned(&repo, engine, &options);
        let references = engine.references();
        let id = |full: &str| references.get(&full[engine.prefix().len() + 1..]);
        for image in plan.images.iter().filter(|image| !image.onbuild) {
            assert_eq!(image.action, Action::Retag, "seed {seed}: {}", image.name);
            for tag in &image.tags {
                assert!(id(tag).is_some(), "seed {seed}: {tag} is not there");
                assert_eq!(id(tag), id(&image.reference), "seed {seed}: {tag}");
            }
        }
    }

    let changed = format!("us/i{}", dice.below(folders));
    let folder = changed.trim_start_matches("us/");
    repo.write(&format!("//- {folder}/version\n2\n"));
    repo.commit("Change one");
    all(&format!("{changed} alone"), &["--exact", &changed]);

    let expected = everything(&reference);
    for ((_, words), engine) in EMITTED.iter().zip(&ways) {
        let seen = everything(engine);
        for (tag, contents) in &seen {
            let differences = differences(contents, &expected[tag]);
            assert!(
                differences.is_empty(),
                "seed {seed}: {words:?} and exec leave other {differences:?} as {tag} of\n{fixture}"
            );
        }
    }
}

/// The paths of files and the names of settings that differ. bake builds an image with triggers
/// where the others re-tag it, so its labels tell of a later revision.
fn differences(left: &Contents, right: &Contents) -> Vec<String> {
    let paths = left.files.keys().chain(right.files.keys());
    let paths: BTreeSet<&String> = paths.collect();
    let differ = |path: &&&String| left.files.get(**path) != right.files.get(**path);
    let mut differences: Vec<String> = paths.iter().filter(differ).copied().cloned().collect();
    let config = |contents: &Contents| {
        let mut config = contents.config.as_object().expect("an object").clone();
        if config
            .get("OnBuild")
            .is_some_and(|triggers| !triggers.is_null())
        {
            for name in ["revision", "created"] {
                config["Labels"][format!("org.opencontainers.image.{name}")].take();
            }
        }
        config
    };
    let (left, right) = (config(left), config(right));
    let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    let differ = |name: &&&String| left.get(**name) != right.get(**name);
    differences.extend(names.iter().filter(differ).copied().cloned());
    differences
}

/// Planning options.
fn options(dice: &mut Random) -> Vec<String> {
    let mut options = Vec::new();
    if dice.one_in(2) {
        let value = ["us", "it's $(all) ${right}", "a \"b\" #c\\d %{e}"][dice.below(3)];
        options.push(format!("--build-arg=WHO={value}"));
    }
    if dice.one_in(2) {
        let platform = docker(&["version", "--format", "{{.Server.Os}}/{{.Server.Arch}}"]);
        options.push(format!("--platform={}", platform.trim()));
    }
    if dice.one_in(3) {
        options.push("--tag=v1".to_owned());
    }
    options
}

/// A command whose images all live below the engine's prefix.
fn below(engine: &Engine, command: &str, options: &[&str]) -> Vec<String> {
    let repository = format!("{}/{{{{ name }}}}", engine.prefix());
    let start = [command, "--repository", &repository];
    let words = start.iter().chain(options);
    words.map(|&word| word.to_owned()).collect()
}

#[track_caller]
fn planned(repo: &Repo, engine: &Engine, options: &[&str]) -> Plan {
    let arguments = below(engine, "plan", options);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Plan::from_json(&program::run(repo, &arguments)).expect("a plan")
}

/// Every tag below the engine's prefix with what its image holds.
#[track_caller]
fn everything(engine: &Engine) -> BTreeMap<String, Rc<Contents>> {
    let mut by_id = BTreeMap::new();
    let references = engine.references().into_iter();
    let with_contents = references.map(|(reference, id)| {
        let full = engine.repository(&reference);
        let contents = by_id.entry(id).or_insert_with(|| contents(&full).into());
        (reference, Rc::clone(contents))
    });
    with_contents.collect()
}

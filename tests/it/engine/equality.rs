//! One plan, one result, for generated repositories: what make, sh and bake leave is what exec leaves.
//!
//! `SHIPWRIGHT_EQUALITY` is the number of repositories, 2 where it is not set;
//! `SHIPWRIGHT_EQUALITY_SEED` is the first seed, 0 where it is not set.

use std::collections::BTreeMap;
use std::rc::Rc;

use shipwright::emit::Format;
use shipwright::plan::{Action, Plan};

use super::exec::exec;
use super::generated::{Dice, Generated, repository};
use super::runners::run;
use crate::support::engine::{self, Contents, Engine, contents, docker};
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
    let mut dice = Dice::new(seed);
    let generated = repository(&mut dice);
    let repo = Repo::new(&generated.fixture);
    let options = options(&mut dice);
    let whole = planned(&repo, &generated, &options, &mut dice.clone());
    let mut retagged = whole.clone();
    for image in &mut retagged.images {
        image.action = Action::Retag;
        image.tags = vec![format!("{}:next", image.repository)];
    }
    let reference = engine::engine().expect("it was there");
    let ways: Vec<Engine> = EMITTED
        .iter()
        .map(|_| engine::engine().expect("it was there"))
        .collect();

    let all = |step: &str, plan: &Plan| {
        let report = exec(&repo, &under(reference.prefix(), plan), |_| {});
        assert!(report.succeeded(), "seed {seed}: {:?}", report.problems);
        for ((format, words), engine) in EMITTED.iter().zip(&ways) {
            run(&repo, &under(engine.prefix(), plan), *format, words, None);
            assert_eq!(
                engine.tags(),
                reference.tags(),
                "seed {seed}, {step}: {words:?}"
            );
        }
    };
    all("the whole plan", &whole);
    all("the same under new tags", &retagged);
    for image in whole.images.iter().filter(|image| !image.onbuild) {
        for engine in &ways {
            let references = engine.references();
            let id = |reference: &str| &references[reference];
            let next = format!("{}:next", image.repository);
            assert_eq!(id(&next), id(&image.reference), "seed {seed}: {next}");
        }
    }

    let changed = format!("i{}", dice.roll(generated.images));
    repo.write(&format!("//- {changed}/version\n2\n"));
    repo.commit("Change one");
    let exact = [options, vec!["--exact".to_owned(), changed.clone()]].concat();
    let one = planned(&repo, &generated, &exact, &mut dice);
    assert_eq!(one.images.len(), 1);
    all(&format!("{changed} alone"), &one);

    let expected = everything(&reference);
    for ((_, words), engine) in EMITTED.iter().zip(&ways) {
        let seen = everything(engine);
        for (tag, contents) in &seen {
            assert_eq!(
                contents, &expected[tag],
                "seed {seed}: {words:?} left the first, exec the second, as {tag} of\n{}",
                generated.fixture
            );
        }
    }
}

/// Planning options.
fn options(dice: &mut Dice) -> Vec<String> {
    let mut options = Vec::new();
    if dice.one_in(2) {
        let value = ["us", "it's $(all) ${right}", "a \"b\" #c\\d %{e}"][dice.roll(3)];
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

/// The plan of the repository, with targets and named contexts besides.
#[track_caller]
fn planned(repo: &Repo, generated: &Generated, options: &[String], dice: &mut Dice) -> Plan {
    let options = options.iter().map(String::as_str);
    let arguments: Vec<&str> = ["plan"].into_iter().chain(options).collect();
    let text = program::run(repo, &arguments);
    let mut plan = Plan::from_json(&text).expect("a plan");
    for image in &mut plan.images {
        if generated.with_stage.contains(&image.context) && dice.one_in(2) {
            image.target = Some("mid".to_owned());
        }
        if generated.with_context.contains(&image.context) {
            image
                .contexts
                .insert("extra".to_owned(), "extra".to_owned());
        }
    }
    plan
}

/// The plan with every image below a prefix.
fn under(prefix: &str, plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    for image in &mut plan.images {
        let needed = image.dependencies.iter_mut();
        let contents = needed.filter_map(|dependency| dependency.content.as_mut());
        let own = [&mut image.repository, &mut image.reference];
        for reference in own.into_iter().chain(&mut image.tags).chain(contents) {
            *reference = format!("{prefix}/{reference}");
        }
    }
    plan
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

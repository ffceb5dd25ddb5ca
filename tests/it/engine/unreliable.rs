//! Runs that push to a registry which is busy, unavailable or silent at random moments, keeps its tags or takes
//! no repository that nobody created: nothing that is there is replaced or built again.
//!
//! `SHIPWRIGHT_UNRELIABLE` is the number of rounds, `SHIPWRIGHT_UNRELIABLE_SEED` the seed.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::builders::Builder;
use super::parts::{build_part, chain};
use crate::support::engine::{self, BASE, Engine};
use crate::support::own_engine::OwnEngine;
use crate::support::program::{self, shipwright};
use crate::support::repo::Repo;
use crate::support::unreliable_registry::{Seen, UnreliableRegistry};

const IMAGES: [&str; 3] = ["a", "b", "c"];

fn number(name: &str, otherwise: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(otherwise, |text| text.parse().expect("a number"))
}

/// An engine whose images are published in a registry of the test's own.
#[track_caller]
fn published() -> Option<(Engine, UnreliableRegistry)> {
    let mut engine = engine::engine()?;
    let registry = UnreliableRegistry::start(number("SHIPWRIGHT_UNRELIABLE_SEED", 1))?;
    engine.move_below(registry.host());
    Some((engine, registry))
}

/// A chain of three images whose files hold a text, for an engine tags what it holds of other tests.
fn images(engine: &Engine, text: &str) -> Repo {
    let name = |name: &str| engine.repository(name);
    let last = format!("COPY --from={} /a /again\nRUN echo c > /c\n", name("a"));
    Repo::new(&format!(
        "//- .shipwright.json\n{{\"version\": 2, \"namespace\": \"{}\"}}\n\
         //- a/Dockerfile\nFROM {BASE}\nRUN echo {text} > /a\n\
         //- b/Dockerfile\nFROM {}\nRUN echo b > /b\n\
         //- c/Dockerfile\nFROM {}\n{last}",
        engine.prefix(),
        name("a"),
        name("b"),
    ))
}

fn exec(repo: &Repo, arguments: &[&str]) -> Command {
    let mut command = shipwright(repo, ".");
    command.args(["exec", "--quiet", "--push"]).args(arguments);
    command
}

/// A run that ends well; gives the counts of its last line.
#[track_caller]
fn counts(repo: &Repo, arguments: &[&str]) -> String {
    let printed = program::run(repo, &[&["exec", "-q", "--push"], arguments].concat());
    let last = printed.lines().last().unwrap_or_default();
    last.split(" in ").next().unwrap_or_default().to_owned()
}

/// A run that may fail, with what it says and one of these codes; gives whether it went well.
#[track_caller]
fn may_fail(mut command: Command, codes: &[&str], what: &str) -> bool {
    let output = command.output().expect("the program was built");
    let said = String::from_utf8_lossy(&output.stderr);
    let is_known = codes
        .iter()
        .any(|code| said.contains(&format!("error[{code}]")));
    let names_a_way = is_known && said.contains("help: ");
    assert!(output.status.success() || names_a_way, "{what}: {said}");
    output.status.success()
}

/// No content reference was put where another image was, nor any reference but branches replaced.
#[track_caller]
fn nothing_is_replaced(seen: &Seen, what: &str) {
    let is_branch = |tag: &String| tag.ends_with(":main");
    let overwritten = &seen.overwritten;
    assert!(overwritten.iter().all(is_branch), "{what}: {overwritten:?}");
}

/// What the images are in the registry under that tag.
#[track_caller]
fn digests(engine: &Engine, registry: &UnreliableRegistry, tag: &str) -> Vec<Option<String>> {
    let path = engine.prefix().split_once('/').expect("a host").1;
    let digest = |name| registry.raw().digest_of(&format!("{path}/{name}"), tag);
    IMAGES.map(digest).into()
}

/// All tags of all images name the images of that revision; gives their digests.
#[track_caller]
fn are_published(
    engine: &Engine,
    registry: &UnreliableRegistry,
    revision: &str,
    what: &str,
) -> Vec<Option<String>> {
    let main = digests(engine, registry, "main");
    assert!(main.iter().all(Option::is_some), "{what}: {main:?}");
    assert_eq!(digests(engine, registry, &revision[..12]), main, "{what}");
    main
}

const CODES: [&str; 5] = [
    "registry-no-answer",
    "push-refused",
    "push-failed",
    "tag-failed",
    "join-failed",
];

/// In each round something new is built, and then only tags move.
#[test]
fn a_registry_that_fails_at_random_has_nothing_built_again_or_replaced() {
    let Some((engine, registry)) = published() else {
        return;
    };
    let repo = images(&engine, "first");
    for round in 0..number("SHIPWRIGHT_UNRELIABLE", 1) {
        let a = engine.repository("a");
        repo.write(&format!(
            "//- b/Dockerfile\nFROM {a}\nRUN echo {round} > /b\n"
        ));
        let revision = repo.commit("Change b");
        let what = format!("round {round}, building");
        let fails_one_in = [4, 2][usize::try_from(round % 2).unwrap()];
        registry.behave().fails_one_in = fails_one_in;
        let first = may_fail(exec(&repo, &[]), &CODES, &what);
        registry.behave().fails_one_in = 0;
        nothing_is_replaced(&registry.take(), &what);
        let again = counts(&repo, &[]);
        assert!(!first || again == "3 skipped", "{what}: {again}");
        nothing_is_replaced(&registry.take(), &what);
        let held = are_published(&engine, &registry, &revision, &what);

        // A machine that has nothing, and a registry that has everything.
        engine.clear();
        repo.write(&format!("//- README\n{round}\n"));
        let revision = repo.commit("Change what no image reads");
        let what = format!("round {round}, tagging");
        registry.behave().fails_one_in = fails_one_in;
        let second = may_fail(exec(&repo, &[]), &CODES, &what);
        registry.behave().fails_one_in = 0;
        let seen = registry.take();
        nothing_is_replaced(&seen, &what);
        let puts = seen.requests.iter().filter(|line| line.starts_with("PUT"));
        let is_content = |line: &&String| line.contains("/manifests/sw-");
        assert_eq!(puts.clone().find(is_content), None, "{what}");
        assert_eq!(engine.tags().len(), 0, "{what}: nothing was built");
        eprintln!("round {round}: {first}, {second}, {:?}", seen.failures);
        let again = counts(&repo, &[]);
        assert!(!again.contains("built"), "{what}: {again}");
        assert_eq!(are_published(&engine, &registry, &revision, &what), held);
        registry.take();
    }
}

#[test]
fn parts_are_joined_in_spite_of_a_registry_that_fails_at_random() {
    let Some((engine, registry)) = published() else {
        return;
    };
    let repo = chain(&engine, "unreliable");
    for name in IMAGES {
        for platform in ["linux/amd64", "linux/arm64"] {
            build_part(&engine, &repo, name, platform);
        }
    }
    registry.take();
    registry.behave().immutable = true;
    registry.behave().fails_one_in = 9;
    // Two last jobs at once, as where somebody runs one again.
    let joins = [(); 2].map(|()| {
        let mut join = exec(&repo, &["--no-build"]);
        join.stdout(Stdio::null()).stderr(Stdio::piped());
        join.spawn().expect("the program was built")
    });
    let mut ended = Vec::new();
    for join in joins {
        let output = join.wait_with_output().expect("it was started");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let is_known = CODES
            .iter()
            .any(|code| said.contains(&format!("error[{code}]")));
        assert!(output.status.success() || is_known, "{said}");
        ended.push(output.status.code());
    }
    registry.behave().fails_one_in = 0;
    let seen = registry.take();
    eprintln!("{ended:?} {:?}", seen.failures);
    assert_eq!(seen.overwritten, Vec::<String>::new());
    let counts = counts(&repo, &["--no-build"]);
    assert!(!counts.contains("built"), "{counts}");
    let revision = repo.git(&["rev-parse", "HEAD"]);
    are_published(&engine, &registry, &revision, "joined");
}

#[test]
fn two_runs_of_one_commit_on_two_machines_publish_one_image() {
    let Some((engine, registry)) = published() else {
        return;
    };
    let Some(elsewhere) = OwnEngine::start() else {
        return;
    };
    registry.behave().immutable = true;
    let repo = Repo::new(&format!(
        "//- .shipwright.json\n{{\"version\": 2, \"namespace\": \"{prefix}\"}}\n\
         //- a/Dockerfile\nFROM scratch\nCOPY Dockerfile /a\n\
         //- b/Dockerfile\nFROM {prefix}/a\nCOPY Dockerfile /b\n\
         //- c/Dockerfile\nFROM {prefix}/b\nCOPY Dockerfile /c\n",
        prefix = engine.prefix()
    ));
    let name = format!("shipwright-two-{}", std::process::id());
    let builder = Builder::new(name, &elsewhere.buildkit());
    let ways = [
        vec!["--report", ".git/here.json"],
        vec!["--report", ".git/there.json", "--builder", &builder.0],
    ];
    let runs = ways.map(|arguments| {
        let mut run = exec(&repo, &arguments);
        run.stdout(Stdio::null()).stderr(Stdio::piped());
        run.spawn().expect("the program was built")
    });
    for run in runs {
        let output = run.wait_with_output().expect("it was started");
        program::succeeded(&["exec"], &output);
    }
    assert_eq!(registry.take().overwritten, Vec::<String>::new());
    let revision = repo.git(&["rev-parse", "HEAD"]);
    let held = are_published(&engine, &registry, &revision, "two at once");
    for file in ["here.json", "there.json"] {
        let text = std::fs::read_to_string(repo.join(".git").join(file)).expect("a report");
        let report: Value = serde_json::from_str(&text).expect("it is JSON");
        let images = report["images"].as_array().expect("images").iter();
        let told = images.map(|image| image["digest"].as_str().map(str::to_owned));
        assert_eq!(told.collect::<Vec<_>>(), held, "{file}");
    }
}

#[test]
fn immutable_tags_and_repositories_that_nobody_created_are_named_before_anything_moves() {
    let Some((engine, registry)) = published() else {
        return;
    };
    let repo = images(&engine, "immutable");
    registry.behave().created = Some([].into());
    let output = exec(&repo, &[]).output().expect("the program was built");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for text in [
        "error[push-refused]: cannot push to `",
        "NAME_UNKNOWN",
        "nothing was built; log in with `docker login`, or create the repository first",
    ] {
        assert!(said.contains(text), "no `{text}` in: {said}");
    }
    assert_eq!(engine.tags().len(), 0, "nothing was built");

    registry.behave().created = None;
    registry.behave().immutable = true;
    assert_eq!(counts(&repo, &[]), "3 built");
    let before = digests(&engine, &registry, "main");
    // The same commit again, and from a machine that has nothing.
    assert_eq!(counts(&repo, &[]), "3 skipped");
    engine.clear();
    assert_eq!(counts(&repo, &[]), "3 skipped");
    let a = engine.repository("a");
    repo.write(&format!("//- b/Dockerfile\nFROM {a}\nRUN echo 2 > /b\n"));
    let revision = repo.commit("Change b");
    let output = exec(&repo, &[]).output().expect("the program was built");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for text in [
        "error[tag-failed]: cannot tag `",
        "3 of 5 tags have moved; if the repository has immutable tags",
    ] {
        assert!(said.contains(text), "no `{text}` in: {said}");
    }
    assert_eq!(digests(&engine, &registry, "main"), before);
    let new = digests(&engine, &registry, &revision[..12]);
    assert!(new.iter().all(Option::is_some), "{new:?}");
    assert_eq!(registry.take().overwritten, Vec::<String>::new());
}

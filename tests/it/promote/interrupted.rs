//! A promotion that does not go through at once: killed at any moment, refused, at the same time as another.
//!
//! `SHIPWRIGHT_PROMOTIONS` is the number of moments, `SHIPWRIGHT_PROMOTIONS_SEED` the first seed.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use serde_json::Value;

use super::{Published, publish, published};
use crate::support::generate::Random;
use crate::support::own_registry::OwnRegistry;
use crate::support::program::{self, shipwright};
use crate::support::raw_registry::Raw;
use crate::support::repo::Repo;
use crate::support::unreliable_registry::UnreliableRegistry;

/// How long a promotion may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn number(name: &str, otherwise: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(otherwise, |text| text.parse().expect("a number"))
}

/// Two revisions, of which one is promoted and the other about to be.
struct Release {
    source: OwnRegistry,
    target: UnreliableRegistry,
    before: String,
    after: Published,
}

impl Release {
    #[track_caller]
    fn new(seed: u64) -> Option<Self> {
        let mut source = OwnRegistry::new()?;
        source.start();
        let target = UnreliableRegistry::start(seed)?;
        let Published { repo, .. } = published(source.host());
        let before = repo.git(&["rev-parse", "HEAD"]);
        repo.write(
            "//- one/Dockerfile\nFROM scratch\nCOPY Dockerfile /x\n\
             //- many/Dockerfile\nFROM scratch\nCOPY Dockerfile /x\n",
        );
        repo.commit("Change both");
        let after = publish(repo, source.host());
        Some(Self {
            source,
            target,
            before,
            after,
        })
    }

    fn repo(&self) -> &Repo {
        &self.after.repo
    }

    /// The template of the repositories that a promotion goes to.
    fn to(&self, place: &str) -> String {
        format!("{}/{place}/{{{{ short }}}}", self.target.host())
    }

    /// Promotes the revision that stands there now.
    #[track_caller]
    fn promote_before(&self, place: &str) {
        let arguments = ["promote", "-q", "--rev", &self.before, "--branch", "main"];
        program::run(
            self.repo(),
            &[&arguments[..], &["--to", &self.to(place)]].concat(),
        );
    }

    fn promotion(&self, place: &str) -> Command {
        let mut command = shipwright(self.repo(), ".");
        command.args(["promote", "-q", "--to", &self.to(place)]);
        command
    }

    /// The digest that each tag of each image should name, by `image:tag`.
    fn expected(&self) -> BTreeMap<String, String> {
        let raw = Raw {
            host: self.source.host(),
        };
        let mut expected = BTreeMap::new();
        for image in self.after.plan["images"].as_array().unwrap() {
            let content = image["reference"].as_str().unwrap();
            let (name, content) = content.rsplit_once(':').unwrap();
            let name = name.rsplit('/').next().unwrap();
            let digest = raw.digest_of(&format!("dev/{name}"), content);
            let digest = digest.expect("it is published");
            let readable = image["tags"].as_array().unwrap().iter();
            let readable = readable.map(|tag| tag.as_str().unwrap().rsplit(':').next().unwrap());
            for tag in readable.chain([content]) {
                expected.insert(format!("{name}:{tag}"), digest.clone());
            }
        }
        expected
    }

    /// What the tags name now.
    fn found(&self, place: &str) -> BTreeMap<String, String> {
        let expected = self.expected();
        let names = expected.keys().filter_map(|name| {
            let (image, tag) = name.split_once(':').unwrap();
            let digest = self
                .target
                .raw()
                .digest_of(&format!("{place}/{image}"), tag)?;
            Some((name.clone(), digest))
        });
        names.collect()
    }

    /// A promotion that is run again goes well, and leaves everything as it should be.
    #[track_caller]
    fn completes(&self, place: &str, what: &str) {
        let again = self
            .promotion(place)
            .output()
            .expect("the program was built");
        program::succeeded(&[what], &again);
        self.is_complete(place, what);
    }

    /// All tags name what they should, and all of it is there, with what refers to it.
    #[track_caller]
    fn is_complete(&self, place: &str, what: &str) {
        assert_eq!(self.found(place), self.expected(), "{what}");
        self.is_whole(place, what);
        let (raw, many) = (self.target.raw(), format!("{place}/many"));
        let schema = self.after.index["digest"].as_str().unwrap();
        let schema = schema.replace(':', "-");
        let signature = raw.digest_of(&many, &format!("{schema}.sig"));
        let source = Raw {
            host: self.source.host(),
        };
        let expected = source.digest_of("dev/many", &format!("{schema}.sig"));
        assert_eq!(
            (&signature, signature.is_some()),
            (&expected, true),
            "{what}"
        );
        let list = raw
            .manifest_text(&many, &schema)
            .expect("the list of referrers");
        assert!(list.contains(&self.after.referrer), "{what}: {list}");
        assert_whole(&raw, &many, &schema, what);
    }

    /// Whatever is there is there with all that it is made of.
    #[track_caller]
    fn is_whole(&self, place: &str, what: &str) {
        for name in self.found(place).keys() {
            let (image, tag) = name.split_once(':').unwrap();
            let repository = format!("{place}/{image}");
            assert_whole(&self.target.raw(), &repository, tag, what);
        }
    }
}

#[track_caller]
fn assert_whole(raw: &Raw<'_>, repository: &str, name: &str, what: &str) {
    let text = raw.manifest_text(repository, name);
    let text = text.unwrap_or_else(|| panic!("{what}: no {repository}:{name}"));
    let manifest: Value = serde_json::from_str(&text).expect("it is JSON");
    let of = |key: &str| manifest[key].as_array().cloned().unwrap_or_default();
    for child in of("manifests") {
        assert_whole(raw, repository, child["digest"].as_str().unwrap(), what);
    }
    let config = manifest.get("config").cloned();
    for blob in config.into_iter().chain(of("layers")) {
        let digest = blob["digest"].as_str().unwrap();
        assert!(
            raw.has_blob(repository, digest),
            "{what}: {repository} {digest}"
        );
    }
}

/// Killed at any request, done or not, the next run leaves all tags where they belong.
#[test]
fn a_promotion_that_is_killed_is_completed() {
    let Some(release) = Release::new(0) else {
        return;
    };
    // How many requests there are.
    release.promote_before("all");
    release.target.take();
    let promoted = release
        .promotion("all")
        .output()
        .expect("the program was built");
    program::succeeded(&["promote"], &promoted);
    release.is_complete("all", "not killed");
    let all = release.target.take().requests.len();
    let first = number("SHIPWRIGHT_PROMOTIONS_SEED", 1);
    let mut states = BTreeMap::new();
    for seed in first..first + number("SHIPWRIGHT_PROMOTIONS", 6) {
        let mut random = Random::new(seed);
        let mut moment = random.below(all);
        if random.one_in(3) {
            // The last requests move tags.
            moment = all - 1 - moment % 6;
        }
        let done = random.one_in(2);
        let what = format!("seed {seed}: killed at request {moment} of {all}");
        let place = format!("p{seed}");
        release.promote_before(&place);
        let reached = release.target.hold_after(moment, done);
        let mut child = release
            .promotion(&place)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program was built");
        let told = reached.recv_timeout(PATIENCE);
        assert_ne!(told, Err(RecvTimeoutError::Timeout), "{what}");
        let _ = child.kill();
        child.wait().expect("it was started");
        release.target.go_on();
        release.is_whole(&place, &what);
        let moved = release.found(&place);
        let expected = release.expected();
        let there = moved
            .iter()
            .filter(|(name, digest)| expected[*name] == **digest);
        *states.entry(there.count()).or_insert(0) += 1;
        release.completes(&place, &what);
    }
    let overwritten = release.target.take().overwritten;
    assert!(
        overwritten.iter().all(|tag| tag.ends_with(":main")),
        "{overwritten:?}"
    );
    eprintln!("references that were right when the promotion was killed, of 6: {states:?}");
}

/// What a refused promotion says; it ends with status 1.
#[track_caller]
fn refused(mut promotion: Command, what: &str) -> String {
    let output = promotion.output().expect("the program was built");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{what}: {said}");
    assert!(said.contains("help: "), "{what} says what to do: {said}");
    said
}

/// Whatever fails, what is there stays whole, and a run that finds the registry well completes it.
#[test]
fn a_registry_that_fails_at_random_is_asked_again_or_named() {
    let seed = number("SHIPWRIGHT_PROMOTIONS_SEED", 1);
    let Some(release) = Release::new(seed) else {
        return;
    };
    let rounds = number("SHIPWRIGHT_PROMOTIONS", 6).div_ceil(3);
    for (round, one_in) in (0..rounds).zip([12, 3].into_iter().cycle()) {
        let (place, what) = (format!("r{round}"), format!("seed {seed}, round {round}"));
        release.promote_before(&place);
        release.target.behave().fails_one_in = one_in;
        let output = release
            .promotion(&place)
            .output()
            .expect("the program was built");
        release.target.behave().fails_one_in = 0;
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            release.is_complete(&place, &what);
        } else {
            let codes = [
                "registry-no-answer",
                "push-refused",
                "push-failed",
                "tag-failed",
            ];
            let is_known = codes
                .iter()
                .any(|code| said.contains(&format!("error[{code}]")));
            assert!(is_known && said.contains("help: "), "{what}: {said}");
            release.is_whole(&place, &what);
            release.completes(&place, &what);
        }
        let seen = release.target.take();
        let overwritten = seen.overwritten;
        assert!(
            overwritten.iter().all(|tag| tag.ends_with(":main")),
            "{overwritten:?}"
        );
        eprintln!("{what}: {:?}, {:?}", output.status.code(), seen.failures);
    }
}

#[test]
fn immutable_tags_and_repositories_that_nobody_created_are_named() {
    let Some(release) = Release::new(0) else {
        return;
    };
    // Nothing is written into a repository while another one is missing.
    release.target.behave().created = Some(["new/one".to_owned()].into());
    let said = refused(release.promotion("new"), "not created");
    let expected = format!("cannot push to `{}/new/many`", release.target.host());
    assert!(
        said.contains("error[push-refused]") && said.contains(&expected),
        "{said}"
    );
    assert!(said.contains("create the repository first"), "{said}");
    assert!(release.found("new").is_empty());
    release.target.behave().created = None;

    // Where nothing is yet, immutable tags are none the worse, and two runs at once do the same.
    release.target.behave().immutable = true;
    let runs = [(); 2].map(|()| {
        let mut promotion = release.promotion("twice");
        promotion.stdout(Stdio::null()).stderr(Stdio::piped());
        promotion.spawn().expect("the program was built")
    });
    for run in runs {
        let output = run.wait_with_output().expect("it was started");
        program::succeeded(&["promote"], &output);
    }
    release.is_complete("twice", "two at once");

    // A tag that would move stays, and all that is new is there.
    release.promote_before("kept");
    let before = release.found("kept");
    let said = refused(release.promotion("kept"), "immutable");
    assert!(said.contains("error[tag-failed]"), "{said}");
    assert!(
        said.contains("if the repository has immutable tags"),
        "{said}"
    );
    assert!(said.contains("2 of 4 tags have moved"), "{said}");
    let mut found = release.found("kept");
    found.retain(|name, digest| before.get(name) != Some(digest));
    let mut expected = release.expected();
    expected.retain(|name, _| !name.ends_with(":main"));
    assert_eq!(found, expected);
    assert_eq!(release.target.take().overwritten, Vec::<String>::new());
}

/// An image that another run puts while this one copies stays.
#[test]
fn what_another_run_puts_meanwhile_stays() {
    let Some(release) = Release::new(0) else {
        return;
    };
    let expected = release.expected();
    let mut contents = expected.keys().filter_map(|name| name.strip_prefix("one:"));
    let content = contents.find(|tag| tag.starts_with("sw-")).unwrap();
    let reached = release
        .target
        .hold_at("PUT /v2/raced/one/manifests/sha256:");
    let mut promotion = release.promotion("raced");
    promotion.stdout(Stdio::null()).stderr(Stdio::piped());
    let child = promotion.spawn().expect("the program was built");
    reached.recv_timeout(PATIENCE).expect("it is reached");
    let raw = release.target.raw();
    let other = raw.base(
        "raced/one",
        Some(content),
        "amd64",
        &BTreeMap::new(),
        &[],
        None,
    );
    release.target.release();
    let output = child.wait_with_output().expect("it was started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("another run has put sha256:"), "{said}");
    let there = raw.digest_of("raced/one", content);
    assert_eq!(there.as_deref(), other["digest"].as_str());
    let seen = release.target.take();
    assert_eq!(seen.overwritten, Vec::<String>::new());
    let is_readable = |line: &&String| line.starts_with("PUT") && line.ends_with("/main");
    assert_eq!(
        seen.requests.iter().find(is_readable),
        None,
        "no tag has moved"
    );
}

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
        let again = release
            .promotion(&place)
            .output()
            .expect("the program was built");
        program::succeeded(&[&what], &again);
        release.is_complete(&place, &what);
    }
    let overwritten = release.target.take().overwritten;
    assert!(
        overwritten.iter().all(|tag| tag.ends_with(":main")),
        "{overwritten:?}"
    );
    eprintln!("references that were right when the promotion was killed, of 6: {states:?}");
}

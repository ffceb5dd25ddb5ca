//! What the bake file says: a target an image, linked where one needs another.
//!
//! Where bake is not told which file to read, it reads several and merges what has one name. So the
//! name of each target ends in digits that no other file has, and groups carry the names for people.

pub(super) mod relay;
pub(super) mod stable;

use std::collections::{BTreeMap, BTreeSet};

use minijinja::value::Value;
use serde::Serialize;

use self::relay::{Relay, relays};
use super::header::{Header, header};
use super::quote::Language;
use super::script::{because, lines, policy};
use super::slug::{replaced, shortest};
use super::template::{remark, verbatim};
use crate::paths::relative;
use crate::plan::{self, Action, Plan};
use crate::run::buildx;

/// Digits of the fingerprint at the end of a target's name.
const DIGITS: usize = 12;

/// The data of `docker-bake.hcl.j2`.
#[derive(Debug, Serialize)]
pub(super) struct File {
    header: Header,
    /// Some image is built though it may exist, because bake cannot look.
    ensures: bool,
    /// Some image is one that not every engine can hold.
    several_platforms: bool,
    /// Variables of the environment that get into builds, although no plan says so.
    environment: Value,
    /// The lines of the source policy that builds are to be held to; none where nothing is.
    policy: Vec<Value>,
    /// Where it is run, if that is not the root of the plan.
    sealed: bool,
    groups: Vec<Group>,
    targets: Vec<Target>,
    relays: Vec<Relay>,
}

/// A name for targets.
#[derive(Debug, Serialize)]
struct Group {
    name: String,
    targets: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Target {
    name: String,
    title: Value,
    because: Option<Value>,
    /// The Dockerfile that re-tags the image; little else matters then.
    retag: Option<String>,
    context: String,
    /// Relative to the context, as bake takes it.
    dockerfile: String,
    stage: Option<String>,
    platforms: Vec<String>,
    network: Option<String>,
    no_cache: bool,
    contexts: Vec<Entry>,
    args: Vec<Entry>,
    labels: Vec<Entry>,
    /// The content reference, unless another target has it, then the readable ones.
    tags: Vec<String>,
    secret: Vec<String>,
    ssh: Vec<String>,
    cache_from: Vec<String>,
    cache_to: Vec<String>,
    attest: Vec<String>,
    push: bool,
}

/// An entry of a map, whose `=` stands below that of the entry before.
#[derive(Debug, Serialize)]
struct Entry {
    key: String,
    padding: Value,
    value: String,
}

/// What the bake file says; `sealed` says where the files of its builds are, by image, where these
/// are not the folders of the plan.
pub(super) fn file(plan: &Plan, sealed: Option<&BTreeMap<String, Sealed>>) -> File {
    let targets = targets(plan);
    let target_of: BTreeMap<&str, &str> = plan
        .images
        .iter()
        .map(|image| image.name.as_str())
        .zip(targets.iter().map(String::as_str))
        .collect();
    let holders = holders(plan);
    let (relays, bound) = relays(plan, &target_of);
    let images = plan.images.iter().zip(&targets).zip(&bound);
    File {
        header: header(plan),
        ensures: plan
            .images
            .iter()
            .any(|image| image.action == Action::Ensure),
        several_platforms: plan.images.iter().any(|image| image.platforms.len() > 1),
        environment: lines_of_environment(),
        // JSON has no newlines within strings, so each line is a comment of its own.
        policy: policy(plan).into_iter().map(verbatim).collect(),
        sealed: sealed.is_some(),
        groups: groups(plan, &targets),
        targets: images
            .map(|((image, target), bound)| {
                let image = sealed.and_then(|sealed| Some(sealed.get(&image.name)?.image(image)));
                (image, target, bound)
            })
            .zip(&plan.images)
            .map(|((sealed, target, bound), image)| {
                view(sealed.as_ref().unwrap_or(image), target, bound, &holders)
            })
            .collect(),
        relays,
    }
}

/// Where the files of an image's build are, in place of the folders of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    /// The Dockerfile.
    pub dockerfile: String,
    /// The folder of the build context.
    pub context: String,
    /// Named contexts of the configuration: a folder or `docker-image://…`.
    pub named: BTreeMap<String, String>,
}

impl Sealed {
    fn image(&self, image: &plan::Image) -> plan::Image {
        plan::Image {
            dockerfile: self.dockerfile.clone(),
            context: self.context.clone(),
            contexts: self.named.clone(),
            ..image.clone()
        }
    }
}

/// The variables that bake lets into builds, as lines of a comment.
fn lines_of_environment() -> Value {
    verbatim(lines(", ", ",\n#   "))
}

/// The names of the targets: of the image, with digits of its fingerprint.
fn targets(plan: &Plan) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let names = plan.images.iter().map(|image| {
        let digits = &image.fingerprint[..image.fingerprint.len().min(DIGITS)];
        let mut name = format!("{}-{digits}", replaced(&image.name, is_allowed));
        // Two names that look alike, of one content.
        while !taken.insert(name.clone()) {
            name.push('x');
        }
        name
    });
    names.collect()
}

/// The short names, where one means one image and nothing else has it.
fn groups(plan: &Plan, targets: &[String]) -> Vec<Group> {
    let names: Vec<&str> = plan
        .images
        .iter()
        .map(|image| image.name.as_str())
        .collect();
    let short: Vec<String> = shortest(&names).into_iter().map(replaced_each).collect();
    let mut count: BTreeMap<&str, usize> = BTreeMap::from([("default", 1)]);
    for name in short.iter().chain(targets) {
        *count.entry(name).or_default() += 1;
    }
    let named = short.iter().zip(targets);
    let named = named.filter(|(name, _)| count[name.as_str()] == 1);
    let group = |(name, target): (&String, &String)| Group {
        name: name.clone(),
        targets: vec![target.clone()],
    };
    named.map(group).collect()
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-".contains(c)
}

/// What no target can be called by, each as `-`.
fn replaced_each(name: &str) -> String {
    let each = |c: char| if is_allowed(c) { c } else { '-' };
    name.chars().map(each).collect()
}

/// The name of the image whose target writes a content reference: one, as the containerd image store
/// fails where two write it at once. One that is pushed, if there is one.
fn holders(plan: &Plan) -> BTreeMap<&str, &str> {
    let mut holders = BTreeMap::new();
    for (image, earlier) in plan.images.iter().zip(plan.same_content()) {
        let is_taken = earlier.iter().any(|&index| is_pushed(&plan.images[index]));
        if earlier.is_empty() || (is_pushed(image) && !is_taken) {
            holders.insert(image.reference.as_str(), image.name.as_str());
        }
    }
    holders
}

fn is_pushed(image: &plan::Image) -> bool {
    image.push && !image.dirty
}

fn view(
    image: &plan::Image,
    target: &str,
    bound: &BTreeMap<String, String>,
    holders: &BTreeMap<&str, &str>,
) -> Target {
    let mut contexts = bound.clone();
    contexts.extend(image.bases.clone());
    for (name, place) in &image.contexts {
        contexts.insert(name.clone(), buildx::context_value(place));
    }
    let args = image.build_args.iter().chain(&image.stamp_args);
    let mut attest = image.attest.clone();
    if buildx::without_provenance(image) {
        attest.push("type=provenance,disabled=true".to_owned());
    }
    let mut seen = BTreeSet::new();
    let holds = holders.get(image.reference.as_str()) == Some(&image.name.as_str());
    let tags = holds
        .then_some(&image.reference)
        .into_iter()
        .chain(&image.tags);
    // A `FROM` would run the triggers of such an image, and so change it.
    let retag = image.action == Action::Retag && !image.onbuild;
    Target {
        name: target.to_owned(),
        title: remark(&image.name),
        because: because(image),
        retag: retag.then(|| format!("FROM {}", image.reference)),
        context: buildx::local_path(&image.context),
        dockerfile: buildx::local_path(&relative(&image.dockerfile, &image.context)),
        stage: image.target.clone(),
        platforms: image.platforms.clone(),
        network: Some(image.network.clone()).filter(|network| !network.is_empty()),
        no_cache: image.no_cache,
        contexts: entries(contexts.iter()),
        args: entries(args),
        labels: entries(image.labels.iter()),
        tags: tags.filter(|&tag| seen.insert(tag)).cloned().collect(),
        secret: image.secrets.iter().map(buildx::secret_value).collect(),
        ssh: image.ssh.clone(),
        cache_from: image.cache_from.clone(),
        cache_to: image.cache_to.clone(),
        attest,
        push: is_pushed(image),
    }
}

fn entries<'a>(map: impl Iterator<Item = (&'a String, &'a String)> + Clone) -> Vec<Entry> {
    // What cannot be quoted was refused before.
    let width = |key: &String| {
        Language::Hcl
            .quote(key)
            .map_or(0, |key| key.chars().count())
    };
    let widest = map.clone().map(|(key, _)| width(key)).max().unwrap_or(0);
    let entry = |(key, value): (&String, &String)| Entry {
        key: key.clone(),
        padding: verbatim(" ".repeat(widest - width(key))),
        value: value.clone(),
    };
    map.map(entry).collect()
}

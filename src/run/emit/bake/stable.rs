//! A bake file that is committed: only what Dockerfiles and the configuration say, so that its bytes change
//! with these alone. No revision, no content reference, no date, no digest of a lock file.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::value::Value;
use serde::Serialize;

use super::relay::{Relay, relays};
use super::{Entry, Group, entries, is_allowed, lines_of_environment};
use crate::diagnostics::{Code, Diagnostic};
use crate::lang::tags::split_tag;
use crate::paths::relative;
use crate::plan::{Image, Plan};
use crate::run::buildx;
use crate::run::emit::slug::{shortest, slugs};
use crate::run::emit::template::remark;

/// The group of what is not published.
const UNPUBLISHED: &str = "unpublished";

/// The data of `docker-bake.stable.hcl.j2`.
#[derive(Debug, Serialize)]
pub(in crate::run::emit) struct File {
    environment: Value,
    /// Default of the variable that repositories begin with.
    prefix: String,
    /// Whether an image has a repository that begins with it.
    has_prefix: bool,
    groups: Vec<Group>,
    targets: Vec<Target>,
    relays: Vec<Relay>,
}

#[derive(Debug, Serialize)]
struct Target {
    name: String,
    title: Value,
    context: String,
    dockerfile: String,
    stage: Option<String>,
    platforms: Vec<String>,
    network: Option<String>,
    contexts: Vec<Entry>,
    args: Vec<Entry>,
    secret: Vec<String>,
    ssh: Vec<String>,
    attest: Vec<String>,
    /// Whether the repository begins with the variable.
    has_prefix: bool,
    /// The rest of the repository.
    repository: Value,
    /// What the tag begins with, where the name of the image has a tag.
    identity: Value,
}

/// What the file says.
pub(in crate::run::emit) fn file(plan: &Plan) -> File {
    let (names, relays, bound) = named(plan);
    let prefix = prefix(plan);
    let targets: Vec<Target> = plan
        .images
        .iter()
        .zip(&names)
        .zip(bound)
        .map(|((image, name), bound)| target(image, name, bound, prefix))
        .collect();
    File {
        environment: lines_of_environment(),
        prefix: prefix.unwrap_or_default().to_owned(),
        has_prefix: targets.iter().any(|target| target.has_prefix),
        groups: groups(plan, &names),
        targets,
        relays,
    }
}

/// Images that something in the plan takes, and that the plan lacks: the file could name them only by what
/// they contain today.
pub(in crate::run::emit) fn problems(plan: &Plan) -> impl Iterator<Item = Diagnostic> {
    let names: BTreeSet<&str> = plan.images.iter().map(|image| &*image.name).collect();
    plan.images.iter().flat_map(move |image| {
        let names = names.clone();
        let lacks = move |name: &&str| !names.contains(name);
        let needed = image.dependencies.iter().map(|need| &*need.image);
        let missing: BTreeSet<&str> = needed.filter(lacks).collect();
        missing.into_iter().map(|name| {
            let message = format!(
                "`{}` depends on `{name}`, which is not selected",
                image.name
            );
            Diagnostic::new(Code::PlanDependency, message)
                .help("a stable bake file needs a target for every dependency: select it too, without `--exact`")
        })
    })
}

/// The names of the targets, the relays, and what each image's references are bound to. No relay has the
/// name of a target.
fn named(plan: &Plan) -> (Vec<String>, Vec<Relay>, Vec<BTreeMap<String, String>>) {
    let names: Vec<&str> = plan.images.iter().map(|image| &*image.name).collect();
    let short = shortest(&names);
    let mut reserved = vec!["default".to_owned(), UNPUBLISHED.to_owned()];
    loop {
        let reserved_now: Vec<&str> = reserved.iter().map(String::as_str).collect();
        let targets = slugs(&short, is_allowed, &reserved_now);
        let target_of = names
            .iter()
            .copied()
            .zip(targets.iter().map(String::as_str))
            .collect();
        let (relays, bound) = relays(plan, &target_of);
        let taken = relays.iter().map(|relay| relay.name.clone());
        let taken: Vec<String> = taken.filter(|name| targets.contains(name)).collect();
        if taken.is_empty() {
            return (targets, relays, bound);
        }
        reserved.extend(taken);
    }
}

/// The default group, and one for images whose tags are not published, which `--push` must not reach.
fn groups(plan: &Plan, names: &[String]) -> Vec<Group> {
    let those = |published: bool| {
        let images = plan.images.iter().zip(names);
        let those = images.filter(|(image, _)| image.push == published);
        those.map(|(_, name)| name.clone()).collect::<Vec<_>>()
    };
    let all = [("default", those(true)), (UNPUBLISHED, those(false))];
    all.into_iter()
        .filter(|(name, targets)| *name == "default" || !targets.is_empty())
        .map(|(name, targets)| Group {
            name: name.to_owned(),
            targets,
        })
        .collect()
}

/// What most repositories have before the names of their images; none where no repository ends in its
/// image's name.
fn prefix(plan: &Plan) -> Option<&str> {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for image in &plan.images {
        let prefix = image.repository.strip_suffix(split_tag(&image.name).0);
        if let Some(prefix) = prefix {
            *count.entry(prefix).or_default() += 1;
        }
    }
    // Of several, the one that is most often there, then the first.
    let most = count
        .iter()
        .max_by(|a, b| a.1.cmp(b.1).then_with(|| b.0.cmp(a.0)));
    most.map(|(prefix, _)| *prefix)
}

fn target(
    image: &Image,
    name: &str,
    mut contexts: BTreeMap<String, String>,
    prefix: Option<&str>,
) -> Target {
    for (name, place) in &image.contexts {
        contexts.insert(name.clone(), buildx::context_value(place));
    }
    let (bare, identity) = split_tag(&image.name);
    let has_prefix = image.repository.strip_suffix(bare) == prefix && prefix.is_some();
    Target {
        name: name.to_owned(),
        title: remark(&image.name),
        context: buildx::local_path(&image.context),
        dockerfile: buildx::local_path(&relative(&image.dockerfile, &image.context)),
        stage: image.target.clone(),
        platforms: image.platforms.clone(),
        network: Some(image.network.clone()).filter(|network| !network.is_empty()),
        contexts: entries(contexts.iter()),
        args: entries(image.build_args.iter()),
        secret: image.secrets.iter().map(buildx::secret_value).collect(),
        ssh: image.ssh.clone(),
        attest: image.attest.clone(),
        has_prefix,
        // References hold nothing that HCL reads: those that would are refused before.
        repository: remark(if has_prefix { bare } else { &image.repository }),
        identity: remark(&identity.map(|tag| format!("{tag}-")).unwrap_or_default()),
    }
}

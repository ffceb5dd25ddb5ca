//! The images that Dockerfiles say they take from, before anything has a name.

use std::collections::{BTreeMap, BTreeSet};

use super::build::{Bound, Build, line};
use super::required::{self, Arguments};
use crate::lang::dockerfile::stages::{ImageUse, NoBases, Request, StageGraph};
use crate::lang::platform::Platform;
use crate::lang::reference::Reference;
use crate::planner::align::Spoken;
use crate::planner::resolve::{self, Parsed};

/// A reference that a Dockerfile takes something from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Used {
    /// Path of the Dockerfile.
    pub(super) dockerfile: String,
    /// Line of the instruction, from 1.
    pub(super) line: usize,
    /// What it says, variables replaced.
    pub(super) reference: Reference,
    /// Whether some part of the tag came from a variable.
    pub(super) tag_from_variable: bool,
}

/// The references of all Dockerfiles, by path and line: as the builds make them, and by themselves
/// where no build does. What cannot be read says nothing.
pub(super) fn used(
    read: &BTreeMap<&str, Parsed<'_>>,
    builds: &[Build],
    needed: &Arguments,
) -> Vec<Used> {
    let platform = Platform::default();
    let mut all = Vec::new();
    for (path, Parsed { source, dockerfile }) in read {
        let of_file = builds.iter().filter(|build| build.dockerfile == *path);
        let mut requests: Vec<_> = of_file
            .map(|build| (build.target.as_deref(), &build.arguments, folders(build)))
            .collect();
        let needed = needed
            .get(*path)
            .map(required::texts_of)
            .unwrap_or_default();
        if requests.is_empty() {
            requests.push((None, &needed, BTreeSet::new()));
        }
        let mut found = Vec::new();
        for (target, build_args, contexts) in requests {
            let request = Request {
                target,
                build_args,
                platform: &platform,
                build_platform: &platform,
                contexts: &contexts,
                bases: &NoBases,
            };
            let Ok(stages) = StageGraph::new(dockerfile, &request) else {
                continue;
            };
            for (_, place, image) in stages.reachable().flat_map(resolve::uses_of) {
                if is_placeholder(image) {
                    continue;
                }
                let used = Used {
                    dockerfile: (*path).to_owned(),
                    line: line(source, place.span.range().start),
                    reference: image.reference.clone(),
                    tag_from_variable: image.tag_from_variable,
                };
                if !found.contains(&used) {
                    found.push(used);
                }
            }
        }
        all.append(&mut found);
    }
    all
}

/// Whether a reference lacks a part that somebody is to fill in: it speaks of nothing.
fn is_placeholder(image: &ImageUse) -> bool {
    // An empty variable in the tag leaves the repository known.
    !image.unset.is_empty()
        && !image
            .text
            .starts_with(&image.reference.familiar_repository())
}

/// The references that are evidence, each once, with all that say it: those of Dockerfiles, the tags of builds, and
/// images of a namespace that services run.
pub(super) fn spoken(used: &[Used], builds: &[Build], images: &BTreeSet<String>) -> Vec<Spoken> {
    let mut spoken: BTreeMap<(String, Option<String>, bool), BTreeSet<String>> = BTreeMap::new();
    for used in used.iter().filter(|used| used.reference.digest.is_none()) {
        let (repository, tag) = (used.reference.familiar_repository(), tag(&used.reference));
        let key = (repository, tag.map(str::to_owned), used.tag_from_variable);
        spoken
            .entry(key)
            .or_default()
            .insert(used.dockerfile.clone());
    }
    let tags = builds.iter().flat_map(|build| &build.references);
    for reference in tags.filter_map(|text| Reference::parse(text).ok()) {
        let key = (
            reference.familiar_repository(),
            tag(&reference).map(str::to_owned),
            true,
        );
        spoken.entry(key).or_default();
    }
    let images = images.iter().filter_map(|text| Reference::parse(text).ok());
    for reference in images.filter(|reference| reference.digest.is_none()) {
        let (repository, tag) = (reference.familiar_repository(), tag(&reference));
        if repository.contains('/') {
            let key = (repository, tag.map(str::to_owned), false);
            spoken.entry(key).or_default();
        }
    }
    let all = spoken
        .into_iter()
        .map(|((repository, tag, is_floating), used_in)| Spoken {
            repository,
            tag,
            is_floating,
            used_in,
        });
    all.collect()
}

/// The named contexts of a build that are folders, as a builder looks them up.
fn folders(build: &Build) -> BTreeSet<String> {
    let folders = build.contexts.iter();
    folders
        .filter(|(_, bound)| matches!(bound, Bound::Folder(_)))
        .filter_map(|(name, _)| Some(Reference::parse(name).ok()?.context_key()))
        .collect()
}

/// A repository as people write it, in two parts: what stands before the last component, empty where
/// nothing does, and the last component.
pub(super) fn split(reference: &Reference) -> (String, String) {
    let repository = reference.familiar_repository();
    match repository.rsplit_once('/') {
        Some((prefix, last)) => (prefix.to_owned(), last.to_owned()),
        None => (String::new(), repository),
    }
}

/// The tag of a reference that says something: none for `latest`.
pub(super) fn tag(reference: &Reference) -> Option<&str> {
    reference.tag.as_deref().filter(|tag| *tag != "latest")
}
